"""The PyTorch side of `cargo xtask peers step`: what benches/step.rs does, as a PyTorch user writes it.

A step takes four views of a batch (labelled, weak, weak, strong) through a ResNet with LEAF's head. The
head has two sparsely gated mixtures of 8 residual experts, one expert a face, before and after scaling
the features to unit length. The losses are cross-entropy on the labelled faces, the decoupled consistency
of the strong view with the weak ones, a contrast of the weak views, and the mixtures' balance; then come
Adam and the weight average.

Prints a JSON object a step, {"ms", "cpu_ms"}, and at last {"peak_mb", "start_mb", "version"}; start_mb is what
Python and PyTorch's libraries take before there is a network.
"""

import argparse
import copy
import json
import resource
import time

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

CLASSES = 7


class Narrow(nn.Module):
    """ResNetConfig::narrow: a 3x3 stem and one basic block for each of the widths 8, 16, 32, 64."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        blocks, inputs = [], 8
        for stage, width in enumerate((8, 16, 32, 64)):
            stride = 1 if stage == 0 else 2
            change = None
            if stride != 1 or inputs != width:
                change = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))
            blocks.append(BasicBlock(inputs, width, stride, change))
            inputs = width
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn1(self.conv1(x)), inplace=True))
        return x.mean((2, 3))


def encoder(model):
    if model == "narrow":
        return Narrow(), 64
    net = ResNet(BasicBlock, [2, 2, 2, 2])
    net.fc = nn.Identity()
    return net, 512


class Mixture(nn.Module):
    """A gate that keeps one of 8 experts for each row, and the experts."""

    def __init__(self, dim, experts=8):
        super().__init__()
        self.w_gate = nn.Parameter(torch.randn(dim, experts) * 0.01)
        self.w_noise = nn.Parameter(torch.zeros(dim, experts))
        hidden = dim // 2
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim)) for _ in range(experts)
        )

    def forward(self, x):
        scores = x @ self.w_gate
        if self.training:
            scores = scores + torch.randn_like(scores) * (F.softplus(x @ self.w_noise) + 0.01)
        weight, chosen = scores.softmax(1).max(1)
        out = torch.zeros_like(x)
        for index, expert in enumerate(self.experts):
            rows = (chosen == index).nonzero().squeeze(1)
            if len(rows):
                seen = x[rows]
                out = out.index_add(0, rows, weight[rows, None] * (seen + expert(seen)))
        share = torch.zeros_like(scores).scatter(1, chosen[:, None], weight[:, None]).sum(0)
        return out, share.var() / (share.mean() ** 2 + 1e-10)


class Network(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.encoder, dim = encoder(model)
        self.semantic, self.instance = Mixture(dim), Mixture(dim)
        self.classifier = nn.Linear(dim, CLASSES)

    def forward(self, x):
        x = F.dropout(self.encoder(x), 0.5, self.training)
        x, first = self.semantic(x)
        features = F.normalize(x, dim=1)
        x, second = self.instance(features)
        return self.classifier(x), features, first + second


def decoupled(strong, weak_probs, most=3, mass=0.9):
    """The decoupled consistency of each face: its positive classes must score above the others."""
    probs, order = weak_probs.sort(1, descending=True)
    # The rule looks one class ahead: n classes are positive when n + 1 of them reach the mass.
    count = 1 + (probs.cumsum(1)[:, 1:most] < mass).sum(1)
    places = torch.arange(CLASSES)[None] < count[:, None]
    positive = torch.zeros_like(places).scatter(1, order, places)
    lowest = torch.logsumexp((-strong).masked_fill(~positive, -1e7), 1)
    highest = torch.logsumexp(strong.masked_fill(positive, -1e7), 1)
    return F.softplus(lowest + highest)


def contrast(first, second, temperature=0.07):
    rows = torch.cat([first, second])
    count = len(first)
    scores = (rows @ rows.T / temperature).fill_diagonal_(-1e7)
    return F.cross_entropy(scores, (torch.arange(2 * count) + count) % (2 * count))


def losses(net, views, labels, mode):
    if mode == "supervised":
        logits, _, balance = net(views[0])
        return F.cross_entropy(logits, labels) + 0.01 * balance
    if mode == "concat":
        logits, features, balance = net(torch.cat(views))
        (labelled, weak1, weak2, strong), (_, z1, z2, _) = logits.chunk(4), features.chunk(4)
    else:
        (weak1, z1, _), (weak2, z2, _), (labelled, _, b1), (strong, _, b2) = (
            net(views[i]) for i in (1, 2, 0, 3)
        )
        balance = (b1 + b2) / 2
    probs = ((weak1.softmax(1) + weak2.softmax(1)) / 2).detach()
    accepted = (probs.max(1)[0] >= 0.8).float()
    return (
        0.5 * F.cross_entropy(labelled, labels)
        + (decoupled(strong, probs) * accepted).mean()
        + 0.1 * contrast(z1, z2)
        + 0.01 * balance
    )


@torch.no_grad()
def track(average, net):
    """Moves the weight average, batch norm's running statistics with it."""
    for mean, value in zip(average.state_dict().values(), net.state_dict().values()):
        if mean.is_floating_point():
            mean.lerp_(value, 0.001)
        else:
            mean.copy_(value)


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    start_mb = peak_mb()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["resnet18", "narrow"], default="resnet18")
    parser.add_argument("--mode", choices=["separate", "concat", "supervised", "eval"], default="separate")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    net = Network(options.model)
    count = 4 if options.mode in ("separate", "concat") else 1
    views = [torch.randn(options.batch, 3, options.size, options.size) for _ in range(count)]
    if options.channels_last:
        net = net.to(memory_format=torch.channels_last)
        views = [view.contiguous(memory_format=torch.channels_last) for view in views]
    if options.mode != "eval":
        average = copy.deepcopy(net)
        optimizer = torch.optim.Adam(net.parameters(), 5e-4)
    labels = torch.arange(options.batch) % CLASSES
    net.train(options.mode != "eval")
    for _ in range(options.steps):
        wall, cpu = time.perf_counter(), time.process_time()
        if options.mode == "eval":
            with torch.no_grad():
                net(views[0])
        else:
            optimizer.zero_grad()
            losses(net, views, labels, options.mode).backward()
            optimizer.step()
            track(average, net)
        spent = {"ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}
        print(json.dumps(spent), flush=True)
    version = f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}"
    print(json.dumps({"peak_mb": peak_mb(), "start_mb": start_mb, "version": version}))


if __name__ == "__main__":
    main()
