//! JSON as text, RFC 8259: members and elements by where they stand, so that what isn't touched keeps its spelling. There is no tree of values: that would cost the
//! page more than what is done with it.

use std::borrow::Cow;

use crate::{
    encoding::MALFORMED,
    error::{Code, Error, Result},
};

/// Objects and arrays inside one another.
const MAX_DEPTH: u32 = 128;

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    /// Its name as it is spelled, with quotes.
    pub(super) key: &'a str,
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// Its value, as it is spelled.
    pub(super) value: &'a str,
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
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    let members = scanner.members(0)?;
    scanner.end()?;
    Ok(members)
}

/// Is it a value, whatever of?
///
/// # Errors
/// As [`object`].
pub(super) fn check(text: &str) -> Result<()> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    scanner.value(0)?;
    scanner.end()
}

/// The elements of an array.
///
/// # Errors
/// As [`object`].
pub(super) fn array(text: &str) -> Result<Vec<&str>> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    let elements = scanner.elements(0)?;
    scanner.end()?;
    Ok(elements)
}

/// A text.
///
/// # Errors
/// `invalid-format` for anything else, and for a lone surrogate.
pub(super) fn string(text: &str) -> Result<Cow<'_, str>> {
    let mut scanner = Scanner { text, at: 0 };
    let spelled = scanner.string()?;
    scanner.end()?;
    unescape(spelled)
}

/// Texts, none twice.
///
/// # Errors
/// As [`string`].
pub(super) fn strings(text: &str) -> Result<Vec<Cow<'_, str>>> {
    let texts = array(text)?.into_iter().map(string).collect::<Result<Vec<_>>>()?;
    if is_unique(&mut texts.iter().map(AsRef::as_ref).collect::<Vec<_>>()) { Ok(texts) } else { Err(MALFORMED) }
}

/// Writes a text.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\x1f' => {
                out.push_str("\\u00");
                out.push(if c < '\x10' { '0' } else { '1' });
                out.push(char::from_digit(u32::from(c) & 15, 16).unwrap_or('0'));
            }
            c => out.push(c),
        }
    }
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

fn is_unique(texts: &mut [&str]) -> bool {
    texts.sort_unstable();
    texts.windows(2).all(|pair| matches!(pair, [a, b] if a != b))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte, if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn need(&mut self, byte: u8) -> Result<()> {
        if self.take(byte) { Ok(()) } else { Err(MALFORMED) }
    }

    fn end(&mut self) -> Result<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(MALFORMED) }
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Passes over a value and gives its spelling.
    fn value(&mut self, depth: u32) -> Result<&'a str> {
        let start = self.at;
        match self.peek().ok_or(MALFORMED)? {
            b'{' => drop(self.members(depth)?),
            b'[' => drop(self.elements(depth)?),
            b'"' => drop(self.string()?),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Ok(self.since(start))
    }

    fn members(&mut self, depth: u32) -> Result<Vec<Member<'a>>> {
        check_depth(depth)?;
        self.need(b'{')?;
        let mut members = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.need(b':')?;
            self.space();
            let value = self.value(depth + 1)?;
            members.push(Member { key, name: unescape(key)?, value });
            self.space();
            if self.take(b'}') {
                break;
            }
            self.need(b',')?;
        }
        let is_unique = match members.as_slice() {
            [_] => true,
            members => is_unique(&mut members.iter().map(|member| member.name.as_ref()).collect::<Vec<_>>()),
        };
        if is_unique { Ok(members) } else { Err(MALFORMED) }
    }

    fn elements(&mut self, depth: u32) -> Result<Vec<&'a str>> {
        check_depth(depth)?;
        self.need(b'[')?;
        let mut elements = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            self.space();
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(elements);
            }
            self.need(b',')?;
        }
    }

    /// A text as it is spelled, with quotes.
    fn string(&mut self) -> Result<&'a str> {
        let start = self.at;
        self.need(b'"')?;
        loop {
            let byte = self.peek().ok_or(MALFORMED)?;
            self.at += 1;
            match byte {
                b'"' => return Ok(self.since(start)),
                b'\\' => {
                    let escape = self.peek().ok_or(MALFORMED)?;
                    self.at += 1;
                    match escape {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            hex4(self.text, self.at)?;
                            self.at += 4;
                        }
                        _ => return Err(MALFORMED),
                    }
                }
                ..0x20 => return Err(MALFORMED),
                _ => {}
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<()> {
        let end = self.at + word.len();
        if self.text.get(self.at..end) != Some(word) {
            return Err(MALFORMED);
        }
        self.at = end;
        Ok(())
    }

    fn number(&mut self) -> Result<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One or more.
    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(MALFORMED) }
    }
}

fn check_depth(depth: u32) -> Result<()> {
    if depth < MAX_DEPTH { Ok(()) } else { Err(Error::new(&(Code::Limit, "nested deeper than 128"))) }
}

/// Four hexadecimal digits.
fn hex4(text: &str, at: usize) -> Result<u32> {
    let digits = text.get(at..at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    u32::from_str_radix(digits.ok_or(MALFORMED)?, 16).map_err(|_| MALFORMED)
}

/// What a text says, of how it is spelled. Its form was checked.
fn unescape(spelled: &str) -> Result<Cow<'_, str>> {
    let inner = spelled.get(1..spelled.len().saturating_sub(1)).ok_or(MALFORMED)?;
    let Some(mut at) = inner.find('\\') else { return Ok(Cow::Borrowed(inner)) };
    let mut text = String::with_capacity(inner.len());
    let mut from = 0;
    loop {
        text.push_str(inner.get(from..at).unwrap_or_default());
        let escape = inner.as_bytes().get(at + 1).copied().ok_or(MALFORMED)?;
        from = at + 2;
        text.push(match escape {
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = hex4(inner, from)?;
                from += 4;
                let code = match first {
                    0xd800..0xdc00 if inner.get(from..from + 2) == Some("\\u") => {
                        let second = hex4(inner, from + 2)?;
                        from += 6;
                        // A second half that is none gives no character.
                        let low =
                            if (0xdc00..0xe000).contains(&second) { second - 0xdc00 } else { return Err(MALFORMED) };
                        0x1_0000 + ((first - 0xd800) << 10) + low
                    }
                    _ => first,
                };
                char::from_u32(code).ok_or(MALFORMED)?
            }
            other => char::from(other),
        });
        match inner.get(from..).and_then(|rest| rest.find('\\')) {
            Some(next) => at = from + next,
            None => break,
        }
    }
    text.push_str(inner.get(from..).unwrap_or_default());
    Ok(Cow::Owned(text))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

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
