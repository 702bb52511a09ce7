"""Schemathesis walks REST and GraphQL: no call gives a 5xx, and every answer is as the document says.

The short form is a few calls for each operation; the long form (--long) makes 20,000.
"""

import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.graphql import nodes
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import House

TEXTS = st.sampled_from(["", "0", "NLA322000001", "2020-02", "DE", "AAEC", "{", "ä"]).map(nodes.String)
for scalar in (
    "JSON",
    "Base64",
    "ISRC",
    "ISWC",
    "ICPN",
    "GRid",
    "DPID",
    "ISNI",
    "Territory",
    "PartialDate",
    "BigInt",
):
    schemathesis.graphql.scalar(scalar, TEXTS)

REST_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def walk(schema: Any, house: House, examples: int, checks: list[Any], seed: int) -> Counter[int]:
    """Call every operation that many times; gives how often each status came."""
    seen: Counter[int] = Counter()
    faults: list[str] = []
    headers = {"Authorization": f"Bearer {house.token()}"}
    for operation in operations(schema):
        settings = hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=seed == 0,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )

        @settings
        @hypothesis.given(case=operation.as_strategy())
        def call(case: Any) -> None:
            response = case.call(headers=headers)
            seen[response.status_code] += 1
            case.validate_response(response, checks=checks)

        if seed:
            call = hypothesis.seed(seed)(call)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                call()
            except (Exception, BaseExceptionGroup) as error:
                faults.append(f"{operation.label}: {''.join(traceback.format_exception(error))[-1500:]}")
    assert not faults, f"{len(faults)} operations fail; the first:\n" + "\n\n".join(faults[:5])
    return seen


def no_fault(ctx: Any, response: Any, case: Any) -> None:
    """A GraphQL answer may refuse; it may not fail."""
    assert response.status_code < 500, response.text
    for error in response.json().get("errors", ()):
        code = error["extensions"]["code"]
        assert code not in ("INTERNAL_ERROR", "UNAVAILABLE", "TIMEOUT"), response.text


def operations(schema: Any) -> Iterator[Any]:
    """Every operation of the document; one that can't be read is a failure."""
    for result in schema.get_all_operations():
        yield result.ok()


def test_rest_holds_what_it_says(house: House) -> None:
    schema = schemathesis.openapi.from_url(f"{house.url}/openapi.json")
    seen = walk(schema, house, 2, REST_CHECKS, 0)
    assert sum(seen.values()) >= 200
    assert {200, 201, 400, 422} <= set(seen), seen


def test_graphql_gives_no_fault(house: House) -> None:
    headers = {"Authorization": f"Bearer {house.token()}"}
    schema = schemathesis.graphql.from_url(f"{house.url}/graphql", headers=headers)
    seen = walk(schema, house, 1, [no_fault], 0)
    assert sum(seen.values()) >= 100
    assert set(seen) <= {200}, seen


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_twenty_thousand_calls_give_no_fault(house: House) -> None:
    rest = schemathesis.openapi.from_url(f"{house.url}/openapi.json")
    headers = {"Authorization": f"Bearer {house.token()}"}
    graph = schemathesis.graphql.from_url(f"{house.url}/graphql", headers=headers)
    seen: Counter[int] = Counter()
    seed = 1
    while sum(seen.values()) < 20_000:
        seen += walk(rest, house, 60, REST_CHECKS, seed)
        seen += walk(graph, house, 60, [no_fault], seed)
        seed += 1
    assert not [status for status in seen if status >= 500], seen
