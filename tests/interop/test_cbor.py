"""Canonical CBOR (SPEC section 1), against the independent package cbor2 and by hand."""

from __future__ import annotations

import cbor2
import pytest

from conftest import Fails
from wardkey_format import cbor

INTEGERS = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1]
VALUES: list[cbor.Value] = [
    *INTEGERS,
    None,
    *(bytes(length) for length in (0, 1, 23, 24, 255, 256, 65_535, 65_536)),
    *("ä" * length for length in (0, 1, 11, 12, 127, 128, 40_000)),
    [],
    [list(range(30)), [b"", "", None]],
    {},
    {number: str(number) for number in reversed(INTEGERS)},
    {"b": "1", "aa": "2", "": "0", "a": "1", "ä": "2", "\U00010000": "4", "\uff5ea": "4"},
    {text * length: "" for length in (30, 23, 24) for text in "zä記a"},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_encoding_is_that_of_cbor2(value: cbor.Value) -> None:
    encoded = cbor.encode(value)
    assert encoded == cbor2.dumps(value, canonical=True)
    assert cbor2.loads(encoded) == value


def test_map_keys_are_sorted_by_their_encoding() -> None:
    keys = {"\U00010000": "", "\uff5ea": "", "z": "", "aa": "", "": ""}
    order = list(cbor2.loads(cbor.encode(keys)))
    assert order == ["", "z", "aa", "\uff5ea", "\U00010000"]


@pytest.mark.parametrize("value", [-1, 2**64, True, 1.5, {1, 2}, bytearray(1)])
def test_what_spec_does_not_use_is_not_encoded(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        cbor.encode(value)  # type: ignore[arg-type]


def read_like(value: cbor.Value, data: bytes) -> None:
    """Reads `data` as something of the shape of `value`, and finishes."""
    reader = cbor.Reader(data)
    step(reader, value)
    reader.finish(value)


def step(reader: cbor.Reader, value: cbor.Value) -> None:
    match value:
        case int():
            reader.unsigned()
        case bytes():
            reader.bytes()
        case str():
            reader.text()
        case None:
            assert reader.null()
        case list():
            reader.array(len(value))
            for item in value:
                step(reader, item)
        case dict():
            reader.map(len(value))
            for key, item in value.items():
                reader.key(key)
                step(reader, item)


SHAPES: list[cbor.Value] = [*INTEGERS, None, b"", b"12", "", "ä", [], [1, [b"x"]], {1: "a", 2: 3}]


@pytest.mark.parametrize("value", SHAPES, ids=repr)
def test_reading_what_was_encoded(value: cbor.Value, fails: Fails) -> None:
    data = cbor.encode(value)
    read_like(value, data)
    with fails("invalid-format"):  # something left over
        read_like(value, data + b"\x00")


@pytest.mark.parametrize("value", [24, 2**64 - 1, b"12", "ä", [1, [b"x"]], {1: "a"}], ids=repr)
def test_every_cut_is_refused(value: cbor.Value, fails: Fails) -> None:
    data = cbor.encode(value)
    for length in range(len(data)):
        with fails("invalid-format"):
            read_like(value, data[:length])


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (1, "1801"),
        (1, "190001"),
        (1, "1a00000001"),
        (1, "1b0000000000000001"),
        (24, "190018"),
        (2**32 - 1, "1b00000000ffffffff"),
        (1, "c101"),  # a tag
        (1, "c24101"),  # a bignum
        (1, "20"),  # negative
        (1, "f93c00"),  # a float
        (1, "f5"),  # true
        (1, "1c"),  # reserved
        (b"a", "580161"),
        (b"a", "5f4161ff"),  # indefinite
        (b"a", "6161"),  # text
        ("a", "780161"),
        ("a", "7f6161ff"),
        ("a", "4161"),
        ("\ufffd", "61ff"),  # not UTF-8
        ("\ufffd", "63eda080"),  # a surrogate, which UTF-8 doesn't have
        ([1], "9f01ff"),
        ([1], "980101"),
        ([1], "8201"),
        ([1], "820102"),
        ([1], "a101"),
        ({1: 2}, "bf0102ff"),
        ({1: 2}, "b8010102"),
        ({1: 2}, "a1180102"),
        ({1: 2}, "a10202"),
        ({1: 2, 2: 3}, "a202030102"),  # not sorted
        ({1: 2, 2: 3}, "a201020102"),  # a key twice
        ({1: 2}, "a201020203"),  # a key too many
        (b"a", "5bffffffffffffffff61"),
    ],
)
def test_other_encodings_are_refused(value: cbor.Value, data: str, fails: Fails) -> None:
    with fails("invalid-format"):
        read_like(value, bytes.fromhex(data))


def test_null_is_only_stepped_over_where_it_stands() -> None:
    reader = cbor.Reader(cbor.encode([None, 1]))
    reader.array(2)
    assert reader.null()
    assert not reader.null()
    assert reader.unsigned() == 1
    reader.finish([None, 1])
