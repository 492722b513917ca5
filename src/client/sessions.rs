//! Sessions on line: making them, opening many in one request, reading and writing in them, and who may. SPEC sections 12 and 13.

use core::{
    cell::{Cell, RefCell},
    fmt,
};
use std::rc::Rc;

use rand_core::TryCryptoRng;

use super::{
    CONFLICT, Client, Host, LOCKED, TRIES,
    api::{Answer, Bundles},
    met::People,
    ready::Ready,
    recipient::Recipient,
};
use crate::{
    backend::Outcome,
    data_key::DataKey,
    encoding::{Context, MALFORMED},
    error::{Code, Error, Result},
    identity::{Asked, Bundle, Identity, UserId},
    key_pair::{KeyPair, Suite},
    message::{Header, Padding},
    party::Party,
    random::Random,
    secret::SecretBytes,
    session::{Grant, Hand, Keys, Made, Opened, Rights, Session, Signer, Signers, create},
    signed::{Hash, Minimum, Unverified},
};

/// Members of a list in one request.
const PAGE: usize = 1_000;

const NO_SERVER: Error = Error::new(Code::NotCertified, "the key server's identity is not known");

/// A session whose keys are here.
pub struct OpenSession {
    id: Hash,
    /// As far as it is known.
    known: RefCell<Known>,
    /// Its genesis, until the key server has it.
    unsent: RefCell<Option<Vec<u8>>>,
    /// As what it was refused last.
    refused: Cell<Option<Code>>,
}

struct Known {
    session: Session,
    keys: Keys,
}

impl fmt::Debug for OpenSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenSession({})", self.id)
    }
}

impl OpenSession {
    /// With its genesis, if that isn't sent yet.
    pub(super) fn new(session: Session, keys: Keys, unsent: Option<Vec<u8>>) -> Rc<Self> {
        let (id, known) = (*session.log().id(), RefCell::new(Known { session, keys }));
        Rc::new(Self { id, known, unsent: RefCell::new(unsent), refused: Cell::new(None) })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &Hash {
        &self.id
    }

    /// Its log and wraps, as far as they are known.
    pub fn with<T>(&self, read: impl FnOnce(&Session) -> T) -> T {
        read(&self.known.borrow().session)
    }

    pub(super) fn with_keys<T>(&self, read: impl FnOnce(&Keys) -> T) -> T {
        read(&self.known.borrow().keys)
    }

    /// Has the key server taken it, as far as this client knows?
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.unsent.borrow().is_none()
    }

    pub(super) fn unsent(&self) -> Option<Vec<u8>> {
        self.unsent.borrow().clone()
    }

    /// The key server has it. Is that new?
    pub(super) fn published(&self) -> bool {
        self.unsent.take().is_some()
    }

    /// The key server doesn't take it. Is that new?
    pub(super) fn refuse(&self, code: Code) -> bool {
        self.refused.replace(Some(code)) != Some(code)
    }

    /// Who has rights.
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        self.with(|session| session.log().holdings().filter_map(|held| Recipient::of(held.party)).collect())
    }

    /// The wraps of its genesis, for the newest keys of its readers.
    pub(super) fn wrap_genesis<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        people: &People,
    ) -> Result<Vec<u8>> {
        let Known { session, keys } = &mut *self.known.borrow_mut();
        session.wrap_genesis(rng, hand, keys.of(0).ok_or(MALFORMED)?, people)
    }
}

impl<H: Host> Client<H> {
    /// Makes a session for these recipients.
    ///
    /// # Errors
    /// `locked`; `invalid-argument` without a reader; those of [`Self::identities`] and of the backend. Nothing is sent then.
    pub async fn create_session(&self, grants: &[(Recipient, Rights)]) -> Outcome<Rc<OpenSession>> {
        self.know(grants.iter().map(|(recipient, _)| recipient), false).await?;
        for again in [true, false] {
            let (user, created, wraps) = {
                let grants = self.grants(grants)?;
                let rng = &mut *self.host.random().borrow_mut();
                self.with_hand(|user, hand, people| {
                    let mut created = create(rng, hand, &self.options.app_id, &grants)?;
                    let wraps = created.session.wrap_genesis(rng, hand, &created.key, people)?;
                    Ok((user.clone(), created, wraps))
                })?
            };
            match self.send_session(&user, &created.genesis, &wraps).await {
                Err(failure) if failure.code() == Code::Stale && again => {
                    self.know_newest(grants.iter().map(|(recipient, _)| recipient)).await?;
                }
                Err(failure) => return Err(failure),
                Ok(()) => {
                    let mut keys = Keys::default();
                    keys.insert(0, created.key);
                    return Ok(OpenSession::new(created.session, keys, None));
                }
            }
        }
        Err(CONFLICT.into())
    }

