"""Pulse-width reads of a tile in ngspice: one transient of several MVMs, charges per column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.cells.tile_column import (
    IDEAL_LEVEL_V,
    Tile,
    TileColumn,
    TileColumnParameters,
)
from codesign.errors import InputError
from codesign.files import code_hash
from codesign.pdk import Conditions, Process
from codesign.spice import (
    Cache,
    Deck,
    Status,
    Transient,
    cache_key,
    default_simulator,
    integral,
    pwl,
    run_batch,
    step_points,
)

# Between windows the source lines change their polarity; the first window waits as long.
_GUARD_SHARE = 0.08
_IDEAL_EDGE_S, _EDGE_S = 1e-12, 20e-12
_CHAIN_ROWS = 256


@dataclass(frozen=True)
class ReadTiming:
    """v_read_V at the devices, the window of the longest pulse and its slots."""

    v_read_V: float = 0.2
    t_window_s: float = 127e-9
    slots: int = 127

    @property
    def slot_s(self) -> float:
        return self.t_window_s / self.slots

    @property
    def guard_s(self) -> float:
        return _GUARD_SHARE * self.t_window_s

    def start_s(self, window: int) -> float:
        """When the pulses of a window start."""
        return self.guard_s + window * (self.t_window_s + 2 * self.guard_s)


@dataclass(frozen=True)
class TileReads:
    """What is simulated: a tile and pulses (windows, rows) in whole signed slots."""

    cells: TileColumnParameters
    g_plus: np.ndarray
    g_minus: np.ndarray
    slots_on: np.ndarray
    timing: ReadTiming
    conditions: Conditions

    def __post_init__(self) -> None:
        rows = self.g_plus.shape[0]
        if self.slots_on.ndim != 2 or self.slots_on.shape[1] != rows:
            raise InputError(f"pulses {self.slots_on.shape} do not fit a tile of {rows} rows")
        if np.abs(self.slots_on).max(initial=0) > self.timing.slots:
            raise InputError(f"pulses last at most {self.timing.slots} slots")

    @property
    def tile(self) -> Tile:
        return Tile(self.cells, self.g_plus.tolist(), self.g_minus.tolist())


@dataclass(frozen=True)
class ReadResult:
    """charge_C (windows, cols), nan where the simulation failed; energy_J (windows,) from the read
    rails; how the simulation ended and what it cost."""

    charge_C: np.ndarray
    energy_J: np.ndarray
    status: str
    duration_s: float
    log_tail: str = ""

    @property
    def ok(self) -> bool:
        return self.status == Status.OK.value


def read_deck(reads: TileReads) -> Deck:
    """The tile with its source lines, word lines and integrators, which hold 0 V."""
    tile, timing = reads.tile, reads.timing
    ideal = reads.cells.access is None
    high = IDEAL_LEVEL_V if ideal else reads.conditions.supply_V
    edge = _IDEAL_EDGE_S if ideal else _EDGE_S
    lines = ["rvss vss 0 1e-3", *_circuit(reads)]
    for row in range(reads.slots_on.shape[1]):
        counts = reads.slots_on[:, row]
        word: list[tuple[float, float]] = []
        source: list[tuple[float, float]] = []
        level = 0.0
        for window, count in enumerate(counts):
            if not count:
                continue
            start = timing.start_s(window)
            # Both edges are equally long, so a pulse lasts from middle to middle.
            word += [(start, high), (start + abs(int(count)) * timing.slot_s, 0.0)]
            wanted = float(np.sign(count)) * timing.v_read_V
            if wanted != level:
                source.append((start - 0.75 * timing.guard_s, wanted))
                level = wanted
        settle = 0.25 * timing.guard_s
        lines.append(f"vwl_{row + 1} wl_{row + 1} 0 {pwl(step_points(word, 0.0, edge))}")
        # Paired lines have one polarity and are subtracted after integration.
        factor = -1.0 if reads.cells.differential == "shared" else 1.0
        minus = [(time, factor * value) for time, value in source]
        for name, levels in (("sp", source), ("sm", minus)):
            points = pwl(step_points(levels, 0.0, settle))
            lines.append(f"v{name}_{row + 1} {name}_{row + 1} 0 {points}")
    lines += [f"vint_{line} {line} 0 0" for pair in tile.bit_lines for line in pair]
    rows, cols = reads.g_plus.shape
    title = f"tile {rows} x {cols}, {len(reads.slots_on)} reads"
    return Deck(title, "\n".join(lines), tile.devices(), reads.conditions)


def _circuit(reads: TileReads) -> list[str]:
    """The tile's columns; tall ones as a chain, since a subcircuit has 1005 ports at most."""
    lines: list[str] = []
    rows, cols = reads.g_plus.shape
    if rows <= _CHAIN_ROWS:
        tile = reads.tile
        return [tile.netlist(), f"xtile {' '.join(tile.port_names)} {tile.name}"]
    starts = list(range(0, rows, _CHAIN_ROWS))
    for col in range(cols):
        for number, start in enumerate(starts):
            part = slice(start, start + _CHAIN_ROWS)
            cell = TileColumn(
                reads.cells, reads.g_plus[part, col].tolist(), reads.g_minus[part, col].tolist(),
                f"column_{col + 1}_{number}",
            )  # fmt: skip
            last = number == len(starts) - 1
            nodes = []
            for port in cell.port_names:
                line, _, index = port.partition("_")
                if port == "vss":
                    nodes.append(port)
                elif line in cell.lines:
                    joint = number if index else number + 1
                    nodes.append(
                        f"{line}_{col + 1}" if last and not index else f"{line}_{col + 1}_{joint}"
                    )
                else:
                    nodes.append(f"{line}_{int(index) + start}")
            lines += [cell.netlist(), f"x{cell.name} {' '.join(nodes)} {cell.name}"]
    return lines


