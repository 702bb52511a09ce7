"""Both profiles of model servers, and an organization that asks them."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from domain.adapters.models.chat import Chat
from domain.adapters.models.openai import OpenAI
from domain.adapters.models.qwen import Qwen
from domain.adapters.postgres import Pool, open_pool
from domain.audio.analysis import Label, Labels, Tagged
from domain.models.ask import Answered, Subject, ask_models
from domain.models.ports import AudioModel, Configured
from domain.models.ports import Models as Asked
from domain.models.windows import RATE_HZ, Window, cut
from tests.conftest import Databases
from tests.models.server import KEY, OPENAI, VLLM, Models, model_server

TAGGED = Tagged(
    labels=Labels(
        genre=(Label(name="Techno", confidence=0.6), Label(name="House", confidence=0.3)),
        mood=(Label(name="energetic", confidence=0.5),),
        instruments=(Label(name="synth", confidence=0.4),),
    )
)


def windows(seconds: float = 90.0, hz: float = 300.0) -> tuple[Window, ...]:
    """The windows of a tone."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return cut((0.4 * np.sin(2 * np.pi * hz * at)).astype(np.float32))


SHORT = windows(6.0)
THREE = windows(30.0)


@dataclass
class Studio:
    """Two servers, one organization, and what it asks."""

    pool: Pool
    owner: uuid.UUID
    vllm: Models
    openai: Models
    providers: dict[str, AudioModel]
    configured: tuple[Configured, ...] = (
        Configured("qwen", "Qwen/Qwen2-Audio-7B-Instruct"),
        Configured("openai", "gpt-audio-mini"),
    )
    policy: str = "propose"
    slept: list[float] = field(default_factory=list)

    @property
    def models(self) -> Asked:
        """What a process was composed of."""
        return Asked(self.providers, self.configured, self.policy)

    def only(self, *providers: str) -> Asked:
        """The same without the other providers."""
        given = {name: self.providers[name] for name in providers}
        return Asked(given, tuple(one for one in self.configured if one.provider in providers))

    async def ask(self, subject_id: uuid.UUID | None = None, **more: Any) -> Answered:
        """Ask about a recording that is new unless its sha256 is given."""
        sha256 = more.pop("sha256", None) or uuid.uuid4().hex * 2
        private = more.pop("private", True)
        given = {"windows": SHORT, "embedded": TAGGED, "models": self.models, "sleep": self.sleep, **more}
        id = subject_id or of_champion()
        subject = Subject(owner_id=self.owner, subject_id=id, sha256=sha256, private=private)
        models, parts, tagged = given.pop("models"), given.pop("windows"), given.pop("embedded")
        return await ask_models(self.pool, models, subject, parts, tagged, **given)

    async def sleep(self, seconds: float) -> None:
        """Note that it would be waited."""
        self.slept.append(seconds)

    async def tier(self, name: str) -> None:
        """Put the organization into a tier."""
        await self.pool.execute("update organization set tier = $2 where id = $1", self.owner, name)

    async def calls(self, columns: str = "reason, state, error") -> list[tuple[Any, ...]]:
        """Every call of the organization, in order."""
        rows = await self.pool.fetch(
            f"select {columns} from model_call where owner_id = $1 order by id", self.owner
        )
        return [tuple(row) for row in rows]

    async def spent(self) -> tuple[int, int]:
        """Millionths of a dollar that are reserved and that are spent."""
        row = await self.pool.fetchrow(
            "select coalesce(sum(reserved_micros), 0)::bigint, coalesce(sum(spent_micros), 0)::bigint "
            "from model_spend where owner_id = $1",
            self.owner,
        )
        assert row is not None
        return row[0], row[1]


def of_champion() -> uuid.UUID:
    """A subject that the champion answers."""
    from domain.models.split import asks_challenger

    return next(id for id in iter(uuid.uuid4, None) if not asks_challenger(id))


def of_challenger() -> uuid.UUID:
    """A subject that the challenger answers."""
    from domain.models.split import asks_challenger

    return next(id for id in iter(uuid.uuid4, None) if asks_challenger(id))


@pytest.fixture(scope="package")
def servers_of_models() -> Iterator[tuple[Models, Models]]:
    """A server of each profile."""
    with model_server(VLLM) as vllm, model_server(OPENAI) as openai:
        yield vllm, openai


@pytest.fixture
def both(servers_of_models: tuple[Models, Models]) -> tuple[Models, Models]:
    """The servers, as new."""
    for one in servers_of_models:
        fresh = Models(one.profile)
        one.says, one.logprob, one.always, one.key = fresh.says, fresh.logprob, None, KEY
        for held in (one.faults, one.asked, one.clips):
            held.clear()
    return servers_of_models


@pytest.fixture(scope="package")
async def models_database(databases: Databases) -> str:
    """A migrated database for the tests of models."""
    return await databases.clone("models")


@pytest.fixture(scope="package")
async def models_pool(models_database: str) -> AsyncIterator[Pool]:
    """The work pool on it."""
    opened = await open_pool(models_database, max_size=5)
    yield opened
    opened.terminate()


@pytest.fixture
async def clean_pool(models_pool: Pool) -> Pool:
    """The same, with no model known and the tiers as they are set up."""
    for table in ("model_decision", "model_call", "model_answer", "model_spend", "model_permission", "model"):
        await models_pool.execute(f"delete from {table}")
    await models_pool.execute("delete from notice")
    await models_pool.execute("update organization set is_operator = false")
    await models_pool.execute("update tier set model_cents_per_day = 5000 where name = 'enterprise'")
    return models_pool


async def an_organization(pool: Pool, **more: Any) -> uuid.UUID:
    """A new organization of the enterprise tier."""
    id: uuid.UUID = await pool.fetchval(
        "insert into organization (name, slug, tier, is_operator) "
        "values ($1, $1, 'enterprise', $2) returning id",
        uuid.uuid4().hex,
        more.get("operator", False),
    )
    return id


@pytest.fixture
async def studio(clean_pool: Pool, both: tuple[Models, Models]) -> AsyncIterator[Studio]:
    """An organization of the enterprise tier."""
    owner = await an_organization(clean_pool)
    vllm, openai = both
    chats = Chat("Qwen2-Audio", vllm.url, KEY, timeout_s=5), Chat("OpenAI", openai.url, KEY, timeout_s=5)
    made = Studio(
        clean_pool,
        owner,
        vllm,
        openai,
        {"qwen": Qwen(chats[0], inside=True), "openai": OpenAI(chats[1], inside=True)},
    )
    yield made
    for chat in chats:
        await chat.close()