    /// Opens these sessions in one request for each thousand; the bundles of `signers` come with it. What waits to be sent is here already.
    ///
    /// # Errors
    /// `locked`; those of the backend. In a session's place: those of SPEC section 12.6.
    pub async fn open_sessions(&self, ids: &[Hash], signers: &[Hash]) -> Outcome<Vec<Result<Rc<OpenSession>>>> {
        let waiting = self.find_waiting(ids).await?;
        let missing: Vec<Hash> =
            ids.iter().zip(&waiting).filter(|(_, open)| open.is_none()).map(|(id, _)| *id).collect();
        let mut fetched = self.fetch_sessions(&missing, signers).await?.into_iter();
        let next = |open: Option<_>| open.map_or_else(|| fetched.next().unwrap_or(Err(MALFORMED)), Ok);
        Ok(waiting.into_iter().map(next).collect())
    }

    async fn fetch_sessions(&self, ids: &[Hash], signers: &[Hash]) -> Outcome<Vec<Result<Rc<OpenSession>>>> {
        let mut opened = Vec::with_capacity(ids.len());
        let (mut ids, mut signers) = (ids, signers);
        while !ids.is_empty() || !signers.is_empty() {
            let (page, rest) = ids.split_at(ids.len().min(PAGE));
            let (names, more) = signers.split_at(signers.len().min(PAGE));
            (ids, signers) = (rest, more);
            let user = self.with(|ready| ready.user.clone())?;
            let asked: Vec<_> = page.iter().map(|id| (*id, None)).collect();
            let (answers, identities) = self.keys(&user, &asked, names).await?;
            if answers.len() != page.len() {
                return Err(MALFORMED.into());
            }
            self.meet_all(&identities)?;
            for (id, answer) in page.iter().zip(answers) {
                opened.push(match answer {
                    Ok(answer) => self.open_answer(id, &answer).await,
                    Err(error) => Err(error),
                });
            }
        }
        self.hold_state().await?;
        Ok(opened)
    }

    /// Opens messages, each in the session that its header names; sessions that aren't among `known` are fetched together, and given back.
    ///
    /// # Errors
    /// As [`Self::open_sessions`]. In a message's place: those of SPEC section 13.
    pub async fn open_messages(
        &self,
        messages: &[(&[u8], &Context)],
        known: &mut Vec<Rc<OpenSession>>,
    ) -> Outcome<Vec<Result<Opened>>> {
        let (mut missing, mut signers): (Vec<Hash>, Vec<Hash>) = (Vec::new(), Vec::new());
        for (message, _) in messages {
            let Ok((header, _)) = Header::parse(message) else { continue };
            let session = header.session.as_ref().map(|session| Hash(session.id));
            missing.extend(session.filter(|id| !known.iter().any(|open| open.id == *id)));
            let bundle = header.signed_by().map(|by| Hash(by.bundle_hash));
            signers.extend(bundle.filter(|bundle| self.with(|ready| ready.people.signer(bundle).is_err()) == Ok(true)));
        }
        for list in [&mut missing, &mut signers] {
            list.sort_unstable();
            list.dedup();
        }
        let mut refused = Vec::new();
        for (id, opened) in missing.iter().zip(self.open_sessions(&missing, &signers).await?) {
            match opened {
                Ok(open) => known.push(open),
                Err(error) => refused.push((*id, error)),
            }
        }
        let mut results = Vec::with_capacity(messages.len());
        for (message, context) in messages {
            results.push(self.open_message(message, context, known, &refused).await?);
        }
        Ok(results)
    }

    async fn open_message(
        &self,
        message: &[u8],
        context: &Context,
        known: &[Rc<OpenSession>],
        refused: &[(Hash, Error)],
    ) -> Outcome<Result<Opened>> {
        const NO_SESSION: Error = Error::new(Code::InvalidArgument, "a message that isn't of a session");
        let session = match Header::parse(message) {
            Ok((header, _)) => header.session.as_ref().map(|session| Hash(session.id)),
            Err(error) => return Ok(Err(error)),
        };
        let Some(id) = session else { return Ok(Err(NO_SESSION)) };
        if let Some((_, error)) = refused.iter().find(|(refused, _)| *refused == id) {
            return Ok(Err(*error));
        }
        let Some(open) = known.iter().find(|open| open.id == id) else { return Ok(Err(MALFORMED)) };
        // What was fetched just now may still be older than the message.
        if open.with(|session| session.lacks(message))
            && let Err(failure) = self.update(open).await
        {
            return Ok(Err(failure.error));
        }
        let minimum = self.with(|ready| ready.state.minimum())?;
        let Known { session, keys } = &*open.known.borrow();
        Ok(self.with(|ready| session.open_message(keys, message, context, &ready.people, minimum))?)
    }

