"""Writes tests/golden/orientation.txt: EXIF blocks and XMP packets as they are found, and the orientation that Pillow
(13.0.0) reads from them, the same in a JPEG, a PNG and a WebP: name, EXIF and XMP in hexadecimal (- for none), orientation
that is undone (1 for none).

    pip install pillow==13.0.0
    python scripts/golden_orientation.py
"""

import io
import pathlib
import struct
import warnings
import zlib

from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "orientation.txt"
TYPES = {
    "byte": (1, "B"), "short": (3, "H"), "long": (4, "L"), "sbyte": (6, "b"), "undefined": (7, "B"), "sshort": (8, "h"),
    "slong": (9, "l"), "float": (11, "f"), "double": (12, "d"), "ifd": (13, "L"), "long8": (16, "Q"),
}


def tiff(entries, order="<", magic=None, tail=b""):
    """A TIFF block of entries (tag, type, count, four bytes), what they point at behind them."""
    magic = magic or (b"II\x2a\0" if order == "<" else b"MM\0\x2a")
    out = magic + struct.pack(order + "LH", 8, len(entries))
    for tag, kind, count, value in entries:
        out += struct.pack(order + "HHL", tag, kind, count) + value
    return out + bytes(4) + tail


def entry(kind, value, order="<", count=1):
    number, code = TYPES[kind]
    data = struct.pack(order + code, value) * count
    if len(data) <= 4:
        return tiff([(0x0112, number, count, data.ljust(4, b"\0"))], order)
    return tiff([(0x0112, number, count, struct.pack(order + "L", 26))], order, tail=data)


def rational(over, under, kind=5, order="<"):
    code = "LL" if kind == 5 else "ll"
    data = struct.pack(order + code, over, under)
    return tiff([(0x0112, kind, 1, struct.pack(order + "L", 26))], order, tail=data)


def attribute(n):
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{n}"/></x:xmpmeta>'.encode()


def element(n):
    return f"<x:xmpmeta><rdf:Description><tiff:Orientation>{n}</tiff:Orientation></rdf:Description></x:xmpmeta>".encode()


def cases():
    mark = b"Exif\0\0"
    for order, name in (("<", "little"), (">", "big")):
        for n in range(0, 10):
            yield f"short_{name}_{n}", entry("short", n, order), b""
            yield f"long_{name}_{n}", entry("long", n, order), b""
        for kind in TYPES:
            yield f"{kind}_{name}", entry(kind, 6, order), b""
        yield f"two_values_{name}", entry("short", 6, order, 2), b""
        yield f"three_values_{name}", entry("short", 8, order, 3), b""
        yield f"two_longs_{name}", entry("long", 3, order, 2), b""
        yield f"long_256_{name}", entry("long", 256 + 6, order), b""
        yield f"slong_negative_{name}", entry("slong", -6, order), b""
        yield f"rational_{name}", rational(6, 1, order=order), b""
        yield f"rational_12_2_{name}", rational(12, 2, order=order), b""
        yield f"rational_13_2_{name}", rational(13, 2, order=order), b""
        yield f"rational_6_0_{name}", rational(6, 0, order=order), b""
        yield f"srational_{name}", rational(-6, -1, 10, order), b""
        yield f"float_half_{name}", entry("float", 6.5, order), b""
    for n in range(0, 10):
        yield f"attribute_{n}", b"", attribute(n)
        yield f"element_{n}", b"", element(n)
    six, other = entry("short", 6), entry("long", 1)
    make = (0x010F, 2, 4, b"abc\0")
    short6 = (0x0112, 3, 1, b"\6\0\0\0")
    short3 = (0x0112, 3, 1, b"\3\0\0\0")
    yield "exif_wins", six, attribute(8)
    yield "exif_1_wins", other, attribute(6)
    yield "exif_0_wins", entry("short", 0), attribute(6)
    yield "exif_text_wins", tiff([(0x0112, 2, 2, b"6\0\0\0")]), attribute(8)
    yield "exif_without_the_tag", tiff([make]), attribute(6)
    yield "exif_of_no_values", tiff([(0x0112, 3, 0, bytes(4))]), attribute(6)
    yield "exif_of_unknown_type", tiff([(0x0112, 99, 1, b"\6\0\0\0")]), element(8)
    yield "marked_once_more", mark + six, b""
    yield "after_another_tag", tiff([make, short6]), b""
    yield "the_first_of_two", tiff([short6, short3]), b""
    yield "unknown_then_known", tiff([(0x0112, 99, 1, b"\3\0\0\0"), short6]), b""
    yield "after_one_that_points_outside", tiff([(0x010F, 2, 10, struct.pack("<L", 5000)), short6]), attribute(3)
    yield "after_one_too_large", tiff([(0x010F, 2, 10**6, struct.pack("<L", 8)), short6]), attribute(3)
    yield "mixed_magic_big", tiff([(0x0112, 3, 1, b"\0\6\0\0")], ">", b"MM\x2a\0"), b""
    yield "mixed_magic_little", tiff([short6], "<", b"II\0\x2a"), b""
    yield "cut_within_the_entry", six[:16], attribute(3)
    yield "cut_after_the_entry", six[:22], attribute(3)
    yield "xmp_single_quotes", b"", b"<a tiff:Orientation='6'/>"
    yield "xmp_spaces", b"", b'<a tiff:Orientation = "6"/>'
    yield "xmp_second_matches", b"", b"<a tiff:Orientation='6'/><tiff:Orientation>8</tiff:Orientation>"
    yield "xmp_two_digits", b"", b'<a tiff:Orientation="61"/>'
    yield "xmp_other_prefix", b"", b'<a exif:Orientation="6"/>'
    yield "xmp_first_of_two", b"", attribute(3) + element(6)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg(exif, xmp):
    out = io.BytesIO()
    Image.new("RGB", (16, 8)).save(out, "JPEG")
    segments = b""
    for mark, body in ((b"Exif\0\0", exif), (b"http://ns.adobe.com/xap/1.0/\0", xmp)):
        if body:
            segments += b"\xff\xe1" + struct.pack(">H", len(mark + body) + 2) + mark + body
    return out.getvalue()[:2] + segments + out.getvalue()[2:]


def png(exif, xmp):
    out = io.BytesIO()
    Image.new("RGB", (16, 8)).save(out, "PNG")
    chunks = chunk(b"eXIf", exif) if exif else b""
    chunks += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) if xmp else b""
    return out.getvalue()[:33] + chunks + out.getvalue()[33:]


def webp(exif, xmp):
    out = io.BytesIO()
    Image.new("RGB", (16, 8)).save(out, "WEBP", lossless=True, exif=exif, xmp=xmp)
    return out.getvalue()


def expected(data):
    """The orientation by what becomes of the size and of one marked corner."""
    image = Image.open(io.BytesIO(data))
    image.load()
    n = image.getexif().get(0x0112, 1)
    size = ImageOps.exif_transpose(image).size
    n = int(n) if not isinstance(n, (bytes, str)) and n in range(2, 9) else 1
    assert size == ((8, 16) if n >= 5 else (16, 8)), (n, size)
    return n


def main():
    warnings.simplefilter("ignore")
    with open(OUT, "w") as out:
        for name, exif, xmp in cases():
            n = {make.__name__: expected(make(exif, xmp)) for make in (jpeg, png, webp)}
            assert len(set(n.values())) == 1, (name, n)
            print(name, exif.hex() or "-", xmp.hex() or "-", n["jpeg"], file=out)


main()
