"""Small pictures made by whole-number formulas, the same here and in tests/common/mod.rs."""

import numpy as np
from PIL import Image

SIZES = [(48, 40), (33, 33), (7, 5), (2, 5), (1, 1)]
NAMES = ["noise", "smooth", "rings", "dark"]


def pattern(name, w, h):
    """An RGB picture. `noise`: bytes of a linear congruential generator; `smooth`: ramps;
    `rings`: circles; `dark`: noise on a narrow range."""
    x, y = np.meshgrid(np.arange(w, dtype=np.int64), np.arange(h, dtype=np.int64))
    if name in ("noise", "dark"):
        state, values = 12345, []
        for _ in range(w * h * 3):
            state = (state * 1664525 + 1013904223) % 2**32
            values.append(state >> 24)
        rgb = np.array(values).reshape(h, w, 3)
        if name == "dark":
            rgb = rgb // 8 + 20
    elif name == "smooth":
        rgb = np.stack([x * 255 // max(w - 1, 1), y * 255 // max(h - 1, 1), (x + y) * 255 // max(w + h - 2, 1)], -1)
    elif name == "rings":
        d = (2 * x - w) ** 2 + (2 * y - h) ** 2
        rgb = np.stack([d // 5 % 256, d // 11 % 256, d // 3 % 256], -1)
    else:
        raise ValueError(name)
    return Image.fromarray(rgb.astype(np.uint8), "RGB")
