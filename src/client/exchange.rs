//! Exchange keys that are here or are fetched: those of many pairs in one request, with one private operation for each pair. SPEC sections 18.3 and 18.4.

use std::{collections::BTreeMap, rc::Rc};

use sha2::{Digest, Sha256};

use super::{
    CONFLICT, Client, Host, TRIES,
    api::{PairAnswer, Wanted},
    cache::Cache,
    fetch::PAGE,
    flight::Flight,
    met::People,
    ready::Ready,
};
use crate::{
    backend::Outcome,
    cache::{Clock, Id, Item, KeyStore, Term},
    data_key::DataKey,
    delegation::{Chain, Claim, ExchangeKeys, Kept, Pair, is_lasting},
    encoding::MALFORMED,
    error::{Code, Error, Result},
    identity::{Identity, UserId},
    message::View,
    party::Party,
    session::Signers,
    signed::{Hash, Minimum},
};

const UNKNOWN: Error = Error::new(&(Code::UnknownUser, "the other party of an exchange key is not known"));
const FEWER: Error = Error::new(&(Code::Rollback, "fewer versions of an exchange key than seen before"));

/// What is known of a pair.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// Nothing while the pair has no version.
    pub(super) kept: Option<Rc<Kept>>,
    /// What the next version is made after, where it was fetched just now and there is one.
    pub(super) chain: Option<Rc<Chain>>,
    is_fetched: bool,
}

/// Pairs that are asked for, and by whom.
pub(super) type Exchanging = (Vec<Pair>, Rc<Flight<()>>);

/// By pair, or why not.
pub(super) type Exchanges = BTreeMap<Pair, Result<Exchange>>;

/// Where the exchange keys of a pair are kept.
fn id_of(pair: &Pair) -> Id {
    Id::Pair(Hash(Sha256::digest(pair.as_str()).into()))
}

impl Exchange {
    /// Was it not here?
    pub(super) const fn is_fetched(&self) -> bool {
        self.is_fetched
    }
}

impl<S: KeyStore> Cache<S> {
    /// The exchange keys of a pair, if they are here and may be used, but for what the feed says.
    fn look_for_pair(&self, pair: &Pair, ready: &Ready, clock: &dyn Clock) -> Option<Exchange> {
        if self.entries.was_set_back(clock) {
            self.doubt();
        }
        let (Item::Payload(payload), term) = self.entries.held(&id_of(pair), clock)? else { return None };
        let kept = Kept::from_bytes(payload.expose()).ok().filter(|kept| kept.keys().pair() == pair)?;
        if groups_of(&kept).any(|group| self.feed.is_gone(group, term.fetched)) {
            self.doom(vec![id_of(pair)]);
            return None;
        }
        if !ready.knows(&kept) {
            return None;
        }
        // After a reload, too, fewer versions are `rollback`.
        self.see(pair, kept.head());
        Some(Exchange { kept: Some(Rc::new(kept)), chain: None, is_fetched: false })
    }

    /// Who asks for one of these now.
    fn who_asks(&self, pairs: &[Pair]) -> Option<Rc<Flight<()>>> {
        let exchanging = &mut *self.exchanging.borrow_mut();
        exchanging.retain(|(_, flight)| !flight.is_over());
        let asks = |(asked, _): &&Exchanging| asked.iter().any(|pair| pairs.contains(pair));
        exchanging.iter().find(asks).map(|(_, flight)| Rc::clone(flight))
    }

    /// This much of a pair's versions was seen.
    fn see(&self, pair: &Pair, head: &View) {
        let seen = &mut *self.versions.borrow_mut();
        if seen.get(pair).is_none_or(|known| known.sequence < head.sequence) {
            seen.insert(pair.clone(), *head);
        }
    }
}

fn groups_of(kept: &Kept) -> impl Iterator<Item = &Hash> {
    kept.parties().into_iter().filter_map(|party| match party {
        Party::Group(id) => Some(id),
        _ => None,
    })
}

