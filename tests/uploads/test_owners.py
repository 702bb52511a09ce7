"""Whose files they are: what others can't learn, what a file hangs on, who fetches it, and its end."""

import hashlib
import uuid
from typing import Any

from domain.access.scopes import Role, Scope
from domain.ids import decode_id
from tests.uploads.conftest import Desk, png, sha256
from tests.uploads.test_uploads import created


async def recording(desk: Desk, *, by: uuid.UUID | None = None, **more: Any) -> str:
    """A new recording."""
    answer = await desk.rest("POST", "/v1/recordings", by=by, json={"title": "A song", **more})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def test_nothing_of_a_file_is_told_to_another_organization(any_desk: Desk) -> None:
    desk, content = any_desk, png()
    ours = (await desk.upload("secret name.png", content)).json()
    waiting = (await created(desk, png()))["file"]["id"]
    tried: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("GET", f"/v1/files/{ours['id']}", {}),
        ("DELETE", f"/v1/files/{ours['id']}", {}),
        ("POST", f"/v1/files/{ours['id']}/detach", {}),
        ("POST", f"/v1/files/{ours['id']}/attach", {"json": {"subjectId": ours["id"]}}),
        ("POST", f"/v1/uploads/{waiting}/complete", {}),
    )
    for method, path, more in tried:
        refused = await desk.rest(method, path, by=desk.theirs, **more)
        assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND"), path
        assert "secret name" not in refused.text
    query = """query($id: ID!, $sha: [String!]) { file(id: $id) { id }
      node(id: $id) { id } nodes(ids: [$id]) { id }
      files { totalCount } same: files(filter: {sha256: $sha}) { totalCount nodes { id } } }"""
    seen = await desk.graph(query, by=desk.theirs, id=ours["id"], sha=[sha256(content)])
    nothing: dict[str, Any] = {"totalCount": 0, "nodes": []}
    assert seen == {"file": None, "node": None, "nodes": [None], "files": {"totalCount": 0}, "same": nothing}


async def test_the_same_bytes_of_two_owners_are_two_files_and_one_blob(any_desk: Desk) -> None:
    desk, content = any_desk, png()
    ours = (await desk.upload("a.png", content)).json()
    # Neither way of sending tells that somebody else has them.
    asked = await desk.rest(
        "POST",
        "/v1/uploads",
        by=desk.theirs,
        json={"fileName": "b.png", "sizeBytes": len(content), "sha256": sha256(content)},
    )
    assert asked.json()["duplicateOfId"] is None
    assert asked.json()["uploadUrl"]
    theirs = (await desk.upload("b.png", content, by=desk.theirs)).json()
    assert theirs["duplicateOfId"] is None
    assert theirs["id"] != ours["id"]
    assert sha256(content) in desk.served.stored()
    # The bytes go with the last row that needs them.
    for owner, id, stays in ((desk.ours, ours["id"], True), (desk.theirs, theirs["id"], False)):
        assert (await desk.rest("DELETE", f"/v1/files/{id}", by=owner)).status_code == 204
        assert await desk.run_waiting("drop_blob") == 1
        assert (sha256(content) in desk.served.stored()) is stays
    found = (await desk.rest("GET", f"/v1/files/{ours['id']}")).json()
    assert (found["state"], found["reason"], found["downloadUrl"]) == ("deleted", "deleted", None)
    anew = (await desk.upload("a.png", content)).json()
    assert (anew["state"], anew["duplicateOfId"]) == ("ready", None)


async def test_a_file_whose_bytes_are_gone_is_not_found(desk: Desk) -> None:
    content = png()
    place = await created(desk, content)
    await desk.put(place["uploadUrl"], content)
    taken = (await desk.rest("POST", f"/v1/uploads/{place['file']['id']}/complete")).json()
    assert await desk.run(taken["jobId"]) == "done"
    await desk.served.blobs.delete(sha256(content))
    found = (await desk.rest("GET", f"/v1/files/{place['file']['id']}")).json()
    assert (await desk.get(found["downloadUrl"])).status_code == 404


