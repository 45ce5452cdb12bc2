"""Compiled CPU kernels; import these modules only where a kernel is called (they need numba).

numba's cache follows changes of the file that a function is in, not of the files it calls: after
editing one of these modules, remove the caches of the others (`make clean`).
"""
