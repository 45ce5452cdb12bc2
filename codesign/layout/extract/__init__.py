"""Extraction: devices, nets, resistances and capacitances of a drawn layout."""
