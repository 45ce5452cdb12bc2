"""Writes measurements.csv: 200 made-up readings of a pump, 100 that run dry and 100 that do not.

    python make_data.py
"""

import csv
from pathlib import Path

import numpy as np


def main() -> None:
    rng = np.random.default_rng(7)
    rows = []
    for state, centre in (("dry", (41.0, 2.1, 8.0)), ("wet", (35.0, 3.4, 11.0))):
        for reading in rng.normal(centre, (1.6, 0.35, 1.0), (100, 3)):
            rows.append([*(f"{value:.3f}" for value in reading), state])
    path = Path(__file__).with_name("measurements.csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["temperature_C", "pressure_bar", "flow_l_per_min", "state"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
