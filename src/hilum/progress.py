"""Progress bars, shown at a terminal only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 2.0  # work that ends sooner needs no bar


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield the items, and show a progress bar with the time left where stderr is a terminal.

    The bar appears after two seconds; with several processes (`torchrun`), only the first one shows it.

    >>> list(track("ab", "reading letters", total=2))
    ['a', 'b']
    """
    if not sys.stderr.isatty() or not first_process():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    started = time.monotonic()
    try:
        for done, item in enumerate(items, start=1):
            yield item
            if not bar.live.is_started and time.monotonic() - started > PATIENCE_SECONDS:
                bar.start()
            bar.update(task, completed=done)
    finally:
        bar.stop()


def first_process() -> bool:
    """Whether this is the first of the processes that `torchrun` started: the one that reports and writes."""
    return os.environ.get("RANK", "0") == "0"
