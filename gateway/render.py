"""Render the gateway's nginx configuration from the templates beside this file.

Standard library only, because run.py calls it before any package is installed. A template has no syntax but `${NAME}`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.limits import Limits
from gateway.paths import ANY_PAGE
from gateway.settings import InvalidSetting, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEMPLATES = Path(__file__).parent
HTTP2_IS_A_DIRECTIVE = (1, 25, 1)
GROUPS_RESOLVE = (1, 27, 3)  # names of an upstream group again and again; before, only nginx's commercial version does
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")  # all mean this machine

KEY_SET = "/.well-known/jwks.json"
SUBJECT = """js_path ".";
js_import subject from subject.js;
js_preload_object gateway from subject.json;
js_shared_dict_zone zone=issuer_keys:64k;
js_fetch_timeout 2s;
js_set $subject subject.verified;
js_set $subject_hash subject.hashed;"""
NO_SUBJECT = """map "" $subject { default ""; }
map "" $subject_hash { default ""; }"""
# Shows a button on an error page of a form. nginx reads the text in single quotes.
PAGE_SCRIPT = "const back = document.getElementById(`back`); back.hidden = false; back.onclick = () => history.back();"
# The second location may log: its messages are not about a request, so nginx adds no request line to them.
KEY_SET_LOCATION = """location @issuer_keys { js_periodic subject.refresh interval=1s; }
    location @issuer_keys_told { error_log stderr warn; js_periodic subject.tell interval=1s; }"""


@dataclass(frozen=True)
class Gateway:
    """The values that one nginx is configured with: its addresses, the issuer, the services, limits and timeouts."""

    issuer: str
    listen: Sequence[str]  # addresses with a port: 127.0.0.1:8080, [::1]:8080
    auth_upstream: str  # host:port, or several separated by commas
    todo_upstream: str
    limits: Limits | None = field(default_factory=Limits)  # None: no limits
    trusted_origins: Sequence[str] = ()  # may read errors below /api/auth; patterns as in AUTH_TRUSTED_ORIGINS
    worker_user: str | None = None  # user and group of the workers, if root starts nginx
    access_log: str = "/dev/stdout"
    upstream_timeout: str = "30s"
    tls: bool = False  # with tls/gateway.crt and .key beside nginx.conf
    nginx_version: Sequence[int] = ()  # empty: unknown, treated as an old one
    open_files: int = 16384  # per worker; not above the process's hard limit
    shutdown_timeout: str = "5s"  # time for open requests, at a stop and at a reload
    trusted_proxies: Sequence[str] = ()  # networks from which X-Forwarded-For is believed
    resolver: str | None = None  # name server; if set, the upstreams' names are resolved every second
    status_listen: str | None = None  # address of nginx's own counters
    js_module: str | None = None  # path of njs; if set, calls to the API are limited per subject

    def values(self) -> dict[str, str]:
        issuer = urlsplit(self.issuer)
        limits = self.limits or Limits()
        return {
            "LOAD_MODULES": f"load_module {self.js_module};" if self.js_module else "",
            "WORKER_USER": f"user {self.worker_user};" if self.worker_user else "",
            "ACCESS_LOG": self.access_log,
            "LISTEN": "\n".join(f"        {line}" for line in self.listening()),
            "KNOWN_HOSTS": "\n".join(f'        "{_without_port(host)}|{host}"  0;' for host in self.known_hosts()),
            "ALIASES": "\n".join(
                f'        "{host}|{method}|_page"  1;' for host in self.aliases() for method in ("GET", "HEAD")
            ),
            "ISSUER": json.dumps(self.issuer),
            "KEY_SETS": json.dumps([f"http://{each}{KEY_SET}" for each in listed(self.auth_upstream)]),
            "SUBJECT": SUBJECT if self.js_module else NO_SUBJECT,
            "KEY_SET_LOCATION": KEY_SET_LOCATION if self.js_module else "",
            "PAGES": ANY_PAGE,
            "ISSUER_HOST": issuer.netloc,
            "ISSUER_ORIGIN": self.issuer,
            **page_values(),
            "ISSUER_SCHEME": issuer.scheme,
            "HSTS": "max-age=31536000" if issuer.scheme == "https" and _is_public(issuer.hostname or "") else "",
            "TRUSTED_ORIGINS": "\n".join(f'    "{_origin_test(each)}"  $http_origin;' for each in self.trusted_origins),
            "AUTH": self.auth_upstream if self.goes_by_name() else "auth",
            "TODO": self.todo_upstream if self.goes_by_name() else "todo",
            "AUTH_SERVERS": self.servers("auth", self.auth_upstream),
            "TODO_SERVERS": self.servers("todo", self.todo_upstream),
            "RESOLVER": f"resolver {self.resolver} valid=1s;\nresolver_timeout 2s;" if self.resolver else "",
            "TRUSTED_PROXIES": "\n".join(f"set_real_ip_from {_network(each)};" for each in self.trusted_proxies),
            "SHUTDOWN_TIMEOUT": self.shutdown_timeout,
            "STATUS_SERVER": self.status_server(),
            "UPSTREAM_TIMEOUT": self.upstream_timeout,
            "OPEN_FILES": str(self.open_files),
            "CONNECTIONS": str(min(8192, self.open_files * 3 // 4)),  # the rest: bodies, cached documents
            "LIMITS": self.limits.render() if self.limits else "",
            "STREAM_LIMITS": self.limits.render_streams() if self.limits else "",
            **limits.values(),
        }

    def listening(self) -> list[str]:
        """The `listen` lines. nginx 1.25.1 and newer have a directive `http2`, and warn about the parameter."""
        if not self.tls:
            return [f"listen {address};" for address in self.listen]
        if tuple(self.nginx_version) >= HTTP2_IS_A_DIRECTIVE:
            return [*(f"listen {address} ssl;" for address in self.listen), "http2 on;", "include tls.conf;"]
        return [*(f"listen {address} ssl http2;" for address in self.listen), "include tls.conf;"]

    def goes_by_name(self) -> bool:
        """Whether requests go to a name that is resolved again, and not to a group, which keeps connections open."""
        return self.resolver is not None and tuple(self.nginx_version) < GROUPS_RESOLVE

    def servers(self, name: str, upstream: str) -> str:
        """The servers of an upstream group. If it is unused, nginx requires a server all the same."""
        known = ["127.0.0.1:9"] if self.goes_by_name() else upstream.split(",")
        resolve = " resolve" if self.resolver and not self.goes_by_name() else ""
        lines = [f"server {each.strip()}{resolve} max_fails=2 fail_timeout=5s;" for each in known]
        if resolve:
            lines.insert(0, f"zone upstream_{name} 64k;")  # the workers share what was resolved
        return "\n".join(f"    {line}" for line in lines)

    def status_server(self) -> str:
        if self.status_listen is None:
            return ""
        return f"""
    server {{  # for monitoring nginx itself; not reachable from outside
        listen {self.status_listen};
        access_log off;
        location = /nginx_status {{
            allow 127.0.0.1;
            allow ::1;
            deny all;
            default_type text/plain;
            stub_status;
        }}
    }}"""

    def aliases(self) -> list[str]:
        """The issuer's other names, if it is this computer: with its port, as a browser would send them."""
        issuer = urlsplit(self.issuer).netloc
        name = _without_port(issuer)
        return [each + issuer.removeprefix(name) for each in LOOPBACK if name in LOOPBACK and each != name]

    def known_hosts(self) -> list[str]:
        """The values of Host that are accepted: the issuer's, and the names of the listening addresses."""
        here = {"localhost:" + address.rpartition(":")[2] for address in self.listen} | set(self.listen)
        hosts = {urlsplit(self.issuer).netloc, *self.aliases(), *here}
        return sorted(hosts | {host.removesuffix(":443" if self.tls else ":80") for host in hosts})


