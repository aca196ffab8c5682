"""Telemetry: what operators see of this process.

    logs.py              JSON lines
    access_log.py        `AccessLog`: the request's id, one line and one count per request (an ASGI middleware)
    counts.py            `RequestCounts`: what happened since the start
    metrics.py           `Metric`, `Durations`, `render`: Prometheus's text format
    process_metrics.py   memory, processor time and database connections of this process
    exposition.py        /metrics, on a port of its own
    tracing.py           one span per request, if OTEL_EXPORTER_OTLP_ENDPOINT is set
    exported_spans.py    the list of what a span may say

A request passes `AccessLog` first: it takes the gateway's request id or draws one, and on the way out writes the line,
counts, and adds the header fields that every answer has. Prometheus asks exposition.py on the inner port.

No query, body, header or token is ever logged. Labels have values from this code only. app.py, assembly.py, http/ and
the commands import this room.
"""
