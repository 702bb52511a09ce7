"""What is broadcast and read aloud: podcasts and their episodes, books, audiobooks and their chapters."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from domain.row import (
    Content,
    content_args,
    folded,
    instant,
    not_negative,
    partial,
    refers,
    texts,
    trigram,
    words,
)


class Podcast(Content, table=True):
    """A feed of episodes."""

    __tablename__: ClassVar[Any] = "podcast"
    __table_args__ = content_args(
        "podcast",
        Index("ix_podcast_guid", "guid"),
        Index("ix_podcast_feed_url", "feed_url"),
        trigram("podcast", "title"),
        words("podcast", "title"),
        folded("podcast", "title"),
    )

    title: str
    guid: str | None = None
    feed_url: str | None = None
    author: str | None = None
    description: str | None = None
    languages: list[str] = texts()
    genres: list[str] = texts()
    is_explicit: bool | None = None


class Episode(Content, table=True):
    """One item of a podcast."""

    __tablename__: ClassVar[Any] = "episode"
    __table_args__ = content_args(
        "episode",
        not_negative("duration_ms"),
        Index("ix_episode_guid", "guid"),
        Index("ix_episode_podcast_id", "podcast_id", "id"),
        trigram("episode", "title"),
        words("episode", "title"),
        folded("episode", "title"),
    )

    podcast_id: uuid.UUID = refers("podcast.id", nullable=False, index=False)
    title: str
    guid: str | None = None
    season: int | None = None
    number: int | None = None
    published_at: datetime | None = instant()
    duration_ms: int | None = None
    description: str | None = None
    is_explicit: bool | None = None


class Book(Content, table=True):
    """A text, as published."""

    __tablename__: ClassVar[Any] = "book"
    __table_args__ = content_args(
        "book",
        partial("published"),
        Index("ix_book_isbn", "isbn"),
        trigram("book", "title"),
        words("book", "title"),
        folded("book", "title"),
    )

    title: str
    isbn: str | None = None
    artist_credit_id: uuid.UUID | None = refers("artist_credit.id")
    published: str | None = None
    publisher: str | None = None
    languages: list[str] = texts()


class Audiobook(Content, table=True):
    """A book read aloud, with its chapters."""

    __tablename__: ClassVar[Any] = "audiobook"
    __table_args__ = content_args(
        "audiobook",
        partial("published"),
        not_negative("duration_ms"),
        Index("ix_audiobook_isbn", "isbn"),
        trigram("audiobook", "title"),
        words("audiobook", "title"),
        folded("audiobook", "title"),
    )

    title: str
    isbn: str | None = None
    book_id: uuid.UUID | None = refers("book.id")
    artist_credit_id: uuid.UUID | None = refers("artist_credit.id")
    published: str | None = None
    publisher: str | None = None
    languages: list[str] = texts()
    duration_ms: int | None = None


class Chapter(SQLModel, table=True):
    """One chapter of an audiobook: half-open from start to end, in milliseconds."""

    __tablename__: ClassVar[Any] = "chapter"
    __table_args__ = (
        CheckConstraint("end_ms is null or end_ms > start_ms", name="times"),
        not_negative("start_ms"),
    )

    audiobook_id: uuid.UUID = Field(foreign_key="audiobook.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    title: str
    start_ms: int
    end_ms: int | None = None
