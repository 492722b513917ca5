//! Manifests: what is sealed, and what isn't one. SPEC section 18.10.

use super::{delegation::Rows, rows::Cast};
use crate::common::delegations::Input;

pub(super) fn manifests(cast: &Cast, rows: &mut Rows) {
    let me = cast.alice.party();
    let input = |entity: &str, paths: &[&str]| Input {
        manifest: paths.iter().map(|&path| path.to_owned()).collect(),
        ..Input::with(&[&me], &[]).texts(&[entity])
    };
    for (name, entity, paths) in [
        ("nothing", r#"{"id":"1","a":1}"#, vec![]),
        ("a member", r#"{"id":"1","name":"A","n":1.0}"#, vec!["name"]),
        ("a member of a member", r#"{"id":"1","address":{"street":"S","city":"C"}}"#, vec!["address.street"]),
        ("all members of a member", r#"{"id":"1","extra":{"a":1,"b":{"c":2}},"x":0}"#, vec!["extra.*"]),
        (
            "of every element",
            r#"{"id":"1","notes":[{"text":"x","at":1},{"at":2},{"text":null},7,[]]}"#,
            vec!["notes[].text"],
        ),
        ("arrays in arrays", r#"{"id":"1","m":[[{"a":1,"b":2}],[],[{"a":[]}]]}"#, vec!["m[][].a"]),
        ("a member of every member", r#"{"id":"1","x":{"a":{"n":1},"b":{"m":2},"c":3}}"#, vec!["x.*.n"]),
        ("every element of every member", r#"{"id":"1","x":{"a":[{"n":1}],"b":{"n":2}}}"#, vec!["x.*[].n"]),
        ("all but what is reserved", r#"{"id":"1","a":1,"b":{"id":2}}"#, vec!["*"]),
        ("one inside another", r#"{"id":"1","a":{"b":1,"c":[{"d":2}]}}"#, vec!["a.b", "a", "a.c[].d"]),
        ("a path twice", r#"{"id":"1","a":1}"#, vec!["a", "a", "a?"]),
        ("paths that may match nothing", r#"{"id":"1","a":1}"#, vec!["b?", "a.b?", "a[].b?", "c.*?"]),
        ("an object and an array", r#"{"id":"1","m":{"a":1},"n":[{"a":2}]}"#, vec!["*.a", "*[].a"]),
        ("names in other scripts", r#"{"id":"1","患者":{"naïve é":"x"},"a b":1}"#, vec!["患者.naïve é", "a b"]),
        ("names with escapes", r#"{"id":"1","\u0061\"b":1,"c\/d":{"\u00e9":2}}"#, vec!["a\"b", "c/d.é"]),
        ("names with dots, by their object", r#"{"id":"1","x":{"a.b":1,"*":2,"[]":3,"":4}}"#, vec!["x.*"]),
        (
            "types stay",
            r#"{"id":"1","s":"","n":-0.5e10,"t":true,"f":false,"z":null,"a":[],"o":{}}"#,
            vec!["s", "n", "t", "f", "z", "a", "o"],
        ),
        ("a reserved name further in", r#"{"id":"1","x":{"id":"2","delegations":3}}"#, vec!["x.id", "x.delegations"]),
    ] {
        rows.opens("manifest", name, input(entity, &paths));
    }
    let some = r#"{"id":"1","name":"A","notes":[{"text":"x"}],"empty":[],"extra":{}}"#;
    for (name, error, entity, paths) in [
        ("a typo", "invalid-argument", some, vec!["nmae"]),
        ("one of two matches nothing", "invalid-argument", some, vec!["name", "nmae"]),
        ("an array without elements", "invalid-argument", some, vec!["empty[].text"]),
        ("an object without members", "invalid-argument", some, vec!["extra.*"]),
        ("an array as an object", "invalid-argument", some, vec!["notes.text"]),
        ("an object as an array", "invalid-argument", some, vec!["extra[].text"]),
        ("into a text", "invalid-argument", some, vec!["name.first"]),
        ("an empty path", "invalid-argument", some, vec![""]),
        ("a question alone", "invalid-argument", some, vec!["?"]),
        ("an empty step", "invalid-argument", some, vec!["notes..text"]),
        ("a dot at the end", "invalid-argument", some, vec!["name."]),
        ("elements themselves", "invalid-argument", some, vec!["notes[]"]),
        ("one element", "invalid-argument", some, vec!["notes[0].text"]),
        ("a bracket", "invalid-argument", some, vec!["notes[.text"]),
        ("a star in a name", "invalid-argument", some, vec!["na*"]),
        ("a question inside", "invalid-argument", some, vec!["name?.x"]),
        ("two questions", "invalid-argument", some, vec!["name??"]),
        ("a control character", "invalid-argument", some, vec!["na\u{85}me?"]),
        ("the id", "invalid-argument", some, vec!["id"]),
        ("a map", "invalid-argument", some, vec!["delegations?"]),
        ("inside a map", "invalid-argument", some, vec!["encryptionKeys.*?"]),
        (
            "33 steps",
            "invalid-argument",
            some,
            vec!["a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a?"],
        ),
        ("a star that finds what is reserved alone", "invalid-argument", r#"{"id":"1"}"#, vec!["*"]),
        ("no id", "invalid-argument", r#"{"a":1}"#, vec!["a"]),
        ("an empty id", "invalid-argument", r#"{"id":"","a":1}"#, vec!["a"]),
        ("a number as id", "invalid-argument", r#"{"id":1,"a":1}"#, vec!["a"]),
        ("a reserved member", "invalid-argument", r#"{"id":"1","a":1,"secretForeignKeys":[]}"#, vec!["a"]),
        ("the id of the party", "invalid-argument", r#"{"id":"alice","a":1}"#, vec!["a"]),
        ("an array", "invalid-format", "[]", vec![]),
        ("no JSON", "invalid-format", "{\"id\":\"1\",}", vec![]),
        ("a name twice", "invalid-format", r#"{"id":"1","a":1,"\u0061":2}"#, vec![]),
        ("a name twice further in", "invalid-format", r#"{"id":"1","a":[{"b":1,"b":2}]}"#, vec![]),
        ("a lone surrogate in a name", "invalid-format", r#"{"id":"1","\ud800":1}"#, vec![]),
        ("not a number", "invalid-format", r#"{"id":"1","a":NaN}"#, vec![]),
        ("a number that begins with zero", "invalid-format", r#"{"id":"1","a":01}"#, vec![]),
        ("a line break in a text", "invalid-format", "{\"id\":\"1\",\"a\":\"\n\"}", vec![]),
    ] {
        rows.fails("manifest", name, error, input(entity, &paths));
    }
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(1025));
    rows.fails("manifest", "an id of 1,025 bytes", "invalid-argument", input(&long, &[]));
    let deep = |depth: usize| format!("{{\"id\":\"1\",\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    rows.opens("manifest", "nested 101 deep", input(&deep(100), &["a"]));
    rows.fails("manifest", "nested 129 deep", "limit", input(&deep(128), &["a"]));
    rows.fails("manifest", "1,001 paths", "invalid-argument", input(some, &["a?"; 1001]));
}
