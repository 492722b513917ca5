"""`identity.json`: bundles, identities, pins, parties and safety numbers (SPEC section 10)."""

from __future__ import annotations

from typing import Any

from kinds import pin_json
from wardkey_format import base64url, cbor, ed25519, party, safety_number
from wardkey_format.bundle import FORM, Bundle
from wardkey_format.errors import Code
from wardkey_format.party import Group, Placeholder, User
from wardkey_format.pin import Pin
from wardkey_format.randomness import draw
from wardkey_format.suite import Suite

from .entries import Entries, Json
from .forging import (
    SMALL_ORDER_POINT,
    changed,
    flipped,
    long_head,
    sign_raw,
    signed,
    with_s_plus_order,
)
from .person import APP, Person, rsa_key_pair


def pin_of(person: Person, version: int | None = None) -> Pin:
    """The pin that a person's identity of this version (the newest) gives."""
    at = version or len(person.keys)
    version_hash = None if at == 1 else person.hashes[at - 1]
    return Pin(person.fingerprint, at, version_hash, person.keys[at - 1].suite)


def presented(person: Person, **changes: Any) -> Json:
    return {
        "app_id": APP,
        "user_id": person.user_id,
        "by_hash": None,
        "bundles": person.bundles,
        "pin": None,
        "anchor": None,
        "refuse_first_use": False,
        "minimum": 1,
        **changes,
    }


def verified(person: Person) -> Json:
    return {
        "user_id": person.user_id,
        "fingerprint": person.fingerprint.hex(),
        "hashes": [one.hex() for one in person.hashes],
        "public_key": person.key_pair.public_key.text,
        "signing_key": person.next_bundle(person.key_pair, person.seed).signing_key.hex(),
        "pin": pin_json(pin_of(person)),
    }


def good_identities(entries: Entries, anna: Person) -> None:
    def good(name: str, person: Person, **changes: Any) -> None:
        entries.made = {
            "private": person.key_pair.private.hex(),
            "seed": person.seed.hex(),
            "old_seed": person.seeds[-2].hex() if len(person.seeds) > 1 else None,
        }
        entries.good("identity", name, presented(person, **changes), verified(person))

    fresh = Person.new("fresh@example.org")
    good("version 1, first use", fresh)
    good(
        "anchored, first use refused", fresh, anchor=fresh.fingerprint.hex(), refuse_first_use=True
    )
    good("rsa-3072", Person.new("患者", Suite.RSA_3072))
    good("the key server", Person.new(None), user_id=None)
    rising = Person.new("rising", Suite.RSA_3072)
    rising.renew(Suite.RSA_4096)
    rising.renew(Suite.HYBRID)
    good("suites that rise", rising)
    good("three versions", anna)
    for version in (1, 2, 3):
        good(f"pinned at version {version}", anna, pin=pin_json(pin_of(anna, version)))
    same = {"pin": pin_json(pin_of(anna)), "anchor": anna.fingerprint.hex()}
    good("pinned and anchored", anna, refuse_first_use=True, **same)
    good("asked for by the hash of version 2", anna, user_id=None, by_hash=anna.hashes[1].hex())
    long = Person.new("long")
    for _ in range(63):
        long.renew()
    good("64 versions", long)
    entries.bad(
        "identity",
        "65 bundles",
        presented(long, bundles=[*long.bundles, long.bundles[-1]]),
        "limit",
    )


