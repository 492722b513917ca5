//! `identity.json` and `safety_number.json`: SPEC section 10.

use sha2::{Digest, Sha512};
use wardkey::key_pair::Suite;

use super::{draw_key, invalid};
use crate::common::{
    cbor::{self, Array, Item, Null, Uint},
    craft::objects::{APP, Draft, Person, malformed, party, pin, sign},
    hex::hex,
    keys::Pair,
    objects::schema::{Found, Identity, SafetyNumber},
    rng::{Seeded, draw_array},
    schema::{File, Invalid},
};

const ANNA: &str = "anna@example.org";

/// What is presented, with no pin.
fn row(name: &str, person: &Person) -> Identity {
    Identity {
        name: name.to_owned(),
        app_id: APP.to_owned(),
        user_id: person.user.as_ref().map(ToString::to_string),
        minimum: "1".to_owned(),
        bundles: person.bundles().iter().map(hex).collect(),
        ..Identity::default()
    }
}

fn found(person: &Person) -> Found {
    let hashes: Vec<_> = person.drafts.iter().map(|draft| hex(draft.hash())).collect();
    let before = person.seeds.len().checked_sub(2).map(|place| hex(person.seeds[place]));
    Found {
        user_id: person.user.as_ref().map(ToString::to_string),
        hashes,
        pin: hex(pin_of(person, person.drafts.len()).encode()),
        suite: person.pair().suite.name().to_owned(),
        private: hex(&person.pair().private),
        seed: hex(person.seed()),
        old_seed: before,
    }
}

/// The pin of a person's first `versions` versions.
pub(super) fn pin_of(person: &Person, versions: usize) -> Item {
    let hash = (versions > 1).then(|| person.drafts[versions - 1].hash());
    pin(person.drafts[0].hash(), versions as u64, hash, person.pairs[versions - 1].suite)
}

fn good(name: &str, person: &Person) -> Identity {
    Identity { found: Some(found(person)), ..row(name, person) }
}

pub(super) fn file(rng: &mut Seeded) -> File<Identity> {
    let first = Person::user(rng, ANNA);
    let mut renewed = Person::with(rng, Some("Zoë 患者"), Pair::rsa(Suite::Rsa3072));
    renewed.renew(rng, Pair::rsa(Suite::Rsa4096));
    renewed.renew(rng, Pair::rsa(Suite::Rsa4096));
    let third = Pair::hybrid(rng);
    renewed.renew(rng, third);
    let mut key_server = Person::key_server(rng);
    let next = Pair::hybrid(rng);
    key_server.renew(rng, next);
    let by_hash = Some(hex(renewed.drafts[1].hash()));
    let pinned = |name: &str, versions: usize| Identity {
        pin: Some(hex(pin_of(&renewed, versions).encode())),
        ..good(name, &renewed)
    };
    let anchor = Some(hex(renewed.drafts[0].hash()));
    let vectors = vec![
        good("one version", &first),
        good("rsa-3072 to hybrid", &renewed),
        good("key server", &key_server),
        Identity { bundle_hash: by_hash, user_id: None, ..good("by a bundle's hash", &renewed) },
        Identity { bundle_hash: Some(hex(key_server.drafts[1].hash())), ..good("key server by hash", &key_server) },
        pinned("pinned at the first version", 1),
        pinned("pinned at the third version", 3),
        pinned("pinned at the newest version", 4),
        Identity { anchor: anchor.clone(), reject: true, ..good("anchored", &renewed) },
        Identity { anchor, reject: true, ..pinned("anchored and pinned", 2) },
        Identity { reject: true, ..pinned("pinned, first use refused", 2) },
    ];
    let mut invalid = Vec::new();
    forms(rng, &mut invalid);
    chains(rng, &mut invalid);
    known(rng, &mut invalid);
    File { vectors, invalid }
}

fn push(rows: &mut Vec<Invalid<Identity>>, name: &str, person: &Person, bundles: &[Vec<u8>], code: &str) {
    let bundles = bundles.iter().map(hex).collect();
    rows.push(invalid(code, Identity { bundles, ..row(name, person) }));
}

