//! `login.json`, `state.json`, `recovery.json`, `share.json`: SPEC sections 11.1, 11.2, 11.5, 11.6.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wardkey::{
    account::{wrap_recovery_share, wrap_share},
    identity::{AppId, UserId},
    key_pair::Suite,
    secret::Secret,
};

use super::{draw_key, identity::pin_of, invalid};
use crate::common::{
    cbor::{self, Array, Item, Map, Null, Uint},
    craft::objects::{APP, Draft, Person, malformed, pin},
    hex::hex,
    keys::Pair,
    objects::schema::{FoundState, Login, Object, Share, State},
    rng::{Seeded, draw, draw_array},
    schema::{File, Invalid},
};

const ANNA: &str = "anna";

pub(super) fn logins(rng: &mut Seeded) -> File<Login> {
    let row = |(app, user): (&str, &str)| {
        let secret = draw_key(rng);
        let named = |label: &str| vec![cbor::text(label), cbor::text(app), cbor::text(user)];
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key of any length");
        mac.update(&Array(named("wardkey/v1/server-salt")).encode());
        let server_salt: [u8; 32] = mac.finalize().into_bytes().into();
        let mut items = named("wardkey/v1/login-salt");
        items.push(cbor::bytes(server_salt));
        Login {
            name: format!("{user} of {app}"),
            app_id: app.to_owned(),
            user_id: user.to_owned(),
            secret: hex(secret),
            server_salt: hex(server_salt),
            salt: hex(Sha256::digest(Array(items).encode())),
        }
    };
    let names = [(APP, ANNA), (APP, "Zoë 患者"), ("a", ANNA), (APP, &"x".repeat(128))];
    File { vectors: names.into_iter().map(row).collect(), invalid: Vec::new() }
}

/// A state before it is encoded.
#[derive(Clone)]
pub(super) struct Draw {
    /// Sorted by the caller.
    pub(super) pins: Vec<(String, Item)>,
    pub(super) cache_key: [u8; 32],
    pub(super) minimum: u64,
    pub(super) groups: Vec<([u8; 32], u64, [u8; 32])>,
    pub(super) key_server: Option<Item>,
}

impl Draw {
    pub(super) fn fields(&self) -> Vec<Item> {
        let pins = self.pins.iter().map(|(name, pin)| (cbor::text(name), pin.clone()));
        let group = |(id, sequence, hash): &([u8; 32], u64, [u8; 32])| {
            (cbor::bytes(id), Array(vec![Uint(*sequence), cbor::bytes(hash)]))
        };
        vec![
            Map(pins.collect()),
            cbor::bytes(self.cache_key),
            Uint(self.minimum),
            Map(self.groups.iter().map(group).collect()),
            self.key_server.clone().unwrap_or(Null),
        ]
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        Map((1..).map(Uint).zip(self.fields()).collect()).encode()
    }

    fn with(&self, number: usize, value: Item) -> Vec<u8> {
        let mut fields = self.fields();
        fields[number - 1] = value;
        Map((1..).map(Uint).zip(fields).collect()).encode()
    }

    fn found(&self) -> FoundState {
        FoundState {
            merged: hex(self.encode()),
            cache_key: hex(self.cache_key),
            minimum: self.minimum.to_string(),
            pins: self.pins.iter().map(|(name, pin)| (name.clone(), hex(pin.encode()))).collect(),
            groups: self.groups.iter().map(|(id, seq, hash)| (hex(id), seq.to_string(), hex(hash))).collect(),
            key_server: self.key_server.as_ref().map(|pin| hex(pin.encode())),
        }
    }
}

fn state(name: &str, draw: &Draw) -> State {
    let found = Some(draw.found());
    State { name: name.to_owned(), user_id: ANNA.to_owned(), state: hex(draw.encode()), older: None, found }
}

fn merged(name: &str, newer: &Draw, older: &Draw, merged: &Draw) -> State {
    State { older: Some(hex(older.encode())), found: Some(merged.found()), ..state(name, newer) }
}

