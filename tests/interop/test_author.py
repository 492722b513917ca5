"""Signed messages that were changed, or signed wrong on purpose (SPEC section 4.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conftest import Fails
from wardkey_format import author, ed25519, merkle, message
from wardkey_format.author import Draft, Signer, Trailer
from wardkey_format.errors import WardkeyError
from wardkey_format.message import split
from wardkey_format.randomness import draw

KEY, SESSION = draw(32), draw(32)
SIGNER = Signer(draw(32), draw(32), log_sequence=5, log_hash=draw(32))
PUBLIC = ed25519.public_key(SIGNER.seed)
BATCH = author.seal_batch(SIGNER, KEY, SESSION, [Draft(bytes([n])) for n in range(5)])
SINGLE = author.seal_batch(SIGNER, KEY, SESSION, [Draft(b"single", {"k": "v"})])[0]
GROUP = author.authority_of_group(draw(32), 1, draw(32))


def code_of_opening(sealed: bytes) -> str:
    with pytest.raises(WardkeyError) as failure:
        author.open_signed(KEY, sealed, PUBLIC)
    return failure.value.code


def with_trailer(sealed: bytes, trailer: Trailer) -> bytes:
    return sealed[: len(sealed) - len(split(sealed).trailer)] + trailer.encode()


def signed_again(sealed: bytes, signer: Signer = SIGNER, **changes: Any) -> bytes:
    """The message with a changed trailer, under a signature that fits the change."""
    parts = split(sealed)
    trailer = replace(Trailer.decode(parts.trailer), **changes)
    leaf = author.leaf(parts.header_bytes, parts.body)
    root = leaf
    if trailer.path:
        trailer_index = min(trailer.index, 4)
        root = merkle.root_from_path(leaf, trailer_index, 5, trailer.path)
    signature = ed25519.sign(signer.seed, trailer.statement(root))
    return with_trailer(sealed, replace(trailer, signature=signature))


def test_every_message_of_a_batch_opens_by_itself() -> None:
    for index, sealed in enumerate(BATCH):
        data, trailer = author.open_signed(KEY, sealed, PUBLIC)
        assert data == bytes([index])
        assert (trailer.index, trailer.batch_size) == (index, 5)
        assert len(trailer.path) == (1 if index == 4 else 3)
        assert len({Trailer.decode(split(other).trailer).signature for other in BATCH}) == 1


def test_a_single_message_is_its_own_root() -> None:
    parts = split(SINGLE)
    trailer = Trailer.decode(parts.trailer)
    assert trailer.path == ()
    assert len(parts.trailer) == 184
    root = author.leaf(parts.header_bytes, parts.body)
    assert ed25519.verify(PUBLIC, trailer.statement(root), trailer.signature)


def test_every_flipped_bit_is_noticed() -> None:
    for sealed in (SINGLE, BATCH[4]):
        body_at, trailer_at = 87, len(sealed) - len(split(sealed).trailer)
        for at in [*range(6, body_at - 1), *range(body_at, len(sealed))]:
            for bit in range(8):
                changed = sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
                allowed = {"bad-signature"}
                if at < trailer_at:  # either may be checked first
                    allowed.add("decryption-failed")
                assert code_of_opening(changed) in allowed


def test_a_flipped_path_length_is_noticed() -> None:
    for sealed in (SINGLE, BATCH[0]):
        for bit in range(8):
            changed = sealed[:86] + bytes([sealed[86] ^ 1 << bit]) + sealed[87:]
            allowed = {"bad-signature", "truncated", "invalid-format"}
            assert code_of_opening(changed) in allowed
            with pytest.raises(WardkeyError) as failure:
                message.open_message(KEY, changed)
            assert failure.value.code in {"decryption-failed", "truncated", "invalid-format"}


def test_holder_of_the_key_passes_over_the_trailer() -> None:
    sealed = BATCH[2]
    length = len(split(sealed).trailer)
    assert message.open_message(KEY, sealed[:-length] + bytes(length)) == b"\x02"


def test_cut_trailer(fails: Fails) -> None:
    for length in range(87, 87 + 184 + 72):
        with fails("truncated"):
            author.open_signed(KEY, SINGLE[:length], PUBLIC, {"k": "v"})


def test_another_author_or_context(fails: Fails) -> None:
    assert author.open_signed(KEY, SINGLE, PUBLIC, {"k": "v"})[0] == b"single"
    with fails("bad-signature"):
        author.open_signed(KEY, SINGLE, ed25519.public_key(draw(32)), {"k": "v"})
    with fails("decryption-failed"):
        author.open_signed(KEY, SINGLE, PUBLIC, {})
    with fails("decryption-failed"):
        author.open_signed(draw(32), SINGLE, PUBLIC, {"k": "v"})


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32)])
def test_what_is_no_public_key(public: bytes, fails: Fails) -> None:
    with fails("bad-signature"):
        author.open_signed(KEY, SINGLE, public, {"k": "v"})


def test_an_unsigned_message_has_no_author(fails: Fails) -> None:
    unsigned = message.seal(KEY, b"", session_id=SESSION)
    with fails("bad-signature"):
        author.open_signed(KEY, unsigned, PUBLIC)


def test_signing_again_is_what_it_says() -> None:
    """So the tests below fail for the fault that they name."""
    for sealed in BATCH:
        assert signed_again(sealed) == sealed
    opened = author.open_signed(KEY, signed_again(BATCH[0], authority=GROUP), PUBLIC)
    assert opened[1].authority == GROUP


@pytest.mark.parametrize("at", [32, 39, 40, 71])
def test_an_authority_with_a_zero_group_is_all_zero(at: int) -> None:
    authority = bytes(at) + b"\x01" + bytes(71 - at)
    assert code_of_opening(signed_again(BATCH[0], authority=authority)) == "bad-signature"


@pytest.mark.parametrize(
    ("item", "changes"),
    [
        (0, {"batch_size": 0}),
        (0, {"index": 5}),
        (0, {"index": 2**32 - 1, "batch_size": 2**32 - 1}),
        (0, {"index": 4}),  # a path of 3 where it is 1
        (4, {"index": 0}),  # a path of 1 where it is 3
        (0, {"batch_size": 4}),  # a path of 2
        (0, {"batch_size": 9}),  # a path of 4
        (0, {"batch_size": 6}),  # the same length, another tree
        (0, {"batch_size": 8}),
        (0, {"index": 1}),  # the place of another
    ],
)
def test_another_place_in_the_batch(item: int, changes: dict[str, int]) -> None:
    sealed = BATCH[item]
    trailer = replace(Trailer.decode(split(sealed).trailer), **changes)  # type: ignore[arg-type]
    assert code_of_opening(with_trailer(sealed, trailer)) == "bad-signature"


@pytest.mark.parametrize(
    "changes", [{"batch_size": 0}, {"index": 5}, {"index": 5, "batch_size": 5}]
)
def test_an_index_outside_the_batch_though_signed(changes: dict[str, Any]) -> None:
    assert code_of_opening(signed_again(BATCH[0], **changes)) == "bad-signature"


def test_a_single_that_names_a_larger_batch() -> None:
    sealed = author.seal_batch(SIGNER, KEY, SESSION, [Draft(b"")])[0]
    assert signed_again(sealed) == sealed
    assert code_of_opening(signed_again(sealed, batch_size=2)) == "bad-signature"


def test_trailers_of_two_messages_exchanged() -> None:
    trailers = [Trailer.decode(split(sealed).trailer) for sealed in BATCH]
    assert code_of_opening(with_trailer(BATCH[0], trailers[1])) == "bad-signature"
    twisted = replace(trailers[0], path=trailers[0].path[::-1])
    assert code_of_opening(with_trailer(BATCH[0], twisted)) == "bad-signature"


def test_signature_by_another_key_is_refused() -> None:
    other = replace(SIGNER, seed=draw(32))
    assert code_of_opening(signed_again(BATCH[0], other)) == "bad-signature"


def test_an_empty_batch(fails: Fails) -> None:
    with fails("invalid-argument"):
        author.seal_batch(SIGNER, KEY, SESSION, [])
