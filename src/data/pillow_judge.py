"""Pillow, torchvision and PyTorch as judges of the data room: each command reads and writes raw files in one folder.

The C++ tests write cases and pixels, call this once, and compare bytes. Usage: pillow_judge.py COMMAND FOLDER
"""

import pathlib
import struct
import sys
import warnings
import zlib

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


def png_file(samples, depth, color_type, palette=None, transparency=None, interlaced=False):
    """A PNG of samples [H,W,C] of `depth` bits, written by hand: Pillow writes few of the legal kinds."""
    height, width, channels = samples.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def rows(part):
        if 0 in part.shape[:2]:
            return b""
        flat = part.reshape(part.shape[0], -1)
        if depth == 16:
            packed = flat.astype(">u2").view(np.uint8).reshape(part.shape[0], -1)
        elif depth == 8:
            packed = flat.astype(np.uint8)
        else:
            bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
            packed = np.packbits(bits.reshape(part.shape[0], -1).astype(np.uint8), axis=1)
        return b"".join(b"\0" + row.tobytes() for row in packed)

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    data = b"".join(rows(samples[y::dy, x::dx]) for y, x, dy, dx in passes) if interlaced else rows(samples)
    file = b"\x89PNG\r\n\x1a\n"
    file += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced)))
    file += chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"tEXt", b"Comment\0nobody reads this")
    if palette is not None:
        file += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparency is not None:
        file += chunk(b"tRNS", transparency)
    return file + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def make_pngs(folder, rng):
    for height, width in [(1, 1), (5, 3), (17, 33), (64, 50)]:
        for interlaced in (False, True):
            tag = f"{height}x{width}{'i' if interlaced else ''}"

            def put(name, channels, depth, color_type, high=None, **more):
                samples = rng.integers(0, high or 2**depth, (height, width, channels))
                file = png_file(samples, depth, color_type, interlaced=interlaced, **more)
                (folder / f"{name}_{tag}.png").write_bytes(file)

            for depth in (1, 2, 4, 8):
                put(f"grey{depth}", 1, depth, 0)
                palette = rng.integers(0, 256, (2**depth, 3))
                put(f"palette{depth}", 1, depth, 3, palette=palette)
                put(f"clear{depth}", 1, depth, 3, palette=palette, transparency=bytes(range(2**depth))[:200])
            put("grey_clear", 1, 8, 0, transparency=b"\0\7")
            put("rgb", 3, 8, 2)
            put("rgb16", 3, 16, 2)
            put("grey_alpha", 2, 8, 4)
            put("grey_alpha16", 2, 16, 4)
            put("rgba", 4, 8, 6)
            put("rgba16", 4, 16, 6)
            put("rgb_clear", 3, 8, 2, transparency=b"\0\1\0\2\0\3")


def make_jpegs(folder, rng):
    for height, width in [(1, 1), (7, 9), (16, 16), (33, 47), (120, 161)]:
        ramp = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)[:, :, None] + np.arange(4) * 40
        pixels = ((ramp + rng.integers(0, 60, (height, width, 4))) % 256).astype(np.uint8)
        rgb = Image.fromarray(pixels[:, :, :3])
        tag = f"{height}x{width}"
        for subsampling in (0, 1, 2):
            for quality in (30, 95):
                rgb.save(folder / f"rgb{subsampling}_{quality}_{tag}.jpg", quality=quality, subsampling=subsampling)
        rgb.save(folder / f"progressive_{tag}.jpg", progressive=True, quality=80)
        rgb.save(folder / f"restart_{tag}.jpg", restart_marker_blocks=1, optimize=True)
        rgb.save(folder / f"keep_rgb_{tag}.jpg", keep_rgb=True)
        exif = Image.Exif()
        exif[0x0112] = 6  # a quarter turn, which is not applied
        rgb.save(folder / f"exif_{tag}.jpg", exif=exif)
        Image.fromarray(pixels[:, :, 0]).save(folder / f"grey_{tag}.jpg")
        Image.fromarray(pixels, "CMYK").save(folder / f"cmyk_{tag}.jpg")
        cmyk = (folder / f"cmyk_{tag}.jpg").read_bytes()
        at = cmyk.index(b"Adobe\0")  # the last byte of the Adobe marker is the transform: 2 is YCCK
        (folder / f"ycck_{tag}.jpg").write_bytes(cmyk[: at + 11] + b"\2" + cmyk[at + 12 :])


def images(folder):
    """Writes JPEG and PNG files of all kinds, and for each file its pixels by convert("RGB") as NAME.rgb."""
    rng = np.random.default_rng(5)
    make_pngs(folder, rng)
    make_jpegs(folder, rng)
    warnings.simplefilter("ignore")  # palettes with transparency: convert("RGB") drops it, as it should here
    for path in sorted(folder.glob("*.[jp][pn]g")):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        header = f"{pixels.shape[0]} {pixels.shape[1]}\n".encode()
        path.with_suffix(path.suffix + ".rgb").write_bytes(header + pixels.tobytes())


def transforms(folder):
    """torchvision's Resize + CenterCrop of in.raw: cases.txt has H W C resize size per line; writes out.raw."""
    data = np.fromfile(folder / "cases.raw", np.uint8)
    at, out, sizes = 0, bytearray(), []
    for line in (folder / "cases.txt").read_text().splitlines():
        height, width, channels, resize_to, crop_to = map(int, line.split())
        size = height * width * channels
        pixels = data[at : at + size].reshape(height, width, channels)
        at += size
        image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
        if resize_to:
            image = torchvision.transforms.Resize(resize_to)(image)
        if crop_to:
            image = torchvision.transforms.CenterCrop(crop_to)(image)
        pixels = np.asarray(image)
        sizes.append(f"{pixels.shape[0]} {pixels.shape[1]}")
        out += pixels.tobytes()
    (folder / "transformed.raw").write_bytes(out)
    (folder / "transformed.txt").write_text("\n".join(sizes))


def normalize(folder):
    """ToTensor and Normalize of all 256 values in three channels: writes normalized.raw, f32 [3,1,256]."""
    pixels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    tensor = torchvision.transforms.ToTensor()(Image.fromarray(pixels))
    normal = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(tensor)
    (folder / "normalized.raw").write_bytes(normal.numpy().tobytes())


def listing(folder):
    """torchvision's ImageFolder of FOLDER/train: writes listing.txt, "path label" per image."""
    dataset = torchvision.datasets.ImageFolder(str(folder / "train"))
    lines = [f"{pathlib.Path(path).relative_to(folder / 'train')} {label}" for path, label in dataset.samples]
    (folder / "listing.txt").write_text("\n".join(lines))


def main():
    command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if command in ("transforms", "normalize", "listing"):
        global torchvision
        import torchvision
    {
        "resize": resize,
        "images": images,
        "transforms": transforms,
        "normalize": normalize,
        "listing": listing,
    }[command](folder)


if __name__ == "__main__":
    main()
