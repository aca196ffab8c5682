"""Traces: one span per request, under the caller's traceparent, sent to OTEL_EXPORTER_OTLP_ENDPOINT.

FastAPI makes the spans. Without that variable there are no spans, OpenTelemetry's SDK is not imported, and requests
cost no more. exported_spans.py lists the attributes that a span may hold.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import TracerProvider

if TYPE_CHECKING:
    from opentelemetry.sdk import trace as sdk

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
UNTRACED = ("/livez", "/readyz")
LAST_SENDING = 5  # seconds for the export at shutdown


class TracingUnavailable(Exception):
    """Tracing is configured, but its packages are not installed."""


def wants_traces(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's standard variables turn tracing on ("Environment Variable Specification")."""
    is_off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not is_off and any(environment.get(name) for name in ENDPOINTS)


def describe(provider: TracerProvider | None) -> TelemetryConfig:
    """FastAPI's options: one span per request, since inner spans would double its cost. Metrics and logs are ours."""
    return {
        "tracing": provider is not None,
        "tracer_provider": provider,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": _is_untraced,
    }


async def send_the_rest(provider: "sdk.TracerProvider") -> None:
    """Export the remaining spans at shutdown, for at most LAST_SENDING: a silent collector must not delay it.

    `force_flush` accepts a deadline but does not obey it.
    """
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(provider.force_flush), LAST_SENDING)


def _is_untraced(scope: MutableMapping[str, Any]) -> bool:
    return scope["path"] in UNTRACED
