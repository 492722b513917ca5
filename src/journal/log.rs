//! The log of a key server: all that it ever told, row by row. SPEC section 14.2.

use std::collections::BTreeMap;

use crate::{
    crypto::{
        sign::SigningKey,
        tree::{Tree, leaf_hash, root_from_path},
    },
    encoding::{MALFORMED, Reader, Writer},
    error::{Code, Error, Result},
    identity::Identity,
    signed::{Hash, Minimum, Payload, Signed, Unverified},
};

use super::{Entry, Place, Subject, entry_hash};

const NOT_THERE: Error = Error::new(&(Code::BadSignature, "an entry that isn't in the row that it is said to be in"));
const ORDER: Error = Error::new(&(Code::BadSignature, "rows that don't stand in the order of their entries"));
const FORK: Error = Error::new(&(Code::Fork, "two rows of one number"));

/// What a row says of its entries, and of the row before: an object. Each is a head of the log up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowHeader {
    /// From 1 on.
    pub number: u64,
    /// The hash of the header before; none for the first.
    pub previous: Option<Hash>,
    /// When the row was put into the log, by the key server's clock.
    pub time: u64,
    /// How many entries it has.
    pub count: u32,
    /// Of the tree over their hashes.
    pub root: Hash,
    /// The key server's bundle.
    pub signer: Hash,
}

impl RowHeader {
    /// The header after another one. Its time doesn't fall, whatever the clock does.
    ///
    /// # Errors
    /// `limit`.
    pub fn sign(
        before: Option<&Signed<Self>>,
        now: u64,
        (count, root): (u32, Hash),
        signer: (&Hash, &SigningKey),
    ) -> Result<Signed<Self>> {
        let (number, time) = before.map_or((0, 0), |before| (before.value().number, before.value().time));
        let header = Self {
            number: number.saturating_add(1),
            previous: before.map(|before| *before.hash()),
            time: time.max(now),
            count,
            root,
            signer: *signer.0,
        };
        Signed::sign(header, (), signer.1)
    }

    /// Reads a header, and verifies its signature.
    ///
    /// # Errors
    /// Those of an object; `bad-signature`.
    pub fn verify(object: &[u8], key_server: &Identity, minimum: Minimum) -> Result<Signed<Self>> {
        let header = Unverified::<Self>::parse(object, minimum)?;
        let key = key_server.signing_key(&header.claimed().signer)?.clone();
        header.verify(&key)
    }
}

impl Payload for RowHeader {
    const LABEL: &'static str = "wardkey/v1/journal-row";
    const MAX: usize = 8 << 10;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(6);
        w.uint(1);
        w.uint(self.number);
        w.uint(2);
        w.bytes_or_null(self.previous.as_ref().map(|hash| hash.0.as_slice()));
        w.uint(3);
        w.uint(self.time);
        w.uint(4);
        w.uint(self.count.into());
        w.uint(5);
        w.bytes(&self.root.0);
        w.uint(6);
        w.bytes(&self.signer.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(6)?;
        reader.key(1)?;
        let number = reader.uint()?;
        reader.key(2)?;
        let previous = reader.null_or(Reader::fixed)?.map(Hash);
        reader.key(3)?;
        let time = reader.uint()?;
        reader.key(4)?;
        let count = u32::try_from(reader.uint()?).map_err(|_| MALFORMED)?;
        reader.key(5)?;
        let root = Hash(reader.fixed()?);
        reader.key(6)?;
        let signer = Hash(reader.fixed()?);
        if number == 0 || count == 0 || previous.is_none() != (number == 1) {
            return Err(MALFORMED);
        }
        Ok(Self { number, previous, time, count, root, signer })
    }
}

/// The tree over the entries of a row.
#[derive(Debug)]
pub struct RowTree(Tree);

impl RowTree {
    /// Of the hashes of these entries, in their order.
    #[must_use]
    pub fn of(entries: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Tree::default();
        for hash in entries {
            tree.push(leaf_hash(&hash.0));
        }
        tree.finish();
        Self(tree)
    }

    /// Its root; none without entries.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        self.0.root().copied().map(Hash)
    }

    /// From the entry at this place up.
    #[must_use]
    pub fn path(&self, index: usize) -> Vec<Hash> {
        self.0.path(index).into_iter().map(Hash).collect()
    }
}

/// Where an entry stands in the log, without the other entries of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Its row's header, an object.
    pub header: Vec<u8>,
    /// Its place among the row's entries, from 0 on.
    pub index: u32,
    /// From it up.
    pub path: Vec<Hash>,
}

impl Proof {
    /// Verifies that this entry stands there.
    ///
    /// # Errors
    /// Those of an object, for the header; `bad-signature`.
    pub fn verify(&self, entry: &[u8], key_server: &Identity, minimum: Minimum) -> Result<Signed<RowHeader>> {
        let header = RowHeader::verify(&self.header, key_server, minimum)?;
        let path: Vec<_> = self.path.iter().map(|hash| hash.0).collect();
        let root = root_from_path(self.index, header.value().count, leaf_hash(&entry_hash(entry).0), &path);
        if root == Some(header.value().root.0) { Ok(header) } else { Err(NOT_THERE) }
    }
}

