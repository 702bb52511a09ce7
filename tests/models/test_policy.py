"""Who becomes champion: by what evidence, what is refused, and what is taken back."""

import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.models import registry
from domain.models.decide import Decided, decide
from domain.models.edit import NothingToRollBack, RoleTaken
from domain.models.policy import PAIRS, Evidence, Side, Verdict, judge, wilson
from domain.models.ports import Configured
from domain.refusals import InputInvalid
from domain.row import utc_now
from tests.models.conftest import an_organization

GOOD = Side(calls=600, failed=3, p95_ms=1000, cost_micros=0.0)


def evidence(mean: float, pairs: int = 400, deviation: float = 0.3, **more: Any) -> Evidence:
    return Evidence(
        **{"pairs": pairs, "mean": mean, "deviation": deviation, "champion": GOOD, "challenger": GOOD, **more}
    )


def test_wilson_gives_known_intervals() -> None:
    assert wilson(10, 100, 1.959964) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 50)[0] == 0.0
    assert wilson(50, 50)[1] == 1.0


@given(st.integers(1, 10_000), st.floats(0, 1))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_bound_holds_the_share_and_narrows(calls: int, share: float) -> None:
    failed = round(calls * share)
    least, most = wilson(failed, calls)
    assert 0 <= least <= failed / calls <= most <= 1
    wider = wilson(failed * 4, calls * 4)
    assert wider[1] - wider[0] < most - least


@pytest.mark.parametrize(
    ("found", "verdict", "says"),
    [
        (evidence(0.5, pairs=PAIRS - 1), Verdict.WAIT, "199 recordings were answered by both"),
        (evidence(0.06), Verdict.PROMOTE, "is better"),
        (evidence(0.06, pairs=200, deviation=0.0), Verdict.PROMOTE, "is better"),
        (evidence(0.03), Verdict.KEEP, "not shown to be better"),
        (evidence(-0.1), Verdict.KEEP, "not shown to be better"),
        (evidence(0.0, deviation=0.1), Verdict.KEEP, "not shown"),
        (
            evidence(0.0, deviation=0.1, challenger=Side(calls=600, failed=0, p95_ms=700, cost_micros=0.0)),
            Verdict.PROMOTE,
            "as good and quicker",
        ),
        (
            evidence(0.0, pairs=200, challenger=Side(calls=600, failed=0, p95_ms=700, cost_micros=0.0)),
            Verdict.KEEP,
            "not shown",
        ),
        (
            evidence(
                0.0,
                deviation=0.1,
                champion=Side(calls=600, p95_ms=1000, cost_micros=900.0),
                challenger=Side(calls=600, p95_ms=1000, cost_micros=300.0),
            ),
            Verdict.PROMOTE,
            "as good and cheaper",
        ),
        (
            evidence(0.2, challenger=Side(calls=600, failed=60, p95_ms=100, cost_micros=0.0)),
            Verdict.KEEP,
            "error rate may be",
        ),
    ],
)
def test_the_evidence_decides(found: Evidence, verdict: Verdict, says: str) -> None:
    judgement = judge(found)
    assert judgement.verdict is verdict
    assert says in judgement.why


def test_what_costs_more_is_left_to_a_person() -> None:
    dear = Side(calls=600, p95_ms=100, cost_micros=3000.0)
    assert judge(evidence(0.3, challenger=dear)).costlier is True
    assert judge(evidence(0.0, deviation=0.1, challenger=dear)).verdict is Verdict.KEEP


def test_a_new_champion_that_fails_is_taken_back_before_there_are_pairs() -> None:
    bad = Side(calls=50, failed=15)
    assert judge(evidence(0.0, pairs=10, champion=bad), was_champion=True).verdict is Verdict.ROLL_BACK
    assert judge(evidence(0.0, pairs=10, champion=bad)).verdict is Verdict.WAIT
    few = Side(calls=49, failed=15)
    assert judge(evidence(0.0, pairs=10, champion=few), was_champion=True).verdict is Verdict.WAIT
    assert judge(evidence(0.06), was_champion=True).verdict is Verdict.ROLL_BACK
    both = evidence(0.0, pairs=10, champion=bad, challenger=Side(calls=50, failed=30))
    assert judge(both, was_champion=True).verdict is Verdict.WAIT


