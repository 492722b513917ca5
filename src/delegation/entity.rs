//! Entities, encrypted and shared: SPEC sections 18.11 and 18.12. An entity is the JSON text of an object, before and after.

use rand_core::TryCryptoRng;

use super::{
    content::{Content, EntityKey},
    form::{self, Map, OWN_ID, Stored, is_reserved, precedes},
    json::{self, Member},
    manifest::Manifest,
    members::put_back,
    names::{Pair, is_id, is_type, name_of},
    ring::{NO_KEY, Ring},
    value::{Failure, Field, Of, key_of, pad_id, unpad_id},
};
use crate::{
    encoding::{MALFORMED, base64url},
    error::{Code, Error, Result},
    party::Party,
    random::Random,
    secret::{Secret, SecretBytes},
};

const NO_ID: Error = Error::new(&(Code::InvalidArgument, "an entity has an id: text of 1 to 1,024 bytes"));
const BAD_TYPE: Error = Error::new(&(Code::InvalidArgument, "an entity type is text of 1 to 128 bytes"));
const RESERVED: Error = Error::new(&(Code::InvalidArgument, "an entity with a member that the encrypted one has"));
const OTHER_ID: Error = Error::new(&(Code::InvalidArgument, "the entity has another id than what it replaces"));
const OTHER_LINKS: Error =
    Error::new(&(Code::KeyMismatch, "the entity is linked to another parent than was sealed in it"));
const NO_SECRET_ID: Error = Error::new(&(Code::KeyMismatch, "a parent without a secret id"));

/// An entity that was opened.
struct Opened<'a> {
    stored: Stored<'a>,
    /// The reader's pair.
    pair: Pair,
    key: EntityKey,
    content: Content<'a>,
}

/// Encrypts an entity: what the manifest names is sealed, for `by` and for each of `others`. The ring has the newest exchange keys of these pairs.
///
/// A `parent` is an encrypted entity that the ring opens: the child has its secret id in clear, and its id sealed.
///
/// # Errors
/// `invalid-argument`, `invalid-format`, `limit`; as [`decrypt`] of the parent; `not-a-recipient` where the ring lacks an exchange key, or why that is closed; `rng`.
pub fn encrypt<R: TryCryptoRng>(
    rng: &mut Random<R>,
    ring: &Ring,
    (by, others): (&Party, &[Party]),
    (entity_type, entity): (&str, &str),
    manifest: &Manifest,
    parent: Option<&str>,
) -> Result<String> {
    if !is_type(entity_type) {
        return Err(BAD_TYPE);
    }
    let members = json::object(entity)?;
    let id = id_of(&members)?;
    let of = Of { id: &id, entity_type };
    let parted = manifest.apply(&members)?;
    let by = name_of(by)?;
    let mut names = others.iter().map(name_of).collect::<Result<Vec<_>>>()?;
    names.push(by.clone());
    names.sort_unstable();
    names.dedup();
    let mut room = None;
    let (parents, secret_foreign_keys) = match parent {
        Some(parent) => {
            let opened = read(ring, parent, &mut room)?;
            let secret_id = opened.secret_ids(ring)?.into_iter().next().ok_or(NO_SECRET_ID)?;
            (vec![opened.stored.id.into_owned()], vec![secret_id])
        }
        None => (Vec::new(), Vec::new()),
    };
    if names.iter().any(|name| *name == id || parents.contains(name)) {
        return Err(OWN_ID);
    }
    let key = EntityKey::new(Secret::generate(rng)?);
    let mut secret_id = [0; 16];
    rng.fill(&mut secret_id)?;
    let secret_ids = [base64url(&secret_id)];
    let mut maps = Maps::default();
    for name in &names {
        maps.add(rng, ring, of, Pair::named(&by, name), (&key, &secret_ids, &parents))?;
    }
    form::check_pairs(maps.encryption_keys.pairs())?;
    let content = Content { members: parted.sealed, parents, secret_foreign_keys };
    let encrypted_self = content.seal(rng, &key, of)?;
    let mut out = open_end(parted.clear);
    out.push_str(",\"entityType\":");
    json::write_string(&mut out, entity_type);
    out.push_str(",\"encryptedSelf\":\"");
    out.push_str(&base64url(&encrypted_self));
    out.push('"');
    for field in [Field::EncryptionKeys, Field::Delegations, Field::CryptedForeignKeys] {
        out.push_str(",\"");
        out.push_str(field.name());
        out.push_str("\":");
        maps.of(field).write(&mut out);
    }
    out.push_str(",\"secretForeignKeys\":[");
    json::write_joined(&mut out, &content.secret_foreign_keys, |out, id| json::write_string(out, id));
    out.push_str("]}");
    Ok(out)
}

