"""Export of spans, reduced to a list of allowed attributes.

FastAPI's spans hold the query, path and host of the request, and with them codes, tokens, cursors and names. A list
of attributes to remove could become incomplete and leak them; a list of allowed ones can only omit something useful.

This module is imported only if tracing is on, because it takes many megabytes.
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
EXPORT_TIMEOUT = 5.0  # seconds, for one batch


class CleanExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([clean(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()


def make_provider(service_name: str) -> TracerProvider:
    """A provider that exports cleaned spans. OTEL_* variables set endpoint, headers, certificate, sampler, resource."""
    # It would log the whole text of malformed OTEL headers, which holds the collector's credentials.
    logging.getLogger("opentelemetry.util.re").setLevel(logging.ERROR)
    provider = TracerProvider(resource=Resource.create({"service.name": service_name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(CleanExporter(OTLPSpanExporter(timeout=EXPORT_TIMEOUT))))
    return provider


def clean(span: ReadableSpan) -> ReadableSpan:
    """The span with allowed attributes only: no events, links or description, and no tracestate, chosen by callers."""
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
