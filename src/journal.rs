//! Who was given what, as the key server tells it: SPEC section 14. Entries are chained by their hashes, and the head is signed whenever they are read.

mod log;

use crate::{
    crypto::sign::SigningKey,
    encoding::{MALFORMED, Reader, Writer, encode},
    error::{Code, Error, Result},
    identity::{Identity, UserId},
    signed::{Hash, Minimum, Payload, Signed, Unverified, hash_of},
};

pub use log::{Log, Proof, RowHeader, RowTree, verify_proofs};

const LABEL: &str = "wardkey/v1/journal";

const BAD: Error = Error::new(&(Code::BadSignature, "the journal is no chain up to its head"));

/// Of whom or what a journal tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A user.
    User(UserId),
    /// A session.
    Session(Hash),
}

impl Subject {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::User(id) => w.text(id.as_str()),
            Self::Session(id) => w.bytes(&id.0),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        if reader.is_text() { UserId::read(reader).map(Self::User) } else { Ok(Self::Session(Hash(reader.fixed()?))) }
    }
}

/// An entry. It is not signed by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of whom or what it tells.
    pub subject: Subject,
    /// From 1 on.
    pub sequence: u64,
    /// The hash of the entry before; none for the first.
    pub previous: Option<Hash>,
    /// By the key server's clock.
    pub time: u64,
    /// Who did it; none: the key server, or the application.
    pub actor: Option<UserId>,
    /// What was done.
    pub action: String,
    /// What belongs to it, sorted by the keys' encodings.
    pub detail: Vec<(String, String)>,
}

impl Entry {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|w| {
            w.map(7);
            w.uint(1);
            self.subject.write(w);
            w.uint(2);
            w.uint(self.sequence);
            w.uint(3);
            w.bytes_or_null(self.previous.as_ref().map(|hash| hash.0.as_slice()));
            w.uint(4);
            w.uint(self.time);
            w.uint(5);
            w.text_or_null(self.actor.as_ref().map(UserId::as_str));
            w.uint(6);
            w.text(&self.action);
            w.uint(7);
            w.map(self.detail.len());
            for (key, value) in &self.detail {
                w.text(key);
                w.text(value);
            }
        })
    }

    /// Reads an entry, of which nothing is verified: its chain is, by [`verify`].
    ///
    /// # Errors
    /// `invalid-format`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        reader.map_of(7)?;
        reader.key(1)?;
        let subject = Subject::read(&mut reader)?;
        reader.key(2)?;
        let sequence = reader.uint()?;
        reader.key(3)?;
        let previous = reader.null_or(Reader::fixed)?.map(Hash);
        if sequence == 0 || previous.is_none() != (sequence == 1) {
            return Err(MALFORMED);
        }
        reader.key(4)?;
        let time = reader.uint()?;
        reader.key(5)?;
        let actor = reader.null_or(UserId::read)?;
        reader.key(6)?;
        let action = reader.text()?.to_owned();
        reader.key(7)?;
        let mut detail: Vec<(String, String)> = Vec::new();
        for _ in 0..reader.map()? {
            let (key, value) = (reader.text()?, reader.text()?);
            if detail.last().is_some_and(|(last, _)| (last.len(), last.as_str()) >= (key.len(), key)) {
                return Err(MALFORMED);
            }
            detail.push((key.to_owned(), value.to_owned()));
        }
        let entry = Self { subject, sequence, previous, time, actor, action, detail };
        if entry.to_bytes() == bytes { Ok(entry) } else { Err(MALFORMED) }
    }
}

/// The hash of an entry's bytes.
#[must_use]
pub fn entry_hash(entry: &[u8]) -> Hash {
    hash_of(LABEL, entry)
}

/// A place in a journal. An empty one is at sequence 0, with a hash of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The entry's sequence.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Place {
    /// Before the first entry.
    pub const START: Self = Self { sequence: 0, hash: Hash([0; 32]) };
}

/// Up to where a journal goes, signed by the key server when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    subject: Subject,
    place: Place,
    time: u64,
    signer: Hash,
}

impl Head {
    /// Signs, at the key server.
    ///
    /// # Errors
    /// `limit`.
    pub fn sign(subject: &Subject, place: Place, time: u64, signer: (&Hash, &SigningKey)) -> Result<Signed<Self>> {
        Signed::sign(Self { subject: subject.clone(), place, time, signer: *signer.0 }, (), signer.1)
    }
}

