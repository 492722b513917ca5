//! Replays `testdata/*.json`: what each entry opens to, or the error that it ends in.

use wardkey::{
    backup::{Envelope, Owner, TwoMen, open_backup},
    data_key::DataKey,
    error::Result,
    key_pair::{KeyPair, PublicKey, Suite},
    message::{self, Header},
    password::Password,
    random,
    secret::Secret,
    sign::VerifyingKey,
    wrap,
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{
    hex::{hex, unhex, unhex_array},
    schema::{self, File, Invalid, context_of},
};

macro_rules! file {
    ($name:literal) => {
        schema::read(include_str!(concat!("../../testdata/", $name)))
    };
}

/// Every entry of `invalid` ends in its error; all that don't are named at once.
fn refused<T>(entries: &[Invalid<T>], least: usize, name: impl Fn(&T) -> &str, open: impl Fn(&T) -> Result<()>) {
    assert!(entries.len() >= least, "{} entries", entries.len());
    let unlike: Vec<_> = entries
        .iter()
        .filter_map(|row| {
            let found = open(&row.entry).map_err(|error| error.code().as_str());
            (found != Err(row.error.as_str()))
                .then(|| format!("{}: {found:?} instead of {}", name(&row.entry), row.error))
        })
        .collect();
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

fn key_of(text: &str) -> DataKey {
    DataKey::from_slice(&unhex(text)).expect("32 bytes")
}

fn pair_of(suite: &str, private: &str) -> KeyPair {
    let private = unhex(private);
    match Suite::from_name(suite).expect("a suite") {
        Suite::Hybrid => KeyPair::from_seed(Secret::from_slice(&private).expect("32 bytes")),
        _ => KeyPair::from_pkcs8(&private),
    }
    .expect("a good private key")
}

#[wasm_bindgen_test]
fn derive() {
    let file: File<schema::Derive> = file!("derive.json");
    assert!(file.vectors.len() >= 8);
    for row in &file.vectors {
        let key = key_of(&row.key);
        assert_eq!(hex(key.id().0), row.id, "{}", row.name);
        assert_eq!(hex(key.commitment().0), row.commitment, "{}", row.name);
        assert_eq!(hex(key.cache_seal().expose()), row.cache_seal, "{}", row.name);
    }
}

#[wasm_bindgen_test]
fn message() {
    let file: File<schema::Message> = file!("message.json");
    assert!(file.vectors.len() >= 60);
    for row in &file.vectors {
        let name = &row.name;
        let (key, sealed, context) = (key_of(&row.key), unhex(&row.sealed), context_of(&row.context));
        let plaintext = unhex(&row.plaintext);
        let (header, _) = Header::parse(&sealed).expect(name);
        assert_eq!(message::key_id_of(&sealed), Ok(key.id()), "{name}");
        assert_eq!(message::open(&key, &sealed, &context).expect(name), plaintext, "{name}");
        assert_eq!(message::sealed_len(&header, plaintext.len() as u64), Ok(sealed.len() as u64), "{name}");
        assert_eq!(header.session.as_ref().map(|session| hex(session.id)), row.session, "{name}");
        let Some(author) = &row.author else { continue };
        let public = VerifyingKey::from_bytes(unhex_array(&author.public_key));
        let opened = message::open_signed(&key, &sealed, &context, |_| Some(public)).expect(name);
        assert_eq!(opened.data, plaintext, "{name}");
        assert_eq!(hex(opened.author.bundle_hash), author.bundle_hash, "{name}");
        assert_eq!(opened.author.view.sequence.to_string(), author.sequence, "{name}");
        assert_eq!(hex(opened.author.view.hash), author.log_hash, "{name}");
    }
    refused(
        &file.invalid,
        110,
        |row| &row.name,
        |row| {
            let (key, sealed, context) = (key_of(&row.key), unhex(&row.sealed), context_of(&row.context));
            match &row.author {
                None => message::open(&key, &sealed, &context).map(drop),
                Some(author) => {
                    let public = VerifyingKey::from_bytes(unhex_array(&author.public_key));
                    message::open_signed(&key, &sealed, &context, |_| Some(public)).map(drop)
                }
            }
        },
    );
}

#[wasm_bindgen_test]
fn public_key() {
    let file: File<schema::PublicKey, schema::BadPublicKey> = file!("public_key.json");
    assert!(file.vectors.len() >= 10);
    for row in &file.vectors {
        let parsed = PublicKey::parse(&row.text).expect(&row.name);
        assert_eq!(parsed.suite().name(), row.suite, "{}", row.name);
        assert_eq!(hex(parsed.fingerprint().0), row.fingerprint, "{}", row.name);
        let pair = pair_of(&row.suite, &row.private);
        assert_eq!(parsed.as_bytes(), pair.public_key().as_bytes(), "{}", row.name);
    }
    refused(&file.invalid, 90, |row| &row.name, |row| PublicKey::parse(&row.text).map(drop));
}

#[wasm_bindgen_test]
fn wrap() {
    let file: File<schema::Wrap, schema::BadWrap> = file!("wrap.json");
    assert!(file.vectors.len() >= 8);
    let mut rng = random::system();
    for row in &file.vectors {
        let (key, context, wrapped) = (unhex(&row.key), context_of(&row.context), unhex(&row.wrapped));
        for one in &row.recipients {
            let pair = pair_of(&one.suite, &one.private);
            let opened = wrap::unwrap_key(&wrapped, &mut rng, &pair, &context).expect(&row.name);
            assert_eq!(opened.dangerously_expose().expose()[..], key, "{}", row.name);
        }
    }
    refused(
        &file.invalid,
        70,
        |row| &row.name,
        |row| {
            let pair = pair_of(&row.recipient.suite, &row.recipient.private);
            wrap::unwrap_key(&unhex(&row.wrapped), &mut random::system(), &pair, &context_of(&row.context)).map(drop)
        },
    );
}

#[wasm_bindgen_test]
fn backup() {
    let file: File<schema::Backup, schema::BadBackup> = file!("backup.json");
    assert!(file.vectors.len() >= 12);
    for row in &file.vectors {
        let name = &row.name;
        let bytes = unhex(&row.backup);
        let envelope = Envelope::parse(&bytes).expect(name);
        assert_eq!(envelope.encode(), bytes, "{name}");
        envelope.check_owner(&Owner::new(&row.app_id, &row.user_id).expect(name)).expect(name);
        let mut openings = vec![envelope.open(&Password::new(&row.password).expect(name)).expect(name)];
        if let Some(shares) = &row.two_man {
            let share = |text| Secret::from_slice(&unhex(text)).expect("32 bytes");
            let men = TwoMen { application: share(&shares.application), key_server: share(&shares.server) };
            openings.push(envelope.open_with_two_men(&men).expect(name));
        }
        for opened in openings {
            let found: Vec<_> = opened.encryption.iter().map(|pair| hex(pair.public_key().fingerprint().0)).collect();
            let expected: Vec<_> = row.keys.iter().map(|key| key.fingerprint.clone()).collect();
            assert_eq!(found, expected, "{name}");
            let found: Vec<_> = opened.signing.iter().map(|key| hex(key.verifying_key().as_bytes())).collect();
            let expected: Vec<_> = row.signing.iter().map(|key| key.public.clone()).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
    refused(
        &file.invalid,
        110,
        |row| &row.name,
        |row| {
            let bytes = unhex(&row.backup);
            if row.app_id.is_empty() {
                return open_backup(&bytes, &row.password, &row.user_id).map(drop);
            }
            let envelope = Envelope::parse(&bytes)?;
            envelope.check_owner(&Owner::new(&row.app_id, &row.user_id)?)?;
            envelope.open(&Password::new(&row.password)?).map(drop)
        },
    );
}

/// Here NFC is the browser's.
#[wasm_bindgen_test]
fn password() {
    let file: File<schema::Password, schema::BadPassword> = file!("password.json");
    assert!(file.vectors.len() >= 20);
    for row in &file.vectors {
        assert_eq!(hex(Password::new(&row.password).expect(&row.name).expose()), row.prepared, "{}", row.name);
    }
    refused(&file.invalid, 15, |row| &row.name, |row| Password::new(&row.password).map(drop));
}