class Arena:
    """Two registered models, and answers that are made up."""

    def __init__(self, pool: Pool, owner: uuid.UUID) -> None:
        self.pool, self.owner, self.chance = pool, owner, random.Random(5)

    async def roles(self) -> dict[str, str]:
        async with self.pool.acquire() as sql:
            return {one.provider: one.role for one in await registry.all_models(sql)}

    async def answer(
        self,
        pairs: int,
        agreement: dict[str, float],
        failed: dict[str, int] | None = None,
        *,
        recordings: int = 0,
    ) -> None:
        """Let both answer so many files; by provider how often they agree with people, and fail.

        recordings: how many these are files of, each of its own unless said.
        """
        async with self.pool.acquire() as sql:
            known = await registry.all_models(sql)
            # Bytes that nobody has answered about yet.
            start = self.chance.randrange(10**12)
            for one in known:
                told = [1.0 if self.chance.random() < agreement[one.provider] else 0.0 for _ in range(pairs)]
                await sql.execute(
                    "insert into model_answer (owner_id, model_id, subject_id, sha256, labels, confidence, "
                    "windows, reason, agreement, against, latency_ms, cost_micros) "
                    "select $1, $2, md5(($3 + n % $5)::text)::uuid, ($3 + n)::text, '{}', 0.9, 3, 'r', d, "
                    "'person', 10, 0 from unnest($4::float8[]) with ordinality x (d, n)",
                    *(self.owner, one.id, start, told, recordings or pairs),
                )
                bad = (failed or {}).get(one.provider, 0)
                await sql.execute(
                    "insert into model_call (owner_id, model_id, subject_id, sha256, place, reason, day, "
                    "state, error, latency_ms) select $1, $2, $1, 's', 0, 'r', now(), "
                    "case when n <= $4 then 'failed' else 'answered' end, "
                    "case when n <= $4 then 'timeout' end, 10 from generate_series(1, $3) n",
                    *(self.owner, one.id, pairs, bad),
                )

    async def judged(self, policy: str) -> Decided:
        async with self.pool.acquire() as sql, sql.transaction():
            return await decide(sql, policy, made_by="policy", now=utc_now())

    async def decisions(self) -> list[tuple[str, str]]:
        async with self.pool.acquire() as sql:
            return [(one.kind, one.made_by) for one in await registry.decisions(sql)]

    async def does(self, name: str, **given: Any) -> Any:
        """A command of an operator's administrator."""
        viewer = Viewer(self.owner, "user:ada", Role.ADMIN, frozenset(Scope))
        command = COMMANDS[name]
        done = await dispatch(command, command.ask(**given), viewer=viewer, pool=self.pool, door="test")
        assert done.outcome is not None
        return done.outcome.value


@pytest.fixture
async def arena(clean_pool: Pool) -> Arena:
    owner = await an_organization(clean_pool, operator=True)
    async with clean_pool.acquire() as sql, sql.transaction():
        await registry.register(sql, (Configured("qwen", "a"), Configured("openai", "gpt-audio-mini")))
    return Arena(clean_pool, owner)


async def test_a_better_challenger_becomes_champion_and_a_worse_one_is_taken_back(arena: Arena) -> None:
    assert await arena.roles() == {"qwen": "champion", "openai": "challenger"}
    await arena.answer(PAIRS - 1, {"qwen": 0.5, "openai": 0.9})
    assert (await arena.judged("apply")).judgement.verdict is Verdict.WAIT
    await arena.answer(200, {"qwen": 0.5, "openai": 0.9})
    found = await arena.judged("propose")
    assert (found.judgement.verdict, found.done, found.evidence.pairs) == (Verdict.PROMOTE, "proposed", 399)
    assert found.evidence.by_person == 399
    assert (await arena.judged("propose")).done == ""  # it is proposed once
    assert await arena.roles() == {"qwen": "champion", "openai": "challenger"}
    assert (await arena.judged("off")).done == ""
    assert (await arena.judged("apply")).done == "promoted"
    assert await arena.roles() == {"openai": "champion", "qwen": "challenger"}
    # What was answered before the change says nothing about it.
    assert (await arena.judged("apply")).judgement.verdict is Verdict.WAIT
    await arena.answer(300, {"openai": 0.4, "qwen": 0.8})
    found = await arena.judged("propose")
    assert (found.judgement.verdict, found.done) == (Verdict.ROLL_BACK, "rolled_back")
    assert await arena.roles() == {"qwen": "champion", "openai": "challenger"}
    assert await arena.decisions() == [
        ("rolled_back", "policy"),
        ("promoted", "policy"),
        ("proposed", "policy"),
    ]
    told = await arena.pool.fetch("select kind from notice order by id")
    assert [row["kind"] for row in told] == ["model.proposed", "model.promoted", "model.rolled_back"]


async def test_one_recording_sent_as_many_files_is_one_piece_of_evidence(arena: Arena) -> None:
    await arena.answer(600, {"qwen": 0.0, "openai": 1.0}, recordings=3)
    found = await arena.judged("apply")
    assert (found.judgement.verdict, found.evidence.pairs, found.done) == (Verdict.WAIT, 3, "")
    await arena.answer(PAIRS - 3, {"qwen": 0.0, "openai": 1.0})
    found = await arena.judged("apply")
    assert (found.evidence.pairs, found.evidence.by_person, found.done) == (PAIRS, PAIRS, "promoted")


async def test_a_challenger_as_good_as_the_champion_is_refused(arena: Arena) -> None:
    await arena.answer(400, {"qwen": 0.8, "openai": 0.8})
    found = await arena.judged("apply")
    assert (found.judgement.verdict, found.done) == (Verdict.KEEP, "")
    assert await arena.roles() == {"qwen": "champion", "openai": "challenger"}
    assert await arena.decisions() == []


