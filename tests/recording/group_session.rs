//! `group_session.json`: sessions that groups take part in, SPEC sections 12.3 to 12.7 and 13.

use wardkey::{key_pair::PublicKey, party::Party, signed::Hash};

use super::{
    group_session_broken, group_session_invalid,
    rows::{self, Cast},
};
use crate::common::{
    cbor::{self, Array, Item, Null, Uint},
    craft::{
        self,
        group::{ADMIN, MEMBER, add, epoch_pair},
        message::{self, Trailer},
        session::{Wraps, assignment, revoke},
    },
    group_story,
    hex::hex,
    people::Person,
    rng::Seeded,
    rows::{Opened, Refused},
    schema::File,
    story::{Input, Story, only_for},
};

pub(super) type Rows = rows::Rows<Input>;

/// A group, and the keys that the key server gives its members.
#[derive(Clone)]
pub(super) struct Ward {
    pub(super) log: group_story::Story,
    pub(super) keys: Vec<u8>,
}

impl Ward {
    /// Bob is its admin, Carol a member.
    pub(super) fn new(rng: &mut Seeded, cast: &Cast) -> Self {
        let Cast { bob, carol, .. } = cast;
        let log = group_story::Story::new(rng, &[(bob, ADMIN), (carol, MEMBER)]);
        Self { log, keys: Vec::new() }.keyed(rng, bob, &[bob, carol])
    }

    /// With the group keys of the newest operation.
    pub(super) fn keyed(mut self, rng: &mut Seeded, by: &Person, members: &[&Person]) -> Self {
        self.keys = self.log.keys(rng, by, members).draft(by.seed()).encode();
        self
    }

    /// Bob removes Carol.
    pub(super) fn without_carol(&self, rng: &mut Seeded, cast: &Cast) -> Self {
        let mut after = self.clone();
        after.log.remove(rng, &cast.bob, &[&cast.carol]);
        after.keyed(rng, &cast.bob, &[&cast.bob])
    }

    /// Bob adds somebody; with the keys that are given to him.
    pub(super) fn with(&self, rng: &mut Seeded, cast: &Cast, newcomer: &Person) -> Self {
        let mut after = self.clone();
        after.log.tell(&cast.bob, add(&[(newcomer, MEMBER)]));
        after.keyed(rng, &cast.bob, &[newcomer])
    }

    pub(super) const fn party(&self) -> Party {
        Party::Group(Hash(self.log.id))
    }

    /// Of its newest epoch.
    pub(super) fn public(&self) -> PublicKey {
        PublicKey::from_bytes(epoch_pair(self.log.secret()).pair.public_key().as_bytes()).expect("a key")
    }

    /// In its right, by the state after this operation.
    pub(super) fn right(&self, sequence: usize) -> Item {
        let hash = self.log.hashes[sequence];
        Array(vec![cbor::bytes(self.log.id), Uint(sequence as u64), cbor::bytes(hash)])
    }

    /// The same in a trailer.
    pub(super) fn authority(&self, sequence: usize) -> [u8; 72] {
        message::group(&self.log.id, sequence as u64, &self.log.hashes[sequence])
    }

    /// As a member opens the session who knows the group like this.
    pub(super) fn opens(&self, story: &Story, people: &[&Person], member: &Person) -> Input {
        let mut input = self.known_to(story, people, member);
        input.parties.push(hex(self.party().to_bytes()));
        input.groups = vec![self.log.known(Some(&self.keys))];
        input
    }

    /// As somebody reads it who knows the group's log like this, and is no member.
    pub(super) fn known_to(&self, story: &Story, people: &[&Person], reader: &Person) -> Input {
        Input { groups: vec![self.log.known(None)], ..story.input(people, reader) }
    }
}

