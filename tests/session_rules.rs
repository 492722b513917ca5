//! Random logs: what the replay says is what a naive model says; and a log that was changed anywhere is refused.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use std::{collections::BTreeMap, sync::OnceLock};

use common::{
    cbor::Item,
    craft::{
        flip,
        session::{assignment, generation, grant, revoke, revoke_all},
    },
    people::{Person, app, directory},
    rng::seeded,
    story::{Story, refs},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use wardkey::{
    error::{Code, Result},
    message::View,
    party::Party,
    session::{Directory, Log, Rights, Session},
    signed::{Hash, Minimum},
};

const PEOPLE: usize = 4;

struct Cast {
    people: Vec<Person>,
    key_server: Person,
    /// Two, and two groups that they can go to.
    places: Vec<Party>,
    known: Directory,
}

/// Made once: keys take their time.
fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let mut rng = seeded("session rules");
        let people: Vec<_> = ["ann", "bob", "carol", "d"].map(|name| Person::new(&mut rng, name)).into();
        let key_server = Person::key_server(&mut rng);
        let place = |name| Party::Placeholder {
            name: wardkey::identity::UserId::new(name).unwrap(),
            escrow: key_server.signer.identity,
            contact: None,
        };
        let places = vec![place("east"), place("west")];
        let known = directory(people.iter().chain([&key_server]));
        Cast { people, key_server, places, known }
    })
}

/// Numbers that stand for people, places and groups.
#[derive(Clone, Debug)]
enum Step {
    Grant(Vec<(usize, u64)>),
    Revoke(Vec<usize>),
    RevokeAll,
    Generation(u64),
    Assignment(usize, u8),
}

fn party(number: usize) -> Party {
    let cast = cast();
    match number {
        0..PEOPLE => cast.people[number].party(),
        4 | 5 => cast.places[number - 4].clone(),
        _ => Party::Group(Hash([number as u8; 32])),
    }
}

fn rights() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1..8_u64, 1 => Just(15_u64), 3 => Just(1_u64)]
}

fn step() -> impl Strategy<Value = Step> {
    let parties = || proptest::collection::btree_set(0..8_usize, 1..4);
    prop_oneof![
        6 => (parties(), rights()).prop_map(|(to, rights)| Step::Grant(to.into_iter().map(|one| (one, rights)).collect())),
        5 => parties().prop_map(|from| Step::Revoke(from.into_iter().collect())),
        1 => Just(Step::RevokeAll),
        5 => (0..2_u64).prop_map(Step::Generation),
        3 => (4..6_usize, 6..8_u8).prop_map(|(place, group)| Step::Assignment(place, group)),
    ]
}

/// SPEC 12.3, with whole states.
#[derive(Clone, Default)]
struct Model {
    /// After each entry.
    rights: Vec<BTreeMap<usize, u64>>,
    generations: Vec<u64>,
    /// Parties with a stanza, by generation.
    stanzas: Vec<Vec<usize>>,
    /// Whom each entry's wraps are for.
    wrapped: Vec<Vec<usize>>,
    due: bool,
}

impl Model {
    fn new(grants: &[(usize, u64)]) -> Self {
        let rights: BTreeMap<_, _> = grants.iter().copied().collect();
        let readers = readers(&rights);
        Self {
            rights: vec![rights],
            generations: vec![0],
            stanzas: vec![readers.clone()],
            wrapped: vec![readers],
            due: false,
        }
    }

