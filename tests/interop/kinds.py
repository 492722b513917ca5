"""What the entries of sections 9 to 15 and 18 mean: each kind's input is opened, and gives a result.

All bytes are lowercase hex, texts plain. Parties are the hex of their encodings. A pin is
`{"fingerprint", "version", "hash", "suite"}`, `hash` null for version 1. `identities` are lists of
bundles, from version 1 on; `user_id` null is the key server. The functions' names are the kinds'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import delegation_kinds
from wardkey_format import (
    account,
    cbor,
    confirmed,
    contact,
    derive,
    device,
    group_head,
    group_keys,
    group_replay,
    groups,
    identity,
    journal,
    login,
    party,
    pin,
    receipt,
    recovery_proof,
    replay,
    safety_number,
    session,
    session_message,
    share,
    state,
)
from wardkey_format.backup import TwoManShares
from wardkey_format.directory import Directory
from wardkey_format.group_replay import GroupLog
from wardkey_format.party import Group, Party, Placeholder, User
from wardkey_format.pin import Pin
from wardkey_format.private_key import KeyPair
from wardkey_format.replay import Log
from wardkey_format.slow_key import Kdf
from wardkey_format.state import State
from wardkey_format.suite import Suite

Json = dict[str, Any]
unhex = bytes.fromhex


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def unhex_or_none(text: str | None) -> bytes | None:
    return None if text is None else unhex(text)


def unhex_all(texts: list[str]) -> list[bytes]:
    return [unhex(text) for text in texts]


def read_pin(given: Json | None) -> Pin | None:
    if given is None:
        return None
    suite = Suite.labelled(given["suite"])
    return Pin(unhex(given["fingerprint"]), given["version"], unhex_or_none(given["hash"]), suite)


def pin_json(one: Pin | None) -> Json | None:
    return one and {
        "fingerprint": one.fingerprint.hex(),
        "version": one.version,
        "hash": _hex(one.hash),
        "suite": one.suite.label,
    }


def read_keys(given: list[Json]) -> list[KeyPair]:
    return [KeyPair(Suite.labelled(key["suite"]), unhex(key["private"])) for key in given]


def state_json(one: State) -> Json:
    return {
        "pins": {name: pin_json(pin) for name, pin in sorted(one.pins.items())},
        "cache_key": one.cache_key.hex(),
        "minimum": one.minimum,
        "groups": {
            group.hex(): {"sequence": seen.sequence, "hash": seen.hash.hex()}
            for group, seen in sorted(one.groups.items())
        },
        "key_server": pin_json(one.key_server),
    }


# identity.json


def open_identity(given: Json) -> Json:
    """Sections 10.2 to 10.4. With `by_hash` that bundle was asked for, and `user_id` isn't used."""
    bundles, app, minimum = unhex_all(given["bundles"]), given["app_id"], given["minimum"]
    by_hash = unhex_or_none(given["by_hash"])
    if by_hash is None:
        found = identity.verify(bundles, app, given["user_id"], minimum)
    else:
        found = identity.verify_by_hash(bundles, app, by_hash, minimum)
    anchor, before = unhex_or_none(given["anchor"]), read_pin(given["pin"])
    refuse = given["refuse_first_use"]
    after = pin.compare(found, before, anchor, refuse_first_use=refuse)
    return {
        "user_id": found.user_id,
        "fingerprint": found.fingerprint.hex(),
        "hashes": [one.hex() for one in found.hashes],
        "public_key": found.public_key.text,
        "signing_key": found.newest.signing_key.hex(),
        "pin": pin_json(after),
    }


def open_party(given: Json) -> Json:
    match party.decode(unhex(given["party"])):
        case User(name, fingerprint):
            return {"type": "user", "name": name, "fingerprint": fingerprint.hex()}
        case Group(group_id):
            return {"type": "group", "id": group_id.hex()}
        case Placeholder(name, fingerprint, address):
            return {
                "type": "placeholder",
                "name": name,
                "fingerprint": fingerprint.hex(),
                "contact": address,
            }
    raise AssertionError("another party")


