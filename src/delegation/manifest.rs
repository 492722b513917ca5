//! Which members of an entity are sealed: SPEC section 18.10.

use super::{
    content::{self, SealedMember},
    form::is_reserved,
    json::{self, Kind, Member},
};
use crate::error::{Code, Error, Result};

const MAX_PATHS: usize = 1000;
pub(super) const MAX_STEPS: usize = 32;

const BAD_PATH: Error = Error::new(&(
    Code::InvalidArgument,
    "a path is names or '*', joined by '.', with '[]' after arrays, and '?' at the end where it may match nothing",
));
const NAMES_RESERVED: Error =
    Error::new(&(Code::InvalidArgument, "a path that begins with a member that an encrypted entity has anyway"));
pub(crate) const NO_MATCH: Error =
    Error::new(&(Code::InvalidArgument, "a path that matches nothing, and doesn't end in '?'"));

/// Paths to what is sealed. All else stays clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    paths: Vec<Path>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Path {
    /// As it was given.
    text: String,
    steps: Vec<Step>,
    /// May match nothing.
    is_optional: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// To the member with this name.
    Name(String),
    /// To every member.
    Any,
    /// To every element.
    Each,
}

impl Manifest {
    /// Reads paths: `name`, `address.street`, `notes[].text`, `extra.*`, with `?` at the end where one may match nothing.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let paths = paths.into_iter().map(Path::parse).collect::<Result<Vec<_>>>()?;
        if paths.len() > MAX_PATHS {
            return Err(Error::new(&(Code::InvalidArgument, "more than 1,000 paths")));
        }
        Ok(Self { paths })
    }

    /// Takes out what the paths match.
    ///
    /// # Errors
    /// [`NO_MATCH`] where one matches nothing: [`Self::unmatched`] says which.
    pub(super) fn apply(&self, entity: &[Member<'_>]) -> Result<Parted> {
        let (parted, matched) = self.part(entity)?;
        if self.first_unmatched(&matched).is_some() { Err(NO_MATCH) } else { Ok(parted) }
    }

    /// The first path that matches nothing in this entity, and may not.
    #[must_use]
    pub fn unmatched(&self, entity: &str) -> Option<&str> {
        let (_, matched) = self.part(&json::object(entity).ok()?).ok()?;
        self.first_unmatched(&matched)
    }

    fn first_unmatched(&self, matched: &[bool]) -> Option<&str> {
        let mut paths = self.paths.iter().zip(matched);
        paths.find(|(path, matched)| !**matched && !path.is_optional).map(|(path, _)| path.text.as_str())
    }

    /// An entity in two, and for each path whether it matched something.
    fn part(&self, entity: &[Member<'_>]) -> Result<(Parted, Vec<bool>)> {
        let matched = vec![false; self.paths.len()];
        let mut splitter = Splitter { paths: &self.paths, matched, way: Vec::new(), sealed: Some(Vec::new()) };
        let mut clear = String::from("{");
        let all: Vec<Place> = (0..self.paths.len()).map(|path| (path, 0)).collect();
        splitter.object(entity, &all, &mut clear)?;
        clear.push('}');
        let sealed = splitter.sealed.unwrap_or_default();
        Ok((Parted { clear, sealed }, splitter.matched))
    }
}

impl Path {
    fn parse(given: &str) -> Result<Self> {
        let (text, is_optional) = given.strip_suffix('?').map_or((given, false), |text| (text, true));
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, arrays) = part.split_at(part.find('[').unwrap_or(part.len()));
            steps.push(match name {
                "*" => Step::Any,
                _ if is_name(name) => Step::Name(name.to_owned()),
                _ => return Err(BAD_PATH),
            });
            if arrays != "[]".repeat(arrays.len() / 2) {
                return Err(BAD_PATH);
            }
            steps.extend((0..arrays.len() / 2).map(|_| Step::Each));
        }
        if matches!(steps.first(), Some(Step::Name(name)) if is_reserved(name)) {
            return Err(NAMES_RESERVED);
        }
        if steps.len() > MAX_STEPS || steps.last() == Some(&Step::Each) {
            return Err(BAD_PATH);
        }
        Ok(Self { text: given.to_owned(), steps, is_optional })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| matches!(c, '.' | '[' | ']' | '*' | '?') || c.is_control())
}

