//! What opens sessions, a thousand of them in one request: API section 6.3.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::Code,
    identity::UserId,
    journal::Subject,
    party::Party,
    session::{Rights, join},
    signed::Hash,
};

use crate::{
    ApiError, Work, bytes,
    error::Result,
    objects,
    request::{MAX_LIST, Members},
    sessions::{NOT_ONE, REVOKED, UNKNOWN},
    store::{Head, Store},
};

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn keys(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["sessions", "signers", "cursor"])?;
        let asked = members.list("sessions", MAX_LIST, |session| {
            let members = Members::of(session, &["id", "after"])?;
            let after = if members.has("after") { Some(members.number("after")?) } else { None };
            Ok((members.hash("id")?, after))
        })?;
        let bundles = members.hashes("signers")?;
        let cursor = if members.has("cursor") { Some(members.text_or_null("cursor")?) } else { None };

        let party = self.party(caller)?;
        let (mut answers, mut signers) = (Vec::with_capacity(asked.len()), Vec::new());
        for (id, after) in &asked {
            answers.push(match self.session_for(&party, id)? {
                Ok((head, rights)) => {
                    let parties = if rights.has(Rights::READ) { core::slice::from_ref(&party) } else { &[] };
                    let (answer, released) = self.answer(parties, id, *after, &mut signers)?;
                    if released {
                        let detail = ("generation", head.generation.to_string());
                        self.tell(&Subject::Session(*id), Some(caller), "release", detail)?;
                    }
                    answer
                }
                Err(error) => json!({ "error": error.code().as_str() }),
            });
        }
        for bundle in &bundles {
            signers.extend(self.store.owner_of(bundle)?);
        }
        let mut reply = json!({ "sessions": answers, "identities": self.identities(&signers)?, "groups": [] });
        if let Some((cursor, members)) = cursor.zip(reply.as_object_mut()) {
            members.insert("feed".to_owned(), self.feed(caller, cursor)?);
        }
        Ok(reply)
    }

    /// Up to where a session goes, and the party's rights in it, at least one; or what stands in the place of the answer.
    fn session_for(&mut self, party: &Party, id: &Hash) -> Result<core::result::Result<(Head, Rights), ApiError>> {
        let Some(head) = self.store.session(id)? else { return Ok(Err(UNKNOWN)) };
        Ok(match self.store.rights(id, party)? {
            None => Err(NOT_ONE),
            Some(Rights::NONE) => Err(REVOKED),
            Some(rights) => Ok((head, rights)),
        })
    }

    /// Genesis, entries and wraps, with the bodies of these parties; and whether there were any.
    fn answer(
        &mut self,
        parties: &[Party],
        id: &Hash,
        after: Option<u64>,
        signers: &mut Vec<UserId>,
    ) -> Result<(Value, bool)> {
        let broken = ApiError::new(Code::Server, "wraps that can't be read");
        let from = after.map_or(0, |after| after.saturating_add(1));
        let logged = self.store.log(id, from)?;
        let wraps = self.store.wraps(id, from, parties)?;
        let is_released = wraps.iter().any(|wraps| !wraps.bodies.is_empty());
        let mut given = Vec::with_capacity(wraps.len());
        for wraps in wraps {
            let place = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
            let bodies = wraps.bodies.into_iter().map(|body| (place(body.place), body.bytes));
            given.push(join(&wraps.signed, bodies).map_err(|_| broken.clone())?);
        }
        let (mut genesis, mut entries) = (Value::Null, Vec::with_capacity(logged.len()));
        for logged in logged {
            signers.push(logged.signer);
            match logged.sequence {
                0 => genesis = bytes(logged.object),
                _ => entries.push(logged.object),
            }
        }
        Ok((json!({ "genesis": genesis, "entries": objects(&entries), "wraps": objects(&given) }), is_released))
    }
}