def bad_bundles(entries: Entries) -> None:
    ben = Person.new("ben")
    pair, seed = ben.key_pair, ben.seed
    payload = Bundle(
        APP, "ben", 1, None, pair.public_key.encode(), ben.next_bundle(pair, seed).signing_key
    )
    data = ben.objects[0]
    outer = cbor.encode(payload.cbor())
    signature = sign_raw(FORM, seed, outer)

    def bad(name: str, bundle: bytes, code: Code, **changes: Any) -> None:
        entries.bad("identity", name, presented(ben, bundles=[bundle.hex()], **changes), code)

    def forged(name: str, code: Code, **fields: Any) -> None:
        bad(name, signed(FORM, seed, changed(payload, **fields), None), code)

    entries.bad("identity", "no bundle", presented(ben, bundles=[]), "invalid-format")
    # The outer form.
    bad("empty", b"", "invalid-format")
    bad("cut", data[:-1], "invalid-format")
    bad("something left over", data + b"\x00", "invalid-format")
    bad("not an array", cbor.encode({1: 1}), "invalid-format")
    bad("an empty array", b"\x80", "invalid-format")
    bad("a first element of text", cbor.encode(["1", outer, signature, None]), "invalid-format")
    bad("version 0", signed(FORM, seed, payload.cbor(), None, version=0), "unsupported-version")
    bad("version 2", signed(FORM, seed, payload.cbor(), None, version=2), "unsupported-version")
    bad("version 2, of another form", cbor.encode([2, "later"]), "unsupported-version")
    bad("version 2, cut", b"\x84\x02", "unsupported-version")
    bad("three elements", signed(FORM, seed, payload.cbor()), "invalid-format")
    bad("five elements", signed(FORM, seed, payload.cbor(), None, None), "invalid-format")
    bad("a long head", long_head(data), "invalid-format")
    bad("an array of indefinite length", b"\x9f" + data[1:] + b"\xff", "invalid-format")
    bad("a signature of 63 bytes", cbor.encode([1, outer, signature[:-1], None]), "invalid-format")
    bad("a payload as text", cbor.encode([1, "", signature, None]), "invalid-format")
    bad("a tagged payload", data[:2] + b"\xc0" + data[2:], "invalid-format")
    bad("8 KiB, left over", data + bytes(8_192 - len(data)), "invalid-format")
    bad("8 KiB and a byte", data + bytes(8_193 - len(data)), "limit")
    bad("version 2 and too large", b"\x84\x02" + bytes(8_191), "limit")
    bad("below the minimum", data, "downgrade", minimum=2)
    bad("below the minimum, and of a bad form", data + b"\x00", "invalid-format", minimum=2)
    # The payload's form.
    for name, code_payload in {
        "an empty payload": b"",
        "a payload cut": outer[:-1],
        "a payload with something left over": outer + b"\x00",
        "a payload with a long head": b"\xb8\x06" + outer[1:],
        "a payload with unsorted keys": b"\xa6" + outer[8:9] + outer[1:8] + outer[9:],
        "a payload of five fields": cbor.encode({k: v for k, v in payload.cbor().items() if k < 6}),
        "a payload of seven fields": cbor.encode(changed(payload, _7=None)),
        "a payload that is an array": cbor.encode([APP]),
        "a version in two bytes": outer.replace(b"\x03\x01\x04", b"\x03\x18\x01\x04", 1),
    }.items():
        bad(name, signed(FORM, seed, code_payload, None), "invalid-format")
    twice = b"\xa6" + cbor.encode({1: APP})[1:] * 2 + outer[1 + len(cbor.encode({1: APP})) - 1 :]
    bad("a field twice", signed(FORM, seed, twice[:-34], None), "invalid-format")
    forged("no app id", "invalid-format", _1="")
    forged("an app id of 129 bytes", "invalid-format", _1="a" * 129)
    forged("an app id of null", "invalid-format", _1=None)
    forged("a user id that looks like a hash", "invalid-format", _2="a" * 43)
    forged("a user id with an arrow", "invalid-format", _2="a→b")
    forged("a user id that isn't NFC", "invalid-format", _2="e\u0301")
    forged("a user id with a control character", "invalid-format", _2="a\u0085")
    forged("bundle version 0", "invalid-format", _3=0)
    forged("bundle version 65", "invalid-format", _3=65, _4=bytes(32))
    forged("a previous bundle of version 1", "invalid-format", _4=bytes(32))
    forged("a signing key of 31 bytes", "invalid-format", _6=payload.signing_key[:31])
    bad(
        "a predecessor's signature of version 1",
        signed(FORM, seed, payload.cbor(), signature),
        "invalid-format",
    )
    # The encryption key.
    key = payload.encryption_key
    legacy = rsa_key_pair(Suite.RSA_2048).public_key.encode()
    forged("rsa-2048", "key-policy", _5=legacy)
    forged("no public key", "invalid-format", _5=b"")
    forged("a public key of another version", "unsupported-version", _5=key[:4] + b"\x02" + key[5:])
    forged("a public key of low order", "key-policy", _5=key[:-32] + bytes(32))
    forged("an unknown suite", "unsupported-version", _5=b"WKPK\x01" + cbor.encode([9, b""]))
    forged("a public key over 4096 bytes", "limit", _5=key + bytes(4_097 - len(key)))
    # The signature.
    bad("a flipped bit of the signature", flipped(data, -2), "bad-signature")
    bad("a flipped bit of R", data.replace(signature, flipped(signature, 0)), "bad-signature")
    bad("S that isn't canonical", with_s_plus_order(data, signature), "bad-signature")
    small = SMALL_ORDER_POINT + bytes(32)
    bad("R of small order", data.replace(signature, small), "bad-signature")
    weak = cbor.encode(changed(payload, _6=SMALL_ORDER_POINT))
    bad("a key of small order", cbor.encode([1, weak, small, None]), "bad-signature")
    p = (2**255 - 19 + 3).to_bytes(32, "little")
    odd = cbor.encode(changed(payload, _6=p))
    bad("a key that isn't canonical", cbor.encode([1, odd, signature, None]), "bad-signature")
    bad("by another key", signed(FORM, draw(32), payload.cbor(), None), "bad-signature")
    text = b"wardkey/v1/contact\x00" + outer
    other = cbor.encode([1, outer, ed25519.sign(seed, text), None])
    bad("signed as a contact", other, "bad-signature")
    forged("of another app", "key-mismatch", _1="other")
    forged("of another user", "key-mismatch", _2="anna")
    forged("of the key server", "key-mismatch", _2=None)


