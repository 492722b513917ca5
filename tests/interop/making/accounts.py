"""`account.json`: login, state, contact, shares, recovery, opening (SPEC section 11)."""

from __future__ import annotations

import hmac
from dataclasses import replace
from hashlib import sha256
from typing import Any

from kinds import pin_json, state_json
from wardkey_format import backup, bundle, cbor, contact, login, receipt, recovery_proof, share
from wardkey_format.backup import Contents, SigningKey, TwoManShares
from wardkey_format.contact import Contact
from wardkey_format.errors import Code
from wardkey_format.pin import Pin
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.receipt import Receipt
from wardkey_format.recovery_proof import RecoveryProof
from wardkey_format.state import MAX_ENCODED, Seen, State
from wardkey_format.suite import Suite

from .entries import Entries, Json
from .forging import changed, flipped, signed
from .identities import pin_of
from .person import APP, Person
from .session_maker import MINUTE, START

ARGON2ID = (1, 19_456, 2)
PBKDF2 = (2, 600_000)
PASSWORD = "Correct horse"


# 11.1


def logins(entries: Entries) -> None:
    secret = draw(32)
    for user in ("anna", "Zoë 患者"):
        given = {"secret": secret.hex(), "app_id": APP, "user_id": user}
        text = cbor.encode(["wardkey/v1/server-salt", APP, user])
        expected = hmac.new(secret, text, sha256).hexdigest()
        entries.good("server-salt", user, given, {"server_salt": expected})

    def given_login(**changes: Any) -> Json:
        return {
            "app_id": APP,
            "user_id": "anna",
            "server_salt": server_salt.hex(),
            "kdf": [*ARGON2ID],
            "client": [*ARGON2ID],
            "listed": [],
            "password": PASSWORD,
            **changes,
        }

    server_salt = login.server_salt(secret, APP, "anna")
    salt = login.salt(APP, "anna", server_salt)
    for name, numbers, changes in (
        ("the client's parameters", ARGON2ID, {}),
        ("listed parameters", PBKDF2, {"kdf": [*PBKDF2], "listed": [[1, 65_536, 3], [*PBKDF2]]}),
    ):
        kdf = login.Parameters(numbers).with_salt(salt)
        expected = {"salt": salt.hex(), "login_secret": login.secret_text(PASSWORD, kdf)}
        entries.good("login", name, given_login(**changes), expected)

    def bad(name: str, code: Code, **changes: Any) -> None:
        entries.bad("login", name, given_login(**changes), code)

    bad("a server salt of 31 bytes", "invalid-format", server_salt=server_salt[:31].hex())
    bad("no server salt", "invalid-format", server_salt="")
    bad("parameters that nobody listed", "kdf-policy", kdf=[1, 19_456, 3])
    bad("another kdf", "kdf-policy", kdf=[*PBKDF2])
    weak = [1, 19_455, 2]
    bad("too weak, though listed", "kdf-policy", kdf=weak, listed=[weak])
    bad("too weak, and a short salt", "invalid-format", kdf=weak, server_salt="00")
    bad("too strong, though the client's", "kdf-policy", kdf=[2, 5_000_001], client=[2, 5_000_001])
    bad("no password", "password-format", password="")


# 11.2


