#!/usr/bin/env python3
"""Reads event files with TensorBoard's own reader and compares them with metrics.jsonl, number for number.

    cargo xtask check-tensorboard

Each argument is the folder of a run, which holds both. TensorBoard keeps numbers as f32, which is what they are
compared in.
"""
import json
import os
import re
import struct
import sys
from collections import defaultdict

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TRAIN = ("loss", "learning_rate", "gradient_norm", "classifier_norm")
SPEED = ("seconds", "wait_seconds", "images_per_second", "wait_share", "resident_memory")
COUNTS = ("faces", "recalls", "confusion", "top_k")


def as_f32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def underscored(name):
    return "_".join(re.split(r"[,\s]+", name))


def of_step(line):
    for name in TRAIN:
        yield f"train/{name}", line[name]
    for name in SPEED:
        yield f"speed/{name}", line[name]
    for name, value in line["terms"].items():
        yield f"terms/{underscored(name)}", value
    for name, value in line["diagnostics"].items():
        if isinstance(value, list):
            for i, entry in enumerate(value):
                yield f"{underscored(name)}/{i}", entry
        elif name == "thresholds":
            yield "thresholds/0", value
        else:
            yield f"train/{underscored(name)}", value


def of_evaluation(line):
    for name, metrics in line["sets"].items():
        heading = underscored(name)
        for rate, value in metrics.items():
            if rate not in COUNTS:
                yield f"{heading}/{rate}", value
        for k, share in enumerate(metrics["top_k"][1:], 2):
            yield f"{heading}/top_{k}", share
        for i, recall in enumerate(metrics["recalls"]):
            yield f"{heading}/recall_{i}", recall
    quality = line["pseudo_labels"]
    if quality is not None:
        for name in ("utilization", "accuracy"):
            yield f"pseudo_labels/{name}", quality[name]
        for i, entry in enumerate(quality["classes"]):
            for name in ("accuracy", "coverage"):
                yield f"pseudo_labels/{name}_{i}", entry[name]


def expected(folder):
    """Numbers by tag, each with its step; thresholds by step."""
    scalars, thresholds = defaultdict(list), {}
    with open(os.path.join(folder, "metrics.jsonl")) as file:
        for line in map(json.loads, file):
            entries = {"step": of_step, "evaluation": of_evaluation}.get(line["event"])
            for tag, value in entries(line) if entries else ():
                if value is not None:
                    scalars[tag].append((line["step"], as_f32(value)))
            if "thresholds" in line.get("diagnostics", {}):
                found = line["diagnostics"]["thresholds"]
                thresholds[line["step"]] = found if isinstance(found, list) else [found]
    return dict(scalars), thresholds


def check(folder):
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0}).Reload()
    scalars, thresholds = expected(folder)
    found = {tag: [(e.step, as_f32(e.value)) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    for tag in sorted(scalars.keys() | found.keys()):
        wanted, there = scalars.get(tag), found.get(tag)
        assert wanted == there, f"{folder}: {tag} is {there}, expected {wanted}"
    tags = events.Tags()["histograms"]
    assert tags == (["thresholds/all"] if thresholds else []), f"{folder}: histograms {tags}"
    histograms = {e.step: e.histogram_value for tag in tags for e in events.Histograms(tag)}
    assert histograms.keys() == thresholds.keys(), f"{folder}: histograms of steps {sorted(histograms)}"
    for step, values in thresholds.items():
        histogram = histograms[step]
        whole = (histogram.num, sum(histogram.bucket), histogram.min, histogram.max)
        wanted = (len(values), len(values), min(values), max(values))
        assert whole == wanted, f"{folder}: the histogram of step {step} has {whole}, expected {wanted}"
        assert len(histogram.bucket) == len(histogram.bucket_limit)
    numbers = sum(map(len, scalars.values()))
    assert numbers > 0, f"{folder}: metrics.jsonl has no numbers"
    print(f"{folder}: {numbers} numbers of {len(scalars)} tags and {len(thresholds)} histograms agree")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("expected the folders of runs")
    for run in sys.argv[1:]:
        check(run)
