"""The building blocks, each against something that this package didn't write."""

from __future__ import annotations

import hashlib
import hmac
from hashlib import sha256

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conftest import Fails
from wardkey_format import cobblestone, derive, ed25519, merkle, padding, wrap, x25519
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.suite import Suite

# HKDF-Expand, spelled out (RFC 5869 section 2.3).


def hkdf_expand(prk: bytes, info: bytes, length: int, hash_name: str) -> bytes:
    output = block = b""
    counter = 1
    while len(output) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), hash_name)
        output, counter = output + block, counter + 1
    return output[:length]


def test_derivations_spelled_out() -> None:
    key = draw(32)
    expected = hkdf_expand(key, b"wardkey/v1/key-id\x00", 16, "sha512")
    assert derive.key_id(key) == expected
    expected = hkdf_expand(key, b"wardkey/v1/key-commitment\x00", 32, "sha512")
    assert derive.key_commitment(key) == expected
    expected = hkdf_expand(key, b"wardkey/v1/cache-seal\x00", 32, "sha512")
    assert derive.cache_seal(key) == expected


# Cobblestone-256, against the one in `cryptography`.

SIZES = [0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 40_000]


@pytest.mark.parametrize("size", SIZES)
def test_cobblestone_is_that_of_cryptography(size: int) -> None:
    key, context, plaintext = draw(32), draw(50), draw(size)
    body = cobblestone.seal(key, context, plaintext)
    assert len(body) == cobblestone.body_length(size) == 56 + size + 16 * (size // 16_384 + 1)
    theirs = Cobblestone256Decryptor(key, context)
    assert theirs.update(body) + theirs.finalize() == plaintext

    sealer = Cobblestone256Encryptor(key, context)
    body = sealer.update(plaintext) + sealer.finalize()
    assert cobblestone.open_body(key, context, body) == plaintext
    assert cobblestone.seal(key, context, plaintext, salt=body[:24]) == body


def test_chunk_numbers_are_limited(fails: Fails) -> None:
    most = 2**38 * 16_384 - 1
    assert cobblestone.body_length(most) == 56 + most + 16 * 2**38
    with fails("limit"):
        cobblestone.body_length(most + 1)
    cobblestone.check_body_length(cobblestone.body_length(most))
    with fails("limit"):
        cobblestone.check_body_length(cobblestone.body_length(most) + 1 + 16)


@pytest.mark.parametrize("length", [0, 55, 56, 71, 56 + 16_400, 56 + 16_400 + 15])
def test_impossible_body_lengths(length: int, fails: Fails) -> None:
    with fails("truncated"):
        cobblestone.open_body(bytes(32), b"", bytes(length))


@pytest.mark.parametrize("length", [72, 56 + 16_399, 56 + 16_400 + 16])
def test_possible_body_lengths(length: int, fails: Fails) -> None:
    with fails("decryption-failed"):
        cobblestone.open_body(bytes(32), b"", bytes(length))


# Padmé, with the table's floor and log written out.


@pytest.mark.parametrize(
    ("data", "total"),
    [(0, 256), (1, 256), (247, 256), (248, 256), (249, 272), (1_000, 1_024), (40_000, 40_960)],
)
def test_padded_lengths(data: int, total: int) -> None:
    assert padding.padded_length(data) == total
    assert len(padding.pad(bytes(data))) == total


def test_padme_wastes_at_most_12_percent_and_repeats_nothing() -> None:
    for length in range(8, 5_000):
        padded = padding.padme(length)
        assert length <= padded <= length * 1.12
        assert padding.padme(padded) == padded


# X-Wing and HPKE, spelled out from their documents.


def test_xwing_public_key_of_the_draft() -> None:
    """The start of the first test vector of draft-connolly-cfrg-xwing-kem."""
    seed = "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"
    pair = KeyPair(Suite.HYBRID, bytes.fromhex(seed))
    start = "e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5"
    assert pair.public_key.raw.hex().startswith(start)


def xwing_decapsulate(seed: bytes, enc: bytes) -> bytes:
    expanded = hashlib.shake_256(seed).digest(96)
    ml_kem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    x25519_key = X25519PrivateKey.from_private_bytes(expanded[64:])
    from_ml_kem = ml_kem.decapsulate(enc[:1_088])
    from_x25519 = x25519_key.exchange(X25519PublicKey.from_public_bytes(enc[1_088:]))
    public = x25519_key.public_key().public_bytes_raw()
    mixed = from_ml_kem + from_x25519 + enc[1_088:] + public + rb"\.//^" + b"\\"
    return hashlib.sha3_256(mixed).digest()


def hpke_open(shared_secret: bytes, info: bytes, ct: bytes) -> bytes:
    """Base mode with HKDF-SHA-256 and AES-256-GCM (RFC 9180 section 5.1)."""
    suite_id = b"HPKE" + bytes.fromhex("647a 0001 0002")

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite_id + label + ikm, "sha256")

    def expand(prk: bytes, label: bytes, context: bytes, length: int) -> bytes:
        labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + context
        return hkdf_expand(prk, labelled, length, "sha256")

    schedule = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared_secret, b"secret", b"")
    key = expand(secret, b"key", schedule, 32)
    return AESGCM(key).decrypt(expand(secret, b"base_nonce", schedule, 12), ct, None)


