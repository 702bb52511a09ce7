"""From a subscription to the statement that reads what is to be told of one row."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import GraphQLError, OperationType
from graphql.execution.values import get_argument_values

from domain.access.viewer import Viewer
from domain.ports import Sql
from graph import live
from graph.globalid import row_id
from graph.perform import Parsed, merged
from graph.plan import Planner
from graph.price import payload_price
from graph.problems import ReadRefused, RequestRefused, plain_text, told
from graph.run import Engine, refused
from graph.sql import Bound, Statement, Writer


@dataclass(frozen=True)
class Told:
    """What is told of a row: the JSON of a whole answer, and how the row stands."""

    body: bytes
    state: str


@dataclass(frozen=True)
class Subscription:
    """A subscription, ready to be read. id: the one row it is about, if it is about one.

    points: what it costs to begin, and each time something is told.
    """

    key: str
    name: str
    id: uuid.UUID | None
    chosen: Mapping[str, frozenset[str]]
    points: int
    _statement: Statement
    _values: Sequence[Mapping[str, Any]]
    _engine: Engine
    _viewer: Viewer

    def wants(self, **row: str) -> bool:
        """Whether a row with these values is among those asked for."""
        return all(row[name] in some for name, some in self.chosen.items() if name in row)

    async def read(self, id: uuid.UUID, sql: Sql) -> Told | None:
        """What is to be told of a row now; None where the viewer may not see it or did not ask for it."""
        bound = self._engine.bound(self._viewer, self._values, id)
        row = await sql.fetchrow(self._statement.text, *self._statement.values(bound))
        if row is None:
            return None
        text, state = (part.decode() if isinstance(part, bytes) else str(part) for part in row)
        return Told(b'{"data":{"%b":%b}}' % (self.key.encode(), text.encode()), state)


def is_subscription(parsed: Parsed) -> bool:
    """Whether the operation is one."""
    return parsed.operation.operation is OperationType.SUBSCRIPTION


def subscription(engine: Engine, parsed: Parsed, viewer: Viewer) -> Subscription:
    """The subscription that was asked for. Raises RequestRefused."""
    try:
        return _planned(engine, parsed, viewer)
    except ReadRefused as error:
        raise RequestRefused([error.error()]) from None
    except GraphQLError as error:
        raise RequestRefused([told(error, "BAD_USER_INPUT")]) from None


def _planned(engine: Engine, parsed: Parsed, viewer: Viewer) -> Subscription:
    root = engine.schema.core.subscription_type
    assert root is not None
    planner = Planner(engine.schema, parsed.fragments, parsed.variables, viewer)
    chosen = planner.collect([parsed.operation.selection_set], root.name)
    if len(chosen) != 1:  # validation counts what is written, not what @skip leaves
        raise refused("GRAPHQL_VALIDATION_FAILED", "a subscription has exactly one field at its root")
    ((key, nodes),) = chosen.items()
    name = nodes[0].name.value
    of = live.ROOTS[name]
    planner.needs(of.scope, name)
    arguments = get_argument_values(root.fields[name], nodes[0], parsed.variables)
    t = engine.schema.types[of.type]
    plan = planner.object(t, merged(nodes))
    filters = {
        given: frozenset(plain_text(one, given) for one in some)
        for given, some in arguments.items()
        if given != "id" and some is not None
    }
    slots = [get_argument_values(*slot, parsed.variables) for slot in planner.plan.slots]
    writer = Writer(viewer.sight)
    alias = writer.alias()
    id = writer.bind(lambda bound: bound.ids[0], "uuid")
    conditions = [f"{alias}.id = {id}", writer.sees(t.kind, alias)]
    for column in filters:
        some = writer.bind(partial(_of, column), "text[]")
        conditions.append(f"{alias}.{column} = any({some})")
    statement = Statement(
        f"select {writer.object(t, plan, alias)}, {alias}.state from {t.kind} {alias} "
        f"where {' and '.join(conditions)}",
        tuple(writer.parameters),
    )
    return Subscription(
        key=key,
        name=name,
        id=row_id(t.kind, arguments["id"]) if "id" in arguments else None,
        chosen=filters,
        points=payload_price(plan),
        _statement=statement,
        _values=[*slots, {column: sorted(some) for column, some in filters.items()}],
        _engine=engine,
        _viewer=viewer,
    )


def _of(column: str, bound: Bound) -> Any:
    return bound.arguments[-1][column]
