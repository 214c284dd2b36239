"""Measures the packages against PyTorch, micrograd and plain NumPy, side by side: ``python -m benchmarks``.

Each peer runs in a process of its own, with one thread. Peers first show that they compute the same numbers; then
they are timed in blocks, in turn, in rotating order, and the medians are compared. Nothing of the engine is switched
off for it. Times are processor time, which other programs on the machine disturb least.
"""
