"""The models that are known, who of them is champion, and how that changes."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.models.costs import FREE, PUBLISHED, Prices, prices_of
from domain.models.ports import Configured
from domain.models.question import CODE_VERSION, PROMPT_VERSION
from domain.ports import Sql, text_of

_ROW = (
    "id, provider, model, prompt_version, code_version, role, prices::text as prices, created_at, role_since"
)
_LOCK = "select pg_advisory_xact_lock(hashtextextended('models', 7))"


@dataclass(frozen=True, kw_only=True)
class Known:
    """One version of one model, as the registry has it. prices: None where nobody has said."""

    id: uuid.UUID
    provider: str
    model: str
    prompt_version: str
    code_version: str
    role: str
    prices: Prices | None
    created_at: datetime
    role_since: datetime

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.provider}/{self.model}"

    @property
    def version(self) -> str:
        """What tells its answers from those to another question or read by other code."""
        return f"{self.prompt_version}+{self.code_version}"

    @property
    def current(self) -> bool:
        """Whether its question and our code are those of today, so that it can be asked."""
        return (self.prompt_version, self.code_version) == (PROMPT_VERSION, CODE_VERSION)


async def all_models(sql: Sql) -> list[Known]:
    """Every model, those that are asked first at the beginning."""
    rows = await sql.fetch(
        f"select {_ROW} from model order by array_position(array['champion', 'challenger', 'fallback', "
        "'embedded', 'retired'], role), id"
    )
    return [_known(row) for row in rows]


async def find(sql: Sql, id: uuid.UUID) -> Known | None:
    """One model."""
    row = await sql.fetchrow(f"select {_ROW} from model where id = $1", id)
    return _known(row) if row else None


async def lock(sql: Sql) -> None:
    """Hold the roles until the transaction's end; whoever changes them comes through here."""
    await sql.execute(_LOCK)


async def register(sql: Sql, configured: Sequence[Configured]) -> None:
    """Let the registry know what the settings name, in the transaction that is open.

    A model that is new takes the first role that is free: champion, challenger, then fallback. A new version
    of the question or of our code takes over the role of the version before, which is asked no more: its
    prompt is gone.
    """
    wanted = [one for one in configured if one.model]
    present = await all_models(sql)
    if all(_current(present, one.provider, one.model) for one in wanted):
        return
    await lock(sql)
    for one in wanted:
        present = await all_models(sql)
        if _current(present, one.provider, one.model):
            continue
        before = [
            known
            for known in present
            if (known.provider, known.model) == (one.provider, one.model) and known.role != "retired"
        ]
        taken = {known.role for known in present}
        role = next(role for role in ("champion", "challenger", "fallback", "") if role not in taken)
        if before:
            role = before[0].role
        for known in before:
            await set_role(sql, known.id, "retired")
        role = role or "fallback"
        await add(sql, one.provider, one.model, role, published(one.provider, one.model))


def published(provider: str, model: str) -> Mapping[str, float] | None:
    """What a model costs while nobody has said otherwise: nothing where it runs on one's own machine."""
    if provider != "openai":
        return {}
    return PUBLISHED.get(model)


async def add(
    sql: Sql, provider: str, model: str, role: str, prices: Mapping[str, float] | None, version: str = ""
) -> uuid.UUID:
    """A new model under a role; one that is there already keeps its own. Gives its id.

    version: of an embedded model, whose question is none.
    """
    prompt, code = (version or PROMPT_VERSION), CODE_VERSION
    await sql.execute(
        "insert into model (provider, model, prompt_version, code_version, role, prices) "
        "values ($1, $2, $3, $4, $5, $6::jsonb) on conflict (provider, model, prompt_version, code_version) "
        "do nothing",
        provider,
        model,
        prompt,
        code,
        role,
        None if prices is None else json.dumps(dict(prices)),
    )
    id: uuid.UUID = await sql.fetchval(
        "select id from model where provider = $1 and model = $2 and prompt_version = $3 "
        "and code_version = $4",
        provider,
        model,
        prompt,
        code,
    )
    return id


async def set_role(sql: Sql, id: uuid.UUID, role: str) -> None:
    """Give a model another role. Raises where there is a champion or challenger already."""
    await sql.execute(
        "update model set role = $2, role_since = clock_timestamp() where id = $1 and role <> $2", id, role
    )


async def set_prices(sql: Sql, id: uuid.UUID, prices: Mapping[str, float]) -> None:
    """Say what a model costs."""
    await sql.execute("update model set prices = $2::jsonb where id = $1", id, json.dumps(dict(prices)))


async def promote(
    sql: Sql, to: Known, *, made_by: str, why: str, evidence: Mapping[str, Any] | None, kind: str = "promoted"
) -> None:
    """Make a model champion; the champion before becomes the challenger, so that it can be taken back.

    The challenger before, where it is neither, becomes a fallback.
    """
    await lock(sql)
    rows = await sql.fetch("select id, role from model where role in ('champion', 'challenger') for update")
    holders = {text_of(row["role"]): row["id"] for row in rows}
    champion, challenger = holders.get("champion"), holders.get("challenger")
    if challenger is not None:
        await set_role(sql, challenger, "fallback")
    if champion is not None and champion != to.id:
        await set_role(sql, champion, "challenger")
    await set_role(sql, to.id, "champion")
    await decided(sql, kind, champion, to.id, made_by=made_by, why=why, evidence=evidence)


async def decided(
    sql: Sql,
    kind: str,
    from_id: uuid.UUID | None,
    to_id: uuid.UUID,
    *,
    made_by: str,
    why: str,
    evidence: Mapping[str, Any] | None,
) -> None:
    """Write down what was decided."""
    await sql.execute(
        "insert into model_decision (kind, from_id, to_id, why, evidence, made_by) "
        "values ($1, $2, $3, $4, $5::jsonb, $6)",
        kind,
        from_id,
        to_id,
        why,
        None if evidence is None else json.dumps(evidence),
        made_by,
    )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided once. evidence: the figures it stands on."""

    id: uuid.UUID
    kind: str
    from_id: uuid.UUID | None
    to_id: uuid.UUID
    why: str
    evidence: dict[str, Any] | None
    made_by: str
    made_at: datetime


async def decisions(sql: Sql, most: int = 50) -> list[Decision]:
    """The latest decisions, the newest first."""
    rows = await sql.fetch(
        "select id, kind, from_id, to_id, why, evidence::text as evidence, made_by, made_at "
        "from model_decision order by id desc limit $1",
        most,
    )
    return [
        Decision(
            id=row["id"],
            kind=text_of(row["kind"]),
            from_id=row["from_id"],
            to_id=row["to_id"],
            why=text_of(row["why"]),
            evidence=json.loads(row["evidence"]) if row["evidence"] else None,
            made_by=text_of(row["made_by"]),
            made_at=row["made_at"],
        )
        for row in rows
    ]


def _current(present: Sequence[Known], provider: str, model: str) -> bool:
    return any((known.provider, known.model) == (provider, model) and known.current for known in present)


def _known(row: Any) -> Known:
    provider = text_of(row["provider"])
    said = json.loads(row["prices"]) if row["prices"] else None
    return Known(
        id=row["id"],
        provider=provider,
        model=text_of(row["model"]),
        prompt_version=text_of(row["prompt_version"]),
        code_version=text_of(row["code_version"]),
        role=text_of(row["role"]),
        prices=FREE if provider == "embedded" else prices_of(said),
        created_at=row["created_at"],
        role_since=row["role_since"],
    )
