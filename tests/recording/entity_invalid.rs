//! Entities that are wrong in one place: rows D2 to D4 of the list of attacks among them.

use serde_json::{Value, json};
use wardkey::{encoding::base64url, party::Party, signed::Hash};

use super::{
    delegation::Rows,
    entity::{contact, encrypt, holder, patient},
    rows::Cast,
};
use crate::common::{
    cbor::{self, Array, Item, Map, Uint},
    craft::delegation::{content, encrypted_self, members, open_content, open_value, padded, value},
    delegations::{Input, drawn},
    hex::hex,
    rng::Seeded,
};

const MAPS: [&str; 3] = ["encryptionKeys", "delegations", "cryptedForeignKeys"];

/// A change of an entity.
type Change<'a> = Box<dyn Fn(&mut Value) + 'a>;

struct Story {
    as_alice: Input,
    as_bob: Input,
    keys: Vec<(String, [u8; 32])>,
    patient: Value,
    other: Value,
    child: Value,
    sibling: Value,
    stranger: Value,
}

impl Story {
    fn new(rng: &mut Seeded, cast: &Cast) -> Self {
        let (alice, bob) = (cast.alice.party(), cast.bob.party());
        let keys = drawn(rng, &["alice→alice", "alice→bob"]);
        let (as_alice, as_bob) = (holder(&[&alice], &keys), holder(&[&bob], &keys));
        let ring = as_alice.ring().expect("her keys");
        let mut make = |kind: &str, plain: &Value, parent: Option<&Value>| {
            encrypt(rng, &ring, &alice, core::slice::from_ref(&bob), (kind, plain), parent)
        };
        let first = make("Patient", &patient(), None);
        let other = make("Patient", &json!({ "id": "5678", "name": "Bo" }), None);
        let child = make("Contact", &contact("4567"), Some(&first));
        let sibling = make("Contact", &contact("4569"), Some(&first));
        let stranger = make("Contact", &contact("4568"), Some(&other));
        Self { as_alice, as_bob, keys, patient: first, other, child, sibling, stranger }
    }

    fn own_key(&self) -> Vec<u8> {
        open_value(&self.keys[0].1, &self.child, "encryptionKeys", "alice→alice")
    }
}

pub(super) fn entities(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let story = Story::new(rng, cast);
    d2(&story, rows);
    d3(rng, &story, rows);
    d4(rng, &story, rows);
    readers(cast, &story, rows);
    forms(&story, rows);
    contents(rng, &story, rows);
}

fn flipped(text: &str) -> String {
    let mut bytes = wardkey::encoding::from_base64url(text).expect("base64url");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    base64url(&bytes)
}

/// D2: flipped, or moved between fields, entities, pairs.
fn d2(story: &Story, rows: &mut Rows) {
    let Story { child, sibling, stranger, .. } = story;
    let pair = "alice→bob";
    for map in MAPS {
        let kind = if map == "delegations" { "secret-foreign-keys" } else { "decrypt" };
        let mut fails = |name: &str, change: Change<'_>| {
            let mut copy = child.clone();
            change(&mut copy);
            rows.fails(kind, &format!("d2: {name}, {map}"), "decryption-failed", story.as_bob.reading(&[&copy]));
        };
        fails("flipped", Box::new(|one| one[map][pair][0] = json!(flipped(one[map][pair][0].as_str().expect("text")))));
        fails("of a sibling", Box::new(|one| one[map][pair] = sibling[map][pair].clone()));
        fails("of another's child", Box::new(|one| one[map][pair] = stranger[map][pair].clone()));
        fails("of another pair", Box::new(|one| one[map][pair] = one[map]["alice→alice"].clone()));
        fails("under another type", Box::new(|one| one["entityType"] = json!("Patient")));
        fails("under another id", Box::new(|one| one["id"] = json!("4570")));
    }
    let mut fails = |kind: &str, name: &str, change: Change<'_>| {
        let mut copy = child.clone();
        change(&mut copy);
        rows.fails(kind, &format!("d2: {name}"), "decryption-failed", story.as_bob.reading(&[&copy]));
    };
    fails("decrypt", "a secret id as a parent", Box::new(|one| one[MAPS[2]][pair] = one[MAPS[1]][pair].clone()));
    fails(
        "secret-foreign-keys",
        "a parent as a secret id",
        Box::new(|one| one[MAPS[1]][pair] = one[MAPS[2]][pair].clone()),
    );
    fails(
        "decrypt",
        "content flipped",
        Box::new(|one| one["encryptedSelf"] = json!(flipped(one["encryptedSelf"].as_str().expect("text")))),
    );
    fails("decrypt", "content of a sibling", Box::new(|one| one["encryptedSelf"] = sibling["encryptedSelf"].clone()));
    fails(
        "decrypt",
        "content and key of a sibling",
        Box::new(|one| {
            one["encryptedSelf"] = sibling["encryptedSelf"].clone();
            one[MAPS[0]] = sibling[MAPS[0]].clone();
        }),
    );
}

