//! SPEC section 6.

use hpke::{
    Deserializable, Kem, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256, kem::XWing, single_shot_seal_with_rng,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rsa::{Oaep, RsaPublicKey};
use sha2::{Digest, Sha256};

use super::{
    super::{
        cbor::{self, Array, Item, Map, Uint},
        rng::{Seeded, draw_array},
    },
    expand,
};

/// suite, fingerprint, body.
pub(crate) type Stanza = (u64, [u8; 32], Vec<u8>);

/// A wrap set, its stanzas in the order given.
#[derive(Clone)]
pub(crate) struct WrapSet {
    pub(crate) key_id: Vec<u8>,
    pub(crate) commitment: Vec<u8>,
    pub(crate) stanzas: Vec<Stanza>,
}

impl WrapSet {
    /// That names this key.
    pub(crate) fn of(key: &[u8]) -> Self {
        Self { key_id: expand(key, "key-id", 16), commitment: expand(key, "key-commitment", 32), stanzas: Vec::new() }
    }

    pub(crate) fn with(&self, stanzas: impl IntoIterator<Item = Stanza>) -> Self {
        Self { stanzas: stanzas.into_iter().collect(), ..self.clone() }
    }

    pub(crate) fn sorted(mut self) -> Self {
        self.stanzas.sort_by_key(|stanza| stanza.1);
        self
    }

    pub(crate) fn items(&self) -> Vec<(Item, Item)> {
        let stanzas = self
            .stanzas
            .iter()
            .map(|(suite, fingerprint, body)| Array(vec![Uint(*suite), cbor::bytes(fingerprint), cbor::bytes(body)]));
        vec![
            (Uint(1), cbor::bytes(&self.key_id)),
            (Uint(2), cbor::bytes(&self.commitment)),
            (Uint(3), Array(stanzas.collect())),
        ]
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        cbor::framed(b"WKWS", &Map(self.items()).encode())
    }

    /// HPKE's info, OAEP's label.
    pub(crate) fn info(&self, suite: u64, fingerprint: &[u8; 32], context: &Item) -> [u8; 32] {
        let bound = Array(vec![
            cbor::text("wardkey/v1/wrap"),
            Uint(suite),
            cbor::bytes(fingerprint),
            cbor::bytes(&self.key_id),
            cbor::bytes(&self.commitment),
            context.clone(),
        ]);
        Sha256::digest(bound.encode()).into()
    }
}

/// Reads what has been written.
pub(crate) fn stanzas_of(wrapped: &[u8]) -> WrapSet {
    let mut decoder = minicbor::Decoder::new(&wrapped[5..]);
    let read = || -> Result<WrapSet, minicbor::decode::Error> {
        decoder.map()?;
        decoder.u8()?;
        let key_id = decoder.bytes()?.to_vec();
        decoder.u8()?;
        let commitment = decoder.bytes()?.to_vec();
        decoder.u8()?;
        let mut stanzas = Vec::new();
        for _ in 0..decoder.array()?.expect("a definite length") {
            decoder.array()?;
            let suite = decoder.u64()?;
            let fingerprint = decoder.bytes()?.try_into().expect("32 bytes");
            stanzas.push((suite, fingerprint, decoder.bytes()?.to_vec()));
        }
        Ok(WrapSet { key_id, commitment, stanzas })
    };
    let mut read = read;
    read().expect("a wrap set")
}

/// enc ‖ ct for the material of a hybrid public key.
pub(crate) fn hpke(rng: &mut Seeded, public: &[u8], info: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let public = <XWing as Kem>::PublicKey::from_bytes(public).expect("a public key");
    let mut rng = ChaCha20Rng::from_seed(draw_array(rng));
    let (enc, ct) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        info,
        plaintext,
        &[],
        &mut rng,
    )
    .expect("HPKE seals");
    [enc.to_bytes().as_slice(), &ct].concat()
}

/// RSAES-OAEP with SHA-256.
pub(crate) fn oaep(rng: &mut Seeded, public: &RsaPublicKey, label: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut rng = ChaCha20Rng::from_seed(draw_array(rng));
    public.encrypt(&mut rng, Oaep::<Sha256>::new_with_label(label), plaintext).expect("OAEP seals")
}

/// The material in an encoded public key: WKPK, version, array, suite, then head and bytes.
pub(crate) fn material(public: &wardkey::key_pair::PublicKey) -> &[u8] {
    &public.as_bytes()[10..]
}
