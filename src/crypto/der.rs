//! The little of DER (X.690) and PEM (RFC 7468) that RSA keys need: PKCS#1 and PKCS#8 (RFC 8017 appendix A, RFC 5958), SubjectPublicKeyInfo (RFC 5280). Own
//! code, because the crates for all of ASN.1 take 15 KB of the compressed module.

use base64ct::{Base64, Encoding};

use crate::secret::SecretBytes;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
/// `SEQUENCE { 1.2.840.113549.1.1.1 rsaEncryption, NULL }`.
pub(super) const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Reads one value after the other. Nothing: not DER, or not what is looked for.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next value and its tag.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            // One to three bytes of length: no key needs more.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
                let shortest = len >= 0x80 && bytes.first() != Some(&0);
                (shortest.then_some(len)?, rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next value, which has this tag.
    pub(super) fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().and_then(|(found, value)| (found == tag).then_some(value))
    }

    /// The next value if it has this tag; `Some(None)` where another one, or nothing, stands.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&tag) { self.value(tag).map(Some) } else { Some(None) }
    }

    /// What stands inside the next value, which is a sequence.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.value(SEQUENCE).map(Self)
    }

    /// The next value, an integer that isn't negative: big-endian, without leading zeros.
    pub(super) fn uint(&mut self) -> Option<&'a [u8]> {
        match self.value(INTEGER)? {
            [0, rest @ ..] if rest.first().is_none_or(|byte| *byte >= 0x80) => Some(rest),
            bytes @ [1..0x80, ..] => Some(bytes),
            _ => None,
        }
    }
}

/// A value under its tag: these parts, joined.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> SecretBytes {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = len.to_be_bytes();
    let long = bytes.iter().position(|byte| *byte != 0).map_or(&[][..], |at| bytes.get(at..).unwrap_or_default());
    let mut der = Vec::with_capacity(2 + long.len() + len);
    der.push(tag);
    if len >= 0x80 {
        der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
        der.extend_from_slice(long);
    } else {
        der.push(u8::try_from(len).unwrap_or_default());
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    SecretBytes::new(der)
}

/// An integer that isn't negative, from its big-endian bytes.
pub(super) fn uint(bytes: &[u8]) -> SecretBytes {
    let bytes = strip(bytes);
    let sign: &[u8] = if bytes.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    value(INTEGER, &[sign, bytes])
}

/// Big-endian bytes without leading zeros.
pub(super) fn strip(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// The DER in a PEM text with this label, and nothing around it.
pub(crate) fn from_pem(label: &str, text: &str) -> Option<SecretBytes> {
    let boundary = |text, kind| {
        let label = str::strip_prefix(text, kind)?.strip_prefix(label)?;
        label.strip_prefix("-----")
    };
    let text = boundary(text.trim(), "-----BEGIN ")?;
    let (base64, end) = text.split_at_checked(text.find("-----END ")?)?;
    if !boundary(end, "-----END ")?.is_empty() || !base64.starts_with(['\r', '\n']) {
        return None;
    }
    let mut joined = Vec::with_capacity(base64.len());
    joined.extend(base64.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let joined = SecretBytes::new(joined);
    let der = Base64::decode_vec(str::from_utf8(joined.expose()).ok()?).ok().map(SecretBytes::new)?;
    (!der.expose().is_empty()).then_some(der)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn only_der_is_read() {
        let read = |der: &'static [u8]| Reader::new(der).uint();
        assert_eq!(read(&[2, 1, 0]), Some(&[][..]));
        assert_eq!(read(&[2, 1, 0x7f, 9]), Some(&[0x7f][..]));
        assert_eq!(read(&[2, 2, 0, 0x80]), Some(&[0x80][..]));
        let refused: [&[u8]; 12] = [
            &[],
            &[2],
            &[2, 1],
            &[2, 0],
            &[2, 1, 0x80],
            &[2, 2, 0, 0x7f],
            &[2, 2, 0, 0],
            &[2, 0x81, 1, 5],
            &[2, 0x82, 0, 0x80, 1],
            &[2, 0x80, 5, 0, 0],
            &[2, 0x84, 0, 0, 0, 1, 5],
            &[4, 1, 5],
        ];
        for der in refused {
            assert_eq!(Reader::new(der).uint(), None, "{der:02x?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for len in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let bytes = vec![0xff; len];
            let written = uint(&[&[0, 0], bytes.as_slice()].concat());
            let mut reader = Reader::new(written.expose());
            assert_eq!(reader.uint(), Some(bytes.as_slice()), "{len}");
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn pem() {
        let read = |text: &str| from_pem("KEY", text).map(|der| der.expose().to_vec());
        assert_eq!(read("-----BEGIN KEY-----\nAQ\r\n ID\n-----END KEY-----\n"), Some(vec![1, 2, 3]));
        for text in [
            "",
            "-----BEGIN KEY-----",
            "-----BEGIN KEY-----AQID-----END KEY-----",
            "-----BEGIN KEY-----\n-----END KEY-----",
            "-----BEGIN KEY-----\nAQID\n",
            "-----BEGIN KEY-----\nAQID\n-----END OTHER-----",
            "-----BEGIN OTHER-----\nAQID\n-----END OTHER-----",
            "-----BEGIN KEY-----\nAQID\n-----END KEY-----\nmore",
            "more\n-----BEGIN KEY-----\nAQID\n-----END KEY-----",
            "-----BEGIN KEY-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END KEY-----",
            "-----BEGIN KEY-----\nAQI\n-----END KEY-----",
            "-----BEGIN KEY-----\nAQI_\n-----END KEY-----",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
