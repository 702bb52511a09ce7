"""Which rows an export holds: those of the lists, for whoever asks."""

import json
import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.access.revocation import revoke
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.exports.filters import CODES, STATUSES
from domain.ids import encode_id
from domain.kinds import KINDS
from domain.refusals import InputInvalid, ScopeMissing, TooMany
from graph.bind import TYPES
from graph.paging import CursorKey
from graph.run import Engine
from jobs.worker import run_job
from tests.access_rows.worlds import a_world, plant
from tests.exports.conftest import Export, ask, look, record, stored
from tests.jobs.yard import Yard

ROOTS = {t.kind: t for t in TYPES.values() if t.kind in KINDS and t.plural}


async def walk(engine: Engine, yard: Yard, kind: str, fields: str, of: Viewer) -> list[dict[str, Any]]:
    """Every row of a kind's list, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    async with yard.pool.acquire() as sql:
        while True:
            document = (
                f"query ($after: String) {{ {ROOTS[kind].plural}(first: 3, after: $after) "
                f"{{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
            )
            answer = await engine.execute(document, {"after": after}, of, sql=sql)
            page = json.loads(answer.body)["data"][ROOTS[kind].plural]
            found += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("seed", [3, 11])
async def test_everybody_is_given_what_the_lists_show_them(seed: int, yard: Yard, export: Export) -> None:
    world = a_world(seed)
    async with yard.pool.acquire() as sql, sql.transaction():
        await plant(sql, world)
    engine = Engine(yard.pool, CursorKey(b"rows"))
    seen = 0
    for name, viewer in world.viewers().items():
        for kind in KINDS:
            found = await export(kind, of=viewer)
            listed = await walk(engine, yard, kind, "id version status createdAt", viewer)
            assert [
                {key: row[key] for key in ("id", "version", "status", "createdAt")} for row in found.rows
            ] == listed, f"{name}: {kind}"
            seen += len(listed)
        references = await walk(
            engine, yard, "track", "isrc durationMs release { id } recording { id } video { id }", viewer
        )
        tracks = (
            await export(
                "track", of=viewer, columns=["isrc", "durationMs", "releaseId", "recordingId", "videoId"]
            )
        ).rows
        assert [
            {name: row[name]["id"] if row[name] else None for name in ("release", "recording", "video")}
            | {name: row[name] for name in ("isrc", "durationMs")}
            for row in references
        ] == [
            {name: row[f"{name}Id"] for name in ("release", "recording", "video")}
            | {name: row[name] for name in ("isrc", "durationMs")}
            for row in tracks
        ], name
    assert seen > 20


def test_the_filters_are_those_of_the_lists() -> None:
    for kind, t in ROOTS.items():
        assert CODES[kind] == tuple(t.filters), kind
    (status,) = (t for t in TYPES["Recording"].table.constraints if "status" in str(t.name or ""))
    assert all(word in str(getattr(status, "sqltext", "")) for word in STATUSES)


async def test_each_filter_takes_what_it_names(yard: Yard, export: Export) -> None:
    await record(yard, "one", isrc="USRC17607839", genres=["Pop", "Rock"], visibility="public")
    await record(yard, "two", isrc="GBAYE0601498", status="draft", genres=["Jazz"])
    await record(yard, "three", updated_at=datetime(2020, 1, 1, tzinfo=UTC))
    (row,) = await yard.fetch("select id from recording where title = 'three'")
    await yard.pool.execute(
        "insert into identifier (entity_id, position, kind, scheme, value) "
        "values ($1, 1, 'recording', 'own', 'A1')",
        row["id"],
    )
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for filter, titles in (
        ({}, {"one", "two", "three"}),
        ({"isrc": ["us-rc1-76-07839"]}, {"one"}),
        ({"isrc": ["USRC17607839", "GBAYE0601498"], "status": ["draft"]}, {"two"}),
        ({"visibility": ["public"]}, {"one"}),
        ({"genre": ["Rock", "Jazz"]}, {"one", "two"}),
        ({"updatedSince": since}, {"one", "two"}),
        ({"ids": [str(row["id"])]}, {"three"}),
        ({"ids": [encode_id("recording", row["id"])]}, {"three"}),
        ({"identifier": {"scheme": "own", "value": "A1"}}, {"three"}),
        ({"mbid": ["5b11f4ce-a62d-471e-81fc-a69a8278c7da"]}, set()),
    ):
        found = await export("recording", filter=filter)
        assert {line["title"] for line in found.rows} == titles, filter
    picked = await export("recording", filter={"ids": [str(row["id"])]}, columns=["identifiers", "title"])
    assert picked.rows == [
        {"identifiers": [{"scheme": "own", "value": "A1", "namespace": None}], "title": "three"}
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "change"},
        {"kind": "recording", "format": "xlsx"},
        {"kind": "recording", "columns": ["owner_id"]},
        {"kind": "recording", "columns": ["title", "title"]},
        {"kind": "recording", "filter": {"upc": ["00602557190012"]}},
        {"kind": "recording", "filter": {"isrc": ["nonsense"]}},
        {"kind": "recording", "filter": {"status": ["gone"]}},
        {"kind": "recording", "filter": {"ids": ["x"]}},
        {"kind": "recording", "filter": {"ids": [str(uuid.UUID(int=n)) for n in range(1001)]}},
        {"kind": "work", "filter": {"genre": ["Pop"]}},
    ],
)
async def test_what_can_not_be_asked_is_refused_before_there_is_a_job(
    yard: Yard, given: dict[str, Any]
) -> None:
    with pytest.raises(InputInvalid):
        await ask(yard, **given)
    assert not await yard.fetch("select from job")


async def test_an_organization_has_only_so_many_under_way(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.exports.ask.MOST_AT_ONCE", 2)
    first = await ask(yard, "work")
    await ask(yard, "work")
    with pytest.raises(TooMany):
        await ask(yard, "work")
    await run_job(yard.house, first)
    await ask(yard, "work")


async def test_an_export_needs_its_scope_and_that_of_what_is_read(yard: Yard) -> None:
    for scopes, kind in (
        ({Scope.CATALOG_READ}, "recording"),
        ({Scope.EXPORTS_RUN}, "recording"),
        ({Scope.EXPORTS_RUN, Scope.CATALOG_READ}, "deal"),
    ):
        viewer = Viewer(yard.viewer.organization_id, "x", Role.API_USER, frozenset(scopes))
        with pytest.raises(ScopeMissing):
            await ask(yard, kind, of=viewer)


async def member(yard: Yard, role: str = "label_user") -> Viewer:
    """A person of the organization, with a row."""
    id = await yard.pool.fetchval(
        "insert into user_account (email, display_name) values ($1, 'Ada') returning id",
        f"{uuid.uuid4()}@test",
    )
    await yard.pool.execute(
        "insert into member (organization_id, user_id, role) values ($1, $2, $3)",
        yard.viewer.organization_id,
        id,
        role,
    )
    return Viewer(
        yard.viewer.organization_id,
        str(id),
        Role.LABEL_USER,
        frozenset(Scope),
        names=frozenset({f"member:{yard.viewer.organization_id}:{id}", "session:1"}),
    )


async def program(yard: Yard) -> Viewer:
    """A program of the organization that acts for itself."""
    id = await yard.pool.fetchval(
        "insert into client (organization_id, name, role, scopes) "
        "values ($1, 'p', 'api_user', $2) returning id",
        yard.viewer.organization_id,
        [Scope.EXPORTS_RUN.value, Scope.CATALOG_READ.value],
    )
    return Viewer(yard.viewer.organization_id, str(id), Role.API_USER, frozenset(Scope))


async def test_who_has_left_when_the_job_runs_gets_nothing(yard: Yard) -> None:
    await record(yard, "ours")
    leaver, stayer = await member(yard), await member(yard)
    left, stayed = await ask(yard, "recording", of=leaver), await ask(yard, "recording", of=stayer)
    await yard.pool.execute("delete from member where user_id = $1", uuid.UUID(leaver.actor))
    assert await run_job(yard.house, left) == "failed"
    found = await look(yard, left)
    assert (found.job["error_code"], found.raw) == ("insufficient_scope", None)
    assert not stored(yard)
    assert await run_job(yard.house, stayed) == "done"


async def test_a_token_of_the_command_line_exports_as_its_person(yard: Yard) -> None:
    """Such a token has no client and names its subject twice, as a client does that acts for itself."""
    await record(yard, "ours")
    person, robot = await member(yard), await program(yard)
    for viewer in (person, robot):
        of = replace(viewer, client_id=uuid.UUID(viewer.actor))
        before, after = await ask(yard, "recording", of=of), await ask(yard, "recording", of=of)
        assert await run_job(yard.house, before) == "done"
        assert [row["title"] for row in (await look(yard, before)).rows] == ["ours"]
        await yard.pool.execute("delete from member where user_id = $1", of.client_id)
        await yard.pool.execute("update client set revoked_at = now() where id = $1", of.client_id)
        assert await run_job(yard.house, after) == "failed"


async def test_what_was_revoked_by_name_counts_when_the_job_runs(yard: Yard) -> None:
    names = frozenset({"key:1", f"member:{yard.viewer.organization_id}:robot"})
    for name in names:
        viewer = Viewer(
            yard.viewer.organization_id, "robot", Role.API_USER, frozenset(Scope), names=frozenset({name})
        )
        id = await ask(yard, "recording", of=viewer)
        async with yard.pool.acquire() as sql:
            await revoke(sql, name, datetime.now(UTC) + timedelta(hours=1))
        assert await run_job(yard.house, id) == "failed"


async def test_territories_that_were_set_since_limit_the_export(yard: Yard) -> None:
    other = await yard.pool.fetchval(
        "insert into organization (name, slug) values ('o', $1) returning id", f"o{random.getrandbits(64)}"
    )
    await record(yard, "public", owner=other, visibility="public")
    await record(yard, "ours")
    free, bound = await ask(yard, "recording"), await ask(yard, "recording")
    await run_job(yard.house, free)
    assert {row["title"] for row in (await look(yard, free)).rows} == {"public", "ours"}
    await yard.pool.execute(
        "update organization set territories = '{DE}' where id = $1", yard.viewer.organization_id
    )
    await run_job(yard.house, bound)
    assert {row["title"] for row in (await look(yard, bound)).rows} == {"ours"}


async def test_figures_are_columns_as_far_as_their_recording_is_seen(yard: Yard, export: Export) -> None:
    other = await yard.pool.fetchval("insert into organization (name, slug) values ('o', 'o') returning id")
    await record(yard, "heard", "not heard")
    await record(yard, "theirs", owner=other)
    await yard.pool.execute(
        "insert into audio_feature (recording_id, name, number, text, confidence, basis, source, model, "
        "model_version) select r.id, f.name, f.number, f.text, 0.5, 'measured', 'analysis', 'm', '1' "
        "from recording r, (values ('tempo_bpm', 120.5, null), ('key', null, 'A minor'), "
        "('spectral_flux', 0.25, null), ('genre', null, '=techno')) f (name, number, text) "
        "where r.title <> 'not heard'"
    )
    release = await yard.pool.fetchval(
        "insert into release (owner_id, title) values ($1, 'R') returning id", yard.viewer.organization_id
    )
    await yard.pool.execute("insert into medium (release_id, position) values ($1, 1)", release)
    await yard.pool.execute(
        "insert into track (owner_id, title, release_id, medium_position, position, recording_id) "
        "select $1, title, $2, 1, row_number() over (order by title), id from recording",
        yard.viewer.organization_id,
        release,
    )
    told = {row["title"]: row for row in (await export("recording")).rows}
    assert told.keys() == {"heard", "not heard"}
    usual = {name: value for name, value in told["heard"].items() if name.startswith("features")}
    assert usual == {
        **dict.fromkeys(("features.loudness_lufs", "features.true_peak_dbtp")),
        **dict.fromkeys(("features.energy", "features.danceability")),
        "features.tempo_bpm": 120.5,
        "features.tempo_bpm.confidence": 0.5,
        "features.key": "A minor",
        "features.key.confidence": 0.5,
        "features.key.camelot": "8A",
        "features.genre": "=techno",
        "features.genre.confidence": 0.5,
    }
    assert {told["not heard"][name] for name in usual} == {None}
    columns = ["title", "features.tempoBpm", "features.key.camelot", "features"]
    tracks = {row["title"]: row for row in (await export("track", columns=columns)).rows}
    assert {title: row["features.tempo_bpm"] for title, row in tracks.items()} == {
        "heard": 120.5,
        "not heard": None,
        "theirs": None,
    }
    assert [one["name"] for one in tracks["heard"]["features"]] == [
        "genre",
        "key",
        "spectral_flux",
        "tempo_bpm",
    ]
    assert (tracks["theirs"]["features"], tracks["theirs"]["features.key.camelot"]) == ([], None)
    table = await export("track", "csv", columns=["title", "features.genre"])
    assert table.raw is not None
    assert table.raw.splitlines()[1:] == [b"heard,'=techno", b"not heard,", b"theirs,"]
    with pytest.raises(InputInvalid, match=r"'features.loud' is no column"):
        await ask(yard, "recording", columns=["features.loud"])
    with pytest.raises(InputInvalid, match="is no column of a artist"):
        await ask(yard, "artist", columns=["features.key"])