/// A session by Alice, who has all rights; the ward has these, and others have theirs.
pub(super) fn session(rng: &mut Seeded, cast: &Cast, ward: &Ward, rights: u64, others: &[(&Person, u64)]) -> Story {
    let key = crate::common::rng::draw_array(rng);
    let alice = &cast.alice;
    let mut grants = vec![(alice.party(), 15), (ward.party(), rights)];
    grants.extend(others.iter().map(|(person, rights)| (person.party(), *rights)));
    let genesis = craft::session::Genesis::of(alice, rng, &key, &grants);
    let mut story = Story::of(&genesis, &genesis.sign(alice.seed()), key);
    let mut readers = vec![alice];
    readers.extend(others.iter().filter(|(_, rights)| rights & 1 == 1).map(|(person, _)| *person));
    let wards: &[&Ward] = if rights & 1 == 1 { &[ward] } else { &[] };
    let wraps = wraps_for(rng, &story, alice, &readers, wards);
    story.wraps.push(wraps.sign(alice.seed()));
    story
}

/// A wraps object of the newest entry, of the newest key.
pub(super) fn wraps_for(rng: &mut Seeded, story: &Story, by: &Person, people: &[&Person], wards: &[&Ward]) -> Wraps {
    let mut wraps = story.wraps_for(rng, by, people);
    for ward in wards {
        wraps.insert(rng, story.key(), &ward.party(), &ward.public());
    }
    wraps
}

/// The next generation, wrapped for these.
pub(super) fn rotate(rng: &mut Seeded, story: &mut Story, by: &Person, people: &[&Person], wards: &[&Ward]) {
    story.begin_generation(rng, by);
    let [.., before, key] = story.keys.as_slice() else { panic!("two generations") };
    let wraps = wraps_for(rng, story, by, people, wards).with_previous(rng, key, before);
    story.wraps.push(wraps.sign(by.seed()));
}

/// In the ward's right, by its state after this operation.
pub(super) fn for_ward<T>(story: &mut Story, ward: &Ward, sequence: usize, act: impl FnOnce(&mut Story) -> T) -> T {
    story.right = ward.right(sequence);
    let done = act(story);
    story.right = Null;
    done
}

/// A trailer in the ward's right, with the view of the newest entry.
pub(super) fn view_for(story: &Story, ward: &Ward, sequence: usize) -> Trailer {
    Trailer { authority: ward.authority(sequence), ..story.view() }
}

pub(super) fn file(rng: &mut Seeded) -> File<Opened<Input>, Refused<Input>> {
    let cast = Cast::new(rng);
    let mut rows = Rows::new();
    readers(rng, &cast, &mut rows);
    epochs(rng, &cast, &mut rows);
    messages(rng, &cast, &mut rows);
    rights(rng, &cast, &mut rows);
    back_dated(rng, &cast, &mut rows);
    generations(rng, &cast, &mut rows);
    escrow(rng, &cast, &mut rows);
    group_session_invalid::rows(rng, &cast, &mut rows);
    group_session_broken::rows(rng, &cast, &mut rows);
    rows.file()
}

fn readers(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let story = session(rng, cast, &ward, 1, &[]);
    rows.opens("session", "a group reads: its admin", ward.opens(&story, &people, bob));
    rows.opens("session", "a group reads: a member", ward.opens(&story, &people, carol));
    rows.opens("session", "a group reads: who isn't in it", ward.known_to(&story, &people, alice));
    let mut given = story.clone();
    given.wraps = vec![only_for(&story.wraps[0], &ward.party().to_bytes())];
    rows.opens("session", "its body alone", ward.opens(&given, &people, carol));

    let story = session(rng, cast, &ward, 1, &[(bob, 1)]);
    let mut input = ward.opens(&story, &people, bob);
    input.groups[0].keys = None;
    rows.opens("session", "who also reads himself needs no group's key", input);
    let mut given = story.clone();
    given.wraps = vec![only_for(&story.wraps[0], &ward.party().to_bytes())];
    rows.opens("session", "who also reads himself, the group's body alone", ward.opens(&given, &people, bob));

    // Two groups with the same people.
    let other = Ward::new(rng, cast);
    let mut story = session(rng, cast, &ward, 1, &[]);
    story.tell(alice, craft::session::grant(&[(other.party(), 3), (mallory.party(), 2)]));
    let wraps = wraps_for(rng, &story, alice, &[], &[&other]);
    story.wraps.push(wraps.sign(alice.seed()));
    let mut input = other.opens(&story, &people, carol);
    input.groups.push(ward.log.known(None));
    rows.opens("session", "a grant to another group, and who is in that", input);
    let both = |ward: &Ward, other: &Ward| {
        let mut input = ward.opens(&story, &people, bob);
        input.parties.push(hex(other.party().to_bytes()));
        input.groups.push(other.log.known(Some(&other.keys)));
        input
    };
    rows.opens("session", "two groups, and who is in both", both(&ward, &other));
    let later = other.without_carol(rng, cast);
    rows.opens("session", "two groups, one of them in a newer epoch", both(&ward, &later));
}

