"""What state each part of this installation is in, and what to do about those that are not well."""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api import accounts
from api.bootstrap import Venv
from api.cli.client import settings_here
from api.compose import connect, schema_store, tagger_weights
from api.development import read_identity
from api.embedded import read_running
from api.health import examine, probes
from api.keys import KeyUnreadable, load_keys
from api.settings import CHECKOUT, Settings
from domain.schedules import have_an_owner
from jobs.schedule import NAME_ONE

_LEAST_SPACE = 1 << 30
_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Finding:
    """One part. state: "ok", "idle" (nothing wrong, nothing running), "warn" or "down"."""

    part: str
    state: str
    detail: str


async def diagnose() -> list[Finding]:
    """Look at everything; nothing is started or changed."""
    settings = settings_here()
    running = read_running(settings.state_folder)
    found = [*_machine(settings), *_state(settings)]
    if running:
        found.append(Finding("server", "ok", f"{running['address']} (pid {running['pid']})"))
    else:
        found.append(Finding("server", "idle", "not running; start it with: python3 -m api"))
    asked = probes(settings) | {"pgvector": lambda: _pgvector(settings)}
    if not settings.database_url:
        found.append(Finding("postgres", "idle", f"embedded, not running; {_account(settings)}"))
        del asked["postgres"], asked["migrations"], asked["pgvector"]
    else:
        found += await _schedules(settings)
    if not settings.redis_url:
        found.append(Finding("valkey", "idle", "embedded, not running"))
        del asked["valkey"]
    if not settings.s3_bucket and not (settings.state_folder / "blobs").exists():
        found.append(Finding("blobs", "idle", "nothing stored yet"))
        del asked["blobs"]
    parts = await examine(asked)
    return [
        *found,
        *(Finding(part.name, part.state, f"{part.detail} ({part.latency_ms} ms)") for part in parts),
    ]


async def _pgvector(settings: Settings) -> str:
    """What finds similar recordings."""
    async with connect(settings) as connection:
        found = await connection.fetchrow(
            "select (select extversion from pg_extension where extname = 'vector') as made, "
            "(select default_version from pg_available_extensions where name = 'vector') as there"
        )
    assert found is not None
    if found["made"]:
        return f"pgvector {found['made']}"
    if found["there"]:
        raise RuntimeError("it is installed, not made: as a superuser, create extension vector; then migrate")
    raise RuntimeError("this server has none: install it (Debian: postgresql-18-pgvector), then migrate")


def _machine(settings: Settings) -> Iterator[Finding]:
    inside = Path(sys.prefix).name == ".venv"
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    if inside and (CHECKOUT / "requirements.lock").exists():
        current = Venv(CHECKOUT).is_current("runtime", sys.version)
        told = (
            "matches requirements.lock"
            if current
            else "differs from requirements.lock; the next start mends it"
        )
        yield Finding("venv", "ok" if current else "warn", told)
    free = shutil.disk_usage(settings.state_folder if settings.state_folder.exists() else CHECKOUT).free
    yield Finding("disk", "ok" if free > _LEAST_SPACE else "warn", f"{free / (1 << 30):.1f} GiB free")


def _state(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_folder
    if not folder.exists():
        yield Finding("folder", "idle", f"{folder} is made by the first start")
    elif folder.stat().st_mode & 0o077:
        yield Finding("folder", "warn", f"{folder} is open to others; close it with: chmod 700 {folder}")
    else:
        yield Finding("folder", "ok" if os.access(folder, os.W_OK) else "down", str(folder))
    try:
        keys = load_keys(folder / "keys")
        yield Finding(
            "keys", "ok" if keys else "idle", ", ".join(key.kid for key in keys) or "made by the first start"
        )
    except (KeyUnreadable, OSError) as error:
        yield Finding("keys", "down", str(error))
    identity = read_identity(settings)
    yield Finding(
        "organization",
        "ok" if identity else "idle",
        f"development, {identity.organization_id}" if identity else "made by the first start",
    )
    installed = schema_store(folder).installed()
    yield Finding(
        "schemas",
        "ok" if installed else "idle",
        f"{len(installed)} XSDs"
        if installed
        else "none, so reports say: schema: not checked; see schemas install",
    )
    weights = tagger_weights(settings)
    absent = weights.absent()
    yield Finding(
        "weights",
        "warn" if absent and weights.folder.exists() else "idle" if absent else "ok",
        f"so genre, mood and neighbours are not heard: {absent}" if absent else weights.version,
    )


async def _schedules(settings: Settings) -> list[Finding]:
    """Whether scheduled jobs have an owner; nothing where the database can't say."""
    try:
        async with asyncio.timeout(_PATIENCE_S), connect(settings) as sql:
            owned = await have_an_owner(sql)
    except Exception:
        return []  # its own line tells of a database that is away or not migrated
    told = "asked for by workers" if owned else f"wait: no organization is the operator; {NAME_ONE}"
    return [Finding("schedules", "ok" if owned else "warn", told)]


def _account(settings: Settings) -> str:
    return f"it runs as {accounts.choose(settings.state_folder).name}"
