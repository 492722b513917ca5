//! API section 11: what is refused.

use serde_json::json;
use wardkey::{
    delegation::{Chain, split},
    group::Role,
    identity::AppId,
    party::Party,
    session::{Directory, Hand, Signer},
};

use crate::{
    exchange_keys::{PATH, ask, asking, bodies, knowing, learned, make, no_chain, put},
    user::{User, directory, take},
    ward::{Ward, member},
    world::{DAY, FIRST, World, app, b64, list, refs, seeded, unb64},
};

/// By who may not: the signer is said to be another than he is.
fn forge(world: &mut World, chain: &Chain, signer: &Signer, key: &User, known: &Directory) -> Vec<u8> {
    let (now, rng) = (world.now, &mut world.rng);
    chain.make(rng, &Hand { signer, key: &key.signing[0], now }, None, known).unwrap().object
}

/// One that is refused with this code.
#[track_caller]
pub(crate) fn refuse(world: &mut World, code: &str, caller: &User, object: &Vec<u8>) {
    assert_eq!(put(world, caller, &[object]), json!([{ "error": code }]));
}

/// Two devices make the first version at once: one is first, the other reads it and goes on after it.
#[test]
fn two_devices_end_with_one() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, .. } = &mut ward;
    let (annas, bens) = (anna.party(), ben.party());
    let one = make(anna, world, &no_chain(&annas, &bens), None, &known);
    let other = make(anna, world, &no_chain(&annas, &bens), None, &known);
    let more = make(anna, world, &no_chain(&annas, &annas), None, &known);
    assert_eq!(put(world, anna, &[&one.object]), json!([{ "version": 1 }]));
    // What else is in the request is taken all the same.
    let taken = put(world, anna, &[&other.object, &more.object]);
    assert_eq!(taken, json!([{ "error": "conflict" }, { "version": 1 }]));
    let reply = ask(world, anna, &["anna→ben"]);
    let objects = list(&reply["pairs"][0]["versions"]);
    let chain = Chain::read(&app(), (&annas, &bens), &refs(&objects), &learned(&reply), FIRST).unwrap();
    assert_eq!(chain.head(), one.chain.head());
    // Both go on from there: again one is first.
    let next = make(anna, world, &chain, None, &known);
    let too_late = make(anna, world, &chain, None, &known);
    assert_eq!(put(world, anna, &[&next.object]), json!([{ "version": 2 }]));
    refuse(world, "conflict", anna, &too_late.object);
    // After the one that was refused.
    let stray = make(anna, world, &other.chain, None, &known);
    refuse(world, "conflict", anna, &stray.object);
}

/// Versions that were skipped, or come in the place of another.
#[test]
fn versions_follow() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, .. } = &mut ward;
    let first = make(anna, world, &no_chain(&anna.party(), &ben.party()), None, &known);
    let second = make(anna, world, &first.chain, Some(&first.key), &known);
    let third = make(anna, world, &second.chain, Some(&second.key), &known);
    refuse(world, "conflict", anna, &second.object);
    assert_eq!(put(world, anna, &[&first.object]), json!([{ "version": 1 }]));
    refuse(world, "conflict", anna, &third.object);
    assert_eq!(put(world, anna, &[&second.object]), json!([{ "version": 2 }]));
    let replacing = make(anna, world, &first.chain, Some(&first.key), &known);
    refuse(world, "conflict", anna, &replacing.object);
    assert_eq!(put(world, anna, &[&third.object]), json!([{ "version": 3 }]));
    let given = list(&ask(world, ben, &["anna→ben"])["pairs"][0]["versions"]);
    let made = [&first.object, &second.object, &third.object];
    assert!(
        given
            .iter()
            .zip(made)
            .all(|(given, made)| { split(given, FIRST).unwrap().signed == split(made, FIRST).unwrap().signed })
    );
}

