"""Pictures of layouts: PNG with one colour per layer."""

from __future__ import annotations

from pathlib import Path

from codesign.files import atomic_path
from codesign.pdk import Technology, default_process

# Colour, and klayout's fill pattern (0 solid, 1 hollow, others hatched), from the bottom up.
_STYLE = {
    "nwell": ("#9aa7b8", 5),
    "diff": ("#3f9b45", 0),
    "tap": ("#8fbf6a", 0),
    "poly": ("#c8352e", 0),
    "licon": ("#303030", 0),
    "li1": ("#7b5bb6", 4),
    "mcon": ("#151515", 0),
    "met1": ("#2f6fd0", 9),
    "via": ("#0d2f66", 0),
    "met2": ("#d6579b", 11),
    "via2": ("#6b1d46", 0),
    "met3": ("#e0912b", 6),
    "via3": ("#7a4a0a", 0),
    "met4": ("#1f9e9e", 3),
    "cap2m": ("#b8a300", 7),
    "via4": ("#084848", 0),
    "met5": ("#8a6f4d", 8),
}


def write_picture(
    gds: Path,
    top: str,
    path: Path,
    *,
    width: int = 1600,
    height: int = 0,
    technology: Technology | None = None,
) -> None:
    """Draw a cell of a GDS file as PNG, the layers that its technology has (the default process's).
    `height` 0: as the cell's shape asks for, within bounds."""
    import klayout.db as kdb
    import klayout.lay as lay

    technology = technology or default_process().technology
    layout = kdb.Layout()
    layout.read(str(gds))
    box = layout.cell(top).dbbox()
    if not height:
        height = round(min(max(width * box.height() / max(box.width(), 1e-9), 300), 2400))
        if height == 2400:
            width = round(max(2400 * box.width() / box.height(), 300))
    view = lay.LayoutView()
    for key, value in (
        ("background-color", "#ffffff"),
        ("grid-visible", "false"),
        ("text-visible", "false"),
        ("cell-box-visible", "false"),
    ):
        view.set_config(key, value)
    view.load_layout(str(gds), False)
    view.active_cellview().cell_name = top
    view.clear_layers()
    for name, (colour, pattern) in _STYLE.items():
        if name not in technology.layers and name not in technology.cuts:
            continue
        node = lay.LayerProperties()
        node.source_layer, node.source_datatype = technology.gds(name)
        node.fill_color = node.frame_color = int(colour[1:], 16)
        node.dither_pattern = pattern
        node.width = 1
        view.insert_layer(view.end_layers(), node)
    view.max_hier()
    view.zoom_box(box.enlarged(box.width() * 0.02, box.height() * 0.02))
    with atomic_path(path) as temporary:
        view.save_image(str(temporary), width, height)
