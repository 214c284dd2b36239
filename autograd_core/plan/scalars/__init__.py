"""Compiled functions of Scalars. In the order of the work:

``tape`` and ``number`` (what is recorded), ``compare`` (two recordings), ``kinds`` and ``lower`` (sums of products and other
ops), ``schedule`` (groups of equal depth), ``numpy`` and ``native`` (the machines), ``plan`` (one call), ``calls`` (which plan).
"""
