//! Placeholders are claimed by groups, or assigned to them: API sections 9.5 to 9.8, SPEC section 12.2.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::{Code, Error},
    group::Role,
    identity::UserId,
    journal::Subject,
    party::Party,
    session::{Directory, Hand, Keys, Made, Rights, Session, Signer, split},
    signed::{Hash, Minimum},
};

use crate::{
    ApiError, Mail, Work, bytes,
    codes::{Sent, masked, read_code},
    error::Result,
    groups::{UNKNOWN_GROUP, check_fresh},
    request::Members,
    sessions::head_of,
    store::{Claim, Counted, Logged, Store},
};

/// Sessions that are assigned in one request.
const MAX_SESSIONS: usize = 100;
/// With those that don't open.
const MAX_LOOKED_AT: usize = 1_000;

const NO_ADMIN: ApiError = ApiError::new(Code::Forbidden, "only an admin claims for the group");
const NO_CLAIM: ApiError = ApiError::new(Code::OtpExpired, "this claim has ended, or there is none");
const NOBODY_WAITS: ApiError = ApiError::new(Code::UnknownSession, "no session has this placeholder");

fn sent<'a>(id: &'a [u8; 16], claim: &'a Claim) -> Sent<'a> {
    Sent { id, kept: &claim.code, end: claim.end, tries: claim.tries }
}

