"""Print the colour map of the spectrograms: magma, from matplotlib (CC0), as hexadecimal RGB.

Usage (needs matplotlib 3): python3 make_colour_map.py > ../src/audio_figures/magma.txt
"""

import matplotlib

colours = matplotlib.colormaps["magma"].resampled(256)
for start in range(0, 256, 16):
    print(" ".join("".join(f"{round(255 * v):02x}" for v in colours(i)[:3]) for i in range(start, start + 16)))
