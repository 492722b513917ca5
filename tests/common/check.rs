//! Checks one entry of a vector file: everything in it is derived or opened again.

use wardkey::{
    backup::{Envelope, Owner, TwoMen, open_backup},
    data_key::DataKey,
    error::{Error, Result},
    key_pair::{self, Suite},
    message::{self, Authority, Header, Padding},
    password,
    secret::Secret,
    sign::VerifyingKey,
    wrap,
};

use super::{
    craft,
    hex::{hex, unhex, unhex_array},
    keys::Pair,
    parts,
    schema::{
        Backup, BadBackup, BadPassword, BadPublicKey, BadWrap, Derive, Invalid, Message, Password, PublicKey,
        Recipient, Wrap, context_of,
    },
};

/// What an entry of `invalid` gives, where that is not its error.
pub(crate) fn unlike<T>(name: &str, row: &Invalid<T>, open: impl FnOnce(&T) -> Result<()>) -> Option<String> {
    let found = open(&row.entry).map_err(|error: Error| error.code().as_str());
    (found != Err(row.error.as_str())).then(|| format!("{name}: {found:?} instead of {}", row.error))
}

pub(crate) fn derive(row: &Derive) {
    let key = DataKey::from_slice(&unhex(&row.key)).expect("32 bytes");
    assert_eq!(hex(key.id().0), row.id, "{}", row.name);
    assert_eq!(hex(key.commitment().0), row.commitment, "{}", row.name);
    assert_eq!(hex(key.cache_seal().expose()), row.cache_seal, "{}", row.name);
}

fn key_of(text: &str) -> DataKey {
    DataKey::from_slice(&unhex(text)).expect("32 bytes")
}

pub(crate) fn message(row: &Message) {
    let name = &row.name;
    let (key, sealed, context) = (key_of(&row.key), unhex(&row.sealed), context_of(&row.context));
    let plaintext = unhex(&row.plaintext);
    let (header, rest) = Header::parse(&sealed).expect(name);
    assert_eq!(header.key_id, key.id(), "{name}");
    assert_eq!(message::key_id_of(&sealed), Ok(key.id()), "{name}");
    assert_eq!(header.session.as_ref().map(|session| hex(session.id)), row.session, "{name}");
    assert_eq!(message::open(&key, &sealed, &context).expect(name), plaintext, "{name}");
    assert_eq!(parts::open_by_key(&key, &sealed, &context).expect(name).data, plaintext, "{name}");
    assert_eq!(message::sealed_len(&header, plaintext.len() as u64).expect(name), sealed.len() as u64, "{name}");

    // With its salt, the same bytes come out again, by another hand.
    let (head, body) = sealed.split_at(sealed.len() - rest.len());
    let body = &body[..body.len() - header.trailer_len()];
    let padded = if header.padded { parts::pad(&plaintext) } else { plaintext.clone() };
    let entries = row.context.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let bound = craft::message::body_context(head, &super::cbor::context(entries));
    assert_eq!(craft::body_again(&unhex(&row.key), &bound, body, &padded), body, "{name}");

    let Some(expected) = &row.author else { return assert!(header.signed_by().is_none(), "{name}") };
    let public = VerifyingKey::from_bytes(unhex_array(&expected.public_key));
    let mut asked = None;
    let opened = message::open_signed(&key, &sealed, &context, |bundle| {
        asked = Some(hex(bundle));
        Some(public.clone())
    })
    .expect(name);
    assert_eq!(opened.data, plaintext, "{name}");
    let author = opened.author;
    let in_parts = parts::open_signed(&key, &sealed, &context, |_| Some(public.clone()));
    assert_eq!(in_parts.expect(name), (plaintext, author), "{name}");
    assert_eq!(asked.as_ref(), Some(&expected.bundle_hash), "{name}");
    assert_eq!(hex(author.bundle_hash), expected.bundle_hash, "{name}");
    assert_eq!(Some(hex(author.session)), row.session, "{name}");
    assert_eq!(author.view.sequence.to_string(), expected.sequence, "{name}");
    assert_eq!(hex(author.view.hash), expected.log_hash, "{name}");
    let authority = match author.authority {
        Authority::Signer => [0; 72],
        Authority::Group { id, sequence, hash } => craft::message::group(&id, sequence, &hash),
    };
    assert_eq!(hex(authority), expected.authority, "{name}");
    let trailer = &sealed[sealed.len() - header.trailer_len()..];
    assert_eq!(trailer[112..116], expected.index.to_be_bytes(), "{name}");
    assert_eq!(trailer[116..120], expected.size.to_be_bytes(), "{name}");
}

pub(crate) fn padding(header: &Header) -> Padding {
    if header.padded { Padding::Padme } else { Padding::None }
}

pub(crate) fn try_message(row: &Message) -> Result<()> {
    let (key, sealed, context) = (key_of(&row.key), unhex(&row.sealed), context_of(&row.context));
    let code = |result: &Result<()>| result.as_ref().err().map(Error::code);
    let (whole, in_parts) = match &row.author {
        None => {
            (message::open(&key, &sealed, &context).map(drop), parts::open_by_key(&key, &sealed, &context).map(drop))
        }
        Some(author) => {
            let public = VerifyingKey::from_bytes(unhex_array(&author.public_key));
            // Its body is good: only the author is in question.
            assert_eq!(message::open(&key, &sealed, &context), Ok(unhex(&row.plaintext)), "{}", row.name);
            let whole = message::open_signed(&key, &sealed, &context, |_| Some(public.clone())).map(drop);
            (whole, parts::open_signed(&key, &sealed, &context, |_| Some(public)).map(drop))
        }
    };
    assert_eq!(code(&in_parts), code(&whole), "{}, in parts", row.name);
    whole
}

