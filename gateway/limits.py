"""The rate limits: a table of zones, and nginx's directives for them.

A new zone is one entry of ZONES. The settings, the limits.conf directives and the 429 responses come from the table;
tests require the zone's row in README.md and its two settings in compose.yaml.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.paths import ANY_PAGE
from gateway.settings import PREFIX, InvalidSetting, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Limit:
    """A rate in requests per second or minute, and a burst of requests that are accepted on top of it without delay."""

    rate: str  # as nginx writes it: 10r/m, 20r/s
    burst: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[1-9][0-9]{0,5}r/[sm]", self.rate) or self.burst < 0:
            raise InvalidSetting(
                f"{self.rate!r} with burst {self.burst} is not a limit; "
                "the rate must look like 10r/m or 20r/s, and the burst must be 0 or greater"
            )

    @property
    def retry_after(self) -> int:
        """Seconds until one more request is accepted.

        nginx counts in thousandths of a request per second and rounds down. So 10 a minute are 0.166 a second, and
        after 6 seconds (60 / 10) nginx would refuse once more.
        """
        number, unit = self.rate.split("r/")
        thousandths = int(number) * 1000 // (60 if unit == "m" else 1)
        return math.ceil(1000 / thousandths)

    def times(self, factor: int) -> tuple[str, int]:
        """Rate and burst for `factor` clients together."""
        number, unit = self.rate.split("r/")
        return f"{int(number) * factor}r/{unit}", (self.burst + 1) * factor - 1

    @property
    def policy(self) -> str:
        """Quota and window in seconds, as RateLimit-Policy has them (draft-ietf-httpapi-ratelimit-headers)."""
        number, unit = self.rate.split("r/")
        return f"q={number};w={60 if unit == 'm' else 1}"


# Networks of IPv6 that have counters, by the end of their variables' names, and how many times the limit they may send.
# "" is a /64, or an address of IPv4, which has no wider network.
WIDTHS = MappingProxyType({"": 1, "_56": 2, "_48": 4})
LARGE_BODIES = 96  # at once, each of up to 256 KiB in memory
LARGE_BODIES_OF_ONE = 8  # of one client
STREAMS_OF_ONE = 250  # of events: of one client, which may be an office; the service counts per subject

BODIES = (f"limit_conn large_bodies {LARGE_BODIES};", f"limit_conn large_bodies_of_one {LARGE_BODIES_OF_ONE};")


@dataclass(frozen=True)
class Counter:
    """One of nginx's zones: a counter for each value of `key`, which counts up to `factor` times the limit."""

    name: str
    variable: str
    key: str
    factor: int


@dataclass(frozen=True)
class Zone:
    """Requests that share one limit. Each client address (an IPv6 /64) has a counter of its own.

    An IPv6 /56 has a counter too, with twice the rate and burst, and a /48 one with four times as much.

    `requests` are regular expressions for "METHOD /path"; for each request the first one in the whole table that
    matches decides its zone. With `by_subject_instead_of` the zone takes the requests of another zone that carry a
    verified access token, and counts them per subject of that token.
    """

    name: str  # of nginx's zone; settings have it in upper case, RateLimit-Policy with hyphens
    limit: Limit  # the default
    requests: Sequence[str] = ()
    by_subject_instead_of: str = ""

    @property
    def rate_setting(self) -> str:
        return f"{PREFIX}{self.name.upper()}_RATE"

    @property
    def burst_setting(self) -> str:
        return f"{PREFIX}{self.name.upper()}_BURST"

    @property
    def public_name(self) -> str:
        return self.name.replace("_", "-")

    @property
    def counters(self) -> Sequence[Counter]:
        if self.by_subject_instead_of:
            return (Counter(self.name, f"{self.name}_key", "$subject", 1),)
        return tuple(
            Counter(self.name + width, f"{self.name}_key{width}", f"$client_network{width}", factor)
            for width, factor in WIDTHS.items()
        )


# limits.conf.template adds: a browser's preflight (OPTIONS) below /api/auth counts in `auth`; a cached document counts
# in `documents`, but in `auth` if it is requested with Authorization.
ZONES = (
    Zone(
        "sign_in",
        Limit("10r/m", 5),
        [
            "~ /api/auth/(sign-(in|up)|magic-link|(two-factor|passkey)/verify-[a-z-]+)(/|$)",
            "~^POST /(sign(in|up)|second-factor(-setup)?|reset-password|verify-email|account/change|passkeys|confirm)$",
            "~^POST /(device|personal-tokens|recovery)$",
        ],
    ),
    # Each of these computes a password hash, or sends a mail.
    Zone(
        "password",
        Limit("10r/m", 5),
        [
            "~ /api/auth/((change|verify|reset)-password|delete-user)(/|$)",
            "~ /api/auth/two-factor/(enable|disable|get-totp-uri|generate-backup-codes)(/|$)",
            "~ /api/auth/(request-password-reset|send-verification-email|change-email)(/|$)",
        ],
    ),
    Zone(
        "auth",
        Limit("20r/s", 40),
        ["~ /api/auth(/|$)", "~ /oauth/(authorize|logout|userinfo)$", f"~ /({ANY_PAGE})$"],
    ),
    Zone("register", Limit("10r/m", 10), ["~^POST /oauth/register$"]),
    Zone("token", Limit("10r/s", 20), ["~ /oauth/(token|introspect|revoke|par|device_authorization|register)(/|$)"]),
    Zone("documents", Limit("100r/s", 200)),
    Zone(
        "web",
        Limit("50r/s", 200),
        ["~ /(|sign-in|sign-up|settings|invitation|favicon\\.svg|service-worker\\.js)$", "~ /(assets|pages)/"],
    ),
    Zone("api", Limit("20r/s", 40), ["~ /(api/v1/|mcp$)"]),
    Zone("subject", Limit("20r/s", 40), by_subject_instead_of="api"),
)


