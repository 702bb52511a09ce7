"""The breaker on a clock that the tests move: when it opens, who tries again, and what it learns from."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from domain.adapters.outside import LONGEST_REST_S, Outside
from domain.ports import OutsideAway, TryLater


@dataclass
class Bench:
    """A dependency that does what it is told, on a clock of its own."""

    now: float = 1000.0
    asked: int = 0
    pauses: list[float] = field(default_factory=list)
    does: Exception | str = "well"

    def outside(self, **more: float) -> Outside:
        return Outside(
            "the bench",
            **{"timeout_s": 5.0, **more},  # type: ignore[arg-type]
            clock=lambda: self.now,
            sleep=self.sleep,
            chance=lambda: 1.0,
        )

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def work(self) -> str:
        self.asked += 1
        if isinstance(self.does, Exception):
            raise self.does
        return self.does


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def fail(bench: Bench, outside: Outside, times: int) -> OutsideAway:
    bench.does = ConnectionRefusedError("nobody listens")
    for _ in range(times):
        with pytest.raises(OutsideAway) as away:
            await outside.call(bench.work)
    return away.value


async def test_five_failures_in_a_row_open_it_for_thirty_seconds(bench: Bench) -> None:
    outside = bench.outside()
    away = await fail(bench, outside, 4)
    assert (outside.state, bench.asked) == ("closed", 4)
    assert (away.name, away.reason) == ("the bench", "ConnectionRefusedError: nobody listens")
    assert away.__cause__ is bench.does
    assert (await fail(bench, outside, 1)).retry_after_s == 30
    assert outside.state == "open"

    bench.does, bench.now = "well", bench.now + 29.9
    with pytest.raises(OutsideAway, match="nobody listens") as refused:
        await outside.call(bench.work)
    assert (bench.asked, round(refused.value.retry_after_s, 3)) == (5, 0.1)

    bench.now += 0.1
    assert outside.state == "half-open"
    assert await outside.call(bench.work) == "well"
    assert (outside.state, bench.asked) == ("closed", 6)


async def test_a_trial_that_fails_opens_it_again_and_one_that_works_forgets_all(bench: Bench) -> None:
    outside = bench.outside()
    await fail(bench, outside, 5)
    bench.now += 30
    assert (await fail(bench, outside, 1)).retry_after_s == 30
    assert (outside.state, bench.asked) == ("open", 6)
    bench.now += 30
    bench.does = "well"
    await outside.call(bench.work)
    await fail(bench, outside, 4)
    assert outside.state == "closed"


async def test_an_answer_between_failures_begins_the_count_anew(bench: Bench) -> None:
    outside = bench.outside()
    for _ in range(3):
        await fail(bench, outside, 4)
        bench.does = "well"
        await outside.call(bench.work)
    assert outside.state == "closed"


async def test_an_error_that_is_an_answer_is_passed_on_and_not_counted(bench: Bench) -> None:
    outside = bench.outside()
    await fail(bench, outside, 4)
    bench.does = ValueError("the answer is no")
    for _ in range(20):
        with pytest.raises(ValueError, match="the answer is no"):
            await outside.call(bench.work, repeat=True)
    assert (outside.state, bench.asked) == ("closed", 24)


async def gated(outside: Outside, gate: asyncio.Event, error: Exception | None = None) -> str:
    async def work() -> str:
        await gate.wait()
        if error:
            raise error
        return "well"

    return await outside.call(work)


async def test_of_many_callers_one_tries_a_half_open_one(bench: Bench) -> None:
    outside = bench.outside()
    await fail(bench, outside, 5)
    bench.now += 30
    gate = asyncio.Event()
    trials = [asyncio.create_task(gated(outside, gate)) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (outside.state, sum(trial.done() for trial in trials)) == ("half-open", 49)
    gate.set()
    found = await asyncio.gather(*trials, return_exceptions=True)
    assert [one for one in found if one == "well"] == ["well"]
    assert all(isinstance(one, OutsideAway) for one in found if one != "well")
    assert outside.state == "closed"


async def test_threads_get_one_trial_between_them_too(bench: Bench) -> None:
    outside = bench.outside()
    await fail(bench, outside, 5)
    bench.now += 30
    refused, tried, gate = [], [], threading.Event()

    def ask() -> None:
        try:
            with outside.watched():
                tried.append(1)
                gate.wait(20)
        except OutsideAway:
            refused.append(1)
            if len(refused) == 7:
                gate.set()

    await asyncio.gather(
        *(asyncio.to_thread(ask) for _ in range(4)), *(asyncio.to_thread(ask) for _ in range(4))
    )
    assert (len(tried), len(refused), outside.state) == (1, 7, "closed")


async def test_what_began_before_it_opened_changes_nothing_afterwards(bench: Bench) -> None:
    outside, gate = bench.outside(), asyncio.Event()
    early = asyncio.create_task(gated(outside, gate))
    late = asyncio.create_task(gated(outside, gate, ConnectionResetError()))
    await asyncio.sleep(0)
    await fail(bench, outside, 5)
    bench.now += 10
    gate.set()
    assert await early == "well"
    with pytest.raises(OutsideAway) as away:
        await late
    assert (outside.state, away.value.retry_after_s) == ("open", 20)


async def test_a_cancelled_call_says_nothing_and_frees_the_trial(bench: Bench) -> None:
    outside, never = bench.outside(), asyncio.Event()

    async def cancelled() -> None:
        task = asyncio.create_task(gated(outside, never))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for _ in range(10):
        await cancelled()
    assert outside.state == "closed"
    await fail(bench, outside, 5)
    bench.now += 30
    await cancelled()
    assert outside.state == "half-open"
    bench.does = "well"
    assert await outside.call(bench.work) == "well"


async def test_silence_is_a_failure(bench: Bench) -> None:
    outside, never = bench.outside(timeout_s=0.01), asyncio.Event()
    for _ in range(5):
        with pytest.raises(OutsideAway, match=r"no answer within 0\.01 s"):
            await gated(outside, never)
    assert outside.state == "open"


async def test_only_what_may_be_repeated_is_tried_again_later_each_time(bench: Bench) -> None:
    outside = bench.outside(tries=4, backoff_s=1.0, longest_wait_s=3.0, failures=50)
    bench.does = ConnectionResetError()
    for repeat, asked, pauses in ((False, 1, []), (True, 5, [1.0, 2.0, 3.0])):
        with pytest.raises(OutsideAway):
            await outside.call(bench.work, repeat=repeat)
        assert (bench.asked, bench.pauses) == (asked, pauses)


async def test_the_pause_is_any_part_of_the_longest() -> None:
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    async def refuse() -> None:
        raise ConnectionRefusedError

    drawn = iter((0.0, 0.25, 0.999))
    outside = Outside(
        "chance", 1.0, tries=4, backoff_s=0.1, sleep=sleep, chance=lambda: next(drawn), clock=lambda: 0.0
    )
    with pytest.raises(OutsideAway):
        await outside.call(refuse, repeat=True)
    assert found == pytest.approx([0.0, 0.05, 0.3996])


async def test_tries_end_when_it_opens(bench: Bench) -> None:
    outside = bench.outside(tries=10)
    bench.does = ConnectionResetError()
    with pytest.raises(OutsideAway) as away:
        await outside.call(bench.work, repeat=True)
    assert (bench.asked, len(bench.pauses), away.value.retry_after_s) == (5, 4, 30)


async def test_it_comes_again_when_it_was_told_to(bench: Bench) -> None:
    outside = bench.outside(longest_wait_s=5.0, backoff_s=0.5)
    bench.does = TryLater("answered 429", 3)
    with pytest.raises(OutsideAway) as away:
        await outside.call(bench.work, repeat=True)
    assert (bench.asked, bench.pauses) == (3, [3.5, 4.0])
    assert (away.value.reason, away.value.retry_after_s, outside.state) == ("answered 429", 3, "closed")


async def test_it_is_left_alone_as_long_as_it_asked_and_no_longer_than_an_hour(bench: Bench) -> None:
    outside = bench.outside()
    for after_s, left in ((120.0, 120.0), (1e9, LONGEST_REST_S)):
        bench.does = TryLater("answered 503", after_s)
        asked = bench.asked
        for _ in range(2):
            with pytest.raises(OutsideAway) as away:
                await outside.call(bench.work, repeat=True)
            assert away.value.retry_after_s == left
        assert (bench.asked, bench.pauses) == (asked + 1, [])
        bench.now += left
    bench.does = "well"
    assert await outside.call(bench.work) == "well"


@pytest.mark.parametrize(
    ("text", "after_s"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 400, 999_999_999.0),
        *((one, None) for one in ("", None, "soon", "-1", "1.5", "٣")),
    ],
)
def test_retry_after_is_read(text: str | None, after_s: float | None) -> None:
    assert TryLater.by_header("answered 503", text).after_s == after_s


def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert TryLater.by_header("x", later).after_s == pytest.approx(90, abs=20)
    assert TryLater.by_header("x", "Sun, 06 Nov 1994 08:49:37 GMT").after_s == 0


def test_the_work_may_be_any_awaitable() -> None:
    """As a type: a coroutine function, or what gives a future."""
    work: Callable[[], Awaitable[int]] = lambda: asyncio.sleep(0, 7)  # noqa: E731
    assert asyncio.run(Outside("any", 1.0).call(work)) == 7