def states(entries: Entries) -> None:
    hybrid, rsa = Suite.HYBRID, Suite.RSA_3072
    own = Pin(draw(32), 2, draw(32), hybrid)
    ben = Pin(draw(32), 1, None, rsa)
    group_1, group_2 = draw(32), draw(32)
    empty = State({"anna": Pin(draw(32), 1, None, hybrid)}, draw(32))
    full = State(
        {"anna": own, "ben": ben, "患者": Pin(draw(32), 64, draw(32), Suite.RSA_4096)},
        draw(32),
        1,
        {group_1: Seen(0, draw(32)), group_2: Seen(2**40, draw(32))},
        Pin(draw(32), 1, None, hybrid),
    )
    for name, state in (("own pin only", empty), ("everything", full)):
        given = {"state": state.encode().hex(), "user_id": "anna"}
        entries.good("state", name, given, state_json(state))

    def bad(name: str, code: Code, data: bytes | None = None, **fields: Any) -> None:
        encoded = cbor.encode(changed(full, **fields)) if data is None else data
        entries.bad("state", name, {"state": encoded.hex(), "user_id": "anna"}, code)

    bad("the empty map", "invalid-format", b"\xa0")
    bad("cut", "invalid-format", full.encode()[:-1])
    bad("left over", "invalid-format", full.encode() + b"\x00")
    bad("768 KiB and a byte", "limit", bytes(MAX_ENCODED + 1))
    bad("768 KiB of nothing", "invalid-format", bytes(MAX_ENCODED))
    bad("without the own pin", "invalid-format", _1={"ben": ben.cbor()})
    bad("a name that is no user id", "invalid-format", _1={"anna": own.cbor(), "a→": ben.cbor()})
    bad("a cache key of 31 bytes", "invalid-format", _2=bytes(31))
    bad("minimum 0", "invalid-format", _3=0)
    bad("a group's id of 31 bytes", "invalid-format", _4={bytes(31): [1, bytes(32)]})
    bad("another field", "invalid-format", _6=None)
    pins: dict[str, list[cbor.Value]] = {
        "version 0": [draw(32), 0, None, 1],
        "version 65": [draw(32), 65, draw(32), 1],
        "version 1 with a hash": [draw(32), 1, draw(32), 1],
        "version 2 without a hash": [draw(32), 2, None, 1],
        "rsa-2048": [draw(32), 1, None, 2],
        "suite 5": [draw(32), 1, None, 5],
        "three items": [draw(32), 1, None],
    }
    for name, value in pins.items():
        bad(f"a pin: {name}", "invalid-format", _5=value)
    first = cbor.encode("anna") + cbor.encode(own.cbor())
    twice = b"\xa5\x01\xa2" + first * 2 + cbor.encode(full.cbor())[1:].split(b"\x02\x58\x20", 1)[1]
    bad("a name twice", "invalid-format", twice)
    one, other = sorted((group_1, group_2))
    unsorted = full.encode().replace(one, b"@" * 32).replace(other, one).replace(b"@" * 32, other)
    bad("groups not sorted", "invalid-format", unsorted)

    # Merging.
    def merged(name: str, newer: State, older: State, expected: State) -> None:
        given = _merge(newer, older)
        entries.good("merge", name, given, {"merged": expected.encode().hex()})

    def unmerged(name: str, code: Code, newer: State, older: State) -> None:
        entries.bad("merge", name, _merge(newer, older), code)

    def _merge(newer: State, older: State) -> Json:
        return {
            "user_id": "anna",
            "newer": newer.encode().hex(),
            "older": older.encode().hex(),
        }

    merged("with itself", full, full, full)
    raised = replace(own, version=3, hash=draw(32))
    newer = State({"anna": own, "ben": ben}, draw(32), 1, {group_1: Seen(5, draw(32))}, None)
    older = State(
        {"anna": raised, "dora": ben},
        draw(32),
        3,
        {group_1: Seen(4, draw(32)), group_2: Seen(1, draw(32))},
        full.key_server,
    )
    both = State(
        {"anna": raised, "ben": ben, "dora": ben},
        newer.cache_key,
        3,
        {group_1: newer.groups[group_1], group_2: older.groups[group_2]},
        full.key_server,
    )
    merged("of everything the newest", newer, older, both)
    swapped = replace(both, cache_key=older.cache_key)
    merged("the cache key of the newer", older, newer, swapped)
    # `hybrid` has the smallest number and is the strongest.
    weak = State({"anna": own, "ben": replace(ben, version=2, hash=draw(32))}, draw(32))
    strong = State({"anna": own, "ben": replace(ben, suite=hybrid)}, weak.cache_key)
    result = replace(weak, pins={"anna": own, "ben": replace(weak.pins["ben"], suite=hybrid)})
    merged("the stronger suite, the higher version", weak, strong, result)
    middle = replace(strong, pins={"anna": own, "ben": replace(ben, suite=Suite.RSA_4096)})
    result = replace(
        weak, pins={"anna": own, "ben": replace(weak.pins["ben"], suite=Suite.RSA_4096)}
    )
    merged("rsa-4096 is stronger than rsa-3072", weak, middle, result)

    stranger = {"anna": own, "ben": replace(ben, fingerprint=draw(32), version=7, hash=draw(32))}
    unmerged("another identity", "pin-mismatch", newer, replace(newer, pins=stranger))
    forked = {"anna": replace(own, hash=draw(32))}
    unmerged("two bundles of a version", "fork", newer, replace(newer, pins=forked))
    unmerged(
        "two entries of a group", "fork", newer, replace(newer, groups={group_1: Seen(5, draw(32))})
    )
    other_server = replace(full, key_server=Pin(draw(32), 1, None, hybrid))
    unmerged("another key server", "pin-mismatch", full, other_server)


