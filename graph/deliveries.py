"""The types of deliveries: what came, what was found, and the work that follows."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.audit import Job
from domain.deliveries.tables import Delivery, Finding
from graph.bind import Page, column, graph_type, many
from graph.files import files_of
from graph.filters import natural, plain_orders
from graph.scalars import BigInt

if TYPE_CHECKING:
    from graph.files import FileNode

READ = Scope.DELIVERIES_READ


@graph_type(
    of=Delivery,
    scope=READ,
    plural="deliveries",
    filters=natural("state", "sha256", "message_id", "sender_dpid"),
    orders=plain_orders("received_at"),
)
class DeliveryNode:
    """One message or file from a sender, kept unchanged."""

    id: strawberry.ID = column()
    state: str = column()
    purpose: str = column()
    format: str | None = column()
    namespace: str | None = column()
    schema_checked: str | None = column()
    file_name: str | None = column()
    sha256: str = column()
    size_bytes: BigInt = column()
    sender_dpid: str | None = column()
    recipient_dpid: str | None = column()
    message_id: str | None = column()
    message_thread_id: str | None = column()
    message_created_at: datetime | None = column()
    release_count: int = column("releases")
    summary: JSON | None = column()
    received_at: datetime = column()
    finished_at: datetime | None = column()
    findings: Page["FindingNode"] = many("Finding", "{t}.delivery_id = {p}.id", "{t}.position", paged=True)
    files: Page["FileNode"] = files_of()
    jobs: list["JobNode"] = many("Job", "{t}.subject_id = {p}.id", "{t}.id", scope=Scope.JOBS_READ)


@graph_type(of=Finding, scope=READ, name="Finding")
class FindingNode:
    """One thing found in a delivery, with the line and path where it stands."""

    position: int = column()
    code: str = column()
    rule: str = column()
    severity: str = column()
    line: int | None = column()
    path: str | None = column()
    text: str = column()
    fix: str | None = column()


@graph_type(
    of=Job,
    scope=Scope.JOBS_READ,
    plural="jobs",
    filters=natural("kind", "state", "lane"),
    orders=plain_orders("created_at"),
    views={
        "deadLetters": (
            "{t}.state = 'dead'",
            "A page of jobs that were given up, each with its whole history.",
        )
    },
)
class JobNode:
    """Work that happens later, and how far it is.

    history: what went wrong, attempt by attempt: [{attempt, at, code, text}]; it stays when it is begun anew.
    """

    id: strawberry.ID = column()
    kind: str = column()
    lane: str = column()
    state: str = column()
    attempts: int = column()
    history: JSON = column()
    progress_done: int = column()
    progress_total: int | None = column()
    progress_text: str | None = column()
    result: JSON | None = column()
    error_code: str | None = column()
    error_text: str | None = column()
    correlation_id: str | None = column()
    run_at: datetime = column()
    created_at: datetime = column()
    started_at: datetime | None = column()
    finished_at: datetime | None = column()
