#!/usr/bin/env python3
"""Golden rates of evaluation: scikit-learn's; cross-entropy and expected calibration error in plain NumPy.

One JSON file; `tests/evaluation_rates.rs` compares it with leaf-train's `Tally`.

    pip install numpy scikit-learn
    python evaluation.py --seed 7 --out evaluation/rates.json
"""
import argparse
import json
import os
import warnings

import numpy as np
import sklearn
from sklearn import metrics as M

BINS = 15


def softmax(scores):
    exp = np.exp(scores - scores.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


def cross_entropy(scores, labels):
    """Not scikit-learn's, which clips probabilities."""
    largest = scores.max(1)
    total = np.log(np.exp(scores - largest[:, None]).sum(1)) + largest
    return float((total - scores[np.arange(len(labels)), labels]).mean())


def calibration_error(scores, labels):
    """Guo et al. 2017, equation 3: bins ((m-1)/M, m/M], gaps weighted by the share of predictions."""
    probabilities = softmax(scores)
    confidence, hit = probabilities.max(1), scores.argmax(1) == labels
    error = 0.0
    for m in range(1, BINS + 1):
        inside = (confidence > (m - 1) / BINS) & (confidence <= m / BINS)
        if inside.any():
            error += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    return float(error)


def top_k(scores, labels, k):
    """scikit-learn puts the last of equal scores first, and leaf-train the first: the classes are reversed."""
    classes = scores.shape[1]
    return M.top_k_accuracy_score(classes - 1 - labels, scores[:, ::-1], k=k, labels=np.arange(classes))


def case(name, scores, labels):
    classes = scores.shape[1]
    predictions = scores.argmax(1)
    over_classes = dict(average="macro", zero_division=0)
    recalls = M.recall_score(labels, predictions, labels=np.arange(classes), average=None, zero_division=np.nan)
    return dict(
        name=name,
        scores=scores.tolist(),
        labels=labels.tolist(),
        accuracy=M.accuracy_score(labels, predictions),
        balanced_accuracy=M.balanced_accuracy_score(labels, predictions),
        macro_precision=M.precision_score(labels, predictions, **over_classes),
        macro_recall=M.recall_score(labels, predictions, **over_classes),
        macro_f1=M.f1_score(labels, predictions, **over_classes),
        loss=cross_entropy(scores, labels),
        calibration_error=calibration_error(scores, labels),
        top_k=[top_k(scores, labels, k) for k in range(1, classes + 1)],
        recalls=[None if np.isnan(recall) else float(recall) for recall in recalls],
        confusion=M.confusion_matrix(labels, predictions, labels=np.arange(classes)).tolist(),
    )


def cases(rng):
    def drawn(faces, classes, scale):
        """Scores that three digits hold, and labels that they are right about half of the time."""
        scores = np.round(rng.normal(size=(faces, classes)) * scale, 3)
        labels = np.where(rng.random(faces) < 0.5, scores.argmax(1), rng.integers(classes, size=faces))
        return scores, labels

    yield "usual", *drawn(60, 7, 2.0)
    scores, labels = drawn(40, 7, 1.0)
    yield "a class is predicted and has no face", scores, np.where(labels == 6, 2, labels)
    scores, labels = drawn(30, 5, 1.0)
    scores[:, 4] = -9.0
    yield "a class occurs nowhere", scores, np.where(labels == 4, 0, labels)
    scores, labels = drawn(40, 5, 1.0)
    yield "ties", np.round(scores), labels
    yield "all scores the same", np.zeros((8, 4)), rng.integers(4, size=8)
    yield "sure, and wrong at times", *drawn(24, 3, 40.0)
    yield "one face", *drawn(1, 4, 1.0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    # Absent classes and k = C are what some cases are for.
    warnings.simplefilter("ignore")
    found = [case(*drawn) for drawn in cases(np.random.default_rng(arguments.seed))]
    os.makedirs(os.path.dirname(os.path.abspath(arguments.out)), exist_ok=True)
    with open(arguments.out, "w") as file:
        head = json.dumps(dict(seed=arguments.seed, scikit_learn=sklearn.__version__))
        lines = ",\n".join(json.dumps(case) for case in found)
        file.write(f'{head[:-1]}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