# 11.5 and 11.6


def contacts(entries: Entries, anna: Person) -> None:
    payload = Contact(APP, "anna", 3, "anna@example.org", anna.hash)

    def given(data: bytes, **changes: Any) -> Json:
        return {
            "app_id": APP,
            "user_id": "anna",
            "bundles": anna.bundles,
            "contact": data.hex(),
            "version": 3,
            "minimum": 1,
            **changes,
        }

    good = contact.FORM.make(anna.seed, payload, None)
    entries.made = {"form": contact.FORM, "seed": anna.seed.hex(), "email": payload.email}
    entries.good("contact", "by the newest bundle", given(good), {"email": payload.email})

    def bad(name: str, code: Code, data: bytes, **changes: Any) -> None:
        entries.bad("contact", name, given(data, **changes), code)

    def forged(name: str, code: Code, **fields: Any) -> None:
        bad(name, code, signed(contact.FORM, anna.seed, changed(payload, **fields)))

    bad("below the minimum", "downgrade", good, minimum=2)
    bad("four elements", "invalid-format", signed(contact.FORM, anna.seed, payload.cbor(), None))
    forged("no address", "invalid-format", _4=None)
    forged("no @", "invalid-format", _4="anna")
    forged("version 0", "invalid-format", _3=0)
    forged("another field", "invalid-format", _6=None)
    forged("of another user", "key-mismatch", _2="ben")
    forged("of another app", "key-mismatch", _1="other")
    forged("of another version", "key-mismatch", _3=2)
    forged("naming an older bundle", "bad-signature", _5=anna.hashes[0])
    older = changed(payload, _5=anna.hashes[0])
    bad("by an older bundle", "bad-signature", signed(contact.FORM, anna.seeds[0], older))
    bad(
        "by an older bundle's key",
        "bad-signature",
        signed(contact.FORM, anna.seeds[0], payload.cbor()),
    )
    bad("a flipped signature", "bad-signature", flipped(good, -1))


def shares(entries: Entries, server: Person) -> None:
    half = draw(32)
    entries.made = {"share": half.hex()}
    recovery = draw(16)
    client = KeyPair.generate(Suite.HYBRID)
    for name, pair, named in (
        ("for the key server", server.key_pair, None),
        ("for who recovers", client, recovery),
    ):
        bound = share.context(APP, "anna", 3, named)
        wrapped = share.wrap_share(half, pair.public_key, bound)
        given = {
            "app_id": APP,
            "user_id": "anna",
            "version": 3,
            "recovery_id": named and named.hex(),
            "key": {"suite": pair.suite.label, "private": pair.private.hex()},
            "wrapped": wrapped.hex(),
        }
        entries.good("share", name, given, {"share": half.hex()})
        for change in (
            {"app_id": "other"},
            {"user_id": "ben"},
            {"version": 4},
            {"recovery_id": draw(16).hex()},
        ):
            (field,) = change
            entries.bad("share", f"{name}, another {field}", {**given, **change}, "unwrap-failed")
        stranger = KeyPair.generate(Suite.HYBRID)
        key = {"suite": "hybrid", "private": stranger.private.hex()}
        entries.bad("share", f"{name}, another key", {**given, "key": key}, "not-a-recipient")


