"""Confirmed entries (SPEC section 12.4), and logs compared.

The states of groups are made up here, but for those of the one group that is replayed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import Fails
from making.cast import Cast
from making.groups import group
from making.session_maker import SessionMaker
from wardkey_format import confirmed, group_replay, replay, rights, wraps
from wardkey_format.action import Grant, Revoke
from wardkey_format.directory import Directory
from wardkey_format.entry import Authority
from wardkey_format.groups import Groups, GroupState, of_logs
from wardkey_format.member import ADMIN, MEMBER
from wardkey_format.party import Group, User
from wardkey_format.randomness import draw
from wardkey_format.replay import Log

READ, FORWARD, ALL = rights.READ, rights.FORWARD, rights.ALL
CAST = Cast.new()
ANNA, BEN, CLEO, DORA, EVE = (
    p.party for p in (CAST.anna, CAST.ben, CAST.cleo, CAST.dora, CAST.eve)
)
GROUP = CAST.group
HASHES = [draw(32) for _ in range(3)]


def groups(*members: set[User]) -> Groups:
    """The states of the one group, the newest last."""
    states = [GroupState(HASHES[n], frozenset(one)) for n, one in enumerate(members)]
    return Groups({GROUP.group_id: states})


def at(sequence: int) -> Authority:
    return Authority(GROUP.group_id, sequence, HASHES[sequence])


def replayed(made: SessionMaker, known: Groups) -> Log:
    directory = Directory("clinic", [person.objects for person in CAST.people])
    return replay.replay(made.session_id, made.genesis, made.entries, directory, groups=known)


@pytest.fixture
def made() -> SessionMaker:
    return CAST.session({ANNA: ALL, GROUP: ALL})


def test_a_member_of_the_newest_state_is_confirmed(made: SessionMaker) -> None:
    made.add(CAST.ben, Grant(((CLEO, READ),)), at(0))
    log = replayed(made, groups({BEN}, {BEN, DORA}))
    assert confirmed.confirmed(log) == [True]
    assert confirmed.wrapped_readers(log) == {ANNA, GROUP, CLEO}
    assert confirmed.unconfirmed(log) == set()


def test_who_left_isnt_unless_a_later_one_names_a_state_in_which_he_was(
    made: SessionMaker,
) -> None:
    made.add(CAST.ben, Grant(((CLEO, READ),)), at(0))
    known = groups({BEN, DORA}, {DORA})
    log = replayed(made, known)
    assert confirmed.confirmed(log) == [False]
    assert confirmed.wrapped_readers(log) == {ANNA, GROUP}
    assert confirmed.unconfirmed(log) == {CLEO}

    later = made.copy()
    later.add(CAST.dora, Grant(((EVE, READ),)), at(0))
    assert confirmed.confirmed(replayed(later, known)) == [True, True]
    made.add(CAST.dora, Grant(((EVE, READ),)), at(1))  # in this state he had left
    assert confirmed.confirmed(replayed(made, known)) == [False, True]


def test_what_follows_from_an_unconfirmed_grant_has_no_effect(made: SessionMaker) -> None:
    made.add(CAST.ben, Grant(((CLEO, READ | FORWARD),)), at(0))
    made.add(CAST.cleo, Grant(((EVE, READ),)))
    log = replayed(made, groups({BEN}, {DORA}))
    assert confirmed.wrapped_readers(log) == {ANNA, GROUP}
    assert confirmed.unconfirmed(log) == {CLEO, EVE}


def test_a_revocation_of_someone_unconfirmed_takes_effect_for_the_others(
    made: SessionMaker,
) -> None:
    made.add(CAST.anna, Grant(((DORA, READ),)))
    made.add(CAST.ben, Grant(((CLEO, READ),)), at(0))
    made.add(CAST.anna, Revoke((CLEO, DORA)))
    log = replayed(made, groups({BEN}, {EVE}))
    assert confirmed.wrapped_readers(log) == {ANNA, GROUP}


def test_an_unconfirmed_revocation_gives_no_key_to_who_was_revoked(made: SessionMaker) -> None:
    made.add(CAST.anna, Grant(((DORA, READ),)))
    made.add(CAST.ben, Revoke((DORA,)), at(0))
    log = replayed(made, groups({BEN}, {EVE}))
    state = confirmed.confirmed_states(log, confirmed.confirmed(log))[-1]
    assert DORA in rights.readers(state.rights)
    assert DORA not in confirmed.wrapped_readers(log)


def test_a_generation_has_all_who_are_readers_without_groups_entries(
    made: SessionMaker, fails: Fails
) -> None:
    made.add(CAST.ben, Grant(((CLEO, READ),)), at(0))
    made.add_wraps(CAST.ben, 1, [CLEO])
    known = groups({BEN})
    for parties, good in (
        ([ANNA, GROUP, CLEO], True),
        ([ANNA, GROUP], True),  # the signer may have known that ben had left
        ([ANNA, CLEO], False),
    ):
        session = made.copy()
        session.generation(CAST.anna, parties)
        log = replayed(session, known)
        if good:
            assert wraps.verify_all(log, session.wraps)[1].by_party.keys() == set(parties)
        else:
            with fails("bad-signature"):
                wraps.verify_all(log, session.wraps)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        (
            "fork",
            lambda made: made.add(
                CAST.ben, Grant(((CLEO, READ),)), Authority(GROUP.group_id, 0, HASHES[1])
            ),
        ),
        ("forbidden", lambda made: made.add(CAST.eve, Grant(((CLEO, READ),)), at(0))),
        (
            "rollback",
            lambda made: (
                made.add(CAST.ben, Grant(((CLEO, READ),)), at(1)),
                made.add(CAST.ben, Grant(((CLEO, READ),)), at(0)),
            ),
        ),
    ],
)
def test_authority(
    code: str, change: Callable[[SessionMaker], object], made: SessionMaker, fails: Fails
) -> None:
    change(made)
    with fails(code):
        replayed(made, groups({BEN}, {BEN}))


def test_a_group_that_is_replayed(fails: Fails) -> None:
    """ben signs for the group while he is a member, and after he was removed."""
    made_group = group(CAST, {CAST.anna: ADMIN, CAST.ben: MEMBER})
    directory = Directory("clinic", [person.objects for person in CAST.people])

    def known() -> Groups:
        made = (made_group.group_id, made_group.genesis, made_group.operations)
        return of_logs([group_replay.replay(*made, directory)])

    def authority(sequence: int) -> Authority:
        return Authority(made_group.group_id, sequence, made_group.hashes[sequence])

    session = CAST.session({ANNA: ALL})
    session.add(CAST.anna, Grant(((Group(made_group.group_id), ALL),)))
    session.add(CAST.ben, Grant(((CLEO, READ),)), authority(0))
    with fails("unknown-group"):
        replayed(session, Groups())
    assert confirmed.confirmed(replayed(session, known())) == [True, True]
    before = known()
    made_group.remove(CAST.anna, CAST.ben)
    log = replayed(session, known())
    assert confirmed.confirmed(log) == [True, False]
    assert confirmed.unconfirmed(log) == {CLEO}

    later = session.copy()
    later.add(CAST.anna, Grant(((EVE, READ),)), authority(1))
    assert confirmed.confirmed(replayed(later, known())) == [True, False, True]
    with fails("rollback"):  # the group's log ends before what the entry names
        replayed(later, before)
    session.add(CAST.ben, Grant(((EVE, READ),)), authority(1))
    with fails("forbidden"):
        replayed(session, known())


def test_two_logs(made: SessionMaker, fails: Fails) -> None:
    other = made.copy()
    one = replayed(made, groups({BEN}))
    replay.compare(one, one)
    made.add(CAST.anna, Grant(((CLEO, READ),)))
    longer = replayed(made, groups({BEN}))
    replay.compare(one, longer)
    other.add(CAST.anna, Grant(((DORA, READ),)))
    with fails("fork"):
        replay.compare(longer, replayed(other, groups({BEN})))
