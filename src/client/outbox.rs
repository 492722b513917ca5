//! Sessions that wait to be sent: made off line, and safely on this device until the key server has them. SPEC section 15.
//!
//! An entry holds the genesis and the key of generation 0. Wraps are made when it is sent, for the keys that everybody has then, and signed with the newest bundle. Whoever
//! sends may do it again: pages that share a device, or a page whose answer was lost.
//!
//! An entry goes when the key server has the session, and when the user is forgotten on this device. It stays when the key server refuses it, also for good
//! (a recipient who is gone, another identity under a pinned name): nobody else has its key, and what was written with it must stay readable for its creator.
//! A refusal is told once by each page, as an event, and the entry is tried again with the others. It stays through locks and reloads, and is opened again after them.

use std::rc::Rc;

use super::{
    Client, Device, Event, Host, LOCKED, NO_SERVER, Recipient,
    cache::Cache,
    device::{Rows, context},
    open::{Known, OpenSession, Standing},
    ready::Ready,
};
use crate::{
    backend::{Failure, Outcome},
    cobblestone,
    data_key::DataKey,
    encoding::{MALFORMED, Reader, encode_into},
    error::{Code, Error, Result},
    party::Party,
    random::Random,
    secret::{Secret, SecretBytes},
    session::{Created, Grant, Keys, Log, Rights, Session, create},
    signed::Hash,
};

const VERSION: u8 = 1;

const UNKEPT: Error =
    Error::new(&(Code::StorageUnavailable, "the session can't be kept on this device until it is sent"));
const FORGOTTEN: Error = Error::new(&(Code::Aborted, "forgotten on this device before it was sent"));

impl<H: Host> Client<H> {
    /// Makes a session that needs nobody's answer now: it is safely on this device when this ends, and [`Self::send_outbox`] sends it. It is written and read in
    /// at once, by its creator. Recipients are those who were met before, or are anchored; others are asked for.
    ///
    /// # Errors
    /// `locked`; `invalid-argument` without a reader; `storage-unavailable` where it can't be kept; `network` and all of [`Self::identities`] for recipients who were
    /// never met. Nothing is left then.
    pub async fn create_session_off_line(&self, grants: &[(Recipient, Rights)]) -> Outcome<Rc<OpenSession>> {
        let locks = self.locks.get();
        let unmet = |ready: &mut Ready| {
            let recipients = grants.iter().map(|(recipient, _)| recipient);
            recipients.filter(|recipient| self.remembered(ready, recipient).is_err()).collect::<Vec<_>>()
        };
        self.know(self.with(unmet)?.into_iter(), false).await?;
        let (user, Created { genesis, key, session }, sealed) = {
            let grants = self.with(|ready| {
                let grant = |(recipient, rights): &(Recipient, Rights)| {
                    Ok(Grant { party: self.remembered(ready, recipient)?, rights: *rights })
                };
                grants.iter().map(grant).collect::<Result<Vec<_>>>()
            })??;
            let rng = &mut *self.host.random().borrow_mut();
            let (user, created) =
                self.with_hand(|user, hand, _| Ok((user.clone(), create(rng, hand, &self.options.app_id, &grants)?)))?;
            let seal = |ready: &mut Ready| {
                let id = created.session.log().id();
                self.rows(&user).seal_waiting(rng, ready.state.cache_key(), id, &created.genesis, &created.key)
            };
            let sealed = self.with(seal)??;
            (user, created, sealed)
        };
        let (rows, id) = (self.rows(&user), *session.log().id());
        let is_kept = rows.keep_waiting(&id, &sealed).await;
        // Locked meanwhile, or another's.
        let is_open = self.locks.get() == locks && self.user_id().as_ref() == Some(&user);
        if !is_kept || !is_open {
            rows.forget_waiting(&id).await;
            return Err(if is_open { UNKEPT } else { LOCKED }.into());
        }
        let mut keys = Keys::default();
        keys.insert(0, key);
        let open = Rc::new(OpenSession::waiting(Known::new(session, keys), genesis, Standing::Live));
        self.cache()?.register(&open);
        self.waiting.borrow_mut().push(Rc::clone(&open));
        Ok(open)
    }

