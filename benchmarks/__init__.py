"""Timings and memory.

`make bench` measures Hilum and its peers and holds the ratios to targets; what one part costs, and why, is a command
of its own: `python -m benchmarks.NAME`.
"""
