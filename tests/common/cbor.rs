//! CBOR written by hand (RFC 8949), so that what is not canonical can be written too; and read by hand, so that a test needs no reader of the crate's.

/// A data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Uint(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Self>),
    /// In this order, whatever it is.
    Map(Vec<(Self, Self)>),
    Null,
    /// Bytes that stand as they are.
    Raw(Vec<u8>),
}

pub(crate) use Item::{Array, Map, Null, Raw, Uint};

pub(crate) fn bytes(value: impl AsRef<[u8]>) -> Item {
    Item::Bytes(value.as_ref().to_vec())
}

pub(crate) fn text(value: &str) -> Item {
    Item::Text(value.to_owned())
}

/// A context, sorted as RFC 8949 section 4.2.1 has it.
pub(crate) fn context<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Item {
    let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (text(key), text(value))).collect();
    entries.sort_by_key(|(key, _)| key.encode());
    Map(entries)
}

impl Item {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Uint(value) => head(0, *value),
            Self::Bytes(value) => [head(2, value.len() as u64), value.clone()].concat(),
            Self::Text(value) => [head(3, value.len() as u64), value.clone().into_bytes()].concat(),
            Array(items) => {
                let items = items.iter().map(Self::encode).collect::<Vec<_>>().concat();
                [head(4, self.len()), items].concat()
            }
            Map(entries) => {
                let entries = entries.iter().map(|(key, value)| [key.encode(), value.encode()].concat());
                [head(5, self.len()), entries.collect::<Vec<_>>().concat()].concat()
            }
            Null => vec![0xf6],
            Raw(bytes) => bytes.clone(),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Array(items) => items.len() as u64,
            Map(entries) => entries.len() as u64,
            _ => 0,
        }
    }
}

/// Major type and argument, in the shortest form.
pub(crate) fn head(major: u8, argument: u64) -> Vec<u8> {
    match argument {
        0..24 => vec![major << 5 | argument as u8],
        24..0x100 => long_head(major, argument, 1),
        0x100..0x1_0000 => long_head(major, argument, 2),
        0x1_0000..0x1_0000_0000 => long_head(major, argument, 4),
        _ => long_head(major, argument, 8),
    }
}

/// Major type and argument, the argument in so many bytes.
pub(crate) fn long_head(major: u8, argument: u64, width: usize) -> Vec<u8> {
    let info = 24 + width.ilog2() as u8;
    let mut head = vec![major << 5 | info];
    head.extend_from_slice(&argument.to_be_bytes()[8 - width..]);
    head
}

/// The first bytes of a stored object, and what follows.
pub(crate) fn framed(magic: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [magic.as_slice(), &[1], body].concat()
}

impl Item {
    /// Reads one item of what was written by [`Self::encode`]; nothing where it isn't.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let item = read(&mut rest)?;
        rest.is_empty().then_some(item)
    }

    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Array(items) => items,
            _ => &[],
        }
    }

    /// The value of this key of a map.
    pub(crate) fn field(&self, key: u64) -> Option<&Self> {
        match self {
            Map(entries) => entries.iter().find(|(known, _)| *known == Uint(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) const fn uint(&self) -> Option<u64> {
        match self {
            Uint(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn read(rest: &mut &[u8]) -> Option<Item> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    if first == 0xf6 {
        return Some(Null);
    }
    let argument = match first & 31 {
        small @ 0..24 => u64::from(small),
        info @ 24..28 => {
            let (argument, after) = rest.split_at_checked(1 << (info - 24))?;
            *rest = after;
            argument.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
        }
        _ => return None,
    };
    let mut take = || {
        let (taken, after) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
        *rest = after;
        Some(taken.to_vec())
    };
    match first >> 5 {
        0 => Some(Uint(argument)),
        2 => take().map(Item::Bytes),
        3 => String::from_utf8(take()?).ok().map(Item::Text),
        4 => (0..argument).map(|_| read(rest)).collect::<Option<_>>().map(Array),
        5 => (0..argument).map(|_| Some((read(rest)?, read(rest)?))).collect::<Option<_>>().map(Map),
        _ => None,
    }
}
