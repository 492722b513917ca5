//! A session's log, verified entry by entry: SPEC section 12.3. What it says of the past is kept too: authors had views of it.

use super::{
    book::Book,
    entry::{Action, Entry},
    genesis::Genesis,
    rights::Rights,
    signer::{Signer, Signers},
};
use crate::{
    data_key::KeyCommitment,
    error::{Code, Error, Result},
    identity::AppId,
    message::{Authority, View},
    party::Party,
    signed::{Hash, Minimum, Payload, Signed, Unverified, decode_payload, hash_of},
};

/// Entries after the genesis.
pub(super) const MAX_ENTRIES: usize = 10_000;

const STRAY: Error = Error::new(&(Code::BadSignature, "an entry that doesn't follow the one before"));
const FORK: Error = Error::new(&(Code::Fork, "two logs of one session"));
const FULL: Error = Error::new(&(Code::Limit, "a log of more than 10,000 entries"));
const FORBIDDEN: Error = Error::new(&(Code::Forbidden, "the signer has no right to do this"));

/// The log of a session up to its newest verified entry.
#[derive(Clone, Debug)]
pub struct Log {
    id: Hash,
    app_id: AppId,
    /// The genesis, and the entries.
    steps: Vec<Step>,
    book: Book,
    /// The book by entries in nobody's right but the signer's own; nothing while there are no others.
    least: Option<Box<Book>>,
    /// The highest sequence by which an entry was signed, for each group.
    groups: Vec<(Hash, u64)>,
    generations: Vec<Generation>,
    /// In the order in which they first signed.
    signers: Vec<Signer>,
}

/// An entry that was verified.
#[derive(Clone, Debug)]
pub(super) struct Step {
    hash: Hash,
    pub(super) payload: Vec<u8>,
    time: u64,
    /// Place in `signers`.
    signer: usize,
    /// Takes somebody's stanza of the newest generation out of use.
    takes: bool,
    /// In whose right it was signed.
    pub(super) authority: Authority,
    /// Whom it gives read, sorted by party: places in the book.
    pub(super) given: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub(super) commitment: KeyCommitment,
    /// Of its entry.
    pub(super) sequence: usize,
}

/// A party with rights, and since when it has any.
#[derive(Debug)]
pub struct Holding<'a> {
    /// Who.
    pub party: &'a Party,
    /// What it may do.
    pub rights: Rights,
    /// Who gave it its first right since it had none.
    pub added_by: &'a Signer,
    /// By that signer's clock.
    pub added_at: u64,
}

impl Log {
    /// Verifies the genesis of the session asked for.
    ///
    /// # Errors
    /// Those of SPEC section 12.3, step 1.
    pub fn begin(app_id: &AppId, id: &Hash, genesis: &[u8], signers: &dyn Signers, minimum: Minimum) -> Result<Self> {
        let genesis = Unverified::<Genesis>::parse(genesis, minimum)?;
        if genesis.hash() != id {
            return Err(Error::new(&(Code::KeyMismatch, "the genesis of another session")));
        }
        if genesis.claimed().app_id != *app_id {
            return Err(Error::new(&(Code::KeyMismatch, "a session of another application")));
        }
        let signer = signers.signer(&genesis.claimed().creator)?;
        let genesis = genesis.verify(&signer.key)?;
        Self::of_genesis(genesis.hash(), genesis.payload().to_vec(), genesis.value(), signer)
    }

    /// Of a genesis that was verified, or made here.
    pub(super) fn of_genesis(id: &Hash, payload: Vec<u8>, genesis: &Genesis, signer: Signer) -> Result<Self> {
        if signer.user.is_none() {
            return Err(FORBIDDEN);
        }
        let mut log = Self {
            id: *id,
            app_id: genesis.app_id.clone(),
            steps: Vec::new(),
            book: Book::default(),
            least: None,
            groups: Vec::new(),
            generations: vec![Generation { commitment: genesis.commitment, sequence: 0 }],
            signers: Vec::new(),
        };
        for grant in &genesis.grants {
            log.book.add(0, grant);
        }
        log.signers.push(signer);
        let (authority, given) = (Authority::Signer, Vec::new());
        log.steps.push(Step { hash: *id, payload, time: genesis.time, signer: 0, takes: false, authority, given });
        Ok(log)
    }

