"""An organization with channels, its outlets, and the worker's jobs run on the spot."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.sealing import AnswerSealer
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.mail import SmtpMailer, SmtpServer
from domain.adapters.postgres import Pool
from domain.adapters.schemas import SchemaStore
from domain.adapters.webhooks import WebhookPoster
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.notices.notify import Notified, notify
from domain.notices.outlets import Outlets
from jobs.job import House
from jobs.worker import run_job
from tests.notices.receivers import MailServer, WebServer, mail_server, web_server

SEALER = AnswerSealer(b"secret of the tests" * 2)


@dataclass
class Told:
    """One organization that is told things."""

    pool: Pool
    house: House
    viewer: Viewer
    mail: MailServer
    web: WebServer

    async def do(self, name: str, **given: Any) -> Any:
        """Run a command; gives its outcome."""
        command = COMMANDS[name]
        answer = await dispatch(
            command, command.ask(**given), viewer=self.viewer, pool=self.pool, door="test", sealer=SEALER
        )
        return answer.outcome

    async def channel(self, kind: str, address: str) -> tuple[str, str]:
        """A new channel: its id, and its secret where it has one."""
        outcome = await self.do("create_notice_channel", kind=kind, address=address)
        return str(outcome.ids[0]), outcome.value.secret or ""

    async def tell(self, key: str = "", subject: str = "Something", text: str = "It happened.") -> Notified:
        """Tell the organization something, in a transaction of its own."""
        async with self.pool.acquire() as sql, sql.transaction():
            return await notify(
                sql,
                self.viewer.organization_id,
                "notice.test",
                subject,
                text,
                {"n": 1},
                key or uuid.uuid4().hex,
            )

    async def run(self, again: bool = False) -> list[str]:
        """Run the jobs that wait, once each; gives the states. again: without waiting for their time."""
        if again:
            await self.pool.execute(
                "update job set run_at = clock_timestamp() where owner_id = $1 and state = 'queued'",
                self.viewer.organization_id,
            )
        rows = await self.pool.fetch(
            "select id from job where owner_id = $1 and state = 'queued' order by id",
            self.viewer.organization_id,
        )
        return [await run_job(self.house, str(row["id"])) for row in rows]

    async def deliveries(self) -> list[tuple[str, str, str | None]]:
        """Kind, state and error of each delivery."""
        rows = await self.pool.fetch(
            "select kind, state, error from notice_delivery where owner_id = $1 order by id",
            self.viewer.organization_id,
        )
        return [(row["kind"], row["state"], row["error"]) for row in rows]


def house_of(pool: Pool, folder: Path, outlets: Outlets) -> House:
    """What the worker is composed of."""
    return House(
        pool, LocalBlobs(folder / "blobs"), ErnReader(SchemaStore(folder / "schemas")), outlets=outlets
    )


@pytest.fixture
async def told(pool: Pool, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Told]:
    """A new organization without channels, and those who could be told."""
    slug = uuid.uuid4().hex
    owner = await pool.fetchval("insert into organization (name, slug) values ($1, $1) returning id", slug)
    viewer = Viewer(owner, f"user:{slug}", Role.LABEL_USER, frozenset(Scope))
    patience_s = 1 if "hang" in request.node.name else 30  # only who never answers is not waited for long
    async with (
        mail_server() as mail,
        web_server() as web,
        WebhookPoster(private=True, patience_s=patience_s) as poster,
    ):
        server = SmtpServer("127.0.0.1", "catalog@house.example", mail.port, "none", patience_s=patience_s)
        outlets = Outlets(SmtpMailer(server), poster, SEALER)
        yield Told(pool, house_of(pool, tmp_path, outlets), viewer, mail, web)
