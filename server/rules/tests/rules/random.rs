//! Random requests, made of real ones: whatever comes, there is no panic, no unknown code, and no partial effect.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use wardkey::{
    delegation::Chain,
    group::{Lifetimes, Role},
    identity::UserId,
    party::{Email, Party},
    session::{Grant, Rights},
};

use crate::{
    sessions::Scene,
    user::{User, directory, items, with},
    ward::member,
    world::{NOW, World, app, b64, seeded, unb64},
};

type Asked = (Option<&'static str>, &'static str, String, Option<Value>);

struct Start {
    snapshot: Vec<u8>,
    server: Vec<u8>,
    asked: Vec<Asked>,
}

/// A store in the middle of its life, and requests that mean something to it.
fn begin() -> &'static Start {
    static START: OnceLock<Start> = OnceLock::new();
    START.get_or_init(|| {
        let mut scene = Scene::new();
        let mut dave = User::reachable(&mut scene.world, "dave");
        let started = scene.world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": "dave" }));
        let recovery = format!("/v1/public/recoveries/{}", started["recoveryId"].as_str().unwrap());
        let (code, key) = (scene.world.mails[0].code.clone(), b64(dave.pairs[0].public_key().as_bytes()));
        let mut eve = User::new(&mut seeded(95), "eve");
        let register = eve.registration(&mut scene.world, Some("eve@hospital.example"));
        let state = dave.state(&mut scene.world, 2);
        let pending = dave.write(&mut scene.world, 2, true);
        let mut recovered = pending.clone();
        let (signer, id) = (dave.signer(), unb64(&started["recoveryId"]).try_into().unwrap());
        let proof = wardkey::account::RecoveryProof::sign(id, &dave.backup, (&signer.bundle, &dave.signing[0]));
        recovered["proof"] = b64(proof.unwrap().to_bytes());
        let carol = with(&scene.carol, Rights::READ);
        let granted = scene.grant(&[carol]);
        let bob = scene.bob.party();
        let revoked = scene.revoke(&[bob]);
        let ended = scene.revoke_all();
        let grants = [with(&scene.alice, Rights::MANAGE), with(&scene.bob, Rights::READ)];
        let (_, created) = scene.alice.session(&mut seeded(96), &grants, &scene.directory);
        let place = Party::Placeholder {
            name: UserId::new("clinic").unwrap(),
            escrow: *scene.world.server.identity().fingerprint(),
            contact: Some(Email::new("it@clinic.example").unwrap()),
        };
        let waits = [with(&scene.alice, Rights::MANAGE), Grant { party: place, rights: Rights::READ }];
        let (_, waiting) = scene.alice.session(&mut seeded(97), &waits, &scene.directory);
        scene.world.post(&scene.alice, "/v1/sessions", waiting);
        let members = [member(&scene.bob, Role::Member)];
        let carol = &scene.carol;
        let (log, epochs, founded) =
            carol.found((&mut seeded(98), NOW), &members, Lifetimes::default(), &scene.directory);
        scene.world.post(carol, "/v1/groups", founded.clone());
        let added = [member(&scene.alice, Role::Admin)];
        let added = carol.sign_at(NOW, |hand| log.add(hand, &added, &epochs, &scene.directory).unwrap());
        let added = carol.operation((&mut seeded(99), NOW), added, &scene.directory);
        let taken = [scene.bob.party()];
        let removed = carol.sign_at(NOW, |hand| {
            log.remove(&mut seeded(100), hand, &taken, Some(&epochs), &scene.directory).unwrap()
        });
        let removed = carol.operation((&mut seeded(101), NOW), removed, &scene.directory);
        let group = format!("/v1/groups/{}", log.id());
        let started = scene.world.post(carol, &format!("{group}/claims"), json!({ "placeholder": "clinic" }));
        let claim = format!("{group}/claims/{}", started["claimId"].as_str().unwrap());
        let claim_code = scene.world.mails.last().unwrap().code.clone();
        let head = json!({ "head": carol.head(NOW, &log) });
        let mut known = directory(&scene.world, &[&scene.bob, &scene.carol]);
        known.insert_group(log.clone()).unwrap();
        let (bobs, ward) = (scene.bob.party(), Party::Group(*log.id()));
        let version = |user: &User, chain: &Chain, seed| {
            user.sign_at(NOW, |hand| chain.make(&mut seeded(seed), hand, None, &known).unwrap())
        };
        let first = version(&scene.bob, &Chain::empty(&app(), &bobs, &ward).unwrap(), 102);
        scene.world.post(&scene.bob, "/v1/exchange-keys", json!({ "items": [b64(&first.object)] }));
        let next = version(&scene.bob, &first.chain, 103);
        let of_group = version(carol, &Chain::empty(&app(), &ward, &bobs).unwrap(), 104);
        let pairs = json!([{ "pair": first.chain.pair().as_str() }, { "pair": "alice→bob", "after": 1 }]);
        let kdf = json!({ "name": "argon2id", "memoryKiB": 65_536, "passes": 3 });
        let bundle = scene.bob.identity().newest().hash().to_string();
        let (alice, path, id) = (Some("alice"), scene.path.clone(), scene.id.clone());
        let of = |path: &str| path.to_owned();
        let asked: Vec<Asked> = vec![
            (None, "POST", of("/v1/public/login"), Some(json!({ "appId": "app.example", "userId": "dave", "kdf": kdf }))),
            (Some("eve"), "POST", of("/v1/register"), Some(register)),
            (Some("dave"), "GET", of("/v1/backup"), None),
            (Some("dave"), "PUT", of("/v1/backup"), Some(json!({ "backup": b64(state) }))),
            (Some("dave"), "PUT", of("/v1/backup/pending"), Some(pending)),
            (Some("dave"), "POST", of("/v1/backup/activate"), Some(json!({ "version": 2 }))),
            (None, "POST", of("/v1/public/recoveries"), Some(json!({ "userId": "dave" }))),
            (None, "POST", format!("{recovery}/code"), Some(json!({ "code": code, "key": key }))),
            (None, "POST", format!("{recovery}/code"), Some(json!({ "code": "00000000", "key": key }))),
            (None, "PUT", format!("{recovery}/pending"), Some(recovered)),
            (None, "POST", format!("{recovery}/activate"), Some(json!({ "version": 2 }))),
            (alice, "POST", of("/v1/directory"), Some(json!({ "userIds": ["bob", "eve"], "bundles": [bundle] }))),
            (alice, "POST", of("/v1/sessions"), Some(created)),
            (alice, "POST", path.clone(), Some(items(&[&granted]))),
            (alice, "POST", path.clone(), Some(items(&[&revoked]))),
            (alice, "POST", path, Some(items(&[&ended]))),
            (Some("bob"), "POST", of("/v1/keys"), Some(json!({ "sessions": [{ "id": id, "after": 0 }, { "id": id }], "signers": [bundle], "groups": [], "cursor": null }))),
            (Some("bob"), "POST", of("/v1/feed"), Some(json!({ "cursor": null }))),
            (Some("bob"), "POST", of("/v1/journal"), Some(json!({ "sessionId": id, "after": 0 }))),
            (alice, "GET", of("/v1/events"), None),
            (Some("bob"), "GET", of("/v1/groups"), None),
            (Some("carol"), "POST", of("/v1/groups"), Some(founded)),
            (Some("carol"), "POST", format!("{group}/operations"), Some(added)),
            (Some("carol"), "POST", format!("{group}/operations"), Some(removed)),
            (Some("carol"), "POST", format!("{group}/heads"), Some(head)),
            (Some("carol"), "POST", format!("{group}/claims"), Some(json!({ "placeholder": "clinic" }))),
            (Some("carol"), "POST", claim.clone(), Some(json!({ "code": claim_code }))),
            (Some("carol"), "POST", claim, Some(json!({ "code": "00000000" }))),
            (Some("bob"), "POST", of("/v1/exchange-keys"), Some(json!({ "items": [b64(&first.object), b64(&next.object)] }))),
            (Some("carol"), "POST", of("/v1/exchange-keys"), Some(json!({ "items": [b64(&of_group.object)] }))),
            (Some("carol"), "POST", of("/v1/keys"), Some(json!({ "sessions": [], "signers": [], "groups": [], "pairs": pairs }))),
            (alice, "POST", of("/v1/keys"), Some(json!({ "sessions": [], "signers": [], "groups": [{ "id": log.id().to_string(), "after": 0, "epoch": 0 }] }))),
        ];
        let server = scene.world.server.to_secret_bytes().expose().to_vec();
        Start { snapshot: scene.world.store.snapshot().unwrap(), server, asked }
    })
}

