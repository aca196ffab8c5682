"""Settings about mail: where it goes, whom it is from, and what is only possible with it."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from ..network.mail_urls import OFF, MailTarget, parse_mail_url, parse_sender
from .kinds import Certificates


def _mail_url(value: SecretStr) -> SecretStr:
    parse_mail_url(value.get_secret_value())
    return value


def _sender(value: str) -> str:
    parse_sender(value)
    return value


MailUrl = Annotated[SecretStr, AfterValidator(_mail_url)]
Sender = Annotated[str, AfterValidator(_sender)]


class MailSettings(BaseModel):
    """The settings about mail, a part of `Settings`."""

    mail_url: MailUrl = Field(
        SecretStr(OFF), description="Mail server, such as `smtp://USER:PASSWORD@HOST:587`; see [Mail](#mail)"
    )
    mail_from: Sender | None = Field(None, description="Sender of mails, as in `Example <no-reply@example.com>`")
    mail_ca_file: Certificates | None = Field(
        None, description="Authorities (PEM) trusted instead of the system's for the mail server"
    )
    require_verified_email: bool = Field(
        False, description="`on`: nobody signs in before the address is confirmed; needs mail. See [Mail](#mail)"
    )

    @property
    def mail_target(self) -> MailTarget | None:
        """Where mails go. None: no mail is sent."""
        return parse_mail_url(self.mail_url.get_secret_value())
