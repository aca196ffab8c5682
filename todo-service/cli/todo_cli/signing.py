"""login and logout."""

import os
import sys
from typing import Annotated

import typer

from . import copies, device, files, output, servers, vault
from .device import Code
from .failures import WrongUsage
from .session import Account, Session, Tokens
from .vault import Kind

CLIENT_ID = f"client_{'todocli':0>32}"  # README.md says how it is registered at the issuer
SERVER = "TODOS_SERVER"  # environment variables. They do not begin with TODO_, which the service reads
_CLIENT = "TODOS_CLIENT_ID"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def login(
    server: Annotated[str, typer.Option(envvar=SERVER, help="Address of the todo server.")] = "",
    store: Annotated[
        Kind | None,
        typer.Option(help="Where the tokens are kept. Default: the keyring if there is one that works, else a file."),
    ] = None,
    client_id: Annotated[str, typer.Option(envvar=_CLIENT, help="Client that the issuer knows.")] = CLIENT_ID,
    as_json: AsJson = False,
) -> None:
    """Sign in. The browser may be on another device: it needs the address and the code that are shown here."""
    before = Account.find()
    if not server and before is None:
        raise WrongUsage(f"Name the server: todo login --server https://todos.example.com (or {SERVER})")
    origin = servers.address(server or (before.server if before else ""))
    kind = store or vault.best()
    with servers.http() as client:
        found = servers.find(client, origin)
        code = device.begin(client, found, client_id)
        _show(code, as_json=as_json)
        tokens = Tokens.of(device.wait(client, found, client_id, code))
        with files.locked("tokens"):
            if before is not None:
                vault.opened(before.store, before.server).remove()
            copies.forget()  # it may be another person's
            account = Account.of(origin, found, client_id, kind)
            Session(account, client).keep(tokens)
            account.save()
    if as_json:
        output.write_json({"signed_in": True, "server": origin, "store": kind.value})
    else:
        output.say(f"Signed in at {origin}. The tokens are in {_place(kind)}.")


def logout(as_json: AsJson = False) -> None:
    """Sign out: the tokens are revoked and deleted, and the copy of the todos with them."""
    copies.forget()
    if Account.find() is not None:
        with servers.http() as client:
            Session.current(client).end()
    if as_json:
        output.write_json({"signed_in": False})
    else:
        output.say("Signed out.")


def _show(code: Code, *, as_json: bool) -> None:
    """The code is typed, not clicked (RFC 8628 §5.4): so nobody can be sent a link that lets a stranger's device in."""
    if as_json:
        shown = {"verification_uri": code.verification_uri, "user_code": code.user_code, "expires_in": code.expires_in}
        output.write_json(shown)
        sys.stdout.flush()
        return
    host = os.uname().nodename if hasattr(os, "uname") else ""
    minutes = max(1, code.expires_in // 60)
    output.say(
        f"Open {code.verification_uri} in a browser, on any device, and type the code\n\n    {code.user_code}\n\n"
        f"It lets this program{f' on {host}' if host else ''} use your todos, and is good for {minutes} minutes."
        " Waiting …"
    )


def _place(kind: Kind) -> str:
    return "the keyring" if kind is Kind.KEYRING else str(files.folder() / "tokens.json")