    /// Verifies the entries that follow, in this order. After an error the log is what it was up to the entry before.
    ///
    /// # Errors
    /// Those of SPEC section 12.3, steps 2 to 5; `limit`.
    pub fn extend(&mut self, entries: &[&[u8]], signers: &dyn Signers, minimum: Minimum) -> Result<()> {
        self.check_room(entries.len())?;
        for entry in entries {
            let entry = Unverified::<Entry>::parse(entry, minimum)?;
            let claimed = entry.claimed();
            if claimed.session != self.id {
                return Err(Error::new(&(Code::KeyMismatch, "an entry of another session")));
            }
            if !self.precedes(claimed) {
                return Err(STRAY);
            }
            let signer = signers.signer(&claimed.signer)?;
            let entry = entry.verify(&signer.key)?;
            self.append(entry.hash(), entry.payload().to_vec(), entry.value(), signer, Some(signers))?;
        }
        Ok(())
    }

    /// May so many entries more come?
    pub(super) fn check_room(&self, more: usize) -> Result<()> {
        if self.entries() + more > MAX_ENTRIES { Err(FULL) } else { Ok(()) }
    }

    /// Does this entry follow the log's end?
    fn precedes(&self, entry: &Entry) -> bool {
        let head = self.head();
        head.sequence.checked_add(1) == Some(entry.sequence) && entry.previous.0 == head.hash
    }

    /// Of a genesis whose signature was verified before it was kept, as were these signers.
    pub(super) fn restore(payload: &[u8], signers: &[Signer]) -> Result<Self> {
        let genesis: Genesis = decode_payload(payload)?;
        let signer = known(signers, &genesis.creator)?.clone();
        Self::of_genesis(&hash_of(Genesis::LABEL, payload), payload.to_vec(), &genesis, signer)
    }

    /// Takes an entry whose signature was verified before it was kept.
    pub(super) fn restore_entry(&mut self, payload: &[u8], signers: &[Signer]) -> Result<()> {
        let entry: Entry = decode_payload(payload)?;
        let signer = known(signers, &entry.signer)?.clone();
        if entry.session != self.id || !self.precedes(&entry) || self.entries() >= MAX_ENTRIES {
            return Err(STRAY);
        }
        self.append(&hash_of(Entry::LABEL, payload), payload.to_vec(), &entry, signer, None)
    }

    /// Takes an entry that was made here.
    pub(super) fn take(&mut self, entry: &Signed<Entry>, signer: &Signer, groups: &dyn Signers) -> Result<()> {
        self.check_room(1)?;
        self.append(entry.hash(), entry.payload().to_vec(), entry.value(), signer.clone(), Some(groups))
    }

    /// Steps 3 to 5, for an entry that follows and whose signature is good. `groups`: those whose states it may name; nothing where that was verified before.
    fn append(
        &mut self,
        hash: &Hash,
        payload: Vec<u8>,
        entry: &Entry,
        signer: Signer,
        groups: Option<&dyn Signers>,
    ) -> Result<()> {
        let known = self.signers.iter().position(|known| known.bundle == signer.bundle);
        let newer = |known: &Signer| known.identity == signer.identity && known.version > signer.version;
        if self.signers.iter().any(newer) {
            return Err(Error::new(&(Code::Rollback, "signed with an older bundle than an entry before")));
        }
        let party = match groups {
            Some(groups) => authority_party(&entry.authority, &signer, groups)?,
            None => named_party(&entry.authority, &signer),
        };
        let groups = self.raised(&entry.authority)?;
        let may = |book: &Book| party.as_ref().map_or(Rights::NONE, |party| book.rights(party));
        if self.book.lacks(may(&self.book), &entry.action) {
            return Err(FORBIDDEN);
        }
        self.check_others(&entry.action, &signer, &entry.authority)?;
        // From here on nothing fails.
        let sequence = self.steps.len();
        let is_own = matches!(entry.authority, Authority::Signer);
        if !is_own && self.least.is_none() {
            self.least = Some(Box::new(self.book.clone()));
        }
        if let Some(least) = self.least.as_deref_mut().filter(|least| is_own && !least.lacks(may(least), &entry.action))
        {
            least.apply(sequence, &entry.action);
        }
        let given = self.book.apply(sequence, &entry.action);
        if let Action::Generation { commitment, .. } = &entry.action {
            self.generations.push(Generation { commitment: *commitment, sequence });
        }
        self.groups = groups;
        let signer = known.unwrap_or_else(|| {
            self.signers.push(signer);
            self.signers.len() - 1
        });
        let takes = matches!(entry.action, Action::Revoke(_) | Action::RevokeAll | Action::Assignment { .. });
        let (time, authority) = (entry.time, entry.authority);
        self.steps.push(Step { hash: *hash, payload, time, signer, takes, authority, given });
        Ok(())
    }

