"""Checks one recorded entry of sections 9 to 15, as `vectors.py` does those of sections 1 to 8.

The schema is that of `testdata/README.md`; numbers of 64 bits are decimal text. The functions of
an entry of `invalid` are the same: they end in its `error` before anything is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kinds import KINDS, unhex, unhex_all, unhex_or_none
from wardkey_format import (
    account,
    bundle,
    cbor,
    contact,
    ed25519,
    identity,
    journal,
    journal_log,
    login,
    party,
    pin,
    receipt,
    recovery_proof,
    safety_number,
    share,
    slow_key,
    state,
)
from wardkey_format.backup import TwoManShares
from wardkey_format.errors import WardkeyError
from wardkey_format.journal_log import Proof
from wardkey_format.party import Group, User
from wardkey_format.pin import Pin
from wardkey_format.private_key import KeyPair
from wardkey_format.signed import Form, Signed
from wardkey_format.slow_key import Kdf
from wardkey_format.state import State
from wardkey_format.suite import Suite

Entry = dict[str, Any]


def _pin(text: str | None) -> Pin | None:
    """The encoding of a pin."""
    if text is None:
        return None
    reader = cbor.Reader(unhex(text))
    found = pin.read(reader)
    reader.finish(found.cbor())
    return found


def _pin_hex(one: Pin | None) -> str | None:
    return one and cbor.encode(one.cbor()).hex()


def _made_again(form: Form[Any, Any], signed: Signed[Any, Any], seed: str) -> bool:
    """Whether the seed signs the same object once more."""
    text = form.signed_text(form.encode_payload(signed.payload))
    return ed25519.sign(unhex(seed), text) == signed.signature


def check_identity(entry: Entry) -> None:
    before, minimum = _pin(entry["pin"]), int(entry["minimum"])
    bundles, by_hash = unhex_all(entry["bundles"]), unhex_or_none(entry["bundle_hash"])
    if by_hash is None:
        found = identity.verify(bundles, entry["app_id"], entry["user_id"], minimum)
    else:
        found = identity.verify_by_hash(bundles, entry["app_id"], by_hash, minimum)
    anchor, reject = unhex_or_none(entry["anchor"]), entry["reject"]
    after = pin.compare(found, before, anchor, refuse_first_use=reject)

    expected = entry["found"]
    assert found.user_id == expected["user_id"]
    assert [one.hex() for one in found.hashes] == expected["hashes"]
    assert _pin_hex(after) == expected["pin"]
    suite = Suite.labelled(expected["suite"])
    assert found.public_key == KeyPair(suite, unhex(expected["private"])).public_key
    newest = bundle.read(bundles[-1])
    assert ed25519.public_key(unhex(expected["seed"])) == newest.payload.signing_key
    assert _made_again(bundle.FORM, newest, expected["seed"])
    if expected["old_seed"]:
        second = bundle.FORM.sign(unhex(expected["old_seed"]), newest.payload)
        assert newest.rest == second


def check_safety_number(entry: Entry) -> None:
    parties = [party.decode(unhex(one)) for one in entry["parties"]]
    match parties:
        case [User() as one, User() as other]:
            number = safety_number.of_users(entry["app_id"], one, other)
        case [Group() as group]:
            number = safety_number.of_group(entry["app_id"], group)
        case _:
            raise AssertionError("neither two users nor a group")
    assert number == entry["number"]
    safety_number.check(entry["compared"], number, unhex(entry["fingerprint"]))


def check_login(entry: Entry) -> None:
    app, user = entry["app_id"], entry["user_id"]
    of_server = login.server_salt(unhex(entry["secret"]), app, user)
    assert of_server.hex() == entry["server_salt"]
    assert login.salt(app, user, of_server).hex() == entry["salt"]


def _check_state(found: State, expected: Entry) -> None:
    assert found.encode().hex() == expected["merged"]
    assert found.cache_key.hex() == expected["cache_key"]
    assert found.minimum == int(expected["minimum"])
    assert {name: _pin_hex(one) for name, one in found.pins.items()} == dict(expected["pins"])
    groups = {
        group.hex(): (str(seen.sequence), seen.hash.hex()) for group, seen in found.groups.items()
    }
    assert groups == {group: (sequence, one) for group, sequence, one in expected["groups"]}
    assert _pin_hex(found.key_server) == expected["key_server"]


def check_state(entry: Entry) -> None:
    """`state` is the newer one, where two are merged."""
    found = state.read(unhex(entry["state"]), entry["user_id"])
    if entry["older"] is not None:
        found = state.merge(found, state.read(unhex(entry["older"]), entry["user_id"]))
    _check_state(found, entry["found"])


def check_share(entry: Entry) -> None:
    pair = KeyPair(Suite.labelled(entry["suite"]), unhex(entry["private"]))
    recovery = unhex_or_none(entry["recovery"])
    bound = share.context(entry["app_id"], entry["user_id"], int(entry["version"]), recovery)
    assert share.open_share(unhex(entry["wrapped"]), pair, bound).hex() == entry["share"]


def check_contact(entry: Entry, minimum: int) -> None:
    signer = identity.verify(unhex_all(entry["bundles"]), entry["app_id"], entry["user_id"])
    data = unhex(entry["object"])
    found = contact.verify(data, signer, int(entry["version"]), minimum)
    assert found.email == entry["email"]
    _check_object(contact.FORM, entry)


def check_receipt(entry: Entry, minimum: int) -> None:
    bundles = unhex_all(entry["bundles"])
    anchor = bundle.read(bundles[0]).hash
    asked_for = (entry["app_id"], entry["user_id"], int(entry["now"]))
    found = receipt.verify(unhex(entry["object"]), bundles, anchor, *asked_for, minimum=minimum)
    assert (found.recovery_id.hex(), found.end) == (entry["recovery"], int(entry["end"]))
    _check_object(receipt.FORM, entry)


def check_recovery_proof(entry: Entry, minimum: int) -> None:
    signer = identity.verify(unhex_all(entry["bundles"]), entry["app_id"], entry["user_id"])
    recovery, backup = unhex(entry["recovery"]), unhex(entry["backup"])
    recovery_proof.verify(unhex(entry["object"]), signer, recovery, backup, minimum)
    _check_object(recovery_proof.FORM, entry)


def _check_object(form: Form[Any, Any], entry: Entry) -> None:
    signed = form.read(unhex(entry["object"]))
    assert signed.hash.hex() == entry["hash"]
    assert _made_again(form, signed, entry["seed"])


def check_recovery(entry: Entry) -> None:
    checks = {
        "contact": check_contact,
        "receipt": check_receipt,
        "recovery-proof": check_recovery_proof,
    }
    checks[entry["type"]](entry, int(entry["minimum"]))


def _kdf(text: str) -> Kdf:
    return slow_key.read(cbor.Reader(unhex(text)))


def check_account(entry: Entry) -> None:
    app, user, remembered = entry["app_id"], entry["user_id"], int(entry["remembered"])
    shares = entry["shares"]
    stored = account.Stored(
        unhex_or_none(entry["active"]),
        unhex_or_none(entry["pending"]),
        unhex_all(entry["bundles"]),
        unhex_or_none(entry["renewal"]),
        unhex_all(entry["key_server"]),
    )
    off_line = not stored.key_server
    if off_line:
        assert stored.active is not None
        password, kdf = entry["password"], _kdf(entry["derivation"])
        contents, found, version = account.open_off_line(
            stored.active, app, user, password, kdf, remembered=remembered
        )
        pending, following = False, "nothing"
        newest = found.pins[user].version_hash
    else:
        options: Any = {"remembered": remembered, "escrow_key": unhex_or_none(entry["anchor"])}
        if shares:
            by_two = {
                which: TwoManShares(unhex(shares["application"]), unhex(shares[which]))
                for which in ("active", "pending")
                if shares[which]
            }
            opened = account.recover(
                stored, app, user, by_two["active"], by_two.get("pending"), **options
            )
        else:
            password, kdf = entry["password"], _kdf(entry["derivation"])
            opened = account.open_with_password(stored, app, user, password, kdf, **options)
        contents, version, newest = opened.contents, opened.version, opened.identity.newest_hash
        # With the pins as they are afterwards.
        pins = {**opened.state.pins, user: opened.own_pin}
        found = replace(opened.state, pins=pins, key_server=opened.key_server_pin)
        pending, following = opened.pending, opened.next
    expected = entry["found"]
    assert pending == expected["pending"]
    assert (following == "finish") == expected["interrupted"]
    assert version == int(expected["version"])
    fingerprints = [key.public_key.fingerprint.hex() for key in contents.keys]
    assert fingerprints == expected["keys"]
    assert found.encode().hex() == expected["state"]
    assert newest.hex() == expected["hash"]


def check_journal(entry: Entry) -> None:
    user = entry["user_id"]
    subject = user if user is not None else unhex(entry["session_id"])
    server = identity.verify(unhex_all(entry["bundles"]), entry["app_id"], None)
    remembered = entry["remembered"]
    entries = journal.verify(
        unhex_all(entry["entries"]),
        unhex(entry["head"]),
        subject,
        server,
        after=int(entry["after"]),
        remembered=remembered and (int(remembered[0]), unhex(remembered[1])),
    )
    head = journal.HEAD.read(unhex(entry["head"])).payload
    assert [str(head.sequence), head.hash.hex()] == entry["place"]
    assert len(entries) == head.sequence - int(entry["after"])


def check_journal_log(entry: Entry) -> None:
    server = identity.verify(unhex_all(entry["bundles"]), entry["app_id"], None)
    if entry["proved"] is not None:
        proved = [
            (
                unhex(one["entry"]),
                Proof(unhex(one["header"]), one["index"], tuple(unhex_all(one["path"]))),
            )
            for one in entry["proved"]
        ]
        found = journal_log.verify_proofs(proved, server)
    else:
        log = journal_log.Log((int(number), unhex(kept)) for number, kept in entry["kept"])
        for row in entry["rows"]:
            log.take(unhex(row["header"]), unhex_all(row["entries"]), server)
        found = log.finish()
    assert (found and [str(found[0]), found[1].hex()]) == entry["place"]


def check_kind(entry: Entry) -> None:
    """These have the schema of `kinds.py`."""
    assert KINDS[entry["kind"]](entry["input"]) == entry["expected"]


CHECKS: dict[str, Callable[[Entry], None]] = {
    "identity.json": check_identity,
    "safety_number.json": check_safety_number,
    "login.json": check_login,
    "state.json": check_state,
    "share.json": check_share,
    "recovery.json": check_recovery,
    "account.json": check_account,
    "journal.json": check_journal,
    "journal_log.json": check_journal_log,
    "session.json": check_kind,
    "group.json": check_kind,
    "group_session.json": check_kind,
    "delegation.json": check_kind,
}


def replay(file_name: str, entry: Entry) -> None:
    """One with an `error` has to end in it."""
    if "error" not in entry:
        CHECKS[file_name](entry)
        return
    with pytest.raises(WardkeyError) as failure:
        CHECKS[file_name](entry)
    assert failure.value.code == entry["error"], failure.value
