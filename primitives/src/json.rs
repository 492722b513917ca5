//! Passes over JSON, byte by byte: RFC 8259, in UTF-8, no name twice in an object, no lone surrogate in a name.

use std::borrow::Cow;

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name as it is spelled, with quotes.
    pub key: &'a str,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value, as it is spelled.
    pub value: &'a str,
}

/// Why a text isn't passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It isn't what was wanted.
    Malformed,
    /// It is nested too deep.
    Deep,
}

use Fault::Malformed as MALFORMED;

type Result<T> = core::result::Result<T, Fault>;

/// Objects and arrays inside one another.
const MAX_DEPTH: u32 = 128;

/// So few texts are compared with each other as they stand: sorting takes memory.
const FEW: usize = 16;

/// Has none of these the text of another?
pub fn is_unique<T>(items: &[T], text: impl Fn(&T) -> &str) -> bool {
    if items.len() <= FEW {
        let before = |place: usize| items.get(..place).unwrap_or_default();
        return items.iter().enumerate().all(|(place, item)| before(place).iter().all(|it| text(it) != text(item)));
    }
    let mut texts: Vec<&str> = items.iter().map(text).collect();
    texts.sort_unstable();
    texts.windows(2).all(|pair| matches!(pair, [a, b] if a != b))
}

/// Where it stands in a text.
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the first byte that isn't white space.
    pub fn new(text: &'a str) -> Self {
        let mut scanner = Self { text, at: 0 };
        scanner.space();
        scanner
    }

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

    /// There is nothing more but white space.
    ///
    /// # Errors
    /// `Malformed`.
    pub fn end(&mut self) -> Result<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(MALFORMED) }
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Passes over a value, this deep inside others, and gives its spelling.
    ///
    /// # Errors
    /// `Malformed`, `Deep`.
    pub fn value(&mut self, depth: u32) -> Result<&'a str> {
        let start = self.at;
        match self.peek().ok_or(MALFORMED)? {
            b'{' => self.pass_members(depth)?,
            b'[' => self.each_element(depth, |_| ())?,
            b'"' => drop(self.string()?),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Ok(self.since(start))
    }

    /// Passes over an object, and gives its members.
    ///
    /// # Errors
    /// `Malformed`, also where a name is there twice; `Deep`.
    pub fn members(&mut self, depth: u32) -> Result<Vec<Member<'a>>> {
        let mut members = Vec::new();
        self.each_member(depth, |member| members.push(member))?;
        if is_unique(&members, |member| &member.name) { Ok(members) } else { Err(MALFORMED) }
    }

    /// The same, of an object whose members nobody wants. Those of a single one take no memory.
    fn pass_members(&mut self, depth: u32) -> Result<()> {
        let (mut first, mut names) = (None, Vec::new());
        self.each_member(depth, |member| {
            if first.is_none() {
                first = Some(member.name);
            } else {
                names.push(member.name);
            }
        })?;
        if names.is_empty() {
            return Ok(());
        }
        names.extend(first);
        if is_unique(&names, AsRef::as_ref) { Ok(()) } else { Err(MALFORMED) }
    }

    /// Whether names are there twice isn't looked at.
    fn each_member(&mut self, depth: u32, mut take: impl FnMut(Member<'a>)) -> Result<()> {
        check_depth(depth)?;
        self.need(b'{')?;
        self.space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.need(b':')?;
            self.space();
            let value = self.value(depth + 1)?;
            take(Member { key, name: unescape(key)?, value });
            self.space();
            if self.take(b'}') {
                return Ok(());
            }
            self.need(b',')?;
        }
    }

    /// Passes over an array, and gives its elements as they are spelled.
    ///
    /// # Errors
    /// `Malformed`, `Deep`.
    pub fn elements(&mut self, depth: u32) -> Result<Vec<&'a str>> {
        let mut elements = Vec::new();
        self.each_element(depth, |element| elements.push(element))?;
        Ok(elements)
    }

    fn each_element(&mut self, depth: u32, mut take: impl FnMut(&'a str)) -> Result<()> {
        check_depth(depth)?;
        self.need(b'[')?;
        self.space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.space();
            take(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(());
            }
            self.need(b',')?;
        }
    }

    /// A text as it is spelled, with quotes.
    fn string(&mut self) -> Result<&'a str> {
        let start = self.at;
        self.need(b'"')?;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let stop = stop(rest).ok_or(MALFORMED)?;
            self.at += stop + 1;
            match rest.get(stop) {
                Some(b'"') => return Ok(self.since(start)),
                Some(b'\\') => {}
                _ => return Err(MALFORMED),
            }
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

const fn is_stop(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..0x20)
}

/// Eight bytes at once: is one of them a stop?
const fn has_stop(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    const fn below(word: u64, least: u64) -> u64 {
        word.wrapping_sub(ONES * least) & !word & HIGH
    }
    let word = u64::from_le_bytes(bytes);
    let [quote, escape] = [word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64)];
    below(word, 0x20) | below(quote, 1) | below(escape, 1) != 0
}

/// Where the first byte stands that isn't a character as it is spelled: a quote, a backslash, a control character.
#[must_use]
pub fn stop(bytes: &[u8]) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let plain = 8 * words.iter().take_while(|word| !has_stop(**word)).count();
    bytes.get(plain..)?.iter().position(|byte| is_stop(*byte)).map(|place| plain + place)
}

fn check_depth(depth: u32) -> Result<()> {
    if depth < MAX_DEPTH { Ok(()) } else { Err(Fault::Deep) }
}

/// Four hexadecimal digits.
fn hex4(text: &str, at: usize) -> Result<u32> {
    let digits = text.get(at..at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    u32::from_str_radix(digits.ok_or(MALFORMED)?, 16).map_err(|_| MALFORMED)
}

/// What a text says, of how it is spelled. Its form was checked.
///
/// # Errors
/// `Malformed` for a lone surrogate.
pub fn unescape(spelled: &str) -> Result<Cow<'_, str>> {
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

    /// As one byte after the other would be looked at.
    #[test]
    fn stops_stand_where_they_are() {
        for length in 0..40 {
            for place in 0..=length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![if byte.is_multiple_of(2) { b'a' } else { 0xff }; length];
                    if let Some(there) = bytes.get_mut(place) {
                        *there = byte;
                    }
                    assert_eq!(
                        stop(&bytes),
                        bytes.iter().position(|byte| is_stop(*byte)),
                        "{byte} at {place} of {length}"
                    );
                }
            }
        }
    }
}
