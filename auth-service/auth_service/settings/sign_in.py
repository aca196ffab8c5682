"""Settings about signing in."""

from pydantic import Field

from .mail import MailSettings
from .passkeys import PasskeySettings
from .passwords import PasswordSettings


class SignInSettings(MailSettings, PasskeySettings, PasswordSettings):
    """The settings about signing in, a part of `Settings`."""

    require_second_factor: bool = Field(
        False, description="`on`: everybody needs a second factor. See [Second factor](#second-factor)"
    )