fn epochs(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let dave = &Person::new(rng, "dave");
    let people = [cast.all().as_slice(), &[dave]].concat();
    let ward = Ward::new(rng, cast);
    let mut story = session(rng, cast, &ward, 1, &[]);
    let after = ward.without_carol(rng, cast);
    rows.opens("session", "a newer epoch makes a generation due", after.opens(&story, &people, bob));
    rows.opens("session", "also for who isn't in the group", after.known_to(&story, &people, alice));
    rows.opens("session", "who doesn't know of the newer epoch", ward.opens(&story, &people, carol));
    rows.opens("session", "who knows no log of the group", story.input(&people, alice));
    let first = story.message(rng, carol, 0, &view_for(&story, &ward, 0), b"by who leaves");
    let joined = after.with(rng, cast, dave);
    rows.opens("session", "a newcomer, by the epoch before", joined.opens(&story, &people, dave));

    rotate(rng, &mut story, alice, &[alice], &[&after]);
    let second = story.message(rng, bob, 1, &view_for(&story, &after, 1), b"under the second epoch");
    let two = [("a member of both", &after, bob), ("a newcomer", &joined, dave)];
    for (name, known, reader) in two {
        rows.opens("session", &format!("through two epochs: {name}"), known.opens(&story, &people, reader));
        for (which, sealed) in [("first", &first), ("second", &second)] {
            let input = Input { sealed: hex(sealed), ..known.opens(&story, &people, reader) };
            rows.opens("message", &format!("through two epochs: {name}, the {which}"), input);
        }
    }
    rows.opens("session", "an addition makes none due", joined.known_to(&story, &people, alice));
    // The removed one.
    rows.fails("session", "who was removed, by what she had", "not-a-recipient", ward.opens(&story, &people, carol));
    rows.fails("session", "who was removed, and knows it", "revoked", after.opens(&story, &people, carol));
    let mut input = after.known_to(&story, &people, carol);
    rows.fails("session", "who was removed, without a group", "not-a-recipient", input.clone());
    input.parties.push(hex(after.party().to_bytes()));
    rows.fails("session", "a party of the group without its keys", "not-a-recipient", input);
    let input = Input { sealed: hex(&second), ..ward.opens(&story, &people, carol) };
    rows.fails("message", "who was removed, of what came then", "not-a-recipient", input);

    // An epoch whose secret before was spoiled: what was wrapped for it is closed, and the session open.
    let mut broken = ward.clone();
    let secret: [u8; 32] = crate::common::rng::draw_array(rng);
    broken.log.tell(bob, craft::group::rotate(craft::group::epoch(&secret, cbor::bytes([0; 104]))));
    broken.log.secrets.push(secret);
    let broken = broken.keyed(rng, bob, &[bob, carol]);
    let mut story = session(rng, cast, &ward, 1, &[(mallory, 1)]);
    rows.fails("session", "of an epoch that stays closed", "not-a-recipient", broken.opens(&story, &people, carol));
    rotate(rng, &mut story, alice, &[alice, mallory], &[&broken]);
    rows.opens("session", "of an epoch above a closed one", broken.opens(&story, &people, carol));
}

