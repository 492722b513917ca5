"""Documents for partners (SPEC section 19): what Wardkey, jose and this package made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from conftest import Fails
from wardkey_format import binary
from wardkey_format.binary import Document

Entry = dict[str, Any]

TESTDATA = Path(__file__).resolve().parents[2] / "testdata"
RECORDED = json.loads((TESTDATA / "binary.json").read_text(encoding="utf-8"))


def private(size: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key((TESTDATA / "rsa" / f"{size}.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def named(entries: list[Entry]) -> list[object]:
    return [pytest.param(entry, id=entry["name"]) for entry in entries]


@pytest.mark.parametrize("entry", named(RECORDED["vectors"]))
def test_opens(entry: Entry) -> None:
    opened = binary.open_binary(entry["binary"], private(entry["key"]))
    assert opened == Document(bytes.fromhex(entry["data"]), entry["content_type"])


@pytest.mark.parametrize("entry", named(RECORDED["invalid"]))
def test_ends_in_its_error(entry: Entry, fails: Fails) -> None:
    with fails(entry["error"]):
        binary.open_binary(entry["binary"], private(entry["key"]))


def test_what_is_recorded() -> None:
    assert {entry["maker"] for entry in RECORDED["vectors"]} == {"wardkey", "jose", "python"}
    assert len(RECORDED["invalid"]) > 15


@pytest.mark.parametrize("data", [b"", b"x" * 100_000])
def test_round_trip(data: bytes) -> None:
    key = private("3072")
    made = binary.make(Document(data, "text/plain"), key.public_key())
    assert binary.open_binary(made, key) == Document(data, "text/plain")
