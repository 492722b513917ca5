"""The versions of an exchange key: verified, opened, and when a new one is due (SPEC sections 18.3 to
18.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from . import cobblestone, derive, exchange_key, groups, wraps
from .directory import Directory
from .errors import WardkeyError, require
from .exchange_key import ExchangeKey
from .group_replay import GroupLog
from .identity import Identity
from .party import Group, Party
from .private_key import KeyPair
from .replay import authority_party
from .signed import Signed
from .wraps import Bodies

MAX_VERSIONS = 10_000


@dataclass(frozen=True)
class Verified:
    signed: Signed[ExchangeKey, Bodies]
    signer: Identity

    @property
    def payload(self) -> ExchangeKey:
        return self.signed.payload


@dataclass
class Chain:
    delegator: Party
    delegate: Party
    logs: Mapping[bytes, GroupLog]
    versions: list[Verified] = field(default_factory=list)

    @property
    def pair(self) -> str:
        return exchange_key.pair_of(self.delegator, self.delegate)

    def log(self, group_id: bytes) -> GroupLog:
        if group_id not in self.logs:
            raise WardkeyError("unknown-group", "no log of this group")
        return self.logs[group_id]


def _check_signer(chain: Chain, payload: ExchangeKey, signer: Identity) -> None:
    """Steps 3 and 4."""
    version = signer.version_of(payload.signer) or 0
    for before in chain.versions:
        if before.signer.fingerprint == signer.fingerprint:
            older = version < (before.signer.version_of(before.payload.signer) or 0)
            require(not older, "rollback", "an older bundle than before")
    authority = payload.authority
    named: Party | None = Group(authority.group_id) if authority else signer.party
    require(named == chain.delegator, "bad-signature", "not by the delegator")
    authority_party(signer, authority, groups.of_logs(chain.logs.values()))
    if authority:
        for before in chain.versions:
            assert before.payload.authority
            falls = authority.sequence < before.payload.authority.sequence
            require(not falls, "rollback", "an older state of the group than before")


def _check_epochs(chain: Chain, payload: ExchangeKey) -> None:
    """Step 5."""
    before = chain.versions[-1].payload.epochs if chain.versions else (None,) * len(payload.places)
    for place, epoch, last in zip(payload.places, payload.epochs, before, strict=True):
        if not isinstance(place.party, Group) or epoch is None:
            continue
        epochs = chain.log(place.party.group_id).epochs
        require(epoch < len(epochs), "rollback", "an epoch beyond the log")
        same = epochs[epoch].public_key.fingerprint == place.key_fingerprint
        require(same, "key-mismatch", "not the epoch's key")
        require(last is None or epoch >= last, "rollback", "an older epoch than before")


def verify(
    delegator: Party,
    delegate: Party,
    objects: Sequence[bytes],
    directory: Directory,
    logs: Mapping[bytes, GroupLog],
    *,
    seen: Mapping[int, bytes] | None = None,
    minimum: int = 1,
) -> Chain:
    """Section 18.3. `seen`: hashes of versions that were seen before."""
    require(len(objects) <= MAX_VERSIONS, "limit", "over 10,000 versions")
    chain = Chain(delegator, delegate, logs)
    for data in objects:
        signed = exchange_key.read(data, minimum)
        payload = signed.payload
        require(payload.app_id == directory.app_id, "key-mismatch", "of another app")
        asked = (payload.delegator, payload.delegate) == (delegator, delegate)
        require(asked, "key-mismatch", "of other parties")
        last = chain.versions[-1].signed.hash if chain.versions else None
        follows = (payload.version, payload.previous) == (len(chain.versions) + 1, last)
        require(follows, "bad-signature", "not the version and hash that follow")
        signer = directory.find(payload.signer)
        signed.verify(signer.signing_key(payload.signer))
        _check_signer(chain, payload, signer)
        _check_epochs(chain, payload)
        for place, body in zip(payload.places, signed.rest, strict=True):
            good = body is None or sha256(body).digest() == place.body_hash
            require(good, "bad-signature", "another body than the one signed for")
        chain.versions.append(Verified(signed, signer))
    for version, expected in (seen or {}).items():
        require(1 <= version <= len(chain.versions), "rollback", "fewer versions than seen")
        found = chain.versions[version - 1].signed.hash
        require(found == expected, "fork", "another version than the one seen")
    return chain


def is_due(chain: Chain) -> bool:
    """Section 18.5, but for whether the newest key opens."""
    if not chain.versions:
        return True
    newest = chain.versions[-1]
    for place, epoch in zip(newest.payload.places, newest.payload.epochs, strict=True):
        if isinstance(place.party, Group):
            if epoch != chain.log(place.party.group_id).state.epoch:
                return True
    authority = newest.payload.authority
    if authority is None:
        return False
    return newest.signer.party not in chain.log(authority.group_id).state.members


Opened = list[bytes | WardkeyError]
"""By version from 1 on: the key, or why it stays closed."""


def _named(key: bytes, payload: ExchangeKey) -> bool:
    committed = compare_digest(derive.key_commitment(key), payload.key_commitment)
    return committed and derive.key_id(key) == payload.key_id


def _by_stanza(
    chain: Chain, at: Verified, parties: Sequence[Party], pairs: Sequence[KeyPair]
) -> bytes:
    """Step 2 of section 18.4."""
    payload = at.payload
    own = [
        (isinstance(place.party, Group), place.party != chain.delegate, number)
        for number, place in enumerate(payload.places)
        if place.party in parties and at.signed.rest[number] is not None
    ]
    if not own:
        raise WardkeyError("bad-signature", "only null in the stanza's place")
    number = min(own)[2]
    body = at.signed.rest[number]
    assert body is not None
    context = exchange_key.stanza_context(chain.pair, payload.version)
    named = (payload.key_id, payload.key_commitment)
    return wraps.unwrap(payload.places[number], body, *named, context, pairs)


def _before(chain: Chain, version: int, key: bytes) -> bytes | None:
    """Step 3: the key of the version before, where it opens so."""
    at, before = chain.versions[version - 1].payload, chain.versions[version - 2].payload
    if at.previous_key is None:
        return None
    parties = (chain.delegator, chain.delegate)
    bound = exchange_key.previous_context(*parties, version, before.key_commitment)
    try:
        opened = cobblestone.open_body(key, bound, at.previous_key)
    except WardkeyError:
        return None
    return opened if len(opened) == 32 and _named(opened, before) else None


def open_keys(chain: Chain, parties: Sequence[Party], pairs: Sequence[KeyPair]) -> Opened:
    """Section 18.4."""
    is_party = chain.delegator in parties or chain.delegate in parties
    require(is_party, "not-a-recipient", "between others")
    found: dict[int, bytes | WardkeyError] = {}
    for version in range(len(chain.versions), 0, -1):
        above = found.get(version + 1)
        key = _before(chain, version + 1, above) if isinstance(above, bytes) else None
        if key is None:
            try:
                key = _by_stanza(chain, chain.versions[version - 1], parties, pairs)
            except WardkeyError as error:
                found[version] = error
                continue
        found[version] = key
    return [found[version] for version in range(1, len(chain.versions) + 1)]
