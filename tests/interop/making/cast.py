"""The people of the sessions that are made, and one session in which everything happens."""

from __future__ import annotations

from dataclasses import dataclass

from wardkey_format import rights
from wardkey_format.action import Assignment, Grant, Revoke
from wardkey_format.party import Group, Party, Placeholder
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.suite import Suite

from .person import Person
from .session_maker import SessionMaker

READ, FORWARD, REVOKE, ALL = rights.READ, rights.FORWARD, rights.REVOKE, rights.ALL


@dataclass
class Cast:
    anna: Person
    """Creates sessions; has renewed her keys once."""
    ben: Person
    cleo: Person
    dora: Person
    eve: Person
    """Has rights nowhere."""
    server: Person
    placeholder: Placeholder
    group: Group
    group_keys: KeyPair

    @classmethod
    def new(cls) -> Cast:
        anna = Person.new("anna")
        anna.renew()
        server = Person.new(None)
        return cls(
            anna,
            Person.new("ben", Suite.RSA_3072),
            Person.new("cleo", Suite.RSA_4096),
            Person.new("dora"),
            Person.new("eve"),
            server,
            Placeholder("ward 7", server.fingerprint, "ward7@example.org"),
            Group(draw(32)),
            KeyPair.generate(Suite.HYBRID),
        )

    @property
    def people(self) -> list[Person]:
        return [self.anna, self.ben, self.cleo, self.dora, self.eve, self.server]

    def session(self, held: dict[Party, int]) -> SessionMaker:
        """A genesis by anna, with its wraps."""
        made = SessionMaker(self.anna, self.people)
        made.known_keys[self.group] = self.group_keys
        for one in held:
            if isinstance(one, Placeholder):
                made.known_keys[one] = self.server.key_pair
        made.begin(held)
        made.add_wraps(self.anna, 0, [one for one, number in held.items() if number & READ])
        return made

    def whole_session(self, **options: object) -> tuple[SessionMaker, dict[Party, int]]:
        """Every action once at least; and who has which rights at its end."""
        anna, ben, cleo, dora = (p.party for p in (self.anna, self.ben, self.cleo, self.dora))
        made = self.session({anna: ALL, ben: READ | FORWARD, self.placeholder: READ})
        made.add(self.ben, Grant(((cleo, READ),)))
        made.add_wraps(self.ben, 1, [cleo])
        made.add(self.anna, Grant(((dora, READ | FORWARD),)))
        made.add_wraps(self.anna, 2, [dora])
        made.add(self.anna, Revoke((cleo,)))
        made.generation(self.anna, [anna, ben, dora, self.placeholder])
        made.add(self.server, Assignment(self.placeholder, self.group.group_id))
        made.add_wraps(self.server, 5, [self.group])
        made.generation(self.anna, [anna, ben, dora, self.group])
        made.add(self.anna, Grant(((ben, READ | FORWARD | REVOKE),)))
        made.add(self.ben, Revoke((dora,)))
        made.generation(self.ben, [anna, ben, self.group])
        return made, {anna: ALL, ben: READ | FORWARD | REVOKE, self.group: READ}