/// Verifies where entries stand, that follow one another in one journal. Gives the place of the newest row: a head of the log, to be compared with other people's.
///
/// # Errors
/// Those of [`Proof::verify`]; `fork`: two rows of one number.
pub fn verify_proofs(entries: &[(&[u8], &Proof)], key_server: &Identity, minimum: Minimum) -> Result<Option<Place>> {
    let mut last: Option<(Place, u32)> = None;
    for (entry, proof) in entries {
        let header = proof.verify(entry, key_server, minimum)?;
        let place = Place { sequence: header.value().number, hash: *header.hash() };
        if let Some((before, index)) = last {
            if before.sequence == place.sequence && before.hash != place.hash {
                return Err(FORK);
            }
            if (place.sequence, proof.index) <= (before.sequence, index) {
                return Err(ORDER);
            }
        }
        last = Some((place, proof.index));
    }
    Ok(last.map(|(place, _)| place))
}

/// Where a subject's entries end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    place: Place,
    time: u64,
}

/// A log that is verified row by row, from the first on.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The newest row.
    last: Option<End>,
    entries: u64,
    subjects: BTreeMap<Subject, End>,
    /// Headers that were kept elsewhere, by their numbers.
    kept: BTreeMap<u64, Hash>,
}

impl Log {
    /// Before the first row, with headers that were kept elsewhere: they must be in it.
    ///
    /// # Errors
    /// `fork`: two of one number.
    pub fn new(kept: &[Place]) -> Result<Self> {
        let mut log = Self::default();
        for place in kept {
            if log.kept.insert(place.sequence, place.hash).is_some_and(|other| other != place.hash) {
                return Err(FORK);
            }
        }
        Ok(log)
    }

    /// Verifies the next row. After an error the log is not to be used any more.
    ///
    /// # Errors
    /// Those of an object, for the header; `bad-signature`; `invalid-format` of an entry; `fork`: another header than was kept.
    pub fn take(&mut self, header: &[u8], entries: &[&[u8]], key_server: &Identity, minimum: Minimum) -> Result<()> {
        const GAP: Error = Error::new(&(Code::BadSignature, "a row is missing"));
        const AGAIN: Error = Error::new(&(Code::BadSignature, "a row that belongs before the one before"));
        const OTHER: Error = Error::new(&(Code::BadSignature, "a row that doesn't follow the one before"));
        const CHANGED: Error = Error::new(&(Code::BadSignature, "entries that aren't those of the row's header"));

        let header = RowHeader::verify(header, key_server, minimum)?;
        let says = header.value();
        let place = Place { sequence: says.number, hash: *header.hash() };
        if self.kept.get(&place.sequence).is_some_and(|hash| *hash != place.hash) {
            return Err(FORK);
        }
        let number = self.last.map_or(0, |last| last.place.sequence).saturating_add(1);
        if says.number != number {
            return Err(if says.number > number { GAP } else { AGAIN });
        }
        if says.previous != self.last.map(|last| last.place.hash) || self.last.is_some_and(|last| says.time < last.time)
        {
            return Err(OTHER);
        }
        let root = RowTree::of(entries.iter().map(|entry| entry_hash(entry))).root();
        if u64::from(says.count) != entries.len() as u64 || root != Some(says.root) {
            return Err(CHANGED);
        }
        for entry in entries {
            self.follow(&Entry::from_bytes(entry)?, entry_hash(entry))?;
        }
        self.entries += entries.len() as u64;
        self.last = Some(End { place, time: says.time });
        Ok(())
    }

    /// Verifies that an entry follows the one before of its journal.
    fn follow(&mut self, entry: &Entry, hash: Hash) -> Result<()> {
        const GAP: Error = Error::new(&(Code::BadSignature, "an entry of a journal is missing"));
        const OTHER: Error =
            Error::new(&(Code::BadSignature, "an entry that doesn't follow the one before in its journal"));

        let before = self.subjects.get(&entry.subject);
        let sequence = before.map_or(0, |before| before.place.sequence).saturating_add(1);
        if entry.sequence > sequence {
            return Err(GAP);
        }
        let follows = entry.sequence == sequence
            && entry.previous == before.map(|before| before.place.hash)
            && before.is_none_or(|before| entry.time >= before.time);
        if !follows {
            return Err(OTHER);
        }
        let end = End { place: Place { sequence, hash }, time: entry.time };
        self.subjects.insert(entry.subject.clone(), end);
        Ok(())
    }

    /// After the last row: where the log ends; none: it has no rows.
    ///
    /// # Errors
    /// `rollback`: it ends before a header that was kept.
    pub fn finish(&self) -> Result<Option<Place>> {
        let place = self.place();
        let known = self.kept.last_key_value().map(|(number, _)| *number);
        if known > place.map(|place| place.sequence) {
            return Err(Error::new(&(Code::Rollback, "the log ends before a header that was kept")));
        }
        Ok(place)
    }

    /// The newest row.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.last.map(|last| last.place)
    }

    /// Entries so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Users and sessions of which was told.
    #[must_use]
    pub fn subjects(&self) -> usize {
        self.subjects.len()
    }

    /// The time of the newest row.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        self.last.map(|last| last.time)
    }
}