def receipts(entries: Entries, server: Person) -> None:
    end = START + 10 * MINUTE
    payload = Receipt(APP, "anna", draw(16), end, server.hash)
    good = receipt.FORM.make(server.seed, payload, None)
    entries.made = {
        "form": receipt.FORM,
        "seed": server.seed.hex(),
        "recovery_id": payload.recovery_id.hex(),
        "end": end,
    }

    def given(data: bytes, **changes: Any) -> Json:
        return {
            "app_id": APP,
            "user_id": "anna",
            "receipt": data.hex(),
            "key_server": server.bundles,
            "anchor": server.fingerprint.hex(),
            "now": START,
            "used": [draw(16).hex()],
            **changes,
        }

    expected = {"recovery_id": payload.recovery_id.hex(), "end": end}
    entries.good("receipt", "in time", given(good), expected)
    entries.good("receipt", "at the last moment", given(good, now=end - 1), expected)

    def bad(name: str, code: Code, data: bytes = good, **changes: Any) -> None:
        entries.bad("receipt", name, given(data, **changes), code)

    def forged(name: str, code: Code, **fields: Any) -> None:
        bad(name, code, signed(receipt.FORM, server.seed, changed(payload, **fields)))

    bad("at its end", "otp-expired", now=end)
    bad("used before", "otp-expired", used=[payload.recovery_id.hex()])
    bad("for another user", "key-mismatch", user_id="ben")
    bad("for another user, at its end", "key-mismatch", user_id="ben", now=end)
    forged("for another app", "key-mismatch", _1="other")
    forged("a recovery id of 15 bytes", "invalid-format", _3=bytes(15))
    forged("without end", "invalid-format", _4=None)
    forged("by a bundle that isn't there", "bad-signature", _5=draw(32))
    bad("by another key", "bad-signature", signed(receipt.FORM, draw(32), payload.cbor()))
    user = Person.new("mallory")
    by_user = signed(receipt.FORM, user.seed, changed(payload, _5=user.hash))
    bad("by a user", "key-mismatch", by_user, key_server=user.bundles, anchor=user.hash.hex())
    other = Person.new(None)
    by_other = signed(receipt.FORM, other.seed, changed(payload, _5=other.hash))
    bad("by another key server", "pin-mismatch", by_other, key_server=other.bundles)
    bad("version 2", "unsupported-version", b"\x83\x02" + good[2:])


def proofs(entries: Entries, anna: Person) -> None:
    pending = draw(500)
    payload = RecoveryProof(draw(16), sha256(pending).digest(), anna.hash)
    good = recovery_proof.FORM.make(anna.seed, payload, None)
    entries.made = {"form": recovery_proof.FORM, "seed": anna.seed.hex()}

    def given(data: bytes, **changes: Any) -> Json:
        return {
            "app_id": APP,
            "user_id": "anna",
            "bundles": anna.bundles,
            "recovery_id": payload.recovery_id.hex(),
            "backup": pending.hex(),
            "proof": data.hex(),
            **changes,
        }

    entries.good("recovery-proof", "by the newest bundle", given(good), {})

    def bad(name: str, code: Code, data: bytes = good, **changes: Any) -> None:
        entries.bad("recovery-proof", name, given(data, **changes), code)

    bad("of another recovery", "key-mismatch", recovery_id=draw(16).hex())
    bad("of another backup", "key-mismatch", backup=flipped(pending, 0).hex())
    form = recovery_proof.FORM
    older = signed(form, anna.seeds[0], changed(payload, _3=anna.hashes[0]))
    bad("by an older bundle", "bad-signature", older)
    bad("by another key", "bad-signature", signed(form, draw(32), payload.cbor()))
    bad("signed as a contact", "bad-signature", signed(contact.FORM, anna.seed, payload.cbor()))
    bad(
        "a hash of 31 bytes",
        "invalid-format",
        signed(form, anna.seed, changed(payload, _2=bytes(31))),
    )


# 11.3 and 11.4


def contents_of(person: Person, state: State) -> Contents:
    """The newest keys first."""
    signing = [
        SigningKey(p.signing_key, seed)
        for p, seed in zip(_bundles(person), person.seeds, strict=True)
    ]
    return Contents(tuple(reversed(person.keys)), tuple(reversed(signing)), state.encode())


def _bundles(person: Person) -> list[Any]:
    return [bundle.read(data).payload for data in person.objects]


class Account:
    """An account that begins with a registration; `anna` is renewed on the way."""

    def __init__(self) -> None:
        self.server = Person.new(None)
        self.first = Person.new("anna")
        self.renewed = self.first.copy()
        self.renewed.renew()
        self.salt = login.salt(APP, "anna", draw(32))
        self.application, self.share_1, self.share_2 = draw(32), draw(32), draw(32)
        self.cache_key = draw(32)

    def state(self, person: Person, **changes: Any) -> State:
        pins = {"anna": pin_of(person), "ben": Pin(draw(32), 1, None, Suite.HYBRID)}
        state = State(pins, self.cache_key, key_server=pin_of(self.server))
        return replace(state, **changes)

    def write(
        self,
        person: Person,
        state: State,
        version: int,
        *,
        password: str = PASSWORD,
        two_man: TwoManShares | None = None,
        contents: Contents | None = None,
        numbers: tuple[int, ...] = ARGON2ID,
    ) -> bytes:
        kdf = login.Parameters(numbers).with_salt(self.salt)
        sealed = contents or contents_of(person, state)
        options: Json = {"user": "anna", "app_id": APP, "version": version, "two_man": two_man}
        return backup.seal(sealed, password, kdf, **options)

    def given(self, active: bytes | None, pending: bytes | None = None, **changes: Any) -> Json:
        return {
            "app_id": APP,
            "user_id": "anna",
            "active": active and active.hex(),
            "pending": pending and pending.hex(),
            "bundles": self.first.bundles,
            "renewal": None,
            "key_server": self.server.bundles,
            "kdf": [*ARGON2ID],
            "salt": self.salt.hex(),
            "password": PASSWORD,
            "shares": None,
            "remembered_version": 0,
            "escrow_key": None,
            **changes,
        }

    def opened(
        self, person: Person, state: State, version: int, following: str, *, pending: bool = False
    ) -> Json:
        contents = contents_of(person, state)
        return {
            "version": version,
            "pending": pending,
            "next": following,
            "keys": [key.public_key.fingerprint.hex() for key in contents.keys],
            "signing": [key.public.hex() for key in contents.signing],
            "state": state_json(state),
            "own_pin": pin_json(pin_of(person)),
            "key_server_pin": pin_json(pin_of(self.server)),
        }


