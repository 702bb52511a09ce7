"""The catalog's types: artists, releases, tracks, recordings, works and videos, and the values they have."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from domain.access.scopes import Scope
from domain.catalog import tables
from graph.bind import Page, column, expression, graph_type, many, one
from graph.files import files_of
from graph.filters import CREDITED, natural, orders
from graph.scalars import ICPN, ISNI, ISRC, ISWC, GRid, PartialDate
from graph.similar import mixable_next, similar_to
from graph.streamable import streamable

if TYPE_CHECKING:
    from graph.audit import ChangeNode
    from graph.enrichment import AudioFeatureNode, EnrichmentNode
    from graph.files import FileNode
    from graph.media import ImageNode
    from graph.rights import DealNode
    from graph.similar import SimilarNode

READ = Scope.CATALOG_READ


@graph_type(of=tables.Title, scope=READ, name="Title")
class TitleNode:
    """One title: its text, language (BCP 47), script (ISO 15924) and type."""

    text: str = column()
    subtitle: str | None = column()
    language: str | None = column()
    script: str | None = column()
    type: str = column()
    territories: list[str] = column()
    is_default: bool = column()


@graph_type(of=tables.Identifier, scope=READ, name="Identifier")
class IdentifierNode:
    """One further code, by scheme."""

    scheme: str = column()
    value: str = column()
    namespace: str | None = column()


@graph_type(of=tables.Annotation, scope=READ, name="Annotation")
class AnnotationNode:
    """A free key and value."""

    key: str = column()
    value: str = column()


class ContentFields:
    """What every entity has."""

    id: strawberry.ID = column()
    version: int = column()
    status: str = column()
    visibility: str = column()
    created_at: datetime = column()
    updated_at: datetime = column()
    titles: list["TitleNode"] = many("Title", "{t}.entity_id = {p}.id", "{t}.position")
    identifiers: list["IdentifierNode"] = many("Identifier", "{t}.entity_id = {p}.id", "{t}.position")
    annotations: list["AnnotationNode"] = many("Annotation", "{t}.entity_id = {p}.id", "{t}.position")
    credits: list["CreditNode"] = many("Credit", "{t}.subject_id = {p}.id", "{t}.position", "{t}.id")
    images: list["ImageNode"] = many("Image", "{t}.subject_id = {p}.id", "{t}.id")
    history: Page["ChangeNode"] = many(
        "Change", "{t}.entity_id = {p}.id", "{t}.seq", paged=True, scope=Scope.AUDIT_READ
    )


class CreditedFields(ContentFields):
    """What every entity with an artist credit has."""

    artist_credit: "ArtistCreditNode | None" = one("ArtistCredit", "artist_credit_id")


class LicensableFields(CreditedFields):
    """What every entity that deals cover has."""

    deals: list["DealNode"] = many(
        "Deal",
        "exists (select from deal_subject s where s.deal_id = {t}.id and s.subject_id = {p}.id)",
        "{t}.id",
        scope=Scope.RIGHTS_READ,
    )


@graph_type(of=tables.ArtistCredit, scope=READ, name="ArtistCredit")
class ArtistCreditNode:
    """Credited names in order, as printed."""

    name: str = column()
    names: list["CreditedNameNode"] = many("CreditedName", "{t}.artist_credit_id = {p}.id", "{t}.position")


@graph_type(of=tables.ArtistCreditName, scope=READ, name="CreditedName")
class CreditedNameNode:
    """One name of a credit, who it is, and the phrase that joins it to the next."""

    name: str = column()
    join_phrase: str = column()
    role: str | None = column()
    artist: "ArtistNode | None" = one("Artist", "artist_id")


@graph_type(
    of=tables.Artist,
    scope=READ,
    plural="artists",
    label="name",
    filters=natural("isni", "ipi", "mbid"),
    orders=orders("name"),
)
class ArtistNode(ContentFields):
    """A person or group that is credited."""

    name: str = column()
    sort_name: str | None = column()
    type: str | None = column()
    disambiguation: str | None = column()
    country: str | None = column()
    begin_date: PartialDate | None = column()
    end_date: PartialDate | None = column()
    isni: ISNI | None = column()
    ipi: str | None = column()
    mbid: str | None = column()
    releases: Page["ReleaseNode"] = many("Release", CREDITED, "{t}.id", paged=True)
    recordings: Page["RecordingNode"] = many("Recording", CREDITED, "{t}.id", paged=True)


@graph_type(
    of=tables.Release,
    scope=READ,
    plural="releases",
    label="title",
    filters=natural("upc", "grid", "catalog_number", "mbid"),
    orders=orders("title", "release_date"),
)
class ReleaseNode(LicensableFields):
    """A product as issued: what a UPC names."""

    title: str = column()
    version_title: str | None = column()
    type: str | None = column()
    upc: ICPN | None = column()
    grid: GRid | None = column()
    catalog_number: str | None = column()
    labels: list[str] = column()
    genres: list[str] = column()
    languages: list[str] = column()
    release_date: PartialDate | None = column()
    original_release_date: PartialDate | None = column()
    duration_ms: int | None = column()
    parental_warning: str | None = column()
    p_line_year: int | None = column()
    p_line: str | None = column()
    c_line_year: int | None = column()
    c_line: str | None = column()
    mbid: str | None = column()
    media: list["MediumNode"] = many("Medium", "{t}.release_id = {p}.id", "{t}.position")
    tracks: list["TrackNode"] = many(
        "Track", "{t}.release_id = {p}.id", "{t}.medium_position", "{t}.position", "{t}.id"
    )
    files: Page["FileNode"] = files_of()
    is_streamable: bool = streamable("release")


@graph_type(of=tables.Medium, scope=READ, name="Medium")
class MediumNode:
    """One carrier or part of a release, in order."""

    position: int = column()
    format: str | None = column()
    title: str | None = column()
    tracks: list["TrackNode"] = many(
        "Track",
        "{t}.release_id = {p}.release_id and {t}.medium_position = {p}.position",
        "{t}.position",
        "{t}.id",
    )


def of_recording(name: str) -> str:
    """A value of a track that is its recording's, or its video's, as far as the viewer may see them."""
    return (
        f"coalesce((select r.{name} from recording r "
        f"where r.id = {{p}}.recording_id and {{sees:recording r}}), (select v.{name} from video v "
        f"where v.id = {{p}}.video_id and {{sees:video v}}))"
    )


def heard_as() -> str:
    """The condition that what is heard on a track, and may be seen, has one of the codes.

    One set of ids, so that few tracks are looked up rather than all of them asked.
    """
    ways = " union all ".join(
        f"select h.id from {kind} r join track h on h.{kind}_id = r.id "
        f"where r.isrc = any({{v}}) and {{sees:{kind} r}}"
        for kind in ("recording", "video")
    )
    return f"{{t}}.id in ({ways})"


@graph_type(
    of=tables.Track,
    scope=READ,
    plural="tracks",
    label="title",
    filters={"isrc": (ISRC, heard_as())},
    orders=orders("title"),
)
class TrackNode(LicensableFields):
    """A place on a medium. What belongs to the recording heard there can be asked here as well."""

    position: int = column()
    medium_position: int | None = column()
    number: str | None = column()
    title: str = column()
    version_title: str | None = column()
    duration_ms: int | None = expression("coalesce({p}.duration_ms, " + of_recording("duration_ms") + ")")
    isrc: ISRC | None = expression(of_recording("isrc"))
    is_bonus: bool = column()
    is_hidden: bool = column()
    release: "ReleaseNode | None" = one("Release", "release_id")
    recording: "RecordingNode | None" = one("Recording", "recording_id")
    video: "VideoNode | None" = one("Video", "video_id")
    features: list["AudioFeatureNode"] = many(
        "AudioFeature", "{t}.recording_id = {p}.recording_id", "{t}.name"
    )
    similar: "SimilarNode | None" = similar_to("{p}.recording_id")
    mixable_next: "SimilarNode | None" = mixable_next("{p}.recording_id")
    is_streamable: bool = streamable("track")


@graph_type(
    of=tables.Recording,
    scope=READ,
    plural="recordings",
    label="title",
    filters=natural("isrc", "mbid"),
    orders=orders("title"),
)
class RecordingNode(LicensableFields):
    """One performance, fixed once. It appears on releases as tracks."""

    title: str = column()
    version_title: str | None = column()
    type: str = column()
    isrc: ISRC | None = column()
    duration_ms: int | None = column()
    languages: list[str] = column()
    genres: list[str] = column()
    recording_date: PartialDate | None = column()
    parental_warning: str | None = column()
    p_line_year: int | None = column()
    p_line: str | None = column()
    mbid: str | None = column()
    features: list["AudioFeatureNode"] = many("AudioFeature", "{t}.recording_id = {p}.id", "{t}.name")
    similar: "SimilarNode | None" = similar_to("{p}.id")
    mixable_next: "SimilarNode | None" = mixable_next("{p}.id")
    enrichments: Page["EnrichmentNode"] = many(
        "Enrichment",
        "{t}.recording_id = any(array(select {p}.id union all "
        "select e.id from entity e where e.merged_into_id = {p}.id))",
        "{t}.id",
        paged=True,
    )
    files: Page["FileNode"] = files_of()
    tracks: Page["TrackNode"] = many("Track", "{t}.recording_id = {p}.id", "{t}.id", paged=True)
    works: list["WorkNode"] = many(
        "Work",
        "{t}.id in (select j.work_id from recording_work j where j.recording_id = {p}.id)",
        "(select min(j.position) from recording_work j where j.recording_id = {p}.id and j.work_id = {t}.id)",
    )
    is_streamable: bool = streamable("recording")


@graph_type(
    of=tables.Work,
    scope=READ,
    plural="works",
    label="title",
    filters=natural("iswc", "mbid"),
    orders=orders("title"),
)
class WorkNode(ContentFields):
    """A composition: words and music, before anybody performs it."""

    title: str = column()
    iswc: ISWC | None = column()
    type: str | None = column()
    languages: list[str] = column()
    mbid: str | None = column()
    writers: list["WriterNode"] = many("Writer", "{t}.work_id = {p}.id", "{t}.position")
    recordings: Page["RecordingNode"] = many(
        "Recording",
        "{t}.id in (select j.recording_id from recording_work j where j.work_id = {p}.id)",
        "{t}.id",
        paged=True,
    )


@graph_type(of=tables.WorkWriter, scope=READ, name="Writer")
class WriterNode:
    """Who wrote a work, as what, and the share in percent."""

    name: str = column()
    role: str = column()
    ipi: str | None = column()
    share: float | None = column()
    artist: "ArtistNode | None" = one("Artist", "artist_id")


@graph_type(
    of=tables.Video,
    scope=READ,
    plural="videos",
    label="title",
    filters=natural("isrc", "isan"),
    orders=orders("title"),
)
class VideoNode(LicensableFields):
    """A moving picture with music: a clip, a concert, a film."""

    title: str = column()
    version_title: str | None = column()
    type: str | None = column()
    isrc: ISRC | None = column()
    isan: str | None = column()
    duration_ms: int | None = column()
    languages: list[str] = column()
    genres: list[str] = column()
    parental_warning: str | None = column()
    p_line_year: int | None = column()
    p_line: str | None = column()
    files: Page["FileNode"] = files_of()
    recordings: list["RecordingNode"] = many(
        "Recording",
        "{t}.id in (select j.recording_id from video_recording j where j.video_id = {p}.id)",
        "(select min(j.position) from video_recording j "
        "where j.video_id = {p}.id and j.recording_id = {t}.id)",
    )


@graph_type(of=tables.Credit, scope=READ, plural="credits", label="name", orders=orders("name"))
class CreditNode(ContentFields):
    """Who did what on an entity: a contributor, a role, the instruments."""

    name: str = column()
    role: str = column()
    instruments: list[str] = column()
    position: int = column()
    artist: "ArtistNode | None" = one("Artist", "artist_id")
