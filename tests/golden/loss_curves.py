#!/usr/bin/env python3
"""Golden loss curves: PyTorch trains a small network, and keeps an average of its weights.

One JSON file; `tests/loss_curves.rs` trains the same network from the same weights with leaf-train.

    pip install torch
    python loss_curves.py --seed 7 --out loss_curves/curves.json
"""
import argparse
import copy
import json
import math
import os

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS, BATCH, BATCHES = 50, 16, 4
INPUTS, HIDDEN, CLASSES = 6, 16, 4
WARMUP, DECAY = 5, 0.9

# name, optimizer, learning rate, options; weight decay acts on matrices alone, as leaf-train has it.
CASES = [
    ("Adam", torch.optim.Adam, 0.01, dict(weight_decay=0.01)),
    ("AdamW", torch.optim.AdamW, 0.01, dict(weight_decay=0.1)),
    ("SGD with Nesterov's momentum", torch.optim.SGD, 0.05, dict(momentum=0.9, nesterov=True, weight_decay=0.005)),
    ("SGD with momentum", torch.optim.SGD, 0.05, dict(momentum=0.9, weight_decay=0.0)),
]


def network():
    return nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def factor(step):
    """A linear warm-up, then a cosine of 7/16 of its half period."""
    if step < WARMUP:
        return step / WARMUP
    return max(0.0, math.cos(7 / 16 * math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def curves(start, points, labels, make, learning_rate, options):
    model = copy.deepcopy(start)
    decay = options["weight_decay"]
    rest = {name: value for name, value in options.items() if name != "weight_decay"}
    groups = [
        dict(params=[p for p in model.parameters() if p.ndim > 1], weight_decay=decay),
        dict(params=[p for p in model.parameters() if p.ndim == 1], weight_decay=0.0),
    ]
    optimizer = make(groups, lr=learning_rate, **rest)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    average.update_parameters(model)  # the first call copies
    losses, averaged = [], []
    for step in range(STEPS):
        batch = step % BATCHES
        loss = cross_entropy(model(points[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
        losses.append(loss.item())
        with torch.no_grad():
            averaged.append(cross_entropy(average(points.flatten(0, 1)), labels.flatten()).item())
    return losses, averaged, [p.detach().flatten().tolist() for p in model.parameters()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    start = network()
    points = torch.round(torch.randn(BATCHES, BATCH, INPUTS), decimals=3)
    # A rule that the network can learn, with some labels at random.
    labels = points[..., :CLASSES].argmax(-1)
    labels = torch.where(torch.rand(labels.shape) < 0.1, torch.randint(CLASSES, labels.shape), labels)
    found = []
    for name, make, learning_rate, options in CASES:
        losses, averaged, weights = curves(start, points, labels, make, learning_rate, options)
        found.append(dict(name=name, learning_rate=learning_rate, **options, losses=losses, averaged=averaged,
                          weights=dict(zip(dict(start.named_parameters()), weights))))
    head = dict(
        seed=arguments.seed, torch=torch.__version__, warmup_steps=WARMUP, ema_decay=DECAY,
        start={name: p.tolist() for name, p in start.named_parameters()},
        points=[[[round(x, 3) for x in row] for row in batch] for batch in points.tolist()], labels=labels.tolist(),
    )
    os.makedirs(os.path.dirname(os.path.abspath(arguments.out)), exist_ok=True)
    with open(arguments.out, "w") as file:
        lines = ",\n".join(json.dumps(case) for case in found)
        file.write(f'{json.dumps(head)[:-1]},\n"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
