"""Nobody gives more than they have: what a caller may hand on to a member, a client or a key."""

import uuid
from collections.abc import Iterable

from domain.access.scopes import ROLE_SCOPES, Role, Scope, role_scopes
from domain.inputs import Path
from domain.ports import Sql
from domain.refusals import InputInvalid, Refusal
from domain.work import Work

LONGEST_NAME = 200


class BeyondOwn(Refusal):
    """More was to be given than the caller has."""

    code = "beyond_own_rights"
    status = 403


def name_of(text: str, path: Path = ("name",)) -> str:
    """A name of something, blanks collapsed. Raises InputInvalid."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InputInvalid(
            f"the name has {len(name)} characters; 1 to {LONGEST_NAME} printable ones will do", path=path
        )
    return name


def role_of(text: str, path: Path = ("role",)) -> Role:
    """A role by its name. Raises InputInvalid."""
    try:
        return Role(text)
    except ValueError:
        raise InputInvalid(f"role {text[:60]!r} is unknown; there are {', '.join(Role)}", path=path) from None


def scopes_of(texts: Iterable[str], path: Path = ("scopes",)) -> frozenset[Scope]:
    """Scopes by their names; at least one. Raises InputInvalid."""
    known = {scope.value: scope for scope in Scope}
    found = set()
    for place, text in enumerate(texts):
        if text not in known:
            raise InputInvalid(
                f"scope {text[:60]!r} is unknown; there are {', '.join(known)}", path=(*path, place)
            )
        found.add(known[text])
    if not found:
        raise InputInvalid(f"no scope is given; there are {', '.join(known)}", path=path)
    return frozenset(found)


def expect_own_scopes(work: Work, scopes: Iterable[Scope], what: str, path: Path) -> None:
    """Raise BeyondOwn where the caller's credential lacks one of the scopes. what: who is to hold them."""
    beyond = sorted(scope for scope in scopes if not work.viewer.may(scope))
    if beyond:
        raise BeyondOwn(
            f"{what} would hold {', '.join(beyond)}, which the credential of this request does not carry; "
            "nobody gives more than they have",
            path=path,
        )


def expect_own_role(work: Work, role: Role, *, operator: bool, path: Path = ("role",)) -> None:
    """Raise BeyondOwn where a person in the role could do what the caller can't."""
    expect_own_scopes(work, role_scopes(role, operator=operator), f"the role {role}", path)


def expect_role_of_client(
    work: Work, role: Role, scopes: frozenset[Scope], *, operator: bool, paths: tuple[Path, Path]
) -> None:
    """Judge a client's role and scopes: within the role, within the caller's. Raises BeyondOwn, InputInvalid.

    paths: where role and scopes stand in the input.
    """
    if not ROLE_SCOPES[role] <= ROLE_SCOPES[work.viewer.role]:
        raise BeyondOwn(f"the role {role} is above your own, {work.viewer.role}", path=paths[0])
    over = sorted(scopes - role_scopes(role, operator=operator))
    if over:
        raise InputInvalid(f"the role {role} can't hold {', '.join(over)}", path=paths[1])
    expect_own_scopes(work, scopes, "the client", paths[1])


async def is_operator(sql: Sql, organization_id: uuid.UUID) -> bool:
    """Whether an organization runs this installation."""
    found: bool = await sql.fetchval("select is_operator from organization where id = $1", organization_id)
    return found