/// Decrypts an entity.
///
/// # Errors
/// Those of SPEC sections 18.7 and 18.11.
pub fn decrypt(ring: &Ring, entity: &str) -> Result<String> {
    let mut room = None;
    let Opened { stored, content, .. } = read(ring, entity, &mut room)?;
    let is_clear = |member: &Member<'_>| member.name == "id" || !is_reserved(&member.name);
    let clear: Vec<_> = stored.members.into_iter().filter(is_clear).collect();
    put_back(&clear, &content.members)
}

/// Encrypts an entity anew in the place of what it was: the key, the parties and the links stay.
///
/// # Errors
/// As [`decrypt`] of the previous one; `invalid-argument`, `invalid-format`, `rng`.
pub fn update<R: TryCryptoRng>(
    rng: &mut Random<R>,
    ring: &Ring,
    previous: &str,
    entity: &str,
    manifest: &Manifest,
) -> Result<String> {
    let mut room = None;
    let Opened { stored, key, content, .. } = read(ring, previous, &mut room)?;
    let members = json::object(entity)?;
    if id_of(&members)? != stored.id {
        return Err(OTHER_ID);
    }
    let parted = manifest.apply(&members)?;
    let of = Of { id: &stored.id, entity_type: &stored.entity_type };
    let encrypted_self = Content { members: parted.sealed, ..content }.seal(rng, &key, of)?;
    let mut out = open_end(parted.clear);
    for member in stored.members.iter().filter(|member| member.name != "id" && is_reserved(&member.name)) {
        out.push(',');
        out.push_str(member.key);
        out.push(':');
        if member.name == "encryptedSelf" {
            json::write_string(&mut out, &base64url(&encrypted_self));
        } else {
            out.push_str(member.value);
        }
    }
    out.push('}');
    Ok(out)
}

/// Shares an entity with these parties. All of it that isn't a map stays as it is, byte for byte. The ring has the newest exchange key from [`delegator`] to each.
///
/// # Errors
/// As [`decrypt`]; `invalid-argument`, `forbidden` for a party too far from the first, `limit`; `not-a-recipient` where the ring lacks an exchange key, or why that is
/// closed; `rng`.
pub fn share<R: TryCryptoRng>(rng: &mut Random<R>, ring: &Ring, entity: &str, parties: &[Party]) -> Result<String> {
    let mut room = None;
    let opened = read(ring, entity, &mut room)?;
    let secret_ids = opened.secret_ids(ring)?;
    let Opened { stored, pair, key, content } = opened;
    let of = Of { id: &stored.id, entity_type: &stored.entity_type };
    let mut names = parties.iter().map(name_of).collect::<Result<Vec<_>>>()?;
    names.sort_unstable();
    names.dedup();
    if names.iter().any(|name| *name == stored.id || content.parents.contains(name)) {
        return Err(OWN_ID);
    }
    let mut maps = Maps::of_stored(&stored);
    for name in &names {
        if !maps.has(ring, of, &pair, name) {
            maps.add(rng, ring, of, Pair::named(pair.delegate(), name), (&key, &secret_ids, &content.parents))?;
        }
    }
    form::check_pairs(maps.encryption_keys.pairs())?;
    let mut out = String::from("{");
    json::write_joined(&mut out, &stored.members, |out, member| {
        out.push_str(member.key);
        out.push(':');
        match Field::named(&member.name) {
            Some(field) => maps.of(field).write(out),
            None => out.push_str(member.value),
        }
    });
    out.push('}');
    Ok(out)
}

/// What to look for in the `secretForeignKeys` of others to find the children of this entity. Sorted.
///
/// # Errors
/// Those of SPEC sections 18.7 and 18.11.
pub fn secret_foreign_keys(ring: &Ring, parent: &str) -> Result<Vec<String>> {
    let stored = Stored::read(parent)?;
    let (pair, _) = reader_pair(ring, &stored)?;
    open_ids(ring, &stored, Field::Delegations, &pair)
}

/// Ids of the parents of this entity. Sorted.
///
/// # Errors
/// As [`decrypt`].
pub fn parent_ids(ring: &Ring, child: &str) -> Result<Vec<String>> {
    Ok(read(ring, child, &mut None)?.content.parents)
}

/// The pairs whose exchange keys open this entity for the ring's parties, in the order in which they are tried.
///
/// # Errors
/// Those of SPEC section 18.7; `revoked`, `not-a-recipient`.
pub fn pairs(ring: &Ring, entity: &str) -> Result<Vec<Pair>> {
    let stored = Stored::read(entity)?;
    Ok(ring.readable(&stored)?.into_iter().cloned().collect())
}

