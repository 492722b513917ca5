"""Backups: private keys under a password (SPEC section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import cbor, cobblestone, ed25519, framing, password, slow_key, user_id
from . import state as account_state
from .derive import expand
from .errors import Code, WardkeyError, require
from .private_key import KeyPair
from .randomness import draw
from .slow_key import Kdf
from .suite import Suite

MAX_ENCODED = 1024 * 1024
MAX_APP_ID = 128
MAX_KEYS = 64
SEALED_ROOT = 104
SHARE = 32
EMPTY_STATE = cbor.encode({})


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key pair."""

    public: bytes
    seed: bytes


@dataclass(frozen=True)
class TwoManShares:
    """What the application and the key server each keep."""

    application: bytes
    key_server: bytes

    def key(self, app_id: str, user: str) -> bytes:
        """The two-man key."""
        for share in (self.application, self.key_server):
            require(len(share) == SHARE, "invalid-argument", "a share isn't 32 bytes")
        info = cbor.encode(["wardkey/v1/two-man", app_id, user])
        hkdf = HKDF(hashes.SHA512(), length=32, salt=None, info=info)
        return hkdf.derive(self.application + self.key_server)


@dataclass(frozen=True)
class Envelope:
    """A backup as it stands there, sealed."""

    app_id: str
    user_id: str
    version: int
    kdf: Kdf
    root_by_password: bytes
    root_by_two_men: bytes | None
    keys: bytes
    state: bytes

    def _cbor(self) -> cbor.Value:
        return {
            1: self.app_id,
            2: self.user_id,
            3: self.version,
            4: self.kdf.cbor(),
            5: self.root_by_password,
            6: self.root_by_two_men,
            7: self.keys,
            8: self.state,
        }

    def encode(self) -> bytes:
        return framing.frame(framing.BACKUP, cbor.encode(self._cbor()))

    @classmethod
    def read(cls, data: bytes) -> Envelope:
        """Step 1 of "Opening"."""
        require(len(data) <= MAX_ENCODED, "limit", "a backup over 1 MiB")
        reader = cbor.Reader(framing.unframe(framing.BACKUP, data))
        reader.map(8)
        reader.key(1)
        app_id = reader.text()
        require(_is_app_id(app_id), "invalid-format", "an app id over 128 bytes")
        reader.key(2)
        user = reader.text()
        user_id.check(user, "invalid-format")
        reader.key(3)
        version = reader.unsigned()
        require(version >= 1, "invalid-format", "version 0")
        reader.key(4)
        kdf = slow_key.read(reader)
        reader.key(5)
        root_by_password = reader.bytes(SEALED_ROOT)
        reader.key(6)
        root_by_two_men = None if reader.null() else reader.bytes(SEALED_ROOT)
        reader.key(7)
        keys = reader.bytes()
        reader.key(8)
        state = reader.bytes()
        envelope = cls(app_id, user, version, kdf, root_by_password, root_by_two_men, keys, state)
        reader.finish(envelope._cbor())
        return envelope

    # The contexts under which the parts are sealed.

    def root_context(self) -> bytes:
        label = "wardkey/v1/backup/root"
        return cbor.encode([label, self.app_id, self.user_id, self.kdf.cbor()])

    def two_man_root_context(self) -> bytes:
        return cbor.encode(["wardkey/v1/backup/two-man-root", self.app_id, self.user_id])

    def keys_context(self) -> bytes:
        return cbor.encode(["wardkey/v1/backup/keys", self.app_id, self.user_id])

    def state_context(self) -> bytes:
        parts = [self.kdf.cbor(), self.root_by_password, self.root_by_two_men, self.keys]
        binding = sha256(cbor.encode(parts)).digest()
        label = "wardkey/v1/backup/state"
        return cbor.encode([label, self.app_id, self.user_id, self.version, binding])


@dataclass(frozen=True)
class Contents:
    """What a backup keeps. Both lists have the newest key first."""

    keys: tuple[KeyPair, ...]
    signing: tuple[SigningKey, ...] = ()
    state: bytes = EMPTY_STATE
    """Of an account, the encoding of section 11.2."""


