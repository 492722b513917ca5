"""Messages of a session and their authors (SPEC section 13)."""

from __future__ import annotations

from dataclasses import dataclass

from . import author, message, replay, rights
from .author import GROUP_ID, Trailer
from .context import Context
from .directory import Directory
from .entry import Authority
from .errors import require
from .identity import Identity
from .message import Header
from .session import Session


@dataclass(frozen=True)
class Opened:
    data: bytes
    author: Identity | None
    generation: int


def _authority(trailer: Trailer) -> Authority | None:
    group_id = trailer.authority[:GROUP_ID]
    if not any(group_id):
        return None
    sequence = int.from_bytes(trailer.authority[GROUP_ID : GROUP_ID + 8], "big")
    return Authority(group_id, sequence, trailer.authority[GROUP_ID + 8 :])


def _check_right_to_write(
    session: Session, signer: Identity, trailer: Trailer, generation: int
) -> None:
    """Steps 5 to 7."""
    log, view = session.log, trailer.log_sequence
    require(view <= log.sequence, "rollback", "a view beyond the log")
    require(log.hash_at(view) == trailer.log_hash, "fork", "a view of another log")
    state = log.states[view]
    newest = state.generation.number == generation
    require(newest, "forbidden", "not the newest generation at the view")
    authority = _authority(trailer)
    party = replay.authority_party(signer, authority, log.groups)
    is_creator = signer.fingerprint == log.creator.fingerprint and authority is None
    by_creator = is_creator and generation == 0
    may = by_creator or rights.has(state.rights, party, rights.READ)
    require(may, "forbidden", "the author is no reader at the view")


def open_in_session(
    session: Session,
    sealed: bytes,
    directory: Directory,
    context: Context | None = None,
    minimum: int = 1,
) -> Opened:
    """The data of a message of this session, with its author if it is signed."""
    header = Header.read(sealed)
    require(minimum <= 1, "downgrade", "below the minimum of the state")
    same = header.session_id == session.log.session_id
    require(same, "key-mismatch", "a message of no session, or of another one")
    generation = session.generation_of(header.key_id)
    key = session.keys[generation]
    if header.signer is None:
        return Opened(message.open_message(key, sealed, context), None, generation)
    signer = directory.find(header.signer.bundle_hash)
    public_key = signer.signing_key(header.signer.bundle_hash)
    data, trailer = author.open_signed(key, sealed, public_key, context)
    _check_right_to_write(session, signer, trailer, generation)
    return Opened(data, signer, generation)
