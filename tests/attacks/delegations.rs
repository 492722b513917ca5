//! D1 to D4: exchange keys and entities that somebody else made, moved or linked. The application's database can be changed at will; so can what the key server
//! gives of exchange keys.

use serde_json::{Value, json};
use wardkey::{
    data_key::DataKey,
    delegation::{Chain, Manifest, Ring, entity},
    encoding::{base64url, from_base64url},
    error::{Code, Result},
    party::Party,
    session::Directory,
    signed::Minimum,
};

use super::common::{
    cbor::{self, Array, Null, Uint},
    code,
    craft::{
        delegation::{Exchange, To, content, encrypted_self, members, open_value, padded, value},
        objects::Draft,
        system,
    },
    people::{Person, app, directory},
    rng::{Seeded, draw_array, seeded},
    story::refs,
};

const MAPS: [&str; 3] = ["encryptionKeys", "delegations", "cryptedForeignKeys"];

/// Alice seals, Bob reads, Mallory works with the server.
struct Practice {
    rng: Seeded,
    alice: Person,
    bob: Person,
    mallory: Person,
    key_server: Person,
    known: Directory,
    own: Exchange,
    for_bob: Exchange,
}

impl Practice {
    fn new(name: &str) -> Self {
        let mut rng = seeded(name);
        let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|name| Person::new(&mut rng, name));
        let key_server = Person::key_server(&mut rng);
        let known = directory([&alice, &bob, &mallory, &key_server]);
        let mut own = Exchange::new(&alice.party(), &alice.party());
        own.tell(&mut rng, &alice, Null, &[To::person(&alice)]);
        let mut for_bob = Exchange::new(&alice.party(), &bob.party());
        for_bob.tell(&mut rng, &alice, Null, &[To::person(&alice), To::person(&bob)]);
        Self { rng, alice, bob, mallory, key_server, known, own, for_bob }
    }

    fn chain(&self, exchange: &Exchange) -> Result<Chain> {
        let parties = (&exchange.delegator, &exchange.delegate);
        Chain::read(&app(), parties, &refs(&exchange.objects), &self.known, Minimum::default())
    }

    fn ring(&self, reader: &Person) -> Ring {
        let parties = [reader.party()];
        let mut ring = Ring::new(&parties, &[]).unwrap();
        for exchange in [&self.own, &self.for_bob] {
            if let Ok(keys) = self.chain(exchange).unwrap().open(&mut system(), &parties, &[reader.pair()]) {
                ring.insert(keys);
            }
        }
        ring
    }

    fn encrypt(&mut self, kind: &str, id: &str, parent: Option<&Value>) -> Value {
        let (ring, me) = (self.ring(&self.alice), self.alice.party());
        let (plain, parent) = (json!({ "id": id, "name": "secret" }).to_string(), parent.map(ToString::to_string));
        let manifest = Manifest::new(["name"]).unwrap();
        let others = [self.bob.party()];
        let made = entity::encrypt(&mut self.rng, &ring, (&me, &others), (kind, &plain), &manifest, parent.as_deref());
        serde_json::from_str(&made.unwrap()).unwrap()
    }
}

/// All that somebody can ask of an entity.
fn reads(ring: &Ring, one: &Value) -> [Option<Code>; 3] {
    let text = one.to_string();
    let code = |result: Result<()>| result.err().map(|error| error.code());
    [
        code(entity::decrypt(ring, &text).map(drop)),
        code(entity::parent_ids(ring, &text).map(drop)),
        code(entity::secret_foreign_keys(ring, &text).map(drop)),
    ]
}

fn flipped(text: &str, bit: usize) -> String {
    let mut bytes = from_base64url(text).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    base64url(&bytes)
}