    /// Makes messages of a session, under a new generation where one is due, all with one signature if they are signed.
    ///
    /// # Errors
    /// `locked`, `forbidden`; those of [`Self::rotate`].
    pub async fn seal_messages(
        &self,
        open: &OpenSession,
        items: &[(&[u8], &Context)],
        sign: bool,
        padding: Padding,
    ) -> Outcome<Vec<Vec<u8>>> {
        if open.with(Session::is_due) {
            self.rotate(open).await?;
        }
        let Known { session, keys } = &*open.known.borrow();
        let rng = &mut *self.host.random().borrow_mut();
        Ok(self.with_hand(|_, hand, _| session.seal(rng, hand, sign, keys, items, padding))?)
    }

    /// Gives rights; what is stored stays as it is.
    ///
    /// # Errors
    /// `locked`, `forbidden`; those of [`Self::identities`] and of the backend.
    pub async fn add_recipients(&self, open: &OpenSession, grants: &[(Recipient, Rights)]) -> Outcome<()> {
        self.know(grants.iter().map(|(recipient, _)| recipient), false).await?;
        let all = || grants.iter().map(|(recipient, _)| recipient.clone()).collect();
        self.append(open, all, |known, hand, people| {
            let grants = self.parties(people, grants)?;
            let newest = known.newest()?;
            let rng = &mut *self.host.random().borrow_mut();
            Ok((known.session.grant(rng, hand, &grants, newest, people)?, None))
        })
        .await
    }

    /// Takes all rights from these.
    ///
    /// # Errors
    /// `locked`, `forbidden`, `invalid-argument`; those of the backend.
    pub async fn revoke_recipients(&self, open: &OpenSession, recipients: &[Recipient]) -> Outcome<()> {
        // Parties are the log's: nobody's identity is needed.
        let names = |party: &Party| recipients.iter().any(|recipient| recipient.is(party));
        self.append(open, Vec::new, |known, hand, _| {
            let parties: Vec<Party> =
                known.session.log().holdings().map(|held| held.party).filter(|party| names(party)).cloned().collect();
            if !recipients.iter().all(|recipient| parties.iter().any(|party| recipient.is(party))) {
                return Err(Error::new(Code::InvalidArgument, "who is to be revoked has no rights"));
            }
            Ok((known.session.revoke(hand, &parties)?, None))
        })
        .await
    }

    /// Takes all rights from everybody.
    ///
    /// # Errors
    /// `locked`, `forbidden`; those of the backend.
    pub async fn revoke_all(&self, open: &OpenSession) -> Outcome<()> {
        self.append(open, Vec::new, |known, hand, _| Ok((known.session.revoke_all(hand)?, None))).await
    }

    /// A new generation for what is written from now on.
    ///
    /// # Errors
    /// `locked`, `forbidden`; those of [`Self::identities`] and of the backend.
    pub async fn rotate(&self, open: &OpenSession) -> Outcome<()> {
        let readers = || {
            open.with(|session| {
                let readers = session.log().holdings().filter(|held| held.rights.has(Rights::READ));
                readers.filter_map(|held| Recipient::of(held.party)).collect::<Vec<_>>()
            })
        };
        self.know(readers().iter(), true).await?;
        self.append(open, readers, |known, hand, people| {
            let rng = &mut *self.host.random().borrow_mut();
            let (made, key) = known.session.rotate(rng, hand, known.newest()?, people)?;
            Ok((made, Some(key)))
        })
        .await
    }

    /// Fetches what came after what is known. A session that waits to be sent is sent first.
    ///
    /// # Errors
    /// `locked`, `revoked`, `rollback`, `fork`; those of SPEC section 12 and of the backend.
    pub async fn update(&self, open: &OpenSession) -> Outcome<()> {
        self.publish(open).await?;
        let user = self.with(|ready| ready.user.clone())?;
        let after = open.with(|session| session.log().head().sequence);
        let (answers, identities) = self.keys(&user, &[(open.id, Some(after))], &[]).await?;
        self.meet_all(&identities)?;
        let answer = answers.into_iter().next().ok_or(MALFORMED)??;
        let mut next = open.with(Session::clone);
        if next.log().head().sequence == after {
            self.with(|ready| {
                let minimum = ready.state.minimum();
                next.extend(&slices(&answer.entries), &slices(&answer.wraps), &ready.people, minimum)
            })??;
            let newest = next.log().newest_generation();
            let is_known = open.known.borrow().keys.of(newest).is_some();
            // Who made a session has its key, and no stanza.
            let keys = if is_known {
                self.check_reader(&next)?;
                Vec::new()
            } else {
                self.open_keys(&next).await?
            };
            let Known { session, keys: own } = &mut *open.known.borrow_mut();
            // Another call may have been faster.
            if session.log().head().sequence == after {
                *session = next;
                for (generation, key) in keys {
                    own.insert(generation, key);
                }
            }
        }
        self.hold_state().await?;
        Ok(())
    }