async def test_a_file_hangs_on_things_of_ones_own(desk: Desk) -> None:
    song, public = await recording(desk), await recording(desk, by=desk.theirs, visibility="public")
    file = (await desk.upload("a.png", png(), data={"subjectId": song})).json()
    assert (file["subjectType"], file["subjectId"]) == ("recording", song)
    other = (await desk.upload("b.png", png())).json()
    for subject in (public, encode("recording"), other["id"], "nonsense"):
        refused = await desk.rest("POST", f"/v1/files/{other['id']}/attach", json={"subjectId": subject})
        assert (refused.status_code, refused.json()["code"]) == (422, "REFERENCE_NOT_FOUND"), subject
    another = await recording(desk)
    refused = await desk.rest("POST", f"/v1/files/{file['id']}/attach", json={"subjectId": another})
    assert (refused.status_code, refused.json()["code"]) == (409, "FILE_ATTACHED")
    attached = await desk.rest("POST", f"/v1/files/{other['id']}/attach", json={"subjectId": song})
    assert attached.status_code == 200
    query = "query($id: ID!) { recording(id: $id) { files { totalCount nodes { id } } } }"
    hanging = (await desk.graph(query, id=song))["recording"]["files"]
    assert [node["id"] for node in hanging["nodes"]] == [file["id"], other["id"]]
    await desk.rest("DELETE", f"/v1/files/{file['id']}")
    await desk.rest("POST", f"/v1/files/{other['id']}/detach")
    assert (await desk.graph(query, id=song))["recording"]["files"]["totalCount"] == 0
    listed = (await desk.rest("GET", f"/v1/recordings/{song}/files")).json()
    assert listed["items"] == []


async def test_the_files_of_what_is_merged_hang_on_the_other_and_come_back(desk: Desk) -> None:
    song, twin = await recording(desk), await recording(desk)
    first = (await desk.upload("a.png", png(), data={"subjectId": song})).json()["id"]
    second = (await desk.upload("b.png", png(), data={"subjectId": twin})).json()["id"]
    query = "query($id: ID!) { recording(id: $id) { files { totalCount nodes { id } } } }"

    async def files_of(id: str) -> list[str]:
        found = (await desk.graph(query, id=id))["recording"]["files"]
        assert found["totalCount"] == len(found["nodes"])
        return [node["id"] for node in found["nodes"]]

    async def merge(into: str | None) -> None:
        target = decode_id(into)[1] if into else None
        await desk.pool.execute(
            "update entity set merged_into_id = $2 where id = $1", decode_id(twin)[1], target
        )

    await merge(song)
    assert await files_of(song) == await files_of(twin) == [first, second]
    listed = (await desk.rest("GET", f"/v1/recordings/{song}/files")).json()["items"]
    assert [item["id"] for item in listed] == [first, second]
    # A hold on what it was merged into keeps what hung on it before.
    said = {"subjectType": "entity", "subjectId": song, "reason": "a case"}
    placed = await desk.rest("POST", "/v1/legal-holds", json=said, role=Role.ADMIN)
    assert placed.status_code == 200, placed.text
    held = await desk.rest("DELETE", f"/v1/files/{second}")
    assert (held.status_code, held.json()["code"]) == (409, "LEGAL_HOLD")
    await merge(None)
    assert (await files_of(song), await files_of(twin)) == ([first], [second])
    assert (await desk.rest("DELETE", f"/v1/files/{second}")).status_code == 204


async def test_whoever_sees_a_recording_does_not_see_its_files(desk: Desk) -> None:
    song = await recording(desk, visibility="public")
    await desk.upload("a.png", png(), data={"subjectId": song})
    query = "query($id: ID!) { recording(id: $id) { title files { totalCount nodes { fileName } } } }"
    seen = (await desk.graph(query, by=desk.theirs, id=song))["recording"]
    assert seen == {"title": "A song", "files": {"totalCount": 0, "nodes": []}}


