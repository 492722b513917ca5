//! Sessions that groups take part in, wrong in one place.

use super::{
    group_session::{Rows, Ward, assigned, for_ward, placed, rotate, session, view_for, wraps_for},
    rows::Cast,
};
use crate::common::{
    cbor::{self, Array, Item, Null, Uint},
    craft::{
        self, flip,
        message::{self, Trailer},
        session::{Wraps, assignment, generation, grant, revoke, revoke_all},
    },
    hex::hex,
    people::Person,
    rng::{Seeded, draw_array},
    story::{Input, Story, only_for},
};

pub(super) fn rows(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    authorities(rng, cast, rows);
    groups(rng, cast, rows);
    rights(rng, cast, rows);
    wraps(rng, cast, rows);
    openings(rng, cast, rows);
    messages(rng, cast, rows);
}

/// States of the group that an entry may not name, and who may not sign for it.
fn authorities(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    let start = session(rng, cast, &ward, 15, &[]);
    let right =
        |sequence: u64, hash: [u8; 32]| Array(vec![cbor::bytes(ward.log.id), Uint(sequence), cbor::bytes(hash)]);
    let action = || revoke(&[alice.party()]);
    let mut fails = |name: &str, error: &str, known: &Ward, entries: &[(&Person, Item)]| {
        let mut story = start.clone();
        for (by, right) in entries {
            story.right = right.clone();
            let action = if story.entries.is_empty() { action() } else { grant(&[(mallory.party(), 2)]) };
            story.tell(by, action);
        }
        rows.fails("log", &format!("authority: {name}"), error, known.known_to(&story, &people, alice));
    };
    fails("a state beyond the group's log", "rollback", &ward, &[(bob, after.right(1))]);
    fails("a state far beyond it", "rollback", &ward, &[(bob, right(u64::MAX, after.log.hashes[1]))]);
    fails("another hash of its genesis", "fork", &ward, &[(bob, right(0, [1; 32]))]);
    fails("another hash of an operation", "fork", &after, &[(bob, right(1, after.log.hashes[0]))]);
    fails("who never was a member", "forbidden", &after, &[(mallory, ward.right(0))]);
    fails("a manager who is no member", "forbidden", &after, &[(alice, ward.right(0))]);
    fails("who is no member any more in the state named", "forbidden", &after, &[(carol, after.right(1))]);
    fails("who isn't yet in the state named", "forbidden", &ward.with(rng, cast, mallory), &[(mallory, ward.right(0))]);
    fails("the key server", "forbidden", &after, &[(key_server, ward.right(0))]);
    fails("a falling sequence", "rollback", &after, &[(bob, after.right(1)), (bob, ward.right(0))]);
    fails("a falling sequence by another", "rollback", &after, &[(bob, after.right(1)), (carol, ward.right(0))]);
    let other = Ward::new(rng, cast);
    fails("of another group", "unknown-group", &ward, &[(bob, other.right(0))]);
    fails("a group's id with another's state", "fork", &ward, &[(bob, right(0, other.log.hashes[0]))]);
    fails("an array of two", "invalid-format", &ward, &[(bob, Array(vec![cbor::bytes(ward.log.id), Uint(0)]))]);
    fails("72 bytes", "invalid-format", &ward, &[(bob, cbor::bytes(ward.authority(0)))]);

    let mut story = start.clone();
    story.right = ward.right(0);
    story.tell(bob, action());
    rows.fails("log", "authority: no log of the group", "unknown-group", story.log_input(&people));
    let mut input = ward.known_to(&story, &people, alice);
    input.entries[0] = hex(flip(&story.entries[0], 8 * story.entries[0].len() - 8));
    rows.fails("log", "authority: the signature changed", "bad-signature", input);
    let mut forged = start.clone();
    forged.right = ward.right(0);
    let entry = forged.next(bob, action());
    forged.push(&entry, mallory.seed());
    let input = ward.known_to(&forged, &people, alice);
    rows.fails("log", "authority: in a member's name", "bad-signature", input);
    let mut forged = start.clone();
    let entry = forged.next(bob, action());
    let moved = craft::session::Entry { authority: ward.right(0), ..entry.clone() };
    forged.push(&moved, bob.seed());
    let mut object = craft::objects::values(&moved.sign(bob.seed()));
    object[2] = craft::objects::values(&entry.sign(bob.seed())).remove(2);
    forged.entries[0] = Array(object).encode();
    let input = ward.known_to(&forged, &people, alice);
    rows.fails("log", "authority: put into what he signed for himself", "bad-signature", input);
}