    /// By person `by`; 9: the key server. The generation's number is relative to the newest.
    fn apply(&mut self, by: usize, step: &Step) -> bool {
        let mut rights = self.rights.last().unwrap().clone();
        let newest = *self.generations.last().unwrap();
        let own = rights.get(&by).copied().unwrap_or(0);
        let has = |these: u64| own & these == these;
        let mut wrapped = Vec::new();
        match step {
            Step::Grant(grants) => {
                if !has(2) || grants.iter().any(|(_, given)| !has(*given)) {
                    return false;
                }
                for (party, given) in grants {
                    *rights.entry(*party).or_default() |= given;
                    let stanzas = &mut self.stanzas[newest as usize];
                    if given & 1 == 1 && !stanzas.contains(party) {
                        stanzas.push(*party);
                        wrapped.push(*party);
                    }
                }
            }
            Step::Revoke(parties) => {
                let manager = parties.iter().any(|party| rights.get(party).is_some_and(|held| held & 8 == 8));
                if !has(4) || (manager && !has(8)) || parties.iter().any(|party| !rights.contains_key(party)) {
                    return false;
                }
                rights.retain(|party, _| !parties.contains(party));
                self.due = true;
            }
            Step::RevokeAll => {
                if !has(8) {
                    return false;
                }
                rights.clear();
                self.due = true;
            }
            Step::Generation(number) => {
                if !has(1) || *number != 1 {
                    return false;
                }
                self.stanzas.push(readers(&rights));
                wrapped = readers(&rights);
                self.due = false;
            }
            Step::Assignment(place, group) => {
                let Some(moved) = rights.get(place).copied().filter(|_| by == 9) else { return false };
                rights.remove(place);
                *rights.entry(usize::from(*group)).or_default() |= moved;
                let stanzas = &mut self.stanzas[newest as usize];
                if moved & 1 == 1 && !stanzas.contains(&usize::from(*group)) {
                    stanzas.push(usize::from(*group));
                    wrapped.push(usize::from(*group));
                }
                self.due = true;
            }
        }
        let generation = newest + u64::from(matches!(step, Step::Generation(_)));
        self.rights.push(rights);
        self.generations.push(generation);
        self.wrapped.push(wrapped);
        true
    }
}

fn readers(rights: &BTreeMap<usize, u64>) -> Vec<usize> {
    rights.iter().filter(|(_, held)| **held & 1 == 1).map(|(party, _)| *party).collect()
}

fn action(step: &Step, newest: u64) -> Item {
    match step {
        Step::Grant(grants) => grant(&grants.iter().map(|(one, rights)| (party(*one), *rights)).collect::<Vec<_>>()),
        Step::Revoke(parties) => revoke(&parties.iter().map(|one| party(*one)).collect::<Vec<_>>()),
        Step::RevokeAll => revoke_all(),
        Step::Generation(more) => generation(newest + more, &[newest as u8; 32]),
        Step::Assignment(place, group) => assignment(&party(*place), &[*group; 32]),
    }
}

fn log_of(story: &Story) -> Log {
    Log::begin(&app(), &Hash(story.id), &story.genesis, &cast().known, Minimum::default()).unwrap()
}

fn extended(story: &Story, entries: &[Vec<u8>]) -> Result<Log> {
    let mut log = log_of(story);
    log.extend(&refs(entries), &cast().known, Minimum::default())?;
    Ok(log)
}

/// Applies the steps that the model takes, and checks that the log takes the same.
fn told(creators: &[(usize, u64)], steps: &[(usize, Step)]) -> (Story, Model) {
    let cast = cast();
    let people: Vec<_> = creators.iter().map(|(one, rights)| (&cast.people[*one], *rights)).collect();
    let mut story = Story::new(&mut seeded("told"), &people);
    let mut model = Model::new(creators);
    let mut log = log_of(&story);
    for (by, step) in steps {
        let signer = if *by == 9 { &cast.key_server } else { &cast.people[*by] };
        let entry = story.next(signer, action(step, *model.generations.last().unwrap()));
        let object = entry.sign(signer.seed());
        let result = log.extend(&[&object], &cast.known, Minimum::default());
        if model.apply(*by, step) {
            assert_eq!(result, Ok(()), "{by}: {step:?}");
            story.push(&entry, signer.seed());
        } else {
            assert_eq!(result.unwrap_err().code(), Code::Forbidden, "{by}: {step:?}");
        }
    }
    agrees(&log, &model, &story);
    (story, model)
}

fn agrees(log: &Log, model: &Model, story: &Story) {
    assert_eq!(log.entries() + 1, model.rights.len());
    for (sequence, (rights, generation)) in (0..).zip(model.rights.iter().zip(&model.generations)) {
        for number in 0..8 {
            let held = rights.get(&number).copied().unwrap_or(0);
            assert_eq!(log.rights_at(&party(number), sequence).number(), held, "{number} at {sequence}");
        }
        assert_eq!(log.generation_at(sequence) as u64, *generation);
        assert_eq!(log.check_view(&View { sequence, hash: story.hashes[sequence as usize] }), Ok(()));
    }
    let last = model.rights.last().unwrap();
    let mut expected: Vec<_> = last.iter().map(|(number, held)| (party(*number), *held)).collect();
    expected.sort_by_key(|(party, _)| party.to_bytes());
    let holdings: Vec<_> = log.holdings().map(|one| (one.party.clone(), one.rights.number())).collect();
    assert_eq!(holdings, expected);
    assert_eq!(log.has_ended(), last.is_empty());
    assert_eq!(log.rights(&party(0)), log.rights_at(&party(0), u64::MAX));
    assert!(Rights::from_number(0).is_none());
}

