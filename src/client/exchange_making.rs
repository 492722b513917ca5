//! Versions of exchange keys that are made: the first one where there is none, and another one wherever it is due. SPEC section 18.5.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    CONFLICT, Client, Host, TRIES,
    cache::Cache,
    exchange::{Exchange, Exchanges},
    recipient::Recipient,
};
use crate::{
    backend::Outcome,
    delegation::{Chain, Kept, Made, Pair},
    encoding::MALFORMED,
    error::{Code, Result},
    identity::UserId,
    signed::Hash,
};

/// Versions in one request.
const PAGE: usize = 100;

impl<H: Host> Client<H> {
    /// The exchange keys under which is sealed for these pairs, each once: new versions are made where they are due.
    ///
    /// # Errors
    /// `locked`; `unknown-user`, `unknown-group`, `not-certified`, `pin-mismatch`; `stale` for a group of which nobody has lately said what its newest state is; `forbidden`
    /// where the delegator is another; `conflict`; those of SPEC section 18.3 and of the backend. Some may be made then, which the next call finds.
    pub(super) async fn sealing_keys(&self, cache: &Rc<Cache<H::Store>>, pairs: &[Pair]) -> Outcome<Vec<Rc<Kept>>> {
        let (mut done, mut is_newest) = (BTreeMap::<Pair, Rc<Kept>>::new(), false);
        // Of what was told by the cache nothing can be made.
        let mut anew = false;
        for _ in 0..TRIES {
            let left: Vec<Pair> = pairs.iter().filter(|pair| !done.contains_key(pair)).cloned().collect();
            let found = self.exchange(cache, &left, &[], anew).await?;
            found.values().try_for_each(|known| known.as_ref().map(drop).map_err(|error| *error))?;
            // Who has left a group can be withheld, but not for longer than its heads last.
            self.know_groups(&groups_of(&left), false).await?;
            let mut due = Exchanges::new();
            for (pair, known) in found {
                let known = known?;
                match &known.kept {
                    Some(kept) if !self.with(|ready| kept.is_due(&ready.people))?? => {
                        self.check_fresh(&kept.parties().map(Clone::clone))?;
                        done.insert(pair, Rc::clone(kept));
                    }
                    _ => drop(due.insert(pair, Ok(known))),
                }
            }
            if due.is_empty() {
                return Ok(done.into_values().collect());
            }
            if due.values().flatten().any(|known| !known.is_fetched()) {
                anew = true;
                continue;
            }
            let recipients: Vec<Recipient> = parties_of(due.keys()).collect::<Result<_>>()?;
            self.know(recipients.iter(), false).await?;
            // Whom a key is wrapped for stays known over a wipe.
            self.save_state().await?;
            match self.make_versions(cache, &due).await {
                Ok(made) => done.extend(made),
                Err(failure) if failure.code() == Code::Stale && !is_newest => {
                    is_newest = true;
                    self.know_newest(recipients.iter()).await?;
                }
                Err(failure) => return Err(failure),
            }
            // Others were first, or somebody has newer keys.
            anew = true;
        }
        Err(CONFLICT.into())
    }

    /// One version for each of these; gives those that the key server took. The others are to be looked at again.
    async fn make_versions(&self, cache: &Rc<Cache<H::Store>>, due: &Exchanges) -> Outcome<BTreeMap<Pair, Rc<Kept>>> {
        let term = self.term(cache);
        let (mut all, mut user) = (Vec::with_capacity(due.len()), None);
        for (pair, known) in due {
            let known = known.as_ref().map_err(|error| *error)?;
            let (by, made) = self.make_version(cache, pair, known).await?;
            user = Some(by);
            all.push((pair, made));
        }
        let (mut taken, mut refused) = (BTreeMap::new(), None);
        let mut unsent = all.into_iter().peekable();
        while let (Some(user), true) = (&user, unsent.peek().is_some()) {
            let page: Vec<(&Pair, Made)> = unsent.by_ref().take(PAGE).collect();
            let objects: Vec<Vec<u8>> = page.iter().map(|(_, made)| made.object.clone()).collect();
            let answers = self.send_exchange_keys(user, &objects).await?;
            if answers.len() != page.len() {
                return Err(MALFORMED.into());
            }
            for ((pair, made), answer) in page.into_iter().zip(answers) {
                match answer {
                    Ok(()) => {
                        let open = self.open_chain(cache, made.chain, Some(made.key)).await?;
                        taken.insert(pair.clone(), open.kept.ok_or(MALFORMED)?);
                    }
                    Err(error) if error.code() == Code::Conflict => {}
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
        }
        self.keep_pairs(cache, &taken.values().map(Rc::clone).collect::<Vec<_>>(), term).await?;
        match refused {
            // Those that were taken are found when it is tried again.
            Some(error) => Err(error.into()),
            None => Ok(taken),
        }
    }

    async fn make_version(&self, cache: &Rc<Cache<H::Store>>, pair: &Pair, known: &Exchange) -> Result<(UserId, Made)> {
        let chain = match &known.chain {
            Some(chain) => Rc::clone(chain),
            None => self.with(|ready| {
                let party = |name| ready.people.party_named(name);
                let (delegator, delegate) = (party(pair.delegator())?, party(pair.delegate())?);
                Chain::empty(&self.options.app_id, &delegator, &delegate).map(Rc::new)
            })??,
        };
        let (delegator, delegate) = chain.parties();
        self.check_fresh(&[delegator.clone(), delegate.clone()])?;
        // Where it is lost, what was sealed under it opens by that alone.
        let newest = known.kept.as_ref().and_then(|kept| kept.keys().newest().ok());
        let mut making = {
            let rng = &mut *self.host.random().borrow_mut();
            self.with_hand(|_, hand, people| chain.begin_version(rng, hand, newest, people))?
        };
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            self.with(|ready| making.step(&mut self.host.random().borrow_mut(), &ready.people))?
        })
        .await?;
        self.with_hand(|user, hand, people| Ok((user.clone(), making.sign(hand, &chain, people)?)))
    }
}

/// The groups that these pairs are of.
fn groups_of(pairs: &[Pair]) -> Vec<Hash> {
    let mut groups: Vec<Hash> =
        pairs.iter().flat_map(|pair| [pair.delegator(), pair.delegate()]).filter_map(Hash::parse).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Whom these pairs are of, each once.
fn parties_of<'p>(pairs: impl Iterator<Item = &'p Pair>) -> impl Iterator<Item = Result<Recipient>> {
    let mut names: Vec<&str> = pairs.flat_map(|pair| [pair.delegator(), pair.delegate()]).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(Recipient::named)
}
