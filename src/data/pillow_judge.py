"""Pillow, torchvision and PyTorch as judges of the data room: each command reads and writes raw files in one folder.

The C++ tests write cases and pixels, call this once, and compare bytes. Usage: pillow_judge.py COMMAND FOLDER
"""

import io
import pathlib
import sys

import numpy as np
from PIL import Image


def resize(folder):
    """cases.txt: H W C h w per line, pixels in cases.raw one after another; writes resized.raw."""
    data = np.fromfile(folder / "cases.raw", np.uint8)
    at, out = 0, bytearray()
    for line in (folder / "cases.txt").read_text().splitlines():
        height, width, channels, new_height, new_width = map(int, line.split())
        size = height * width * channels
        pixels = data[at : at + size].reshape(height, width, channels)
        at += size
        image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
        out += np.asarray(image.resize((new_width, new_height), Image.BILINEAR)).tobytes()
    (folder / "resized.raw").write_bytes(out)


def main():
    command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    {"resize": resize}[command](folder)


if __name__ == "__main__":
    main()
