"""Sizes of signed objects (SPEC section 9), and of logs, too large for a file of vectors."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Fails
from making.cast import Cast
from wardkey_format import (
    bundle,
    contact,
    entry,
    genesis,
    journal,
    receipt,
    recovery_proof,
    replay,
    rights,
    wraps,
)
from wardkey_format.directory import Directory
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
    (journal.HEAD, 8 * KIB),
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