def read_transient(reads: TileReads) -> Transient:
    """The analysis: currents of integrators and of the read rails over all windows."""
    rows, windows = reads.g_plus.shape[0], len(reads.slots_on)
    save = [f"i(vint_{line})" for pair in reads.tile.bit_lines for line in pair]
    save += [f"i(v{name}_{row + 1})" for name in ("sp", "sm") for row in range(rows)]
    stop = reads.timing.start_s(windows)
    # ngspice merges breakpoints nearer than 5e-5 of the largest step: edges must stay apart.
    return Transient(stop, 2 * reads.timing.slot_s, tuple(save))


def simulate_reads(
    reads: TileReads, process: Process, *, timeout_s: float, cache: Cache | None = None,
    workdir: Path | None = None,
) -> ReadResult:  # fmt: skip
    """Run the reads in ngspice; a failed simulation is a result with its status."""
    deck, analysis = read_deck(reads), read_transient(reads)
    key = None
    if cache is not None:
        # What is kept are measured values, so the code that measures decides them too.
        key = cache_key(
            deck.text(analysis),
            deck.models(process),
            *default_simulator().identity(),
            code_hash(_measure),
        )
        stored = cache.get(key)
        if stored is not None:
            charge, energy = stored["charge_C"], stored["energy_J"]
            return ReadResult(charge, energy, Status.OK.value, float(stored["duration_s"][0]))
    result = run_batch(deck, analysis, process=process, timeout_s=timeout_s, workdir=workdir)
    windows, cols = len(reads.slots_on), reads.g_plus.shape[1]
    if not result.ok:
        empty = np.full((windows, cols), np.nan)
        return ReadResult(
            empty, np.full(windows, np.nan), result.status.value, result.duration_s,
            result.log_tail,
        )  # fmt: skip
    charge, energy = _measure(reads, result.waveforms)
    if cache is not None and key is not None:
        kept = {
            "charge_C": charge, "energy_J": energy, "duration_s": np.array([result.duration_s]),
        }  # fmt: skip
        cache.put(key, kept, {"title": deck.title})
    return ReadResult(charge, energy, Status.OK.value, result.duration_s)


def _measure(reads: TileReads, wave: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Charges into the integrators and energies of the read rails, window by window."""
    timing, time = reads.timing, wave["time"]
    pairs: Sequence[tuple[str, ...]] = reads.tile.bit_lines
    charge = np.zeros((len(reads.slots_on), len(pairs)))
    energy = np.zeros(len(reads.slots_on))
    for window, counts in enumerate(reads.slots_on):
        start = timing.start_s(window)
        # From settled source lines to the end of the guard behind the pulses.
        span = (start - 0.25 * timing.guard_s, start + timing.t_window_s + 0.9 * timing.guard_s)
        for col, lines in enumerate(pairs):
            signs = (1.0,) if len(lines) == 1 else (1.0, -1.0)
            for sign, line in zip(signs, lines, strict=True):
                charge[window, col] += sign * integral(time, wave[f"i(vint_{line})"], *span)
        for row, count in enumerate(counts, start=1):
            for name, polarity in (("sp", 1.0), ("sm", -1.0)):
                # A source's current counts into its positive node: delivered is negative.
                if reads.cells.differential == "paired":
                    polarity = 1.0
                level = polarity * np.sign(count) * timing.v_read_V
                energy[window] -= level * integral(time, wave[f"i(v{name}_{row})"], *span)
    return charge, energy
