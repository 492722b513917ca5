//! `backup.json`: SPEC section 7. The cheapest derivations, so that replaying stays quick.

use wardkey::{
    backup::{Envelope, Keys, Owner, TwoMen, seal_backup},
    key_pair::Suite,
    password::{Kdf, Password},
    sign::SigningKey,
};

use super::backup_invalid;
use crate::common::{
    craft::backup::{cheap_argon2id, derivation, share},
    hex::hex,
    keys::{Pair, RSA_SUITES, signing_key},
    rng::Seeded,
    schema::{self, Backup, BadBackup, File, PrivateKey},
};

const ANNA: &str = "anna@example.org";

pub(super) fn file(rng: &mut Seeded) -> File<Backup, BadBackup> {
    let hybrid = Pair::hybrid(rng);
    let pbkdf2 = Kdf::default_pbkdf2();
    let cheap = cheap_argon2id();
    let mut vectors = vec![
        stand_alone(rng, "argon2id", &hybrid, "correct horse", ANNA, cheap),
        stand_alone(rng, "pbkdf2", &hybrid, "correct horse", ANNA, pbkdf2),
        stand_alone(rng, "prepared password", &hybrid, " Zoe\u{308}\u{a0}\u{3000}\u{1d518} ", "Zoë 患者", cheap),
        stand_alone(rng, "longest user id", &hybrid, "p", &"ä".repeat(64), cheap),
    ];
    for suite in RSA_SUITES {
        vectors.push(stand_alone(rng, suite.name(), &Pair::rsa(suite), "correct horse", ANNA, cheap));
    }
    let older = Pair::rsa(Suite::Rsa4096);
    let pairs = [&Pair::hybrid(rng), &hybrid, &older];
    let signing = [signing_key(rng), signing_key(rng)];
    let one = &signing[..1];
    vectors.push(envelope(rng, "shortest salt", &pairs[..1], &[], &Outer { kdf: cheap, salt: 16, ..APP }));
    vectors.push(envelope(rng, "longest salt", &pairs[..1], one, &Outer { kdf: cheap, salt: 64, ..APP }));
    vectors.push(envelope(rng, "several keys", &pairs, &signing, &Outer { kdf: cheap, version: 1 << 40, ..APP }));
    vectors.push(envelope(rng, "two men", &pairs, &signing, &Outer { kdf: cheap, two_men: true, ..APP }));
    vectors.push(envelope(rng, "two men, pbkdf2", &pairs[..1], one, &Outer { kdf: pbkdf2, two_men: true, ..APP }));
    File { vectors, invalid: backup_invalid::rows(rng, &hybrid) }
}

fn private_keys(pairs: &[&Pair]) -> Vec<PrivateKey> {
    let key = |pair: &&Pair| PrivateKey {
        suite: pair.suite.name().to_owned(),
        private: hex(&pair.private),
        fingerprint: hex(pair.fingerprint()),
    };
    pairs.iter().map(key).collect()
}

fn stand_alone(rng: &mut Seeded, name: &str, pair: &Pair, password: &str, user_id: &str, kdf: Kdf) -> Backup {
    let backup = seal_backup(&pair.pair, rng, password, user_id, kdf).expect("sealed");
    Backup {
        name: name.to_owned(),
        password: password.to_owned(),
        app_id: String::new(),
        user_id: user_id.to_owned(),
        version: 1,
        two_man: None,
        keys: private_keys(&[pair]),
        signing: Vec::new(),
        backup: hex(backup),
    }
}

struct Outer {
    app_id: &'static str,
    version: u64,
    kdf: Kdf,
    salt: usize,
    two_men: bool,
}

const APP: Outer =
    Outer { app_id: "transfers.example", version: 2, kdf: Kdf::default_pbkdf2(), salt: 32, two_men: false };

fn envelope(rng: &mut Seeded, name: &str, pairs: &[&Pair], signing: &[SigningKey], outer: &Outer) -> Backup {
    let password = "correct horse";
    let owner = Owner::new(outer.app_id, ANNA).expect("an owner");
    let derivation = derivation(rng, outer.kdf, outer.salt);
    let men = outer.two_men.then(|| TwoMen { application: share(rng), key_server: share(rng) });
    let encryption: Vec<_> = pairs.iter().map(|pair| &pair.pair).collect();
    let signers: Vec<_> = signing.iter().collect();
    let keys = Keys { encryption: &encryption, signing: &signers };
    let prepared = Password::new(password).expect("a password");
    let sealed =
        Envelope::seal(rng, &owner, outer.version, &derivation, &prepared, men.as_ref(), &keys).expect("sealed");
    let two_man = men
        .map(|men| schema::TwoMan { application: hex(men.application.expose()), server: hex(men.key_server.expose()) });
    let signing = signing
        .iter()
        .map(|key| schema::SigningKey { public: hex(key.verifying_key().as_bytes()), seed: hex(key.seed().expose()) });
    Backup {
        name: name.to_owned(),
        password: password.to_owned(),
        app_id: outer.app_id.to_owned(),
        user_id: ANNA.to_owned(),
        version: outer.version,
        two_man,
        keys: private_keys(pairs),
        signing: signing.collect(),
        backup: hex(sealed.encode()),
    }
}
