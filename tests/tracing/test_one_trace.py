"""One trace from a request to what its job sends, told to a real collector over OTLP/HTTP in protobuf."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import SecretStr

from api.compose import notice_outlets
from api.embedded import Servers
from api.keys import ensure_keys, mint_token
from api.settings import Settings
from domain import tracing
from domain.access.scopes import Role
from domain.adapters.postgres import open_pool
from jobs.worker import run_job
from tests.api.conftest import OURS, house_database, serving, settings_for
from tests.notices.conftest import house_of
from tests.notices.receivers import web_server

__all__ = ["house_database"]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@dataclass
class Collected:
    """What a collector was told."""

    port: int = 0
    status: int = 200
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[Any]:
        """Every span."""
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def services(self) -> set[str]:
        """What the resources say of themselves."""
        return {
            f"{one.key}={one.value.string_value}"
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for one in resource.resource.attributes
        }


@pytest.fixture
def collector() -> Iterator[Collected]:
    """A collector on a free port, on a thread of its own."""
    told = Collected()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.paths.append(self.path)
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            if told.status == 200:
                told.bodies.append(body)
            self.send_response(told.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join(10)


def traced(settings: Settings, collector: Collected) -> Settings:
    """The settings of a house whose spans are collected."""
    return settings.using(
        otel_exporter_otlp_endpoint=f"http://127.0.0.1:{collector.port}/",
        otel_exporter_otlp_headers=SecretStr("x-key=top%20secret"),
        otel_service_name="catalog of the tests",
        webhooks_private=True,
    )


async def told(url: str, token: str, document: str, **variables: Any) -> Any:
    """What GraphQL answers within the caller's trace."""
    headers = {"Authorization": f"Bearer {token}", "traceparent": f"00-{TRACE}-{CALLER}-01"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        answer = await client.post("/graphql", json={"query": document, "variables": variables})
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


async def test_from_the_request_to_the_notice(
    house_database: str, servers: Servers, tmp_path: Path, collector: Collected
) -> None:
    settings = traced(settings_for(house_database, servers.redis_url or "", tmp_path), collector)
    key = ensure_keys(tmp_path / "keys")[0]
    token = mint_token(key, organization_id=OURS, role=Role.LABEL_USER, subject="ann@label.example")
    async with web_server() as web, await open_pool(house_database, max_size=2) as pool:
        with serving(settings) as url:
            made = await told(
                url,
                token,
                'mutation($a: String!) { createNoticeChannel(input: {kind: "webhook", address: $a}) '
                "{ noticeChannel { id } userErrors { code } } }",
                a=f"{web.url}?private=words",
            )
            id = made["createNoticeChannel"]["noticeChannel"]["id"]
            await told(
                url,
                token,
                "mutation($id: ID!) { testNoticeChannel(input: {id: $id}) { noticeId userErrors { code } } }",
                id=id,
            )
            await told(url, token, "{ viewer { actor } recordings(first: 1) { nodes { title } } }")
            row = await pool.fetchrow(
                "select id, traceparent from job where kind = 'send_notice' and state = 'queued'"
            )
            assert row is not None
            assert row["traceparent"].split("-")[1] == TRACE
            house = house_of(pool, tmp_path, notice_outlets(settings))
            assert await run_job(house, str(row["id"])) == "done"
        assert len(web.calls) == 1
        await pool.execute("delete from notice_channel")
    assert not tracing.is_on()
    spans = {span.name: span for span in collector.spans}
    chain = ["POST /graphql", "command test_notice_channel", "job send_notice", "send webhook"]
    ours = [span for span in collector.spans if span.name in chain]
    assert {span.trace_id.hex() for span in ours} == {TRACE}
    parents = {span.span_id.hex(): span for span in collector.spans}
    last = spans["send webhook"]
    walked = [last.name]
    while (above := parents.get(last.parent_span_id.hex())) is not None:
        walked.append(above.name)
        last = above
    assert walked == chain[::-1]
    assert last.parent_span_id.hex() == CALLER
    assert "command create_notice_channel" in spans
    said = " ".join(str(span) for span in collector.spans) + " ".join(collector.services)
    for secret in ("ann@", token, "private=words", str(OURS), id, web.url, "Bearer", "whsec_", "recordings"):
        assert secret not in said, secret
    assert collector.services == {"service.name=catalog of the tests"}
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.headers[0]["x-key"] == "top secret"


async def test_what_fails_is_marked_and_not_quoted(
    house_database: str, servers: Servers, tmp_path: Path, collector: Collected
) -> None:
    settings = traced(settings_for(house_database, servers.redis_url or "", tmp_path), collector)
    async with await open_pool(house_database, max_size=2) as pool:
        with serving(settings) as url:
            async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
                assert (await client.get("/v1/recordings/some-private-id")).status_code == 401
            id = await pool.fetchval(
                "insert into job (owner_id, kind, payload) values ($1, 'drop_blob', $2) returning id",
                OURS,
                '{"password": "hunter2"}',
            )
            assert await run_job(house_of(pool, tmp_path, notice_outlets(settings)), str(id)) == "queued"
            await pool.execute("delete from job where id = $1", id)
    spans = {span.name: span for span in collector.spans}
    refused, failed = spans["GET /v1/recordings/{id}"], spans["job drop_blob"]
    assert failed.status.code == 2
    assert refused.status.code == 0
    told = {one.key: one.value for one in refused.attributes}
    assert told["http.response.status_code"].int_value == 401
    assert told["http.route"].string_value == "/v1/recordings/{id}"
    assert "some-private-id" not in str(collector.spans)
    assert "hunter2" not in str(collector.spans)


async def test_a_collector_that_is_away_costs_nothing_but_spans(
    house_database: str, servers: Servers, tmp_path: Path, collector: Collected
) -> None:
    collector.status = 400
    settings = traced(settings_for(house_database, servers.redis_url or "", tmp_path), collector)
    key = ensure_keys(tmp_path / "keys")[0]
    token = mint_token(key, organization_id=OURS, role=Role.LABEL_USER, subject="ann")
    with serving(settings) as url:
        data = await told(url, token, "{ viewer { actor } }")
    assert data["viewer"]["actor"] == "ann"


async def test_where_nobody_collects_nothing_is_made_or_loaded(
    house_database: str, servers: Servers, tmp_path: Path
) -> None:
    settings = settings_for(house_database, servers.redis_url or "", tmp_path)
    with serving(settings):
        assert not tracing.is_on()
        assert tracing.traceparent() is None
        with tracing.span("a", kind="server", note=1) as one, tracing.span("b") as other:
            assert one is other
    # Loading OpenTelemetry takes a tenth of a second and ten megabytes.
    code = (
        "import api.app, jobs.worker, sys; print([n for n in sys.modules if n.startswith('opentelemetry')])"
    )
    import sys

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
