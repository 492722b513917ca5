//! The key cache: how long, how many, and what remains when its store fails.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use std::{collections::BTreeSet, rc::Rc};

use common::{
    cache::{Device, HOUR, Mood, found, has, run},
    code,
    keys::Pair,
};
use proptest::prelude::*;
use wardkey::{
    cache::{Limits, Owner, SealedBy},
    error::Code,
    key_pair::Suite,
};

#[test]
fn what_was_set_is_there_in_this_page_and_the_next() {
    let device = Device::new("cache");
    let keys = device.keys(3);
    let cache = device.open();
    device.set(&cache, &keys);
    assert_eq!(found(&cache, &keys), [true; 3]);
    assert!(!has(&cache, &device.key()));
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.hits, stats.misses, stats.degraded), (3, 3, 1, None));
    let next = device.open();
    assert_eq!(next.stats().entries, 3);
    assert_eq!(found(&next, &keys), [true; 3]);
    run(next.delete(&[keys[0].id()]));
    assert_eq!(found(&next, &keys), [false, true, true]);
    assert_eq!(found(&device.open(), &keys), [false, true, true]);
    run(next.clear());
    assert_eq!(found(&next, &keys), [false; 3]);
    assert_eq!(found(&device.open(), &keys), [false; 3]);
}

#[test]
fn memory_alone_touches_no_store() {
    let device = Device::new("memory");
    let cache = device.memory();
    let keys = device.keys(2);
    device.set(&cache, &keys);
    assert_eq!(found(&cache, &keys), [true; 2]);
    run(cache.delete(&[keys[0].id()]));
    assert_eq!(found(&cache, &keys), [false, true]);
    device.clock.set_wall(-(HOUR as i64));
    assert_eq!(found(&cache, &keys), [false, false]);
    assert_eq!(cache.stats().degraded, None);
    assert!(device.store.calls.borrow().is_empty());
}

#[test]
fn another_page_sees_what_was_set_since() {
    let device = Device::new("two pages");
    let (one, two) = (device.open(), device.open());
    let keys = device.keys(2);
    device.set(&one, &keys[..1]);
    device.set(&two, &keys[1..]);
    assert_eq!((found(&one, &keys), found(&two, &keys)), (vec![true; 2], vec![true; 2]));
    run(one.delete(&[keys[0].id()]));
    two.forget(&[keys[0].id()]);
    assert_eq!(found(&two, &keys), [false, true]);
    run(one.clear());
    two.forget_all();
    assert_eq!(found(&two, &keys), [false; 2]);
}

#[test]
fn the_time_to_live_is_absolute() {
    let device = Device::new("ttl");
    let (cache, key) = (device.open(), device.key());
    device.set(&cache, &[Rc::clone(&key)]);
    for _ in 0..11 {
        device.clock.pass(HOUR);
        assert!(has(&cache, &key));
    }
    device.clock.pass(HOUR - 1);
    assert!(has(&cache, &key) && has(&device.open(), &key));
    device.clock.pass(1);
    assert_eq!(cache.stats().entries, 0);
    assert!(!has(&cache, &key) && !has(&device.open(), &key));
    // What is expired is deleted when the store is read in.
    assert_eq!(device.store.row(key.id()), None);
}

#[test]
fn a_shorter_time_to_live_shortens_what_is_there() {
    let mut device = Device::new("shorter");
    let key = device.key();
    device.set(&device.open(), &[Rc::clone(&key)]);
    device.clock.pass(2 * HOUR);
    device.limits.ttl = HOUR;
    assert!(!has(&device.open(), &key));
    // And a longer one lengthens nothing.
    let key = device.key();
    device.set(&device.open(), &[Rc::clone(&key)]);
    device.limits.ttl = 9 * HOUR;
    device.clock.pass(2 * HOUR);
    assert!(!has(&device.open(), &key));
}

#[test]
fn the_longer_of_both_clocks_counts() {
    let device = Device::new("clocks");
    let (cache, key) = (device.open(), device.key());
    device.set(&cache, &[Rc::clone(&key)]);
    device.clock.sleep(13 * HOUR as i64);
    assert!(!has(&cache, &key));
    let (cache, key) = (device.open(), device.key());
    device.set(&cache, &[Rc::clone(&key)]);
    // Corrections that are too small to be noticed give no more time.
    for _ in 0..12 {
        device.clock.pass(HOUR);
        device.clock.set_wall(-9000);
    }
    assert!(!has(&cache, &key));
}

