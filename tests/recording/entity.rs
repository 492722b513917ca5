//! Entities that open, and whole stories from private keys to what is linked: SPEC sections 18.6 to 18.12.

use serde_json::{Value, json};
use wardkey::{
    delegation::{Manifest, Ring, entity},
    encoding::base64url,
    party::Party,
};

use super::{
    delegation::Rows,
    exchange_key::{read, to_ward},
    group_session::Ward,
    rows::Cast,
};
use crate::common::{
    cbor::Null,
    craft::delegation::{Exchange, To, content, encrypted_self, members, open_value, padded, value},
    delegations::{Input, Opened, drawn, parsed},
    hex::hex,
    people::Person,
    rng::{Seeded, draw_array},
};

pub(super) const PATHS: [&str; 4] = ["name", "notes[].text?", "address.street?", "extra.*?"];

pub(super) fn manifest() -> Manifest {
    Manifest::new(PATHS).expect("a manifest")
}

/// Pairs by their texts, and their keys.
type Keys = Vec<(String, [u8; 32])>;

/// Who has opened these.
pub(super) fn holder(parties: &[&Party], keys: &Keys) -> Input {
    let opened: Vec<_> = keys.iter().map(|(pair, key)| (pair.as_str(), core::slice::from_ref(key))).collect();
    Input::with(parties, &opened)
}

pub(super) fn encrypt(
    rng: &mut Seeded,
    ring: &Ring,
    by: &Party,
    others: &[Party],
    (entity_type, plain): (&str, &Value),
    parent: Option<&Value>,
) -> Value {
    let parent = parent.map(ToString::to_string);
    let text = plain.to_string();
    let made = entity::encrypt(rng, ring, (by, others), (entity_type, &text), &manifest(), parent.as_deref());
    parsed(&made.expect("encrypted"))
}

pub(super) fn patient() -> Value {
    json!({
        "id": "1234",
        "name": "Ann-Marie Lefèvre",
        "ward": 7,
        "address": { "street": "Rue d'Alésia 5", "city": "Paris" },
        "notes": [{ "at": 1, "text": "allergic to penicillin" }, { "at": 2 }, { "text": "" }],
    })
}

pub(super) fn contact(id: &str) -> Value {
    json!({ "id": id, "name": "her sister", "kind": "family" })
}

fn share(rng: &mut Seeded, ring: &Ring, one: &Value, with: &[Party]) -> Value {
    parsed(&entity::share(rng, ring, &one.to_string(), with).expect("shared"))
}

/// A patient of Alice's, shared with Bob, and by him with a ward; two contacts, and those of another patient.
pub(super) fn stories(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let tell = |rng: &mut Seeded, from: &Person, to: &Party, both: &[To]| {
        let mut exchange = Exchange::new(&from.party(), to);
        exchange.tell(rng, from, Null, both);
        exchange
    };
    let own = tell(rng, alice, &alice.party(), &[To::person(alice)]);
    let for_bob = tell(rng, alice, &bob.party(), &[To::person(alice), To::person(bob)]);
    let for_ward = tell(rng, bob, &ward.party(), &[To::person(bob), to_ward(&ward)]);
    let exchanges = [&own, &for_bob, &for_ward];
    let as_alice = read(alice, &people, &[(&ward, false)], &exchanges);
    let as_bob = read(bob, &people, &[(&ward, true)], &exchanges);
    let as_carol = read(carol, &people, &[(&ward, true)], &exchanges);
    let (hers, his) = (as_alice.ring().expect("her keys"), as_bob.ring().expect("his keys"));
    let (me, others) = (alice.party(), [bob.party()]);
    let with_bob = |rng: &mut Seeded, kind: &str, plain: &Value, parent: Option<&Value>| {
        encrypt(rng, &hers, &me, &others, (kind, plain), parent)
    };
    let first = with_bob(rng, "Patient", &patient(), None);
    let other = with_bob(rng, "Patient", &json!({ "id": "5678", "name": "Bo" }), None);
    let mut contact_of = |id: &str, parent: &Value| with_bob(rng, "Contact", &contact(id), Some(parent));
    let database = [
        contact_of("4567", &first),
        contact_of("4568", &other),
        contact_of("4569", &first),
        other.clone(),
        first.clone(),
    ];
    // The ward is given the first patient, and one of its contacts.
    let mut later = database.clone();
    for place in [0, 4] {
        later[place] = share(rng, &his, &later[place], &[ward.party()]);
    }
    let all = |input: &Input, database: &[Value], wanted: &str| {
        let texts: Vec<_> = database.iter().collect();
        Input { wanted: wanted.to_owned(), ..input.reading(&texts) }
    };
    rows.opens("children", "Bob finds the contacts of patient 1234", all(&as_bob, &database, "1234"));
    rows.opens("parents", "Bob finds the patient of contact 4567", all(&as_bob, &database, "4567"));
    rows.opens("children", "Alice finds the contacts of patient 5678", all(&as_alice, &database, "5678"));
    rows.opens("parents", "Alice finds the patient of contact 4568", all(&as_alice, &database, "4568"));
    rows.opens("parents", "a patient has none", all(&as_alice, &database, "1234"));
    let of_ward: Vec<_> = [&later[0], &later[1], &later[3], &later[4]].into_iter().cloned().collect();
    rows.opens("children", "a member of the ward finds what was shared", all(&as_carol, &of_ward, "1234"));
    rows.opens("parents", "a member of the ward finds the patient", all(&as_carol, &of_ward, "4567"));
    rows.fails("children", "a contact that wasn't shared", "not-a-recipient", all(&as_carol, &later, "1234"));
    rows.fails("parents", "a patient that wasn't shared", "not-a-recipient", all(&as_carol, &later, "4568"));
}

