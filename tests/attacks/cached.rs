//! C1, C4: a store holds nothing that tells a key, and gives nothing that it was not given for this user, this key and this time.

use std::rc::Rc;

use wardkey::{cache::SealedBy, encoding::Context, wrap::wrap_key};

use super::common::{
    cache::{Device, HOUR, has, run},
    hex::hex,
    keys::Pair,
};

const DAY: i64 = 24 * HOUR as i64;

#[test]
fn c1_a_store_holds_sealed_values_alone() {
    let mut device = Device::new("c1");
    let pair = Pair::hybrid(&mut device.rng.borrow_mut());
    let private = pair.private.clone();
    for sealed_by in [device.sealed_by.clone(), SealedBy::KeyPair(Rc::new(pair.pair))] {
        device.sealed_by = sealed_by;
        let cache = device.open();
        let keys = device.keys(20);
        device.set(&cache, &keys);
        run(cache.delete(&[keys[0].id()]));
        assert!(has(&device.open(), &keys[1]));
        let mut secrets: Vec<Vec<u8>> = keys.iter().map(|key| key.dangerously_expose().expose().to_vec()).collect();
        secrets.push(private.clone());
        if let SealedBy::DataKey(key) = &device.sealed_by {
            secrets.extend([key.dangerously_expose().expose().to_vec(), key.cache_seal().expose().to_vec()]);
        }
        let stored: Vec<u8> =
            device.store.rows.borrow().iter().flat_map(|(id, row)| [id.as_bytes(), row].concat()).collect();
        assert!(stored.len() > 19 * 121);
        for secret in &secrets {
            for part in secret.chunks(8) {
                for canary in [part.to_vec(), hex(part).into_bytes()] {
                    assert!(!stored.windows(canary.len()).any(|window| window == canary));
                }
            }
        }
    }
}

/// Anybody can wrap for a public key: a cache key that whoever writes the store has made is known to him.
#[test]
fn c1_a_planted_cache_key_opens_nothing() {
    let mut device = Device::new("c1 planted");
    let alice = Rc::new(Pair::hybrid(&mut device.rng.borrow_mut()).pair);
    let (planted, key) = (device.key(), device.key());
    let context = [("wardkey", "cache-key"), ("cache", "keys"), ("user", "alice")];
    let context = Context::new(context).unwrap();
    let wrapped = wrap_key(&planted, &mut device.rng.borrow_mut(), [alice.public_key()], &context, false).unwrap();
    device.store.rows.borrow_mut().insert("cache-key".to_owned(), wrapped);
    device.sealed_by = SealedBy::KeyPair(alice);
    device.set(&device.open(), &[Rc::clone(&key)]);
    assert!(has(&device.open(), &key));
    device.sealed_by = SealedBy::DataKey(planted);
    assert!(!has(&device.open(), &key));
}

#[test]
fn c4_an_entry_of_another_user_cache_or_key() {
    let device = Device::new("c4");
    let keys = device.keys(2);
    device.set(&device.open(), &keys);
    for (name, user) in [("keys", "bob"), ("other", "alice")] {
        assert!(!has(&device.try_open(name, user).unwrap(), &keys[0]), "{name} {user}");
        // Read while it runs, too.
        device.set(&device.open(), &keys);
        let cache = device.try_open(name, user).unwrap();
        device.set(&device.open(), &keys);
        assert!(!has(&cache, &keys[0]), "{name} {user}");
    }
    // Under another key's id, read while it runs and at its beginning.
    let other = device.store.row(keys[1].id()).unwrap();
    device.store.rows.borrow_mut().clear();
    let page = device.open();
    device.store.rows.borrow_mut().insert(format!("k.{}", keys[0].id()), other);
    assert!(!has(&page, &keys[0]) && !has(&device.open(), &keys[0]));
}

