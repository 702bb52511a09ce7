"""Every REST route that reads, and every path that is printed from nothing, for everybody who may ask."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from domain.access.scopes import Access
from domain.ids import encode_id
from domain.row import new_id
from openapi.doors import DOORS, Door, Proof
from openapi.routes import ReadRoute, kebab, plural, read_routes
from tests.matrix import rules
from tests.matrix.callers import (
    COLUMNS,
    FOREIGN,
    GOOD,
    NARROW,
    OWN,
    REFUSED,
    Crowd,
    code_of,
    replaced,
    without,
)
from tests.matrix.ways import CORE, NODES, full, private

READS = read_routes(CORE)
ROWS = frozenset(f"GET /v1{route.path}" for route in READS) | {f"{d.method} {d.path}" for d in DOORS}
CELLS: Counter[str] = Counter()
_GIVEN = {"since": "2026-01-01T00:00:00Z", "query": "Post", "territory": "DE"}
BARRED = {401, 403}
# Where a page sends whoever is not logged in; the consent page goes on to the form itself.
LOG_IN = ("/login", "/oauth/authorize?")
# What is told of one's own organization without a row being there for everybody.
MAY_BE_ABSENT = ("/sessions/{id}", "/rate-limit")


def needs(route: ReadRoute) -> frozenset[str]:
    """The scopes of the root, and of the list that is read of it."""
    found = rules.of_field(CORE, "Query", route.root)
    if route.inner:
        found |= rules.of_field(CORE, _type_of(route), route.inner)
    return found


def _type_of(route: ReadRoute) -> str:
    assert CORE.query_type is not None
    return str(getattr(CORE.query_type.fields[route.root].type, "name", ""))


def kind_of(route: ReadRoute) -> str:
    """Of what kind the id in the path is."""
    by_path = {plural(kebab(name[:1].lower() + name[1:])): kind for name, kind in NODES.items()}
    return by_path.get(route.path.split("/")[1], "recording")


def get(
    crowd: Crowd, brought: dict[str, str], route: ReadRoute, id: str, /, **more: Any
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Read a route: status, body and headers."""
    query = {p.name: _GIVEN.get(p.name, id) for p in route.parameters if p.required}
    answer = crowd.call(brought, "GET", f"/v1{route.path.replace('{id}', id)}", id, params=query, **more)
    return answer.status_code, (answer.json() if answer.content else {}), dict(answer.headers)


def knock(crowd: Crowd, headers: dict[str, str], door: Door) -> tuple[int, str]:
    """Come to a door with nothing but a credential: status, and where it leads or its code."""
    if door.method == "WS":
        return crowd.shake_hands(headers)
    path = door.path.replace("{id}", str(new_id())).replace("{code}", "NOT_FOUND")
    path = path.replace("{sha256}", "ab" * 32).replace("{ticket}", "ticket")
    path = path.replace("/static/graphiql/*", "/static/graphiql/nothing").replace("/*", "/nothing")
    more: dict[str, Any] = {"follow_redirects": False}
    if door.path == "/graphql":
        query = {"query": "{ __typename }"}
        more |= {"json": query} if door.method == "POST" else {"params": query}
    elif door.method == "POST":
        more["data"] = {}
        more["headers"] = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = crowd.call(headers, door.method, path, **more)
    if "json" in answer.headers.get("content-type", "") and isinstance(told := answer.json(), dict):
        return answer.status_code, code_of(told)
    return answer.status_code, answer.headers.get("location", "")


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """Say how many cells there were."""
    yield
    print(f"\nmatrix of routes: {sum(CELLS.values()):,} cells in {len(CELLS)} columns")


def judged(column: str, cells: set[str]) -> None:
    """Every row has its cell in this column."""
    assert cells == ROWS, sorted(ROWS - cells)
    CELLS[column] = len(cells)


def doors(crowd: Crowd, column: str, headers: dict[str, str]) -> set[str]:
    """Judge a column at every door."""
    cells = set()
    for door in DOORS:
        if "logout" in door.path and column == "session":
            cells.add(f"{door.method} {door.path}")  # last of all, in its own test
            continue
        status, said = knock(crowd, headers, door)
        where = (column, door.method, door.path, status, said[:300])
        let_in = {
            Proof.NONE: True,
            Proof.CALLER: column not in REFUSED,
            Proof.TOKEN: False,  # none of the columns holds a token with the scope `openid`
            Proof.SESSION: column == "session",
            Proof.CLIENT: False,
            Proof.SIGNATURE: False,
            Proof.LINK: False,
        }[door.proof]
        if door.proof is Proof.NONE:
            # What is public never asks who is there; a log-in refuses the password, not the visitor.
            assert said not in ("AUTH_REQUIRED", "INSUFFICIENT_SCOPE"), where
        elif let_in:
            assert said != "AUTH_REQUIRED", where
            # No outside provider is set here, so that way leads back to the form.
            assert not said.startswith("/login") or "/oidc/" in door.path, where
        else:
            assert status >= 400 or said.startswith(LOG_IN), where
        cells.add(f"{door.method} {door.path}")
    return cells


