"""Means over seeds, and differences paired by seed, of the rows of `reversal_potential`."""

from __future__ import annotations

import math
import statistics
from typing import Any

Row = dict[str, Any]

KINDS = ("pnn", "mapped", "scaled")
STUDENT_2 = 4.303  # two-sided 5 % point of Student's t, 2 degrees of freedom: three seeds


def by_seed(rows: list[Row], kind: str, **where: Any) -> dict[int, float]:
    """Seed to accuracy, of the rows that have these values."""
    return {
        row["seed"]: row[kind]
        for row in rows
        if kind in row and all(row.get(key) == value for key, value in where.items())
    }


def spread(values: dict[int, float]) -> dict[str, Any]:
    """Mean and standard deviation over seeds."""
    x = list(values.values())
    return {
        "mean": statistics.mean(x),
        "sd": statistics.stdev(x) if len(x) > 1 else None,
        "seeds": len(x),
    }


def difference(a: dict[int, float], b: dict[int, float]) -> dict[str, Any]:
    """Mean of a - b over common seeds, its standard error, and whether t exceeds the 5 % point."""
    x = [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]
    if not x:
        return {"seeds": 0}
    out: dict[str, Any] = {"mean": statistics.mean(x), "seeds": len(x)}
    if len(x) == 3:
        error = statistics.stdev(x) / math.sqrt(3)
        out |= {"se": error, "significant": abs(out["mean"]) > STUDENT_2 * error}
    return out


def summary(rows: list[Row], ideal: float) -> dict[str, Any]:
    """Per task and noise: accuracies by |E|, the best |E|, what differs from the ideal sum."""
    reversal: dict[str, Any] = {}
    settings = dict.fromkeys((r["task"], r["noise"]) for r in rows if r["study"] == "E")
    for task, noise in settings:
        where = {"study": "E", "task": task, "noise": noise}
        all_e = sorted({r["e"] for r in rows if r["study"] == "E"})
        pnn = {e: by_seed(rows, "pnn", **where, e=e) for e in all_e}
        best = max(all_e, key=lambda e, x=pnn: statistics.mean(x[e].values()))  # type: ignore[misc]
        finite = [e for e in all_e if e != ideal]
        reversal[f"{task}, noise {noise}"] = {
            "accuracy": {
                kind: {e: spread(x) for e in all_e if (x := by_seed(rows, kind, **where, e=e))}
                for kind in KINDS
            },
            "train_accuracy": {e: spread(by_seed(rows, "pnn_train", **where, e=e)) for e in all_e},
            "best": best,
            "best_minus_ideal": difference(pnn[best], pnn[ideal]),
            "best_by_seed": {s: max(all_e, key=lambda e, s=s, x=pnn: x[e][s]) for s in pnn[best]},  # type: ignore[misc]
            "pnn_minus_ideal": {e: difference(pnn[e], pnn[ideal]) for e in finite},
            **{
                f"pnn_minus_{kind}": {
                    e: difference(pnn[e], by_seed(rows, kind, **where, e=e)) for e in finite
                }
                for kind in ("mapped", "scaled")
            },
        }
    steps: dict[str, Any] = {}
    for task in dict.fromkeys(r["task"] for r in rows if r["study"] == "M"):
        where = {"study": "M", "task": task}
        exact = by_seed(rows, "pnn", **where, method="exact")
        keys = dict.fromkeys(
            (r["method"], r["steps"], r["random"])
            for r in rows
            if r["task"] == task and "steps" in r
        )
        steps[task] = {
            f"{method}, M = {m}, {'random' if random else 'fixed'} offset": {
                **spread(x),
                "minus_exact": difference(x, exact),
            }
            for method, m, random in keys
            for x in [by_seed(rows, "pnn", **where, method=method, steps=m, random=random)]
        }
    return {"by_reversal_potential": reversal, "by_steps": steps}
