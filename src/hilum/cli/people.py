"""`hilum user` and `hilum token`: who may sign in to the reading room, and which programs may call it."""

from __future__ import annotations

import getpass
import json
import sys
from typing import Annotated

import typer

from hilum.cli.options import DEFAULT_STORE, Json, StoreUrl
from hilum.cli.terminal import app, tell
from hilum.errors import RequestError
from hilum.extras import require

user_app = typer.Typer(help="People who sign in to the reading room.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens of programs that call the reading room.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")

Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What is allowed: predict, read, verdict, metrics, all. Repeatable."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@user_app.command("add")
def user_add(
    name: Name,
    store: StoreUrl = DEFAULT_STORE,
    scope: Scopes = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="A reverse proxy signs them in.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Give somebody who is there another password.")] = False,
) -> None:
    """Add a person; the password is asked for, or read from the standard input."""
    require("serve", "the reading room")
    from hilum.service.credentials import SCOPES, hash_password, require_scopes
    from hilum.store import open_store

    scopes = require_scopes(tuple(scope or SCOPES))
    hashed = "" if no_password else hash_password(_password(name))
    with open_store(store) as opened:
        opened.accounts.put_user(name, hashed, scopes, replace=replace)
    tell(f"{name} may {', '.join(scopes)}. A reading room that runs already asks for names after a restart.")


@user_app.command("list")
def user_list(store: StoreUrl = DEFAULT_STORE, as_json: Json = False) -> None:
    """List the people."""
    require("serve", "the reading room")
    from hilum.store import open_store

    with open_store(store, create=False) as opened:
        people = opened.accounts.users()
    if as_json:
        rows = [
            {"name": each.name, "scopes": list(each.scopes), "withdrawn": bool(each.withdrawn)} for each in people
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for each in people:
        typer.echo(f"{each.name}: {'withdrawn' if each.withdrawn else ', '.join(each.scopes)}")


@user_app.command("withdraw")
def user_withdraw(name: Name, store: StoreUrl = DEFAULT_STORE) -> None:
    """Let a person do nothing any more; their sessions end, and so do their tokens."""
    require("serve", "the reading room")
    from hilum.store import open_store

    with open_store(store, create=False) as opened:
        opened.accounts.withdraw_user(name)
    tell(f"{name} may do nothing any more.")


@token_app.command("add")
def token_add(
    user: Annotated[str, typer.Argument(metavar="USER", help="Whom the program acts for.")],
    store: StoreUrl = DEFAULT_STORE,
    scope: Scopes = None,
    purpose: Annotated[str, typer.Option("--purpose", help="What it is for, in words.")] = "",
    days: Annotated[
        float | None, typer.Option("--days", min=0, help="How long it is valid; for ever without.")
    ] = None,
) -> None:
    """Make a token and print it, this once."""
    require("serve", "the reading room")
    from hilum.service.credentials import make_token
    from hilum.store import open_store

    with open_store(store, create=False) as opened:
        kept, text = make_token(opened, user, tuple(scope or ("predict", "read")), purpose, days)
    typer.echo(text)
    tell(f"Token {kept.id} may {', '.join(kept.scopes)} for {user}. It is kept nowhere: copy it now.")


@token_app.command("list")
def token_list(store: StoreUrl = DEFAULT_STORE, as_json: Json = False) -> None:
    """List the tokens, without their secrets."""
    require("serve", "the reading room")
    from hilum.store import open_store

    with open_store(store, create=False) as opened:
        tokens = opened.accounts.tokens()
    if as_json:
        rows = [
            {"id": each.id, "user": each.user, "scopes": list(each.scopes), "withdrawn": bool(each.withdrawn)}
            for each in tokens
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for each in tokens:
        state = "withdrawn" if each.withdrawn else ", ".join(each.scopes)
        typer.echo(f"{each.id}: {each.user}: {state}{f': {each.purpose}' if each.purpose else ''}")


@token_app.command("withdraw")
def token_withdraw(
    token: Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `hilum token list` shows it.")],
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Take a token back; a reading room that runs refuses it at once."""
    require("serve", "the reading room")
    from hilum.store import open_store

    with open_store(store, create=False) as opened:
        opened.accounts.withdraw_token(token)
    tell(f"Token {token} is refused from now on.")


def _password(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Once more: ") != first:
        raise RequestError("the two passwords differ; nothing was added")
    return first
