"""What the tests ask of Python: models made by other toolkits, and the judgement of onnx, ONNX Runtime and OpenVINO.

usage: judge.py COMMAND ARGS... [, COMMAND ARGS...]
  export NET FILE [size] [opset] [dynamo]   a narrow torchvision network with random BN, exported by torch
  script NAME FILE                          one of the small models of models.py
  quantize FILE OUT u8|s8                   ONNX Runtime's quantize_static, Q/DQ
  check FILE [DIMS]                         onnx's checker with full_check, strict shape inference, the output's dims
  run FILE INPUT OUT ort|openvino N,C,H,W   raw float32 in and out; no graph optimizations
"""
import itertools
import sys
import warnings

import numpy as np

warnings.filterwarnings('ignore')


def network(name):
    import torch, torchvision
    torch.manual_seed(1)
    torch.set_num_threads(1)
    models = torchvision.models
    if name == 'resnet_narrow':
        model = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=10)
    elif name == 'mobilenet_narrow':
        model = models.MobileNetV2(num_classes=10, width_mult=0.25)
    elif name == 'mobilenet_v3_narrow':
        model = models.mobilenet_v3_small(num_classes=10, width_mult=0.25)
    elif name == 'densenet_narrow':
        model = models.DenseNet(growth_rate=8, block_config=(2, 2), num_init_features=8, bn_size=2, num_classes=10)
    elif name == 'regnet_narrow':
        params = models.regnet.BlockParams.from_init_params(depth=4, w_0=16, w_a=8.0, w_m=2.0, group_width=8)
        model = models.RegNet(params, num_classes=10)
    elif name == 'efficientnet_narrow':
        setting = models.efficientnet.MBConvConfig
        model = models.EfficientNet([setting(1, 3, 1, 16, 8, 1), setting(4, 5, 2, 8, 16, 1)], 0.2, num_classes=10)
    elif name == 'viewnet':
        class ViewNet(torch.nn.Module):
            """x.view(x.size(0), -1), functional spellings, a bias apart from its matrix."""
            def __init__(self):
                super().__init__()
                self.conv = torch.nn.Conv2d(3, 8, 3, stride=2)
                self.weight = torch.nn.Parameter(torch.randn(8 * 4, 10))
                self.bias = torch.nn.Parameter(torch.randn(10))

            def forward(self, x):
                x = torch.nn.functional.pad(x, (1, 0, 0, 1))
                x = self.conv(x)
                x = x * torch.nn.functional.relu6(x + 3) / 6
                x = x * torch.sigmoid(x)
                x = torch.nn.functional.avg_pool2d(x, 2)
                x = torch.cat([x, x], 1).view(x.size(0), 2, -1).mean(1)
                x = x.view(x.size(0), -1)
                return x @ self.weight + self.bias
        model = ViewNet()
    elif name == 'fakequant':
        class FakeQuantNet(torch.nn.Module):
            """torch's own fake quantization: per tensor in 8 and in 7 bits, per channel of weights."""
            def __init__(self):
                super().__init__()
                self.conv = torch.nn.Conv2d(3, 8, 3)
                self.fc = torch.nn.Linear(8, 10)
                self.scale = torch.nn.Parameter(self.conv.weight.detach().abs().amax((1, 2, 3)) / 127)
                self.register_buffer('zero', torch.zeros(8, dtype=torch.int32))

            def forward(self, x):
                x = torch.fake_quantize_per_tensor_affine(x, 0.03, 0, -128, 127)
                w = torch.fake_quantize_per_channel_affine(self.conv.weight, self.scale.detach(), self.zero, 0, -128, 127)
                x = torch.nn.functional.conv2d(x, w, self.conv.bias).relu().mean((2, 3))
                x = torch.fake_quantize_per_tensor_affine(x, 0.01, 3, 0, 127)
                return self.fc(x)
        model = FakeQuantNet()
    else:
        model = getattr(models, name)(num_classes=10)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, -1.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.3, 2.0)
    return model.eval()


def export(name, path, size='64', opset='17', dynamo=''):
    import torch
    model = network(name)
    x = torch.randn(2, 3, int(size), int(size))
    if dynamo:
        torch.onnx.export(model, (x,), path, dynamo=True, input_names=['input'], output_names=['output'],
                          dynamic_shapes=({0: 'batch'},), verbose=False)
    else:
        axes = {0: 'batch'} if name in ('viewnet', 'vgg16_bn') else {0: 'batch', 2: 'height', 3: 'width'}
        torch.onnx.export(model, x, path, dynamo=False, input_names=['input'], output_names=['output'],
                          dynamic_axes={'input': axes, 'output': {0: 'batch'}}, opset_version=int(opset))


def quantize(path, out, kind):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Random(CalibrationDataReader):
        def __init__(self):
            rng = np.random.default_rng(3)
            self.batches = iter([{'input': rng.standard_normal((2, 3, 32, 32)).astype(np.float32)} for _ in range(4)])

        def get_next(self):
            return next(self.batches, None)

    quant_pre_process(path, out + '.prepared')
    symmetric = kind == 's8'
    quantize_static(out + '.prepared', out, Random(), quant_format=QuantFormat.QDQ, per_channel=True,
                    weight_type=QuantType.QInt8, activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
                    extra_options={'ActivationSymmetric': symmetric, 'WeightSymmetric': True})


def check(path, expected=''):
    import onnx
    onnx.checker.check_model(path, full_check=True)
    model = onnx.shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True, data_prop=True)
    dims = [d.dim_param or d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim]
    assert not expected or dims == [int(d) if d.isdigit() else d for d in expected.split(',')], dims


def run(path, source, out, engine, shape):
    x = np.fromfile(source, np.float32).reshape([int(d) for d in shape.split(',')])
    if engine == 'ort':
        import onnxruntime as ort
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(path, options, providers=['CPUExecutionProvider'])
        y = session.run(None, {session.get_inputs()[0].name: x})[0]
    else:
        import openvino as ov
        core = ov.Core()
        hints = {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': 1}
        y = core.compile_model(core.read_model(path), 'CPU', hints)([x])[0]
    np.ascontiguousarray(y, np.float32).tofile(out)


def script(name, path):
    import models
    models.write(name, path)


if __name__ == '__main__':
    commands = {'export': export, 'quantize': quantize, 'check': check, 'run': run, 'script': script}
    for last, words in itertools.groupby(sys.argv[1:], lambda word: word == ','):
        if not last:
            name, *arguments = words
            commands[name](*arguments)