    /// Sends what waits, of this page and of others, each session by itself: for when the identity is open, and when the network is back. For each that waited, what came
    /// of it: [`Event::Published`] tells the same, but for what can't be sent now and is tried again without a word.
    ///
    /// # Errors
    /// `locked`, also where another device has written the backup whole since. Never because of one session.
    pub async fn send_outbox(&self) -> Outcome<Vec<(Hash, Outcome<()>)>> {
        let waiting = self.load_outbox().await?;
        let mut everybody = Vec::new();
        for open in &waiting {
            everybody.extend(open.recipients());
        }
        // In one request. Whoever isn't there, or isn't taken, is found again by his sessions.
        let mut unreachable = self.know(everybody.iter(), false).await.err().filter(is_unreachable);
        let (mut sent, mut outdated) = (Vec::with_capacity(waiting.len()), Vec::new());
        for open in waiting {
            let outcome = match unreachable {
                Some(failure) => Err(failure),
                None => self.publish(&open).await,
            };
            match outcome {
                Err(failure) if failure.code() == Code::Locked => return Err(failure),
                Err(failure) if is_unreachable(&failure) => unreachable = Some(failure),
                _ => {}
            }
            sent.push((*open.id(), outcome));
            if open.term().is_some() && open.standing() == Standing::Outdated {
                outdated.push(*open.id());
            }
        }
        // As they are there now, in one request. If that fails, it is for when they are used.
        if unreachable.is_none() && !outdated.is_empty() {
            self.open_all(&outdated, &[]).await?;
        }
        Ok(sent)
    }

    /// How many sessions wait to be sent on this device: of the open identity, or of who was here last.
    pub async fn outbox_len(&self) -> usize {
        let user = match self.user_id() {
            Some(user) => Some(user),
            None => self.last_user().await,
        };
        let Some(user) = user else { return 0 };
        let mut ids = self.rows(&user).waiting().await;
        ids.extend(self.waiting.borrow().iter().map(|open| *open.id()));
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    /// Sends a session that waits; one that doesn't is there already.
    pub(super) async fn publish(&self, open: &OpenSession) -> Outcome<()> {
        if open.is_published() {
            return Ok(());
        }
        let (user, cache) = (self.with(|ready| ready.user.clone())?, self.warm().await?);
        let term = self.term(&cache);
        match self.send_waiting(&cache, open).await {
            Ok(()) => {
                self.check_cache(&cache)?;
                if open.published(open.with(|session| self.reads(session))?.then_some(term)) {
                    self.tell(Event::Published { session: *open.id(), error: None });
                    self.keep_sessions(&cache, &[open], &[]).await?;
                }
                self.waiting.borrow_mut().retain(|other| other.id() != open.id());
                self.rows(&user).forget_waiting(open.id()).await;
                Ok(())
            }
            Err(failure) => {
                if is_refusal(failure.code()) && open.refuse(failure.code()) {
                    self.tell(Event::Published { session: *open.id(), error: Some(failure) });
                }
                Err(failure)
            }
        }
    }

    async fn send_waiting(&self, cache: &Rc<Cache<H::Store>>, open: &OpenSession) -> Outcome<()> {
        let recipients = open.recipients();
        self.know(recipients.iter(), false).await?;
        for again in [true, false] {
            // Another call may have sent it meanwhile.
            let Some(genesis) = open.unsent() else { break };
            let (user, mut delivery) =
                self.with(|ready| Ok::<_, Error>((ready.user.clone(), open.begin_genesis(&ready.people)?)))??;
            self.wrap_all(cache, &mut delivery).await?;
            if open.is_published() {
                break;
            }
            let wraps =
                self.with_hand(|_, hand, _| delivery.sign(hand, Rc::make_mut(&mut open.known.borrow_mut().session)))?;
            match self.send_session(&user, &genesis, &wraps).await {
                Err(failure) if failure.code() == Code::Stale && again => self.know_newest(recipients.iter()).await?,
                sent => return sent,
            }
        }
        Ok(())
    }

    /// Those among these that wait here, which need no request.
    pub(super) async fn find_waiting(&self, ids: &[Hash]) -> Result<Vec<Option<Rc<OpenSession>>>> {
        let user = self.with(|ready| ready.user.clone())?;
        let rows = self.rows(&user);
        let mut listed = None;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let mut open = self.held(id);
            if open.is_none() {
                let listed = match &mut listed {
                    Some(listed) => listed,
                    listed => listed.insert(rows.waiting().await),
                };
                if listed.contains(id) {
                    open = self.load_waiting(&rows, id).await;
                }
            }
            found.push(open);
        }
        Ok(found)
    }

