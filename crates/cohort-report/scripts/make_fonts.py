"""Make the two small fonts that rasterised charts are set in, and the table of their advance widths.

Source: Roboto 2.138 (Apache-2.0, Google), as Debian's package fonts-roboto-unhinted carries it.
Needs fonttools 4. Usage:

    python3 make_fonts.py /usr/share/fonts/truetype/roboto/unhinted/RobotoTTF ..

The subset holds Latin, Latin Extended-A, Greek and the signs that charts use; anything else is
drawn as a missing glyph in a PNG (an SVG uses the reader's own fonts).
"""

import pathlib
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

RANGES = [(0x20, 0x7E), (0xA0, 0x17F), (0x384, 0x3CE), (0x2010, 0x2026), (0x2030, 0x203A)]
SINGLES = [0x2009, 0x202F, 0x2074, 0x20AC, 0x2122, 0x2190, 0x2191, 0x2192, 0x2193, 0x2206, 0x2212,
           0x221E, 0x2248, 0x2260, 0x2264, 0x2265, 0x25CA]

source, crate = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
wanted = sorted({c for a, b in RANGES for c in range(a, b + 1)} | set(SINGLES))
for face in ("Regular", "Medium"):
    font = TTFont(source / f"Roboto-{face}.ttf", recalcTimestamp=False)
    options = subset.Options()
    options.layout_features = ["kern", "mark", "mkmk"]
    options.hinting = False
    options.name_IDs = ["*"]
    cut = subset.Subsetter(options)
    cut.populate(unicodes=wanted)
    cut.subset(font)
    font.save(crate / "fonts" / f"Roboto-{face}-subset.ttf")

font = TTFont(source / "Roboto-Regular.ttf")
names, em = font.getBestCmap(), font["head"].unitsPerEm
widths = [round(1000 * font["hmtx"][names[c]][0] / em) for c in range(0x20, 0x7F)]
print("// Advance widths of U+0020 to U+007E in thousandths of an em")
for start in range(0, len(widths), 16):
    print("    " + ", ".join(str(w) for w in widths[start:start + 16]) + ",")