/// Logs of the group that are wrong themselves.
fn groups(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    let story = session(rng, cast, &ward, 1, &[]);
    let mut fails = |name: &str, error: &str, change: &dyn Fn(&mut Input)| {
        let mut input = after.opens(&story, &people, bob);
        change(&mut input);
        rows.fails("session", &format!("the group's log: {name}"), error, input);
    };
    fails("an operation changed", "bad-signature", &|input| {
        let operation = &after.log.operations[0];
        input.groups[0].operations = vec![hex(flip(operation, 8 * operation.len() - 8))];
    });
    fails("an operation twice", "bad-signature", &|input| {
        let again = input.groups[0].operations[0].clone();
        input.groups[0].operations.push(again);
    });
    fails("of another group", "key-mismatch", &|input| input.groups[0].group_id = hex([1; 32]));
    fails("an entry in its place", "invalid-format", &|input| {
        let mut told = story.clone();
        told.tell(alice, revoke_all());
        input.groups[0].operations = told.entries.iter().map(hex).collect();
    });
    fails("keys of another operation", "not-a-recipient", &|input| {
        input.groups[0].keys = ward.log.known(Some(&ward.keys)).keys;
    });
    fails("who isn't its admin", "bad-signature", &|input| {
        let mut other = ward.log.clone();
        let mut operation = other.next(carol, craft::group::add(&[(alice, 0)]));
        operation.fields[4] = cbor::bytes(bob.signer.bundle.0);
        other.push(&operation);
        input.groups[0].operations = other.operations.iter().map(hex).collect();
    });
}

/// Rights that the group has not, or that are somebody else's.
fn rights(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let placeholder = cast.placeholder();
    let mut forbidden = |name: &str, rights: u64, right: Item, by: &Person, action: Item| {
        // Bob has all rights himself, Carol none; Mallory and a placeholder read.
        let mut story = session(rng, cast, &ward, rights, &[(bob, 15), (mallory, 1)]);
        placed(rng, cast, &mut story, &placeholder, 1);
        story.right = right;
        story.tell(by, action);
        rows.fails("log", &format!("rights: {name}"), "forbidden", ward.known_to(&story, &people, alice));
    };
    let own = Null;
    let of_ward = || ward.right(0);
    let to_carol = |rights: u64| grant(&[(carol.party(), rights)]);
    forbidden("a grant by a group without forward", 5, of_ward(), carol, to_carol(1));
    forbidden("a grant of what the group hasn't", 3, of_ward(), carol, to_carol(4));
    forbidden("a grant of manage by a group without", 7, of_ward(), carol, to_carol(15));
    forbidden("a revocation by a group without", 3, of_ward(), carol, revoke(&[mallory.party()]));
    forbidden("a manager is revoked by a group without manage", 7, of_ward(), carol, revoke(&[alice.party()]));
    forbidden("a member revokes who has no rights", 15, of_ward(), carol, revoke(&[carol.party()]));
    forbidden("revoke all by a group without manage", 7, of_ward(), carol, revoke_all());
    forbidden("a generation by a group that doesn't read", 6, of_ward(), carol, generation(1, &[1; 32]));
    forbidden("a generation that doesn't follow, by a group", 1, of_ward(), carol, generation(2, &[1; 32]));
    forbidden("the member's own rights in the group's right", 1, of_ward(), bob, to_carol(1));
    forbidden("the group's rights in the member's own", 15, own, carol, to_carol(1));
    let assign = || assignment(&placeholder, &ward.log.id);
    forbidden("an assignment by a member", 15, of_ward(), carol, assign());
    forbidden("an assignment by the key server in the group's right", 15, of_ward(), key_server, assign());
    let mut story = session(rng, cast, &ward, 15, &[]);
    for_ward(&mut story, &ward, 0, |story| story.tell(bob, revoke(&[ward.party()])));
    for_ward(&mut story, &ward, 0, |story| story.tell(bob, to_carol(1)));
    rows.fails("log", "rights: a group that revoked itself", "forbidden", ward.known_to(&story, &people, alice));
}

