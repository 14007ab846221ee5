"""`hilum sign`: whose a bundle is, so that others can tell it from one that was changed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.terminal import app, tell
from hilum.errors import RequestError


@app.command()
def sign(
    bundle: Annotated[Path | None, typer.Argument(metavar="BUNDLE", help="The folder of the bundle to sign.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The private key to sign with (PEM, Ed25519).")] = None,
    new_key: Annotated[
        Path | None,
        typer.Option("--new-key", help="Make a key pair instead: the private key here, the public one in KEY.pub."),
    ] = None,
    passphrase: Annotated[
        bool,
        typer.Option("--passphrase/--no-passphrase", help="Ask for a passphrase that the new private key needs."),
    ] = False,
) -> None:
    """Sign a bundle, so that whoever trusts the key can tell it from one that was changed and sealed again.

    Without a passphrase whoever can read the private key can sign in your name. Keep it off the machines that only
    predict: they need the public key, as --trusted KEY.pub.
    """
    from hilum import bundle as bundles
    from hilum.bundle import keys, signature

    if new_key is not None:
        if bundle is not None or key is not None:
            raise RequestError("--new-key makes a key pair and signs nothing; sign with it in a second command")
        public = keys.new_key(new_key, _ask(confirm=True).encode() if passphrase else None)
        tell(f"{new_key}: the private key; keep it to yourself. {public}: the public key, for whoever trusts you")
        tell(f"Next: hilum sign BUNDLE --key {new_key}")
        return
    if bundle is None or key is None:
        raise RequestError("name a bundle and a key: hilum sign BUNDLE --key KEY, or make one with --new-key KEY")
    if passphrase:
        raise RequestError("--passphrase goes with --new-key; that of a key that has one is asked for")
    opened = bundles.read(bundle)
    if opened.spec.seal == bundles.SHIPPED_SEAL and opened.folder == bundles.SHIPPED:
        raise RequestError("the bundle that comes with Hilum needs no signature: its seal is known to the package")
    path = signature.sign(opened.folder, opened.spec.seal, keys.read_private_key(key, _ask))
    tell(f"{path}: signed. Next: hilum predict {opened.folder} FILES --trusted {key}.pub")


def _ask(confirm: bool = False) -> str:
    """Ask for a passphrase, which is not shown; where nobody is at a terminal, take a line of stdin."""
    if sys.stdin.isatty():
        answer: str = typer.prompt("passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    else:
        answer = sys.stdin.readline().rstrip("\r\n")
    if not answer:
        raise RequestError("a passphrase is needed, at the terminal or as a line of stdin; nothing was written")
    return answer
