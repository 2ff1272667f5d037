#!/usr/bin/env bash
# The whole path on Fashion-MNIST, from a float network to a table, each command printed before it runs. usage: demo.sh QAT [WORD ...]
# Further words override the configuration in every command (the tests pass a short training).
set -euo pipefail
qat=$1
shift
config=configs/fashion_mnist_resnet8.yaml
out=${DEMO_OUTPUTS:-outputs/demo}  # made anew by each run
extra=("$@")

# Results go to $out, or to $to where a step sets it.
run() {
  local words=("$@" OUTPUTS "${to:-$out}" "${extra[@]}")
  printf '\n\033[1m$ qat %s\033[0m\n' "${words[*]}"
  "$qat" "${words[@]}"
}

SECONDS=0
rm -rf "$out"

# A float network, then calibration, then quantization-aware finetuning: one epoch at a tenth of the rate, chosen on the
# validation images (0.002 leaves what calibration gave, 92.8 %; 0.01 gives 92.9 %).
run train --config $config
run calibrate --config $config
finetune=(TRAIN.EPOCHS 1 TRAIN.LR 0.02 TRAIN.WARMUP 0)
run train --config $config TRAIN.CHECKPOINT "$out/checkpoint_quant_calibrate.pth" "${finetune[@]}"

# To be fair, the float network gets the same extra epoch.
longer=$out/float_longer
to=$longer run train --config $config TRAIN.CHECKPOINT "$out/checkpoint_normal_train_best.pth" "${finetune[@]}"

# The four ONNX variants.
for quant in True False; do
  for dynamic in True False; do
    [[ $quant == True ]] && checkpoint=$out/checkpoint_quant_train_best.pth || checkpoint=$out/checkpoint_normal_train_best.pth
    run convert --config $config CONVERT_ONNX.CHECKPOINT "$checkpoint" CONVERT_ONNX.QUANT $quant CONVERT_ONNX.DYNAMIC $dynamic
  done
done

# Engines: float from the float file, int8 and best from the quantized one; int8 of the original for its latency alone.
onnx=$out/save_onnx engines=$out/save_engine
shapes=(--minShapes=input:1x1x28x28 --optShapes=input:64x1x28x28 --maxShapes=input:256x1x28x28)
float=$onnx/onnx_quant_False_dynamic_input_True.onnx quantized=$onnx/onnx_quant_True_dynamic_input_True.onnx
run build --onnx=$float --fp32 --saveEngine=$engines/engine_fp32.engine "${shapes[@]}"
run build --onnx=$float --bf16 --saveEngine=$engines/engine_bf16.engine "${shapes[@]}"
run build --onnx=$float --int8 --saveEngine=$engines/engine_original_int8.engine "${shapes[@]}"
run build --onnx=$quantized --int8 --saveEngine=$engines/engine_int8.engine "${shapes[@]}"
run build --onnx=$quantized --best --saveEngine=$engines/engine_quant_True_dynamic_input_True.engine "${shapes[@]}"

# The test images are used here for the first time.
run eval --config $config EVAL.MODEL "$out/checkpoint_normal_train_best.pth"
to=$longer run eval --config $config EVAL.MODEL "$longer/checkpoint_normal_train_best.pth"
run eval --config $config EVAL.MODEL "$out/checkpoint_quant_calibrate.pth"
run eval --config $config EVAL.MODEL "$out/checkpoint_quant_train_best.pth"
run eval --config $config EVAL.MODEL "$quantized" EVAL.REFERENCE "$out/checkpoint_quant_train_best.pth" EVAL.MIN_AGREEMENT 99.70
run eval --config $config EVAL.MODEL "$engines/engine_int8.engine" EVAL.REFERENCE "$out/checkpoint_quant_train_best.pth" EVAL.MIN_AGREEMENT 99.98
for engine in fp32 bf16 quant_True_dynamic_input_True; do
  run eval --config $config EVAL.MODEL "$engines/engine_$engine.engine"
done
for engine in fp32 bf16 original_int8 int8 quant_True_dynamic_input_True; do
  run bench --loadEngine="$engines/engine_$engine.engine" --shapes=input:1x1x28x28 --duration=1
done

run report
printf '\nthe path took %d s\n' "$SECONDS"
