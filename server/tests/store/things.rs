//! A small world of rows, so that histories meet the same ones.

use wardkey::{
    delegation::Pair,
    group::Role,
    identity::UserId,
    key_pair::Fingerprint,
    party::{Email, Party},
    session::Rights,
    signed::Hash,
};
use wardkey_rules::{
    About, Account, Backup, Claim, Counted, FeedItem, Group, Head, Kept, KeptHead, Logged, Membership, Pending,
    Recovery, Share, StanzaBody, Store, Wanted, Wraps,
};

pub(crate) fn user(of: u8) -> UserId {
    // What sorts and compares otherwise under some collations, and what a naive statement trips over.
    UserId::new(["anna", "Anna", "änna'; --", "%_?1"][usize::from(of % 4)]).unwrap()
}

pub(crate) fn hash(of: u8) -> Hash {
    Hash([of % 3; 32])
}

pub(crate) fn party(of: u8) -> Party {
    match of % 6 {
        0 | 1 => Party::User { id: user(of), identity: Hash([9; 32]) },
        2 | 3 => Party::Group(Hash([of; 32])),
        4 => Party::Placeholder { name: user(1), escrow: Hash([8; 32]), contact: None },
        _ => Party::Placeholder {
            name: user(1),
            escrow: Hash([8; 32]),
            contact: Some(Email::new("it@clinic.example").unwrap()),
        },
    }
}

pub(crate) fn pair(of: u8) -> Pair {
    let [a, b, group] = [0, 1, 2].map(party);
    [Pair::of(&a, &a), Pair::of(&a, &group), Pair::of(&group, &b)][usize::from(of % 3)].clone().unwrap()
}

pub(crate) fn placeholder(of: u8) -> Party {
    party(4 + of % 2)
}

fn id(of: u8) -> [u8; 16] {
    [of % 3; 16]
}

fn counted(of: u8) -> Counted {
    [Counted::Start, Counted::Try, Counted::Claim, Counted::Claimed, Counted::ClaimTry][usize::from(of % 5)]
}

fn objects(of: u8) -> Vec<u8> {
    vec![of; usize::from(of) * 40]
}

fn account(of: u8) -> Account {
    let backup = |of: u8| Backup {
        version: of.into(),
        bytes: objects(of),
        share: of.is_multiple_of(2).then(|| Share { version: 1, sealed: objects(of) }),
    };
    Account {
        first: [of; 32],
        active: backup(of),
        pending: of.is_multiple_of(3).then(|| Pending {
            backup: backup(of + 1),
            bundle: of.is_multiple_of(2).then(|| objects(3)),
            contact: None,
            recovery: of.is_multiple_of(4).then_some([7; 16]),
        }),
        contact: of.is_multiple_of(5).then(|| objects(2)),
    }
}

fn wraps(sequence: u8, of: u8) -> Wraps {
    // In the order of places, which isn't that of parties.
    let parties = (0..6).rev().filter(|party| of & (1 << party) != 0);
    let bodies = (0..).zip(parties).map(|(place, of)| StanzaBody { place, party: party(of), bytes: vec![of; 9] });
    Wraps { sequence: sequence.into(), signed: objects(of), bodies: bodies.collect() }
}

fn logged(sequence: u8, of: u8) -> Logged {
    Logged { sequence: sequence.into(), signer: (!of.is_multiple_of(3)).then(|| user(of)), object: objects(of) }
}

fn membership(of: u8) -> Membership {
    match of % 3 {
        0 => Membership::Left,
        1 => Membership::Is(Role::Member),
        _ => Membership::Is(Role::Admin),
    }
}

/// How many kinds of writes there are.
pub(crate) const WRITES: u8 = 25;

