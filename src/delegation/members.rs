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
pub(super) fn put_back(clear: &[Member<'_>], sealed: &[SealedMember]) -> Result<String> {
    let mut branches = Vec::new();
    // Each is put at the end of its branches then, whatever the order is that somebody sealed them in.
    let mut sorted: Vec<&SealedMember> = sealed.iter().collect();
    sorted.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    for SealedMember { path, value } in sorted {
        let of_entity = matches!(path.first(), Some(Step::Name(name)) if !is_reserved(name));
        if !of_entity || !matches!(path.last(), Some(Step::Name(_))) {
            return Err(MALFORMED);
        }
        json::check(value)?;
        insert(&mut branches, path, value)?;
    }
    let len = |member: &Member<'_>| member.key.len() + member.value.len() + 2;
    let values = sealed.iter().map(|member| member.value.len() + 16);
    let mut out = String::with_capacity(clear.iter().map(len).chain(values).sum());
    write_object(clear, &branches, &mut out)?;
    Ok(out)
}

struct Branch<'a> {
    step: &'a Step,
    node: Node<'a>,
}

enum Node<'a> {
    Value(&'a str),
    /// All of names, or all of places; sorted.
    Branches(Vec<Branch<'a>>),
}

/// No path is the beginning of another.
fn insert<'a>(mut branches: &mut Vec<Branch<'a>>, path: &'a [Step], value: &'a str) -> Result<()> {
    let Some((last, way)) = path.split_last() else { return Err(MALFORMED) };
    for step in way {
        let place = match place_of(branches, step)? {
            Ok(place) => place,
            Err(place) => {
                branches.insert(place, Branch { step, node: Node::Branches(Vec::new()) });
                place
            }
        };
        branches = match branches.get_mut(place).map(|branch| &mut branch.node) {
            Some(Node::Branches(inner)) => inner,
            _ => return Err(MALFORMED),
        };
    }
    let Err(place) = place_of(branches, last)? else { return Err(MALFORMED) };
    branches.insert(place, Branch { step: last, node: Node::Value(value) });
    Ok(())
}

/// Where a step stands, or would stand.
fn place_of(branches: &[Branch<'_>], step: &Step) -> Result<core::result::Result<usize, usize>> {
    let is_name = |step: &Step| matches!(step, Step::Name(_));
    if branches.first().is_some_and(|first| is_name(first.step) != is_name(step)) {
        return Err(MALFORMED);
    }
    Ok(branches.binary_search_by(|branch| branch.step.cmp(step)))
}

/// Where the member of this name stands, if it is there.
fn named(branches: &[Branch<'_>], name: &str) -> Option<usize> {
    let order = |branch: &Branch<'_>| match branch.step {
        Step::Name(known) => known.as_str().cmp(name),
        Step::Place(_) => Ordering::Greater,
    };
    branches.binary_search_by(order).ok()
}

fn write_value(value: &str, node: &Node<'_>, out: &mut String) -> Result<()> {
    match (node, json::kind(value)) {
        (Node::Value(value), _) => out.push_str(value),
        (Node::Branches(branches), Kind::Object) => write_object(&json::object(value)?, branches, out)?,
        (Node::Branches(branches), Kind::Array) => write_array(&json::array(value)?, branches, out)?,
        _ => return Err(MALFORMED),
    }
    Ok(())
}

/// What isn't there at all.
fn write_new(node: &Node<'_>, out: &mut String) -> Result<()> {
    match node {
        Node::Value(value) => {
            out.push_str(value);
            Ok(())
        }
        Node::Branches(branches) => match branches.first() {
            Some(Branch { step: Step::Place(_), .. }) => write_array(&[], branches, out),
            _ => write_object(&[], branches, out),
        },
    }
}

fn write_object(members: &[Member<'_>], branches: &[Branch<'_>], out: &mut String) -> Result<()> {
    let mut is_there = vec![false; branches.len()];
    let mut is_first = true;
    let mut next = |out: &mut String| {
        out.push(if is_first { '{' } else { ',' });
        is_first = false;
    };
    for member in members {
        next(out);
        out.push_str(member.key);
        out.push(':');
        let place = named(branches, &member.name);
        match place.and_then(|place| Some((branches.get(place)?, is_there.get_mut(place)?))) {
            Some((branch, is_there)) => {
                *is_there = true;
                write_value(member.value, &branch.node, out)?;
            }
            None => out.push_str(member.value),
        }
    }
    for (branch, _) in branches.iter().zip(is_there).filter(|(_, is_there)| !is_there) {
        let Step::Name(name) = branch.step else { return Err(MALFORMED) };
        next(out);
        json::write_string(out, name);
        out.push(':');
        write_new(&branch.node, out)?;
    }
    if is_first {
        out.push('{');
    }
    out.push('}');
    Ok(())
}

fn write_array(elements: &[&str], branches: &[Branch<'_>], out: &mut String) -> Result<()> {
    let mut branches = branches.iter().peekable();
    let mut number = 0;
    let mut elements = elements.iter();
    out.push('[');
    loop {
        let branch = branches.next_if(|branch| *branch.step == Step::Place(number));
        let element = elements.next();
        if element.is_none() && branch.is_none() {
            break;
        }
        if number > 0 {
            out.push(',');
        }
        match (element, branch) {
            (Some(element), Some(branch)) => write_value(element, &branch.node, out)?,
            (Some(element), None) => out.push_str(element),
            (None, Some(branch)) => write_new(&branch.node, out)?,
            (None, None) => {}
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
            serde_json::Value::String(name) => Step::Name(name),
            place => Step::Place(serde_json::from_value(place).unwrap()),
        };
        let member = |(path, value): (Vec<_>, Box<serde_json::Value>)| SealedMember {
            path: path.into_iter().map(step).collect(),
            value: value.to_string(),
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
        let many = |from: fn(u32) -> u32| -> Vec<SealedMember> {
            let path = |number| vec![Step::Name(format!("{:06}", from(number)))];
            (0..160_000).map(|number| SealedMember { path: path(number), value: "1".to_owned() }).collect()
        };
        let time = |sealed: &[SealedMember]| {
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
            let sealed = SealedMember { path: vec![Step::Name("a".to_owned())], value: value.to_owned() };
            assert_eq!(put_back(&[], &[sealed]).unwrap_err().code(), Code::InvalidFormat, "{value}");
        }
    }
}
