//! What opens sessions, a thousand of them in one request, and pairs of parties as many: API sections 6.3 and 11.2.

use std::collections::BTreeSet;

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{error::Code, identity::UserId, journal::Subject};

use crate::{
    ApiError, Work, bytes,
    error::Result,
    exchange_keys::AskedPair,
    groups::AskedGroup,
    object, objects,
    request::{MAX_LIST, Members},
    sessions::{UNKNOWN, joined},
    store::{Asker, Logged, Opening, Reading, Room, Store, Wraps},
};

/// Bytes of sessions and groups in one reply, before base64. The keys of a thousand sessions of a handful of recipients are a tenth of it. A reply is in memory a few times as it is made,
/// as many of them at once as a server has readers.
const MAX_BYTES: usize = 32 << 20;
pub(crate) const BEYOND: ApiError = ApiError::new(Code::Limit, "more than one reply holds");
const LESS: ApiError = ApiError::new(Code::Server, "the store gave less than was asked");

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn keys(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["sessions", "signers", "groups", "pairs", "cursor"])?;
        let asked = members.list("sessions", MAX_LIST, |session| {
            let members = Members::of(session, &["id", "after"])?;
            Ok((members.hash("id")?, from(members)?))
        })?;
        let bundles = members.hashes("signers")?;
        let asked_groups = members.list("groups", MAX_LIST, |group| {
            let members = Members::of(group, &["id", "after", "epoch"])?;
            Ok(AskedGroup { id: members.hash("id")?, from: from(members)?, epoch: members.number_if_any("epoch")? })
        })?;
        let asked_pairs =
            if members.has("pairs") { Some(members.list("pairs", MAX_LIST, AskedPair::read)?) } else { None };
        check_once(asked.iter().map(|(id, _)| id))?;
        check_once(asked_groups.iter().map(|group| &group.id))?;
        check_once(asked_pairs.iter().flatten().map(AskedPair::pair))?;
        let cursor = if members.has("cursor") { Some(members.text_or_null("cursor")?) } else { None };

        let reader = self.reader(caller)?;
        let (mut answers, mut signers) = (Vec::with_capacity(asked.len()), Vec::new());
        let mut known: BTreeSet<_> = asked_groups.iter().map(|group| group.id).collect();
        let mut other_groups = Vec::new();
        let mut room = Room::new(MAX_BYTES);
        let mut readings = self.store.readings(&asked, &reader, &mut room)?.into_iter();
        for (id, _) in asked {
            let Some(Reading { opening: Opening { head, rights: own, groups }, log, wraps }) =
                readings.next().ok_or(LESS)?
            else {
                answers.push(in_its_place(BEYOND));
                continue;
            };
            let head = head.ok_or(UNKNOWN).and_then(|head| reader.rights(own, &groups).map(|_| head));
            answers.push(match head {
                Ok(head) => {
                    if wraps.iter().any(|wraps| !wraps.bodies.is_empty()) {
                        let detail = ("generation", head.generation.to_string());
                        self.tell(&Subject::Session(id), Some(caller), "release", &[detail]);
                    }
                    // Whoever signs in a group's right, that group has or had one.
                    other_groups
                        .extend(groups.into_iter().map(|(group, _)| group).filter(|group| known.insert(*group)));
                    answer(log, wraps, &mut signers)?
                }
                Err(error) => in_its_place(error),
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
        let whole = other_groups.into_iter().map(|id| AskedGroup { id, from: 0, epoch: None });
        let mut groups = Vec::with_capacity(asked_groups.len());
        for group in asked_groups.into_iter().chain(whole) {
            groups.push(self.group_for((caller, reader.party()), &group, &mut room, &mut signers)?);
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

/// From which sequence on something is asked for.
fn from(members: Members<'_>) -> Result<u64> {
    Ok(members.number_if_any("after")?.map_or(0, |after| after.saturating_add(1)))
}

/// What comes twice would be read twice.
fn check_once<'a, T: Ord + 'a>(mut asked: impl Iterator<Item = &'a T>) -> Result<()> {
    let mut seen = BTreeSet::new();
    if asked.all(|one| seen.insert(one)) { Ok(()) } else { Err(ApiError::argument("asked for twice")) }
}

fn in_its_place(error: ApiError) -> Value {
    json!({ "error": error.code().as_str() })
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
