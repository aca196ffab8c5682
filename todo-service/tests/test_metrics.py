"""/metrics, on the service's own port."""

import re

from todo_fixtures import issuer
from todo_fixtures.issuer import JwksEndpoint
from todo_fixtures.service import wait_until


def test_the_metrics_tell_how_the_key_set_is_doing(run_service, jwks: JwksEndpoint) -> None:  # type: ignore[no-untyped-def]  # a fixture
    """J14."""
    with run_service() as service:
        service.wait_until_ready()
        for kid in ("nobody", "nobody-else"):
            refused = service.client(issuer.token(headers={"kid": kid})).get("/api/v1/todos")
            assert refused.status_code == 401

        def read() -> dict[str, float]:
            response = service.client().get("/metrics")
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            lines = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", response.text, re.MULTILINE)
            return {name: float(value) for name, value in lines}

        wait_until(lambda: read()['jwks_fetches_total{result="unchanged"}'] >= 1)
        metrics = read()
        assert metrics["jwks_unknown_kid_total"] == 2
        assert metrics['jwks_forced_total{result="not_found"}'] == 1
        assert metrics['jwks_forced_total{result="refused"}'] == 1
        assert metrics['jwks_fetches_total{result="changed"}'] == 1
        assert metrics["jwks_keys"] == 1
        assert 0 <= metrics["jwks_stale_seconds"] < 60
        assert metrics["jwks_last_success_timestamp_seconds"] >= metrics["jwks_last_attempt_timestamp_seconds"] > 0
        [info] = [name for name in metrics if name.startswith("jwks_info")]
        jwks.keys = [issuer.jwk("second")]
        assert re.fullmatch(r'jwks_info\{hash="[0-9a-f]{16}"\}', info)
