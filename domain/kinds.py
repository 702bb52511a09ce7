"""The kinds of content, and for each the fields that sources may claim.

A field is a scalar column of the kind's table, or a collection: a list of values that stands in a
table of its own. One registry serves staging, resolving, writing, history and revert, so a new column
is claimable as soon as its table has it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Table
from sqlmodel import SQLModel

from domain.catalog import tables as catalog
from domain.claims import FEATURES
from domain.enrichment import AudioFeature
from domain.rights.tables import Deal, DealSubject
from domain.rights.territory import expand

# Columns that the house fills, so that no source can claim them.
HOUSE_COLUMNS = frozenset(
    {"id", "owner_id", "version", "created_at", "updated_at", "artist_credit_id", "licensee_id"}
)


Row = dict[str, Any]
Derive = Callable[[Row], Row]


@dataclass(frozen=True)
class Collection:
    """Values of an entity, kept in a table of their own: a list in order, or one for each of several names.

    parent: the column that holds the entity's id. `references` maps a value column to the kind it
    points at ('*' for any kind). by_kind: rows name the kind of the entity too. own: what they point at
    must be the entity's owner's. key: the column that tells one value from the other; where that is a name,
    each value is a field by itself, `<collection>.<name>`. house: columns that the database fills.
    """

    name: str
    table: Table
    parent: str
    references: tuple[tuple[str, str], ...] = ()
    by_kind: bool = False
    own: bool = False
    key: str = "position"
    house: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether each value is a field by itself."""
        return self.key != "position"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The value columns, without the key and the kind."""
        skip = {self.parent, self.key, "kind", *self.house}
        return tuple(column.name for column in self.table.columns if column.name not in skip)


@dataclass(frozen=True)
class Kind:
    """One kind of content: its table, its claimable columns, its collections and natural keys.

    natural: columns by which an entity of the same owner is recognised, strongest first.
    label: the column that names it to people. derive: works out, from a row of claimed columns, what
    follows from them: the `derived` columns, which nobody claims.
    """

    name: str
    model: type[SQLModel]
    table: Table
    label: str
    collections: tuple[Collection, ...]
    references: tuple[tuple[str, str], ...] = ()
    natural: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    derive: Derive = dict

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The scalar columns that a source may claim."""
        skip = HOUSE_COLUMNS | set(self.derived)
        return tuple(column.name for column in self.table.columns if column.name not in skip)

    @cached_property
    def has_artist_credit(self) -> bool:
        """Whether the kind carries an artist credit, claimed as a list of credited names."""
        return "artist_credit_id" in self.table.columns

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What each claimable column holds when no source claims it."""
        fields = self.model.model_fields
        return {name: fields[name].get_default(call_default_factory=True) for name in self.columns}

    @cached_property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """The columns that hold one of a few words, and the words."""
        found = (constraint.info.get("one_of") for constraint in self.table.constraints)
        return dict(entry for entry in found if entry)

    def collection(self, name: str) -> Collection | None:
        """The collection of that name, or None."""
        return next((c for c in self.collections if c.name == name), None)


def table_of(model: type[SQLModel]) -> Table:
    """The SQLAlchemy table behind a SQLModel class."""
    table = getattr(model, "__table__", None)
    assert isinstance(table, Table), f"{model.__name__} has no table"
    return table


def _values() -> tuple[Collection, ...]:
    return (
        Collection("titles", table_of(catalog.Title), "entity_id", by_kind=True),
        Collection("identifiers", table_of(catalog.Identifier), "entity_id", by_kind=True),
        Collection("annotations", table_of(catalog.Annotation), "entity_id", by_kind=True),
    )


def _kind(
    model: type[SQLModel],
    *collections: Collection,
    label: str = "title",
    references: tuple[tuple[str, str], ...] = (),
    natural: tuple[str, ...] = (),
    required: tuple[str, ...] = ("title",),
    derived: tuple[str, ...] = (),
    derive: Derive = dict,
) -> Kind:
    table = table_of(model)
    collections = (*_values(), *collections)
    return Kind(table.name, model, table, label, collections, references, natural, required, derived, derive)


def _leave_medium(row: Row) -> Row:
    """A deleted track gives up its medium, so that the medium may go too."""
    return row | {"medium_position": None} if row["status"] == "deleted" else row


def _expand_territories(row: Row) -> Row:
    """The territories of a deal, from those included and excluded."""
    return row | {"territories": list(expand(row["included_territories"], row["excluded_territories"]))}


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind(catalog.Artist, label="name", natural=("isni", "mbid"), required=("name",)),
        _kind(
            catalog.Release,
            Collection("media", table_of(catalog.Medium), "release_id"),
            natural=("upc", "grid"),
        ),
        _kind(
            catalog.Recording,
            Collection("works", table_of(catalog.RecordingWork), "recording_id", (("work_id", "work"),)),
            Collection(
                FEATURES.rstrip("."),
                table_of(AudioFeature),
                "recording_id",
                key="name",
                house=("measured_at",),
            ),
            natural=("isrc",),
        ),
        _kind(
            catalog.Video,
            Collection(
                "recordings", table_of(catalog.VideoRecording), "video_id", (("recording_id", "recording"),)
            ),
            natural=("isrc", "isan"),
        ),
        _kind(
            catalog.Track,
            references=(("release_id", "release"), ("recording_id", "recording"), ("video_id", "video")),
            required=("title", "release_id", "medium_position", "position"),
            derive=_leave_medium,
        ),
        _kind(
            catalog.Work,
            Collection("writers", table_of(catalog.WorkWriter), "work_id", (("artist_id", "artist"),)),
            natural=("iswc",),
        ),
        _kind(catalog.Podcast, natural=("guid", "feed_url")),
        _kind(catalog.Episode, references=(("podcast_id", "podcast"),), required=("title", "podcast_id")),
        _kind(catalog.Book, natural=("isbn",)),
        _kind(
            catalog.Audiobook,
            Collection("chapters", table_of(catalog.Chapter), "audiobook_id"),
            references=(("book_id", "book"),),
            natural=("isbn",),
        ),
        _kind(
            Deal,
            Collection("subjects", table_of(DealSubject), "deal_id", (("subject_id", "*"),), own=True),
            label="reference",
            required=("subjects",),
            derived=("territories",),
            derive=_expand_territories,
        ),
        _kind(catalog.Image, label="type", references=(("subject_id", "*"),), required=("subject_id",)),
        _kind(
            catalog.Credit,
            label="name",
            references=(("subject_id", "*"), ("artist_id", "artist")),
            required=("subject_id", "name", "role"),
        ),
    )
}
