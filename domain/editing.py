"""Create, edit and delete for every kind of content, declared from its table.

The inputs are made from the kind's columns and collections, so a new column is editable as soon as its
table has it.
"""

import dataclasses
import types
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import ALWAYS, Command, Outcome, Repeat, register
from domain.fields import clean
from domain.kinds import KINDS, Kind
from domain.refusals import NotFound, ReferenceMissing, StillReferred
from domain.types import (
    UNSET,
    AnnotationValue,
    ChapterValue,
    CreditedName,
    IdentifierValue,
    MediumValue,
    Ref,
    TitleValue,
    Unset,
    WriterValue,
)
from domain.work import Work, entity_id

# What a caller may say of each collection; a list of ids stands for a list of plain references.
VALUES: dict[str, Any] = {
    "titles": TitleValue,
    "identifiers": IdentifierValue,
    "annotations": AnnotationValue,
    "media": MediumValue,
    "writers": WriterValue,
    "chapters": ChapterValue,
    "works": Annotated[str, Ref("work")],
    "recordings": Annotated[str, Ref("recording")],
    "subjects": Annotated[str, Ref("*")],
}
# What goes when an entity goes: rows that mean nothing without it.
CASCADES = {
    "release": (("track", "release_id"),),
    "podcast": (("episode", "podcast_id"),),
}
HANGING = (("credit", "subject_id"), ("image", "subject_id"))
PLURALS = {kind: f"{kind}s" for kind in KINDS}
REFUSES = (*ALWAYS, NotFound, ReferenceMissing, StillReferred)


def declare(name: str, scope: Scope) -> None:
    """Register create_…, edit_… and delete_… for a kind."""
    kind = KINDS[name]
    plural = PLURALS[name]
    fields = _fields(kind)
    title = "".join(part.capitalize() for part in name.split("_"))
    article = "an" if name[0] in "aeiou" else "a"
    create = dataclasses.make_dataclass(
        f"Create{title}",
        sorted(
            (_creating(kind, field, hint) for field, hint in fields.items()),
            key=lambda entry: len(entry) == 3,
        ),
        namespace={"__doc__": f"What is said of {article} {name} that is new."},
        frozen=True,
        kw_only=True,
    )
    edit = dataclasses.make_dataclass(
        f"Edit{title}",
        [
            ("id", Annotated[str, Ref(name)]),
            *((field, _editable(hint), dataclasses.field(default=UNSET)) for field, hint in fields.items()),
            ("expected_version", int | None, dataclasses.field(default=None)),
        ],
        namespace={
            "__doc__": f"What is to be said of {article} {name}; what is left out stays, null says that "
            "it is not known."
        },
        frozen=True,
        kw_only=True,
    )
    delete = dataclasses.make_dataclass(
        f"Delete{title}",
        [
            ("id", Annotated[str, Ref(name)]),
            ("expected_version", int | None, dataclasses.field(default=None)),
        ],
        namespace={"__doc__": f"The {name} that is to go; what hangs on it goes as well."},
        frozen=True,
        kw_only=True,
    )

    async def create_one(ask: Any, work: Work) -> Outcome:
        given = {field: getattr(ask, field) for field in fields}
        claimed = _claims(kind, {field: value for field, value in given.items() if value not in (None, [])})
        return Outcome(name, (work.create(name, claimed),))

    async def edit_one(ask: Any, work: Work) -> Outcome:
        given = {field: getattr(ask, field) for field in fields if getattr(ask, field) is not UNSET}
        claimed = _claims(kind, given)
        id = await work.edit(name, entity_id(name, ask.id, ("id",)), claimed, ask.expected_version)
        return Outcome(name, (id,))

    async def delete_one(ask: Any, work: Work) -> Outcome:
        id = await work.edit(
            name, entity_id(name, ask.id, ("id",)), {"status": "deleted"}, ask.expected_version
        )
        for dependent, column in (*CASCADES.get(name, ()), *HANGING):
            rows = await work.connection.fetch(
                f"select id from {dependent} where {column} = $1 and owner_id = $2 and status <> 'deleted'",
                id,
                work.viewer.organization_id,
            )
            for row in rows:
                await work.edit(dependent, row["id"], {"status": "deleted"})
        return Outcome(name, (id,))

    for verb, ask, handler, route, summary in (
        ("create", create, create_one, f"POST /{plural}", f"Create {article} {name}."),
        ("edit", edit, edit_one, f"PATCH /{plural}/{{id}}", f"Change what is said of {article} {name}."),
        (
            "delete",
            delete,
            delete_one,
            f"DELETE /{plural}/{{id}}",
            f"Delete {article} {name}; a tombstone stays.",
        ),
    ):
        register(
            Command(
                name=f"{verb}_{name}",
                summary=summary,
                ask=ask,
                handler=handler,
                scope=scope,
                route=route,
                cost=10,
                audit=Audit.CATALOG,
                repeat=Repeat.BY_KEY,
                returns=name,
                refuses=REFUSES,
            )
        )


def _fields(kind: Kind) -> dict[str, Any]:
    """The input's fields and their types: columns first, then the collections."""
    references = dict(kind.references)
    fields: dict[str, Any] = {}
    for column in kind.columns:
        if column in references:
            fields[column] = Annotated[str, Ref(references[column])]
        else:
            fields[column] = _plain(kind.model.model_fields[column].annotation)
    if kind.has_artist_credit:
        fields["artist_credit"] = list[CreditedName]
    for collection in kind.collections:
        if collection.named:  # they have commands of their own, for one value each
            continue
        fields[collection.name] = types.GenericAlias(list, (VALUES[collection.name],))
    return fields


def _plain(annotation: Any) -> Any:
    """The type without its None."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(option for option in get_args(annotation) if option is not types.NoneType)
    assert annotation in (str, int, bool, float, Decimal, datetime, list[str]), annotation
    return annotation


def _creating(kind: Kind, field: str, hint: Any) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field in kind.required:
        return (field, hint)
    if get_origin(hint) is list:
        return (field, hint, dataclasses.field(default_factory=list))
    return (field, hint | None, dataclasses.field(default=None))


def _editable(hint: Any) -> Any:
    return hint | None | Unset


def _claims(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Claims from an input: references marked, codes normal, what follows from others worked out."""
    fields = clean(kind.name, given)
    if fields.get("status") == "deleted":
        fields.pop("status")
    references = dict(kind.references)
    for name, value in fields.items():
        if value is None:
            continue
        if name in references:
            fields[name] = _reference(references[name], value, (name,))
        elif name == "artist_credit":
            fields[name] = [_credited(part, (name, place)) for place, part in enumerate(value)]
        elif (collection := kind.collection(name)) and collection.references:
            fields[name] = [
                _item(dict(collection.references), item, (name, place)) for place, item in enumerate(value)
            ]
    return fields


def _reference(kind: str, text: str, path: tuple[str | int, ...]) -> dict[str, str]:
    return {"id": str(entity_id(kind, text, path))}


def _credited(part: Mapping[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    artist = part.get("artist_id")
    rest = {key: value for key, value in part.items() if key != "artist_id"}
    return rest | ({"artist": _reference("artist", artist, path)} if artist else {})


def _item(references: Mapping[str, str], item: Any, path: tuple[str | int, ...]) -> dict[str, Any]:
    if isinstance(item, str):
        ((column, kind),) = references.items()
        return {column: _reference(kind, item, path)}
    return {
        key: _reference(references[key], value, (*path, key)) if key in references and value else value
        for key, value in item.items()
    }
