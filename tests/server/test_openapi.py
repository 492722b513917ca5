"""The key server's description of itself against what was recorded of the package's client, and against what schemathesis makes of it."""

import json
import os
from pathlib import Path

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

GIVEN = json.loads(Path(os.environ["WARDKEY_OPENAPI"]).read_text())
DESCRIBED = GIVEN["described"]


def closed(schema, is_part=False):
    """A schema without references, that takes no members but those that it names."""
    if "$ref" in schema:
        return closed(DESCRIBED["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], is_part)
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: closed(member) for name, member in made["properties"].items()}
    if isinstance(made.get("items"), dict):
        made["items"] = closed(made["items"])
    for kind in ("oneOf", "anyOf"):
        if kind in made:
            made[kind] = [closed(one, is_part) for one in made[kind]]
    if "allOf" in made:
        made["allOf"] = [closed(one, True) for one in made["allOf"]]
    if not is_part and (made.get("type") == "object" or "allOf" in made):
        made["unevaluatedProperties"] = False
    return made


def problems(schema, value):
    validator = jsonschema_rs.Draft202012Validator(closed(schema))
    return [f"{list(error.instance_path)}: {error.message[:300]}" for error in validator.iter_errors(value)]


def schema_of(asked, status):
    responses = DESCRIBED["paths"][asked["pattern"]][asked["method"].lower()]["responses"]
    answer = responses.get(str(status)) or responses[f"{status // 100}XX"]
    return answer["content"]["application/json"]["schema"]


def test_a_closed_schema_refuses_what_it_does_not_name():
    claim = DESCRIBED["paths"]["/v1/groups/{id}/claims"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    good = {"claimId": "A" * 22, "sentTo": "a•••@example.org"}
    assert problems(claim, good) == []
    assert problems(claim, {**good, "more": 1})
    assert problems(claim, {"sentTo": "a"})
    keys = DESCRIBED["paths"]["/v1/keys"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    opened = {"sessions": [{"error": "revoked"}], "identities": [], "groups": []}
    assert problems(keys, opened) == []
    assert problems(keys, {**opened, "sessions": [{"error": "revoked", "more": 1}]})


def test_what_the_client_asked_and_was_answered():
    assert len(GIVEN["recorded"]) > 50
    found = []
    for asked in GIVEN["recorded"]:
        what = f"{asked['method']} {asked['path']} {asked['status']}"
        assert asked["pattern"], what
        body = DESCRIBED["paths"][asked["pattern"]][asked["method"].lower()].get("requestBody")
        assert (body is None) == (asked.get("body") is None), what
        if body is not None:
            found += [f"{what}, asked: {it}" for it in problems(body["content"]["application/json"]["schema"], asked["body"])]
        found += [f"{what}: {it}" for it in problems(schema_of(asked, asked["status"]), asked["answer"])]
    assert found == []


def refused(ctx, response, case):
    """What the schema doesn't allow isn't done. Lists that are too long are 413, `limit`."""
    return None if response.status_code == 413 else negative_data_rejection(ctx, response, case)


# A stream of events has no end.
schema = schemathesis.openapi.from_dict(DESCRIBED).exclude(path="/v1/events")


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked(case):
    (security,) = case.operation.definition.raw["security"]
    headers = {"Authorization": f"Bearer {GIVEN['tokens'][scheme]}" for scheme in security}
    case.call_and_validate(
        base_url=GIVEN["url"],
        headers=headers,
        timeout=20,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            refused,
        ],
    )


@pytest.mark.parametrize("operation", [one.ok() for one in schema.get_all_operations()], ids=lambda one: one.label)
def test_who_may_ask(operation):
    (security,) = operation.definition.raw["security"]
    body = {"body": {}, "media_type": "application/json"} if "requestBody" in operation.definition.raw else {}
    case = operation.Case(path_parameters={"id": "A" * 43, "claim": "A" * 22}, **body)
    nobody = case.call(base_url=GIVEN["url"])
    if not security:
        assert nobody.status_code != 401
        return
    assert (nobody.status_code, nobody.json()["code"]) == (401, "forbidden")
    (other,) = [token for name, token in GIVEN["tokens"].items() if name not in security]
    assert case.call(base_url=GIVEN["url"], headers={"Authorization": f"Bearer {other}"}).status_code == 403