/// D1: both sides refuse what the delegator didn't sign, and nothing comes out.
#[test]
fn d1_a_server_made_exchange_key() {
    let mut practice = Practice::new("d1");
    let Practice { rng, alice, bob, mallory, key_server, .. } = &mut practice;
    let to = [To::person(alice), To::person(bob)];
    let (pair, key) = (Exchange::new(&alice.party(), &bob.party()), draw_array(rng));
    let mut by = |signer: &Person| pair.next(rng, signer, Null, &to, &key);
    let hers = by(alice);
    let right = Array(vec![cbor::bytes([7; 32]), Uint(0), cbor::bytes([7; 32])]);
    let forged = [
        by(key_server),
        by(mallory),
        by(bob),
        Draft { seed: *key_server.seed(), ..hers.clone() },
        Draft { seed: *mallory.seed(), ..by(mallory).with(8, right) },
        hers.with(7, cbor::bytes([1; 32])),
    ];
    let signed = hers.items();
    let mut other_key = hers.with(10, cbor::bytes([3; 32])).items();
    other_key[2] = signed[2].clone();
    let mut objects: Vec<_> = forged.iter().map(Draft::encode).collect();
    objects.push(Array(other_key).encode());
    // Somebody else's stanza, under her signature.
    let mut body = hers.clone();
    body.more = vec![Array(by(mallory).more[0].items().to_vec())];
    objects.push(body.encode());
    for object in &objects {
        let exchange = Exchange { objects: vec![object.clone()], ..pair.clone() };
        assert_eq!(code(practice.chain(&exchange)), Code::BadSignature);
    }
    // After a good one, too.
    let Practice { rng, alice, bob, mallory, for_bob, .. } = &mut practice;
    let mut after = for_bob.clone();
    let to = [To::person(alice), To::person(bob)];
    after.tell(rng, mallory, Null, &to);
    assert_eq!(code(practice.chain(&after)), Code::BadSignature);
    assert!(practice.chain(&Exchange { objects: vec![hers.encode()], ..pair }).is_ok());
}

/// D2: every bit of every value, and every value in every other place.
#[test]
fn d2_values_flipped_or_moved() {
    let mut practice = Practice::new("d2");
    let patient = practice.encrypt("Patient", "1234", None);
    let child = practice.encrypt("Contact", "4567", Some(&patient));
    let sibling = practice.encrypt("Contact", "4568", Some(&patient));
    let (his, hers) = (practice.ring(&practice.bob), practice.ring(&practice.alice));
    assert_eq!(reads(&his, &child), [None; 3]);
    let failed = Some(Code::DecryptionFailed);
    // What reads this map.
    let fails = |ring: &Ring, one: &Value, map: &str| match map {
        "delegations" => reads(ring, one)[2] == failed,
        "cryptedForeignKeys" => reads(ring, one)[..2] == [failed; 2],
        _ => reads(ring, one) == [failed; 3],
    };
    for map in MAPS {
        let sealed = child[map]["alice→bob"][0].as_str().unwrap();
        for bit in 0..from_base64url(sealed).unwrap().len() * 8 {
            let mut copy = child.clone();
            copy[map]["alice→bob"][0] = json!(flipped(sealed, bit));
            assert!(fails(&his, &copy, map), "{map}, bit {bit}");
        }
        for (of, pair) in [(&sibling, "alice→bob"), (&child, "alice→alice"), (&sibling, "alice→alice")] {
            let mut copy = child.clone();
            copy[map]["alice→bob"] = of[map][pair].clone();
            assert!(fails(&his, &copy, map), "{map}, {pair}");
        }
        for (from, pair) in MAPS.into_iter().flat_map(|from| [(from, "alice→bob"), (from, "alice→alice")]) {
            let mut copy = child.clone();
            copy[map]["alice→alice"] = child[from][pair].clone();
            let is_itself = (from, pair) == (map, "alice→alice");
            let is_form = reads(&hers, &copy) == [Some(Code::InvalidFormat); 3];
            assert!(is_itself || is_form || fails(&hers, &copy, map), "{from} as {map}");
        }
    }
    let sealed = child["encryptedSelf"].as_str().unwrap();
    for bit in 0..from_base64url(sealed).unwrap().len() * 8 {
        let mut copy = child.clone();
        copy["encryptedSelf"] = json!(flipped(sealed, bit));
        assert_eq!(reads(&his, &copy)[0], failed, "bit {bit}");
    }
    for (name, other) in
        [("id", json!("4569")), ("entityType", json!("Patient")), ("encryptedSelf", sibling["encryptedSelf"].clone())]
    {
        let mut copy = child.clone();
        copy[name] = other;
        assert_eq!(reads(&his, &copy)[0], failed, "{name}");
    }
}

