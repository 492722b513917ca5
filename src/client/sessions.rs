//! Sessions on line: making them, opening many in one request, reading and writing in them, and who may. SPEC sections 12 and 13.

use std::rc::Rc;

use super::{
    CONFLICT, Client, Host, LOCKED, NO_SERVER, TRIES,
    api::{Answer, Bundles, Wanted},
    cache::Cache,
    fetch::{Fetching, PAGE},
    met::People,
    open::{Known, OpenSession, REVOKED, Standing},
    recipient::Recipient,
};
use crate::{
    backend::Outcome,
    data_key::DataKey,
    encoding::MALFORMED,
    error::{Code, Error, Result},
    identity::{Asked, Bundle, Identity, UserId},
    key_pair::{Fingerprint, KeyPair, PublicKey, Suite},
    message::View,
    party::Party,
    secret::SecretBytes,
    session::{Delivery, Grant, Hand, Keys, Made, Reading, Rights, Sealed, Session, Signer, Signers, create},
    signed::{Hash, Minimum, Unverified},
    wrap::Unwrapping,
};

impl<H: Host> Client<H> {
    /// Makes a session for these recipients.
    ///
    /// # Errors
    /// `locked`; `invalid-argument` without a reader; those of [`Self::identities`] and of the backend. Nothing is sent then.
    pub async fn create_session(&self, grants: &[(Recipient, Rights)]) -> Outcome<Rc<OpenSession>> {
        let cache = self.warm().await?;
        self.know(grants.iter().map(|(recipient, _)| recipient), false).await?;
        for again in [true, false] {
            let term = self.term(&cache);
            let (user, mut created, mut delivery) = {
                let grants = self.grants(grants)?;
                let rng = &mut *self.host.random().borrow_mut();
                self.with_hand(|user, hand, people| {
                    let created = create(rng, hand, &self.options.app_id, &grants)?;
                    let delivery = created.session.begin_genesis(&created.key, people)?;
                    Ok((user.clone(), created, delivery))
                })?
            };
            self.wrap_all(&cache, &mut delivery).await?;
            let wraps = self.with_hand(|_, hand, _| delivery.sign(hand, &mut created.session))?;
            match self.send_session(&user, &created.genesis, &wraps).await {
                Err(failure) if failure.code() == Code::Stale && again => {
                    self.know_newest(grants.iter().map(|(recipient, _)| recipient)).await?;
                }
                Err(failure) => return Err(failure),
                Ok(()) => {
                    let mut keys = Keys::default();
                    keys.insert(0, created.key);
                    self.check_cache(&cache)?;
                    // Who doesn't read what he made can't fetch it.
                    let is_read = self.reads(&created.session)?;
                    let known = Known::new(created.session, keys);
                    let open = cache.hold(known, is_read.then_some(term))?;
                    self.keep_sessions(&cache, &[&open], &[]).await?;
                    return Ok(open);
                }
            }
        }
        Err(CONFLICT.into())
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
            let (made, delivery) = known.session.begin_grant(hand, &grants, known.newest()?, people)?;
            Ok((made, delivery, None))
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
        self.append(open, Vec::new, |known, hand, people| {
            let parties: Vec<Party> =
                known.session.log().holdings().map(|held| held.party).filter(|party| names(party)).cloned().collect();
            if !recipients.iter().all(|recipient| parties.iter().any(|party| recipient.is(party))) {
                return Err(Error::new(&(Code::InvalidArgument, "who is to be revoked has no rights")));
            }
            Ok((known.session.revoke(hand, &parties, people)?, None, None))
        })
        .await
    }

    /// Takes all rights from everybody.
    ///
    /// # Errors
    /// `locked`, `forbidden`; those of the backend.
    pub async fn revoke_all(&self, open: &OpenSession) -> Outcome<()> {
        let revoke =
            |known: &Known, hand: &Hand<'_>, people: &People| Ok((known.session.revoke_all(hand, people)?, None, None));
        self.append(open, Vec::new, revoke).await
    }

    /// A new generation for what is written from now on.
    ///
    /// # Errors
    /// `locked`, `forbidden`; those of [`Self::identities`] and of the backend.
    pub async fn rotate(&self, open: &OpenSession) -> Outcome<()> {
        let readers = || {
            open.with(|session| {
                let readers = session.log().holdings().filter(|held| held.rights.has(Rights::READ));
                readers.map(|held| Recipient::of(held.party)).collect::<Vec<_>>()
            })
        };
        self.know(readers().iter(), true).await?;
        self.append(open, readers, |known, hand, people| {
            let rng = &mut *self.host.random().borrow_mut();
            let (made, key, delivery) = known.session.begin_rotate(rng, hand, known.newest()?, people)?;
            Ok((made, Some(delivery), Some(key)))
        })
        .await
    }