impl Ready {
    /// Are the parties still who they were when it was kept, and is the own user one of them?
    fn knows(&self, kept: &Kept) -> bool {
        let is_known = |party: &Party| match party {
            Party::Group(id) => self.people.group(id).is_ok(),
            Party::User { id, identity } => {
                *party == self.people.own
                    || self.state.pins.find(Some(id)).is_some_and(|pin| pin.identity() == identity)
            }
            Party::Placeholder { .. } => false,
        };
        let is_own = |party: &&Party| match party {
            Party::Group(id) => self.people.belongs(id),
            _ => **party == self.people.own,
        };
        kept.parties().into_iter().all(is_known) && kept.parties().iter().any(is_own)
    }
}

impl People {
    /// The own user and his groups.
    pub(super) fn own_parties(&self) -> Vec<Party> {
        let groups = self.directory.groups().map(|log| *log.id()).filter(|id| self.belongs(id));
        core::iter::once(self.own.clone()).chain(groups.map(Party::Group)).collect()
    }

    /// Groups to which the own user belonged.
    pub(super) fn former_groups(&self) -> Vec<Hash> {
        let groups = self.directory.groups().filter(|log| self.role(log).is_none() && log.has_belonged(&self.own));
        groups.map(|log| *log.id()).collect()
    }

    /// The party of a text in the name of a pair.
    ///
    /// # Errors
    /// `unknown-user`, `unknown-group`; why somebody who was told of isn't taken.
    pub(super) fn party_named(&self, name: &str) -> Result<Party> {
        if let Some(id) = Hash::parse(name) {
            return Ok(Party::Group(*self.group(&id)?.id()));
        }
        if let Party::User { id, .. } = &self.own
            && id.as_str() == name
        {
            return Ok(self.own.clone());
        }
        self.find(&UserId::new(name)?).and_then(Identity::party).ok_or(UNKNOWN)
    }

    /// The parties of a pair. Whom nobody has met yet has signed, or why he isn't taken is why nothing opens.
    fn parties_of(&self, pair: &Pair, version: &[u8], minimum: Minimum) -> Result<(Party, Party)> {
        let party = |name: &str| match self.party_named(name) {
            Err(UNKNOWN) => {
                let signer = self.signer(&Claim::parse(version, minimum)?.signer)?;
                signer.party().filter(|_| signer.user.as_ref().is_some_and(|user| user.as_str() == name)).ok_or(UNKNOWN)
            }
            party => party,
        };
        Ok((party(pair.delegator())?, party(pair.delegate())?))
    }
}

impl<H: Host> Client<H> {
    /// What is known of these pairs: what isn't here in one request for each thousand, in which it is asked for these groups too. `anew`: whatever is here.
    ///
    /// # Errors
    /// `locked`; those of the backend. In a pair's place those of SPEC sections 18.3 and 18.4.
    pub(super) async fn exchange(
        &self,
        cache: &Rc<Cache<H::Store>>,
        pairs: &[Pair],
        groups: &[Hash],
        anew: bool,
    ) -> Outcome<Exchanges> {
        let mut found = Exchanges::new();
        let mut is_asked = groups.is_empty();
        let mut tries = 0..TRIES;
        loop {
            self.check_cache(cache)?;
            let missing = self.missing_pairs(cache, pairs, &mut found, anew)?;
            // However many there are: each of them ends.
            if let Some(flight) = cache.who_asks(&missing) {
                self.follow(&flight).await;
                continue;
            }
            tries.next().ok_or(CONFLICT)?;
            if missing.is_empty() && is_asked {
                self.fresh(cache).await?;
                // What was told just now counts.
                found.retain(|_, known| known.as_ref().map_or(true, Exchange::is_fetched));
                if self.missing_pairs(cache, pairs, &mut found, anew)?.is_empty() {
                    let fetched = found.values().flatten().filter(|known| known.is_fetched).count();
                    cache.count(found.len().saturating_sub(fetched), fetched);
                    return Ok(found);
                }
                continue;
            }
            let lead = self.lead();
            cache.exchanging.borrow_mut().push((missing.clone(), Rc::clone(lead.flight())));
            let mut fetched = self.fetch_pairs(cache, &missing, groups).await?;
            let is_behind = |error: &Error| matches!(error.code(), Code::Rollback | Code::UnknownGroup);
            let behind = fetched.iter().filter(|(_, known)| known.as_ref().is_err_and(is_behind));
            let behind: Vec<Pair> = behind.map(|(pair, _)| pair.clone()).collect();
            // A group's log has gone on between.
            if !behind.is_empty() {
                fetched.extend(self.fetch_pairs(cache, &behind, &[]).await?);
            }
            lead.land(());
            found.extend(fetched);
            is_asked = true;
        }
    }

