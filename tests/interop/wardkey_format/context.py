"""The caller's context, which is bound to what is sealed (SPEC section 1, "Context")."""

from __future__ import annotations

from collections.abc import Mapping

from . import cbor
from .errors import WardkeyError, require

Context = Mapping[str, str]
MAX_ENCODED = 65_536


def checked(context: Context) -> dict[str, str]:
    """The context, ready to be encoded. Nothing is normalised."""
    entries = dict(context)
    try:
        length = len(cbor.encode(entries))
    except UnicodeEncodeError as failure:
        raise WardkeyError("invalid-argument", "a lone surrogate in the context") from failure
    require(length <= MAX_ENCODED, "limit", "the context is too long")
    return entries
