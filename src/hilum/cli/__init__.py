"""The command `hilum`: one verb for each stage of the path, each in a file of its own.

Nothing heavy is imported before the verb that needs it runs.
"""

from __future__ import annotations

import errno
import os
import sys

import typer

from hilum.cli.terminal import app
from hilum.errors import FilmError, HilumError, RequestError
from hilum.places import confine_command
from hilum.progress import first_process

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; every refusal is one line on stderr and an exit code (1: films failed, 2: request)."""
    from hilum.cli import (  # noqa: F401  (each adds its verb)
        audit,
        calibrate,
        compare,
        demo,
        doctor,
        evaluate,
        explain,
        export,
        fuse,
        index,
        models,
        predict,
        preprocess,
        recipes,
        sign,
        train,
        tune,
    )

    confine_command()
    try:
        app()
    except RequestError as error:
        _refuse(str(error), 2)
    except FilmError as error:
        _refuse(str(error), 1)
    except HilumError as error:
        _refuse(str(error), 1)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "hilum":
            raise
        from hilum.extras import extra_of

        extra = extra_of(error.name or "") or "train"
        _refuse(f'this needs {error.name}, which is not installed: pip install "hilum[{extra}]"', 2)
    except BrokenPipeError:
        # Somebody closed the pipe (`| head`): say nothing, also not when the interpreter flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _refuse(_explain(error), 2)


def _refuse(line: str, code: int) -> None:
    who = "" if first_process() else f" (process {os.environ['RANK']})"
    typer.echo(f"hilum{who}: {' '.join(line.splitlines())}", err=True)
    sys.exit(code)


def _explain(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{place}the disk is full; make room and run the same command again, nothing that was finished is lost"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}not allowed to read or write here; change its permissions or name another place"
    return f"{place}{error.strerror or error}"
