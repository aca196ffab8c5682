"""The gateway in a container: render the configuration from the environment, then replace this process by nginx.

So nginx is the process that the container engine signals; SIGQUIT stops it gracefully.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gateway import nginx, render
from gateway.limits import Limits
from gateway.settings import PREFIX, InvalidSetting, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path("/run/gateway")
DEFAULTS = {
    "GATEWAY_LISTEN": "0.0.0.0:8080",
    "GATEWAY_STATUS_LISTEN": "127.0.0.1:8090",
    "GATEWAY_AUTH_UPSTREAM": "auth-service:8081",
    "GATEWAY_TODO_UPSTREAM": "todo-service:8082",
    "GATEWAY_RESOLVER": "",  # "system": the container's own name server; "": names are resolved once, at start
    "GATEWAY_SHUTDOWN_TIMEOUT": "25s",
    "GATEWAY_SUBJECT_LIMITS": "off",  # "on": calls to the API are limited per subject of a verified token
    "GATEWAY_TLS_FOLDER": "",  # folder with gateway.crt and gateway.key; if set, the gateway speaks TLS
}


def parse(environ: Mapping[str, str]) -> render.Gateway:
    """The gateway configured by the environment.

    Raises:
        InvalidSetting: a value is missing or invalid, or a GATEWAY_ name is unknown.
    """
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value}
    own = {name: given.pop(name, default) for name, default in DEFAULTS.items()}
    for name, value in own.items():
        if re.search(r"[^A-Za-z0-9.:,_/\[\]-]", value):
            raise InvalidSetting(f"{name}: {value!r} has characters that no address or folder of the gateway has")
    if own["GATEWAY_SUBJECT_LIMITS"] not in ("on", "off"):
        raise InvalidSetting("GATEWAY_SUBJECT_LIMITS must be on or off")
    if not environ.get("ISSUER"):
        raise InvalidSetting("ISSUER is required: the public origin, such as https://id.example.com")
    return render.Gateway(
        issuer=environ["ISSUER"],
        listen=listed(own["GATEWAY_LISTEN"]),
        auth_upstream=own["GATEWAY_AUTH_UPSTREAM"],
        todo_upstream=own["GATEWAY_TODO_UPSTREAM"],
        limits=Limits.parse(given),
        trusted_origins=listed(environ.get("AUTH_TRUSTED_ORIGINS", "")),
        trusted_proxies=listed(given.get("GATEWAY_TRUSTED_PROXIES", "")),
        open_files=nginx.open_files(),
        shutdown_timeout=own["GATEWAY_SHUTDOWN_TIMEOUT"],
        resolver=name_server() if own["GATEWAY_RESOLVER"] == "system" else own["GATEWAY_RESOLVER"] or None,
        status_listen=own["GATEWAY_STATUS_LISTEN"],
        tls=bool(own["GATEWAY_TLS_FOLDER"]),
        js_module=nginx.JS_MODULE if own["GATEWAY_SUBJECT_LIMITS"] == "on" else None,
    )


def name_server(resolv_conf: Path = Path("/etc/resolv.conf")) -> str:
    found = re.search(r"^nameserver\s+(\S+)", resolv_conf.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise InvalidSetting(f"GATEWAY_RESOLVER: {resolv_conf} has no line `nameserver`")
    return f"[{found[1]}]" if ":" in found[1] else found[1]


def main() -> NoReturn:
    program = nginx.find() or "nginx"
    try:
        gateway = parse(os.environ)
        render.write(replace(gateway, nginx_version=nginx.version(program)), FOLDER)
    except InvalidSetting as error:
        sys.exit(f"gateway: {error}")
    link = FOLDER / "tls"
    link.unlink(missing_ok=True)
    if gateway.tls:
        link.symlink_to(os.environ["GATEWAY_TLS_FOLDER"])
    command = nginx.command(program, FOLDER)
    os.execv(command[0], command)  # noqa: S606 - there is no shell to escape


if __name__ == "__main__":
    main()