def openings(entries: Entries) -> None:
    made = Account()
    state = made.state(made.first)
    first = made.write(made.first, state, 1)
    NEW = "new password"

    def good(name: str, given: Json, expected: Json) -> None:
        entries.good("account", name, given, expected)

    def bad(name: str, code: Code, given: Json) -> None:
        entries.bad("account", name, given, code)

    good("registered", made.given(first), made.opened(made.first, state, 1, "nothing"))
    anchored = made.given(first, remembered_version=1, escrow_key=made.server.fingerprint.hex())
    good("remembered and anchored", anchored, made.opened(made.first, state, 1, "nothing"))
    unpinned = replace(state, key_server=None)
    sealed = made.write(made.first, unpinned, 1)
    good(
        "the key server's first use",
        made.given(sealed),
        made.opened(made.first, unpinned, 1, "nothing"),
    )

    # A state that was written.
    envelope = backup.Envelope.read(first)
    opened = backup.Contents(*_keys(made.first), state.encode())
    assert backup.open_with_password(first, PASSWORD, user="anna", app_id=APP) == opened
    changed_state = replace(
        state, pins={**state.pins, "dora": Pin(draw(32), 1, None, Suite.HYBRID)}
    )
    root = backup.root_by_password(envelope, PASSWORD)
    second = backup.with_state(envelope, root, 2, changed_state.encode()).encode()
    good("after a state", made.given(second), made.opened(made.first, changed_state, 2, "nothing"))
    bad("an older one than remembered", "backup-rollback", made.given(first, remembered_version=2))

    # A change of the password, interrupted.
    pending = made.write(made.first, state, 2, password=NEW)
    given = made.given(first, pending)
    good("interrupted, the old password", given, made.opened(made.first, state, 1, "nothing"))
    given = made.given(first, pending, password=NEW)
    good(
        "interrupted, the new password",
        given,
        made.opened(made.first, state, 2, "activate", pending=True),
    )
    bad("neither password", "wrong-password", made.given(first, pending, password="third"))
    bad("another password", "wrong-password", made.given(first, password="other"))
    bad("no password", "password-format", made.given(first, password=""))
    bad("no active backup", "no-backup", made.given(None, pending))

    # A renewal, interrupted.
    renewed_state = made.state(made.renewed)
    pending = made.write(made.renewed, renewed_state, 2)
    renewal = made.renewed.objects[1].hex()
    given = made.given(first, pending, renewal=renewal)
    good("a renewal, interrupted", given, made.opened(made.first, state, 1, "finish"))
    given = made.given(pending, bundles=made.renewed.bundles)
    good("renewed", given, made.opened(made.renewed, renewed_state, 2, "nothing"))
    pending = made.write(made.renewed, renewed_state, 2, password=NEW)
    given = made.given(first, pending, renewal=renewal, password=NEW)
    good(
        "renewed with a new password, interrupted",
        given,
        made.opened(made.renewed, renewed_state, 2, "activate", pending=True),
    )
    bad("without its renewal", "rollback", made.given(first, pending, password=NEW))
    stale_pin = made.write(made.renewed, state, 2)
    bad("a renewal that isn't published", "key-mismatch", made.given(stale_pin))
    bad(
        "a renewal whose keys aren't there",
        "key-mismatch",
        made.given(first, bundles=made.renewed.bundles),
    )
    reversed_keys = made.write(
        made.renewed,
        renewed_state,
        2,
        contents=Contents(
            tuple(made.renewed.keys),
            contents_of(made.renewed, state).signing,
            renewed_state.encode(),
        ),
    )
    bad(
        "the oldest key first",
        "key-mismatch",
        made.given(reversed_keys, bundles=made.renewed.bundles),
    )
    unsigned = made.write(
        made.first, state, 1, contents=Contents(tuple(made.first.keys), (), state.encode())
    )
    bad("no signing key", "key-mismatch", made.given(unsigned))

    # By two men.
    two_man = TwoManShares(made.application, made.share_1)
    with_contact = made.write(made.first, state, 3, two_man=two_man)
    by_two = {"application": made.application.hex(), "active": made.share_1.hex(), "pending": None}
    given = made.given(with_contact, shares=by_two, password="forgotten")
    good("by two men", given, made.opened(made.first, state, 3, "nothing"))
    pending = made.write(
        made.first, state, 4, password=NEW, two_man=TwoManShares(made.application, made.share_2)
    )
    old = TwoManShares(draw(32), made.share_1)
    superseded = made.write(made.first, state, 3, two_man=old)
    both = {**by_two, "pending": made.share_2.hex()}
    given = made.given(superseded, pending, shares=both)
    good(
        "by two men, the pending one",
        given,
        made.opened(made.first, state, 4, "activate", pending=True),
    )
    bad(
        "by two men, another share",
        "decryption-failed",
        made.given(with_contact, shares={**by_two, "active": draw(32).hex()}),
    )
    bad(
        "by two men, another application's share",
        "decryption-failed",
        made.given(with_contact, shares={**by_two, "application": draw(32).hex()}),
    )
    bad("by two men without contact", "no-backup", made.given(first, shares=by_two))
    bad(
        "by two men, an older one",
        "backup-rollback",
        made.given(with_contact, shares=by_two, remembered_version=4),
    )

    # What doesn't fit together.
    bad("of another user", "key-mismatch", made.given(first, user_id="ben"))
    bad("of another app", "key-mismatch", made.given(first, app_id="other"))
    bad("derived with other parameters", "kdf-policy", made.given(first, kdf=[1, 19_456, 3]))
    bad("derived with another salt", "kdf-policy", made.given(first, salt=draw(32).hex()))
    other_kdf = made.write(made.first, state, 2, numbers=(1, 19_456, 3))
    bad("pending with other parameters", "kdf-policy", made.given(first, other_kdf))
    bad("pending of no form", "invalid-format", made.given(first, other_kdf[:-1]))
    empty = made.write(made.first, state, 1, contents=Contents(*_keys(made.first)))
    bad("an empty state", "invalid-format", made.given(empty))
    foreign = replace(state, pins={"ben": pin_of(made.first)})
    bad(
        "a state without the own pin",
        "invalid-format",
        made.given(made.write(made.first, foreign, 1)),
    )
    later = replace(state, minimum=2)
    bad("a minimum above this version", "downgrade", made.given(made.write(made.first, later, 1)))
    another = Person.new("anna")
    bad("another own identity", "pin-mismatch", made.given(first, bundles=another.bundles))
    bad(
        "another user's identity",
        "key-mismatch",
        made.given(first, bundles=Person.new("ben").bundles),
    )
    forked = made.first.copy()
    forked.renew()
    bad("another renewal than pinned", "fork", made.given(stale_own(made), bundles=forked.bundles))
    stranger = Person.new(None)
    bad("another key server", "pin-mismatch", made.given(first, key_server=stranger.bundles))
    bad(
        "another key server than configured",
        "pin-mismatch",
        made.given(sealed, escrow_key=draw(32).hex()),
    )


def _keys(person: Person) -> tuple[tuple[KeyPair, ...], tuple[SigningKey, ...]]:
    contents = contents_of(person, State({"x": Pin(bytes(32), 1, None, Suite.HYBRID)}, bytes(32)))
    return contents.keys, contents.signing


def stale_own(made: Account) -> bytes:
    """A backup that pins the renewal."""
    return made.write(made.renewed, made.state(made.renewed), 2)


def make() -> Entries:
    entries = Entries()
    anna, server = Person.new("anna"), Person.new(None)
    anna.renew()
    logins(entries)
    states(entries)
    contacts(entries, anna)
    shares(entries, server)
    receipts(entries, server)
    proofs(entries, anna)
    openings(entries)
    return entries
