"""Data-parallel training under torchrun: every process computes its rows of each batch.

Batches and noise are drawn as one process would draw them, so the result is that of a single
process up to the rounding of the summed gradients.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Group:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1

    def rows(self, batch: int) -> Tensor:
        """Which rows of a batch are this process's."""
        return torch.arange(batch).tensor_split(self.size)[self.rank]

    def sum_gradients(self, weights: Sequence[Tensor]) -> None:
        """Add the gradients of all processes."""
        if self.size == 1:
            return
        for weight in weights:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            dist.all_reduce(weight.grad)

    def sum(self, values: Sequence[float]) -> list[float]:
        """Sums of numbers over all processes."""
        if self.size == 1:
            return list(values)
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        total = torch.tensor(list(values), dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return [float(x) for x in total.tolist()]

    def wait(self) -> None:
        """Until every process has come here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def process_group(device: str = "cpu") -> Iterator[Group]:
    """The processes that torchrun started, this one alone where it did not."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Group()
        return
    gpu = device != "cpu" and torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