    /// The highest sequences of groups, with this entry's.
    fn raised(&self, authority: &Authority) -> Result<Vec<(Hash, u64)>> {
        let mut groups = self.groups.clone();
        let Authority::Group { id, sequence, .. } = authority else { return Ok(groups) };
        match groups.iter_mut().find(|(known, _)| known.0 == *id) {
            Some((_, highest)) if *highest > *sequence => {
                return Err(Error::new(&(Code::Rollback, "an older state of the group than in an entry before")));
            }
            Some((_, highest)) => *highest = *sequence,
            None => groups.push((Hash(*id), *sequence)),
        }
        Ok(groups)
    }

    /// Step 5: the other conditions of its table.
    fn check_others(&self, action: &Action, signer: &Signer, authority: &Authority) -> Result<()> {
        let is_met = match action {
            Action::Grant(_) | Action::RevokeAll => true,
            Action::Revoke(parties) => parties.iter().all(|party| self.book.rights(party) != Rights::NONE),
            Action::Generation { number, .. } => *number == self.generations.len() as u64,
            Action::Assignment { placeholder, .. } => {
                let is_escrow = matches!(placeholder, Party::Placeholder { escrow, .. } if *escrow == signer.identity);
                let is_own = matches!(authority, Authority::Signer);
                signer.user.is_none() && is_escrow && is_own && self.book.rights(placeholder) != Rights::NONE
            }
        };
        if is_met { Ok(()) } else { Err(FORBIDDEN) }
    }

    /// Readers after the entry of this sequence, sorted by party, and whether each is one without any entry in a group's right.
    pub(super) fn readers_at(&self, sequence: usize) -> impl Iterator<Item = (usize, bool)> {
        let reads = move |book: &Book, party: &Party| book.rights_at(party, sequence as u64).has(Rights::READ);
        let readers = self.book.sorted().filter(move |(_, holder)| reads(&self.book, &holder.party));
        readers
            .map(move |(place, holder)| (place, self.least.as_deref().is_none_or(|least| reads(least, &holder.party))))
    }

    pub(super) const fn book(&self) -> &Book {
        &self.book
    }

    /// Was anything here signed in a group's right?
    pub(super) const fn knows_groups(&self) -> bool {
        self.least.is_some()
    }

    /// In whose right this signer can do this: his own, or that of a group that he belongs to; if there is one, in one that counts too if entries that aren't confirmed have
    /// no effect. His own where nobody's suffices.
    pub(super) fn authority_for(&self, signer: &Signer, action: &Action, groups: &dyn Signers) -> Authority {
        let suffices = |book: &Book, party: &Party| !book.lacks(book.rights(party), action);
        let confirmed = if self.knows_groups() { self.confirmed_replay(groups, 0).ok() } else { None };
        let counts = |party: &Party| {
            suffices(&self.book, party) && confirmed.as_ref().is_none_or(|(book, _)| suffices(book, party))
        };
        let authority = self.authority_with(signer, groups, counts);
        let authority = authority.or_else(|| self.authority_with(signer, groups, |party| suffices(&self.book, party)));
        authority.unwrap_or(Authority::Signer)
    }