@dataclass(frozen=True)
class Limits:
    """The limits of one gateway."""

    changed: Mapping[str, Limit] = field(default_factory=dict)  # by zone; the others have their default
    connections: int = 50  # requests in progress at once for each client address
    zones: Sequence[Zone] = ZONES

    def __post_init__(self) -> None:
        if unknown := set(self.changed) - {zone.name for zone in self.zones}:
            raise InvalidSetting(f"no such zone: {', '.join(sorted(unknown))}")

    def __getitem__(self, zone: Zone) -> Limit:
        return self.changed.get(zone.name, zone.limit)

    @classmethod
    def parse(cls, environ: Mapping[str, str], zones: Sequence[Zone] = ZONES) -> Limits:
        """Limits from the environment: GATEWAY_SIGN_IN_RATE, GATEWAY_SIGN_IN_BURST and so on.

        Raises:
            InvalidSetting: a value is invalid, or a GATEWAY_ name is unknown.
        """
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        given.pop(f"{PREFIX}TRUSTED_PROXIES", None)  # not a limit: it decides which address is limited

        def number(name: str, default: int) -> int:
            return whole_number(name, given.pop(name, str(default)))

        changed = {}
        for zone in zones:
            limit = Limit(given.pop(zone.rate_setting, zone.limit.rate), number(zone.burst_setting, zone.limit.burst))
            if limit != zone.limit:
                changed[zone.name] = limit
        connections = number(f"{PREFIX}CONNECTIONS", cls.connections)
        if given:
            raise InvalidSetting(f"unknown setting: {', '.join(sorted(given))}")
        return cls(changed, connections, zones)

    def values(self) -> dict[str, str]:
        """The placeholders of limits.conf.template, except LIMITS."""
        replaced = {zone.by_subject_instead_of for zone in self.zones}

        def source(zone: Zone) -> str:
            return "$counted" if zone.by_subject_instead_of or zone.name in replaced else "$limit"

        lines: dict[str, Callable[[Zone], str]] = {
            "ZONE_KEYS": lambda zone: "\n".join(
                f'map {source(zone)} ${each.variable} {{ {zone.name} {each.key}; default ""; }}'
                for each in zone.counters
            ),
            "ZONES": lambda zone: "\n".join(
                f"limit_req_zone ${each.variable} zone={each.name}:{4 // each.factor}m "
                f"rate={self[zone].times(each.factor)[0]};"
                for each in zone.counters
            ),
            "ZONE_RETRY_AFTER": lambda zone: f"    {zone.name}  {self[zone].retry_after};",
            "ZONE_POLICIES": lambda zone: f'    {zone.name}  "\\"{zone.public_name}\\";{self[zone].policy}";',
        }
        by_subject = [zone for zone in self.zones if zone.by_subject_instead_of]
        requests = [(request, zone) for zone in self.zones for request in zone.requests]
        return {
            **{name: "\n".join(line(zone) for zone in self.zones) for name, line in lines.items()},
            "ZONE_REQUESTS": "\n".join(f'    "{request}"  {zone.name};' for request, zone in requests),
            "ZONE_SUBJECTS": "\n".join(f'    "~^{zone.by_subject_instead_of} ."  {zone.name};' for zone in by_subject),
        }

    def render(self) -> str:
        """The directives that enforce the limits."""
        connections = [f"limit_conn connections{width} {self.connections * by};" for width, by in WIDTHS.items()]
        requests = [self._enforce(zone, counter) for zone in self.zones for counter in zone.counters]
        return "\n".join([*requests, *connections, *BODIES])

    def render_streams(self) -> str:
        """For a location of streams: a `limit_conn` there replaces all others. Limits of rates stay."""
        return "\n".join([f"limit_conn streams {STREAMS_OF_ONE};", *BODIES])

    def _enforce(self, zone: Zone, counter: Counter) -> str:
        _, burst = self[zone].times(counter.factor)
        return f"limit_req zone={counter.name}{f' burst={burst} nodelay' if burst else ''};"  # nginx rejects burst=0
