"""The type of files: what they are, in which state, and what they hang on."""

from datetime import datetime

import strawberry

from domain.access.scopes import Scope
from domain.files.tables import File
from graph.bind import Page, column, expression, graph_type, many, one
from graph.filters import natural, plain_orders
from graph.globalid import global_id_by
from graph.scalars import BigInt
from graph.signing import link_sql

READ = Scope.FILES_READ


def files_of() -> Page["FileNode"]:
    """The field of a type that files hang on.

    What hangs on an entity that was merged into this one is of this one, and goes back when it is unmerged.
    """
    hanging = (
        "{t}.subject_id = any(array(select {p}.id union all "
        "select e.id from entity e where e.merged_into_id = {p}.id)) and {t}.state <> 'deleted'"
    )
    found: Page[FileNode] = many("File", hanging, "{t}.id", paged=True, scope=READ)
    return found


@graph_type(
    of=File,
    scope=READ,
    plural="files",
    filters=natural("sha256", "kind", "state", "file_name"),
    orders=plain_orders("created_at", "updated_at"),
)
class FileNode:
    """Bytes that the organization keeps. state: uploading, checking, ready, quarantined or deleted.

    mediaType and kind: what the content is, whatever it was called; reason: the code of why a file was
    quarantined or deleted. subjectId: what it hangs on. cover: the picture that was found inside.
    """

    id: strawberry.ID = column()
    file_name: str = column()
    state: str = column()
    kind: str = column()
    media_type: str | None = column()
    declared_type: str | None = column()
    size_bytes: BigInt = column()
    sha256: str | None = column()
    xxh128: str | None = column()
    width: int | None = column()
    height: int | None = column()
    reason: str | None = column()
    reason_text: str | None = column()
    temporary: bool = column()
    keep_until: datetime | None = column()
    upload_until: datetime | None = column()
    subject_type: str | None = column()
    subject_id: strawberry.ID | None = expression(global_id_by("{p}.subject_type", "{p}.subject_id"))
    download_url: str | None = expression(
        "case when {p}.state = 'ready' then " + link_sql("'/v1/files/' || {p}.id || '/content'") + " end",
        about="A link that gives the content to whoever has it, for 15 minutes; null unless it is ready.",
        signs=True,
    )
    created_by: str | None = column()
    created_at: datetime = column()
    updated_at: datetime = column()
    deleted_at: datetime | None = column()
    cover: "FileNode | None" = one("File", "cover_id")
    duplicate_of: "FileNode | None" = one("File", "duplicate_of_id")