    /// Fetches what came after what is known. A session that waits to be sent is sent first.
    ///
    /// # Errors
    /// `locked`, `revoked`, `rollback`, `fork`; those of SPEC section 12 and of the backend.
    pub async fn update(&self, open: &OpenSession) -> Outcome<()> {
        open.check()?;
        Ok(self.update_all(&[open]).await?.into_iter().next().ok_or(MALFORMED)??)
    }

    /// The same of many, at most a thousand, in one request.
    pub(super) async fn update_all(&self, sessions: &[&OpenSession]) -> Outcome<Vec<Result<()>>> {
        for open in sessions {
            self.publish(open).await?;
        }
        let cache = self.warm().await?;
        let before: Vec<_> =
            sessions.iter().map(|open| (Rc::clone(&open.known.borrow().session), open.standing())).collect();
        let after = |session: &Session| session.log().head().sequence;
        let asked: Vec<_> =
            sessions.iter().zip(&before).map(|(open, (session, _))| (*open.id(), Some(after(session)))).collect();
        let mut ids: Vec<Hash> = sessions.iter().map(|open| *open.id()).collect();
        ids.sort_unstable();
        let lead = self.lead();
        cache.forget_fetched();
        cache.fetching.borrow_mut().push(Fetching::new(ids, lead.flight(), true));
        let wanted = Wanted { sessions: &asked, ..Wanted::default() };
        let given = self.ask_keys(&cache, wanted, Some(lead.flight())).await?;
        // What the same answer told of them is in it.
        let told: Vec<_> = sessions.iter().map(|open| open.told()).collect();
        self.meet_others(&cache, &given.others).await?;
        let (mut results, mut good) = (Vec::with_capacity(sessions.len()), Vec::new());
        for (((open, (session, standing)), told), answer) in sessions.iter().zip(before).zip(told).zip(given.sessions) {
            let extended = match answer {
                Ok(answer) => self.extend(open, session, &answer).await,
                Err(error) => Err(error),
            };
            self.check_cache(&cache)?;
            match &extended {
                Ok(()) => {
                    // What others were told since it was asked for isn't.
                    let is_overtaken = open.told() != told || cache.is_spoiled(open.id(), lead.flight());
                    if standing == Standing::Live && !is_overtaken {
                        open.revive();
                    }
                    good.push(*open);
                }
                Err(error) if error.code() == Code::Revoked => {
                    cache.drop_session(open.id(), Standing::Revoked, &self.clock());
                }
                Err(_) => {}
            }
            results.push(extended);
        }
        self.keep_sessions(&cache, &good, &[]).await?;
        self.hold_state().await?;
        Ok(results)
    }

    /// Takes what came after what was known when it was asked for.
    async fn extend(&self, open: &OpenSession, before: Rc<Session>, answer: &Answer) -> Result<()> {
        open.check()?;
        let (entries, wraps) = (slices(&answer.entries), slices(&answer.wraps));
        let minimum = self.with(|ready| ready.state.minimum())?;
        let next = if entries.is_empty() && wraps.is_empty() {
            before
        } else {
            let reading = Reading::after(Rc::unwrap_or_clone(before), (&entries, &wraps), minimum)?;
            Rc::new(self.read_all(reading).await?)
        };
        // Of a generation that he made himself nobody gives him the stanza; of one that leaves him out there is none.
        let parties = self.with(|ready| ready.people.parties(&next))?;
        let own = [Some(next.log().newest_generation()), next.newest_for(&parties)];
        let is_known = own.into_iter().flatten().any(|generation| open.known.borrow().keys.of(generation).is_some());
        // Who made a session has its key, and no stanza.
        let mut keys = Keys::default();
        if is_known {
            self.check_reader(&next)?;
        } else {
            keys = self.open_keys(&next).await?;
        }
        open.check()?;
        open.advance(Known { session: next, keys })
    }

