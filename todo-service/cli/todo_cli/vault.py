"""Where the tokens are kept: the desktop's keyring, or a file that only its owner can read (0600)."""

import importlib
from enum import StrEnum
from types import ModuleType
from typing import Protocol

from . import files
from .failures import Failure

SERVICE = "todo-cli"  # under which the keyring lists the entry; its user name is the server


class Kind(StrEnum):
    KEYRING = "keyring"
    FILE = "file"


class Vault(Protocol):
    def read(self) -> str | None: ...

    def write(self, secret: str) -> None: ...

    def remove(self) -> None: ...


class FileVault:
    def __init__(self) -> None:
        self._path = files.folder() / "tokens.json"

    def read(self) -> str | None:
        return files.read(self._path)

    def write(self, secret: str) -> None:
        files.write(self._path, secret)

    def remove(self) -> None:
        files.remove(self._path)


class KeyringVault:
    """`keyring` is imported when it is used, since looking for backends takes a while."""

    def __init__(self, server: str) -> None:
        self._keyring, self._errors = _keyring()
        self._server = server

    def read(self) -> str | None:
        try:
            secret: str | None = self._keyring.get_password(SERVICE, self._server)
        except self._errors.KeyringError as error:
            raise Failure(f"The keyring does not open: {error}. Sign in with --store file to use a file.") from error
        return secret

    def write(self, secret: str) -> None:
        try:
            self._keyring.set_password(SERVICE, self._server, secret)
        except self._errors.KeyringError as error:
            raise Failure(f"The keyring does not take the tokens: {error}. Sign in with --store file.") from error

    def remove(self) -> None:
        try:
            self._keyring.delete_password(SERVICE, self._server)
        except self._errors.PasswordDeleteError:
            return  # there was none
        except self._errors.KeyringError as error:
            raise Failure(f"The keyring does not open: {error}") from error


def opened(kind: Kind, server: str) -> Vault:
    return KeyringVault(server) if kind is Kind.KEYRING else FileVault()


def best() -> Kind:
    """The keyring if this computer has one that works, else the file."""
    keyring, errors = _keyring()
    backend = keyring.get_keyring()
    if backend.priority < 1:  # `fail` and `null`, and those that keep secrets in plain text
        return Kind.FILE
    try:
        keyring.get_password(SERVICE, "")
    except (errors.KeyringError, RuntimeError):
        return Kind.FILE
    return Kind.KEYRING


def _keyring() -> tuple[ModuleType, ModuleType]:
    return importlib.import_module("keyring"), importlib.import_module("keyring.errors")