fn wraps(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    let mut start = session(rng, cast, &ward, 15, &[]);
    for_ward(&mut start, &ward, 0, |story| story.grant(rng, carol, &[(mallory, 1)], &[mallory]));
    let mut fails = |name: &str, story: &Story, wraps: &[u8]| {
        let mut story = story.clone();
        story.wraps.push(wraps.to_vec());
        let input = after.known_to(&story, &people, alice);
        rows.fails("session", &format!("wraps: {name}"), "bad-signature", input);
    };
    // W4: of a generation.
    let mut story = start.clone();
    story.begin_generation(rng, alice);
    let of = |rng: &mut Seeded, story: &Story, by: &Person, readers: &[&Person], wards: &[&Ward]| {
        let [.., before, key] = story.keys.as_slice() else { panic!("two generations") };
        wraps_for(rng, story, by, readers, wards).with_previous(rng, key, before)
    };
    let all = of(rng, &story, alice, &[alice, mallory], &[&after]);
    fails(
        "a generation that leaves out the group",
        &story,
        &of(rng, &story, alice, &[alice, mallory], &[]).sign(alice.seed()),
    );
    fails(
        "a generation that leaves out its maker",
        &story,
        &of(rng, &story, alice, &[mallory], &[&after]).sign(alice.seed()),
    );
    fails("a generation for a member beside the group", &story, &{
        of(rng, &story, alice, &[alice, carol, mallory], &[&after]).sign(alice.seed())
    });
    let other = Ward::new(rng, cast);
    fails("a generation for another group", &story, &{
        of(rng, &story, alice, &[alice, mallory], &[&after, &other]).sign(alice.seed())
    });
    fails(
        "a generation by another than its signer",
        &story,
        &Wraps { signer: bob.signer.bundle.0, ..all }.sign(bob.seed()),
    );
    // Who was let in in nobody's right but the signer's own isn't left out.
    let mut own = start.clone();
    own.grant(rng, alice, &[(mallory, 1)], &[]);
    own.begin_generation(rng, alice);
    fails("a generation that leaves out who is also confirmed", &own, &{
        of(rng, &own, alice, &[alice], &[&after]).sign(alice.seed())
    });
    // Of a grant: exactly whom it lets in, confirmed or not.
    let mut story = session(rng, cast, &ward, 15, &[]);
    story.right = ward.right(0);
    story.tell(carol, grant(&[(mallory.party(), 1), (other.party(), 1)]));
    let both = wraps_for(rng, &story, carol, &[mallory], &[&other]);
    fails(
        "a grant that leaves out a group",
        &story,
        &wraps_for(rng, &story, carol, &[mallory], &[]).sign(carol.seed()),
    );
    fails("a grant that leaves out a user", &story, &wraps_for(rng, &story, carol, &[], &[&other]).sign(carol.seed()));
    fails("a grant with a group that has a stanza", &story, &{
        wraps_for(rng, &story, carol, &[mallory], &[&other, &ward]).sign(carol.seed())
    });
    let by_bob = Wraps { signer: bob.signer.bundle.0, ..both };
    fails("a grant in the group's right, wrapped by another member", &story, &by_bob.sign(bob.seed()));
    // Of an assignment.
    let placeholder = cast.placeholder();
    let mut story = Story::new(rng, &[(alice, 15)]);
    placed(rng, cast, &mut story, &placeholder, 1);
    let mut good = story.clone();
    assigned(rng, cast, &ward, &mut good, &placeholder);
    assert!(ward.opens(&good, &people, bob).open("session").is_ok());
    story.tell(key_server, assignment(&placeholder, &ward.log.id));
    let mut fails = |name: &str, story: &Story, wraps: Option<Wraps>, by: &Person| {
        let mut story = story.clone();
        story.wraps.extend(wraps.map(|wraps| wraps.sign(by.seed())));
        let input = ward.opens(&story, &people, bob);
        rows.fails("session", &format!("wraps: an assignment {name}"), "bad-signature", input);
    };
    fails("without wraps", &story, None, key_server);
    fails("for another group", &story, Some(wraps_for(rng, &story, key_server, &[], &[&other])), key_server);
    fails(
        "for more than its group",
        &story,
        Some(wraps_for(rng, &story, key_server, &[], &[&ward, &other])),
        key_server,
    );
    fails("for a member", &story, Some(wraps_for(rng, &story, key_server, &[bob], &[])), key_server);
    fails("by a manager", &story, Some(wraps_for(rng, &story, alice, &[], &[&ward])), alice);
    fails("in the key server's name", &story, Some(wraps_for(rng, &story, key_server, &[], &[&ward])), alice);
    let with_previous = {
        let mut twice = story.clone();
        twice.keys.push(draw_array(rng));
        let key = twice.keys[1];
        Wraps { generation: 1, ..wraps_for(rng, &story, key_server, &[], &[&ward]) }.with_previous(
            rng,
            &key,
            story.key(),
        )
    };
    fails("with a key before", &story, Some(Wraps { generation: 0, ..with_previous }), key_server);
    let mut reads = session(rng, cast, &ward, 1, &[]);
    placed(rng, cast, &mut reads, &placeholder, 1);
    reads.tell(key_server, assignment(&placeholder, &ward.log.id));
    fails("to a group that has a stanza", &reads, Some(wraps_for(rng, &reads, key_server, &[], &[&ward])), key_server);
}

