"""What a kind of job says of itself where it is asked for, for whoever cancels it or begins it anew.

How it runs is the worker's to say (`jobs.job`).
"""

from domain.access.scopes import Scope

_SCOPES: dict[str, Scope] = {}


def reserved(kind: str, scope: Scope) -> str:
    """The kind, of which jobs are cancelled and begun anew only by those who may ask for one.

    scope: what asking for one needs. Jobs of a schedule need not say so: they are the operator's.
    """
    _SCOPES[kind] = scope
    return kind


def scope_of(kind: str, *, by_clock: bool) -> Scope:
    """What cancelling a job of the kind and beginning it anew needs. by_clock: whether it has a schedule."""
    return _SCOPES.get(kind, Scope.SYSTEM_ADMIN if by_clock else Scope.JOBS_WRITE)