/// What is done to a request.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Caller(usize),
    Path(usize),
    Drop(usize),
    Replace(usize, usize),
    Swap(usize, usize),
    Flip(usize, usize),
    Later(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => Just(Change::Nothing),
        2 => (0..5_usize).prop_map(Change::Caller),
        1 => any::<usize>().prop_map(Change::Path),
        1 => any::<usize>().prop_map(Change::Drop),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Change::Replace(a, b)),
        3 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Change::Swap(a, b)),
        4 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Change::Flip(a, b)),
        1 => (0..100_000_000_u64).prop_map(Change::Later),
    ]
}

/// All values inside, this one first.
fn places(value: &mut Value) -> usize {
    let mut count = 0;
    visit(value, &mut |_| count += 1);
    count
}

fn visit(value: &mut Value, with: &mut dyn FnMut(&mut Value)) {
    with(value);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, with)),
        Value::Object(members) => members.values_mut().for_each(|member| visit(member, with)),
        _ => {}
    }
}

fn at(value: &mut Value, place: usize, with: impl FnOnce(&mut Value)) {
    let (count, mut with, mut seen) = (places(value), Some(with), 0);
    visit(value, &mut |value| {
        if seen == place % count
            && let Some(with) = with.take()
        {
            with(value);
        }
        seen += 1;
    });
}

