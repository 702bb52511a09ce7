"""GraphQL over HTTP as others understand it: the audit suite of npm's graphql-http, on loopback."""

import json
from pathlib import Path

from tests.api.conftest import House
from tests.node import run_node

# What the suite has, so that a suite that lost its audits is noticed.
LEAST_AUDITS = 60


def test_everything_that_must_and_should_hold_does(house: House) -> None:
    """A MAY that doesn't hold is a `notice`, a SHOULD a `warn`, a MUST an `error`."""
    done = run_node(Path(__file__).with_name("audit.mjs"), f"{house.url}/graphql", house.token())
    assert done.returncode == 0, done.stderr[-2_000:]
    audits = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(audits) >= LEAST_AUDITS
    assert [audit for audit in audits if audit["status"] in ("error", "warn")] == []
    may = [f"{audit['name']}: {audit['reason']}" for audit in audits if audit["status"] != "ok"]
    assert all(name.startswith("MAY") for name in may), may
