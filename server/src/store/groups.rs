//! The rules' tables of groups and of placeholders, as SQL.

use wardkey::{group::Role, identity::UserId, key_pair::Fingerprint, party::Party, signed::Hash};
use wardkey_rules::{Claim, Group, GroupStore, Kept, KeptHead, Logged, Membership, StanzaBody, StoreError, Wraps};

use super::{
    connection::{Value, bytes, flag, int, or_null},
    row::{Row, broken},
    tables::{Tables, logged, name},
};

fn membership(row: &mut Row) -> Kept<Membership> {
    match row.int()? {
        0 => Ok(Membership::Left),
        1 => Ok(Membership::Is(Role::Member)),
        2 => Ok(Membership::Is(Role::Admin)),
        _ => Err(broken()),
    }
}

/// The name of a placeholder, and whether it has a contact.
fn named(party: &Party) -> Kept<(Value, Value)> {
    match party {
        Party::Placeholder { name: place, contact, .. } => Ok((name(place), flag(contact.is_some()))),
        _ => Err(StoreError("only placeholders wait".to_owned())),
    }
}

impl GroupStore for Tables<'_> {
    fn group(&mut self, id: &Hash) -> Kept<Option<Group>> {
        let sql = "SELECT sequence, epoch, epoch_key, fresh_until FROM group_head WHERE id = ?1";
        self.one(sql, &[bytes(id.0)], |mut row| {
            Ok(Group {
                sequence: row.int()?,
                epoch: row.int()?,
                key: Fingerprint(row.fixed()?),
                fresh_until: row.int()?,
            })
        })
    }

    fn put_group(&mut self, id: &Hash, group: &Group) -> Kept<()> {
        self.run(
            "INSERT INTO group_head (id, sequence, epoch, epoch_key, fresh_until) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, \
             epoch = excluded.epoch, epoch_key = excluded.epoch_key, fresh_until = excluded.fresh_until",
            &[bytes(id.0), int(group.sequence)?, int(group.epoch)?, bytes(group.key.0), int(group.fresh_until)?],
        )
    }

    fn group_state(&mut self, id: &Hash) -> Kept<Option<Vec<u8>>> {
        self.one("SELECT state FROM group_state WHERE id = ?1", &[bytes(id.0)], |mut row| row.bytes())
    }

    fn put_group_state(&mut self, id: &Hash, state: &[u8]) -> Kept<()> {
        self.run(
            "INSERT INTO group_state (id, state) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
            &[bytes(id.0), bytes(state)],
        )
    }

    fn operations(&mut self, id: &Hash, from: u64) -> Kept<Vec<Logged>> {
        let sql =
            "SELECT sequence, signer, object FROM operation WHERE group_id = ?1 AND sequence >= ?2 ORDER BY sequence";
        self.all(sql, &[bytes(id.0), int(from)?], logged)
    }

    fn add_operation(&mut self, id: &Hash, logged: &Logged) -> Kept<()> {
        self.run(
            "INSERT INTO operation (group_id, sequence, signer, object) VALUES (?1, ?2, ?3, ?4)",
            &[bytes(id.0), int(logged.sequence)?, or_null(logged.signer.as_ref().map(name)), bytes(&logged.object)],
        )
    }

    fn add_group_keys(&mut self, id: &Hash, keys: &Wraps) -> Kept<()> {
        self.run(
            "INSERT INTO group_keys (group_id, sequence, signed) VALUES (?1, ?2, ?3)",
            &[bytes(id.0), int(keys.sequence)?, bytes(&keys.signed)],
        )?;
        for body in &keys.bodies {
            self.run(
                "INSERT INTO group_body (group_id, party, sequence, place, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[
                    bytes(id.0),
                    bytes(body.party.to_bytes()),
                    int(keys.sequence)?,
                    int(body.place.into())?,
                    bytes(&body.bytes),
                ],
            )?;
        }
        Ok(())
    }

    fn newest_group_keys(&mut self, id: &Hash, party: &Party) -> Kept<Option<Wraps>> {
        let sql = "SELECT b.sequence, k.signed, b.place, b.body FROM group_body AS b JOIN group_keys AS k ON k.group_id = b.group_id AND k.sequence = b.sequence \
                   WHERE b.group_id = ?1 AND b.party = ?2 ORDER BY b.sequence DESC LIMIT 1";
        self.one(sql, &[bytes(id.0), bytes(party.to_bytes())], |mut row| {
            let (sequence, signed, place) = (row.int()?, row.bytes()?, row.int()?);
            let place = u32::try_from(place).map_err(|_| broken())?;
            Ok(Wraps {
                sequence,
                signed,
                bodies: vec![StanzaBody { place, party: party.clone(), bytes: row.bytes()? }],
            })
        })
    }

    fn heads(&mut self, id: &Hash) -> Kept<Vec<KeptHead>> {
        let sql = "SELECT signer, object FROM signed_head WHERE group_id = ?1 ORDER BY place";
        self.all(sql, &[bytes(id.0)], |mut row| Ok(KeptHead { signer: row.user()?, object: row.bytes()? }))
    }

    fn put_heads(&mut self, id: &Hash, heads: &[KeptHead]) -> Kept<()> {
        self.run("DELETE FROM signed_head WHERE group_id = ?1", &[bytes(id.0)])?;
        for (place, head) in (0..).zip(heads) {
            self.run(
                "INSERT INTO signed_head (group_id, place, signer, object) VALUES (?1, ?2, ?3, ?4)",
                &[bytes(id.0), Value::Int(place), name(&head.signer), bytes(&head.object)],
            )?;
        }
        Ok(())
    }

    fn membership(&mut self, id: &Hash, user: &UserId) -> Kept<Option<Membership>> {
        let sql = "SELECT role FROM member WHERE group_id = ?1 AND user_id = ?2";
        self.one(sql, &[bytes(id.0), name(user)], |mut row| membership(&mut row))
    }

    fn put_membership(&mut self, id: &Hash, user: &UserId, membership: Membership) -> Kept<()> {
        let role = match membership {
            Membership::Left => 0,
            Membership::Is(Role::Member) => 1,
            Membership::Is(Role::Admin) => 2,
        };
        self.run(
            "INSERT INTO member (group_id, user_id, role) VALUES (?1, ?2, ?3) ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role",
            &[bytes(id.0), name(user), Value::Int(role)],
        )
    }

    fn memberships(&mut self, user: &UserId) -> Kept<Vec<(Hash, Membership)>> {
        self.all("SELECT group_id, role FROM member WHERE user_id = ?1", &[name(user)], |mut row| {
            Ok((row.hash()?, membership(&mut row)?))
        })
    }

    fn members(&mut self, id: &Hash) -> Kept<Vec<UserId>> {
        self.all("SELECT user_id FROM member WHERE group_id = ?1 AND role > 0", &[bytes(id.0)], |mut row| row.user())
    }

    fn is_watcher(&mut self, id: &Hash, user: &UserId) -> Kept<bool> {
        let sql = "SELECT 1 FROM watcher WHERE group_id = ?1 AND user_id = ?2";
        Ok(self.one(sql, &[bytes(id.0), name(user)], |_| Ok(()))?.is_some())
    }

    fn add_watcher(&mut self, id: &Hash, user: &UserId) -> Kept<()> {
        self.run("INSERT INTO watcher (group_id, user_id) VALUES (?1, ?2)", &[bytes(id.0), name(user)])
    }

    fn watchers(&mut self, id: &Hash) -> Kept<Vec<UserId>> {
        self.all("SELECT user_id FROM watcher WHERE group_id = ?1", &[bytes(id.0)], |mut row| row.user())
    }

    fn put_waiting(&mut self, session: &Hash, placeholder: &Party, opens: bool) -> Kept<()> {
        let (place_name, has_contact) = named(placeholder)?;
        let sql = "SELECT MAX(place) FROM waiting WHERE name = ?1";
        let last = self.one(sql, core::slice::from_ref(&place_name), |mut row| row.int_or_null())?.flatten();
        let place = last.map_or(0, |last| last.saturating_add(1));
        self.run(
            "INSERT INTO waiting (name, place, session, party, has_contact, opens) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (session, party) DO UPDATE SET opens = excluded.opens",
            &[place_name, int(place)?, bytes(session.0), bytes(placeholder.to_bytes()), has_contact, flag(opens)],
        )
    }

    fn remove_waiting(&mut self, session: &Hash, placeholder: &Party) -> Kept<()> {
        self.run(
            "DELETE FROM waiting WHERE session = ?1 AND party = ?2",
            &[bytes(session.0), bytes(placeholder.to_bytes())],
        )
    }

    fn waiting(&mut self, placeholder: &Party, most: usize) -> Kept<Vec<Hash>> {
        let (place_name, _) = named(placeholder)?;
        let most = int(u64::try_from(most).unwrap_or(u64::MAX).min(1 << 32))?;
        let sql = "SELECT session FROM waiting WHERE name = ?1 AND party = ?2 AND opens = 1 ORDER BY place LIMIT ?3";
        self.all(sql, &[place_name, bytes(placeholder.to_bytes()), most], |mut row| row.hash())
    }

    fn first_waiting(&mut self, place: &UserId, with_contact: bool) -> Kept<Option<Party>> {
        let sql = "SELECT party FROM waiting WHERE name = ?1 AND has_contact = ?2 ORDER BY place LIMIT 1";
        self.one(sql, &[name(place), flag(with_contact)], |mut row| row.party())
    }

    fn claim(&mut self, id: &[u8; 16]) -> Kept<Option<Claim>> {
        let sql = "SELECT user_id, group_id, placeholder, code, ends, tries, answered FROM claim WHERE id = ?1";
        self.one(sql, &[bytes(id)], |mut row| {
            Ok(Claim {
                user: row.user()?,
                group: row.hash()?,
                placeholder: row.party()?,
                code: row.fixed()?,
                end: row.int()?,
                tries: row.int()?,
                answered: row.flag()?,
            })
        })
    }

    fn put_claim(&mut self, id: &[u8; 16], claim: &Claim) -> Kept<()> {
        let Claim { user, group, placeholder, code, end, tries, answered } = claim;
        self.run(
            "INSERT INTO claim (id, user_id, group_id, placeholder, code, ends, tries, answered) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET \
             user_id = excluded.user_id, group_id = excluded.group_id, placeholder = excluded.placeholder, code = excluded.code, ends = excluded.ends, tries = excluded.tries, \
             answered = excluded.answered",
            &[
                bytes(id),
                name(user),
                bytes(group.0),
                bytes(placeholder.to_bytes()),
                bytes(code),
                int(*end)?,
                int(*tries)?,
                flag(*answered),
            ],
        )
    }
}
