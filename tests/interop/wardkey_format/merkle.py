"""The tree over a batch of messages, or over a row of the journal (SPEC sections 4.3 and 14.2; RFC
9162 section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(leaf_data: bytes) -> bytes:
    return sha256(b"\x00" + leaf_data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _left_size(size: int) -> int:
    """The largest power of two smaller than `size`: how many leaves stand on the left."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes (RFC 9162 section 2.1.1)."""
    if len(leaves) == 1:
        return leaves[0]
    left = _left_size(len(leaves))
    return node_hash(root(leaves[:left]), root(leaves[left:]))


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The inclusion path of a leaf, from the leaf up (RFC 9162 section 2.1.3.1)."""
    if len(leaves) == 1:
        return []
    left = _left_size(len(leaves))
    if index < left:
        return [*path(index, leaves[:left]), root(leaves[left:])]
    return [*path(index - left, leaves[left:]), root(leaves[:left])]


def path_length(index: int, size: int) -> int:
    """The length of that path, known before there are leaves."""
    if size == 1:
        return 0
    left = _left_size(size)
    return 1 + (
        path_length(index, left) if index < left else path_length(index - left, size - left)
    )


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a path leads to (RFC 9162 section 2.1.3.2).

    The path has the length of `path_length`, and index < size."""
    node, at, last = leaf, index, size - 1
    for sibling in path:
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    assert last == 0, "the caller checked the path's length"
    return node