fn messages(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let mut story = session(rng, cast, &ward, 1, &[(carol, 1)]);
    let after = ward.without_carol(rng, cast);
    let opens = |rows: &mut Rows, name: &str, story: &Story, message: &[u8]| {
        let input = Input { sealed: hex(message), ..after.known_to(story, &people, alice) };
        rows.opens("message", name, input);
    };
    let of = |rng: &mut Seeded, story: &Story, by: &Person, trailer: &Trailer| {
        story.message(rng, by, story.keys.len() - 1, trailer, b"in whose right")
    };
    let message = of(rng, &story, bob, &view_for(&story, &ward, 0));
    opens(rows, "in the group's right", &story, &message);
    let message = of(rng, &story, carol, &story.view());
    opens(rows, "in his own right, who is also in the group", &story, &message);
    // As if before she went: nobody can tell.
    let message = of(rng, &story, carol, &view_for(&story, &ward, 0));
    opens(rows, "by who left, under a key that she had", &story, &message);
    let mut creators = session(rng, cast, &ward, 15, &[]);
    creators.right = ward.right(0);
    creators.tell(bob, revoke(&[alice.party()]));
    creators.right = Null;
    let message = of(rng, &creators, alice, &creators.view());
    let input = Input { sealed: hex(&message), ..ward.opens(&creators, &people, bob) };
    rows.opens("message", "by the creator, whom the group revoked, in generation 0", input);
    rotate(rng, &mut story, alice, &[alice, carol], &[&after]);
    let message = of(rng, &story, bob, &view_for(&story, &after, 1));
    opens(rows, "in the group's right, by its newest state", &story, &message);
    for_ward(&mut story, &after, 1, |story| rotate(rng, story, bob, &[alice, carol], &[&after]));
    // Of messages, unlike of entries, no rising sequence is asked.
    let message = of(rng, &story, bob, &view_for(&story, &after, 0));
    opens(rows, "in the group's right, by an older state than an entry's", &story, &message);
}

fn rights(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let mut story = session(rng, cast, &ward, 15, &[]);
    for_ward(&mut story, &ward, 0, |story| story.grant(rng, carol, &[(mallory, 3)], &[mallory]));
    rows.opens("log", "a grant in the group's right", ward.known_to(&story, &people, alice));
    rows.opens("session", "a grant in the group's right", ward.known_to(&story, &people, mallory));
    story.tell(mallory, craft::session::grant(&[(bob.party(), 1)]));
    let wraps = wraps_for(rng, &story, mallory, &[bob], &[]);
    story.wraps.push(wraps.sign(mallory.seed()));
    for_ward(&mut story, &ward, 0, |story| story.tell(bob, revoke(&[alice.party(), mallory.party()])));
    rows.opens("log", "a manager is revoked in the group's right", ward.known_to(&story, &people, alice));
    rows.opens("session", "a revocation in the group's right makes a generation due", {
        ward.opens(&story, &people, carol)
    });
    for_ward(&mut story, &ward, 0, |story| rotate(rng, story, carol, &[bob], &[&ward]));
    rows.opens("session", "a generation in the group's right", ward.opens(&story, &people, carol));
    let added = ward.with(rng, cast, mallory);
    for_ward(&mut story, &added, 1, |story| story.grant(rng, mallory, &[(mallory, 1)], &[mallory]));
    rows.opens("log", "by a state that came later", added.known_to(&story, &people, alice));
    for_ward(&mut story, &added, 1, |story| story.tell(mallory, craft::session::revoke_all()));
    rows.opens("log", "the end, in the group's right", added.known_to(&story, &people, alice));

    let mut story = session(rng, cast, &ward, 15, &[]);
    story.right = ward.right(0);
    story.tell(carol, revoke(&[ward.party()]));
    rows.opens("log", "a group revokes itself", ward.known_to(&story, &people, alice));
}

