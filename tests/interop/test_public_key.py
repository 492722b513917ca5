"""Public and private keys that are refused, and with which code (SPEC section 5)."""

from __future__ import annotations

import base64
import textwrap
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from conftest import Fails
from wardkey_format import base64url, cbor
from wardkey_format.private_key import KeyPair, _numbers_fit
from wardkey_format.public_key import PublicKey, spki
from wardkey_format.suite import Suite

HYBRID = KeyPair.generate(Suite.HYBRID).public_key.raw
LENGTHS = {Suite.HYBRID: 1_216, Suite.RSA_2048: 294, Suite.RSA_3072: 422, Suite.RSA_4096: 550}


def encoded(suite: int, raw: bytes) -> bytes:
    return b"WKPK\x01" + cbor.encode([suite, raw])


def pem(der: bytes, label: str = "PUBLIC KEY") -> str:
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


@pytest.mark.parametrize("suite", Suite)
def test_text_and_fingerprint(suite: Suite, key_pairs: dict[Suite, KeyPair]) -> None:
    key = key_pairs[suite].public_key
    assert len(key.raw) == LENGTHS[suite]
    assert key.encode() == encoded(suite, key.raw)
    assert key.fingerprint == sha256(key.encode()).digest()
    assert PublicKey.parse(key.text) == key
    assert Suite.labelled(suite.label) is suite


@pytest.mark.parametrize("suite", [Suite.RSA_2048, Suite.RSA_3072, Suite.RSA_4096])
def test_pem(suite: Suite, key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    key = key_pairs[suite].public_key
    text = key.rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for variant in (text, text.strip(), text.replace("\n", "\r\n"), pem(key.raw)):
        assert PublicKey.parse(variant) == key
    for label in ("RSA PUBLIC KEY", "CERTIFICATE", "public key", "PRIVATE KEY"):
        with fails("invalid-format"):
            PublicKey.parse(pem(key.raw, label))
    for broken in (
        text.replace("END", "FIN"),
        text[:-20],
        text.replace("\n", "\n!", 1),
        "A" + text,
    ):
        with fails("invalid-format"):
            PublicKey.parse(broken)


def test_pem_with_another_key(fails: Fails) -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = elliptic.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    small = spki(rsa.generate_private_key(65_537, 1_024).public_key())
    for content in (der, small, b"no DER", b"\x30\x00"):
        with fails("key-policy"):
            PublicKey.parse(pem(content))
    with fails("limit"):
        PublicKey.parse(pem(bytes(4_097)))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "invalid-format"),
        (b"WKP", "invalid-format"),
        (b"WKWS\x01\x82\x01\x40", "invalid-format"),
        (b"WKPK", "truncated"),
        (b"WKPK\x00", "unsupported-version"),
        (b"WKPK\x02\x82\x01\x40", "unsupported-version"),
        (b"WKPK\x01", "invalid-format"),
        (encoded(1, HYBRID)[:-1], "invalid-format"),
        (encoded(1, HYBRID) + b"\x00", "invalid-format"),
        (b"WKPK\x01\x82\x18\x01" + cbor.encode(HYBRID), "invalid-format"),
        (b"WKPK\x01" + cbor.encode([1, HYBRID, None]), "invalid-format"),
        (b"WKPK\x01" + cbor.encode(["1", HYBRID]), "invalid-format"),
        (b"WKPK\x01" + cbor.encode([1, HYBRID.hex()]), "invalid-format"),
        (encoded(0, HYBRID), "unsupported-version"),
        (encoded(5, b""), "unsupported-version"),
        (encoded(2**64 - 1, HYBRID), "unsupported-version"),
        (encoded(1, b""), "key-policy"),
        (encoded(1, HYBRID[:-1]), "key-policy"),
        (encoded(1, HYBRID + b"\x00"), "key-policy"),
        (encoded(1, HYBRID[:1_184] + bytes(32)), "key-policy"),
        (encoded(1, HYBRID[:1_184] + b"\x01" + bytes(31)), "key-policy"),
        (encoded(1, b"\xff\xff\xff" + HYBRID[3:]), "key-policy"),
        (encoded(1, b"\x01\x0d\x00" + HYBRID[3:]), "key-policy"),  # 3329, 0
        (encoded(1, b"\x00\x10\xd0" + HYBRID[3:]), "key-policy"),  # 0, 3329
        (encoded(1, HYBRID[:1_149] + b"\x00\x10\xd0" + HYBRID[1_152:]), "key-policy"),
        (encoded(2, HYBRID), "key-policy"),
        (encoded(2, b""), "key-policy"),
        (bytes(4_097), "limit"),
        (encoded(1, bytes(4_096)), "limit"),
        (encoded(1, bytes(4_087)), "limit"),
        (encoded(1, bytes(4_086)), "key-policy"),  # 4,096 bytes in all
    ],
)
def test_refused(data: bytes, code: str, fails: Fails) -> None:
    with fails(code):
        PublicKey.parse(base64url.encode(data))


