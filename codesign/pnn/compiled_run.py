"""One call of the compiled kernels: its arrays in their layout, shared among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Setting(NamedTuple):
    """What a call does; scalars as in `codesign.pnn.kernels.binned`."""

    scalars: tuple[float, ...]
    start: Tensor
    t_end: float
    edges: list[float] | None
    moments: bool
    crossing: bool


class Run:
    """One call's arrays in the layout of the kernels."""

    def __init__(
        self,
        t_in: Tensor,
        weight: Tensor,
        second: Tensor | None,
        third: Tensor | None,
        setting: Setting,
    ) -> None:
        from codesign.pnn.kernels import layout

        self.layout = layout
        self.setting = setting
        self.n_out, self.n_in = weight.shape
        # Measured: longer loops pay for the exact kernel, gradients in the cache for the other.
        self.blocks = layout.Blocks.of(self.n_out, 256 if setting.edges is None else 128)
        self.times = np.ascontiguousarray(t_in.detach().numpy())
        dtype = self.times.dtype
        self.scalars = np.array(setting.scalars, dtype)
        self.start = self.blocks.pad(setting.start.detach().numpy().reshape(1, -1))[0]
        self.matrices = [
            None if x is None else self.blocks.split(x.detach().numpy())
            for x in (weight, second, third)
        ]
        if setting.edges is None:
            from codesign.pnn.kernels import events as kernel

            self.kernel: Any = kernel
            self.spikes = self._sorted(dtype)
        else:
            from codesign.pnn.kernels import binned

            self.kernel = binned
            self.spikes = self._binned(dtype, setting.edges)

    def _binned(self, dtype: Any, grid: list[float]) -> tuple[Any, ...]:
        edges = np.array(grid, dtype)
        batch = len(self.times)
        order = np.empty((batch, self.n_in), np.int32)
        share, moment = np.empty((2, batch, self.n_in), dtype)
        starts = np.empty((batch, len(edges)), np.int32)
        self.layout.bin_spikes(self.times, edges, order, share, moment, starts)
        return order, share, moment if self.setting.moments else None, starts, np.diff(edges)

    def _sorted(self, dtype: Any) -> tuple[Any, ...]:
        order = np.argsort(self.times, axis=1, kind="stable").astype(np.int32)
        t_end = dtype.type(self.setting.t_end)
        counts = (self.times < t_end).sum(axis=1).astype(np.int32)
        plus, minus = self.scalars[3:5]
        rows, second, _ = self.matrices
        if second is None:
            assert rows is not None
            f = np.maximum(plus * rows, minus * rows)
        else:
            f = np.maximum(second, dtype.type(0))
        bounds = f.reshape(self.blocks.number, self.n_in, -1).max(axis=2)
        return order, counts, bounds, t_end

    def forward(self) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        v = np.empty((len(self.times), self.blocks.number * self.blocks.lanes), self.times.dtype)
        g, f, cross = v, v, None
        if self.setting.crossing:
            g, f = np.empty_like(v), np.empty_like(v)
            cross = np.empty(v.shape, np.int32)
        self._each(
            lambda low, high: self.kernel.forward(
                np.uint64(self.blocks.lanes),
                self.times,
                *self.spikes,
                *self._synapses(),
                low,
                high,
                v,
                cross,
                g,
                f,
            )
        )
        out = [torch.from_numpy(x[:, : self.n_out].copy()) for x in (v, g, f)]
        if cross is None:
            return out[0], out[1], out[2], None
        return out[0], out[1], out[2], torch.from_numpy(cross[:, : self.n_out].copy())

    def backward(
        self, grads: tuple[Tensor, ...], cross: Tensor | None, by_time: bool
    ) -> tuple[Tensor | None, ...]:
        pad = self.blocks.pad
        v = pad(grads[0].numpy())
        g, f, crossed = v, v, None
        if cross is not None:
            g, f = pad(grads[1].numpy()), pad(grads[2].numpy())
            crossed = pad(cross.numpy())
        gradients = [None if x is None else np.zeros_like(x) for x in self.matrices]
        scratch: tuple[Any, ...] = ()
        if self.setting.edges is None:
            scratch = (np.empty_like(v), np.empty_like(v), np.empty_like(v))

        def part(low: int, high: int) -> Any:
            d_times = np.zeros_like(self.times) if by_time else None
            self.kernel.backward(
                np.uint64(self.blocks.lanes),
                self.times,
                *self.spikes,
                *self._synapses(),
                low,
                high,
                v,
                crossed,
                g,
                f,
                *scratch,
                d_times,
                *gradients,
            )
            return d_times

        parts = self._each(part)
        d_times = torch.from_numpy(sum(parts[1:], parts[0])) if by_time else None
        weights = [
            None if x is None else torch.from_numpy(self.blocks.join(x, self.n_out, self.n_in))
            for x in gradients
        ]
        return (d_times, *weights)

    def _synapses(self) -> tuple[Any, ...]:
        return (*self.matrices, self.scalars, self.start)

    def _each(self, work: Callable[[int, int], Any]) -> list[Any]:
        """Share the blocks among as many threads as torch uses; results in order."""
        count = self.blocks.number
        threads = min(torch.get_num_threads(), count)
        if threads == 1:
            return [work(0, count)]
        cuts = [count * i // threads for i in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, cuts[:-1], cuts[1:]))
