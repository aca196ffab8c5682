"""Telemetry: what operators see of this process.

    logs.py              JSON lines
    access_log.py        `AccessLog`: the request's id, one line and one count per request (an ASGI middleware)
    client_address.py    one form for each client address (an ASGI middleware)
    counts.py            `RequestCounts`: requests and refusals since the start
    metrics.py           `Metric`, `Durations`, `render`: Prometheus's text format
    shared_metrics.py    `SharedMetrics`: one /metrics for several serving processes
    process_metrics.py   memory, processor time and database connections of this process
    exposition.py        /metrics, on a port of its own
    tracing.py           one span per request, if OTEL_EXPORTER_OTLP_ENDPOINT is set
    exported_spans.py    the list of what a span may say

A request passes `AccessLog` first. It keeps the gateway's request id or draws a new one. When the response begins, it
adds the header fields that every response has; at the end it writes the line and counts. Prometheus reads
exposition.py on the inner port.

No query, body, header or token is ever logged. Label values come from this code only. app.py, assembly.py, http/ and
the commands import this room.
"""