def test_largest_numbers_below_q_pass() -> None:
    raw = b"\x00\x0d\xd0" + HYBRID[3:]  # 3328, 3328
    assert PublicKey.decode(encoded(1, raw)).raw == raw


@pytest.mark.parametrize("text", ["V1dQS", "WK PK", "V0tQSw==", "V0tQS+", "\n", "ключ"])
def test_what_is_no_text(text: str, fails: Fails) -> None:
    with fails("invalid-format"):
        PublicKey.parse(text)


def test_refused_rsa_keys(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    good = key_pairs[Suite.RSA_3072].public_key.raw
    assert good.endswith(bytes.fromhex("0203010001"))
    even = good[:-6] + bytes([good[-6] & 0xFE]) + good[-5:]
    null, none = bytes.fromhex("300d06092a864886f70d0101010500"), "300b06092a864886f70d010101"
    assert null in good
    pss = good.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010a"))
    without_null = bytearray(good.replace(null, bytes.fromhex(none)))
    without_null[2:4] = (int.from_bytes(good[2:4], "big") - 2).to_bytes(2, "big")
    longer_length = b"\x30\x83\x00" + good[2:]
    exponents = [
        spki(rsa.generate_private_key(3, 3_072).public_key()),
        good[:-1] + b"\x03",  # 65539
    ]
    faults = [even, pss, bytes(without_null), longer_length, good + b"\x00", good[:-1], *exponents]
    for raw in faults:
        with fails("key-policy"):
            PublicKey.decode(encoded(Suite.RSA_3072, raw))
    for suite in (Suite.HYBRID, Suite.RSA_2048, Suite.RSA_4096):
        with fails("key-policy"):
            PublicKey.decode(encoded(suite, good))
    assert PublicKey.decode(encoded(Suite.RSA_3072, good)).raw == good


def test_one_bit_less_is_another_size(fails: Fails) -> None:
    key = rsa.generate_private_key(65_537, 2_047).public_key()
    for suite in (Suite.RSA_2048, Suite.RSA_3072):
        with fails("key-policy"):
            PublicKey.decode(encoded(suite, spki(key)))


# Private keys.


def pkcs8(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("field", ["n", "p", "q", "d", "dmp1", "dmq1", "iqmp"])
def test_numbers_that_do_not_fit(field: str, key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    pair = key_pairs[Suite.RSA_2048]
    numbers = pair.rsa.private_numbers()
    number = numbers.public_numbers.n if field == "n" else getattr(numbers, field)
    length = (number.bit_length() + 7) // 8
    old, new = number.to_bytes(length, "big"), (number ^ 2).to_bytes(length, "big")
    assert pair.private.count(old) == 1
    with fails("key-mismatch"):
        KeyPair(Suite.RSA_2048, pair.private.replace(old, new))


def test_primes_that_are_not_prime(fails: Fails) -> None:
    """Numbers that fit together, but p is a product."""
    q = rsa.generate_private_key(65_537, 2_048).private_numbers().q
    p = 1
    while (p * q).bit_length() != 2_048:
        small = rsa.generate_private_key(65_537, 1_024).private_numbers()
        p = small.p * small.q
    d = pow(65_537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65_537, p * q)
    exponents = (d % (p - 1), d % (q - 1), pow(q, -1, p))
    key = rsa.RSAPrivateNumbers(p, q, d, *exponents, public).private_key(
        unsafe_skip_rsa_key_validation=True
    )
    assert _numbers_fit(key.private_numbers())
    with fails("key-mismatch"):
        KeyPair(Suite.RSA_2048, pkcs8(key))


def test_private_keys_against_the_policy(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    with fails("key-policy"):
        KeyPair(Suite.RSA_2048, pkcs8(rsa.generate_private_key(3, 2_048)))
    with fails("key-policy"):
        KeyPair(Suite.RSA_2048, pkcs8(rsa.generate_private_key(65_537, 1_024)))
    with fails("key-policy"):
        KeyPair(Suite.RSA_3072, key_pairs[Suite.RSA_2048].private)


def test_what_is_no_private_key(key_pairs: dict[Suite, KeyPair], fails: Fails) -> None:
    pair = key_pairs[Suite.RSA_2048]
    pkcs1 = pair.rsa.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    for private in (b"", bytes(32), pkcs1, elliptic, pair.private + b"\x00", pair.private[:-1]):
        with fails("invalid-format"):
            KeyPair(Suite.RSA_2048, private)
    for private in (b"", bytes(31), bytes(33)):
        with fails("invalid-format"):
            KeyPair(Suite.HYBRID, private)