pub(super) fn entities(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let (alice, bob) = (cast.alice.party(), cast.bob.party());
    let ward = Party::Group(wardkey::signed::Hash([0x77; 32]));
    let group = base64url(&[0x77; 32]);
    let pairs = ["alice→alice", "alice→bob", &format!("alice→{group}"), &format!("{group}→carol")];
    let keys = drawn(rng, &pairs);
    let as_alice = holder(&[&alice], &keys);
    let ring = as_alice.ring().expect("her keys");
    let mut opens = |name: &str, input: Input| {
        if !name.starts_with("after a clear member") {
            rows.opens("secret-foreign-keys", name, input.clone());
        }
        rows.opens("decrypt", name, input);
    };
    let one = encrypt(rng, &ring, &alice, &[], ("Patient", &patient()), None);
    opens("for one alone", as_alice.reading(&[&one]));
    let shared = encrypt(rng, &ring, &alice, &[bob.clone(), ward.clone()], ("Patient", &patient()), None);
    opens("by a delegate", holder(&[&bob], &keys).reading(&[&shared]));
    opens("by a member of a group", holder(&[&cast.carol.party(), &ward], &keys).reading(&[&shared]));
    let child = encrypt(rng, &ring, &alice, core::slice::from_ref(&bob), ("Contact", &contact("4567")), Some(&shared));
    opens("a child", holder(&[&bob], &keys).reading(&[&child]));
    let of_carol = parsed(
        &entity::share(
            rng,
            &holder(&[&ward], &keys).ring().expect("its keys"),
            &shared.to_string(),
            &[cast.carol.party()],
        )
        .expect("shared"),
    );
    opens("shared on by a group", holder(&[&cast.carol.party()], &keys).reading(&[&of_carol]));

    // Of several pairs the user's comes first; one that is closed is passed over.
    let mut both = holder(&[&bob, &ward], &keys);
    opens("by two pairs", both.reading(&[&shared]));
    both.opened[1].versions = vec!["unwrap-failed".to_owned()];
    opens("by the other pair, the first being closed", both.reading(&[&shared]));
    both.opened.remove(1);
    opens("by the other pair, the first being unknown", both.reading(&[&shared]));

    // Values tell their version.
    let old = draw_array::<32>(rng);
    let newest = keys[1].1;
    let versions = |versions: &[&str]| {
        let mut input = holder(&[&bob], &keys);
        input.opened[1] =
            Opened { pair: "alice→bob".to_owned(), versions: versions.iter().map(|&key| key.to_owned()).collect() };
        input.reading(&[&shared])
    };
    let (old, newest) = (hex(old), hex(newest));
    opens("of the newest version", versions(&[&old, &newest]));
    opens("of a version before", versions(&[&newest, &old]));
    opens("of a version, beside one that was lost", versions(&["unwrap-failed", &newest, "key-mismatch"]));

    forms(rng, &as_alice, &one, &mut opens);
}

