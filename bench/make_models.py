"""Writes NET.onnx and NET.int8.onnx (Q/DQ by ONNX Runtime: symmetric int8 activations, per-channel weights), random weights: for timing only.

usage: make_models.py FOLDER [resnet50 mobilenet_v2 ...]      needs torch, torchvision, onnx, onnxruntime
"""
import pathlib
import sys
import warnings

import numpy as np
import torch
import torchvision
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

SHAPE = (1, 3, 224, 224)


class Noise(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"input": np.random.randn(*SHAPE).astype(np.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.batches, None)


def main():
    warnings.filterwarnings("ignore")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for net in sys.argv[2:] or ["resnet50", "mobilenet_v2"]:
        file, prepared = str(folder / f"{net}.onnx"), str(folder / f"{net}.prepared.onnx")
        model = getattr(torchvision.models, net)().eval()
        torch.onnx.export(model, torch.randn(*SHAPE), file, input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}}, opset_version=17, dynamo=False)
        quant_pre_process(file, prepared)
        quantize_static(prepared, str(folder / f"{net}.int8.onnx"), Noise(), quant_format=QuantFormat.QDQ, per_channel=True,
                        weight_type=QuantType.QInt8, activation_type=QuantType.QInt8,
                        extra_options={"ActivationSymmetric": True, "WeightSymmetric": True})


if __name__ == "__main__":
    main()