    /// All that waits; what this page holds is written again where its row was wiped.
    async fn load_outbox(&self) -> Result<Vec<Rc<OpenSession>>> {
        let locks = self.locks.get();
        let user = self.with(|ready| ready.user.clone())?;
        let rows = self.rows(&user);
        let listed = rows.waiting().await;
        for id in &listed {
            self.load_waiting(&rows, id).await;
        }
        self.check_locks(locks)?;
        let held = self.waiting.borrow().clone();
        for open in held.iter().filter(|open| !listed.contains(open.id())) {
            let Some(genesis) = open.unsent() else { continue };
            let sealed = self.with(|ready| {
                let rng = &mut *self.host.random().borrow_mut();
                open.with_keys(|keys| {
                    let key = keys.of(0).ok_or(MALFORMED)?;
                    rows.seal_waiting(rng, ready.state.cache_key(), open.id(), &genesis, key)
                })
            })??;
            rows.keep_waiting(open.id(), &sealed).await;
            self.check_locks(locks)?;
        }
        Ok(held)
    }

    fn held(&self, id: &Hash) -> Option<Rc<OpenSession>> {
        self.waiting.borrow().iter().find(|open| open.id() == id).map(Rc::clone)
    }

    /// The session of a row, unless this page has it. Whatever doesn't open isn't there.
    async fn load_waiting(&self, rows: &Rows<'_, H::Device>, id: &Hash) -> Option<Rc<OpenSession>> {
        if let Some(open) = self.held(id) {
            return Some(open);
        }
        // Sent since: whoever holds it goes on with that one.
        if self.cache().ok()?.find(id).is_some_and(|open| open.is_published() && open.check().is_ok()) {
            rows.forget_waiting(id).await;
            return None;
        }
        let entry = rows.read_waiting(id).await?;
        let read = |ready: &mut Ready| -> Result<_> {
            let (genesis, key) = rows.open_waiting(ready.state.cache_key(), id, &entry)?;
            let log = Log::begin(&self.options.app_id, id, &genesis, &ready.people, ready.state.minimum())?;
            let mut keys = Keys::default();
            let session = Session::unsent(log, &key)?;
            keys.insert(0, key);
            Ok(Rc::new(OpenSession::waiting(Known::new(session, keys), genesis, Standing::Outdated)))
        };
        let open = self.with(read).ok()?.ok()?;
        // Another call may have been faster.
        if let Some(open) = self.held(id) {
            return Some(open);
        }
        self.cache().ok()?.register(&open);
        self.waiting.borrow_mut().push(Rc::clone(&open));
        Some(open)
    }

    /// Whom a name means, as it is remembered or configured.
    fn remembered(&self, ready: &Ready, recipient: &Recipient) -> Result<Party> {
        const NEVER: Error = Error::new(&(Code::UnknownUser, "this user was never met"));
        let (trust, pins) = (&self.options.trust, &ready.state.pins);
        match recipient {
            Recipient::User(user) => {
                let anchor = || trust.anchors.iter().find(|(name, _)| name == user.as_str());
                let pin = pins.find(Some(user)).map(|pin| *pin.identity());
                let identity = pin.or_else(|| anchor().map(|(_, identity)| *identity)).ok_or(NEVER)?;
                Ok(Party::User { id: user.clone(), identity })
            }
            Recipient::Group(id) => Ok(Party::Group(*id)),
            Recipient::Placeholder { name, contact } => {
                let pin = pins.find(None).map(|pin| *pin.identity());
                let escrow = pin.or(trust.key_server).ok_or(NO_SERVER)?;
                Ok(Party::Placeholder { name: name.clone(), escrow, contact: contact.clone() })
            }
        }
    }

