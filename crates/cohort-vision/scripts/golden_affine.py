"""Writes tests/golden/keras_affine.txt: Keras's apply_affine_transform and brightness, by SciPy and Pillow.

The formulas are those of keras/src/legacy/preprocessing/image.py (apply_affine_transform, transform_matrix_offset_center,
apply_brightness_shift with scale=False). Needs numpy, scipy, pillow.
"""

from pathlib import Path

import numpy as np
import scipy
from PIL import Image, ImageEnhance, __version__ as pillow
from scipy import ndimage


def affine(x, theta, tx, ty, zoom):
    """Rows and columns are the axes 0 and 1, channels the axis 2; no shear."""
    theta = np.deg2rad(theta)
    turn = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    scale = np.array([[zoom, 0, 0], [0, zoom, 0], [0, 0, 1]])
    matrix = turn @ shift @ scale
    h, w = x.shape[:2]
    o_x, o_y = h / 2 - 0.5, w / 2 - 0.5
    there = np.array([[1, 0, o_x], [0, 1, o_y], [0, 0, 1]])
    back = np.array([[1, 0, -o_x], [0, 1, -o_y], [0, 0, 1]])
    matrix = there @ matrix @ back
    channels = [
        ndimage.affine_transform(x[..., c], matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest", cval=0)
        for c in range(3)
    ]
    return np.stack(channels, axis=-1)


recipes = {
    "mod1": (15, 0, 0, 0.9, True, 0.9),
    "mod2": (-15, 0.1, 0.1, 0.95, True, 1.05),
    "mod3": (25, -0.1, -0.1, 0.95, False, 1.1),
}
y, x = np.mgrid[0:10, 0:12]
picture = np.stack([x * 37 + y * 11, x * x * 3 + y * 29, (x + 2) * (y + 5) * 9], axis=-1) % 256
lines = [f"# scipy {scipy.__version__}, pillow {pillow}: recipe, then the bytes of a 12 x 10 picture"]
for name, (theta, tx, ty, zoom, flip, factor) in recipes.items():
    out = affine(picture.astype(np.float64), theta, tx, ty, zoom)
    near = np.abs(out - np.floor(out) - 0.5).min()
    assert near > 1e-6, f"{name}: a value on the edge of rounding"
    out = np.clip(np.round(out), 0, 255).astype(np.uint8)
    if flip:
        out = out[:, ::-1]
    out = np.asarray(ImageEnhance.Brightness(Image.fromarray(np.ascontiguousarray(out))).enhance(factor))
    lines += [name, " ".join(map(str, out.ravel()))]
path = Path(__file__).parent.parent / "tests/golden/keras_affine.txt"
path.write_text("\n".join(lines) + "\n")
