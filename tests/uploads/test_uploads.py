"""Files sent by a form and by a signed link, into both kinds of store, and what becomes of them."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import xxhash

from domain.files.ask import ticket_of
from domain.files.taking import LOOKED_AT_ONCE
from domain.ids import decode_id
from tests.files.made import flac, flac_block, flac_picture
from tests.uploads.conftest import Desk, png, sha256, wave

CREATE = """mutation($input: CreateUploadInput!) { createUpload(input: $input, idempotencyKey: "%s") {
  file { id state } uploadUrl expiresAt duplicateOfId userErrors { code message } } }"""
FILE = """query($id: ID!) { file(id: $id) { id state kind mediaType sha256 xxh128 sizeBytes reason
  reasonText duplicateOf { id } } }"""


async def created(desk: Desk, content: bytes, name: str = "a.png", **more: Any) -> dict[str, Any]:
    """Ask for a signed link."""
    given = {"fileName": name, "sizeBytes": str(len(content)), **more}
    answer = await desk.graph(CREATE % uuid.uuid4().hex, input=given)
    found: dict[str, Any] = answer["createUpload"]
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
    assert file["state"] == "uploading"
    assert place["expiresAt"]
    assert await desk.put(place["uploadUrl"], content) in (200, 204)
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


async def test_an_upload_that_is_not_what_was_promised_leaves_nothing(any_desk: Desk) -> None:
    desk, content = any_desk, png()
    for promised, sent, reason in (
        ({"sha256": sha256(b"other")}, content, "digest_mismatch"),
        ({}, content[:-1], "size_mismatch"),
    ):
        place = await created(desk, content, **promised)
        file = place["file"]
        assert await desk.put(place["uploadUrl"], sent) in (200, 204)
        taken = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
        assert await desk.run(taken["jobId"]) == "done"
        found = (await desk.graph(FILE, id=file["id"]))["file"]
        assert (found["state"], found["reason"]) == ("deleted", reason)
        again = await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")
        assert (again.status_code, again.json()["code"]) == (409, "FILE_STATE_WRONG")
        await desk.run_waiting("drop_blob")
        assert sha256(sent) not in desk.served.stored()


async def test_a_worker_killed_after_it_moved_the_bytes_loses_nothing(any_desk: Desk) -> None:
    desk, content = any_desk, png()
    file = (place := await created(desk, content))["file"]
    await desk.put(place["uploadUrl"], content)
    # What the killed worker had done by then: the blob is there, the row does not know.
    id = decode_id(file["id"])[1]
    await desk.served.blobs.take_in(ticket_of(id), len(content), keep=True)
    taken = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
    assert await desk.run(taken["jobId"]) == "done"
    assert (await desk.graph(FILE, id=file["id"]))["file"]["state"] == "ready"
    assert all(len(name) == 64 for name in desk.served.stored())


async def test_a_link_takes_nothing_once_its_file_has_ended(desk: Desk) -> None:
    content = png()
    file = (place := await created(desk, content))["file"]
    assert await desk.put(place["uploadUrl"], content) == 204
    taken = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
    assert await desk.run(taken["jobId"]) == "done"
    assert await desk.put(place["uploadUrl"], png()) == 403
    given_up = (place := await created(desk, content := png()))["file"]
    sent = content[:10], content[10:]

    async def slowly() -> AsyncIterator[bytes]:
        yield sent[0]
        assert (await desk.rest("DELETE", f"/v1/files/{given_up['id']}")).status_code == 204
        yield sent[1]

    assert await desk.put(place["uploadUrl"], slowly()) == 403
    # Neither under its ticket nor half written: what came after the end is gone.
    assert all(len(name) == 64 for name in desk.served.stored())


async def test_nothing_sent_is_told_and_may_be_sent_yet(desk: Desk) -> None:
    content = png()
    file = (place := await created(desk, content))["file"]
    taken = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
    assert await desk.run(taken["jobId"]) == "failed"
    job = (await desk.rest("GET", f"/v1/jobs/{taken['jobId']}")).json()
    assert job["errorCode"] == "upload_missing"
    assert await desk.put(place["uploadUrl"], content) == 204
    taken = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
    assert await desk.run(taken["jobId"]) == "done"


async def test_a_check_that_was_given_up_is_told_and_made_up_for(desk: Desk) -> None:
    """Cancelled while it waits or runs, or dead: no file stays behind at which nobody looks."""
    ends = {"waits": "not claimed", "runs": "cancelled", "dies": "dead"}
    for number, how in enumerate(ends):
        content = wave(LOOKED_AT_ONCE + 101 + number)
        told = (await desk.upload("a.wav", content)).json()
        job = decode_id(told["jobId"])[1]
        if how == "runs":
            await desk.pool.execute(
                "update job set state = 'running', leased_until = now() where id = $1", job
            )
        if how == "dies":
            await desk.pool.execute(
                "update job set state = 'running', attempts = 5, leased_until = now() where id = $1", job
            )
        else:
            cancelled = await desk.rest("POST", f"/v1/jobs/{told['jobId']}/cancel")
            assert cancelled.status_code == 202, cancelled.text
        assert await desk.run(told["jobId"]) == ends[how]
        left = (await desk.rest("GET", f"/v1/files/{told['id']}")).json()
        assert (left["state"], left["reason"]) == ("quarantined", "file_not_checked")
        if how == "waits":
            # The job is begun anew.
            assert (await desk.rest("POST", f"/v1/jobs/{told['jobId']}/retry")).status_code == 202
            again = told["jobId"]
        else:
            # The bytes are sent again: they are here and are looked at; who asks meanwhile waits along.
            asked = {"fileName": "a.wav", "sizeBytes": len(content), "sha256": sha256(content)}
            places = [(await desk.rest("POST", "/v1/uploads", json=asked)).json() for _ in range(2)]
            (again,) = {place["jobId"] for place in places}
            assert {(place["duplicateOfId"], place["uploadUrl"]) for place in places} == {(told["id"], None)}
            assert places[0]["state"] == "checking"
        assert await desk.run(again) == "done"
        seen = (await desk.rest("GET", f"/v1/files/{told['id']}")).json()
        assert (seen["state"], seen["reason"]) == ("ready", None)


async def test_the_same_bytes_of_one_owner_are_one_file(any_desk: Desk) -> None:
    desk, content = any_desk, png()
    first = (await desk.upload("a.png", content)).json()
    sent = await desk.upload("b.png", content)
    assert (sent.status_code, "location" in sent.headers) == (200, False), "nothing was made"
    second = sent.json()
    assert (second["id"], second["duplicateOfId"], second["fileName"]) == (first["id"], first["id"], "a.png")
    place = await created(desk, content, sha256=sha256(content))
    assert (place["file"]["id"], place["duplicateOfId"], place["uploadUrl"]) == (
        first["id"],
        first["id"],
        None,
    )
    given = {"fileName": "a.png", "sizeBytes": len(content), "sha256": sha256(content)}
    assert (await desk.rest("POST", "/v1/uploads", json=given)).status_code == 200
    assert (await desk.rest("POST", "/v1/uploads", json=given | {"sha256": None})).status_code == 201
    # Sent by a link without saying what it is, the same bytes are found to be known when they are here.
    file = (place := await created(desk, content))["file"]
    await desk.put(place["uploadUrl"], content)
    taken = (await desk.rest("POST", f"/v1/uploads/{file['id']}/complete")).json()
    assert await desk.run(taken["jobId"]) == "done"
    job = (await desk.rest("GET", f"/v1/jobs/{taken['jobId']}")).json()
    assert (job["result"]["state"], job["result"]["file_id"]) == ("duplicate", first["id"])
    found = (await desk.graph(FILE, id=file["id"]))["file"]
    assert (found["state"], found["reason"], found["duplicateOf"]["id"]) == (
        "deleted",
        "duplicate",
        first["id"],
    )


async def test_a_repeated_form_gives_the_first_answer(desk: Desk) -> None:
    content, key = png(), uuid.uuid4().hex
    first = await desk.upload("a.png", content, key=key)
    again = await desk.upload("a.png", content, key=key)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    other = await desk.upload("a.png", png(), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_what_is_not_what_it_says_is_in_quarantine(desk: Desk) -> None:
    told = (await desk.upload("song.flac", png(), "audio/flac")).json()
    assert (told["state"], told["reason"], told["downloadUrl"]) == ("quarantined", "file_type_mismatch", None)
    assert told["reasonText"]
    song = (await desk.rest("POST", "/v1/recordings", json={"title": "A song"})).json()["id"]
    hung = await desk.rest("POST", f"/v1/files/{told['id']}/attach", json={"subjectId": song})
    assert (hung.status_code, hung.json()["code"]) == (409, "FILE_STATE_WRONG")
    sent = (await desk.upload("other.flac", png(), data={"subjectId": song})).json()
    assert (sent["state"], sent["subjectId"]) == ("quarantined", None)
    # Whoever made a link before learns no more than that it leads nowhere.
    ready = (await desk.upload("a.png", png())).json()
    await desk.pool.execute("update file set state = 'quarantined' where id = $1", decode_id(ready["id"])[1])
    assert (await desk.get(ready["downloadUrl"])).status_code == 404


async def test_bytes_in_quarantine_are_judged_anew_under_their_true_name(desk: Desk) -> None:
    song = (await desk.rest("POST", "/v1/recordings", json={"title": "A song"})).json()["id"]
    for shade, by_link in ((11, False), (12, True)):
        content = png(9, 9, shade)
        wrong = (await desk.upload("cover.jpg", content, "image/jpeg")).json()
        assert (wrong["state"], wrong["reason"]) == ("quarantined", "file_type_mismatch")
        if by_link:
            asked = {"fileName": "cover.png", "sizeBytes": len(content), "sha256": sha256(content)}
            place = (await desk.rest("POST", "/v1/uploads", json=asked | {"subjectId": song})).json()
            assert await desk.put(place["uploadUrl"], content) == 204
            done = (await desk.rest("POST", f"/v1/uploads/{place['id']}/complete")).json()
            assert await desk.run(done["jobId"]) == "done"
        else:
            sent = (await desk.upload("cover.png", content, data={"subjectId": song})).json()
            assert sent["duplicateOfId"] == wrong["id"]
        told = (await desk.rest("GET", f"/v1/files/{wrong['id']}")).json()
        assert (told["state"], told["fileName"], told["reason"]) == ("ready", "cover.png", None)
        assert (told["subjectId"], told["mediaType"]) == (song, "image/png")


async def test_a_cover_becomes_a_file_of_its_own_once(desk: Desk) -> None:
    picture = png(7, 7)
    covers = []
    for number in range(2):
        song = flac(flac_block(2, uuid.uuid4().bytes), flac_picture(picture))
        told = (await desk.upload(f"{number}.flac", song, "audio/flac")).json()
        assert told["state"] == "ready", told
        assert (told["cover"]["kind"], told["cover"]["sha256"]) == ("image", sha256(picture))
        covers.append(told["cover"]["id"])
    assert covers[0] == covers[1]