/// What the journal says of a claim.
fn named(group: &Hash, placeholder: &Party) -> [(&'static str, String); 2] {
    let name = if let Party::Placeholder { name, .. } = placeholder { name.as_str() } else { "" };
    [("group", group.to_string()), ("placeholder", name.to_owned())]
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    fn check_admin(&mut self, group: &Hash, caller: &UserId) -> Result<()> {
        match self.role_in(group, caller)? {
            Role::Admin => Ok(()),
            Role::Member => Err(NO_ADMIN),
        }
    }

    pub(crate) fn start_claim(&mut self, caller: &UserId, group: &Hash, body: &Value) -> Result<Value> {
        let name = Members::of(body, &["placeholder"])?.user_id("placeholder")?;
        self.check_admin(group, caller)?;
        let placeholder = self.store.first_waiting(&name, true)?.ok_or(NOBODY_WAITS)?;
        let Party::Placeholder { contact: Some(contact), .. } = &placeholder else { return Err(NOBODY_WAITS) };
        let to = contact.as_str().to_owned();
        self.check_starts(caller, Counted::Claim)?;
        self.check_starts(&name, Counted::Claimed)?;
        let drawn = self.draw_code()?;
        let detail = named(group, &placeholder);
        let claim = Claim {
            user: caller.clone(),
            group: *group,
            placeholder,
            code: drawn.kept,
            end: drawn.end,
            tries: 0,
            answered: false,
        };
        self.store.put_claim(&drawn.id, &claim)?;
        self.store.add_time(caller, Counted::Claim, self.now)?;
        self.store.add_time(&name, Counted::Claimed, self.now)?;
        self.tell_of(caller, Some(caller), "claim-start", &detail);
        let reply = json!({ "claimId": bytes(drawn.id), "sentTo": masked(&to) });
        self.mails.push(Mail { to, user_id: None, code: drawn.code });
        Ok(reply)
    }

    pub(crate) fn answer_claim(&mut self, caller: &UserId, group: &Hash, id: &[u8; 16], body: &Value) -> Result<Value> {
        let code = read_code(Members::of(body, &["code"])?)?;
        self.check_admin(group, caller)?;
        let claim = self.store.claim(id)?.filter(|claim| claim.user == *caller && claim.group == *group);
        let mut claim = claim.ok_or(NO_CLAIM)?;
        let detail = named(group, &claim.placeholder);
        let is_again = claim.answered && self.now < claim.end && self.is_right(sent(id, &claim), code)?;
        if !is_again {
            let before = sent(id, &claim);
            let tries = self.check_tries(caller, Counted::ClaimTry, before)?;
            let (is_right, wrong) = (self.is_right(before, code)?, Self::wrong(before, tries));
            claim.tries += 1;
            claim.answered |= is_right;
            self.store.put_claim(id, &claim)?;
            self.store.add_time(caller, Counted::ClaimTry, self.now)?;
            if !is_right {
                self.tell_of(caller, Some(caller), "claim-wrong", &detail);
                return Err(wrong);
            }
        }
        // Nothing but the try was written.
        self.check_fresh(group).map_err(|error| if is_again { error } else { error.keeping() })?;
        let (sessions, more) = self.assign_all(&claim.placeholder, group, Some(caller))?;
        if !sessions.is_empty() {
            self.tell_of(caller, Some(caller), "claim-release", &detail);
        }
        Ok(assigned(&sessions, more))
    }

    pub(crate) fn assign(&mut self, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["placeholder", "groupId"])?;
        let (name, group) = (members.user_id("placeholder")?, members.hash("groupId")?);
        self.check_fresh(&group)?;
        let Some(placeholder) = self.store.first_waiting(&name, false)? else {
            let error = match self.store.first_waiting(&name, true)? {
                Some(_) => ApiError::new(Code::Forbidden, "this placeholder has a contact, whose code it takes"),
                None => NOBODY_WAITS,
            };
            return Err(error);
        };
        let (sessions, more) = self.assign_all(&placeholder, &group, None)?;
        Ok(assigned(&sessions, more))
    }

    fn check_fresh(&mut self, group: &Hash) -> Result<()> {
        check_fresh(&self.store.group(group)?.ok_or(UNKNOWN_GROUP)?, self.now)
    }

    /// Assigns a placeholder in the sessions that are first; are there more?
    fn assign_all(&mut self, placeholder: &Party, group: &Hash, actor: Option<&UserId>) -> Result<(Vec<Hash>, bool)> {
        let mut directory = Directory::default();
        self.know_server(&mut directory)?;
        self.know_group(&mut directory, group)?;
        let (mut sessions, mut looked_at) = (Vec::new(), 0);
        loop {
            let room = MAX_SESSIONS.saturating_sub(sessions.len());
            let waiting = self.store.waiting(placeholder, room.max(1))?;
            if waiting.is_empty() || room == 0 || looked_at >= MAX_LOOKED_AT {
                return Ok((sessions, !waiting.is_empty()));
            }
            looked_at += waiting.len();
            for id in waiting {
                if self.assign_in(&mut directory, &id, (placeholder, group), actor)? {
                    sessions.push(id);
                } else {
                    // Until there is something else to open.
                    self.store.put_waiting(&id, placeholder, false)?;
                }
            }
        }
    }

    /// Assigns a placeholder in one session, if its stanza opens.
    fn assign_in(
        &mut self,
        directory: &mut Directory,
        id: &Hash,
        (placeholder, group): (&Party, &Hash),
        actor: Option<&UserId>,
    ) -> Result<bool> {
        let session = match self.verify(directory, id, core::slice::from_ref(placeholder)) {
            Ok(session) => session,
            Err(error) if error.code() == Code::Server => return Err(error),
            Err(_) => return Ok(false),
        };
        let made = match self.make_assignment(directory, &session, placeholder, group) {
            Ok(made) => made,
            Err(error) if error.code() == Code::Rng => return Err(error.into()),
            Err(_) => return Ok(false),
        };
        let served = made.wraps.as_deref().map(|wraps| split(wraps, Minimum::default())).transpose()?;
        let session = made.session;
        let sequence = session.log().entries() as u64;
        self.take(id, &session, Logged { sequence, signer: None, object: made.entry }, served)?;
        self.store.put_session(id, head_of(&session), &session.to_kept())?;
        self.store.delete_bodies(id, placeholder)?;
        self.inform_all(&session)?;
        let detail = [("entry", sequence.to_string()), ("group", group.to_string())];
        self.tell(&Subject::Session(*id), actor, "assign", &detail);
        Ok(true)
    }

    /// The entry, with its wraps if it wants any.
    fn make_assignment(
        &mut self,
        directory: &Directory,
        session: &Session,
        placeholder: &Party,
        group: &Hash,
    ) -> core::result::Result<Made, Error> {
        const NO_BUNDLE: Error = Error::new(&(Code::Server, "the key server has no bundle"));
        let keys = self.open_waiting(session, placeholder)?;
        let newest = keys.as_ref().and_then(|keys| keys.of(session.log().newest_generation()));
        let identity = self.server.identity();
        let signer = Signer::of(identity, identity.newest().hash()).ok_or(NO_BUNDLE)?;
        let hand = Hand { signer: &signer, key: self.server.signing_key()?, now: self.now };
        session.assign(self.rng, &hand, (placeholder, group), newest, directory)
    }

    /// The keys, where the placeholder reads.
    fn open_waiting(&mut self, session: &Session, placeholder: &Party) -> core::result::Result<Option<Keys>, Error> {
        if !session.log().rights(placeholder).has(Rights::READ) {
            return Ok(None);
        }
        session.open(self.rng, core::slice::from_ref(placeholder), &self.server.pairs()).map(Some)
    }
}

fn assigned(sessions: &[Hash], more: bool) -> Value {
    json!({ "sessions": sessions.iter().map(|id| bytes(id.0)).collect::<Vec<_>>(), "more": more })
}