def bad_identities(entries: Entries, anna: Person) -> None:
    def bad(name: str, code: Code, person: Person = anna, **changes: Any) -> None:
        entries.bad("identity", name, presented(person, **changes), code)

    one, two, three = anna.bundles
    bad("another user asked for", "key-mismatch", user_id="ben")
    bad("the key server asked for", "key-mismatch", user_id=None)
    bad("another app asked for", "key-mismatch", app_id="other")
    bad("without version 1", "bad-signature", bundles=[two, three])
    bad("without version 2", "bad-signature", bundles=[one, three])
    bad("backwards", "bad-signature", bundles=[two, one])
    bad("version 1 twice", "bad-signature", bundles=[one, one])
    bad("by a hash that isn't there", "bad-signature", by_hash=draw(32).hex())
    stranger = Person.new("anna")
    stranger.renew()
    bad("a renewal of another identity", "bad-signature", bundles=[one, stranger.bundles[1]])

    def renewal(name: str, code: Code, first: bytes, second: bytes | None, **fields: Any) -> None:
        person = anna.copy()
        payload = person.next_bundle(Person.new("x").key_pair, first)
        forged = cbor.encode(changed(payload, **fields))
        by_predecessor = second and sign_raw(FORM, second, forged)
        data = cbor.encode([1, forged, sign_raw(FORM, first, forged), by_predecessor])
        bad(name, code, bundles=[*anna.bundles, data.hex()])

    renewal("a renewal without the predecessor's signature", "invalid-format", draw(32), None)
    renewal("a renewal signed by version 1", "bad-signature", draw(32), anna.seeds[0])
    renewal("a renewal signed by itself twice", "bad-signature", seed := draw(32), seed)
    renewal("a renewal of version 5", "bad-signature", draw(32), anna.seed, _3=5)
    renewal("a renewal after version 2", "bad-signature", draw(32), anna.seed, _4=anna.hashes[1])
    renewal("a renewal for another user", "key-mismatch", draw(32), anna.seed, _2="ben")
    falling = Person.new("falling", Suite.HYBRID)
    falling.renew(Suite.RSA_4096)
    bad("from hybrid to rsa-4096", "downgrade", falling)
    falling = Person.new("falling", Suite.RSA_4096)
    falling.renew(Suite.RSA_3072)
    bad("from rsa-4096 to rsa-3072", "downgrade", falling)

    # Pins.
    weak = Person.new("weak", Suite.RSA_4096)
    stronger = Pin(weak.fingerprint, 1, None, Suite.HYBRID)
    bad("a weaker suite than the pin's", "downgrade", weak, pin=pin_json(stronger))
    unknown = Pin(draw(32), 1, None, Suite.HYBRID)
    bad("weaker than the pin's, and another", "downgrade", weak, pin=pin_json(unknown))
    bad("another fingerprint than the pin's", "pin-mismatch", pin=pin_json(unknown))
    bad("another fingerprint than the anchor's", "pin-mismatch", anchor=draw(32).hex())
    both: Json = {"pin": pin_json(pin_of(anna)), "anchor": draw(32).hex()}
    bad("pinned, but another anchor", "pin-mismatch", **both)
    bad("an older identity than pinned", "rollback", bundles=[one, two], pin=both["pin"])
    forked = Pin(anna.fingerprint, 2, draw(32), Suite.HYBRID)
    bad("another version 2 than pinned", "fork", pin=pin_json(forked))
    bad("first use refused", "not-certified", refuse_first_use=True)


