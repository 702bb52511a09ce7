"""Many commands as one change set, and what a change set did."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.access.scopes import Scope
from domain.command import COMMANDS, Outcome, command
from domain.inputs import camel, parse, snake
from domain.kinds import KINDS
from domain.ports import Sql
from domain.refusals import (
    InputInvalid,
    NotFound,
    ReferenceMissing,
    Refusal,
    ScopeMissing,
    StillReferred,
    TooMany,
)
from domain.types import AnyJson
from domain.work import Work

MOST_STEPS = 1_000


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a change list.

    alias: names what it makes; '@alias' stands for its id in later steps.
    """

    command: str
    input: AnyJson
    alias: str | None = None


@dataclass(frozen=True, kw_only=True)
class ApplyChanges:
    """Commands to apply together, in order: all of them or none."""

    changes: list[Step]
    dry_run: bool = False
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Touched:
    """The entity a step speaks of."""

    command: str
    kind: str
    id: str
    alias: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeDiff:
    """What a change set does to one entity. diff: {field: [old, new]}; for lists [removed, added]."""

    id: str
    kind: str
    op: str
    version_before: int | None
    version_after: int | None
    diff: AnyJson


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The effect of a change list, step by step and entity by entity."""

    applied: bool
    results: list[Touched] = field(default_factory=list)
    diffs: list[ChangeDiff] = field(default_factory=list)


def _weight(ask: ApplyChanges) -> int:
    """The points of the steps."""
    steps = (COMMANDS.get(snake(step.command)) for step in ask.changes)
    return sum(step.cost for step in steps if step is not None)


@command(
    scope=Scope.CATALOG_WRITE,
    route="POST /changes",
    returns="change_set",
    cost=50,
    weigh=_weight,
    refuses=(NotFound, ReferenceMissing, StillReferred, TooMany),
    value=Changes,
)
async def apply_changes(ask: ApplyChanges, work: Work) -> Outcome:
    """Apply 1 to 1,000 commands as one change set; a dry run gives the diff and writes nothing."""
    if not 1 <= len(ask.changes) <= MOST_STEPS:
        raise TooMany(f"{len(ask.changes)} changes were given; 1 to {MOST_STEPS} will do", path=("changes",))
    aliases: dict[str, str] = {}
    results: list[Touched] = []
    for place, step in enumerate(ask.changes):
        at: tuple[str | int, ...] = ("changes", place)
        work.origin = (*at, "input")
        try:
            outcome = await _apply(step, work, aliases)
        except Refusal as refusal:
            refusal.path = (*at, *refusal.path)
            raise
        results += [
            Touched(command=step.command, kind=outcome.kind, id=str(id), alias=step.alias)
            for id in outcome.ids
        ]
        if step.alias is not None:
            if step.alias in aliases:
                raise InputInvalid(f"alias {step.alias!r} is given twice", path=(*at, "alias"))
            aliases[step.alias] = str(outcome.ids[0])
    work.origin = ()
    await work.flush()
    if ask.reason:
        await work.connection.execute(
            "update change_set set reason = $2 where id = $1", work.change_set_id, ask.reason
        )
    diffs = await diff_of(work.connection, work.change_set_id)
    value = Changes(applied=not ask.dry_run, results=results, diffs=diffs)
    return Outcome("change_set", (work.change_set_id,), value=value, dry_run=ask.dry_run)


async def _apply(step: Step, work: Work, aliases: Mapping[str, str]) -> Outcome:
    found = COMMANDS.get(snake(step.command))
    if found is None or found.returns not in KINDS:
        names = ", ".join(sorted(camel(name) for name, entry in COMMANDS.items() if entry.returns in KINDS))
        raise InputInvalid(
            f"{step.command!r} is no command for a change list; there are {names}", path=("command",)
        )
    if not work.viewer.may(found.scope):
        raise ScopeMissing(f"{found.name} needs the scope {found.scope}", path=("command",))
    try:
        return await found.handler(parse(found.ask, step.input, (), aliases), work)
    except Refusal as refusal:
        refusal.path = ("input", *refusal.path)
        raise


async def diff_of(sql: Sql, change_set_id: uuid.UUID) -> list[ChangeDiff]:
    """The effect of a change set on each entity, its change rows folded in their order."""
    rows = await sql.fetch(
        "select kind, entity_id, op, version_before, version_after, diff from change "
        "where change_set_id = $1 order by seq",
        change_set_id,
    )
    folded: dict[uuid.UUID, dict[str, Any]] = {}
    for row in rows:
        entry = folded.setdefault(
            row["entity_id"],
            {
                "kind": row["kind"],
                "op": row["op"],
                "before": row["version_before"],
                "after": None,
                "diff": {},
            },
        )
        if row["version_after"] is not None:
            entry["after"] = row["version_after"]
        _fold(entry["diff"], json.loads(row["diff"]))
    return [
        ChangeDiff(
            id=str(id),
            kind=entry["kind"],
            op=entry["op"],
            version_before=entry["before"],
            version_after=entry["after"],
            diff=entry["diff"],
        )
        for id, entry in folded.items()
    ]


def _fold(into: dict[str, Any], diff: Mapping[str, Any]) -> None:
    for name, (old, new) in diff.items():
        if name not in into:
            into[name] = [old, new]
        elif _is_values(old) or _is_values(new):
            into[name] = [[*(into[name][0] or []), *(old or [])], [*(into[name][1] or []), *(new or [])]]
        else:
            into[name][1] = new


def _is_values(side: Any) -> bool:
    """Whether one side of a diff lists rows of a value table, which add up, unlike a column's old and new."""
    return isinstance(side, list) and bool(side) and isinstance(side[0], dict)
