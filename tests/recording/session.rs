//! `session.json`: SPEC sections 12 and 13.

use sha2::{Digest, Sha256};
use wardkey::{key_pair::Suite, signed::Hash};

use super::{
    log_invalid,
    rows::{self, Cast},
    session_invalid, session_message_invalid,
};
use crate::common::{
    cbor,
    craft::session::{assignment, revoke, revoke_all},
    keys::{Pair, signing_key},
    people::Person,
    rng::Seeded,
    rows::{Opened, Refused},
    schema::File,
    story::{Input, Story},
};

pub(super) type Rows = rows::Rows<Input>;

pub(super) fn file(rng: &mut Seeded) -> File<Opened<Input>, Refused<Input>> {
    let mut cast = Cast::new(rng);
    let mut rows = Rows::new();
    logs(rng, &cast, &mut rows);
    sessions(rng, &cast, &mut rows);
    messages(rng, &cast, &mut rows);
    log_invalid::logs(rng, &cast, &mut rows);
    session_invalid::sessions(rng, &cast, &mut rows);
    session_message_invalid::messages(rng, &cast, &mut rows);
    // At the end: who is renewed has two bundles from here on.
    let before = Story::new(rng, &[(&cast.alice, 15), (&cast.bob, 7)]);
    cast.alice.renew(rng);
    renewed(rng, &cast, &mut rows, before);
    log_invalid::renewed(rng, &cast, &mut rows);
    rows.file()
}

fn logs(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, key_server, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, 15), (bob, 3)]);
    rows.opens("log", "a genesis", story.log_input(&people));
    story.grant(rng, bob, &[(carol, 1), (bob, 3)], &[]);
    rows.opens("log", "what a reader gives on", story.log_input(&people));
    story.grant(rng, alice, &[(bob, 4), (carol, 15)], &[]);
    story.begin_generation(rng, bob);
    rows.opens("log", "rights are added up; a generation", story.log_input(&people));
    story.tell(carol, revoke(&[alice.party(), bob.party()]));
    rows.opens("log", "managers are revoked by a manager", story.log_input(&people));
    story.tell(carol, revoke(&[carol.party()]));
    rows.opens("log", "the last one leaves", story.log_input(&people));

    let mut story = Story::new(rng, &[(alice, 15), (bob, 1)]);
    story.tell(alice, revoke(&[bob.party()]));
    story.grant(rng, alice, &[(bob, 2)], &[]);
    story.tell(alice, revoke_all());
    rows.opens("log", "the end", story.log_input(&people));

    for (name, rights) in [("reads", 1), ("only gives on", 2)] {
        let placeholder = cast.placeholder();
        let to = [(placeholder.clone(), rights)];
        let mut story = Story::new(rng, &[(alice, 15)]);
        story.tell(alice, crate::common::craft::session::grant(&to));
        rows.opens("log", &format!("a placeholder that {name}"), story.log_input(&people));
        story.tell(key_server, assignment(&placeholder, &[7; 32]));
        rows.opens("log", &format!("a placeholder that {name}, assigned"), story.log_input(&people));
    }
    let mut story = Story::new(rng, &[(alice, 15), (bob, 7)]);
    story.tell(bob, revoke(&[bob.party()]));
    let mut input = story.log_input(&people);
    input.seen = (0..2).map(|at| log_invalid::seen(at, story.hashes[at as usize])).collect();
    rows.opens("log", "as it was seen before", input);
}