def open_safety_number(given: Json) -> Json:
    """Section 10.6, of two users or one group; `compared` is what a person was told of the last."""
    parties = [party.decode(unhex(one)) for one in given["parties"]]
    match parties:
        case [User() as one, User() as other]:
            number = safety_number.of_users(given["app_id"], one, other)
            fingerprint = other.fingerprint
        case [Group() as group]:
            number = safety_number.of_group(given["app_id"], group)
            fingerprint = group.group_id
        case _:
            raise AssertionError("neither two users nor a group")
    safety_number.check(given["compared"], number, fingerprint)
    return {"number": number}


# account.json


def _parameters(numbers: list[int]) -> login.Parameters:
    return login.Parameters(tuple(numbers))


def open_login(given: Json) -> Json:
    """Section 11.1. `kdf`, `client` and each of `listed` is a kdf of section 7 without its salt."""
    app, user = given["app_id"], given["user_id"]
    kdf = login.kdf(
        app,
        user,
        unhex(given["server_salt"]),
        _parameters(given["kdf"]),
        _parameters(given["client"]),
        [_parameters(one) for one in given["listed"]],
    )
    return {
        "salt": kdf.salt.hex(),
        "login_secret": login.secret_text(given["password"], kdf),
    }


def open_server_salt(given: Json) -> Json:
    made = login.server_salt(unhex(given["secret"]), given["app_id"], given["user_id"])
    return {"server_salt": made.hex()}


def open_state(given: Json) -> Json:
    return state_json(state.read(unhex(given["state"]), given["user_id"]))


def open_merge(given: Json) -> Json:
    """`newer` is the state of the backup with the higher version."""
    user = given["user_id"]
    newer, older = (state.read(unhex(given[one]), user) for one in ("newer", "older"))
    return {"merged": state.merge(newer, older).encode().hex()}


def open_contact(given: Json) -> Json:
    """Written with the backup `version` by the user whose active bundles are given."""
    bundles = unhex_all(given["bundles"])
    signer = identity.verify(bundles, given["app_id"], given["user_id"])
    verified = contact.verify(unhex(given["contact"]), signer, given["version"], given["minimum"])
    return {"email": verified.email}


def open_share(given: Json) -> Json:
    (pair,) = read_keys([given["key"]])
    recovery = unhex_or_none(given["recovery_id"])
    bound = share.context(given["app_id"], given["user_id"], given["version"], recovery)
    return {"share": share.open_share(unhex(given["wrapped"]), pair, bound).hex()}


def open_receipt(given: Json) -> Json:
    """As the application checks it; `used` are the recoveries whose receipts it took."""
    verified = receipt.verify(
        unhex(given["receipt"]),
        unhex_all(given["key_server"]),
        unhex(given["anchor"]),
        given["app_id"],
        given["user_id"],
        given["now"],
        unhex_all(given["used"]),
    )
    return {"recovery_id": verified.recovery_id.hex(), "end": verified.end}


def open_recovery_proof(given: Json) -> Json:
    signer = identity.verify(unhex_all(given["bundles"]), given["app_id"], given["user_id"])
    recovery, backup = unhex(given["recovery_id"]), unhex(given["backup"])
    recovery_proof.verify(unhex(given["proof"]), signer, recovery, backup)
    return {}


def _read_shares(given: Json, which: str) -> TwoManShares | None:
    server = given["shares"][which]
    return server and TwoManShares(unhex(given["shares"]["application"]), unhex(server))


def open_account(given: Json) -> Json:
    """Section 11.4. With `shares` by two men, else by the password; `next` is step 6: `nothing`,
    `activate` the pending backup, or `finish` the write that was interrupted."""
    stored = account.Stored(
        unhex_or_none(given["active"]),
        unhex_or_none(given["pending"]),
        unhex_all(given["bundles"]),
        unhex_or_none(given["renewal"]),
        unhex_all(given["key_server"]),
    )
    app, user = given["app_id"], given["user_id"]
    options: Json = {
        "remembered": given["remembered_version"],
        "escrow_key": unhex_or_none(given["escrow_key"]),
    }
    if given["shares"]:
        active = _read_shares(given, "active")
        assert active
        pending = _read_shares(given, "pending")
        opened = account.recover(stored, app, user, active, pending, **options)
    else:
        derive_with: Kdf = _parameters(given["kdf"]).with_salt(unhex(given["salt"]))
        password = given["password"]
        opened = account.open_with_password(stored, app, user, password, derive_with, **options)
    return {
        "version": opened.version,
        "pending": opened.pending,
        "next": opened.next,
        "keys": [key.public_key.fingerprint.hex() for key in opened.contents.keys],
        "signing": [key.public.hex() for key in opened.contents.signing],
        "state": state_json(opened.state),
        "own_pin": pin_json(opened.own_pin),
        "key_server_pin": pin_json(opened.key_server_pin),
    }