async def test_a_signed_link_gives_the_content_and_nothing_else(any_desk: Desk) -> None:
    desk, content = any_desk, png()
    file = (await desk.upload('naïve "name".png', content)).json()
    url = file["downloadUrl"]
    assert url.startswith(f"{desk.served.house.url}/v1/files/")
    answer = await desk.get(url)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''na%C3%AFve")
    if desk.served.house.url in str(answer.url):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert hashlib.sha256(answer.content).hexdigest() in str(answer.url)
    other = (await desk.upload("b.png", png())).json()
    bare, query = url.split("?")
    ends = query.split("&")[0]
    changed = (
        f"{bare}?{query[:-2]}AA",
        f"{bare}?{query.replace(ends, 'expires=9999999999')}",
        f"{bare}?{ends}",
        f"{other['downloadUrl'].split('?')[0]}?{query}",
    )
    for link in changed:
        refused = await desk.get(link)
        assert (refused.status_code, refused.json()["code"]) == (403, "LINK_REFUSED"), link
    assert (await desk.get(other["downloadUrl"])).status_code == 200
    await desk.rest("DELETE", f"/v1/files/{file['id']}")
    assert (await desk.get(url)).status_code == 404


async def test_files_have_scopes_of_their_own(desk: Desk) -> None:
    file = (await desk.upload("a.png", png())).json()
    reads: dict[str, Any] = {"token": {"scopes": [Scope.CATALOG_READ, Scope.FILES_WRITE]}}
    refused = await desk.rest("GET", f"/v1/files/{file['id']}", **reads)
    assert (refused.status_code, refused.json()["code"]) == (403, "INSUFFICIENT_SCOPE")
    # Who may write and not read learns what to call it, and no link.
    sent = await desk.upload("b.png", png(), **reads)
    assert sent.status_code == 201
    assert "downloadUrl" not in sent.json()
    writes: dict[str, Any] = {"token": {"scopes": [Scope.FILES_READ]}}
    refused = await desk.upload("c.png", png(), **writes)
    assert (refused.status_code, refused.json()["code"]) == (403, "INSUFFICIENT_SCOPE")


async def test_a_legal_hold_keeps_a_file_from_its_own_people(desk: Desk) -> None:
    admin: dict[str, Any] = {"role": Role.ADMIN}

    async def tried(method: str, path: str) -> tuple[int, str]:
        more: dict[str, Any] = {"json": {}} if method == "POST" else {}
        answer = await desk.rest(method, path, **more)
        return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""

    content, song = png(), await recording(desk)
    file = (await desk.upload("a.png", content, data={"subjectId": song})).json()
    # On the file itself; on what it hangs on; on the whole organization.
    for kind, subject in (("file", file["id"]), ("entity", song), ("organization", str(desk.ours))):
        said = {"subjectType": kind, "subjectId": subject, "reason": "a case"}
        hold = (await desk.rest("POST", "/v1/legal-holds", json=said, **admin)).json()["id"]
        for method, path in (("DELETE", ""), ("POST", "/detach")):
            assert await tried(method, f"/v1/files/{file['id']}{path}") == (409, "LEGAL_HOLD"), (kind, path)
        told = {"json": {"reason": "settled"}, **admin}
        assert (await desk.rest("POST", f"/v1/legal-holds/{hold}/release", **told)).status_code == 200
    assert await desk.run_waiting("drop_blob") == 0
    assert sha256(content) in desk.served.stored()
    assert await tried("DELETE", f"/v1/files/{file['id']}") == (204, "")


async def test_what_happens_to_a_file_stands_in_the_trail(desk: Desk) -> None:
    file = (await desk.upload("a.png", png())).json()
    await desk.rest("DELETE", f"/v1/files/{file['id']}")
    rows = await desk.pool.fetch(
        "select c.op, s.command, s.actor from change c join change_set s on s.id = c.change_set_id "
        "where c.entity_id = $1 and c.owner_id = $2 order by c.seq",
        decode_id(file["id"])[1],
        desk.ours,
    )
    told = [(row["op"], row["command"]) for row in rows]
    assert told == [("insert", "upload_file"), ("update", "delete_file")]
    feed = (await desk.graph("{ changes(first: 100) { changes { kind entityId } } }"))["changes"]["changes"]
    assert {change["entityId"] for change in feed if change["kind"] == "file"} == {file["id"]}


def encode(kind: str) -> str:
    """The id of something that is not there."""
    from domain.ids import encode_id

    return encode_id(kind, uuid.uuid4())
