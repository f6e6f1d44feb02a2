"""How far the gradients of f32 are from those of f64: ours, and PyTorch's, by `cargo xtask gradient-error`.

A seed gives ResNet-18's initial parameters and a batch of normal images. benches/gradient_error.py's
sibling benches/gradient_error.rs computes our gradients, directly and with Winograd's transformation; this
script computes PyTorch's in f32 and f64. The error of a tensor is ||g - g64|| / ||g64||.

A rectifier or a maximum whose inputs lie closer together than f32's rounding may decide otherwise than in
f64. Such a flip changes gradients by far more than rounding does, and is nobody's inaccuracy. So every error
is taken twice: against f64 as it is, and against f64 with the decisions that the f32 run took.

Prints a table, and a JSON object a seed into --results.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torchvision.models.resnet import BasicBlock, ResNet

WAYS = {"direct": "off", "winograd": "on"}


class Decisions:
    """The decisions of one forward pass: taken and noted, or given."""

    def __init__(self, given=None):
        self.given = given
        self.masks, self.inputs = [], []
        self.winners = None

    def relu(self, x):
        index = len(self.masks)
        mask = x > 0 if self.given is None else self.given["masks"][index]
        self.masks.append(mask)
        self.inputs.append(x.detach())
        return torch.where(mask, x, torch.zeros_like(x))

    def max_pool(self, x):
        if self.given is None:
            values, self.winners = F.max_pool2d(x, 3, 2, 1, return_indices=True)
            return values
        self.winners = self.given["winners"]
        return x.flatten(2).gather(2, self.winners.flatten(2)).view_as(self.winners)

    def taken(self):
        return {"masks": self.masks, "winners": self.winners}


class Block(BasicBlock):
    def forward(self, x):
        out = self.decide.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.decide.relu(out + (x if self.downsample is None else self.downsample(x)))


def step(start, dtype, given=None):
    """Gradients by name, and the decisions."""
    net = ResNet(Block, [2, 2, 2, 2], num_classes=len(start["fc.bias"])).to(dtype)
    net.load_state_dict({k: v for k, v in start.items() if k not in ("images", "labels")}, strict=False)
    net.train()
    decide = Decisions(given)
    for module in net.modules():
        module.decide = decide
    x = decide.relu(net.bn1(net.conv1(start["images"].to(dtype))))
    x = decide.max_pool(x)
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        x = stage(x)
    loss = F.cross_entropy(net.fc(x.mean((2, 3))), start["labels"].long())
    loss.backward()
    return {name: p.grad.double() for name, p in net.named_parameters()}, decide


def ours(folder):
    """Our gradients, and our decisions: a rectifier let through what it did not leave at 0."""
    outputs = load_file(folder / "decisions.safetensors")
    outputs = [outputs[str(i)] for i in range(len(outputs))]
    _, winners = F.max_pool2d(outputs[0], 3, 2, 1, return_indices=True)
    gradients = load_file(folder / "gradients.safetensors")
    given = {"masks": [y > 0 for y in outputs], "winners": winners}
    return {name: g.double() for name, g in gradients.items()}, given


def errors(gradients, reference):
    assert gradients.keys() == reference.keys()
    return {n: ((gradients[n] - r).norm() / r.norm()).item() for n, r in reference.items()}


def flips(given, free):
    """Decisions that differ from f64's: (rectifier or "pool", units, their f64 distance from the edge)."""
    found = []
    for index, (mask, x) in enumerate(zip(given["masks"], free.inputs)):
        other = mask != (x > 0)
        if other.any():
            places = other.nonzero().tolist()
            found.append([index, places, (x[other] / x.std()).tolist()])
    stem = free.inputs[0].clamp(min=0).flatten(2)
    ours, theirs = (stem.gather(2, w.flatten(2)) for w in (given["winners"], free.winners))
    # Equal values (zeros above all) are no decision.
    other = ours != theirs
    if other.any():
        found.append(["pool", other.nonzero().tolist(), ((ours - theirs)[other] / stem.std()).tolist()])
    return found


