import json
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codesign.pnn import FiringCurve, PNNParameters
from codesign.pnn.synapses import synapses


def test_defaults_are_the_ideal_weighted_sum():
    params = PNNParameters()
    assert params.e_plus == math.inf and params.e_minus == -math.inf
    assert not params.has_kick and not params.has_curvature


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("e_plus", 0.0),
        ("e_plus", math.nan),
        ("e_minus", 1.0),
        ("e_dis", 0.9),
        ("leak", -0.1),
        ("w_ref", 0.0),
        ("t_end", 0.0),
        ("kick", math.inf),
        ("v_start", math.nan),
        ("v_start", (0.1, math.inf)),
        ("v_start", ()),
        ("firing_offset", math.nan),
        ("firing_offset", (math.nan,)),
        ("series", -1e-3),
        ("series", math.nan),
        ("coupling", ((1, 1, 0.1),)),
        ("coupling", ((0, -1, 0.1),)),
        ("coupling", ((0, 1, math.nan),)),
        ("coupling", ((0.5, 1, 0.1),)),
        ("slope_plus", (math.inf,)),
        ("firing_curve", "log"),
    ],
)
def test_bad_values_name_their_field(field, value):
    with pytest.raises(ValueError, match=field):
        PNNParameters(**{field: value})


@given(
    e_plus=st.floats(0.1, 1e6) | st.just(math.inf),
    e_minus=st.floats(-1e6, -0.1) | st.just(-math.inf),
    kick=st.floats(-0.1, 0.1),
    slope=st.lists(st.floats(-1, 1), max_size=3),
    curve=st.booleans(),
    start=st.floats(-1, 1) | st.lists(st.floats(-1, 1), min_size=1, max_size=4).map(tuple),
    share=st.floats(-0.9, 0.9),
)
def test_json_round_trip(e_plus, e_minus, kick, slope, curve, start, share):
    params = PNNParameters(
        e_plus=e_plus,
        e_minus=e_minus,
        kick=kick,
        slope_minus=tuple(slope),
        v_start=start,
        firing_offset=start,
        series=abs(share) / 10,
        coupling=((0, 1, share), (1, 0, -share)),
        firing_curve=FiringCurve((0.0, 0.5, 1.0), (1.1, 0.4, 0.0)) if curve else None,
    )
    text = json.dumps(params.to_dict(), allow_nan=False)
    assert PNNParameters.from_dict(json.loads(text)) == params


def test_unknown_and_malformed_keys_are_refused():
    with pytest.raises(ValueError, match="did you mean e_plus"):
        PNNParameters.from_dict({"e_pluss": 2.8})
    with pytest.raises(ValueError, match="leak"):
        PNNParameters.from_dict({"leak": "much"})


def test_a_list_of_neuron_values_becomes_a_tuple():
    params = PNNParameters(v_start=[0.1, 0.2])
    assert params.v_start == (0.1, 0.2) and hash(params) == hash(PNNParameters(v_start=(0.1, 0.2)))


def test_polynomials_of_the_weight_hold_up_to_the_largest_weight() -> None:
    """Beyond it 1/E and curvature stay what they are there; the current itself goes on."""
    open_end = PNNParameters(3.0, -1.5, slope_plus=(0.1, 0.05), curvature_plus=(0.02, 0.03))
    kept = replace(open_end, w_most=1.0)
    w = torch.tensor([[0.5, 1.0, 4.0]], dtype=torch.float64)
    free, held = synapses(w, open_end), synapses(w, kept)
    for one, other in (
        (free.g, held.g),
        (free.f[:, :2], held.f[:, :2]),
        (free.q[:, :2], held.q[:, :2]),
    ):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(held.f[0, 2], 4 * held.f[0, 1])
    torch.testing.assert_close(held.q[0, 2], 4 * held.q[0, 1])
    with pytest.raises(ValueError, match="w_most"):
        PNNParameters(w_most=0.0)
