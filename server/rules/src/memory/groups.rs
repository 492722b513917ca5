//! Groups, placeholders and claims in memory.

use wardkey::{encoding::base64url, group::Role, identity::UserId, key_pair::Fingerprint, party::Party, signed::Hash};

use super::{
    MemoryStore, add, broken, log_row, logged, party_key,
    tables::{self, Bytes, ClaimRow, GroupRow, HeadRow, WaitingRow},
    user_id, wraps, wraps_row,
};
use crate::store::{Claim, Group, GroupStore, Kept, KeptHead, Logged, Membership, StoreError, Wraps};

fn membership(is_admin: Option<bool>) -> Membership {
    is_admin.map_or(Membership::Left, |is_admin| Membership::Is(if is_admin { Role::Admin } else { Role::Member }))
}

/// Name and bytes of a placeholder.
fn named(party: &Party) -> Kept<(String, Bytes)> {
    match party {
        Party::Placeholder { name, .. } => Ok((name.as_str().to_owned(), Bytes(party.to_bytes()))),
        _ => Err(StoreError("not a placeholder".to_owned())),
    }
}

fn waiting_key(session: &Hash, party: &Party) -> String {
    [session.to_string(), party_key(party)].join(" ")
}

impl MemoryStore {
    fn group_of(&self, id: &Hash) -> Option<&tables::Group> {
        self.tables.groups.get(&id.to_string())
    }

    /// Writes to a group; `undo` takes it back.
    fn on_group<T: Send + 'static>(
        &mut self,
        id: &Hash,
        write: impl FnOnce(&mut tables::Group) -> Kept<T>,
        undo: impl FnOnce(&mut tables::Group, T) + Send + 'static,
    ) -> Kept<()> {
        self.on(|tables| &mut tables.groups, id.to_string(), write, undo)
    }
}

impl GroupStore for MemoryStore {
    fn group(&mut self, id: &Hash) -> Kept<Option<Group>> {
        let head = self.group_of(id).and_then(|group| group.head.as_ref());
        Ok(head.map(|row| Group {
            sequence: row.sequence,
            epoch: row.epoch,
            key: Fingerprint(row.key),
            fresh_until: row.fresh_until,
        }))
    }

    fn put_group(&mut self, id: &Hash, group: &Group) -> Kept<()> {
        let Group { sequence, epoch, key, fresh_until } = *group;
        let row = GroupRow { sequence, epoch, key: key.0, fresh_until };
        self.on_group(id, |group| Ok(group.head.replace(row)), |group, before| group.head = before)
    }

    fn group_state(&mut self, id: &Hash) -> Kept<Option<Vec<u8>>> {
        Ok(self.group_of(id).and_then(|group| group.state.clone()).map(|state| state.0))
    }

    fn put_group_state(&mut self, id: &Hash, state: &[u8]) -> Kept<()> {
        let state = Bytes(state.to_vec());
        self.on_group(id, |group| Ok(group.state.replace(state)), |group, before| group.state = before)
    }

    fn operations(&mut self, id: &Hash, from: u64) -> Kept<Vec<Logged>> {
        let rows = self.group_of(id).into_iter().flat_map(|group| group.operations.range(from..));
        rows.map(|(sequence, row)| logged(*sequence, row)).collect()
    }

    fn add_operation(&mut self, id: &Hash, logged: &Logged) -> Kept<()> {
        let (sequence, row) = (logged.sequence, log_row(logged));
        self.on_group(
            id,
            |group| add(&mut group.operations, sequence, row),
            move |group, ()| {
                group.operations.remove(&sequence);
            },
        )
    }

    fn add_group_keys(&mut self, id: &Hash, keys: &Wraps) -> Kept<()> {
        let (sequence, row) = (keys.sequence, wraps_row(keys));
        self.on_group(
            id,
            |group| add(&mut group.keys, sequence, row),
            move |group, ()| {
                group.keys.remove(&sequence);
            },
        )
    }

    fn newest_group_keys(&mut self, id: &Hash, party: &Party) -> Kept<Option<Wraps>> {
        let key = party_key(party);
        let rows = self.group_of(id).into_iter().flat_map(|group| group.keys.iter().rev());
        let newest = rows.into_iter().find(|(_, row)| row.bodies.contains_key(&key));
        Ok(newest.map(|(sequence, row)| wraps(*sequence, row, core::slice::from_ref(party))))
    }

    fn heads(&mut self, id: &Hash) -> Kept<Vec<KeptHead>> {
        let rows = self.group_of(id).map(|group| group.heads.as_slice()).unwrap_or_default();
        let head = |row: &HeadRow| Ok(KeptHead { signer: user_id(&row.signer)?, object: row.object.0.clone() });
        rows.iter().map(head).collect()
    }

    fn put_heads(&mut self, id: &Hash, heads: &[KeptHead]) -> Kept<()> {
        let row =
            |head: &KeptHead| HeadRow { signer: head.signer.as_str().to_owned(), object: Bytes(head.object.clone()) };
        let rows = heads.iter().map(row).collect();
        self.on_group(id, |group| Ok(core::mem::replace(&mut group.heads, rows)), |group, before| group.heads = before)
    }

    fn membership(&mut self, id: &Hash, user: &UserId) -> Kept<Option<Membership>> {
        let row = self.group_of(id).and_then(|group| group.members.get(user.as_str()));
        Ok(row.map(|row| membership(*row)))
    }