/// Who makes it: the delegator, with his newest bundle, and nobody else.
#[test]
fn another_signer() {
    let mut ward = Ward::new();
    let (group, known) = (Party::Group(*ward.log.id()), ward.knowing());
    let Ward { world, anna, ben, carl, dora, .. } = &mut ward;
    let (annas, bens) = (anna.party(), ben.party());
    let chain = no_chain(&annas, &bens);
    let made = make(anna, world, &chain, None, &known);
    // Sent by the delegate, or by somebody else.
    refuse(world, "forbidden", ben, &made.object);
    refuse(world, "forbidden", dora, &made.object);
    // Of another pair than the sender's, which he signed himself.
    let says_anna = Signer { user: Some(anna.id.clone()), identity: anna.signer().identity, ..ben.signer() };
    let forged = forge(world, &chain, &says_anna, ben, &known);
    refuse(world, "forbidden", ben, &forged);
    // Her bundle, and another's signature; her signature, and another's bundle.
    let others = Signer { key: ben.signer().key, ..anna.signer() };
    let forged = forge(world, &chain, &others, ben, &known);
    refuse(world, "bad-signature", anna, &forged);
    let others = Signer { bundle: ben.signer().bundle, ..anna.signer() };
    let forged = forge(world, &chain, &others, anna, &known);
    refuse(world, "forbidden", anna, &forged);
    // In the right of a group to which the sender doesn't belong.
    let of_ward = no_chain(&group, &bens);
    let as_ben = Signer { user: Some(ben.id.clone()), identity: ben.signer().identity, ..carl.signer() };
    let forged = forge(world, &of_ward, &as_ben, carl, &known);
    refuse(world, "forbidden", carl, &forged);
    let by_anna = make(anna, world, &of_ward, None, &known);
    refuse(world, "forbidden", dora, &by_anna.object);
    // Signed by another member than the one who sends it.
    refuse(world, "forbidden", ben, &by_anna.object);
    // Of a group that isn't there.
    let (now, members) = (world.now, [member(ben, Role::Member)]);
    let (log, ..) = anna.found((&mut world.rng, now), &members, Default::default(), &known);
    let (unsent, mut more) = (Party::Group(*log.id()), directory(world, &[anna, ben]));
    more.insert_group(log).unwrap();
    let made_for_unsent = make(anna, world, &no_chain(&annas, &unsent), None, &more);
    refuse(world, "unknown-group", anna, &made_for_unsent.object);
    let made_by_unsent = make(anna, world, &no_chain(&unsent, &annas), None, &more);
    refuse(world, "unknown-group", anna, &made_by_unsent.object);
    // With an older bundle.
    anna.renewed(world, 2);
    refuse(world, "stale", anna, &made.object);
    let known = directory(world, &[anna, ben]);
    let made = make(anna, world, &chain, None, &known);
    assert_eq!(put(world, anna, &[&made.object]), json!([{ "version": 1 }]));
    assert_eq!(bodies(&ask(world, ben, &["anna→ben"])["pairs"][0]).len(), 1);
}

/// Whom it is wrapped for: those who exist, by their newest keys.
#[test]
fn other_keys() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, body, .. } = &mut ward;
    let (annas, bens) = (anna.party(), ben.party());
    let eve = User::new(&mut seeded(73), "eve");
    let unknown = make(anna, world, &no_chain(&annas, &eve.party()), None, &directory(world, &[anna, &eve]));
    refuse(world, "unknown-user", anna, &unknown.object);
    let double = User::new(&mut seeded(74), "ben");
    let other = make(anna, world, &no_chain(&annas, &double.party()), None, &directory(world, &[anna, &double]));
    refuse(world, "pin-mismatch", anna, &other.object);
    let other_app = Chain::empty(&AppId::new("other.example").unwrap(), &annas, &bens).unwrap();
    let other = make(anna, world, &other_app, None, &known);
    refuse(world, "key-mismatch", anna, &other.object);
    let made = make(anna, world, &no_chain(&annas, &bens), None, &known);
    let mut changed = made.object.clone();
    // The last byte is of a body.
    *changed.last_mut().unwrap() ^= 1;
    refuse(world, "bad-signature", anna, &changed);
    refuse(world, "invalid-argument", anna, &split(&made.object, FIRST).unwrap().signed);
    ben.renewed(world, 2);
    refuse(world, "stale", anna, &made.object);
    // What is no exchange key ends the request, and nothing of it is taken.
    let good = make(anna, world, &no_chain(&annas, &annas), None, &known);
    for (code, bad) in [
        ("invalid-format", made.object[..40].to_vec()),
        ("invalid-format", unb64(&body["genesis"])),
        ("limit", vec![0; (8 << 10) + 1]),
    ] {
        world.refuse(code, Some(anna), "POST", PATH, json!({ "items": [b64(&good.object), b64(bad)] }));
    }
    assert_eq!(ask(world, anna, &["anna→anna"])["pairs"], json!([{ "versions": [], "more": false }]));
    for (code, count) in [("invalid-argument", 0), ("limit", 101)] {
        world.refuse(code, Some(anna), "POST", PATH, json!({ "items": vec![b64(&good.object); count] }));
    }
    assert_eq!(put(world, anna, &vec![&good.object; 100]), json!(vec![json!({ "version": 1 }); 100]));
    for pair in ["anna", "anna→", "anna→ben→carl", "anna->ben", "a\nb→anna", ""] {
        world.refuse("invalid-argument", Some(anna), "POST", "/v1/keys", asking(&[pair]));
    }
    world.refuse("limit", Some(anna), "POST", "/v1/keys", asking(&["anna→anna"; 1_001]));
}

