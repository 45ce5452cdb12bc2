"""Layers on tiles in a stranger's training: precision, compilation, copies, odd input, noise."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from codesign.errors import CodesignError
from codesign.tile import (
    AdcParameters,
    AnalogLinear,
    TileError,
    TileMapping,
    TileParameters,
    calibrate,
    convert,
    set_tile,
    tile_charge,
)

FREE = TileParameters(r_line_ohm=0.0, pulse_bits=None)
REAL = TileParameters(r_line_ohm=20.0)
METHODS = pytest.mark.parametrize("method", ["fast", "exact", "mean_field"])


def draw(*shape, seed=1, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def network(seed=1):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4))


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_weights_of_zero_have_the_gradient_of_the_linear_layer(share):
    layer = AnalogLinear(16, 8, params=FREE)
    with torch.no_grad():
        layer.weight.mul_(torch.rand(8, 16, generator=torch.Generator().manual_seed(2)) < share)
    x = draw(64, 16)
    (layer(x) * draw(64, 8)).sum().backward()
    want = draw(64, 8).t() @ x
    torch.testing.assert_close(layer.weight.grad, want, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", ["fast", "mean_field"])
def test_second_derivatives_are_those_of_the_torch_path(method, sample):
    x, plus, minus = sample(12, 3, 2)
    params = TileParameters(r_line_ohm=500.0, pulse_bits=None, elements=4, slices=3)

    def penalty(backend):
        leaves = [t.clone().requires_grad_() for t in (0.9 * x, plus, minus)]
        q = 1e13 * tile_charge(*leaves, params, method, backend=backend)
        slopes = torch.autograd.grad(q.pow(2).sum(), leaves[0], create_graph=True)
        return torch.autograd.grad(slopes[0].pow(2).sum(), leaves)

    for found, want in zip(penalty("compiled"), penalty("torch"), strict=True):
        assert float(want.norm()) > 0
        torch.testing.assert_close(found, want, rtol=1e-8, atol=1e-10 * float(want.abs().max()))


@METHODS
def test_empty_batches(method):
    layer = AnalogLinear(
        8, 4, params=TileParameters(adc=AdcParameters(style="cco"), read_noise="output"),
        mapping=TileMapping(output_noise=0.1, weight_noise=0.1), method=method,
    )  # fmt: skip
    layer.generator = torch.Generator()
    x = torch.zeros(3, 0, 8, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.shape == (3, 0, 4) and x.grad.shape == x.shape
    assert not layer.weight.grad.any()
    q = tile_charge(torch.zeros(0, 8), torch.rand(8, 4), torch.rand(8, 4), REAL, method)
    assert q.shape == (0, 4)


def test_numbers_of_numpy_are_numbers():
    mapping = TileMapping(np.int64(64), np.int32(8), np.float64(2e-5), np.float32(0.1))
    assert mapping == TileMapping(64, 8, 2e-5, 0.1) and type(mapping.tile_rows) is int
    adc = AdcParameters(bits=np.int64(9), full_scale_C=np.float32(2.0), seed=np.uint8(3))
    assert adc == AdcParameters(bits=9, full_scale_C=2.0, seed=3)
    params = TileParameters(
        r_line_ohm=np.float32(0.1), pulse_bits=np.int8(6), slices=np.int64(4), elements=np.int64(4)
    )
    assert params == TileParameters(r_line_ohm=0.1, pulse_bits=6, slices=4, elements=4)
    assert AnalogLinear(np.int64(8), np.int64(4), params=params)(draw(2, 8)).shape == (2, 4)
    for bad in ({"pulse_bits": True}, {"pulse_bits": np.float64(8)}, {"adc": 9}):
        with pytest.raises(TileError):
            TileParameters(**bad)


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_inputs_that_do_not_fit_are_refused_by_name():
    layer = AnalogLinear(8, 4, params=REAL)
    assert layer(draw(8)).shape == (4,) and layer(draw(2, 3, 8)).shape == (2, 3, 4)
    for x, message in (
        (draw(4, 16), r"\(\.\.\., 8\)"),
        (draw(4), r"\(\.\.\., 8\)"),
        (torch.tensor(1.0), r"\(\.\.\., 8\)"),
        (torch.ones(2, 8, dtype=torch.int64), "floating point"),
        (draw(2, 8, dtype=torch.float64), "one dtype"),
        (draw(2, 8) * torch.nan, "NaN"),
        (draw(2, 8) / 0.0, "NaN"),
    ):
        with pytest.raises(CodesignError, match=message):
            layer(x)
    for sizes in ((0, 4), (4, 0)):
        with pytest.raises(TileError, match="rows and columns"):
            AnalogLinear.from_linear(nn.Linear(*sizes), REAL)


@METHODS
def test_autocast_is_a_drop_in(method):
    plain, model = network(), convert(network(), REAL, exclude=["0"], method=method)
    x = draw(4, 16).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, want = model(x), plain(x)
        inner = model[2](model[1](model[0](x)).float())
    assert found.dtype == want.dtype == torch.bfloat16 and inner.dtype == torch.bfloat16
    assert float((found - want).detach().norm()) < 0.1 * float(want.detach().norm())
    found.float().pow(2).sum().backward()
    assert model[0].weight.grad.dtype == torch.float32 and model[2].weight.grad.norm() > 0


@pytest.mark.parametrize("method", ["fast", "mean_field"])
def test_compiled_models_give_equal_numbers(method):
    model = convert(network(), REAL, method=method)
    x = draw(5, 16)
    want = model(x)
    slopes = torch.autograd.grad(want.pow(2).sum(), list(model.parameters()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = torch.compile(model, backend="aot_eager")
        found = compiled(x)
        own = torch.autograd.grad(found.pow(2).sum(), list(model.parameters()))
    torch.testing.assert_close(found, want)
    for a, b in zip(own, slopes, strict=True):
        torch.testing.assert_close(a, b)
    torch._dynamo.reset()


def test_state_travels_between_converted_models():
    params = TileParameters(r_line_ohm=50.0, adc=AdcParameters(bits=9))
    model, other = convert(network(), params), convert(network(7), params)
    x = draw(50, 16)
    calibrate(model, [x])
    assert not torch.allclose(other(x), model(x))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(x), model(x))
    assert torch.equal(copy.deepcopy(model)(x), model(x))


def test_calibration_puts_modes_generators_and_settings_back():
    params = TileParameters(read_noise="output")
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)).train()
    model[1].eval()
    convert(model, params)
    generator = torch.Generator().manual_seed(3)
    set_tile(model, generator=generator)
    state = generator.get_state()
    calibrate(model, [draw(32, 16)])
    assert [m.training for m in model] == [True, False, True]
    assert torch.equal(generator.get_state(), state)
    kept = model[0].input_scale.clone(), model[0].gain.clone()
    with pytest.raises(TileError):
        calibrate(model, [draw(32, 16), draw(32, 3)])
    assert [m.training for m in model] == [True, False, True] and model[0].recorder is None
    assert torch.equal(kept[0], model[0].input_scale) and torch.equal(kept[1], model[0].gain)
    assert model[0].params == params


def test_the_first_call_in_inference_mode_spoils_nothing():
    """What is made once and kept must serve training later."""
    for method in ("fast", "mean_field"):
        params = TileParameters(
            r_line_ohm=7.77, adc=AdcParameters(gain_sigma=0.01, seed=77), levels=5, elements=3
        )
        layer = AnalogLinear(13, 3, params=params, method=method)
        with torch.inference_mode():
            layer(draw(2, 13))
        layer(draw(2, 13)).sum().backward()
        leaf = torch.rand(2, 13, requires_grad=True)
        q = tile_charge(leaf, *torch.rand(2, 13, 3) * 1e-5, params, method, backend="torch")
        q.sum().backward()


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_draws_the_same_noise_or_refuses(reentrant):
    def gradient(again, generator):
        model = convert(network(), REAL, mapping=TileMapping(weight_noise=0.3, output_noise=0.3))
        set_tile(model.train(), generator=generator)
        x = draw(8, 16).requires_grad_()
        with torch.random.fork_rng():
            torch.manual_seed(5)
            y = checkpoint(model, x, use_reentrant=reentrant) if again else model(x)
            torch.manual_seed(6)
            y.pow(2).sum().backward()
        return model[0].weight.grad

    torch.testing.assert_close(gradient(True, None), gradient(False, None))
    with pytest.raises(TileError, match="checkpointing"):
        gradient(True, torch.Generator().manual_seed(1))
    assert gradient(False, torch.Generator().manual_seed(1)).norm() > 0


def train_a_share(rank: int, folder: str, done) -> None:
    """One process of two: gradients of half of a batch, averaged."""
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    model = nn.parallel.DistributedDataParallel(convert(network(), REAL))
    x = draw(8, 16)[4 * rank : 4 * rank + 4]
    model(x).pow(2).mean().backward()
    if rank == 0:
        done.put([p.grad.numpy().copy() for p in model.parameters()])
    dist.barrier()
    dist.destroy_process_group()


def test_two_processes_share_a_batch(tmp_path):
    context = torch.multiprocessing.get_context("spawn")
    done = context.SimpleQueue()
    workers = [
        context.Process(target=train_a_share, args=(rank, str(tmp_path), done))
        for rank in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    model = convert(network(), REAL)
    model(draw(8, 16)).pow(2).mean().backward()
    for found, p in zip(done.get(), model.parameters(), strict=True):
        torch.testing.assert_close(torch.from_numpy(found), p.grad, rtol=1e-4, atol=1e-6)


def test_data_parallel_without_devices_runs_the_model():
    model = convert(network(), REAL)
    assert torch.equal(nn.DataParallel(model)(draw(4, 16)), model(draw(4, 16)))


def test_noise_is_drawn_where_the_generator_is():
    """A generator's numbers do not depend on where the tensors are (meta stands for a device)."""
    from codesign.tile.draws import normal_like

    a = normal_like(torch.zeros(5), torch.Generator().manual_seed(2))
    assert torch.equal(a, torch.randn(5, generator=torch.Generator().manual_seed(2)))
    assert normal_like(torch.zeros(5, device="meta"), torch.Generator()).device.type == "meta"
