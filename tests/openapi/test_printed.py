"""The committed interface files: current, valid, and breaking nobody."""

import json
from typing import Any

import pytest
from graphql import build_schema, validate_schema
from openapi_spec_validator import OpenAPIV31SpecValidator

from domain.command import COMMANDS
from openapi.breaks import earlier, meant, route_breaks, schema_breaks
from openapi.generate import printed


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return {path.name: content.decode() for path, content in printed().items()}


def test_the_committed_files_are_current(files: dict[str, str]) -> None:
    assert set(files) == {"openapi.json", "schema.graphql", "access.md"}
    for path, content in printed().items():
        assert path.read_bytes() == content, f"{path.name} is stale: run `python -m openapi.generate`"


def test_both_documents_are_valid(files: dict[str, str]) -> None:
    OpenAPIV31SpecValidator(json.loads(files["openapi.json"])).validate()
    assert not validate_schema(build_schema(files["schema.graphql"]))


def test_properties_and_parameters_say_what_they_are(files: dict[str, str]) -> None:
    document = json.loads(files["openapi.json"])
    figure = document["components"]["schemas"]["AudioFeature"]["properties"]
    report = document["components"]["schemas"]["ModelReport"]["properties"]
    assert "LUFS" in figure["name"]["description"]
    assert "calibrated" in figure["confidence"]["description"]
    assert [name for name, one in {**figure, **report}.items() if not one.get("description")] == []
    silent = [
        f"{verb} {path}: {one['name']}"
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        for one in operation["parameters"]
        if "$ref" not in one and not one.get("description")
    ]
    assert not silent


def test_no_caller_is_broken_unless_it_is_meant(files: dict[str, str]) -> None:
    schema, routes = earlier("schema.graphql"), earlier("openapi.json")
    if schema is None or routes is None:
        pytest.skip("no repository, or nothing printed before: there is nothing to compare with")
    found = schema_breaks(schema, files["schema.graphql"])
    found += route_breaks(json.loads(routes), json.loads(files["openapi.json"]))
    assert not set(found) - meant(), "name a break that is meant in openapi/breaks.txt"


def test_breaks_are_found() -> None:
    old = "type Query { a: Int b(x: Int): String }"
    new = "type Query { b(x: Int, y: Int!): String }"
    assert schema_breaks(old, new) == [
        "FIELD_REMOVED: Field Query.a was removed.",
        "REQUIRED_ARG_ADDED: A required argument Query.b(y:) was added.",
    ]
    body = {"requestBody": {"content": {"application/json": {"schema": {"required": ["title"]}}}}}
    was: dict[str, Any] = {"paths": {"/a": {"get": {}, "post": {}}, "/b": {"get": {}}}}
    now: dict[str, Any] = {
        "paths": {"/a": {"get": {"parameters": [{"name": "q", "required": True}]}, "post": body}}
    }
    assert route_breaks(was, now) == [
        "INPUT_REQUIRED: GET /a now needs q.",
        "INPUT_REQUIRED: POST /a now needs title.",
        "ROUTE_REMOVED: GET /b was removed.",
    ]


def test_every_command_has_its_doors(files: dict[str, str]) -> None:
    document, schema = json.loads(files["openapi.json"]), build_schema(files["schema.graphql"])
    operations = {
        operation["operationId"] for methods in document["paths"].values() for operation in methods.values()
    }
    assert schema.mutation_type is not None
    for command in COMMANDS.values():
        head, *rest = command.name.split("_")
        name = head + "".join(part.capitalize() for part in rest)
        assert name in operations
        payload = schema.mutation_type.fields[name].type
        assert [interface.name for interface in payload.interfaces] == ["Payload"]