fn sessions(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, 15), (bob, 3), (carol, 2)]);
    rows.opens("session", "a genesis", story.input(&people, bob));
    story.grant(rng, bob, &[(carol, 1), (mallory, 3)], &[carol, mallory]);
    rows.opens("session", "of a grant", story.input(&people, carol));
    story.grant(rng, alice, &[(carol, 1)], &[]);
    story.tell(alice, revoke(&[mallory.party()]));
    rows.opens("session", "a generation is due", story.given_to(carol).input(&people, carol));
    // His stanza is there: he needs no other.
    story.grant(rng, alice, &[(mallory, 1)], &[]);
    rows.opens("session", "revoked and given again", story.given_to(mallory).input(&people, mallory));
    story.tell(alice, revoke(&[mallory.party()]));
    story.rotate(rng, bob, &[alice, bob, carol]);
    rows.opens("session", "two generations", story.input(&people, carol));
    story.rotate(rng, alice, &[alice, bob, carol]);
    story.grant(rng, alice, &[(mallory, 1)], &[mallory]);
    rows.opens("session", "three generations, the newest by a grant", story.given_to(mallory).input(&people, mallory));
    let mut input = story.given_to(bob).input(&people, bob);
    input.wraps.reverse();
    rows.opens("session", "his own bodies alone, in another order", input);

    let placeholder = cast.placeholder();
    let mut story = Story::new(rng, &[(alice, 15)]);
    story.tell(alice, crate::common::craft::session::grant(&[(placeholder.clone(), 1)]));
    let mut wraps = story.wraps_for(rng, alice, &[]);
    let body = wraps.body(rng, story.key(), key_server);
    let hash = Sha256::digest(&body).into();
    let party = cbor::Raw(placeholder.to_bytes());
    wraps.stanzas.push((party, key_server.pairs[0].fingerprint(), 1, hash));
    wraps.bodies.push(cbor::bytes(body));
    story.wraps.push(wraps.sign(alice.seed()));
    let mut input = story.input(&people, key_server);
    input.parties = vec![crate::common::hex::hex(placeholder.to_bytes())];
    rows.opens("session", "what waits in escrow", input);

    let (pair, signing) = (Pair::rsa(Suite::Rsa3072), signing_key(rng));
    let dave = Person::with_pair(Some("dave"), pair, signing);
    let made = made_here(rng, alice, &dave);
    rows.opens("session", "rsa-3072", made.input(&[alice, &dave], &dave));
    rows.opens("session", "hybrid next to rsa-3072", made.input(&[alice, &dave], alice));
}

/// Made by the crate, for a key that isn't made by hand.
fn made_here(rng: &mut Seeded, alice: &Person, dave: &Person) -> Story {
    use wardkey::session::{Created, Grant, Rights, create};
    let grants =
        [(alice, Rights::MANAGE), (dave, Rights::READ)].map(|(person, rights)| Grant { party: person.party(), rights });
    let Created { genesis, key, mut session } =
        create(rng, &alice.hand(), &crate::common::people::app(), &grants).expect("created");
    let known = crate::common::people::directory([alice, dave]);
    let wraps = session.wrap_genesis(rng, &alice.hand(), &key, &known).expect("wrapped");
    let Hash(id) = *session.log().id();
    let key = *key.dangerously_expose().expose();
    Story { id, genesis, entries: Vec::new(), hashes: vec![id], wraps: vec![wraps], keys: vec![key], right: cbor::Null }
}

fn messages(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, 15), (bob, 1)]);
    let first = story.message(rng, bob, 0, &story.view(), b"first");
    rows.opens("message", "by a reader", story.message_input(&people, alice, &first));
    story.tell(alice, revoke(&[bob.party()]));
    rows.opens("message", "by who was a reader", story.message_input(&people, alice, &first));
    // In his view he was one; when he wrote, nobody knows.
    story.rotate(rng, alice, &[alice]);
    rows.opens("message", "under an earlier generation", story.message_input(&people, alice, &first));
    let second = story.message(rng, alice, 1, &story.view(), b"second");
    rows.opens("message", "under a later generation", story.message_input(&people, alice, &second));

    let mut story = Story::new(rng, &[(alice, 15), (bob, 1)]);
    let mut creators = Story::new(rng, &[(bob, 0), (carol, 15)].map(|(person, rights)| (person, rights.max(2))));
    let message = creators.message(rng, bob, 0, &creators.view(), b"by who doesn't read");
    creators.grant(rng, carol, &[(bob, 4)], &[]);
    rows.opens("message", "by a creator who doesn't read", creators.message_input(&people, carol, &message));
    let key = &story.keys[0];
    let header = crate::common::craft::message::header(key, Some(&story.id), None, true);
    let mut padded = b"unsigned".to_vec();
    padded.resize(248, 0);
    padded.extend(8_u64.to_be_bytes());
    let context = cbor::context([("record", "4567")]);
    let message = crate::common::craft::message::sealed(rng, key, &header, &context, &padded);
    let mut input = story.message_input(&people, bob, &message);
    input.context.insert("record".to_owned(), "4567".to_owned());
    rows.opens("message", "unsigned", input);
    story.grant(rng, alice, &[(carol, 1)], &[carol]);
    let message = story.message(rng, carol, 0, &story.view(), b"from Carol");
    rows.opens("message", "by who was added", story.message_input(&people, bob, &message));
}

fn renewed(rng: &mut Seeded, cast: &Cast, rows: &mut Rows, mut story: Story) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    rows.opens("session", "its creator has new keys", story.input(&people, alice));
    story.grant(rng, alice, &[(carol, 1)], &[carol]);
    story.rotate(rng, alice, &[alice, bob, carol]);
    rows.opens("session", "signed with two versions", story.input(&people, alice));
    let message = story.message(rng, alice, 1, &story.view(), b"with the new bundle");
    rows.opens("message", "by a renewed author", story.message_input(&people, bob, &message));
}
