"""The short way for plain reads and the whole way give the same answers, headers and all."""

import re
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tests.api.conftest import House
from tests.http.hostile import HOSTILE

RESPONSE = "application/graphql-response+json"
# What differs from one request to the next whichever way it goes.
OWN = {b"date", b"x-request-id", b"ratelimit", b"x-ratelimit-remaining"}

Answer = tuple[bytes, list[tuple[bytes, bytes]], bytes]


def exchange(house: House, head: list[str], body: bytes, *, in_chunks: bool) -> Answer:
    """One POST; once more where the answer to its headers alone was lost with the connection."""
    for _ in range(20):
        with suppress(ConnectionResetError):
            if (found := _exchange(house, head, body, in_chunks=in_chunks))[0]:
                return found
    raise AssertionError("the connection was reset twenty times")


def _exchange(house: House, head: list[str], body: bytes, *, in_chunks: bool) -> Answer:
    """One POST. in_chunks: the body comes in two parts, and such a request goes the whole way."""
    where = urlsplit(house.url)
    lines = ["POST /graphql HTTP/1.1", f"Host: {where.netloc}", "Connection: close", *head]
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as line:
        if in_chunks:
            lines.append("Transfer-Encoding: chunked")
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            parts = [body[:1], body[1:]]
            chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part] + [b"0\r\n\r\n"]
        else:
            lines.append(f"Content-Length: {len(body)}")
            chunks = [body]
        line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        # What is refused by its headers alone is answered before the rest is there.
        with suppress(BrokenPipeError, ConnectionResetError):
            for chunk in chunks:
                line.sendall(chunk)
        got = b""
        while part := line.recv(65_536):
            got += part
    head_bytes, _, answer = got.partition(b"\r\n\r\n")
    status, *rest = head_bytes.split(b"\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (one.partition(b":") for one in rest)]
    return status, sorted(header for header in headers if header[0] not in OWN), answer


def body(query: Any, **more: Any) -> bytes:
    return orjson.dumps({"query": query, **more})


READS: dict[str, bytes] = {
    "plain": body("{ releases(first: 2) { nodes { id title } } }"),
    "with variables": body(
        "query ($n: Int) { releases(first: $n) { totalCount } }", variables={"n": 3}, operationName=None
    ),
    "named": body("query A { __typename } query B { releases { totalCount } }", operationName="B"),
    "the viewer": body("{ viewer { actor organization role } }"),
    "of what is not there": body('{ release(id: "UmVsZWFzZTo") { id } }'),
    "introspection": body('{ __type(name: "Release") { name } }'),
    "with extensions": body("{ __typename }", extensions={"a": 1}),
    "the word mutation": body("query mutation { __typename }"),
    "a mutation refused": body('mutation { createWork(input: {title: ""}) { userErrors { code message } } }'),
    "the empty body": b"",
    "a cost only": body("{ releases { nodes { id } } }"),
}
READS.update({f"hostile: {case.name}": case.body for case in HOSTILE if len(case.body) < 2_000})


def differing(found: str) -> str:
    """The text without ids of requests."""
    return re.sub(r'"requestId":"[^"]*"', "", found)


@pytest.mark.parametrize("accept", ["application/json", RESPONSE, "text/csv", ""])
@pytest.mark.parametrize("name", READS)
def test_both_ways_answer_alike(house: House, name: str, accept: str) -> None:
    head = [f"Authorization: Bearer {house.token()}", "Content-Type: application/json"]
    head += [f"Accept: {accept}"] if accept else []
    quick = exchange(house, head, READS[name], in_chunks=False)
    whole = exchange(house, head, READS[name], in_chunks=True)
    assert quick[:2] == whole[:2]
    assert differing(quick[2].decode()) == differing(whole[2].decode())
    assert quick[0].startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "head",
    [
        [],
        ["Authorization: Bearer nonsense"],
        ["Authorization: Basic Zm9vOmJhcg=="],
        ["Content-Type: text/plain"],
        ["Content-Type: application/json; charset=latin-1"],
        ["Content-Type: application/json; charset=UTF-8"],
        ["Accept: application/json;q=0, application/graphql-response+json"],
        ["Origin: https://evil.example"],
        ["X-Request-Id: of-the-caller"],
    ],
    ids=str,
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_both_ways_judge_headers_alike(house: House, head: list[str], signed_in: bool) -> None:
    lines = list(head)
    if signed_in and not any(line.startswith("Authorization") for line in head):
        lines.append(f"Authorization: Bearer {house.token()}")
    if not any(line.startswith("Content-Type") for line in head):
        lines.append("Content-Type: application/json")
    quick = exchange(house, lines, READS["plain"], in_chunks=False)
    whole = exchange(house, lines, READS["plain"], in_chunks=True)
    assert quick[:2] == whole[:2]
    assert differing(quick[2].decode()) == differing(whole[2].decode())
