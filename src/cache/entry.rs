//! What a store keeps of one data key. No part of the frozen format: another version is a miss.
//!
//! `entry = version[1] ‖ key id[16] ‖ fetched[8] ‖ expires[8] ‖ Cobblestone(cache key, CBOR[label, cache, user, key id, fetched, expires], K)`

use zeroize::Zeroize;

use super::Owner;
use crate::{
    cobblestone,
    data_key::{DataKey, KeyId},
    encoding::encode,
    error::Result,
    random::Random,
    secret::{Secret, equal},
};

const VERSION: u8 = 1;
const CLEAR: usize = 1 + 16 + 8 + 8;
const LEN: usize = CLEAR + cobblestone::PREFIX + 32 + cobblestone::TAG;

/// Which key, from when to when. It stands in clear, so that a cache can be read in without opening anything; what an entry is used by is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) key_id: KeyId,
    pub(super) fetched: u64,
    pub(super) expires: u64,
}

impl Term {
    /// What an entry says of itself; nothing where it is none.
    pub(super) fn of(entry: &[u8]) -> Option<Self> {
        let (&version, rest) = entry.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (fetched, rest) = rest.split_first_chunk()?;
        let (expires, _) = rest.split_first_chunk()?;
        let term =
            Self { key_id: KeyId(*id), fetched: u64::from_be_bytes(*fetched), expires: u64::from_be_bytes(*expires) };
        (version == VERSION && entry.len() == LEN && term.fetched < term.expires).then_some(term)
    }

    fn context(&self, owner: &Owner) -> Vec<u8> {
        encode(|w| {
            w.array(6);
            w.text("wardkey/v1/cache-entry");
            w.text(&owner.name);
            w.text(owner.user.as_str());
            w.bytes(&self.key_id.0);
            w.uint(self.fetched);
            w.uint(self.expires);
        })
    }

    pub(super) fn seal<R: rand_core::TryCryptoRng>(
        &self,
        cache_key: &Secret<32>,
        owner: &Owner,
        rng: &mut Random<R>,
        key: &DataKey,
    ) -> Result<Vec<u8>> {
        let raw = key.dangerously_expose().expose();
        let body = cobblestone::seal(cache_key, rng, &self.context(owner), raw)?;
        let clear = [&[VERSION], self.key_id.0.as_slice(), &self.fetched.to_be_bytes(), &self.expires.to_be_bytes()];
        Ok([clear.concat(), body].concat())
    }

    /// The key of an entry that says this of itself; nothing where it is not this owner's, changed, or another key than it says.
    pub(super) fn open(&self, cache_key: &Secret<32>, owner: &Owner, entry: &[u8]) -> Option<DataKey> {
        let body = entry.get(CLEAR..)?;
        let mut raw = cobblestone::open(cache_key, &self.context(owner), body).ok()?;
        let secret = Secret::from_slice(&raw);
        raw.zeroize();
        let key = DataKey::from_secret(secret?);
        equal(&key.id().0, &self.key_id.0).then_some(key)
    }
}