/// All pairs of an entity, also where nobody could open it: what there may be to ask for.
///
/// # Errors
/// `invalid-format`, `limit`. Nothing is checked but the form of the pairs.
pub fn all_pairs(entity: &str) -> Result<Vec<Pair>> {
    let members = json::object(entity)?;
    let map = members.iter().find(|member| member.name == Field::EncryptionKeys.name()).ok_or(MALFORMED)?;
    let pairs = json::object(map.value)?;
    pairs.iter().map(|member| Pair::parse(&member.name)).collect()
}

/// Can an entity have these pairs, all of them? Nothing is asked for otherwise.
///
/// # Errors
/// Those of SPEC section 18.7, step 3.
pub fn check_pairs(pairs: &[Pair]) -> Result<()> {
    form::check_pairs(pairs.iter())
}

/// Those of these parties to whom [`share`] would give something, by their texts: the others have it.
///
/// # Errors
/// Those of SPEC sections 18.7 and 18.11; `invalid-argument`; `forbidden`, `limit` where [`share`] would end so.
pub fn without<'n>(ring: &Ring, entity: &str, names: &'n [String]) -> Result<Vec<&'n str>> {
    let mut room = None;
    let Opened { stored, pair, content, .. } = read(ring, entity, &mut room)?;
    if names.iter().any(|name| *name == stored.id || content.parents.contains(name)) {
        return Err(OWN_ID);
    }
    let of = Of { id: &stored.id, entity_type: &stored.entity_type };
    let maps = Maps::of_stored(&stored);
    let is_missing = |name: &&str| !maps.has(ring, of, &pair, name);
    let missing: Vec<&str> = names.iter().map(String::as_str).filter(is_missing).collect();
    let named = missing.iter().map(|name| Pair::named(pair.delegate(), name));
    let new: Vec<Pair> = named.filter(|pair| maps.encryption_keys.values(pair).is_empty()).collect();
    form::check_pairs(maps.encryption_keys.pairs().chain(&new))?;
    Ok(missing)
}

/// Would these make an encrypted entity, for parties of these texts, whatever the keys are?
///
/// # Errors
/// `invalid-argument`, `invalid-format`, `limit`.
pub fn check((entity_type, entity): (&str, &str), manifest: &Manifest, names: &[String]) -> Result<()> {
    if !is_type(entity_type) {
        return Err(BAD_TYPE);
    }
    let members = json::object(entity)?;
    if names.contains(&id_of(&members)?) {
        return Err(OWN_ID);
    }
    manifest.apply(&members).map(drop)
}

/// Who shares this entity on, for the ring's parties: the text of the party by whose pair it opens.
///
/// # Errors
/// Those of SPEC sections 18.7 and 18.11.
pub fn delegator(ring: &Ring, entity: &str) -> Result<String> {
    let stored = Stored::read(entity)?;
    Ok(reader_pair(ring, &stored)?.0.delegate().to_owned())
}

