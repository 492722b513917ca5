//! JSON as text, RFC 8259: members and elements by where they stand, so that what isn't touched keeps its spelling. There is no tree of values: that would cost the
//! page more than what is done with it.

use std::borrow::Cow;

pub(super) use wardkey_primitives::json::Member;
use wardkey_primitives::json::{Fault, Scanner, is_unique, stop as escaped, unescape};

use crate::{
    encoding::MALFORMED,
    error::{Code, Error, Result},
};

const DEEP: Error = Error::new(&(Code::Limit, "nested deeper than 128"));

/// What passing over a text says.
fn known<T>(passed: core::result::Result<T, Fault>) -> Result<T> {
    passed.map_err(|fault| match fault {
        Fault::Malformed => MALFORMED,
        Fault::Deep => DEEP,
    })
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    /// Text, number, true, false, null.
    Other,
}

/// Of a value as it is spelled.
pub(super) fn kind(value: &str) -> Kind {
    match value.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        _ => Kind::Other,
    }
}

/// The members of an object, no name twice.
///
/// # Errors
/// `invalid-format` for anything else, `limit` for what is nested too deep.
pub(super) fn object(text: &str) -> Result<Vec<Member<'_>>> {
    let mut scanner = Scanner::new(text);
    let members = known(scanner.members(0))?;
    known(scanner.end())?;
    Ok(members)
}

/// Is it a value, whatever of?
///
/// # Errors
/// As [`object`].
pub(super) fn check(text: &str) -> Result<()> {
    let mut scanner = Scanner::new(text);
    known(scanner.value(0))?;
    known(scanner.end())
}

/// The elements of an array.
///
/// # Errors
/// As [`object`].
pub(super) fn array(text: &str) -> Result<Vec<&str>> {
    let mut scanner = Scanner::new(text);
    let elements = known(scanner.elements(0))?;
    known(scanner.end())?;
    Ok(elements)
}

/// The text that is spelled so, by a member or an element.
///
/// # Errors
/// `invalid-format` for what is no text, and for a lone surrogate.
pub(super) fn string(spelled: &str) -> Result<Cow<'_, str>> {
    if spelled.starts_with('"') { known(unescape(spelled)) } else { Err(MALFORMED) }
}

/// Texts, none twice.
///
/// # Errors
/// As [`string`].
pub(super) fn strings(text: &str) -> Result<Vec<Cow<'_, str>>> {
    let texts = array(text)?.into_iter().map(string).collect::<Result<Vec<_>>>()?;
    if is_unique(&texts, AsRef::as_ref) { Ok(texts) } else { Err(MALFORMED) }
}

/// Writes a text.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some((plain, other)) = escaped(rest.as_bytes()).and_then(|place| rest.split_at_checked(place)) {
        out.push_str(plain);
        let mut chars = other.chars();
        match chars.next() {
            Some(c @ ('"' | '\\')) => {
                out.push('\\');
                out.push(c);
            }
            control => {
                let code = control.map_or(0, u32::from);
                out.push_str(if code < 16 { "\\u000" } else { "\\u001" });
                out.push(char::from_digit(code & 15, 16).unwrap_or('0'));
            }
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes items with commas between them.
pub(super) fn write_joined<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn members_keep_their_spelling() {
        let members = object(" { \"a\\u0062\" : 1.50e+2 , \"c\":[ 1, {\"d\" : \"\\ud83d\\ude00\"} ]} ").unwrap();
        let found: Vec<_> = members.iter().map(|member| (member.key, member.name.as_ref(), member.value)).collect();
        assert_eq!(found, [("\"a\\u0062\"", "ab", "1.50e+2"), ("\"c\"", "c", "[ 1, {\"d\" : \"\\ud83d\\ude00\"} ]")]);
        assert_eq!(string("\"\\ud83d\\ude00\\n\\/\"").unwrap(), "😀\n/");
        let mut out = String::new();
        write_string(&mut out, "a\"\\\u{1}\u{1f}é");
        assert_eq!(out, "\"a\\\"\\\\\\u0001\\u001fé\"");
        assert_eq!(string(&out).unwrap(), "a\"\\\u{1}\u{1f}é");
    }

    /// The same texts are JSON for another reader.
    #[test]
    fn what_is_json() {
        for text in [
            "{}",
            "{\"a\":[]}",
            "{\"a\":-0.0E-1,\"b\":[true,false,null]}",
            "{\"\":\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"}",
            "{\"a\":\"\u{7f}\"}",
        ] {
            object(text).unwrap();
            serde_json::from_str::<serde_json::Value>(text).unwrap();
        }
        for text in [
            "",
            " ",
            "[]",
            "1",
            "{",
            "{}x",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":.1}",
            "{\"a\":1e}",
            "{\"a\":+1}",
            "{\"a\":-}",
            "{\"a\":tru}",
            "{\"a\":nulll}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{\"a\":\"\\u12\"}",
            "{a:1}",
            "{'a':1}",
            "{\"a\":[1,]}",
            "{\"a\":[1 2]}",
            "{\"a\":1 \"b\":2}",
            "\u{feff}{}",
            "{\"a\":NaN}",
            "{\"a\":\"}",
        ] {
            assert_eq!(object(text).unwrap_err().code(), Code::InvalidFormat, "{text}");
            assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_err(), "{text}");
        }
        // What others let pass.
        for text in [
            "{\"a\":1,\"\\u0061\":2}",
            "{\"b\":{\"a\":1,\"c\":2,\"a\":3}}",
            "{\"\\ud800\":1}",
            "{\"\\udc00\":1}",
            "{\"\\ud800\\u0061\":1}",
        ] {
            assert_eq!(object(text).unwrap_err().code(), Code::InvalidFormat, "{text}");
        }
        let deep = |depth: usize| [&"{\"a\":".repeat(depth), "{}", &"}".repeat(depth)].concat();
        object(&deep(127)).unwrap();
        assert_eq!(object(&deep(128)).unwrap_err().code(), Code::Limit);
        assert_eq!(object(&deep(100_000)).unwrap_err().code(), Code::Limit);
    }
}
