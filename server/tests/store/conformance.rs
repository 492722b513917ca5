//! What every store does alike.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use wardkey::{party::Party, session::Rights, signed::Hash};
use wardkey_rules::{
    Asker, Counted, Head, Kept, Logged, MemoryStore, Opening, Room, StanzaBody, Store, Wraps, readings_in_parts,
};
use wardkey_server::store::Database;

use crate::{
    common::{folder::Folder, postgres::Postgres},
    keeper::{Keeper, shared, sqlite},
    things::{WRITES, hash, look, pair, party, placeholder, user, write},
};

/// A session with an entry that isn't read at once with others.
const LARGE: Hash = Hash([6; 32]);

fn over_each(check: impl Fn(&mut dyn FnMut() -> Box<dyn Keeper>)) {
    check(&mut || Box::new(MemoryStore::default()));
    let folders = std::cell::RefCell::new(Vec::new());
    check(&mut || {
        let folder = Folder::new();
        let database = sqlite(&folder);
        folders.borrow_mut().push(folder);
        Box::new(database)
    });
    let postgres = Postgres::start();
    check(&mut || Box::new(shared(&postgres)));
}

#[track_caller]
fn done(keeper: &mut dyn Keeper, work: impl FnMut(&mut dyn Store) -> Kept<String> + Send + 'static) -> String {
    keeper.run(true, Box::new(work)).unwrap_or_else(|error| panic!("{}: {error}", keeper.name()))
}

/// A row that stands there isn't added again, whatever it says now, nor in the transaction that added it; and it stays what it was.
#[test]
fn what_is_added_twice_is_an_error() {
    // bundle, log, wraps, item, operation, keys, watcher, exchange key
    let adds: [(u8, u8, u8, u8); 8] = [
        (1, 0, 0, 1),
        (5, 0, 1, 2),
        (6, 0, 1, 63),
        (9, 0, 1, 2),
        (13, 0, 1, 2),
        (14, 0, 1, 63),
        (17, 0, 1, 0),
        (24, 0, 1, 2),
    ];
    over_each(|new| {
        let mut keeper = new();
        for (kind, a, b, c) in adds {
            let twice = keeper.run(
                true,
                Box::new(move |store| {
                    write(store, (kind, a, b, c))?;
                    write(store, (kind, a, b, c + 1)).map(|()| String::new())
                }),
            );
            assert!(twice.is_err(), "{} {kind}", keeper.name());
            done(keeper.as_mut(), move |store| write(store, (kind, a, b, c)).map(|()| String::new()));
            let before = done(keeper.as_mut(), look);
            let again =
                keeper.run(true, Box::new(move |store| write(store, (kind, a, b, c + 1)).map(|()| String::new())));
            assert!(again.is_err(), "{} {kind}", keeper.name());
            assert_eq!(done(keeper.as_mut(), look), before, "{} {kind}", keeper.name());
        }
        // A bundle of this hash is another user's.
        let taken = keeper.run(true, Box::new(|store| write(store, (1, 1, 0, 1)).map(|()| String::new())));
        assert!(taken.is_err(), "{}", keeper.name());
        // One that doesn't follow.
        let ahead = keeper.run(true, Box::new(|store| write(store, (1, 0, 2, 3)).map(|()| String::new())));
        assert!(ahead.is_err(), "{}", keeper.name());
    });
}

/// Who asks, and whose bodies he is given: of those that he wants, the ones of who has or had a right. Nothing without any right, and no body where he has none to read.
struct Reads(Vec<Party>);

impl Asker for Reads {
    fn party(&self) -> &Party {
        &self.0[0]
    }

    fn bodies(&self, opening: &Opening) -> Option<Vec<Party>> {
        let rights = |party: &Party| match party {
            Party::Group(id) => opening.groups.iter().find(|(group, _)| group == id).map(|(_, rights)| *rights),
            _ => opening.rights,
        };
        let all = self.0.iter().filter_map(rights).fold(Rights::NONE, Rights::with);
        if opening.head.is_none() || all == Rights::NONE {
            return None;
        }
        let reads = all.has(Rights::READ);
        Some(self.0.iter().filter(|party| reads && rights(party).is_some()).cloned().collect())
    }
}

