"""Alembic's environment: async, short locks, the metadata of `domain.tables`."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.audit import Xid8
from domain.tables import metadata
from domain.vectors.tables import Halfvec

# So that reflection knows the types of `change.xid` and `embedding.vector`.
ischema_names["xid8"] = Xid8
ischema_names["halfvec"] = Halfvec

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "60s"


def _is_ours(item: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """Leave out the monthly partitions of `change`, which come and go without a migration."""
    return not (name is not None and name.startswith("change_p"))


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=_is_ours,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")
        context.execute(f"set statement_timeout = '{STATEMENT_TIMEOUT}'")
        context.run_migrations()


async def _run_async(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("select pg_advisory_lock(hashtext('catalograph.migrate'))"))
            await connection.commit()
            try:
                await connection.run_sync(_run)
                await connection.commit()
            finally:
                await connection.rollback()
                await connection.execute(text("select pg_advisory_unlock(hashtext('catalograph.migrate'))"))
                await connection.commit()
    finally:
        await engine.dispose()


shared = context.config.attributes.get("connection")
if shared is not None:
    _run(shared)
else:
    asyncio.run(_run_async(context.config.attributes["url"]))