def page_values() -> dict[str, str]:
    """The style and script of error pages, each with the hash by which the page's policy allows it (CSP Level 3)."""
    style = re.sub(r"\s+", " ", (TEMPLATES / "page.css").read_text(encoding="utf-8")).strip()
    allowed = {"PAGE_STYLE": style, "PAGE_SCRIPT": PAGE_SCRIPT}
    hashes = {f"{name}_HASH": f"sha256-{_base64_sha256(text)}" for name, text in allowed.items()}
    return {**allowed, **hashes}


def _base64_sha256(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _is_public(host: str) -> bool:
    """Whether Strict-Transport-Security may be sent for this host (RFC 6797).

    It applies to every port of a host. On `localhost` it would break a developer's other servers.
    """
    return host != "localhost" and not host.endswith(".localhost") and not re.fullmatch(r"[0-9.]+|.*:.*", host)


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]+$", "", host)


def _network(network: str) -> str:
    """The network as nginx compares it: an address of IPv4 as such, even if it is written as one of IPv6."""
    try:
        parsed = ip_network(network)
    except ValueError as error:
        raise InvalidSetting(f"GATEWAY_TRUSTED_PROXIES: {error}") from error
    mapped = parsed.network_address.ipv4_mapped if isinstance(parsed, IPv6Network) and parsed.prefixlen >= 96 else None
    return f"{mapped}/{parsed.prefixlen - 96}" if mapped else str(parsed)


def _origin_test(pattern: str) -> str:
    """The regular expression, for an nginx map, of an entry in AUTH_TRUSTED_ORIGINS.

    As in Better Auth, `*` and `?` match any characters except a slash, and the scheme is optional.
    """
    if re.search(r"[^A-Za-z0-9.:/*?\[\]-]", pattern):
        raise InvalidSetting(f"AUTH_TRUSTED_ORIGINS: {pattern!r} is not an origin such as https://app.example.com")
    scheme, separator, host = pattern.rstrip("/").rpartition("://")
    wild = re.escape(host).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return f"~*^{re.escape(scheme) if separator else 'https?'}://{wild}$"


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in a template.

    Raises:
        KeyError: a name has no value.
    """
    return re.sub(r"\$\{([A-Z_]+)\}", lambda name: values[name[1]], template)


def write(gateway: Gateway, folder: Path) -> Path:
    """Render all templates into `folder`. Returns the path of nginx.conf."""
    values = gateway.values()
    for template in TEMPLATES.glob("*.template"):
        rendered = render(template.read_text(encoding="utf-8"), values)
        (folder / template.name.removesuffix(".template")).write_text(rendered, encoding="utf-8")
    shutil.copyfile(TEMPLATES / "subject.js", folder / "subject.js")
    return folder / "nginx.conf"