    /// Those of the pairs that are here and may be used.
    ///
    /// # Errors
    /// `locked`.
    pub(super) async fn exchange_here(&self, cache: &Rc<Cache<H::Store>>, pairs: &[Pair]) -> Result<Exchanges> {
        let mut found = Exchanges::new();
        if self.fresh(cache).await.is_ok() {
            self.missing_pairs(cache, pairs, &mut found, false)?;
        }
        Ok(found)
    }

    /// Those of the pairs that aren't found yet and aren't here; the others are found now.
    fn missing_pairs(
        &self,
        cache: &Cache<H::Store>,
        pairs: &[Pair],
        found: &mut Exchanges,
        anew: bool,
    ) -> Result<Vec<Pair>> {
        let mut missing = Vec::new();
        for pair in pairs.iter().filter(|pair| !found.contains_key(pair)).cloned().collect::<Vec<_>>() {
            let here = if anew { None } else { self.with(|ready| cache.look_for_pair(&pair, ready, &self.clock()))? };
            match here {
                Some(here) => drop(found.insert(pair, Ok(here))),
                None => missing.push(pair),
            }
        }
        Ok(missing)
    }

    async fn fetch_pairs(&self, cache: &Rc<Cache<H::Store>>, pairs: &[Pair], groups: &[Hash]) -> Outcome<Exchanges> {
        let (mut found, mut groups) = (Exchanges::new(), groups);
        // Also where there is nothing but groups to ask for.
        for page in pairs.chunks(PAGE).chain(pairs.is_empty().then_some(pairs)) {
            let term = self.term(cache);
            let mut versions: BTreeMap<&Pair, Result<Vec<Vec<u8>>>> =
                page.iter().map(|pair| (pair, Ok(Vec::new()))).collect();
            let mut asked: Vec<(Pair, Option<u64>)> = versions.keys().map(|pair| ((*pair).clone(), None)).collect();
            loop {
                let given = self.ask_keys(cache, Wanted { groups, pairs: &asked, ..Wanted::default() }, None).await?;
                self.meet_others(cache, &given.others).await?;
                self.remember_groups(groups)?;
                groups = &[];
                asked = gather(&mut versions, asked, given.pairs)?;
                if asked.is_empty() {
                    break;
                }
            }
            for (pair, versions) in versions {
                let known = match versions {
                    Ok(versions) => self.open_pair(cache, pair, &versions).await,
                    Err(error) => Err(error),
                };
                self.check_cache(cache)?;
                if let Err(error) = &known
                    && error.code() == Code::Locked
                {
                    return Err((*error).into());
                }
                found.insert(pair.clone(), known);
            }
            let kept = found.values().flatten().filter_map(|known| known.kept.as_ref()).map(Rc::clone);
            self.keep_pairs(cache, &kept.collect::<Vec<_>>(), term).await?;
        }
        self.hold_state().await?;
        Ok(found)
    }