fn forms(rng: &mut Seeded, rows: &mut Vec<Invalid<Identity>>) {
    let anna = Person::user(rng, ANNA);
    let first = &anna.drafts[0];
    for (name, bytes, code) in malformed(first, 8192) {
        push(rows, name, &anna, &[bytes], code);
    }
    let other = sign(&[8; 32], &first.text());
    let previous = cbor::bytes(draw_key(rng));
    let with = |number, item| first.with(number, item);
    let key = anna.pair().pair.public_key().as_bytes();
    let rsa = Pair::rsa(Suite::Rsa2048);
    let mut low = key.to_vec();
    let from = low.len() - 32;
    low[from..].fill(0);
    let spoiled = Draft { more: vec![cbor::bytes(other)], ..first.clone() };
    let at_second = Draft { more: vec![Null], ..anna.followed(with(3, Uint(2)).with(4, previous.clone())) };
    for (name, draft, code) in [
        ("app id empty", with(1, cbor::text("")), "invalid-format"),
        ("app id of 129 bytes", with(1, cbor::text(&"a".repeat(129))), "invalid-format"),
        ("user id empty", with(2, cbor::text("")), "invalid-format"),
        ("user id like a hash", with(2, cbor::text(&"a".repeat(43))), "invalid-format"),
        ("user id as bytes", with(2, cbor::bytes([7; 32])), "invalid-format"),
        ("user id with an arrow", with(2, cbor::text("a→b")), "invalid-format"),
        ("user id not in NFC", with(2, cbor::text("mu\u{308}ller")), "invalid-format"),
        ("version 0", with(3, Uint(0)), "invalid-format"),
        ("version 65", with(3, Uint(65)).with(4, previous.clone()), "invalid-format"),
        ("first version with a previous hash", with(4, previous), "invalid-format"),
        ("second version without a previous hash", with(3, Uint(2)), "invalid-format"),
        ("hash of 31 bytes", with(3, Uint(2)).with(4, cbor::bytes([1; 31])), "invalid-format"),
        ("first version with a predecessor's signature", spoiled, "invalid-format"),
        ("second version without a predecessor's signature", at_second, "invalid-format"),
        ("signing key of 31 bytes", with(6, cbor::bytes([1; 31])), "invalid-format"),
        ("encryption key empty", with(5, cbor::bytes([])), "invalid-format"),
        ("encryption key cut", with(5, cbor::bytes(&key[..key.len() - 1])), "invalid-format"),
        (
            "encryption key of version 2",
            with(5, cbor::bytes([&key[..4], &[2], &key[5..]].concat())),
            "unsupported-version",
        ),
        ("encryption key rsa-2048", with(5, cbor::bytes(rsa.pair.public_key().as_bytes())), "key-policy"),
        ("encryption key without its classical half", with(5, cbor::bytes(low)), "key-policy"),
        ("another app's", with(1, cbor::text("other.example")), "key-mismatch"),
        ("another user's", with(2, cbor::text("eve")), "key-mismatch"),
        ("the key server's", with(2, Null), "key-mismatch"),
    ] {
        push(rows, name, &anna, &[draft.encode()], code);
    }
    push(rows, "no bundle", &anna, &[], "invalid-format");
    let wanted = Some(hex(draw_key(rng)));
    rows.push(invalid("bad-signature", Identity { bundle_hash: wanted, ..row("not the bundle asked for", &anna) }));
    rows.push(invalid("key-mismatch", Identity { user_id: None, ..row("a user's as the key server's", &anna) }));
    rows.push(invalid("downgrade", Identity { minimum: "2".to_owned(), ..row("below the minimum", &anna) }));
    let eve = Person::user(rng, "eve");
    let mixed = [anna.bundles(), eve.bundles()].concat();
    push(rows, "another's bundle after the first", &anna, &mixed, "key-mismatch");
}