# session.json and group_session.json


def _directory(given: Json) -> Directory:
    return Directory(
        given["app_id"],
        [unhex_all(bundles) for bundles in given["identities"]],
        pins={name: pin for name, one in given["pins"].items() if (pin := read_pin(one))},
        escrow_key=unhex_or_none(given["escrow_key"]),
        refuse_first_use=given["refuse_first_use"],
        minimum=given["minimum"],
    )


def _replay(given: Json, directory: Directory) -> Log:
    return replay.replay(
        unhex(given["session_id"]),
        unhex(given["genesis"]),
        unhex_all(given["entries"]),
        directory,
        seen={one["sequence"]: unhex(one["hash"]) for one in given["seen"]},
        groups=groups.of_logs(_known_groups(given, directory)),
        minimum=given["minimum"],
    )


def _known_groups(given: Json, directory: Directory) -> list[GroupLog]:
    """The logs of `groups`, if there are any: what the reader knows of them."""
    return [
        group_replay.replay(
            unhex(one["group_id"]),
            unhex(one["genesis"]),
            unhex_all(one["operations"]),
            directory,
            minimum=given["minimum"],
        )
        for one in given.get("groups", [])
    ]


def _epoch_pairs(given: Json, directory: Directory) -> Iterator[KeyPair]:
    """Of the groups whose `keys` are there, the reader's first party being himself."""
    pairs, minimum = read_keys(given["keys"]), given["minimum"]
    known = _known_groups(given, directory)
    for one, log in zip(given.get("groups", []), known, strict=True):
        if one["keys"] is not None:
            user = party.decode(unhex(given["parties"][0]))
            assert isinstance(user, User)
            yield from group_keys.open_epochs(log, unhex(one["keys"]), user, pairs, minimum).pairs


def open_log(given: Json) -> Json:
    """Section 12.3. `seen` are entries that were seen before."""
    log = _replay(given, _directory(given))
    newest = log.state.generation
    return {
        "hashes": [log.hash_at(sequence).hex() for sequence in range(log.sequence + 1)],
        "creator": log.creator.user_id,
        "rights": [
            {"party": party.encode(one).hex(), "rights": number}
            for one, number in party.in_order(log.state.rights)
        ],
        "generation": {
            "number": newest.number,
            "commitment": newest.key_commitment.hex(),
            "sequence": newest.sequence,
        },
    }


def _open_session(given: Json, directory: Directory) -> session.Session:
    log = _replay(given, directory)
    parties: list[Party] = [party.decode(unhex(one)) for one in given["parties"]]
    objects = unhex_all(given["wraps"])
    keys = [*read_keys(given["keys"]), *_epoch_pairs(given, directory)]
    return session.open_session(log, objects, parties, keys, given["minimum"])


def open_unconfirmed(given: Json) -> list[str]:
    """Section 12.4: who has rights by the full replay only."""
    found = confirmed.unconfirmed(_replay(given, _directory(given)))
    return sorted(party.encode(one).hex() for one in found)


def open_session(given: Json) -> Json:
    """Sections 12.5 and 12.6, for the user and groups of `parties` with his private keys, and those
    of the groups' epochs: the keys of all generations, each by that after it.
    `due`: section 12.7, whether a new generation is made before the next message."""
    opened = _open_session(given, _directory(given))
    if opened.broken:
        raise opened.broken[max(opened.broken)]
    return {
        "keys": [key.hex() for _, key in sorted(opened.keys.items())],
        "stanzas": [
            [party.encode(one).hex() for one, _ in party.in_order(stanzas.by_party)]
            for _, stanzas in sorted(opened.stanzas.items())
        ],
        "due": session.generation_is_due(opened.log, opened.stanzas),
    }


