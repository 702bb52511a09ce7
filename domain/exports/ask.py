"""Ask for an export, and find what became of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.access.scopes import Scope
from domain.access.viewer import Viewer
from domain.audit import Audit
from domain.command import Outcome, command
from domain.exports import asker, filters
from domain.exports.columns import chosen, scope_of
from domain.exports.filters import ExportFilter
from domain.exports.formats import MEDIA_TYPES
from domain.jobs import JobStateWrong
from domain.kinds import KINDS
from domain.ports import Sql
from domain.refusals import InputInvalid, NotFound, ScopeMissing, TooMany
from domain.work import Work

EXPORT = "write_export"
# An export may take long, and others wait for the same workers.
MOST_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class ExportCatalog:
    """Rows of one kind, as a file.

    kind: release, track, recording, artist, work … format: csv, json or ndjson. filter: as the kind's list
    has it. columns: by the names of the kind's fields, and titles, identifiers, annotations; all but these
    three unless said.
    """

    kind: str
    format: str = "csv"
    filter: ExportFilter | None = None
    columns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """A file that an export wrote, and what it is called outside."""

    job_id: uuid.UUID
    kind: str
    sha256: str
    size_bytes: int
    rows: int
    file_name: str
    media_type: str
    finished_at: datetime


@command(
    scope=Scope.EXPORTS_RUN,
    route="POST /exports",
    returns="job",
    cost=100,
    audit=Audit.OPERATIONS,
    refuses=(TooMany,),
)
async def export_catalog(ask: ExportCatalog, work: Work) -> Outcome:
    """Write rows of the catalog that the caller may see to a file, in a job; its result says where."""
    _expect("kind", ask.kind, tuple(KINDS))
    _expect("format", ask.format, tuple(MEDIA_TYPES))
    _expect_readable(work.viewer, ask.kind)
    filter = filters.clean(ask.kind, ask.filter or ExportFilter())
    columns = [column.name for column in chosen(ask.kind, ask.columns)]
    open_ones = await work.connection.fetchval(
        "select count(*) from job where owner_id = $1 and kind = $2 and state in ('queued', 'running')",
        work.viewer.organization_id,
        EXPORT,
    )
    if open_ones >= MOST_AT_ONCE:
        raise TooMany(
            f"{open_ones} exports of your organization wait or run; at most {MOST_AT_ONCE} may: "
            "wait for one, or cancel one"
        )
    at = await work.connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    id = await work.enqueue(
        EXPORT,
        {
            "actor": work.viewer.actor,
            "asker": asker.kept(work.viewer, at),
            "kind": ask.kind,
            "format": ask.format,
            "filter": filter,
            "columns": columns,
        },
    )
    return Outcome("job", (id,))


async def written(sql: Sql, viewer: Viewer, job_id: uuid.UUID) -> Written:
    """The file of an export of the viewer's organization.

    Raises ScopeMissing; NotFound where there is no such export, JobStateWrong where it has no file.
    """
    if not viewer.may(Scope.EXPORTS_RUN):
        raise ScopeMissing(f"the file of an export needs the scope {Scope.EXPORTS_RUN}")
    row = await sql.fetchrow(
        "select state, finished_at, payload ->> 'kind' as kind, result ->> 'sha256' as sha256, "
        "(result ->> 'size_bytes')::bigint as size_bytes, (result ->> 'rows')::bigint as rows, "
        "result ->> 'file_name' as file_name, result ->> 'media_type' as media_type "
        "from job where id = $1 and owner_id = $2 and kind = $3",
        job_id,
        viewer.organization_id,
        EXPORT,
    )
    if row is None:
        raise NotFound(f"no export {job_id} in your organization")
    _expect_readable(viewer, row["kind"])
    if row["state"] != "done":
        raise JobStateWrong(f"the export is {row['state']}; there is a file when it is done")
    return Written(
        job_id,
        row["kind"],
        row["sha256"],
        row["size_bytes"],
        row["rows"],
        row["file_name"],
        row["media_type"],
        row["finished_at"],
    )


def _expect(name: str, given: str, known: Sequence[Any]) -> None:
    if given not in known:
        raise InputInvalid(f"{name} is {given!r}; one of {', '.join(known)} will do", path=(name,))


def _expect_readable(viewer: Viewer, kind: str) -> None:
    if not viewer.may(scope_of(kind)):
        raise ScopeMissing(f"exporting a {kind} needs the scope {scope_of(kind)} as well")