const JUNK: usize = 9;

fn junk(which: usize) -> Value {
    match which % JUNK {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(u64::MAX),
        4 => json!(-1),
        5 => json!(""),
        6 => json!("alice"),
        7 => json!([]),
        _ => json!({}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn requests(steps in prop::collection::vec((any::<usize>(), change()), 1..24)) {
        let start = begin();
        let mut world = World::new();
        world.server = wardkey_rules::Server::from_secret_bytes(&wardkey::secret::SecretBytes::new(start.server.clone())).unwrap();
        world.store = wardkey_rules::MemoryStore::restore(&start.snapshot).unwrap();
        for (which, change) in steps {
            let count = start.asked.len();
            let (mut caller, method, mut path, mut body) = start.asked[which % count].clone();
            match change {
                Change::Nothing => {}
                Change::Caller(who) => caller = [None, Some("alice"), Some("bob"), Some("carol"), Some("mallory")][who],
                Change::Path(other) => path = start.asked[other % count].2.clone(),
                Change::Drop(place) => {
                    if let Some(Value::Object(members)) = &mut body {
                        let name = members.keys().nth(place % members.len().max(1)).cloned();
                        name.map(|name| members.remove(&name));
                    }
                }
                Change::Replace(place, which) => {
                    body = body.or(Some(json!({})));
                    at(body.as_mut().unwrap(), place, |value| *value = junk(which));
                }
                Change::Swap(place, other) => {
                    let mut from = start.asked[other % count].3.clone().unwrap_or_default();
                    let mut taken = Value::Null;
                    at(&mut from, other / count, |value| taken = value.clone());
                    if let Some(body) = &mut body {
                        at(body, place, |value| *value = taken);
                    }
                }
                Change::Flip(place, bit) => {
                    if let Some(body) = &mut body {
                        at(body, place, |value| {
                            let bytes = value.as_str().and_then(|text| wardkey::encoding::from_base64url(text).ok());
                            if let Some(mut bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
                                let bit = bit % (bytes.len() * 8);
                                bytes[bit / 8] ^= 1 << (bit % 8);
                                *value = b64(bytes);
                            }
                        });
                    }
                }
                Change::Later(by) => world.now += by,
            }
            let caller = caller.map(|name| UserId::new(name).unwrap());
            // Checks codes, and that errors leave nothing.
            let result = world.request(caller.as_ref(), method, &path, body.as_ref());
            if let Err(error) = result {
                prop_assert_ne!(error.code().as_str(), "server", "{}", path);
            }
        }
    }
}