fn openings(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let start = session(rng, cast, &ward, 1, &[]);
    let mut input = ward.opens(&start, &people, bob);
    input.groups[0].keys = None;
    rows.fails("session", "opening: no keys of the group", "not-a-recipient", input);
    let mut given = start.clone();
    given.wraps = vec![only_for(&start.wraps[0], &alice.party().to_bytes())];
    rows.fails("session", "opening: the group's body is missing", "bad-signature", ward.opens(&given, &people, bob));
    let mut input = ward.opens(&start, &people, bob);
    input.parties.truncate(1);
    rows.fails("session", "opening: without the group as a party", "not-a-recipient", input);
    let other = Ward::new(rng, cast);
    let input = other.opens(&start, &people, bob);
    rows.fails("session", "opening: a member of another group", "not-a-recipient", input);
    let input = ward.opens(&Story::new(rng, &[(alice, 15)]), &people, carol);
    rows.fails("session", "opening: the group is no reader", "not-a-recipient", input);
    let forwarding = session(rng, cast, &ward, 2, &[]);
    rows.fails(
        "session",
        "opening: the group only gives on",
        "not-a-recipient",
        ward.opens(&forwarding, &people, carol),
    );

    // Signed as it should be, and wrong inside.
    let inside = |rng: &mut Seeded, change: &dyn Fn(&mut Seeded, &mut Wraps)| {
        let mut story = start.clone();
        // Of the genesis, for Alice; the group's is put in.
        let mut wraps = story.wraps_for(rng, alice, &[alice]);
        change(rng, &mut wraps);
        story.wraps = vec![wraps.sign(alice.seed())];
        ward.opens(&story, &people, carol)
    };
    let key = start.key();
    let cases: Vec<(&str, &str, Input)> = vec![
        ("a stanza for another member's own key", "not-a-recipient", {
            inside(rng, &|rng, wraps| wraps.insert(rng, key, &ward.party(), bob.pair().public_key()))
        }),
        ("a stanza for another group's key", "not-a-recipient", {
            inside(rng, &|rng, wraps| wraps.insert(rng, key, &ward.party(), &other.public()))
        }),
        ("a stanza of another generation", "unwrap-failed", {
            inside(rng, &|rng, wraps| {
                let mut later = Wraps { generation: 1, ..wraps.clone() };
                later.insert(rng, key, &ward.party(), &ward.public());
                *wraps = Wraps { generation: 0, ..later };
            })
        }),
        ("another key for the group", "key-mismatch", {
            inside(rng, &|rng, wraps| wraps.insert(rng, &[6; 32], &ward.party(), &ward.public()))
        }),
    ];
    for (name, error, input) in cases {
        rows.fails("session", &format!("opening: {name}"), error, input);
    }
    let input = ward.known_to(&start, &people, mallory);
    rows.fails("session", "opening: a stranger who knows the group", "not-a-recipient", input);
}

