"""What can be typed. Each command prints a line or a table for people, or with --json one JSON document."""

import sys
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from . import copies, files, output, references, signing
from .api import Api
from .copies import Copy
from .failures import WrongUsage
from .signing import AsJson

_PAGE = 100  # todos of one request
_EPILOG = (
    "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 not signed in; 4 not found, or more than one; 5 refused by the"
    " server; 6 the server is not available."
)

app = typer.Typer(
    name="todo",
    help="Todos in a terminal. Begin with: todo login",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show local variables, such as tokens
    rich_markup_mode=None,
)
app.command()(signing.login)
app.command()(signing.logout)


class Status(StrEnum):
    OPEN = "open"
    DONE = "done"
    ALL = "all"


class Order(StrEnum):
    DUE = "due"
    CREATED = "created"
    UPDATED = "updated"
    PRIORITY = "priority"
    POSITION = "position"


def _complete(incomplete: str) -> list[tuple[str, str]]:
    return references.completions(incomplete)


Ids = Annotated[
    list[str],
    typer.Argument(help="Ids, or their last characters (four at least).", autocompletion=_complete, metavar="ID..."),
]
Notes = Annotated[str | None, typer.Option(help="Longer text.")]
Due = Annotated[
    str | None,
    typer.Option(help="today, tomorrow, 2027-01-31, 2027-01-31T09:00:00[Europe/Berlin]; none: no date."),
]
Priority = Annotated[int | None, typer.Option(min=0, max=3, help="0 none, 1 low, 2 medium, 3 high.")]
InList = Annotated[str | None, typer.Option("--list", help="Name or id of a list; inbox: no list.")]


@app.command()
def add(
    title: Annotated[list[str], typer.Argument(help="The title. Several words are joined.")],
    notes: Notes = None,
    due: Due = None,
    priority: Priority = None,
    in_list: InList = None,
    as_json: AsJson = False,
) -> None:
    """Add a todo."""
    with Api.opened() as api:
        members = {"title": " ".join(title), **_members(api, notes, due, priority, in_list)}
        made = api.create("/todos", members)
    _told(made, "Added", as_json=as_json)


@app.command()
def ls(
    status: Annotated[Status, typer.Option(help="Which todos.")] = Status.OPEN,
    in_list: InList = None,
    due_before: Annotated[str | None, typer.Option(help="Only todos that are due before this date or time.")] = None,
    sort: Annotated[Order, typer.Option(help="What to sort by.")] = Order.DUE,
    reverse: Annotated[bool, typer.Option("--reverse", help="The highest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most todos.")] = 50,
    offline: Annotated[bool, typer.Option("--offline", help="Read the copy that sync made.")] = False,
    as_json: AsJson = False,
) -> None:
    """List todos."""
    if offline:
        if in_list or due_before:
            raise WrongUsage("--offline shows all lists: --list and --due-before need the server.")
        _show(_of_copy(status, sort, limit, reverse=reverse), Copy.read().lists, as_json=as_json)
        return
    asked: dict[str, Any] = {"sort": f"{'-' if reverse else ''}{sort}", "due_before": _date(due_before)}
    if status is not Status.ALL:
        asked["status"] = status
    with Api.opened() as api:
        if in_list is not None:
            asked["list_id"] = references.find_list(api, in_list) or references.INBOX
        found, lists = _pages(api, asked, limit), _lists(api, as_json=as_json)
    _show(found, lists, as_json=as_json)