fn chains(rng: &mut Seeded, rows: &mut Vec<Invalid<Identity>>) {
    let bad = "bad-signature";
    let mut anna = Person::user(rng, ANNA);
    let mut twin = Person::user(rng, ANNA);
    for person in [&mut anna, &mut twin] {
        for _ in 0..2 {
            let pair = Pair::hybrid(rng);
            person.renew(rng, pair);
        }
    }
    let (own, others) = (anna.bundles(), twin.bundles());
    let pick = |places: &[usize]| places.iter().map(|place| own[*place].clone()).collect::<Vec<_>>();
    push(rows, "begins with the second version", &anna, &pick(&[1, 2]), bad);
    push(rows, "a version left out", &anna, &pick(&[0, 2]), bad);
    push(rows, "a version twice", &anna, &pick(&[0, 1, 1]), bad);
    push(rows, "the newest first", &anna, &pick(&[2, 1, 0]), bad);
    push(rows, "another identity's renewal", &anna, &[own[0].clone(), others[1].clone()], bad);
    let second = &anna.drafts[1];
    let with_more = |more: [u8; 64]| Draft { more: vec![cbor::bytes(more)], ..second.clone() }.encode();
    let own_again = sign(&second.seed, &second.text());
    push(rows, "predecessor's signature by the renewal's own key", &anna, &[own[0].clone(), with_more(own_again)], bad);
    let by_twin = sign(&twin.seeds[0], &second.text());
    push(rows, "predecessor's signature by another", &anna, &[own[0].clone(), with_more(by_twin)], bad);
    push(rows, "predecessor's signature zero", &anna, &[own[0].clone(), with_more([0; 64])], bad);
    let of_first = sign(&anna.seeds[0], &anna.drafts[0].text());
    push(rows, "predecessor's signature of its own bundle", &anna, &[own[0].clone(), with_more(of_first)], bad);
    // Signed by the predecessor alone: whoever has the old key has no new one yet.
    let mut by_old = second.clone();
    by_old.seed = anna.seeds[0];
    push(rows, "own signature by the predecessor", &anna, &[own[0].clone(), anna_followed(&anna, by_old)], bad);
    let elsewhere = second.with(4, cbor::bytes(twin.drafts[0].hash()));
    push(rows, "hash of another identity's bundle", &anna, &[own[0].clone(), anna_followed(&anna, elsewhere)], bad);
    for (name, from, to) in [
        ("hybrid to rsa-4096", Pair::hybrid(rng), Suite::Rsa4096),
        ("rsa-4096 to rsa-3072", Pair::rsa(Suite::Rsa4096), Suite::Rsa3072),
    ] {
        let mut weaker = Person::with(rng, Some(ANNA), from);
        weaker.renew(rng, Pair::rsa(to));
        rows.push(invalid("downgrade", row(name, &weaker)));
    }
    let back = Pair::hybrid(rng);
    let mut back_again = Person::with(rng, Some(ANNA), back);
    back_again.renew(rng, Pair::rsa(Suite::Rsa4096));
    let newest = Pair::hybrid(rng);
    back_again.renew(rng, newest);
    rows.push(invalid("downgrade", row("hybrid to rsa-4096 and back", &back_again)));
}

/// Followed by the signature of the first key.
fn anna_followed(anna: &Person, draft: Draft) -> Vec<u8> {
    let by = sign(&anna.seeds[0], &draft.text());
    Draft { more: vec![cbor::bytes(by)], ..draft }.encode()
}

/// Against pins and anchors.
fn known(rng: &mut Seeded, rows: &mut Vec<Invalid<Identity>>) {
    let mut anna = Person::user(rng, ANNA);
    let eve = Person::user(rng, ANNA);
    let weak = Person::with(rng, Some(ANNA), Pair::rsa(Suite::Rsa4096));
    let alone = row("", &anna);
    let next = Pair::hybrid(rng);
    anna.renew(rng, next);
    let mut forked = Person {
        app: anna.app.clone(),
        user: anna.user.clone(),
        pairs: Vec::new(),
        seeds: vec![anna.seeds[0]],
        drafts: anna.drafts[..1].to_vec(),
    };
    let other = Pair::hybrid(rng);
    forked.renew(rng, other);
    let known = |name: &str, pinned: Option<Item>, anchor: Option<&Person>, shown: &Identity| Identity {
        name: name.to_owned(),
        pin: pinned.map(|pinned| hex(pinned.encode())),
        anchor: anchor.map(|anchor| hex(anchor.drafts[0].hash())),
        reject: true,
        ..shown.clone()
    };
    let (annas, eves, weaks, forks) = (row("", &anna), row("", &eve), row("", &weak), row("", &forked));
    let (first, second) = (|| Some(pin_of(&anna, 1)), || Some(pin_of(&anna, 2)));
    for (code, entry) in [
        ("not-certified", known("neither anchor nor pin", None, None, &annas)),
        ("pin-mismatch", known("another identity than the pinned one", first(), None, &eves)),
        ("pin-mismatch", known("another identity than the anchored one", None, Some(&anna), &eves)),
        ("pin-mismatch", known("the pinned one, another anchored", first(), Some(&eve), &annas)),
        ("pin-mismatch", known("the anchored one, another pinned", first(), Some(&eve), &eves)),
        ("rollback", known("an older version than the pinned one", second(), None, &alone)),
        ("fork", known("another second version", second(), None, &forks)),
        ("downgrade", known("a weaker suite, of another identity", first(), None, &weaks)),
        ("downgrade", known("a weaker suite, anchored", first(), Some(&weak), &weaks)),
    ] {
        rows.push(invalid(code, entry));
    }
    // Pins that aren't.
    let hash = anna.drafts[1].hash();
    let identity = anna.drafts[0].hash();
    for (name, spoiled) in [
        ("pin: version 0", pin(identity, 0, None, Suite::Hybrid)),
        ("pin: version 65", pin(identity, 65, Some(hash), Suite::Hybrid)),
        ("pin: first version with a hash", pin(identity, 1, Some(hash), Suite::Hybrid)),
        ("pin: second version without a hash", pin(identity, 2, None, Suite::Hybrid)),
        ("pin: rsa-2048", pin(identity, 1, None, Suite::Rsa2048)),
        ("pin: of three", Array(vec![cbor::bytes(identity), Uint(1), Null])),
    ] {
        rows.push(invalid("invalid-format", known(name, Some(spoiled), None, &annas)));
    }
}