    /// An entry, again where another's came first or somebody has newer keys.
    async fn append(
        &self,
        open: &OpenSession,
        named: impl Fn() -> Vec<Recipient>,
        make: impl Fn(&Known, &Hand<'_>, &People) -> Result<(Made, Option<DataKey>)>,
    ) -> Outcome<()> {
        self.publish(open).await?;
        for _ in 0..TRIES {
            let (user, made, key) = self.with_hand(|user, hand, people| {
                let (made, key) = make(&open.known.borrow(), hand, people)?;
                Ok((user.clone(), made, key))
            })?;
            match self.send_entry(&user, &open.id, &made.entry, made.wraps.as_deref()).await {
                Ok(()) => {
                    let known = &mut *open.known.borrow_mut();
                    if let Some(key) = key {
                        known.keys.insert(made.session.log().newest_generation(), key);
                    }
                    if known.session.log().entries() < made.session.log().entries() {
                        known.session = made.session;
                    }
                    return Ok(());
                }
                Err(failure) if failure.code() == Code::Conflict => {
                    self.update(open).await?;
                    self.know(named().iter(), false).await?;
                }
                Err(failure) if failure.code() == Code::Stale => self.know_newest(named().iter()).await?,
                Err(failure) => return Err(failure),
            }
        }
        Err(CONFLICT.into())
    }

    async fn open_answer(&self, id: &Hash, answer: &Answer) -> Result<Rc<OpenSession>> {
        let genesis = answer.genesis.as_deref().ok_or(MALFORMED)?;
        let app_id = &self.options.app_id;
        let (entries, wraps) = (slices(&answer.entries), slices(&answer.wraps));
        let session = self.with(|ready| {
            let minimum = ready.state.minimum();
            Session::read(app_id, id, genesis, &entries, &wraps, &ready.people, minimum)
        })??;
        let mut keys = Keys::default();
        for (generation, key) in self.open_keys(&session).await? {
            keys.insert(generation, key);
        }
        Ok(OpenSession::new(session, keys, None))
    }

    /// The session's keys, for the own user. RSA is the host's.
    async fn open_keys(&self, session: &Session) -> Result<Vec<(usize, DataKey)>> {
        let own = |ready: &mut Ready| Ok((Rc::clone(&ready.keys), [ready.own()?.party().ok_or(MALFORMED)?]));
        let (keys, parties) = self.with(own)??;
        let sealed = session.sealed_for(&parties)?;
        let is_rsa = |pair: &&KeyPair| {
            pair.public_key().fingerprint() == sealed.fingerprint() && pair.public_key().suite() != Suite::Hybrid
        };
        let opened = match keys.encryption.iter().find(is_rsa) {
            None => session.open(&mut self.host.random().borrow_mut(), &parties, &keys.refs().0)?,
            Some(pair) => {
                let unwrapping = sealed.begin(pair.public_key())?;
                let key = self.unwrap_rsa(pair, unwrapping.label(), unwrapping.body()).await?;
                session.keys_from(sealed.generation(), unwrapping.finish(key.expose())?)?
            }
        };
        Ok(opened.into_parts())
    }

    /// By the host, or where a reload left no private key by the device. If that has lost it, only the password brings it back.
    async fn unwrap_rsa(&self, pair: &KeyPair, label: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
        if !pair.is_away() {
            return self.host.unwrap_rsa(pair, label, body).await;
        }
        let user = self.with(|ready| ready.user.clone())?;
        match self.rows(&user).unwrap_rsa(pair, label, body).await {
            Some(opened) => opened,
            None => {
                self.lock().await;
                Err(LOCKED)
            }
        }
    }

    /// Does the log still let this user in? The creator may be no reader.
    fn check_reader(&self, session: &Session) -> Result<()> {
        const REVOKED: Error = Error::new(Code::Revoked, "the right to read was taken away");
        self.with(|ready| {
            let party = ready.own()?.party().ok_or(MALFORMED)?;
            let log = session.log();
            let created = log.creator().and_then(Signer::party).as_ref() == Some(&party);
            if created || log.rights(&party).has(Rights::READ) { Ok(()) } else { Err(REVOKED) }
        })?
    }

    /// What needs the own hand, and everybody who was met.
    pub(super) fn with_hand<T>(&self, act: impl FnOnce(&UserId, &Hand<'_>, &People) -> Result<T>) -> Result<T> {
        let now = self.host.now().wall;
        self.with(|ready| {
            let own = ready.own()?;
            let signer = Signer::of(own, own.newest().hash()).ok_or(MALFORMED)?;
            let key = ready.keys.signing.first().ok_or(MALFORMED)?;
            act(&ready.user, &Hand { signer: &signer, key, now }, &ready.people)
        })?
    }

    /// After `stale`: somebody has newer keys, perhaps the key server. If it is the own user, by another device, that locks.
    pub(super) async fn know_newest<'r>(&self, recipients: impl Iterator<Item = &'r Recipient>) -> Outcome<()> {
        self.refresh().await?;
        self.know(recipients, true).await
    }

    /// Fetches and meets those who aren't known yet, or all.
    pub(super) async fn know<'r>(&self, recipients: impl Iterator<Item = &'r Recipient>, all: bool) -> Outcome<()> {
        let mut users: Vec<&UserId> = recipients.filter_map(Recipient::user).collect();
        users.sort_unstable();
        users.dedup();
        self.with(|ready| {
            let is_met = |user: &&UserId| ready.people.directory.find(Some(user)).is_some();
            users.retain(|user| all || !is_met(user));
        })?;
        for page in users.chunks(PAGE) {
            for identity in self.identities(page).await? {
                self.with(|ready| ready.people.directory.insert(identity))??;
            }
        }
        Ok(())
    }