    /// Verifies all versions of a pair, and opens their keys.
    async fn open_pair(&self, cache: &Rc<Cache<H::Store>>, pair: &Pair, versions: &[Vec<u8>]) -> Result<Exchange> {
        let seen = cache.versions.borrow().get(pair).cloned();
        let Some(first) = versions.first() else {
            // Nothing was ever made, or all of it is withheld.
            return match seen {
                None => Ok(Exchange { kept: None, chain: None, is_fetched: true }),
                Some(_) => Err(FEWER),
            };
        };
        let minimum = self.with(|ready| ready.state.minimum())?;
        let (delegator, delegate) = self.with(|ready| ready.people.parties_of(pair, first, minimum))??;
        let mut chain = Chain::empty(&self.options.app_id, &delegator, &delegate)?;
        let mut versions = versions.iter();
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            let Some(version) = versions.next() else { return Ok(false) };
            self.with(|ready| chain.extend(&[version], &ready.people, minimum))??;
            Ok(true)
        })
        .await?;
        seen.map_or(Ok(()), |seen| chain.check_view(&seen))?;
        self.open_chain(cache, chain, None).await
    }

    /// Opens the keys of a chain, the newest of which may be here.
    pub(super) async fn open_chain(
        &self,
        cache: &Rc<Cache<H::Store>>,
        chain: Chain,
        newest: Option<DataKey>,
    ) -> Result<Exchange> {
        let parties = self.with(|ready| ready.people.own_parties())?;
        let mut keys = chain.begin_opening(&parties)?;
        if let Some(newest) = newest {
            chain.take_opened(&mut keys, Ok(newest));
        }
        while let Some(sealed) = chain.next_sealed(&mut keys, &parties) {
            self.host.breathe().await;
            let opened =
                self.unwrap_for(Some(sealed.party()), sealed.fingerprint(), |public| sealed.begin(public)).await;
            if let Err(error) = opened
                && !is_lasting(error)
            {
                return Err(error);
            }
            chain.take_opened(&mut keys, opened);
        }
        self.check_cache(cache)?;
        if let Some(head) = chain.head() {
            cache.see(chain.pair(), &head);
        }
        let kept = Kept::of(&chain, keys).map(Rc::new);
        Ok(Exchange { kept, chain: Some(Rc::new(chain)), is_fetched: true })
    }

    /// Keeps these exchange keys, and the logs of their groups.
    pub(super) async fn keep_pairs(&self, cache: &Rc<Cache<H::Store>>, kept: &[Rc<Kept>], term: Term) -> Result<()> {
        let groups: Vec<Hash> = kept.iter().flat_map(|kept| groups_of(kept)).copied().collect();
        self.remember_groups(&groups)?;
        self.keep_sessions(cache, &[], &[]).await?;
        if self.options.cache.ttl == 0 || kept.is_empty() {
            return Ok(());
        }
        let (mut sealed, mut unkept) = (Vec::with_capacity(kept.len()), kept.iter());
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            let Some(kept) = unkept.next() else { return Ok(false) };
            let item = Item::Payload(Rc::new(kept.to_bytes()));
            let rng = &mut *self.host.random().borrow_mut();
            sealed.push(cache.entries.seal(rng, id_of(kept.keys().pair()), term, item)?);
            Ok(true)
        })
        .await?;
        self.save_entries(cache, sealed).await;
        self.tell_of_cache(cache);
        Ok(())
    }
}

/// Puts versions to those that came before; gives what is to be asked again.
fn gather(
    versions: &mut BTreeMap<&Pair, Result<Vec<Vec<u8>>>>,
    asked: Vec<(Pair, Option<u64>)>,
    given: Vec<Result<PairAnswer>>,
) -> Result<Vec<(Pair, Option<u64>)>> {
    let (mut again, mut is_more) = (Vec::new(), false);
    for ((pair, _), answer) in asked.into_iter().zip(given) {
        let known = versions.get_mut(&pair).ok_or(MALFORMED)?;
        match answer {
            Err(error) => *known = Err(error),
            Ok(answer) => {
                let Ok(known) = known else { continue };
                is_more = is_more || !answer.versions.is_empty();
                known.extend(answer.versions);
                if answer.more {
                    let after = u64::try_from(known.len()).ok().filter(|after| *after > 0);
                    again.push((pair, after));
                }
            }
        }
    }
    // One that gives nothing, and says that there is more, has no end.
    if is_more || again.is_empty() { Ok(again) } else { Err(MALFORMED) }
}

/// Opened exchange keys, or in their place why there are none, as a ring takes them.
pub(super) fn keys_of(pair: &Pair, known: &Result<Exchange>) -> Option<Rc<ExchangeKeys>> {
    match known {
        Ok(known) => known.kept.as_ref().map(|kept| Rc::clone(kept.keys())),
        Err(error) => Some(ExchangeKeys::kept(pair.clone(), vec![Err(*error)]).into()),
    }
}