async def test_a_better_challenger_that_fails_often_is_refused(arena: Arena) -> None:
    await arena.answer(400, {"qwen": 0.5, "openai": 0.9}, {"openai": 40})
    found = await arena.judged("apply")
    assert found.judgement.verdict is Verdict.KEEP
    assert "error rate" in found.judgement.why


async def test_a_better_challenger_that_costs_more_is_only_proposed(arena: Arena) -> None:
    await arena.answer(400, {"qwen": 0.5, "openai": 0.9})
    await arena.pool.execute(
        "update model_answer set cost_micros = 900 "
        "where model_id = (select id from model where provider = 'openai')"
    )
    found = await arena.judged("apply")
    assert (found.judgement.verdict, found.done) == (Verdict.PROMOTE, "proposed")


async def test_a_new_champion_that_fails_is_taken_back(arena: Arena) -> None:
    models = {
        one: await arena.pool.fetchval("select id from model where provider = $1", one)
        for one in ("qwen", "openai")
    }
    await arena.does("promote_model", model_id=str(models["openai"]), reason="we hear that it is better")
    assert await arena.roles() == {"openai": "champion", "qwen": "challenger"}
    await arena.answer(60, {"qwen": 0.9, "openai": 0.9}, {"openai": 20})
    assert (await arena.judged("propose")).done == "rolled_back"
    assert await arena.roles() == {"qwen": "champion", "openai": "challenger"}
    with pytest.raises(NothingToRollBack):
        await arena.does("rollback_model", reason="again")


async def test_people_promote_and_roll_back(arena: Arena) -> None:
    openai = await arena.pool.fetchval("select id from model where provider = 'openai'")
    with pytest.raises(NothingToRollBack):
        await arena.does("rollback_model", reason="what for")
    with pytest.raises(InputInvalid):
        await arena.does("promote_model", model_id=str(openai), reason=" ")
    told = await arena.does("promote_model", model_id=str(openai), reason="better")
    assert (told.role, await arena.roles()) == ("champion", {"openai": "champion", "qwen": "challenger"})
    told = await arena.does("rollback_model", reason="it was not")
    assert (told.provider, await arena.roles()) == ("qwen", {"qwen": "champion", "openai": "challenger"})
    assert await arena.decisions() == [("rolled_back", "user:ada"), ("promoted", "user:ada")]


async def test_models_are_added_and_their_roles_and_prices_edited(arena: Arena) -> None:
    added = await arena.does("add_model", provider="openai", model="gpt-audio-1.5")
    rows = await arena.pool.fetch("select model, role, prices ->> 'audio_in' as audio from model order by id")
    assert [tuple(row) for row in rows] == [
        ("a", "champion", None),
        ("gpt-audio-mini", "fallback", "10.0"),
        ("gpt-audio-1.5", "challenger", "32.0"),
    ]
    await arena.does("edit_model", model_id=added.model_id, role="retired", audio_in=40.0)
    row = await arena.pool.fetchrow(
        "select role, prices ->> 'audio_in', prices ->> 'out' from model where model = 'gpt-audio-1.5'"
    )
    assert row is not None
    assert tuple(row) == ("retired", "40.0", "10.0"), "what is not given costs what it did"
    champion = str(await arena.pool.fetchval("select id from model where role = 'champion'"))
    refused: list[tuple[Callable[..., Awaitable[Any]], type[Exception], dict[str, Any]]] = [
        (arena.does, RoleTaken, {"name": "edit_model", "model_id": champion, "role": "retired"}),
        (arena.does, InputInvalid, {"name": "edit_model", "model_id": champion, "role": "champion"}),
        (arena.does, InputInvalid, {"name": "edit_model", "model_id": champion, "out": -1.0}),
        (arena.does, InputInvalid, {"name": "add_model", "provider": "other", "model": "m"}),
        (arena.does, InputInvalid, {"name": "add_model", "provider": "qwen", "model": " "}),
        (arena.does, InputInvalid, {"name": "decide_models", "policy": "always"}),
    ]
    for does, error, asked in refused:
        with pytest.raises(error):
            await does(**asked)


async def test_a_new_version_of_the_question_takes_the_role_over(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = (Configured("qwen", "a"), Configured("openai", "gpt-audio-mini"))
    monkeypatch.setattr(registry, "PROMPT_VERSION", "labels-2")
    for _ in range(2):
        async with arena.pool.acquire() as sql, sql.transaction():
            await registry.register(sql, configured)
    rows = await arena.pool.fetch("select provider, prompt_version, role from model order by id")
    assert [tuple(row) for row in rows] == [
        ("qwen", "labels-1", "retired"),
        ("openai", "labels-1", "retired"),
        ("qwen", "labels-2", "champion"),
        ("openai", "labels-2", "challenger"),
    ]
    old = str(await arena.pool.fetchval("select id from model where role = 'retired' limit 1"))
    with pytest.raises(RoleTaken):
        await arena.does("promote_model", model_id=old, reason="the old one")