    /// In whose right this signer may read now.
    pub(super) fn reading_authority(&self, signer: &Signer, groups: &dyn Signers) -> Option<Authority> {
        self.authority_with(signer, groups, |party| self.book.rights(party).has(Rights::READ))
    }

    fn authority_with(
        &self,
        signer: &Signer,
        groups: &dyn Signers,
        suffices: impl Fn(&Party) -> bool,
    ) -> Option<Authority> {
        let party = signer.party()?;
        if suffices(&party) {
            return Some(Authority::Signer);
        }
        self.book.sorted().filter(|(_, holder)| suffices(&holder.party)).find_map(|(_, holder)| {
            let Party::Group(id) = &holder.party else { return None };
            let group = groups.group(id).ok().filter(|group| group.role(&party).is_some())?;
            let View { sequence, hash } = group.head();
            Some(Authority::Group { id: id.0, sequence, hash })
        })
    }

    /// Groups that have or had rights. Only such a one is an entry's authority.
    pub fn groups(&self) -> impl Iterator<Item = &Hash> {
        self.book.holders().iter().filter_map(|holder| match &holder.party {
            Party::Group(id) => Some(id),
            _ => None,
        })
    }

    /// Where the party stands in the book.
    pub(super) fn place(&self, party: &Party) -> Option<usize> {
        self.book.place(party)
    }

    /// The party of a place.
    pub(super) fn party(&self, place: usize) -> Option<&Party> {
        self.book.party(place)
    }

    /// The session's id.
    #[must_use]
    pub const fn id(&self) -> &Hash {
        &self.id
    }

    /// The application.
    #[must_use]
    pub const fn app_id(&self) -> &AppId {
        &self.app_id
    }

