"""The films of a batch distributed over the threads that torch computes with.

torch's threads, those of GNU's OpenMP library, spin for some milliseconds while they wait for their next work. The
threads of another pool would find every core busy, so kernels run on torch's own, through the function that compilers
call where C says `#pragma omp parallel` (libgomp's manual, "Implementing PARALLEL construct"). Where torch comes with
another OpenMP library, a thread pool does the work.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Any

import torch

_PART = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def each_film(kernel: Callable[..., None], films: int, *arguments: Any) -> None:
    """Run `kernel(start, end, *arguments)` over parts of the films, on as many threads as torch has.

    Raises:
        Exception: the exception of a part, after all parts have ended.
    """
    threads, library = min(torch.get_num_threads(), films), _openmp()
    if threads <= 1:
        kernel(0, films, *arguments)
    elif library is not None:
        _in_team(library, threads, lambda number, of: kernel(*_rows(films, number, of), *arguments))
    else:
        pool = _pool(threads)
        parts = [pool.submit(kernel, *_rows(films, number, threads), *arguments) for number in range(threads)]
        wait(parts)
        for part in parts:
            part.result()


def _rows(films: int, number: int, of: int) -> tuple[int, int]:
    return films * number // of, films * (number + 1) // of


def _in_team(library: Any, threads: int, work: Callable[[int, int], None]) -> None:
    """Call `work(number, of)` on each thread of a team; there may be fewer of them than asked for."""
    raised: list[Exception] = []

    def part(_: object) -> None:  # an exception cannot pass through C
        try:
            work(library.omp_get_thread_num(), library.omp_get_num_threads())
        except Exception as error:
            raised.append(error)

    library.GOMP_parallel(_PART(part), None, threads, 0)
    if raised:
        raise raised[0]


@cache
def _openmp() -> Any:
    """GNU's OpenMP library as torch has loaded it; None where torch came without."""
    found = list((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
    return ctypes.CDLL(str(found[0])) if len(found) == 1 else None


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="hilum-kernels")
