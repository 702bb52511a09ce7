"""A served house, two organizations, a partner that signs, and the worker's jobs run on the spot."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from domain.access.scopes import Role
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.postgres import Pool, open_pool
from domain.adapters.schemas import SchemaStore
from jobs.job import House as JobHouse
from jobs.worker import run_job
from tests.api.conftest import OURS, House, house, house_database

__all__ = ["house", "house_database"]


def signature(secret: str, id: str, at: str, body: bytes) -> str:
    """A signature as the specification words it, made apart from the code under test."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(key, f"{id}.{at}.".encode() + body, hashlib.sha256)).decode()


@dataclass
class Partner:
    """A distributor with its secret, and the organization whose partner it is."""

    house: House
    pool: Pool
    jobs: JobHouse
    id: str
    path: str
    secret: str
    upc: str = field(default_factory=lambda: f"{uuid.uuid4().int % 10**12:012}")

    def event(self, word: str, at: str, **more: Any) -> bytes:
        """The body of an event about this partner's release."""
        return json.dumps({"type": word, "timestamp": at, "data": {"upc": self.upc}, **more}).encode()

    def headers(
        self, body: bytes, id: str, *, at: int | str | None = None, secret: str = ""
    ) -> dict[str, str]:
        """What goes with a body."""
        when = str(int(time.time()) if at is None else at)
        signed = signature(secret or self.secret, id, when, body)
        return {"webhook-id": id, "webhook-timestamp": when, "webhook-signature": signed}

    async def call(self, body: bytes, id: str = "", **more: Any) -> httpx2.Response:
        """Call back. headers: instead of good ones; path: instead of the partner's."""
        headers = more.pop("headers", None) or self.headers(body, id or uuid.uuid4().hex, **more)
        async with httpx2.AsyncClient(base_url=self.house.url, timeout=30) as client:
            return await client.post(self.path, content=body, headers=headers)

    async def verdict(self, body: bytes, **more: Any) -> tuple[int, str]:
        """Status and code of a call that is refused."""
        answer = await self.call(body, **more)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    async def run(self) -> int:
        """Run every job that waits; gives how many there were."""
        waiting = await self.pool.fetch(
            "select id from job where kind = 'settle_callback' and state = 'queued' order by id"
        )
        for row in waiting:
            await run_job(self.jobs, str(row["id"]))
        return len(waiting)

    async def counts(self) -> tuple[int, int, int]:
        """How many events, jobs and distributions there are of this partner."""
        row = await self.row(
            "(select count(*) from callback_event e where e.partner_id = p.id), "
            "(select count(*) from job j join callback_event e on e.id = j.subject_id "
            "where e.partner_id = p.id), "
            "(select count(*) from distribution d where d.partner_id = p.id)"
        )
        return row[0], row[1], row[2]

    async def refused(self) -> tuple[int, str | None]:
        """How many calls were noted as refused, and why the last one was."""
        row = await self.row("refused, last_refusal")
        return row[0], row[1]

    async def row(self, columns: str) -> Any:
        """What the database has of the partner."""
        return await self.pool.fetchrow(
            f"select {columns} from callback_partner p where slug = $1", self.path.rsplit("/", 1)[1]
        )

    async def stands(self) -> tuple[str, list[str]]:
        """Where the release stands, and its history in the partner's order, as the API tells it."""
        document = (
            "query($r: [String!]) { distributions(filter: {reference: $r}) "
            "{ nodes { state history(first: 50) { nodes { meaning } } } } }"
        )
        (node,) = (await graph(self.house, document, r=[self.upc]))["distributions"]["nodes"]
        return node["state"], [event["meaning"] for event in node["history"]["nodes"]]


async def graph(of: House, document: str, organization: uuid.UUID = OURS, **variables: Any) -> dict[str, Any]:
    """What a label user is answered."""
    headers = {"Authorization": f"Bearer {of.token(organization=organization)}"}
    async with httpx2.AsyncClient(base_url=of.url, headers=headers, timeout=30) as client:
        answer = await client.post("/graphql", json={"query": document, "variables": variables})
    whole = answer.json()
    assert "errors" not in whole, whole
    data: dict[str, Any] = whole["data"]
    return data


async def rest(
    of: House, method: str, path: str, json: Any = None, organization: uuid.UUID = OURS, **more: Any
) -> httpx2.Response:
    """A REST request of a label user, or of another role."""
    token = of.token(organization=organization, role=more.pop("role", Role.LABEL_USER))
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
    async with httpx2.AsyncClient(base_url=of.url, headers=headers, timeout=30) as client:
        return await client.request(method, path, json=json, **more)


@pytest.fixture
async def pool_of_house(house: House) -> AsyncIterator[Pool]:
    """Connections to the house's database."""
    async with await open_pool(house.database_url, max_size=4) as opened:
        yield opened


@pytest.fixture
async def partner(house: House, pool_of_house: Pool, tmp_path: Path) -> Partner:
    """A new partner of ours, made through REST."""
    await pool_of_house.execute("update job set state = 'cancelled' where state = 'queued'")
    made = await rest(house, "POST", "/v1/callback-partners", {"name": "Some distributor"})
    assert made.status_code in (200, 201), made.text
    told = made.json()
    jobs = JobHouse(
        pool_of_house, LocalBlobs(tmp_path / "blobs"), ErnReader(SchemaStore(tmp_path / "schemas"))
    )
    return Partner(house, pool_of_house, jobs, told["id"], told["path"], told["secret"])
