#!/usr/bin/env python3
"""Writes fer_plus_votes.json: what FERPlus's own program makes of random votes.

    python3 fer_plus_votes.py DIR > fer_plus_votes.json

DIR holds `ferplus.py` of https://github.com/microsoft/FERPlus (`src/`). Needs NumPy.
"""

import json
import random
import sys
import types

import numpy as np

# What the program imports but does not need to count votes.
for name in ["PIL", "rect_util", "img_util", "matplotlib", "matplotlib.pyplot"]:
    sys.modules[name] = types.ModuleType(name)
sys.modules["PIL"].Image = sys.modules["rect_util"].Rect = None
sys.path.insert(0, sys.argv[1])
import ferplus  # noqa: E402


def shares(votes, mode):
    """As `load_folders` and `_process_target` do it; None for a face that is left out."""
    reader = object.__new__(ferplus.FERPlusReader)
    with np.errstate(all="ignore"):
        emotion = reader._process_data([float(vote) for vote in votes], mode)
    if np.argmax(emotion) >= 8:
        return None
    emotion = emotion[:-2]
    if mode == "multi_target":
        emotion = [float(share > 0) for share in emotion]
    return [round(float(share) / sum(emotion), 7) for share in emotion]


def ten_votes(generator):
    votes = [0] * 10
    favourites = generator.sample(range(10), generator.choice([1, 2, 2, 3, 3, 4]))
    for _ in range(10):
        votes[generator.choice(favourites if generator.random() < 0.85 else range(10))] += 1
    return votes


def main():
    generator = random.Random(0)
    cases = []
    for _ in range(160):
        votes = ten_votes(generator)
        for mode in ["majority", "probability", "multi_target"]:
            cases.append({"votes": votes, "mode": mode, "shares": shares(votes, mode)})
    print("[" + ",\n".join(json.dumps(case) for case in cases) + "]")


main()
