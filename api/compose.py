"""Makes adapters for the command line, so that its verbs need not know them.

What is slow to load is loaded by the function that needs it: every verb passes through here.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import asyncpg

from api.settings import Settings, is_loopback
from domain.adapters.blobs import LocalBlobs
from domain.adapters.postgres import Connection, Pool, open_pool
from domain.links import Links
from domain.ports import Blobs, FolderBlobs

if TYPE_CHECKING:
    from domain.access.viewer import Viewer
    from domain.adapters.audio.enriching import Analysing
    from domain.adapters.audio.weights import Weights
    from domain.adapters.ern.reader import ErnReader
    from domain.adapters.s3_client import Bucket
    from domain.adapters.schemas import SchemaStore
    from domain.audio.analysis import Analysis, NotAnalysed
    from domain.claims import Draft
    from domain.files.verdict import Inspect
    from domain.models.ports import Models
    from domain.notices.outlets import Outlets


def schema_store(state_folder: Path) -> "SchemaStore":
    """The XSDs installed in the state folder."""
    from domain.adapters.schemas import SchemaStore

    return SchemaStore(state_folder / "schemas")


def tagger_weights(settings: Settings) -> "Weights":
    """The weights of the embedded taggers, installed or not."""
    from domain.adapters.audio.weights import Weights

    return Weights(settings.weights)


def ern_reader(state_folder: Path) -> "ErnReader":
    """The reader of ERN deliveries, judging by the installed XSDs."""
    from domain.adapters.ern.reader import ErnReader

    return ErnReader(schema_store(state_folder))


def file_inspector() -> "Inspect":
    """What tells what a file is by its content."""
    from domain.adapters.inspecting import inspect

    return inspect


def analysing(settings: Settings) -> "Analysing | None":
    """What analyses sound for jobs, as the settings have it; None where nothing is installed that decodes."""
    from domain.adapters.audio.enriching import Analysing, can_analyse

    if not can_analyse():
        return None
    return Analysing(
        sample_rate_hz=settings.audio_sample_rate,
        threshold=settings.bpm_confidence_threshold,
        weights=settings.weights,
        gpu=settings.enable_gpu,
    )


@contextmanager
def sound_analyser(settings: Settings, at_once: int) -> "Iterator[Callable[[Path], Analysis | NotAnalysed]]":
    """What analyses a file of sound, in processes of its own; may be called from several threads."""
    from domain.adapters.audio.orders import Settings as AudioSettings
    from domain.adapters.audio.pool import Pool

    audio = AudioSettings(
        sample_rate_hz=settings.audio_sample_rate,
        bpm_confidence_threshold=settings.bpm_confidence_threshold,
        weights=str(settings.weights),
        gpu=settings.enable_gpu,
    )
    with Pool(at_once, settings=audio) as pool:
        yield pool.analyse


def blob_store(settings: Settings) -> Blobs:
    """The blob store: the bucket where one is named, else a folder of state, served by the front door."""
    if settings.s3_bucket:
        from domain.adapters.s3_client import Bucket

        return _bucket(
            Bucket(
                settings.s3_bucket,
                settings.s3_endpoint,
                settings.s3_region,
                settings.s3_prefix,
                settings.outside_timeout_ms / 1000,
                settings.outside_rest_ms / 1000,
            )
        )
    return LocalBlobs(settings.state_folder / "blobs", blob_links(settings))


@cache
def _bucket(bucket: "Bucket") -> Blobs:
    """One store for all of a process: what one caller learns of it (that it is away), all know."""
    from domain.adapters.s3 import S3Blobs

    return S3Blobs(bucket)


def blob_folder(settings: Settings) -> FolderBlobs | None:
    """The folder whose blobs the front door serves itself; None where a bucket does."""
    store = blob_store(settings)
    return store if isinstance(store, LocalBlobs) else None


def blob_links(settings: Settings) -> Links:
    """What signs and judges the addresses of blobs that the front door serves."""
    return _links(settings, "blob links")


@contextmanager
def collected(settings: Settings) -> Iterator[None]:
    """Traces, for as long as the block lasts, where a collector is set; nothing is loaded where none is."""
    if not settings.otel_exporter_otlp_endpoint:
        yield
        return
    from domain import tracing
    from domain.adapters.otlp import Collector, OtlpTracer

    headers = settings.otel_exporter_otlp_headers.get_secret_value()
    pairs = (pair.partition("=") for pair in headers.split(",") if "=" in pair)
    tracer = OtlpTracer(
        Collector(
            settings.otel_exporter_otlp_endpoint,
            settings.otel_service_name,
            {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs},
            settings.otel_traces_sampler,
            settings.otel_traces_sampler_arg,
        )
    )
    tracing.install(tracer)
    try:
        yield
    finally:
        tracing.remove(tracer)
        tracer.close()


def notice_outlets(settings: Settings) -> "Outlets":
    """What notices are sent by: the mail server that is set, if any, and posts to webhooks."""
    from api.keys import ensure_secret
    from api.sealing import AnswerSealer
    from domain.adapters.mail import SmtpMailer, SmtpServer
    from domain.adapters.webhooks import WebhookPoster
    from domain.notices.outlets import Outlets

    mailer = None
    if settings.smtp_host:
        mailer = SmtpMailer(
            SmtpServer(
                settings.smtp_host,
                settings.smtp_from,
                settings.smtp_port,
                settings.smtp_security,
                settings.smtp_user,
                settings.smtp_password.get_secret_value(),
            )
        )
    sealer = AnswerSealer(ensure_secret(settings.state_folder / "keys"))
    return Outlets(mailer, WebhookPoster(private=settings.webhooks_private), sealer)


def language_models(settings: Settings) -> "Models":
    """The models that may be asked about audio: those with an address or a key, and none without."""
    from domain.adapters.models.chat import Chat
    from domain.adapters.models.cutting import windows_of
    from domain.adapters.models.openai import OpenAI
    from domain.adapters.models.qwen import Qwen
    from domain.models.ports import AudioModel, Configured, Models

    timeout_s, rest_s = settings.model_timeout_ms / 1000, settings.outside_rest_ms / 1000
    providers: dict[str, AudioModel] = {}
    configured = []
    if settings.qwen_url:
        key = settings.qwen_key.get_secret_value()
        chat = Chat("Qwen2-Audio", settings.qwen_url, key, timeout_s=timeout_s, rest_s=rest_s)
        inside = settings.qwen_inside or is_loopback(settings.qwen_url)
        providers["qwen"] = Qwen(chat, inside=inside)
        configured.append(Configured("qwen", settings.qwen_model))
    if key := settings.openai_api_key.get_secret_value():
        chat = Chat("OpenAI", settings.openai_url, key, timeout_s=timeout_s, rest_s=rest_s)
        providers["openai"] = OpenAI(chat, inside=is_loopback(settings.openai_url))
        configured.append(Configured("openai", settings.openai_model))
    return Models(providers, tuple(configured), settings.model_policy, windows_of if providers else None)


def file_links(settings: Settings) -> Links:
    """What signs and judges the addresses of files, wherever their bytes lie."""
    return _links(settings, "file links")


def _links(settings: Settings, purpose: str) -> Links:
    from api.keys import ensure_secret, purpose_secret

    secret = ensure_secret(settings.state_folder / "keys")
    return Links(settings.issuer, purpose_secret(secret, purpose))


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Connection]:
    """One database connection as the role of the URL, for what is asked once."""
    connection: Connection = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def work_pool(settings: Settings) -> AsyncIterator[Pool]:
    """A small pool to write with, for what runs once and ends."""
    pool = await open_pool(settings.database_url, max_size=2, statement_timeout_ms=600_000)
    try:
        yield pool
    finally:
        pool.terminate()


async def load_made_up(
    pool: Pool, viewer: "Viewer", drafts: "Sequence[Draft]", seed: int, change_set_id: uuid.UUID
) -> "list[Draft]":
    """Load made-up things, whole or not at all; gives those that were new."""
    from domain.adapters.load import Source, load_new

    source = Source("demo", str(seed))
    return await load_new(
        pool, viewer, drafts, source, change_set_id=change_set_id, command="demo", door="cli"
    )
