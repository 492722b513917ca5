//! A request takes effect whole, or not at all: the store fails at each operation in turn.

use serde_json::{Value, json};
use wardkey::{account::RecoveryProof, delegation::Chain, identity::UserId, party::Party, session::Rights};
use wardkey_rules::{ApiError, Body, Caller, MemoryStore, Request, handle};

use crate::{
    codes,
    failing::Failing,
    sessions::Scene,
    user::{User, items, with},
    ward::Ward,
    world::{World, app, b64, seeded, unb64},
};

/// Fails at each write, and at each operation; then lets it succeed. Gives how many writes there are.
fn check(world: &World, caller: Option<&UserId>, method: &str, path: &str, body: Option<&Value>) -> usize {
    let mut counts = Vec::new();
    for reads in [true, false] {
        for left in 0.. {
            let mut copy = world.copy();
            let before = copy.store.snapshot().unwrap();
            let body = body.map_or(Body::None, Body::Json);
            let request = Request {
                now_ms: world.now,
                caller: caller.map(Caller::User),
                method,
                path,
                idempotency_key: None,
                body,
            };
            let mut failing = Failing::new(&mut copy.store, left, reads);
            let result = handle(&copy.server, &mut failing, &mut copy.rng, &request);
            let used = left - failing.left;
            let Err(error) = result else {
                counts.push(used);
                break;
            };
            codes::check(&error);
            if used == left && error.code().as_str() == "server" {
                assert_eq!(error.cause(), Some("told to fail"));
                // The text is the log's, not the client's.
                assert!(!error.to_json().to_string().contains("told"));
                if !error.keeps() {
                    copy.store.roll_back();
                    assert!(copy.store.snapshot().unwrap() == before, "{method} {path} {left}");
                }
            } else {
                // The one that is kept.
                assert_eq!(error.code().as_str(), "otp-wrong");
                counts.push(used);
                break;
            }
        }
    }
    counts[1]
}

#[test]
fn whatever_fails() {
    let mut world = World::new();
    let mut dave = User::new(&mut seeded(90), "dave");
    let register = dave.registration(&mut world, Some("dave@hospital.example"));
    let writes = check(&world, Some(&dave.id), "POST", "/v1/register", Some(&register));
    assert_eq!(writes, 3, "bundle, account, journal");
    world.post(&dave, "/v1/register", register);

    let state = json!({ "backup": b64(dave.state(&mut world, 2)) });
    assert_eq!(check(&world, Some(&dave.id), "PUT", "/v1/backup", Some(&state)), 1);
    let bundle = dave.renew(&mut seeded(91));
    let mut pending = dave.write(&mut world, 2, true);
    pending["bundle"] = b64(bundle);
    assert_eq!(check(&world, Some(&dave.id), "PUT", "/v1/backup/pending", Some(&pending)), 2);
    world.call(Some(&dave), "PUT", "/v1/backup/pending", pending);
    let activate = json!({ "version": 2 });
    assert_eq!(check(&world, Some(&dave.id), "POST", "/v1/backup/activate", Some(&activate)), 3);
    world.post(&dave, "/v1/backup/activate", activate);

    let start = json!({ "userId": "dave" });
    assert_eq!(check(&world, None, "POST", "/v1/public/recoveries", Some(&start)), 3);
    let reply = world.call(None, "POST", "/v1/public/recoveries", start);
    let path = format!("/v1/public/recoveries/{}", reply["recoveryId"].as_str().unwrap());
    let (code, key) = (world.mails[0].code.clone(), b64(dave.pairs[0].public_key().as_bytes()));
    let wrong = json!({ "code": "x", "key": key });
    assert_eq!(check(&world, None, "POST", &format!("{path}/code"), Some(&wrong)), 3);
    let right = json!({ "code": code, "key": key });
    assert_eq!(check(&world, None, "POST", &format!("{path}/code"), Some(&right)), 4);
    world.call(None, "POST", &format!("{path}/code"), right);
    let mut pending = dave.write(&mut world, 3, true);
    let (signer, id) = (dave.signer(), unb64(&reply["recoveryId"]).try_into().unwrap());
    let proof = RecoveryProof::sign(id, &dave.backup, (&signer.bundle, &dave.signing[0])).unwrap();
    pending["proof"] = b64(proof.to_bytes());
    assert_eq!(check(&world, None, "PUT", &format!("{path}/pending"), Some(&pending)), 2);
    world.call(None, "PUT", &format!("{path}/pending"), pending);
    let activate = json!({ "version": 3 });
    assert_eq!(check(&world, None, "POST", &format!("{path}/activate"), Some(&activate)), 3);
}