#[test]
fn nothing_is_cached_without_time() {
    let mut device = Device::new("none");
    device.limits = Limits { ttl: 0, ..device.limits };
    for cache in [device.memory(), device.open()] {
        let key = device.key();
        device.set(&cache, &[Rc::clone(&key)]);
        assert!(!has(&cache, &key));
        assert_eq!(cache.stats().entries, 0);
    }
    assert!(device.store.rows.borrow().is_empty());
}

#[test]
fn the_least_recently_used_goes_first() {
    let mut device = Device::new("lru");
    device.limits.entries = 3;
    for cache in [device.memory(), device.open()] {
        let keys = device.keys(5);
        device.set(&cache, &keys[..3]);
        assert!(has(&cache, &keys[0]));
        device.set(&cache, &keys[3..4]);
        assert_eq!(found(&cache, &keys), [true, false, true, true, false]);
        assert!(has(&cache, &keys[2]));
        device.set(&cache, &keys[4..]);
        assert_eq!(found(&cache, &keys), [false, false, true, true, true]);
        assert_eq!(cache.stats().entries, 3);
    }
    assert_eq!(device.store.rows.borrow().len(), 3);
}

#[test]
fn a_smaller_cache_keeps_the_newest() {
    let mut device = Device::new("smaller");
    let keys = device.keys(6);
    for pair in keys.chunks(2) {
        device.set(&device.open(), pair);
        device.clock.pass(1);
    }
    device.limits.entries = 3;
    let cache = device.open();
    assert_eq!(cache.stats().entries, 3);
    let there = found(&cache, &keys);
    // Of the middle two, which were fetched in one moment, either.
    assert_eq!((&there[..2], &there[4..]), (&[false; 2][..], &[true; 2][..]));
    assert_eq!(device.store.rows.borrow().len(), 3);
}

#[test]
fn a_key_pair_opens_it_again_and_no_other() {
    let mut device = Device::new("pair");
    let [alice, mallory] = [(); 2].map(|()| Rc::new(Pair::hybrid(&mut device.rng.borrow_mut()).pair));
    device.sealed_by = SealedBy::KeyPair(Rc::clone(&alice));
    let keys = device.keys(2);
    device.set(&device.open(), &keys[..1]);
    assert_eq!(found(&device.open(), &keys), [true, false]);
    // Two pages at once agree on one key.
    device.store.rows.borrow_mut().clear();
    let (one, two) = (device.open(), device.open());
    device.set(&one, &keys[..1]);
    device.set(&two, &keys[1..]);
    assert_eq!(found(&device.open(), &keys), [true; 2]);
    // Another key pair begins anew, and what was there is deleted.
    device.sealed_by = SealedBy::KeyPair(mallory);
    let other = device.open();
    assert_eq!((other.stats().entries, other.stats().degraded), (0, None));
    assert_eq!(found(&other, &keys), [false; 2]);
    assert_eq!(device.store.rows.borrow().len(), 1);
}

#[test]
fn a_wrapped_cache_key_that_is_lost_or_changed_costs_the_entries() {
    let mut device = Device::new("reserved");
    device.sealed_by = SealedBy::KeyPair(Rc::new(Pair::hybrid(&mut device.rng.borrow_mut()).pair));
    let key = device.key();
    for changed in [None, Some(vec![]), Some(b"WKWS\x01garbage".to_vec())] {
        let cache = device.open();
        device.set(&cache, &[Rc::clone(&key)]);
        match changed {
            Some(bytes) => device.store.rows.borrow_mut().insert("cache-key".to_owned(), bytes),
            None => device.store.rows.borrow_mut().remove("cache-key"),
        };
        let next = device.open();
        assert!(!has(&next, &key));
        device.set(&next, &[Rc::clone(&key)]);
        assert!(has(&device.open(), &key));
    }
}

/// Wiped under a running page: what it writes from then on opens again.
#[test]
fn the_wrapped_cache_key_is_written_with_every_entry() {
    let mut device = Device::new("rewritten");
    device.sealed_by = SealedBy::KeyPair(Rc::new(Pair::hybrid(&mut device.rng.borrow_mut()).pair));
    let (cache, keys) = (device.open(), device.keys(2));
    device.set(&cache, &keys[..1]);
    device.store.rows.borrow_mut().clear();
    assert!(has(&cache, &keys[0]));
    device.set(&cache, &keys[1..]);
    assert_eq!(found(&device.open(), &keys), [false, true]);
}

