"""The chain: who is asked when, what is kept of it, and what it may cost."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.adapters.models.chat import Chat
from domain.adapters.models.openai import OpenAI
from domain.adapters.models.qwen import Qwen
from domain.models.ask import NoModelAnswered
from domain.models.costs import PUBLISHED, prices_of
from domain.models.ports import AudioModel, Configured, Models
from domain.models.record import correct, end_lost_calls
from tests.models.conftest import SHORT, TAGGED, THREE, Studio, of_challenger
from tests.models.server import KEY, LABELS


async def outcomes(answered: Any) -> list[tuple[str, str]]:
    return [(hop.provider, hop.outcome) for hop in answered.hops]


async def test_the_champion_answers_of_three_windows(studio: Studio) -> None:
    answered = await studio.ask(windows=THREE)
    assert (answered.provider, answered.by_language_model, answered.calls) == ("qwen", True, 3)
    assert [label.name for label in answered.labels.instruments] == ["drums", "synthesizer"]
    assert answered.confidence == pytest.approx(0.99, abs=0.01)
    assert await outcomes(answered) == [("qwen", "sure")]
    calls = await studio.calls(
        "place, state, reason, confidence, latency_ms >= 0, cost_micros, text_tokens > 0"
    )
    assert [(call[0], call[1], call[2], call[4:]) for call in calls] == [
        (place, "answered", "first: champion", (True, 0, True)) for place in range(3)
    ]
    assert studio.openai.asked == []


async def test_windows_that_disagree_make_it_unsure_and_the_other_provider_is_asked(studio: Studio) -> None:
    genres = iter(["techno", "jazz", "folk"])
    studio.vllm.says = lambda _: LABELS | {"genre": [next(genres)], "mood": ["calm"]}
    answered = await studio.ask(windows=THREE)
    assert await outcomes(answered) == [("qwen", "unsure"), ("openai", "sure")]
    assert (answered.provider, answered.reason) == ("openai", "qwen/Qwen/Qwen2-Audio-7B-Instruct was unsure")
    assert answered.confidence == 0.8
    assert len(studio.openai.asked) == 3


async def test_low_probabilities_make_it_unsure(studio: Studio) -> None:
    studio.vllm.then("low_logprobs")
    answered = await studio.ask()
    assert await outcomes(answered) == [("qwen", "unsure"), ("openai", "unsure")]
    # Nobody was sure; one window without probabilities is worth 2/3, and exp(-1.2) is less.
    assert answered.provider == "openai"
    assert answered.confidence == pytest.approx(0.6667, abs=1e-4)
    assert "nobody was sure" in answered.reason


@pytest.mark.parametrize("fault", ["500", "drop", "off_schema", "refusal", "400"])
async def test_what_fails_is_followed_by_the_other_with_the_reason(studio: Studio, fault: str) -> None:
    studio.vllm.then(fault)
    answered = await studio.ask(windows=THREE)
    (first, second) = await outcomes(answered)
    assert (first[0], second) == ("qwen", ("openai", "sure"))
    assert answered.reason.endswith(f"was {first[1]}")
    calls = await studio.calls("state, error, reason")
    assert calls[0][:2] == ("failed", first[1])
    assert [call[0] for call in calls[1:]] == ["answered"] * 3


async def test_broken_json_is_asked_for_once_more_and_then_no_more(studio: Studio) -> None:
    studio.vllm.then("half_json")
    answered = await studio.ask()
    assert (await outcomes(answered), len(studio.vllm.asked)) == ([("qwen", "sure")], 2)
    studio.vllm.asked.clear()
    studio.vllm.then("half_json", "length")
    answered = await studio.ask(windows=THREE)
    assert (await outcomes(answered), len(studio.vllm.asked)) == (
        [("qwen", "cut_short"), ("openai", "sure")],
        2,
    )
    errors = [call[0] for call in await studio.calls("error")]
    assert errors[:4] == ["invalid_json", None, "invalid_json", "cut_short"]


async def test_a_short_retry_after_is_waited_for_and_a_long_one_is_not(studio: Studio) -> None:
    studio.vllm.then("429", value=1)
    answered = await studio.ask(sleep=asyncio.sleep)
    assert await outcomes(answered) == [("qwen", "sure")]
    assert len(studio.vllm.asked) == 2
    studio.vllm.then("429", value=60)
    answered = await studio.ask(windows=THREE)
    assert await outcomes(answered) == [("qwen", "rate_limited"), ("openai", "sure")]
    assert studio.slept == []
    answered = await studio.ask(windows=THREE)
    assert await outcomes(answered) == [("qwen", "rests"), ("openai", "sure")]


async def test_without_any_model_the_taggers_stand_and_nothing_is_sent(studio: Studio) -> None:
    answered = await studio.ask(models=Models())
    assert (answered.provider, answered.labels, answered.calls) == ("embedded", TAGGED.labels, 0)
    assert answered.reason == "no language model is configured"
    assert studio.vllm.asked == studio.openai.asked == []
    assert (await studio.ask(models=Models(), embedded=None)).labels.reason is not None


async def test_when_all_that_were_asked_fail_the_job_hears_of_it(studio: Studio) -> None:
    studio.vllm.then("500")
    studio.openai.then("503")
    with pytest.raises(NoModelAnswered) as caught:
        await studio.ask()
    assert (caught.value.instead.provider, caught.value.instead.labels) == ("embedded", TAGGED.labels)
    assert "server_error" in caught.value.instead.reason
    assert KEY not in str(caught.value)


async def test_the_same_bytes_are_never_asked_about_twice(studio: Studio) -> None:
    sha256 = "ab" * 32
    first = await studio.ask(sha256=sha256)
    again = await studio.ask(sha256=sha256)
    assert (again.labels, again.confidence) == (first.labels, first.confidence)
    assert (first.calls, again.calls, len(studio.vllm.asked)) == (1, 0, 1)


async def test_the_challenger_answers_its_tenth_and_the_champion_beside_it(studio: Studio) -> None:
    subject = of_challenger()
    answered = await studio.ask(subject, windows=THREE)
    assert await outcomes(answered) == [("openai", "sure"), ("qwen", "sure")]
    assert answered.provider == "openai"
    rows = await studio.pool.fetch(
        "select m.role, a.served, a.agreement, a.against "
        "from model_answer a join model m on m.id = a.model_id "
        "where a.subject_id = $1 order by m.role",
        subject,
    )
    assert [tuple(row) for row in rows] == [
        ("challenger", True, 1.0, "embedded"),
        ("champion", False, 1.0, "embedded"),
        ("embedded", False, None, None),
    ]
    assert [label.name for label in answered.labels.genre] == ["techno"]


async def test_a_correction_is_what_answers_are_measured_by(studio: Studio) -> None:
    subject = of_challenger()
    await studio.ask(subject, windows=THREE)
    async with studio.pool.acquire() as sql:
        told = await correct(sql, studio.owner, subject, {"genre": ["jazz"], "mood": ["energetic"]})
        nobody = await correct(sql, uuid.uuid4(), subject, {"genre": ["techno"]})
    assert (told, nobody) == (3, 0)
    rows = await studio.pool.fetch(
        "select agreement, against from model_answer where subject_id = $1", subject
    )
    assert {tuple(row) for row in rows} == {(0.5, "person")}


async def test_a_tier_without_paid_models_asks_none(studio: Studio) -> None:
    await studio.tier("free")
    studio.vllm.then("500")
    with pytest.raises(NoModelAnswered) as caught:
        await studio.ask()
    assert await outcomes(caught.value.instead) == [
        ("openai", "tier_without_paid_models"),
        ("qwen", "server_error"),
    ]
    assert studio.openai.asked == []


def outside(studio: Studio) -> Models:
    given: dict[str, AudioModel] = {
        "qwen": Qwen(Chat("Qwen2-Audio", studio.vllm.url, KEY), inside=False),
        "openai": OpenAI(Chat("OpenAI", studio.openai.url, KEY), inside=False),
    }
    return Models(given, studio.configured)


@pytest.mark.parametrize(
    ("allows", "private", "sent", "why"),
    [
        (None, False, False, "organization_has_not_allowed"),
        ((False, True), False, False, "organization_has_not_allowed"),
        ((True, False), True, False, "private_recording"),
        ((True, False), False, True, "sure"),
        ((True, True), True, True, "sure"),
    ],
)
async def test_nothing_leaves_the_house_unless_its_owner_allowed_it(
    studio: Studio, allows: tuple[bool, bool] | None, private: bool, sent: bool, why: str
) -> None:
    if allows is not None:
        await studio.pool.execute(
            "insert into model_permission (owner_id, outside, private_too) values ($1, $2, $3)",
            studio.owner,
            *allows,
        )
    answered = await studio.ask(models=outside(studio), private=private)
    assert (("qwen", why) in await outcomes(answered), bool(studio.vllm.asked)) == (True, sent)
    assert answered.by_language_model is sent
    assert bool(studio.openai.asked) is False


async def cap(studio: Studio, cents: int) -> None:
    await studio.pool.execute("update tier set model_cents_per_day = $1 where name = 'enterprise'", cents)


async def test_the_daily_cap_holds_for_calls_at_once(studio: Studio) -> None:
    prices = prices_of(PUBLISHED["gpt-audio-mini"])
    assert prices is not None
    most = prices.most(SHORT[0].duration_s)
    await cap(studio, 2)
    room = 20_000 // most
    studio.openai.then(*["latency"] * 12, value=0.3)
    models = studio.only("openai")
    answers = await asyncio.gather(*(studio.ask(models=models) for _ in range(12)))
    told = [hop.outcome for answered in answers for hop in answered.hops]
    assert 0 < room < 12
    assert (told.count("unsure"), told.count("daily_cap")) == (room, 12 - room)
    assert len(studio.openai.asked) == room
    reserved, spent = await studio.spent()
    assert reserved == 0
    assert 0 < spent <= 20_000
    assert spent == sum(call[0] for call in await studio.calls("cost_micros"))
    assert (await studio.ask(models=models)).calls == 1  # what was not used of it is there again


async def test_another_day_has_its_own_cap(studio: Studio) -> None:
    await cap(studio, 1)
    models, days = studio.only("openai"), [datetime(2026, 11, day, 23, 59, tzinfo=UTC) for day in (21, 22)]
    await studio.pool.execute(
        "insert into model_spend (owner_id, day, spent_micros) values ($1, $2, 9999)",
        studio.owner,
        days[0].date(),
    )
    first, second = [await studio.ask(models=models, now=day) for day in days]
    assert [(await outcomes(one))[0][1] for one in (first, second)] == ["daily_cap", "unsure"]


async def test_what_may_have_been_charged_is_spent(studio: Studio) -> None:
    studio.openai.then("drop")
    with pytest.raises(NoModelAnswered):
        await studio.ask(models=studio.only("openai"))
    ((cost, reserved),) = await studio.calls("cost_micros, reserved_micros")
    assert cost == reserved > 0
    assert await studio.spent() == (0, cost)


async def test_a_call_whose_asker_died_is_closed_and_counted(studio: Studio) -> None:
    studio.openai.then("latency", value=30)
    asking = asyncio.create_task(studio.ask(models=studio.only("openai")))
    async with asyncio.timeout(20):
        while not studio.openai.asked:
            await asyncio.sleep(0.02)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    reserved, _ = await studio.spent()
    async with studio.pool.acquire() as sql:
        assert await end_lost_calls(sql) == 0
        await sql.execute("update model_call set asked_at = asked_at - interval '2 hours'")
        assert await end_lost_calls(sql) == 1
    assert await studio.calls("state, error") == [("failed", "lost")]
    assert await studio.spent() == (0, reserved)
    assert reserved > 0


async def test_a_model_whose_price_nobody_has_said_is_not_asked(studio: Studio) -> None:
    models = Models(studio.providers, (Configured("openai", "gpt-audio-of-tomorrow"),))
    answered = await studio.ask(models=models)
    assert await outcomes(answered) == [("openai", "price_unknown")]
    assert studio.openai.asked == []
