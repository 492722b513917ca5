//! Sessions in which a reader broke a generation: SPEC section 12.6, steps 4 and 5.

use super::{
    group_session::{Rows, Ward, rotate, session, wraps_for},
    rows::Cast,
};
use crate::common::{
    cbor::{self, Array, Uint},
    craft,
    hex::hex,
    people::Person,
    rng::Seeded,
    story::{Input, Story, only_for},
};

/// A generation whose maker sealed something else as the key before it.
fn break_generation(rng: &mut Seeded, story: &mut Story, by: &Person, people: &[&Person], ward: &Ward, how: Broken) {
    story.begin_generation(rng, by);
    let [.., before, key] = story.keys.as_slice() else { panic!("two generations") };
    let mut wraps = wraps_for(rng, story, by, people, &[ward]).with_previous(rng, key, before);
    wraps.previous = cbor::bytes(match how {
        Broken::Junk => vec![0; 104],
        Broken::AnotherKey => {
            let label = cbor::text("wardkey/v1/previous-key");
            let commitment = cbor::bytes(craft::expand(before, "key-commitment", 32));
            let number = wraps.generation;
            let context = Array(vec![label, cbor::bytes(story.id), Uint(number - 1), Uint(number), commitment]);
            craft::seal(rng, key, &context.encode(), &[6; 32])
        }
    });
    story.wraps.push(wraps.sign(by.seed()));
}

enum Broken {
    Junk,
    AnotherKey,
}

/// What a reader broke stays closed to nobody who has stanzas from before.
pub(super) fn rows(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let [dave, erin] = &["dave", "erin"].map(|name| Person::new(rng, name));
    let people = [cast.all().as_slice(), &[dave, erin]].concat();
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    let joined = after.with(rng, cast, dave);

    // Generation 2 is broken.
    let mut story = session(rng, cast, &ward, 1, &[(mallory, 1)]);
    let mut messages = vec![story.message(rng, alice, 0, &story.view(), b"0")];
    let next = |rng: &mut Seeded, story: &mut Story, messages: &mut Vec<Vec<u8>>| {
        let generation = story.keys.len() - 1;
        messages.push(story.message(rng, alice, generation, &story.view(), generation.to_string().as_bytes()));
    };
    rotate(rng, &mut story, alice, &[alice, mallory], &[&ward]);
    next(rng, &mut story, &mut messages);
    let one = story.clone();
    break_generation(rng, &mut story, mallory, &[alice, mallory], &ward, Broken::Junk);
    next(rng, &mut story, &mut messages);
    rotate(rng, &mut story, alice, &[alice, mallory], &[&after]);
    next(rng, &mut story, &mut messages);
    story.grant(rng, alice, &[(erin, 1)], &[erin]);
    rows.opens("keys", "broken: a reader from the start", after.known_to(&story, &people, alice));
    rows.opens("keys", "broken: through two epochs", after.opens(&story, &people, bob));
    rows.opens("keys", "broken: a newcomer to the group", joined.opens(&story, &people, dave));
    let erins = after.known_to(&story, &people, erin);
    rows.opens("keys", "broken: who was let in later", erins.clone());
    for (generation, sealed) in messages.iter().enumerate() {
        let name = format!("broken: of generation {generation}");
        let dave = Input { sealed: hex(sealed), ..joined.opens(&story, &people, dave) };
        rows.opens("message", &name, dave);
        let erin = Input { sealed: hex(sealed), ..erins.clone() };
        if generation < 2 {
            rows.fails("message", &name, "decryption-failed", erin);
        } else {
            rows.opens("message", &format!("{name}, who was let in later"), erin);
        }
    }
    // What the key server gives him is the newest alone.
    let mut given = story.clone();
    let party = ward.party().to_bytes();
    let last = given.wraps.len() - 2;
    for (at, wraps) in given.wraps.iter_mut().enumerate() {
        *wraps = only_for(wraps, if at < last { &[] } else { &party });
    }
    rows.opens("keys", "broken: only the newest body is there", after.opens(&given, &people, bob));

    // Twice: by another key in generation 1, by junk in generation 3.
    let mut story = session(rng, cast, &ward, 1, &[(mallory, 1)]);
    let message = story.message(rng, alice, 0, &story.view(), b"0");
    break_generation(rng, &mut story, mallory, &[alice, mallory], &ward, Broken::AnotherKey);
    story.grant(rng, alice, &[(dave, 1)], &[dave]);
    rotate(rng, &mut story, alice, &[alice, dave, mallory], &[&ward]);
    break_generation(rng, &mut story, mallory, &[alice, dave, mallory], &ward, Broken::Junk);
    story.grant(rng, alice, &[(erin, 1)], &[erin]);
    rows.opens("keys", "broken twice: a reader from the start", ward.opens(&story, &people, carol));
    let daves = ward.known_to(&story, &people, dave);
    rows.opens("keys", "broken twice: who came between", daves.clone());
    rows.opens("keys", "broken twice: who came after", ward.known_to(&story, &people, erin));
    let of = |input: Input| Input { sealed: hex(&message), ..input };
    rows.opens("message", "broken twice: a reader from the start", of(ward.opens(&story, &people, carol)));
    rows.fails("message", "broken twice: who came between", "key-mismatch", of(daves));
    let erins = ward.known_to(&story, &people, erin);
    rows.fails("message", "broken twice: who came after", "decryption-failed", of(erins));

    // The stanza that would help is none, and the one before it does.
    let mut story = session(rng, cast, &ward, 1, &[(mallory, 1)]);
    story.begin_generation(rng, mallory);
    let [.., before, key] = story.keys.as_slice() else { panic!("two generations") };
    let mut wraps = story.wraps_for(rng, mallory, &[alice, mallory]).with_previous(rng, key, before);
    wraps.insert(rng, &[6; 32], &ward.party(), &ward.public());
    story.wraps.push(wraps.sign(mallory.seed()));
    break_generation(rng, &mut story, mallory, &[alice, mallory], &ward, Broken::Junk);
    rows.opens("keys", "broken, and a stanza that holds another key", ward.opens(&story, &people, carol));
    // His own and his group's.
    let mut story = one;
    break_generation(rng, &mut story, mallory, &[alice, mallory], &ward, Broken::Junk);
    story.grant(rng, alice, &[(bob, 1)], &[bob]);
    let mut input = ward.opens(&story, &people, bob);
    rows.opens("keys", "broken: his own stanza, and his group's from before", input.clone());
    input.groups[0].keys = None;
    rows.opens("keys", "broken: his own stanza, without the group's keys", input);
}
