"""What the entries of `delegation.json` mean, as `kinds.py` says it of the others.

`opened` are exchange keys that were opened before: hex, or the code with which a version stays
closed. `exchange_keys` are chains of versions, opened with the reader's keys. Entities are JSON.
"""

from __future__ import annotations

import json
from typing import Any, cast

from wardkey_format import entity, exchange_chain, group_keys, group_replay, manifest, party
from wardkey_format.directory import Directory
from wardkey_format.entity import Ring
from wardkey_format.entity_form import RESERVED, parse_object
from wardkey_format.errors import Code, WardkeyError
from wardkey_format.exchange_chain import Chain, Opened
from wardkey_format.exchange_key import name_of
from wardkey_format.group_replay import GroupLog
from wardkey_format.party import Group, Party, User
from wardkey_format.private_key import KeyPair
from wardkey_format.suite import Suite

Json = dict[str, Any]
unhex = bytes.fromhex


def _directory(given: Json) -> Directory:
    return Directory(
        given["app_id"],
        [[unhex(one) for one in bundles] for bundles in given["identities"]],
        refuse_first_use=given["refuse_first_use"],
        minimum=given["minimum"],
    )


def _parties(given: Json) -> list[Party]:
    return [party.decode(unhex(one)) for one in given["parties"]]


def _logs(given: Json, directory: Directory) -> dict[bytes, GroupLog]:
    logs = [
        group_replay.replay(
            unhex(one["group_id"]),
            unhex(one["genesis"]),
            [unhex(operation) for operation in one["operations"]],
            directory,
            minimum=given["minimum"],
        )
        for one in given.get("groups", [])
    ]
    return {log.group_id: log for log in logs}


def _pairs(given: Json, logs: dict[bytes, GroupLog]) -> list[KeyPair]:
    """The reader's, and those of the epochs of groups whose keys he was given."""
    pairs = [KeyPair(Suite.labelled(one["suite"]), unhex(one["private"])) for one in given["keys"]]
    found = list(pairs)
    for one in given.get("groups", []):
        if one["keys"] is not None:
            log, user = logs[unhex(one["group_id"])], _parties(given)[0]
            assert isinstance(user, User)
            found += group_keys.open_epochs(log, unhex(one["keys"]), user, pairs).pairs
    return found


def _chain(given: Json, versions: Json, directory: Directory, logs: dict[bytes, GroupLog]) -> Chain:
    return exchange_chain.verify(
        party.decode(unhex(versions["delegator"])),
        party.decode(unhex(versions["delegate"])),
        [unhex(one) for one in versions["objects"]],
        directory,
        logs,
        seen={one["sequence"]: unhex(one["hash"]) for one in versions.get("seen", [])},
        minimum=given["minimum"],
    )


def _version(text: str) -> bytes | WardkeyError:
    try:
        return unhex(text)
    except ValueError:
        return WardkeyError(cast(Code, text), "a version that stays closed")


def ring(given: Json) -> Ring:
    parties = _parties(given)
    users = [name_of(one) for one in parties if not isinstance(one, Group)]
    groups = [name_of(one) for one in parties if isinstance(one, Group)]
    former = [name_of(Group(unhex(one))) for one in given["former"]]
    keys: dict[str, Opened] = {
        one["pair"]: [_version(text) for text in one["versions"]] for one in given["opened"]
    }
    directory = _directory(given)
    logs = _logs(given, directory)
    for versions in given["exchange_keys"]:
        chain = _chain(given, versions, directory, logs)
        try:
            keys[chain.pair] = exchange_chain.open_keys(chain, parties, _pairs(given, logs))
        except WardkeyError as error:
            assert error.code == "not-a-recipient"
    return Ring(users, groups, former, keys)


def open_exchange_keys(given: Json) -> Json:
    """Sections 18.3 to 18.5."""
    directory = _directory(given)
    logs = _logs(given, directory)
    chain = _chain(given, given["exchange_keys"][0], directory, logs)
    keys = exchange_chain.open_keys(chain, _parties(given), _pairs(given, logs))
    return {
        "pair": chain.pair,
        "versions": [
            {"key": key.hex(), "error": None}
            if isinstance(key, bytes)
            else {"key": None, "error": key.code}
            for key in keys
        ],
        "head": chain.versions[-1].signed.hash.hex() if chain.versions else None,
        "due": exchange_chain.is_due(chain),
    }


def open_decrypt(given: Json) -> Json:
    opened, text = ring(given), given["entities"][0]
    return {"entity": entity.decrypt(opened, text), "parents": entity.parent_ids(opened, text)}


def open_secret_foreign_keys(given: Json) -> list[str]:
    return entity.secret_foreign_keys(ring(given), given["entities"][0])


def open_manifest(given: Json) -> Json:
    """Encrypted by the reader for himself, and put back."""
    (me,) = ring(given).users
    own = Ring([me], [], keys={f"{me}→{me}": [bytes([7]) * 32]})
    text = given["entities"][0]
    made = entity.encrypt(own, me, [], "Patient", text, given["manifest"])
    assert entity.decrypt(own, made) == parse_object(text)
    opened = entity.open_entity(own, made)
    clear = {
        name: value
        for name, value in opened.stored.members.items()
        if name == "id" or name not in RESERVED
    }
    assert manifest.put_back(clear, opened.content.members) == parse_object(text)
    sealed = [[list(path), json.loads(value)] for path, value in opened.content.members]
    return {"clear": clear, "sealed": sealed}


def _find(given: Json, wanted: str) -> str:
    return next(text for text in given["entities"] if json.loads(text)["id"] == wanted)


def open_children(given: Json) -> Json:
    """The wanted entity's secret ids are looked for in what is clear."""
    opened = ring(given)
    asked = entity.secret_foreign_keys(opened, _find(given, given["wanted"]))
    found = [
        entity.decrypt(opened, text)
        for text in given["entities"]
        if set(asked) & set(json.loads(text)["secretForeignKeys"])
    ]
    return {"secret_ids": asked, "found": found}


def open_parents(given: Json) -> Json:
    opened = ring(given)
    ids = entity.parent_ids(opened, _find(given, given["wanted"]))
    return {"ids": ids, "found": [entity.decrypt(opened, _find(given, one)) for one in ids]}
