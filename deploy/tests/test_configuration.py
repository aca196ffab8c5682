"""deploy/configuration/: what auth-service is given at each start."""

import re
from pathlib import Path

from deploy.local import provisioning


def test_the_files_that_are_applied_at_each_start_are_complete() -> None:
    """Every placeholder has a value, and without todo-service as a client its file is left out."""
    arguments = provisioning.apply("client_1", "http://127.0.0.1:1/internal/events", "/secret")
    given = {each.partition("=")[2].partition("=")[0] for each in arguments if each.startswith("--set=")}
    texts = [Path(each).read_text(encoding="utf-8") for each in arguments if each.endswith(".yaml")]
    assert set(re.findall(r"\$\{(\w+)\}", "".join(texts))) == {*given, "ISSUER"}
    assert [Path(each).name for each in provisioning.apply()] == ["apply", "todos.yaml"]