/// Sealed as it should be, but another key than it says.
#[test]
fn c4_the_key_must_be_the_one_that_is_named() {
    // What makes such an entry knows the cache key: the recomputed id is the last thing in its way. A term with another id has another context, so that
    // `c4_an_entry_of_another_user_cache_or_key` shows all that a store can do.
    let device = Device::new("c4 named");
    let (key, other) = (device.key(), device.key());
    let SealedBy::DataKey(sealed_by) = &device.sealed_by else { unreachable!() };
    let (fetched, expires) = (1_800_000_000_000_u64, 1_800_000_000_000 + 12 * HOUR);
    let entry = |named: &wardkey::data_key::DataKey, held: &wardkey::data_key::DataKey| {
        let mut context = minicbor::Encoder::new(Vec::new());
        context.array(6).unwrap().str("wardkey/v1/cache-entry").unwrap().str("keys").unwrap().str("alice").unwrap();
        context.bytes(&named.id().0).unwrap().u64(fetched).unwrap().u64(expires).unwrap();
        let raw = held.dangerously_expose().expose();
        let mut rng = device.rng.borrow_mut();
        let body = wardkey::cobblestone::seal(&sealed_by.cache_seal(), &mut rng, context.writer(), raw).unwrap();
        [&[3], fetched.to_be_bytes().as_slice(), &expires.to_be_bytes(), &body].concat()
    };
    for (held, there) in [(&key, true), (&other, false)] {
        device.store.rows.borrow_mut().insert(format!("k.{}", key.id()), entry(&key, held));
        assert_eq!(has(&device.open(), &key), there);
    }
}

#[test]
fn c4_an_entry_that_is_too_old_or_says_it_is_younger() {
    let device = Device::new("c4 old");
    let key = device.key();
    let page = device.open();
    device.set(&page, &[Rc::clone(&key)]);
    let row = device.store.row(key.id()).unwrap();
    device.clock.pass(12 * HOUR);
    assert!(!has(&page, &key));
    for (at, later) in [(1..9, 0_u64), (9..17, 0), (1..17, 0), (9..17, u64::MAX)] {
        let mut young = row.clone();
        for field in young[at].chunks_mut(8) {
            let time = u64::from_be_bytes(field.try_into().unwrap()) + HOUR;
            field.copy_from_slice(&later.max(time).to_be_bytes());
        }
        device.store.rows.borrow_mut().insert(format!("k.{}", key.id()), young);
        assert!(!has(&page, &key) && !has(&device.open(), &key));
    }
}

#[test]
fn c4_a_clock_that_was_set_back() {
    let device = Device::new("c4 clock");
    let keys = device.keys(2);
    let page = device.open();
    device.set(&page, &keys[..1]);
    // Between pages.
    device.clock.set_wall(-DAY);
    let next = device.open();
    assert!(!has(&next, &keys[0]));
    device.clock.set_wall(DAY);
    assert!(!has(&device.open(), &keys[0]), "what was there is deleted");
    // Under a running page: it goes on from memory.
    let page = device.open();
    device.set(&page, &keys[..1]);
    assert!(has(&page, &keys[0]));
    device.clock.set_wall(-DAY);
    assert!(!has(&page, &keys[0]));
    assert_eq!(page.stats().degraded.as_deref(), Some("the clock was set back"));
    device.set(&page, &keys[1..]);
    assert!(has(&page, &keys[1]));
    device.clock.pass(12 * HOUR);
    assert!(!has(&page, &keys[1]));
    // Between sealing and keeping.
    let page = device.memory();
    let fresh = page.seal(&mut device.rng.borrow_mut(), &keys[0]).unwrap();
    device.clock.set_wall(-DAY);
    run(page.save(vec![fresh]));
    assert!(!has(&page, &keys[0]));
}

/// Older entries would live again: one that lies in the future shows it, and all are dropped.
#[test]
fn c4_a_clock_that_was_set_back_makes_all_entries_doubtful() {
    let device = Device::new("c4 doubtful");
    let keys = device.keys(2);
    device.set(&device.open(), &keys[..1]);
    device.clock.pass(6 * HOUR);
    device.set(&device.open(), &keys[1..]);
    device.clock.set_wall(-3 * HOUR as i64);
    let cache = device.open();
    assert!(!has(&cache, &keys[0]) && !has(&cache, &keys[1]));
    // A byte that fell over is no clock.
    device.set(&cache, &keys);
    let mut row = device.store.row(keys[0].id()).unwrap();
    for at in [4, 12] {
        row[at] ^= 0x40;
    }
    device.store.rows.borrow_mut().insert(format!("k.{}", keys[0].id()), row);
    let cache = device.open();
    assert!(!has(&cache, &keys[0]) && has(&cache, &keys[1]));
}
