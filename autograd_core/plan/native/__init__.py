"""Plans as machine code: C made from the lowered steps, compiled by the C compiler of the machine, kept on disk.

In reading order: ``access`` (where the elements of a value lie), ``formulas`` (what elementwise calls compute), ``nodes``
(steps in these words), ``routines`` (whole kernels in C), ``clusters`` (nodes that share a loop), ``prepared`` (a graph so far), ``emit`` (a loop as C),
``division`` (long loops in parts), ``threads`` (who runs them), ``products`` (matrix products), ``functions`` (exp and its like in vectors),
``entry`` (how Python calls C), ``backend`` (the program of a plan), ``toolchain`` (text in, loaded library out) and ``cache`` (where built
libraries are kept).
"""