/// A session of few pieces is one row, or is read at once, and one of many, or with a large one, in parts: nobody sees which, nor where a reply is full.
#[test]
fn sessions_of_any_length_are_read_alike() {
    for is_packed in [true, false] {
        sessions_are_read_alike(is_packed);
    }
}

/// Where the head comes first, a session begins as one row.
fn sessions_are_read_alike(is_packed: bool) {
    over_each(|new| {
        let mut keeper = new();
        // Of 5, 33 and 10 pieces, and one with an entry beyond what is read at once.
        let seen = done(keeper.as_mut(), move |store| {
            for of in 0..3 {
                if !is_packed {
                    write(store, (8, of, 0, 7))?;
                }
                write(store, (4, of, 3, of))?;
                for sequence in 0..[0, 4, 1][usize::from(of)] {
                    write(store, (5, of, sequence, 2))?;
                    // With the bodies of all six, or of four.
                    write(store, (6, of, sequence, if of == 1 { 63 } else { 45 }))?;
                }
                // The third has none, whose bodies are there; nor has the last. The first has none any more in one, and none to read in another.
                for who in 0..5 {
                    let rights = if who == 0 { [7, 0, 2][usize::from(of)] } else { 7 };
                    if who != 3 {
                        write(store, (8, of, who, rights))?;
                    }
                }
            }
            store.put_session(&LARGE, Head { sequence: 0, generation: 0 }, b"")?;
            store.put_rights(&LARGE, &party(0), Rights::MANAGE)?;
            store.add_logged(&LARGE, &Logged { sequence: 0, signer: None, object: vec![1; 9_000] })?;
            store.add_wraps(
                &LARGE,
                &Wraps {
                    sequence: 0,
                    signed: vec![2; 10],
                    bodies: vec![StanzaBody { place: 0, party: party(0), bytes: vec![3; 9_001] }],
                },
            )?;
            let ids = [Hash([77; 32]), hash(2), hash(1), LARGE, hash(0)];
            let (mut bodies, mut given) = (BTreeSet::new(), BTreeSet::new());
            for parties in [vec![0], vec![1, 2], vec![0, 3, 2], vec![2], vec![3], vec![5], vec![4]] {
                let asker = Reads(parties.into_iter().map(party).collect());
                for (from, room) in (0..5).flat_map(|from| [0, 500, 15_000, 1 << 20].map(|room| (from, room))) {
                    let of = ids.map(|id| (id, from));
                    let (mut whole, mut left) = (Room::new(room), Room::new(room));
                    let mut readings = store.readings(&of, &asker, &mut whole)?;
                    let mut parts = readings_in_parts(store, &of, &asker, &mut left)?;
                    for reading in readings.iter_mut().chain(&mut parts).flatten() {
                        reading.opening.groups.sort_unstable_by_key(|(id, _)| id.0);
                        bodies.insert(reading.wraps.iter().map(|wraps| wraps.bodies.len()).sum::<usize>());
                    }
                    assert_eq!((&readings, whole), (&parts, left), "{:?} {from} {room}", asker.0);
                    given.insert(readings.iter().filter(|reading| reading.is_some()).count());
                }
            }
            Ok(format!("{bodies:?} {given:?}"))
        });
        assert_eq!(seen, "{0, 1, 2, 3, 4, 6, 8} {0, 2, 3, 5}", "{}", keeper.name());
    });
}