#[test]
fn whatever_fails_in_a_session() {
    let mut scene = Scene::unsent();
    let alice = scene.alice.id.clone();
    let writes = check(&scene.world, Some(&alice), "POST", "/v1/sessions", Some(&scene.body));
    assert_eq!(writes, 6, "session, log, wraps, two rights, journal");
    scene.world.post(&scene.alice, "/v1/sessions", scene.body.clone());
    let carol = with(&scene.carol, Rights::READ);
    let granted = scene.grant(&[carol]);
    scene.session = granted.session.clone();
    let bob = scene.bob.party();
    let revoked = scene.revoke(&[bob]);
    scene.session = revoked.session.clone();
    let rotated = scene.rotate();
    let body = items(&[&granted, &revoked, &rotated]);
    let writes = check(&scene.world, Some(&alice), "POST", &scene.path, Some(&body));
    assert_eq!(writes, 3 + 5 + 2 + 1 + 1, "log, wraps, rights; log, rights, three items; log, wraps; session; journal");
    let mut pushed = scene.world.copy();
    pushed.post(&scene.alice, &scene.path, body);

    let keys = json!({ "sessions": [{ "id": scene.id }], "signers": [], "groups": [], "cursor": null });
    assert_eq!(check(&scene.world, Some(&alice), "POST", "/v1/keys", Some(&keys)), 1);
    let journal = json!({ "sessionId": scene.id, "after": 0 });
    assert_eq!(check(&scene.world, Some(&alice), "POST", "/v1/journal", Some(&journal)), 0);
    assert_eq!(check(&scene.world, Some(&alice), "GET", "/v1/backup", None), 0);
    let all = json!({ "userIds": ["bob"], "bundles": [] });
    assert_eq!(check(&scene.world, Some(&alice), "POST", "/v1/directory", Some(&all)), 0);
}

/// After a right code whatever fails leaves the try counted; nothing else.
#[test]
fn a_try_stays_counted() {
    let mut world = World::new();
    let dave = User::reachable(&mut world, "dave");
    let reply = world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": "dave" }));
    let path = format!("/v1/public/recoveries/{}/code", reply["recoveryId"].as_str().unwrap());
    let body = json!({ "code": world.mails[0].code, "key": b64(dave.pairs[0].public_key().as_bytes()) });
    let request = Request {
        now_ms: world.now,
        caller: None,
        method: "POST",
        path: &path,
        idempotency_key: None,
        body: Body::Json(&body),
    };
    // No randomness to be had for the share.
    let mut broken = wardkey::random::Random::new(Broken);
    for _ in 0..5 {
        let error = world.store.request(&world.server, &mut broken, &request).unwrap_err();
        assert_eq!((error.code().as_str(), error.keeps()), ("server", true));
    }
    let error: ApiError = world.store.request(&world.server, &mut world.rng, &request).unwrap_err();
    assert_eq!(error.code().as_str(), "otp-locked");
}

struct Broken;

impl rand_core::TryRng for Broken {
    type Error = core::fmt::Error;
    fn try_next_u32(&mut self) -> Result<u32, core::fmt::Error> {
        Err(core::fmt::Error)
    }
    fn try_next_u64(&mut self) -> Result<u64, core::fmt::Error> {
        Err(core::fmt::Error)
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), core::fmt::Error> {
        Err(core::fmt::Error)
    }
}
impl rand_core::TryCryptoRng for Broken {}

