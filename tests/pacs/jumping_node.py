"""A node whose clock jumps: its wall-clock time is the system's, and so many seconds more as a file says.

    python -m tests.pacs.jumping_node SECONDS_FILE FILE.toml

The time of day is read in two ways, `time.time` and `datetime.now`; both are replaced, in every module of Hilum and
of the library that keeps the queue. The monotonic clock runs on, as it does on a machine whose time is set.
"""

from __future__ import annotations

import datetime as datetimes
import sys
import threading
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

_OWN = ("hilum", "dbos", "sqlalchemy")
_EVERY = 0.2  # seconds, between two looks at the file and for modules that were imported meanwhile


class _AnyDatetime(type):
    """What makes every time of day one of the replaced class, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class JumpingDatetime(datetime, metaclass=_AnyDatetime):
    """The time of day, and so many seconds more."""

    more = 0.0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """As `datetime.now`."""
        return datetime.now(tz) + timedelta(seconds=cls.more)


def jump(file: Path) -> None:
    """Follow a file that holds a number of seconds, from now on."""
    real = time.time
    time.time = lambda: real() + JumpingDatetime.more
    time.time_ns = lambda: int((real() + JumpingDatetime.more) * 1e9)

    def follow() -> None:
        while True:
            if file.is_file() and (text := file.read_text()):
                JumpingDatetime.more = float(text)
            for name, module in list(sys.modules.items()):
                if name.partition(".")[0] in _OWN and getattr(module, "datetime", None) is datetime:
                    module.datetime = JumpingDatetime  # type: ignore[attr-defined]
            time.sleep(_EVERY)

    datetimes.datetime = JumpingDatetime  # type: ignore[misc]
    threading.Thread(target=follow, daemon=True).start()


def main() -> None:
    """Run the node."""
    from hilum.cli import main as run

    seconds, file = sys.argv[1:]
    jump(Path(seconds))
    sys.argv = ["hilum", "node", file]
    run()


if __name__ == "__main__":
    main()
