//! The part of a file that is asked for: RFC 9110, section 14. One range; of several, the whole file is given, as the RFC allows.

use axum::http::{HeaderMap, header};

use crate::http::text;

/// What is to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Whole,
    /// Bytes `[start, end)`, at least one.
    Part {
        start: u64,
        end: u64,
    },
    /// A range in which nothing is.
    Nothing,
}

/// What these headers ask for, of so many bytes.
pub(crate) fn asked(headers: &HeaderMap, tag: &str, size: u64) -> Asked {
    // Of another version of the file, the whole is wanted.
    if text(headers, &header::IF_RANGE).is_some_and(|given| given != tag) {
        return Asked::Whole;
    }
    let range = text(headers, &header::RANGE).and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else { return Asked::Whole };
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // Too long for a number is beyond every end.
        is_number.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let (start, end) = match (number(first.trim()), number(last.trim())) {
        (Some(start), Some(last)) if start <= last => (start, size.min(last.saturating_add(1))),
        (Some(start), None) if last.trim().is_empty() => (start, size),
        (None, Some(suffix)) if first.trim().is_empty() => (size - suffix.min(size), size),
        _ => return Asked::Whole,
    };
    if start < end { Asked::Part { start, end } } else { Asked::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_the_rfc_has_them() {
        let part = |start, end| Asked::Part { start, end };
        for (range, wanted) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-4", part(2, 5)),
            ("bytes=7-99999999999999999999999", part(7, 10)),
            ("bytes=9-", part(9, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-99", part(0, 10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=10-12", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=4-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=0-1", Asked::Whole),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())]);
            assert_eq!(asked(&headers, "\"a\"", 10), wanted, "{range}");
        }
        let both = [(header::RANGE, "bytes=0-0".parse().unwrap()), (header::IF_RANGE, "\"b\"".parse().unwrap())];
        assert_eq!(asked(&HeaderMap::from_iter(both), "\"a\"", 10), Asked::Whole);
    }
}