/// D3: linked to another patient.
fn d3(rng: &mut Seeded, story: &Story, rows: &mut Rows) {
    let Story { child, stranger, patient, other, .. } = story;
    let mut fails = |name: &str, change: Change<'_>| {
        let mut copy = child.clone();
        change(&mut copy);
        rows.fails("decrypt", &format!("d3: {name}"), "key-mismatch", story.as_bob.reading(&[&copy]));
    };
    let links = "secretForeignKeys";
    let mine = child[links][0].clone();
    let others = stranger[links][0].clone();
    fails("the clear link of another's child", Box::new(|one| one[links] = stranger[links].clone()));
    fails("a second clear link", Box::new(|one| one[links] = json!([mine, others])));
    fails("the clear link was dropped", Box::new(|one| one[links] = json!([])));
    fails("the sealed link was dropped", Box::new(|one| one[MAPS[2]] = json!({})));
    // Whoever has the exchange key seals another parent.
    let key = story.keys[1].1;
    let mut sealed = |id: &str| value(rng, &key, child, (MAPS[2], "alice→bob"), &padded(id));
    let (to_other, again) = (sealed("5678"), sealed("1234"));
    fails("another parent, sealed", Box::new(|one| one[MAPS[2]]["alice→bob"] = json!([to_other])));
    fails("a second parent, sealed", Box::new(|one| one[MAPS[2]]["alice→bob"] = json!([again, to_other])));
    fails(
        "clear and sealed links are another's",
        Box::new(|one| {
            one[links] = stranger[links].clone();
            one[MAPS[2]]["alice→bob"] = json!([to_other]);
        }),
    );
    let mut copy = patient.clone();
    copy[links] = stranger[links].clone();
    rows.fails("decrypt", "d3: a patient becomes a child", "key-mismatch", story.as_bob.reading(&[&copy]));
    let database = [&copy, other];
    let input = Input { wanted: "1234".to_owned(), ..story.as_bob.reading(&database) };
    rows.fails("parents", "d3: a patient becomes a child", "key-mismatch", input);
    let mut moved = child.clone();
    moved[links] = stranger[links].clone();
    let found = Input { wanted: "5678".to_owned(), ..story.as_bob.reading(&[&moved, other]) };
    rows.fails("children", "d3: another's contact is found", "key-mismatch", found);
}

