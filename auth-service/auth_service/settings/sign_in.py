"""Settings about signing in."""

from pydantic import Field

from .branding import BrandSettings
from .kinds import Networks
from .mail import MailSettings
from .passkeys import PasskeySettings


class SignInSettings(MailSettings, BrandSettings, PasskeySettings):
    """The settings about signing in, a part of `Settings`."""

    require_second_factor: bool = Field(
        False, description="`on`: everybody needs a second factor. See [Second factor](#second-factor)"
    )
    upstream_networks: Networks = Field(
        (),
        description="Private networks where upstream providers may be; http is allowed there. "
        "See [Other sign-ins](#other-sign-ins)",
    )