def open_keys(given: Json) -> list[Json]:
    """Section 12.6: the keys by generation, and why those that are closed didn't open."""
    opened = _open_session(given, _directory(given))
    found = []
    for generation in sorted(opened.stanzas):
        why = opened.why_closed(generation)
        key = _hex(opened.keys.get(generation))
        found.append({"key": key, "error": why and why.code})
    return found


def open_message(given: Json) -> Json:
    """Section 13: a message of a session, read by who opens that as in `session`."""
    directory = _directory(given)
    opened_session = _open_session(given, directory)
    sealed, context = unhex(given["sealed"]), given["context"]
    minimum = given["minimum"]
    opened = session_message.open_in_session(opened_session, sealed, directory, context, minimum)
    author = opened.author and {
        "user_id": opened.author.user_id,
        "fingerprint": opened.author.fingerprint.hex(),
    }
    return {
        "plaintext": opened.data.hex(),
        "author": author,
        "generation": opened.generation,
    }


# group.json


def _replay_group(given: Json, directory: Directory) -> GroupLog:
    return group_replay.replay(
        unhex(given["group_id"]),
        unhex(given["genesis"]),
        unhex_all(given["operations"]),
        directory,
        seen={one["sequence"]: unhex(one["hash"]) for one in given["seen"]},
        minimum=given["minimum"],
    )


def open_group(given: Json) -> Json:
    """Section 12.10. `seen` are operations that were seen before."""
    log = _replay_group(given, _directory(given))
    return {
        "name": log.genesis.name,
        "hours": log.genesis.head_hours,
        "days": log.genesis.admin_days,
        "hashes": [state.hash.hex() for state in log.states],
        "members": [
            {"party": party.encode(one).hex(), "role": role}
            for one, role in sorted(
                log.state.members.items(), key=lambda entry: party.encode(entry[0])
            )
        ],
        "epochs": [
            {
                "commitment": one.key_commitment.hex(),
                "fingerprint": one.public_key.fingerprint.hex(),
            }
            for one in log.epochs
        ],
    }


def open_group_keys(given: Json) -> Json:
    """Section 12.11: `keys` is the object that the key server gives `party`, whose private keys are
    `pairs`. `secret` is the newest epoch's; the fingerprints are those of all epochs' key pairs."""
    log = _replay_group(given, _directory(given))
    user = party.decode(unhex(given["party"]))
    assert isinstance(user, User)
    keys, pairs = unhex(given["keys"]), read_keys(given["pairs"])
    epochs = group_keys.open_epochs(log, keys, user, pairs, given["minimum"])
    if epochs.broken:  # all are asked for
        raise epochs.broken
    fingerprints = [pair.public_key.fingerprint.hex() for pair in epochs.pairs]
    return {"secret": epochs.secrets[0].hex(), "fingerprints": fingerprints[::-1]}


def _open_heads(given: Json) -> tuple[GroupLog, list[group_head.Verified]]:
    directory = _directory(given)
    log = _replay_group(given, directory)
    objects, minimum = unhex_all(given["heads"]), given["minimum"]
    return log, [group_head.verify(log, data, directory, minimum) for data in objects]


def _heads_json(heads: list[group_head.Verified]) -> list[Json]:
    return [
        {
            "sequence": head.payload.sequence,
            "hash": head.payload.hash.hex(),
            "time": head.payload.time,
            "end": head.payload.end,
        }
        for head in heads
    ]


def open_heads(given: Json) -> list[Json]:
    """Section 12.12: what each of `heads` says."""
    _, heads = _open_heads(given)
    return _heads_json(heads)


def open_fresh(given: Json) -> list[Json]:
    """With these heads, the group's state is fresh at the time `now`."""
    log, heads = _open_heads(given)
    group_head.check_fresh(log, heads, given["now"])
    return _heads_json(heads)


# journal.json


def journal_json(entries: list[journal.JournalEntry]) -> Json:
    return {
        "entries": [
            {
                "sequence": one.sequence,
                "hash": one.hash.hex(),
                "time": one.time,
                "actor": one.actor,
                "action": one.action,
                "detail": one.detail,
            }
            for one in entries
        ]
    }


