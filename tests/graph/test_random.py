"""Queries made at random from the schema, answered by both paths. A failing test's name has its seed."""

import json
import random
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from domain.inputs import camel
from graph.bind import TYPES, Expression, GraphType, Many, One
from graph.run import Engine
from tests.factories import THEIRS, World, administrator
from tests.graph import executor
from tests.graph.conftest import KEY
from tests.graph.test_differential import differences

ROOTS = [t for t in TYPES.values() if t.plural]
SEEDS = range(60)
TEXTS = ("p", "Page", "PÄGE", "b", "%", "100%", "'", '"', "\\", "post", "", "s", "ü")
PAGE_INFO = ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor", "__typename")


@dataclass
class Maker:
    """Makes one query."""

    chance: random.Random
    world: World
    fields: int = 60
    has_nodes: bool = False

    def query(self) -> str:
        """Some roots under aliases."""
        roots = [self.root(f"r{place}") for place in range(self.chance.randint(1, 3))]
        return "{ " + " ".join(roots) + " }"

    def root(self, alias: str) -> str:
        """A list, one, or a node."""
        t = self.chance.choice(ROOTS)
        shape = self.chance.choice(("page", "page", "one", "nodes"))
        if shape == "page":
            return f"{alias}: {t.plural}({self.page(t)}) {self.connection(t, 3)}"
        if shape == "one":
            return f'{alias}: {t.one_name}(id: "{self.id(t)}") {self.object(t, 3)}'
        if self.has_nodes:  # its fragments take aliases, of which a document has few
            return f"{alias}: {t.plural}({self.page(t)}) {self.connection(t, 3)}"
        self.has_nodes = True
        ids = " ".join(f'"{self.id(self.chance.choice(ROOTS))}"' for _ in range(self.chance.randint(0, 5)))
        fragments = " ".join(
            f"... on {each.name} {self.object(each, 2, each.name)}" for each in self.chance.sample(ROOTS, 3)
        )
        return f"{alias}: nodes(ids: [{ids}]) {{ id __typename {fragments} }}"

    def id(self, t: GraphType) -> str:
        """The id of some planted row of a type."""
        return self.world.id(self.chance.choice(self.world.named(t.kind)))

    def page(self, t: GraphType) -> str:
        """Arguments of a root list."""
        size = self.chance.choice((1, 2, 5, 50))
        parts = [f"{self.chance.choice(('first', 'last'))}: {size}"]
        order = self.chance.choice(list(t.orders)).upper()
        parts.append(f"orderBy: {order}_{self.chance.choice(('ASC', 'DESC'))}")
        tests: list[str] = []
        if t.label in ("title", "name") and self.chance.random() < 0.5:
            test = self.chance.choice(("equals", "startsWith", "contains"))
            tests.append(f"{t.label}: {{{test}: {json.dumps(self.chance.choice(TEXTS))}}}")
        if "visibility" in t.table.columns and self.chance.random() < 0.3:
            tests.append(f'visibility: ["{self.chance.choice(("public", "private"))}"]')
        if self.chance.random() < 0.2:
            tests.append("ids: [" + " ".join(f'"{self.id(t)}"' for _ in range(6)) + "]")
        return ", ".join([*parts, f"filter: {{{', '.join(tests)}}}"])

    def connection(self, t: GraphType, depth: int) -> str:
        """Some parts of a page, in any order."""
        infos = " ".join(self.chance.sample(PAGE_INFO, self.chance.randint(0, 5)))
        parts = [
            "__typename",
            "totalCount",
            f"pageInfo {{ {infos} }}",
            f"nodes {self.object(t, depth)}",
            f"edges {{ cursor node {self.object(t, depth)} }}",
        ]
        return "{ " + " ".join(self.chance.sample(parts, self.chance.randint(1, 4))) + " }"

    def object(self, t: GraphType, depth: int, prefix: str = "") -> str:
        """Some fields of a type. prefix: keeps the fields of several types apart."""
        names = self.chance.sample(list(t.bindings), min(len(t.bindings), self.chance.randint(1, 6)))
        parts = ["__typename"] if self.chance.random() < 0.2 else []
        for name in names:
            self.fields -= 1
            binding, own = t.bindings[name], camel(name)
            alias = f"{prefix.lower()}_{name}: " if prefix else ""
            if not isinstance(binding, One | Many):
                takes = isinstance(binding, Expression) and binding.takes
                parts.append(alias + own + ('(territory: "DE", at: "2026-01-01T12:00:00Z")' if takes else ""))
            elif depth and self.fields > 0:
                target = TYPES[binding.type]
                if isinstance(binding, Many) and binding.paged:
                    way = self.chance.choice(("first", "last"))
                    inner = self.connection(target, depth - 1)
                    parts.append(f"{alias}{own}({way}: {self.chance.randint(1, 3)}) {inner}")
                else:
                    parts.append(f"{alias}{own} {self.object(target, depth - 1)}")
        return "{ " + " ".join(parts or ["__typename"]) + " }"


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_random_query_is_answered_alike(
    seed: int, engine: Engine, plain: "asyncpg.Connection[asyncpg.Record]", world: World
) -> None:
    document = Maker(random.Random(seed), world).query()
    of = administrator(THEIRS) if seed % 3 == 2 else administrator()
    answer = await engine.execute(document, None, of)
    assert answer.statements == 1
    expected: Any = json.loads(json.dumps(await executor.run(document, None, of, plain, KEY)))
    assert differences(json.loads(answer.body), {"data": expected}) == [], document