fn pair_of(suite: &str, private: &str) -> Pair {
    Pair::read(Suite::from_name(suite).expect("a suite"), &unhex(private))
}

pub(crate) fn public_key(row: &PublicKey) {
    let name = &row.name;
    let pair = pair_of(&row.suite, &row.private);
    let parsed = key_pair::PublicKey::parse(&row.text).expect(name);
    let public = pair.pair.public_key();
    assert_eq!(public.suite(), pair.suite, "{name}");
    assert_eq!(parsed.suite(), pair.suite, "{name}");
    assert_eq!(parsed.as_bytes(), public.as_bytes(), "{name}");
    assert_eq!(hex(parsed.fingerprint().0), row.fingerprint, "{name}");
    assert_eq!(hex(public.fingerprint().0), row.fingerprint, "{name}");
    if !row.text.starts_with("-----BEGIN") {
        assert_eq!(parsed.to_string(), row.text, "{name}");
    }
}

pub(crate) fn try_public_key(row: &BadPublicKey) -> Result<()> {
    key_pair::PublicKey::parse(&row.text).map(drop)
}

fn recipient(row: &Recipient) -> Pair {
    let pair = pair_of(&row.suite, &row.private);
    assert_eq!(pair.pair.public_key().to_string(), row.text);
    pair
}

pub(crate) fn wrap(row: &Wrap) {
    let (key, context, wrapped) = (unhex(&row.key), context_of(&row.context), unhex(&row.wrapped));
    for one in &row.recipients {
        let pair = recipient(one).pair;
        let opened = wrap::unwrap_key(&wrapped, &mut craft::system(), &pair, &context).expect(&row.name);
        assert_eq!(opened.dangerously_expose().expose()[..], key, "{}", row.name);
    }
}

pub(crate) fn try_wrap(row: &BadWrap) -> Result<()> {
    let pair = recipient(&row.recipient).pair;
    wrap::unwrap_key(&unhex(&row.wrapped), &mut craft::system(), &pair, &context_of(&row.context)).map(drop)
}

pub(crate) fn backup(row: &Backup) {
    let name = &row.name;
    let bytes = unhex(&row.backup);
    let envelope = Envelope::parse(&bytes).expect(name);
    assert_eq!(envelope.encode(), bytes, "{name}");
    let owner = Owner::new(&row.app_id, &row.user_id).expect(name);
    envelope.check_owner(&owner).expect(name);
    let prepared = password::Password::new(&row.password).expect(name);
    let mut openings = vec![envelope.open(&prepared).expect(name)];
    if let Some(shares) = &row.two_man {
        let share = |text| Secret::from_slice(&unhex(text)).expect("32 bytes");
        let men = TwoMen { application: share(&shares.application), key_server: share(&shares.server) };
        openings.push(envelope.open_with_two_men(&men).expect(name));
    }
    for opened in openings {
        let found: Vec<_> = opened.encryption.iter().map(|pair| hex(pair.public_key().fingerprint().0)).collect();
        let expected: Vec<_> = row.keys.iter().map(|key| key.fingerprint.clone()).collect();
        assert_eq!(found, expected, "{name}");
        let found: Vec<_> =
            opened.signing.iter().map(|key| (hex(key.verifying_key().as_bytes()), hex(key.seed().expose()))).collect();
        let expected: Vec<_> = row.signing.iter().map(|key| (key.public.clone(), key.seed.clone())).collect();
        assert_eq!(found, expected, "{name}");
    }
    for key in &row.keys {
        let pair = pair_of(&key.suite, &key.private);
        assert_eq!(hex(pair.fingerprint()), key.fingerprint, "{name}");
    }
    if row.app_id.is_empty() && row.keys.len() == 1 && row.signing.is_empty() {
        let pair = open_backup(&bytes, &row.password, &row.user_id).expect(name);
        assert_eq!(hex(pair.public_key().fingerprint().0), row.keys[0].fingerprint, "{name}");
    }
}

pub(crate) fn try_backup(row: &BadBackup) -> Result<()> {
    let bytes = unhex(&row.backup);
    if row.app_id.is_empty() {
        return open_backup(&bytes, &row.password, &row.user_id).map(drop);
    }
    let envelope = Envelope::parse(&bytes)?;
    envelope.check_owner(&Owner::new(&row.app_id, &row.user_id)?)?;
    envelope.open(&password::Password::new(&row.password)?).map(drop)
}

pub(crate) fn password(row: &Password) {
    let prepared = password::Password::new(&row.password).expect(&row.name);
    assert_eq!(hex(prepared.expose()), row.prepared, "{}", row.name);
}

pub(crate) fn try_password(row: &BadPassword) -> Result<()> {
    password::Password::new(&row.password).map(drop)
}