#[test]
fn rsa_2048_seals_nothing_new() {
    let mut device = Device::new("rsa");
    device.sealed_by = SealedBy::KeyPair(Rc::new(Pair::rsa(Suite::Rsa2048).pair));
    assert_eq!(code(device.try_open("keys", "alice").map(drop)), Code::KeyPolicy);
    device.sealed_by = SealedBy::KeyPair(Rc::new(Pair::rsa(Suite::Rsa3072).pair));
    let key = device.key();
    device.set(&device.open(), &[Rc::clone(&key)]);
    assert!(has(&device.open(), &key));
}

#[test]
fn a_store_that_fails_leaves_memory() {
    for mood in [Mood::Fails, Mood::Full] {
        let device = Device::new("fails");
        let keys = device.keys(3);
        let cache = device.open();
        device.set(&cache, &keys[..1]);
        device.store.mood.set(mood);
        device.set(&cache, &keys[1..2]);
        assert_eq!(found(&cache, &keys), [true, true, false], "{mood:?}");
        assert!(cache.stats().degraded.is_some_and(|why| why.starts_with("it ")), "{mood:?}");
        // Left alone from then on, but for deletions.
        device.store.mood.set(Mood::Good);
        let calls = device.store.calls.borrow().len();
        device.set(&cache, &keys[2..]);
        assert_eq!(found(&cache, &keys), [true; 3]);
        assert_eq!(device.store.calls.borrow().len(), calls);
        run(cache.delete(&[keys[0].id()]));
        assert_eq!(found(&cache, &keys), [false, true, true]);
        assert!(device.store.rows.borrow().is_empty(), "{mood:?}");
    }
}

#[test]
fn a_store_that_fails_from_the_beginning_leaves_memory() {
    let pair = SealedBy::KeyPair(Rc::new(Pair::hybrid(&mut common::rng::seeded("beginning")).pair));
    for sealed_by in [None, Some(pair)] {
        for mood in [Mood::Fails, Mood::Full] {
            let mut device = Device::new("beginning");
            if let Some(sealed_by) = &sealed_by {
                device.sealed_by = sealed_by.clone();
            }
            device.store.mood.set(mood);
            let (cache, key) = (device.open(), device.key());
            assert!(mood != Mood::Fails || cache.stats().degraded.is_some());
            device.set(&cache, &[Rc::clone(&key)]);
            assert!(has(&cache, &key));
            assert!(cache.stats().degraded.is_some());
            run(cache.clear());
            assert!(!has(&cache, &key));
        }
    }
}

#[test]
fn rows_that_are_none_cost_themselves_alone() {
    let device = Device::new("garbage");
    let keys = device.keys(4);
    device.set(&device.open(), &keys);
    let good = device.store.row(keys[0].id()).unwrap();
    let rows = [(1, vec![]), (2, good.clone()), (3, good[..good.len() - 1].to_vec())];
    for (key, row) in rows {
        device.store.rows.borrow_mut().insert(format!("k.{}", keys[key].id()), row);
    }
    let own = ["k.", "k.nothing", "elsewhere", ""];
    for id in own {
        device.store.rows.borrow_mut().insert(id.to_owned(), vec![1; 121]);
    }
    let cache = device.open();
    assert_eq!(found(&cache, &keys), [true, false, false, false]);
    assert_eq!(cache.stats().degraded, None);
    // What has another form of name isn't ours to delete.
    let rows = device.store.rows.borrow();
    assert!(rows.contains_key("") && rows.contains_key("elsewhere"));
    assert!(!rows.contains_key("k.") && !rows.contains_key("k.nothing") && device.store.row(keys[1].id()).is_none());
}

#[test]
fn every_byte_of_an_entry_counts() {
    let device = Device::new("bytes");
    let key = device.key();
    device.set(&device.open(), &[Rc::clone(&key)]);
    let good = device.store.row(key.id()).unwrap();
    assert_eq!(good.len(), 121);
    for at in 0..good.len() {
        for bit in [0x01, 0x80] {
            let mut changed = good.clone();
            changed[at] ^= bit;
            device.store.rows.borrow_mut().insert(format!("k.{}", key.id()), changed);
            assert!(!has(&device.open(), &key), "byte {at}");
        }
    }
}

#[test]
fn what_is_deleted_while_it_is_read_stays_deleted() {
    let device = Device::new("race");
    let (one, two) = (device.open(), Rc::new(device.open()));
    let key = device.key();
    device.set(&one, &[Rc::clone(&key)]);
    let (id, meanwhile) = (key.id(), Rc::clone(&two));
    *device.store.meanwhile.borrow_mut() = Some(Box::new(move || meanwhile.forget(&[id])));
    assert!(!has(&two, &key), "read before, removed since");
}

