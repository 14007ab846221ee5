"""The command `hilum`: one verb for each stage of the path, each in a file of its own.

Nothing heavy is imported before the verb that needs it runs, and nothing at all before `main` can say in one line
that there was no memory for it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.cli.encoding import open_closed_streams
from hilum.errors import FilmError, HilumError, RequestError
from hilum.places import confine_command
from hilum.progress import first_process
from hilum.streams import is_stream

if TYPE_CHECKING:
    from hilum.cli.terminal import app

__all__ = ["app", "main"]

_LEAST_ADDRESS_SPACE = 128 << 20  # bytes; numpy alone takes about 90 MB of it
_NO_MEMORY = (
    "not enough memory for this; close other programs, or raise the limit that it runs under (ulimit -v, a "
    "container's memory)"
)


def __getattr__(name: str) -> object:
    """Import the application when it is first asked for."""
    if name != "app":
        raise AttributeError(f"module 'hilum.cli' has no attribute '{name}'")
    from hilum.cli.terminal import app

    return app


def main() -> None:
    """Run the command line; every refusal is one line on stderr and an exit code (1: films failed, 2: request)."""
    open_closed_streams()
    try:
        _require_memory()
        _run()
    except RequestError as error:
        _tell_notes(error)
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
    except ImportError as error:
        _refuse(_explain_import(error), 1)
    except MemoryError:
        _refuse(_NO_MEMORY, 1)
    except SystemError as error:
        # CPython loses the MemoryError itself where there was no memory for the exception either.
        if "without" not in str(error) or "exception" not in str(error):
            raise
        _refuse(_NO_MEMORY, 1)
    except RecursionError:
        _refuse("what was named is nested too deeply to be read; name something else", 2)
    except KeyboardInterrupt:
        _refuse("stopped", 130)
    except BrokenPipeError:
        # Somebody closed the pipe (`| head`): say nothing, also not when the interpreter flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _refuse(_explain(error), 1 if error.errno == errno.ENOMEM else 2)
    except RuntimeError as error:
        if "can't allocate memory" in str(error):  # PyTorch's own words
            _refuse(_NO_MEMORY, 1)
        if "can't start new thread" not in str(error):
            raise
        _refuse("no further thread can be started; raise the limit of processes (ulimit -u) or of memory", 1)


def _require_memory() -> None:
    """Where even numpy cannot be loaded, end before its library for matrices does, with words of its own.

    Raises:
        MemoryError: there is too little.
    """
    from hilum.machine import address_space_left

    if address_space_left() < _LEAST_ADDRESS_SPACE:
        raise MemoryError


def _run() -> None:
    from hilum.cli import (  # noqa: F401  (each adds its verb)
        adapt,
        audit,
        calibrate,
        compare,
        demo,
        doctor,
        evaluate,
        explain,
        export,
        feedback,
        fuse,
        index,
        lungs,
        models,
        monitor,
        node,
        people,
        predict,
        preprocess,
        recipes,
        serve,
        sign,
        store,
        train,
        tune,
    )
    from hilum.cli.encoding import write_anything
    from hilum.cli.terminal import app

    confine_command()
    write_anything()
    app()


def _tell_notes(error: RequestError) -> None:
    """What was found about the films before they were refused: what was left out, how patients were read."""
    for note in getattr(error, "__notes__", ()) if first_process() else ():
        print(f"note: {_printable(note)}", file=sys.stderr)


def _refuse(line: str, code: int) -> None:
    who = "" if first_process() else f" (process {os.environ['RANK']})"
    sys.stdout.flush()
    print(f"hilum{who}: {_printable(' '.join(line.splitlines()))}", file=sys.stderr)
    sys.exit(code)


def _printable(line: str) -> str:
    """A line without what a terminal would act on; as it is where there is no memory to import what says so."""
    try:
        from hilum.records.text import printable
    except (ImportError, MemoryError):
        return line
    return printable(line)


def _explain_import(error: ImportError) -> str:
    """Why a package that is installed cannot be loaded: what its compiled half says, which is at the root of it."""
    root: BaseException = error
    while isinstance(root.__cause__ or root.__context__, ImportError):
        root = root.__cause__ or root.__context__ or root
    line = next(iter(str(root).strip().splitlines()), type(root).__name__)
    if "failed to map segment" in line or "allocate memory" in line:
        return f"{_NO_MEMORY} ({line})"
    return f"a package cannot be loaded ({line}); give it more memory (ulimit -v), or install Hilum again"


def _explain(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        full = "the disk is full" if error.errno == errno.ENOSPC else "no more may be kept there (quota)"
        again = "make room and run the same command again, nothing that was finished is lost"
        return f"{place}{full}{_room_beside(error.filename)}; {again}"
    if error.errno == errno.ENOMEM:
        return f"{place}{_NO_MEMORY}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}not allowed to read or write here; change its permissions or name another place"
    return f"{place}{error.strerror or error}"


def _room_beside(name: str | bytes | None) -> str:
    """How much room the disk of a file has, and which folder that is; nothing where that cannot be told."""
    if not name:
        return ""
    if is_stream(Path(os.fsdecode(name))):
        return ""  # a pipe or a redirected output: which disk is full is not known
    path = Path(os.path.abspath(os.fsdecode(name)))
    try:
        folder = next(each for each in path.parents if each.is_dir())
        return f" ({folder}: {shutil.disk_usage(folder).free / 1e6:,.1f} MB left)"
    except (OSError, StopIteration):
        return ""
