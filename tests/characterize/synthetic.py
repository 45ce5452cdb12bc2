"""A circuit made of formulas: synapse tables and column trials whose parameters are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from codesign.cells import CurrentSourceSynapseParameters
from codesign.characterize.column_data import ColumnSetting
from codesign.characterize.currents import CurrentTable
from codesign.characterize.currents import current_tables as tables_of
from codesign.characterize.fit_currents import W_REF
from codesign.pnn import PNNParameters, membrane_potential

SUPPLY_V = 1.8
KNOBS = CurrentSourceSynapseParameters().cell().knobs
V0_V, V_TH_V, T_PHASE_S = 1.3, 0.84, 1e-6
C_EFF_F = 150e-15
SCALE_A = C_EFF_F * V_TH_V / T_PHASE_S  # current of weight 1
SETTING = ColumnSetting(
    t_phase_s=T_PHASE_S,
    t_end=0.9945,
    v0_V=V0_V,
    v_th_V=V_TH_V,
    i_range_A=(2e-9, 200e-9),
    v_range=(-0.35, 1.0),
    supply_V=SUPPLY_V,
)
STRAIGHT = PNNParameters(e_plus=2.9, e_minus=-1.6, t_end=0.9945, w_ref=W_REF)
BENT = PNNParameters(
    e_plus=3.2,
    e_minus=-1.55,
    slope_plus=(-0.011, 0.001),
    slope_minus=(0.03, -0.004),
    curvature_plus=(-0.04, -0.003, 0.0005),
    curvature_minus=(0.02, 0.005, -0.001),
    t_end=0.9945,
    w_ref=W_REF,
)


def current_at_reset(polarity: str, bias_V: np.ndarray) -> np.ndarray:
    """A subthreshold exponential that flattens, about 0.1 nA..0.5 uA; ln(i) is a parabola."""
    drive = bias_V - 0.3 if polarity == "n" else SUPPLY_V - 0.3 - bias_V
    return 1e-10 * np.exp(30 * drive - 22 * drive**2)


def shape(truth: PNNParameters, polarity: str, i0_A: np.ndarray, v: np.ndarray) -> np.ndarray:
    """I/I0 at dimensionless membranes: 1 - v/E(u) + c(u) v^2."""
    plus = polarity == "n"
    u = np.sqrt(i0_A / SCALE_A / W_REF) - 1
    slope = truth.slope_plus if plus else truth.slope_minus
    bend = truth.curvature_plus if plus else truth.curvature_minus
    inverse_e = sum(
        c * u**k for k, c in enumerate((1 / (truth.e_plus if plus else truth.e_minus), *slope))
    )
    return 1 - inverse_e * v + sum(c * u**k for k, c in enumerate(bend)) * v**2


def synapse_table(truth: PNNParameters) -> pd.DataFrame:
    """Rows as the synapse_current sweep writes them."""
    v_mem = np.round(np.arange(0.4, 1.6501, 0.025), 9)
    frames = []
    ranges = (("n", np.arange(0.3, 0.701, 0.02)), ("p", np.arange(1.1, 1.501, 0.02)))
    for polarity, biases in ranges:
        bias, mem = np.meshgrid(np.round(biases, 9), v_mem, indexing="ij")
        i0 = current_at_reset(polarity, bias)
        current = i0 * shape(truth, polarity, i0, (V0_V - mem) / V_TH_V)
        frames.append(
            pd.DataFrame(
                {
                    "polarity": polarity,
                    "v_bias_V": bias.ravel(),
                    "v_mem_V": mem.ravel(),
                    "i_synapse_A": current.ravel(),
                    "status": "ok",
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def current_tables(truth: PNNParameters) -> dict[str, CurrentTable]:
    return tables_of(synapse_table(truth), KNOBS)


@dataclass(frozen=True)
class LogLaw:
    """t = a ln((1 - b v)/(1 - b v1)): a discharger with a constant output conductance."""

    b: float = 0.19
    v1: float = 1.0
    at_zero: float = 0.97

    def __call__(self, v: np.ndarray) -> np.ndarray:
        a = -self.at_zero / np.log1p(-self.b * self.v1)
        return a * (np.log1p(-self.b * v) - np.log1p(-self.b * self.v1))


def column_tables(
    truth: PNNParameters, *, runs: int = 24, trials: int = 3, noise_ns: float = 0.0, seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trial and input tables of layer 1 (3 synapses), the membrane from the exact solution."""
    rng = np.random.default_rng(seed)
    tables = current_tables(truth)
    rows, inputs = [], []
    for run in range(runs):
        positive = np.array([True, rng.random() < 0.6, rng.random() < 0.4])
        current = np.exp(rng.uniform(np.log(5e-9), np.log(90e-9), 3))
        bias_n = np.where(positive, tables["n"].at(V0_V, SUPPLY_V).value(current), 0.0)
        bias_p = np.where(positive, SUPPLY_V, tables["p"].at(V0_V, SUPPLY_V).value(current))
        weight = torch.tensor(np.where(positive, current, -current)[None] / SCALE_A)
        times = rng.uniform(0, 0.95, (400, 3))
        v = membrane_potential(torch.tensor(times), weight, truth, method="exact").numpy()[:, 0]
        inside = np.flatnonzero((v > 0.05) & (v < 0.88))
        if not len(inside):
            inside = np.argsort(np.abs(v - 0.4))
        wanted = rng.uniform(0.05, 0.88, trials)
        chosen = [inside[np.abs(v[inside] - target).argmin()] for target in wanted]
        for trial, index in enumerate(chosen):
            t_fire = LogLaw()(v[index]) * T_PHASE_S + rng.normal(0, 1e-9) * noise_ns
            rows.append(
                {
                    "layer": 1, "run": run, "trial": trial, "status": "ok",
                    "v_start_V": V0_V, "v_end_V": V0_V - V_TH_V * v[index], "t_fire_s": t_fire,
                }
            )  # fmt: skip
            inputs += [
                {
                    "layer": 1, "run": run, "trial": trial, "synapse": j + 1, "status": "ok",
                    "v_bias_n_V": bias_n[j], "v_bias_p_V": bias_p[j],
                    "t_pulse_s": times[index, j] * T_PHASE_S,
                    "t_line_s": times[index, j] * T_PHASE_S + 1e-10,
                }
                for j in range(3)
            ]  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(inputs)


def conductance_table(polarities: str = "np") -> pd.DataFrame:
    """Rows as the synapse_current sweep writes them for conductances to the rails."""
    v_mem = np.round(np.arange(0.2, 1.7501, 0.05), 9)
    value, mem = np.meshgrid(np.geomspace(1e-9, 2e-6, 24), v_mem, indexing="ij")
    distance = {"n": mem, "p": SUPPLY_V - mem}
    frames = [
        pd.DataFrame(
            {
                "polarity": polarity,
                "knob_value": value.ravel(),
                "v_mem_V": mem.ravel(),
                "i_synapse_A": (value * distance[polarity]).ravel(),
                "status": "ok",
            }
        )
        for polarity in polarities
    ]
    return pd.concat(frames, ignore_index=True)
