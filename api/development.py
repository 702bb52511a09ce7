"""The organization and the administrator a first run makes, so that there is somebody to be."""

import json
import os
from dataclasses import asdict, dataclass

from api.compose import connect
from api.settings import Settings

_SLUG = "development"
EMAIL = "admin@development.invalid"


@dataclass(frozen=True)
class Identity:
    """Who the development token speaks for. The ids are uuids as text."""

    organization_id: str
    user_id: str
    tier: str
    operator: bool = False


async def ensure_development(settings: Settings) -> Identity:
    """The development organization and its administrator, made when they aren't there."""
    async with connect(settings) as connection, connection.transaction():
        await connection.execute(
            "insert into organization (name, slug, tier, is_operator) "
            "select 'Development', $1, 'enterprise', not exists (select from organization where is_operator) "
            "on conflict (slug) do nothing",
            _SLUG,
        )
        organization = await connection.fetchrow(
            "select id, tier, is_operator from organization where slug = $1", _SLUG
        )
        assert organization is not None
        await connection.execute(
            "insert into user_account (email, display_name) values ($1, 'Development administrator') "
            "on conflict ((lower(email))) do nothing",
            EMAIL,
        )
        user_id = await connection.fetchval("select id from user_account where lower(email) = $1", EMAIL)
        await connection.execute(
            "insert into member (organization_id, user_id, role) values ($1, $2, 'admin') "
            "on conflict do nothing",
            organization["id"],
            user_id,
        )
    identity = Identity(
        str(organization["id"]), str(user_id), organization["tier"], organization["is_operator"]
    )
    write_private(settings.state_folder / "development.json", json.dumps(asdict(identity)))
    return identity


def read_identity(settings: Settings) -> Identity | None:
    """The identity of an earlier run; None before the first."""
    try:
        return Identity(**json.loads((settings.state_folder / "development.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_private(path: "os.PathLike[str]", text: str) -> None:
    """Write a file only its owner may read, whole or not at all."""
    beside = f"{os.fspath(path)}.{os.getpid()}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(beside, path)