/// One write.
pub(crate) fn write(store: &mut dyn Store, (kind, a, b, c): (u8, u8, u8, u8)) -> Kept<()> {
    let rights = Rights::from_number((c % 16).into()).unwrap_or(Rights::NONE);
    match kind % WRITES {
        0 => store.put_account(&user(a), &account(b)),
        1 => store.add_bundle(&user(a), (b % 3 + 1).into(), &Hash([c % 5; 32]), &objects(c)),
        2 => store.put_recovery(
            &id(a),
            &Recovery {
                user: user(b),
                code: [c; 32],
                end: c.into(),
                tries: (b % 6).into(),
                answered: (c % 2 == 0).then_some(c.into()),
                activated: (c % 3 == 0).then_some(b.into()),
            },
        ),
        3 => store.add_time(&user(a), counted(b), c.into()),
        4 => store.put_session(&hash(a), Head { sequence: b.into(), generation: c.into() }, &objects(c)),
        5 => store.add_logged(&hash(a), &logged(b % 4, c)),
        6 => store.add_wraps(&hash(a), &wraps(b % 4, c)),
        7 => store.delete_bodies(&hash(a), &party(b)),
        8 => store.put_rights(&hash(a), &party(b), rights),
        9 => store.add_feed_item(
            &user(a),
            &FeedItem {
                place: (b % 5 + 1).into(),
                about: if c % 2 == 0 { About::Session(hash(c)) } else { About::Group { id: hash(c), epoch: c.into() } },
                revoked: c % 3 == 0,
                time: c.into(),
                chain: [c; 32],
            },
        ),
        10 => store.forget_before((a % 64).into(), (b % 64).into(), (c % 64).into()),
        11 => store.put_group(
            &hash(a),
            &Group { sequence: b.into(), epoch: c.into(), key: Fingerprint([b; 32]), fresh_until: c.into() },
        ),
        12 => store.put_group_state(&hash(a), &objects(c)),
        13 => store.add_operation(&hash(a), &logged(b % 4, c)),
        14 => store.add_group_keys(&hash(a), &wraps(b % 4, c)),
        15 => {
            let head = |of| KeptHead { signer: user(of), object: objects(of) };
            store.put_heads(&hash(a), &(0..b % 4).map(|n| head(c.wrapping_sub(n))).collect::<Vec<_>>())
        }
        16 => store.put_membership(&hash(a), &user(b), membership(c)),
        17 => store.add_watcher(&hash(a), &user(b)),
        18 | 19 => store.put_waiting(&hash(a), &placeholder(b), c % 3 != 0),
        20 => store.put_disabled(&user(a), b % 2 == 0),
        21 => store.put_answered(&[a % 3; 32], b.into(), &objects(c)),
        22 => store.remove_waiting(&hash(a), &placeholder(b)),
        24 => store.add_exchange_key(&pair(a), &logged(b % 4, c)),
        _ => store.put_claim(
            &id(a),
            &Claim {
                user: user(b),
                group: hash(c),
                placeholder: placeholder(c),
                code: [c; 32],
                end: c.into(),
                tries: (c % 6).into(),
                answered: b % 2 == 0,
            },
        ),
    }
}

fn sorted<T: std::fmt::Debug>(all: Vec<T>) -> Vec<String> {
    let mut all: Vec<_> = all.iter().map(|one| format!("{one:?}")).collect();
    all.sort();
    all
}

