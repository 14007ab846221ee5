"""Run every benchmark, one after the other."""

from benchmarks import (
    bootstrap,
    classical_features,
    cluster,
    pixel_cache,
    predict,
    processes,
    training_memory,
    training_step,
    transfer,
)

for benchmark in (
    bootstrap,
    predict,
    pixel_cache,
    classical_features,
    training_step,
    processes,
    training_memory,
    transfer,
    cluster,
):
    print(f"== {benchmark.__name__}: {(benchmark.__doc__ or '').splitlines()[0]}")
    benchmark.main()
