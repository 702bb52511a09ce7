"""Cloud-function entries: each wakes, does what the worker or the server would do, and sleeps again.

The functions share one event loop and one set of connections for as long as the platform keeps the
process. They call the same commands and jobs as every other door, so what they do is recorded, idempotent
and fenced in the same way. `serverless.yml` says which event calls which function.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote_plus

import structlog

from api import landed
from api.compose import analysing, blob_store, collected, language_models, notice_outlets
from api.logs import configure_logs
from api.settings import Settings, load_settings
from domain import jobs, tracing
from domain.access.scopes import ROLE_SCOPES, Role
from domain.access.viewer import Viewer
from domain.commands import COMMANDS
from domain.deliveries.receive import MOST_BYTES
from domain.dispatch import dispatch
from domain.refusals import Refusal
from jobs import schedule as schedules
from jobs.job import JOBS, House
from jobs.queue import VERSION
from jobs.worker import open_house, run_job

if TYPE_CHECKING:
    from mangum import Mangum

T = TypeVar("T")
Event = dict[str, Any]

# Left for answering when the platform is about to end the call.
_SPARE_S = 15.0
# The part of it in which a job that was not done is noted.
_TO_FAIL_S = 5.0
_SWEEP_S = 60.0
_OVERDUE_S = 30.0

log = structlog.get_logger(__name__)


def http(event: Event, context: Any) -> Any:
    """An HTTP API request: the whole front door."""
    return _process().http(event, context)


def object_created(event: Event, context: Any) -> list[dict[str, str]]:
    """Objects that landed in the bucket: messages are applied, sound is enriched. Gives what became of them.

    The first part of the key is the slug of the organization it belongs to: `quay-records/2026/a.xml`,
    `quay-records/recordings/ID/a.flac`.
    """
    return _run("object_created", lambda house: _take_in(house, event, "receive_delivery", _Call.of(context)))


def ddex_check(event: Event, context: Any) -> list[dict[str, str]]:
    """Objects that landed: check each message and keep what is found, as `validate` does; apply nothing."""
    return _run("ddex_check", lambda house: _take_in(house, event, "validate_delivery", _Call.of(context)))


def queue(event: Event, context: Any) -> dict[str, list[dict[str, str]]]:
    """Messages of a queue: notices of new objects, or of jobs (docs/jobs.md). Gives those to send again."""
    return _run("queue", lambda house: _consume(house, event, _Call.of(context)))


def schedule(_event: Event, context: Any) -> dict[str, int]:
    """Every few minutes: do what a schedule asks for, and jobs that no worker has done in time."""
    return _run("schedule", lambda house: _sweep(house, _Call.of(context)))


@dataclass(frozen=True)
class _Call:
    """What time a call has, on the clock of time.monotonic. ends: soon enough to give back what runs."""

    began: float
    ends: float

    @classmethod
    def of(cls, context: Any) -> "_Call":
        """The call that the platform has just begun."""
        now = time.monotonic()
        left_s = context.get_remaining_time_in_millis() / 1000 - _SPARE_S if context else _SWEEP_S
        return cls(now, now + left_s)

    @property
    def left_s(self) -> float:
        """How much of it is left."""
        return self.ends - time.monotonic()

    @property
    def is_young(self) -> bool:
        """Whether what begins now has most of it, so that no other call would have much more."""
        return self.left_s > (self.ends - self.began) / 2


class _Process:
    """What one warm process keeps between calls."""

    def __init__(self, settings: Settings) -> None:
        configure_logs(settings.log_level, "json")
        self.settings = settings
        self.loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._house: House | None = None
        self._http: Mangum | None = None

    def run(self, name: str, work: Callable[[House], Awaitable[T]]) -> T:
        """Work with the house, opened once. What is collected of it is sent before the platform sleeps."""
        if self._house is None:
            self._stack.enter_context(collected(self.settings))
        try:
            with tracing.span(f"function {name}", kind="server"):
                return self.loop.run_until_complete(self._with_house(work))
        finally:
            tracing.flush()

    def http(self, event: Event, context: Any) -> Any:
        """Answer a request; the application is started once, not for each request."""
        if self._http is None:
            # Only this function needs the front door, and loading it takes longer than all the rest.
            from mangum import Mangum

            from api.app import create_app

            app = create_app(self.settings)
            self.loop.run_until_complete(self._stack.enter_async_context(app.router.lifespan_context(app)))
            self._http = Mangum(app, lifespan="off")
        # Mangum asks the thread for its loop, and a platform may call from another thread each time.
        asyncio.set_event_loop(self.loop)
        try:
            return self._http(event, context)
        finally:
            tracing.flush()

    def close(self) -> None:
        """Let everything go."""
        self.loop.run_until_complete(self._stack.aclose())
        self.loop.close()

    async def _with_house(self, work: Callable[[House], Awaitable[T]]) -> T:
        if self._house is None:
            opened = open_house(
                self.settings.database_url,
                self.settings.state_folder,
                blobs=blob_store(self.settings),
                outlets=notice_outlets(self.settings),
                models=language_models(self.settings),
                analyser=analysing(self.settings),
            )
            house = self._house = await self._stack.enter_async_context(opened)
        else:
            house = self._house
        return await work(house)


@cache
def _process() -> _Process:
    settings = load_settings()
    assert settings.database_url, "a cloud function needs DATABASE_URL"
    return _Process(settings)


def _run(name: str, work: Callable[[House], Awaitable[T]]) -> T:
    return _process().run(name, work)


async def _take_in(house: House, event: Event, command: str, call: _Call) -> list[dict[str, str]]:
    return [await _ingest(house, one, command, call) for one in _objects(event)]


@dataclass(frozen=True)
class _Object:
    """An object of the bucket, as a notice names it."""

    bucket: str
    key: str
    size: int


def _objects(event: Event) -> Iterator[_Object]:
    for record in event.get("Records", []):
        stored = record["s3"]
        key = unquote_plus(stored["object"]["key"])
        yield _Object(stored["bucket"]["name"], key, stored["object"].get("size", 0))


async def _ingest(house: House, found: _Object, command: str, call: _Call) -> dict[str, str]:
    """One object: a message or sound of an organization is taken in, the rest is left where it is."""
    slug, _, name = found.key.partition("/")
    if landed.is_sound(name) and command == "receive_delivery":
        return await _sound(house, found, slug, name, call)
    if not name.lower().endswith(".xml"):
        return _left(found, "not a message: the key does not end in .xml")
    if found.size > MOST_BYTES:
        return _left(found, f"{found.size} bytes; at most {MOST_BYTES} will do")
    viewer = await _service_of(house, slug)
    if viewer is None:
        return _left(found, f"no organization has the slug {slug!r}")
    content = await asyncio.to_thread(_read_object, found)
    if content is None:
        return _left(found, "the object is gone")
    declared = COMMANDS[command]
    try:
        answer = await dispatch(
            declared,
            declared.ask(content=content, file_name=name),
            viewer=viewer,
            pool=house.pool,
            door="hook",
            blobs=house.blobs,
        )
    except Refusal as refusal:
        return _left(found, refusal.text)
    assert answer.outcome is not None
    job_id = answer.outcome.value.job_id
    state = await _run_job(house, job_id, call) if job_id else "known"
    return {"key": found.key, "state": state, "delivery_id": str(answer.outcome.ids[0])}


async def _sound(house: House, found: _Object, slug: str, name: str, call: _Call) -> dict[str, str]:
    """Sound of an organization: kept as a file, and enriched where it hangs on a recording.

    A function without decoders leaves the job to a worker, or to a function that has them.
    """
    viewer = await _service_of(house, slug)
    if viewer is None:
        return _left(found, f"no organization has the slug {slug!r}")
    body = await asyncio.to_thread(_open_object, found)
    if body is None:
        return _left(found, "the object is gone")
    try:
        with body:
            taken = await landed.take_in(house, viewer, name, found.size, body)
    except Refusal as refusal:
        return _left(found, refusal.text)
    told = {"key": found.key, "file_id": taken.file_id, "state": taken.state}
    if taken.job_id is not None and house.analyser is not None:
        told["state"] = await _run_job(house, taken.job_id, call)
    return told


def _left(found: _Object, reason: str) -> dict[str, str]:
    log.warning("object is left", key=found.key, size_bytes=found.size, reason=reason)
    return {"key": found.key, "state": "left", "reason": reason}


async def _run_job(house: House, job_id: str, call: _Call) -> str:
    """Carry a job as far as the time goes; then the schedule or a worker goes on.

    One that had most of a call and was not done is counted as tried: what takes longer than any call would
    else begin anew for ever. One that came late in the call is given back uncounted.
    """
    left_s, counted = call.left_s, call.is_young
    try:
        async with asyncio.timeout(left_s + _TO_FAIL_S if counted else left_s):
            return await run_job(house, job_id, most_s=left_s if counted else None)
    except TimeoutError:
        log.warning("the call ends before its job", job_id=job_id)
        return "given back"


async def _service_of(house: House, slug: str) -> Viewer | None:
    async with house.pool.acquire() as connection:
        row = await connection.fetchrow("select id, tier from organization where slug = $1", slug)
    if row is None:
        return None
    return Viewer(row["id"], "hook:object_created", Role.SERVICE, ROLE_SCOPES[Role.SERVICE], row["tier"])


def _open_object(found: _Object) -> Any:
    """An object to be read, None when it is there no more."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        return boto3.client("s3").get_object(Bucket=found.bucket, Key=found.key)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise


