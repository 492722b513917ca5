"""Where identities are found: by the hash of one of their bundles, compared with what is pinned
(SPEC sections 10.3 and 10.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from . import bundle, identity, pin
from .errors import WardkeyError
from .identity import Identity
from .pin import Pin


class Directory:
    """The identities that a client was given. Each is verified where it is first used."""

    def __init__(
        self,
        app_id: str,
        identities: Iterable[Sequence[bytes]],
        *,
        pins: Mapping[str, Pin] | None = None,
        key_server: Pin | None = None,
        anchors: Mapping[str, bytes] | None = None,
        escrow_key: bytes | None = None,
        refuse_first_use: bool = False,
        minimum: int = 1,
    ) -> None:
        self.app_id = app_id
        self.pins = dict(pins or {})
        self.key_server = key_server
        self._anchors = dict(anchors or {})
        self._escrow_key = escrow_key
        self._refuse_first_use = refuse_first_use
        self._minimum = minimum
        self._objects: dict[bytes, Sequence[bytes]] = {}
        self._verified: dict[bytes, Identity] = {}
        for objects in identities:
            for data in objects:
                self._objects.setdefault(bundle.read(data).hash, objects)

    def find(self, bundle_hash: bytes) -> Identity:
        """The identity that has this bundle; a signer who isn't there is `bad-signature`."""
        if bundle_hash in self._verified:
            return self._verified[bundle_hash]
        if bundle_hash not in self._objects:
            raise WardkeyError("bad-signature", "the signer's bundle isn't known")
        objects = self._objects[bundle_hash]
        found = identity.verify_by_hash(objects, self.app_id, bundle_hash, self._minimum)
        self._compare(found)
        self._verified.update(dict.fromkeys(found.hashes, found))
        return found

    def _compare(self, found: Identity) -> None:
        name = found.user_id
        if name is None:
            self.key_server = pin.compare_key_server(found, self.key_server, self._escrow_key)
            return
        self.pins[name] = pin.compare(
            found,
            self.pins.get(name),
            self._anchors.get(name),
            refuse_first_use=self._refuse_first_use,
        )
