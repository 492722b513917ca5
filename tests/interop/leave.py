"""Opens what a user can read, without Wardkey: from the key server's file and her password.

    python tests/interop/leave.py --database wardkey.db --user ada [--secret-file FILE] MESSAGES OUT

MESSAGES is a folder of messages as the application's server kept them, and of entities as JSON. What
a message was bound to, its context, stands in NAME.context.json beside it, as a JSON object; without
it the context is empty. What opens is written to OUT, `.sealed` and `.json` away from its name. A
line of JSON for each file says who wrote it, or the code with which it stayed closed.

The password is asked for, or read from standard input. `--secret-file` is the operator's secret: the
key server's own identity comes of it, by which its assignments of placeholders are verified.

Exit code: 0, 1 if something stayed closed, 2 if nothing could be begun.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from key_server_file import KeyServerFile, parties_of
from wardkey_format import (
    account,
    base64url,
    entity,
    exchange_chain,
    group_keys,
    group_replay,
    groups,
    message,
    replay,
    session,
    session_message,
)
from wardkey_format.backup import Contents, Envelope
from wardkey_format.directory import Directory
from wardkey_format.entity import Ring
from wardkey_format.errors import WardkeyError, require
from wardkey_format.exchange_key import name_of
from wardkey_format.group_replay import GroupLog
from wardkey_format.party import Group, Party, User
from wardkey_format.session import Session
from wardkey_format.state import State


def open_account(file: KeyServerFile, user: str, password: str) -> tuple[str, Contents, State]:
    """By the active backup, or the pending one (SPEC section 11.4, off line)."""
    failure: WardkeyError | None = None
    for data in file.backups(user):
        envelope = Envelope.read(data)
        try:
            contents, state, _ = account.open_off_line(data, envelope.app_id, user, password, envelope.kdf)
        except WardkeyError as error:
            failure = failure or error
            continue
        return envelope.app_id, contents, state
    assert failure
    raise failure


@contextmanager
def told(what: str) -> Iterator[None]:
    """What doesn't verify is left out, and said: all else opens without it."""
    try:
        yield
    except WardkeyError as error:
        print(f"{what} is left out: {error}", file=sys.stderr)


class Reader:
    """A user, and what she opens of the key server's file."""

    def __init__(self, file: KeyServerFile, user: str, password: str, secret: bytes | None) -> None:
        self._file = file
        app, contents, state = open_account(file, user, password)
        self._minimum = state.minimum
        identities = file.identities()
        if secret:
            identities.append(file.key_server(app, secret))
        self._directory = Directory(
            app, identities, pins=state.pins, key_server=state.key_server, minimum=state.minimum
        )
        self._user = User(user, state.pins[user].fingerprint)
        self._parties: list[Party] = [self._user]
        self._pairs = list(contents.keys)
        self._former: list[str] = []
        self._logs: dict[bytes, GroupLog] = {}
        self._sessions: dict[bytes, Session] = {}
        for group, objects in file.groups():
            with told(f"group {base64url.encode(group)}"):
                log = self._log(group, objects, state)
                self._logs[group] = log
                self._join(group, log)
        self._groups = groups.of_logs(self._logs.values())

    def _log(self, group: bytes, objects: list[bytes], state: State) -> GroupLog:
        genesis, *operations = objects
        seen = state.groups.get(group)
        before = {seen.sequence: seen.hash} if seen else None
        return group_replay.replay(
            group, genesis, operations, self._directory, seen=before, minimum=self._minimum
        )

    def _join(self, group: bytes, log: GroupLog) -> None:
        """The epochs of a group to which she belongs (SPEC section 12.11)."""
        keys = self._file.group_keys(group, self._user)
        if self._user in log.state.members and keys:
            self._pairs += group_keys.open_epochs(log, keys, self._user, self._pairs, self._minimum).pairs
            self._parties.append(Group(group))
        elif any(self._user in state.members for state in log.states):
            self._former.append(name_of(Group(group)))

    def _session(self, session_id: bytes) -> Session:
        if session_id not in self._sessions:
            entries, wraps = self._file.session(session_id, self._parties)
            require(bool(entries), "not-a-recipient", "the key server has no such session")
            log = replay.replay(
                session_id, entries[0], entries[1:], self._directory, groups=self._groups, minimum=self._minimum
            )
            self._sessions[session_id] = session.open_session(log, wraps, self._parties, self._pairs, self._minimum)
        return self._sessions[session_id]

    def read(self, sealed: bytes, context: dict[str, str]) -> tuple[bytes, str | None]:
        """A message, and its author (SPEC section 13)."""
        session_id = message.Header.read(sealed).session_id
        if session_id is None:
            raise WardkeyError("key-mismatch", "a message of a data key, in no session")
        opened = session_message.open_in_session(
            self._session(session_id), sealed, self._directory, context, self._minimum
        )
        return opened.data, opened.author and opened.author.user_id

    def ring(self) -> Ring:
        """Her exchange keys (SPEC section 18.4)."""
        users = [name_of(self._user)]
        ring = Ring(users, [name_of(one) for one in self._parties if isinstance(one, Group)], self._former)
        for pair, objects in self._file.exchange_keys():
            between = parties_of(objects)
            if not set(between) & set(self._parties):
                continue
            with told(f"exchange key {pair}"):
                chain = exchange_chain.verify(
                    *between, objects, self._directory, self._logs, minimum=self._minimum
                )
                ring.keys[pair] = exchange_chain.open_keys(chain, self._parties, self._pairs)
        return ring


def _context(path: Path) -> dict[str, str]:
    beside = path.with_name(f"{path.name}.context.json")
    return json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}


def leave(reader: Reader, messages: Path, out: Path) -> bool:
    """Whether all opened."""
    out.mkdir(parents=True, exist_ok=True)
    ring = reader.ring()
    all_opened = True
    for path in sorted(messages.iterdir()):
        if path.name.endswith(".context.json"):
            continue
        said: dict[str, str | None] = {"file": path.name}
        try:
            if path.suffix == ".json":
                text = path.read_text(encoding="utf-8")
                data = json.dumps(entity.decrypt(ring, text), ensure_ascii=False).encode()
                name = path.name
            else:
                data, said["author"] = reader.read(path.read_bytes(), _context(path))
                name = path.name.removesuffix(".sealed")
            (out / name).write_bytes(data)
        except WardkeyError as error:
            said |= {"error": error.code, "why": str(error)}
            all_opened = False
        print(json.dumps(said), flush=True)
    return all_opened


def main() -> int:
    parser = argparse.ArgumentParser(description="Opens what a user can read, without Wardkey.")
    parser.add_argument("--database", type=Path, required=True, help="wardkey.db of the key server")
    parser.add_argument("--user", required=True)
    parser.add_argument("--secret-file", type=Path, help="the operator's secret")
    parser.add_argument("messages", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.read().removesuffix("\n")
    secret = given.secret_file and base64url.decode(given.secret_file.read_text().strip())
    try:
        reader = Reader(KeyServerFile(given.database), given.user, password, secret)
    except WardkeyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if leave(reader, given.messages, given.out) else 1


if __name__ == "__main__":
    sys.exit(main())
