"""Tiles in ngspice: pulse-width reads, and the effective parameters fitted to them."""
