"""Spans by OpenTelemetry, sent by OTLP over HTTP from a thread of their own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from domain.tracing import Kind, Span

SAMPLERS = ("always_on", "always_off", "traceidratio")
_PATH = "/v1/traces"
_PATIENCE_S = 5.0
_KINDS = {
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
}
_CARRY = TraceContextTextMapPropagator()


@dataclass(frozen=True)
class Collector:
    """Where spans go. endpoint: the base address, to which the path is added; headers as `name=value,…`."""

    endpoint: str
    service: str = "catalograph"
    headers: dict[str, str] = field(default_factory=dict)
    sampler: str = "parentbased_always_on"
    share: float = 1.0


class OtlpTracer:
    """Collects spans and sends them in batches; a collector that is away costs spans, and nothing else."""

    def __init__(self, collector: Collector) -> None:
        exporter = OTLPSpanExporter(
            collector.endpoint.rstrip("/") + _PATH, headers=collector.headers, timeout=_PATIENCE_S
        )
        # Made by hand: the default would add what the environment says about this machine and its users.
        resource = Resource({"service.name": collector.service})
        self._provider = TracerProvider(
            resource=resource, sampler=sampler_of(collector.sampler, collector.share), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
        self._tracer = self._provider.get_tracer("catalograph")

    def span(
        self, name: str, kind: Kind, parent: str | None, attributes: dict[str, str | int]
    ) -> AbstractContextManager[Span]:
        """A span for the length of the block."""
        context = _CARRY.extract({"traceparent": parent}, Context()) if parent else None
        return self._span(name, kind, context, {_dotted(key): value for key, value in attributes.items()})

    @contextmanager
    def _span(
        self, name: str, kind: Kind, context: Context | None, attributes: dict[str, str | int]
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes=attributes,
            # Its message may hold what somebody wrote; the type is enough to find it in the log.
            record_exception=False,
            set_status_on_exception=False,
        ) as inner:
            try:
                yield _Span(inner)
            except BaseException as error:
                inner.set_attribute("error.type", type(error).__name__)
                inner.set_status(StatusCode.ERROR)
                raise

    def traceparent(self) -> str | None:
        """The span around the caller."""
        carrier: dict[str, str] = {}
        _CARRY.inject(carrier)
        return carrier.get("traceparent")

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.force_flush(int(_PATIENCE_S * 1000))
        self._provider.shutdown()

    def flush(self) -> None:
        """Send what is there."""
        self._provider.force_flush(int(_PATIENCE_S * 1000))


class _Span:
    def __init__(self, inner: OtelSpan) -> None:
        self._inner = inner

    def name(self, text: str) -> None:
        self._inner.update_name(text)

    def note(self, attribute: str, value: str | int) -> None:
        self._inner.set_attribute(attribute, value)

    def fail(self) -> None:
        self._inner.set_status(StatusCode.ERROR)


def sampler_of(name: str, share: float) -> Sampler:
    """The sampler that OTEL_TRACES_SAMPLER names (OpenTelemetry, SDK environment variables)."""
    bare = name.removeprefix("parentbased_")
    if bare not in SAMPLERS:
        raise ValueError(f"{name!r} is no sampler; {', '.join(SAMPLERS)}, with parentbased_ before it or not")
    made: Sampler = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF}.get(bare) or TraceIdRatioBased(share)
    return ParentBased(made) if name != bare else made


def _dotted(name: str) -> str:
    """An attribute's name from a parameter's, which can hold no dots."""
    return name.replace("__", ".")
