"""Work in threads whose results come in order, with a bounded number of them ahead of whoever takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TypeVar

from hilum.machine import processors

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4  # pieces of work a thread that are under way or wait to be taken


def map_in_order(
    work: Callable[[T], R], items: Iterable[T], workers: int | None = None, ahead: int | None = None
) -> Generator[R]:
    """Yield `work(item)` for each item, in the items' order, computed by several threads.

    >>> list(map_in_order(abs, [-3, 2, -1], workers=2))
    [3, 2, 1]

    Args:
        work: is called from several threads at once; what it raises is raised here in its turn.
        items: are taken as they are needed: there may be any number of them.
        workers: threads; by default one a processor.
        ahead: how many results are computed, or under way, before they are taken; by default four a thread.

    Closing the generator waits for what is under way and for nothing else.
    """
    workers = workers or processors()
    ahead = _AHEAD * workers if ahead is None else ahead
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hilum")
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def map_batches(
    work: Callable[[list[T]], Iterable[R]], items: Iterable[T], size: int, workers: int | None = None
) -> Generator[R]:
    """Yield the results for all items, in their order, where `work` takes a list of them and gives one for each.

    A thread takes a few items the whole way, such as reading, decoding and a network. So these overlap without being
    matched to one another: whichever takes longest, every processor is at work.

    >>> list(map_batches(lambda some: [number + len(some) for number in some], [10, 20, 30], size=2))
    [12, 22, 31]

    Args:
        work: is called from several threads at once.
        items: are taken as they are needed.
        size: items that `work` is given at a time; the last time there may be fewer.
        workers: threads, by default one a processor. Two calls of `work` a thread are ahead; no more.
    """
    workers = workers or processors()
    with closing(map_in_order(work, batched(items, size), workers, ahead=2 * workers)) as batches:
        for batch in batches:
            yield from batch


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of `size`; the last one may be shorter.

    >>> list(batched("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
