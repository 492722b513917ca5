"""base64url, user ids and contexts (SPEC section 1), passwords (section 7), randomness (8)."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable

import pytest
import unicodedata2

from conftest import Fails
from wardkey_format import base64url, context, derive, password, randomness, user_id


def test_base64url() -> None:
    for length in range(40):
        data = bytes(range(200, 200 + length))
        assert base64url.decode(base64url.encode(data)) == data
    assert base64url.encode(b"\xfb\xff") == "-_8"
    assert base64url.decode("") == b""


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "AA==", "AA=", "-_9", "AB", "+A", "/w", "AA\n", " AA", "ÄA", "AA AA"]
)
def test_other_base64url_is_refused(text: str, fails: Fails) -> None:
    with fails("invalid-format"):
        base64url.decode(text)


def test_key_id_as_text_has_22_characters() -> None:
    text = derive.key_id_text(bytes(32))
    assert len(text) == 22
    assert base64url.decode(text) == derive.key_id(bytes(32))


def test_a_key_has_32_bytes(fails: Fails) -> None:
    for length in (0, 31, 33):
        with fails("invalid-argument"):
            derive.key_id(bytes(length))


@pytest.mark.parametrize("text", ["a", "a" * 128, "ä" * 64, "a b", "患者", "a" * 42, "a" * 44])
def test_user_ids(text: str) -> None:
    assert user_id.is_user_id(text)


def test_43_characters_are_a_user_id_only_outside_the_alphabet() -> None:
    assert not user_id.is_user_id("aB3-_" * 8 + "aaa")
    assert user_id.is_user_id("aB3-_" * 8 + "aa.")
    assert user_id.is_user_id("ä" * 43)


@pytest.mark.parametrize(
    "text",
    ["", "a" * 129, "ä" * 65, "e\u0301", "a\x00", "a\n", "\x7f", "\x85", "a→b", "\ud800", "\u212b"],
)
def test_what_is_no_user_id(text: str, fails: Fails) -> None:
    assert not user_id.is_user_id(text)
    with fails("invalid-argument"):
        user_id.check(text, "invalid-argument")


def test_context_up_to_65536_bytes(fails: Fails) -> None:
    # Map head 1, key "k" 2, head of the value 3 or 5.
    assert context.checked({"k": "x" * (65_536 - 6)})
    with fails("limit"):
        context.checked({"k": "x" * (65_536 - 5)})


def test_context_with_a_lone_surrogate(fails: Fails) -> None:
    for entry in ({"\udc00": ""}, {"": "\ud800"}):
        with fails("invalid-argument"):
            context.checked(entry)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("p", "70"),
        (" p ", "207020"),  # nothing is trimmed
        ("a\u00a0b\u3000c\u1680", "612062206320"),  # every space becomes U+0020
        ("e\u0301", "c3a9"),
        ("\u212b", "c385"),
        ("\ufb01", "efac81"),  # compatibility forms stay
        ("\u200b\u2028\u2029", "e2808be280a8e280a9"),  # Cf, Zl, Zp: not Zs
        ("\U000e0fff\ufffe\uffff", "f3a0bfbfefbfbeefbfbf"),  # unassigned, noncharacters
        # Composed since Unicode 16.0: an older table would leave two characters.
        ("\U000105d2\u0307", "f09097 89".replace(" ", "")),
    ],
)
def test_prepared_passwords(text: str, prepared: str) -> None:
    assert password.prepare(text).hex() == prepared


@pytest.mark.parametrize(
    "text", ["", "\ud800", "a\udfff", "\x00", "a\tb", "a\n", "\x7f", "\x80", "\x9f"]
)
def test_refused_passwords(text: str, fails: Fails) -> None:
    with fails("password-format"):
        password.prepare(text)


def test_password_length_counts_after_preparation(fails: Fails) -> None:
    assert len(password.prepare("a" * 1_024)) == 1_024
    assert len(password.prepare("\u3000" * 1_024)) == 1_024
    assert len(password.prepare("e\u0301" * 512)) == 1_024
    for text in ("a" * 1_025, "ä" * 513):
        with fails("password-format"):
            password.prepare(text)


def test_unicode_tables_agree_on_what_both_know() -> None:
    """Normalisation is stable: for what was assigned earlier, 18.0 says what Python's tables say."""
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        if unicodedata.category(character) not in ("Cn", "Cs"):
            expected = unicodedata.normalize("NFC", character)
            assert unicodedata2.normalize("NFC", character) == expected


@pytest.mark.parametrize(
    "drawn",
    [lambda length: bytes(length), lambda length: b"\x01" * length],
    ids=["zeros", "the same again"],
)
def test_a_stuck_generator(
    drawn: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch, fails: Fails
) -> None:
    monkeypatch.setattr(randomness, "_before", b"\x01" * 16)
    monkeypatch.setattr(os, "urandom", drawn)
    for length in (16, 24, 32):
        with fails("rng"):
            randomness.draw(length)
    assert len(randomness.draw(15)) == 15  # too short for a verdict


def test_a_generator_that_fails(monkeypatch: pytest.MonkeyPatch, fails: Fails) -> None:
    def broken(length: int) -> bytes:
        raise OSError("no entropy")

    monkeypatch.setattr(os, "urandom", broken)
    with fails("rng"):
        randomness.draw(4)
