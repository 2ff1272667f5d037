#!/usr/bin/env bash
# The benchmarks beside their peers: engines (OpenVINO, ONNX Runtime), kernels (the machine's peak), a training step (PyTorch), calibration (the bare forward pass).
# usage: run.sh BUILD [MODEL.onnx ...]; without models, ResNet-50 and MobileNetV2 are exported from torchvision, float and symmetric int8.
set -euo pipefail
build=$1
shift
readonly python=.deps/venv/bin/python3
LD_LIBRARY_PATH=$(echo .deps/venv/lib/python3*/site-packages/nvidia/*/lib | tr ' ' ':')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

models=("$@")
if ((${#models[@]} == 0)); then
  folder=$build/bench-models
  [[ -e $folder/vgg16_bn.int8.onnx ]] || "$python" bench/make_models.py "$folder" resnet50 mobilenet_v2 resnet18 vgg16_bn
  models=("$folder"/{resnet50.int8,mobilenet_v2.int8,resnet18.int8,vgg16_bn.int8,resnet50}.onnx)
fi
"$python" bench/peers.py --bin "$build/bin" "${models[@]}"

ninja -C "$build" --quiet conv_bench train_bench calibration_bench
for net in resnet50 mobilenet_v2; do "$build/bin/conv_bench" $net; done
for round in 1 2 3; do
  "$python" bench/train_step.py
  "$build/bin/train_bench"
done
"$build/bin/calibration_bench"
