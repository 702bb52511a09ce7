"""`people list | invite | set-password | operator`: the people of this installation, at its own database."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import AsJson, Fault, Refused, print_json, print_rows, say

if TYPE_CHECKING:
    from api.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="The people of this installation: who there is, invitations, passwords."
)
_COLUMNS = ("email", "name", "organization", "role", "password", "sessions", "state")

Email = Annotated[str, typer.Option(help="E-mail address of the person.")]


def register(parent: typer.Typer) -> None:
    """Hang `people` off the command line."""
    parent.add_typer(app, name="people")


@app.command("list")
def list_people(as_json: AsJson = False) -> None:
    """List everybody with an account, once for each organization they belong to."""
    import asyncio

    async def read(settings: "Settings") -> list[Any]:
        from api.compose import connect
        from domain.access.people import everybody

        async with connect(settings) as sql:
            return await everybody(sql)

    found = asyncio.run(read(_settings()))
    rows = [
        (
            one.email,
            one.display_name,
            one.organization,
            one.role,
            "set" if one.has_password else "none",
            one.sessions,
            "disabled" if one.disabled else "active",
        )
        for one in found
    ]
    print_rows(_COLUMNS, rows, as_json=as_json)


@app.command("set-password")
def set_password(email: Email) -> None:
    """Give a person a password, typed here twice or sent on standard input; every session of theirs ends."""
    import asyncio

    from api.people.passwords import HASHER
    from domain.access.people import new_password
    from domain.refusals import InputInvalid

    settings = _settings()
    given, again = _typed()
    try:
        chosen = new_password(given, again, email)
    except InputInvalid as refusal:
        raise Refused(refusal.text) from None
    asyncio.run(_set(settings, email, HASHER.hash(chosen)))
    say(f"{email} logs in with the new password at {settings.issuer}/login")


@app.command()
def invite(
    email: Email,
    role: Annotated[str, typer.Option(help="admin, label_user, api_user or service.")] = "label_user",
    org: Annotated[str, typer.Option(help="Organization: its id, or its slug.")] = "development",
    as_json: AsJson = False,
) -> None:
    """Invite a person into an organization; prints the address that accepts, good once and for 7 days."""
    import asyncio

    from domain.access.people import normal_email
    from domain.access.scopes import Role
    from domain.refusals import InputInvalid

    if role not in set(Role):
        raise Refused(f"role {role} is unknown; there are: {', '.join(Role)}")
    try:
        address = normal_email(email)
    except InputInvalid as refusal:
        raise Refused(refusal.text) from None
    settings = _settings()
    token = asyncio.run(_invite(settings, org, address, role))
    link = f"{settings.issuer}/invitation?token={token}"
    if as_json:
        print_json({"email": address, "role": role, "token": token, "url": link})
    else:
        typer.echo(link)


@app.command()
def operator(
    org: Annotated[str, typer.Argument(metavar="ORG", help="Its id, or its slug.")],
    name: Annotated[str | None, typer.Option(help="Make it under this name, where there is none.")] = None,
) -> None:
    """Say which organization runs this installation: schedules and alerts are its, and system scopes."""
    import asyncio

    found = asyncio.run(_name_operator(_settings(), org, name))
    say(f"{found} is the operator; tokens that were made before have ended")


async def _name_operator(settings: "Settings", org: str, name: str | None) -> str:
    from api.compose import connect
    from domain.access.founding import found, name_operator
    from domain.access.invitations import organization_named
    from domain.refusals import Refusal

    async with connect(settings) as sql, sql.transaction():
        id = await organization_named(sql, org)
        if id is None and name is None:
            raise Refused(f"there is no organization {org}; --name makes it")
        try:
            return await name_operator(sql, id or await found(sql, org, str(name)))
        except Refusal as refusal:
            raise Refused(refusal.text) from None


async def _set(settings: "Settings", email: str, password_hash: str) -> None:
    from api.compose import connect
    from domain.access.people import account_of_email, forget_failures
    from domain.access.people import set_password as write

    async with connect(settings) as sql, sql.transaction():
        account = await account_of_email(sql, email)
        if account is None:
            raise Refused(f"nobody has the e-mail address {email}; `people list` shows who there is")
        await write(sql, account.id, password_hash)
        await forget_failures(sql, account.email)


async def _invite(settings: "Settings", org: str, email: str, role: str) -> str:
    from api.compose import connect
    from domain.access.invitations import invite as write
    from domain.access.invitations import organization_named

    async with connect(settings) as sql, sql.transaction():
        organization_id = await organization_named(sql, org)
        if organization_id is None:
            raise Refused(f"there is no organization {org}; give the id or the slug of one")
        _, token = await write(sql, organization_id, email, role, invited_by="operator")
        return token


def _typed() -> tuple[str, str]:
    """A password and its repetition, never shown: typed at the terminal, or one line of standard input."""
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("Password: "), getpass.getpass("The same again: ")
    line = sys.stdin.readline().rstrip("\r\n")
    return line, line


def _settings() -> "Settings":
    from api.cli.client import settings_here
    from api.embedded import read_running

    settings = settings_here()
    if not settings.database_url:
        raise Fault("No database is running. Start it with: python3 -m api, or name one in DATABASE_URL.")
    running = read_running(settings.state_folder).get("address")
    return settings.using(public_url=settings.public_url or running or "")
