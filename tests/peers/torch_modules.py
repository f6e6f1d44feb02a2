"""The PyTorch side of `cargo xtask peers modules`: what benches/modules.rs does, as a PyTorch user writes it.

Four modules: an aggregation (noisy sparse gate, 8 experts, rows sent to their experts by index, balance of
the importance), the decoupled consistency of faces, the contrast of two views a face, and the product of two
square matrices, which says what the machine can do.

Prints a JSON object a case, {"module", "experts", "pass", "rows", "top_k", "ms", "cpu_ms"}: the median wall
time of the passes that count and the processor's time a pass; and at last {"version"}.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 7
TINY = 1e-10


class Experts(nn.Module):
    """Experts of one kind; `tied` has one network in every place."""

    def __init__(self, kind, dim, count):
        super().__init__()
        if kind == "linear":
            make = lambda: nn.Linear(dim, dim)
        else:
            make = lambda: nn.Sequential(nn.Linear(dim, dim // 2), nn.ReLU(), nn.Linear(dim // 2, dim))
        own = [make() for _ in range(1 if kind == "tied" else count)]
        self.all = nn.ModuleList(own * (count if kind == "tied" else 1))
        self.is_residual = kind != "linear"

    def forward(self, x, chosen, weights):
        fused = torch.zeros_like(x)
        for number, expert in enumerate(self.all):
            rows, places = torch.where(chosen == number)
            if len(rows):
                seen = x[rows]
                answer = expert(seen)
                if self.is_residual:
                    answer = answer + seen
                fused = fused.index_add(0, rows, answer * weights[rows, places].unsqueeze(1))
        return fused


class Aggregation(nn.Module):
    def __init__(self, kind, dim, count, top_k):
        super().__init__()
        self.top_k = top_k
        self.w_gate = nn.Parameter(torch.randn(dim, count) * 0.05)
        self.w_noise = nn.Parameter(torch.zeros(dim, count))
        self.experts = Experts(kind, dim, count)

    def forward(self, x):
        scores = x @ self.w_gate
        if self.training:
            spread = F.softplus(x @ self.w_noise) + 0.01
            scores = scores + spread * torch.randn_like(scores)
        probs = scores.softmax(1)
        weights, chosen = probs.topk(self.top_k, 1)
        importance = torch.zeros_like(probs).scatter(1, chosen, weights).sum(0)
        balance = importance.var() / (importance.mean().square() + TINY)
        return self.experts(x, chosen, weights), balance


def decoupled(strong, weak, most=3, mass=0.9):
    """The decoupled consistency, weighted by how clear a gap the weak prediction has after its positives."""
    probs, order = weak.detach().softmax(1).topk(most + 1, 1)
    sums = probs.cumsum(1)
    # The rule looks one class ahead: n classes are positive when n + 1 of them reach the mass.
    count = 1 + (sums[:, 1:most] < mass).sum(1, keepdim=True)
    inside = torch.arange(most + 1).unsqueeze(0) < count
    positive = torch.zeros_like(strong, dtype=torch.bool).scatter(1, order, inside)
    mean = sums.gather(1, count) / (count + 1)
    gap = mean - probs.gather(1, count)
    weight = (torch.log1p(50 * gap) / torch.log1p(50 * mean)).clamp(0, 1).squeeze(1)
    lowest = torch.logsumexp((-strong).masked_fill(~positive, -torch.inf), 1)
    highest = torch.logsumexp(strong.masked_fill(positive, -torch.inf), 1)
    return (F.softplus(lowest + highest) * weight).mean()


def contrast(views, temperature=0.07):
    rows = views.transpose(0, 1).flatten(0, 1)
    faces = len(views)
    scores = (rows @ rows.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(scores, (torch.arange(2 * faces) + faces) % (2 * faces))


def measure(options, case, run):
    for _ in range(options.warm_up):
        run()
    times, cpu = [], time.process_time()
    for _ in range(options.repeats):
        began = time.perf_counter()
        run()
        times.append((time.perf_counter() - began) * 1e3)
    cpu = (time.process_time() - cpu) * 1e3 / options.repeats
    print(json.dumps(case | {"ms": statistics.median(times), "cpu_ms": cpu}), flush=True)


def aggregation(options, rows, kind, top_k):
    module = Aggregation(kind, options.dim, options.num_experts, top_k)
    x = (torch.randn(rows, options.dim) * 0.3).requires_grad_()
    case = {"module": "aggregation", "experts": kind, "rows": rows, "top_k": top_k}
    module.eval()
    with torch.no_grad():
        measure(options, case | {"pass": "eval"}, lambda: module(x))
    module.train()

    def step():
        # Gradients add up over the passes, which spares PyTorch fresh memory for them.
        output, balance = module(x)
        (output.sum() + 0.01 * balance).backward()

    measure(options, case | {"pass": "train"}, step)


def loss(options, module, rows, leaf, value):
    case = {"module": module, "experts": "", "pass": "train", "rows": rows, "top_k": 0}
    measure(options, case, lambda: value(leaf).backward())


def one_module(options, module, rows):
    if module == "aggregation":
        for kind in options.experts:
            for top_k in options.top_k:
                aggregation(options, rows, kind, top_k)
    elif module == "decoupled":
        strong, weak = torch.randn(rows, CLASSES), 2 * torch.randn(rows, CLASSES)
        loss(options, module, rows, strong.requires_grad_(), lambda strong: decoupled(strong, weak))
    elif module == "contrastive":
        views = F.normalize(torch.randn(rows, 2, options.dim), dim=2)
        loss(options, module, rows, views.requires_grad_(), contrast)
    else:
        a, b = torch.randn(rows, rows), torch.randn(rows, rows)
        case = {"module": module, "experts": "", "pass": "eval", "rows": rows, "top_k": 0}
        measure(options, case, lambda: a @ b)


def numbers(text):
    return [int(part) for part in text.split(",")]


def names(text):
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", type=names, default=["aggregation", "decoupled", "contrastive"])
    parser.add_argument("--experts", type=names, default=["residual"])
    parser.add_argument("--rows", type=numbers, default=[16, 64, 256, 1024])
    parser.add_argument("--top-k", type=numbers, default=[1, 2])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--num-experts", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--warm-up", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    for module in options.module:
        for rows in options.rows:
            one_module(options, module, rows)
    print(json.dumps({"version": f"PyTorch {torch.__version__}"}))


if __name__ == "__main__":
    main()
