"""Sizes of signed objects (SPEC section 9), and of logs, too large for a file of vectors."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Fails
from making.cast import Cast
from making.groups import group
from wardkey_format import (
    bundle,
    contact,
    entry,
    genesis,
    group_genesis,
    group_head,
    group_keys,
    group_replay,
    journal,
    journal_log,
    operation,
    party,
    receipt,
    recovery_proof,
    replay,
    rights,
    wraps,
)
from wardkey_format.directory import Directory
from wardkey_format.member import ADMIN, MEMBER
from wardkey_format.operation import Add
from wardkey_format.party import User
from wardkey_format.signed import Form

KIB, MIB = 1024, 1024 * 1024
SIZES = [
    (bundle.FORM, 8 * KIB),
    (contact.FORM, 8 * KIB),
    (receipt.FORM, 8 * KIB),
    (recovery_proof.FORM, 8 * KIB),
    (genesis.FORM, 4 * MIB),
    (entry.FORM, 4 * MIB),
    (wraps.FORM, 16 * MIB),
    (group_genesis.FORM, 4 * MIB),
    (operation.FORM, 4 * MIB),
    (group_keys.FORM, 16 * MIB),
    (group_head.FORM, 8 * KIB),
    (journal.HEAD, 8 * KIB),
    (journal_log.HEADER, 8 * KIB),
]


@pytest.mark.parametrize(("form", "size"), SIZES)
def test_sizes(form: Form[Any, Any], size: int, fails: Fails) -> None:
    with fails("invalid-format"):
        form.read(bytes(size))
    with fails("limit"):  # before the version is looked at
        form.read(b"\x83\x02" + bytes(size - 1))


def test_ten_thousand_entries(fails: Fails) -> None:
    cast = Cast.new()
    made = cast.session({cast.anna.party: rights.ALL})
    directory = Directory("clinic", [cast.anna.objects])
    with fails("limit"):
        replay.replay(made.session_id, made.genesis, [b""] * 10_001, directory)
    with fails("invalid-format"):
        replay.replay(made.session_id, made.genesis, [b""] * 10_000, directory)


def test_ten_thousand_operations(fails: Fails) -> None:
    cast = Cast.new()
    made = group(cast, {cast.anna: ADMIN})
    directory = Directory("clinic", [cast.anna.objects])
    with fails("limit"):
        group_replay.replay(made.group_id, made.genesis, [b""] * 10_001, directory)
    with fails("invalid-format"):
        group_replay.replay(made.group_id, made.genesis, [b""] * 10_000, directory)


def test_ten_thousand_members(fails: Fails) -> None:
    cast = Cast.new()
    made = group(cast, {cast.anna: ADMIN})
    directory = Directory("clinic", [cast.anna.objects])
    others = sorted((User(f"{n:05}", bytes(32)) for n in range(10_000)), key=party.encode)
    full = made.copy()
    full.add(cast.anna, Add(tuple((one, MEMBER) for one in others[:9_999])))
    log = group_replay.replay(made.group_id, made.genesis, full.operations, directory)
    assert len(log.state.members) == 10_000
    made.add(cast.anna, Add(tuple((one, MEMBER) for one in others)))
    with fails("forbidden"):
        group_replay.replay(made.group_id, made.genesis, made.operations, directory)