fn people() -> impl Strategy<Value = Vec<(usize, u64)>> {
    vec(rights(), 0..PEOPLE).prop_map(|others| {
        let others = others.into_iter().enumerate().map(|(number, rights)| (number + 1, rights));
        [(0, 15)].into_iter().chain(others.filter(|(number, _)| *number < PEOPLE)).collect()
    })
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    // Mostly the manager, so that something happens.
    let by = prop_oneof![4 => Just(0_usize), 4 => 1..PEOPLE, 2 => Just(9_usize)];
    vec((by, step()), 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn the_replay_is_the_model(people in people(), steps in steps(), cut in any::<Index>()) {
        let (story, model) = told(&people, &steps);
        // At once, what was given entry by entry; and every beginning of it.
        let whole = extended(&story, &story.entries).unwrap();
        agrees(&whole, &model, &story);
        let len = cut.index(story.entries.len() + 1);
        let first = extended(&story, &story.entries[..len]).unwrap();
        let cut = Model {
            rights: model.rights[..=len].to_vec(),
            generations: model.generations[..=len].to_vec(),
            ..model.clone()
        };
        agrees(&first, &cut, &story);
        prop_assert_eq!(whole.check_follows(&first), Ok(()));
        prop_assert_eq!(first.check_follows(&whole).is_ok(), len == story.entries.len());
    }

    #[test]
    fn a_changed_log_is_refused(people in people(), steps in steps(), at in any::<Index>(), bit in any::<Index>(), other in any::<Index>()) {
        let (story, _) = told(&people, &steps);
        prop_assume!(!story.entries.is_empty());
        let at = at.index(story.entries.len());
        let mut changed = story.entries.clone();
        let bits = 8 * changed[at].len();
        changed[at] = flip(&changed[at], bit.index(bits));
        prop_assert!(extended(&story, &changed).is_err());
        // Cut short.
        let mut changed = story.entries.clone();
        changed[at].truncate(bit.index(bits / 8));
        prop_assert!(extended(&story, &changed).is_err());
        // One left out (but the last), doubled, or exchanged.
        let mut changed = story.entries.clone();
        changed.remove(at);
        prop_assert_eq!(extended(&story, &changed).is_ok(), at + 1 == story.entries.len());
        let mut changed = story.entries.clone();
        changed.insert(at, story.entries[at].clone());
        prop_assert_eq!(extended(&story, &changed).unwrap_err().code(), Code::BadSignature);
        let mut changed = story.entries.clone();
        let other = other.index(changed.len());
        changed.swap(at, other);
        prop_assert_eq!(extended(&story, &changed).is_ok(), at == other);
    }

    #[test]
    fn any_other_genesis_is_refused(people in people(), bit in any::<Index>()) {
        let (story, _) = told(&people, &[]);
        let changed = flip(&story.genesis, bit.index(8 * story.genesis.len()));
        let begun = Log::begin(&app(), &Hash(story.id), &changed, &cast().known, Minimum::default());
        prop_assert!(begun.is_err());
    }
}

/// Steps that people alone can take, with real wraps.
fn wrapped_story(steps: &[(usize, Step)]) -> (Story, Model) {
    let cast = cast();
    let mut rng = seeded("wrapped");
    let mut story = Story::new(&mut rng, &[(&cast.people[0], 15), (&cast.people[1], 3)]);
    let mut model = Model::new(&[(0, 15), (1, 3)]);
    for (by, step) in steps {
        let by = *by % PEOPLE;
        let step = match step {
            Step::Grant(grants) => Step::Grant(grants.iter().copied().filter(|(to, _)| *to < PEOPLE).collect()),
            Step::Revoke(parties) => Step::Revoke(parties.iter().copied().filter(|from| *from < PEOPLE).collect()),
            other => other.clone(),
        };
        let names_nobody = match &step {
            Step::Grant(grants) => grants.is_empty(),
            Step::Revoke(parties) => parties.is_empty(),
            _ => false,
        };
        if names_nobody || !model.apply(by, &step) {
            continue;
        }
        let signer = &cast.people[by];
        let wrapped: Vec<_> = model.wrapped.last().unwrap().iter().map(|one| &cast.people[*one]).collect();
        match &step {
            Step::Generation(_) => story.rotate(&mut rng, signer, &wrapped),
            step => {
                story.tell(signer, action(step, 0));
                if !wrapped.is_empty() {
                    let wraps = story.wraps_for(&mut rng, signer, &wrapped);
                    story.wraps.push(wraps.sign(signer.seed()));
                }
            }
        }
    }
    (story, model)
}

fn read(story: &Story, wraps: &[Vec<u8>]) -> Result<Session> {
    let (entries, wraps) = (refs(&story.entries), refs(wraps));
    Session::read(&app(), &Hash(story.id), &story.genesis, &entries, &wraps, &cast().known, Minimum::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whoever reads by the model opens all keys; nobody else opens any. What is kept, and what is extended, is the same session.
    #[test]
    fn who_reads_is_who_opens(steps in steps(), cut in any::<Index>()) {
        let (story, model) = wrapped_story(&steps);
        let session = read(&story, &story.wraps).unwrap();
        prop_assert_eq!(session.is_due(&cast().known).unwrap(), model.due);
        for (number, person) in cast().people.iter().enumerate() {
            let opened = session.open(&mut common::craft::system(), &[person.party()], &[person.pair()]);
            let reads = |rights: &BTreeMap<usize, u64>| rights.get(&number).is_some_and(|held| held & 1 == 1);
            if reads(model.rights.last().unwrap()) {
                let newest = (0..model.stanzas.len()).rev().find(|at| model.stanzas[*at].contains(&number)).unwrap();
                let keys = opened.unwrap();
                prop_assert_eq!(keys.iter().count(), newest + 1);
                for (generation, key) in keys.iter() {
                    prop_assert_eq!(key.dangerously_expose().expose(), &story.keys[generation]);
                }
            } else {
                let had = model.rights.iter().any(reads);
                let expected = if had { Code::Revoked } else { Code::NotARecipient };
                prop_assert_eq!(opened.unwrap_err().code(), expected);
            }
        }
        let kept = session.to_kept();
        prop_assert_eq!(Session::from_kept(&app(), &Hash(story.id), &kept).unwrap().to_kept(), kept.clone());

        let len = cut.index(story.entries.len() + 1);
        let of = |wraps: &[u8]| {
            // Field 2, after the session's id.
            let payload = common::craft::session::payload_of(wraps);
            minicbor::Decoder::new(&payload[37..]).u64().unwrap() as usize
        };
        let (first, later): (Vec<_>, Vec<_>) = story.wraps.iter().cloned().partition(|wraps| of(wraps) <= len);
        let mut short = story.clone();
        short.entries.truncate(len);
        let mut extended = Session::from_kept(&app(), &Hash(story.id), &read(&short, &first).unwrap().to_kept()).unwrap();
        extended.extend(&refs(&story.entries[len..]), &refs(&later), &cast().known, Minimum::default()).unwrap();
        prop_assert_eq!(extended.to_kept(), kept);
    }

    #[test]
    fn changed_wraps_are_refused(steps in steps(), at in any::<Index>(), bit in any::<Index>()) {
        let (story, _) = wrapped_story(&steps);
        let at = at.index(story.wraps.len());
        let mut changed = story.wraps.clone();
        let bits = 8 * changed[at].len();
        changed[at] = flip(&changed[at], bit.index(bits));
        prop_assert!(read(&story, &changed).is_err());
        let mut changed = story.wraps.clone();
        changed.remove(at);
        prop_assert_eq!(read(&story, &changed).unwrap_err().code(), Code::BadSignature);
        let mut changed = story.wraps.clone();
        changed.push(story.wraps[at].clone());
        prop_assert_eq!(read(&story, &changed).unwrap_err().code(), Code::BadSignature);
    }
}
