"""`bench reads`: four questions, asked of the product and of a bare handler with hand-written SQL.

Both run at the same time in processes of their own over one database and take turns, in an order that is
turned round each time, so that a busy machine slows both. Before anything is measured their answers are
compared. What counts is the ratio.
"""

import asyncio
import json
import math
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import IO, Any

import asyncpg
import httpx2

from api.demo import fill_catalog, organization
from api.keys import ensure_keys, mint_token
from api.migrated import bring_up_to_date, newest_revision
from api.processes import stop
from api.settings import CHECKOUT, Settings
from domain.access.scopes import Role
from domain.access.tiers import MOST
from domain.demo.fill import Filled, Report
from tests.bench import access, throwaway
from tests.bench.loadgen import Load, Measured
from tests.bench.questions import QUESTIONS, Question

FLOOR = 0.85
ACCESS_US = 30
VARIANTS = 200
COMPARED = 12
PRODUCT, BARE = "product", "bare"
_OTHERS_SHARE = 20
_PATIENCE_S = 60


class AnswersDiffer(Exception):
    """The product and the bare handler do not say the same."""


@dataclass(frozen=True)
class Plan:
    """How much is measured. keep: leave the database there for the next run, or take it up from the last."""

    tracks: int = 100_000
    seed: int = 1
    connections: int = 16
    seconds: float = 1.0
    rounds: int = 7
    keep: bool = False


@dataclass(frozen=True)
class Line:
    """The medians of one question. ratio: the product's requests a second by the bare handler's.

    Each round's ratio is of two measurements that follow each other, so that a machine that is busy for a
    while is busy for both.
    """

    question: str
    about: str
    bytes: int
    product: dict[str, Any]
    bare: dict[str, Any]
    ratio: float


@dataclass(frozen=True)
class Result:
    """What a run found. mean_ratio: the geometric mean. access_us: processor time of access a request."""

    tracks: int
    connections: int
    rounds: int
    seconds: float
    lines: list[Line]
    mean_ratio: float
    access_us: float


def run(plan: Plan, report: Report, said: Any = print) -> Result:
    """Make or find the catalog, start both servers, compare, measure."""
    with throwaway.server() as settings:
        name = (
            f"catalograph_bench_{plan.tracks}_{plan.seed}" if plan.keep else f"bench_{uuid.uuid4().hex[:12]}"
        )
        try:
            url, owner = asyncio.run(catalog(settings, name, plan, report))
            said("comparing the answers")
            return asyncio.run(_measure_all(settings.using(database_url=url), owner, plan, said))
        finally:
            if not plan.keep:
                asyncio.run(throwaway.drop(settings.database_url, name))


async def catalog(settings: Settings, name: str, plan: Plan, report: Report) -> tuple[str, uuid.UUID]:
    """A database with a made-up catalog, and of another organization one a twentieth its size."""
    note = f"{newest_revision()} {plan.tracks} {plan.seed}"
    url = throwaway.named(settings.database_url, name)
    if await throwaway.noted(settings.database_url, name) != note:
        await throwaway.create(settings.database_url, name)
        here = settings.using(database_url=url)
        await bring_up_to_date(here)
        other = await organization(here, "others")
        await fill_catalog(
            here, other, -(-plan.tracks // _OTHERS_SHARE), plan.seed + 1, Filled(), lambda _: None
        )
        await fill_catalog(here, await organization(here, "bench"), plan.tracks, plan.seed, Filled(), report)
        await _settle(url)
        await throwaway.note(settings.database_url, name, note)
    return url, await organization(settings.using(database_url=url), "bench")


async def _settle(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        # A budget that is charged and not exhausted.
        await connection.execute("update tier set points_per_minute = $1", MOST)
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def _measure_all(settings: Settings, owner: uuid.UUID, plan: Plan, said: Any) -> Result:
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="catalograph-bench-")))
        token = mint_token(
            ensure_keys(state / "keys")[0],
            subject="bench",
            organization_id=owner,
            role=Role.LABEL_USER,
            tier="enterprise",
            lifetime=timedelta(hours=2),
        )
        servers = {
            what: stack.enter_context(serving(what, settings, state, owner)) for what in (PRODUCT, BARE)
        }
        product = stack.enter_context(asker(servers[PRODUCT].port, token))
        variables = _variables(product, plan.seed)
        bare = stack.enter_context(asker(servers[BARE].port, token))
        compare(product, bare, variables)
        access_us = access.cpu_us(settings.using(state_folder=state), owner)
        found: dict[tuple[str, str], list[Measured]] = {}
        for turn in range(plan.rounds):
            order = (PRODUCT, BARE) if turn % 2 == 0 else (BARE, PRODUCT)
            for question in QUESTIONS:
                for what in order:
                    said(f"round {turn + 1} of {plan.rounds}: {question.name} {what}")
                    load = _load(servers[what], question, variables[question.name], token, plan, turn)
                    found.setdefault((question.name, what), []).append(_measure(load))
    lines = [_line(question, found) for question in QUESTIONS]
    mean = math.prod(line.ratio for line in lines) ** (1 / len(lines))
    return Result(
        plan.tracks, plan.connections, plan.rounds, plan.seconds, lines, round(mean, 3), round(access_us, 1)
    )


