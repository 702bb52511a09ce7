"""Settings of the installation that its administrators change while it runs: known names, known types."""

import dataclasses
import json
from dataclasses import dataclass

from domain.access.introspection import Introspection
from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, command
from domain.ports import Sql, text_of
from domain.refusals import InputInvalid
from domain.types import UNSET, Unset
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class SystemSettings:
    """How the installation is set.

    open_registration: whether people may register without an invitation. introspection: who may ask GraphQL
    what there is to ask (signed_in, operator or off).
    """

    open_registration: bool = False
    introspection: str = Introspection.SIGNED_IN.value


@dataclass(frozen=True, kw_only=True)
class EditSystemSettings:
    """The settings to change; what is left out stays."""

    open_registration: bool | Unset = UNSET
    introspection: str | Unset = UNSET


async def read_settings(sql: Sql) -> SystemSettings:
    """The settings as they are, with what nobody has set yet. Names of another version are passed over."""
    known = {field.name for field in dataclasses.fields(SystemSettings)}
    rows = await sql.fetch("select name, value::text as value from system_setting")
    return SystemSettings(
        **{name: json.loads(row["value"]) for row in rows if (name := text_of(row["name"])) in known}
    )


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="PATCH /system-settings",
    returns="system_setting",
    audit=Audit.OPERATIONS,
    value=SystemSettings,
)
async def edit_system_settings(ask: EditSystemSettings, work: Work) -> Outcome:
    """Change settings of the installation; processes follow within seconds."""
    given = {
        field.name: getattr(ask, field.name)
        for field in dataclasses.fields(ask)
        if getattr(ask, field.name) is not UNSET
    }
    if given.get("introspection", Introspection.OFF) not in set(Introspection):
        raise InputInvalid(
            f"introspection is {given['introspection'][:60]!r}; {', '.join(Introspection)} will do",
            path=("introspection",),
        )
    for name, value in given.items():
        await work.connection.execute(
            "insert into system_setting (name, value) values ($1, $2::jsonb) on conflict (name) "
            "do update set value = excluded.value, updated_at = clock_timestamp()",
            name,
            json.dumps(value),
        )
    return Outcome("system_setting", (), value=await read_settings(work.connection))
