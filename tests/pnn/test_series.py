import math

import pytest
import torch

from codesign.pnn.series import bessel_series, chi, phi


def reference(x: float) -> tuple[float, float]:
    """phi and chi by their integrals, midpoint rule in exact summation."""
    n = 20000
    nodes = [(i + 0.5) / n for i in range(n)]
    first = math.fsum(math.exp(-x * (1 - s)) for s in nodes) / n
    # chi F = integral of the response to a unit first moment, 12 (s - 1/2).
    second = math.fsum(12 * (s - 0.5) * math.exp(-x * (1 - s)) for s in nodes) / n
    return first, second / x


@pytest.mark.parametrize("x", [0.01, 0.3, 1.9999, 2.0001, 7.0, 40.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_phi_and_chi_against_their_integrals(x, dtype):
    argument = torch.tensor([x], dtype=dtype)
    first, second = reference(x)
    assert phi(argument).item() == pytest.approx(first, rel=2e-6)
    assert chi(argument).item() == pytest.approx(second, rel=2e-5)


def test_limits_and_gradients():
    zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    assert phi(zero).item() == 1.0 and chi(zero).item() == 1.0
    x = torch.tensor([-1.0, 0.0, 1e-9, 0.5, 1.7, 2.3, 9.0, 80.0], dtype=torch.float64)
    x.requires_grad_()
    assert torch.autograd.gradcheck(phi, (x,)) and torch.autograd.gradcheck(chi, (x,))
    assert torch.autograd.gradgradcheck(phi, (x[:5].detach().requires_grad_(),))
    huge = torch.tensor([300.0], requires_grad=True)
    (phi(huge) + chi(huge)).backward()
    assert bool(torch.isfinite(huge.grad).all())


def test_series_are_hyperbolic_functions():
    h = torch.tensor([0.2, 0.9], dtype=torch.float64)
    torch.testing.assert_close(bessel_series(h * h, -1), torch.cosh(h))
    torch.testing.assert_close(bessel_series(h * h, 0), torch.sinh(h) / h)