#[test]
fn snapshots() {
    let mut scene = Scene::new();
    let bob = scene.bob.party();
    let made = scene.revoke(&[bob]);
    scene.send(made);
    let snapshot = scene.world.store.snapshot().unwrap();
    let restored = MemoryStore::restore(&snapshot).unwrap();
    assert_eq!(restored, scene.world.store);
    assert_eq!(restored.snapshot().unwrap(), snapshot);
    let code = |bytes: &[u8]| MemoryStore::restore(bytes).unwrap_err().code().as_str();
    assert_eq!(code(b"{"), "invalid-format");
    assert_eq!(code(b"{}"), "invalid-format");
    assert_eq!(code(br#"{"version":2}"#), "invalid-format");
    assert_eq!(code(br#"{"version":1}"#), "unsupported-version");
    assert_eq!(code(br#"{"version":4}"#), "unsupported-version");
    // Before there were exchange keys.
    let mut before: Value = serde_json::from_slice(&snapshot).unwrap();
    assert_eq!(before["tables"].as_object_mut().unwrap().remove("exchange_keys"), Some(json!({})));
    before["version"] = json!(2);
    assert_eq!(MemoryStore::restore(before.to_string().as_bytes()).unwrap(), restored);
    // It goes on where it was.
    scene.world = scene.world.copy();
    let made = scene.rotate();
    assert_eq!(scene.send(made), json!({ "sequence": 2 }));
}

#[test]
fn whatever_fails_in_a_group() {
    let mut ward = Ward::unsent();
    let (anna, ben, body) = (ward.anna.id.clone(), ward.ben.id.clone(), ward.body.clone());
    let writes = check(&ward.world, Some(&anna), "POST", "/v1/groups", Some(&body));
    assert_eq!(writes, 5 + 2 + 1, "state, log, keys, group, heads; two members; journal");
    ward.world.post(&ward.anna, "/v1/groups", body);

    let body = json!({ "head": ward.anna.head(ward.world.now, &ward.log) });
    assert_eq!(check(&ward.world, Some(&ben), "GET", "/v1/groups", None), 0);
    let path = ward.path("heads");
    assert_eq!(check(&ward.world, Some(&anna), "POST", &path, Some(&body)), 0, "the same head");
    let keys = json!({ "sessions": [], "signers": [], "groups": [{ "id": ward.id }] });
    assert_eq!(check(&ward.world, Some(&ben), "POST", "/v1/keys", Some(&keys)), 1, "a watcher");
    ward.world.now += 1;
    let body = json!({ "head": ward.anna.head(ward.world.now, &ward.log) });
    assert_eq!(check(&ward.world, Some(&anna), "POST", &path, Some(&body)), 2, "group, heads");

    let place = Party::Placeholder {
        name: UserId::new("clinic").unwrap(),
        escrow: *ward.world.server.identity().fingerprint(),
        contact: Some(wardkey::party::Email::new("it@clinic.example").unwrap()),
    };
    let grants = [with(&ward.dora, Rights::MANAGE), wardkey::session::Grant { party: place, rights: Rights::READ }];
    let known = ward.knowing();
    let (_, body) = ward.dora.session(&mut seeded(80), &grants, &known);
    ward.world.post(&ward.dora, "/v1/sessions", body);
    let (path, body) = (ward.path("claims"), json!({ "placeholder": "clinic" }));
    assert_eq!(check(&ward.world, Some(&anna), "POST", &path, Some(&body)), 4, "claim, two times, journal");
    let reply = ward.world.post(&ward.anna, &path, body);
    let path = format!("{path}/{}", reply["claimId"].as_str().unwrap());
    let wrong = json!({ "code": "x" });
    assert_eq!(check(&ward.world, Some(&anna), "POST", &path, Some(&wrong)), 3, "claim, time, journal");
    let right = json!({ "code": ward.world.mails[0].code });
    let writes = check(&ward.world, Some(&anna), "POST", &path, Some(&right));
    assert_eq!(
        writes,
        2 + 6 + 1 + 3 + 1,
        "claim, time; log, two rights, one that waits no more, wraps, session; bodies, three items; journal"
    );

    let chain = Chain::empty(&app(), &ward.anna.party(), &Party::Group(*ward.log.id())).unwrap();
    let (known, now) = (ward.knowing(), ward.world.now);
    let made = ward.anna.sign_at(now, |hand| chain.make(&mut seeded(81), hand, None, &known).unwrap());
    let own = Chain::empty(&app(), &ward.anna.party(), &ward.anna.party()).unwrap();
    let more = ward.anna.sign_at(now, |hand| own.make(&mut seeded(82), hand, None, &known).unwrap());
    let body = json!({ "items": [b64(&made.object), b64(&more.object)] });
    let writes = check(&ward.world, Some(&anna), "POST", "/v1/exchange-keys", Some(&body));
    assert_eq!(writes, 2 + 1, "two versions, journal");
    ward.world.post(&ward.anna, "/v1/exchange-keys", body);
    let pairs = [json!({ "pair": made.chain.pair().as_str() }), json!({ "pair": "anna→anna" })];
    let keys = json!({ "sessions": [], "signers": [], "groups": [], "pairs": pairs });
    assert_eq!(check(&ward.world, Some(&anna), "POST", "/v1/keys", Some(&keys)), 2, "a watcher, journal");

    let ben_party = ward.ben.party();
    let body = ward.removes(&[ben_party]);
    let path = ward.path("operations");
    let writes = check(&ward.world, Some(&anna), "POST", &path, Some(&body));
    assert_eq!(writes, 5 + 1 + 2 + 1, "state, log, keys, group, heads; a member; two items; journal");
}