def _is_app_id(text: str) -> bool:
    try:
        return len(text.encode()) <= MAX_APP_ID
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _check_asked_for(app_id: str, user: str) -> None:
    require(_is_app_id(app_id), "invalid-argument", "no app id")
    user_id.check(user, "invalid-argument")


def slow_key_of(password_text: str, kdf: Kdf) -> bytes:
    return kdf.derive(password.prepare(password_text))


def login_secret(slow: bytes) -> bytes:
    return expand(slow, "login", 32)


def _password_key(slow: bytes) -> bytes:
    return expand(slow, "backup-wrap", 32)


def _keys_key(root: bytes) -> bytes:
    return expand(root, "backup-keys", 32)


def _state_key(root: bytes) -> bytes:
    return expand(root, "backup-state", 32)


def _encode_keys(contents: Contents) -> bytes:
    """The keys payload."""
    keys = [(pair.suite, pair.public_key.fingerprint, pair.private) for pair in contents.keys]
    return cbor.encode(_keys_cbor(keys, contents.signing))


def _keys_cbor(
    keys: Sequence[tuple[Suite, bytes, bytes]], signing: Sequence[SigningKey]
) -> cbor.Value:
    field_1: list[cbor.Value] = [[suite, named, private] for suite, named, private in keys]
    field_2: list[cbor.Value] = [[key.public, key.seed] for key in signing]
    return {1: field_1, 2: field_2}


def seal(
    contents: Contents,
    password_text: str,
    kdf: Kdf,
    *,
    user: str,
    app_id: str = "",
    version: int = 1,
    two_man: TwoManShares | None = None,
) -> bytes:
    """A backup; with `two_man` its root can be opened by two men, too."""
    _check_asked_for(app_id, user)
    require(1 <= version <= cbor.MAX_UNSIGNED, "invalid-argument", "no version")
    _check_counts(len(contents.keys), len(contents.signing), "invalid-argument")
    kdf.check()
    root = draw(32)
    # Filled in the order in which the parts bind each other.
    envelope = Envelope(app_id, user, version, kdf, b"", None, b"", b"")
    by_password = cobblestone.seal(
        _password_key(slow_key_of(password_text, kdf)), envelope.root_context(), root
    )
    by_two_men = (
        cobblestone.seal(two_man.key(app_id, user), envelope.two_man_root_context(), root)
        if two_man
        else None
    )
    keys = cobblestone.seal(_keys_key(root), envelope.keys_context(), _encode_keys(contents))
    envelope = Envelope(app_id, user, version, kdf, by_password, by_two_men, keys, b"")
    envelope = with_state(envelope, root, version, contents.state)
    return envelope.encode()


def with_state(envelope: Envelope, root: bytes, version: int, state: bytes) -> Envelope:
    """The envelope with a new version and field 8, all else as before."""
    changed = replace(envelope, version=version)
    sealed = cobblestone.seal(_state_key(root), changed.state_context(), state)
    return replace(changed, state=sealed)


def open_with_password(
    backup: bytes, password_text: str, *, user: str, app_id: str = ""
) -> Contents:
    envelope = read_asked_for(backup, app_id, user)
    return open_with_slow_key(envelope, slow_key_of(password_text, envelope.kdf))


def open_with_slow_key(envelope: Envelope, slow: bytes) -> Contents:
    """Steps 4 to 6 of "Opening"."""
    return _open_contents(envelope, _root_by_slow_key(envelope, slow))


def _root_by_slow_key(envelope: Envelope, slow: bytes) -> bytes:
    sealed = envelope.root_by_password
    return _open_part(_password_key(slow), envelope.root_context(), sealed, "wrong-password")


def root_by_password(envelope: Envelope, password_text: str) -> bytes:
    """What writes a new state into an envelope."""
    return _root_by_slow_key(envelope, slow_key_of(password_text, envelope.kdf))