/// G7: who was removed signs by a state in which she was a member.
fn back_dated(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let dave = &Person::new(rng, "dave");
    let people = [cast.all().as_slice(), &[dave]].concat();
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    // She goes on reading in her own right.
    let start = session(rng, cast, &ward, 15, &[(carol, 1), (dave, 1)]);
    let mut story = start.clone();
    rotate(rng, &mut story, alice, &[alice, carol, dave], &[&after]);
    for_ward(&mut story, &ward, 0, |story| story.grant(rng, carol, &[(mallory, 3)], &[mallory]));
    rows.opens("log", "back-dated: it stands in the log", after.known_to(&story, &people, alice));
    rows.opens("unconfirmed", "back-dated", after.known_to(&story, &people, alice));
    rows.opens("unconfirmed", "back-dated: who doesn't know of her removal", ward.known_to(&story, &people, alice));
    rows.opens("session", "back-dated: a generation is due", after.opens(&story, &people, bob));
    rows.opens("session", "back-dated: the key was wrapped", after.known_to(&story, &people, mallory));
    let mut on = story.clone();
    on.grant(rng, mallory, &[(bob, 1)], &[bob]);
    rows.opens("unconfirmed", "back-dated: whom it lets in gives it on", after.known_to(&on, &people, alice));

    rotate(rng, &mut story, alice, &[alice, carol, dave], &[&after]);
    rows.opens("session", "back-dated: the next generation leaves him out", after.opens(&story, &people, bob));
    let unaware = ward.known_to(&story, &people, carol);
    rows.opens("session", "back-dated: who doesn't know of her removal takes that", unaware);
    rows.opens("session", "back-dated: he keeps what he had", after.known_to(&story, &people, mallory));
    let message = story.message(rng, alice, 2, &story.view(), b"without him");
    let input = Input { sealed: hex(message), ..after.known_to(&story, &people, mallory) };
    rows.fails("message", "back-dated: who was left out", "not-a-recipient", input);
    for_ward(&mut story, &after, 1, |story| story.grant(rng, bob, &[(mallory, 1)], &[mallory]));
    let replaced = after.known_to(&story, &people, mallory);
    rows.opens("unconfirmed", "back-dated: replaced by an entitled manager's", replaced.clone());
    rows.opens("session", "back-dated: replaced by an entitled manager's", replaced);

    // What she did before she went, as an entry says that was signed then.
    let mut story = start.clone();
    for_ward(&mut story, &ward, 0, |story| story.grant(rng, carol, &[(mallory, 3)], &[mallory]));
    let granted = story.clone();
    for_ward(&mut story, &ward, 0, |story| story.grant(rng, bob, &[(dave, 2)], &[]));
    rows.opens("unconfirmed", "confirmed by a later entry", after.known_to(&story, &people, alice));
    rotate(rng, &mut story, alice, &[alice, carol, dave, mallory], &[&after]);
    rows.opens("session", "confirmed by a later entry", after.opens(&story, &people, bob));
    let mut story = granted;
    for_ward(&mut story, &after, 1, |story| story.grant(rng, bob, &[(dave, 2)], &[]));
    rows.opens("unconfirmed", "not by one that names a state without her", after.known_to(&story, &people, alice));

    // A back-dated revocation: nobody wraps for who was revoked, and nobody is unconfirmed.
    let mut story = start;
    for_ward(&mut story, &ward, 0, |story| story.tell(carol, revoke(&[dave.party()])));
    rows.opens("log", "a back-dated revocation", after.known_to(&story, &people, alice));
    rows.opens("unconfirmed", "a back-dated revocation", after.known_to(&story, &people, alice));
    rotate(rng, &mut story, alice, &[alice, carol], &[&after]);
    rows.opens("session", "a back-dated revocation", after.known_to(&story, &people, alice));
}

/// When the next one is due.
fn generations(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    let start = session(rng, cast, &ward, 15, &[]);
    let mut story = start.clone();
    for_ward(&mut story, &ward, 0, |story| rotate(rng, story, carol, &[alice], &[&ward]));
    rows.opens("session", "a generation by a member", ward.opens(&story, &people, bob));
    let mut story = start.clone();
    for_ward(&mut story, &ward, 0, |story| rotate(rng, story, carol, &[alice], &[&after]));
    rows.opens("session", "a generation by who has left, for the newest epoch", after.opens(&story, &people, bob));
    let mut confirmed = story.clone();
    for_ward(&mut confirmed, &ward, 0, |story| story.grant(rng, bob, &[(mallory, 2)], &[]));
    rows.opens("session", "a generation by who has left, confirmed", after.opens(&confirmed, &people, bob));
    for_ward(&mut story, &after, 1, |story| rotate(rng, story, bob, &[alice], &[&after]));
    rows.opens("session", "a generation after that of who has left", after.opens(&story, &people, bob));
    let mut story = start;
    story.tell(alice, craft::session::grant(&[(ward.party(), 1)]));
    rows.opens("session", "a grant to a group that reads has no wraps", ward.opens(&story, &people, carol));
    story.tell(alice, revoke(&[ward.party()]));
    rows.opens("session", "the group is revoked", ward.known_to(&story, &people, alice));
    rows.fails("session", "the group is revoked: a member", "revoked", ward.opens(&story, &people, bob));
    story.grant(rng, alice, &[(bob, 1)], &[bob]);
    rotate(rng, &mut story, alice, &[alice, bob], &[]);
    rows.opens("session", "the group is revoked, and he reads himself", ward.opens(&story, &people, bob));
    rows.fails("session", "the group is revoked: another member", "revoked", ward.opens(&story, &people, carol));
}