    fn grants(&self, grants: &[(Recipient, Rights)]) -> Result<Vec<Grant>> {
        self.with(|ready| self.parties(&ready.people, grants))?
    }

    fn parties(&self, people: &People, grants: &[(Recipient, Rights)]) -> Result<Vec<Grant>> {
        let party = |recipient: &Recipient| match recipient {
            Recipient::User(user) => {
                let unknown = Error::new(Code::UnknownUser, "no such user");
                people.directory.find(Some(user)).and_then(Identity::party).ok_or(unknown)
            }
            Recipient::Placeholder { name, contact } => {
                let escrow = *people.directory.find(None).ok_or(NO_SERVER)?.fingerprint();
                Ok(Party::Placeholder { name: name.clone(), escrow, contact: contact.clone() })
            }
        };
        grants.iter().map(|(recipient, rights)| Ok(Grant { party: party(recipient)?, rights: *rights })).collect()
    }

    /// Verifies identities and compares them with their pins. One that isn't taken fails what it signed, and nothing else.
    fn meet_all(&self, identities: &[Bundles]) -> Result<()> {
        let met = self.with(|ready| {
            let mut met = Vec::new();
            for bundles in identities {
                let hashes: Vec<Hash> = bundles.iter().filter_map(|bundle| claimed_hash(bundle)).collect();
                let Some(newest) = hashes.last() else { continue };
                let minimum = ready.state.minimum();
                let identity = Identity::verify(&slices(bundles), &self.options.app_id, Asked::Bundle(newest), minimum);
                let outcome = identity.and_then(|identity| {
                    let id = identity.user_id().cloned();
                    let change = ready.state.pins.meet(&identity, &self.options.trust)?;
                    ready.people.directory.insert(identity)?;
                    Ok((id, change))
                });
                ready.people.refused.retain(|(hash, _)| !hashes.contains(hash));
                match outcome {
                    Ok(change) => met.push(change),
                    Err(error) => ready.people.refused.extend(hashes.iter().map(|hash| (*hash, error))),
                }
            }
            met
        })?;
        for (id, met) in met {
            self.tell_of(id.as_ref(), met);
        }
        Ok(())
    }
}

impl Known {
    fn newest(&self) -> Result<&DataKey> {
        let newest = self.keys.of(self.session.log().newest_generation());
        newest.ok_or(Error::new(Code::NotARecipient, "the newest key of this session is not known"))
    }
}

fn slices(objects: &[Vec<u8>]) -> Vec<&[u8]> {
    objects.iter().map(Vec::as_slice).collect()
}

fn claimed_hash(bundle: &[u8]) -> Option<Hash> {
    Some(*Unverified::<Bundle>::parse(bundle, Minimum::default()).ok()?.hash())
}
