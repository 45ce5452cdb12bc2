"""Compiled CPU kernels; import these modules only where a kernel is called (they need numba)."""
