"""Safety numbers: what two people compare (SPEC section 10.6)."""

from __future__ import annotations

from hashlib import sha512

from . import base64url, cbor, party
from .errors import WardkeyError, require
from .party import Group, User

GROUPS, BYTES, DIGITS = 12, 5, 5


def _number(subject: cbor.Value) -> str:
    digest = sha512(b"wardkey/v1/safety-number\x00" + cbor.encode(subject)).digest()
    pieces = (digest[BYTES * i : BYTES * (i + 1)] for i in range(GROUPS))
    numbers = (int.from_bytes(piece, "big") % 10**DIGITS for piece in pieces)
    return " ".join(f"{number:0{DIGITS}}" for number in numbers)


def of_users(app_id: str, one: User, other: User) -> str:
    first, second = sorted((one, other), key=party.encode)
    return _number([app_id, first.cbor(), second.cbor()])


def of_group(app_id: str, group: Group) -> str:
    return _number([app_id, group.cbor()])


def check(given: str, number: str, fingerprint: bytes) -> None:
    """What a person was told, the number or the fingerprint, is what is known."""
    digits = given.replace(" ", "")
    if len(digits) == GROUPS * DIGITS and digits.isascii() and digits.isdigit():
        require(digits == number.replace(" ", ""), "pin-mismatch", "another safety number")
        return
    try:
        told = base64url.decode(given)
    except WardkeyError:
        told = b""
    require(len(told) == 32, "invalid-argument", "neither a number nor a fingerprint")
    require(told == fingerprint, "pin-mismatch", "another fingerprint")
