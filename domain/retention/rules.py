"""How long each class of things is kept, as data: one rule a class, walked by the plan and by the run.

A time is counted from an instant in UTC. Months are calendar months: what begins on the 31st ends on the
last day of a shorter month, at the same time of day, as PostgreSQL adds them. Days and hours are exact:
30 days are 720 hours, wherever the reader's clocks are put forward or back.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOTICE = timedelta(days=7)


@dataclass(frozen=True)
class Period:
    """A time to keep something: calendar months first, then days and hours, in UTC."""

    months: int = 0
    days: int = 0
    hours: int = 0

    def after(self, at: datetime) -> datetime:
        """The instant at which the time is over that began at an instant."""
        at = at.astimezone(UTC)
        year, month = divmod(at.year * 12 + at.month - 1 + self.months, 12)
        day = min(at.day, calendar.monthrange(year, month + 1)[1])
        moved = at.replace(year=year, month=month + 1, day=day)
        return moved + timedelta(days=self.days, hours=self.hours)

    @property
    def sql(self) -> str:
        """The same as PostgreSQL writes it."""
        return f"make_interval(months => {self.months}, days => {self.days}, hours => {self.hours})"

    def __str__(self) -> str:
        parts = ((self.months, "month"), (self.days, "day"), (self.hours, "hour"))
        told = [f"{count} {word}{'s' if count != 1 else ''}" for count, word in parts if count]
        return " and ".join(told) or "no time"


MONTH_30 = Period(days=30)
HALF_YEAR = Period(months=6)


@dataclass(frozen=True)
class Terms:
    """How long each tier keeps something. by_policy: an enterprise says so itself; None keeps it for ever."""

    free: Period
    pro: Period
    enterprise: Period | None
    by_policy: bool = False

    def of(self, tier: str) -> Period | None:
        """The time of a tier, without a policy."""
        times = {"free": self.free, "pro": self.pro, "enterprise": self.enterprise}
        return times[tier]


BY_TIER = Terms(MONTH_30, HALF_YEAR, None, by_policy=True)


def everybody(time: Period) -> Terms:
    """The same time for each tier."""
    return Terms(time, time, time)


@dataclass(frozen=True)
class Rule:
    """One class of things: where they are found, since when their time runs, and what going means.

    SQL over `t`, the row of the table. since: the instant that the time is counted from. where: which rows
    are of the class; one that does not hold keeps a row whatever its age. set_: the columns that are emptied;
    without it the row goes. held_by: further ids whose legal hold keeps the row, beside its own and its
    organization's. notice: whether the owner is told 7 days before.
    """

    name: str
    about: str
    table: str
    since: str
    where: str
    terms: Terms
    size: str = "0::bigint"
    set_: str = ""
    subject: str = "t.id"
    held_by: tuple[str, ...] = ()
    notice: bool = False

    @property
    def held_ids(self) -> str:
        """The ids whose hold keeps a row, as an array of uuid."""
        return f"array[{', '.join((self.subject, *self.held_by))}]::uuid[]"


def _deleted_file(reason: str) -> str:
    """What is written into a file that goes: its row says for a while that it was there, and why it went."""
    return f"state = 'deleted', reason = '{reason}', deleted_at = $1, updated_at = $1"


# What a file hangs on, and what that was merged into.
_SUBJECT = ("t.subject_id", "(select e.merged_into_id from entity e where e.id = t.subject_id)")
_EXPORT = "(t.kind = 'write_export' and t.state = 'done')"

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "exports",
            "files that exports wrote",
            "job",
            since="t.finished_at",
            where=_EXPORT,
            size="coalesce((t.result ->> 'size_bytes')::bigint, 0)",
            terms=BY_TIER,
            notice=True,
        ),
        Rule(
            "callback_bodies",
            "bodies of partners' calls; what was read out of them stays",
            "callback_event",
            since="t.received_at",
            where="t.state <> 'received' and octet_length(t.body) > 0",
            size="octet_length(t.body)::bigint",
            set_="body = ''",
            held_by=("(select d.release_id from distribution d where d.id = t.distribution_id)",),
            terms=BY_TIER,
            notice=True,
        ),
        Rule(
            "delivered_messages",
            "messages as they were delivered; what was applied of them stays",
            "delivery",
            since="t.finished_at",
            where="t.raw_deleted_at is null and t.finished_at is not null "
            "and t.state in ('applied', 'refused', 'superseded', 'failed', 'checked')",
            size="t.size_bytes",
            set_="raw_deleted_at = $1",
            terms=BY_TIER,
            notice=True,
        ),
        Rule(
            "files",
            "files that were uploaded, or found in others",
            "file",
            since="t.created_at",
            where="t.state in ('ready', 'quarantined') and not t.temporary "
            "and (t.keep_until is null or t.keep_until <= $1::timestamptz)",
            size="t.size_bytes",
            set_=_deleted_file("retention"),
            held_by=_SUBJECT,
            terms=BY_TIER,
            notice=True,
        ),
        Rule(
            "temporary_files",
            "temporary files",
            "file",
            since="t.created_at",
            where="t.state in ('checking', 'ready', 'quarantined') and t.temporary",
            size="t.size_bytes",
            set_=_deleted_file("temporary"),
            held_by=_SUBJECT,
            terms=everybody(Period(hours=24)),
        ),
        Rule(
            "unclaimed_uploads",
            "uploads that were announced and never finished",
            "file",
            since="coalesce(t.upload_until, t.created_at)",
            where="t.state = 'uploading'",
            set_=_deleted_file("upload_expired"),
            terms=everybody(Period(hours=24)),
        ),
        Rule(
            "deleted_files",
            "what is remembered of files that were deleted",
            "file",
            since="t.deleted_at",
            where="t.state = 'deleted' and t.deleted_at is not null",
            held_by=_SUBJECT,
            terms=everybody(MONTH_30),
        ),
        Rule(
            "ended_jobs",
            "jobs that are done, were refused or cancelled",
            "job",
            since="t.finished_at",
            where=f"t.state in ('done', 'failed', 'cancelled') and not {_EXPORT}",
            held_by=("t.subject_id",),
            terms=everybody(MONTH_30),
        ),
        Rule(
            "dead_jobs",
            "jobs that were given up, with their history",
            "job",
            since="t.finished_at",
            where="t.state = 'dead'",
            held_by=("t.subject_id",),
            terms=everybody(HALF_YEAR),
        ),
        Rule(
            "model_calls",
            "calls of language models",
            "model_call",
            since="t.asked_at",
            where="t.state <> 'asked'",
            held_by=("t.subject_id",),
            terms=everybody(HALF_YEAR),
        ),
        Rule(
            "model_answers",
            "answers of language models; what was claimed by them stays",
            "model_answer",
            since="t.answered_at",
            where="true",
            held_by=("t.subject_id",),
            terms=everybody(Period(months=24)),
        ),
        Rule(
            "kept_answers",
            "answers kept for repeated calls",
            "idempotency_key",
            since="t.expires_at",
            where="true",
            size="coalesce(octet_length(t.response), 0)::bigint",
            subject="null::uuid",
            terms=everybody(Period()),
        ),
    )
}