/// D4: pairs from nowhere, in circles, too far.
fn d4(rng: &mut Seeded, story: &Story, rows: &mut Rows) {
    let Story { child, .. } = story;
    let names = ["alice", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut with = |pairs: &[(&str, &str)]| {
        let mut one = child.clone();
        for map in MAPS {
            let plain = if map == MAPS[0] { vec![1; 32] } else { padded("1234") };
            for (delegator, delegate) in pairs {
                let pair = format!("{delegator}→{delegate}");
                // Nobody opens these.
                let value = value(rng, &[3; 32], &one, (map, &pair), &plain);
                one[map][pair] = json!([value]);
            }
        }
        one
    };
    let way: Vec<_> = names.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let good = [
        ("d4: eight pairs from the first", with(&way[..8])),
        ("d4: two ways to one", with(&[("alice", "c"), ("bob", "c"), ("c", "d")])),
        ("d4: a short way and a long one", with(&[&way[..8], &[("alice", "i"), ("i", "j")]].concat())),
    ];
    for (name, one) in good {
        rows.opens("decrypt", name, story.as_bob.reading(&[&one]));
    }
    let bad = [
        ("from nowhere", with(&[("x", "y")])),
        ("two from nowhere that know each other", with(&[("x", "y"), ("y", "x")])),
        ("a second self pair", with(&[("bob", "bob")])),
        ("a self pair of a stranger", with(&[("x", "x"), ("x", "y")])),
        ("back to the first", with(&[("bob", "alice")])),
        ("round", with(&[("bob", "c"), ("c", "d"), ("d", "bob")])),
        ("there and back", with(&[("bob", "c"), ("c", "bob")])),
        ("nine pairs from the first", with(&way)),
    ];
    let mut fails = |name: &str, one: &Value| {
        rows.fails("decrypt", &format!("d4: {name}"), "forbidden", story.as_bob.reading(&[one]));
    };
    for (name, one) in &bad {
        fails(name, one);
    }
    let mut changed = |name: &str, change: Change<'_>| {
        let mut copy = child.clone();
        change(&mut copy);
        fails(name, &copy);
    };
    let remove = |one: &mut Value, map: &str, pair: &str| drop(one[map].as_object_mut().expect("a map").remove(pair));
    changed("no self pair", Box::new(|one| MAPS.iter().for_each(|map| remove(one, map, "alice→alice"))));
    changed("no pair at all", Box::new(|one| MAPS.iter().for_each(|map| one[*map] = json!({}))));
    changed("no self pair of the keys", Box::new(|one| remove(one, MAPS[0], "alice→alice")));
    for map in &MAPS[1..] {
        changed(&format!("a pair less, {map}"), Box::new(|one| remove(one, map, "alice→bob")));
        changed(
            &format!("another pair, {map}"),
            Box::new(|one| {
                one[*map]["alice→carol"] = one[*map]["alice→bob"].clone();
                remove(one, map, "alice→bob");
            }),
        );
    }
    changed("no secret ids", Box::new(|one| one[MAPS[1]] = json!({})));
}

fn readers(cast: &Cast, story: &Story, rows: &mut Rows) {
    let Story { child, as_bob, keys, .. } = story;
    let carol = cast.carol.party();
    let ward = Hash([0x77; 32]);
    let mut fails = |name: &str, error: &str, input: Input| {
        for kind in ["decrypt", "secret-foreign-keys"] {
            rows.fails(kind, name, error, input.clone());
        }
    };
    let reads = |input: Input| input.reading(&[child]);
    fails("by a stranger", "not-a-recipient", reads(holder(&[&carol], keys)));
    fails(
        "by the members of a group that it wasn't shared with",
        "not-a-recipient",
        reads(holder(&[&carol, &Party::Group(ward)], keys)),
    );
    fails("without exchange keys", "not-a-recipient", reads(holder(&[&cast.bob.party()], &Vec::new())));
    let versions = |versions: &[&str]| {
        let mut input = as_bob.clone();
        input.opened[1].versions = versions.iter().map(|&version| version.to_owned()).collect();
        reads(input)
    };
    let other = hex([8; 32]);
    for code in ["not-a-recipient", "unwrap-failed", "key-mismatch", "bad-signature", "decryption-failed"] {
        fails(&format!("the exchange key stayed closed: {code}"), code, versions(&[code]));
        fails(&format!("a version stayed closed: {code}"), code, versions(&[code, &other]));
    }
    fails(
        "of several that stayed closed the newest counts",
        "unwrap-failed",
        versions(&["key-mismatch", "unwrap-failed", &other]),
    );
    fails("another exchange key", "decryption-failed", versions(&[&other]));
    fails("no version at all", "decryption-failed", versions(&[]));

    // Who has left.
    let name = base64url(&ward.0);
    let mut shared = child.clone();
    for map in MAPS {
        shared[map][format!("alice→{name}")] = shared[map]["alice→bob"].clone();
    }
    let mut left = holder(&[&carol], keys);
    left.former = vec![hex(ward.0)];
    fails("by who has left the group", "revoked", left.reading(&[&shared]));
    fails("by who has left a group that it wasn't shared with", "not-a-recipient", left.reading(&[child]));
}

