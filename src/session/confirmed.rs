//! Which entries still count where somebody has left the group in whose right he signed: SPEC section 12.4.

use super::{
    book::{Book, Holder},
    entry::Entry,
    genesis::Genesis,
    log::{Log, named_party},
    rights::Rights,
    signer::{Signer, Signers},
};
use crate::{
    error::Result,
    message::Authority,
    party::Party,
    signed::{Hash, decode_payload},
};

impl Log {
    /// Whether each entry is confirmed, by what the verifier knows of the groups. The first is the genesis.
    ///
    /// # Errors
    /// `unknown-group`.
    fn confirmed(&self, groups: &dyn Signers) -> Result<Vec<bool>> {
        let mut confirmed = vec![true; self.steps().len()];
        // Sequences of groups that later confirmed entries name.
        let mut named: Vec<(Hash, Vec<u64>)> = Vec::new();
        for (step, is_confirmed) in self.steps().iter().zip(&mut confirmed).rev() {
            let Authority::Group { id, sequence, .. } = step.authority else { continue };
            let (id, signer) = (Hash(id), self.signer_of(step).and_then(Signer::party));
            let group = groups.group(&id)?;
            let place = named.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
                named.push((id, Vec::new()));
                named.len() - 1
            });
            let Some((_, named)) = named.get_mut(place) else { continue };
            *is_confirmed = signer.is_some_and(|signer| {
                let was_member = |sequence: &u64| group.role_at(&signer, *sequence).is_some();
                group.role(&signer).is_some() || named.iter().any(was_member)
            });
            if *is_confirmed && !named.contains(&sequence) {
                named.push(sequence);
            }
        }
        Ok(confirmed)
    }

    /// Was the newest generation begun by somebody who was a reader then, if entries that aren't confirmed have no effect? Another has its key, for whomever it was wrapped.
    ///
    /// # Errors
    /// `unknown-group`.
    pub(super) fn is_newest_entitled(&self, groups: &dyn Signers) -> Result<bool> {
        let begun = self.begun(self.newest_generation());
        if begun == 0 || !self.knows_groups() {
            return Ok(true);
        }
        let (is_confirmed, may) = self.confirmed_replay(groups, begun)?.1;
        Ok(is_confirmed && may.has(Rights::READ))
    }

    /// By place in the log: is a new generation's key wrapped for the party? For readers who are readers too if entries that aren't confirmed have no effect.
    ///
    /// # Errors
    /// `unknown-group`.
    pub(super) fn wrapped_readers(&self, groups: &dyn Signers) -> Result<Vec<bool>> {
        let book = if self.knows_groups() { Some(self.confirmed_replay(groups, 0)?.0) } else { None };
        let reads = |holder: &Holder| {
            let counts = |book: &Book| book.rights(&holder.party).has(Rights::READ);
            holder.rights().has(Rights::READ) && book.as_ref().is_none_or(counts)
        };
        Ok(self.book().holders().iter().map(reads).collect())
    }

    /// Parties that have rights by entries only that aren't confirmed.
    ///
    /// # Errors
    /// `unknown-group`.
    pub fn unconfirmed(&self, groups: &dyn Signers) -> Result<Vec<Party>> {
        if !self.knows_groups() {
            return Ok(Vec::new());
        }
        let book = self.confirmed_replay(groups, 0)?.0;
        let lacks = |party: &&Party| book.rights(party) == Rights::NONE;
        Ok(self.holdings().map(|holding| holding.party).filter(lacks).cloned().collect())
    }

    /// The replay in which entries that aren't confirmed have no effect. And of one entry, whether it is confirmed, and what its signer's party had before it.
    pub(super) fn confirmed_replay(&self, groups: &dyn Signers, of: usize) -> Result<(Book, (bool, Rights))> {
        let confirmed = self.confirmed(groups)?;
        let (mut book, mut asked) = (Book::default(), (true, Rights::MANAGE));
        for (sequence, (step, is_confirmed)) in self.steps().iter().zip(confirmed).enumerate() {
            if sequence == 0 {
                let genesis: Genesis = decode_payload(&step.payload)?;
                for grant in &genesis.grants {
                    book.add(0, grant);
                }
                continue;
            }
            let entry: Entry = decode_payload(&step.payload)?;
            let party = self.signer_of(step).and_then(|signer| named_party(&entry.authority, signer));
            let may = party.map_or(Rights::NONE, |party| book.rights(&party));
            if sequence == of {
                asked = (is_confirmed, may);
            }
            if is_confirmed && !book.lacks(may, &entry.action) {
                book.apply(sequence, &entry.action);
            }
        }
        Ok((book, asked))
    }
}
