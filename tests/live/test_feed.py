"""Whatever is lost on the way, and however slowly somebody reads: what is told last is how it stands."""

import asyncio
import socket as sockets
import uuid
from pathlib import Path

import asyncpg
import pytest

from api.embedded import Servers
from api.live.hub import MOST_WAITING, Watch
from api.problems import Problem
from domain.access.scopes import Role
from domain.access.viewer import Viewer
from domain.row import new_id
from domain.watching import first_id
from tests.api.conftest import OURS, THEIRS
from tests.conftest import Databases
from tests.live.conftest import CHANGED, WATCH, Yard, a_small_house, job_id, opened, until_told

OUT_OF_REACH = Viewer(OURS, "test", Role.ADMIN, frozenset())


async def test_an_end_that_nobody_was_told_of_is_found(yard: Yard) -> None:
    id = await yard.begun()
    async with opened(yard.house) as socket:
        await socket.follow("one", WATCH, id=job_id(id))
        await socket.next("one")
        await yard.sql.execute("alter table job disable trigger tell_of_change")
        try:
            await yard.finish(id)
        finally:
            await yard.sql.execute("alter table job enable trigger tell_of_change")
        assert (await socket.next("one"))["jobProgress"]["state"] == "done"
        assert await socket.hear() == {"id": "one", "type": "complete"}


async def test_a_job_that_is_deleted_ends_what_follows_it(yard: Yard) -> None:
    kept, gone = await yard.begun(), await yard.begun()
    async with opened(yard.house) as socket:
        for name, id in (("kept", kept), ("gone", gone)):
            await socket.follow(name, WATCH, id=job_id(id))
            await socket.next(name)
        await yard.sql.execute("delete from job where id = $1", gone)
        ended = await socket.hear()
        assert (ended["id"], ended["type"]) == ("gone", "error")
        assert ended["payload"][0]["extensions"]["code"] == "NOT_FOUND"
        await yard.finish(kept)
        assert (await socket.next("kept"))["jobProgress"]["state"] == "done"


async def test_a_listener_that_is_cut_off_listens_again(yard: Yard) -> None:
    id = await yard.begun()
    async with opened(yard.house) as socket:
        await socket.follow("one", WATCH, id=job_id(id))
        await socket.next("one")
        cut = await yard.sql.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity "
            "where application_name = 'catalograph watch' and datname = current_database()"
        )
        assert cut == 1
        for done in (1, 2, 3):
            await yard.progress(id, done)
            assert (await socket.next("one"))["jobProgress"]["progressDone"] == done


async def test_many_changes_are_folded_and_the_newest_is_told(yard: Yard) -> None:
    id = await yard.begun()
    async with opened(yard.house) as socket:
        await socket.follow("one", WATCH, id=job_id(id))
        told = [(await socket.next("one"))["jobProgress"]["progressDone"]]
        for done in range(1, 101):
            await yard.progress(id, done, 100)
        while told[-1] != 100:
            told.append((await socket.next("one"))["jobProgress"]["progressDone"])
    assert told == sorted(set(told))
    assert len(told) < 50


async def test_a_lease_that_is_kept_is_no_news_and_nobody_is_told_where_nobody_watches(yard: Yard) -> None:
    heard: list[str] = []
    listener = await asyncpg.connect(yard.house.database_url)
    await listener.add_listener("catalograph_job", lambda *given: heard.append(str(given[-1])))
    try:
        ours, theirs = await yard.begun(), await yard.begun(THEIRS)
        async with opened(yard.house) as socket:
            await socket.follow("one", WATCH, id=job_id(ours))
            await socket.next("one")
            heard.clear()
            await yard.sql.execute("update job set leased_until = clock_timestamp() where id = $1", ours)
            await yard.progress(theirs, 1)
            await yard.progress(ours, 1)
            while not heard:
                await asyncio.sleep(0.01)
                await listener.fetchval("select 1")
        assert heard == [f"{OURS} {ours}"]
    finally:
        await listener.close()


async def test_whoever_reads_too_slowly_is_told_so_and_holds_no_more_than_may_be() -> None:
    watch = Watch(OUT_OF_REACH, None, lambda _: True)
    first = new_id()
    for _ in range(3):
        watch.tell(first, None)
    for _ in range(MOST_WAITING - 1):
        watch.tell(new_id(), None)
    assert await watch.next() == first
    watch.tell(first, None)
    watch.tell(new_id(), None)
    with pytest.raises(Problem) as ended:
        await watch.next()
    assert ended.value.code == "LIMIT_EXCEEDED"


