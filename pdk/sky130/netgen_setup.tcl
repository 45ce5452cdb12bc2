# Set-up of netgen-lvs, read before what codesign.layout.lvs.netgen_files writes for the devices of
# the two circuits: which of their pins may be exchanged. Parallel transistors are not merged here:
# netgen 1.5.133 takes widths 0.9 and 1.0 for 1.8 um; codesign adds them up before.
permute default
property default