/// D3: the database, and a delegate who has the exchange key but isn't given the child's own, link a contact to another patient.
#[test]
fn d3_a_contact_linked_to_another_patient() {
    let mut practice = Practice::new("d3");
    let [patient, other] = ["1234", "5678"].map(|id| practice.encrypt("Patient", id, None));
    let child = practice.encrypt("Contact", "4567", Some(&patient));
    let stranger = practice.encrypt("Contact", "4568", Some(&other));
    let his = practice.ring(&practice.bob);
    let mismatch = Some(Code::KeyMismatch);
    let link = |change: &dyn Fn(&mut Value)| {
        let mut copy = child.clone();
        change(&mut copy);
        assert_eq!(reads(&his, &copy)[..2], [mismatch; 2]);
    };
    let clear = "secretForeignKeys";
    link(&|one| one[clear] = stranger[clear].clone());
    link(&|one| one[clear] = json!([]));
    link(&|one| one[clear] = json!([child[clear][0], stranger[clear][0]]));
    link(&|one| one[MAPS[2]] = json!({}));
    let key = practice.for_bob.keys[0];
    let mut seal = |id: &str| value(&mut practice.rng, &key, &child, (MAPS[2], "alice→bob"), &padded(id));
    let (to_other, again) = (json!(seal("5678")), json!(seal("1234")));
    link(&|one| one[MAPS[2]]["alice→bob"] = json!([to_other]));
    link(&|one| one[MAPS[2]]["alice→bob"] = json!([to_other, again]));
    // Both links alike: only what is inside tells.
    link(&|one| {
        one[clear] = stranger[clear].clone();
        one[MAPS[2]]["alice→bob"] = json!([to_other]);
    });
    // Nothing of it is passed on.
    let mut moved = child.clone();
    moved[clear] = stranger[clear].clone();
    let manifest = Manifest::new(["name"]).unwrap();
    let (text, plain) = (moved.to_string(), json!({ "id": "4567", "name": "x" }).to_string());
    let rng = &mut practice.rng;
    assert_eq!(code(entity::update(rng, &his, &text, &plain, &manifest)), Code::KeyMismatch);
    assert_eq!(code(entity::share(rng, &his, &text, &[])), Code::KeyMismatch);
    let parties = (&practice.bob.party(), &[] as &[Party]);
    let plain = json!({ "id": "9", "name": "x" }).to_string();
    assert_eq!(
        code(entity::encrypt(rng, &his, parties, ("Contact", &plain), &manifest, Some(&text))),
        Code::KeyMismatch
    );
    // A content without links under the child's own key is another one.
    let own = open_value(&key, &child, MAPS[0], "alice→bob").try_into().unwrap();
    let bare = encrypted_self(rng, &own, &child, &content(members(&[]), &[], &[]).encode());
    link(&|one| one["encryptedSelf"] = json!(bare));
}

