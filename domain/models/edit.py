"""What operators do with models, and what organizations allow to be sent to them."""

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Annotated

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.models import registry
from domain.models.costs import NAMES, Prices
from domain.models.decide import POLICIES, decide
from domain.models.registry import Known
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, Refusal
from domain.types import UNSET, Ref, Unset
from domain.work import Work, entity_id

ModelId = Annotated[str, Ref("model")]
ASKED_ABOUT = ("qwen", "openai")
GIVEN_ROLES = ("challenger", "fallback", "retired")
LONGEST_NAME = 200
# US dollars for a million tokens.
MOST_PRICE = 100_000.0


class RoleTaken(Refusal):
    """The model can't have this role: it is champion, or its question is of another version."""

    code = "model_role_taken"
    status = 409


class NothingToRollBack(Refusal):
    """No change of champion is there to be taken back."""

    code = "nothing_to_roll_back"
    status = 409


@dataclass(frozen=True, kw_only=True)
class AddModel:
    """A model to be asked: challenger answers a tenth first, fallback is asked when others fail.

    provider: qwen or openai, whose endpoint the settings name. text_in, audio_in, out: US dollars for a
    million tokens; what is published for OpenAI's, and nothing for qwen, unless said.
    """

    provider: str
    model: str
    role: str = "challenger"
    text_in: float | None = None
    audio_in: float | None = None
    out: float | None = None


@dataclass(frozen=True, kw_only=True)
class EditModel:
    """What is to change; what is left out stays."""

    model_id: ModelId
    role: str | Unset = UNSET
    text_in: float | None = None
    audio_in: float | None = None
    out: float | None = None


@dataclass(frozen=True, kw_only=True)
class PromoteModel:
    """The model that is to be champion, and why."""

    model_id: ModelId
    reason: str


@dataclass(frozen=True, kw_only=True)
class RollbackModel:
    """Why the champion before is to be champion again."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class DecideModels:
    """Whether a change that the policy calls for is made (apply), proposed (propose), or only told (off)."""

    policy: str = "off"


@dataclass(frozen=True, kw_only=True)
class EditModelPermission:
    """What may be sent to models outside of the house; what is left out stays.

    outside: public recordings; private_too: also those that nobody else may see.
    """

    outside: bool | None = None
    private_too: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ModelTerms:
    """A model and its role after the change."""

    model_id: ModelId
    provider: str
    model: str
    role: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the policy says: wait, keep, promote or roll_back; done: proposed, promoted, rolled_back or ''."""

    verdict: str
    why: str
    done: str


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What an organization allows."""

    outside: bool
    private_too: bool


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /models",
    returns="change_set",
    cost=2,
    audit=Audit.OPERATIONS,
    value=ModelTerms,
    refuses=(RoleTaken,),
)
async def add_model(ask: AddModel, work: Work) -> Outcome:
    """Add a model as challenger or fallback; the challenger before becomes a fallback."""
    if ask.provider not in ASKED_ABOUT:
        raise InputInvalid(
            f"provider is {ask.provider[:60]!r}; {', '.join(ASKED_ABOUT)} will do", path=("provider",)
        )
    name = ask.model.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputInvalid(f"model has {len(name)} characters; 1 to {LONGEST_NAME} will do", path=("model",))
    if ask.role not in GIVEN_ROLES[:2]:
        raise InputInvalid(f"role is {ask.role[:60]!r}; challenger or fallback will do", path=("role",))
    given = _prices(ask)
    published = registry.published(ask.provider, name)
    prices = published if given is None else {**dict.fromkeys(NAMES, 0.0), **(published or {}), **given}
    await registry.lock(work.connection)
    id = await registry.add(work.connection, ask.provider, name, "fallback", prices)
    if given is not None and prices is not None:
        await registry.set_prices(work.connection, id, prices)
    return _told(work, await _give(work, await _found(work, id), ask.role))


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="PATCH /models/{model_id}",
    returns="change_set",
    cost=2,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    value=ModelTerms,
    refuses=(NotFound, ReferenceMissing, RoleTaken),
)
async def edit_model(ask: EditModel, work: Work) -> Outcome:
    """Give a model another role than champion, or other prices."""
    await registry.lock(work.connection)
    model = await _found(work, entity_id("model", ask.model_id, ("model_id",)))
    if (given := _prices(ask)) is not None:
        before = dataclasses.asdict(model.prices or Prices())
        await registry.set_prices(work.connection, model.id, before | given)
    if not isinstance(ask.role, Unset):
        model = await _give(work, model, ask.role)
    return _told(work, model)


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /models/{model_id}/promote",
    returns="change_set",
    cost=2,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    value=ModelTerms,
    refuses=(NotFound, ReferenceMissing, RoleTaken),
)
async def promote_model(ask: PromoteModel, work: Work) -> Outcome:
    """Make a model champion; the champion before becomes the challenger."""
    await registry.lock(work.connection)
    model = await _found(work, entity_id("model", ask.model_id, ("model_id",)))
    if model.role == "champion":
        return _told(work, model)
    _expect_current(model)
    await registry.promote(
        work.connection, model, made_by=work.viewer.actor, why=_reason(ask.reason), evidence=None
    )
    return _told(work, dataclasses.replace(model, role="champion"))


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /model-rollbacks",
    returns="change_set",
    cost=2,
    audit=Audit.OPERATIONS,
    value=ModelTerms,
    refuses=(NothingToRollBack, RoleTaken),
)
async def rollback_model(ask: RollbackModel, work: Work) -> Outcome:
    """Make the champion before the last change champion again."""
    await registry.lock(work.connection)
    made = [one for one in await registry.decisions(work.connection) if one.kind != "proposed"]
    last = made[0] if made else None
    if last is None or last.kind == "rolled_back" or last.from_id is None:
        raise NothingToRollBack(
            "no change of champion is there to be taken back, or it was taken back already; "
            "promoteModel names one outright"
        )
    model = await _found(work, last.from_id)
    _expect_current(model)
    await registry.promote(
        work.connection,
        model,
        made_by=work.viewer.actor,
        why=_reason(ask.reason),
        evidence=None,
        kind="rolled_back",
    )
    return _told(work, dataclasses.replace(model, role="champion"))


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /model-decisions",
    returns="change_set",
    cost=20,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    value=Verdict,
)
async def decide_models(ask: DecideModels, work: Work) -> Outcome:
    """Judge the challenger now, as it is judged each day, and do what the policy says."""
    if ask.policy not in POLICIES:
        raise InputInvalid(f"policy is {ask.policy[:60]!r}; {', '.join(POLICIES)} will do", path=("policy",))
    found = await decide(work.connection, ask.policy, made_by=work.viewer.actor, now=work.now)
    told = Verdict(verdict=found.judgement.verdict.value, why=found.judgement.why, done=found.done)
    return Outcome("change_set", (work.change_set_id,), value=told)


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="PATCH /model-permission",
    returns="change_set",
    cost=1,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    value=Permission,
)
async def edit_model_permission(ask: EditModelPermission, work: Work) -> Outcome:
    """Allow or forbid that the organization's recordings are sent to models outside of the house."""
    row = await work.connection.fetchrow(
        "insert into model_permission as p (owner_id, outside, private_too) "
        "values ($1, coalesce($2, false), coalesce($3, false)) on conflict (owner_id) do update "
        "set outside = coalesce($2, p.outside), private_too = coalesce($3, p.private_too), "
        "updated_at = clock_timestamp() returning outside, private_too",
        work.viewer.organization_id,
        ask.outside,
        ask.private_too,
    )
    told = Permission(outside=row["outside"], private_too=row["private_too"])
    return Outcome("change_set", (work.change_set_id,), value=told)