pub(super) fn safety_numbers(rng: &mut Seeded) -> File<SafetyNumber> {
    let people = [ANNA, "bob", "Zoë 患者"].map(|name| Person::user(rng, name));
    let namesake = Person::user(rng, ANNA);
    let group: [u8; 32] = draw_array(rng);
    let users = |name: &str, a: &Person, b: &Person| {
        let mut items = vec![party(a), party(b)];
        items.sort_by_key(Item::encode);
        number(name, &items, a.drafts[0].hash())
    };
    let [anna, bob, zoe] = &people;
    let mut vectors = vec![
        users("two users", anna, bob),
        users("a longer name", bob, zoe),
        users("two of one name", anna, &namesake),
        number("a group", &[Array(vec![Uint(1), cbor::bytes(group)])], group),
    ];
    let without = SafetyNumber { compared: vectors[0].number.replace(' ', ""), ..vectors[0].clone() };
    vectors.push(SafetyNumber { name: "without spaces".to_owned(), ..without });
    let fingerprint = wardkey::encoding::base64url(&anna.drafts[0].hash());
    vectors.push(SafetyNumber {
        name: "the fingerprint".to_owned(),
        compared: fingerprint.clone(),
        ..vectors[0].clone()
    });
    let first = vectors[0].clone();
    let other = &vectors[1].number;
    let told = |compared: &str| SafetyNumber { compared: compared.to_owned(), ..first.clone() };
    let mut changed = first.number.clone().into_bytes();
    changed[64] = if changed[64] == b'9' { b'0' } else { changed[64] + 1 };
    let invalid = vec![
        invalid("pin-mismatch", told(other)),
        invalid("pin-mismatch", told(std::str::from_utf8(&changed).unwrap())),
        invalid("pin-mismatch", told(&wardkey::encoding::base64url(&bob.drafts[0].hash()))),
        invalid("invalid-argument", told("")),
        invalid("invalid-argument", told(&first.number[..70])),
        invalid("invalid-argument", told(&format!("{}0", first.number))),
        invalid("invalid-argument", told(&fingerprint[..42])),
        invalid("invalid-argument", told(&format!("{fingerprint}="))),
        invalid("invalid-argument", told(&first.number.replace(' ', "-"))),
        invalid("invalid-argument", told(&"٣".repeat(60))),
    ];
    File { vectors, invalid }
}

fn number(name: &str, parties: &[Item], fingerprint: [u8; 32]) -> SafetyNumber {
    let of = Array([vec![cbor::text(APP)], parties.to_vec()].concat()).encode();
    let digest = Sha512::digest([b"wardkey/v1/safety-number\0".as_slice(), &of].concat());
    let part = |place: usize| {
        let bytes = &digest[5 * place..5 * place + 5];
        let value = bytes.iter().fold(0_u64, |value, byte| 256 * value + u64::from(*byte));
        format!("{:05}", value % 100_000)
    };
    let number = (0..12).map(part).collect::<Vec<_>>().join(" ");
    SafetyNumber {
        name: name.to_owned(),
        app_id: APP.to_owned(),
        parties: parties.iter().map(|party| hex(party.encode())).collect(),
        compared: number.clone(),
        number,
        fingerprint: hex(fingerprint),
    }
}
