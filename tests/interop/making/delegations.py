"""`delegation.json`: exchange keys and entities, made from the text alone (SPEC section 18)."""

from __future__ import annotations

import json
from typing import Any

from wardkey_format import base64url, entity
from wardkey_format.entity import Ring
from wardkey_format.entity_content import Content, Of, pad_id
from wardkey_format.entity_form import DELEGATIONS, FOREIGN, KEYS
from wardkey_format.errors import Code
from wardkey_format.member import ADMIN, MEMBER
from wardkey_format.party import Group
from wardkey_format.party import encode as encode_party
from wardkey_format.randomness import draw

from .cast import Cast
from .entries import Entries, Json
from .exchange_maker import ExchangeMaker, right_of, to_group, to_person
from .group_maker import GroupMaker
from .groups import group
from .person import APP, Person

PATHS = ["name", "notes[].text?", "extra.*?"]
PATIENT: Json = {
    "id": "1234",
    "name": "Zoë Ünal 患者",
    "ward": 7,
    "notes": [{"text": "a\u0000b", "at": 1}, {"at": 2.5}, {"text": None}],
    "extra": {"a.b": [1, {"c": True}], "": "→"},
}


def _known(reader: Person, people: list[Person], **changes: Any) -> Json:
    return {
        "app_id": APP,
        "minimum": 1,
        "identities": [person.bundles for person in people],
        "pins": {},
        "escrow_key": None,
        "refuse_first_use": False,
        "groups": [],
        "exchange_keys": [],
        "parties": [encode_party(reader.party).hex()],
        "former": [],
        "keys": reader.private_keys,
        "opened": [],
        "entities": [],
        "manifest": [],
        "wanted": "",
        **changes,
    }


def _member_of(reader: Person, made: GroupMaker, keys: bytes | None, given: Json) -> Json:
    """Somebody who knows a group; with its keys, as a member."""
    log = {
        "group_id": made.group_id.hex(),
        "genesis": made.genesis.hex(),
        "operations": [data.hex() for data in made.operations],
        "keys": keys and keys.hex(),
    }
    parties = [*given["parties"]]
    if keys:
        parties.append(encode_party(Group(made.group_id)).hex())
    return {**given, "groups": [log], "parties": parties}