/// In the right of a group: its state as the server has it, and never an older one than before.
#[test]
fn states_of_a_group() {
    let mut ward = Ward::new();
    let (group, carl, dora) = (Party::Group(*ward.log.id()), take(&mut ward.carl), take(&mut ward.dora));
    let (old, chain) = (knowing(&ward, &ward.log, &[&carl, &dora]), no_chain(&group, &carl.party()));
    // A state that the server doesn't have yet, and later another one than its own.
    let fork = [member(&dora, Role::Member)];
    let forked = ward.anna.sign_at(ward.world.now, |hand| ward.log.add(hand, &fork, &ward.epochs, &old).unwrap().log);
    let forked = knowing(&ward, &forked, &[&carl, &dora]);
    let ahead = make(&ward.anna, &mut ward.world, &chain, None, &forked);
    refuse(&mut ward.world, "rollback", &ward.anna, &ahead.object);
    let body = ward.adds(&[member(&carl, Role::Member)]);
    ward.send(body);
    refuse(&mut ward.world, "fork", &ward.anna, &ahead.object);
    let new = knowing(&ward, &ward.log, &[&carl, &dora]);
    // Who came later signs in the state before.
    let as_ben = Signer { user: Some(ward.ben.id.clone()), identity: ward.ben.signer().identity, ..carl.signer() };
    let too_early = forge(&mut ward.world, &chain, &as_ben, &carl, &old);
    refuse(&mut ward.world, "forbidden", &carl, &too_early);
    // A member's, in a state that wasn't the newest: it was one. After the newest, it is one no more.
    let first = make(&ward.ben, &mut ward.world, &chain, None, &old);
    assert_eq!(put(&mut ward.world, &ward.ben, &[&first.object]), json!([{ "version": 1 }]));
    let second = make(&carl, &mut ward.world, &first.chain, None, &new);
    assert_eq!(put(&mut ward.world, &carl, &[&second.object]), json!([{ "version": 2 }]));
    // Carl wasn't there in the state before; Ben was, but it has been passed.
    let third = make(&carl, &mut ward.world, &second.chain, Some(&second.key), &new);
    refuse(&mut ward.world, "forbidden", &carl, &restated(&third.object, &carl, (&new, &old)));
    let by_ben = make(&ward.ben, &mut ward.world, &second.chain, Some(&second.key), &new);
    refuse(&mut ward.world, "rollback", &ward.ben, &restated(&by_ben.object, &ward.ben, (&new, &old)));
    // A new epoch: what is wrapped for the one before, and then for a group that nobody vouches for.
    let before = make(&ward.ben, &mut ward.world, &second.chain, Some(&second.key), &new);
    let rotation = ward.rotates();
    ward.send(rotation);
    refuse(&mut ward.world, "stale", &ward.ben, &before.object);
    let newest = knowing(&ward, &ward.log, &[&carl, &dora]);
    let third = make(&ward.ben, &mut ward.world, &second.chain, Some(&second.key), &newest);
    ward.world.now += 2 * DAY;
    refuse(&mut ward.world, "stale", &ward.ben, &third.object);
    ward.refresh();
    // The same key, said to be another epoch's.
    let epochs = |epoch: u8| [0x0d, 0x82, epoch, 0xf6];
    for (code, epoch) in [("key-mismatch", 0), ("rollback", 2)] {
        let said = rewritten(&third.object, &ward.ben, &epochs(1), &epochs(epoch));
        refuse(&mut ward.world, code, &ward.ben, &said);
    }
    assert_eq!(put(&mut ward.world, &ward.ben, &[&third.object]), json!([{ "version": 3 }]));
}

/// An object of which some bytes of what is signed are others, signed again.
fn rewritten(object: &[u8], by: &User, from: &[u8], to: &[u8]) -> Vec<u8> {
    use ed25519_dalek::{Signer, SigningKey};
    let mut d = minicbor::Decoder::new(object);
    d.array().unwrap();
    d.u8().unwrap();
    let payload = d.bytes().unwrap();
    d.bytes().unwrap();
    let bodies = &object[d.position()..];
    let places: Vec<_> = payload.windows(from.len()).enumerate().filter(|(_, window)| *window == from).collect();
    let [(place, _)] = places[..] else { panic!("{} places", places.len()) };
    let payload = [&payload[..place], to, &payload[place + from.len()..]].concat();
    let text = [b"wardkey/v1/exchange-key\0".as_slice(), &payload].concat();
    let signature = SigningKey::from_bytes(by.signing[0].seed().expose()).sign(&text).to_bytes();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(4).unwrap().u8(1).unwrap().bytes(&payload).unwrap().bytes(&signature).unwrap();
    [e.into_writer(), bodies.to_vec()].concat()
}

/// In the right of another state of the group.
fn restated(object: &[u8], by: &User, (from, to): (&Directory, &Directory)) -> Vec<u8> {
    let state = |known: &Directory| {
        let head = known.groups().next().unwrap().head();
        [&[head.sequence as u8, 0x58, 32][..], &head.hash].concat()
    };
    rewritten(object, by, &state(from), &state(to))
}
