#!/usr/bin/env bash
# Accuracy along the path on a GPU: resnet18 and mobilenet_v2 on Fashion-MNIST, from scratch, several seeds, all runs side by side on the one
# GPU: float; calibrated; QAT; float with QAT's extra epochs; the int8 engine and how often it agrees with the QAT checkpoint, evaluated in
# fp32, on the 10,000 test images. Ends with a table in Markdown. Models are selected on held-out training images.
# usage: fashion_mnist.sh QAT [KEY VALUE ...]: further words override the configuration. NETS, SEEDS, OUTPUTS from the environment.
set -euo pipefail
qat=$1
shift
extra=("$@")
config=${CONFIG:-configs/fashion_mnist_gpu.yaml}
out=${OUTPUTS:-outputs/fashion_mnist_gpu}
read -ra nets <<<"${NETS:-resnet18 mobilenet_v2}"
read -ra seeds <<<"${SEEDS:-0 1 2}"
# About a tenth of the schedule, BatchNorm's statistics as they are. Chosen on the held-out images, for QAT, among rates from 0.0003 to 0.02,
# fixed and learned ranges; they differed by 0.1.
finetune=(TRAIN.EPOCHS 3 TRAIN.LR 0.0003 TRAIN.WARMUP 0 TRAIN.FREEZE_BN 0)

# field NAME: its number, from the JSON on stdin.
field() { sed -n "s/.*\"$1\": *\\([0-9.]*\\).*/\\1/p" | head -n 1; }
top1() { "$qat" eval --json --config "$config" EVAL.MODEL "$1" OUTPUTS "$2" "${extra[@]}" | field top1; }
# rate FILE: images/s, the median epoch of a metrics file.
rate() { tail -n +2 "$1" | awk -F, '{print $NF}' | sort -n | awk '{v[NR] = $1} END {printf "%.0f", v[int((NR + 1) / 2)]}'; }

# One network and seed: a line of figures in $to/line.
path() {
  local net=$1 seed=$2 to=$out/$1-$2
  local common=(--config "$config" MODEL.NET "$net" TRAIN.SEED "$seed" OUTPUTS "$to" "${extra[@]}")
  local float=$to/checkpoint_normal_train_best.pth calibrated=$to/checkpoint_quant_calibrate.pth tuned=$to/checkpoint_quant_train_best.pth
  local longer=$to/longer/checkpoint_normal_train_best.pth engine=$to/engine.engine
  mkdir -p "$to"
  {
    "$qat" train "${common[@]}" &&
      "$qat" calibrate "${common[@]}" &&
      "$qat" train "${common[@]}" TRAIN.CHECKPOINT "$calibrated" "${finetune[@]}" &&
      "$qat" train "${common[@]}" TRAIN.CHECKPOINT "$float" "${finetune[@]}" OUTPUTS "$to/longer" &&
      "$qat" convert "${common[@]}" CONVERT_ONNX.CHECKPOINT "$tuned" &&
      "$qat" build "${common[@]}" --onnx="$to/save_onnx/onnx_quant_True_dynamic_input_True.onnx" --saveEngine="$engine" &&
      "$qat" eval --json "${common[@]}" EVAL.MODEL "$engine" EVAL.REFERENCE "$tuned" >"$to/engine.json"
  } >"$to/log" 2>&1 || { tail -n 1 "$to/log" >&2; return 1; }
  echo "$net $seed $(top1 "$float" "$to") $(top1 "$calibrated" "$to") $(top1 "$tuned" "$to") $(top1 "$longer" "$to")" \
    "$(field top1 <"$to/engine.json") $(field agreed <"$to/engine.json")" \
    "$(rate "$to/normal_train_metrics.csv") $(rate "$to/quant_train_metrics.csv")" >"$to/line"
}

SECONDS=0
rm -rf "$out"
jobs=()
for net in "${nets[@]}"; do
  for seed in "${seeds[@]}"; do
    path "$net" "$seed" &
    jobs+=($!)
  done
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=1; done

echo "| network, seed | float | calibrated | QAT | float, QAT's epochs | engine | engine = QAT checkpoint | float images/s | QAT images/s |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
for net in "${nets[@]}"; do
  cat "$out/$net"-*/line 2>/dev/null | awk -v net="$net" '
    {
      printf "| %s, %s | %.2f | %.2f | %.2f | %.2f | %.2f | %d | %d | %d |\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
      for (i = 3; i <= 10; ++i) sum[i] += $i
    }
    END {
      if (NR == 0) exit
      printf "| %s, mean of %d | %.3f | %.3f | %.3f | %.3f | %.3f | %.1f | %d | %d |\n", net, NR, sum[3] / NR, sum[4] / NR, sum[5] / NR,
        sum[6] / NR, sum[7] / NR, sum[8] / NR, sum[9] / NR, sum[10] / NR
    }'
done
echo "${#jobs[@]} runs side by side took $SECONDS s"
exit $failed
