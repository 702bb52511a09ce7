"""What surrounds a request: faults masked, bodies capped, outages told apart."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from asyncpg.exceptions import CannotConnectNowError, QueryCanceledError

from api.counting import Requests
from api.middleware import RequestMiddleware, capped, problem_of
from api.problems import Problem, pointer, status_of, table
from domain.refusals import VersionConflict


async def answered(app: Any, **scope: Any) -> tuple[int, dict[bytes, bytes], Any]:
    """What a caller gets of an ASGI application inside the middleware."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    given = {"type": "http", "method": "GET", "path": "/x", "headers": [], **scope}
    await RequestMiddleware(app, Requests())(given, receive, send)
    start, body = sent
    return start["status"], dict(start["headers"]), orjson.loads(body["body"])


async def test_a_fault_is_masked_and_named() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("password=hunter2")

    status, headers, body = await answered(broken, headers=[(b"x-request-id", b"abc")])
    assert (status, body["code"], body["requestId"]) == (500, "INTERNAL_ERROR", "abc")
    assert headers[b"x-request-id"] == b"abc"
    assert headers[b"content-type"] == b"application/problem+json"
    assert "hunter2" not in str(body)


async def test_an_answer_that_began_breaks_off() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("later")

    with pytest.raises(RuntimeError, match="later"):
        await answered(broken)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (QueryCanceledError("canceling statement due to statement timeout"), 503, "TIMEOUT"),
        (CannotConnectNowError("the database system is starting up"), 503, "UNAVAILABLE"),
        (ConnectionRefusedError(), 503, "UNAVAILABLE"),
        (TimeoutError(), 503, "TIMEOUT"),
        (VersionConflict("later"), 412, "VERSION_CONFLICT"),
        (KeyError("x"), 500, "INTERNAL_ERROR"),
    ],
)
def test_each_exception_has_its_problem(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    assert (problem.code, status_of(problem.code)) == (code, status)


async def test_a_stream_without_a_length_is_capped() -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"12345"

    assert b"".join([part async for part in capped(stream(), 15)]) == b"12345" * 3
    with pytest.raises(Problem) as caught:
        [part async for part in capped(stream(), 14)]
    assert caught.value.code == "PAYLOAD_TOO_LARGE"


def test_pointers_are_escaped_and_in_the_names_of_callers() -> None:
    assert pointer(("artist_credit", 0, "a/b~c")) == "/artistCredit/0/a~1b~0c"


def test_every_code_has_a_status_and_a_meaning() -> None:
    for code, (status, meaning) in table().items():
        assert code == code.upper()
        assert 400 <= status < 600
        assert meaning.endswith(".")
