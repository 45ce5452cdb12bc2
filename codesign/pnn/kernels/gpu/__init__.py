"""Triton kernels; import these modules only where a kernel is called (they need triton).

Their arguments have no annotations: Triton would read those as its own types.
"""
