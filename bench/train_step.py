"""PyTorch's training step on this CPU: resnet20, batch 128, 28x28, 2 threads; float, and with its fused observers and fake quantization.

usage: train_step.py      needs torch. The peer of `train_bench`, which times qat's step at the same sizes.
"""
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH, SIZE, STEPS, THREADS = 128, 28, 15, 2


class Block(nn.Module):
    def __init__(self, c_in, c, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)
        self.downsample = nn.Sequential(nn.Conv2d(c_in, c, 1, stride, bias=False), nn.BatchNorm2d(c)) if stride > 1 else None

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + skip)


def resnet20():
    layers, channels = [nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage in range(3):
        for block in range(3):
            layers.append(Block(channels, 16 << stage, 2 if stage and block == 0 else 1))
            channels = 16 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class FakeQuant(nn.Module):
    """Ranges observed and values quantized by PyTorch's one fused operator, its fastest form."""

    def __init__(self, channels, lowest):
        super().__init__()
        self.axis, self.lowest = (-1 if channels is None else 0), lowest
        n = channels or 1
        for name, value in (("on", torch.ones(1, dtype=torch.long)), ("low", -torch.ones(n)), ("high", torch.ones(n)),
                            ("scale", torch.full((n,), 0.02)), ("zero", torch.zeros(n, dtype=torch.int32))):
            self.register_buffer(name, value)

    def forward(self, x):
        return torch.fused_moving_avg_obs_fake_quant(x, self.on, self.on, self.low, self.high, self.scale, self.zero, 0.01,
                                                     self.lowest, 127, self.axis, self.axis == 0, True)


def with_fake_quant(layer):
    layer.quant_x, layer.quant_w = FakeQuant(None, -128), FakeQuant(layer.weight.shape[0], -127)
    if isinstance(layer, nn.Conv2d):
        layer.forward = lambda x: layer._conv_forward(layer.quant_x(x), layer.quant_w(layer.weight), layer.bias)
    else:
        layer.forward = lambda x: F.linear(layer.quant_x(x), layer.quant_w(layer.weight), layer.bias)


def step_ms(quantized):
    model = resnet20()
    for layer in list(model.modules()):
        if quantized and isinstance(layer, (nn.Conv2d, nn.Linear)):
            with_fake_quant(layer)
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
    images = torch.randn(BATCH, 1, SIZE, SIZE).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (BATCH,))
    times = []
    for _ in range(STEPS + 3):
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e3)
    return sorted(times[3:])[STEPS // 2]


def main():
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    plain, quantized = step_ms(False), step_ms(True)
    print(f"PyTorch {torch.__version__}: float {plain:.1f} ms, fake quantization {quantized:.1f} ms ({quantized / plain:.2f}x)")


if __name__ == "__main__":
    main()
