# Set-up of netgen-lvs for sky130 devices: source and drain may be exchanged, junctions are not
# compared. Parallel transistors are not merged here: netgen 1.5.133 takes widths 0.9 and 1.0 for
# 1.8 um; codesign.layout.lvs.netgen, which reads this file, adds them up before.
permute default
property default
foreach circuit {-circuit1 -circuit2} {
    foreach model {
        nfet_01v8 nfet_01v8_lvt pfet_01v8 pfet_01v8_lvt pfet_01v8_hvt
    } {
        set device "$circuit sky130_fd_pr__$model"
        # A circuit need not have every model: netgen would stop here.
        if {[catch {permute $device 1 3}]} continue
        property $device remove as ad ps pd
        property $device tolerance {w 0.003} {l 0.003}
    }
    foreach model {cap_mim_m3_1 cap_mim_m3_2} {
        set device "$circuit sky130_fd_pr__$model"
        if {[catch {property $device tolerance {w 0.001} {l 0.001}}]} continue
    }
}
