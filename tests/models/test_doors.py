"""Models as people meet them: GraphQL, REST, the command line, the worker's jobs, and what settings make."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from api.cli.frame import run
from api.compose import language_models
from api.keys import ensure_keys, mint_token
from api.settings import Settings, SettingsInvalid, load_settings
from domain import jobs as life
from domain.access.scopes import Role
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.schemas import SchemaStore
from domain.models.ask import NoModelAnswered
from domain.models.record import correct
from jobs.job import JOBS, Tools, job
from jobs.job import House as JobHouse
from jobs.models import judge_models
from jobs.schedule import SCHEDULES
from jobs.worker import open_house, run_job
from tests.api.conftest import serving, settings_for
from tests.models.conftest import SHORT, THREE, Studio, of_challenger
from tests.models.server import KEY

Call = Callable[..., Awaitable[tuple[int, str, str]]]


class Desk:
    """A served house, and the tokens of an administrator of the operator and of one of nobody's."""

    def __init__(self, url: str, state: Path, owner: uuid.UUID) -> None:
        self.url, self.owner = url, owner
        self._key = ensure_keys(state / "keys")[0]

    def token(self, operator: bool = True, owner: uuid.UUID | None = None, role: Role = Role.ADMIN) -> str:
        return mint_token(
            self._key,
            organization_id=owner or self.owner,
            role=role,
            subject="ada@test",
            operator=operator,
            lifetime=timedelta(hours=1),
        )

    def client(self, **more: Any) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token(**more)}", "Idempotency-Key": uuid.uuid4().hex}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30)