/// Rows stand at the number that an id begins with, which two may have in common: each has its own all the same, also when one outgrows its row.
#[test]
fn sessions_whose_ids_begin_alike_are_two() {
    over_each(|new| {
        let mut keeper = new();
        let seen = done(keeper.as_mut(), |store| {
            let ids = [1, 2, 3].map(|last| {
                let mut id = [200; 32];
                id[31] = last;
                Hash(id)
            });
            for (number, id) in (1..).zip(&ids[..2]) {
                store.put_session(id, Head { sequence: number.into(), generation: number.into() }, b"")?;
                store.put_rights(id, &party(number), Rights::READ)?;
            }
            for sequence in 0..20 {
                for (number, id) in (1..).zip(&ids[..2]) {
                    store.add_logged(id, &Logged { sequence, signer: None, object: vec![number; 3] })?;
                }
            }
            store.put_session(&ids[0], Head { sequence: 5, generation: 5 }, b"")?;
            let mut seen = Vec::new();
            for id in &ids {
                let head = store.session(id)?.map(|head| head.sequence);
                let log = store.log(id, 0)?;
                let own: BTreeSet<_> = log.iter().flat_map(|logged| logged.object.clone()).collect();
                let rights = [1, 2].map(|of| store.rights(id, &party(of)).map(|rights| rights.is_some()));
                seen.push(format!("{head:?} {} {own:?} {rights:?}", log.len()));
            }
            Ok(seen.join("; "))
        });
        let wanted = "Some(5) 20 {1} [Ok(true), Ok(false)]; Some(2) 20 {2} [Ok(false), Ok(true)]; None 0 {} [Ok(false), Ok(false)]";
        assert_eq!(seen, wanted, "{}", keeper.name());
    });
}

/// The same time may be counted twice, and both count.
#[test]
fn a_time_may_come_twice() {
    over_each(|new| {
        let mut keeper = new();
        let times = done(keeper.as_mut(), |store| {
            for time in [5, 7, 7, 7] {
                store.add_time(&user(0), Counted::Try, time)?;
            }
            store.add_time(&user(1), Counted::Try, 7)?;
            store.add_time(&user(0), Counted::Start, 7)?;
            Ok(format!("{:?}", store.times(&user(0), Counted::Try, 6)?))
        });
        assert_eq!(times, "[7, 7, 7]", "{}", keeper.name());
    });
}

/// Who waited first comes first, also when what stood before him has gone, and when he is put again.
#[test]
fn who_waits_keeps_his_place() {
    over_each(|new| {
        let mut keeper = new();
        let seen = done(keeper.as_mut(), |store| {
            for session in [2, 0, 1] {
                store.put_waiting(&hash(session), &placeholder(0), true)?;
            }
            store.put_waiting(&hash(1), &placeholder(1), true)?;
            store.put_waiting(&hash(2), &placeholder(0), true)?;
            let all = store.waiting(&placeholder(0), 10)?;
            store.put_waiting(&hash(0), &placeholder(0), false)?;
            let open = store.waiting(&placeholder(0), 10)?;
            store.remove_waiting(&hash(2), &placeholder(0))?;
            store.put_waiting(&hash(2), &placeholder(0), true)?;
            store.put_waiting(&hash(0), &placeholder(0), true)?;
            let last = store.waiting(&placeholder(0), 10)?;
            let first = |hashes: Vec<Hash>| hashes.iter().map(|hash| hash.0[0]).collect::<Vec<_>>();
            Ok(format!(
                "{:?} {:?} {:?} {:?}",
                first(all),
                first(open),
                first(last),
                store.first_waiting(&user(1), true)? == Some(placeholder(1))
            ))
        });
        assert_eq!(seen, "[2, 0, 1] [2, 1] [0, 1, 2] true", "{}", keeper.name());
    });
}

/// Bodies go to the parties that are asked for; what is deleted is gone for this party alone.
#[test]
fn bodies_are_their_parties() {
    over_each(|new| {
        let mut keeper = new();
        let seen = done(keeper.as_mut(), |store| {
            for sequence in [0, 2] {
                write(store, (6, 0, sequence, 0b11_1111))?;
            }
            let places = |store: &mut dyn Store, of: &[u8]| {
                let parties: Vec<_> = of.iter().map(|of| party(*of)).collect();
                let wraps = store.wraps(&hash(0), 0, &parties)?;
                let places = |wraps: &Wraps| wraps.bodies.iter().map(|body| body.place).collect::<Vec<_>>();
                Ok::<_, wardkey_rules::StoreError>(wraps.iter().map(places).collect::<Vec<_>>())
            };
            let before = (places(store, &[])?, places(store, &[0, 5])?, places(store, &[3])?);
            store.delete_bodies(&hash(0), &party(5))?;
            let after = (places(store, &[0, 5])?, places(store, &[3])?);
            Ok(format!("{before:?} {after:?}"))
        });
        assert_eq!(seen, "([[], []], [[0, 5], [0, 5]], [[2], [2]]) ([[5], [5]], [[2], [2]])", "{}", keeper.name());
    });
}

