//! Messages of sessions that are wrong in one place.

use super::{rows::Cast, session::Rows};
use crate::common::{
    cbor,
    craft::{
        flip,
        message::{Trailer, group, header, leaf, sealed},
        session::revoke,
    },
    people::Person,
    rng::Seeded,
    story::Story,
};

pub(super) fn messages(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let start = Story::new(rng, &[(alice, 15), (bob, 1)]);
    let mut story = start.clone();
    story.tell(alice, revoke(&[bob.party()]));
    let revoked = story.clone();
    story.rotate(rng, alice, &[alice]);
    let mut fails = |name: &str, error: &str, message: &[u8]| {
        rows.fails("message", name, error, story.message_input(&people, alice, message));
    };
    let mut of = |by: &Person, generation: usize, trailer: &Trailer| story.message(rng, by, generation, trailer, b"x");
    fails("by a stranger", "forbidden", &of(mallory, 0, &start.view()));
    fails("by the key server", "forbidden", &of(key_server, 0, &start.view()));
    fails("by who was revoked in his view", "forbidden", &of(bob, 0, &revoked.view()));
    // Whoever gave him the new key.
    fails("under a key from after his loss, with the view before", "forbidden", &of(bob, 1, &start.view()));
    fails("under a key from after his loss, with the view then", "forbidden", &of(bob, 1, &story.view()));
    fails("under an old key, with a new view", "forbidden", &of(alice, 0, &story.view()));
    fails("a view beyond the log", "rollback", &of(alice, 1, &Trailer::single(3, [1; 32])));
    fails("a view far beyond the log", "rollback", &of(alice, 1, &Trailer::single(u64::MAX, [1; 32])));
    fails("a view of another log", "fork", &of(alice, 1, &Trailer::single(2, [1; 32])));
    let by_group = Trailer { authority: group(&[1; 32], 4, &[2; 32]), ..story.view() };
    fails("authority of a group", "unknown-group", &of(alice, 1, &by_group));
    let unknown = Person::new(rng, "dave");
    fails("by an unknown bundle", "bad-signature", &story.message(rng, &unknown, 1, &story.view(), b"x"));
    let message = story.message(rng, alice, 1, &story.view(), b"x");
    fails("the signature changed", "bad-signature", &flip(&message, 8 * message.len() - 1));
    fails("the view changed", "bad-signature", &flip(&message, 8 * (message.len() - 184)));
    fails("cut", "truncated", &message[..message.len() - 100]);
    // F10: Bob's trailer on Alice's message; Alice's name on what Bob signed.
    let bobs = start.message(rng, bob, 0, &start.view(), b"x");
    let alices = start.message(rng, alice, 0, &start.view(), b"x");
    let swapped = [&alices[..alices.len() - 184], &bobs[bobs.len() - 184..]].concat();
    fails("another's trailer", "bad-signature", &swapped);
    let key = &story.keys[1];
    let named = header(key, Some(&story.id), Some((&alice.signer.bundle.0, 0)), false);
    let body = sealed(rng, key, &named, &cbor::context([]), b"x");
    let forged = [body.as_slice(), &story.view().sign(bob.seed(), &leaf(&body, named.len()))].concat();
    fails("signed by another than it names", "bad-signature", &forged);

    let unsigned = |rng: &mut Seeded, session: Option<&[u8; 32]>, key: &[u8; 32]| {
        let header = header(key, session, None, false);
        sealed(rng, key, &header, &cbor::context([]), b"x")
    };
    fails("of another session", "key-mismatch", &unsigned(rng, Some(&[4; 32]), key));
    fails("of no session", "key-mismatch", &unsigned(rng, None, key));
    fails("under a key that isn't there", "not-a-recipient", &unsigned(rng, Some(&story.id), &[6; 32]));
    fails("in another context", "decryption-failed", &{
        let header = header(key, Some(&story.id), None, false);
        sealed(rng, key, &header, &cbor::context([("a", "b")]), b"x")
    });

    // The creator who doesn't read writes only while generation 0 is the newest.
    let mut creators = Story::new(rng, &[(bob, 2), (carol, 15)]);
    creators.rotate(rng, carol, &[carol]);
    let message = creators.message(rng, bob, 1, &creators.view(), b"x");
    rows.fails(
        "message",
        "by a creator who doesn't read, later",
        "forbidden",
        creators.message_input(&people, carol, &message),
    );
    let message = start.message(rng, bob, 0, &start.view(), b"x");
    let mut input = start.message_input(&people, alice, &message);
    input.minimum = 2;
    rows.fails("message", "below the minimum", "downgrade", input);
}
