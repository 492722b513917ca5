"""Documents for partners (SPEC section 19): a FHIR `Binary` with a JWE, as a partner reads it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import WardkeyError, require
from .randomness import draw

MEDIA_TYPE = "application/jose"
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
MAX_DOCUMENT = 64 << 20
MAX_HEADER = 8192

Binary = dict[str, Any]


class Document(NamedTuple):
    data: bytes
    content_type: str | None


def _text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make(document: Document, recipient: RSAPublicKey) -> Binary:
    key, iv = draw(32), draw(12)
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM"}
    if document.content_type is not None:
        header["cty"] = document.content_type
    first = _text_of(json.dumps(header).encode())
    sealed = AESGCM(key).encrypt(iv, document.data, first.encode())
    rest = [recipient.encrypt(key, OAEP), iv, sealed[:-16], sealed[-16:]]
    jwe = ".".join([first, *map(_text_of, rest)])
    data = base64.b64encode(jwe.encode()).decode()
    return {"resourceType": "Binary", "contentType": MEDIA_TYPE, "data": data}


def _part(text: str) -> bytes:
    require(re.fullmatch(r"[A-Za-z0-9_-]*", text) is not None, "invalid-format", "no base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise WardkeyError("invalid-format", "no base64url") from error


def _header(data: bytes) -> dict[str, Any]:
    require(len(data) <= MAX_HEADER, "invalid-format", "a header that is too long")
    try:
        header = json.loads(data.decode("utf-8"))
    except ValueError as error:
        raise WardkeyError("invalid-format", "a header that isn't JSON") from error
    require(isinstance(header, dict), "invalid-format", "a header that is no object")
    texts = [header.get("alg"), header.get("enc"), header.get("cty", "")]
    require(all(isinstance(one, str) for one in texts), "invalid-format", "no text")
    known = (header["alg"], header["enc"]) == ("RSA-OAEP-256", "A256GCM")
    require(known and not {"zip", "crit"} & header.keys(), "unsupported-version", "another kind")
    return dict(header)


def open_binary(binary: Binary, private: RSAPrivateKey) -> Document:
    require(binary.get("resourceType") == "Binary", "invalid-argument", "no Binary")
    content_type, data = binary.get("contentType"), binary.get("data")
    is_jose = isinstance(content_type, str) and content_type.lower() == MEDIA_TYPE
    require(is_jose and isinstance(data, str), "invalid-format", "no JWE")
    try:
        parts = base64.b64decode(str(data), validate=True).decode("ascii").split(".")
    except ValueError as error:
        raise WardkeyError("invalid-format", "no base64") from error
    require(len(parts) == 5, "invalid-format", "not five parts")
    header_bytes, wrapped, iv, ciphertext, tag = map(_part, parts)
    require((len(iv), len(tag)) == (12, 16), "invalid-format", "another iv or tag")
    require(len(ciphertext) <= MAX_DOCUMENT, "limit", "a document that is too long")
    header = _header(header_bytes)
    try:
        key = private.decrypt(wrapped, OAEP)
    except ValueError:
        key = b""
    if len(key) != 32:
        key = draw(32)
    try:
        opened = AESGCM(key).decrypt(iv, ciphertext + tag, parts[0].encode())
    except InvalidTag as error:
        raise WardkeyError("decryption-failed", "wrong key, or changed bytes") from error
    media_type = header.get("cty")
    if media_type is not None and "/" not in media_type:
        media_type = f"application/{media_type}"
    return Document(opened, media_type)
