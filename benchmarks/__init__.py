"""Timings and memory, each a command of its own: `python -m benchmarks.NAME`; all of them: `python -m benchmarks`."""