@pytest.fixture
async def desk(studio: Studio, models_database: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    await studio.pool.execute("update organization set is_operator = true where id = $1", studio.owner)
    with serving(settings_for(models_database, redis_url, tmp_path)) as address:
        yield Desk(address, tmp_path, studio.owner)


@pytest.fixture
def call(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    monkeypatch.setenv("CATALOGRAPH_URL", desk.url)
    monkeypatch.setenv("CATALOGRAPH_TOKEN", desk.token())

    async def made(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = await asyncio.to_thread(run, ["models", *words])
        out, error = capsys.readouterr()
        return status, out, error

    return made


async def answered(studio: Studio) -> None:
    """Two recordings, of which one is the challenger's, a failure, and what a person says of one."""
    subject = of_challenger()
    await studio.ask(subject, windows=THREE)
    studio.vllm.then("500")
    await studio.ask(windows=THREE)
    async with studio.pool.acquire() as sql:
        await correct(sql, studio.owner, subject, {"genre": ["techno"], "mood": ["sad"]})


async def test_the_report_is_the_same_by_every_door(studio: Studio, desk: Desk, call: Call) -> None:
    await answered(studio)
    query = """{ modelReport { model { role provider } calls failed errorRate errors { error count } answers
      served latencyP50Ms latencyP99Ms confidence confidenceSteps unsure personAgreement comparedWithPersons
      embeddedAgreement comparedWithEmbedded costUsd costPerAnswerUsd } }"""
    with desk.client() as client:
        by_graph = client.post("/graphql", json={"query": query}).json()["data"]["modelReport"]
        by_rest = client.get("/v1/model-report").json()["items"]
    status, out, error = await call("report", "--json")
    assert status == 0, error
    by_line = json.loads(out)
    assert [one["calls"] for one in by_rest] == [one["calls"] for one in by_line] == [4, 6, 0]
    champion, challenger, embedded = by_graph
    assert [one["model"]["role"] for one in by_graph] == ["champion", "challenger", "embedded"]
    assert (champion["calls"], champion["failed"], champion["errorRate"]) == (4, 1, 0.25)
    assert champion["errors"] == [{"error": "server_error", "count": 1}]
    assert champion["confidenceSteps"] == [0] * 9 + [1]
    assert 0 <= champion["latencyP50Ms"] <= champion["latencyP99Ms"]
    assert (champion["costUsd"], champion["costPerAnswerUsd"]) == (0, 0)
    assert (challenger["answers"], challenger["served"], challenger["confidence"]) == (2, 2, 0.8)
    assert challenger["personAgreement"] == champion["personAgreement"] == 0.5
    assert (challenger["comparedWithPersons"], challenger["comparedWithEmbedded"]) == (1, 1)
    assert challenger["costUsd"] > 0
    assert challenger["costPerAnswerUsd"] == pytest.approx(challenger["costUsd"] / 2)
    assert (embedded["answers"], embedded["served"], embedded["calls"]) == (2, 0, 0)
    status, out, error = await call("report")
    assert (status, "server_error" in error) == (0, True)


async def test_a_report_is_of_the_own_organization_unless_the_operator_asks(
    studio: Studio, desk: Desk
) -> None:
    await answered(studio)
    other = await studio.pool.fetchval(
        "insert into organization (name, slug) values ('x', $1) returning id", uuid.uuid4().hex
    )
    with desk.client(owner=other, operator=False) as stranger, desk.client() as operator:
        assert {one["calls"] for one in stranger.get("/v1/model-report").json()["items"]} == {0}
        refused = stranger.get("/v1/model-report", params={"everybody": "true"})
        assert refused.status_code == 403
        whole = operator.get("/v1/model-report", params={"everybody": "true", "days": 1}).json()["items"]
        assert sum(one["calls"] for one in whole) == 10
        assert operator.get("/v1/model-report", params={"days": 0}).status_code == 422
        for path in ("/v1/model-rollbacks", "/v1/model-decisions"):
            assert stranger.post(path, json={"reason": "x"}).status_code in (403, 422)


async def test_the_command_line_lists_promotes_rolls_back_and_decides(studio: Studio, call: Call) -> None:
    await answered(studio)
    status, out, error = await call("list", "--json")
    assert status == 0, error
    assert [(one["role"], one["provider"]) for one in json.loads(out)] == [
        ("champion", "qwen"),
        ("challenger", "openai"),
        ("embedded", "embedded"),
    ]
    status, out, error = await call("promote", "openai/gpt-audio-mini", "--reason", "a trial", "--json")
    assert (status, json.loads(out)["role"]) == (0, "champion"), error
    assert "champion" in (await call("list"))[1]
    status, _, error = await call("promote", "openai/nobody", "--reason", "x")
    assert (status, "There is no model openai/nobody" in error) == (1, True)
    status, out, error = await call("rollback", "--reason", "it was worse", "--json")
    assert (status, json.loads(out)["provider"]) == (0, "qwen"), error
    status, out, error = await call("rollback", "--reason", "again")
    assert (status, "NOTHING_TO_ROLL_BACK" in error) == (1, True), error
    status, out, _ = await call("history", "--json")
    assert [(one["kind"], one["why"]) for one in json.loads(out)] == [
        ("rolled_back", "it was worse"),
        ("promoted", "a trial"),
    ]
    status, out, error = await call("decide", "--json")
    told = json.loads(out)
    assert (status, told["verdict"], told["done"]) == (0, "wait", ""), error
    status, out, error = await call("add", "openai", "gpt-audio-1.5", "--role", "fallback", "--json")
    assert (status, json.loads(out)["role"]) == (0, "fallback"), error
    # The table has ids whole, to be used, and says who was not asked yet.
    ids = [one["id"] for one in json.loads((await call("list", "--json"))[1])]
    table = (await call("list"))[1]
    assert len(ids) == 4
    assert all(id in table for id in ids), table
    assert [line.count("not yet") for line in table.splitlines() if "fallback" in line] == [1]
    status, out, error = await call("edit", "openai/gpt-audio-1.5", "--role", "retired", "--json")
    assert (status, json.loads(out)["role"]) == (0, "retired"), error


async def test_an_organization_says_what_may_leave(studio: Studio, desk: Desk, call: Call) -> None:
    status, out, error = await call("permit", "--json")
    assert status == 0, error
    assert json.loads(out) == {"paidModels": True, "centsPerDay": 5000, "outside": False, "privateToo": False}
    status, out, _ = await call("permit", "--outside", "--json")
    assert (status, json.loads(out)["outside"], json.loads(out)["privateToo"]) == (0, True, False)
    status, out, _ = await call("permit", "--private", "--json")
    assert (json.loads(out)["outside"], json.loads(out)["privateToo"]) == (True, True)
    status, out, _ = await call("permit", "--no-outside", "--json")
    assert json.loads(out)["outside"] is False
    with desk.client(role=Role.LABEL_USER, operator=False) as client:
        assert client.patch("/v1/model-permission", json={"outside": True}).status_code == 403
    trail = await studio.pool.fetch(
        "select diff from change where kind = 'model_permission' and owner_id = $1 order by seq", studio.owner
    )
    assert json.loads(trail[1]["diff"]) == {"private_too": [False, True]}


@job(tries=3, backoff_s=(0.001,))
async def ask_of_tests(owner: uuid.UUID, subject: uuid.UUID, sha256: str, tools: Tools) -> dict[str, Any]:
    """What an enriching job does: keep what there is, and let a failure of all models through."""
    from domain.models.ask import Subject, ask_models

    about = Subject(owner_id=owner, subject_id=subject, sha256=sha256)
    found = await ask_models(tools.pool, tools.models, about, SHORT, None)
    return {"provider": found.provider}


ASK_OF_TESTS = JOBS.pop("ask_of_tests")


def house_of(studio: Studio, folder: Path) -> JobHouse:
    reader = ErnReader(SchemaStore(folder / "schemas"))
    return JobHouse(studio.pool, LocalBlobs(folder / "blobs"), reader, models=studio.models)


async def test_models_are_known_before_the_first_is_asked(
    studio: Studio, models_database: str, tmp_path: Path
) -> None:
    for _ in range(2):  # what starts again finds them
        async with open_house(models_database, tmp_path, models=studio.models):
            pass
    rows = await studio.pool.fetch("select provider, role from model order by role")
    assert [tuple(row) for row in rows] == [("openai", "challenger"), ("qwen", "champion")]


async def test_three_failures_make_a_dead_letter(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOBS, "ask_of_tests", ASK_OF_TESTS)
    about = {"owner": str(studio.owner), "subject": str(uuid.uuid4()), "sha256": "cd" * 32}
    async with studio.pool.acquire() as sql, sql.transaction():
        id = await life.ask(sql, studio.owner, "ask_of_tests", about)
    states = []
    for _ in range(3):
        studio.vllm.then("503")
        studio.openai.then("500")
        await studio.pool.execute("update job set run_at = now() - interval '1 s' where id = $1", id)
        states.append(await run_job(house_of(studio, tmp_path), str(id)))
    assert states == ["queued", "queued", "dead"]
    error = await studio.pool.fetchval("select error_text from job where id = $1", id)
    assert "no model answered" in error
    assert KEY not in error
    assert NoModelAnswered.__name__ in error
    async with studio.pool.acquire() as sql, sql.transaction():
        await sql.execute(
            "update job set state = 'queued', attempts = 0, finished_at = null where id = $1", id
        )
    assert await run_job(house_of(studio, tmp_path), str(id)) == "done"


async def test_the_daily_job_judges(studio: Studio, tmp_path: Path) -> None:
    assert SCHEDULES[judge_models.__name__].every_s == 86_400
    async with studio.pool.acquire() as sql, sql.transaction():
        id = await life.ask(sql, studio.owner, "judge_models", {})
    assert await run_job(house_of(studio, tmp_path), str(id)) == "done"
    result = json.loads(await studio.pool.fetchval("select result::text from job where id = $1", id))
    assert (result["verdict"], result["done"], result["lost"]) == ("wait", "", 0)
    assert "200 are needed" in result["why"]


def test_without_settings_no_model_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = language_models(Settings())
    assert (found.providers, found.configured, found.policy) == ({}, (), "propose")


def test_settings_say_which_models_and_whether_they_are_the_houses_own() -> None:
    found = language_models(
        Settings(qwen_url="http://127.0.0.1:8001/v1", openai_api_key=SecretStr(KEY), model_policy="apply")
    )
    assert [(one.provider, one.model) for one in found.configured] == [
        ("qwen", "Qwen/Qwen2-Audio-7B-Instruct"),
        ("openai", "gpt-audio-mini"),
    ]
    assert {name: model.inside for name, model in found.providers.items()} == {"qwen": True, "openai": False}
    assert KEY not in repr(found) + repr(Settings(openai_api_key=SecretStr(KEY)))
    far = Settings(qwen_url="http://gpu.label.example/v1")
    assert language_models(far).providers["qwen"].inside is False
    assert language_models(far.using(qwen_inside=True)).providers["qwen"].inside is True


def test_a_key_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("CATALOGRAPH_OPENAI_URL", "http://models.example/v1")
    with pytest.raises(SettingsInvalid) as told:
        load_settings()
    assert "CATALOGRAPH_OPENAI_URL" in str(told.value)
    assert KEY not in str(told.value)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "CATALOGRAPH_QWEN_KEY", "CATALOGRAPH_TOKEN"])
def test_a_key_may_end_with_a_line_break_and_is_told_in_no_complaint(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv(name, f"{KEY}\n")
    found = load_settings()
    assert KEY in {one.get_secret_value() for one in (found.openai_api_key, found.qwen_key, found.token)}
    for wrong in (f"{KEY}\nX-More: 1", f"{KEY}’"):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(SettingsInvalid, match=name) as told:
            load_settings()
        assert KEY not in str(told.value)
