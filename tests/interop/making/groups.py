"""`group.json`: logs, keys and heads of groups (SPEC sections 12.8 to 12.12)."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from wardkey_format import cbor, cobblestone, derive, epoch, group_genesis, group_keys, operation
from wardkey_format.errors import Code
from wardkey_format.group_head import DAY, HOUR, MINUTE
from wardkey_format.member import ADMIN, MEMBER
from wardkey_format.operation import Add, GiveRoles, Remove, Rotate
from wardkey_format.party import Group, User
from wardkey_format.party import encode as encode_party
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.suite import Suite
from wardkey_format.wraps import Place

from .cast import Cast
from .entries import Entries, Json
from .forging import flipped, long_head, signed
from .group_maker import START, GroupMaker, roles
from .person import Person


def group(cast: Cast, given: dict[Person, int], **fields: Any) -> GroupMaker:
    """A genesis by anna."""
    made = GroupMaker(cast.anna, cast.people)
    made.begin(roles(given), **fields)
    return made


def whole_group(cast: Cast) -> tuple[GroupMaker, dict[Person, int]]:
    """Every operation once at least; and who has which role at its end."""
    anna, ben, cleo, dora = cast.anna, cast.ben, cast.cleo, cast.dora
    made = group(cast, {anna: ADMIN, ben: MEMBER})
    made.add(anna, Add(roles({cleo: MEMBER, dora: ADMIN})))
    made.remove(dora, ben)
    made.rotate(anna)
    made.add(dora, GiveRoles(roles({anna: MEMBER, cleo: ADMIN})))
    made.add(cleo, Add(roles({ben: MEMBER})))
    return made, {anna: MEMBER, ben: MEMBER, cleo: ADMIN, dora: ADMIN}


def replayed(made: GroupMaker, held: dict[Person, int]) -> Json:
    return {
        "name": "Ward 7 → OP",
        "hours": 24,
        "days": 7,
        "hashes": [one.hex() for one in made.hashes],
        "members": [
            {"party": encode_party(one).hex(), "role": role} for one, role in roles(held)
        ],
        "epochs": [
            {
                "commitment": derive.key_commitment(secret).hex(),
                "fingerprint": epoch.key_pair(secret).public_key.fingerprint.hex(),
            }
            for secret in made.secrets
        ],
    }


def opened(made: GroupMaker) -> Json:
    return {
        "secret": made.secrets[-1].hex(),
        "fingerprints": [
            epoch.key_pair(secret).public_key.fingerprint.hex() for secret in made.secrets
        ],
    }


def good_logs(entries: Entries, cast: Cast) -> None:
    anna, ben = cast.anna, cast.ben
    start = group(cast, {anna: ADMIN, ben: MEMBER})
    entries.good("group", "a genesis", start.log(), replayed(start, {anna: ADMIN, ben: MEMBER}))
    made, held = whole_group(cast)
    entries.good("group", "every operation", made.log(), replayed(made, held))
    seen = [{"sequence": at, "hash": made.hashes[at].hex()} for at in (0, 3, made.sequence)]
    entries.good("group", "as it was seen before", made.log(seen=seen), replayed(made, held))
    older = anna.before_renewal()
    made = GroupMaker(older, cast.people)
    made.begin(roles({older: ADMIN}))
    made.add(anna, Add(roles({ben: ADMIN})))
    expected = replayed(made, {anna: ADMIN, ben: ADMIN})
    entries.good("group", "a renewed signer", made.log(), expected)


def good_keys(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo, dora = cast.anna, cast.ben, cast.cleo, cast.dora

    def good(name: str, made: GroupMaker, reader: Person, keys: bytes) -> None:
        entries.good("group-keys", name, made.opening(reader, keys), opened(made))

    made = group(cast, {anna: ADMIN, ben: MEMBER})
    of_genesis = made.keys(anna, [anna, ben])
    good("of a genesis, hybrid", made, anna, of_genesis)
    good("of a genesis, rsa-3072", made, ben, of_genesis)
    made.add(anna, Add(roles({cleo: ADMIN, dora: MEMBER})))
    of_addition = made.keys(anna, [cleo, dora], only_for=cleo)
    good("a newcomer, rsa-4096", made, cleo, of_addition)
    good("a member of the first hour beside newcomers", made, ben, of_genesis)
    made.remove(cleo, ben)
    good("after a removal", made, dora, made.keys(cleo, [anna, cleo, dora]))
    made.rotate(cleo)
    of_rotation = made.keys(cleo, [anna, cleo, dora], only_for=dora)
    good("after a rotation, his own body alone", made, dora, of_rotation)
    made.add(anna, Add(roles({ben: MEMBER})))
    good("who comes again has every epoch", made, ben, made.keys(anna, [ben]))


def good_heads(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo = cast.anna, cast.ben, cast.cleo

    def good(kind: str, name: str, made: GroupMaker, now: int, *times: tuple[int, Person]) -> None:
        heads = [made.head(person, time) for time, person in times]
        expected = [
            {
                "sequence": made.sequence,
                "hash": made.hashes[-1].hex(),
                "time": time,
                "end": time + DAY,
            }
            for time, _ in times
        ]
        entries.good(kind, name, made.fresh(now, *heads), expected)

    made = group(cast, {anna: ADMIN, ben: MEMBER})
    good("heads", "by two members", made, 0, (START, ben), (START + HOUR, anna))
    good("fresh", "just signed", made, START, (START, ben))
    good("fresh", "five minutes ahead", made, START - 5 * MINUTE, (START, ben))
    good("fresh", "for the last millisecond", made, START + DAY - 1, (START, ben))
    last = START + 7 * DAY - 1
    good("fresh", "an admin's last day", made, last, (last, ben))
    early = group(cast, {anna: ADMIN, ben: MEMBER}, _4=0)
    good("fresh", "in 1970", early, 0, (0, ben))
    made.add(anna, Add(roles({cleo: ADMIN})))
    later = START + 9 * DAY
    good("fresh", "an admin signed a head", made, later, (START + 3 * DAY, cleo), (later, ben))


def bad_logs(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo, dora, eve = cast.anna, cast.ben, cast.cleo, cast.dora, cast.eve

    def bad_genesis(name: str, error: Code, given: dict[Person, int], **fields: Any) -> None:
        made = group(cast, given, **fields)
        entries.bad("group", f"genesis: {name}", made.log(), error)

    usual = {anna: ADMIN, ben: MEMBER}
    namesake = Person.new("ben")
    rsa = ben.key_pair.public_key.encode()
    for name, fields in (
        ("an empty name", {"_5": ""}),
        ("a name over 128 bytes", {"_5": "ä" * 65}),
        ("a control character", {"_5": "Ward\t7"}),
        ("nobody", {"_6": []}),
        ("role 2", {"_6": [[anna.party.cbor(), 2]]}),
        ("a group as a member", {"_6": [[cast.group.cbor(), ADMIN]]}),
        ("a placeholder as a member", {"_6": [[cast.placeholder.cbor(), ADMIN]]}),
        ("a user id twice", {"_6": [[one.cbor(), r] for one, r in roles({ben: 0, namesake: 1})]}),
        ("an epoch with an RSA key", {"_7": [draw(32), rsa, None]}),
        ("an epoch with one before it", {"_7": [draw(32), rsa, draw(104)]}),
        ("0 hours", {"_8": 0}),
        ("2161 hours", {"_8": 2_161}),
        ("0 days", {"_9": 0}),
        ("91 days", {"_9": 91}),
        ("a field more", {"_10": None}),
    ):
        bad_genesis(name, "invalid-format", usual, **fields)
    bad_genesis("another app", "key-mismatch", usual, _1="elsewhere")
    bad_genesis("an unknown signer", "bad-signature", usual, _2=draw(32))
    bad_genesis("another's name for a signer", "bad-signature", usual, _2=ben.hash)
    bad_genesis("a creator who is a member only", "forbidden", {anna: MEMBER, ben: ADMIN})
    bad_genesis("a creator who isn't in it", "forbidden", {ben: ADMIN})
    made, other = group(cast, usual), group(cast, usual)
    made.genesis = other.genesis
    entries.bad("group", "genesis: of another group", made.log(), "key-mismatch")
    made = group(cast, usual)
    made.genesis = long_head(made.genesis)
    entries.bad("group", "genesis: a longer head", made.log(), "invalid-format")

    start = group(cast, {anna: ADMIN, ben: MEMBER, cleo: ADMIN})
    start.add(anna, GiveRoles(roles({cleo: MEMBER})))

    def bad(name: str, error: Code, change: Callable[[GroupMaker], Any], **changes: Any) -> None:
        made = start.copy()
        change(made)
        entries.bad("group", name, made.log(**changes), error)

    addition = Add(roles({dora: MEMBER}))
    for name, error, fields in (
        ("another group's", "key-mismatch", {"_1": draw(32)}),
        ("sequence 0", "invalid-format", {"_2": 0}),
        ("a sequence left out", "bad-signature", {"_2": 3}),
        ("another hash before", "bad-signature", {"_3": draw(32)}),
        ("an unknown signer", "bad-signature", {"_5": draw(32)}),
        ("no action", "invalid-format", {"_6": []}),
        ("action 5", "unsupported-version", {"_6": [5, None]}),
        ("nobody is added", "invalid-format", {"_6": [1, []]}),
        ("nobody is removed", "invalid-format", {"_6": [2, [], []]}),
        ("a rotation without an epoch", "invalid-format", {"_6": [4, None]}),
    ):
        bad(name, error, lambda made, fields=fields: made.add(anna, addition, **fields))

    def by_nobody(made: GroupMaker) -> None:
        made.add(anna, addition, seed=draw(32))

    bad("another's signature", "bad-signature", by_nobody)

    def as_genesis(made: GroupMaker) -> None:
        payload = cbor.encode(made.payload(anna, addition).cbor())
        signature = signed(group_genesis.FORM, anna.seed, payload)
        made.operations.append(signature)

    bad("signed as a genesis", "bad-signature", as_genesis)

    def flip(made: GroupMaker) -> None:
        made.add(anna, addition)
        made.operations[-1] = flipped(made.operations[-1], -1)

    bad("a flipped signature", "bad-signature", flip)

    def version_2(made: GroupMaker) -> None:
        payload = cbor.encode(made.payload(anna, addition).cbor())
        made.operations.append(signed(operation.FORM, anna.seed, payload, version=2))

    bad("version 2", "unsupported-version", version_2)
    bad("twice", "bad-signature", lambda made: made.operations.append(made.operations[-1]))
    older = anna.before_renewal()
    bad("an older bundle than the genesis's", "rollback", lambda made: made.add(older, addition))

    def forbidden(name: str, change: Callable[[GroupMaker], Any]) -> None:
        bad(name, "forbidden", change)

    old_admin = GroupMaker(cleo, cast.people)
    old_admin.begin(roles({cleo: ADMIN, anna: ADMIN}))
    old_admin.add(anna, GiveRoles(roles({anna: MEMBER})))
    old_admin.add(older, addition)
    entries.bad("group", "an older bundle, and no admin", old_admin.log(), "rollback")

    forbidden("a member adds", lambda made: made.add(ben, addition))
    forbidden("who was an admin adds", lambda made: made.add(cleo, addition))
    forbidden("a stranger adds", lambda made: made.add(eve, addition))
    forbidden("the key server adds", lambda made: made.add(cast.server, addition))
    forbidden("a member rotates", lambda made: made.rotate(ben))
    forbidden("a member goes", lambda made: made.remove(ben, ben))
    forbidden("who is a member is added", lambda made: made.add(anna, Add(roles({ben: ADMIN}))))
    same_name = Add(roles({namesake: MEMBER}))
    forbidden("a member's namesake is added", lambda made: made.add(anna, same_name))
    forbidden("a stranger is removed", lambda made: made.remove(anna, dora))
    forbidden("one of two removed is a stranger", lambda made: made.remove(anna, ben, dora))
    forbidden("the last admin goes", lambda made: made.remove(anna, anna))
    for name, given in (
        ("the last admin is made a member", {anna: MEMBER}),
        ("the role that he has", {ben: MEMBER}),
        ("a role for a stranger", {dora: ADMIN}),
        ("a role for a member's namesake", {namesake: ADMIN}),
    ):
        forbidden(name, lambda made, given=given: made.add(anna, GiveRoles(roles(given))))

    def after_his_removal(made: GroupMaker) -> None:
        made.add(anna, GiveRoles(roles({ben: ADMIN})))
        made.remove(ben, anna)
        made.add(anna, addition)

    forbidden("an admin who was removed adds", after_his_removal)

    def seen(sequence: int, expected: bytes) -> Json:
        return {"seen": [{"sequence": sequence, "hash": expected.hex()}]}

    bad("shorter than seen", "rollback", lambda made: None, **seen(2, draw(32)))
    bad("another operation than seen", "fork", lambda made: None, **seen(1, draw(32)))


def bad_keys(entries: Entries, cast: Cast) -> None:
    anna, ben, dora, eve = cast.anna, cast.ben, cast.dora, cast.eve
    made = group(cast, {anna: ADMIN, dora: MEMBER})
    start, of_genesis = made.copy(), made.keys(anna, [anna, dora])
    made.add(anna, GiveRoles(roles({dora: ADMIN})))
    made.rotate(anna)

    def bad(name: str, error: Code, keys: bytes, reader: Person = dora) -> None:
        entries.bad("group-keys", name, made.opening(reader, keys), error)

    for name, error, fields in (
        ("another group's", "key-mismatch", {"_1": draw(32)}),
        ("of an operation to come", "bad-signature", {"_2": 3}),
        ("of roles", "bad-signature", {"_2": 1}),
        ("of the genesis, in another epoch", "key-mismatch", {"_2": 0}),
        ("another epoch", "key-mismatch", {"_3": 0}),
        ("another key id than it is wrapped under", "unwrap-failed", {"_4": draw(16)}),
        ("another commitment", "key-mismatch", {"_5": draw(32)}),
        ("another signer", "bad-signature", {"_6": dora.hash}),
        ("no stanzas", "invalid-format", {"_7": []}),
        ("a field more", "invalid-format", {"_8": None}),
    ):
        bad(name, error, made.keys(anna, [anna, dora], **fields))
    bad("signed by another admin", "bad-signature", made.keys(dora, [anna, dora]))
    bad("a member is missing", "bad-signature", made.keys(anna, [dora]))
    bad("a stranger is there", "bad-signature", made.keys(anna, [anna, dora, eve]))
    place = Place(Group(draw(32)), draw(32), Suite.HYBRID, sha256(b"").digest())
    bad("a group is there", "bad-signature", made.keys(anna, [anna, dora], also=(place,)))
    waiting = Place(cast.placeholder, draw(32), Suite.HYBRID, sha256(b"").digest())
    bad("a placeholder is there", "bad-signature", made.keys(anna, [anna, dora], also=(waiting,)))
    bad("null for the reader", "bad-signature", made.keys(anna, [anna, dora], only_for=anna))
    bad("a longer head", "invalid-format", long_head(made.keys(anna, [anna, dora])))
    bad("another secret", "key-mismatch", made.keys(anna, [anna, dora], wrapped=draw(32)))
    before = made.keys(anna, [anna, dora], wrapped=made.secrets[0])
    bad("the secret of the epoch before", "key-mismatch", before)
    bad("keys of an operation before", "not-a-recipient", of_genesis)
    # Several faults: the first check counts.
    unsigned = flipped(made.keys(anna, [anna, dora], _3=0), -1)
    bad("another epoch, and a body that wasn't signed for", "key-mismatch", unsigned)
    bad("another epoch, by another admin", "bad-signature", made.keys(dora, [anna, dora], _3=0))
    bad("another epoch, a member missing", "key-mismatch", made.keys(anna, [dora], _3=0))
    of_before = start.keys(anna, [anna, dora], only_for=anna)
    bad("keys of an operation before, null for the reader", "not-a-recipient", of_before)
    bad("a stranger opens what is none", "not-a-recipient", b"", eve)
    bad("a stranger opens", "not-a-recipient", made.keys(anna, [anna, dora]), eve)
    stranger = dora.copy()
    stranger.keys = [KeyPair.generate(Suite.HYBRID)]
    bad("without the private key", "not-a-recipient", made.keys(anna, [anna, dora]), stranger)
    left = made.copy()
    left.remove(anna, dora)
    removed = left.opening(dora, left.keys(anna, [anna]))
    entries.bad("group-keys", "who was removed opens", removed, "revoked")
    nothing = left.opening(dora, b"")
    entries.bad("group-keys", "who was removed opens what is none", nothing, "revoked")
    also = left.opening(anna, left.keys(anna, [anna, dora]))
    entries.bad("group-keys", "also for who was removed", also, "bad-signature")
    left.add(anna, Add(roles({ben: MEMBER})))
    for_all = left.opening(anna, left.keys(anna, [anna, ben]))
    entries.bad("group-keys", "of an addition, for all", for_all, "bad-signature")


def bad_epochs(entries: Entries, cast: Cast) -> None:
    anna, dora = cast.anna, cast.dora
    start = group(cast, {anna: ADMIN, dora: MEMBER})
    first = start.secrets[0]

    def bad(name: str, error: Code, **other: Any) -> None:
        made = start.copy()
        secret = draw(32)
        made.secrets.append(secret)
        commitment = derive.key_commitment(first)
        number = other.get("number", 1)
        bound = epoch.previous_context(made.group_id, number, commitment)
        sealed = cobblestone.seal(other.get("under", secret), bound, other.get("before", first))
        public = epoch.key_pair(other.get("public", secret)).public_key
        made.add(anna, Rotate(epoch.Epoch(derive.key_commitment(secret), public, sealed)))
        given = made.opening(dora, made.keys(anna, [anna, dora]))
        entries.bad("group-keys", f"epoch: {name}", given, error)

    bad("a foreign public key", "key-mismatch", public=draw(32))
    bad("a foreign secret before", "key-mismatch", before=draw(32))
    bad("sealed under another secret", "decryption-failed", under=draw(32))
    bad("sealed for another epoch", "decryption-failed", number=2)

    wrong = epoch.make(b"", 0, draw(32), None)
    made = GroupMaker(anna, cast.people)
    made.begin(roles({anna: ADMIN}), _7=wrong.cbor())
    named = {"_4": derive.key_id(made.secrets[0]), "_5": wrong.key_commitment}
    given = made.opening(anna, made.keys(anna, [anna], **named))
    entries.bad("group-keys", "epoch: named as the log has it", given, "unwrap-failed")


def bad_heads(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo, eve = cast.anna, cast.ben, cast.cleo, cast.eve
    made = group(cast, {anna: ADMIN, ben: MEMBER, cleo: MEMBER})
    before = made.copy()
    made.remove(anna, ben)

    def bad(name: str, error: Code, head: bytes) -> None:
        entries.bad("heads", name, made.fresh(START, head), error)

    for name, error, fields in (
        ("another group's", "key-mismatch", {"_1": draw(32)}),
        ("beyond the log", "rollback", {"_2": 2}),
        ("another operation's hash", "fork", {"_2": 0}),
        ("an end before its time", "invalid-format", {"_5": START - 1}),
        ("an end at its time", "invalid-format", {"_5": START}),
        ("an end too late", "forbidden", {"_5": START + DAY + 1}),
        ("an unknown signer", "bad-signature", {"_6": draw(32)}),
        ("another's signature", "bad-signature", {"_6": cleo.hash}),
        ("a field more", "invalid-format", {"_7": None}),
    ):
        bad(name, error, made.head(anna, START, **fields))
    bad("by who was removed", "forbidden", made.head(ben, START))
    bad("by a stranger", "forbidden", made.head(eve, START))
    bad("by the key server", "forbidden", made.head(cast.server, START))
    # Several faults: the first check counts.
    both = made.head(anna, START, _2=2, _3=draw(32))
    bad("beyond the log, and another hash", "rollback", both)
    bad("another hash, an end too late", "fork", made.head(anna, START, 25, _3=draw(32)))
    bad("an end too late, by a stranger", "forbidden", made.head(eve, START, 25, seed=draw(32)))
    wrongly = made.head(eve, START, seed=draw(32))
    bad("by a stranger, and not his signature", "bad-signature", wrongly)

    def stale(name: str, now: int, *heads: bytes) -> None:
        entries.bad("fresh", name, made.fresh(now, *heads), "stale")

    stale("no head", START)
    stale("a head that has ended", START + DAY, made.head(cleo, START))
    stale("a head to come", START - 5 * MINUTE - 1, made.head(cleo, START))
    stale("a head of the state before", START, before.head(anna, START))
    late = START + 8 * DAY
    stale("no admin for a week", late, made.head(cleo, late))
    of_before = before.head(anna, late)
    stale("an admin's head of the state before", late, made.head(cleo, late), of_before)


def make() -> Entries:
    entries, cast = Entries(), Cast.new()
    good_logs(entries, cast)
    good_keys(entries, cast)
    good_heads(entries, cast)
    bad_logs(entries, cast)
    bad_keys(entries, cast)
    bad_epochs(entries, cast)
    bad_heads(entries, cast)
    return entries
