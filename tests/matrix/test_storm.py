"""The idempotency storm: many keys, 20 copies of each at once, callers that hang up, bodies that differ.

Exactly one thing a key is made; whoever asks again gets the first answer byte by byte; another body under the
same key is refused; nothing fails.
"""

import asyncio
import json
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field

import asyncpg
import pytest

from tests.api.conftest import House
from tests.matrix.wire import HangUp, Heard, send

COPIES = 20
CHANGED = 2  # of the copies: one in ten
AT_ONCE = 6  # keys; each with all its copies
EFFECTS = (
    "*) from work where title like 'Storm %' and title not like '%changed'",
    "*) from work",
    "*) from change_set where command = 'create_work'",
    "*) from idempotency_key",
    "distinct key) from idempotency_key",
)
MAKE = """mutation($key: String, $input: CreateWorkInput!) {
  createWork(input: $input, idempotencyKey: $key) { work { id version title } userErrors { code } } }"""


@dataclass
class Storm:
    """What came of it. answers: by key, every success that was read whole."""

    house: House
    headers: dict[str, str]
    seen: Counter[str] = field(default_factory=Counter)
    answers: dict[str, list[Heard]] = field(default_factory=dict)

    async def key(self, number: int) -> None:
        """One key: all copies at once, the changed ones from the moment on when something was made."""
        chance = random.Random(number)
        key, made = str(uuid.UUID(int=chance.getrandbits(128))), asyncio.Event()
        self.answers[key] = []
        copies = [
            self.copy(number, key, made, random.Random(chance.random())) for _ in range(COPIES - CHANGED)
        ]
        changed = [self.changed(number, key, made) for _ in range(CHANGED)]
        await asyncio.gather(*copies, *changed)

    async def copy(self, number: int, key: str, made: asyncio.Event, chance: random.Random) -> None:
        """A caller that hangs up now and then, and asks until it has the answer."""
        for attempt in range(200):
            hang_up = chance.choice([*HangUp, HangUp.NEVER]) if attempt < 2 else HangUp.NEVER
            heard = await self.ask(number, key, f"Storm {number}", hang_up)
            if heard is None:
                self.seen[hang_up] += 1
                continue
            said = verdict(heard)
            self.seen[said] += 1
            if said == "made":
                self.answers[key].append(heard)
                made.set()
                return
            assert said == "IDEMPOTENCY_KEY_IN_FLIGHT", heard
            await asyncio.sleep(chance.uniform(0.005, 0.03))
        raise AssertionError(f"key {key} was never answered")

    async def changed(self, number: int, key: str, made: asyncio.Event) -> None:
        """A caller that uses the key for something else."""
        await made.wait()
        while True:
            heard = await self.ask(number, key, f"Storm {number}, changed")
            assert heard is not None
            self.seen[said := verdict(heard)] += 1
            if said != "IDEMPOTENCY_KEY_IN_FLIGHT":
                assert said == "IDEMPOTENCY_KEY_REUSED", heard
                return
            await asyncio.sleep(0.01)

    async def ask(self, number: int, key: str, title: str, hang_up: HangUp = HangUp.NEVER) -> Heard | None:
        """Every fourth key comes by GraphQL."""
        if number % 4:
            headers = {**self.headers, "Idempotency-Key": key}
            return await send(self.house.url, "/v1/works", headers, {"title": title}, hang_up)
        variables = {"key": key, "input": {"title": title}}
        document = {"query": MAKE, "variables": variables}
        return await send(self.house.url, "/graphql", self.headers, document, hang_up)


def kept(heard: Heard) -> bytes:
    """What is kept of an answer: all of it, but what GraphQL says of this request's own cost."""
    return heard.body.partition(b',"extensions":{"cost"')[0]


def verdict(heard: Heard) -> str:
    """'made', or the code of the refusal; the status has to fit it."""
    assert heard.status < 500, heard
    body = json.loads(heard.body)
    if heard.status == 200:
        codes = [error["code"] for error in body["data"]["createWork"]["userErrors"]]
        return str(codes[0]) if codes else "made"
    if heard.status == 201:
        return "made"
    expected = {"IDEMPOTENCY_KEY_IN_FLIGHT": 409, "IDEMPOTENCY_KEY_REUSED": 422}
    assert expected[body["code"]] == heard.status, heard
    assert (heard.headers.get("retry-after") == "1") == (heard.status == 409)
    return str(body["code"])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("keys", [60, pytest.param(200, marks=pytest.mark.long)])
async def test_as_many_keys_have_as_many_effects(
    keys: int, storm_house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    storm = Storm(storm_house, {"Authorization": f"Bearer {storm_house.token(tier='enterprise')}"})
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await storm.key(number)

    before = await counted(storm_house)
    await asyncio.gather(*(one(keys * 1_000 + number) for number in range(keys)))

    for key, answers in storm.answers.items():
        assert len(answers) == COPIES - CHANGED, key
        assert len({(answer.status, kept(answer)) for answer in answers}) == 1, key
        fresh = [answer for answer in answers if answer.headers.get("idempotency-replayed") != "true"]
        assert len(fresh) <= 1, key  # none where whoever was first had hung up
        same = ("etag", "location", "x-change-set")
        assert len({tuple(answer.headers.get(name) for name in same) for answer in answers}) == 1, key
    assert storm.seen["made"] == keys * (COPIES - CHANGED)
    assert storm.seen["IDEMPOTENCY_KEY_REUSED"] == keys * CHANGED
    assert storm.seen["IDEMPOTENCY_KEY_IN_FLIGHT"] > 0
    for when in (HangUp.BEFORE, HangUp.DURING, HangUp.AFTER):
        assert storm.seen[when] > keys / 2, storm.seen

    after = await counted(storm_house)
    assert {effect: after[effect] - before[effect] for effect in EFFECTS} == dict.fromkeys(EFFECTS, keys)
    told = capfd.readouterr()
    assert '"fault"' not in told.out + told.err, "a caller that hangs up is no fault of ours"
    print(f"\n{sum(storm.seen.values()):,} requests: {dict(storm.seen)}")


async def counted(house: House) -> dict[str, int]:
    """How many there are of each effect by now."""
    database = await asyncpg.connect(house.database_url)
    try:
        return {effect: await database.fetchval(f"select count({effect}") for effect in EFFECTS}
    finally:
        await database.close()