/// D4: pairs that nobody made on the way from the first.
#[test]
fn d4_cycles_and_pairs_from_nowhere() {
    let mut practice = Practice::new("d4");
    let patient = practice.encrypt("Patient", "1234", None);
    let child = practice.encrypt("Contact", "4567", Some(&patient));
    let his = practice.ring(&practice.bob);
    let mut with = |pairs: &[(&str, &str)]| {
        let mut copy = child.clone();
        for (map, (of, to)) in MAPS.into_iter().flat_map(|map| pairs.iter().map(move |pair| (map, pair))) {
            let (pair, plain) = (format!("{of}→{to}"), if map == MAPS[0] { vec![1; 32] } else { padded("1234") });
            copy[map][pair.as_str()] = json!([value(&mut practice.rng, &[5; 32], &child, (map, &pair), &plain)]);
        }
        reads(&his, &copy)
    };
    let names = ["alice", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let way: Vec<_> = names.windows(2).map(|pair| (pair[0], pair[1])).collect();
    assert_eq!(with(&way[..8]), [None; 3]);
    for pairs in [
        &[("x", "bob")][..],
        &[("x", "y"), ("y", "x")],
        &[("x", "x"), ("x", "bob")],
        &[("bob", "bob")],
        &[("bob", "alice")],
        &[("bob", "c"), ("c", "bob")],
        &[("bob", "c"), ("c", "d"), ("d", "c")],
        &way,
    ] {
        assert_eq!(with(pairs), [Some(Code::Forbidden); 3], "{pairs:?}");
    }
    for map in MAPS {
        for pair in ["alice→alice", "alice→bob"] {
            let mut copy = child.clone();
            copy[map].as_object_mut().unwrap().remove(pair);
            assert_eq!(reads(&his, &copy), [Some(Code::Forbidden); 3], "{map}, {pair}");
        }
    }
    // Nobody makes one either: the ninth from the first can't share on.
    let mut ring = Ring::new(&[practice.alice.party()], &[]).unwrap();
    let key = |ring: &mut Ring, pair: &str| {
        let key = DataKey::from_slice(&[9; 32]);
        ring.insert(wardkey::delegation::ExchangeKeys::kept(
            wardkey::delegation::Pair::parse(pair).unwrap(),
            vec![key],
        ));
    };
    key(&mut ring, "alice→alice");
    let manifest = Manifest::new(["name"]).unwrap();
    let plain = json!({ "id": "1", "name": "x" }).to_string();
    let rng = &mut practice.rng;
    let me = practice.alice.party();
    let mut text = entity::encrypt(rng, &ring, (&me, &[]), ("Patient", &plain), &manifest, None).unwrap();
    let people: Vec<_> = names[1..].iter().map(|name| Person::new(rng, name)).collect();
    for (number, person) in people.iter().enumerate() {
        let before = if number == 0 { practice.alice.party() } else { people[number - 1].party() };
        let mut ring = Ring::new(&[before], &[]).unwrap();
        key(&mut ring, &format!("{}→{}", names[number.max(1) - 1], names[number]));
        if number == 0 {
            key(&mut ring, "alice→alice");
        }
        key(&mut ring, &format!("{}→{}", names[number], names[number + 1]));
        match entity::share(rng, &ring, &text, &[person.party()]) {
            Ok(shared) if number < 8 => text = shared,
            other => {
                assert_eq!((number, code(other)), (8, Code::Forbidden));
                return;
            }
        }
    }
    panic!("the ninth shared on");
}

/// D4: the database says that somebody has it already, who would then never get it.
#[test]
fn d4_pairs_that_would_make_sharing_nothing() {
    let mut practice = Practice::new("d4 nothing");
    let patient = practice.encrypt("Patient", "1234", None);
    let child = practice.encrypt("Contact", "4567", Some(&patient));
    let (bob, mallory) = (practice.bob.party(), practice.mallory.party());
    let key = || DataKey::from_slice(&[9; 32]);
    let kept = |pair: &str, of: Vec<Result<DataKey>>| {
        wardkey::delegation::ExchangeKeys::kept(wardkey::delegation::Pair::parse(pair).unwrap(), of)
    };
    let mut his = practice.ring(&practice.bob);
    his.insert(kept("bob→mallory", vec![key()]));
    let mut theirs = Ring::new(std::slice::from_ref(&mallory), &[]).unwrap();
    theirs.insert(kept("bob→mallory", vec![key()]));
    let names = ["mallory".to_owned()];
    let mut with = |pairs: &[&str], seed: u8| {
        let mut copy = child.clone();
        for (map, pair) in MAPS.into_iter().flat_map(|map| pairs.iter().map(move |pair| (map, *pair))) {
            let plain = if map == MAPS[0] { vec![1; 32] } else { padded("1234") };
            copy[map][pair] = json!([value(&mut practice.rng, &[seed; 32], &child, (map, pair), &plain)]);
        }
        copy
    };
    // From her to Bob, sealed by nobody: it would go round.
    let before = with(&["alice→mallory", "mallory→bob"], 5);
    // From Bob to her, of a value that doesn't open, and for each map alone.
    let after = with(&["bob→mallory"], 5);
    let rng = &mut practice.rng;
    for keys in [None, Some(vec![key()])] {
        keys.into_iter().for_each(|keys| his.insert(kept("mallory→bob", keys)));
        let text = before.to_string();
        assert_eq!(reads(&his, &before), [None; 3]);
        assert_eq!(code(entity::without(&his, &text, &names)), Code::Forbidden);
        assert_eq!(code(entity::share(rng, &his, &text, std::slice::from_ref(&mallory))), Code::Forbidden);
    }
    let good = entity::share(rng, &his, &child.to_string(), std::slice::from_ref(&mallory)).unwrap();
    let mut changed = vec![after.clone()];
    for map in MAPS {
        let mut one: Value = serde_json::from_str(&good).unwrap();
        one[map]["bob→mallory"] = after[map]["bob→mallory"].clone();
        changed.push(one);
    }
    for one in changed {
        assert_ne!(reads(&theirs, &one), [None; 3]);
        assert_eq!(entity::without(&his, &one.to_string(), &names).unwrap(), ["mallory"]);
        let shared = entity::share(rng, &his, &one.to_string(), &[mallory.clone(), bob.clone()]).unwrap();
        assert_eq!(reads(&theirs, &serde_json::from_str(&shared).unwrap()), [None; 3]);
        assert_eq!(entity::share(rng, &his, &shared, std::slice::from_ref(&mallory)).unwrap(), shared);
    }
    // Whom it came from has it.
    assert_eq!(entity::share(rng, &his, &good, &[practice.alice.party()]).unwrap(), good);
}
