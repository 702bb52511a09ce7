"""What retention would do: which things go, when and why, and what stands in the way of others."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.ports import Sql, text_of
from domain.refusals import InputInvalid
from domain.retention import due
from domain.retention.blobs import GRACE, Orphans, Store, orphans
from domain.retention.partitions import TIMES, Leaf, leaves
from domain.retention.purge import TOMBSTONES
from domain.retention.rules import NOTICE, RULES, Period, Rule

# What is told of a line: due goes with the next run, told waits for seven days after its notice, to_tell gets
# its notice with the next run, coming is due within the days that are looked ahead, held stays.
STATES = ("due", "told", "to_tell", "coming", "held")
FARTHEST_DAYS = 3660


@dataclass(frozen=True)
class PlanLine:
    """Things of one class, of one organization, in one state.

    due_at: the earliest deadline among them; goes_at: when the first of them goes, its notice given; None
    where a hold keeps them. examples: ids of some, the first due first.
    """

    rule: str
    about: str
    owner_id: uuid.UUID | None
    state: str
    why: str
    count: int
    size_bytes: int
    oldest_at: datetime
    due_at: datetime
    goes_at: datetime | None
    examples: tuple[str, ...] = field(default=())


async def plan(
    sql: Sql,
    now: datetime,
    *,
    days: int = NOTICE.days,
    owner_id: uuid.UUID | None = None,
    store: Store | None = None,
) -> list[PlanLine]:
    """Everything that goes now or within so many days, nothing changed. owner_id: of one organization only.

    store: where blobs are looked for that no row needs, which are nobody's. Raises InputInvalid.
    """
    if not 0 <= days <= FARTHEST_DAYS:
        raise InputInvalid(f"days is {days}; 0 to {FARTHEST_DAYS} will do", path=("days",))
    until = now + timedelta(days=days)
    lines: list[PlanLine] = []
    for rule in (*RULES.values(), *TOMBSTONES.values()):
        rows = await sql.fetch(due.plan(rule), now, until, owner_id)
        lines += [_line(rule, row) for row in rows]
    if owner_id is None:
        lines += [_leaf(leaf, now) for leaf in await leaves(sql, until)]
        if store is not None:
            lines += _orphaned(await orphans(sql, store, until - GRACE), now)
    return lines


def _orphaned(found: Orphans, now: datetime) -> list[PlanLine]:
    """Blobs of the store that no row needs: those that go with the next run, and those too young for it."""
    part = "" if found.whole else f"; of a large store, its first {found.looked_at:,} blobs were looked at"
    lines = []
    for state in ("due", "coming"):
        blobs = [blob for blob in found.blobs if (blob.written_at + GRACE <= now) == (state == "due")]
        if not blobs:
            continue
        blobs.sort(key=lambda blob: blob.written_at)
        due_at = blobs[0].written_at + GRACE
        lines.append(
            PlanLine(
                rule="orphan_blobs",
                about="blobs that no row needs",
                owner_id=None,
                state=state,
                why=f"no row names them, and they are let go when they are a day old{part}",
                count=len(blobs),
                size_bytes=sum(blob.size_bytes for blob in blobs),
                oldest_at=blobs[0].written_at,
                due_at=due_at,
                goes_at=due_at,
                examples=tuple(blob.sha256 for blob in blobs[:5]),
            )
        )
    return lines


def _leaf(leaf: Leaf, now: datetime) -> PlanLine:
    """A leaf of the log, which is nobody's alone."""
    state = "held" if leaf.held else "due" if leaf.due_at <= now else "coming"
    why = f"the log keeps changes of the class {leaf.audit_class} for {TIMES[leaf.audit_class]}"
    return PlanLine(
        rule="changes",
        about=f"changes of the class {leaf.audit_class} of {leaf.from_at:%Y-%m}",
        owner_id=None,
        state=state,
        why=f"{why}; a legal hold keeps them" if leaf.held else why,
        count=leaf.rows,
        size_bytes=leaf.size_bytes,
        oldest_at=leaf.from_at,
        due_at=leaf.due_at,
        goes_at=None if leaf.held else leaf.due_at,
        examples=(leaf.name,),
    )


def _line(rule: Rule, row: Any) -> PlanLine:
    state, tier = text_of(row["state"]), text_of(row["tier"])
    return PlanLine(
        rule=rule.name,
        about=rule.about,
        owner_id=row["owner_id"],
        state=state,
        why=_why(rule, state, tier, row),
        count=row["count"],
        size_bytes=row["size_bytes"],
        oldest_at=row["oldest_at"],
        due_at=row["due_at"],
        goes_at=None if state == "held" else max(row["goes_at"], row["due_at"]),
        examples=tuple(str(id) for id in row["examples"] if id is not None),
    )


def _why(rule: Rule, state: str, tier: str, row: Any) -> str:
    by_policy = rule.terms.by_policy and row["months"] is not None
    time = Period(row["months"], row["days"]) if by_policy else rule.terms.of(tier)
    whose = "its policy" if by_policy else f"the tier {tier}" if rule.terms.by_policy else "the rule"
    kept = f"{whose} keeps {rule.about} for {time}"
    return {
        "due": kept,
        "told": f"{kept}; the notice is not seven days old",
        "to_tell": f"{kept}; the notice is given by the next run, and nothing goes for seven days after it",
        "coming": kept,
        "held": f"{kept}; a legal hold keeps them",
    }[state]
