"""Idempotency keys: where they are needed, what they may be, whose they are, how long they count."""

import asyncio
import dataclasses
import json
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import httpx2
import pytest

from api.sealing import AnswerSealer
from domain.adapters.postgres import Pool
from domain.command import COMMANDS, Command, Outcome, Repeat
from domain.dispatch import KEY_LIFE, Dispatched, dispatch
from domain.inputs import parse
from domain.ports import SealBroken
from domain.refusals import KeyInFlight, KeyReused
from domain.row import utc_now
from jobs.upkeep import forget_keys
from tests.api.conftest import THEIRS, House
from tests.domain.desk import Desk, new_desk

MAKE = """mutation($title: String!) {
  a: createWork(input: {title: $title}, idempotencyKey: %s) { work { id } userErrors { code path } }
  b: createWork(input: {title: $title}, idempotencyKey: %s) { work { id } userErrors { code path } } }"""
NEEDED = [command for command in COMMANDS.values() if command.needs_key]


def bare(house: House, **more: Any) -> httpx2.Client:
    """A caller that sends no key by itself."""
    headers = {"Authorization": f"Bearer {house.token(**more)}"}
    return httpx2.Client(base_url=house.url, headers=headers, timeout=30)


def test_every_post_that_would_be_done_twice_needs_a_key(storm_house: House) -> None:
    assert len(NEEDED) >= 15
    with bare(storm_house) as caller:
        held = set(
            caller.post("/graphql", json={"query": "{viewer{scopes}}"}).json()["data"]["viewer"]["scopes"]
        )
        for command in NEEDED:
            path = command.path.format_map({name: uuid.uuid4() for name in command.hints})
            for headers in ({}, {"Idempotency-Key": ""}):
                answer = caller.post(f"/v1{path}", json={}, headers=headers)
                if command.scope in held:
                    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
                else:
                    assert (answer.status_code, answer.json()["code"]) == (403, "INSUFFICIENT_SCOPE")


def test_what_names_itself_needs_none(storm_house: House) -> None:
    for command in COMMANDS.values():
        assert command.needs_key == (command.method == "POST" and command.repeat is Repeat.BY_KEY)
    with bare(storm_house) as caller:
        made = caller.post("/v1/works", json={"title": "Named"}, headers={"Idempotency-Key": "named-1"})
        path = f"/v1/works/{made.json()['id']}"
        assert caller.patch(path, json={"title": "Anew"}).status_code == 200
        assert caller.delete(path).status_code == 204
        again = caller.post(f"/v1/jobs/{uuid.uuid4()}/cancel", json={})
        assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("key", ["~", "!" * 255, '"quoted"', str(uuid.UUID(int=7))])
def test_a_key_is_visible_ascii(storm_house: House, key: str) -> None:
    with bare(storm_house) as caller:
        answers = [
            caller.post("/v1/works", json={"title": "Key"}, headers={"Idempotency-Key": key}) for _ in "12"
        ]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].content == answers[1].content
        assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true"]


