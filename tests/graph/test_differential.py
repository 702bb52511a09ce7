"""The compiled answer and the reference executor's, for every query of the folder and several viewers."""

import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from graphql import TypeInfo, TypeInfoVisitor, Visitor, parse, visit

from domain.access.scopes import Access, Role, Scope
from domain.access.viewer import Viewer
from domain.row import metadata
from graph import served
from graph.bind import TYPES, Column, GraphType, Served
from graph.run import Engine, RequestRefused
from graph.schema import schema
from tests.factories import OURS, PARTNER, THEIRS, World, administrator, viewer
from tests.graph import executor
from tests.graph.conftest import KEY

QUERIES = Path(__file__).parent / "queries"
NAMES = sorted(path.stem for path in QUERIES.glob("*.graphql"))
VIEWERS = {
    "owner": viewer(),
    "other": viewer(THEIRS),
    "stranger": viewer(executor.NO_ID, role=Role.API_USER),
    "catalog only": viewer(OURS, [Scope.CATALOG_READ]),
    "partner": viewer(PARTNER),
    "partner in Germany": viewer(PARTNER, territories=("DE",)),
    "partner in France": viewer(PARTNER, territories=("FR", "IT")),
    "owner in France": viewer(OURS, territories=("FR",)),
    "stranger nowhere": viewer(executor.NO_ID, territories=()),
    "administrator": administrator(),
    "operator": administrator(THEIRS, system=True),
}


def variables_of(name: str, world: World) -> list[dict[str, Any]]:
    """The variables of a query, one set or several; `@name` stands for the id of the row of that name."""
    path = QUERIES / f"{name}.variables.json"
    if not path.exists():
        return [{}]
    found = _with_ids(json.loads(path.read_text()), world)
    return found if isinstance(found, list) else [found]


def document_of(name: str, world: World) -> str:
    """The text of a query, ids put in."""
    text = (QUERIES / f"{name}.graphql").read_text()
    return re.sub(r'"@([^"]+)"', lambda found: json.dumps(world.id(found[1])), text)


def _with_ids(value: Any, world: World) -> Any:
    if isinstance(value, dict):
        return {key: _with_ids(inner, world) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_ids(inner, world) for inner in value]
    return world.id(value[1:]) if isinstance(value, str) and value.startswith("@") else value


@pytest.mark.parametrize("who", VIEWERS)
@pytest.mark.parametrize("name", NAMES)
async def test_both_paths_give_the_same(
    name: str, who: str, engine: Engine, plain: "asyncpg.Connection[asyncpg.Record]", world: World
) -> None:
    of, document = VIEWERS[who], document_of(name, world)
    for variables in variables_of(name, world):
        if missing := needed(document) - set(of.granted):
            with pytest.raises(RequestRefused) as refused:
                await engine.execute(document, variables, of)
            assert refused.value.code == "INSUFFICIENT_SCOPE", missing
            continue
        answer = await engine.execute(document, variables, of)
        assert answer.statements == 1
        expected = await executor.run(document, variables, of, plain, KEY)
        told = json.loads(json.dumps(expected))
        assert differences(json.loads(answer.body), {"data": told}) == []


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where two answers differ, keys in their order included."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if list(ours) != list(theirs):
            return [f"{path}: keys {list(ours)} != {list(theirs)}"]
        return [found for key in ours for found in differences(ours[key], theirs[key], f"{path}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [f"{path}: {len(ours)} rows != {len(theirs)} rows: {ours} != {theirs}"]
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [found for place, (a, b) in pairs for found in differences(a, b, f"{path}[{place}]")]
    same = ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)
    return [] if same else [f"{path}: {ours!r} != {theirs!r}"]


def needed(document: str) -> set[Scope | Access]:
    """The scopes of everything that a document names."""
    found: set[Scope | Access] = set()
    info = TypeInfo(schema().core)

    class Walk(Visitor):
        def enter_field(self, node: Any, *_: Any) -> None:
            parent, name = info.get_parent_type(), node.name.value
            if parent is None or name == "__typename":
                return
            if parent.name == "Query":
                root = schema().roots[name]
                found.update({root.scope} if isinstance(root.scope, Scope) else set())
            elif parent.name in TYPES:
                t = TYPES[parent.name]
                own, binding = schema().binding(t.name, name)
                found.update({t.scope, t.scope_of(own)})
                if target := getattr(binding, "type", None):
                    found.add(TYPES[target].scope)

    visit(parse(document), TypeInfoVisitor(info, Walk()))
    return found - set(Access)


def test_the_fields_that_fall_back_are_these_and_no_others() -> None:
    fallbacks = {name for name, root in schema().roots.items() if isinstance(root, Served)}
    assert fallbacks == set(served.ROOTS)
    of_others = {"availability", "availabilities", "coverage", "retentionPlan", "erasurePlan", "erasures"}
    of_the_house = {"viewer", "systemSettings", "rateLimit", "tiers", "jobLanes", "alertRules"}
    of_models = {"models", "modelReport", "modelDecisions", "modelPermission"}
    found = {"changes", "updates", "provenance", "similarTo"}
    assert fallbacks == found | of_the_house | of_others | of_models
    assert not any(isinstance(b, Served) for t in TYPES.values() for b in t.bindings.values())


def test_the_queries_ask_every_field_of_every_type_and_every_root() -> None:
    asked: dict[str, set[str]] = {}
    info = TypeInfo(schema().core)

    class Walk(Visitor):
        def enter_field(self, node: Any, *_: Any) -> None:
            parent = info.get_parent_type()
            assert parent is not None
            asked.setdefault(parent.name, set()).add(node.name.value)

    for name in NAMES:
        visit(parse((QUERIES / f"{name}.graphql").read_text()), TypeInfoVisitor(info, Walk()))
    query = schema().core.query_type
    assert query
    roots = {name for name in query.fields if name not in (*served.ROOTS, "search")}
    assert roots - asked["Query"] == set()
    for t in TYPES.values():
        core = schema().core.type_map[t.name]
        assert set(core.fields) - asked.get(t.name, set()) == set(), t.name  # type: ignore[attr-defined]


IN_TABLES = {name: t for name, t in TYPES.items() if t.table.metadata is metadata}


@pytest.mark.parametrize("t", IN_TABLES.values(), ids=IN_TABLES)
async def test_every_nullable_column_is_null_in_one_row_and_filled_in_another(
    t: GraphType, plain: "asyncpg.Connection[asyncpg.Record]", world: World
) -> None:
    nullable = [
        binding.name
        for binding in t.bindings.values()
        if isinstance(binding, Column) and t.table.columns[binding.name].nullable
    ]
    for name in nullable:
        found = await plain.fetch(f"select distinct {name} is null as empty from {t.kind}")
        assert {row["empty"] for row in found} == {True, False}, name


def test_each_viewer_is_another(world: World) -> None:
    assert isinstance(VIEWERS["owner"], Viewer)
    assert len({(v.organization_id, v.shape, v.territories) for v in VIEWERS.values()}) == len(VIEWERS)