#[test]
fn what_is_deleted_while_it_is_written_stays_deleted() {
    let device = Device::new("race of writes");
    let (cache, key) = (Rc::new(device.open()), device.key());
    let (id, meanwhile) = (key.id(), Rc::clone(&cache));
    *device.store.meanwhile.borrow_mut() = Some(Box::new(move || run(meanwhile.delete(&[id]))));
    device.set(&cache, &[Rc::clone(&key)]);
    assert!(!has(&cache, &key));
    assert_eq!(device.store.row(id), None);
    // Closed meanwhile: nothing is in memory, and the store has it.
    let meanwhile = Rc::clone(&cache);
    *device.store.meanwhile.borrow_mut() = Some(Box::new(move || meanwhile.close()));
    device.set(&cache, &[Rc::clone(&key)]);
    assert!(!has(&cache, &key));
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn a_closed_cache_gives_nothing_and_takes_nothing() {
    let device = Device::new("closed");
    let (cache, key) = (device.open(), device.key());
    device.set(&cache, &[Rc::clone(&key)]);
    assert_eq!(Rc::strong_count(&key), 2);
    cache.close();
    cache.close();
    assert_eq!(Rc::strong_count(&key), 1, "nothing holds the key");
    assert!(!has(&cache, &key));
    assert_eq!(code(cache.seal(&mut device.rng.borrow_mut(), &key)), Code::InvalidArgument);
    run(cache.clear());
    assert!(has(&device.open(), &key), "closing deletes nothing");
}

#[test]
fn owners() {
    let long = "x".repeat(128);
    for name in ["keys", "a b", "Schlüssel", long.as_str()] {
        assert_eq!(Owner::new(name, "alice").unwrap().tag().len(), 22);
    }
    let too_long = "x".repeat(129);
    for (name, user) in [("", "alice"), ("a\nb", "alice"), (too_long.as_str(), "alice"), ("keys", ""), ("keys", "a→b")]
    {
        assert_eq!(code(Owner::new(name, user)), Code::InvalidArgument);
    }
    let pairs = [("keys", "alice"), ("keys", "bob"), ("other", "alice"), ("keysa", "lice")];
    let tags: BTreeSet<_> = pairs.iter().map(|(name, user)| Owner::new(name, user).unwrap().tag()).collect();
    assert_eq!(tags.len(), pairs.len());
}

/// One step of a property: a key of eight, and what happens to it.
#[derive(Clone, Debug)]
enum Step {
    Set(usize),
    Get(usize),
    Delete(usize),
    Pass(u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..8_usize).prop_map(Step::Set),
        4 => (0..8_usize).prop_map(Step::Get),
        1 => (0..8_usize).prop_map(Step::Delete),
        2 => (1..40_u64).prop_map(Step::Pass),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A plain list, the least recently used in front, says the same: whatever the order, no key outlives its time, none too many are held, and none of
    /// those that should be there is missing.
    #[test]
    fn it_behaves_like_a_list(steps in steps(), in_memory: bool) {
        const TTL: u64 = 100;
        let mut device = Device::new("list");
        device.limits = Limits { ttl: TTL, entries: 4 };
        let keys = device.keys(8);
        let mut cache = if in_memory { device.memory() } else { device.open() };
        // (key, fetched), the least recently used in front.
        let mut list: Vec<(usize, u64)> = Vec::new();
        let mut time = 0;
        for step in steps {
            match step {
                Step::Set(at) => {
                    // Two of one moment would be equal after a reopening.
                    device.clock.pass(1);
                    time += 1;
                    device.set(&cache, &keys[at..=at]);
                    list.retain(|(key, fetched)| *key != at && time < fetched + TTL);
                    list.push((at, time));
                    if list.len() > 4 {
                        list.remove(0);
                    }
                }
                Step::Get(at) => {
                    list.retain(|(_, fetched)| time < fetched + TTL);
                    let place = list.iter().position(|(key, _)| *key == at);
                    prop_assert_eq!(has(&cache, &keys[at]), place.is_some());
                    if let Some(place) = place {
                        let used = list.remove(place);
                        list.push(used);
                    }
                }
                Step::Delete(at) => {
                    run(cache.delete(&[keys[at].id()]));
                    list.retain(|(key, _)| *key != at);
                }
                Step::Pass(ms) => {
                    device.clock.pass(ms);
                    time += ms;
                }
                Step::Reopen if in_memory => {}
                Step::Reopen => {
                    cache = device.open();
                    list.retain(|(_, fetched)| time < fetched + TTL);
                    list.sort_by_key(|(_, fetched)| *fetched);
                }
            }
            list.retain(|(_, fetched)| time < fetched + TTL);
            prop_assert_eq!(cache.stats().entries, list.len());
        }
    }
}
