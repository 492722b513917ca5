//! A version of the key under which one party seals for another: SPEC section 18.2.

use super::names::Pair;
use crate::{
    data_key::{KeyCommitment, KeyId},
    encoding::{Context, MALFORMED, Reader, Writer, encode},
    error::Result,
    identity::AppId,
    message::Authority,
    party::Party,
    serving::{self, Served, Stanzaed},
    session::{read_authority, write_authority},
    signed::{Hash, Minimum, Payload, Unverified},
    stanzas::{Bodies, Stanza, read_stanzas, write_stanzas},
    wrap::Named,
};

/// The key of the version before, sealed.
pub(super) const SEALED_KEY: usize = 104;

/// What the delegator signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExchangeKey {
    pub(super) app_id: AppId,
    pub(super) delegator: Party,
    pub(super) delegate: Party,
    pub(super) version: u64,
    /// Hash of the version before.
    pub(super) previous: Option<Hash>,
    pub(super) time: u64,
    pub(super) signer: Hash,
    pub(super) authority: Authority,
    pub(super) named: Named,
    /// The key of the version before.
    pub(super) previous_key: Option<[u8; SEALED_KEY]>,
    /// Sorted by party.
    pub(super) stanzas: Vec<Stanza>,
    /// In the places of the stanzas: a group's epoch.
    pub(super) epochs: Vec<Option<u64>>,
}

impl Payload for ExchangeKey {
    const LABEL: &'static str = "wardkey/v1/exchange-key";
    const MAX: usize = 8 << 10;
    type More = Bodies;