@pytest.mark.parametrize("key", ["!" * 256, "two words", "tab\tbed", "ümlaut"])
def test_another_key_is_refused(storm_house: House, key: str) -> None:
    with bare(storm_house) as caller:
        headers = {b"Idempotency-Key": key.encode("latin-1")}
        answer = caller.post("/v1/works", json={"title": "Key"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR"), answer.text
        asked = {"query": MAKE % (json.dumps(key), "null"), "variables": {"title": "Key"}}
        done = caller.post("/graphql", json=asked).json()["data"]["a"]
        assert done == {
            "work": None,
            "userErrors": [{"code": "VALIDATION_ERROR", "path": ["idempotencyKey"]}],
        }


def test_graphql_says_that_an_answer_is_an_earlier_one(storm_house: House) -> None:
    with bare(storm_house) as caller:

        def ask(key: str, other: str) -> httpx2.Response:
            document = MAKE % (json.dumps(key), json.dumps(other))
            return caller.post("/graphql", json={"query": document, "variables": {"title": "Twice"}})

        first, again, half = ask("g-1", "g-2"), ask("g-1", "g-2"), ask("g-1", "g-3")
        assert first.json()["data"] == again.json()["data"]
        assert first.json()["data"]["a"] == half.json()["data"]["a"]
        said = [answer.headers.get("idempotency-replayed") for answer in (first, again, half)]
        assert said == [None, "true", None]


def test_keys_of_two_callers_never_meet(storm_house: House) -> None:
    made = []
    for more in ({}, {"subject": "another"}, {"organization": THEIRS}):
        with bare(storm_house, **more) as caller:
            answer = caller.post("/v1/works", json={"title": "Own"}, headers={"Idempotency-Key": "same"})
            assert answer.headers.get("idempotency-replayed") is None
            made.append(answer.json()["id"])
    assert len(set(made)) == 3


def test_a_refusal_is_not_kept(storm_house: House) -> None:
    with bare(storm_house) as caller:
        artist = caller.post("/v1/artists", json={"name": "Late"}, headers={"Idempotency-Key": "late"}).json()
        key, path = {"Idempotency-Key": "tried"}, f"/v1/artists/{artist['id']}"
        early = caller.patch(path, json={"name": "Later"}, headers={**key, "If-Match": '"7"'})
        assert (early.status_code, early.json()["code"]) == (412, "VERSION_CONFLICT")
        then = caller.patch(path, json={"name": "Later"}, headers={**key, "If-Match": '"1"'})
        assert (then.status_code, then.headers.get("idempotency-replayed")) == (200, None)
        again = caller.patch(path, json={"name": "Later"}, headers={**key, "If-Match": '"1"'})
        assert (again.content, again.headers["idempotency-replayed"]) == (then.content, "true")


async def test_while_the_first_is_under_way_a_copy_is_told_so(fresh_pool: Pool, fresh_database: str) -> None:
    desk = await new_desk(fresh_pool)
    holder = await asyncpg.connect(fresh_database)
    async with holder.transaction():
        name = f"{desk.viewer.organization_id}|{desk.viewer.actor}|busy"
        await holder.execute("select pg_advisory_xact_lock(hashtextextended($1, 1))", name)
        with pytest.raises(KeyInFlight):
            await desk.send("create_work", key="busy", title="Busy")
        await desk.send("create_work", key="idle", title="Idle")
    await desk.send("create_work", key="busy", title="Busy")
    await holder.close()


async def test_a_key_counts_for_seven_days(fresh_pool: Pool) -> None:
    desk = await new_desk(fresh_pool)
    first = await desk.send("create_work", key="week", title="Week")
    left = await fresh_pool.fetchval("select expires_at from idempotency_key") - utc_now()
    assert timedelta(days=7) == KEY_LIFE
    assert KEY_LIFE - timedelta(minutes=1) < left <= KEY_LIFE
    await fresh_pool.execute("update idempotency_key set expires_at = now() + interval '5 minutes'")
    assert (await desk.send("create_work", key="week", title="Week")).body == first.body
    await fresh_pool.execute("update idempotency_key set expires_at = now()")
    other = await desk.send("create_work", key="week", title="Another week")
    assert (other.replayed, other.body == first.body) == (False, False)
    assert (await desk.send("create_work", key="week", title="Another week")).body == other.body


async def test_expired_keys_are_forgotten_in_batches(fresh_pool: Pool) -> None:
    desk = await new_desk(fresh_pool)
    for number in range(25):
        await desk.send("create_work", key=f"k{number}", title=f"K {number}")
    assert await forget_keys(fresh_pool) == 0
    await fresh_pool.execute("update idempotency_key set expires_at = now() where key < 'k20'")
    expired = await fresh_pool.fetchval("select count(*) from idempotency_key where expires_at <= now()")
    gone = await asyncio.gather(*(forget_keys(fresh_pool, at_once=4) for _ in range(3)))
    assert 0 < expired == sum(gone)
    assert await fresh_pool.fetchval("select count(*) from idempotency_key") == 25 - expired
    assert await fresh_pool.fetchval("select count(*) from work") == 25


@dataclasses.dataclass(frozen=True)
class Teller:
    """Sends a command that discloses a secret, which its answer holds."""

    desk: Desk
    sealer: AnswerSealer
    command: Command = dataclasses.field(
        default_factory=lambda: dataclasses.replace(COMMANDS["create_work"], discloses=True)
    )

    async def send(self, key: str, title: str = "Secret") -> Dispatched:
        async def render(outcome: Outcome, _sql: Any) -> tuple[int, bytes]:
            return 201, b"the secret is " + outcome.ids[0].hex.encode()

        return await dispatch(
            self.command,
            parse(self.command.ask, {"title": title}),
            viewer=self.desk.viewer,
            pool=self.desk.pool,
            sealer=self.sealer,
            door="graphql",
            idempotency_key=key,
            render=render,
        )


async def test_what_discloses_a_secret_is_kept_sealed(fresh_pool: Pool) -> None:
    teller = Teller(await new_desk(fresh_pool), AnswerSealer(b"s" * 32))
    first, other = await teller.send("one"), await teller.send("two")
    again = await teller.send("one")
    assert (again.replayed, again.body) == (True, first.body)
    assert first.body is not None
    kept = {
        row["key"]: row["response"]
        for row in await fresh_pool.fetch("select key, response from idempotency_key")
    }
    assert len(kept) == 2
    for response in kept.values():
        assert b"secret" not in response
    assert first.body.rsplit(b" ", 1)[1] not in b"".join(kept.values())
    assert first.body != other.body

    with pytest.raises(KeyReused):
        await teller.send("one", "Something else")


async def test_a_sealed_answer_opens_only_where_it_was_kept(fresh_pool: Pool) -> None:
    teller = Teller(await new_desk(fresh_pool), AnswerSealer(b"s" * 32))
    await teller.send("one")
    await teller.send("two")
    with pytest.raises(KeyReused, match="can't be read"):
        await dataclasses.replace(teller, sealer=AnswerSealer(b"t" * 32)).send("one")
    await fresh_pool.execute(
        "update idempotency_key set response = (select response from idempotency_key where key = 'two') "
        "where key = 'one'"
    )
    with pytest.raises(KeyReused, match="can't be read"):
        await teller.send("one")
    await fresh_pool.execute("update idempotency_key set response = 'short' where key = 'two'")
    with pytest.raises(KeyReused, match="can't be read"):
        await teller.send("two")


def test_a_seal_shows_every_change() -> None:
    sealer = AnswerSealer(b"s" * 32)
    sealed = sealer.seal(b"plain", b"mine")
    assert sealer.open(sealed, b"mine") == b"plain"
    assert sealer.seal(b"plain", b"mine") != sealed
    for place in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        with pytest.raises(SealBroken):
            sealer.open(bytes(flipped), b"mine")
    with pytest.raises(SealBroken):
        sealer.open(sealed, b"theirs")
    with pytest.raises(SealBroken):
        AnswerSealer(b"t" * 32).open(sealed, b"mine")