def _read_object(found: _Object) -> bytes | None:
    """The bytes of an object, None when it is there no more."""
    body = _open_object(found)
    if body is None:
        return None
    with body:
        content: bytes = body.read()
    return content


async def _consume(house: House, event: Event, call: _Call) -> dict[str, list[dict[str, str]]]:
    again = []
    for record in event.get("Records", []):
        try:
            if call.left_s <= 0:
                raise TimeoutError("the call ends before this message's turn")
            message = json.loads(record["body"])
            if "jobId" in message:
                if message.get("v") != VERSION:
                    raise LookupError(
                        f"a message of version {message.get('v')}; this function reads {VERSION}"
                    )
                if message.get("kind", "") not in ("", *JOBS):
                    raise LookupError(f"a job {message['kind']!r}, which this function does not know")
                await _run_job(house, message["jobId"], call)
            else:
                await _take_in(house, message, "receive_delivery", call)
        except Exception:
            log.exception("queue message failed", message_id=record.get("messageId"))
            again.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": again}


async def _sweep(house: House, call: _Call) -> dict[str, int]:
    await schedules.keep(house.pool)
    asked = await schedules.tick(house.pool)
    done = 0
    tried: set[str] = set()
    while call.left_s > 0:
        async with house.pool.acquire() as connection:
            overdue = [str(job.id) for job in await jobs.due(connection, _OVERDUE_S, 50, list(JOBS))]
        fresh = [id for id in (*asked, *overdue) if id not in tried]
        if not fresh:
            break
        for id in fresh:
            if call.left_s <= 0:
                break
            tried.add(id)
            done += await _run_job(house, id, call) == "done"
    return {"tried": len(tried), "done": done}
