//! `account.json`: SPEC section 11.4, with the cheapest derivation.

use super::{
    account::{Draw, state_of},
    identity::pin_of,
    invalid,
};
use crate::common::{
    cbor::{self, Array, Uint},
    craft::{
        backup::{Draft, key_item, payload, signing_item},
        objects::{APP, Person, signing_key},
    },
    hex::hex,
    keys::Pair,
    objects::schema::{Account, FoundAccount, Shares},
    rng::{Seeded, draw, draw_array},
    schema::File,
};

const PASSWORD: &str = "correct horse";
const ANNA: &str = "anna";

/// Newest first.
fn keys(person: &Person) -> Vec<u8> {
    let signing =
        person.seeds.iter().rev().map(|seed| signing_item(*signing_key(seed).verifying_key().as_bytes(), seed));
    let encryption: Vec<_> = person.pairs.iter().rev().map(key_item).collect();
    payload(&encryption, &signing.collect::<Vec<_>>()).encode()
}

struct Scene {
    anna: Person,
    server: Person,
    kdf: cbor::Item,
    state: Draw,
}

impl Scene {
    fn draft(&self, rng: &mut Seeded, version: u64) -> Draft {
        let anna = &self.anna;
        Draft {
            app_id: APP.to_owned(),
            version,
            kdf: self.kdf.clone(),
            keys: keys(anna),
            state: self.state.encode(),
            two_men: Some((draw_array(rng), draw_array(rng))),
            ..Draft::new(rng, anna.pair(), PASSWORD, ANNA)
        }
    }

    fn row(&self, name: &str, active: &[u8]) -> Account {
        let hexed = |person: &Person| person.bundles().iter().map(hex).collect();
        Account {
            name: name.to_owned(),
            app_id: APP.to_owned(),
            user_id: ANNA.to_owned(),
            password: Some(PASSWORD.to_owned()),
            active: Some(hex(active)),
            derivation: Some(hex(self.kdf.encode())),
            remembered: "0".to_owned(),
            bundles: hexed(&self.anna),
            key_server: hexed(&self.server),
            ..Account::default()
        }
    }
}

fn found(person: &Person, version: u64, state: &Draw) -> FoundAccount {
    FoundAccount {
        pending: false,
        interrupted: false,
        version: version.to_string(),
        hash: hex(person.hash().0),
        keys: person.pairs.iter().rev().map(|pair| hex(pair.fingerprint())).collect(),
        state: hex(state.encode()),
    }
}

fn shares(active: &Draft, pending: Option<&Draft>) -> Option<Shares> {
    let two_men = |draft: &Draft| draft.two_men.expect("shares");
    // The application has one share, and it is that of the active backup until another one is.
    Some(Shares {
        application: hex(two_men(active).0),
        active: hex(two_men(active).1),
        pending: pending.map(|draft| hex(two_men(draft).1)),
    })
}

