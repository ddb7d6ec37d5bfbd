"""Fixtures of the supervised classifiers: a narrow ResNet with torchvision's own layers.

Run: OMP_NUM_THREADS=1 python -P Tools/reference/models_classifiers.py
Writes Tests/ModelsTests/Fixtures/classifiers/: `resnet.pt`, a state dictionary of torch.save as torchvision publishes
them, and `resnet-expected.safetensors` with pixels and logits.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torchvision.models.resnet import Bottleneck, ResNet

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/classifiers"
WIDTH, LAYERS, CLASSES = 8, [2, 1, 2, 1], 12


def narrow_resnet():
    """torchvision's ResNet, whose widths are fixed, with its stem, stages and classifier made again for fewer channels."""
    model = ResNet(Bottleneck, [1, 1, 1, 1], num_classes=CLASSES)
    model.inplanes = WIDTH
    model.conv1 = torch.nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False)
    model.bn1 = torch.nn.BatchNorm2d(WIDTH)
    for stage, blocks in enumerate(LAYERS):
        made = model._make_layer(Bottleneck, WIDTH << stage, blocks, stride=1 if stage == 0 else 2)
        setattr(model, f"layer{stage + 1}", made)
    model.fc = torch.nn.Linear((WIDTH << 3) * Bottleneck.expansion, CLASSES)
    return model.eval()


@torch.no_grad()
def main():
    torch.manual_seed(0)
    OUT.mkdir(parents=True, exist_ok=True)
    model = narrow_resnet()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.uniform_(-0.3, 0.3)
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.3, 2)
    for value in list(model.parameters()) + [b for b in model.buffers() if b.is_floating_point()]:
        value.copy_(value.half().float())
    pixels = torch.randn(2, 3, 64, 64)
    torch.save({name: value.half() if value.is_floating_point() else value
                for name, value in model.state_dict().items()}, OUT / "resnet.pt")
    save_file({"pixels": pixels, "logits": model(pixels)}, OUT / "resnet-expected.safetensors")


main()
