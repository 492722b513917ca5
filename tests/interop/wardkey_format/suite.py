"""The suites of encryption keys (the first table of SPEC section 5)."""

from __future__ import annotations

from enum import IntEnum

from .errors import WardkeyError


class Suite(IntEnum):
    HYBRID = 1
    RSA_2048 = 2
    RSA_3072 = 3
    RSA_4096 = 4

    @property
    def label(self) -> str:
        """The name in SPEC: `hybrid`, `rsa-2048`, …"""
        return self.name.lower().replace("_", "-")

    @property
    def rsa_bits(self) -> int:
        """The length of the modulus."""
        return {Suite.RSA_2048: 2048, Suite.RSA_3072: 3072, Suite.RSA_4096: 4096}[self]

    @classmethod
    def labelled(cls, label: str) -> Suite:
        return {suite.label: suite for suite in cls}[label]

    @classmethod
    def of_rsa_bits(cls, bits: int) -> Suite:
        """The suite that a modulus gives."""
        for suite in (cls.RSA_2048, cls.RSA_3072, cls.RSA_4096):
            if suite.rsa_bits == bits:
                return suite
        raise WardkeyError("key-policy", f"an RSA key of {bits} bits")
