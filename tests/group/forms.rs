//! Forms and limits.

use wardkey::{
    error::Code,
    group::{Log, Role, Stanza},
    key_pair::Suite,
    party::Party,
    signed::Hash,
};

use super::{FIRST, Ward, operation, party};
use crate::common::{
    cbor::{self, Array, Item, Null, Raw, Uint},
    code,
    craft::{
        objects::Draft,
        session::{object, payload_of},
    },
    keys::Pair,
    people::{APP, Person, app},
};

#[test]
fn forms() {
    let (mut ward, directory) = Ward::new("forms");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    let log = server.read(&directory).unwrap();
    let epochs = server.open(alice, &directory).unwrap();
    let epoch = log.rotate(rng, &alice.hand(), Some(&epochs), &directory).unwrap().log.epochs()[1].clone();
    let of_epoch =
        |public: &[u8], previous: Item| Array(vec![cbor::bytes(epoch.commitment.0), cbor::bytes(public), previous]);
    let sealed = || cbor::bytes(epoch.previous.unwrap());
    let rsa = Pair::rsa(Suite::Rsa3072);
    let [one, two] = [party(bob), party(carol)];
    let pair = |party: &Item, role: u64| Array(vec![party.clone(), Uint(role)]);
    let group = Raw(Party::Group(Hash([3; 32])).to_bytes());
    let long = Raw(Party::User { id: carol.name.clone().unwrap(), identity: Hash([9; 32]) }.to_bytes());
    let mut carols = [two.clone(), long];
    carols.sort_by_key(Item::encode);
    for (name, action, expected) in [
        ("no action", vec![], Code::InvalidFormat),
        ("a later one", vec![Uint(5), Uint(1)], Code::UnsupportedVersion),
        ("nobody", vec![Uint(1), Array(vec![])], Code::InvalidFormat),
        ("no role", vec![Uint(1), Array(vec![pair(&two, 2)])], Code::InvalidFormat),
        ("a group", vec![Uint(1), Array(vec![pair(&group, 0)])], Code::InvalidFormat),
        ("not sorted", vec![Uint(1), Array(vec![pair(&two, 0), pair(&one, 0)])], Code::InvalidFormat),
        ("one name twice", vec![Uint(1), Array(carols.iter().map(|it| pair(it, 0)).collect())], Code::InvalidFormat),
        ("removal without an epoch", vec![Uint(2), Array(vec![one.clone()])], Code::InvalidFormat),
        ("a short one before", vec![Uint(4), of_epoch(&epoch.public_key, cbor::bytes([0; 103]))], Code::InvalidFormat),
        ("an RSA key", vec![Uint(4), of_epoch(rsa.pair.public_key().as_bytes(), sealed())], Code::InvalidFormat),
        ("no whole key", vec![Uint(4), of_epoch(b"WKPK", sealed())], Code::Truncated),
    ] {
        let object = operation(&log, alice, action);
        assert_eq!(code(log.clone().extend(&[&object], &directory, FIRST)), expected, "{name}");
    }
    let begin = |object: &[u8], id: &Hash| Log::begin(&app(), id, object, &directory, FIRST);
    assert_eq!(code(begin(&server.genesis, &Hash([1; 32]))), Code::KeyMismatch);
    let payload = Raw(payload_of(&server.genesis));
    let other = object("wardkey/v1/session", &payload, alice.seed(), vec![]);
    assert_eq!(code(begin(&other, &server.id)), Code::BadSignature, "signed as something else");
    for cut in [0, 1, 40, server.genesis.len() - 1] {
        assert_eq!(code(begin(&server.genesis[..cut], &server.id)), Code::InvalidFormat);
    }
    // A creator who is no admin in it.
    let mut fields = genesis_fields(&log, bob);
    let draft = Draft::new("wardkey/v1/group", fields.clone(), bob.seed());
    assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::Forbidden);
    fields = genesis_fields(&log, alice);
    for (at, value) in [(5, cbor::text("")), (5, cbor::text(&"x".repeat(129))), (8, Uint(0)), (9, Uint(91))] {
        let draft = Draft::new("wardkey/v1/group", fields.clone(), alice.seed()).with(at, value);
        assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::InvalidFormat, "{at}");
    }
    let with_sealed = of_epoch(&epoch.public_key, sealed());
    let draft = Draft::new("wardkey/v1/group", fields.clone(), alice.seed()).with(7, with_sealed);
    assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::InvalidFormat);
    let draft = Draft::new("wardkey/v1/group", fields, alice.seed()).with(1, cbor::text("other.example"));
    assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::KeyMismatch);
}

fn genesis_fields(log: &Log, creator: &Person) -> Vec<Item> {
    let epoch = &log.epochs()[0];
    let members =
        log.members().map(|(party, role)| Array(vec![Raw(party.to_bytes()), Uint(u64::from(role == Role::Admin))]));
    vec![
        cbor::text(APP),
        cbor::bytes(creator.signer.bundle.0),
        cbor::bytes([5; 16]),
        Uint(1_790_000_000_000),
        cbor::text("Ward 7"),
        Array(members.collect()),
        Array(vec![cbor::bytes(epoch.commitment.0), cbor::bytes(&epoch.public_key), Null]),
        Uint(24),
        Uint(7),
    ]
}

#[test]
fn limits() {
    let (ward, directory) = Ward::new("limits");
    let Ward { alice, server, .. } = &ward;
    let log = server.read(&directory).unwrap();
    let begin = |object: &[u8]| Log::begin(&app(), &server.id, object, &directory, FIRST);
    assert_eq!(code(begin(&vec![0; 4 * 1024 * 1024 + 1])), Code::Limit);
    assert_eq!(code(begin(&vec![0; 4 * 1024 * 1024])), Code::InvalidFormat);
    let extend = |operations: &[&[u8]]| log.clone().extend(operations, &directory, FIRST);
    assert_eq!(code(extend(&[&vec![0; 4 * 1024 * 1024 + 1]])), Code::Limit);
    assert_eq!(code(extend(&vec![[].as_slice(); 10_001])), Code::Limit);
    assert_eq!(code(extend(&vec![[].as_slice(); 10_000])), Code::InvalidFormat);
    let find = |object: &[u8]| Stanza::find(&log, object, &alice.party(), FIRST);
    assert_eq!(code(find(&vec![0; 16 * 1024 * 1024 + 1])), Code::Limit);
    assert_eq!(code(find(&vec![0; 16 * 1024 * 1024])), Code::InvalidFormat);
    // Two are members.
    let party = |n: usize| Array(vec![Uint(0), cbor::text(&n.to_string()), cbor::bytes([0; 32])]);
    let added = |count: usize| {
        let mut parties: Vec<_> = (10_000..10_000 + count).map(|n| Array(vec![party(n), Uint(0)])).collect();
        parties.sort_by_key(Item::encode);
        operation(&log, alice, vec![Uint(1), Array(parties)])
    };
    assert_eq!(extend(&[&added(9_998)]), Ok(()));
    assert_eq!(code(extend(&[&added(9_999)])), Code::Forbidden);
    assert_eq!(code(extend(&[&added(10_001)])), Code::InvalidFormat);
}
