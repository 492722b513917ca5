//! Sealed members, put back to where they were: SPEC section 18.10.

use core::cmp::Ordering;

use super::{
    content::{SealedMember, Step},
    form::is_reserved,
    json::{self, Kind, Member},
};
use crate::{encoding::MALFORMED, error::Result};

/// The entity of these clear members and of what was sealed.
///
/// # Errors
/// `invalid-format`.
pub(super) fn put_back(clear: &[Member<'_>], sealed: &[SealedMember<'_>]) -> Result<String> {
    // Each is put at the end of its object then, whatever the order is that somebody sealed them in.
    let mut sorted: Vec<&SealedMember<'_>> = sealed.iter().collect();
    sorted.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    for SealedMember { path, value } in &sorted {
        let of_entity = matches!(path.first(), Some(Step::Name(name)) if !is_reserved(name));
        if !of_entity || !matches!(path.last(), Some(Step::Name(_))) {
            return Err(MALFORMED);
        }
        json::check(value)?;
    }
    let len = |member: &Member<'_>| member.key.len() + member.value.len() + 2;
    let values = sealed.iter().map(|member| member.value.len() + 16);
    let mut out = String::with_capacity(clear.iter().map(len).chain(values).sum::<usize>() + 1);
    write_object(clear, (&sorted, 0), &mut out)?;
    Ok(out)
}

/// Sealed members, sorted, whose paths begin with the same steps, so many.
type Branches<'a> = (&'a [&'a SealedMember<'a>], usize);

fn step<'a>(member: Option<&&'a SealedMember<'a>>, depth: usize) -> Option<&'a Step<'a>> {
    member?.path.get(depth)
}

/// Where those begin that lead on to the member of this name, and how many they are.
fn named((sealed, depth): Branches<'_>, name: &str) -> (usize, usize) {
    let order = |member: &&SealedMember<'_>| match member.path.get(depth) {
        Some(Step::Name(known)) => known.as_ref().cmp(name),
        _ => Ordering::Greater,
    };
    let from = sealed.partition_point(|member| order(member).is_lt());
    let count = sealed.get(from..).unwrap_or_default().partition_point(|member| order(member).is_eq());
    (from, count)
}

/// Those that lead to the same place by one more step, each time.
fn by_step<'a>((sealed, depth): Branches<'a>) -> impl Iterator<Item = &'a [&'a SealedMember<'a>]> {
    sealed.chunk_by(move |a, b| a.path.get(depth) == b.path.get(depth))
}

/// What stands where these lead, whatever of it is there. No path is the beginning of another; from one place there are steps to names, or to places.
fn write_value(clear: Option<&str>, (sealed, depth): Branches<'_>, out: &mut String) -> Result<()> {
    if let [SealedMember { path, value }] = sealed
        && path.len() == depth
    {
        out.push_str(value);
        return Ok(());
    }
    match (step(sealed.first(), depth), step(sealed.last(), depth), clear.map(json::kind)) {
        (Some(Step::Name(_)), Some(Step::Name(_)), None | Some(Kind::Object)) => {
            write_object(&clear.map_or(Ok(Vec::new()), json::object)?, (sealed, depth), out)
        }
        (Some(Step::Place(_)), Some(Step::Place(_)), None | Some(Kind::Array)) => {
            write_array(&clear.map_or(Ok(Vec::new()), json::array)?, (sealed, depth), out)
        }
        _ => Err(MALFORMED),
    }
}

