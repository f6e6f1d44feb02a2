#!/usr/bin/env python3
"""Writes authors_split.json: the splits that LEAF's authors draw with NumPy's legacy generator, seed 5.

    python3 authors_split.py > authors_split.json

The labels are as many as RAF-DB's training list has of each class, in an order that
authors_split.rs makes as well. Needs NumPy.
"""

import json

import numpy as np

COUNTS = [1290, 281, 717, 4772, 1982, 705, 2524]
SEED = 5


def labels():
    grouped = np.repeat(np.arange(7), COUNTS)
    return grouped[np.arange(len(grouped)) * 7919 % len(grouped)]


def fnv(places):
    value = 0xCBF29CE484222325
    for byte in b"".join(b"%d\n" % place for place in places):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def split(total, each_class):
    """Labelled and unlabelled places; `each_class`: the generator starts again each time."""

    def start():
        if each_class:
            np.random.seed(SEED)

    np.random.seed(SEED)
    labeled, unlabeled = [], []
    for label in range(7):
        places = np.where(labels() == label)[0]
        start()
        np.random.shuffle(places)
        labeled.extend(places[: total // 7])
        unlabeled.extend(places[total // 7 :])
    for places in [labeled, unlabeled]:
        start()
        np.random.shuffle(places)
    return [int(place) for place in labeled], [int(place) for place in unlabeled]


def main():
    cases = []
    for total in [28, 98, 350, 1400]:
        for each_class in [True, False]:
            labeled, unlabeled = split(total, each_class)
            cases.append(
                {
                    "total": total,
                    "each_class": each_class,
                    "labeled": labeled[:98],
                    "labeled_hash": fnv(labeled),
                    "unlabeled": unlabeled[:20],
                    "unlabeled_hash": fnv(unlabeled),
                }
            )
    print(json.dumps({"numpy": np.__version__, "cases": cases}, indent=1))


main()
