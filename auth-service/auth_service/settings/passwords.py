"""Settings about passwords: what a hash costs, and where lost passwords are looked up."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field


def _range_url(value: str) -> str:
    """The base of a range API, without a slash at its end."""
    parts = urlsplit(value)
    is_plain = parts.hostname and "@" not in parts.netloc and not any(each in value for each in "?# ")
    if parts.scheme != "https" or not is_plain:
        raise ValueError("must be an https URL without query, such as https://api.pwnedpasswords.com/range")
    return value.rstrip("/")


class PasswordSettings(BaseModel):
    """The settings about passwords, a part of `Settings`."""

    hashing_memory: int = Field(19, ge=19, le=256, description="MiB of memory for a password's hash (Argon2id)")
    hashing_passes: int = Field(2, ge=2, le=10, description="Passes over this memory")
    hashing_threads: int = Field(1, ge=1, le=64, description="Threads that run Argon2id")
    hashing_queue_limit: int = Field(64, ge=1, le=10_000, description="Hashes that may wait for a thread; more get 429")
    pwned_passwords_url: Annotated[str, AfterValidator(_range_url)] | None = Field(
        None,
        description="Range API of Pwned Passwords for new passwords: `https://api.pwnedpasswords.com/range`. "
        "See [Passwords](#passwords)",
    )
