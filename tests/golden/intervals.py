#!/usr/bin/env python3
"""Golden statistics: mean, standard deviation, Student's quantiles and intervals as SciPy gives them.

One JSON file; `tests/intervals.rs` compares it with `leaf::compare`.

    pip install numpy scipy
    python intervals.py --seed 7 --out evaluation/intervals.json
"""
import argparse
import json

import numpy as np
import scipy
from scipy import stats


def sample(numbers):
    mean, deviation = float(np.mean(numbers)), float(np.std(numbers, ddof=1))
    error = stats.sem(numbers)
    intervals = []
    for probability in (0.5, 0.9, 0.95, 0.99):
        low, high = stats.t.interval(probability, len(numbers) - 1, loc=mean, scale=error)
        intervals.append([probability, float(low), float(high)])
    return {"numbers": [float(x) for x in numbers], "mean": mean, "deviation": deviation, "intervals": intervals}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", default="evaluation/intervals.json")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    quantiles = [
        [probability, degrees, float(stats.t.ppf(0.5 + probability / 2, degrees))]
        for probability in (0.5, 0.9, 0.95, 0.99, 0.999)
        for degrees in (1, 2, 3, 4, 5, 7, 9, 15, 16, 31, 39, 100, 999)
    ]
    samples = [sample(random.normal(0.02, 0.05, count)) for count in (2, 3, 8, 16, 40)]
    found = {"scipy": scipy.__version__, "quantiles": quantiles, "samples": samples}
    with open(arguments.out, "w") as file:
        json.dump(found, file)
        file.write("\n")


if __name__ == "__main__":
    main()