def parties(entries: Entries) -> None:
    fingerprint, group = draw(32), draw(32)

    def good(name: str, value: party.Party, expected: Json) -> None:
        entries.good("party", name, {"party": party.encode(value).hex()}, expected)

    def bad(name: str, value: cbor.Value) -> None:
        entries.bad("party", name, {"party": cbor.encode(value).hex()}, "invalid-format")

    named = {"name": "Zoë", "fingerprint": fingerprint.hex()}
    good("a user", User("Zoë", fingerprint), {"type": "user", **named})
    good("a group", Group(group), {"type": "group", "id": group.hex()})
    for address in (None, "a@b", "a@" + "b" * 252, "é\u2028@例"):
        expected = {"type": "placeholder", **named, "contact": address}
        good(f"a placeholder, {address}", Placeholder("Zoë", fingerprint, address), expected)
    for address in (
        "ab",
        "@b",
        "a@",
        "a@b@c",
        "@ab",
        "ab@",
        "a b@c",
        "a\u00a0@c",
        "a@\u0007",
        "@@@",
    ):
        bad(f"contact {address!r}", [2, "Zoë", fingerprint, address])
    bad("a contact of 255 bytes", [2, "Zoë", fingerprint, "a@" + "b" * 253])
    bad("party 3", [3, group])
    bad("an empty party", [])
    bad("a user of two items", [0, "Zoë"])
    bad("a user with a contact", [0, "Zoë", fingerprint, None])
    bad("a group by name", [1, "group"])
    bad("a group of 31 bytes", [1, group[:31]])
    bad("a placeholder without contact's place", [2, "Zoë", fingerprint])
    bad("a placeholder without a name", [2, "", fingerprint, None])


def safety_numbers(entries: Entries) -> None:
    """The last party is the one of whom a person was told."""
    one, other = User("anna", draw(32)), User("ben", draw(32))
    number = safety_number.of_users(APP, one, other)

    def given(compared: str, *parties: party.Party) -> Json:
        return {
            "app_id": APP,
            "parties": [party.encode(p).hex() for p in parties],
            "compared": compared,
        }

    entries.made = {"number": number}
    text = base64url.encode(other.fingerprint)
    for told in (number, number.replace(" ", ""), f" {number} ", text):
        entries.good("safety-number", told, given(told, one, other), {"number": number})
    reverse = given(number, other, one)
    entries.good("safety-number", "the same on both sides", reverse, {"number": number})
    wrong = ("1" if number[0] == "0" else "0") + number[1:]
    for told in (wrong, base64url.encode(draw(32)), base64url.encode(one.fingerprint)):
        entries.bad("safety-number", told, given(told, one, other), "pin-mismatch")
    unused = text[:-1] + chr(ord(text[-1]) + 1)
    dashes = number.replace(" ", "-")
    for told in ("", number[:-1], number + "1", text[:-1], text + "=", unused, dashes):
        entries.bad("safety-number", f"{told!r}", given(told, one, other), "invalid-argument")

    group = Group(draw(32))
    number = safety_number.of_group(APP, group)
    entries.made = {"number": number}
    entries.good("safety-number", "a group", given(number, group), {"number": number})


def make() -> Entries:
    entries = Entries()
    anna = Person.new("anna")
    anna.renew()
    anna.renew()
    good_identities(entries, anna)
    bad_bundles(entries)
    bad_identities(entries, anna)
    parties(entries)
    safety_numbers(entries)
    return entries
