"""Messages of sessions and their authors (SPEC section 13)."""

from __future__ import annotations

from typing import Any

from wardkey_format import author, message, rights
from wardkey_format.action import Revoke
from wardkey_format.errors import Code
from wardkey_format.randomness import draw

from .cast import Cast
from .entries import Entries
from .person import Person
from .session_maker import SessionMaker

READ, ALL = rights.READ, rights.ALL
CONTEXT = {"record": "7"}


def good_messages(entries: Entries, cast: Cast) -> None:
    made, _ = cast.whole_session()

    def good(
        name: str,
        sealed: bytes,
        by: Person | None,
        text: bytes,
        generation: int,
        session: SessionMaker = made,
        reader: Person = cast.ben,
        context: dict[str, str] | None = None,
    ) -> None:
        expected = {
            "plaintext": text.hex(),
            "author": by and {"user_id": by.user_id, "fingerprint": by.fingerprint.hex()},
            "generation": generation,
        }
        entries.good("message", name, session.read_message(reader, sealed, context), expected)

    def signed(name: str, by: Person, generation: int, view: int) -> None:
        text = name.encode()
        sealed = made.message(by, text, generation=generation, view=view, context=CONTEXT)
        good(name, sealed, by, text, generation, context=CONTEXT)

    signed("by the creator, at the genesis", cast.anna, 0, 0)
    signed("by a reader of the genesis", cast.ben, 0, 3)
    signed("by who was revoked later", cast.cleo, 0, 2)
    signed("by a granted reader", cast.dora, 1, 4)
    signed("at an assignment", cast.dora, 1, 5)
    signed("in generation 2", cast.dora, 2, 7)
    signed("in the newest generation", cast.anna, 3, 9)
    old = cast.anna.copy()
    for values in (old.keys, old.seeds, old.objects, old.hashes):
        values.pop()
    sealed = made.message(old, b"old", generation=0, view=0)
    good("by an older bundle", sealed, cast.anna, b"old", 0)

    key = made.keys[1]
    sealed = message.seal(key, b"unsigned", CONTEXT, session_id=made.session_id, padded=True)
    good("unsigned, padded", sealed, None, b"unsigned", 1, context=CONTEXT)
    drafts = [author.Draft(bytes([n]) * 10_000 * n) for n in range(3)]
    signer = author.Signer(cast.ben.seed, cast.ben.hash, 9, made.hashes[9])
    for n, sealed in enumerate(author.seal_batch(signer, made.keys[3], made.session_id, drafts)):
        good(f"item {n} of a batch", sealed, cast.ben, drafts[n].plaintext, 3)

    alone = cast.session({cast.ben.party: ALL})
    sealed = alone.message(cast.anna, b"handed over", generation=0, view=0)
    good("by a creator without rights", sealed, cast.anna, b"handed over", 0, alone)


def bad_messages(entries: Entries, cast: Cast) -> None:
    made, _ = cast.whole_session()

    def bad(
        name: str, code: Code, sealed: bytes, session: SessionMaker = made, **changes: Any
    ) -> None:
        given = session.read_message(cast.ben, sealed, **changes)
        entries.bad("message", name, given, code)

    def signed(
        name: str, code: Code, by: Person, generation: int, view: int, **options: Any
    ) -> None:
        bad(name, code, made.message(by, b"x", generation=generation, view=view, **options))

    good = made.message(cast.anna, b"x", generation=3, view=9)
    bad("below the minimum", "downgrade", good, minimum=2)
    bad("cut", "truncated", good[:50])
    signed("of another session", "key-mismatch", cast.anna, 3, 9, session_id=draw(32))
    bad("of no session", "key-mismatch", message.seal(made.keys[3], b"x"))
    signed("a key that isn't the session's", "not-a-recipient", cast.anna, 3, 9, key=draw(32))
    bad("another context", "decryption-failed", good, context={"record": "8"})
    stranger = Person.new("stranger")
    signed("an author whom nobody knows", "bad-signature", stranger, 3, 9)
    signed("by another key than the author's", "bad-signature", cast.anna, 3, 9, seed=draw(32))
    for at, name in ((-1, "signature"), (-80, "trailer")):
        flipped = bytearray(good)
        flipped[at] ^= 1
        bad(f"a flipped {name}", "bad-signature", bytes(flipped))
    half = bytes(40) + b"\x01" + bytes(31)
    signed("half an authority", "bad-signature", cast.anna, 3, 9, authority=half)
    group = author.authority_of_group(draw(32), 0, draw(32))
    signed("for a group", "unknown-group", cast.anna, 3, 9, authority=group)
    signed("a view beyond the log", "rollback", cast.anna, 3, 10)
    signed("a view of another log", "fork", cast.anna, 3, 9, log_hash=draw(32))
    signed("a view of another genesis", "fork", cast.anna, 0, 0, log_hash=draw(32))
    signed("an older generation than at the view", "forbidden", cast.anna, 2, 9)
    signed("a newer generation than at the view", "forbidden", cast.anna, 3, 8)
    signed("by who was revoked, at a view after", "forbidden", cast.cleo, 0, 3)
    signed("by who was revoked, in a later generation", "forbidden", cast.cleo, 1, 4)
    signed("by who is granted later", "forbidden", cast.dora, 0, 1)
    signed("by a stranger with the key", "forbidden", cast.eve, 3, 9)
    signed("by the key server", "forbidden", cast.server, 3, 9)

    handed = cast.session({cast.ben.party: ALL})
    handed.generation(cast.ben, [cast.ben.party])
    sealed = handed.message(cast.anna, b"x", generation=1, view=1)
    bad("by a creator without rights, in generation 1", "forbidden", sealed, handed)
    left = cast.session({cast.anna.party: ALL, cast.ben.party: ALL})
    left.add(cast.ben, Revoke((cast.anna.party,)))
    left.generation(cast.ben, [cast.ben.party])
    sealed = left.message(cast.anna, b"x", generation=1, view=2)
    bad("by a revoked creator to whom the key was given", "forbidden", sealed, left)


def make(entries: Entries, cast: Cast) -> None:
    good_messages(entries, cast)
    bad_messages(entries, cast)