class _Making:
    def __init__(self) -> None:
        self.entries = Entries()
        self.cast = Cast.new()

    def chain(self, reader: Person, made: ExchangeMaker) -> Json:
        return _known(reader, self.cast.people, exchange_keys=[made.versions()])

    def opens(self, name: str, given: Json, made: ExchangeMaker, *, due: bool = False) -> None:
        expected = {
            "pair": made.pair,
            "versions": [{"key": key.hex(), "error": None} for key in made.keys],
            "head": made.hashes[-1].hex(),
            "due": due,
        }
        self.entries.good("exchange-keys", name, given, expected)

    def fails(self, name: str, given: Json, error: Code) -> None:
        self.entries.bad("exchange-keys", name, given, error)

    # Exchange keys.

    def users(self) -> None:
        anna, ben, cleo, eve = self.cast.anna, self.cast.ben, self.cast.cleo, self.cast.eve
        start = ExchangeMaker(anna.party, ben.party)
        both = [to_person(anna), to_person(ben)]
        made = start.copy().add(anna, both)
        self.opens("by the delegator", self.chain(anna, made), made)
        self.opens("by the delegate, rsa-3072", self.chain(ben, made), made)
        own = ExchangeMaker(cleo.party, cleo.party).add(cleo, [to_person(cleo)])
        self.opens("of one party alone, rsa-4096", self.chain(cleo, own), own)
        for _ in range(3):
            made.add(anna, both)
        self.opens("four versions", self.chain(ben, made), made)
        lost = made.copy().add(anna, both, _11=None)
        self.opens("a version before that was lost", self.chain(anna, lost), lost)
        fields: dict[str, dict[str, Any]] = {
            "a placeholder": {"_3": self.cast.placeholder.cbor()},
            "version 0": {"_4": 0},
            "the key before of another length": {"_11": bytes(105)},
            "an epoch of a user": {"_13": [0, None]},
            "no stanza": {"_12": [], "_13": []},
        }
        for name, changes in fields.items():
            self.fails(name, self.chain(ben, made.copy().add(anna, both, **changes)), "invalid-format")
        others: list[tuple[str, Code, ExchangeMaker]] = [
            ("of another app", "key-mismatch", made.copy().add(anna, both, _1="other")),
            ("a version that doesn't follow", "bad-signature", made.copy().add(anna, both, _4=7)),
            ("after another", "bad-signature", made.copy().add(anna, both, _5=draw(32))),
            ("by the delegate", "bad-signature", made.copy().add(ben, both)),
            ("by somebody else", "bad-signature", made.copy().add(eve, both)),
            ("by the key server", "bad-signature", made.copy().add(self.cast.server, both)),
            ("signed by another key", "bad-signature", made.copy().add(anna, both, seed=eve.seed)),
            ("an older bundle", "rollback", made.copy().add(anna.before_renewal(), both)),
        ]
        for name, error, chain in others:
            self.fails(name, self.chain(ben, chain), error)
        self.fails("between others", self.chain(eve, made), "not-a-recipient")
        seen = made.versions()
        seen["seen"] = [{"sequence": 5, "hash": made.hashes[-1].hex()}]
        self.fails("fewer than seen", {**self.chain(ben, made), "exchange_keys": [seen]}, "rollback")

    def groups(self) -> None:
        anna, ben, dora, eve = self.cast.anna, self.cast.ben, self.cast.dora, self.cast.eve
        ward = group(self.cast, {anna: ADMIN, dora: MEMBER})
        keys = ward.keys(anna, [anna, dora])
        before = ward.copy()
        ward.remove(anna, dora)
        newer = ward.keys(anna, [anna])
        party = Group(ward.group_id)

        to = ExchangeMaker(ben.party, party).add(ben, [to_person(ben), to_group(before)])
        self.opens("for a group", _member_of(dora, before, keys, self.chain(dora, to)), to)
        given = _member_of(anna, ward, newer, self.chain(anna, to))
        self.opens("a new epoch: one is due", given, to, due=True)
        to.add(ben, [to_person(ben), to_group(ward)])
        given = _member_of(anna, ward, newer, self.chain(anna, to))
        self.opens("for the new epoch", given, to)
        self.fails(
            "an epoch beyond the log",
            _member_of(ben, before, None, self.chain(ben, to)),
            "rollback",
        )
        back = to.copy().add(ben, [to_person(ben), to_group(before)])
        self.fails("an epoch before", _member_of(ben, ward, None, self.chain(ben, back)), "rollback")

        of = ExchangeMaker(party, ben.party)
        both = [to_person(ben), to_group(before)]
        made = of.copy().add(dora, both, right_of(before))
        self.opens("of a group", _member_of(ben, before, None, self.chain(ben, made)), made)
        given = _member_of(ben, ward, None, self.chain(ben, made))
        self.opens("who made it has left: one is due", given, made, due=True)
        self.fails("of an unknown group", self.chain(ben, made), "unknown-group")
        left = of.copy().add(dora, [to_person(ben), to_group(ward)], right_of(ward))
        self.fails("by who has left", _member_of(ben, ward, None, self.chain(ben, left)), "forbidden")
        never = of.copy().add(eve, both, right_of(before))
        self.fails("by no member", _member_of(ben, before, None, self.chain(ben, never)), "forbidden")
        alone = of.copy().add(dora, both)
        given = _member_of(ben, before, None, self.chain(ben, alone))
        self.fails("in no group's right", given, "bad-signature")
        next_one = of.copy().add(anna, [to_person(ben), to_group(ward)], right_of(ward))
        next_one.add(dora, [to_person(ben), to_group(ward)], right_of(before))
        given = _member_of(ben, ward, None, self.chain(ben, next_one))
        self.fails("who has left makes the next", given, "rollback")

    # Entities.

    def entities(self) -> None:
        anna, ben, cleo = self.cast.anna, self.cast.ben, self.cast.cleo
        pairs = ["anna→anna", "anna→ben", "ben→cleo"]
        keys = {pair: [draw(32), draw(32)] for pair in pairs}
        opened = [
            {"pair": pair, "versions": [key.hex() for key in both]} for pair, both in keys.items()
        ]

        def read_by(reader: Person, *texts: str, **changes: Any) -> Json:
            given = _known(reader, [], opened=opened, entities=list(texts), keys=[])
            return {**given, **changes}

        rings = {
            one.user_id or "": Ring([one.user_id or ""], [], keys={**keys})
            for one in (anna, ben, cleo)
        }
        plain = json.dumps(PATIENT)
        patient = entity.encrypt(rings["anna"], "anna", ["ben"], "Patient", plain, PATHS)
        contact: Json = {"id": "4567", "name": "her brother", "kind": 1e-9}
        text = json.dumps(contact)
        child = entity.encrypt(rings["anna"], "anna", ["ben"], "Contact", text, PATHS, patient)
        good = self.entities_good(read_by, PATIENT, [])
        good("a patient, by who made it", anna, patient)
        good("a patient, by the delegate", ben, patient)
        shared = entity.share(rings["ben"], patient, ["cleo", "anna", "ben"])
        good("a patient, shared on", cleo, shared)
        assert json.loads(shared)["encryptedSelf"] == json.loads(patient)["encryptedSelf"]
        assert set(json.loads(shared)[KEYS]) == {"anna→anna", "anna→ben", "ben→cleo"}
        changed = {**PATIENT, "name": 5, "rev": "2"}
        again = entity.update(rings["ben"], shared, json.dumps(changed), PATHS)
        self.entities_good(read_by, changed, [])("a patient, changed", cleo, again)
        good = self.entities_good(read_by, contact, ["1234"])
        good("a contact", ben, child)
        good("a contact, shared on", cleo, entity.share(rings["ben"], child, ["cleo"]))
        asked = json.loads(child)["secretForeignKeys"]
        self.entries.good("secret-foreign-keys", "of a patient", read_by(ben, patient), asked)
        other = entity.encrypt(rings["anna"], "anna", ["ben"], "Contact", text, PATHS)
        database = (child, other.replace("4567", "4568"), patient)
        self.entries.good(
            "children",
            "Ben finds the contacts of patient 1234",
            read_by(ben, *database, wanted="1234"),
            {"secret_ids": asked, "found": [contact]},
        )
        self.entries.good(
            "parents",
            "Ben finds the patient of contact 4567",
            read_by(ben, *database, wanted="4567"),
            {"ids": ["1234"], "found": [PATIENT]},
        )
        self.bad_entities(read_by, child, other, patient, rings["anna"])

    def entities_good(self, read_by: Any, plain: Json, parents: list[str]) -> Any:
        def good(name: str, reader: Person, text: str) -> None:
            expected = {"entity": plain, "parents": parents}
            self.entries.good("decrypt", name, read_by(reader, text), expected)

        return good

    def bad_entities(
        self, read_by: Any, child: str, other: str, patient: str, ring: Ring
    ) -> None:
        anna, ben, eve = self.cast.anna, self.cast.ben, self.cast.eve

        def bad(name: str, error: Code, reader: Person = ben, **members: Any) -> None:
            text = json.dumps({**json.loads(child), **members})
            self.entries.bad("decrypt", name, read_by(reader, text), error)

        bad("by a stranger", "not-a-recipient", eve)
        bad("another id", "decryption-failed", id="4568")
        bad("another type", "decryption-failed", entityType="Patient")
        bad("keys of another", "decryption-failed", encryptionKeys=json.loads(other)[KEYS])
        sealed = json.loads(other)["encryptedSelf"]
        bad("content of another", "decryption-failed", encryptedSelf=sealed)
        foreign, delegations = (json.loads(child)[one] for one in (FOREIGN, DELEGATIONS))
        bad("secret ids as parents", "decryption-failed", cryptedForeignKeys=delegations)
        bad("a clear link more", "key-mismatch", secretForeignKeys=["x"])
        bad("no sealed links", "key-mismatch", cryptedForeignKeys={})
        bad("a party with the entity's id", "invalid-argument", id="ben")
        bad("no map", "invalid-format", delegations=[])
        given: Json = json.loads(child)
        for pair in ("eve→dora", "ben→anna"):
            all_maps = (KEYS, FOREIGN, DELEGATIONS)
            maps = {one: {**given[one], pair: given[one]["anna→ben"]} for one in all_maps}
            bad(f"a pair {pair}", "forbidden", **maps)
        more = {**delegations, "ben→cleo": delegations["anna→ben"]}
        bad("other pairs in one map", "forbidden", delegations=more)
        del foreign["anna→ben"]
        bad("a pair less in one map", "forbidden", cryptedForeignKeys=foreign)

        # By who has the entity's key, or the exchange key.
        key = entity.open_entity(ring, child).key
        of = Of("4567", "Contact")
        secret_ids = tuple(given["secretForeignKeys"])
        def content(*members: Any, parents: tuple[str, ...] = ("1234",)) -> Content:
            return Content(members, parents, secret_ids)

        contents: list[tuple[str, Code, Content]] = [
            ("another parent inside", "key-mismatch", content(parents=("5678",))),
            ("no link inside", "key-mismatch", Content((), ("1234",), ())),
            ("a path that begins with a place", "invalid-format", content(((0, "a"), "1"))),
            ("a reserved name inside", "invalid-format", content((("id",), "1"))),
            ("no JSON inside", "invalid-format", content((("a",), "{"))),
            ("a gap", "invalid-format", content((("a", 1, "b"), "1"))),
            ("paths in one another", "invalid-format", content((("a",), "1"), (("a", "b"), "1"))),
        ]
        for name, error, made in contents:
            bad(name, error, encryptedSelf=base64url.encode(made.seal(key, of)))
        sealed_ids: list[tuple[str, Code, bytes]] = [
            ("another parent, sealed", "key-mismatch", pad_id("5678")),
            ("an id that isn't padded", "decryption-failed", pad_id("1234")[:-1] + b"\xff"),
        ]
        for name, error, plain in sealed_ids:
            value = of.seal(FOREIGN, "anna→anna", ring.sealing("anna→anna"), plain)
            maps = {**json.loads(child)[FOREIGN], "anna→anna": [base64url.encode(value)]}
            bad(name, error, anna, cryptedForeignKeys=maps)

    # Manifests.

    def manifests(self) -> None:
        anna = self.cast.anna

        def given(plain: Json, *paths: str) -> Json:
            text = json.dumps(plain)
            return _known(anna, [], keys=[], entities=[text], manifest=list(paths))

        whole = {"id": "1", "a": {"b": [{"c": 1, "d": None}, {"e": 2}]}, "f": True}
        self.entries.good(
            "manifest",
            "arrays and wildcards",
            given(whole, "a.b[].c", "*.g?", "f"),
            {
                "clear": {"id": "1", "a": {"b": [{"d": None}, {"e": 2}]}},
                "sealed": [[["a", "b", 0, "c"], 1], [["f"], True]],
            },
        )
        for name, paths in {
            "a typo": ["g"],
            "an element": ["a.b[]"],
            "the id": ["id"],
            "a star in a name": ["a*"],
        }.items():
            self.entries.bad("manifest", name, given(whole, *paths), "invalid-argument")


def make() -> Entries:
    making = _Making()
    making.users()
    making.groups()
    making.entities()
    making.manifests()
    return making.entries

