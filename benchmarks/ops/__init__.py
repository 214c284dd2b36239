"""Every op against PyTorch at three sizes, forward and backward: ``python -m benchmarks ops``."""
