//! Who has which secret.

use wardkey::{
    data_key::DataKey,
    error::Code,
    group::{Epochs, Opening, Role, Stanza},
    key_pair::PublicKey,
};

use super::{FIRST, Server, Ward, admin, copy, delivered, fingerprints, member, operation, party, secret};
use crate::common::{
    cbor::{self, Array, Item, Null, Uint},
    code,
    craft::{
        objects::{Draft, draft_of, values},
        system,
    },
    people::Person,
};

#[test]
fn who_belongs_has_all_epochs() {
    let (mut ward, directory) = Ward::new("epochs");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    server.remove(rng, alice, &[bob], &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    server.add(rng, alice, &[admin(mallory)], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    assert_eq!((log.operations(), log.epochs().len()), (4, 3));
    assert_eq!(log.name().as_str(), "Ward 7");
    let all: Vec<_> = log
        .epochs()
        .iter()
        .map(|epoch| PublicKey::from_bytes(&epoch.public_key).unwrap().fingerprint().to_string())
        .collect();
    for person in [&*alice, carol, mallory] {
        assert_eq!(fingerprints(&server.open(person, &directory).unwrap()), all, "from epoch 0 on, newcomers too");
    }
    assert_eq!(log.public_key().fingerprint().to_string(), all[2]);
    // One after the other.
    let mut opening = Opening::begin(&log, copy(server.open(alice, &directory).unwrap().newest())).unwrap();
    let steps = core::iter::from_fn(|| opening.step(&log).then_some(())).count();
    assert_eq!((steps, fingerprints(&opening.finish())), (2, all));
    let parties: Vec<_> = log.members().map(|(party, role)| (party.clone(), role)).collect();
    let mut expected = [(alice.party(), Role::Admin), (carol.party(), Role::Member), (mallory.party(), Role::Admin)];
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(parties, expected);
    assert_eq!(log.role_at(&bob.party(), 1), Some(Role::Member));
    assert_eq!(log.role_at(&bob.party(), 2), None);
    assert_eq!(log.role_at(&carol.party(), 0), None);
    assert_eq!(log.role_at(&carol.party(), 5), None, "beyond the end");
}

/// G2: who was removed gets no secret of a later epoch, with the server and all traffic.
#[test]
fn g2_a_removed_member_has_no_later_epoch() {
    let (mut ward, directory) = Ward::new("g2");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    let before = server.open(bob, &directory).unwrap();
    server.remove(rng, alice, &[bob], &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    assert_eq!(code(server.open(bob, &directory)), Code::Revoked);
    let log = server.read(&directory).unwrap();
    // No later object has a stanza for him, and what he knows opens nothing of what the log holds.
    for (sequence, keys) in &server.keys[2..] {
        assert!(log.keyed_by(*sequence).all(|party| *party != bob.party()));
        assert_eq!(code(Stanza::find(&log, keys, &bob.party(), FIRST)), Code::Revoked);
    }
    assert_eq!(code(Epochs::open(&log, copy(before.newest()))), Code::KeyMismatch);
    assert!(before.find(log.public_key().fingerprint()).is_none());
    // Taken in again, he reads all.
    server.add(rng, alice, &[member(bob)], &directory).unwrap();
    assert_eq!(server.open(bob, &directory).unwrap().iter().count(), 3);
}

/// G4: a key that the server knows, in the log or in what is wrapped.
#[test]
fn g4_a_foreign_secret() {
    let (mut ward, directory) = Ward::new("g4");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    let log = server.read(&directory).unwrap();
    let foreign = DataKey::from_slice(&[7; 32]).unwrap();
    assert_eq!(code(Epochs::open(&log, foreign)), Code::KeyMismatch);
    // An epoch whose public key isn't its secret's: the admin lied, or was made to.
    let epochs = server.open(alice, &directory).unwrap();
    let made = log.rotate(rng, &alice.hand(), Some(&epochs), &directory).unwrap();
    let (next, secret) = (made.log.epochs()[1].clone(), made.secret.unwrap());
    let public = log.epochs()[0].public_key.clone();
    let sealed = cbor::bytes(next.previous.unwrap());
    let epoch = Array(vec![cbor::bytes(next.commitment.0), cbor::bytes(&public), sealed.clone()]);
    let mut lied = log.clone();
    lied.extend(&[&operation(&log, alice, vec![Uint(4), epoch])], &directory, FIRST).unwrap();
    assert_eq!(code(Epochs::open(&lied, copy(&secret))), Code::KeyMismatch);
    // A history that was sealed for another.
    let mut broken = next.previous.unwrap();
    broken[80] ^= 1;
    let epoch = Array(vec![cbor::bytes(next.commitment.0), cbor::bytes(&next.public_key), cbor::bytes(broken)]);
    let mut damaged = log.clone();
    damaged.extend(&[&operation(&log, alice, vec![Uint(4), epoch])], &directory, FIRST).unwrap();
    let opened = Epochs::open(&damaged, copy(&secret)).unwrap();
    assert_eq!(opened.broken().map(|(number, why)| (number, why.code())), Some((0, Code::DecryptionFailed)));
    assert!(opened.find(damaged.public_key().fingerprint()).is_some());
    assert!(opened.find(log.public_key().fingerprint()).is_none());
    // Group keys that belong to another operation, to another group, to nobody.
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let of_genesis = &server.keys[0].1;
    assert_eq!(code(Stanza::find(&log, of_genesis, &carol.party(), FIRST)), Code::NotARecipient);
    assert!(Stanza::find(&log, of_genesis, &bob.party(), FIRST).is_ok());
    let other = Server::found(rng, alice, &[member(bob)], &directory);
    assert_eq!(code(Stanza::find(&log, &other.keys[0].1, &bob.party(), FIRST)), Code::KeyMismatch);
    assert_eq!(code(Stanza::find(&log, of_genesis, &mallory.party(), FIRST)), Code::NotARecipient);
}

/// Epochs of another group, or of a log that was shorter: what was wrapped or sealed with them couldn't be taken back.
#[test]
fn only_with_the_newest_epoch() {
    let (mut ward, directory) = Ward::new("newest epoch");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    let older = server.open(alice, &directory).unwrap();
    let others = Server::found(rng, alice, &[], &directory).open(alice, &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    let log = server.read(&directory).unwrap();
    for epochs in [&older, &others] {
        assert_eq!(code(log.add(&alice.hand(), &[member(carol)], epochs, &directory)), Code::KeyMismatch);
        assert_eq!(code(log.remove(rng, &alice.hand(), &[bob.party()], Some(epochs), &directory)), Code::KeyMismatch);
        assert_eq!(code(log.rotate(rng, &alice.hand(), Some(epochs), &directory)), Code::KeyMismatch);
    }
}

/// An admin who breaks what he begins is removed all the same, and what comes then is open.
#[test]
fn who_breaks_an_epoch_is_removed() {
    let (mut ward, directory) = Ward::new("breaks");
    let Ward { rng, alice, bob, mallory, server, .. } = &mut ward;
    server.add(rng, alice, &[admin(mallory)], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let next = log.rotate(rng, &mallory.hand(), Some(&server.open(mallory, &directory).unwrap()), &directory).unwrap();
    let (secret, next) = (next.secret.unwrap(), next.log.epochs()[1].clone());
    // Another history than the group's, and a secret that isn't the epoch's.
    for (public, history, opens) in
        [(&next.public_key, [7; 104], true), (&log.epochs()[0].public_key, next.previous.unwrap(), false)]
    {
        let epoch = Array(vec![cbor::bytes(next.commitment.0), cbor::bytes(public), cbor::bytes(history)]);
        let mut broken = log.clone();
        broken.extend(&[&operation(&log, mallory, vec![Uint(4), epoch])], &directory, FIRST).unwrap();
        let epochs = Epochs::open(&broken, copy(&secret)).ok();
        assert_eq!(epochs.is_some(), opens);
        let made = broken.remove(rng, &alice.hand(), &[mallory.party()], epochs.as_ref(), &directory).unwrap();
        let mut mended = broken.clone();
        mended.extend(&[&made.operation], &directory, FIRST).unwrap();
        assert_eq!(mended.role(&mallory.party()), None);
        let keys = delivered(made.delivery.unwrap(), rng, &alice.hand(), &directory);
        let opened = Epochs::open(&mended, self::secret(&mended, &keys, bob).unwrap()).unwrap();
        assert!(opened.find(mended.public_key().fingerprint()).is_some());
        let why = opened.broken().map(|(number, why)| (number, why.code()));
        assert_eq!(why, Some((usize::from(!opens), Code::DecryptionFailed)));
        assert_eq!(opened.iter().count(), 1 + usize::from(opens));
    }
}

/// What stands in group keys is what the log says, and signed by whoever did what they belong to.
#[test]
fn forged_group_keys() {
    let (mut ward, directory) = Ward::new("forged keys");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let keys = &server.keys[2].1;
    let good = draft_of("wardkey/v1/group-keys", keys, alice.seed());
    assert_eq!(Array(good.items()).encode(), *keys);
    let find = |draft: &Draft| Stanza::find(&log, &Array(draft.items()).encode(), &bob.party(), FIRST);
    let stanzas = values(&good.fields[6].encode());
    let bodies = values(&good.more[0].encode());
    let fewer = |at: usize| -> (Item, Item) {
        let without = |list: &[Item]| {
            Array(list.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, it)| it.clone()).collect())
        };
        (without(&stanzas), without(&bodies))
    };
    let at = |person: &Person| log.keyed_by(2).position(|party| *party == person.party()).unwrap();
    // Carol is left out; Mallory is let in.
    let mut left_out = good.clone();
    (left_out.fields[6], left_out.more[0]) = fewer(at(carol));
    assert_eq!(code(find(&left_out)), Code::BadSignature);
    let mut let_in = good.clone();
    let mut hers = values(&stanzas[at(carol)].encode());
    hers[0] = party(mallory);
    let mut more = [stanzas.clone(), vec![Array(hers)]].concat();
    more.sort_by_key(|stanza| values(&stanza.encode())[0].encode());
    let place = more.iter().position(|stanza| values(&stanza.encode())[0].encode() == mallory.party().to_bytes());
    let mut more_bodies = bodies.clone();
    more_bodies.insert(place.unwrap(), bodies[at(carol)].clone());
    (let_in.fields[6], let_in.more[0]) = (Array(more), Array(more_bodies));
    assert_eq!(code(find(&let_in)), Code::BadSignature);
    // Another's body in his place; none.
    let mut swapped = good.clone();
    let mut others = bodies.clone();
    others.swap(at(bob), at(carol));
    swapped.more[0] = Array(others.clone());
    assert_eq!(code(find(&swapped)), Code::BadSignature);
    others = bodies.clone();
    others[at(bob)] = Null;
    swapped.more[0] = Array(others);
    assert_eq!(code(find(&swapped)), Code::BadSignature);
    others = bodies.clone();
    others[at(carol)] = Null;
    swapped.more[0] = Array(others);
    assert!(find(&swapped).is_ok(), "everybody is given his own");
    // By somebody else; of an operation without keys; of another epoch, or another key.
    let mut by_bob = draft_of("wardkey/v1/group-keys", keys, bob.seed());
    assert_eq!(code(find(&by_bob)), Code::BadSignature);
    assert_eq!(code(find(&good.with(6, cbor::bytes(bob.signer.bundle.0)))), Code::BadSignature, "in his name");
    by_bob = by_bob.with(6, cbor::bytes(bob.signer.bundle.0));
    assert_eq!(code(find(&by_bob)), Code::BadSignature);
    assert_eq!(code(find(&good.with(2, Uint(3)))), Code::BadSignature);
    assert_eq!(code(find(&good.with(2, Uint(1)))), Code::KeyMismatch);
    assert_eq!(code(find(&good.with(3, Uint(0)))), Code::KeyMismatch);
    assert_eq!(code(find(&good.with(5, cbor::bytes([1; 32])))), Code::KeyMismatch);
    assert_eq!(code(find(&good.with(1, cbor::bytes([1; 32])))), Code::KeyMismatch);
    let pairs = [bob.pair()];
    let other_id = find(&good.with(4, cbor::bytes([1; 16]))).unwrap().open(&mut system(), &pairs);
    assert_eq!(code(other_id), Code::UnwrapFailed, "the id is bound to what is wrapped");
}
