"""Proves the layering of DESIGN: which room may include which, and what each binary links. Prints every violation; exit 1 if any."""
import argparse
import pathlib
import re
import subprocess
import sys

# A room may include itself and these. Longest prefix wins, so src/engine/compile has its own rule.
ALLOWED = {
    "base": set(),
    "ir": {"base"},
    "zoo": {"base", "ir"},
    "io": {"base", "ir"},
    "quant": {"base", "ir"},
    "model": {"base", "ir", "zoo", "io", "quant", "config"},
    "config": {"base"},
    "data": {"base", "config"},
    "engine/cpu": {"base", "engine/plan"},
    "engine/plan": {"base"},
    "engine/runtime": {"base", "engine/plan", "engine/cpu", "engine/cuda/backend.h"},
    "engine/compile": {"base", "ir", "engine/plan", "engine/cpu", "engine/runtime", "engine/cuda/backend.h", "quant"},
    "engine/cuda": {"base", "engine/plan", "engine/cpu", "engine/runtime", "engine/cuda/backend.h"},
    "engine/cuda/backend.h": {"base", "engine/plan", "engine/runtime"},
    "train": {"base", "ir", "zoo", "io", "quant", "model", "data", "config", "eval"},
    "eval": {"base", "io", "ir", "zoo", "quant", "model", "data", "config", "engine/runtime", "engine/plan", "train"},
    "cli": None,  # all
}

# What must not be among a binary's needed libraries (directly or through others, except plugins loaded at run time).
FORBIDDEN = {
    "qat": r"torch|c10|cuda|protobuf|onnx|openvino|dnnl",
    "libqat_core.so": r"torch|c10|cuda|protobuf|onnx|openvino|dnnl|jpeg|png|yaml",
    "libqat_engine.so": r"torch|c10|cuda|protobuf|onnx|openvino|dnnl|jpeg|png|yaml",
    "libqat_data.so": r"torch|c10|cuda|protobuf|onnx|openvino|dnnl|yaml",
    "libqat_onnx.so": r"torch|c10|cuda|openvino",
    "libqat_cuda.so": r"torch|c10|libcu|protobuf|onnx|openvino|dnnl|jpeg|png|yaml",
    "libqat_train.so": r"protobuf|onnx|openvino",
}


def room_of(path):
    parts = path.split("/")
    return max((room for room in ALLOWED if path == room or path.startswith(room + "/")), key=len, default=parts[0])


def check_includes(root):
    wrong = []
    for file in sorted((root / "src").rglob("*")):
        if file.suffix not in {".cc", ".h", ".cu", ".cuh"} or file.name.endswith("_test.cc"):
            continue
        relative = file.relative_to(root / "src").as_posix()
        room = room_of(relative)
        allowed = ALLOWED.get(room, set())
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'#include "([^"]+)"', line)
            if not match or "/" not in match[1] or match[1].startswith("qat/"):
                continue
            target = room_of(match[1])
            if allowed is not None and target != room and target not in allowed:
                wrong.append(f"src/{relative}:{number}: {room} must not include {match[1]}")
    return wrong


def check_binaries(folder):
    wrong = []
    for name, pattern in FORBIDDEN.items():
        binary = folder / name
        if not binary.exists():
            continue
        linked = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        libraries = [line.split()[0] for line in linked.splitlines() if line.strip()]
        wrong += [f"{name} links {library}" for library in libraries if re.search(pattern, library)]
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=pathlib.Path, help="folder of the built binaries")
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    wrong = check_includes(root) + (check_binaries(arguments.binaries) if arguments.binaries else [])
    print("\n".join(wrong) or "layering: clean")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