    /// An entry, again where another's came first or somebody has newer keys.
    async fn append(
        &self,
        open: &OpenSession,
        named: impl Fn() -> Vec<Recipient>,
        make: impl Fn(&Known, &Hand<'_>, &People) -> Result<(Made, Option<Delivery>, Option<DataKey>)>,
    ) -> Outcome<()> {
        self.publish(open).await?;
        let cache = self.warm().await?;
        let mut is_newest = false;
        for _ in 0..TRIES {
            open.check()?;
            let made =
                self.with_hand(|user, hand, people| Ok((user.clone(), make(&open.known.borrow(), hand, people)?)));
            let (user, (mut made, delivery, key)) = match made {
                // Somebody has seen more of a group than is known here.
                Err(error) if error.code() == Code::Rollback && !is_newest => {
                    is_newest = true;
                    self.update(open).await?;
                    continue;
                }
                made => made?,
            };
            if let Some(mut delivery) = delivery {
                self.wrap_all(&cache, &mut delivery).await?;
                match self.with_hand(|_, hand, _| made.deliver(delivery, hand)) {
                    Err(error) if error.code() == Code::Conflict => continue,
                    delivered => delivered?,
                }
            }
            match self.send_entry(&user, open.id(), &made.entry, made.wraps.as_deref()).await {
                Ok(()) => {
                    self.check_cache(&cache)?;
                    open.check()?;
                    open.take(made.session, key);
                    self.keep_sessions(&cache, &[open], &[]).await?;
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

    /// Wraps for one after the other; nothing where a group among them is `stale`.
    pub(super) async fn wrap_all(&self, cache: &Rc<Cache<H::Store>>, delivery: &mut Delivery) -> Result<()> {
        self.check_fresh(delivery.parties())?;
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            self.with(|ready| delivery.step(&mut self.host.random().borrow_mut(), &ready.people))?
        })
        .await
    }

    /// Verifies one object after the other.
    async fn read_all(&self, mut reading: Reading<'_>) -> Result<Session> {
        self.in_steps(&mut || self.with(|ready| reading.step(&ready.people))?).await?;
        Ok(reading.finish())
    }

    /// Verifies a whole session, which goes on from what was `seen` of it, and opens its keys.
    pub(super) async fn open_answer(&self, id: &Hash, answer: &Answer, seen: Option<&View>) -> Result<Known> {
        let genesis = answer.genesis.as_deref().ok_or(MALFORMED)?;
        let app_id = &self.options.app_id;
        let (entries, wraps) = (slices(&answer.entries), slices(&answer.wraps));
        let reading = self.with(|ready| {
            let minimum = ready.state.minimum();
            Reading::begin(app_id, id, genesis, (&entries, &wraps), &ready.people, minimum)
        })??;
        let session = self.read_all(reading).await?;
        seen.map_or(Ok(()), |seen| session.log().check_view(seen))?;
        let keys = self.open_keys(&session).await?;
        Ok(Known::new(session, keys))
    }

    /// The session's keys, for the own user. Where somebody has broken a generation, from earlier stanzas as far as there are any.
    async fn open_keys(&self, session: &Session) -> Result<Keys> {
        let parties = self.with(|ready| ready.people.parties(session))?;
        let mut sealed = session.sealed_for(&parties)?;
        let mut keys = self.open_from(session, &sealed).await?;
        while let Some(next) = session.sealed_below(&parties, &keys, sealed.generation()) {
            match self.open_from(session, &next).await {
                Ok(earlier) => keys.join(earlier),
                Err(error) if error.code() == Code::Locked => return Err(error),
                Err(_) => {}
            }
            sealed = next;
        }
        Ok(keys)
    }

    /// From one stanza down: with a key pair of the user's, of which RSA is the host's, or of an epoch of his group's.
    async fn open_from(&self, session: &Session, sealed: &Sealed<'_>) -> Result<Keys> {
        let key = self.unwrap_for(sealed.party(), sealed.fingerprint(), |public| sealed.begin(public)).await?;
        session.keys_from(sealed.generation(), key)
    }

    /// A key that was wrapped for a key pair of the user's, or for one of an epoch of this group of his.
    pub(super) async fn unwrap_for(
        &self,
        party: Option<&Party>,
        fingerprint: &Fingerprint,
        begin: impl FnOnce(&PublicKey) -> Result<Unwrapping>,
    ) -> Result<DataKey> {
        const NOT_FOR_THIS: Error = Error::new(&(Code::NotARecipient, "wrapped for none of these keys"));
        let own = self.with(|ready| Rc::clone(&ready.keys))?;
        let epochs;
        let pair = if let Some(Party::Group(id)) = party {
            epochs = self.with(|ready| ready.people.epoch_of(id, fingerprint))??;
            epochs.find(fingerprint)
        } else {
            own.encryption.iter().find(|pair| pair.public_key().fingerprint() == fingerprint)
        };
        let pair = pair.ok_or(NOT_FOR_THIS)?;
        let unwrapping = begin(pair.public_key())?;
        let opened = self.unwrap(pair, &unwrapping).await?;
        unwrapping.finish(opened.expose())
    }

    /// The private operation: hybrid here, RSA elsewhere.
    pub(super) async fn unwrap(&self, pair: &KeyPair, unwrapping: &Unwrapping) -> Result<SecretBytes> {
        let (label, body) = (unwrapping.label(), unwrapping.body());
        match pair.public_key().suite() {
            Suite::Hybrid => pair.unwrap(&mut self.host.random().borrow_mut(), label, body),
            _ => self.unwrap_rsa(pair, label, body).await,
        }
    }

    /// By the host, or where a reload left no private key by the device. If that has lost it, only the password brings it back.
    async fn unwrap_rsa(&self, pair: &KeyPair, label: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
        if !pair.is_away() {
            return self.host.unwrap_rsa(pair, label, body).await;
        }
        let locks = self.locks.get();
        let user = self.with(|ready| ready.user.clone())?;
        match self.rows(&user).unwrap_rsa(pair, label, body).await {
            Some(opened) => opened,
            None => {
                self.check_locks(locks)?;
                self.lock().await;
                Err(LOCKED)
            }
        }
    }

    /// Does the log still let this user in? The creator may be no reader.
    pub(super) fn check_reader(&self, session: &Session) -> Result<()> {
        let created = self.with(|ready| {
            let party = ready.own()?.party();
            Ok(session.log().creator().and_then(Signer::party) == party)
        })??;
        if created || self.reads(session)? { Ok(()) } else { Err(REVOKED) }
    }

    /// Does this user read the session?
    pub(super) fn reads(&self, session: &Session) -> Result<bool> {
        self.with(|ready| ready.people.through(session).is_some())
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

    /// The key server, where only the device was asked when the identity was opened.
    pub(super) async fn know_server(&self) -> Outcome<()> {
        let is_known = self.with(|ready| ready.people.directory.find(None).is_some())?;
        if is_known { Ok(()) } else { self.refresh().await }
    }

    /// Fetches and meets those who aren't known yet, or all. With a place, the key server. Of groups the newest state is known after it, or nothing is wrapped for them.
    pub(super) async fn know<'r>(&self, recipients: impl Iterator<Item = &'r Recipient>, all: bool) -> Outcome<()> {
        let recipients: Vec<&Recipient> = recipients.collect();
        if recipients.iter().any(|recipient| matches!(recipient, Recipient::Placeholder { .. })) {
            self.know_server().await?;
        }
        let groups: Vec<Hash> = recipients.iter().filter_map(|recipient| recipient.group()).copied().collect();
        self.know_groups(&groups, all).await?;
        self.know_users(recipients.into_iter().filter_map(Recipient::user).collect(), all).await
    }

    /// Fetches and meets those of these users who aren't known yet, or all.
    pub(super) async fn know_users(&self, mut users: Vec<&UserId>, all: bool) -> Outcome<()> {
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
                let unknown = Error::new(&(Code::UnknownUser, "no such user"));
                people.directory.find(Some(user)).and_then(Identity::party).ok_or(unknown)
            }
            Recipient::Group(id) => Ok(Party::Group(*people.group(id)?.id())),
            Recipient::Placeholder { name, contact } => {
                let escrow = *people.directory.find(None).ok_or(NO_SERVER)?.fingerprint();
                Ok(Party::Placeholder { name: name.clone(), escrow, contact: contact.clone() })
            }
        };
        grants.iter().map(|(recipient, rights)| Ok(Grant { party: party(recipient)?, rights: *rights })).collect()
    }

    /// Verifies identities and compares them with their pins. One that isn't taken fails what it signed, and nothing else.
    pub(super) async fn meet_all(&self, cache: &Rc<Cache<H::Store>>, identities: &[Bundles]) -> Result<()> {
        let mut identities = identities.iter();
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            let Some(bundles) = identities.next() else { return Ok(false) };
            let hashes: Vec<Hash> = bundles.iter().filter_map(|bundle| claimed_hash(bundle)).collect();
            let Some(newest) = hashes.last() else { return Ok(true) };
            let met = self.with(|ready| {
                let minimum = ready.state.minimum();
                let identity = Identity::verify(&slices(bundles), &self.options.app_id, Asked::Bundle(newest), minimum);
                let outcome = identity.and_then(|identity| {
                    let id = identity.user_id().cloned();
                    let change = ready.state.pins.meet(&identity, &self.options.trust)?;
                    ready.people.directory.insert(identity)?;
                    Ok((id, change))
                });
                ready.people.refused.retain(|(hash, _)| !hashes.contains(hash));
                outcome.map_err(|error| ready.people.refused.extend(hashes.iter().map(|hash| (*hash, error)))).ok()
            })?;
            if let Some((id, met)) = met {
                self.tell_of(id.as_ref(), met);
            }
            Ok(true)
        })
        .await
    }
}

fn slices(objects: &[Vec<u8>]) -> Vec<&[u8]> {
    objects.iter().map(Vec::as_slice).collect()
}

fn claimed_hash(bundle: &[u8]) -> Option<Hash> {
    Some(*Unverified::<Bundle>::parse(bundle, Minimum::default()).ok()?.hash())
}