def test_the_first_id_of_an_instant_is_before_every_other() -> None:
    id = new_id()
    at = (id.int >> 80) / 1000
    assert first_id(at) <= id < first_id(at + 0.002)
    assert first_id(at).version == 7
    assert first_id(at).variant == uuid.RFC_4122


async def test_a_client_has_so_many_subscriptions_and_a_process_so_many_in_all(
    databases: Databases, servers: Servers, tmp_path: Path
) -> None:
    async with a_small_house(databases, servers, tmp_path, subscriptions=3, subscriptions_of_one=2) as yard:
        id = job_id(await yard.job())
        theirs = job_id(await yard.job(THEIRS))
        async with opened(yard.house) as one, opened(yard.house, yard.house.token(THEIRS)) as another:
            for name in ("1", "2"):
                await one.follow(name, WATCH, id=id)
                await one.next(name)
            async with opened(yard.house) as more:
                await more.follow("3", WATCH, id=id)
                assert await more.refused("3") == "LIMIT_EXCEEDED"
            await another.follow("1", WATCH, id=theirs)
            await another.next("1")
            await another.follow("2", WATCH, id=theirs)
            assert await another.refused("2") == "OVERLOADED"
            await one.say("complete", id="1")
            await until_told(another, "2", theirs)


async def test_what_there_is_nothing_to_pay_for_waits_and_is_told_as_it_stands_then(
    databases: Databases, servers: Servers, tmp_path: Path
) -> None:
    async with a_small_house(databases, servers, tmp_path, 40, subscriptions_of_one=100) as yard:
        # Budgets are counted in the store that other tests share, so this organization is nobody else's.
        poor = new_id()
        await yard.sql.execute("insert into organization (id, name, slug) values ($1, 'Poor', 'poor')", poor)
        id = await yard.begun(poor)
        async with opened(yard.house, yard.house.token(poor)) as socket:
            await socket.follow("one", WATCH, id=job_id(id))
            await socket.next("one")
            for number in range(50):
                await socket.follow(str(number), CHANGED, kind="nothing")
            refused = await socket.hear()
            assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMIT_EXCEEDED"
            assert refused["payload"][0]["extensions"]["retryAfterSeconds"] >= 1
            for done in (1, 2, 3):
                await yard.progress(id, done)
            while (told := await socket.hear())["type"] == "error":
                pass
            assert told["payload"]["data"]["jobProgress"]["progressDone"] == 3


@pytest.mark.parametrize("way", ["ws", "sse"])
async def test_a_server_that_stops_says_goodbye_and_not_that_it_is_over(
    databases: Databases, servers: Servers, tmp_path: Path, way: str
) -> None:
    stack = a_small_house(databases, servers, tmp_path)
    yard = await stack.__aenter__()
    id = await yard.begun()
    port = int(yard.house.url.rpartition(":")[2])
    if way == "ws":
        async with opened(yard.house) as socket:
            await socket.follow("one", WATCH, id=job_id(id))
            await socket.next("one")
            stopping = asyncio.create_task(stack.__aexit__(None, None, None))
            assert await socket.closed() == (1001, "the server stops")
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b'{"query":"subscription { jobProgress(id: \\"%b\\") { state } }"}' % job_id(id).encode()
        head = [
            *("POST /graphql HTTP/1.1", "Host: x", f"Authorization: Bearer {yard.house.token()}"),
            *("Accept: text/event-stream", "Content-Type: application/json"),
            *(f"Content-Length: {len(body)}", "", ""),
        ]
        writer.write("\r\n".join(head).encode() + body)
        await asyncio.wait_for(reader.readuntil(b'"state":"running"'), 30)
        stopping = asyncio.create_task(stack.__aexit__(None, None, None))
        rest = await asyncio.wait_for(reader.read(), 30)
        assert b"event: complete" not in rest  # it is not over, and is to be begun again elsewhere
        assert rest.endswith(b"0\r\n\r\n")
        writer.close()
    await asyncio.wait_for(stopping, 30)
    with pytest.raises(OSError):  # noqa: PT011
        sockets.create_connection(("127.0.0.1", port), 1).close()
