#!/usr/bin/env python3
"""Writes fer_plus_votes.json: what ten people's votes for a face come to, in each of FERPlus's modes.

    python3 fer_plus_votes.py > fer_plus_votes.json

The rules of Barsoum et al. 2016 (arXiv 1608.01041) as the data set's owners apply them, written down with
NumPy, apart from the Rust. A face that is left out has no shares. Needs NumPy.
"""

import json
import random

import numpy as np

EXPRESSIONS = 8  # then "unknown" and "no face"

BY_HAND = [
    [6, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    [4, 0, 0, 1, 3, 2, 0, 0, 0, 0],
    [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0, 0, 0, 6, 4],
    [0, 0, 0, 0, 0, 0, 0, 5, 5, 0],
    [0, 0, 0, 0, 0, 5, 0, 0, 0, 5],
    [3, 2, 2, 0, 0, 0, 0, 1, 1, 1],
    [2, 2, 2, 2, 2, 0, 0, 0, 0, 0],
    [3, 3, 3, 0, 0, 0, 0, 0, 0, 0],
]


def majority(votes):
    most = np.where(votes == votes.max(), votes, 0)
    most[votes.argmax() + 1 :] = 0
    return most if votes.max() > votes.sum() / 2 else None


def multi_target(votes):
    many = np.where(votes >= 0.3 * votes.sum(), votes, 0)
    return many if many.sum() > votes.sum() / 2 else None


def probability(votes):
    """Levels of votes from the top: equal classes go together, no known face ends it."""
    taken, weight, number = np.zeros_like(votes), 0, 0
    for level in np.unique(votes)[::-1]:
        if weight >= 0.75 * votes.sum() or number >= 3:
            break
        group = np.flatnonzero(votes == level)
        nobody = group[group >= EXPRESSIONS][:1]
        if nobody.size:
            group = group[group <= nobody[0]]
        taken[group] = level
        weight, number = weight + level * group.size, number + group.size
        if nobody.size:
            if taken.sum() > level:
                taken[nobody], number = 0, number - 1
            break
    return taken if taken.sum() > votes.sum() / 2 and number <= 3 else None


def shares(votes, rule):
    """What a network is trained on: shares, or equal shares of several targets."""
    votes = np.array(votes)
    taken = rule(np.where(votes > 1, votes, 0))
    if taken is None or taken.argmax() >= EXPRESSIONS:
        return None
    taken = taken[:EXPRESSIONS]
    if rule is multi_target:
        taken = taken > 0
    return [round(float(share), 7) for share in taken / taken.sum()]


def ten_votes(generator):
    votes = [0] * 10
    favourites = generator.sample(range(10), generator.choice([1, 2, 2, 3, 3, 4]))
    for _ in range(10):
        votes[generator.choice(favourites if generator.random() < 0.85 else range(10))] += 1
    return votes


def main():
    generator = random.Random(0)
    lines = []
    for votes in BY_HAND + [ten_votes(generator) for _ in range(140)]:
        for rule in [majority, probability, multi_target]:
            case = {"votes": votes, "mode": rule.__name__, "shares": shares(votes, rule)}
            lines.append(json.dumps(case, separators=(",", ":")))
    print("[" + ",\n".join(lines) + "]")


if __name__ == "__main__":
    main()
