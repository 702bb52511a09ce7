"""What is said over a socket (graphql-transport-ws), and who may say it."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import api.live.socket
from api.embedded import Servers
from api.people.sessions import COOKIE
from domain.access.scopes import Role, Scope
from domain.access.sessions import end_session, open_session
from domain.row import new_id
from tests.api.conftest import OURS, THEIRS, House
from tests.conftest import Databases
from tests.live.conftest import CHANGED, WATCH, Yard, a_small_house, job_id, opened

INIT = '{"type":"connection_init"}'
FOLLOW = '{"type":"subscribe","id":"1","payload":{"query":"subscription { jobsChanged { id } }"}}'


async def test_a_job_is_followed_to_its_end(yard: Yard) -> None:
    id = await yard.job()
    async with opened(yard.house) as socket:
        await socket.follow("one", WATCH, id=job_id(id))
        assert (await socket.next("one"))["jobProgress"] == {
            "id": job_id(id), "state": "queued", "progressDone": 0, "progressTotal": None,
        }  # fmt: skip
        await yard.claim(id)
        assert (await socket.next("one"))["jobProgress"]["state"] == "running"
        await yard.progress(id, 3)
        assert (await socket.next("one"))["jobProgress"]["progressDone"] == 3
        await yard.finish(id)
        assert (await socket.next("one"))["jobProgress"]["state"] == "done"
        assert await socket.hear() == {"id": "one", "type": "complete"}


async def test_every_job_of_ones_own_that_is_chosen_is_told_of_and_no_others(yard: Yard) -> None:
    chosen: set[str] = set()
    foreign: set[str] = set()
    heard: set[tuple[str, str]] = set()
    async with opened(yard.house) as socket, opened(yard.house, yard.house.token(THEIRS)) as others:
        await socket.follow("done", CHANGED, state=["done"], kind=["test_chosen"])
        await socket.follow("all", CHANGED, kind="test_chosen")
        await others.follow("theirs", CHANGED)
        # What has happened before a subscription begins is not told, so it is done until it has.
        while not {("done", "done"), ("all", "done"), ("theirs", "done")} <= heard:
            for owner, kind in ((THEIRS, "test_chosen"), (OURS, "test_other"), (OURS, "test_chosen")):
                id = await yard.begun(owner, kind)
                await yard.finish(id)
                if (owner, kind) != (OURS, "test_other"):
                    (chosen if owner == OURS else foreign).add(job_id(id))
            for each, theirs in ((socket, chosen), (others, foreign)):
                with suppress(TimeoutError):
                    while True:
                        message = await asyncio.wait_for(each.hear(), 0.5)
                        told = message["payload"]["data"]["jobsChanged"]
                        assert told["id"] in theirs
                        heard.add((message["id"], told["state"]))
    assert not [state for name, state in heard if name == "done" and state != "done"]


async def test_whoever_breaks_the_protocol_while_it_follows_is_told_at_once(house: House) -> None:
    # Subscriptions are still beginning when the conversation ends: none may outlive it.
    for _ in range(3):
        async with opened(house) as socket:
            for id in (*range(5), 4):
                await socket.connection.send(FOLLOW.replace('"1"', f'"{id}"'))
            assert (await socket.closed())[0] == 4409


async def test_a_caller_may_stop_listening_and_begin_again(yard: Yard) -> None:
    id = await yard.begun()
    async with opened(yard.house) as socket:
        for _ in range(3):
            await socket.follow("again", WATCH, id=job_id(id))
            await socket.next("again")
            await socket.say("complete", id="again")
        await socket.say("ping", payload={"n": 1})
        assert await socket.hear() == {"type": "pong", "payload": {"n": 1}}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"type":"subscribe","id":"1","payload":{"query":"{ __typename }"}}'], 4401),
        ([INIT, INIT], 4429),
        (["{"], 4400),
        (["[]"], 4400),
        ([b"{}"], 4400),
        (['{"type":"nothing"}'], 4400),
        (['{"type":"connection_init","payload":7}'], 4400),
        (['{"type":"connection_init","payload":{"authorization":7}}'], 4400),
        ([INIT, '{"type":"subscribe","payload":{}}'], 4400),
        ([INIT, '{"type":"subscribe","id":"1","payload":{}}'], 4400),
        (
            [
                INIT,
                *['{"type":"subscribe","id":"1","payload":{"query":"subscription {jobsChanged{id}}"}}'] * 2,
            ],
            4409,
        ),
        (['{"type":"ping","payload":"' + "x" * (1 << 20) + '"}'], 1009),
    ],
)
async def test_whoever_breaks_the_protocol_is_told_by_its_code(
    house: House, messages: list[str | bytes], code: int
) -> None:
    headers = {"Authorization": f"Bearer {house.token()}"}
    async with opened(house, init=False, additional_headers=headers) as socket:
        for message in messages:
            await socket.connection.send(message)
        with suppress(ConnectionClosed):
            while True:
                await socket.hear()
        assert (await socket.closed())[0] == code


async def test_another_protocol_is_not_spoken(house: House) -> None:
    async with connect(house.url.replace("http", "ws") + "/graphql") as connection:
        await asyncio.wait_for(connection.wait_closed(), 30)
        assert connection.close_code == 4406


async def test_a_caller_who_says_nothing_is_not_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.live.socket, "INIT_TIMEOUT_S", 0.05)
    async with opened(house, init=False) as socket:
        assert await socket.closed() == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (None, "AUTH_REQUIRED"),
        ({"authorization": "Bearer nothing"}, "INVALID_CREDENTIALS"),
        ({"X-API-Key": "ck_nothing"}, "INVALID_API_KEY"),
    ],
)
async def test_without_a_good_credential_nobody_is_let_in(house: House, payload: object, said: str) -> None:
    async with opened(house, init=False) as socket:
        await socket.say("connection_init", payload=payload)
        code, reason = await socket.closed()
        assert (code, reason.partition(":")[0]) == (4403, said)


async def test_two_credentials_that_differ_are_refused(house: House) -> None:
    headers = {"Authorization": f"Bearer {house.token()}"}
    async with opened(house, init=False, additional_headers=headers) as socket:
        await socket.say("connection_init", payload={"authorization": f"Bearer {house.token(THEIRS)}"})
        assert (await socket.closed())[1].startswith("BAD_REQUEST")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{ viewer { actor } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { jobsChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { a: jobsChanged { id } b: jobsChanged { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { jobsChanged @skip(if: true) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { jobProgress(id: 7) { id } }", "BAD_USER_INPUT"),
        ('subscription { jobsChanged(state: "a\\u0000") { id } }', "BAD_USER_INPUT"),
        (
            "subscription { jobsChanged { " + "".join(f"a{n}: id " for n in range(31)) + "} }",
            "LIMIT_EXCEEDED",
        ),
    ],
)
async def test_a_document_is_held_to_what_holds_for_every_document(
    house: House, document: str, code: str
) -> None:
    async with opened(house) as socket:
        await socket.follow("one", document)
        assert await socket.refused("one") == code


async def test_a_subscription_needs_the_scope_of_what_it_tells(yard: Yard) -> None:
    token = yard.house.token(role=Role.ADMIN, scopes=[Scope.CATALOG_READ])
    async with opened(yard.house, token) as socket:
        for document in (CHANGED, WATCH):
            await socket.follow("one", document, id=job_id(await yard.job()))
            assert await socket.refused("one") == "INSUFFICIENT_SCOPE"


async def test_a_token_that_ends_ends_what_runs(yard: Yard) -> None:
    async with opened(yard.house, yard.house.token(lifetime=timedelta(seconds=4))) as socket:
        await socket.follow("one", WATCH, id=job_id(await yard.job()))
        await socket.next("one")
        code, reason = await socket.closed()
        assert code == 4403
        assert reason.startswith("INVALID_CREDENTIALS: the token, key or session has expired")


async def test_a_token_that_is_revoked_ends_what_runs(yard: Yard) -> None:
    token = yard.house.token()
    name = jwt.decode(token, options={"verify_signature": False})["jti"]
    async with opened(yard.house, token) as socket, opened(yard.house) as other:
        for each in (socket, other):
            await each.follow("one", WATCH, id=job_id(await yard.job()))
            await each.next("one")
        await yard.sql.execute(
            "insert into revocation (name, revoked_at, expires_at) "
            "values ($1, clock_timestamp(), clock_timestamp() + interval '1 hour')",
            f"token:{name}",
        )
        code, reason = await socket.closed()
        assert (code, reason.partition(":")[0]) == (4403, "INVALID_CREDENTIALS")
        await other.say("ping")
        assert await other.hear() == {"type": "pong"}


async def test_pages_of_other_sites_open_no_socket(house: House) -> None:
    headers = {"Authorization": f"Bearer {house.token()}"}
    own = house.url
    async with opened(house, init=False, origin=own, additional_headers=headers) as socket:
        await socket.say("connection_init")
        assert await socket.hear() == {"type": "connection_ack"}
    for origin in ("https://elsewhere.example", "null", own.replace("127.0.0.1", "localhost")):
        with pytest.raises(InvalidStatus) as refused:
            async with opened(house, init=False, origin=origin, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403
        assert b'"code":"CSRF_FAILED"' in (refused.value.response.body or b"")


async def test_whoever_is_not_let_in_again_and_again_is_turned_away_at_the_door(
    databases: Databases, servers: Servers, tmp_path: Path
) -> None:
    async with a_small_house(databases, servers, tmp_path, anonymous_requests=3) as yard:
        for _ in range(5):
            try:
                async with opened(yard.house, init=False) as socket:
                    await socket.say("connection_init", payload={"authorization": "Bearer nothing"})
                    assert (await socket.closed())[0] == 4403
            except InvalidStatus as refused:
                answer = refused.response
                break
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_session_may_follow_from_our_own_pages_alone(
    databases: Databases, servers: Servers, tmp_path: Path
) -> None:
    async with a_small_house(databases, servers, tmp_path) as yard:
        person = new_id()
        await yard.sql.execute(
            "insert into user_account (id, email, display_name) values ($1, 'ann@live.test', 'Ann')", person
        )
        await yard.sql.execute(
            "insert into member (organization_id, user_id, role) values ($1, $2, 'label_user')", OURS, person
        )
        session = await open_session(yard.sql, person, OURS, address="127.0.0.1", user_agent="tests")
        headers = {"Cookie": f"{COOKIE}={session.token}"}
        id = job_id(await yard.job())
        own = yard.house.url
        async with opened(yard.house, init=False, origin=own, additional_headers=headers) as socket:
            await socket.say("connection_init")
            assert await socket.hear() == {"type": "connection_ack"}
            await socket.follow("one", WATCH, id=id)
            await socket.next("one")
            assert await end_session(yard.sql, person, session.id)
            code, reason = await socket.closed()
            assert (code, reason.partition(":")[0]) == (4403, "INVALID_CREDENTIALS")
        with pytest.raises(InvalidStatus):
            async with opened(yard.house, init=False, origin="https://a.example", additional_headers=headers):
                pass