@app.command()
def search(
    text: Annotated[list[str], typer.Argument(help="Text in title or notes, in any case.")],
    status: Annotated[Status, typer.Option(help="Which todos.")] = Status.ALL,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most todos.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Search in titles and notes."""
    asked: dict[str, Any] = {"q": " ".join(text)}
    if status is not Status.ALL:
        asked["status"] = status
    with Api.opened() as api:
        found, lists = _pages(api, asked, limit), _lists(api, as_json=as_json)
    _show(found, lists, as_json=as_json)


@app.command()
def done(
    ids: Ids,
    undo: Annotated[bool, typer.Option("--undo", help="Mark as open again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Mark todos as done."""
    with Api.opened() as api:
        named = [references.find_todo(api, each) for each in ids]  # all of them, before anything is changed
        for id_ in named:
            changed = api.act(f"/todos/{id_}/{'reopen' if undo else 'complete'}")
            _told(changed, "Open" if undo else "Done", as_json=as_json)


@app.command()
def edit(
    id_: Annotated[
        str,
        typer.Argument(help="Id, or its last characters (four at least).", autocompletion=_complete, metavar="ID"),
    ],
    title: Annotated[str | None, typer.Option(help="Another title.")] = None,
    notes: Notes = None,
    due: Due = None,
    priority: Priority = None,
    in_list: InList = None,
    as_json: AsJson = False,
) -> None:
    """Change a todo. What is not named stays as it is."""
    with Api.opened() as api:
        members = _members(api, notes, due, priority, in_list) | ({} if title is None else {"title": title})
        if not members:
            raise WrongUsage("Nothing to change: name --title, --notes, --due, --priority or --list.")
        changed = api.change(f"/todos/{references.find_todo(api, id_)}", members)
    _told(changed, "Changed", as_json=as_json)


@app.command()
def rm(
    ids: Ids,
    undo: Annotated[bool, typer.Option("--undo", help="Restore todos; needs whole ids.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete todos. For 30 days `todo rm --undo ID` brings them back."""
    with Api.opened() as api:
        named = [references.find_todo(api, each) for each in ids]
        for id_ in named:
            if undo:
                _told(api.act(f"/todos/{id_}/restore"), "Restored", as_json=as_json)
                continue
            api.remove(f"/todos/{id_}")
            if as_json:
                output.write_json({"id": id_, "deleted": True})
            else:
                output.say(f"Deleted. To undo: todo rm --undo {id_}")


@app.command()
def sync(as_json: AsJson = False) -> None:
    """Bring the copy on this computer up to date. `ls --offline` and the completion of ids read it."""
    with Api.opened() as api:
        synced = copies.sync(api)
    copy = synced.copy
    if as_json:
        counts = {"changes": synced.changes, "todos": len(copy.todos), "lists": len(copy.lists)}
        output.write_json(counts)
    else:
        output.say(f"{synced.changes} changes. {len(copy.todos)} todos in {len(copy.lists)} lists and the inbox.")


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="File to write; without it, standard output.")] = None,
) -> None:
    """Write all todos and lists as one JSON document, with the deleted ones that can be restored."""
    with Api.opened() as api, api.streamed("/export") as pieces:
        if file is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.write(b"\n")
            sys.stdout.buffer.flush()
            return
        text = b"".join(pieces).decode()
    files.write(file.absolute(), text)


def _members(api: Api, notes: str | None, due: str | None, priority: int | None, in_list: str | None) -> dict[str, Any]:
    members: dict[str, Any] = {"notes": notes, "priority": priority}
    members = {name: value for name, value in members.items() if value is not None}
    if due is not None:
        members["due"] = _date(due)
    if in_list is not None:
        members["list_id"] = references.find_list(api, in_list)
    return members


def _date(text: str | None) -> str | None:
    """`today` and `tomorrow` are days of this computer's clock. Everything else is the server's to read."""
    match text:
        case None | "none" | "":
            return None
        case "today" | "tomorrow":
            return (date.today() + timedelta(days=text == "tomorrow")).isoformat()  # noqa: DTZ011 - the person's day
    return text


def _pages(api: Api, asked: dict[str, Any], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Up to `limit` todos, and whether there are more."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = api.get("/todos", **asked, limit=min(_PAGE, limit - len(items)), cursor=cursor)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None or len(items) >= limit:
            return items, cursor is not None


def _of_copy(status: Status, sort: Order, limit: int, *, reverse: bool) -> tuple[list[dict[str, Any]], bool]:
    """Sorted by the texts, as the server does it for all but due dates with zones."""
    member = {Order.CREATED: "created_at", Order.UPDATED: "updated_at"}.get(sort, sort.value)
    chosen = [each for each in Copy.read().todos.values() if status in (Status.ALL, each["status"])]
    chosen.sort(key=lambda each: ((each[member] is None), each[member] or "", each["id"]), reverse=reverse)
    return chosen[:limit], len(chosen) > limit


def _lists(api: Api, *, as_json: bool) -> dict[str, Any]:
    """The lists by id, whose names a table shows."""
    return {} if as_json else {each["id"]: each for each in api.get("/lists")["items"]}


def _show(found: tuple[list[dict[str, Any]], bool], lists: dict[str, Any], *, as_json: bool) -> None:
    items, has_more = found
    if as_json:
        output.write_json({"items": items, "has_more": has_more})
        return
    output.write_todos(items, lists)
    if has_more:
        print(f"There are more than {len(items)}: use --limit.", file=sys.stderr)  # noqa: T201 - a note, not a result


def _told(todo: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        output.write_json(todo)
    else:
        output.say(output.one(todo, what))