pub(super) fn file(rng: &mut Seeded) -> File<Account> {
    let anna = Person::user(rng, ANNA);
    let server = Person::key_server(rng);
    let kdf = Array(vec![Uint(1), Uint(19_456), Uint(2), cbor::bytes(draw(rng, 32))]);
    let state = state_of(rng, &anna, 1, Some(&server));
    let first_seen = Draw { key_server: None, ..state.clone() };
    let scene = Scene { anna, server, kdf, state };
    let draft = scene.draft(rng, 3);
    let active = draft.seal(rng).encode();
    let new_server = Draft { state: first_seen.encode(), ..draft.clone() }.seal(rng).encode();

    // The same account after a renewal that is pending, under the same and under another password.
    let next = Pair::hybrid(rng);
    let mut renewed = Person { pairs: Vec::new(), ..copy(&scene.anna) };
    renewed.pairs = vec![Pair::read(scene.anna.pair().suite, &scene.anna.pair().private)];
    renewed.renew(rng, next);
    let renewal = renewed.drafts[1].encode();
    let mut renewed_state = scene.state.clone();
    renewed_state.pins[0].1 = pin_of(&renewed, 2);
    let mut pending = scene.draft(rng, 4);
    pending.keys = keys(&renewed);
    pending.state = renewed_state.encode();
    let same = pending.seal(rng).encode();
    pending.password = "another".to_owned();
    let other = pending.seal(rng).encode();
    let renewed_scene =
        Scene { anna: renewed, server: copy(&scene.server), kdf: scene.kdf.clone(), state: renewed_state };
    let mut after = renewed_scene.draft(rng, 4);
    after.version = 5;
    let after = after.seal(rng).encode();

    let good = scene.row("", &active);
    let plain = found(&scene.anna, 3, &scene.state);
    let base = |name: &str| Account { name: name.to_owned(), found: Some(plain.clone()), ..good.clone() };
    let with_pending = |name: &str, pending: &[u8]| Account { pending: Some(hex(pending)), ..base(name) };
    let by_pending = |name: &str| Account {
        password: Some("another".to_owned()),
        renewal: Some(hex(&renewal)),
        found: Some(FoundAccount { pending: true, ..found(&renewed_scene.anna, 4, &renewed_scene.state) }),
        ..with_pending(name, &other)
    };
    let two_men =
        |name: &str, shares: Option<Shares>| Account { password: None, derivation: None, shares, ..base(name) };
    let vectors = vec![
        base("active"),
        Account { remembered: "3".to_owned(), ..base("of the version remembered") },
        Account { active: Some(hex(&new_server)), ..base("a key server that is seen for the first time") },
        Account { anchor: Some(hex(scene.server.drafts[0].hash())), ..base("a key server that is configured") },
        with_pending("active, beside a pending one that doesn't open", &other),
        Account {
            found: Some(FoundAccount { interrupted: true, ..plain.clone() }),
            ..with_pending("a write that was interrupted", &same)
        },
        by_pending("pending, with a renewal"),
        Account {
            found: Some(found(&renewed_scene.anna, 5, &renewed_scene.state)),
            ..renewed_scene.row("renewed", &after)
        },
        Account { key_server: Vec::new(), bundles: Vec::new(), ..base("off line") },
        Account {
            key_server: Vec::new(),
            bundles: Vec::new(),
            found: Some(found(&renewed_scene.anna, 5, &renewed_scene.state)),
            ..renewed_scene.row("off line, renewed", &after)
        },
        two_men("two men", shares(&draft, None)),
    ];

    let mut rows = Vec::new();
    let mut bad = |code: &str, row: Account| rows.push(invalid(code, Account { found: None, ..row }));
    bad("no-backup", Account { active: None, ..base("no backup") });
    bad("no-backup", Account { active: None, pending: Some(hex(&same)), ..base("a pending one only") });
    bad("invalid-format", Account { active: Some(hex(&active[..active.len() - 1])), ..base("cut") });
    bad("key-mismatch", Account { user_id: "eve".to_owned(), ..base("another user's") });
    bad("key-mismatch", Account { app_id: "other.example".to_owned(), ..base("another app's") });
    let foreign = Draft { user_id: "eve".to_owned(), ..draft.clone() }.seal(rng).encode();
    bad("key-mismatch", with_pending("another user's, pending", &foreign));
    let other_kdf = Array(vec![Uint(1), Uint(19_456), Uint(2), cbor::bytes(draw(rng, 32))]);
    let resalted = Draft { kdf: other_kdf, ..draft.clone() }.seal(rng).encode();
    bad("kdf-policy", Account { active: Some(hex(&resalted)), ..base("another salt than derived with") });
    bad("kdf-policy", with_pending("another salt, pending", &resalted));
    let wrong = |row: Account| Account { password: Some("wrong".to_owned()), ..row };
    bad("wrong-password", wrong(base("wrong password")));
    bad("wrong-password", wrong(with_pending("wrong password for both", &other)));
    bad("backup-rollback", Account { remembered: "4".to_owned(), ..base("older than remembered") });
    bad("backup-rollback", Account { remembered: "5".to_owned(), ..by_pending("pending, older than remembered") });
    for (name, state) in [
        ("the empty state", vec![0xa0]),
        ("a state without the own pin", {
            let mut state = scene.state.clone();
            state.pins[0].0 = "bob".to_owned();
            state.encode()
        }),
    ] {
        let sealed = Draft { state, ..draft.clone() }.seal(rng).encode();
        bad("invalid-format", Account { active: Some(hex(sealed)), ..base(name) });
    }
    let eve = Person::user(rng, ANNA);
    let bundles = |person: &Person| person.bundles().iter().map(hex).collect::<Vec<_>>();
    bad("pin-mismatch", Account { bundles: bundles(&eve), ..base("another identity of this name") });
    bad(
        "rollback",
        Account { bundles: bundles(&scene.anna), found: None, ..renewed_scene.row("an older identity", &after) },
    );
    bad("rollback", Account { renewal: None, ..by_pending("pending, without its renewal") });
    bad(
        "key-mismatch",
        Account {
            bundles: bundles(&renewed_scene.anna),
            ..base("an identity that was renewed, and keys that weren't")
        },
    );
    let mut swapped = scene.draft(rng, 3);
    let own = signing_key(scene.anna.seed());
    swapped.keys =
        payload(&[key_item(eve.pair())], &[signing_item(*own.verifying_key().as_bytes(), scene.anna.seed())]).encode();
    bad("key-mismatch", Account { active: Some(hex(swapped.seal(rng).encode())), ..base("another encryption key") });
    let eves = signing_key(eve.seed());
    swapped.keys =
        payload(&[key_item(scene.anna.pair())], &[signing_item(*eves.verifying_key().as_bytes(), eve.seed())]).encode();
    let swapped = swapped.seal(rng).encode();
    bad("key-mismatch", Account { active: Some(hex(&swapped)), ..base("another signing key") });
    let off_line = |row: Account| Account { key_server: Vec::new(), bundles: Vec::new(), ..row };
    bad("key-mismatch", off_line(Account { active: Some(hex(&swapped)), ..base("another signing key, off line") }));
    let unsigned =
        Draft { keys: payload(&[key_item(scene.anna.pair())], &[]).encode(), ..draft.clone() }.seal(rng).encode();
    bad("key-mismatch", Account { active: Some(hex(&unsigned)), ..base("no signing key") });
    bad("key-mismatch", off_line(Account { active: Some(hex(&unsigned)), ..base("no signing key, off line") }));
    let other_server = Person::key_server(rng);
    bad(
        "pin-mismatch",
        Account { key_server: bundles(&other_server), ..base("another key server than the pinned one") },
    );
    bad(
        "pin-mismatch",
        Account {
            active: Some(hex(&new_server)),
            anchor: Some(hex(other_server.drafts[0].hash())),
            ..base("another key server than the configured one")
        },
    );
    bad("key-mismatch", Account { key_server: bundles(&scene.anna), ..base("a user as the key server") });
    let raised =
        Draft { state: Draw { minimum: 2, ..scene.state.clone() }.encode(), ..draft.clone() }.seal(rng).encode();
    bad("downgrade", Account { active: Some(hex(raised)), ..base("bundles below the minimum") });
    let spoiled = crate::common::craft::flip(&active, 8 * active.len() - 8);
    bad("decryption-failed", Account { active: Some(hex(spoiled)), ..base("changed at its end") });
    let wrong_share = |change: fn(&mut Shares)| {
        let mut shares = shares(&draft, None);
        shares.as_mut().map(change);
        shares
    };
    bad(
        "decryption-failed",
        two_men("another share of the application", wrong_share(|it| it.application = hex([1; 32]))),
    );
    bad("decryption-failed", two_men("another share of the key server", wrong_share(|it| it.active = hex([1; 32]))));
    bad(
        "decryption-failed",
        two_men("shares exchanged", wrong_share(|it| std::mem::swap(&mut it.application, &mut it.active))),
    );
    let alone = Draft { two_men: None, ..draft.clone() }.seal(rng).encode();
    bad("no-backup", Account { active: Some(hex(alone)), ..two_men("not for two men", shares(&draft, None)) });
    File { vectors, invalid: rows }
}

fn copy(person: &Person) -> Person {
    Person {
        app: person.app.clone(),
        user: person.user.clone(),
        pairs: person.pairs.iter().map(|pair| Pair::read(pair.suite, &pair.private)).collect(),
        seeds: person.seeds.clone(),
        drafts: person.drafts.clone(),
    }
}