pub(super) fn states(rng: &mut Seeded) -> File<State> {
    let mut hash = || draw_key(rng);
    let (anna, bob, zoe) = (hash(), hash(), hash());
    let mut ids = [hash(), hash()];
    ids.sort_unstable();
    let (second, third, server) = (hash(), hash(), hash());
    let name = |name: &str| name.to_owned();
    let least = Draw {
        pins: vec![(name(ANNA), pin(anna, 1, None, Suite::Hybrid))],
        cache_key: hash(),
        minimum: 1,
        groups: Vec::new(),
        key_server: None,
    };
    let full = Draw {
        // Shorter names first.
        pins: vec![
            (name("bob"), pin(bob, 2, Some(second), Suite::Rsa3072)),
            (name("zoe"), pin(zoe, 1, None, Suite::Rsa4096)),
            (name(ANNA), pin(anna, 64, Some(third), Suite::Hybrid)),
        ],
        cache_key: hash(),
        minimum: 1 << 40,
        groups: vec![(ids[0], 7, hash()), (ids[1], u64::MAX, hash())],
        key_server: Some(pin(server, 1, None, Suite::Hybrid)),
    };
    let with_bob = |bob: Item, draw: &Draw| {
        let mut draw = draw.clone();
        draw.pins[0].1 = bob;
        draw
    };
    // Each knows something newer than the other.
    let mut other = full.clone();
    other.cache_key = hash();
    other.minimum = 3;
    other.pins[0].1 = pin(bob, 3, Some(third), Suite::Rsa4096);
    other.pins.remove(1);
    other.groups = vec![(ids[0], 9, second), (ids[1], 2, second)];
    other.key_server = Some(pin(server, 2, Some(second), Suite::Hybrid));
    let mut union = full.clone();
    union.pins[0] = other.pins[0].clone();
    union.groups[0] = other.groups[0];
    union.key_server = other.key_server.clone();
    let union_back = Draw { cache_key: other.cache_key, ..union.clone() };
    let weaker = with_bob(pin(bob, 2, Some(second), Suite::Rsa3072), &full);
    let stronger = with_bob(pin(bob, 1, None, Suite::Hybrid), &full);
    let raised = with_bob(pin(bob, 2, Some(second), Suite::Hybrid), &full);
    let vectors = vec![
        state("the least", &least),
        state("pins, groups and a key server", &full),
        merged("with itself", &full, &full, &full),
        merged("newer and older", &full, &other, &union),
        merged("older and newer", &other, &full, &union_back),
        merged("the stronger suite", &weaker, &stronger, &raised),
        merged(
            "with the least",
            &least,
            &full_without(&full, anna),
            &with_cache_key(&full_without(&full, anna), &least),
        ),
    ];
    let bad = |name: &str, bytes: Vec<u8>, code: &str| {
        invalid(code, State { state: hex(bytes), found: None, ..state(name, &full) })
    };
    let unmerged = |name: &str, older: &Draw, code: &str| {
        invalid(code, State { older: Some(hex(older.encode())), found: None, ..state(name, &full) })
    };
    let good = full.encode();
    let format = "invalid-format";
    let mut unsorted = full.clone();
    unsorted.pins.swap(1, 2);
    let mut doubled = full.clone();
    doubled.pins.insert(1, full.pins[0].clone());
    let mut without_own = full.clone();
    without_own.pins.pop();
    let mut groups_unsorted = full.clone();
    groups_unsorted.groups.swap(0, 1);
    let mut groups_doubled = full.clone();
    groups_doubled.groups[1] = groups_doubled.groups[0];
    let mut named = full.clone();
    named.pins[0].0 = "a".repeat(43);
    named.pins.rotate_left(1);
    let mut forked_group = full.clone();
    forked_group.groups[0].2 = second;
    let rows = vec![
        bad("empty", Vec::new(), format),
        bad("the empty map", vec![0xa0], format),
        bad("cut", good[..good.len() - 1].to_vec(), format),
        bad("a byte more", [good.as_slice(), &[0]].concat(), format),
        bad("names not sorted", unsorted.encode(), format),
        bad("a name twice", doubled.encode(), format),
        bad("a name like a hash", named.encode(), format),
        bad("without the own pin", without_own.encode(), format),
        bad("cache key of 31 bytes", full.with(2, cbor::bytes([1; 31])), format),
        bad("cache key null", full.with(2, Null), format),
        bad("minimum 0", full.with(3, Uint(0)), format),
        bad("minimum in a longer form", full.with(3, Item::Raw(vec![0x18, 1])), format),
        bad("groups not sorted", groups_unsorted.encode(), format),
        bad("a group twice", groups_doubled.encode(), format),
        bad(
            "a group as text",
            full.with(4, Map(vec![(cbor::text("group"), Array(vec![Uint(1), cbor::bytes(second)]))])),
            format,
        ),
        bad("key server's pin of three", full.with(5, Array(vec![cbor::bytes(server), Uint(1), Null])), format),
        bad("key server's pin for rsa-2048", full.with(5, pin(server, 1, None, Suite::Rsa2048)), format),
        unmerged("another identity", &with_bob(pin(zoe, 2, Some(second), Suite::Rsa3072), &full), "pin-mismatch"),
        unmerged("another hash of one version", &with_bob(pin(bob, 2, Some(third), Suite::Rsa3072), &full), "fork"),
        unmerged(
            "another key server",
            &Draw { key_server: Some(pin(bob, 1, None, Suite::Hybrid)), ..full.clone() },
            "pin-mismatch",
        ),
        unmerged("another state of a group", &forked_group, "fork"),
    ];
    File { vectors, invalid: rows }
}

