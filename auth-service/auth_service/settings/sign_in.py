"""Settings about signing in."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from .branding import BrandSettings
from .explained import iso_8601
from .kinds import Networks
from .mail import MailSettings
from .passkeys import PasskeySettings
from .passwords import PasswordSettings


def _delay(value: object) -> object:
    """`off` is None. Shorter than an hour nobody could stop a recovery."""
    return None if value == "off" else iso_8601(value)


Delay = Annotated[timedelta, Field(ge=timedelta(hours=1), le=timedelta(days=14))]


class SignInSettings(MailSettings, BrandSettings, PasskeySettings, PasswordSettings):
    """The settings about signing in, a part of `Settings`."""

    require_second_factor: bool = Field(
        False, description="`on`: everybody needs a second factor. See [Second factor](#second-factor)"
    )
    upstream_networks: Networks = Field(
        (),
        description="Private networks where upstream providers may be; http is allowed there. "
        "See [Other sign-ins](#other-sign-ins)",
    )
    usernames: Literal["operator", "person"] = Field(
        "operator", description="Who gives user names: the `operator` only, or each `person` at `/account`, too"
    )
    recovery_delay: Annotated[Delay | None, BeforeValidator(_delay)] = Field(
        timedelta(days=3), description="Time in which a [recovery](#recovery) by mail can be stopped; or `off`"
    )
