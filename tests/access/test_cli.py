"""The printed verbs of access: what their help says, and that a secret comes whole and once."""

import json

from tests.access.conftest import OURS, Office
from tests.command_line import Said, called


def call(office: Office, *words: str) -> Said:
    """One call of the command line against the office."""
    given = {"CATALOGRAPH_URL": office.url, "CATALOGRAPH_TOKEN": office.token(OURS), "COLUMNS": "80"}
    return called({**given, "CATALOGRAPH_BOOTSTRAP": "skip", "NO_COLOR": "1"}, *words)


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