@pytest.mark.parametrize("column", OWN)
def test_people_of_the_organization(crowd: Crowd, column: str) -> None:
    """What the role may read is there; what it may not is refused before anything is looked up."""
    headers, held = crowd.brings(column), GOOD[column][1]
    cells = doors(crowd, column, headers)
    for route in READS:
        status, body, told = get(crowd, headers, route, full(crowd.planted.world, kind_of(route)))
        where = (column, route.path, status, body)
        if needs(route) <= held:
            absent = status == 404 and route.path.startswith(MAY_BE_ABSENT)
            assert status == 200 or absent, where
            assert absent or told["etag"]
        else:
            assert (status, body["code"]) == (403, "INSUFFICIENT_SCOPE"), where
        cells.add(f"GET /v1{route.path}")
    judged(column, cells)


@pytest.mark.parametrize("column", FOREIGN)
def test_people_of_other_organizations(crowd: Crowd, column: str) -> None:
    """Our rows are not found, in the very words that an absent one is told in; no ETag tells them apart."""
    headers, held = crowd.brings(column), GOOD[column][1]
    cells = doors(crowd, column, headers)
    for route in READS:
        kind = kind_of(route)
        id, nobody = private(crowd.planted.world, kind), encode_id(kind, new_id())
        status, body, _ = get(crowd, headers, route, id)
        where = (column, route.path, status, body)
        if not needs(route) <= held:
            assert (status, body["code"]) == (403, "INSUFFICIENT_SCOPE"), where
        elif route.by_id and not (column == "operator's admin" and kind.startswith("organization")):
            assert (status, body["code"]) == (404, "NOT_FOUND"), where
            absent = get(crowd, headers, route, nobody)
            assert (absent[0], replaced(absent[1], nobody)) == (status, replaced(body, id)), where
            _, _, ours = get(crowd, crowd.brings("admin"), route, id)
            for known in ("*", ours.get("etag", '"1"')):
                again = get(crowd, headers, route, id, headers={"If-None-Match": known})
                assert (again[0], "etag" in again[2]) == (404, False), where
        else:
            assert status == 200 or body.get("code") == "NOT_FOUND", where  # crowd.call looked through it
        cells.add(f"GET /v1{route.path}")
    judged(column, cells)


@pytest.mark.parametrize("column", REFUSED)
def test_whoever_is_nobody(crowd: Crowd, column: str) -> None:
    """Without a good credential there is no answer, whatever is there."""
    headers = crowd.brings(column)
    cells = doors(crowd, column, headers)
    for route in READS:
        status, body, told = get(crowd, headers, route, full(crowd.planted.world, kind_of(route)))
        assert (status, body["code"], "etag" in told) == (401, REFUSED[column], False), (route.path, body)
        assert "www-authenticate" in told or column in ("logged-out session",), route.path
        cells.add(f"GET /v1{route.path}")
    judged(column, cells)


def test_all_but_the_needed_scope(crowd: Crowd) -> None:
    """A token that lacks a scope is refused each route that needs it."""
    cells = doors(crowd, NARROW[0], crowd.narrow(()))
    for route in READS:
        id = full(crowd.planted.world, kind_of(route))
        for scope in needs(route):
            status, body, _ = get(crowd, crowd.narrow(without(scope)), route, id)
            assert (status, body["code"]) == (403, "INSUFFICIENT_SCOPE"), (route.path, scope, body)
        if not needs(route):
            status, body, _ = get(crowd, crowd.narrow(()), route, id)
            assert status == 200 or route.path.startswith(MAY_BE_ABSENT), (route.path, body)
        cells.add(f"GET /v1{route.path}")
    judged(NARROW[0], cells)


def test_only_the_needed_scope(crowd: Crowd) -> None:
    """A token with nothing beyond the needed scopes reads what a route shows unless told otherwise."""
    cells = doors(crowd, NARROW[1], crowd.narrow({"catalog:read"}))
    for route in READS:
        needed = needs(route)
        headers = crowd.narrow(needed or {"catalog:read"}, operator="system:admin" in needed)
        status, body, _ = get(crowd, headers, route, full(crowd.planted.world, kind_of(route)))
        absent = route.path.startswith(MAY_BE_ABSENT) or "system:admin" in needed
        assert status == 200 or absent, (route.path, sorted(needed), body)
        cells.add(f"GET /v1{route.path}")
    judged(NARROW[1], cells)


def test_each_door_declares_what_it_asks() -> None:
    assert all((door.proof is Proof.NONE) == (door.access is Access.PUBLIC) for door in DOORS)
    assert set(GOOD) | set(REFUSED) | set(NARROW) == set(COLUMNS)


def test_a_session_ends_by_its_own_request(crowd: Crowd) -> None:
    """The last of the doors: whoever logs out was let in, and is nobody afterwards."""
    headers = crowd.brings("session")
    assert crowd.call(headers, "POST", "/auth/logout", follow_redirects=False).status_code < 400
    answer = crowd.call(headers, "GET", "/v1/viewer")
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED")


def test_no_cell_is_unasserted() -> None:
    """Every row was judged in every column, when all of this file has run."""
    if set(CELLS) != set(COLUMNS):
        pytest.skip("only a part of the columns was asked for")
    assert sum(CELLS.values()) == len(ROWS) * len(COLUMNS)