def open_journal(given: Json) -> Json:
    """Section 14.1: all entries after `after`. `remembered` is a sequence and its hash, or null.
    `user_id` or `session_id` is the subject."""
    user = given["user_id"]
    subject = user if user is not None else unhex(given["session_id"])
    server = identity.verify(unhex_all(given["key_server"]), given["app_id"], None)
    remembered = given["remembered"]
    entries = journal.verify(
        unhex_all(given["entries"]),
        unhex(given["head"]),
        subject,
        server,
        after=given["after"],
        remembered=remembered and (remembered["sequence"], unhex(remembered["hash"])),
    )
    return journal_json(entries)


# device.json: `null` is what counts as not there.


def _owner(given: Json) -> device.Owner:
    return device.Owner(given["app_id"], given["user_id"], unhex(given["cache_key"]))


def open_resume(given: Json) -> Json:
    """The browser's key, which can't be extracted there, is given by its bytes."""
    key, app, user = unhex(given["browser_key"]), given["app_id"], given["user_id"]
    opened = device.open_resume(key, app, user, given["now"], unhex(given["entry"]))
    return {
        "opened": opened
        and {
            "keys_payload": opened.keys_payload.hex(),
            "state_key": opened.state_key.hex(),
            "state_payload": opened.state_payload.hex(),
            "backup_version": opened.backup_version,
        }
    }


def open_unsent(given: Json) -> Json:
    return {"opened": _hex(device.open_unsent(_owner(given), unhex(given["entry"])))}


def open_outbox(given: Json) -> Json:
    opened = device.open_outbox(_owner(given), unhex(given["entry"]))
    if opened is None:
        return {"opened": None}
    session_id, entry = opened
    found = {"session_id": session_id, "genesis": entry.genesis, "key": entry.key}
    return {"opened": {name: value.hex() for name, value in found.items()}}


def open_cached_key(given: Json) -> Json:
    """An entry `k.<key id>`."""
    name, now = unhex(given["key_id"]), given["now"]
    payload = device.open_cache_entry(_owner(given), name, now, unhex(given["entry"]))
    if payload is None:
        return {"opened": None}
    cached = device.read_cached_key(payload)
    if derive.key_id(cached.key) != name:
        return {"opened": None}
    return {
        "opened": {
            "key": cached.key.hex(),
            "session_id": cached.session_id.hex(),
            "generation": cached.generation,
            "party": cbor.encode(cached.party.cbor()).hex(),
        }
    }


def open_serialized(given: Json) -> Json:
    """The payloads inside are opened as those of cache entries are."""
    opened = device.deserialize(_owner(given), given["now"], given["text"])
    if opened is None:
        return {"opened": None}
    session_id, payload, keys, cursor = opened
    return {
        "opened": {
            "session_id": session_id.hex(),
            "session": payload.hex(),
            "keys": [key.hex() for key in keys],
            "cursor": cursor,
        }
    }


KINDS: dict[str, Callable[[Json], Json | list[Json] | list[str]]] = {
    "exchange-keys": delegation_kinds.open_exchange_keys,
    "decrypt": delegation_kinds.open_decrypt,
    "secret-foreign-keys": delegation_kinds.open_secret_foreign_keys,
    "manifest": delegation_kinds.open_manifest,
    "children": delegation_kinds.open_children,
    "parents": delegation_kinds.open_parents,
    "identity": open_identity,
    "party": open_party,
    "safety-number": open_safety_number,
    "login": open_login,
    "server-salt": open_server_salt,
    "state": open_state,
    "merge": open_merge,
    "contact": open_contact,
    "share": open_share,
    "receipt": open_receipt,
    "recovery-proof": open_recovery_proof,
    "account": open_account,
    "log": open_log,
    "unconfirmed": open_unconfirmed,
    "session": open_session,
    "keys": open_keys,
    "message": open_message,
    "group": open_group,
    "group-keys": open_group_keys,
    "heads": open_heads,
    "fresh": open_fresh,
    "journal": open_journal,
    "resume": open_resume,
    "unsent": open_unsent,
    "outbox": open_outbox,
    "cached-key": open_cached_key,
    "serialized": open_serialized,
}