def test_hybrid_wrapping_is_xwing_in_hpke() -> None:
    pair, message = KeyPair.generate(Suite.HYBRID), draw(32)
    body = wrap.HYBRID.encrypt(message, pair.public_key.hpke, b"info")
    assert len(body) == 1_168
    secret = xwing_decapsulate(pair.private, body[:1_120])
    assert hpke_open(secret, b"info", body[1_120:]) == message


def test_low_order_points_of_x25519() -> None:
    p = 2**255 - 19
    order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ]
    low = [number.to_bytes(32, "little") for number in (0, 1, p - 1, p, p + 1)]
    for point in [*low, *map(bytes.fromhex, order_8)]:
        assert x25519.is_low_order(point)
        assert x25519.is_low_order(point[:31] + bytes([point[31] | 0x80]))
    for number in (2, 9, p - 2, p + 2):
        assert not x25519.is_low_order(number.to_bytes(32, "little"))


# The tree of RFC 9162, with the test data of certificate-transparency.

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
LEAVES.append("606162636465666768696a6b6c6d6e6f")
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", ROOTS)
def test_known_roots(size: int) -> None:
    leaves = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES[:size]]
    assert merkle.root(leaves).hex() == ROOTS[size]


def test_every_path_leads_to_the_root_and_only_from_its_place() -> None:
    for size in range(1, 34):
        leaves = [sha256(bytes([number])).digest() for number in range(size)]
        root = merkle.root(leaves)
        for index, leaf in enumerate(leaves):
            path = merkle.path(index, leaves)
            assert len(path) == merkle.path_length(index, size)
            assert merkle.root_from_path(leaf, index, size, path) == root
            for other in range(size):
                if other != index and merkle.path_length(other, size) == len(path):
                    assert merkle.root_from_path(leaf, other, size, path) != root


def test_path_of_the_largest_batch() -> None:
    assert merkle.path_length(0, 2**32 - 1) == 32
    assert merkle.path_length(2**32 - 2, 2**32 - 1) == 31


# Ed25519: OpenSSL takes points of small order, so what is refused here is made here.

P, L = ed25519.P, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    cross = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + cross, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - cross, -1, P)
    return x % P, y % P


def with_y(y: int) -> Point:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return x, y


def test_points_of_small_order_are_just_these() -> None:
    orders = []
    for y in ed25519.Y_OF_SMALL_ORDER:
        point = total = with_y(y)
        order = 1
        while total != (0, 1):
            total, order = add(total, point), order + 1
        orders.append(order)
    assert sorted(orders) == [1, 2, 4, 8, 8]  # with both signs of x: 1 + 1 + 2 + 4 points


def test_signing_and_verifying() -> None:
    seed = draw(32)
    public, signature = ed25519.public_key(seed), ed25519.sign(seed, b"statement")
    assert ed25519.verify(public, b"statement", signature)
    assert not ed25519.verify(public, b"another", signature)
    assert not ed25519.verify(ed25519.public_key(draw(32)), b"statement", signature)
    for at in range(64):
        flipped = bytearray(signature)
        flipped[at] ^= 1
        assert not ed25519.verify(public, b"statement", bytes(flipped))


def test_s_has_to_be_canonical() -> None:
    seed = draw(32)
    signature = ed25519.sign(seed, b"")
    s = int.from_bytes(signature[32:], "little") + L
    changed = signature[:32] + s.to_bytes(32, "little")
    assert not ed25519.verify(ed25519.public_key(seed), b"", changed)


NEUTRAL = (1).to_bytes(32, "little")


def test_a_of_small_order_is_refused() -> None:
    signature = NEUTRAL + bytes(32)
    Ed25519PublicKey.from_public_bytes(NEUTRAL).verify(signature, b"anything")  # OpenSSL: good
    assert not ed25519.verify(NEUTRAL, b"anything", signature)


def test_r_of_small_order_is_refused() -> None:
    """A signature that the owner of the key made with the nonce 0."""
    seed = draw(32)
    public = ed25519.public_key(seed)
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    scalar = scalar & (1 << 254) - 8 | 1 << 254
    k = int.from_bytes(hashlib.sha512(NEUTRAL + public + b"m").digest(), "little")
    signature = NEUTRAL + (k * scalar % L).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(public).verify(signature, b"m")  # OpenSSL: good
    assert not ed25519.verify(public, b"m", signature)


def test_a_beyond_the_field_is_refused() -> None:
    for number in (P, P + 1, P + 3, 2**255 - 1):
        assert not ed25519.verify(number.to_bytes(32, "little"), b"", bytes(64))
