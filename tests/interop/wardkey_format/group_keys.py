"""Group keys: the secret of an epoch for members, and by it all before (SPEC section 12.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import base64url, cbor, epoch, wraps
from .errors import Code, WardkeyError, require
from .group_replay import GroupLog
from .operation import Add, GiveRoles
from .party import User
from .private_key import KeyPair
from .signed import HASH, MIB, Form, Signed
from .wraps import KEY_ID, Bodies, Place


@dataclass(frozen=True)
class GroupKeys:
    group_id: bytes
    sequence: int
    epoch: int
    key_id: bytes
    key_commitment: bytes
    signer: bytes
    places: tuple[Place, ...]

    def cbor(self) -> cbor.Value:
        return {
            1: self.group_id,
            2: self.sequence,
            3: self.epoch,
            4: self.key_id,
            5: self.key_commitment,
            6: self.signer,
            7: [place.cbor() for place in self.places],
        }


def _read_payload(reader: cbor.Reader) -> GroupKeys:
    reader.map(7)
    reader.key(1)
    group_id = reader.bytes(HASH)
    reader.key(2)
    sequence = reader.unsigned()
    reader.key(3)
    number = reader.unsigned()
    reader.key(4)
    key_id = reader.bytes(KEY_ID)
    reader.key(5)
    commitment = reader.bytes(32)
    reader.key(6)
    signer = reader.bytes(HASH)
    reader.key(7)
    places = wraps.read_places(reader)
    return GroupKeys(group_id, sequence, number, key_id, commitment, signer, places)


FORM: Form[GroupKeys, Bodies] = Form(
    "group-keys",
    16 * MIB,
    _read_payload,
    GroupKeys.cbor,
    1,
    wraps.read_bodies,
    lambda bodies: [bodies],
)


def read(data: bytes, minimum: int = 1) -> Signed[GroupKeys, Bodies]:
    signed = FORM.read(data, minimum)
    wraps.check_bodies(signed.payload.places, signed.rest)
    return signed


def stanza_context(group_id: bytes, number: int) -> dict[str, str]:
    return {"group": base64url.encode(group_id), "epoch": str(number)}


def keyed_by(log: GroupLog, sequence: int) -> set[User]:
    """Whom the object that belongs to an operation is for; giving roles has none."""
    match log.action_at(sequence):
        case Add(roles):
            return {one for one, _ in roles}
        case GiveRoles():
            return set()
    return set(log.states[sequence].members)


def verify(log: GroupLog, data: bytes, minimum: int = 1) -> Signed[GroupKeys, Bodies]:
    signed = read(data, minimum)
    payload, sequence = signed.payload, signed.payload.sequence
    require(payload.group_id == log.group_id, "key-mismatch", "keys of another group")
    require(sequence <= log.sequence, "bad-signature", "of an operation that isn't in the log")
    members = keyed_by(log, sequence)
    require(bool(members), "bad-signature", "of an operation that gives roles")

    bundle_hash, signer = log.signer_at(sequence)
    require(payload.signer == bundle_hash, "bad-signature", "not by the operation's signer")
    signed.verify(signer.signing_key(bundle_hash))

    number = log.states[sequence].epoch
    named = (payload.epoch, payload.key_commitment)
    expected = (number, log.epochs[number].key_commitment)
    require(named == expected, "key-mismatch", "another epoch than the newest")

    found = {place.party for place in payload.places}
    require(found == members, "bad-signature", "not the parties that it is for")
    for place, body in zip(payload.places, signed.rest, strict=True):
        good = body is None or sha256(body).digest() == place.body_hash
        require(good, "bad-signature", "another body than the one signed for")
    return signed


def newest_for(log: GroupLog, user: User) -> int | None:
    """The newest operation whose object has a stanza for this member."""
    sequences = range(log.sequence, -1, -1)
    return next((at for at in sequences if user in keyed_by(log, at)), None)


@dataclass(frozen=True)
class Epochs:
    """What a member opened."""

    secrets: tuple[bytes, ...]
    """From the newest epoch down."""
    broken: WardkeyError | None
    """Why the others stayed closed."""

    @property
    def pairs(self) -> list[KeyPair]:
        return [epoch.key_pair(secret) for secret in self.secrets]


def open_epochs(
    log: GroupLog, data: bytes, user: User, key_pairs: Sequence[KeyPair], minimum: int = 1
) -> Epochs:
    """`data`: the object that the key server gives."""
    if user not in log.state.members:
        was = any(user in state.members for state in log.states)
        code: Code = "revoked" if was else "not-a-recipient"
        raise WardkeyError(code, "no member")
    signed = verify(log, data, minimum)
    payload = signed.payload
    newest = payload.sequence == newest_for(log, user)
    require(newest, "not-a-recipient", "not the newest keys with a stanza for him")

    at = [place.party for place in payload.places].index(user)
    body = signed.rest[at]
    if body is None:
        raise WardkeyError("bad-signature", "only null in the stanza's place")
    context = stanza_context(log.group_id, payload.epoch)
    named = (payload.key_id, payload.key_commitment)
    secret = wraps.unwrap(payload.places[at], body, *named, context, key_pairs)
    epoch.check_key_pair(secret, log.epochs[payload.epoch])

    secrets = [secret]
    for number in range(payload.epoch, 0, -1):
        above, below = log.epochs[number], log.epochs[number - 1]
        try:
            secret = epoch.secret_before(log.group_id, number, secret, above, below)
        except WardkeyError as error:
            return Epochs(tuple(secrets), error)
        secrets.append(secret)
    return Epochs(tuple(secrets), None)
