//! What was the newest, and when.

use wardkey::{
    error::Code,
    group::{Log, SignedHead, sign_head},
    session::Hand,
};

use super::{DAY, FIRST, Server, Ward, member};
use crate::common::{
    cbor::{self, Array, Uint},
    code,
    craft::objects::Draft,
    people::Person,
};

fn head_by(person: &Person, log: &Log, now: u64) -> Vec<u8> {
    sign_head(&Hand { now, ..person.hand() }, log).unwrap()
}

#[test]
fn heads_and_freshness() {
    let (mut ward, directory) = Ward::new("heads");
    let Ward { rng, alice, bob, mallory, server, .. } = &mut ward;
    let start = alice.hand().now;
    let log = server.read(&directory).unwrap();
    let read = |log: &Log, head: &[u8]| SignedHead::read(log, head, &directory, FIRST);
    let head = read(&log, &head_by(bob, &log, start + DAY)).unwrap();
    assert_eq!((head.head().time, head.head().end), (start + DAY, start + 2 * DAY));
    let heads = [head];
    assert_eq!(code(log.check_fresh(&[], start)), Code::Stale);
    assert_eq!(log.check_fresh(&heads, start + DAY), Ok(()));
    assert_eq!(log.check_fresh(&heads, start + 2 * DAY - 1), Ok(()));
    assert_eq!(code(log.check_fresh(&heads, start + 2 * DAY)), Code::Stale, "it has ended");
    assert_eq!(log.check_fresh(&heads, start + DAY - 5 * 60_000), Ok(()), "a clock that is ahead a little");
    assert_eq!(code(log.check_fresh(&heads, start + DAY - 5 * 60_000 - 1)), Code::Stale);
    // Members go on for a week without an admin.
    for (day, fresh) in [(6, true), (7, false)] {
        let heads = [read(&log, &head_by(bob, &log, start + day * DAY)).unwrap()];
        assert_eq!(log.check_fresh(&heads, start + day * DAY).is_ok(), fresh, "day {day}");
        let with_admin = [heads[0].clone(), read(&log, &head_by(alice, &log, start + 2 * DAY)).unwrap()];
        assert_eq!(log.check_fresh(&with_admin, start + day * DAY), Ok(()), "day {day}");
    }
    // Of somebody else, of another group, too long, wrongly signed.
    assert_eq!(code(sign_head(&mallory.hand(), &log)), Code::Forbidden);
    let draft = |person: &Person, view: (u64, [u8; 32]), end: u64| {
        let fields = vec![
            cbor::bytes(log.id().0),
            Uint(view.0),
            cbor::bytes(view.1),
            Uint(start),
            Uint(end),
            cbor::bytes(person.signer.bundle.0),
        ];
        Array(Draft::new("wardkey/v1/group-head", fields, person.seed()).items()).encode()
    };
    let view = (0, log.head().hash);
    assert!(read(&log, &draft(bob, view, start + DAY)).is_ok());
    assert_eq!(code(read(&log, &draft(mallory, view, start + DAY))), Code::Forbidden);
    assert_eq!(code(read(&log, &draft(bob, view, start + DAY + 1))), Code::Forbidden);
    assert_eq!(code(read(&log, &draft(bob, view, start))), Code::InvalidFormat);
    assert_eq!(code(read(&log, &draft(bob, (0, [1; 32]), start + DAY))), Code::Fork);
    assert_eq!(code(read(&log, &draft(bob, (1, view.1), start + DAY))), Code::Rollback);
    let other = Server::found(rng, alice, &[member(bob)], &directory).read(&directory).unwrap();
    assert_eq!(code(read(&log, &head_by(bob, &other, start))), Code::KeyMismatch);
    // After a removal, a head of the state before says nothing of the newest one; nor does one of who was removed.
    server.remove(rng, alice, &[bob], &directory).unwrap();
    let newest = server.read(&directory).unwrap();
    assert_eq!(code(newest.check_fresh(&heads, start + DAY)), Code::Stale);
    let late = head_by(bob, &log, start + DAY);
    assert!(read(&newest, &late).is_ok(), "he was a member then");
    let view = (1, newest.head().hash);
    assert_eq!(code(read(&newest, &draft(bob, view, start + DAY))), Code::Forbidden);
}

/// An admin whose clock was years ahead hasn't signed for all these years.
#[test]
fn an_admin_in_the_future() {
    let (mut ward, directory) = Ward::new("future");
    let Ward { rng, alice, bob, server, .. } = &mut ward;
    let start = alice.hand().now;
    let log = server.read(&directory).unwrap();
    let ahead = Hand { now: start + 1000 * DAY, ..alice.hand() };
    let made = log.rotate(rng, &ahead, Some(&server.open(alice, &directory).unwrap()), &directory).unwrap();
    server.take(rng, alice, made, &directory);
    let log = server.read(&directory).unwrap();
    let fresh = |day: u64| {
        let head = SignedHead::read(&log, &head_by(bob, &log, start + day * DAY), &directory, FIRST).unwrap();
        log.check_fresh(&[head], start + day * DAY)
    };
    assert_eq!(fresh(6), Ok(()));
    assert_eq!(code(fresh(8)), Code::Stale);
    assert_eq!(fresh(1000), Ok(()));
}