async def _found(work: Work, id: uuid.UUID) -> Known:
    found = await registry.find(work.connection, id)
    if found is None:
        raise NotFound(f"no model {id}", path=("model_id",))
    return found


async def _give(work: Work, model: Known, role: str) -> Known:
    """Give a role; whoever has been challenger becomes a fallback."""
    if role not in GIVEN_ROLES:
        raise InputInvalid(f"role is {role[:60]!r}; {', '.join(GIVEN_ROLES)} will do", path=("role",))
    if model.role == role:
        return model
    if model.role in ("champion", "embedded"):
        raise RoleTaken(f"{model.name} is {model.role}; promote another model first", path=("role",))
    if role != "retired":
        _expect_current(model)
    if role == "challenger":
        for other in await registry.all_models(work.connection):
            if other.role == "challenger":
                await registry.set_role(work.connection, other.id, "fallback")
    await registry.set_role(work.connection, model.id, role)
    return dataclasses.replace(model, role=role)


def _expect_current(model: Known) -> None:
    if not model.current:
        raise RoleTaken(
            f"{model.name} was asked another question ({model.version}), which is asked no more",
            path=("model_id",),
        )


def _prices(ask: AddModel | EditModel) -> dict[str, float] | None:
    """The prices that are given; None where none is."""
    given = {name: price for name in NAMES if (price := getattr(ask, name)) is not None}
    for name, price in given.items():
        if not 0 <= price <= MOST_PRICE:
            raise InputInvalid(f"{name} is {price}; 0 to {MOST_PRICE:g} will do", path=(name,))
    return given or None


def _reason(text: str) -> str:
    plain = " ".join(text.split())
    if not plain or len(plain) > 500:
        raise InputInvalid(f"reason has {len(plain)} characters; 1 to 500 will do", path=("reason",))
    return plain


def _told(work: Work, model: Known) -> Outcome:
    value = ModelTerms(model_id=str(model.id), provider=model.provider, model=model.model, role=model.role)
    return Outcome("change_set", (work.change_set_id,), value=value)
