"""Messages that were changed, or made wrong on purpose (SPEC section 4)."""

from __future__ import annotations

import pytest

from conftest import Fails
from wardkey_format import cobblestone, derive, message, padding
from wardkey_format.errors import WardkeyError
from wardkey_format.message import Header, SignerInHeader
from wardkey_format.randomness import draw

KEY = draw(32)
SESSION = draw(32)
CONTEXT = {"patient": "p-1"}
PLAIN = message.seal(KEY, b"small", CONTEXT)
PADDED = message.seal(KEY, b"small", CONTEXT, padded=True, session_id=SESSION)


def flipped(data: bytes, at: int, bits: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def code_of_opening(sealed: bytes) -> str:
    with pytest.raises(WardkeyError) as failure:
        message.open_message(KEY, sealed, CONTEXT)
    return failure.value.code


@pytest.mark.parametrize("sealed", [PLAIN, PADDED], ids=["plain", "padded, in a session"])
def test_every_flipped_bit_is_noticed(sealed: bytes) -> None:
    assert message.open_message(KEY, sealed, CONTEXT) == b"small"
    for at in range(6, len(sealed)):
        for bit in range(8):
            assert code_of_opening(flipped(sealed, at, 1 << bit)) == "decryption-failed"
    for at in range(4):
        assert code_of_opening(flipped(sealed, at)) == "invalid-format"
    for version in (0, 2, 255):
        changed = sealed[:4] + bytes([version]) + sealed[5:]
        assert code_of_opening(changed) == "unsupported-version"


@pytest.mark.parametrize("bit", [0x08, 0x10, 0x20, 0x40, 0x80])
def test_foreign_flags(bit: int) -> None:
    assert code_of_opening(flipped(PLAIN, 5, bit)) == "unsupported-version"
    # Before "signed without in a session", and before a cut header.
    assert code_of_opening(PLAIN[:5] + bytes([bit | 0x02])) == "unsupported-version"


def test_other_flags() -> None:
    assert code_of_opening(flipped(PLAIN, 5, message.PADDED)) == "decryption-failed"
    assert code_of_opening(flipped(PLAIN, 5, message.SIGNED)) == "invalid-format"
    assert code_of_opening(PLAIN[:5] + b"\x02") == "invalid-format"
    assert code_of_opening(flipped(PADDED, 5, message.PADDED)) == "decryption-failed"
    # Without its session, the message has 32 more bytes of body.
    assert code_of_opening(flipped(PADDED, 5, message.IN_SESSION)) == "decryption-failed"


@pytest.mark.parametrize("sealed", [PLAIN, PADDED], ids=["plain", "padded, in a session"])
def test_every_cut_is_noticed(sealed: bytes) -> None:
    header = Header.read(sealed).length
    for length in range(len(sealed)):
        if length < 4:
            expected = "invalid-format"
        elif length < header + 72:
            expected = "truncated"
        else:
            expected = "decryption-failed"
        assert code_of_opening(sealed[:length]) == expected
    assert code_of_opening(sealed + b"\x00") == "decryption-failed"


def test_chunks_in_another_order_or_left_out() -> None:
    sealed = message.seal(KEY, draw(40_000), CONTEXT)
    start = 22 + 56
    one, two = (sealed[start + at : start + at + 16_400] for at in (0, 16_400))
    last = sealed[start + 2 * 16_400 :]
    head = sealed[:start]
    assert head + one + two + last == sealed
    assert code_of_opening(head + one + two) == "truncated"
    assert code_of_opening(head) == "truncated"
    for chunks in (two + one + last, one + last, last, one + one + two + last, one + two + one):
        expected = "truncated" if len(chunks) % 16_400 == 0 else "decryption-failed"
        assert code_of_opening(head + chunks) == expected


@pytest.mark.parametrize(
    "context", [{}, {"patient": "p-2"}, {"Patient": "p-1"}, {"patient": "p-1", "": ""}]
)
def test_another_context(context: dict[str, str], fails: Fails) -> None:
    with fails("decryption-failed"):
        message.open_message(KEY, PLAIN, context)


def test_order_of_the_context_does_not_matter_but_its_bytes_do(fails: Fails) -> None:
    sealed = message.seal(KEY, b"", {"b": "1", "aa": "2", "\u00e9": "3"})
    assert message.open_message(KEY, sealed, {"\u00e9": "3", "aa": "2", "b": "1"}) == b""
    with fails("decryption-failed"):
        message.open_message(KEY, sealed, {"e\u0301": "3", "aa": "2", "b": "1"})


def test_a_context_that_is_too_long(fails: Fails) -> None:
    with fails("limit"):
        message.seal(KEY, b"", {"": "x" * 65_536})
    with fails("limit"):
        message.open_message(KEY, PLAIN, {"": "x" * 65_536})


def test_another_key(fails: Fails) -> None:
    with fails("decryption-failed"):
        message.open_message(draw(32), PLAIN, CONTEXT)
    with fails("decryption-failed"):  # K only opens under the header that it was sealed under
        other = draw(32)
        sealed = PLAIN[:6] + derive.key_id(other) + PLAIN[22:]
        message.open_message(KEY, sealed, CONTEXT)


def test_headers_have_22_54_or_87_bytes() -> None:
    signer = SignerInHeader(draw(32), 3)
    headers = [
        Header(bytes(16)),
        Header(bytes(16), padded=True, session_id=SESSION),
        Header(bytes(16), session_id=SESSION, signer=signer),
    ]
    assert [header.length for header in headers] == [22, 54, 87]
    assert [header.trailer_length for header in headers] == [0, 0, 184 + 96]
    for header in headers:
        assert Header.read(header.encode() + b"more") == header


def test_reading_a_signed_header() -> None:
    signed = Header(derive.key_id(KEY), False, SESSION, SignerInHeader(draw(32), 32)).encode()
    for length in range(5, len(signed)):
        assert code_of_opening(signed[:length]) == "truncated"
    # A path over 32 is refused before it is noticed that nothing follows.
    assert code_of_opening(signed[:-1] + b"\x21") == "invalid-format"
    trailer = 184 + 32 * 32
    for length in (0, trailer - 1, trailer, trailer + 71):
        assert code_of_opening(signed + bytes(length)) == "truncated"
    assert code_of_opening(signed + bytes(trailer + 72)) == "decryption-failed"


def sealed_as_padded(plaintext: bytes) -> bytes:
    """A message that says *padded*, around a plaintext that may not be."""
    header = Header(derive.key_id(KEY), padded=True).encode()
    return header + cobblestone.seal(KEY, message.body_context(header, CONTEXT), plaintext)


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_padding_made_by_hand() -> None:
    sealed = sealed_as_padded(b"data" + bytes(244) + u64(4))
    assert message.open_message(KEY, sealed, CONTEXT) == b"data"
    longest = sealed_as_padded(b"x" * 248 + u64(248))
    assert message.open_message(KEY, longest, CONTEXT) == b"x" * 248


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        bytes(7),
        b"data" + u64(4),  # shorter than 256
        bytes(247) + u64(0),
        bytes(249) + u64(0),  # longer than the length gives
        bytes(264) + u64(248),
        bytes(248) + u64(249),  # shorter than the length gives
        bytes(248) + u64(2**64 - 1),
        bytes(248) + u64(2**64 - 8),
        b"data" + bytes(243) + b"\x01" + u64(4),  # not zeros
        b"data\x01" + bytes(243) + u64(4),
        padding.pad(bytes(300)) + bytes(16),
    ],
)
def test_wrong_padding(plaintext: bytes) -> None:
    assert code_of_opening(sealed_as_padded(plaintext)) == "decryption-failed"
