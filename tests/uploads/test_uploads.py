"""Files sent by a form and by a signed link, into both kinds of store, and what becomes of them."""

import uuid

import xxhash

from domain.files.taking import LOOKED_AT_ONCE
from tests.uploads.conftest import Desk, png, sha256, wave

CREATE = """mutation($input: CreateUploadInput!) { createUpload(input: $input, idempotencyKey: "%s") {
  file { id state } uploadUrl expiresAt duplicateOfId userErrors { code message } } }"""
FILE = """query($id: ID!) { file(id: $id) { id state kind mediaType sha256 xxh128 sizeBytes reason
  reasonText duplicateOf { id } } }"""


async def created(desk: Desk, content: bytes, name: str = "a.png", **more: object) -> dict[str, object]:
    """Ask for a signed link."""
    given = {"fileName": name, "sizeBytes": str(len(content)), **more}
    answer = await desk.graph(CREATE % uuid.uuid4().hex, input=given)
    found: dict[str, object] = answer["createUpload"]
    return found


async def test_a_small_file_by_form_is_ready_at_once(any_desk: Desk) -> None:
    desk, content = any_desk, png(5, 4)
    answer = await desk.upload("../évil name.png", content, "image/png")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert answer.headers["location"] == f"/v1/files/{told['id']}"
    assert (told["state"], told["kind"], told["mediaType"]) == ("ready", "image", "image/png")
    assert (told["fileName"], told["width"], told["height"]) == ("évil name.png", 5, 4)
    assert (told["sha256"], told["sizeBytes"]) == (sha256(content), str(len(content)))
    assert told["xxh128"] == xxhash.xxh3_128_hexdigest(content)
    assert told["jobId"] is None
    assert told["duplicateOfId"] is None
    assert await desk.served.blobs.read(told["sha256"]) == content
    assert (await desk.rest("GET", f"/v1/files/{told['id']}")).json()["sha256"] == told["sha256"]


async def test_a_large_file_by_form_is_looked_at_by_a_job(any_desk: Desk) -> None:
    desk, content = any_desk, wave(LOOKED_AT_ONCE + 1)
    told = (await desk.upload("a.wav", content)).json()
    assert told["state"] == "checking"
    assert told["mediaType"] is None
    assert await desk.run(told["jobId"]) == "done"
    found = (await desk.graph(FILE, id=told["id"]))["file"]
    assert (found["state"], found["kind"], found["sizeBytes"]) == ("ready", "audio", str(len(content)))
    assert found["sha256"] == sha256(content)


async def test_a_signed_link_takes_the_bytes_and_a_job_takes_them_in(any_desk: Desk) -> None:
    desk, content = any_desk, png()
    place = await created(desk, content, sha256=sha256(content))
    file = place["file"]
    assert isinstance(file, dict)
    assert file["state"] == "uploading"
    assert place["expiresAt"]
    assert await desk.put(str(place["uploadUrl"]), content) in (200, 204)
    taken = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
    assert await desk.run(taken["jobId"]) == "done"
    found = (await desk.graph(FILE, id=file["id"]))["file"]
    assert (found["state"], found["kind"], found["sha256"]) == ("ready", "image", sha256(content))
    assert found["xxh128"] == xxhash.xxh3_128_hexdigest(content)
    # Nothing but the blob is left, neither under a ticket nor half written.
    assert all(len(name) == 64 for name in desk.served.stored())
    again = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
    assert again["jobId"] is None
    assert again["state"] == "ready"
