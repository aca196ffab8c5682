"""Traces: a span a request, under the caller's traceparent, sent where OTEL_EXPORTER_OTLP_ENDPOINT says.

FastAPI makes the spans. Without that variable there are none, nothing of OpenTelemetry's SDK is imported, and a request
costs no more. What a span may say is in exported_spans.py.
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
LAST_SENDING = 5  # seconds


def wants_traces(environment: Mapping[str, str]) -> bool:
    """By OpenTelemetry's own names (its specification, "Environment Variable Specification")."""
    is_off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not is_off and any(environment.get(name) for name in ENDPOINTS)


def describe(provider: TracerProvider | None) -> TelemetryConfig:
    """Metrics are counted by hand (counts.py), logs are ours, and spans of a request's parts would double its cost."""
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
    """At the end of a process, which a collector that is silent must not put off: each batch would wait for it.

    `force_flush` takes a deadline, and does not keep to it.
    """
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(provider.force_flush), LAST_SENDING)


def _is_untraced(scope: MutableMapping[str, Any]) -> bool:
    return scope["path"] in UNTRACED
