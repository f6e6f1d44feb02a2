"""What `cargo xtask peers weights` runs: the same weights, the same logits, in PyTorch and here.

Networks with random weights are saved as PyTorch programs save them, made checkpoints of by the example
`weights` (import), and written for PyTorch again (export) with a sample of images and logits. Networks that this
library trained go out likewise. Each exported file must load strictly into a module of its names and give the
sample's logits; for imported networks, so must the module that they came from.

Prints a row a network: its layout, how many tensors the file has, the largest logit, and how far this library's
logits are from those of the module that took the file, of the module that the file is of, and of the former in
double precision. Fails if one of the first two is larger than --tolerance.
"""

import argparse
import collections
import json
import os
import subprocess
import sys

import torch
import torch.nn.functional as F
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
SIZE = 64


def residual(name):
    return getattr(torchvision.models, name)(num_classes=len(CLASSES))


class Expert(nn.Module):
    """The authors' names."""

    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(dim, dim // 2), nn.ReLU(), nn.Linear(dim // 2, dim))

    def forward(self, x):
        return x + self.fc(x)


class Shared(nn.Module):
    """One expert under nine names, which in evaluation is all that there is."""

    def __init__(self, dim, experts=8):
        super().__init__()
        self.expert = Expert(dim)
        self.experts = nn.ModuleList([self.expert for _ in range(experts)])
        self.w_gate = nn.Parameter(torch.zeros(dim, experts))
        self.w_noise = nn.Parameter(torch.zeros(dim, experts))
        self.register_buffer("mean", torch.tensor([0.0]))
        self.register_buffer("std", torch.tensor([1.0]))

    def forward(self, x):
        return self.expert(x)


class Released(nn.Module):
    """The network of the LEAF authors' trainer."""

    def __init__(self):
        super().__init__()
        self.base = nn.Sequential(*list(torchvision.models.resnet18().children())[:-2])
        self.semantic_moe, self.instance_moe = Shared(512), Shared(512)
        self.classifier = nn.Linear(512, len(CLASSES))

    def forward(self, x):
        x = F.normalize(self.semantic_moe(self.base(x).mean((2, 3))), dim=1)
        return self.classifier(self.instance_moe(x))


class Narrow(nn.Module):
    """This library's network for small faces: a 3x3 stem and one block for each of the widths 8, 16, 32, 64."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        inputs = 8
        for stage, width in enumerate((8, 16, 32, 64)):
            stride, change = (1, None) if stage == 0 else (2, None)
            if inputs != width:
                change = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))
            setattr(self, f"layer{stage + 1}", nn.Sequential(BasicBlock(inputs, width, stride, change)))
            inputs = width

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))


class OwnExpert(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, dim // 2), nn.Linear(dim // 2, dim)

    def forward(self, x):
        return x + self.fc2(F.relu(self.fc1(x)))


class Gate(nn.Module):
    def __init__(self, dim, experts):
        super().__init__()
        self.w_gate = nn.Parameter(torch.zeros(dim, experts))
        self.w_noise = nn.Parameter(torch.zeros(dim, experts))

    def forward(self, x, k):
        scores, chosen = (x @ self.w_gate).topk(k, dim=1)
        return scores.softmax(1), chosen


class Mixture(nn.Module):
    """Experts of their own; each row keeps k of them."""

    def __init__(self, dim, config):
        super().__init__()
        self.k = config["gate"]["k"]
        self.gate = Gate(dim, config["gate"]["num_experts"])
        self.experts = nn.ModuleList(OwnExpert(dim) for _ in range(config["gate"]["num_experts"]))

    def forward(self, x):
        weights, chosen = self.gate(x, self.k)
        answers = torch.stack([expert(x) for expert in self.experts], 1)
        kept = answers.gather(1, chosen[:, :, None].expand(-1, -1, x.shape[1]))
        return (weights[:, :, None] * kept).sum(1)


class Own(nn.Module):
    """A network under this library's names, as its card describes it: preset robust or none."""

    def __init__(self, card):
        super().__init__()
        config = card["architecture"]["config"]
        self.encoder, dim = Narrow(card["preprocessing"]["channels"]), 64
        self.head = nn.Module()
        if config["semantic"] is not None:
            self.head.semantic = Mixture(dim, config["semantic"])
        if config["instance"] is not None:
            self.head.instance = Mixture(dim, config["instance"]["features"])
        self.head.classifier = nn.Linear(dim, len(card["classes"]))

    def forward(self, x):
        x = self.encoder(x)
        for level in ("semantic", "instance"):
            x = getattr(self.head, level)(x) if hasattr(self.head, level) else x
        return self.head.classifier(x)


def shake(network, seed):
    """Biases and gates of which none is what it starts as, branches that add less than goes around them, as
    training makes them, and the statistics of a batch."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(("bias", "w_gate")):
                tensor.copy_(0.2 * torch.randn(tensor.shape, generator=generator))
        for module in network.modules():
            if isinstance(module, BasicBlock | Bottleneck):
                last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
                last.weight.copy_(0.1 + 0.4 * torch.rand(last.weight.shape, generator=generator))
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None
        network.train()(torch.randn((32, 3, SIZE, SIZE), generator=generator))
    return network.eval()


def parallel(state):
    return collections.OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())


def saved(folder):
    """Networks as PyTorch programs save them: name, file, network, layout, options of the import."""
    plain = lambda name: ["--backbone", name, "--leaf", "none"]
    for seed, name in enumerate(("resnet18", "resnet34", "resnet50")):
        network = shake(residual(name), seed)
        path = os.path.join(folder, f"{name}.pth")
        torch.save(network.state_dict(), path)
        yield name, path, network, "torchvision", plain(name)
    network = shake(residual("resnet18"), 3)
    path = os.path.join(folder, "stream.pth")
    torch.save({"state_dict": parallel(network.state_dict())}, path, _use_new_zipfile_serialization=False)
    yield "before 1.6, in state_dict, parallel", path, network, "torchvision", plain("resnet18")
    path = os.path.join(folder, "trainer.pth.tar")
    trained, average = shake(Released(), 4), shake(Released(), 5)
    torch.save({"epoch": 20, "state_dict": parallel(trained.state_dict()),
                "ema_state_dict": parallel(average.state_dict()), "acc": torch.tensor(0.5)}, path)
    for name, network, nest in (("ema_state_dict", average, []), ("state_dict", trained, ["--nest", "state_dict"])):
        yield f"LEAF authors' {name}", path, network, "released", ["--leaf", "released", *nest]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="the example weights")
    parser.add_argument("--train", required=True, help="the example train")
    parser.add_argument("--folder", required=True, help="an existing folder for the files")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()
    torch.manual_seed(0)
    at = lambda name: os.path.join(args.folder, name)
    out, sample = at("exported.safetensors"), at("sample.safetensors")
    worst = 0.0
    print(f"{'network':36} {'layout':12} {'tensors':>7} {'largest':>8} {'difference':>11} {'original':>9} {'f64':>9}")

    def compare(name, layout, network, original):
        nonlocal worst
        tensors, seen = load_file(out), load_file(sample)
        network.load_state_dict(tensors, strict=True)
        with torch.no_grad():
            difference = (network.eval()(seen["images"]) - seen["logits"]).abs().max().item()
            of_original = "-"
            worst = max(worst, difference)
            if original is not None:
                distance = (original(seen["images"]) - seen["logits"]).abs().max().item()
                of_original, worst = f"{distance:.2e}", max(worst, distance)
        largest = seen["logits"].abs().max().item()
        with torch.no_grad():
            rounding = (network.double()(seen["images"].double()) - seen["logits"]).abs().max().item()
        print(f"{name:36} {layout:12} {len(tensors):7} {largest:8.3f} {difference:11.2e} {of_original:>9} {rounding:9.2e}")

    for name, path, original, layout, options in saved(args.folder):
        checkpoint = at("imported.safetensors")
        run(args.weights, "import", path, "--size", SIZE, "--out", checkpoint, *options)
        run(args.weights, "export", checkpoint, "--layout", layout, "--out", out, "--sample", sample)
        fresh = Released() if layout == "released" else residual(options[1])
        compare(name, layout, fresh, original)
    short = ["--steps", "3", "--labels-per-class", "4", "--batch", "7", "--eval-every", "3"]
    for leaf in ("robust", "none"):
        run(args.train, *short, "--leaf", leaf, "--out", at("run"))
        run(args.weights, "export", at("run"), "--out", out, "--sample", sample)
        with safe_open(out, "pt") as file:
            card = json.loads(file.metadata()["card"])
        compare(f"trained here, preset {leaf}", "own", Own(card), None)
    color = ["--grey=false", "--backbone", "resnet18"]
    for leaf, layout, network in (("none", "torchvision", residual("resnet18")), ("released", "released", Released())):
        run(args.train, *short, *color, "--leaf", leaf, "--out", at("run"))
        run(args.weights, "export", at("run"), "--layout", layout, "--out", out, "--sample", sample)
        compare(f"resnet18 trained here, preset {leaf}", layout, network, None)
    if not worst < args.tolerance:
        sys.exit(f"a difference of {worst}, expected less than {args.tolerance}")


if __name__ == "__main__":
    main()
