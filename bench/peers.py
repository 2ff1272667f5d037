"""Engines of qat beside OpenVINO and ONNX Runtime on the same ONNX files, in one process: interleaved rounds, medians, ratios.

usage: peers.py [--bin build/bin] [--threads 1] [--batches 1,8] [--rounds 8] MODEL.onnx ...      needs openvino, onnxruntime, numpy

Every file is built with `qat build` (--int8 where it has Q/DQ, else --fp32) and run through the C API. The logits are compared first:
their cosine to OpenVINO's is printed, and below 0.99 (--cosine) nothing is timed. OpenVINO runs with its latency hint, f32 for what is not int8.
"""
import argparse
import ctypes
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
import openvino


class Engine:
    """An engine file behind the C API of include/qat/engine.h."""

    def __init__(self, library, path, shape, threads):
        self.library = ctypes.CDLL(library)
        self.library.qat_last_error.restype = ctypes.c_char_p
        engine, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.library.qat_engine_load(path.encode(), ctypes.byref(engine)))
        self.check(self.library.qat_session_create(engine, threads, ctypes.byref(self.session)))
        self.check(self.library.qat_session_set_shape(self.session, (ctypes.c_int64 * 4)(*shape)))
        out = (ctypes.c_int64 * 4)()
        self.check(self.library.qat_session_output_shape(self.session, ctypes.c_size_t(0), out))
        self.logits = np.zeros((out[0], out[1]), np.float32)

    def check(self, status):
        if status != 0:
            raise SystemExit(f"qat: {self.library.qat_last_error().decode()}")

    def run(self, images):
        inputs = (ctypes.c_void_p * 1)(images.ctypes.data)
        outputs = (ctypes.c_void_p * 1)(self.logits.ctypes.data)
        self.check(self.library.qat_session_run(self.session, inputs, outputs))
        return self.logits


def openvino_runner(path, shape, threads):
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(shape)
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
                                                 "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda images: next(iter(request.infer([images]).values()))


def onnxruntime_runner(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def build(arguments, path, batch, folder):
    """Builds the engine of a file at one batch; its path, input shape and the seconds the build took."""
    model = onnx.load(path, load_external_data=False)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    shape = [batch] + [d.dim_value or other for d, other in zip(dims[1:], (3, arguments.size, arguments.size))]
    quantized = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
    engine = str(folder / f"{pathlib.Path(path).stem}.b{batch}.engine")
    start = time.time()
    done = subprocess.run([f"{arguments.bin}/qat", "build", f"--onnx={path}", "--int8" if quantized else "--fp32",
                           "--shapes=input:" + "x".join(map(str, shape)), f"--saveEngine={engine}", "BUILD.THREADS",
                           str(arguments.threads), "OUTPUTS", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    return engine, shape, time.time() - start


def cosine(a, b):
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def median_ms(run, images, seconds):
    times, end = [], time.time() + seconds
    while time.time() < end or len(times) < 3:
        start = time.perf_counter()
        run(images)
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))


def measure(arguments, path, batch, folder):
    engine, shape, build_s = build(arguments, path, batch, folder)
    images = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    runners = {"qat": Engine(f"{arguments.bin}/libqat_engine.so", engine, shape, arguments.threads).run,
               "OpenVINO": openvino_runner(path, shape, arguments.threads)}
    if not arguments.openvino_only:
        runners["ONNX Runtime"] = onnxruntime_runner(path, arguments.threads)
    logits = {name: np.array(run(images)) for name, run in runners.items()}
    agreement = cosine(logits["qat"], logits["OpenVINO"])
    if agreement < arguments.cosine:
        print(f"{path}: logits differ from OpenVINO's (cosine {agreement:.4f}): not timed")
        return False
    rounds = {name: [] for name in runners}
    for _ in range(arguments.rounds):
        for name, run in runners.items():
            rounds[name].append(median_ms(run, images, arguments.seconds))
    ms = {name: float(np.median(values)) for name, values in rounds.items()}
    ratios = "  ".join(f"{name} {ms[name]:8.2f} (ratio {ms['qat'] / ms[name]:.2f})" for name in list(runners)[1:])
    print(f"{pathlib.Path(path).name:24s} threads {arguments.threads} batch {batch:2d}  qat {ms['qat']:8.2f} ms  {ratios}  "
          f"cosine {agreement:.5f}  build {build_s:.1f} s", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--bin", default="build/bin", help="folder of qat and libqat_engine.so")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--size", type=int, default=224, help="height and width where the file leaves them open")
    parser.add_argument("--cosine", type=float, default=0.99, help="to OpenVINO's logits, at least; held to AVX2 it saturates and differs")
    parser.add_argument("--openvino-only", action="store_true", help="ONNX Runtime's idle threads spin, at the others' cost")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each runtime in each round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = [measure(arguments, path, batch, pathlib.Path(folder)) for path in arguments.models
                for batch in map(int, arguments.batches.split(","))]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