/// What the database, or another program, does to what stays clear.
fn forms(rng: &mut Seeded, as_alice: &Input, one: &Value, opens: &mut impl FnMut(&str, Input)) {
    let keys: Vec<[u8; 32]> =
        as_alice.opened.iter().map(|keys| crate::common::hex::unhex_array(&keys.versions[0])).collect();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut copy = one.clone();
        change(&mut copy);
        as_alice.reading(&[&copy])
    };
    opens("after a clear member was added", changed(&|one| one["rev"] = json!("3-f00")));
    opens("after a clear member was changed", changed(&|one| one["ward"] = json!([null, 1.5, { "x": "→" }])));
    opens("after a clear member took the place of a sealed one", changed(&|one| one["name"] = json!("Mallory")));
    opens(
        "after a clear member was dropped",
        changed(&|one| {
            one.as_object_mut().expect("an object").remove("address");
            one["notes"] = json!([{}, { "at": 2 }]);
        }),
    );
    opens(
        "after a clear member in an array was added",
        changed(&|one| one["notes"].as_array_mut().expect("notes").push(json!(5))),
    );
    let text = one.to_string();
    let spaced = serde_json::to_string_pretty(one).expect("JSON").replace(": ", " :\t").replace('→', "\\u2192");
    opens("with white space and escapes", as_alice.texts(&[&spaced]));
    let numbers = text.replacen("\"ward\":7", "\"ward\":-7.000e+1,\"big\":123456789012345", 1);
    opens("numbers", as_alice.texts(&[&numbers]));

    // By hand: several secret ids and parents, of all lengths; values that JSON has; paths.
    let (pair, key) = ("alice→alice", keys[0]);
    let long = "x".repeat(1024);
    let (secret_ids, parents) = (["a", &"é".repeat(63), &long], ["1", &long, &"y".repeat(126), &"z".repeat(127)]);
    let foreign = ["ABCD", "\u{7f}\"\\"];
    let own = draw_array::<32>(rng);
    let mut whole = json!({ "id": long, "entityType": "t".repeat(128), "extra": [] });
    let path = |names: &[&str]| names.iter().map(|name| crate::common::cbor::text(name)).collect::<Vec<_>>();
    let place = |before: &str, number: u64, name: &str| {
        vec![crate::common::cbor::text(before), crate::common::cbor::Uint(number), crate::common::cbor::text(name)]
    };
    let paths = [
        (path(&["text"]), "\"\\ud83d\\ude00\\u0000\""),
        (path(&["null"]), " null "),
        (path(&["a\"b", "c.d", ""]), "{\"x\":[1,{\"y\":false}]}"),
        (place("extra", 1, "b"), "1E-7"),
        (place("extra", 0, "a"), "true"),
    ];
    let members = members(&paths.iter().map(|(path, value)| (path.as_slice(), *value)).collect::<Vec<_>>());
    let sealed = content(members, &parents, &foreign);
    whole["encryptedSelf"] = json!(encrypted_self(rng, &own, &whole, &sealed.encode()));
    let mut values = |field: &str, plains: &[Vec<u8>]| {
        let values: Vec<_> = plains.iter().map(|plain| value(rng, &key, &whole, (field, pair), plain)).collect();
        json!({ pair: values })
    };
    let ids = |ids: &[&str]| ids.iter().map(|id| padded(id)).collect::<Vec<_>>();
    let maps = [
        ("encryptionKeys", values("encryptionKeys", &[own.to_vec()])),
        ("delegations", values("delegations", &ids(&secret_ids))),
        ("cryptedForeignKeys", values("cryptedForeignKeys", &ids(&parents))),
    ];
    for (name, map) in maps {
        whole[name] = map;
    }
    whole["secretForeignKeys"] = json!([foreign[1], foreign[0]]);
    assert_eq!(open_value(&key, &whole, "encryptionKeys", pair), own);
    opens("all that there can be", as_alice.reading(&[&whole]));
}
