"""Nothing is open by omission: a field, a command or a path that says nothing stops the build."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, GraphQLString, build_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import api.app
from api.app import create_app
from api.health import health_routes
from api.settings import Settings
from domain.access.scopes import Access, Scope
from domain.command import COMMANDS
from graph.declared import WITH_ITS_HOLDER, Undeclared, declarations
from graph.schema import schema
from openapi import doors


async def _endpoint(_: Request) -> Response:
    return Response()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_folder=tmp_path)


def test_every_path_that_is_served_is_declared(settings: Settings) -> None:
    create_app(settings)  # raises doors.Undeclared, which names the path and the file to declare it in


@pytest.mark.parametrize(
    "route",
    [Route("/secret", _endpoint), Route("/login", _endpoint, methods=["PUT"])],
    ids=["path", "method"],
)
def test_a_path_nobody_declared_stops_the_server(
    settings: Settings, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = health_routes
    monkeypatch.setattr(api.app, "health_routes", lambda given: [*health(given), route])
    with pytest.raises(doors.Undeclared, match=f"{route.path}: served, but not declared"):
        create_app(settings)


def test_a_declaration_that_is_not_served_stops_the_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.app, "health_routes", lambda _: [])
    with pytest.raises(doors.Undeclared, match=r"/livez, GET /readyz: declared .* not served"):
        create_app(settings)


def test_each_door_says_why_and_what_is_shown_there() -> None:
    for door in doors.DOORS:
        assert door.why.endswith(".")
        assert (door.access is Access.PUBLIC) == (door.proof is doors.Proof.NONE)


def test_every_field_of_the_schema_is_declared() -> None:
    whole = schema()
    for name, type_ in whole.core.type_map.items():
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            assert set(type_.fields) == set(whole.needed[name]), name
    for name, t in whole.types.items():
        said = {one for needed in whole.needed[name].values() for one in needed}
        assert all(isinstance(one, Scope) or one is Access.SIGNED_IN for one in said), name
        assert WITH_ITS_HOLDER not in whole.needed[name].values()
        assert isinstance(t.scope, Scope) or t.scope is Access.SIGNED_IN
    for operation in ("Query", "Mutation"):
        for needed in whole.needed[operation].values():
            assert len(needed) == 1
            assert Access.PUBLIC not in needed, "nothing of the graph is for everybody"


def _without(root: str) -> dict[str, Any]:
    roots: dict[str, Any] = dict(schema().roots)
    return {**roots, root: dataclasses.replace(roots[root], scope=None)}


@pytest.mark.parametrize("root", ["node", "recording", "search", "viewer", "changes"])
def test_a_root_without_a_scope_stops_the_build(root: str) -> None:
    whole = schema()
    with pytest.raises(Undeclared, match=rf"Query\.{root} declares no scope"):
        declarations(whole.core, whole.types, _without(root))


def test_a_command_without_a_scope_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = schema()
    silent = dataclasses.replace(COMMANDS["create_work"], scope=None)  # type: ignore[arg-type]
    monkeypatch.setitem(COMMANDS, "create_work", silent)
    with pytest.raises(Undeclared, match=r"Mutation\.createWork declares no scope"):
        declarations(whole.core, whole.types, whole.roots)


def test_a_field_put_into_the_schema_by_hand_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = schema()
    work = whole.core.type_map["Work"]
    assert isinstance(work, GraphQLObjectType)
    monkeypatch.setitem(work.fields, "secret", GraphQLField(GraphQLString))
    with pytest.raises(Undeclared, match=r"Work\.secret: no declaration"):
        declarations(whole.core, whole.types, whole.roots)


def test_a_subscription_needs_a_scope_too() -> None:
    core = build_schema("type Query { a: Int } type Subscription { changed: Int }")
    roots: dict[str, Any] = {"a": Marked(Scope.CATALOG_READ)}
    with pytest.raises(Undeclared, match=r"Subscription\.changed declares no scope"):
        declarations(core, {}, roots)
    found = declarations(core, {}, {**roots, "changed": Marked(Scope.AUDIT_READ)})
    assert found["Subscription"] == {"changed": (Scope.AUDIT_READ,)}


@dataclasses.dataclass
class Marked:
    """A root that declares a scope."""

    scope: Scope