impl Payload for Head {
    const LABEL: &'static str = "wardkey/v1/journal-head";
    const MAX: usize = 8 << 10;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(5);
        w.uint(1);
        self.subject.write(w);
        w.uint(2);
        w.uint(self.place.sequence);
        w.uint(3);
        w.bytes(&self.place.hash.0);
        w.uint(4);
        w.uint(self.time);
        w.uint(5);
        w.bytes(&self.signer.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(5)?;
        reader.key(1)?;
        let subject = Subject::read(reader)?;
        reader.key(2)?;
        let sequence = reader.uint()?;
        reader.key(3)?;
        let place = Place { sequence, hash: Hash(reader.fixed()?) };
        reader.key(4)?;
        let time = reader.uint()?;
        reader.key(5)?;
        let signer = Hash(reader.fixed()?);
        if sequence == 0 && place != Place::START {
            return Err(MALFORMED);
        }
        Ok(Self { subject, place, time, signer })
    }
}

/// What is read of a journal: all entries after a sequence, of all pages, and the newest head.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The subject asked for.
    pub subject: &'a Subject,
    /// The sequence asked for; 0: from the first entry on.
    pub after: u64,
    /// The entries.
    pub entries: &'a [&'a [u8]],
    /// The head.
    pub head: &'a [u8],
}

/// Verifies what was read, against the place that is remembered. Gives the entries, and the place to remember.
///
/// # Errors
/// `limit`, `unsupported-version`, `invalid-format`, `downgrade`; `key-mismatch`: another subject; `bad-signature`; `rollback`, `fork`: against what is remembered.
pub fn verify(
    reading: &Reading<'_>,
    key_server: &Identity,
    remembered: Option<Place>,
    minimum: Minimum,
) -> Result<(Vec<Entry>, Place)> {
    let records = reading.entries.iter().map(|bytes| Record::read(bytes)).collect::<Result<Vec<_>>>()?;
    let asked = (reading.subject, reading.after);
    let place = check(asked, reading.head, &records, key_server, remembered, minimum)?;
    Ok((records.into_iter().map(|record| record.entry).collect(), place))
}

/// An entry, and its hash.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) entry: Entry,
    hash: Hash,
}

impl Record {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        Ok(Self { entry: Entry::from_bytes(bytes)?, hash: entry_hash(bytes) })
    }
}

/// The same of entries that were read.
pub(crate) fn check(
    (subject, after): (&Subject, u64),
    head: &[u8],
    records: &[Record],
    key_server: &Identity,
    remembered: Option<Place>,
    minimum: Minimum,
) -> Result<Place> {
    let head = Unverified::<Head>::parse(head, minimum)?;
    if head.claimed().subject != *subject || records.iter().any(|record| record.entry.subject != *subject) {
        return Err(Error::new(&(Code::KeyMismatch, "the journal of another user or session")));
    }
    let key = key_server.signing_key(&head.claimed().signer)?.clone();
    let place = head.verify(&key)?.value().place;
    // The entry before the first one is taken as it says, unless it is remembered.
    let mut last = records.first().map_or(place, |first| {
        let hash = first.entry.previous.unwrap_or(Place::START.hash);
        Place { sequence: after, hash }
    });
    let is_other =
        |place: Place| remembered.is_some_and(|own| own.sequence == place.sequence && own.hash != place.hash);
    let mut is_fork = is_other(last);
    let mut time = 0;
    for Record { entry, hash } in records {
        let follows = last.sequence.checked_add(1) == Some(entry.sequence)
            && entry.previous.unwrap_or(Place::START.hash) == last.hash
            && entry.time >= time;
        if !follows {
            return Err(BAD);
        }
        last = Place { sequence: entry.sequence, hash: *hash };
        is_fork |= is_other(last);
        time = entry.time;
    }
    if last != place || (records.is_empty() && place.sequence > after) {
        return Err(BAD);
    }
    if remembered.is_some_and(|remembered| place.sequence < remembered.sequence) {
        return Err(Error::new(&(Code::Rollback, "a shorter journal than the one that is remembered")));
    }
    if is_fork {
        return Err(Error::new(&(Code::Fork, "two journals of one subject")));
    }
    Ok(place)
}
