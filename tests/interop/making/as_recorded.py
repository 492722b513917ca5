"""The entries of `kinds.py` in the schema of `testdata/`, for what opens those.

An entry that the schema has no place for is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kinds import read_pin
from wardkey_format import bundle, cbor, login, party, state
from wardkey_format.party import Group, User
from wardkey_format.signed import Form
from wardkey_format.state import State

from .entries import Json, without_made

unhex = bytes.fromhex


def _pin_hex(given: Json | None) -> str | None:
    found = read_pin(given)
    return found and cbor.encode(found.cbor()).hex()


def _identity(given: Json, expected: Json | None, made: Json) -> Json:
    return {
        "app_id": given["app_id"],
        "user_id": given["user_id"],
        "bundle_hash": given["by_hash"],
        "minimum": str(given["minimum"]),
        "bundles": given["bundles"],
        "pin": _pin_hex(given["pin"]),
        "anchor": given["anchor"],
        "reject": given["refuse_first_use"],
        "found": expected
        and {
            "user_id": expected["user_id"],
            "hashes": expected["hashes"],
            "pin": _pin_hex(expected["pin"]),
            "suite": expected["pin"]["suite"],
            **made,
        },
    }


def _safety_number(given: Json, expected: Json | None, made: Json) -> Json:
    last = party.decode(unhex(given["parties"][-1]))
    assert isinstance(last, User | Group)
    fingerprint = last.fingerprint if isinstance(last, User) else last.group_id
    return {
        "app_id": given["app_id"],
        "parties": given["parties"],
        "compared": given["compared"],
        "number": made["number"],
        "fingerprint": fingerprint.hex(),
    }


def _login(given: Json, expected: Json | None, made: Json) -> Json:
    assert expected
    app, user, of_server = given["app_id"], given["user_id"], expected["server_salt"]
    return {**given, **expected, "salt": login.salt(app, user, unhex(of_server)).hex()}


def _found_state(found: State) -> Json:
    return {
        "merged": found.encode().hex(),
        "cache_key": found.cache_key.hex(),
        "minimum": str(found.minimum),
        "pins": [
            [name, cbor.encode(pin.cbor()).hex()]
            for name, pin in sorted(found.pins.items(), key=lambda one: cbor.encode(one[0]))
        ],
        "groups": [
            [group.hex(), str(seen.sequence), seen.hash.hex()]
            for group, seen in sorted(found.groups.items())
        ],
        "key_server": found.key_server and cbor.encode(found.key_server.cbor()).hex(),
    }


def _state(given: Json, expected: Json | None, made: Json) -> Json:
    data = given["state"]
    found = expected and _found_state(state.read(unhex(data), given["user_id"]))
    return {"user_id": given["user_id"], "state": data, "older": None, "found": found}


def _merge(given: Json, expected: Json | None, made: Json) -> Json:
    user = given["user_id"]
    found = expected and _found_state(state.read(unhex(expected["merged"]), user))
    return {"user_id": user, "state": given["newer"], "older": given["older"], "found": found}


def _share(given: Json, expected: Json | None, made: Json) -> Json:
    return {
        "app_id": given["app_id"],
        "user_id": given["user_id"],
        "version": str(given["version"]),
        "recovery": given["recovery_id"],
        "suite": given["key"]["suite"],
        "private": given["key"]["private"],
        "wrapped": given["wrapped"],
        "share": made["share"],
    }


def _signed(kind: str, given: Json, expected: Json | None, made: Json, **fields: Any) -> Json:
    form: Form[Any, Any] = made["form"]
    data = fields["object"]
    return {
        "type": kind,
        "app_id": given["app_id"],
        "user_id": given["user_id"],
        "minimum": str(given.get("minimum", 1)),
        "version": None,
        "email": None,
        "recovery": None,
        "end": None,
        "now": None,
        "backup": None,
        "seed": None if expected is None else made["seed"],
        "hash": None if expected is None else form.read(unhex(data)).hash.hex(),
        **fields,
    }


def _contact(given: Json, expected: Json | None, made: Json) -> Json:
    fields = {
        "object": given["contact"],
        "bundles": given["bundles"],
        "version": str(given["version"]),
        "email": made["email"],
    }
    return _signed("contact", given, expected, made, **fields)


def _receipt(given: Json, expected: Json | None, made: Json) -> Json | None:
    anchored = bundle.read(unhex(given["key_server"][0]))
    if given["anchor"] != anchored.hash.hex() or anchored.payload.user_id is not None:
        return None
    if made["recovery_id"] in given["used"]:
        return None
    fields = {
        "object": given["receipt"],
        "bundles": given["key_server"],
        "recovery": made["recovery_id"],
        "end": str(made["end"]),
        "now": str(given["now"]),
    }
    return _signed("receipt", given, expected, made, **fields)


def _recovery_proof(given: Json, expected: Json | None, made: Json) -> Json:
    fields = {
        "object": given["proof"],
        "bundles": given["bundles"],
        "recovery": given["recovery_id"],
        "backup": given["backup"],
    }
    return _signed("recovery-proof", given, expected, made, **fields)


def _account(given: Json, expected: Json | None, made: Json) -> Json:
    by_two = given["shares"] is not None
    kdf = login.Parameters(tuple(given["kdf"])).with_salt(unhex(given["salt"]))
    found = None
    if expected:
        pins = {
            **{name: read_pin(one) for name, one in expected["state"]["pins"].items()},
            given["user_id"]: read_pin(expected["own_pin"]),
        }
        kept = expected["state"]
        groups = {
            unhex(group): state.Seen(seen["sequence"], unhex(seen["hash"]))
            for group, seen in kept["groups"].items()
        }
        after = State(
            {name: pin for name, pin in pins.items() if pin},
            unhex(kept["cache_key"]),
            kept["minimum"],
            groups,
            read_pin(expected["key_server_pin"]),
        )
        own = expected["own_pin"]
        found = {
            "pending": expected["pending"],
            "interrupted": expected["next"] == "finish",
            "version": str(expected["version"]),
            "hash": own["hash"] or own["fingerprint"],
            "keys": expected["keys"],
            "state": after.encode().hex(),
        }
    copied = ("app_id", "user_id", "shares", "active", "pending", "bundles", "renewal")
    return {
        **{name: given[name] for name in copied},
        "password": None if by_two else given["password"],
        "derivation": None if by_two else cbor.encode(kdf.cbor()).hex(),
        "remembered": str(given["remembered_version"]),
        "key_server": given["key_server"],
        "anchor": given["escrow_key"],
        "found": found,
    }


def _journal(given: Json, expected: Json | None, made: Json) -> Json | None:
    if bundle.read(unhex(given["key_server"][0])).payload.user_id is not None:
        return None
    remembered = given["remembered"]
    copied = ("app_id", "user_id", "session_id", "entries", "head")
    return {
        **{name: given[name] for name in copied},
        "bundles": given["key_server"],
        "after": str(given["after"]),
        "remembered": remembered and [str(remembered["sequence"]), remembered["hash"]],
        "place": expected and made["place"],
    }


FILES: dict[str, tuple[str, Callable[[Json, Json | None, Json], Json | None]]] = {
    "identity": ("identity.json", _identity),
    "safety-number": ("safety_number.json", _safety_number),
    "server-salt": ("login.json", _login),
    "state": ("state.json", _state),
    "merge": ("state.json", _merge),
    "share": ("share.json", _share),
    "contact": ("recovery.json", _contact),
    "receipt": ("recovery.json", _receipt),
    "recovery-proof": ("recovery.json", _recovery_proof),
    "account": ("account.json", _account),
    "journal": ("journal.json", _journal),
}


SESSION_KINDS = frozenset({"log", "unconfirmed", "session", "keys", "message"})
# Every entry of `session.json` has the same fields; those of `group_session.json` also `groups`.
SESSION_FIELDS: Json = {"wraps": [], "parties": [], "keys": [], "sealed": "", "context": {}}


DELEGATION_KINDS = frozenset(
    {"exchange-keys", "decrypt", "secret-foreign-keys", "manifest", "children", "parents"}
)
GROUP_KINDS = frozenset({"group", "group-keys", "heads", "fresh"})
GROUP_FIELDS: Json = {"keys": "", "party": "", "pairs": [], "heads": [], "now": 0}


def converted(entries: list[Json]) -> Iterator[tuple[str, Json]]:
    """Each entry with the name of its file."""
    for entry in entries:
        if entry["kind"] in SESSION_KINDS:
            filled = {**SESSION_FIELDS, **entry["input"]}
            file_name = "group_session.json" if "groups" in filled else "session.json"
            yield file_name, without_made({**entry, "input": filled})
        if entry["kind"] in GROUP_KINDS:
            yield "group.json", without_made({**entry, "input": {**GROUP_FIELDS, **entry["input"]}})
        if entry["kind"] in DELEGATION_KINDS:
            yield "delegation.json", without_made(entry)
        if entry["kind"] not in FILES:
            continue
        file_name, convert = FILES[entry["kind"]]
        fields = convert(entry["input"], entry.get("expected"), entry["made"])
        if fields is None:
            continue
        error = {"error": entry["error"]} if "error" in entry else {}
        yield file_name, {"name": f"{entry['kind']}: {entry['name']}", **fields, **error}
