"""Wrap sets that were changed, or made wrong on purpose (SPEC section 6)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from conftest import Fails
from wardkey_format import derive, wrap
from wardkey_format.errors import WardkeyError
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.suite import Suite
from wardkey_format.wrap import Stanza, WrapSet

KEY = draw(32)
KEY_ID, COMMITMENT = derive.key_id(KEY), derive.key_commitment(KEY)
CONTEXT = {"session": "s-1"}
PAIR, OTHER = KeyPair.generate(Suite.HYBRID), KeyPair.generate(Suite.HYBRID)
WRAPPED = wrap.wrap(KEY, [PAIR.public_key, OTHER.public_key], CONTEXT)
FIRST, SECOND = WrapSet.read(WRAPPED).stanzas


def info(pair: KeyPair) -> bytes:
    return wrap._info(pair.suite, pair.public_key.fingerprint, KEY_ID, COMMITMENT, CONTEXT)


def wrap_set(*stanzas: Stanza) -> bytes:
    return WrapSet(KEY_ID, COMMITMENT, stanzas).encode()


def foreign(first_byte: int, body: bytes = b"?", suite: int = 9) -> Stanza:
    return Stanza(suite, bytes([first_byte]) + bytes(31), body)


@pytest.mark.parametrize("suite", Suite)
def test_every_suite_opens_and_binds_its_context(
    suite: Suite, key_pairs: dict[Suite, KeyPair], fails: Fails
) -> None:
    pair = key_pairs[suite]
    wrapped = wrap.wrap(KEY, [pair.public_key], CONTEXT, allow_legacy=True)
    assert wrap.unwrap(wrapped, pair, CONTEXT) == KEY
    (stanza,) = WrapSet.read(wrapped).stanzas
    assert len(stanza.body) == {1: 1_168, 2: 256, 3: 384, 4: 512}[suite]
    with fails("unwrap-failed"):
        wrap.unwrap(wrapped, pair, {})
    for at in (0, len(stanza.body) // 2, len(stanza.body) - 1):
        body = bytearray(stanza.body)
        body[at] ^= 1
        with fails("unwrap-failed"):
            wrap.unwrap(wrap_set(stanza._replace(body=bytes(body))), pair, CONTEXT)


def test_rsa_2048_has_to_be_allowed(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    recipients = [PAIR.public_key, key_pairs[Suite.RSA_2048].public_key]
    with fails("key-policy"):
        wrap.wrap(KEY, recipients)


def test_number_of_recipients(fails: Fails) -> None:
    with fails("invalid-argument"):
        wrap.wrap(KEY, [])
    with fails("limit"):
        wrap.wrap(KEY, [PAIR.public_key] * 10_001)
    with fails("invalid-argument"):
        wrap.wrap(KEY, [PAIR.public_key, PAIR.public_key])


def test_every_flipped_byte_is_noticed() -> None:
    wrapped = wrap.wrap(KEY, [PAIR.public_key], CONTEXT)
    assert wrap.unwrap(wrapped, PAIR, CONTEXT) == KEY
    codes = set()
    for at in range(5, len(wrapped)):
        changed = wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :]
        with pytest.raises(WardkeyError) as failure:
            wrap.unwrap(changed, PAIR, CONTEXT)
        codes.add(failure.value.code)
    assert codes == {"invalid-format", "not-a-recipient", "unwrap-failed"}


def test_every_cut_is_noticed(fails: Fails) -> None:
    for length in range(len(WRAPPED)):
        with fails("truncated" if length == 4 else "invalid-format"):
            wrap.unwrap(WRAPPED[:length], PAIR, CONTEXT)
    with fails("invalid-format"):
        wrap.unwrap(WRAPPED + b"\x00", PAIR, CONTEXT)
    with fails("unsupported-version"):
        wrap.unwrap(WRAPPED[:4] + b"\x02" + WRAPPED[5:], PAIR, CONTEXT)
    with fails("invalid-format"):
        wrap.unwrap(b"WKBK" + WRAPPED[4:], PAIR, CONTEXT)


def test_a_stranger_is_no_recipient(fails: Fails) -> None:
    stranger = KeyPair.generate(Suite.HYBRID)
    with fails("not-a-recipient"):
        wrap.unwrap(WRAPPED, stranger, CONTEXT)


def test_lists_of_stanzas(fails: Fails) -> None:
    assert wrap.unwrap(wrap_set(FIRST, SECOND), PAIR, CONTEXT) == KEY
    for stanzas in ([], [SECOND, FIRST], [FIRST, FIRST], [FIRST, FIRST._replace(suite=9)]):
        with fails("invalid-format"):
            wrap.unwrap(wrap_set(*stanzas), PAIR, CONTEXT)


def test_ten_thousand_stanzas(fails: Fails) -> None:
    stanzas = [Stanza(9, number.to_bytes(32, "big"), b"?") for number in range(10_001)]
    with fails("not-a-recipient"):
        wrap.unwrap(wrap_set(*stanzas[:-1]), PAIR, CONTEXT)
    with fails("invalid-format"):
        wrap.unwrap(wrap_set(*stanzas), PAIR, CONTEXT)


@pytest.mark.parametrize("suite", [0, 5, 2**64 - 1])
def test_other_suites_are_passed_over(suite: int, fails: Fails) -> None:
    for length in (1, 4_096):
        before, after = (foreign(byte, bytes(length), suite) for byte in (0, 255))
        assert wrap.unwrap(wrap_set(before, FIRST, SECOND, after), PAIR, CONTEXT) == KEY
    for length in (0, 4_097):
        with fails("invalid-format"):
            wrap.unwrap(wrap_set(foreign(0, bytes(length), suite), FIRST), PAIR, CONTEXT)


@pytest.mark.parametrize("suite", Suite)
def test_a_body_not_of_its_suites_length(suite: Suite, fails: Fails) -> None:
    for difference in (-1, 1):
        body = bytes(wrap.BODY_LENGTH[suite] + difference)
        with fails("invalid-format"):
            wrap.unwrap(wrap_set(foreign(0, body, suite), FIRST), PAIR, CONTEXT)


def test_a_stanza_of_another_suite(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    fingerprint = PAIR.public_key.fingerprint
    for suite, length in [(2, 256), (3, 384), (4, 512), (9, 1_168)]:
        with fails("unwrap-failed"):
            wrap.unwrap(wrap_set(Stanza(suite, fingerprint, bytes(length))), PAIR, CONTEXT)
    rsa = key_pairs[Suite.RSA_3072]
    with fails("unwrap-failed"):
        stanza = Stanza(1, rsa.public_key.fingerprint, bytes(1_168))
        wrap.unwrap(wrap_set(stanza), rsa, CONTEXT)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\x01" + bytes(30) + b"\x80"])
def test_enc_with_a_point_of_low_order(point: bytes, fails: Fails) -> None:
    body = wrap.HYBRID.encrypt(KEY, PAIR.public_key.hpke, info(PAIR))
    changed = body[:1_088] + point + body[1_120:]
    with fails("unwrap-failed"):
        wrap.unwrap(wrap_set(Stanza(1, PAIR.public_key.fingerprint, changed)), PAIR, CONTEXT)


def test_another_key_than_the_one_named(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    other = draw(32)
    body = wrap.HYBRID.encrypt(other, PAIR.public_key.hpke, info(PAIR))
    with fails("key-mismatch"):
        wrap.unwrap(wrap_set(Stanza(1, PAIR.public_key.fingerprint, body)), PAIR, CONTEXT)
    rsa = key_pairs[Suite.RSA_3072]
    body = rsa.public_key.rsa.encrypt(other, wrap._oaep(info(rsa)))
    with fails("key-mismatch"):
        wrap.unwrap(wrap_set(Stanza(3, rsa.public_key.fingerprint, body)), rsa, CONTEXT)


@pytest.mark.parametrize("wrong", ["id", "commitment"])
def test_id_and_commitment_are_both_compared(wrong: str, fails: Fails) -> None:
    key_id = draw(16) if wrong == "id" else KEY_ID
    commitment = draw(32) if wrong == "commitment" else COMMITMENT
    fingerprint = PAIR.public_key.fingerprint
    bound = wrap._info(Suite.HYBRID, fingerprint, key_id, commitment, CONTEXT)
    body = wrap.HYBRID.encrypt(KEY, PAIR.public_key.hpke, bound)
    wrapped = WrapSet(key_id, commitment, (Stanza(1, fingerprint, body),)).encode()
    with fails("key-mismatch"):
        wrap.unwrap(wrapped, PAIR, CONTEXT)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_rsa_plaintext_that_is_no_key(
    length: int, key_pairs: dict[Suite, KeyPair], fails: Fails
) -> None:
    pair = key_pairs[Suite.RSA_4096]
    body = pair.public_key.rsa.encrypt(bytes(length), wrap._oaep(info(pair)))
    with fails("unwrap-failed"):
        wrap.unwrap(wrap_set(Stanza(4, pair.public_key.fingerprint, body)), pair, CONTEXT)


def test_oaep_with_another_hash(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    pair = key_pairs[Suite.RSA_3072]
    sha1 = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA256(), info(pair))
    body = pair.public_key.rsa.encrypt(KEY, sha1)
    with fails("unwrap-failed"):
        wrap.unwrap(wrap_set(Stanza(3, pair.public_key.fingerprint, body)), pair, CONTEXT)


def test_16_mib(fails: Fails) -> None:
    with fails("limit"):
        wrap.unwrap(WRAPPED + bytes(16 * 1024 * 1024), PAIR, CONTEXT)
    with fails("limit"):  # before it is looked at
        wrap.unwrap(bytes(16 * 1024 * 1024 + 1), PAIR, CONTEXT)
    with fails("invalid-format"):
        wrap.unwrap(bytes(16 * 1024 * 1024), PAIR, CONTEXT)


def test_a_context_that_is_too_long(fails: Fails) -> None:
    too_long = {"": "x" * 65_536}
    with fails("limit"):
        wrap.wrap(KEY, [PAIR.public_key], too_long)
    with fails("limit"):
        wrap.unwrap(WRAPPED, PAIR, too_long)