/// An entity in two.
pub(super) struct Parted {
    /// What stays: an object.
    pub(super) clear: String,
    /// What is sealed.
    pub(super) sealed: Vec<SealedMember<'static>>,
}

/// A path, and how many of its steps were taken.
type Place = (usize, usize);

struct Splitter<'m> {
    paths: &'m [Path],
    matched: Vec<bool>,
    /// From the entity to where it stands.
    way: Vec<content::Step<'static>>,
    /// Nothing inside of what is sealed already.
    sealed: Option<Vec<SealedMember<'static>>>,
}

impl Splitter<'_> {
    fn step(&self, (path, taken): Place) -> Option<&Step> {
        self.paths.get(path)?.steps.get(taken)
    }

    /// Writes the members that stay, without braces around them.
    fn object(&mut self, members: &[Member<'_>], places: &[Place], out: &mut String) -> Result<()> {
        let mut is_first = true;
        let is_entity = self.way.is_empty();
        for member in members {
            let leads = |place: &&Place| match self.step(**place) {
                Some(Step::Name(name)) => *name == member.name,
                Some(Step::Any) => !(is_entity && is_reserved(&member.name)),
                _ => false,
            };
            let next: Vec<Place> = places.iter().filter(leads).map(|(path, taken)| (*path, taken + 1)).collect();
            self.way.push(content::Step::Name(member.name.clone().into_owned().into()));
            if self.ends(&next) {
                self.seal(member.value);
                let sealed = self.sealed.take();
                self.value(member.value, &next, &mut String::new())?;
                self.sealed = sealed;
            } else {
                if !is_first {
                    out.push(',');
                }
                is_first = false;
                out.push_str(member.key);
                out.push(':');
                self.value(member.value, &next, out)?;
            }
            self.way.pop();
        }
        Ok(())
    }

    /// Does a path end here? It has matched something then.
    fn ends(&mut self, places: &[Place]) -> bool {
        let mut ends = false;
        for (path, taken) in places {
            if self.paths.get(*path).is_some_and(|path| path.steps.len() == *taken)
                && let Some(matched) = self.matched.get_mut(*path)
            {
                *matched = true;
                ends = true;
            }
        }
        ends
    }

    fn seal(&mut self, value: &str) {
        if let Some(sealed) = &mut self.sealed {
            sealed.push(SealedMember { path: self.way.clone(), value: value.to_owned().into() });
        }
    }

    /// Writes what stays of a value.
    fn value(&mut self, value: &str, places: &[Place], out: &mut String) -> Result<()> {
        let into_array = |place: &&Place| self.step(**place) == Some(&Step::Each);
        match json::kind(value) {
            Kind::Object if places.iter().any(|place| !into_array(&place)) => {
                out.push('{');
                self.object(&json::object(value)?, places, out)?;
                out.push('}');
            }
            Kind::Array if places.iter().any(|place| into_array(&place)) => {
                let next: Vec<Place> =
                    places.iter().filter(into_array).map(|(path, taken)| (*path, taken + 1)).collect();
                out.push('[');
                for (number, element) in (0..).zip(json::array(value)?) {
                    if number > 0 {
                        out.push(',');
                    }
                    self.way.push(content::Step::Place(number));
                    self.value(element, &next, out)?;
                    self.way.pop();
                }
                out.push(']');
            }
            _ => out.push_str(value),
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    fn parted(entity: &str, paths: &[&str]) -> Result<(String, String)> {
        let manifest = Manifest::new(paths.iter().copied())?;
        let Parted { clear, sealed } = manifest.apply(&json::object(entity)?)?;
        let step = |step: &content::Step<'_>| match step {
            content::Step::Name(name) => format!("{name:?}"),
            content::Step::Place(place) => place.to_string(),
        };
        let path = |path: &[content::Step<'_>]| path.iter().map(step).collect::<Vec<_>>().join(",");
        let sealed: Vec<_> =
            sealed.iter().map(|member| format!("[[{}],{}]", path(&member.path), member.value)).collect();
        Ok((clear, format!("[{}]", sealed.join(","))))
    }

    #[test]
    fn what_is_named_goes_and_the_rest_stays() {
        for (entity, paths, clear, sealed) in [
            (r#"{"id":"1","name":"A","n":1.0}"#, vec!["name"], r#"{"id":"1","n":1.0}"#, r#"[[["name"],"A"]]"#),
            (r#"{"id":"1"}"#, vec![], r#"{"id":"1"}"#, "[]"),
            (r#"{"id":"1"}"#, vec!["name?", "*?"], r#"{"id":"1"}"#, "[]"),
            (r#"{"a":{"b":1,"c":2}}"#, vec!["a.b"], r#"{"a":{"c":2}}"#, r#"[[["a","b"],1]]"#),
            (r#"{"a":{"b":1}}"#, vec!["a.*"], r#"{"a":{}}"#, r#"[[["a","b"],1]]"#),
            (r#"{"a":{"b":1}}"#, vec!["a", "a.b"], "{}", r#"[[["a"],{"b":1}]]"#),
            (r#"{"a":{"b":1}}"#, vec!["a.b", "a"], "{}", r#"[[["a"],{"b":1}]]"#),
            (
                r#"{"notes":[{"text":"x","at":1},{"at":2},{"text":null},7]}"#,
                vec!["notes[].text"],
                r#"{"notes":[{"at":1},{"at":2},{},7]}"#,
                r#"[[["notes",0,"text"],"x"],[["notes",2,"text"],null]]"#,
            ),
            (r#"{"m":[[{"a":1}],[]]}"#, vec!["m[][].a"], r#"{"m":[[{}],[]]}"#, r#"[[["m",0,0,"a"],1]]"#),
            (
                r#"{"m":[{"a":1}],"n":{"a":2}}"#,
                vec!["m.a?", "n[].a?", "*.a?"],
                r#"{"m":[{"a":1}],"n":{}}"#,
                r#"[[["n","a"],2]]"#,
            ),
            (r#"{"id":"1","entityType":"x","b":2}"#, vec!["*"], r#"{"id":"1","entityType":"x"}"#, r#"[[["b"],2]]"#),
            (r#"{"x":{"id":"1"}}"#, vec!["x.*"], r#"{"x":{}}"#, r#"[[["x","id"],"1"]]"#),
            (r#"{"\u0061b":1}"#, vec!["ab"], "{}", r#"[[["ab"],1]]"#),
        ] {
            assert_eq!(parted(entity, &paths).unwrap(), (clear.to_owned(), sealed.to_owned()), "{entity} {paths:?}");
        }
    }

    #[test]
    fn a_typo_does_not_leak() {
        for (entity, paths) in [
            (r#"{"name":"A"}"#, ["nmae"]),
            (r#"{"notes":[]}"#, ["notes[].text"]),
            (r#"{"notes":{"text":1}}"#, ["notes[].text"]),
            (r#"{"a":[{"b":1}]}"#, ["a.b"]),
            (r#"{"id":"1"}"#, ["*"]),
            (r#"{"extra":{}}"#, ["extra.*"]),
            (r#"{"a":1}"#, ["a.b"]),
        ] {
            assert_eq!(parted(entity, &paths).unwrap_err(), NO_MATCH, "{entity} {paths:?}");
            let manifest = Manifest::new(["other?", paths[0]]).unwrap();
            assert_eq!(manifest.unmatched(entity), Some(paths[0]));
        }
    }

    #[test]
    fn paths_have_a_form() {
        for path in [
            "",
            "?",
            ".",
            "a.",
            ".a",
            "a..b",
            "a[]",
            "a[].b[]",
            "[].a",
            "a[0].b",
            "a[",
            "a]",
            "a[]b",
            "a*",
            "**",
            "a?b",
            "a??",
            "a\n",
            "id",
            "encryptedSelf",
            "delegations.x",
            "entityType",
            "secretForeignKeys?",
            &["a"; 33].join("."),
            &["a", &"[]".repeat(31), ".b"].concat(),
        ] {
            assert_eq!(Manifest::new([path]).unwrap_err().code(), Code::InvalidArgument, "{path:?}");
        }
        for path in [
            "ä b",
            "a.id",
            "*.b",
            "*[].b",
            "*.*",
            "a[][].*?",
            &["a"; 32].join("."),
            &["a", &"[]".repeat(30), ".b"].concat(),
        ] {
            Manifest::new([path]).unwrap();
        }
        assert_eq!(Manifest::new(["a?"; 1001]).unwrap_err().code(), Code::InvalidArgument);
    }
}