/// Rights that were had and are gone aren't rights that never were.
#[test]
fn rights_that_were_had() {
    over_each(|new| {
        let mut keeper = new();
        let seen = done(keeper.as_mut(), |store| {
            store.put_rights(&hash(0), &party(2), Rights::READ)?;
            store.put_rights(&hash(0), &party(2), Rights::NONE)?;
            store.put_rights(&hash(0), &party(0), Rights::MANAGE)?;
            let groups: Vec<_> = store.group_rights(&hash(0))?.iter().map(|(_, rights)| rights.number()).collect();
            let rights = |store: &mut dyn Store, of| Ok(store.rights(&hash(0), &party(of))?.map(Rights::number));
            Ok(format!("{groups:?} {:?} {:?} {:?}", rights(store, 2)?, rights(store, 0)?, rights(store, 1)?))
        });
        assert_eq!(seen, "[0] Some(0) Some(15) None", "{}", keeper.name());
    });
}

/// Versions of many pairs, in the order of the pairs and of the versions, whatever was written first.
#[test]
fn exchange_keys_of_many_pairs() {
    over_each(|new| {
        let mut keeper = new();
        let seen = done(keeper.as_mut(), |store| {
            for (of, version) in [(1, 2), (0, 1), (1, 1), (1, 3), (0, 2)] {
                write(store, (24, of, version, version))?;
            }
            let numbers = |found: Vec<Vec<Logged>>| {
                let numbers =
                    |versions: &Vec<Logged>| versions.iter().map(|version| version.sequence).collect::<Vec<_>>();
                found.iter().map(numbers).collect::<Vec<_>>()
            };
            let newest = store.newest_versions(&[pair(2), pair(1), pair(0), pair(1)])?;
            let asked = [(pair(1), 2), (pair(2), 1), (pair(0), 1), (pair(1), 0), (pair(0), u64::MAX)];
            let found = numbers(store.exchange_keys(&asked)?);
            let one = store.exchange_key(&pair(1), 3)?.map(|version| version.sequence);
            Ok(format!("{newest:?} {found:?} {one:?} {:?}", store.exchange_key(&pair(0), 3)?))
        });
        let want = "[0, 3, 2, 3] [[2, 3], [], [1, 2], [1, 2, 3], []] Some(3) None";
        assert_eq!(seen, want, "{}", keeper.name());
    });
}

type Step = (bool, Vec<(u8, u8, u8, u8)>);

fn play(databases: &mut [Database], steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut memory = MemoryStore::default();
    for (keep, writes) in steps {
        let work = |writes: Vec<_>| {
            move |store: &mut dyn Store| {
                writes.iter().try_for_each(|one| write(store, *one))?;
                look(store)
            }
        };
        let want = memory.run(keep, Box::new(work(writes.clone())));
        let kept = memory.done(look);
        for database in &mut *databases {
            let got = database.run(keep, Box::new(work(writes.clone())));
            prop_assert_eq!(want.is_err(), got.is_err(), "{:?}: {:?} {:?}", writes, want, got);
            if let (Ok(want), Ok(got)) = (&want, got) {
                prop_assert_eq!(want, &got, "{:?}", writes);
            }
            prop_assert_eq!(&kept, &database.done(look), "after {:?}", writes);
        }
    }
    Ok(())
}

/// Random histories, kept and taken back, over all three: each reads as the others do, within a transaction and after it.
#[test]
fn random_histories() {
    let postgres = Postgres::start_with(&["fsync=off", "full_page_writes=off"]);
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let (seed, cases) = (number("WARDKEY_SEED").unwrap_or(6), number("WARDKEY_CASES").unwrap_or(3));
    println!("WARDKEY_SEED={seed} WARDKEY_CASES={cases}");
    let cases = u32::try_from(cases).unwrap();
    let config = Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let one = (0..WRITES, 0..6_u8, any::<u8>(), any::<u8>());
    let step = (prop::bool::weighted(0.8), prop::collection::vec(one, 1..8));
    TestRunner::new(config)
        .run(&prop::collection::vec(step, 1..40), |steps| {
            let folder = Folder::new();
            play(&mut [sqlite(&folder), shared(&postgres)], steps)
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
