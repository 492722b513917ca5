//! Who has which rights in a session, now and after each entry of its log: SPEC section 12.3.

use super::{
    entry::Action,
    rights::{Grant, Rights},
};
use crate::party::Party;

/// Rights by party.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// In the order in which they came.
    holders: Vec<Holder>,
    /// Places in `holders`, sorted by party.
    order: Vec<usize>,
}

/// A party that has or had rights.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) party: Party,
    /// Sequences, rising, with the rights from there on.
    pub(super) changes: Vec<(usize, Rights)>,
}

impl Holder {
    pub(super) fn rights(&self) -> Rights {
        self.changes.last().map_or(Rights::NONE, |change| change.1)
    }
}

impl Book {
    /// Where the party stands in `order`.
    fn find(&self, party: &Party) -> Result<usize, usize> {
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

    /// In the order in which they came.
    pub(super) fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// Sorted by party.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (usize, &Holder)> {
        self.order.iter().filter_map(|place| Some((*place, self.holders.get(*place)?)))
    }

    pub(super) fn rights(&self, party: &Party) -> Rights {
        self.holder(party).map_or(Rights::NONE, Holder::rights)
    }

    /// What a party could do after the entry of this sequence.
    pub(super) fn rights_at(&self, party: &Party, sequence: u64) -> Rights {
        let Some(holder) = self.holder(party) else { return Rights::NONE };
        let since = holder.changes.partition_point(|change| change.0 as u64 <= sequence);
        since.checked_sub(1).and_then(|last| holder.changes.get(last)).map_or(Rights::NONE, |change| change.1)
    }

    /// Adds rights, and gives the party's place.
    pub(super) fn add(&mut self, sequence: usize, grant: &Grant) -> usize {
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
        self.holders.push(Holder { party: grant.party.clone(), changes: vec![(sequence, grant.rights)] });
        place
    }

    /// Takes all rights.
    fn strip(&mut self, sequence: usize, party: &Party) {
        if let Some(holder) = self.place(party).and_then(|place| self.holders.get_mut(place)) {
            holder.changes.push((sequence, Rights::NONE));
        }
    }

    /// Does somebody who may do this lack what the table of SPEC asks for?
    pub(super) fn lacks(&self, may: Rights, action: &Action) -> bool {
        let has = match action {
            Action::Grant(grants) => may.has(Rights::FORWARD) && grants.iter().all(|grant| may.has(grant.rights)),
            Action::Revoke(parties) => {
                let managers = parties.iter().any(|party| self.rights(party) == Rights::MANAGE);
                may.has(if managers { Rights::MANAGE } else { Rights::REVOKE })
            }
            Action::RevokeAll => may.has(Rights::MANAGE),
            Action::Generation { .. } => may.has(Rights::READ),
            Action::Assignment { .. } => true,
        };
        !has
    }

    /// What an entry does, its conditions being met. Gives the places of those whom it gives read, sorted by party.
    pub(super) fn apply(&mut self, sequence: usize, action: &Action) -> Vec<usize> {
        match action {
            Action::Grant(grants) => {
                let places: Vec<_> = grants.iter().map(|grant| (self.add(sequence, grant), grant.rights)).collect();
                places.into_iter().filter(|(_, rights)| rights.has(Rights::READ)).map(|(place, _)| place).collect()
            }
            Action::Revoke(parties) => {
                for party in parties {
                    self.strip(sequence, party);
                }
                Vec::new()
            }
            Action::RevokeAll => {
                for holder in self.holders.iter_mut().filter(|holder| holder.rights() != Rights::NONE) {
                    holder.changes.push((sequence, Rights::NONE));
                }
                Vec::new()
            }
            Action::Generation { .. } => Vec::new(),
            Action::Assignment { placeholder, group } => {
                let rights = self.rights(placeholder);
                if rights == Rights::NONE {
                    return Vec::new();
                }
                self.strip(sequence, placeholder);
                let place = self.add(sequence, &Grant { party: Party::Group(*group), rights });
                if rights.has(Rights::READ) { vec![place] } else { Vec::new() }
            }
        }
    }
}
