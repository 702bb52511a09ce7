"""The types of what is broadcast, read aloud and looked at: podcasts, books, images."""

from datetime import datetime
from typing import TYPE_CHECKING

from domain.access.scopes import Scope
from domain.catalog import tables
from graph.bind import Page, column, graph_type, many, one
from graph.catalog import ContentFields, CreditedFields
from graph.files import files_of
from graph.filters import natural, orders
from graph.scalars import BigInt, PartialDate

if TYPE_CHECKING:
    from graph.files import FileNode

READ = Scope.CATALOG_READ


@graph_type(
    of=tables.Podcast,
    scope=READ,
    plural="podcasts",
    label="title",
    filters=natural("guid", "feed_url"),
    orders=orders("title"),
)
class PodcastNode(ContentFields):
    """A feed of episodes."""

    title: str = column()
    guid: str | None = column()
    feed_url: str | None = column()
    author: str | None = column()
    description: str | None = column()
    languages: list[str] = column()
    genres: list[str] = column()
    is_explicit: bool | None = column()
    episodes: Page["EpisodeNode"] = many("Episode", "{t}.podcast_id = {p}.id", "{t}.id", paged=True)


@graph_type(
    of=tables.Episode,
    scope=READ,
    plural="episodes",
    label="title",
    filters=natural("guid"),
    orders=orders("title"),
)
class EpisodeNode(ContentFields):
    """One item of a podcast."""

    title: str = column()
    guid: str | None = column()
    season: int | None = column()
    number: int | None = column()
    published_at: datetime | None = column()
    duration_ms: int | None = column()
    description: str | None = column()
    is_explicit: bool | None = column()
    podcast: "PodcastNode | None" = one("Podcast", "podcast_id")


@graph_type(
    of=tables.Book,
    scope=READ,
    plural="books",
    label="title",
    filters=natural("isbn"),
    orders=orders("title"),
)
class BookNode(CreditedFields):
    """A text, as published."""

    title: str = column()
    isbn: str | None = column()
    published: PartialDate | None = column()
    publisher: str | None = column()
    languages: list[str] = column()
    audiobooks: Page["AudiobookNode"] = many("Audiobook", "{t}.book_id = {p}.id", "{t}.id", paged=True)


@graph_type(
    of=tables.Audiobook,
    scope=READ,
    plural="audiobooks",
    label="title",
    filters=natural("isbn"),
    orders=orders("title"),
)
class AudiobookNode(CreditedFields):
    """A book read aloud, with its chapters."""

    title: str = column()
    isbn: str | None = column()
    published: PartialDate | None = column()
    publisher: str | None = column()
    languages: list[str] = column()
    duration_ms: int | None = column()
    book: "BookNode | None" = one("Book", "book_id")
    chapters: list["ChapterNode"] = many("Chapter", "{t}.audiobook_id = {p}.id", "{t}.position")


@graph_type(of=tables.Chapter, scope=READ, name="Chapter")
class ChapterNode:
    """One chapter, half-open from start to end, in milliseconds."""

    position: int = column()
    title: str = column()
    start_ms: int = column()
    end_ms: int | None = column()


@graph_type(
    of=tables.Image,
    scope=READ,
    plural="images",
    label="type",
    filters=natural("sha256"),
    orders=orders("type"),
)
class ImageNode(ContentFields):
    """A picture of an entity."""

    type: str = column()
    title: str | None = column()
    file_name: str | None = column()
    media_type: str | None = column()
    sha256: str | None = column()
    width: int | None = column()
    height: int | None = column()
    size_bytes: BigInt | None = column()
    files: Page["FileNode"] = files_of()
