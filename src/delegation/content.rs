//! What an entity's own key seals: SPEC section 18.9.

use std::borrow::Cow;

use rand_core::TryCryptoRng;

use super::{
    form::MAX_VALUES,
    manifest::MAX_STEPS,
    names::is_id,
    value::{Of, pad_id, unpad_id},
};
use crate::{
    cobblestone,
    crypto::kdf::Expander,
    encoding::{MALFORMED, Reader, Writer, encode_into},
    error::Result,
    message::{pad, unpad},
    random::Random,
    secret::{Secret, SecretBytes},
};

/// K, the key of one entity.
pub(super) struct EntityKey {
    secret: Secret<32>,
    expander: Expander,
}

impl EntityKey {
    pub(super) fn new(secret: Secret<32>) -> Self {
        let expander = Expander::new(secret.expose());
        Self { secret, expander }
    }

    pub(super) const fn secret(&self) -> &Secret<32> {
        &self.secret
    }
}

/// A member that was taken out of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SealedMember<'a> {
    /// From the entity to it.
    pub(super) path: Vec<Step<'a>>,
    /// JSON, as it is spelled.
    pub(super) value: Cow<'a, str>,
}

/// A step of its path. Sorted as they are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step<'a> {
    /// To the member with this name.
    Name(Cow<'a, str>),
    /// To this element.
    Place(u32),
}

impl<'a> SealedMember<'a> {
    fn write(&self, w: &mut Writer) {
        w.array(2);
        w.array(self.path.len());
        for step in &self.path {
            match step {
                Step::Name(name) => w.text(name),
                Step::Place(place) => w.uint((*place).into()),
            }
        }
        w.text(&self.value);
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.array_of(2)?;
        let path = reader.list(|reader| {
            if reader.is_text() {
                return Ok(Step::Name(reader.text()?.into()));
            }
            Ok(Step::Place(u32::try_from(reader.uint()?).map_err(|_| MALFORMED)?))
        })?;
        if path.is_empty() || path.len() > MAX_STEPS {
            return Err(MALFORMED);
        }
        Ok(Self { path, value: reader.text()?.into() })
    }
}

/// The sealed members, and what the entity is linked to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content<'a> {
    /// In the order in which they stood in the entity.
    pub(super) members: Vec<SealedMember<'a>>,
    /// Ids of the parents, sorted.
    pub(super) parents: Vec<String>,
    /// Secret ids of the parents, sorted.
    pub(super) secret_foreign_keys: Vec<String>,
}

impl<'a> Content<'a> {
    /// The bytes of `encryptedSelf`.
    ///
    /// # Errors
    /// `rng`, `limit`.
    pub(super) fn seal<R: TryCryptoRng>(&self, rng: &mut Random<R>, key: &EntityKey, of: Of<'_>) -> Result<Vec<u8>> {
        let encoded = SecretBytes::new(self.encode(0));
        cobblestone::seal_with(&key.expander, rng, &of.content_context(), pad(encoded.expose())?.expose())
    }

    /// Opens the bytes of `encryptedSelf`, into what it is read in then.
    ///
    /// # Errors
    /// `truncated`, `decryption-failed`, `invalid-format`, `limit`.
    pub(super) fn open(key: &EntityKey, of: Of<'_>, sealed: &[u8], room: &'a mut Option<SecretBytes>) -> Result<Self> {
        let opened = cobblestone::open_with(&key.expander, &of.content_context(), sealed)?;
        let opened = room.insert(SecretBytes::new(opened));
        let encoded = unpad(opened.expose())?;
        let content = Self::read(&mut Reader::new(encoded))?;
        if content.encode(encoded.len()) == encoded { Ok(content) } else { Err(MALFORMED) }
    }

    /// It may have this length.
    fn encode(&self, length: usize) -> Vec<u8> {
        encode_into(Vec::with_capacity(length), |w| {
            w.map(3);
            w.uint(1);
            w.array(self.members.len());
            self.members.iter().for_each(|member| member.write(w));
            w.uint(2);
            w.array(self.parents.len());
            self.parents.iter().for_each(|id| w.bytes(&pad_id(id)));
            w.uint(3);
            w.array(self.secret_foreign_keys.len());
            self.secret_foreign_keys.iter().for_each(|id| w.text(id));
        })
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.map_of(3)?;
        reader.key(1)?;
        let members = reader.list(SealedMember::read)?;
        reader.key(2)?;
        let parents = list(reader, |reader| unpad_id(reader.bytes()?).map_err(|_| MALFORMED))?;
        reader.key(3)?;
        let secret_foreign_keys =
            list(reader, |reader| reader.text().and_then(|id| if is_id(id) { Ok(id) } else { Err(MALFORMED) }))?;
        Ok(Self { members, parents, secret_foreign_keys })
    }
}

/// At most 64 texts, sorted, none twice.
fn list<'a>(reader: &mut Reader<'a>, read: impl Fn(&mut Reader<'a>) -> Result<&'a str>) -> Result<Vec<String>> {
    let count = reader.array()?;
    if count > MAX_VALUES as u64 {
        return Err(MALFORMED);
    }
    let mut texts: Vec<String> = Vec::new();
    for _ in 0..count {
        let text = read(reader)?;
        if texts.last().is_some_and(|last| last.as_str() >= text) {
            return Err(MALFORMED);
        }
        texts.push(text.to_owned());
    }
    Ok(texts)
}