fn write_object(members: &[Member<'_>], (sealed, depth): Branches<'_>, out: &mut String) -> Result<()> {
    // In the places where those begin that lead to what is there. Mostly none does.
    let mut is_there = Vec::new();
    let mut is_first = true;
    let mut next = |out: &mut String| {
        out.push(if is_first { '{' } else { ',' });
        is_first = false;
    };
    for member in members {
        next(out);
        out.push_str(member.key);
        out.push(':');
        let (from, count) = named((sealed, depth), &member.name);
        match sealed.get(from..from + count) {
            Some(found @ [_, ..]) => {
                is_there.resize(sealed.len(), false);
                if let Some(is_there) = is_there.get_mut(from) {
                    *is_there = true;
                }
                write_value(Some(member.value), (found, depth + 1), out)?;
            }
            _ => out.push_str(member.value),
        }
    }
    let mut at = 0;
    for found in by_step((sealed, depth)) {
        let from = at;
        at += found.len();
        let Some(Step::Name(name)) = step(found.first(), depth) else { return Err(MALFORMED) };
        if is_there.get(from) != Some(&true) {
            next(out);
            json::write_string(out, name);
            out.push(':');
            write_value(None, (found, depth + 1), out)?;
        }
    }
    if is_first {
        out.push('{');
    }
    out.push('}');
    Ok(())
}

fn write_array(elements: &[&str], (sealed, depth): Branches<'_>, out: &mut String) -> Result<()> {
    let mut branches = by_step((sealed, depth)).peekable();
    let leads = |found: &&[&SealedMember<'_>], number| step(found.first(), depth) == Some(&Step::Place(number));
    let mut number = 0;
    let mut elements = elements.iter();
    out.push('[');
    loop {
        let found = branches.next_if(|found| leads(found, number));
        let element = elements.next();
        if element.is_none() && found.is_none() {
            break;
        }
        if number > 0 {
            out.push(',');
        }
        match (element, found) {
            (element, Some(found)) => write_value(element.copied(), (found, depth + 1), out)?,
            (element, None) => out.push_str(element.copied().unwrap_or_default()),
        }
        number = number.checked_add(1).ok_or(MALFORMED)?;
    }
    out.push(']');
    // A gap, or a name where there is an array.
    if branches.next().is_some() { Err(MALFORMED) } else { Ok(()) }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::error::Code;

    fn put(clear: &str, sealed: &str) -> Result<String> {
        let sealed: Vec<(Vec<serde_json::Value>, Box<serde_json::value::Value>)> =
            serde_json::from_str(sealed).unwrap();
        let step = |step: serde_json::Value| match step {
            serde_json::Value::String(name) => Step::Name(name.into()),
            place => Step::Place(serde_json::from_value(place).unwrap()),
        };
        let member = |(path, value): (Vec<_>, Box<serde_json::Value>)| SealedMember {
            path: path.into_iter().map(step).collect(),
            value: value.to_string().into(),
        };
        put_back(&json::object(clear)?, &sealed.into_iter().map(member).collect::<Vec<_>>())
    }

    #[test]
    fn each_to_its_place() {
        for (clear, sealed, whole) in [
            ("{}", "[]", "{}"),
            (r#"{"n":1.0}"#, r#"[[["name"],"A"]]"#, r#"{"n":1.0,"name":"A"}"#),
            (r#"{"a":{"c":2}}"#, r#"[[["a","b"],1]]"#, r#"{"a":{"c":2,"b":1}}"#),
            (r#"{"name":"changed"}"#, r#"[[["name"],"A"]]"#, r#"{"name":"A"}"#),
            (r#"{"a":{"evil":1}}"#, r#"[[["a"],{"b":1}]]"#, r#"{"a":{"b":1}}"#),
            ("{}", r#"[[["m",0,"a"],1],[["m",1,0,"b"],2]]"#, r#"{"m":[{"a":1},[{"b":2}]]}"#),
            (r#"{"m":[{},7]}"#, r#"[[["m",2,"a"],1],[["m",0,"a"],2]]"#, r#"{"m":[{"a":2},7,{"a":1}]}"#),
        ] {
            assert_eq!(put(clear, sealed).unwrap(), whole, "{sealed}");
        }
    }

    #[test]
    fn many_in_any_order_take_no_longer() {
        let many = |from: fn(u32) -> u32| -> Vec<SealedMember<'static>> {
            let path = |number| vec![Step::Name(format!("{:06}", from(number)).into())];
            (0..160_000).map(|number| SealedMember { path: path(number), value: "1".into() }).collect()
        };
        let time = |sealed: &[SealedMember<'_>]| {
            let start = std::time::Instant::now();
            let whole = put_back(&[], sealed).unwrap();
            (start.elapsed(), whole)
        };
        let (forth, back) = (time(&many(|number| number)), time(&many(|number| 159_999 - number)));
        assert_eq!(forth.1, back.1);
        assert!(back.0 < forth.0 * 20, "{:?}, and {:?} the other way round", forth.0, back.0);
    }

    #[test]
    fn what_does_not_fit() {
        for (clear, sealed) in [
            ("{}", r#"[[[],1]]"#),
            ("{}", r#"[[[0],1]]"#),
            ("{}", r#"[[["a",0],1]]"#),
            ("{}", r#"[[["id"],1]]"#),
            ("{}", r#"[[["delegations","x"],1]]"#),
            ("{}", r#"[[["a"],1],[["a"],1]]"#),
            ("{}", r#"[[["a"],1],[["a","b"],1]]"#),
            ("{}", r#"[[["a","b"],1],[["a"],1]]"#),
            ("{}", r#"[[["a","b"],1],[["a",0,"b"],1]]"#),
            ("{}", r#"[[["a",1,"b"],1]]"#),
            (r#"{"a":1}"#, r#"[[["a","b"],1]]"#),
            (r#"{"a":[]}"#, r#"[[["a","b"],1]]"#),
            (r#"{"a":{}}"#, r#"[[["a",0,"b"],1]]"#),
            (r#"{"a":{"0":1}}"#, r#"[[["a",0,"b"],1]]"#),
        ] {
            assert_eq!(put(clear, sealed).unwrap_err().code(), Code::InvalidFormat, "{clear} {sealed}");
        }
        for value in ["", "1 2", "1,\"id\":2", "{", "x"] {
            let sealed = SealedMember { path: vec![Step::Name("a".into())], value: value.into() };
            assert_eq!(put_back(&[], &[sealed]).unwrap_err().code(), Code::InvalidFormat, "{value}");
        }
    }
}