/// An assignment's wraps are the key server's.
pub(super) fn assigned(rng: &mut Seeded, cast: &Cast, ward: &Ward, story: &mut Story, placeholder: &Party) {
    story.tell(&cast.key_server, assignment(placeholder, &ward.log.id));
    let wraps = wraps_for(rng, story, &cast.key_server, &[], &[ward]);
    story.wraps.push(wraps.sign(cast.key_server.seed()));
}

/// Alice lets a placeholder in.
pub(super) fn placed(rng: &mut Seeded, cast: &Cast, story: &mut Story, placeholder: &Party, rights: u64) {
    story.tell(&cast.alice, craft::session::grant(&[(placeholder.clone(), rights)]));
    if rights & 1 == 1 {
        let mut wraps = story.wraps_for(rng, &cast.alice, &[]);
        wraps.insert(rng, story.key(), placeholder, cast.key_server.pair().public_key());
        story.wraps.push(wraps.sign(cast.alice.seed()));
    }
}

fn escrow(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, key_server, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let placeholder = cast.placeholder();
    let mut story = Story::new(rng, &[(alice, 15)]);
    placed(rng, cast, &mut story, &placeholder, 7);
    rows.fails("session", "escrow: before the assignment", "not-a-recipient", ward.opens(&story, &people, bob));
    assigned(rng, cast, &ward, &mut story, &placeholder);
    rows.opens("log", "escrow: assigned", ward.known_to(&story, &people, alice));
    rows.opens("unconfirmed", "escrow: assigned", ward.known_to(&story, &people, alice));
    rows.opens("session", "escrow: assigned, a generation is due", ward.opens(&story, &people, carol));
    let mut input = ward.known_to(&story, &people, key_server);
    input.parties = vec![hex(placeholder.to_bytes())];
    rows.fails("session", "escrow: assigned, the key server", "revoked", input);
    for_ward(&mut story, &ward, 0, |story| rotate(rng, story, carol, &[alice], &[&ward]));
    rows.opens("session", "escrow: the next writer made a generation", ward.opens(&story, &people, bob));
    let message = story.message(rng, carol, 1, &view_for(&story, &ward, 0), b"from the ward");
    let input = Input { sealed: hex(message), ..ward.known_to(&story, &people, alice) };
    rows.opens("message", "escrow: in the group's right", input);

    let mut story = session(rng, cast, &ward, 1, &[]);
    placed(rng, cast, &mut story, &placeholder, 3);
    story.tell(key_server, assignment(&placeholder, &ward.log.id));
    rows.opens("session", "escrow: assigned to a group that reads already", ward.opens(&story, &people, bob));
    let mut story = Story::new(rng, &[(alice, 15)]);
    placed(rng, cast, &mut story, &placeholder, 2);
    story.tell(key_server, assignment(&placeholder, &ward.log.id));
    rows.opens("session", "escrow: assigned, and doesn't read", ward.known_to(&story, &people, alice));
    // In an epoch that came later.
    let mut story = Story::new(rng, &[(alice, 15)]);
    placed(rng, cast, &mut story, &placeholder, 1);
    rotate_with_placeholder(rng, cast, &mut story, &placeholder);
    let after = ward.without_carol(rng, cast);
    assigned(rng, cast, &after, &mut story, &placeholder);
    rows.opens("session", "escrow: assigned in a second epoch and generation", after.opens(&story, &people, bob));
}

fn rotate_with_placeholder(rng: &mut Seeded, cast: &Cast, story: &mut Story, placeholder: &Party) {
    story.begin_generation(rng, &cast.alice);
    let mut wraps = story.generation_wraps(rng, &cast.alice, &[&cast.alice]);
    wraps.insert(rng, story.key(), placeholder, cast.key_server.pair().public_key());
    story.wraps.push(wraps.sign(cast.alice.seed()));
}
