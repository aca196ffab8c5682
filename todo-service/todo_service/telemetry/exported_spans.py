"""What leaves in a span: what is on a list, and nothing else.

FastAPI's spans hold the query, the path and the host as they came: cursors, names, ids of todos and people. A list of
what to take out would be too short one day; one of what may stay is at worst too short for somebody who reads traces.
Imported only where traces are wanted: it brings many megabytes with it.
"""

import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, Status

KEPT = frozenset(
    {
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "network.protocol.version",
        "url.scheme",
    }
)
EXPORT_TIMEOUT = 5.0  # seconds, for a batch


class CleanExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([clean(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()


def make_provider(service_name: str) -> TracerProvider:
    """OTEL_* variables set the rest: the endpoint, its headers and certificate, the sampler, the resource."""
    # Of headers that it cannot read it would warn with all that is in them, which is what opens the collector.
    logging.getLogger("opentelemetry.util.re").setLevel(logging.ERROR)
    provider = TracerProvider(resource=Resource.create({"service.name": service_name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(CleanExporter(OTLPSpanExporter(timeout=EXPORT_TIMEOUT))))
    return provider


def clean(span: ReadableSpan) -> ReadableSpan:
    """The same span with what may leave: no events, links or description, and no tracestate, which a caller chose."""
    return ReadableSpan(
        name=span.name,
        context=_without_state(span.context),
        parent=_without_state(span.parent),
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in KEPT},
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_state(context: SpanContext | None) -> SpanContext | None:
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