fn forms(story: &Story, rows: &mut Rows) {
    let Story { child, as_bob, .. } = story;
    let pair = "alice→bob";
    let mut fails = |name: &str, error: &str, change: Change<'_>| {
        let mut copy = child.clone();
        change(&mut copy);
        rows.fails("decrypt", name, error, as_bob.reading(&[&copy]));
    };
    let all = ["id", "entityType", "encryptedSelf", MAPS[0], MAPS[1], MAPS[2], "secretForeignKeys"];
    for name in all {
        fails(
            &format!("no {name}"),
            "invalid-format",
            Box::new(move |one| drop(one.as_object_mut().expect("an object").remove(name))),
        );
        for other in [json!(null), json!(5), json!([1]), json!({ "a": 1 })] {
            let what = format!("{name} as {other}");
            fails(&what, "invalid-format", Box::new(move |one| one[name] = other.clone()));
        }
    }
    fails("an empty id", "invalid-format", Box::new(|one| one["id"] = json!("")));
    fails("an id of 1,025 bytes", "invalid-format", Box::new(|one| one["id"] = json!("x".repeat(1025))));
    fails("an empty type", "invalid-format", Box::new(|one| one["entityType"] = json!("")));
    fails("a type of 129 bytes", "invalid-format", Box::new(|one| one["entityType"] = json!("x".repeat(129))));
    fails("a party with the entity's id", "invalid-argument", Box::new(|one| one["id"] = json!("bob")));
    fails("the first party with the entity's id", "invalid-argument", Box::new(|one| one["id"] = json!("alice")));
    fails("content that isn't base64url", "invalid-format", Box::new(|one| one["encryptedSelf"] = json!("A")));
    fails("no content", "truncated", Box::new(|one| one["encryptedSelf"] = json!("")));
    fails("content of 71 bytes", "truncated", Box::new(|one| one["encryptedSelf"] = json!(base64url(&[1; 71]))));
    fails(
        "secret foreign keys that are one",
        "invalid-format",
        Box::new(|one| one["secretForeignKeys"] = json!(["a", "a"])),
    );
    fails("an empty secret foreign key", "invalid-format", Box::new(|one| one["secretForeignKeys"] = json!([""])));
    fails(
        "a long secret foreign key",
        "invalid-format",
        Box::new(|one| one["secretForeignKeys"] = json!(["x".repeat(1025)])),
    );
    let many: Vec<_> = (0..65).map(|number| number.to_string()).collect();
    fails("65 secret foreign keys", "invalid-format", Box::new(move |one| one["secretForeignKeys"] = json!(many)));
    for map in MAPS {
        let mut fails = |name: &str, error: &str, change: Change<'_>| fails(&format!("{name}, {map}"), error, change);
        let named = |name: &'static str| -> Change<'_> { Box::new(move |one| one[map][name] = one[map][pair].clone()) };
        let text = move |one: &Value| one[map][pair][0].as_str().expect("text").to_owned();
        for name in ["", "→", "alice", "alice→", "→alice", "alice→bob→carol", "alice\n→bob", "u\u{308}→bob"]
        {
            fails(&format!("a pair {name:?}"), "invalid-format", named(name));
        }
        let stray = format!("alice→{}", "x".repeat(42) + "d");
        fails(
            "a party like a group id that is none",
            "invalid-format",
            Box::new(move |one| one[map][&stray] = one[map][pair].clone()),
        );
        let long = format!("alice→{}", "x".repeat(129));
        fails("a party of 129 bytes", "invalid-format", Box::new(move |one| one[map][&long] = one[map][pair].clone()));
        fails("no values", "invalid-format", Box::new(|one| one[map][pair] = json!([])));
        fails("a value alone", "invalid-format", Box::new(|one| one[map][pair] = one[map][pair][0].clone()));
        fails("a value that is no text", "invalid-format", Box::new(|one| one[map][pair] = json!([5])));
        fails(
            "a value twice",
            "invalid-format",
            Box::new(|one| one[map][pair] = json!([one[map][pair][0], one[map][pair][0]])),
        );
        fails("padded base64", "invalid-format", Box::new(move |one| one[map][pair] = json!([text(one) + "="])));
        fails(
            "a value cut",
            "invalid-format",
            Box::new(move |one| one[map][pair] = json!([text(one)[..text(one).len() - 4]])),
        );
        fails("a longer value", "invalid-format", Box::new(move |one| one[map][pair] = json!([text(one) + "AAAA"])));
        fails("an empty value", "invalid-format", Box::new(|one| one[map][pair] = json!([""])));
        let (length, long) = if map == MAPS[0] { (105, 2) } else { (72 + 64, 65) };
        fails(
            "a value of another length",
            "invalid-format",
            Box::new(move |one| one[map][pair] = json!([base64url(&vec![1; length])])),
        );
        let many = move |one: &Value| {
            let bytes = wardkey::encoding::from_base64url(&text(one)).expect("base64url");
            let one = |number: u8| base64url(&[&[number], &bytes[1..]].concat());
            (0..long).map(one).collect::<Vec<_>>()
        };
        fails("too many values", "invalid-format", Box::new(move |one| one[map][pair] = json!(many(one))));
    }
    let pairs: serde_json::Map<_, _> = (0..1001).map(|number| (format!("alice→{number}"), json!([]))).collect();
    fails("1,001 pairs", "limit", Box::new(move |one| one[MAPS[0]] = Value::Object(pairs.clone())));
    let good = child.to_string();
    for (name, error, text) in [
        ("no object", "invalid-format", "[]".to_owned()),
        ("empty", "invalid-format", String::new()),
        ("cut", "invalid-format", good[..good.len() - 1].to_owned()),
        ("a byte more", "invalid-format", format!("{good}x")),
        ("a byte order mark", "invalid-format", format!("\u{feff}{good}")),
        ("a name twice", "invalid-format", good.replacen('{', "{\"id\":\"4567\",", 1)),
        (
            "a name twice in a map",
            "invalid-format",
            good.replacen("\"alice→bob\":", "\"alice→bob\":[],\"alice\\u2192bob\":", 1),
        ),
        (
            "nested 129 deep",
            "limit",
            good.replacen('{', &format!("{{\"x\":{}1{},", "[".repeat(128), "]".repeat(128)), 1),
        ),
    ] {
        rows.fails("decrypt", name, error, as_bob.texts(&[&text]));
    }
}