/// Everything that can be read, as text: what has no order is sorted.
pub(crate) fn look(store: &mut dyn Store) -> Kept<String> {
    let mut seen = Vec::new();
    let mut see = |what: String| seen.push(what);
    for of in 0..4 {
        let user = user(of);
        see(format!("{:?} {:?}", store.standing(&user)?, store.account(&user)?));
        see(format!("{:?}", store.bundles(&user)?));
        for what in 0..5 {
            see(format!("{:?}", sorted(store.times(&user, counted(what), 30)?)));
        }
        see(format!("{:?} {:?}", store.feed_end(&user)?, store.feed_item(&user, 2)?));
        see(format!("{:?} {:?}", store.feed(&user, 0, 3)?, store.feed(&user, 1, 1_001)?));
        see(format!("{:?}", sorted(store.memberships(&user)?)));
        for with_contact in [false, true] {
            see(format!("{:?}", store.first_waiting(&user, with_contact)?));
        }
    }
    for of in 0..5 {
        see(format!("{:?}", store.owner_of(&Hash([of; 32]))?));
    }
    let parties: Vec<_> = (0..6).map(party).collect();
    // Many at once, out of their order, one twice and one that isn't there.
    let (users, hashes): (Vec<_>, Vec<_>) = [2, 0, 1, 2, 3].map(|of| (user(of), Hash([of; 32]))).into_iter().unzip();
    see(format!("{:?} {:?}", store.bundles_of(&users)?, store.owners_of(&hashes)?));
    for party in &parties {
        let mut openings = store.openings(&hashes, party)?;
        openings.iter_mut().for_each(|opening| opening.groups.sort_by_key(|(id, _)| id.0));
        see(format!("{openings:?}"));
    }
    for shift in 0..3 {
        // Of each its own parties.
        let wanted = hashes.iter().zip([0, 2, 1, 3, 0]).enumerate().map(|(number, (hash, from))| {
            let parties = [&parties[..], &parties[2..4], &[]][(number + shift) % 3];
            Wanted { session: *hash, from, parties: parties.to_vec() }
        });
        see(format!("{:?}", store.contents(&wanted.collect::<Vec<_>>())?));
    }
    see(format!("{:?} {:?}", store.contents(&[])?, store.openings(&[], &parties[0])?));
    let pairs = [2, 0, 1, 2].map(pair);
    see(format!("{:?} {:?}", store.newest_versions(&pairs)?, store.newest_versions(&[])?));
    for shift in 0..3 {
        // Of each from another version on.
        let from = pairs.iter().zip([0, 2, 1, 4, 0, 2].into_iter().skip(shift));
        let from: Vec<_> = from.map(|(pair, from)| (pair.clone(), from)).collect();
        see(format!("{:?}", store.exchange_keys(&from)?));
    }
    for of in 0..3 {
        for version in 0..4 {
            see(format!("{:?}", store.exchange_key(&pair(of), version)?));
        }
        let hash = hash(of);
        see(format!("{:?}", store.answered(&[of; 32])?));
        see(format!("{:?} {:?}", store.recovery(&id(of))?, store.claim(&id(of))?));
        see(format!("{:?} {:?}", store.session(&hash)?, store.session_state(&hash)?));
        see(format!("{:?} {:?}", store.log(&hash, 0)?, store.log(&hash, 2)?));
        see(format!("{:?}", store.wraps(&hash, 0, &parties)?));
        see(format!("{:?} {:?}", store.wraps(&hash, 1, &parties[1..3])?, store.wraps(&hash, 0, &[])?));
        see(format!("{:?}", sorted(store.group_rights(&hash)?)));
        see(format!("{:?} {:?}", store.group(&hash)?, store.group_state(&hash)?));
        see(format!("{:?} {:?}", store.operations(&hash, 0)?, store.operations(&hash, 2)?));
        see(format!("{:?} {:?}", store.heads(&hash)?, sorted(store.members(&hash)?)));
        see(format!("{:?}", sorted(store.watchers(&hash)?)));
        for party in &parties {
            see(format!("{:?} {:?}", store.rights(&hash, party)?, store.newest_group_keys(&hash, party)?));
        }
        for of in 0..4 {
            see(format!("{:?} {:?}", store.membership(&hash, &user(of))?, store.is_watcher(&hash, &user(of))?));
        }
    }
    for of in 0..2 {
        see(format!("{:?} {:?}", store.waiting(&placeholder(of), 1)?, store.waiting(&placeholder(of), 1_000)?));
    }
    Ok(seen.join("\n"))
}
