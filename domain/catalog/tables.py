"""The catalog: what is recorded, released, written, filmed, broadcast and read aloud.

Catalog words are MusicBrainz's. Every content table is a `Content` row; values of which an entity
has several (titles, identifiers, annotations) stand in tables of their own, keyed by the entity. What is
spoken stands in `domain/catalog/spoken.py` and is known by this module too.
"""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from domain.catalog.spoken import Audiobook, Book, Chapter, Episode, Podcast
from domain.row import (
    Content,
    big,
    content_args,
    folded,
    instant,
    key,
    not_negative,
    one_of,
    partial,
    refers,
    texts,
    trigram,
    words,
)

__all__ = [
    "KINDS",
    "Annotation",
    "Artist",
    "ArtistCredit",
    "ArtistCreditName",
    "AudioFile",
    "Audiobook",
    "Book",
    "Chapter",
    "Credit",
    "Entity",
    "Episode",
    "Identifier",
    "Image",
    "Medium",
    "Podcast",
    "Recording",
    "RecordingWork",
    "Release",
    "Title",
    "Track",
    "Video",
    "VideoRecording",
    "Work",
    "WorkWriter",
]

KINDS = (
    "artist",
    "release",
    "track",
    "recording",
    "work",
    "video",
    "podcast",
    "episode",
    "book",
    "audiobook",
    "deal",
    "image",
    "credit",
)
ARTIST_TYPES = ("person", "group", "orchestra", "choir", "character", "other")
RECORDING_TYPES = ("audio", "live_set", "dj_mix")
TITLE_TYPES = (
    "display",
    "formal",
    "transliterated",
    "translated",
    "abbreviated",
    "grouping",
    "search",
    "alias",
)
PARENTAL_WARNINGS = ("explicit", "explicit_content_edited", "not_explicit", "no_advice_available", "unknown")


def entity_key() -> Any:
    """Half of the composite reference (entity_id, kind) that value tables hold."""
    return Field(primary_key=True)


def of_entity() -> ForeignKeyConstraint:
    """Values belong to a registered entity and go when it is purged."""
    return ForeignKeyConstraint(["entity_id", "kind"], ["entity.id", "entity.kind"], ondelete="CASCADE")


class Entity(SQLModel, table=True):
    """The register of every content row: which kind an id is, whose it is, what it was merged into.

    Filled by the change triggers, so a bulk load can't forget it.
    """

    __tablename__: ClassVar[Any] = "entity"
    __table_args__ = (
        UniqueConstraint("id", "kind"),
        one_of("kind", KINDS),
        Index(
            "ix_entity_merged_into_id", "merged_into_id", postgresql_where=text("merged_into_id is not null")
        ),
    )

    id: uuid.UUID = Field(primary_key=True)
    kind: str
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    merged_into_id: uuid.UUID | None = refers("entity.id", index=False)


class Title(SQLModel, table=True):
    """One title of an entity: its text, language (BCP 47), script, type, and whether it leads."""

    __tablename__: ClassVar[Any] = "title"
    __table_args__ = (of_entity(), one_of("type", TITLE_TYPES), trigram("title", "text"))

    entity_id: uuid.UUID = entity_key()
    position: int = Field(primary_key=True)
    kind: str
    text: str
    subtitle: str | None = None
    language: str | None = None
    script: str | None = None
    type: str = "display"
    territories: list[str] = texts()
    is_default: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class Identifier(SQLModel, table=True):
    """Any further code of an entity; several of one scheme are allowed."""

    __tablename__: ClassVar[Any] = "identifier"
    __table_args__ = (of_entity(), Index("ix_identifier_scheme_value", "scheme", "value", "kind"))

    entity_id: uuid.UUID = entity_key()
    position: int = Field(primary_key=True)
    kind: str
    scheme: str
    value: str
    namespace: str | None = None


class Annotation(SQLModel, table=True):
    """A free key and value on an entity, for what has no column."""

    __tablename__: ClassVar[Any] = "annotation"
    __table_args__ = (of_entity(), Index("ix_annotation_key", "key"))

    entity_id: uuid.UUID = entity_key()
    position: int = Field(primary_key=True)
    kind: str
    key: str
    value: str


class ArtistCredit(SQLModel, table=True):
    """Credited names in order, as printed. Its id is made from its content, so it never changes."""

    __tablename__: ClassVar[Any] = "artist_credit"

    id: uuid.UUID = Field(primary_key=True)
    name: str


