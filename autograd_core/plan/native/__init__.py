"""Plans as machine code: C made from the lowered steps, compiled by the C compiler of the machine, kept on disk.

In reading order: ``toolchain`` (text in, loaded library out) and ``cache`` (where built libraries are kept).
"""
