//! Exchange keys, made and given: API section 11, SPEC section 18.

use std::collections::BTreeSet;

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    delegation::{Chain, Claim, Pair, join, split},
    error::Code,
    identity::UserId,
    party::Party,
    session::{Directory, Served},
    signed::{Hash, Minimum},
};

use crate::{
    ApiError, Work,
    error::Result,
    groups::check_own,
    object, objects,
    reader::Reader,
    request::Members,
    sessions::OTHER_SIGNER,
    store::{Logged, Store},
};

/// Versions of one request.
const MAX_ITEMS: usize = 100;
/// Versions of one reply.
const MAX_GIVEN: u64 = 4_000;
const FIRST: Minimum = Minimum(1);

const NOT_HIS: ApiError = ApiError::new(Code::Forbidden, "an exchange key of another delegator");
const OTHER_APP: ApiError = ApiError::new(Code::KeyMismatch, "an exchange key of another application");
const UNREADABLE: ApiError = ApiError::server("an exchange key that can't be read");
const CONFLICT: ApiError = ApiError::new(Code::Conflict, "another version was first");

/// A version that is to be taken.
struct Item {
    bytes: Vec<u8>,
    claim: Claim,
    served: Served,
}

/// A pair that is asked for, and the version that the client has.
pub(crate) struct AskedPair {
    pair: Pair,
    after: u64,
}

impl AskedPair {
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let members = Members::of(value, &["pair", "after"])?;
        let pair = Pair::parse(members.text("pair")?).map_err(|_| ApiError::argument("not a pair of parties"))?;
        Ok(Self { pair, after: members.number_if_any("after")?.unwrap_or_default() })
    }

    pub(crate) const fn pair(&self) -> &Pair {
        &self.pair
    }
}

/// What has to be given beside exchange keys.
#[derive(Default)]
pub(crate) struct Beside {
    pub(crate) users: Vec<UserId>,
    pub(crate) groups: BTreeSet<Hash>,
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn put_exchange_keys(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let items = read_items(body)?;
        let mut directory = Directory::default();
        directory.insert(self.identity(caller)?)?;
        let mut taken = Vec::with_capacity(items.len());
        for item in items {
            taken.push(match self.take_version(caller, &mut directory, item) {
                Ok(version) => json!({ "version": version }),
                Err(error) if error.code() == Code::Server => return Err(error),
                Err(error) => json!({ "error": error.code().as_str() }),
            });
        }
        Ok(json!({ "items": taken }))
    }

    /// Takes one version, or nothing. Gives the pair's newest.
    fn take_version(&mut self, caller: &UserId, directory: &mut Directory, item: Item) -> Result<u64> {
        let Item { bytes, claim, served } = item;
        if claim.app_id != *self.server.app_id() {
            return Err(OTHER_APP);
        }
        match &claim.delegator {
            Party::User { id, .. } if id == caller => {}
            Party::Group(id) => drop(self.role_in(id, caller)?),
            _ => return Err(NOT_HIS),
        }
        let pair = Pair::of(&claim.delegator, &claim.delegate)?;
        let newest = self.store.newest_versions(core::slice::from_ref(&pair))?.pop().unwrap_or_default();
        if claim.version <= newest {
            let known = self.store.exchange_key(&pair, claim.version)?.ok_or(UNREADABLE)?;
            return if hash_of(&known)? == claim.hash { Ok(newest) } else { Err(CONFLICT) };
        }
        let before = self.store.exchange_key(&pair, newest)?;
        if claim.version != newest + 1 || claim.previous != before.as_ref().map(hash_of).transpose()? {
            return Err(CONFLICT);
        }
        check_own(directory.find(Some(caller)).ok_or(OTHER_SIGNER)?, &claim.signer)?;
        for party in [&claim.delegator, &claim.delegate] {
            if let Party::Group(id) = party {
                self.know_group(directory, id)?;
            }
        }
        let before = before.as_ref().map(|before| before.object.as_slice());
        Chain::check_next(self.server.app_id(), before, &bytes, &*directory, FIRST)?;
        self.check_recipients(directory, served.stanzas.iter().map(|stanza| &stanza.party), &served.stanzas)?;

        let version = Logged { sequence: claim.version, signer: Some(caller.clone()), object: bytes };
        self.store.add_exchange_key(&pair, &version)?;
        let detail = [("pair", pair.to_string()), ("version", claim.version.to_string())];
        self.tell_of(caller, Some(caller), "exchange-key", &detail);
        Ok(claim.version)
    }

