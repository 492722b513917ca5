//! What holds for any signed object, party, state and chain of bundles.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use common::{
    code,
    craft::objects::{Person, verify},
    keys::Pair,
    rng::seeded,
};
use proptest::{collection::vec, prelude::*};
use wardkey::{
    account::{Contact, Receipt, RecoveryProof, Seen, State},
    error::Code,
    identity::{AppId, Asked, Bundle, Identity, Met, Pin, Pins, Trust, UserId, safety_number},
    journal,
    party::{Email, Party},
    secret::{Secret, SecretBytes},
    signed::{Hash, Minimum, Unverified},
};

fn name() -> impl Strategy<Value = UserId> {
    // Around the length at which a text's head takes another byte.
    prop_oneof!["[ab]{1,3}", "[ab]{22,25}"].prop_map(|name| UserId::new(&name).unwrap())
}

fn hash() -> impl Strategy<Value = Hash> {
    prop_oneof![Just(Hash([0; 32])), Just(Hash([255; 32])), any::<[u8; 32]>().prop_map(Hash)]
}

fn party() -> impl Strategy<Value = Party> {
    let email = "[ab]{1,12}@[ab]{1,12}".prop_map(|address| Email::new(&address).unwrap());
    prop_oneof![
        (name(), hash()).prop_map(|(id, identity)| Party::User { id, identity }),
        hash().prop_map(Party::Group),
        (name(), hash(), proptest::option::of(email)).prop_map(|(name, escrow, contact)| Party::Placeholder {
            name,
            escrow,
            contact
        }),
    ]
}

proptest! {
    #[test]
    fn parties_are_sorted_as_their_encodings(a in party(), b in party()) {
        prop_assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
        prop_assert_eq!(a == b, a.to_bytes() == b.to_bytes());
        prop_assert_eq!(Party::from_bytes(&a.to_bytes()), Ok(a));
    }

    #[test]
    fn a_safety_number_is_the_same_for_both(a in party(), b in party()) {
        let app = AppId::new("app").unwrap();
        let number = safety_number(&app, &a, &b);
        prop_assert_eq!(&number, &safety_number(&app, &b, &a));
        prop_assert_eq!(number.len(), 71);
        prop_assert!(number.split(' ').all(|part| part.len() == 5 && part.bytes().all(|b| b.is_ascii_digit())));
    }

    #[test]
    fn nothing_panics_on_any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let minimum = Minimum::default();
        let _ = Unverified::<Bundle>::parse(&bytes, minimum);
        let _ = Unverified::<Contact>::parse(&bytes, minimum);
        let _ = Unverified::<Receipt>::parse(&bytes, minimum);
        let _ = Unverified::<RecoveryProof>::parse(&bytes, minimum);
        let _ = Unverified::<journal::Head>::parse(&bytes, minimum);
        let _ = Unverified::<journal::RowHeader>::parse(&bytes, minimum);
        let _ = journal::Entry::from_bytes(&bytes);
        let _ = Party::from_bytes(&bytes);
        let _ = Pin::from_bytes(&bytes);
        let _ = State::from_bytes(&SecretBytes::new(bytes), &UserId::new("anna").unwrap());
    }

    /// Whatever two devices saw, in whatever order it is merged.
    #[test]
    fn merging_groups_keeps_the_highest(seen in vec((0_u8..4, 0_u64..6), 0..12), split in 0_usize..12) {
        let mut rng = seeded("merging");
        let own = Person::user(&mut rng, "anna").identity();
        let state = || State::new(Secret::from_slice(&[7; 32]).unwrap(), &own);
        let at = |sequence: u64| Seen { sequence, hash: Hash([sequence as u8; 32]) };
        let (mut one, mut other, mut all) = (state(), state(), state());
        for (place, (group, sequence)) in seen.iter().enumerate() {
            let id = Hash([*group; 32]);
            let side = if place < split { &mut one } else { &mut other };
            side.see_group(id, at(*sequence)).unwrap();
            all.see_group(id, at(*sequence)).unwrap();
        }
        prop_assert_eq!(&one.merge(&other).unwrap(), &all);
        let bytes = all.to_bytes().unwrap();
        prop_assert_eq!(State::from_bytes(&bytes, own.user_id().unwrap()), Ok(all));
    }
}

#[test]
fn sixty_four_versions_and_no_more() {
    let mut rng = seeded("64 versions");
    let mut anna = Person::user(&mut rng, "anna");
    let user = anna.user.clone().unwrap();
    let mut pins = Pins::default();
    for _ in 1..64 {
        let next = Pair::hybrid(&mut rng);
        anna.renew(&mut rng, next);
    }
    let identity: Identity = anna.identity();
    assert_eq!(pins.meet(&identity, &Trust::default()), Ok(Met::First));
    assert_eq!(pins.find(Some(&user)).unwrap().version(), 64);
    let renewal = Bundle::renewal(&identity, &anna.signing_key(), anna.pair().pair.public_key(), &anna.signing_key());
    assert_eq!(code(renewal), Code::Limit);
    let mut bundles = anna.bundles();
    bundles.push(bundles[63].clone());
    assert_eq!(code(verify(&bundles, &anna.app, Asked::User(&user), Minimum::default())), Code::Limit);
    // By its own key only.
    let old = Bundle::renewal(
        &identity,
        &Person::user(&mut rng, "eve").signing_key(),
        anna.pair().pair.public_key(),
        &anna.signing_key(),
    );
    assert_eq!(code(old), Code::KeyMismatch);
}

#[test]
fn a_state_has_a_limit() {
    let own = Person::user(&mut seeded("limit"), "anna").identity();
    let user = UserId::new("anna").unwrap();
    let mut state = State::new(Secret::from_slice(&[7; 32]).unwrap(), &own);
    let mut group = [0; 32];
    for number in 0..11_000_u32 {
        group[..4].copy_from_slice(&number.to_be_bytes());
        state.see_group(Hash(group), Seen { sequence: 1, hash: Hash([1; 32]) }).unwrap();
    }
    let largest = state.to_bytes().unwrap();
    assert_eq!(State::from_bytes(&largest, &user), Ok(state));
    let mut state = State::from_bytes(&largest, &user).unwrap();
    for number in 11_000..12_000_u32 {
        group[..4].copy_from_slice(&number.to_be_bytes());
        state.see_group(Hash(group), Seen { sequence: 1, hash: Hash([1; 32]) }).unwrap();
    }
    assert_eq!(code(state.to_bytes()), Code::Limit);
    let over = SecretBytes::new(vec![0; (768 << 10) + 1]);
    assert_eq!(code(State::from_bytes(&over, &user)), Code::Limit);
}

#[test]
fn contacts() {
    for address in ["a@b", "anna.m\u{fc}ller+x@clinic.example", &format!("{}@b", "a".repeat(252))] {
        assert_eq!(Email::new(address).unwrap().as_str(), address);
    }
    for address in [
        "",
        "@",
        "a@",
        "@b",
        "ab",
        "a@@b",
        "a@b@c",
        "a b@c",
        "a@b\u{a0}",
        "a@b\n",
        "a\u{85}@b",
        &format!("{}@b", "a".repeat(253)),
    ] {
        assert_eq!(code(Email::new(address)), Code::InvalidArgument, "{address:?}");
    }
    for text in ["", &"a".repeat(129)] {
        assert_eq!(code(AppId::new(text)), Code::InvalidArgument);
    }
}