    /// Number of entries after the genesis, which is the sequence of the newest.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.steps.len().saturating_sub(1)
    }

    /// The newest entry: the view of who writes now.
    #[must_use]
    pub fn head(&self) -> View {
        let hash = self.steps.last().map_or(self.id, |step| step.hash);
        View { sequence: self.entries() as u64, hash: hash.0 }
    }

    /// Hashes of the genesis and of the entries.
    pub fn hashes(&self) -> impl Iterator<Item = &Hash> {
        self.steps.iter().map(|step| &step.hash)
    }

    /// The creator, as he signed the genesis.
    #[must_use]
    pub fn creator(&self) -> Option<&Signer> {
        self.signers.first()
    }

    /// Who signed anything here: verified identities' bundles.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(super) fn signer_of(&self, step: &Step) -> Option<&Signer> {
        self.signers.get(step.signer)
    }

    /// What a party may do now.
    #[must_use]
    pub fn rights(&self, party: &Party) -> Rights {
        self.book.rights(party)
    }

    /// What a party could do after the entry of this sequence.
    #[must_use]
    pub fn rights_at(&self, party: &Party, sequence: u64) -> Rights {
        self.book.rights_at(party, sequence)
    }

    /// Was the party a reader ever?
    pub(super) fn has_read(&self, party: &Party) -> bool {
        self.book.holder(party).is_some_and(|holder| holder.changes.iter().any(|change| change.1.has(Rights::READ)))
    }

    /// Whose rights the entry of this sequence changed: before it, and after.
    pub fn changed_by(&self, sequence: usize) -> impl Iterator<Item = (&Party, Rights, Rights)> {
        self.book.holders().iter().filter_map(move |holder| {
            let place = holder.changes.binary_search_by_key(&sequence, |change| change.0).ok()?;
            let before = place.checked_sub(1).and_then(|place| holder.changes.get(place));
            Some((&holder.party, before.map_or(Rights::NONE, |change| change.1), holder.changes.get(place)?.1))
        })
    }

    /// Parties with rights, sorted.
    pub fn holdings(&self) -> impl Iterator<Item = Holding<'_>> {
        self.book.sorted().filter(|(_, holder)| holder.rights() != Rights::NONE).filter_map(|(_, holder)| {
            let given = holder.changes.iter().rposition(|change| change.1 == Rights::NONE).map_or(0, |lost| lost + 1);
            let step = self.steps.get(holder.changes.get(given)?.0)?;
            Some(Holding {
                party: &holder.party,
                rights: holder.rights(),
                added_by: self.signer_of(step)?,
                added_at: step.time,
            })
        })
    }

    /// Has everybody lost all rights?
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.book.holders().iter().all(|holder| holder.rights() == Rights::NONE)
    }

    /// Number of the newest generation.
    #[must_use]
    pub fn newest_generation(&self) -> usize {
        self.generations.len().saturating_sub(1)
    }

    /// Number of the generation that was the newest after the entry of this sequence.
    #[must_use]
    pub fn generation_at(&self, sequence: u64) -> usize {
        self.generations.partition_point(|generation| generation.sequence as u64 <= sequence).saturating_sub(1)
    }

    /// Sequence of the entry that began a generation.
    pub(super) fn begun(&self, generation: usize) -> usize {
        self.generations.get(generation).map_or(0, |generation| generation.sequence)
    }

    /// Does the entry of this sequence begin a generation?
    pub(super) fn begins_generation(&self, sequence: usize) -> bool {
        self.generations.binary_search_by_key(&sequence, |generation| generation.sequence).is_ok()
    }

    /// Commitment of a generation's key.
    #[must_use]
    pub fn commitment(&self, generation: usize) -> Option<&KeyCommitment> {
        self.generations.get(generation).map(|generation| &generation.commitment)
    }

    /// Does a later entry take somebody's stanza of the newest generation out of use?
    pub(super) fn is_superseded(&self) -> bool {
        let since = self.generations.last().map_or(0, |generation| generation.sequence);
        self.steps.iter().skip(since).any(|step| step.takes)
    }

    /// Compares with what was seen of this log before.
    ///
    /// # Errors
    /// `rollback` where this one is shorter, `fork` where they differ: SPEC section 12.3, step 6.
    pub fn check_follows(&self, earlier: &Self) -> Result<()> {
        if self.id != earlier.id {
            return Err(Error::new(&(Code::KeyMismatch, "the log of another session")));
        }
        // Each entry names the one before, so the last one stands for all.
        self.check_view(&earlier.head())
    }

    /// Is this a view of this log?
    ///
    /// # Errors
    /// `rollback` beyond its end, `fork` for another entry.
    pub fn check_view(&self, view: &View) -> Result<()> {
        let place = usize::try_from(view.sequence).unwrap_or(usize::MAX);
        let step =
            self.steps.get(place).ok_or(Error::new(&(Code::Rollback, "a log that is shorter than one seen before")))?;
        if step.hash.0 == view.hash { Ok(()) } else { Err(FORK) }
    }
}

/// The bundle of this hash among verified ones.
fn known<'a>(signers: &'a [Signer], bundle: &Hash) -> Result<&'a Signer> {
    signers.iter().find(|signer| signer.bundle == *bundle).ok_or(Error::new(&(Code::BadSignature, "an unknown signer")))
}

/// Step 4: in whose right the signer acts; the key server has none.
///
/// # Errors
/// `unknown-group`, `rollback`, `fork`; `forbidden` for somebody who was no member.
pub(crate) fn authority_party(authority: &Authority, signer: &Signer, groups: &dyn Signers) -> Result<Option<Party>> {
    if let Authority::Group { id, sequence, hash } = authority {
        let group = groups.group(&Hash(*id))?;
        group.check_view(&View { sequence: *sequence, hash: *hash })?;
        if signer.party().and_then(|party| group.role_at(&party, *sequence)).is_none() {
            return Err(Error::new(&(Code::Forbidden, "the signer was no member of the group")));
        }
    }
    Ok(named_party(authority, signer))
}

pub(super) fn named_party(authority: &Authority, signer: &Signer) -> Option<Party> {
    match authority {
        Authority::Signer => signer.party(),
        Authority::Group { id, .. } => Some(Party::Group(Hash(*id))),
    }
}