    /// Deletes what waits, and says so. `held`: what this page had of it.
    pub(super) async fn forget_outbox(&self, rows: &Rows<'_, H::Device>, mut held: Vec<Hash>) {
        let prefix = rows.waiting_row("");
        // Whatever their names are.
        for row in rows.device.names(&prefix).await {
            rows.device.delete(&row).await;
            held.extend(row.strip_prefix(&prefix).and_then(Hash::parse));
        }
        held.sort_unstable();
        held.dedup();
        for session in held {
            self.tell(Event::Published { session, error: Some(FORGOTTEN.into()) });
        }
    }
}

/// The rest can't be sent either.
fn is_unreachable(failure: &Failure) -> bool {
    matches!(failure.code(), Code::Network | Code::Throttled)
}

/// What waiting alone doesn't mend.
const fn is_refusal(code: Code) -> bool {
    let waits = matches!(code, Code::Network | Code::Throttled | Code::Server | Code::Stale | Code::Conflict);
    !waits && !matches!(code, Code::Locked | Code::Aborted | Code::Rng)
}

impl<D: Device> Rows<'_, D> {
    fn waiting_row(&self, id: &str) -> String {
        ["outbox.", &self.tag, ".", id].concat()
    }

    /// Ids of the sessions that wait.
    async fn waiting(&self) -> Vec<Hash> {
        let prefix = self.waiting_row("");
        let names = self.device.names(&prefix).await;
        names.iter().filter_map(|name| Hash::parse(name.strip_prefix(&prefix)?)).collect()
    }

    async fn read_waiting(&self, id: &Hash) -> Option<Vec<u8>> {
        self.device.read(&self.waiting_row(&id.to_string())).await
    }

    async fn keep_waiting(&self, id: &Hash, entry: &[u8]) -> bool {
        self.write(&self.waiting_row(&id.to_string()), entry).await
    }

    async fn forget_waiting(&self, id: &Hash) {
        self.device.delete(&self.waiting_row(&id.to_string())).await;
    }

    /// `1 ‖ session id ‖ seal(c, …, CBOR{1: genesis, 2: key})`
    fn seal_waiting<R: rand_core::TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        cache_key: &Secret<32>,
        id: &Hash,
        genesis: &[u8],
        key: &DataKey,
    ) -> Result<Vec<u8>> {
        let capacity = genesis.len() + 64;
        let payload = SecretBytes::new(encode_into(Vec::with_capacity(capacity), |w| {
            w.map(2);
            w.uint(1);
            w.bytes(genesis);
            w.uint(2);
            w.bytes(key.dangerously_expose().expose());
        }));
        let sealed = cobblestone::seal(cache_key, rng, &self.waiting_context(id), payload.expose())?;
        Ok([[VERSION].as_slice(), &id.0, &sealed].concat())
    }

    fn open_waiting(&self, cache_key: &Secret<32>, id: &Hash, entry: &[u8]) -> Result<(Vec<u8>, DataKey)> {
        let Some((&VERSION, rest)) = entry.split_first() else { return Err(MALFORMED) };
        let sealed = rest.strip_prefix(&id.0).ok_or(MALFORMED)?;
        let opened = SecretBytes::new(cobblestone::open(cache_key, &self.waiting_context(id), sealed)?);
        let mut reader = Reader::new(opened.expose());
        reader.map_of(2)?;
        reader.key(1)?;
        let genesis = reader.bytes()?.to_vec();
        reader.key(2)?;
        Ok((genesis, DataKey::from_slice(reader.bytes()?)?))
    }

    fn waiting_context(&self, id: &Hash) -> Vec<u8> {
        context("wardkey/v1/outbox", self.app_id, self.user, 1, |w| w.bytes(&id.0))
    }
}
