"""Networks as torch users treat them: copied, saved, compiled, under autocast, on processes."""

import copy
import subprocess
import sys

import pytest
import torch

from codesign.pnn import Architecture, PNNParameters, Solution, SpikingNetwork

NEURONS = ("rc_spike", "ttfs")
SOLUTION = Solution("dstd2", 4)


def network(neuron, seed=0):
    net = Architecture("conv3-pool-6-4", (1, 6, 6), neuron)
    generator = torch.Generator().manual_seed(seed)
    return SpikingNetwork(net, PNNParameters(4.0, -4.0), generator=generator)


def answer(net, autocast=False):
    """Times of the outputs and gradients of the weights."""
    t = torch.rand(5, 36, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = net(t, SOLUTION)[-1].t_unclipped
    return [out.detach(), *torch.autograd.grad(out.sum(), tuple(net.parameters()))]


def same(a, b, **tolerance):
    for x, y in zip(answer(a), answer(b), strict=True):
        torch.testing.assert_close(x, y, **tolerance)


@pytest.mark.parametrize("neuron", NEURONS)
def test_copies_and_saved_states(neuron):
    own, other = network(neuron), network(neuron, seed=7)
    same(own, copy.deepcopy(own), rtol=0, atol=0)
    other.load_state_dict(own.state_dict())
    same(own, other, rtol=0, atol=0)


@pytest.mark.parametrize("neuron", NEURONS)
def test_only_the_last_layer_where_the_others_are_not_wanted(neuron):
    net, t = network(neuron), torch.rand(3, 36)
    everything, last = net(t, SOLUTION), net(t, SOLUTION, hidden=False)
    assert len(everything) == 3 and len(last) == 1
    assert torch.equal(everything[-1].t, last[0].t)


@pytest.mark.parametrize("neuron", NEURONS)
def test_autocast_leaves_spike_times_alone(neuron):
    net = network(neuron)
    for a, b in zip(answer(net), answer(net, autocast=True), strict=True):
        assert b.dtype == torch.float32
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_compiled_networks_say_the_same():
    net = network("rc_spike")
    # Tracing is what can go wrong; code generation would need a compiler here.
    same(net, torch.compile(net, backend="eager"), rtol=1e-5, atol=1e-6)


PROCESSES = """
import sys
import torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from codesign.pnn import Architecture, PNNParameters, Solution, SpikingNetwork

def run(rank, store):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    net = SpikingNetwork(
        Architecture("conv3-pool-6-4", (1, 6, 6)), PNNParameters(4.0, -4.0),
        generator=torch.Generator().manual_seed(0),
    )
    t = torch.rand(6, 36, generator=torch.Generator().manual_seed(1))
    whole = net(t, Solution("dstd2", 4))[-1].t_unclipped.mean()
    expected = torch.autograd.grad(whole, tuple(net.parameters()))
    parallel = DistributedDataParallel(net)
    parallel(t.chunk(2)[rank], Solution("dstd2", 4))[-1].t_unclipped.mean().backward()
    for own, other in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(own.grad, other, rtol=1e-4, atol=1e-6)
    dist.destroy_process_group()

if __name__ == "__main__":
    torch.multiprocessing.spawn(run, (sys.argv[1],), nprocs=2)
"""


def test_two_processes_sum_their_gradients(tmp_path):
    script = tmp_path / "parallel.py"
    script.write_text(PROCESSES)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "store")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
