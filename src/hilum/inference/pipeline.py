"""Films through reading, decoding, preprocessing and the network: in order, a bounded number ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

TOGETHER = 8  # films that a network is shown at a time: more fill no processor better, and leave its caches


def in_parallel(items: Iterable[T], work: Callable[[list[T]], list[R]], threads: int) -> Generator[R]:
    """What `work` gives for the items, in their order.

    Each thread takes some items the whole way. So reading, decoding and the network overlap without being matched to
    one another: whatever takes longest, every processor is at work.

    Args:
        items: are taken as they are needed.
        work: from at most `TOGETHER` items to as many results; called from several threads at once.
        threads: that work. Twice as many parts are under way or waiting to be taken; no more.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="films")
    ahead: deque[Future[list[R]]] = deque()
    try:
        for part in in_parts(items, TOGETHER):
            ahead.append(pool.submit(work, part))
            if len(ahead) > 2 * threads:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items by the so many."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