def open_by_two_men(
    backup: bytes, two_man: TwoManShares, *, user: str, app_id: str = ""
) -> Contents:
    return open_envelope_by_two_men(read_asked_for(backup, app_id, user), two_man)


def open_envelope_by_two_men(envelope: Envelope, two_man: TwoManShares) -> Contents:
    sealed = envelope.root_by_two_men
    if sealed is None:
        raise WardkeyError("no-backup", "the backup has no root by two men")
    key = two_man.key(envelope.app_id, envelope.user_id)
    root = _open_part(key, envelope.two_man_root_context(), sealed, "decryption-failed")
    return _open_contents(envelope, root)


def read_asked_for(backup: bytes, app_id: str, user: str) -> Envelope:
    """Steps 1 and 2 of "Opening"."""
    _check_asked_for(app_id, user)
    envelope = Envelope.read(backup)
    same = (envelope.app_id, envelope.user_id) == (app_id, user)
    require(same, "key-mismatch", "the backup of another app or user")
    return envelope


def _open_part(key: bytes, context: bytes, sealed: bytes, code: Code) -> bytes:
    """A part of the envelope; whatever fails is `code`."""
    try:
        return cobblestone.open_body(key, context, sealed)
    except WardkeyError as failure:
        raise WardkeyError(code, "a part of the backup doesn't open") from failure


def _open_contents(envelope: Envelope, root: bytes) -> Contents:
    """Steps 5 and 6 of "Opening"."""
    failed: Code = "decryption-failed"
    state = _open_part(_state_key(root), envelope.state_context(), envelope.state, failed)
    keys = _open_part(_keys_key(root), envelope.keys_context(), envelope.keys, failed)
    if state != EMPTY_STATE:
        require(envelope.app_id != "", "invalid-format", "the state isn't the empty map")
        account_state.read(state, envelope.user_id)
    return replace(_read_keys(keys), state=state)


def _check_counts(keys: int, signing: int, code: Code) -> None:
    require(1 <= keys <= MAX_KEYS, code, "not 1 to 64 encryption keys")
    require(0 <= signing <= MAX_KEYS, code, "not 0 to 64 signing keys")


def _read_keys(payload: bytes) -> Contents:
    """The keys payload: first its form, then whether public and private keys belong together."""
    reader = cbor.Reader(payload)
    reader.map(2)
    reader.key(1)
    keys = [_read_key(reader) for _ in range(_at_most_64(reader.array()))]
    reader.key(2)
    signing = [_read_signing_key(reader) for _ in range(_at_most_64(reader.array()))]
    reader.finish(_keys_cbor(keys, signing))
    _check_counts(len(keys), len(signing), "invalid-format")
    _check_all_different([fingerprint for _, fingerprint, _ in keys])
    _check_all_different([key.public for key in signing])

    pairs = [KeyPair(suite, private) for suite, _, private in keys]
    for pair, (_, fingerprint, _) in zip(pairs, keys, strict=True):
        same = pair.public_key.fingerprint == fingerprint
        require(same, "key-mismatch", "not the private key of this fingerprint")
    for key in signing:
        same = ed25519.public_key(key.seed) == key.public
        require(same, "key-mismatch", "not the seed of this signing key")
    return Contents(tuple(pairs), tuple(signing))


def _at_most_64(count: int) -> int:
    require(count <= MAX_KEYS, "invalid-format", "over 64 keys")
    return count


def _check_all_different(names: Sequence[bytes]) -> None:
    require(len(set(names)) == len(names), "invalid-format", "a key twice")


def _read_key(reader: cbor.Reader) -> tuple[Suite, bytes, bytes]:
    reader.array(3)
    number = reader.unsigned()
    require(number in set(Suite), "invalid-format", f"suite {number}")
    return Suite(number), reader.bytes(32), reader.bytes()


def _read_signing_key(reader: cbor.Reader) -> SigningKey:
    reader.array(2)
    return SigningKey(reader.bytes(32), reader.bytes(32))