def run_ours(arguments, seed):
    for way, winograd in WAYS.items():
        command = ["cargo", "bench", "--quiet", "--profile", "dev", "--bench", "gradient_error", "--"]
        command += ["--seed", str(seed), "--batch", str(arguments.batch), "--size", str(arguments.size)]
        environment = os.environ | {"LEAF_WINOGRAD": winograd}
        subprocess.run(command + ["--out", arguments.out / way], env=environment, check=True)


def one_seed(arguments, seed):
    run_ours(arguments, seed)
    start = load_file(arguments.out / "direct" / "start.safetensors")
    free, decisions = step(start, torch.float64)
    theirs, their_decisions = step(start, torch.float32)
    runs = {"torch": (theirs, their_decisions.taken())}
    runs |= {way: ours(arguments.out / way) for way in WAYS}
    result = {"seed": seed}
    for name, (gradients, given) in runs.items():
        held, _ = step(start, torch.float64, given)
        result[name] = {
            "flips": flips(given, decisions),
            "free": errors(gradients, free),
            "held": errors(gradients, held),
        }
    return result


def report(results):
    print("| f32 by | seeds with flips | error with flips, median / worst | flips apart, median / worst |")
    print("|---|---|---|---|")
    for name in ("torch", *WAYS):
        flipped = sum(bool(r[name]["flips"]) for r in results)
        units = sum(len(f[1]) for r in results for f in r[name]["flips"])
        cells = []
        for kind in ("free", "held"):
            values = [e for r in results for e in r[name][kind].values()]
            cells.append(f"{statistics.median(values):.1e} / {max(values):.1e}")
        print(f"| {name} | {flipped} of {len(results)} ({units} units) | {cells[0]} | {cells[1]} |")
    print()
    print("| flips apart, times PyTorch's error | median | 95 of 100 | worst | of RMS over seeds: median | worst |")
    print("|---|---|---|---|---|---|")
    for way in WAYS:
        ratios, names = [], list(results[0]["torch"]["held"])
        for r in results:
            ratios += [(r[way]["held"][n] / r["torch"]["held"][n], n, r["seed"]) for n in names]
        ratios.sort()
        rms = sorted((root(results, way, n) / root(results, "torch", n), n) for n in names)
        values = [x[0] for x in ratios]
        worst = f"{values[-1]:.2f} ({ratios[-1][1]}, seed {ratios[-1][2]})"
        row = [statistics.median(values), values[int(0.95 * len(values))]]
        middle = statistics.median(x[0] for x in rms)
        print(f"| {way} | {row[0]:.2f} | {row[1]:.2f} | {worst} | {middle:.2f} | {rms[-1][0]:.2f} ({rms[-1][1]}) |")
    print()
    case(results)


def root(results, way, name):
    return sum(r[way]["held"][name] ** 2 for r in results) ** 0.5


def case(results):
    """The seed where our direct way took the fewest decisions otherwise, at least one."""
    units = lambda r: sum(len(f[1]) for f in r["direct"]["flips"])
    found = [r for r in results if units(r)]
    if not found:
        return
    r = min(found, key=units)
    print(f"Seed {r['seed']}, direct: {r['direct']['flips']}")
    print("| tensor | with flips | flips apart | PyTorch, flips apart |")
    print("|---|---|---|---|")
    for name in r["direct"]["free"]:
        cells = r["direct"]["free"][name], r["direct"]["held"][name], r["torch"]["held"][name]
        print(f"| `{name}` | " + " | ".join(f"{c:.1e}" for c in cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("target/gradient-error"))
    parser.add_argument("--results", type=pathlib.Path, help="a file of JSON lines")
    arguments = parser.parse_args()
    results = [one_seed(arguments, seed) for seed in range(arguments.seeds)]
    if arguments.results:
        arguments.results.write_text("".join(json.dumps(r) + "\n" for r in results))
    report(results)


if __name__ == "__main__":
    main()