    /// Versions of each pair, with the bodies that are the caller's; and what belongs to them.
    pub(crate) fn exchange_keys(
        &mut self,
        caller: &UserId,
        reader: &Reader,
        asked: &[AskedPair],
    ) -> Result<(Vec<Value>, Beside)> {
        let may: Vec<_> = asked.iter().map(|asked| reader.check_pair(&asked.pair)).collect();
        let his: Vec<_> = asked.iter().zip(&may).filter(|(_, may)| may.is_ok()).map(|(asked, _)| asked).collect();
        let pairs: Vec<_> = his.iter().map(|asked| asked.pair.clone()).collect();
        let (mut room, mut wanted) = (MAX_GIVEN, Vec::new());
        // Of each of his: doesn't it fit any more?
        let mut left_out = Vec::with_capacity(his.len());
        for (AskedPair { pair, after }, newest) in his.iter().zip(self.store.newest_versions(&pairs)?) {
            let count = newest.saturating_sub(*after);
            // One alone is given, however long it is.
            let fits = count <= room || room == MAX_GIVEN;
            left_out.push(!fits);
            room = if fits { room.saturating_sub(count) } else { 0 };
            if fits {
                wanted.push((pair.clone(), after.saturating_add(1)));
            }
        }
        let mut found = self.store.exchange_keys(&wanted)?.into_iter();
        let (mut left_out, mut beside) = (left_out.into_iter(), Beside::default());
        let mut answers = Vec::with_capacity(asked.len());
        for (AskedPair { pair, .. }, may) in asked.iter().zip(may) {
            if let Err(error) = may {
                answers.push(json!({ "error": error.code().as_str() }));
                continue;
            }
            beside.take(pair);
            let more = left_out.next().unwrap_or_default();
            let versions = if more { Vec::new() } else { found.next().unwrap_or_default() };
            let given = self.give(caller, reader, pair, versions, &mut beside)?;
            answers.push(object([("versions", objects(&given)), ("more", more.into())]));
        }
        Ok((answers, beside))
    }

    fn give(
        &mut self,
        caller: &UserId,
        reader: &Reader,
        pair: &Pair,
        versions: Vec<Logged>,
        beside: &mut Beside,
    ) -> Result<Vec<Vec<u8>>> {
        let (mut given, mut newest) = (Vec::with_capacity(versions.len()), None);
        for Logged { sequence, signer, object } in versions {
            beside.users.extend(signer);
            let Served { signed, stanzas, .. } = split(&object, FIRST).map_err(|_| UNREADABLE)?;
            let his = stanzas.into_iter().enumerate().filter(|(_, stanza)| reader.is(&stanza.party));
            let bodies: Vec<_> = his.filter_map(|(place, stanza)| Some((place, stanza.body?))).collect();
            if !bodies.is_empty() {
                newest = Some(sequence);
            }
            given.push(join(&signed, bodies).map_err(|_| UNREADABLE)?);
        }
        if let Some(newest) = newest {
            let detail = [("pair", pair.to_string()), ("version", newest.to_string())];
            self.tell_of(caller, Some(caller), "exchange-release", &detail);
            if let Ok(delegator) = UserId::new(pair.delegator())
                && delegator != *caller
            {
                self.tell_of(&delegator, Some(caller), "exchange-release", &detail);
            }
        }
        Ok(given)
    }
}

impl Beside {
    /// The parties of a pair.
    fn take(&mut self, pair: &Pair) {
        for name in [pair.delegator(), pair.delegate()] {
            match Hash::parse(name) {
                Some(group) => drop(self.groups.insert(group)),
                None => self.users.extend(UserId::new(name)),
            }
        }
    }
}

fn hash_of(known: &Logged) -> Result<Hash> {
    Ok(Claim::parse(&known.object, FIRST).map_err(|_| UNREADABLE)?.hash)
}

/// Members first, then their objects' forms.
fn read_items(body: &Value) -> Result<Vec<Item>> {
    let objects = Members::of(body, &["items"])?.objects("items", MAX_ITEMS)?;
    if objects.is_empty() {
        return Err(ApiError::argument("no exchange key"));
    }
    let read = |bytes: Vec<u8>| {
        let (claim, served) = (Claim::parse(&bytes, FIRST)?, split(&bytes, FIRST)?);
        Ok(Item { bytes, claim, served })
    };
    objects.into_iter().map(read).collect()
}
