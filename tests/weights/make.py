"""Makes the files of this folder: small networks as PyTorch programs save them, and what they compute.

    python tests/weights/make.py        # PyTorch and safetensors

Each network has random weights and statistics, and is saved under the names and in the layouts that are met
in the wild. `expected.safetensors` holds images and, for each network, the logits in evaluation.
"""

import argparse
import collections
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

WIDTHS = (4, 4, 6, 8)
CLASSES = 7


class Block(nn.Module):
    """Two 3x3 convolutions around which the input goes; the names are torchvision's."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(x + shortcut)


class Residual(nn.Module):
    """A residual network with torchvision's names in torchvision's order, one block a stage."""

    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = WIDTHS[0]
        for stage, width in enumerate(WIDTHS):
            setattr(self, f"layer{stage + 1}", nn.Sequential(Block(inputs, width, 1 if stage == 0 else 2)))
            inputs = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class Expert(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(dim, dim // 2), nn.ReLU(), nn.Linear(dim // 2, dim))

    def forward(self, x):
        return x + self.fc(x)


class Shared(nn.Module):
    """A mixture whose experts are one module under nine names: in evaluation it is that module."""

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


class Trainer(nn.Module):
    """The network of the LEAF authors' trainer, under its names."""

    def __init__(self):
        super().__init__()
        self.base = nn.Sequential(*list(Residual(1000).children())[:-2])
        self.semantic_moe = Shared(WIDTHS[-1])
        self.instance_moe = Shared(WIDTHS[-1])
        self.classifier = nn.Linear(WIDTHS[-1], CLASSES)

    def forward(self, x):
        x = self.semantic_moe(self.base(x).mean((2, 3)))
        return self.classifier(self.instance_moe(F.normalize(x, dim=1)))


def shake(network, seed):
    """Weights and statistics of which none is what it starts as."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda t, low, high: t.copy_(torch.rand(t.shape, generator=generator) * (high - low) + low)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                draw(tensor, 0.5, 1.5)
            elif name.endswith("num_batches_tracked"):
                tensor.fill_(3)
            elif tensor.dim() > 1:
                bound = math.sqrt(3 / tensor[0].numel())
                draw(tensor, -bound, bound)
            elif not name.endswith((".mean", ".std")):
                draw(tensor, -0.5, 0.5) if not name.endswith("weight") else draw(tensor, 0.5, 1.5)
    return network.eval()


def parallel(state):
    """The names as the parallel wrapper has them."""
    return collections.OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())


def kinds():
    """Every kind of tensor that a file can hold, small."""
    count = torch.arange(12, dtype=torch.float32)
    return {
        "float": count.reshape(3, 4),
        "double": count.double(),
        "half": count.half(),
        "bfloat16": count.bfloat16(),
        "long": torch.tensor([-1, 2**40]),
        "int": torch.tensor([-1, 2**30], dtype=torch.int32),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "transposed": count.reshape(3, 4).t(),
        "channels_last": torch.arange(16.0).reshape(1, 2, 2, 4).contiguous(memory_format=torch.channels_last),
        "part": count.reshape(3, 4)[1:, 1:3],
        "alias": count[2:5],
        "parameter": nn.Parameter(torch.tensor([1.0, -1.0])),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)))
    out = parser.parse_args().out
    at = lambda name: os.path.join(out, name)
    images = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = {"images": images}

    residual = shake(Residual(CLASSES), 1)
    expected["torchvision"] = residual(images)
    torch.save(residual.state_dict(), at("torchvision.pth"))
    tensors = {name: tensor.contiguous() for name, tensor in residual.state_dict().items()}
    save_file(tensors, at("torchvision.safetensors"))

    faces = shake(Residual(1000 // 50), 2)
    expected["faces"] = nn.Sequential(*list(faces.children())[:-1])(images).flatten(1)
    torch.save({"epoch": 3, "arch": "resnet18", "state_dict": parallel(faces.state_dict())}, at("faces.pth"),
               _use_new_zipfile_serialization=False)

    trained, average = shake(Trainer(), 3), shake(Trainer(), 4)
    expected["trained"], expected["average"] = trained(images), average(images)
    optimizer = torch.optim.Adam(trained.classifier.parameters(), lr=1e-3)
    F.cross_entropy(trained(images), torch.tensor([1, 2])).backward()
    optimizer.step()
    expected["trained"] = trained(images)
    torch.save({
        "epoch": 20,
        "state_dict": parallel(trained.state_dict()),
        "ema_state_dict": parallel(average.state_dict()),
        "acc": torch.tensor(0.5),
        "best_acc": 0.5,
        "optimizer": optimizer.state_dict(),
    }, at("trainer.pth.tar"))

    torch.save(kinds(), at("kinds.pth"))
    torch.save(kinds(), at("kinds_stream.pth"), _use_new_zipfile_serialization=False)
    torch.save(kinds(), at("kinds_protocol4.pth"), pickle_protocol=4)
    torch.save(nn.Linear(2, 2), at("module.pth"))
    save_file({name: tensor.detach().contiguous() for name, tensor in expected.items()}, at("expected.safetensors"))


if __name__ == "__main__":
    main()
