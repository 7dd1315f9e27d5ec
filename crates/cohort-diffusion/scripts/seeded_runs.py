"""Writes tests/data/seeded_runs.json: runs of diffusers in which the first latent and all later noise come from one generator of torch.

    pip install torch==2.9.0 diffusers==0.42.1
    python scripts/seeded_runs.py
"""
import json
import os

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, LCMScheduler

PUBLISHED = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
RUNS = [(DDPMScheduler, dict(PUBLISHED, clip_sample=False, steps_offset=1), {}), (DDIMScheduler, dict(PUBLISHED, clip_sample=False), {"eta": 0.7}),
        (EulerAncestralDiscreteScheduler, dict(PUBLISHED, timestep_spacing="trailing"), {}),
        (DPMSolverMultistepScheduler, dict(PUBLISHED, algorithm_type="sde-dpmsolver++", use_karras_sigmas=True), {}), (LCMScheduler, {}, {})]

rows = []
for cls, config, call in RUNS:
    # fewer than 16 values, more, and a whole number of groups of 16
    for shape in ((1, 1, 3, 3), (1, 4, 2, 3), (1, 4, 4, 4)):
        for seed in (0, 20261130):
            g = torch.Generator().manual_seed(seed)
            s = cls(**config)
            s.set_timesteps(6)
            x = torch.randn(shape, generator=g) * s.init_noise_sigma
            for t in s.timesteps:
                y = s.scale_model_input(x, t)
                x = s.step(0.6 * y + 0.4 * torch.sin(3.0 * y + 0.01 * float(t)), t, x, generator=g, **call).prev_sample
            rows.append({"class": cls.__name__, "config": config, "call": call, "steps": 6, "seed": seed, "last": [float(f"{v:.8g}") for v in x.flatten().tolist()]})
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "../tests/data/seeded_runs.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
