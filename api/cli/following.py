"""How `jobs watch` follows: subscriptions as server-sent events, begun again when the connection is lost."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from api.cli.output import Fault, Refused, say

# The server says something every twelve seconds, if only that it is there.
_SILENCE_S = 40.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
# What comes again by itself, or with a new token.
_PASSING = frozenset({"INVALID_CREDENTIALS", "UNAVAILABLE", "OVERLOADED", "TIMEOUT", "RATE_LIMIT_EXCEEDED"})


class _Lost(Exception):
    """The connection is gone, or the server can't answer at the moment."""


def answers(
    document: str, variables: dict[str, Any] | None = None, tell: Callable[[str], None] = say
) -> Iterator[dict[str, Any]]:
    """The data of each answer to a subscription, up to its end; lost connections are made anew.

    After one was lost, what is told first is how things stand then. tell: how the person hears of that.
    Raises Refused, Fault.
    """
    pause, told = _FIRST_PAUSE_S, False
    while True:
        try:
            for data in _once(document, variables or {}):
                pause, told = _FIRST_PAUSE_S, True
                yield data
            return
        except _Lost as lost:
            if not told and pause == _FIRST_PAUSE_S:
                tell(f"Waiting for the server: {lost}")
            elif told:
                tell(f"The connection was lost ({lost}); connecting again")
            told = False
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE_S, pause * 2)


def _once(document: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    import httpx2

    from api.cli.client import client

    asked = {"query": document, "variables": variables}
    accept = {"Accept": "text/event-stream"}
    try:
        with (
            client(_SILENCE_S) as http,
            http.stream("POST", "/graphql", json=asked, headers=accept) as answer,
        ):
            if answer.status_code != 200:
                answer.read()
                _refuse(_problem(answer), answer.status_code)
            ended = False
            for event, text in events(answer.iter_lines()):
                if event == "complete":
                    ended = True
                    break
                body = json.loads(text)
                for error in body.get("errors") or ():
                    _refuse({"code": error["extensions"].get("code"), "detail": error["message"]}, 200)
                yield body["data"]
            if not ended:
                raise _Lost("it ended early")
    except httpx2.TransportError as error:
        raise _Lost(str(error) or type(error).__name__) from error


def events(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and data of each event of a stream (HTML Living Standard §9.2.6)."""
    event, data = "", []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif not line and event:
            yield event, "\n".join(data)
            event, data = "", []


def _problem(answer: Any) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {"code": None, "detail": answer.text[:200]}
    if (errors := body.get("errors")) and "extensions" in errors[0]:
        return {"code": errors[0]["extensions"].get("code"), "detail": errors[0]["message"]}
    return {"code": body.get("code"), "detail": body.get("detail")}


def _refuse(problem: dict[str, Any], status: int) -> None:
    """Raise what fits a refusal: nothing helps, or it passes."""
    code, detail = problem["code"], problem["detail"]
    if status >= 500 or status == 429 or (code in _PASSING and status == 200):
        raise _Lost(f"{code}: {detail}")
    if code in ("NOT_FOUND", "BAD_USER_INPUT"):
        raise Refused(str(detail))
    raise Fault(f"The server answered {status}: {detail}")
