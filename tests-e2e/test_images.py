"""The promises about the images, checked from outside and offline; no service is started.

Without a container engine these tests are skipped with that reason.
"""

import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.composed import BUILT, Composed, docker
from e2e_fixtures.waiting import wait_until

MEGABYTE = 1_000_000
LARGEST = {"auth-service": 223}  # MB: Authlib and joserfc, the OpenID Connect client, are two of them; others have 220
KEEPS_SECRETS = re.compile(
    r"(^|/)(\.env|\.netrc|\.npmrc|\.pypirc|pip\.conf|\.git-credentials|id_[a-z0-9]+|[^/]+\.key)$"
)
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")
SHELLS = re.compile(r"(^|/)(sh|bash|dash)$")


@pytest.mark.parametrize("name", BUILT)
class TestImages:
    def test_is_small(self, built: Composed, name: str) -> None:
        assert _described(built, name)["Size"] <= LARGEST.get(name, 220) * MEGABYTE

    def test_runs_as_nobody_and_without_a_shell(self, built: Composed, name: str) -> None:
        config = _described(built, name)["Config"]
        assert config["User"] == "10001:10001"
        for command in (config["Entrypoint"], config["Healthcheck"]["Test"][1:]):
            assert not SHELLS.search(command[0])
        assert config["Healthcheck"]["Test"][0] == "CMD"
        assert config["StopSignal"] == ("SIGQUIT" if name == "gateway" else "SIGTERM")

    def test_says_what_it_is(self, built: Composed, name: str) -> None:
        labels = _described(built, name)["Config"]["Labels"]
        wanted = ("title", "description", "licenses", "version", "revision", "created", "source")
        assert [each for each in wanted if not labels.get(f"org.opencontainers.image.{each}")] == []

    def test_holds_nothing_that_installs_or_builds_or_gains_rights(self, built: Composed, name: str) -> None:
        script = (
            "import os, shutil, stat;"
            "files = (os.path.join(d, f) for t in os.listdir('/') if t not in ('proc', 'sys', 'dev')"
            " for d, _, fs in os.walk('/' + t) for f in fs);"
            "print([f for f in files if os.lstat(f).st_mode & (stat.S_ISUID | stat.S_ISGID)],"
            " [n for n in ('pip', 'pip3', 'apt', 'apt-get', 'dpkg', 'gcc', 'cc', 'make', 'perl', 'npm', 'curl')"
            " if shutil.which(n)])"
        )
        found = docker("run", "--rm", "--network=none", "--entrypoint=python3", built.image(name), "-c", script)
        assert found.strip() == "[] []"

    def test_no_layer_tells_where_packages_came_from(self, built: Composed, name: str) -> None:
        """A build argument may hold the password of a proxy or a package index."""
        history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", built.image(name))
        environ = _described(built, name)["Config"]["Env"]
        assert not re.search(r"PIP_INDEX|APT_|PROXY|https?://(?!127|localhost)", history + str(environ), re.IGNORECASE)

    def test_no_layer_holds_a_secret(self, built: Composed, name: str) -> None:
        """All layers are searched, so a file that a later layer deletes is found too."""
        assert list(_suspicious(built.image(name))) == []

    def test_whoever_runs_in_it_can_change_nothing(self, built: Composed, name: str) -> None:
        script = "import os; print([d for d in ('/', '/opt', '/usr', '/etc') if os.access(d, os.W_OK)])"
        found = docker("run", "--rm", "--network=none", "--entrypoint=python3", built.image(name), "-c", script)
        assert found.strip() == "[]"


def _described(built: Composed, name: str) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(docker("image", "inspect", built.image(name)))[0]
    return described


def _suspicious(image: str) -> Iterator[str]:
    """Files of an image that hold a private key, or that programs use for passwords."""
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        assert saving.stdout
        with tarfile.open(fileobj=saving.stdout, mode="r|") as saved:
            for part in saved:
                if (content := saved.extractfile(part)) is None:
                    continue
                with suppress(tarfile.ReadError), tarfile.open(fileobj=content, mode="r|*") as layer:
                    yield from (file.name for file in layer if _is_suspicious(layer, file))
    assert saving.returncode == 0


def _is_suspicious(layer: tarfile.TarFile, file: tarfile.TarInfo) -> bool:
    content = layer.extractfile(file) if file.isreg() else None
    return bool(KEEPS_SECRETS.search(file.name) or (content and PRIVATE_KEY.search(content.read())))


def test_the_sidecar_is_smaller_still_and_starts(built: Composed) -> None:
    """atjwt's image has Python's library, three packages and what they link to."""
    tag = f"{built.project}/atjwt:unreleased"
    options = ("--quiet", "--build-arg=PIP_INDEX_URL", "--build-arg=PIP_TRUSTED_HOST", f"--tag={tag}")
    docker("build", *options, str(ROOT / "todo-service/verifier/python"))
    settings = ("--env=ATJWT_ISSUER=https://id.example.com", "--env=ATJWT_AUDIENCE=https://api.example.com")
    container = docker("run", "--detach", "--read-only", *settings, tag).strip()
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9400/livez', timeout=5).status)"
    try:
        assert json.loads(docker("image", "inspect", tag))[0]["Size"] <= 90 * MEGABYTE
        wait_until(lambda: answer(container, ask) == "200")
        listed = "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 50)"
        assert answer(container, listed) == "True", "the authorities of the web"
    finally:
        docker("rm", "--force", container)
        docker("image", "rm", "--force", tag)


def answer(container: str, script: str) -> str | None:
    with suppress(AssertionError):
        return docker("exec", container, "/python", "-I", "-c", script).strip()
    return None
