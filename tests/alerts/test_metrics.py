"""/metrics over real HTTP: who may read it, what it tells, and that alert rules ask for nothing else."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import promql_parser
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text
from pydantic import SecretStr

from api.counting import MOST_SERIES, Requests
from api.embedded import Servers
from api.keys import SigningKey, ensure_keys, mint_token
from api.reference import ALERT_RULES, alert_rules
from domain.access.scopes import Role, Scope
from domain.adapters.postgres import open_pool
from domain.alerts.rules import RULES
from domain.figures import house
from domain.figures.registry import read_figures
from domain.row import utc_now
from tests.api.conftest import OURS, house_database, serving, settings_for

__all__ = ["house_database"]
TOKEN = "only-for-those-who-watch"


@dataclass(frozen=True)
class Watched:
    """A server whose figures a token opens."""

    url: str
    key: SigningKey

    def get(self, path: str = "/metrics", token: str | None = TOKEN, **headers: str) -> httpx2.Response:
        """Ask with a token."""
        given = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.get(f"{self.url}{path}", headers={**given, **headers}, timeout=30)

    def query(self, document: str, **more: Any) -> httpx2.Response:
        """Ask GraphQL as a label user."""
        token = mint_token(self.key, organization_id=OURS, role=Role.LABEL_USER, subject="watch", **more)
        return httpx2.post(
            f"{self.url}/graphql",
            json={"query": document},
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=30,
        )

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every sample by its name and labels."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in parse_text(self.get().text)
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def watched(
    house_database: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    state = tmp_path_factory.mktemp("watched")
    settings = settings_for(house_database, servers.redis_url or "", state)
    key = ensure_keys(state / "keys")[0]
    with serving(settings.using(metrics_token=SecretStr(TOKEN))) as url:
        yield Watched(url, key)


def test_nobody_reads_the_figures_unasked(watched: Watched) -> None:
    assert watched.get(token=None).status_code == 401
    assert watched.get(token="another").status_code == 401
    for scopes, operator, status in ((None, False, 403), ([Scope.SYSTEM_METRICS], True, 200)):
        given: dict[str, Any] = {"scopes": scopes, "operator": operator, "subject": "a"}
        token = mint_token(watched.key, organization_id=OURS, role=Role.ADMIN, **given)
        answer = watched.get(token=token)
        assert answer.status_code == status, answer.text[:300]
        assert answer.headers["cache-control"] == "no-store"


def test_a_network_may_be_let_in(house_database: str, servers: Servers, tmp_path: Any) -> None:
    settings = settings_for(house_database, servers.redis_url or "", tmp_path)
    with serving(settings.using(metrics_open_to="127.0.0.1,10.0.0.0/8")) as url:
        assert httpx2.get(f"{url}/metrics", timeout=30).status_code == 200
        bad = httpx2.get(f"{url}/metrics", headers={"Authorization": "Bearer x"}, timeout=30)
        assert bad.status_code == 401


def test_both_forms_are_well_formed_and_say_the_same(watched: Watched) -> None:
    plain = watched.get()
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    accept = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    opened = watched.get(Accept=accept)
    assert opened.headers["content-type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")
    families = list(parse_open(opened.text))  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert len(names) == len(families)
    plain_names = {family.name.removesuffix("_total") for family in parse_text(plain.text)}
    assert {name.removesuffix("_total") for name in names} == plain_names
    assert all(family.documentation for family in families)


async def test_what_retention_did_and_what_is_held_is_told(house_database: str) -> None:
    async with await open_pool(house_database, max_size=1, role=None) as pool, pool.acquire() as sql:
        transaction = sql.transaction()
        await transaction.start()
        await sql.execute("delete from schedule where name = 'retain'")
        assert not (await read_figures(sql, utc_now()))[house.RETENTION_AGE], "it never ran"
        await sql.execute(
            "with done as (insert into job (owner_id, kind, state, result) values ($1, 'retain', 'done', "
            """'{"gone": {"exports": 3}, "gone_bytes": {"exports": 70}, "told": {"files": 2}}') """
            "returning id) "
            "insert into schedule (name, last_at, next_at, job_id) "
            "select 'retain', clock_timestamp() - interval '1 hour', clock_timestamp(), id from done",
            OURS,
        )
        before = (await read_figures(sql, utc_now()))[house.HOLDS].get(("organization",), 0)
        await sql.execute(
            "insert into legal_hold (owner_id, subject_type, subject_id, reason, placed_by) "
            "values ($1, 'organization', $1, 'suit', 'x')",
            OURS,
        )
        told = await read_figures(sql, utc_now())
        assert told[house.RETENTION_GONE] == {("exports",): 3}
        assert told[house.RETENTION_GONE_BYTES] == {("exports",): 70}
        assert told[house.RETENTION_TOLD] == {("files",): 2}
        assert told[house.HOLDS][("organization",)] == before + 1
        (age,) = told[house.RETENTION_AGE].values()
        assert 3_600 <= age < 7_200
        await transaction.rollback()


def test_requests_statements_and_pools_are_counted(watched: Watched) -> None:
    def of(samples: Any, name: str, **labels: str) -> float:
        return float(samples.get((name, tuple(sorted(labels.items()))), 0.0))

    before = watched.samples()
    for _ in range(3):
        assert watched.query("{ recordings(first: 1) { nodes { id } } }").status_code == 200
    watched.query('mutation { cancelJob(input: {jobId: "x"}) { userErrors { code } } }')
    missing = uuid.uuid4()
    assert watched.get(f"/v1/recordings/{missing}").status_code == 401
    assert watched.get(f"/nowhere/{missing}").status_code == 404
    after = watched.samples()

    def more(name: str, **labels: str) -> float:
        return of(after, name, **labels) - of(before, name, **labels)

    count = "catalograph_request_seconds_count"
    assert more(count, route="/graphql", operation="query", status="200") == 3
    assert more(count, route="/graphql", operation="mutation", status="200") == 1
    assert more(count, route="/v1/recordings/{id}", operation="read", status="401") == 1
    assert more(count, route="none", operation="read", status="404") == 1
    top = {"le": "+Inf", "route": "/graphql", "operation": "query", "status": "200"}
    assert more("catalograph_request_seconds_bucket", **top) == 3
    assert more("catalograph_statements_total", pool="read") >= 3
    assert more("catalograph_statements_total", pool="work") >= 1
    assert of(after, "catalograph_pool_size", pool="read") == 4
    assert of(after, "catalograph_database_up") == 1
    assert of(after, "catalograph_relay_waiting") >= 0
    assert ("process_resident_memory_bytes", ()) in after
    assert str(missing) not in watched.get().text


def test_series_are_bounded_whatever_is_asked() -> None:
    requests = Requests()
    for number in range(MOST_SERIES + 100):
        requests.note({"path": "/x", "method": "GET", "template": f"/{number}"}, 200, 0.1)
    requests.note({"path": "/x", "method": "NONSENSE"}, 200, 99.0)
    assert len(requests.series) == MOST_SERIES + 1
    assert requests.totals().requests == MOST_SERIES + 101


def test_what_is_below_and_at_a_bound_is_in_its_bucket() -> None:
    requests = Requests()
    for seconds in (0.0, 0.0025, 0.0026, 10.0, 10.1):
        requests.note({"path": "/graphql"}, 500, seconds)
    (series,) = requests.series.values()
    assert (series.counts[0], series.counts[1], series.counts[-2], series.counts[-1]) == (2, 1, 1, 1)
    assert requests.totals().failures == 5


def selected(parsed: Any) -> list[str | None]:
    """The names of the figures that an expression asks for."""
    found: list[str | None] = []

    def note(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node.name)

    promql_parser.walk(parsed, note)
    return found


def test_the_rules_for_prometheus_are_current_and_ask_for_what_is_there(watched: Watched) -> None:
    assert ALERT_RULES.read_text() == alert_rules(), "run `python3 -m api openapi`"
    printed = yaml.safe_load(ALERT_RULES.read_text())
    rules = printed["groups"][0]["rules"]
    assert {rule["labels"]["rule"] for rule in rules} == set(RULES)
    there = {family.name for family in parse_text(watched.get().text)}
    for rule in rules:
        parsed = promql_parser.parse(rule["expr"])
        asked = selected(parsed)
        assert asked, rule["expr"]
        assert set(asked) <= there, rule["expr"]
        assert re.fullmatch(r"Catalograph[A-Za-z]+", rule["alert"])
        for field in {"for", "keep_firing_for"} & set(rule):
            promql_parser.parse_duration(rule[field])


async def test_a_house_whose_database_is_away_still_tells_of_itself(
    databases: Any, servers: Servers, tmp_path: Any
) -> None:
    url = await databases.clone("away")
    settings = settings_for(url, servers.redis_url or "", tmp_path).using(metrics_token=SecretStr(TOKEN))
    with serving(settings) as address:
        await databases.drop(url)
        answer = Watched(address, ensure_keys(tmp_path / "keys")[0]).get()
    assert answer.status_code == 200
    told = {family.name: family for family in parse_text(answer.text)}
    assert told["catalograph_database_up"].samples[0].value == 0
    assert told["catalograph_jobs"].samples == []


async def test_what_is_counted_reaches_the_database_once(fresh_pool: Any) -> None:
    from api.counting import Tally
    from domain.figures.registry import read_figures
    from domain.figures.tally import RATIO, REQUESTS
    from domain.row import utc_now

    requests = Requests()
    async with Tally(requests, fresh_pool, every_s=3600) as tally:
        for number in range(40):
            requests.note({"path": "/graphql"}, 500 if number < 10 else 200, 0.01)
        requests.note({"path": "/livez", "method": "GET", "template": "/livez"}, 200, 0.01)
        await tally.tell()
        await tally.tell()
        requests.note({"path": "/graphql"}, 200, 0.01)
    async with fresh_pool.acquire() as sql:
        found = await read_figures(sql, utc_now())
    assert found[REQUESTS][()] == 41
    assert found[RATIO][()] == 10 / 41