    fn write(&self, w: &mut Writer) {
        w.map(13);
        w.uint(1);
        w.text(self.app_id.as_str());
        w.uint(2);
        self.delegator.write(w);
        w.uint(3);
        self.delegate.write(w);
        w.uint(4);
        w.uint(self.version);
        w.uint(5);
        w.bytes_or_null(self.previous.as_ref().map(|hash| hash.0.as_slice()));
        w.uint(6);
        w.uint(self.time);
        w.uint(7);
        w.bytes(&self.signer.0);
        w.uint(8);
        write_authority(w, &self.authority);
        w.uint(9);
        w.bytes(&self.named.key_id.0);
        w.uint(10);
        w.bytes(&self.named.commitment.0);
        w.uint(11);
        w.bytes_or_null(self.previous_key.as_ref().map(<[u8; SEALED_KEY]>::as_slice));
        w.uint(12);
        write_stanzas(w, &self.stanzas);
        w.uint(13);
        w.array(self.epochs.len());
        for epoch in &self.epochs {
            match epoch {
                Some(epoch) => w.uint(*epoch),
                None => w.null(),
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(13)?;
        reader.key(1)?;
        let app_id = AppId::read(reader)?;
        reader.key(2)?;
        let delegator = Party::read(reader)?;
        reader.key(3)?;
        let delegate = Party::read(reader)?;
        reader.key(4)?;
        let version = reader.uint()?;
        reader.key(5)?;
        let previous = reader.null_or(Reader::fixed)?.map(Hash);
        reader.key(6)?;
        let time = reader.uint()?;
        reader.key(7)?;
        let signer = Hash(reader.fixed()?);
        reader.key(8)?;
        let authority = read_authority(reader)?;
        reader.key(9)?;
        let key_id = KeyId(reader.fixed()?);
        reader.key(10)?;
        let commitment = KeyCommitment(reader.fixed()?);
        reader.key(11)?;
        let previous_key = reader.null_or(Reader::fixed)?;
        reader.key(12)?;
        let stanzas = read_stanzas(reader)?;
        reader.key(13)?;
        let count = reader.array()?;
        if count != stanzas.len() as u64 {
            return Err(MALFORMED);
        }
        let mut epochs = Vec::new();
        for _ in 0..count {
            epochs.push(reader.null_or(Reader::uint)?);
        }
        let named = Named { key_id, commitment };
        let key = Self {
            app_id,
            delegator,
            delegate,
            version,
            previous,
            time,
            signer,
            authority,
            named,
            previous_key,
            stanzas,
            epochs,
        };
        if key.is_well_formed() { Ok(key) } else { Err(MALFORMED) }
    }

    /// As many bodies as stanzas, and of their suites' lengths.
    fn agrees(&self, bodies: &Bodies) -> bool {
        bodies.fit(&self.stanzas)
    }
}

impl ExchangeKey {
    /// What a field asks of another.
    fn is_well_formed(&self) -> bool {
        let is_placeholder = |party: &Party| matches!(party, Party::Placeholder { .. });
        let first = self.version == 1;
        let (low, high) = sorted(&self.delegator, &self.delegate);
        let for_both = match self.stanzas.as_slice() {
            [one] => low == high && one.party == *low,
            [one, other] => low != high && one.party == *low && other.party == *high,
            _ => false,
        };
        let fits =
            |(stanza, epoch): (&Stanza, &Option<u64>)| epoch.is_some() == matches!(stanza.party, Party::Group(_));
        let has_epochs = self.stanzas.iter().zip(&self.epochs).all(fits);
        !is_placeholder(&self.delegator)
            && !is_placeholder(&self.delegate)
            && self.version > 0
            && self.previous.is_none() == first
            && !(first && self.previous_key.is_some())
            && for_both
            && has_epochs
    }
}

impl Stanzaed for ExchangeKey {
    /// No log holds it: the hash of the version before stands for what it is of.
    fn names(&self) -> (Hash, u64, Hash) {
        (self.previous.unwrap_or(Hash([0; 32])), self.version, self.signer)
    }

    fn stanzas(&self) -> &[Stanza] {
        &self.stanzas
    }
}

fn sorted<'a>(a: &'a Party, b: &'a Party) -> (&'a Party, &'a Party) {
    if a <= b { (a, b) } else { (b, a) }
}

/// Both parties, sorted; one of a self pair.
pub(super) fn parties(delegator: &Party, delegate: &Party) -> Vec<Party> {
    let (low, high) = sorted(delegator, delegate);
    let mut parties = vec![low.clone(), high.clone()];
    parties.dedup();
    parties
}

/// What a stanza is bound to.
pub(super) fn context(pair: &Pair, version: u64) -> Result<Context> {
    Context::new([("exchange", pair.as_str()), ("version", version.to_string().as_str())])
}

/// What the key of the version before this one is bound to.
pub(super) fn previous_context(
    delegator: &Party,
    delegate: &Party,
    version: u64,
    commitment: &KeyCommitment,
) -> Vec<u8> {
    encode(|w| {
        w.array(6);
        w.text("wardkey/v1/previous-exchange-key");
        delegator.write(w);
        delegate.write(w);
        w.uint(version.saturating_sub(1));
        w.uint(version);
        w.bytes(&commitment.0);
    })
}

/// What an exchange key says of itself. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The application.
    pub app_id: AppId,
    /// Who seals.
    pub delegator: Party,
    /// For whom.
    pub delegate: Party,
    /// From 1 on.
    pub version: u64,
    /// Hash of the version before.
    pub previous: Option<Hash>,
    /// Its own hash.
    pub hash: Hash,
    /// The signer's bundle.
    pub signer: Hash,
    /// In whose right.
    pub authority: Authority,
    /// In the order of its stanzas: a group, and the epoch that it is wrapped for.
    pub epochs: Vec<(Hash, u64)>,
}

impl Claim {
    /// Reads an object.
    ///
    /// # Errors
    /// `limit`, `unsupported-version`, `invalid-format`, `downgrade`.
    pub fn parse(object: &[u8], minimum: Minimum) -> Result<Self> {
        let object = Unverified::<ExchangeKey>::parse(object, minimum)?;
        let says = object.claimed().clone();
        let epochs = says.stanzas.iter().zip(&says.epochs).filter_map(|(stanza, epoch)| match &stanza.party {
            Party::Group(id) => Some((*id, (*epoch)?)),
            _ => None,
        });
        Ok(Self {
            epochs: epochs.collect(),
            app_id: says.app_id,
            delegator: says.delegator,
            delegate: says.delegate,
            version: says.version,
            previous: says.previous,
            hash: *object.hash(),
            signer: says.signer,
            authority: says.authority,
        })
    }
}

/// Takes an exchange key apart, as a key server keeps it: `of` is the hash of the version before (zeros in the first), `sequence` the version.
///
/// # Errors
/// `limit`, `unsupported-version`, `invalid-format`, `downgrade`.
pub fn split(object: &[u8], minimum: Minimum) -> Result<Served> {
    serving::split::<ExchangeKey>(object, minimum)
}

/// Puts bodies into their places again.
///
/// # Errors
/// `invalid-format` where there is no such place, or the object is none.
pub fn join(signed: &[u8], bodies: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Result<Vec<u8>> {
    serving::join::<ExchangeKey>(signed, bodies)
}
