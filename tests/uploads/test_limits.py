"""What a tier does not allow is refused before and while bytes come; what breaks off leaves nothing."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx2

from domain.access.scopes import Role
from tests.jobs.yard import until
from tests.uploads.conftest import Desk, png, wave
from tests.uploads.test_uploads import CREATE

MIB = 1 << 20
BOUNDARY = "only-here"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    "Content-Type: audio/wav\r\n\r\n"
).encode()


async def limit(desk: Desk, **limits: int) -> None:
    """Put our organization into a tier of its own, with limits in bytes and seconds."""
    await desk.pool.execute("update organization set tier = 'pro' where id = $1", desk.ours)
    given = {"most_file_bytes": 4 * MIB, "most_kept_bytes": 8 * MIB, "most_upload_s": 600} | limits
    named = ", ".join(f"{name} = {value}" for name, value in given.items())
    await desk.pool.execute(f"update tier set {named} where name = 'pro'")


async def stream(desk: Desk, parts: AsyncIterator[bytes]) -> httpx2.Response:
    """Send a form whose length nobody knows beforehand."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    token = desk.served.house.token(organization=desk.ours)
    headers |= {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
    async with httpx2.AsyncClient(base_url=desk.served.house.url, timeout=30) as client:
        return await client.post("/v1/files", content=parts, headers=headers)


def begun(desk: Desk, body: bytes) -> socket.socket:
    """A connection on which the beginning of a form was sent."""
    token, at = desk.served.house.token(organization=desk.ours), urlsplit(desk.served.house.url)
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {uuid.uuid4().hex}\r\nContent-Length: 3500000\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    line = socket.create_connection((at.hostname or "", at.port or 0))
    line.sendall(head.encode() + body)
    return line


async def files(desk: Desk) -> int:
    """How many rows of ours there are."""
    return int(await desk.pool.fetchval("select count(*) from file where owner_id = $1", desk.ours))


async def test_a_file_that_is_too_large_is_refused_by_its_length(desk: Desk) -> None:
    await limit(desk)
    before = desk.served.stored()
    answer = await desk.upload("a.wav", wave(5 * MIB))
    assert (answer.status_code, answer.json()["code"]) == (413, "FILE_TOO_LARGE")
    assert answer.json()["largest"] == 4 * MIB
    refused = await desk.graph(
        CREATE % uuid.uuid4().hex, input={"fileName": "a.wav", "sizeBytes": str(5 * MIB)}
    )
    assert refused["createUpload"]["userErrors"][0]["code"] == "FILE_TOO_LARGE"
    assert (await files(desk), desk.served.stored()) == (0, before)


async def test_a_stream_that_grows_too_large_is_cut_off(desk: Desk) -> None:
    await limit(desk)
    before, sent = desk.served.stored(), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield HEAD
        for _ in range(200):
            sent += MIB
            yield bytes(MIB)

    try:
        answer = await stream(desk, endless())
        assert (answer.status_code, answer.json()["code"]) == (413, "FILE_TOO_LARGE")
    except (httpx2.WriteError, httpx2.ReadError):
        pass  # the server had hung up before all of it was sent, as it may
    assert sent < 200 * MIB
    assert (await files(desk), desk.served.stored()) == (0, before)


async def test_what_is_awaited_takes_room_as_well(desk: Desk) -> None:
    await limit(desk)
    given: dict[str, Any] = {"fileName": "a.wav", "sizeBytes": str(4 * MIB)}
    for _ in range(2):
        assert (await desk.graph(CREATE % uuid.uuid4().hex, input=given))["createUpload"]["uploadUrl"]
    refused = (await desk.graph(CREATE % uuid.uuid4().hex, input=given))["createUpload"]["userErrors"]
    assert refused[0]["code"] == "STORAGE_FULL"
    answer = await desk.upload("a.png", png())
    assert (answer.status_code, answer.json()["code"]) == (409, "STORAGE_FULL")
    first = (await desk.rest("GET", "/v1/files")).json()["items"][0]["id"]
    assert (await desk.rest("DELETE", f"/v1/files/{first}")).status_code == 204
    assert (await desk.upload("a.png", png())).status_code == 201


async def test_an_upload_that_takes_too_long_is_ended(desk: Desk) -> None:
    await limit(desk, most_upload_s=1)
    before = desk.served.stored()
    with begun(desk, HEAD + bytes(100)) as line:
        line.settimeout(30)
        answer = await asyncio.to_thread(line.recv, 65_536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"UPLOAD_TOO_SLOW"' in answer
    assert (await files(desk), desk.served.stored()) == (0, before)


async def test_an_upload_that_breaks_off_leaves_nothing(desk: Desk) -> None:
    before = desk.served.stored()
    # With all of the file but not the end of the form, it is stored before the break is seen.
    for body in (HEAD + bytes(2 * MIB), HEAD + bytes(9) + f"\r\n--{BOUNDARY}\r\n".encode()):
        with begun(desk, body):

            async def began() -> bool:
                return desk.served.stored() != before

            await until(began)

        async def gone() -> bool:
            return desk.served.stored() == before

        await until(gone)
    assert await files(desk) == 0


async def test_forms_that_are_none_are_refused(desk: Desk) -> None:
    before = desk.served.stored()
    for more, status, code in (
        ({"json": {"a": 1}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"files": {"file": ("a.png", png()), "more": ("b.png", png())}}, 400, "BAD_REQUEST"),
        ({"files": {"file": ("a.png", png())}, "data": {"colour": "red"}}, 400, "UNKNOWN_FIELD"),
        ({"files": {"file": ("a.png", b"")}}, 422, "VALIDATION_ERROR"),
        ({"data": {"temporary": "true"}, "files": {"x": (None, b"y")}}, 400, "BAD_REQUEST"),
        ({"files": {"file": ("a.png", png())}, "data": {"temporary": "maybe"}}, 422, "VALIDATION_ERROR"),
    ):
        answer = await desk.rest("POST", "/v1/files", **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), more
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await desk.rest("POST", "/v1/files", content=b"no form at all", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert (await files(desk), desk.served.stored()) == (0, before)


async def test_an_administrator_of_the_system_sets_the_limits(desk: Desk) -> None:
    answer = await desk.rest(
        "PATCH",
        "/v1/tiers/enterprise",
        json={"mostFileMb": 5, "mostKeptMb": 6},
        role=Role.ADMIN,
        token={"operator": True},
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["mostFileMb"], answer.json()["mostKeptMb"]) == (5, 6)
    told = (await desk.graph("{ tiers { name mostFileMb mostKeptMb mostUploadS } }"))["tiers"]
    found = {tier["name"]: tier for tier in told}
    assert (found["enterprise"]["mostFileMb"], found["enterprise"]["mostUploadS"]) == (5, 86_400)
    assert (await desk.rest("PATCH", "/v1/tiers/pro", json={"mostFileMb": 5})).status_code == 403
