//! Groups: founding them, and what their admins do. SPEC sections 12.8 to 12.12.
//!
//! An operation is made on the newest state that is known. If another admin's was first it is made anew on the state after that, where it still does something; what he has
//! done already is done.

use std::{rc::Rc, sync::Arc};

use rand_core::TryCryptoRng;

use super::{CONFLICT, Client, Host, TRIES, belonging::seen_of, cache::Cache, fetch::PAGE, met::People};
use crate::{
    backend::Outcome,
    encoding::MALFORMED,
    error::{Code, Error, Result},
    group::{Delivery, Epochs, Lifetimes, Log, Made, Member, Name, Role, SignedHead, create, sign_head},
    identity::{Identity, UserId},
    party::Party,
    random::Random,
    session::{Hand, Signers},
    signed::Hash,
};

const NO_MEMBER: Error = Error::new(&(Code::InvalidArgument, "who is named is no member of the group"));
const UNKNOWN: Error = Error::new(&(Code::UnknownUser, "no such user"));

/// A group as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// What people call it.
    pub name: String,
    /// The number of its newest epoch.
    pub epoch: usize,
}

/// What an admin wants.
#[derive(Clone, Copy, Debug)]
enum Wish<'a> {
    Add(&'a [UserId], Role),
    Remove(&'a [UserId]),
    Roles { admins: &'a [UserId], members: &'a [UserId] },
    Rotate,
}

impl<H: Host> Client<H> {
    /// Founds a group; the own user is an admin of it.
    ///
    /// # Errors
    /// `locked`; `invalid-argument` for a name, a lifetime, somebody who is named twice; `limit`; those of [`Self::identities`] and of the backend. Nothing is sent then.
    pub async fn create_group(
        &self,
        (name, lifetimes): (&str, Lifetimes),
        members: &[UserId],
        admins: &[UserId],
    ) -> Outcome<Hash> {
        let name = Name::new(name)?;
        let cache = self.warm().await?;
        let own = self.with(|ready| ready.user.clone())?;
        // Who makes it is an admin of it, whatever he is called here.
        let others = |users: &[UserId]| users.iter().filter(|user| **user != own).cloned().collect::<Vec<_>>();
        let (mut members, admins) = (others(members), others(admins));
        members.retain(|member| !admins.contains(member));
        let everybody = || members.iter().chain(&admins).collect::<Vec<_>>();
        self.know_users(everybody(), false).await?;
        for again in [true, false] {
            self.check_cache(&cache)?;
            let (user, created) = {
                let rng = &mut *self.host.random().borrow_mut();
                self.with_hand(|user, hand, people| {
                    let member = |role| move |user| named(people, user, role);
                    let mut all = members.iter().map(member(Role::Member)).collect::<Result<Vec<_>>>()?;
                    all.extend(admins.iter().map(member(Role::Admin)).collect::<Result<Vec<_>>>()?);
                    let made = create(rng, hand, &self.options.app_id, (name.clone(), lifetimes), &all, people)?;
                    Ok((user.clone(), made))
                })?
            };
            let keys = self.wrap_group(&cache, created.delivery).await?;
            let head = self.with_hand(|_, hand, _| sign_head(hand, &created.log))?;
            match self.send_group(&user, &created.genesis, &keys, &head).await {
                Err(failure) if failure.code() == Code::Stale && again => {
                    self.refresh().await?;
                    self.know_users(everybody(), true).await?;
                }
                Err(failure) => return Err(failure),
                Ok(()) => {
                    let id = *created.log.id();
                    let epochs = self.open_all_epochs(&created.log, created.secret).await;
                    self.take_made(&cache, created.log.into(), &head, Some(epochs)).await?;
                    return Ok(id);
                }
            }
        }
        Err(CONFLICT.into())
    }

    /// Fetches a group's log, or what came after what is known of it. Whoever has its id may: who wraps for it has to verify it.
    ///
    /// # Errors
    /// `locked`, `unknown-group`, `rollback`, `fork`; those of SPEC section 12.10 and of the backend.
    pub async fn group(&self, id: &Hash) -> Outcome<GroupInfo> {
        self.know_groups(&[*id], true).await?;
        Ok(self.group_info(id)?)
    }

    /// What is known of a group, without a request.
    ///
    /// # Errors
    /// `locked`, `unknown-group`.
    pub fn group_info(&self, id: &Hash) -> Result<GroupInfo> {
        self.with_group(id, |log| GroupInfo {
            name: log.name().as_str().to_owned(),
            epoch: log.epochs().len().saturating_sub(1),
        })
    }

    fn with_group<T>(&self, id: &Hash, read: impl FnOnce(&Log) -> T) -> Result<T> {
        self.with(|ready| ready.people.group(id).map(read))?
    }

    /// The groups to which the own user belongs. One whose log isn't as it should be is left out.
    ///
    /// # Errors
    /// `locked`; those of the backend.
    pub async fn groups(&self) -> Outcome<Vec<Hash>> {
        let (locks, user) = (self.locks.get(), self.with(|ready| ready.user.clone())?);
        let mut ids = self.list_groups(&user).await?;
        // Nobody belongs to more, and each is remembered.
        if ids.len() > PAGE {
            return Err(MALFORMED.into());
        }
        self.check_locks(locks)?;
        self.fetch_groups(&ids).await?;
        for id in &ids {
            self.tend(id).await?;
        }
        self.check_locks(locks)?;
        self.with(|ready| ids.retain(|id| ready.people.belongs(id)))?;
        Ok(ids)
    }

    /// Who belongs to a group, by its newest state, sorted by name, and who is an admin of it.
    ///
    /// # Errors
    /// As [`Self::group`].
    pub async fn members(&self, id: &Hash) -> Outcome<Vec<(UserId, bool)>> {
        self.know_groups(&[*id], true).await?;
        let member = |(party, role): (&Party, Role)| match party {
            Party::User { id, .. } => Some((id.clone(), role == Role::Admin)),
            _ => None,
        };
        let mut members: Vec<_> = self.with_group(id, |log| log.members().filter_map(member).collect())?;
        members.sort_unstable();
        Ok(members)
    }

    /// Takes members in: they read what was written before, too.
    ///
    /// # Errors
    /// `locked`; `forbidden` for who is no admin; `invalid-argument` where somebody is a member; `conflict`; those of [`Self::identities`], of [`Self::group`] and of the backend.
    pub async fn add_members(&self, id: &Hash, users: &[UserId], admin: bool) -> Outcome<()> {
        self.operate(id, Wish::Add(users, if admin { Role::Admin } else { Role::Member })).await
    }

    /// Takes members out, and begins an epoch without them.
    ///
    /// # Errors
    /// `locked`; `forbidden` for who is no admin, for himself, and where no admin would stay; `invalid-argument` where somebody is no member; otherwise as [`Self::add_members`].
    pub async fn remove_members(&self, id: &Hash, users: &[UserId]) -> Outcome<()> {
        self.operate(id, Wish::Remove(users)).await
    }

    /// Makes members admins, and admins members.
    ///
    /// # Errors
    /// As [`Self::remove_members`].
    pub async fn set_admins(&self, id: &Hash, add: &[UserId], remove: &[UserId]) -> Outcome<()> {
        if add.iter().any(|user| remove.contains(user)) {
            return Err(Error::new(&(Code::InvalidArgument, "somebody is to be an admin and not to be one")).into());
        }
        self.operate(id, Wish::Roles { admins: add, members: remove }).await
    }

    /// Begins an epoch for the same members.
    ///
    /// # Errors
    /// As [`Self::add_members`].
    pub async fn rotate_group(&self, id: &Hash) -> Outcome<()> {
        self.operate(id, Wish::Rotate).await
    }

    async fn operate(&self, id: &Hash, wish: Wish<'_>) -> Outcome<()> {
        let cache = self.warm().await?;
        self.know_groups(&[*id], true).await?;
        let (mut again, mut all) = (false, false);
        for _ in 0..TRIES {
            let Some(wish) = self.with_group(id, |log| wish.left(log, again))?? else { return Ok(()) };
            let wrapped = self.with_group(id, |log| wish.wrapped_for(log))?;
            self.know_users(wrapped.iter().collect(), all).await?;
            self.check_cache(&cache)?;
            self.with(|ready| ready.newest_group(id).map(drop))??;
            let (user, made) = {
                let rng = &mut *self.host.random().borrow_mut();
                self.with_hand(|user, hand, people| {
                    Ok((user.clone(), wish.make(rng, hand, people.group(id)?, people)?))
                })?
            };
            let Made { operation, log, delivery, secret } = made;
            let keys = match delivery {
                Some(delivery) => Some(self.wrap_group(&cache, delivery).await?),
                None => None,
            };
            let head = self.with_hand(|_, hand, _| sign_head(hand, &log))?;
            match self.send_operation(&user, id, &operation, keys.as_deref(), &head).await {
                Ok(()) => {
                    let epochs = match secret {
                        Some(secret) => Some(self.open_all_epochs(&log, secret).await),
                        None => None,
                    };
                    return self.take_made(&cache, log.into(), &head, epochs).await;
                }
                Err(failure) if failure.code() == Code::Conflict => {
                    again = true;
                    self.know_groups(&[*id], true).await?;
                }
                Err(failure) if failure.code() == Code::Stale && !all => {
                    all = true;
                    self.refresh().await?;
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(CONFLICT.into())
    }

    /// Wraps an epoch's secret for one member after the other, and signs that.
    async fn wrap_group(&self, cache: &Rc<Cache<H::Store>>, mut delivery: Delivery) -> Result<Vec<u8>> {
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            self.with(|ready| delivery.step(&mut self.host.random().borrow_mut(), &ready.people))?
        })
        .await?;
        self.with_hand(|_, hand, _| delivery.sign(hand))
    }

    /// The key server has taken what was made: it is known, and remembered in the backup.
    async fn take_made(
        &self,
        cache: &Rc<Cache<H::Store>>,
        log: Arc<Log>,
        head: &[u8],
        epochs: Option<Result<Rc<Epochs>>>,
    ) -> Outcome<()> {
        // Whoever is open may be another by now.
        self.check_cache(cache)?;
        let head = self.with(|ready| SignedHead::read(&log, head, &ready.people, ready.state.minimum()))??;
        let seen = seen_of(&log);
        self.with(|ready| ready.state.see_group(*log.id(), seen))??;
        self.know_group(Arc::clone(&log), vec![head])?;
        if let Some(epochs) = epochs {
            self.hold_epochs(&log, epochs)?;
        }
        self.keep_sessions(cache, &[], &[]).await?;
        self.save_state().await.map(drop)
    }
}

impl<'a> Wish<'a> {
    /// What of it is still to be done, in this state: all of it the first time, and nothing that is no wish.
    fn left(self, log: &Log, again: bool) -> Result<Option<Left>> {
        let role = |user: &UserId| log.member(user).map(|member| member.role);
        let wanted = |users: &'a [UserId], is_done: &dyn Fn(&UserId) -> bool| {
            users.iter().filter(|user| !again || !is_done(user)).cloned().collect::<Vec<_>>()
        };
        let left = match self {
            Wish::Add(users, as_what) => Left::Add(wanted(users, &|user| role(user) == Some(as_what)), as_what),
            Wish::Remove(users) => Left::Remove(wanted(users, &|user| role(user).is_none())),
            Wish::Roles { admins, members } => Left::Roles(
                wanted(admins, &|user| role(user) == Some(Role::Admin)),
                wanted(members, &|user| role(user) == Some(Role::Member)),
            ),
            Wish::Rotate => Left::Rotate,
        };
        let is_empty = match &left {
            Left::Add(users, _) | Left::Remove(users) => users.is_empty(),
            Left::Roles(admins, members) => admins.is_empty() && members.is_empty(),
            Left::Rotate => false,
        };
        match (is_empty, again) {
            (true, true) => Ok(None),
            (true, false) => Err(Error::new(&(Code::InvalidArgument, "nobody is named"))),
            (false, _) => Ok(Some(left)),
        }
    }
}

/// What of a wish is still to be done.
enum Left {
    Add(Vec<UserId>, Role),
    Remove(Vec<UserId>),
    Roles(Vec<UserId>, Vec<UserId>),
    Rotate,
}

impl Left {
    /// Whom a secret is wrapped for.
    fn wrapped_for(&self, log: &Log) -> Vec<UserId> {
        let stay = |out: &[UserId]| {
            let name = |(party, _): (&Party, Role)| match party {
                Party::User { id, .. } if !out.contains(id) => Some(id.clone()),
                _ => None,
            };
            log.members().filter_map(name).collect()
        };
        match self {
            Self::Add(users, _) => users.clone(),
            Self::Remove(users) => stay(users),
            Self::Roles(..) => Vec::new(),
            Self::Rotate => stay(&[]),
        }
    }

    fn make<R: TryCryptoRng>(&self, rng: &mut Random<R>, hand: &Hand<'_>, log: &Log, people: &People) -> Result<Made> {
        let epochs = people.newest_epochs(log.id());
        let is_admin = hand.signer.party().and_then(|party| log.role(&party)) == Some(Role::Admin);
        // One that an admin broke is no reason not to begin another, which closes those before it; one that the key server doesn't give as it was signed is. Nobody is told
        // why who may not do it anyway couldn't.
        let newest = || match &epochs {
            Ok(epochs) => Ok(Some(&**epochs)),
            Err(error) if is_admin && !is_broken(error.code()) => Err(*error),
            Err(_) => Ok(None),
        };
        let member = |user: &UserId| log.member(user).ok_or(NO_MEMBER);
        let with_role = |user: &UserId, role| Ok(Member { role, ..member(user)? });
        match self {
            Self::Add(users, role) => {
                if users.iter().any(|user| log.member(user).is_some()) {
                    return Err(Error::new(&(Code::InvalidArgument, "who is to be added is a member")));
                }
                let added = users.iter().map(|user| named(people, user, *role)).collect::<Result<Vec<_>>>()?;
                if !is_admin {
                    return Err(FORBIDDEN);
                }
                log.add(hand, &added, epochs?.as_ref(), people)
            }
            Self::Remove(users) => {
                let parties = users.iter().map(|user| Ok(member(user)?.party)).collect::<Result<Vec<_>>>()?;
                log.remove(rng, hand, &parties, newest()?, people)
            }
            Self::Roles(admins, members) => {
                let mut changed = admins.iter().map(|user| with_role(user, Role::Admin)).collect::<Result<Vec<_>>>()?;
                changed.extend(members.iter().map(|user| with_role(user, Role::Member)).collect::<Result<Vec<_>>>()?);
                log.give_roles(hand, &changed)
            }
            Self::Rotate => log.rotate(rng, hand, newest()?, people),
        }
    }
}

/// Did whoever made the epoch break it? What is withheld, or isn't what was signed, is the key server's.
const fn is_broken(code: Code) -> bool {
    matches!(code, Code::UnwrapFailed | Code::KeyMismatch | Code::DecryptionFailed)
}

const FORBIDDEN: Error = Error::new(&(Code::Forbidden, "not an admin of the group"));

/// A user who was met.
fn named(people: &People, user: &UserId, role: Role) -> Result<Member> {
    let party = people.find(user).and_then(Identity::party).ok_or(UNKNOWN)?;
    Ok(Member { party, role })
}