fn messages(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    let start = session(rng, cast, &ward, 1, &[]);
    let mut story = start.clone();
    rotate(rng, &mut story, alice, &[alice], &[&after]);
    let mut fails = |name: &str, error: &str, known: &Ward, message: &[u8]| {
        let input = Input { sealed: hex(message), ..known.known_to(&story, &people, alice) };
        rows.fails("message", &format!("author: {name}"), error, input);
    };
    let view = story.view();
    let by_state = |sequence: u64, hash: [u8; 32]| Trailer {
        authority: message::group(&ward.log.id, sequence, &hash),
        ..view.clone()
    };
    let mut of = |by: &Person, generation: usize, trailer: &Trailer| story.message(rng, by, generation, trailer, b"x");
    let newest = view_for(&story, &after, 1);
    fails("a state beyond the group's log", "rollback", &ward, &of(bob, 1, &newest));
    fails("a state far beyond it", "rollback", &after, &of(bob, 1, &by_state(u64::MAX, [1; 32])));
    fails("another hash of the group", "fork", &after, &of(bob, 1, &by_state(1, [1; 32])));
    fails("who never was a member", "forbidden", &after, &of(mallory, 1, &newest));
    fails("who is no member any more", "forbidden", &after, &of(carol, 1, &newest));
    fails("the key server", "forbidden", &after, &of(key_server, 1, &newest));
    fails("a reader who is no member", "forbidden", &after, &of(alice, 1, &newest));
    fails("a member in his own right", "forbidden", &after, &of(bob, 1, &view));
    // A key that isn't the newest in the author's view.
    fails("an old key with a new view", "forbidden", &after, &of(bob, 0, &newest));
    let before = view_for(&start, &ward, 0);
    fails("a new key with an old view", "forbidden", &after, &of(carol, 1, &before));
    fails("a new key in a later view of who was removed", "forbidden", &after, &of(carol, 1, &newest));
    fails("a view beyond the log", "rollback", &after, &of(bob, 1, &Trailer { sequence: 2, ..newest.clone() }));
    fails("a view of another log", "fork", &after, &of(bob, 1, &Trailer { log_hash: [1; 32], ..newest.clone() }));
    let other = Ward::new(rng, cast);
    let mut of = |by: &Person, generation: usize, trailer: &Trailer| story.message(rng, by, generation, trailer, b"x");
    fails("of a group of which no log is known", "unknown-group", &after, &of(bob, 1, &view_for(&story, &other, 0)));
    fails("half an authority", "bad-signature", &after, &{
        let mut half = newest.clone();
        half.authority[..32].fill(0);
        of(bob, 1, &half)
    });
    let good = of(bob, 1, &newest);
    // The trailer ends with 72 bytes of authority, 8 of batch, 64 of signature.
    fails("the group's id changed", "bad-signature", &after, &flip(&good, 8 * (good.len() - 144)));
    fails("the group's sequence changed", "bad-signature", &after, &flip(&good, 8 * (good.len() - 105)));
    fails("the group's hash changed", "bad-signature", &after, &flip(&good, 8 * (good.len() - 73)));

    let mut known = other.known_to(&story, &people, alice);
    known.groups.push(after.log.known(None));
    let message = story.message(rng, bob, 1, &view_for(&story, &other, 0), b"x");
    rows.fails("message", "author: of a group that doesn't read", "forbidden", Input { sealed: hex(message), ..known });
    let mut later = Story::new(rng, &[(alice, 15)]);
    let before = view_for(&later, &ward, 0);
    later.tell(alice, grant(&[(ward.party(), 1)]));
    let wraps = wraps_for(rng, &later, alice, &[], &[&ward]);
    later.wraps.push(wraps.sign(alice.seed()));
    let message = later.message(rng, bob, 0, &before, b"x");
    let input = Input { sealed: hex(message), ..ward.opens(&later, &people, bob) };
    rows.fails("message", "author: of a group that reads later", "forbidden", input);
    later.tell(alice, revoke(&[ward.party()]));
    let message = later.message(rng, bob, 0, &view_for(&later, &ward, 0), b"x");
    let input = Input { sealed: hex(message), ..ward.known_to(&later, &people, alice) };
    rows.fails("message", "author: of a group that was revoked", "forbidden", input);
    // Her own doing gives the creator no right in a group's name.
    let members = ward.with(rng, cast, alice);
    let mut handed = session(rng, cast, &ward, 2, &[(mallory, 1)]);
    handed.tell(alice, revoke(&[alice.party()]));
    let message = handed.message(rng, alice, 0, &view_for(&handed, &members, 1), b"x");
    let input = Input { sealed: hex(message), ..members.known_to(&handed, &people, mallory) };
    rows.fails("message", "author: the creator in the right of a group that doesn't read", "forbidden", input);
}