/// With the own pin of another version.
fn full_without(full: &Draw, anna: [u8; 32]) -> Draw {
    let mut draw = full.clone();
    draw.pins[2].1 = pin(anna, 1, None, Suite::Hybrid);
    draw
}

fn with_cache_key(draw: &Draw, of: &Draw) -> Draw {
    Draw { cache_key: of.cache_key, ..draw.clone() }
}

/// What was signed, by whom, for what.
fn object(r#type: &str, person: &Person, draft: &Draft) -> Object {
    Object {
        r#type: r#type.to_owned(),
        bundles: person.bundles().iter().map(hex).collect(),
        app_id: APP.to_owned(),
        user_id: ANNA.to_owned(),
        minimum: "1".to_owned(),
        object: hex(draft.encode()),
        seed: Some(hex(draft.seed)),
        hash: Some(hex(draft.hash())),
        ..Object::default()
    }
}

/// All that is malformed or badly signed, besides these.
fn bad(base: &Object, draft: &Draft, more: Vec<(&str, Draft, &str)>) -> Vec<Invalid<Object>> {
    let row = |name: &str, bytes: Vec<u8>, code: &str| {
        let name = format!("{}: {name}", base.r#type);
        invalid(code, Object { name, object: hex(bytes), seed: None, hash: None, ..base.clone() })
    };
    let mut rows: Vec<_> =
        malformed(draft, 8192).into_iter().map(|(name, bytes, code)| row(name, bytes, code)).collect();
    rows.extend(more.into_iter().map(|(name, draft, code)| row(name, draft.encode(), code)));
    let name = format!("{}: below the minimum", base.r#type);
    rows.push(invalid("downgrade", Object { name, minimum: "2".to_owned(), seed: None, hash: None, ..base.clone() }));
    rows
}

pub(super) fn objects(rng: &mut Seeded) -> File<Object> {
    let mut anna = Person::user(rng, ANNA);
    let next = Pair::hybrid(rng);
    anna.renew(rng, next);
    let mut server = Person::key_server(rng);
    let next = Pair::hybrid(rng);
    server.renew(rng, next);
    let eve = Person::user(rng, "eve");
    let (mut vectors, mut rows) = (Vec::new(), Vec::new());
    contacts(&anna, &eve, &mut vectors, &mut rows);
    receipts(rng, &server, &anna, &mut vectors, &mut rows);
    proofs(rng, &anna, &eve, &mut vectors, &mut rows);
    File { vectors, invalid: rows }
}

fn contacts(anna: &Person, eve: &Person, vectors: &mut Vec<Object>, rows: &mut Vec<Invalid<Object>>) {
    let contact = |email: &str, signer: [u8; 32], seed: &[u8; 32]| {
        let fields = vec![cbor::text(APP), cbor::text(ANNA), Uint(3), cbor::text(email), cbor::bytes(signer)];
        Draft::new("wardkey/v1/contact", fields, seed)
    };
    let good = |email: &str| contact(email, anna.hash().0, anna.seed());
    let named = |email: &str| Object {
        name: format!("contact of {} bytes", email.len()),
        version: Some("3".to_owned()),
        email: Some(email.to_owned()),
        ..object("contact", anna, &good(email))
    };
    let longest = format!("{}@b", "a".repeat(252));
    vectors.extend(["a@b", "anna.müller+x@clinic.example", &longest].map(named));
    let draft = good("anna@clinic.example");
    let email = |email: &str| draft.with(4, cbor::text(email));
    rows.extend(bad(
        &named("anna@clinic.example"),
        &draft,
        vec![
            ("another app's", draft.with(1, cbor::text("other.example")), "key-mismatch"),
            ("another user's", draft.with(2, cbor::text("eve")), "key-mismatch"),
            ("of another version", draft.with(3, Uint(2)), "key-mismatch"),
            ("user id like a hash", draft.with(2, cbor::text(&"a".repeat(43))), "invalid-format"),
            ("no @", email("anna"), "invalid-format"),
            ("two @", email("a@b@c"), "invalid-format"),
            ("@ first", email("@clinic.example"), "invalid-format"),
            ("@ last", email("anna@"), "invalid-format"),
            ("a space", email("anna @clinic.example"), "invalid-format"),
            ("an ideographic space", email("anna\u{3000}@clinic.example"), "invalid-format"),
            ("a line feed", email("anna@clinic.example\nBcc: eve@x"), "invalid-format"),
            ("of 255 bytes", email(&format!("{}@b", "a".repeat(253))), "invalid-format"),
            ("by an older bundle", contact("a@b", anna.drafts[0].hash(), &anna.seeds[0]), "bad-signature"),
            ("by another", contact("a@b", eve.hash().0, eve.seed()), "bad-signature"),
        ],
    ));
}

fn receipts(
    rng: &mut Seeded,
    server: &Person,
    anna: &Person,
    vectors: &mut Vec<Object>,
    rows: &mut Vec<Invalid<Object>>,
) {
    const END: u64 = 1_800_000_600_000;
    let recovery: [u8; 16] = draw_array(rng);
    let by = |signer: [u8; 32], seed: &[u8; 32]| {
        let fields = vec![cbor::text(APP), cbor::text(ANNA), cbor::bytes(recovery), Uint(END), cbor::bytes(signer)];
        Draft::new("wardkey/v1/receipt", fields, seed)
    };
    let draft = by(server.hash().0, server.seed());
    let named = |name: &str, draft: &Draft, now: u64| Object {
        name: name.to_owned(),
        recovery: Some(hex(recovery)),
        end: Some(END.to_string()),
        now: Some(now.to_string()),
        ..object("receipt", server, draft)
    };
    let good = named("receipt", &draft, END - 1);
    vectors.push(good.clone());
    vectors.push(named("receipt by an older bundle", &by(server.drafts[0].hash(), &server.seeds[0]), 0));
    rows.extend(bad(
        &good,
        &draft,
        vec![
            ("another app's", draft.with(1, cbor::text("other.example")), "key-mismatch"),
            ("another user's", draft.with(2, cbor::text("eve")), "key-mismatch"),
            ("recovery of 15 bytes", draft.with(3, cbor::bytes([1; 15])), "invalid-format"),
            ("ended", draft.with(4, Uint(END - 1)), "otp-expired"),
            ("ended long ago", draft.with(4, Uint(0)), "otp-expired"),
            ("by a user", by(anna.hash().0, anna.seed()), "bad-signature"),
            ("in the key server's name, by a user", by(server.hash().0, anna.seed()), "bad-signature"),
        ],
    ));
}

fn proofs(rng: &mut Seeded, anna: &Person, eve: &Person, vectors: &mut Vec<Object>, rows: &mut Vec<Invalid<Object>>) {
    let (recovery, backup): ([u8; 16], _) = (draw_array(rng), draw(rng, 40));
    let by = |signer: [u8; 32], seed: &[u8; 32]| {
        let fields = vec![cbor::bytes(recovery), cbor::bytes(Sha256::digest(&backup)), cbor::bytes(signer)];
        Draft::new("wardkey/v1/recovery-proof", fields, seed)
    };
    let draft = by(anna.hash().0, anna.seed());
    let good = Object {
        name: "recovery proof".to_owned(),
        recovery: Some(hex(recovery)),
        backup: Some(hex(&backup)),
        ..object("recovery-proof", anna, &draft)
    };
    vectors.push(good.clone());
    rows.extend(bad(
        &good,
        &draft,
        vec![
            ("of another recovery", draft.with(1, cbor::bytes([1; 16])), "key-mismatch"),
            ("of another backup", draft.with(2, cbor::bytes([1; 32])), "key-mismatch"),
            ("recovery of 17 bytes", draft.with(1, cbor::bytes([1; 17])), "invalid-format"),
            ("by an older bundle", by(anna.drafts[0].hash(), &anna.seeds[0]), "bad-signature"),
            ("by another", by(eve.hash().0, eve.seed()), "bad-signature"),
        ],
    ));
}

pub(super) fn shares(rng: &mut Seeded) -> File<Share> {
    let (app, user) = (AppId::new(APP).unwrap(), UserId::new(ANNA).unwrap());
    let (pair, other) = (Pair::hybrid(rng), Pair::hybrid(rng));
    let rsa = Pair::rsa(Suite::Rsa3072);
    let mut row = |name: &str, pair: &Pair, version: u64, recovery: Option<[u8; 16]>| {
        let raw = draw_key(rng);
        let (share, public) = (Secret::from_slice(&raw).unwrap(), pair.pair.public_key());
        let wrapped = match &recovery {
            None => wrap_share(rng, &share, public, (&app, &user), version),
            Some(id) => wrap_recovery_share(rng, &share, public, (&app, &user), version, id),
        };
        Share {
            name: name.to_owned(),
            app_id: APP.to_owned(),
            user_id: ANNA.to_owned(),
            version: version.to_string(),
            recovery: recovery.map(hex),
            suite: pair.suite.name().to_owned(),
            private: hex(&pair.private),
            wrapped: hex(wrapped.unwrap()),
            share: hex(raw),
        }
    };
    let good = row("for the key server", &pair, 3, None);
    let recovery = row("for a recovery", &pair, 3, Some([0xfb; 16]));
    let vectors = vec![good.clone(), recovery.clone(), row("for an rsa key", &rsa, u64::MAX, None)];
    let text = |text: &str| text.to_owned();
    let rows = vec![
        invalid("unwrap-failed", Share { app_id: text("other.example"), ..good.clone() }),
        invalid("unwrap-failed", Share { user_id: text("eve"), ..good.clone() }),
        invalid("unwrap-failed", Share { version: text("4"), ..good.clone() }),
        invalid("unwrap-failed", Share { recovery: Some(hex([0xfb; 16])), ..good.clone() }),
        invalid("unwrap-failed", Share { recovery: None, ..recovery.clone() }),
        invalid("unwrap-failed", Share { recovery: Some(hex([0xfc; 16])), ..recovery.clone() }),
        invalid("not-a-recipient", Share { private: hex(&other.private), ..recovery }),
    ];
    File { vectors, invalid: rows }
}

/// The state of an account that has this identity and knows this key server.
pub(super) fn state_of(rng: &mut Seeded, person: &Person, versions: usize, key_server: Option<&Person>) -> Draw {
    Draw {
        pins: vec![(person.name().to_owned(), pin_of(person, versions))],
        cache_key: draw_key(rng),
        minimum: 1,
        groups: Vec::new(),
        key_server: key_server.map(|server| pin_of(server, server.drafts.len())),
    }
}
