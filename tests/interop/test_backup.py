"""Backups that were changed, or made wrong on purpose (SPEC section 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conftest import Fails
from wardkey_format import backup, cbor, cobblestone, ed25519
from wardkey_format.backup import Contents, Envelope, SigningKey, TwoManShares
from wardkey_format.errors import WardkeyError
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.slow_key import Argon2idKdf, Kdf, Pbkdf2Kdf
from wardkey_format.suite import Suite

USER, APP = "anna@example.org", "clinic"
PASSWORD = "correct horse"
KDF = Argon2idKdf(19_456, 2, draw(32))
SEED = draw(32)
SIGNING = SigningKey(ed25519.public_key(SEED), SEED)
PAIR = KeyPair.generate(Suite.HYBRID)
SHARES = TwoManShares(draw(32), draw(32))
CONTENTS = Contents((PAIR, KeyPair.generate(Suite.HYBRID)), (SIGNING,))
SEALED = backup.seal(CONTENTS, PASSWORD, KDF, user=USER, app_id=APP, version=3, two_man=SHARES)
ENVELOPE = Envelope.read(SEALED)

Fields = list[cbor.Value]


def fields(envelope: Envelope = ENVELOPE) -> Fields:
    """Fields 1 to 8, to be changed."""
    return list(envelope._cbor().values())  # type: ignore[union-attr]


def from_fields(values: Fields) -> bytes:
    return b"WKBK\x01" + cbor.encode(dict(enumerate(values, 1)))


def with_field(number: int, value: cbor.Value) -> bytes:
    values = fields()
    values[number - 1] = value
    return from_fields(values)


def open_it(
    sealed: bytes, password: str = PASSWORD, user: str = USER, app_id: str = APP
) -> Contents:
    return backup.open_with_password(sealed, password, user=user, app_id=app_id)


def open_by_two(sealed: bytes, shares: TwoManShares = SHARES) -> Contents:
    return backup.open_by_two_men(sealed, shares, user=USER, app_id=APP)


def with_payloads(keys: bytes | cbor.Value, state: bytes = b"\xa0") -> bytes:
    """A well sealed backup around any payloads, for all with the root."""
    root = draw(32)
    payload = keys if isinstance(keys, bytes) else cbor.encode(keys)
    slow = backup.slow_key_of(PASSWORD, KDF)
    by_password = cobblestone.seal(backup._password_key(slow), ENVELOPE.root_context(), root)
    sealed_keys = cobblestone.seal(backup._keys_key(root), ENVELOPE.keys_context(), payload)
    changed = replace(
        ENVELOPE, root_by_password=by_password, root_by_two_men=None, keys=sealed_keys
    )
    sealed_state = cobblestone.seal(backup._state_key(root), changed.state_context(), state)
    return replace(changed, state=sealed_state).encode()


def key_entry(pair: KeyPair = PAIR) -> list[cbor.Value]:
    return [pair.suite, pair.public_key.fingerprint, pair.private]


def signing_entry() -> list[cbor.Value]:
    return [SIGNING.public, SIGNING.seed]


def test_it_opens_both_ways() -> None:
    assert open_it(SEALED) == CONTENTS
    assert open_by_two(SEALED) == CONTENTS
    assert ENVELOPE.encode() == SEALED
    assert len(ENVELOPE.root_by_password) == 104
    assert len(ENVELOPE.state) == 73


def test_login_secret_and_password_key_differ() -> None:
    slow = backup.slow_key_of(PASSWORD, KDF)
    assert len({slow, backup.login_secret(slow), backup._password_key(slow)}) == 3


def test_prepared_passwords_open() -> None:
    sealed = backup.seal(Contents((PAIR,)), "Zoe\u0308\u00a0x", KDF, user=USER)
    assert backup.open_with_password(sealed, "Zoë x", user=USER).keys == (PAIR,)
    envelope = Envelope.read(sealed)
    assert (envelope.app_id, envelope.version, envelope.root_by_two_men) == ("", 1, None)


# Step 1.


def test_framing(fails: Fails) -> None:
    for data in (b"", b"WKB", b"WKWS" + SEALED[4:]):
        with fails("invalid-format"):
            open_it(data)
    with fails("truncated"):
        open_it(b"WKBK")
    with fails("unsupported-version"):
        open_it(b"WKBK\x02" + SEALED[5:])
    with fails("invalid-format"):
        open_it(b"WKBK\x01")
    with fails("limit"):
        open_it(bytes(1024 * 1024 + 1))
    with fails("invalid-format"):
        open_it(bytes(1024 * 1024))


def test_every_cut_is_noticed(fails: Fails) -> None:
    for length in range(5, len(SEALED)):
        with fails("invalid-format"):
            open_it(SEALED[:length])
    with fails("invalid-format"):
        open_it(SEALED + b"\x00")


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (1, "a" * 129),
        (1, "ä" * 65),
        (1, b"clinic"),
        (1, None),
        (2, ""),
        (2, "a" * 129),
        (2, "e\u0301"),
        (2, "a→b"),
        (2, "a\x00"),
        (2, "a" * 43),
        (2, b"anna"),
        (3, 0),
        (3, None),
        (3, "3"),
        (4, []),
        (4, None),
        (4, ["1", 19_456, 2, bytes(32)]),
        (4, [1, 19_456, 2]),
        (4, [1, 19_456, 2, bytes(32), None]),
        (4, [1, 19_456, None, bytes(32)]),
        (4, [1, 19_456, 2, "s" * 32]),
        (4, [2, 600_000]),
        (4, [2, 600_000, bytes(32), bytes(32)]),
        (4, [2, bytes(32), 600_000]),
        (5, bytes(103)),
        (5, bytes(105)),
        (5, None),
        (6, bytes(103)),
        (6, bytes(105)),
        (6, "null"),
        (7, None),
        (7, "keys"),
        (8, None),
        (8, {}),
    ],
)
def test_fields_of_another_type_or_length(number: int, value: cbor.Value, fails: Fails) -> None:
    with fails("invalid-format"):
        open_it(with_field(number, value))


def test_fields_missing_or_too_many_or_not_in_order(fails: Fails) -> None:
    values = fields()
    without = {number: value for number, value in enumerate(values, 1) if number != 6}
    one_more = dict(enumerate([*values, None], 1))
    other_name = {**without, 9: None}
    for changed in (without, one_more, other_name):
        with fails("invalid-format"):
            open_it(b"WKBK\x01" + cbor.encode(changed))
    entries = [cbor.encode(number) + cbor.encode(value) for number, value in enumerate(values, 1)]
    assert b"WKBK\x01\xa8" + b"".join(entries) == SEALED
    swapped = [*entries[:6], entries[7], entries[6]]
    for other in (swapped, [*entries[:7], entries[6]]):
        with fails("invalid-format"):
            open_it(b"WKBK\x01\xa8" + b"".join(other))
    longer = [b"\x18" + entries[0], *entries[1:]]  # the map key 1 in two bytes
    with fails("invalid-format"):
        open_it(b"WKBK\x01\xa8" + b"".join(longer))


SALT = bytes(32)


@pytest.mark.parametrize(
    "kdf",
    [
        [0],
        [3],
        [3, "whatever", None, {1: 2}],
        [2**64 - 1, 600_000, SALT],
        [1, 19_455, 2, SALT],
        [1, 262_145, 2, SALT],
        [1, 2**64 - 1, 2, SALT],
        [1, 19_456, 1, SALT],
        [1, 19_456, 11, SALT],
        [1, 19_456, 2, bytes(15)],
        [1, 19_456, 2, bytes(65)],
        [1, 19_456, 2, b""],
        [2, 599_999, SALT],
        [2, 5_000_001, SALT],
        [2, 0, SALT],
        [2, 600_000, bytes(15)],
        [2, 600_000, bytes(65)],
    ],
    ids=repr,
)
def test_kdf_policy(kdf: list[cbor.Value], fails: Fails) -> None:
    with fails("kdf-policy"):
        open_it(with_field(4, kdf))
    # As soon as it is read: what follows isn't looked at, what stands before it was.
    entries = cbor.encode(4) + cbor.encode(kdf)
    with fails("kdf-policy"):
        open_it(SEALED[: SEALED.index(cbor.encode(4) + cbor.encode(KDF.cbor()))] + entries)
    with fails("kdf-policy"):  # another user
        open_it(with_field(4, kdf), user="berta")
    values = fields()
    values[2], values[3] = 0, kdf
    with fails("invalid-format"):
        open_it(from_fields(values))


@pytest.mark.parametrize(
    "kdf",
    [
        Argon2idKdf(19_455, 2, SALT),
        Argon2idKdf(19_456, 11, SALT),
        Argon2idKdf(19_456, 2, bytes(15)),
        Pbkdf2Kdf(599_999, SALT),
        Pbkdf2Kdf(600_000, bytes(65)),
    ],
)
def test_kdf_policy_when_sealing(kdf: Kdf, fails: Fails) -> None:
    with fails("kdf-policy"):
        backup.seal(Contents((PAIR,)), PASSWORD, kdf, user=USER)


@pytest.mark.parametrize(
    "kdf",
    [
        [1, 262_144, 10, bytes(64)],
        [1, 19_456, 2, bytes(16)],
        [2, 5_000_000, bytes(64)],
        [2, 600_000, bytes(16)],
    ],
    ids=repr,
)
def test_bounds_are_within_the_policy(kdf: list[cbor.Value]) -> None:
    assert Envelope.read(with_field(4, kdf)).kdf.cbor() == kdf


# Steps 2 to 5.


def test_of_another_app_or_user(fails: Fails) -> None:
    for user, app_id in (("berta", APP), (USER, ""), (USER, "Clinic"), (APP, USER)):
        with fails("key-mismatch"):
            open_it(SEALED, user=user, app_id=app_id)
        with fails("key-mismatch"):  # before the password's form
            open_it(SEALED, "\ud800", user, app_id)
        with fails("key-mismatch"):
            backup.open_by_two_men(SEALED, SHARES, user=user, app_id=app_id)


@pytest.mark.parametrize("user", ["", "a\n", "e\u0301", "a" * 43, "\ud800"])
def test_what_is_no_user_id_for_the_caller(user: str, fails: Fails) -> None:
    with fails("invalid-argument"):
        open_it(SEALED, user=user)
    with fails("invalid-argument"):
        backup.seal(CONTENTS, PASSWORD, KDF, user=user)


@pytest.mark.parametrize("password", ["", "a\n", "\ud800", "a" * 1_025])
def test_password_form(password: str, fails: Fails) -> None:
    with fails("password-format"):
        open_it(SEALED, password)
    with fails("password-format"):
        backup.seal(CONTENTS, password, KDF, user=USER)


@pytest.mark.parametrize("password", ["Correct horse", "correct horse ", "correct  horse", "x"])
def test_wrong_password(password: str, fails: Fails) -> None:
    with fails("wrong-password"):
        open_it(SEALED, password)


def test_other_shares(fails: Fails) -> None:
    swapped = TwoManShares(SHARES.key_server, SHARES.application)
    for shares in (swapped, TwoManShares(draw(32), SHARES.key_server)):
        with fails("decryption-failed"):
            open_by_two(SEALED, shares)
    with fails("invalid-argument"):
        open_by_two(SEALED, TwoManShares(bytes(31), bytes(33)))
    with fails("no-backup"):
        open_by_two(with_field(6, None))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("number", "by_password", "by_two_men"),
    [
        (5, "wrong-password", "decryption-failed"),
        (6, "decryption-failed", "decryption-failed"),
        (7, "decryption-failed", "decryption-failed"),
        (8, "decryption-failed", "decryption-failed"),
    ],
)
def test_a_flipped_bit_in_a_part(
    number: int, by_password: str, by_two_men: str, fails: Fails
) -> None:
    part = fields()[number - 1]
    assert isinstance(part, bytes)
    for at in (0, 24, 56, len(part) - 1):
        changed = with_field(number, flipped(part, at))
        with fails(by_password):
            open_it(changed)
        with fails(by_two_men):
            open_by_two(changed)


def test_a_changed_clear_field(fails: Fails) -> None:
    changes: list[tuple[int, cbor.Value, str]] = [
        (3, 4, "decryption-failed"),
        (4, [1, 19_456, 3, KDF.salt], "wrong-password"),
        (4, [1, 19_456, 2, flipped(KDF.salt, 0)], "wrong-password"),
        (6, None, "decryption-failed"),
        (7, b"", "decryption-failed"),
        (8, b"", "decryption-failed"),
    ]
    for number, value, code in changes:
        with fails(code):
            open_it(with_field(number, value))
    with fails("wrong-password"):
        open_it(with_field(1, "other"), app_id="other")
    with fails("wrong-password"):
        open_it(with_field(2, "berta"), user="berta")
    with fails("decryption-failed"):  # two men are bound to the kdf, too
        open_by_two(with_field(4, [1, 19_456, 3, KDF.salt]))


def test_parts_of_another_envelope(fails: Fails) -> None:
    other = Envelope.read(
        backup.seal(CONTENTS, PASSWORD, KDF, user=USER, app_id=APP, version=3, two_man=SHARES)
    )
    for part in ("root_by_two_men", "keys", "state", "root_by_password"):
        mixed = replace(ENVELOPE, **{part: getattr(other, part)}).encode()
        with fails("decryption-failed"):
            open_it(mixed)


# Step 6.


def test_payloads_made_by_hand() -> None:
    assert open_it(with_payloads({1: [key_entry()], 2: []})) == Contents((PAIR,))
    full = {1: [key_entry()], 2: [signing_entry()]}
    assert open_it(with_payloads(full)) == Contents((PAIR,), (SIGNING,))


@pytest.mark.parametrize(
    "keys",
    [
        b"",
        b"\xf6",
        {},
        {1: [key_entry()]},
        {1: [key_entry()], 2: [], 3: []},
        {1: [], 2: []},
        {1: None, 2: []},
        {1: [key_entry()], 2: None},
        {1: [key_entry()[:2]], 2: []},
        {1: [[*key_entry(), None]], 2: []},
        {1: [[1, PAIR.public_key.fingerprint[1:], PAIR.private]], 2: []},
        {1: [[1, PAIR.public_key.fingerprint, PAIR.private[1:]]], 2: []},
        {1: [[5, PAIR.public_key.fingerprint, PAIR.private]], 2: []},
        {1: [[2, PAIR.public_key.fingerprint, PAIR.private]], 2: []},
        {1: [key_entry(), key_entry()], 2: []},
        {1: [key_entry()], 2: [signing_entry(), signing_entry()]},
        {1: [key_entry()], 2: [[SIGNING.public]]},
        {1: [key_entry()], 2: [[SIGNING.public, SIGNING.seed[1:]]]},
        {1: [key_entry()] * 65, 2: []},
        {1: [key_entry()], 2: [[bytes([n]) + bytes(31), bytes(32)] for n in range(65)]},
        cbor.encode({1: [key_entry()], 2: []}) + b"\x00",
        b"\xa2\x18\x01" + cbor.encode({1: [key_entry()], 2: []})[2:],
    ],
)
def test_form_of_the_keys_payload(keys: bytes | cbor.Value, fails: Fails) -> None:
    with fails("invalid-format"):
        open_it(with_payloads(keys))


@pytest.mark.parametrize(
    "state", [b"", b"\xf6", b"\x80", b"\xa1\x01\x02", b"\xa0\x00", b"\xb8\x00"]
)
def test_form_of_the_state_payload(state: bytes, fails: Fails) -> None:
    with fails("invalid-format"):
        open_it(with_payloads({1: [key_entry()], 2: []}, state))


def test_private_keys_under_another_name(fails: Fails) -> None:
    other = KeyPair.generate(Suite.HYBRID)
    named_wrong: list[cbor.Value] = [1, other.public_key.fingerprint, PAIR.private]
    with fails("key-mismatch"):
        open_it(with_payloads({1: [named_wrong], 2: []}))
    with fails("key-mismatch"):
        open_it(with_payloads({1: [key_entry()], 2: [[SIGNING.public, draw(32)]]}))
    short: list[cbor.Value] = [1, PAIR.public_key.fingerprint, b""]
    with fails("invalid-format"):  # the form of all comes first
        open_it(with_payloads({1: [named_wrong, short], 2: []}))


def test_rsa_keys_against_the_policy(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    pair = key_pairs[Suite.RSA_2048]
    assert open_it(with_payloads({1: [key_entry(pair)], 2: []})).keys == (pair,)
    entry: list[cbor.Value] = [Suite.RSA_3072, pair.public_key.fingerprint, pair.private]
    with fails("key-policy"):
        open_it(with_payloads({1: [entry], 2: []}))
    small_exponent = rsa.generate_private_key(3, 2_048)
    private = small_exponent.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with fails("key-policy"):
        open_it(with_payloads({1: [[Suite.RSA_2048, bytes(32), private]], 2: []}))


def test_64_keys_of_each_kind() -> None:
    pairs = tuple(KeyPair.generate(Suite.HYBRID) for _ in range(64))
    seeds = [draw(32) for _ in range(64)]
    signing = tuple(SigningKey(ed25519.public_key(seed), seed) for seed in seeds)
    contents = Contents(pairs, signing)
    sealed = backup.seal(contents, PASSWORD, KDF, user=USER)
    assert backup.open_with_password(sealed, PASSWORD, user=USER) == contents


@pytest.mark.parametrize("version", [0, -1, 2**64])
def test_versions_that_cannot_be_sealed(version: int, fails: Fails) -> None:
    with fails("invalid-argument"):
        backup.seal(CONTENTS, PASSWORD, KDF, user=USER, version=version)


def test_numbers_of_keys_that_cannot_be_sealed(fails: Fails) -> None:
    for contents in (Contents(()), Contents((PAIR,) * 65), Contents((PAIR,), (SIGNING,) * 65)):
        with fails("invalid-argument"):
            backup.seal(contents, PASSWORD, KDF, user=USER)


def test_every_flipped_byte_is_noticed() -> None:
    allowed = {
        "invalid-format",
        "kdf-policy",
        "key-mismatch",
        "wrong-password",
        "decryption-failed",
    }
    codes = set()
    for at in range(5, len(SEALED), 5):
        with pytest.raises(WardkeyError) as failure:
            open_it(flipped(SEALED, at))
        codes.add(failure.value.code)
    assert codes <= allowed
    assert {"key-mismatch", "wrong-password", "decryption-failed"} <= codes
