"""The rows of an export, read batch by batch from one snapshot under the asker's row rules."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from domain.access.policy import nested
from domain.access.viewer import Viewer
from domain.exports import filters
from domain.exports.columns import Column, Type, figures_join
from domain.ids import encode_id
from domain.ports import SqlPool

BATCH = 500


@dataclass(frozen=True)
class Rows:
    """What is exported. count: how many rows there are."""

    count: int
    _cursor: Any
    _columns: Sequence[Column]

    async def batches(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Every row by its columns' names, some at a time."""
        while rows := await self._cursor.fetch(BATCH):
            yield [
                {column.name: _value(column, row[place]) for place, column in enumerate(self._columns)}
                for row in rows
            ]


class _Asked:
    """Binds values, and writes row rules for the asker. What is not named is not bound."""

    def __init__(self, viewer: Viewer) -> None:
        self.values: list[Any] = []
        self._viewer = viewer
        self._bound: dict[str, str] = {}

    def bind(self, value: Any, cast: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{cast}"

    def sees(self, table: str, alias: str) -> str:
        rule = nested(table, self._viewer.sight)
        known = {
            "viewer": (self._viewer.organization_id, "uuid"),
            "territories": (list(self._viewer.territories or ()), "text[]"),
        }
        for name, (value, cast) in known.items():
            if f"{{{name}}}" in rule and name not in self._bound:
                self._bound[name] = self.bind(value, cast)
        return rule.format(t=alias, **self._bound)


@asynccontextmanager
async def open_rows(
    pool: SqlPool, viewer: Viewer, kind: str, kept: Mapping[str, Any], columns: Sequence[Column]
) -> AsyncIterator[Rows]:
    """The rows of a kind that the viewer may see and the filter takes, by id, as they are at one moment."""
    asked = _Asked(viewer)
    wanted = [asked.sees(kind, "t"), *filters.conditions(kind, dict(kept), asked.bind, asked.sees)]
    where = " and ".join(f"({part})" for part in wanted)
    counted, values = f"select count(*) from {kind} t where {where}", list(asked.values)
    joined = figures_join(kind, columns, asked.sees)
    listed = ", ".join(
        f"f.c{place}" if column.figures else column.sql(asked.sees) for place, column in enumerate(columns)
    )
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        # One statement gives all rows, and the store may be slow between two batches.
        await connection.execute(
            "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = '10min'; "
            "set local jit = off"
        )
        count = await connection.fetchval(counted, *values)
        cursor = await connection.cursor(
            f"select {listed} from {kind} t{joined} where {where} order by t.id", *asked.values
        )
        yield Rows(count, cursor, columns)


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type is Type.ID:
        return encode_id(column.kind, value)
    return orjson.loads(value) if column.type is Type.VALUES else value
