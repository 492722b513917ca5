//! A session's log, verified entry by entry: SPEC section 12.3. What it says of the past is kept too: authors had views of it.

use super::{
    entry::{Action, Entry},
    genesis::Genesis,
    rights::{Grant, Rights},
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
    /// In the order in which they came.
    holders: Vec<Holder>,
    /// Places in `holders`, sorted by party.
    order: Vec<usize>,
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
    /// Whom its wraps object is for, sorted by party: places in `holders`. Nobody: it has none.
    pub(super) wrapped: Vec<usize>,
}

/// A party that has or had rights.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) party: Party,
    /// Sequences, rising, with the rights from there on.
    changes: Vec<(usize, Rights)>,
    /// The newest generation that has a stanza for it.
    pub(super) covered: Option<usize>,
}

impl Holder {
    fn rights(&self) -> Rights {
        self.changes.last().map_or(Rights::NONE, |change| change.1)
    }
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
            holders: Vec::new(),
            order: Vec::new(),
            generations: Vec::new(),
            signers: Vec::new(),
        };
        for grant in &genesis.grants {
            log.add(0, grant);
        }
        let wrapped = log.begin_generation(0, genesis.commitment);
        log.signers.push(signer);
        log.steps.push(Step { hash: *id, payload, time: genesis.time, signer: 0, takes: false, wrapped });
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
            self.append(entry.hash(), entry.payload().to_vec(), entry.value(), signer)?;
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
        self.append(&hash_of(Entry::LABEL, payload), payload.to_vec(), &entry, signer)
    }

    /// Takes an entry that was made here.
    pub(super) fn take(&mut self, entry: &Signed<Entry>, signer: &Signer) -> Result<()> {
        self.check_room(1)?;
        self.append(entry.hash(), entry.payload().to_vec(), entry.value(), signer.clone())
    }

    /// Steps 3 to 5, for an entry that follows and whose signature is good.
    fn append(&mut self, hash: &Hash, payload: Vec<u8>, entry: &Entry, signer: Signer) -> Result<()> {
        let known = self.signers.iter().position(|known| known.bundle == signer.bundle);
        let newer = |known: &Signer| known.identity == signer.identity && known.version > signer.version;
        if self.signers.iter().any(newer) {
            return Err(Error::new(&(Code::Rollback, "signed with an older bundle than an entry before")));
        }
        if matches!(entry.authority, Authority::Group { .. }) {
            return Err(Error::new(&(Code::UnknownGroup, "the log of this group is not known")));
        }
        let wrapped = self.act(&entry.action, &signer)?;
        let signer = known.unwrap_or_else(|| {
            self.signers.push(signer);
            self.signers.len() - 1
        });
        let takes = matches!(entry.action, Action::Revoke(_) | Action::RevokeAll | Action::Assignment { .. });
        self.steps.push(Step { hash: *hash, payload, time: entry.time, signer, takes, wrapped });
        Ok(())
    }

    /// Step 5: what the signer may do, and what comes of it. Gives whom the entry's wraps are for.
    fn act(&mut self, action: &Action, signer: &Signer) -> Result<Vec<usize>> {
        let sequence = self.steps.len();
        let may = signer.party().map_or(Rights::NONE, |party| self.rights(&party));
        let allow = |is_allowed: bool| if is_allowed { Ok(()) } else { Err(FORBIDDEN) };
        match action {
            Action::Grant(grants) => {
                allow(may.has(Rights::FORWARD) && grants.iter().all(|grant| may.has(grant.rights)))?;
                let places: Vec<_> = grants.iter().map(|grant| (self.add(sequence, grant), grant.rights)).collect();
                let readers = places.into_iter().filter(|(_, rights)| rights.has(Rights::READ));
                Ok(self.cover(readers.map(|(place, _)| place).collect()))
            }
            Action::Revoke(parties) => {
                let named: Vec<_> = parties.iter().map(|party| self.rights(party)).collect();
                let managers = named.contains(&Rights::MANAGE);
                let needed = if managers { Rights::MANAGE } else { Rights::REVOKE };
                allow(may.has(needed) && !named.contains(&Rights::NONE))?;
                for party in parties {
                    self.strip(sequence, party);
                }
                Ok(Vec::new())
            }
            Action::RevokeAll => {
                allow(may.has(Rights::MANAGE))?;
                for holder in self.holders.iter_mut().filter(|holder| holder.rights() != Rights::NONE) {
                    holder.changes.push((sequence, Rights::NONE));
                }
                Ok(Vec::new())
            }
            Action::Generation { number, commitment } => {
                allow(may.has(Rights::READ) && *number == self.generations.len() as u64)?;
                Ok(self.begin_generation(sequence, *commitment))
            }
            Action::Assignment { placeholder, group } => {
                let rights = self.rights(placeholder);
                let is_escrow = matches!(placeholder, Party::Placeholder { escrow, .. } if *escrow == signer.identity);
                allow(signer.user.is_none() && is_escrow && rights != Rights::NONE)?;
                self.strip(sequence, placeholder);
                let place = self.add(sequence, &Grant { party: Party::Group(*group), rights });
                let reader = if rights.has(Rights::READ) { vec![place] } else { Vec::new() };
                Ok(self.cover(reader))
            }
        }
    }

    /// Where the party stands in `order`.
    fn find(&self, party: &Party) -> core::result::Result<usize, usize> {
        self.order.binary_search_by(|place| self.holders.get(*place).map(|holder| &holder.party).cmp(&Some(party)))
    }

    /// Where the party stands in `holders`.
    pub(super) fn place(&self, party: &Party) -> Option<usize> {
        self.find(party).ok().and_then(|rank| self.order.get(rank).copied())
    }

    pub(super) fn holder(&self, party: &Party) -> Option<&Holder> {
        self.holders.get(self.place(party)?)
    }

    /// The party of a place.
    pub(super) fn party(&self, place: usize) -> Option<&Party> {
        self.holders.get(place).map(|holder| &holder.party)
    }

    /// Adds rights, and gives the party's place.
    fn add(&mut self, sequence: usize, grant: &Grant) -> usize {
        let rank = self.find(&grant.party);
        let place = rank.ok().and_then(|rank| self.order.get(rank).copied());
        if let Some((place, holder)) = place.and_then(|place| Some((place, self.holders.get_mut(place)?))) {
            let rights = holder.rights().with(grant.rights);
            if rights != holder.rights() {
                holder.changes.push((sequence, rights));
            }
            return place;
        }
        let place = self.holders.len();
        self.order.insert(rank.unwrap_or_else(|rank| rank), place);
        let changes = vec![(sequence, grant.rights)];
        self.holders.push(Holder { party: grant.party.clone(), changes, covered: None });
        place
    }

    /// Takes all rights.
    fn strip(&mut self, sequence: usize, party: &Party) {
        if let Some(holder) = self.place(party).and_then(|place| self.holders.get_mut(place)) {
            holder.changes.push((sequence, Rights::NONE));
        }
    }

    /// Gives whom the new generation is wrapped for: all readers.
    fn begin_generation(&mut self, sequence: usize, commitment: KeyCommitment) -> Vec<usize> {
        self.generations.push(Generation { commitment, sequence });
        let readers = self
            .order
            .iter()
            .copied()
            .filter(|place| self.holders.get(*place).is_some_and(|holder| holder.rights().has(Rights::READ)));
        self.cover(readers.collect())
    }

    /// Those among them who have no stanza of the newest generation yet; now they will.
    fn cover(&mut self, mut places: Vec<usize>) -> Vec<usize> {
        let newest = self.generations.len().checked_sub(1);
        places.retain(|place| {
            let holder = self.holders.get_mut(*place).filter(|holder| holder.covered != newest);
            holder.map(|holder| holder.covered = newest).is_some()
        });
        places
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
        self.holder(party).map_or(Rights::NONE, Holder::rights)
    }

    /// What a party could do after the entry of this sequence.
    #[must_use]
    pub fn rights_at(&self, party: &Party, sequence: u64) -> Rights {
        let Some(holder) = self.holder(party) else { return Rights::NONE };
        let since = holder.changes.partition_point(|change| change.0 as u64 <= sequence);
        since.checked_sub(1).and_then(|last| holder.changes.get(last)).map_or(Rights::NONE, |change| change.1)
    }

    /// Was the party a reader ever?
    pub(super) fn has_read(&self, party: &Party) -> bool {
        self.holder(party).is_some_and(|holder| holder.changes.iter().any(|change| change.1.has(Rights::READ)))
    }

    /// Whom the wraps of the entry of this sequence are for, sorted: nobody if it wants none.
    pub fn wrapped_by(&self, sequence: usize) -> impl Iterator<Item = &Party> {
        let step = self.steps.get(sequence);
        step.into_iter().flat_map(|step| &step.wrapped).filter_map(|place| self.party(*place))
    }

    /// Whose rights the entry of this sequence changed: before it, and after.
    pub fn changed_by(&self, sequence: usize) -> impl Iterator<Item = (&Party, Rights, Rights)> {
        self.holders.iter().filter_map(move |holder| {
            let place = holder.changes.binary_search_by_key(&sequence, |change| change.0).ok()?;
            let before = place.checked_sub(1).and_then(|place| holder.changes.get(place));
            Some((&holder.party, before.map_or(Rights::NONE, |change| change.1), holder.changes.get(place)?.1))
        })
    }

    /// Parties with rights, sorted.
    pub fn holdings(&self) -> impl Iterator<Item = Holding<'_>> {
        self.order.iter().filter_map(|place| {
            let holder = self.holders.get(*place).filter(|holder| holder.rights() != Rights::NONE)?;
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
        self.holders.iter().all(|holder| holder.rights() == Rights::NONE)
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

    /// Does the entry of this sequence begin a generation?
    pub(super) fn begins_generation(&self, sequence: usize) -> bool {
        self.generations.iter().any(|generation| generation.sequence == sequence)
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

    /// Who has a stanza of the newest generation.
    pub(super) fn covered(&self) -> impl Iterator<Item = &Party> {
        let newest = self.generations.len().checked_sub(1);
        self.holders.iter().filter(move |holder| holder.covered == newest).map(|holder| &holder.party)
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