/// The id of an entity that isn't encrypted yet.
fn id_of(members: &[Member<'_>]) -> Result<String> {
    if members.iter().any(|member| member.name != "id" && is_reserved(&member.name)) {
        return Err(RESERVED);
    }
    let id = members.iter().find(|member| member.name == "id").ok_or(NO_ID)?;
    json::string(id.value).ok().filter(|id| is_id(id)).map(Into::into).ok_or(NO_ID)
}

/// An object without its last brace.
fn open_end(mut object: String) -> String {
    object.pop();
    object
}

/// Form, key, content and links. In `room` is what was sealed, as long as it is read in.
fn read<'a>(ring: &Ring, entity: &'a str, room: &'a mut Option<SecretBytes>) -> Result<Opened<'a>> {
    let stored = Stored::read(entity)?;
    let (pair, key) = reader_pair(ring, &stored)?;
    let of = Of { id: &stored.id, entity_type: &stored.entity_type };
    let content = Content::open(&key, of, &stored.encrypted_self, room)?;
    let parents = open_ids(ring, &stored, Field::CryptedForeignKeys, &pair)?;
    let in_clear = stored.secret_foreign_keys.iter().map(AsRef::<str>::as_ref);
    if parents != content.parents || !in_clear.eq(content.secret_foreign_keys.iter().map(String::as_str)) {
        return Err(OTHER_LINKS);
    }
    Ok(Opened { stored, pair, key, content })
}

/// The reader's pair, and the entity's key.
fn reader_pair(ring: &Ring, stored: &Stored<'_>) -> Result<(Pair, EntityKey)> {
    let of = Of { id: &stored.id, entity_type: &stored.entity_type };
    let mut first = None;
    for pair in ring.readable(stored)? {
        let value = stored.encryption_keys.values(pair).first().map(Vec::as_slice).unwrap_or_default();
        let opened = match ring.find(pair) {
            Some(keys) => of.open((Field::EncryptionKeys, pair), keys, value),
            None => Err(Failure::Closed(NO_KEY)),
        };
        match opened {
            Ok(key) => return Ok((pair.clone(), key_of(&key)?)),
            Err(Failure::Closed(error)) => first = first.or(Some(error)),
            Err(Failure::Bad(error)) => return Err(error),
        }
    }
    Err(first.unwrap_or(NO_KEY))
}

/// Ids that are sealed for a pair. Sorted.
fn open_ids(ring: &Ring, stored: &Stored<'_>, field: Field, pair: &Pair) -> Result<Vec<String>> {
    let of = Of { id: &stored.id, entity_type: &stored.entity_type };
    let map = if field == Field::Delegations { &stored.delegations } else { &stored.crypted_foreign_keys };
    let keys = ring.find(pair).ok_or(NO_KEY)?;
    let mut ids = Vec::new();
    for value in map.values(pair) {
        let opened = of.open((field, pair), keys, value).map_err(|failure| failure.error())?;
        ids.push(unpad_id(opened.expose())?.to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

impl Opened<'_> {
    fn secret_ids(&self, ring: &Ring) -> Result<Vec<String>> {
        open_ids(ring, &self.stored, Field::Delegations, &self.pair)
    }
}

/// The maps of an entity that is being written.
#[derive(Default)]
struct Maps {
    encryption_keys: Map,
    delegations: Map,
    crypted_foreign_keys: Map,
}

impl Maps {
    fn of_stored(stored: &Stored<'_>) -> Self {
        Self {
            encryption_keys: stored.encryption_keys.clone(),
            delegations: stored.delegations.clone(),
            crypted_foreign_keys: stored.crypted_foreign_keys.clone(),
        }
    }

    const fn of(&self, field: Field) -> &Map {
        match field {
            Field::EncryptionKeys => &self.encryption_keys,
            Field::Delegations => &self.delegations,
            Field::CryptedForeignKeys => &self.crypted_foreign_keys,
        }
    }

    /// Gives a pair its values.
    fn add<R: TryCryptoRng>(
        &mut self,
        rng: &mut Random<R>,
        ring: &Ring,
        of: Of<'_>,
        pair: Pair,
        (key, secret_ids, parents): (&EntityKey, &[String], &[String]),
    ) -> Result<()> {
        let exchange_key = ring.sealing(&pair)?;
        let mut seal = |field: Field, value: &[u8]| of.seal(rng, (field, &pair), exchange_key, value);
        let keys = vec![seal(Field::EncryptionKeys, key.secret().expose())?];
        let delegations: Result<Vec<_>> = secret_ids.iter().map(|id| seal(Field::Delegations, &pad_id(id))).collect();
        let foreign: Result<Vec<_>> = parents.iter().map(|id| seal(Field::CryptedForeignKeys, &pad_id(id))).collect();
        let (delegations, foreign) = (delegations?, foreign?);
        self.encryption_keys.set(pair.clone(), keys);
        self.delegations.set(pair.clone(), delegations);
        if !foreign.is_empty() {
            self.crypted_foreign_keys.set(pair, foreign);
        }
        Ok(())
    }

    /// Has this party what the delegate of the reader's pair would share? Of the way to the delegate only the last pair can be proven, by its values.
    fn has(&self, ring: &Ring, of: Of<'_>, reader: &Pair, name: &str) -> bool {
        let to = reader.delegate();
        let mut last = self.encryption_keys.pairs().filter(|pair| !pair.is_self() && pair.delegate() == to);
        let comes_before = |pair: &Pair| precedes(&self.encryption_keys, name, pair.delegator());
        name == to
            || self.opens(ring, of, &Pair::named(to, name))
            || last.any(|pair| comes_before(pair) && self.opens(ring, of, pair))
    }

    /// Is this pair there, with values that all open? The database may have put it there.
    fn opens(&self, ring: &Ring, of: Of<'_>, pair: &Pair) -> bool {
        let Some(keys) = ring.find(pair) else { return false };
        let fields = [Field::EncryptionKeys, Field::Delegations, Field::CryptedForeignKeys];
        let mut values =
            fields.into_iter().flat_map(|field| self.of(field).values(pair).iter().map(move |value| (field, value)));
        !self.encryption_keys.values(pair).is_empty()
            && values.all(|(field, value)| of.open((field, pair), keys, value).is_ok())
    }
}
