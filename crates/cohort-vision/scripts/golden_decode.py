"""Writes tests/golden/decode: one small file of every kind that is read, and what Pillow makes of
it as `ImageOps.exif_transpose(image).convert("RGB")`: a line of index.txt (name, width, height,
CRC-32 of the RGB bytes) and for lossy formats, where decoders differ in the last bits, the bytes
themselves in NAME.rgb.

    python scripts/golden_decode.py

16-bit grey is written as its high byte, where Pillow would clip at 255.
"""

import io
import pathlib
import shutil
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from patterns import pattern

OUT = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "decode"
W, H = 35, 19


def picture(w=W, h=H):
    """Something like a photograph: ramps, an edge, a little noise."""
    a = np.array(pattern("smooth", w, h)).astype(int)
    n = np.array(pattern("noise", w, h)).astype(int) // 16
    a[h // 3 : h // 2, w // 4 : w // 2] = (200, 40, 90)
    return Image.fromarray(np.clip(a + n - 8, 0, 255).astype(np.uint8), "RGB")


def save(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def expected(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return ImageOps.exif_transpose(image).convert("RGB")


def png(colour, depth, samples, interlace=False, extra=b""):
    """A PNG of any colour type and depth from an array [row, column, channel] of sample values."""
    h, w, channels = samples.shape

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def rows(part):
        out = b""
        for row in part:
            bits = "".join(f"{v:0{depth}b}" for v in row.reshape(-1))
            bits += "0" * (-len(bits) % 8)
            out += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
        return out

    if interlace:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        data = b"".join(rows(samples[y0::dy, x0::dx]) for x0, y0, dx, dy in passes if samples[y0::dy, x0::dx].size)
    else:
        data = rows(samples)
    header = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, int(interlace))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def without_segment(jpeg, marker):
    """The file without its segments of that marker."""
    out, at = jpeg[:2], 2
    while jpeg[at + 1] != 0xDA:
        length = struct.unpack(">H", jpeg[at + 2 : at + 4])[0] + 2
        if jpeg[at + 1] != marker:
            out += jpeg[at : at + length]
        at += length
    return out + jpeg[at:]


def adobe(jpeg, transform):
    """The file with another colour transform in its Adobe segment."""
    at = jpeg.index(b"Adobe")
    return jpeg[: at + 11] + bytes([transform]) + jpeg[at + 12 :]


def rgb_ids(jpeg):
    """The components called R, G and B, as some encoders mark RGB."""
    sof = next(at for at in range(len(jpeg)) if jpeg[at] == 0xFF and jpeg[at + 1] in (0xC0, 0xC2))
    sos = jpeg.index(b"\xff\xda")
    out = bytearray(jpeg)
    for i, letter in enumerate(b"RGB"):
        out[sof + 10 + 3 * i] = letter
        out[sos + 5 + 2 * i] = letter
    return bytes(out)


def files():
    p = picture()
    exif = lambda n: (lambda e: (e.__setitem__(0x0112, n), e.tobytes())[1])(Image.Exif())
    for name, options in {
        "444": dict(subsampling=0), "422": dict(subsampling=1), "420": dict(subsampling=2),
        "progressive": dict(progressive=True), "progressive444": dict(progressive=True, subsampling=0),
        "restart": dict(restart_marker_rows=1), "quality30": dict(quality=30),
        "optimized": dict(optimize=True, quality=95), "rgb": dict(keep_rgb=True, quality=95),
    }.items():
        yield f"jpeg_{name}.jpg", save(p, "JPEG", **options)
    yield "jpeg_grey.jpg", save(p.convert("L"), "JPEG")
    yield "jpeg_grey_progressive.jpg", save(p.convert("L"), "JPEG", progressive=True)
    cmyk = save(p.convert("CMYK"), "JPEG", quality=90, subsampling=0)
    yield "jpeg_cmyk_adobe.jpg", cmyk
    yield "jpeg_cmyk_plain.jpg", without_segment(cmyk, 0xEE)
    yield "jpeg_ycck.jpg", adobe(cmyk, 2)
    yield "jpeg_cmyk_progressive.jpg", save(p.convert("CMYK"), "JPEG", progressive=True)
    yield "jpeg_rgb_ids.jpg", rgb_ids(without_segment(save(p, "JPEG", keep_rgb=True, quality=95), 0xEE))
    for n in range(1, 9):
        yield f"jpeg_exif{n}.jpg", save(picture(11, 8), "JPEG", exif=exif(n), subsampling=0)
    yield "jpeg_one_pixel.jpg", save(picture(1, 1), "JPEG")
    yield "jpeg_wide.jpg", save(picture(70, 2), "JPEG")
    yield "jpeg_tall.jpg", save(picture(17, 50), "JPEG")
    yield "jpeg_trailing_bytes.jpg", save(p, "JPEG") + b"appended by a camera \xff\xd8 or two"

    a = np.array(p)
    luma = np.array(p.convert("L"))[..., None]
    alpha = np.array(pattern("noise", W, H))[..., :1]
    yield "png_rgb.png", save(p, "PNG")
    yield "png_rgba.png", png(6, 8, np.concatenate([a, alpha], -1))
    yield "png_grey_alpha.png", png(4, 8, np.concatenate([luma, alpha], -1))
    for depth in (1, 2, 4, 8):
        yield f"png_grey{depth}.png", png(0, depth, luma >> (8 - depth))
    yield "png_grey8_trns.png", png(0, 8, luma, extra=png_chunk(b"tRNS", b"\0\x40"))
    yield "png_rgb_trns.png", png(2, 8, a, extra=png_chunk(b"tRNS", b"\0\xc8\0\x28\0\x5a"))
    wide = a.astype(int) * 256 + 131
    yield "png_rgb16.png", png(2, 16, wide)
    yield "png_rgba16.png", png(6, 16, np.concatenate([wide, alpha.astype(int) * 257], -1))
    yield "png_grey16.png", png(0, 16, luma.astype(int) * 256 + 200)
    yield "png_grey_alpha16.png", png(4, 16, np.concatenate([luma.astype(int) * 256 + 200, alpha.astype(int) * 257], -1))
    palette = png_chunk(b"PLTE", bytes(range(3, 3 + 48)))
    for depth in (1, 2, 4):
        yield f"png_palette{depth}.png", png(3, depth, luma >> (8 - depth), extra=palette)
    yield "png_palette8_trns.png", save(p.quantize(16), "PNG", transparency=bytes(range(0, 240, 15)))
    yield "png_interlaced.png", png(2, 8, a, interlace=True)
    yield "png_interlaced_grey1.png", png(0, 1, luma >> 7, interlace=True)
    yield "png_exif6.png", save(p, "PNG", exif=exif(6))
    yield "png_one_pixel.png", save(picture(1, 1), "PNG")
    frames = dict(save_all=True, append_images=[pattern("noise", W, H)], duration=100)
    yield "png_animated.png", save(p, "PNG", **frames)

    rgba = Image.fromarray(np.concatenate([a, alpha], -1), "RGBA")
    yield "webp_lossless.webp", save(p, "WEBP", lossless=True)
    yield "webp_lossless_alpha.webp", save(rgba, "WEBP", lossless=True, exact=True)
    yield "webp_lossy.webp", save(p, "WEBP", quality=80)
    yield "webp_lossy_alpha.webp", save(rgba, "WEBP", quality=80, exact=True)
    yield "webp_exif8.webp", save(p, "WEBP", lossless=True, exif=exif(8))
    yield "webp_animated.webp", save(p, "WEBP", lossless=True, **frames)
    yield "webp_one_pixel.webp", save(picture(1, 1), "WEBP", lossless=True)
    yield "wrong_extension.png", save(p, "JPEG")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with open(OUT / "index.txt", "w") as index:
        for name, data in files():
            (OUT / name).write_bytes(data)
            image = expected(data)
            if name == "png_grey16.png":
                high = np.array(Image.open(io.BytesIO(data))).astype(int) >> 8
                image = Image.fromarray(high.astype(np.uint8), "L").convert("RGB")
            pixels = image.tobytes()
            print(name, *image.size, f"{zlib.crc32(pixels):08x}", file=index)
            if name.startswith(("jpeg", "webp_lossy", "wrong")):
                (OUT / f"{name}.rgb").write_bytes(pixels)


main()
