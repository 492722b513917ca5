//! What opens sessions, a thousand of them in one request, and pairs of parties as many: API sections 6.3 and 11.2.

use std::collections::BTreeSet;

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{error::Code, identity::UserId, journal::Subject, session::Rights};

use crate::{
    ApiError, Work, bytes,
    error::Result,
    exchange_keys::AskedPair,
    object, objects,
    request::{MAX_LIST, Members},
    sessions::{UNKNOWN, joined},
    store::{Logged, Opening, Reading, Store, Wraps},
};

const LESS: ApiError = ApiError::new(Code::Server, "the store gave less than was asked");

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn keys(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["sessions", "signers", "groups", "pairs", "cursor"])?;
        let asked = members.list("sessions", MAX_LIST, |session| {
            let members = Members::of(session, &["id", "after"])?;
            Ok((members.hash("id")?, members.number_if_any("after")?))
        })?;
        let bundles = members.hashes("signers")?;
        let asked_groups = members.list("groups", MAX_LIST, |group| {
            let members = Members::of(group, &["id", "after", "epoch"])?;
            Ok((members.hash("id")?, members.number_if_any("after")?, members.number_if_any("epoch")?))
        })?;
        let asked_pairs =
            if members.has("pairs") { Some(members.list("pairs", MAX_LIST, AskedPair::read)?) } else { None };
        let cursor = if members.has("cursor") { Some(members.text_or_null("cursor")?) } else { None };

        let reader = self.reader(caller)?;
        let (mut answers, mut signers) = (Vec::with_capacity(asked.len()), Vec::new());
        let mut known: BTreeSet<_> = asked_groups.iter().map(|(id, ..)| *id).collect();
        let mut other_groups = Vec::new();
        let of: Vec<_> =
            asked.iter().map(|(id, after)| (*id, after.map_or(0, |after| after.saturating_add(1)))).collect();
        let mut readings = self.store.readings(&of, &reader.parties())?.into_iter();
        for (id, _) in of {
            let Reading { opening: Opening { head, rights: own, groups }, log, mut wraps } =
                readings.next().ok_or(LESS)?;
            let rights = head.ok_or(UNKNOWN).and_then(|head| Ok((head, reader.rights(own, &groups)?)));
            answers.push(match rights {
                Ok((head, rights)) => {
                    if !rights.has(Rights::READ) {
                        wraps.iter_mut().for_each(|wraps| wraps.bodies.clear());
                    }
                    if wraps.iter().any(|wraps| !wraps.bodies.is_empty()) {
                        let detail = ("generation", head.generation.to_string());
                        self.tell(&Subject::Session(id), Some(caller), "release", &[detail]);
                    }
                    // Whoever signs in a group's right, that group has or had one.
                    other_groups
                        .extend(groups.into_iter().map(|(group, _)| group).filter(|group| known.insert(*group)));
                    answer(log, wraps, &mut signers)?
                }
                Err(error) => json!({ "error": error.code().as_str() }),
            });
        }
        signers.extend(self.store.owners_of(&bundles)?.into_iter().flatten());
        let mut pairs = None;
        if let Some(asked) = asked_pairs {
            let (answers, beside) = self.exchange_keys(caller, &reader, &asked)?;
            signers.extend(beside.users);
            other_groups.extend(beside.groups.into_iter().filter(|group| known.insert(*group)));
            pairs = Some(answers);
        }
        let whole = other_groups.into_iter().map(|id| (id, None, None));
        let mut groups = Vec::with_capacity(asked_groups.len());
        for (id, after, epoch) in asked_groups.into_iter().chain(whole) {
            groups.push(self.group_for((caller, reader.party()), &id, (after, epoch), &mut signers)?);
        }
        let mut reply = object([
            ("sessions", Value::Array(answers)),
            ("identities", Value::Array(self.identities(&signers)?)),
            ("groups", Value::Array(groups)),
        ]);
        if let Some((pairs, members)) = pairs.zip(reply.as_object_mut()) {
            members.insert("pairs".to_owned(), Value::Array(pairs));
        }
        if let Some((cursor, members)) = cursor.zip(reply.as_object_mut()) {
            members.insert("feed".to_owned(), self.feed(caller, cursor)?);
        }
        Ok(reply)
    }
}

/// Genesis, entries and wraps.
fn answer(logged: Vec<Logged>, wraps: Vec<Wraps>, signers: &mut Vec<UserId>) -> Result<Value> {
    let given: Vec<_> = wraps.into_iter().map(joined).collect::<Result<_>>()?;
    let (mut genesis, mut entries) = (Value::Null, Vec::with_capacity(logged.len()));
    for logged in logged {
        signers.extend(logged.signer);
        match logged.sequence {
            0 => genesis = bytes(logged.object),
            _ => entries.push(logged.object),
        }
    }
    Ok(object([("genesis", genesis), ("entries", objects(&entries)), ("wraps", objects(&given))]))
}
