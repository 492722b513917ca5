//! What opens sessions, a thousand of them in one request: API section 6.3.

use std::collections::BTreeSet;

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{identity::UserId, journal::Subject, party::Party, session::Rights, signed::Hash};

use crate::{
    ApiError, Work, bytes,
    error::Result,
    objects,
    reader::Reader,
    request::{MAX_LIST, Members},
    sessions::{UNKNOWN, joined},
    store::{Head, Store},
};

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn keys(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["sessions", "signers", "groups", "cursor"])?;
        let asked = members.list("sessions", MAX_LIST, |session| {
            let members = Members::of(session, &["id", "after"])?;
            Ok((members.hash("id")?, members.number_if_any("after")?))
        })?;
        let bundles = members.hashes("signers")?;
        let asked_groups = members.list("groups", MAX_LIST, |group| {
            let members = Members::of(group, &["id", "after", "epoch"])?;
            Ok((members.hash("id")?, members.number_if_any("after")?, members.number_if_any("epoch")?))
        })?;
        let cursor = if members.has("cursor") { Some(members.text_or_null("cursor")?) } else { None };

        let reader = self.reader(caller)?;
        let (mut answers, mut signers) = (Vec::with_capacity(asked.len()), Vec::new());
        let mut known: BTreeSet<_> = asked_groups.iter().map(|(id, ..)| *id).collect();
        let mut other_groups = Vec::new();
        for (id, after) in &asked {
            let groups = self.store.group_rights(id)?;
            answers.push(match self.session_for(&reader, id, &groups)? {
                Ok((head, rights)) => {
                    let parties = if rights.has(Rights::READ) { reader.parties(&groups) } else { Vec::new() };
                    let (answer, released) = self.answer(&parties, id, *after, &mut signers)?;
                    if released {
                        let detail = ("generation", head.generation.to_string());
                        self.tell(&Subject::Session(*id), Some(caller), "release", &[detail])?;
                    }
                    // Whoever signs in a group's right, that group has or had one.
                    other_groups
                        .extend(groups.into_iter().map(|(group, _)| group).filter(|group| known.insert(*group)));
                    answer
                }
                Err(error) => json!({ "error": error.code().as_str() }),
            });
        }
        for bundle in &bundles {
            signers.extend(self.store.owner_of(bundle)?);
        }
        let whole = other_groups.into_iter().map(|id| (id, None, None));
        let mut groups = Vec::with_capacity(asked_groups.len());
        for (id, after, epoch) in asked_groups.into_iter().chain(whole) {
            groups.push(self.group_for((caller, reader.party()), &id, (after, epoch), &mut signers)?);
        }
        let mut reply = json!({ "sessions": answers, "identities": self.identities(&signers)?, "groups": groups });
        if let Some((cursor, members)) = cursor.zip(reply.as_object_mut()) {
            members.insert("feed".to_owned(), self.feed(caller, cursor)?);
        }
        Ok(reply)
    }

    /// Up to where a session goes, and the caller's rights in it, at least one; or what stands in the place of the answer.
    fn session_for(
        &mut self,
        reader: &Reader,
        id: &Hash,
        groups: &[(Hash, Rights)],
    ) -> Result<core::result::Result<(Head, Rights), ApiError>> {
        let Some(head) = self.store.session(id)? else { return Ok(Err(UNKNOWN)) };
        Ok(self.rights(reader, id, groups)?.map(|rights| (head, rights)))
    }

    /// Genesis, entries and wraps, with the bodies of these parties; and whether there were any.
    fn answer(
        &mut self,
        parties: &[Party],
        id: &Hash,
        after: Option<u64>,
        signers: &mut Vec<UserId>,
    ) -> Result<(Value, bool)> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        let logged = self.store.log(id, from)?;
        let wraps = self.store.wraps(id, from, parties)?;
        let is_released = wraps.iter().any(|wraps| !wraps.bodies.is_empty());
        let mut given = Vec::with_capacity(wraps.len());
        for wraps in wraps {
            given.push(joined(wraps)?);
        }
        let (mut genesis, mut entries) = (Value::Null, Vec::with_capacity(logged.len()));
        for logged in logged {
            signers.extend(logged.signer);
            match logged.sequence {
                0 => genesis = bytes(logged.object),
                _ => entries.push(logged.object),
            }
        }
        Ok((json!({ "genesis": genesis, "entries": objects(&entries), "wraps": objects(&given) }), is_released))
    }
}