class ArtistCreditName(SQLModel, table=True):
    """One name of a credit, who it is, and the phrase that joins it to the next."""

    __tablename__: ClassVar[Any] = "artist_credit_name"

    artist_credit_id: uuid.UUID = Field(foreign_key="artist_credit.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    artist_id: uuid.UUID | None = refers("artist.id")
    name: str
    join_phrase: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    role: str | None = None


class Artist(Content, table=True):
    """A person or group that is credited."""

    __tablename__: ClassVar[Any] = "artist"
    __table_args__ = content_args(
        "artist",
        one_of("type", ARTIST_TYPES),
        partial("begin_date"),
        partial("end_date"),
        Index("ix_artist_isni", "isni"),
        Index("ix_artist_ipi", "ipi"),
        Index("ix_artist_mbid", "mbid"),
        trigram("artist", "name"),
        words("artist", "name"),
        folded("artist", "name"),
    )

    name: str
    sort_name: str | None = None
    type: str | None = None
    disambiguation: str | None = None
    country: str | None = None
    begin_date: str | None = None
    end_date: str | None = None
    isni: str | None = None
    ipi: str | None = None
    mbid: str | None = None


class Release(Content, table=True):
    """A product as issued: what a UPC names."""

    __tablename__: ClassVar[Any] = "release"
    __table_args__ = content_args(
        "release",
        one_of("parental_warning", PARENTAL_WARNINGS),
        partial("release_date"),
        partial("original_release_date"),
        Index("ix_release_upc", "upc"),
        Index(
            "ix_release_release_date",
            "owner_id",
            text("coalesce(release_date, '')"),
            "id",
            postgresql_where=text("status <> 'deleted'"),
        ),
        Index("ix_release_grid", "grid"),
        Index("ix_release_catalog_number", "catalog_number"),
        Index("ix_release_genres", "genres", postgresql_using="gin"),
        trigram("release", "title"),
        words("release", "title"),
        folded("release", "title"),
    )

    title: str
    version_title: str | None = None
    artist_credit_id: uuid.UUID | None = refers("artist_credit.id")
    type: str | None = None
    upc: str | None = None
    grid: str | None = None
    catalog_number: str | None = None
    labels: list[str] = texts()
    genres: list[str] = texts()
    languages: list[str] = texts()
    release_date: str | None = None
    original_release_date: str | None = None
    duration_ms: int | None = None
    parental_warning: str | None = None
    p_line_year: int | None = None
    p_line: str | None = None
    c_line_year: int | None = None
    c_line: str | None = None
    mbid: str | None = None


class Medium(SQLModel, table=True):
    """One carrier or part of a release, known by its place in it."""

    __tablename__: ClassVar[Any] = "medium"
    __table_args__ = (CheckConstraint("position > 0", name="position"),)

    release_id: uuid.UUID = Field(foreign_key="release.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    format: str | None = None
    title: str | None = None


class Recording(Content, table=True):
    """One performance, fixed once. It appears on releases as tracks."""

    __tablename__: ClassVar[Any] = "recording"
    __table_args__ = content_args(
        "recording",
        one_of("type", RECORDING_TYPES),
        one_of("parental_warning", PARENTAL_WARNINGS),
        not_negative("duration_ms"),
        Index("ix_recording_isrc", "isrc"),
        Index("ix_recording_genres", "genres", postgresql_using="gin"),
        trigram("recording", "title"),
        words("recording", "title"),
        folded("recording", "title"),
    )

    title: str
    version_title: str | None = None
    artist_credit_id: uuid.UUID | None = refers("artist_credit.id")
    type: str = Field(default="audio", sa_column_kwargs={"server_default": text("'audio'")})
    isrc: str | None = None
    duration_ms: int | None = None
    languages: list[str] = texts()
    genres: list[str] = texts()
    recording_date: str | None = None
    parental_warning: str | None = None
    p_line_year: int | None = None
    p_line: str | None = None
    mbid: str | None = None


class Video(Content, table=True):
    """A moving picture with music: a clip, a concert, a film."""

    __tablename__: ClassVar[Any] = "video"
    __table_args__ = content_args(
        "video",
        one_of("parental_warning", PARENTAL_WARNINGS),
        not_negative("duration_ms"),
        Index("ix_video_isrc", "isrc"),
        Index("ix_video_isan", "isan"),
        trigram("video", "title"),
        words("video", "title"),
        folded("video", "title"),
    )

    title: str
    version_title: str | None = None
    artist_credit_id: uuid.UUID | None = refers("artist_credit.id")
    type: str | None = None
    isrc: str | None = None
    isan: str | None = None
    duration_ms: int | None = None
    languages: list[str] = texts()
    genres: list[str] = texts()
    parental_warning: str | None = None
    p_line_year: int | None = None
    p_line: str | None = None


class Track(Content, table=True):
    """A place on a medium; it points at the recording (or video) heard there.

    A deleted track gives up its medium, so that the medium may go too.
    """

    __tablename__: ClassVar[Any] = "track"
    __table_args__ = content_args(
        "track",
        not_negative("duration_ms"),
        CheckConstraint("position > 0", name="position"),
        ForeignKeyConstraint(
            ["release_id", "medium_position"],
            ["medium.release_id", "medium.position"],
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("ix_track_place", "release_id", "medium_position", "position", "id"),
        trigram("track", "title"),
        words("track", "title"),
        folded("track", "title"),
    )

    release_id: uuid.UUID = refers("release.id", nullable=False, index=False)
    medium_position: int | None = None
    position: int
    number: str | None = None
    title: str
    version_title: str | None = None
    artist_credit_id: uuid.UUID | None = refers("artist_credit.id")
    recording_id: uuid.UUID | None = refers("recording.id")
    video_id: uuid.UUID | None = refers("video.id")
    duration_ms: int | None = None
    is_bonus: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    is_hidden: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Work(Content, table=True):
    """A composition: words and music, before anybody performs it."""

    __tablename__: ClassVar[Any] = "work"
    __table_args__ = content_args(
        "work",
        Index("ix_work_iswc", "iswc"),
        trigram("work", "title"),
        words("work", "title"),
        folded("work", "title"),
    )

    title: str
    iswc: str | None = None
    type: str | None = None
    languages: list[str] = texts()
    mbid: str | None = None


class WorkWriter(SQLModel, table=True):
    """Who wrote a work, as what, and the share of it in percent."""

    __tablename__: ClassVar[Any] = "work_writer"
    __table_args__ = (CheckConstraint("share >= 0 and share <= 100", name="share"),)

    work_id: uuid.UUID = Field(foreign_key="work.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    artist_id: uuid.UUID | None = refers("artist.id")
    name: str
    role: str
    ipi: str | None = None
    share: float | None = None


class RecordingWork(SQLModel, table=True):
    """Which works a recording performs, in order."""

    __tablename__: ClassVar[Any] = "recording_work"

    recording_id: uuid.UUID = Field(foreign_key="recording.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    work_id: uuid.UUID = refers("work.id", nullable=False)


class VideoRecording(SQLModel, table=True):
    """Which recordings are heard in a video, in order."""

    __tablename__: ClassVar[Any] = "video_recording"

    video_id: uuid.UUID = Field(foreign_key="video.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    recording_id: uuid.UUID = refers("recording.id", nullable=False)


class Image(Content, table=True):
    """A picture of an entity. Its bytes, where there are any, stand in the blob store under sha256."""

    __tablename__: ClassVar[Any] = "image"
    __table_args__ = content_args(
        "image",
        Index("ix_image_sha256", "sha256"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    )

    subject_id: uuid.UUID | None = refers("entity.id")
    type: str = Field(default="front_cover", sa_column_kwargs={"server_default": text("'front_cover'")})
    title: str | None = None
    file_name: str | None = None
    media_type: str | None = None
    sha256: str | None = None
    xxh128: str | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = big()
    parental_warning: str | None = None


class Credit(Content, table=True):
    """Who did what on an entity: a contributor, a role, the instruments."""

    __tablename__: ClassVar[Any] = "credit"
    __table_args__ = content_args("credit", Index("ix_credit_subject_id", "subject_id", "position", "id"))

    subject_id: uuid.UUID = refers("entity.id", nullable=False, index=False)
    artist_id: uuid.UUID | None = refers("artist.id")
    name: str
    role: str
    instruments: list[str] = texts()
    position: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


class AudioFile(SQLModel, table=True):
    """Audio bytes in the blob store, and what their header says."""

    __tablename__: ClassVar[Any] = "audio_file"
    __table_args__ = (
        UniqueConstraint("owner_id", "sha256"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    recording_id: uuid.UUID | None = refers("recording.id")
    file_name: str | None = None
    sha256: str
    xxh128: str | None = None
    codec: str | None = None
    header_duration_ms: int | None = None
    decoded_duration_ms: int | None = None
    size_bytes: int = big(nullable=False)
    kept_until: datetime | None = instant()
    created_at: datetime = instant(default_now=True, nullable=False)