/// What only somebody with the entity's key can make.
fn contents(rng: &mut Seeded, story: &Story, rows: &mut Rows) {
    let Story { child, as_alice, .. } = story;
    let own = story.own_key();
    let own: &[u8; 32] = own.as_slice().try_into().expect("32 bytes");
    let Map(good) = open_content(own, child) else { panic!("a map") };
    let secret_id = child["secretForeignKeys"][0].as_str().expect("text");
    let path = |names: &[&str]| names.iter().map(|name| cbor::text(name)).collect::<Vec<_>>();
    let mut made = |content: &[u8]| {
        let mut copy = child.clone();
        copy["encryptedSelf"] = json!(encrypted_self(rng, own, child, content));
        as_alice.reading(&[&copy])
    };
    let of = |members: Item| content(members, &["1234"], &[secret_id]).encode();
    let one = |path: Vec<Item>, value: &str| Array(vec![Array(vec![Array(path), cbor::text(value)])]);
    let name = path(&["name"]);
    assert!(made(&of(one(name.clone(), "1"))).open("decrypt").is_ok());
    let deep = vec![cbor::text("a"); 33];
    let with = |number: usize, item: Item| {
        let mut fields = good.clone();
        fields[number - 1].1 = item;
        Map(fields).encode()
    };
    let two = |a: &[&str], b: &[&str]| members(&[(&path(a), "1"), (&path(b), "2")]);
    let encoded = Map(good.clone()).encode();
    let place = |number: u64| vec![cbor::text("a"), Uint(number), cbor::text("b")];
    let bad = |id: &str, change: fn(&mut Vec<u8>)| {
        let mut padded = padded(id);
        change(&mut padded);
        Array(vec![cbor::bytes(padded)])
    };
    let parents = |ids: &[&str]| Array(ids.iter().map(|id| cbor::bytes(padded(id))).collect());
    let texts = |ids: &[&str]| Array(ids.iter().map(|id| cbor::text(id)).collect());
    let many: Vec<_> = (10..75).map(|number| number.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (name, error, content) in [
        ("no CBOR", "invalid-format", vec![0xff]),
        ("empty", "invalid-format", Vec::new()),
        ("a byte more", "invalid-format", [encoded.as_slice(), &[0]].concat()),
        ("cut", "invalid-format", encoded[..encoded.len() - 1].to_vec()),
        ("a field less", "invalid-format", Map(good[..2].to_vec()).encode()),
        ("a field more", "invalid-format", Map([good.clone(), vec![(Uint(4), Uint(0))]].concat()).encode()),
        ("members as JSON", "invalid-format", with(1, cbor::text("[]"))),
        ("a member without a value", "invalid-format", with(1, Array(vec![Array(vec![Array(name.clone())])]))),
        (
            "a value as bytes",
            "invalid-format",
            with(1, Array(vec![Array(vec![Array(name.clone()), cbor::bytes("1")])])),
        ),
        ("an empty path", "invalid-format", of(one(Vec::new(), "1"))),
        ("a path of 33 steps", "invalid-format", of(one(deep, "1"))),
        ("a path that begins with a place", "invalid-format", of(one(vec![Uint(0), cbor::text("a")], "1"))),
        ("a path that ends with a place", "invalid-format", of(one(vec![cbor::text("a"), Uint(0)], "1"))),
        ("a place of 33 bits", "invalid-format", of(one(place(1 << 32), "1"))),
        ("a gap", "invalid-format", of(one(place(1), "1"))),
        ("the highest place", "invalid-format", of(one(place(u64::from(u32::MAX)), "1"))),
        ("the id, sealed", "invalid-format", of(one(path(&["id"]), "\"1\""))),
        ("a map, sealed", "invalid-format", of(one(path(&["delegations", "x"]), "1"))),
        ("a path twice", "invalid-format", of(two(&["name"], &["name"]))),
        ("a path inside another", "invalid-format", of(two(&["name"], &["name", "x"]))),
        ("a path around another", "invalid-format", of(two(&["name", "x"], &["name"]))),
        (
            "names and places in one",
            "invalid-format",
            of(Array([one(place(0), "1").items(), one(path(&["a", "b"]), "1").items()].concat())),
        ),
        ("a way through a text", "invalid-format", of(one(path(&["kind", "x"]), "1"))),
        ("a value that isn't JSON", "invalid-format", of(one(name.clone(), "x"))),
        ("two values", "invalid-format", of(one(name.clone(), "1,2"))),
        ("a value and a member", "invalid-format", of(one(name.clone(), "1,\"kind\":2"))),
        ("no value", "invalid-format", of(one(name.clone(), ""))),
        ("a value with a name twice", "invalid-format", of(one(name.clone(), "{\"a\":1,\"a\":2}"))),
        ("a parent without padding", "invalid-format", with(2, Array(vec![cbor::bytes("1234")]))),
        ("a parent as text", "invalid-format", with(2, texts(&["1234"]))),
        ("a parent of no bytes", "invalid-format", with(2, bad("", |_| ()))),
        ("a parent with a wrong length", "invalid-format", with(2, bad("1234", |padded| padded[127] = 127))),
        ("a parent with something behind", "invalid-format", with(2, bad("1234", |padded| padded[100] = 5))),
        ("a parent that isn't UTF-8", "invalid-format", with(2, bad("1234", |padded| padded[0] = 0xff))),
        ("a parent twice", "invalid-format", with(2, parents(&["1234", "1234"]))),
        ("parents not sorted", "invalid-format", with(2, parents(&["5678", "1234"]))),
        ("65 parents", "invalid-format", with(2, parents(&many))),
        ("secret ids not sorted", "invalid-format", with(3, texts(&["b", "a"]))),
        ("an empty secret id", "invalid-format", with(3, texts(&[""]))),
        ("a secret id as bytes", "invalid-format", with(3, Array(vec![cbor::bytes("a")]))),
        ("65 secret ids", "invalid-format", with(3, texts(&many))),
        ("other parents", "key-mismatch", with(2, parents(&["5678"]))),
        ("more parents", "key-mismatch", with(2, parents(&["1234", "5678"]))),
        ("no parents", "key-mismatch", with(2, parents(&[]))),
        ("other secret ids", "key-mismatch", with(3, texts(&["a"]))),
        ("no secret ids", "key-mismatch", with(3, texts(&[]))),
    ] {
        rows.fails("decrypt", &format!("content: {name}"), error, made(&content));
    }
    // Of a value that opens and isn't an id.
    for (name, change) in [
        ("a wrong length", (|padded| padded[127] = 127) as fn(&mut Vec<u8>)),
        ("something behind it", |padded| padded[100] = 5),
        ("not UTF-8", |padded| padded[0] = 0xff),
        ("empty", |padded| *padded = crate::common::craft::delegation::padded("")),
        ("a block more", |padded| {
            padded.splice(4..4, [0; 64]);
        }),
    ] {
        let mut plain = padded("1234");
        change(&mut plain);
        for (map, kind) in [(MAPS[1], "secret-foreign-keys"), (MAPS[2], "decrypt")] {
            let mut copy = child.clone();
            copy[map]["alice→alice"] = json!([value(rng, &story.keys[0].1, child, (map, "alice→alice"), &plain)]);
            rows.fails(kind, &format!("an id with {name}"), "decryption-failed", as_alice.reading(&[&copy]));
        }
    }
}
