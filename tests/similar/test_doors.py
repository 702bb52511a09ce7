"""Vectors and neighbours through every door: GraphQL, REST and the command line."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx2
import pytest

from domain.access.scopes import Scope
from domain.ids import decode_id
from domain.kinds import KINDS
from domain.vectors.keep import keep_embedding
from domain.vectors.text import LONGEST_CONTENT
from tests.api.conftest import House

GENERATE = (
    "mutation ($input: GenerateEmbeddingInput!) { generateEmbedding(input: $input) { model modelVersion "
    "dimensions ofSha256 isNew vector reason userErrors { code message path } } }"
)
NEAR = (
    "query ($id: ID!, $types: [String!]) { similarTo(entity: $id, first: 5, types: $types) "
    "{ isComparable reason text model modelVersion dimensions hits { id kind label similarity } } }"
)
MAKES = {
    "artists": {"name": "Some Artist"},
    "works": {"title": "Some Work"},
    "releases": {"title": "Some Release"},
    "recordings": {"title": "Some Recording"},
    "videos": {"title": "Some Video"},
    "podcasts": {"title": "Some Podcast"},
    "books": {"title": "Some Book"},
}


def ask(client: httpx2.Client, document: str, **variables: Any) -> Any:
    return client.post("/graphql", json={"query": document, "variables": variables}).json()


def generate(client: httpx2.Client, **given: Any) -> dict[str, Any]:
    """The payload of the mutation."""
    found: dict[str, Any] = ask(client, GENERATE, input=given)["data"]["generateEmbedding"]
    return found


def make(client: httpx2.Client, path: str, **given: Any) -> str:
    answer = client.post(f"/v1/{path}", json=given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def one_of_each(client: httpx2.Client) -> dict[str, str]:
    """An entity of every kind, by kind."""
    ids = {decode_id(id)[0]: id for id in (make(client, path, **given) for path, given in MAKES.items())}
    release = make(client, "releases", title="With a medium", media=[{"position": 1}])
    given = {"title": "Some Track", "recordingId": ids["recording"], "mediumPosition": 1, "position": 1}
    ids["track"] = make(client, "tracks", releaseId=release, **given)
    ids["episode"] = make(client, "episodes", title="Some Episode", podcastId=ids["podcast"])
    ids["audiobook"] = make(client, "audiobooks", title="Some Audiobook", bookId=ids["book"])
    ids["image"] = make(client, "images", subjectId=release, annotations=[{"key": "note", "value": "Cover"}])
    ids["credit"] = make(client, "credits", subjectId=release, name="Ada", role="Producer")
    ids["deal"] = make(client, "deals", reference="A deal", subjects=[release])
    return ids


def test_a_vector_is_made_of_an_entity_of_any_kind(ours: httpx2.Client, theirs: httpx2.Client) -> None:
    ids = one_of_each(ours)
    assert ids.keys() == KINDS.keys()
    for kind, id in ids.items():
        made = generate(ours, entityType=kind, entityId=id)
        assert made["userErrors"] == [], kind
        assert (made["model"], made["modelVersion"], made["dimensions"]) == ("text-hash-ngram", "1", 256)
        assert len(made["vector"]) == 256
        assert sum(x * x for x in made["vector"]) == pytest.approx(1, abs=1e-3)
        assert made["isNew"]
        plain = str(decode_id(id)[1])
        assert not generate(ours, entityType=kind, entityId=plain)["isNew"]
        content = generate(ours, entityType=kind, entityId=id, content="Words of others")
        assert content["isNew"]
        assert content["ofSha256"] == hashlib.sha256(b"Words of others").hexdigest()
        other = "artist" if kind != "artist" else "work"
        for client, wrong, code in (
            (ours, {"entityType": other}, "REFERENCE_NOT_FOUND"),
            (ours, {"entityType": other, "entityId": plain}, "NOT_FOUND"),
            (ours, {"content": "x" * (LONGEST_CONTENT + 1)}, "VALIDATION_ERROR"),
            (theirs, {}, "NOT_FOUND"),
        ):
            (error,) = generate(client, **{"entityType": kind, "entityId": id} | wrong)["userErrors"]
            assert error["code"] == code, (kind, wrong)


def test_a_vector_tells_of_its_words_whoever_may_read_them(house: House) -> None:
    with house.client() as all_of_them:
        ids = one_of_each(all_of_them)
        for kind in ("work", "deal"):
            generate(all_of_them, entityType=kind, entityId=ids[kind])
    words = {"content": "of the caller's own"}
    for scopes, kind, more, tells in (
        ({Scope.ENRICHMENT_RUN}, "work", {}, False),
        ({Scope.ENRICHMENT_RUN, Scope.CATALOG_READ}, "deal", {}, False),
        ({Scope.ENRICHMENT_RUN, Scope.CATALOG_READ}, "work", {}, True),
        ({Scope.ENRICHMENT_RUN, Scope.RIGHTS_READ}, "deal", {}, True),
        ({Scope.ENRICHMENT_RUN}, "deal", words, True),
    ):
        with house.client(scopes=frozenset(scopes)) as client:
            answer = client.post("/v1/embeddings", json={"entityType": kind, "entityId": ids[kind]} | more)
        assert answer.status_code in (200, 201), answer.text
        told = answer.json()
        assert (told["vector"] is not None, told["ofSha256"] is not None) == (tells, tells), (scopes, kind)
    with house.client(scopes=frozenset({Scope.CATALOG_READ, Scope.CATALOG_WRITE})) as client:
        answer = client.post("/v1/embeddings", json={"entityType": "work", "entityId": ids["work"]})
        assert (answer.status_code, answer.json()["code"]) == (403, "INSUFFICIENT_SCOPE")


def test_the_words_of_an_entity_are_all_that_it_says(ours: httpx2.Client) -> None:
    id = make(
        ours,
        "recordings",
        title="Plain",
        titles=[{"text": "Unusual alias"}],
        annotations=[{"key": "note", "value": "Zanzibar"}],
        artistCredit=[{"name": "Quixotic Quartet"}],
    )
    make(ours, "credits", subjectId=id, name="Violetta", role="Producer")
    near = {}
    for word in ("Unusual alias", "Zanzibar", "Quixotic Quartet", "Violetta", "Xylophone"):
        other = make(ours, "works", title=word)
        assert generate(ours, entityType="work", entityId=other)["vector"]
        near[decode_id(other)[1]] = word
    assert generate(ours, entityType="recording", entityId=id)["vector"]
    hits = ask(ours, NEAR, id=id, types=["work"])["data"]["similarTo"]["hits"]
    found = {
        near[decode_id(hit["id"])[1]]: hit["similarity"] for hit in hits if decode_id(hit["id"])[1] in near
    }
    assert (
        min(found[word] for word in near.values() if word != "Xylophone") > found.get("Xylophone", 0) + 0.05
    )


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"entityType": "nonsense"}, "VALIDATION_ERROR", "entityType"),
        ({"entityType": "artist"}, "REFERENCE_NOT_FOUND", "entityId"),
        ({"entityId": str(uuid.uuid4())}, "NOT_FOUND", None),
        ({"entityId": "?"}, "REFERENCE_NOT_FOUND", "entityId"),
        ({"content": "x" * (LONGEST_CONTENT + 1)}, "VALIDATION_ERROR", "content"),
    ],
)
def test_what_can_not_be_done_is_refused(
    wrong: dict[str, str], code: str, field: str | None, ours: httpx2.Client
) -> None:
    given = {"entityType": "work", "entityId": make(ours, "works", title="Whole")} | wrong
    made = generate(ours, **given)
    assert made["vector"] is None
    (error,) = made["userErrors"]
    assert error["code"] == code
    assert field is None or error["path"] == ["input", field]


def test_what_has_no_words_has_no_vector(ours: httpx2.Client) -> None:
    id = make(ours, "works", title="Named")
    for content in ("", "…!?", "\u202e\u2066", "🎵🎵"):
        made = generate(ours, entityType="work", entityId=id, content=content)
        assert (made["vector"], made["reason"], made["userErrors"]) == (None, "no_words", [])
    answer = ask(ours, NEAR, id=id)["data"]["similarTo"]
    assert (answer["isComparable"], answer["reason"], answer["hits"]) == (False, "no_words", [])


def test_a_neighbour_sees_what_is_public_and_makes_nothing_of_it(
    ours: httpx2.Client, theirs: httpx2.Client
) -> None:
    public = make(ours, "artists", name="Obsidian Orchestra", visibility="public")
    private = make(ours, "artists", name="Obsidian Orchestra Secret")
    their = make(theirs, "artists", name="The Obsidian Orchestra")
    for id in (public, private):
        generate(ours, entityType="artist", entityId=id)
    generate(theirs, entityType="artist", entityId=their)
    (refusal,) = generate(theirs, entityType="artist", entityId=public)["userErrors"]
    assert refusal["code"] == "NOT_FOUND"
    answer = ask(theirs, NEAR, id=their, types=["artist"])["data"]["similarTo"]
    assert answer["isComparable"]
    told = {hit["id"]: hit["similarity"] for hit in answer["hits"]}
    assert told[public] > 0.5
    assert private not in told
    assert ask(theirs, NEAR, id=private)["data"]["similarTo"] is None
    mine = ask(ours, NEAR, id=private, types=["artist"])["data"]["similarTo"]
    assert {hit["id"] for hit in mine["hits"]} >= {public}
    assert their not in {hit["id"] for hit in mine["hits"]}


def test_the_same_by_rest_and_once_for_one_key(ours: httpx2.Client) -> None:
    id = make(ours, "releases", title="Repeated")
    given = {"entityType": "release", "entityId": id}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, again = (ours.post("/v1/embeddings", json=given, headers=key) for _ in range(2))
    assert first.status_code == 200 or first.status_code == 201, first.text
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json()["isNew"]
    # A vector has no history: that it can't be taken back is said, and not done in name alone.
    undone = ours.post(f"/v1/change-sets/{first.headers['X-Change-Set']}/revert", json={})
    assert (undone.status_code, undone.json()["code"]) == (409, "REVERT_CONFLICT"), undone.text
    assert "make it anew" in undone.json()["detail"]
    near = ours.get(f"/v1/releases/{id}/similar-to", params={"first": 3})
    assert near.status_code == 200, near.text
    assert near.json()["model"] == "text-hash-ngram"
    gone = ours.get(f"/v1/releases/{uuid.uuid4()}/similar-to")
    assert gone.status_code == 404


@pytest.fixture
async def heard(house: House, ours: httpx2.Client) -> dict[str, str]:
    """Three recordings that were listened to, and a track of the first."""
    ids = {name: make(ours, "recordings", title=f"Heard {name}") for name in ("one", "two", "three")}
    connection = await asyncpg.connect(house.database_url)
    try:
        for place, (tempo, scale) in enumerate(((124.0, "A minor"), (62.5, "C major"), (90.0, "E minor"))):
            id = decode_id(list(ids.values())[place])[1]
            await keep_embedding(
                connection,
                "recording",
                id,
                model=f"ears {ids['one']}",
                version="1",
                vector=[1.0, place / 2, 0.0],
                of_sha256="0" * 64,
            )
            await connection.execute(
                "insert into audio_feature (recording_id, name, number, text, basis, source, model, "
                "model_version) values ($1, 'tempo_bpm', $2, null, 'measured', 'analysis', 'e', '1'), "
                "($1, 'key', null, $3, 'measured', 'analysis', 'e', '1')",
                id,
                tempo,
                scale,
            )
    finally:
        await connection.close()
    release = make(ours, "releases", title="Heard", media=[{"position": 1}])
    ids["track"] = make(
        ours,
        "tracks",
        releaseId=release,
        mediumPosition=1,
        position=1,
        title="Heard",
        recordingId=ids["one"],
    )
    return ids


def test_similar_recordings_by_rest(
    heard: dict[str, str], ours: httpx2.Client, theirs: httpx2.Client
) -> None:
    for path in (f"recordings/{heard['one']}", f"tracks/{heard['track']}"):
        answer = ours.get(f"/v1/{path}/similar", params={"first": 5})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["isComparable"]
        assert [hit["recording"]["id"] for hit in told["hits"]] == [heard["two"], heard["three"]]
        mixed = ours.get(f"/v1/{path}/mixable-next", params={"tempoWithin": 2}).json()
        assert heard["two"] in [hit["recording"]["id"] for hit in mixed["hits"]]
        assert heard["three"] not in [hit["recording"]["id"] for hit in mixed["hits"]]
    by_key = ours.get(f"/v1/recordings/{heard['one']}/similar", params={"key": "E minor"}).json()
    assert [hit["recording"]["id"] for hit in by_key["hits"]] == [heard["three"]]
    assert theirs.get(f"/v1/recordings/{heard['one']}/similar").status_code == 404
    wrong = ours.get(f"/v1/recordings/{heard['one']}/similar", params={"key": "Z sharp"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "BAD_USER_INPUT")
    wrong_ones: list[dict[str, float]] = [
        {"first": 0},
        {"first": 101},
        {"tempoWithin": 90},
        {"tempoMin": -1},
        {"tempoMin": 90, "tempoMax": 80},
        {"yearFrom": 2001, "yearTo": 2000},
    ]
    for given in wrong_ones:
        assert ours.get(f"/v1/recordings/{heard['one']}/similar", params=given).status_code == 400, given


def test_similar_recordings_from_the_shell(
    heard: dict[str, str], catalograph: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, err = catalograph("similar", heard["one"], "--json")
    assert status == 0, err
    assert [hit["recording"]["title"] for hit in json.loads(out)["hits"]] == ["Heard two", "Heard three"]
    status, out, err = catalograph("similar", heard["one"], "--mix", "--tempo-within", "2")
    assert status == 0, err
    assert "Heard two" in out
    status, out, err = catalograph("similar", str(uuid.uuid4()))
    assert (status, "NOT_FOUND" in err) == (1, True)


def test_that_nothing_can_be_compared_is_an_answer(
    ours: httpx2.Client, catalograph: Callable[..., tuple[int, str, str]]
) -> None:
    id = make(ours, "recordings", title="Unheard")
    told = ours.get(f"/v1/recordings/{id}/similar").json()
    assert (told["isComparable"], told["reason"], told["hits"]) == (False, "no_embedding", [])
    status, out, _ = catalograph("similar", id, "--json")
    assert (status, json.loads(out)["reason"]) == (1, "no_embedding")
    assert ours.get(f"/v1/recordings/{id}/mixable-next").json()["reason"] == "no_tempo"