    fn put_membership(&mut self, id: &Hash, user: &UserId, membership: Membership) -> Kept<()> {
        let row = match membership {
            Membership::Left => None,
            Membership::Is(role) => Some(role == Role::Admin),
        };
        let (name, group) = (user.as_str().to_owned(), id.to_string());
        let again = name.clone();
        self.on_group(
            id,
            |group| Ok(group.members.insert(name, row)),
            |group, before| match before {
                Some(row) => drop(group.members.insert(again, row)),
                None => drop(group.members.remove(&again)),
            },
        )?;
        let again = group.clone();
        self.on_user(
            user,
            |user| Ok(user.groups.insert(group)),
            move |user, is_new| {
                if is_new {
                    user.groups.remove(&again);
                }
            },
        )
    }

    fn memberships(&mut self, user: &UserId) -> Kept<Vec<(Hash, Membership)>> {
        let groups = self.user(user).into_iter().flat_map(|user| &user.groups);
        let row = |id: &String| {
            let group = self.tables.groups.get(id).and_then(|group| group.members.get(user.as_str()));
            Ok((Hash::parse(id).ok_or_else(broken)?, membership(*group.ok_or_else(broken)?)))
        };
        groups.map(row).collect()
    }

    fn members(&mut self, id: &Hash) -> Kept<Vec<UserId>> {
        let rows = self.group_of(id).into_iter().flat_map(|group| &group.members);
        rows.filter(|(_, row)| row.is_some()).map(|(name, _)| user_id(name)).collect()
    }

    fn is_watcher(&mut self, id: &Hash, user: &UserId) -> Kept<bool> {
        Ok(self.group_of(id).is_some_and(|group| group.watchers.contains(user.as_str())))
    }

    fn add_watcher(&mut self, id: &Hash, user: &UserId) -> Kept<()> {
        let name = user.as_str().to_owned();
        let again = name.clone();
        self.on_group(
            id,
            |group| {
                if group.watchers.insert(name) { Ok(()) } else { Err(StoreError(super::TWICE.to_owned())) }
            },
            move |group, ()| {
                group.watchers.remove(&again);
            },
        )
    }

    fn watchers(&mut self, id: &Hash) -> Kept<Vec<UserId>> {
        let names = self.group_of(id).into_iter().flat_map(|group| &group.watchers);
        names.map(|name| user_id(name)).collect()
    }

    fn put_waiting(&mut self, session: &Hash, placeholder: &Party, opens: bool) -> Kept<()> {
        let (name, party) = named(placeholder)?;
        let key = waiting_key(session, placeholder);
        let (again, session) = (key.clone(), session.to_string());
        self.on(
            |tables| &mut tables.waiting,
            name,
            |waiting| {
                let known = waiting.places.get(&key).copied();
                let place = known.unwrap_or_else(|| waiting.rows.last_key_value().map_or(0, |(last, _)| last + 1));
                waiting.places.insert(key, place);
                Ok((place, waiting.rows.insert(place, WaitingRow { session, party, opens })))
            },
            move |waiting, (place, before)| match before {
                Some(row) => drop(waiting.rows.insert(place, row)),
                None => {
                    waiting.rows.remove(&place);
                    waiting.places.remove(&again);
                }
            },
        )
    }

    fn remove_waiting(&mut self, session: &Hash, placeholder: &Party) -> Kept<()> {
        let (name, _) = named(placeholder)?;
        let key = waiting_key(session, placeholder);
        let again = key.clone();
        self.on(
            |tables| &mut tables.waiting,
            name,
            |waiting| {
                let place = waiting.places.remove(&key);
                Ok(place.and_then(|place| Some((place, waiting.rows.remove(&place)?))))
            },
            |waiting, removed| {
                if let Some((place, row)) = removed {
                    waiting.places.insert(again, place);
                    waiting.rows.insert(place, row);
                }
            },
        )
    }

    fn waiting(&mut self, placeholder: &Party, most: usize) -> Kept<Vec<Hash>> {
        let (name, party) = named(placeholder)?;
        let rows = self.tables.waiting.get(&name).into_iter().flat_map(|waiting| waiting.rows.values());
        let rows = rows.filter(|row| row.party == party && row.opens);
        rows.take(most).map(|row| Hash::parse(&row.session).ok_or_else(broken)).collect()
    }

    fn first_waiting(&mut self, name: &UserId, with_contact: bool) -> Kept<Option<Party>> {
        let rows = self.tables.waiting.get(name.as_str()).into_iter().flat_map(|waiting| waiting.rows.values());
        for row in rows {
            let party = Party::from_bytes(&row.party.0).map_err(|_| broken())?;
            if matches!(&party, Party::Placeholder { contact, .. } if contact.is_some() == with_contact) {
                return Ok(Some(party));
            }
        }
        Ok(None)
    }

    fn claim(&mut self, id: &[u8; 16]) -> Kept<Option<Claim>> {
        let Some(row) = self.tables.claims.get(&base64url(id)).cloned() else { return Ok(None) };
        let ClaimRow { user, group, placeholder, code, end, tries, answered } = row;
        let placeholder = Party::from_bytes(&placeholder.0).map_err(|_| broken())?;
        let group = Hash::parse(&group).ok_or_else(broken)?;
        Ok(Some(Claim { user: user_id(&user)?, group, placeholder, code, end, tries, answered }))
    }

    fn put_claim(&mut self, id: &[u8; 16], claim: &Claim) -> Kept<()> {
        let Claim { user, group, placeholder, code, end, tries, answered } = claim.clone();
        let row = ClaimRow {
            user: user.as_str().to_owned(),
            group: group.to_string(),
            placeholder: Bytes(placeholder.to_bytes()),
            code,
            end,
            tries,
            answered,
        };
        self.put(|tables| &mut tables.claims, base64url(id), row);
        Ok(())
    }
}
