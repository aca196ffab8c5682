"""Telemetry: what operators see of this process.

    logs.py              JSON lines; `audit` for what matters to an account
    access_log.py        one line and one count per request, and the request's id (an ASGI middleware)
    client_address.py    one form for each client address (an ASGI middleware)
    counts.py            `RequestCounts`: requests, sign-ins, tokens, refusals
    metrics.py           `Metric`, `Durations`, `render`: Prometheus's text format
    shared_metrics.py    `SharedMetrics`: one /metrics for several serving processes
    process_metrics.py   memory, processor time and database connections of this process
    private_port.py      the inner port for probes and /metrics
    tracing.py           one span per request, if OTEL_EXPORTER_OTLP_ENDPOINT is set
    exported_spans.py    the list of what a span may say

A request passes `AccessLog` first: it takes the gateway's request id or draws one, and on the way out writes the line
and counts. Endpoints count what they did (`parts.counts`) and call `audit`. Prometheus asks the private port, and
serving/exposition.py renders all of it.

No query, body, cookie, token, password or e-mail address is ever logged, and no exception's text. Labels have values
from this code only. Any room above may import `audit` and `RequestCounts`; the rest is for serving/, worker/, app.py
and the commands.
"""