def compare(product: httpx2.Client, bare: httpx2.Client, variables: Mapping[str, Sequence[Any]]) -> None:
    """Ask both the same and raise AnswersDiffer at the first difference; cursors may differ."""
    for question in QUESTIONS:
        for asked in variables[question.name][:COMPARED]:
            body = {"query": question.document, "variables": asked}
            ours, theirs = (_answer(client, body) for client in (product, bare))
            if ours != theirs:
                raise AnswersDiffer(
                    f"{question.name} with {asked}:\nproduct {json.dumps(ours, ensure_ascii=False)[:2000]}\n"
                    f"bare    {json.dumps(theirs, ensure_ascii=False)[:2000]}"
                )
            if not any(ours["data"].values()):
                raise AnswersDiffer(f"{question.name} with {asked} found nothing: {ours}")


def _answer(client: httpx2.Client, body: Any) -> Any:
    answer = client.post("/graphql", json=body)
    answer.raise_for_status()
    said = answer.json()
    if "errors" in said:
        raise AnswersDiffer(f"{said['errors']} to {body}")
    said.pop("extensions", None)  # the cost, which the bare handler knows nothing of
    for page in said["data"].values():
        if isinstance(page, dict) and "pageInfo" in page:
            page["pageInfo"].pop("endCursor", None)
    return said


def _variables(client: httpx2.Client, seed: int) -> dict[str, list[dict[str, Any]]]:
    """For each question different variables, spread over the whole catalog, found through the product."""
    chance = random.Random(seed)
    tracks = list(_walk(client, "tracks", "title"))
    releases = list(_walk(client, "releases", "title"))
    words = sorted({word for track in tracks for word in track["node"]["title"].split() if len(word) > 2})
    texts = chance.choices(words, k=VARIANTS // 2)
    texts += [title[:12] for title in (t["node"]["title"] for t in chance.choices(tracks, k=VARIANTS // 2))]
    return {
        "Q1": [{"id": track["node"]["id"]} for track in chance.choices(tracks, k=VARIANTS)],
        "Q2": [
            {"after": one["cursor"]} for one in chance.choices(releases[: -len(releases) // 10], k=VARIANTS)
        ],
        "Q3": [{"after": one["cursor"]} for one in chance.choices(tracks[: -len(tracks) // 10], k=VARIANTS)],
        "Q4": [{"text": text} for text in texts],
    }


def _walk(client: httpx2.Client, plural: str, label: str) -> Iterator[dict[str, Any]]:
    """Every hundredth page or more of a list, as edges; all of it where it is small."""
    document = (
        f"query ($after: String) {{ {plural}(first: 100, after: $after) "
        f"{{ edges {{ cursor node {{ id {label} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    after = None
    while True:
        page = client.post("/graphql", json={"query": document, "variables": {"after": after}}).json()
        if "errors" in page:
            raise AnswersDiffer(f"{page['errors']} to {document}")
        found = page["data"][plural]
        yield from found["edges"]
        if not found["pageInfo"]["hasNextPage"]:
            return
        after = found["pageInfo"]["endCursor"]


def _load(
    server: "_Server", question: Question, variables: Sequence[Any], token: str, plan: Plan, turn: int
) -> Load:
    asked = list(variables)
    random.Random(turn).shuffle(asked)
    return Load(
        server.port,
        [_request(server.port, {"query": question.document, "variables": one}, token) for one in asked],
        plan.connections,
        min(1.0, plan.seconds / 2),
        plan.seconds,
        server.process.pid,
    )


def _request(port: int, body: Any, token: str) -> str:
    text = json.dumps(body)
    return (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nAccept: application/json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n{text}"
    )


def _measure(load: Load) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.loadgen"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        timeout=load.warm_up_s + load.seconds + _PATIENCE_S,
        check=True,
    )
    measured = Measured(**json.loads(done.stdout))
    if measured.failed:
        raise AnswersDiffer(
            f"{measured.failed} of {measured.requests} requests failed under load {done.stderr[-2000:]}"
        )
    return measured


def _line(question: Question, found: Mapping[tuple[str, str], Sequence[Measured]]) -> Line:
    ours, theirs = (found[question.name, what] for what in (PRODUCT, BARE))
    ratio = median(one.per_second / other.per_second for one, other in zip(ours, theirs, strict=True))
    return Line(
        question.name,
        question.about,
        theirs[0].bytes,
        _medians(ours),
        _medians(theirs),
        round(ratio, 3),
    )


def _medians(all_of: Sequence[Measured]) -> dict[str, Any]:
    cpu = [one.cpu_us for one in all_of if one.cpu_us is not None]
    return {
        "per_second": round(median(one.per_second for one in all_of)),
        "p50_ms": round(median(one.p50_ms for one in all_of), 2),
        "p99_ms": round(median(one.p99_ms for one in all_of), 2),
        "cpu_us": round(median(cpu)) if cpu else None,
    }


@dataclass(frozen=True)
class _Server:
    process: "subprocess.Popen[bytes]"
    port: int


def cursor_in(client: httpx2.Client) -> str:
    """A place in the list of releases."""
    found: str = next(_walk(client, "releases", "title"))["cursor"]
    return found


@contextmanager
def serving(what: str, settings: Settings, state: Path, owner: uuid.UUID) -> Iterator[_Server]:
    """The product or the bare handler, in a process of its own."""
    log: IO[str]
    with (state / f"{what}.log").open("w+") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.bench.serving", what),
                *(settings.database_url, settings.redis_url, str(state), str(owner)),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=CHECKOUT,
        )
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            if not said.strip().isdigit():
                log.seek(0)
                raise RuntimeError(f"the {what} server did not start:\n{log.read()[-4000:]}")
            yield _Server(process, int(said))
        finally:
            stop(process)


@contextmanager
def asker(port: int, token: str) -> Iterator[httpx2.Client]:
    """A caller with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=_PATIENCE_S, trust_env=False
    ) as client:
        yield client
