"""The printed verbs of access: what their help says, and that a secret comes whole and once."""

import json
import os
import subprocess
import sys

from tests.access.conftest import OURS, Office
from tests.shared import CHECKOUT


def call(office: Office, *words: str) -> subprocess.CompletedProcess[str]:
    """One call of the command line against the office."""
    env = {
        **os.environ,
        "CATALOGRAPH_BOOTSTRAP": "skip",
        "CATALOGRAPH_URL": office.url,
        "CATALOGRAPH_TOKEN": office.token(OURS),
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "api", *words],
        cwd=CHECKOUT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_secret_comes_on_a_line_of_its_own(office: Office) -> None:
    made = call(office, "create-client", "--name", "Nightly import", "--scopes", "catalog:read")
    assert made.returncode == 0, made.stderr
    *table, secret = made.stdout.strip().splitlines()
    assert secret.startswith("cg_secret_")
    assert secret not in "".join(table)
    assert "Nightly import" in made.stdout
    assert "Shown this once" in made.stderr
    id = next(line.split()[3] for line in table if " id " in line)

    key = call(office, "create-api-key", "--client-id", id, "--name", "ci", "--json")
    assert json.loads(key.stdout)["secret"].startswith("cg_live_")
    gone = call(office, "revoke-client", id, "--json")
    assert json.loads(gone.stdout)["revokedAt"]


def test_the_help_says_what_the_fields_take(office: Office) -> None:
    told = " ".join(call(office, "create-client", "--help").stdout.replace("│", " ").split())
    assert "Register a program" in told
    assert "private_key_jwt, with the public keys in jwks" in told


def test_a_refusal_says_what_would_do(office: Office) -> None:
    refused = call(office, "create-client", "--name", "x", "--scopes", "catalog:eat")
    assert refused.returncode == 1
    assert "catalog:eat" in refused.stderr
    assert refused.stdout == ""
