"""What several tests share: key pairs, which are slow to make, and how a failure is expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from wardkey_format.errors import WardkeyError
from wardkey_format.private_key import KeyPair
from wardkey_format.suite import Suite

Fails = Callable[[str], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def fails() -> Fails:
    """`with fails("truncated"): …` expects exactly this code."""

    @contextmanager
    def expect(code: str) -> Iterator[None]:
        with pytest.raises(WardkeyError) as failure:
            yield
        assert failure.value.code == code

    return expect


@pytest.fixture(scope="session")
def key_pairs() -> dict[Suite, KeyPair]:
    """One key pair of every suite."""
    return {suite: KeyPair.generate(suite) for suite in Suite}
