"""Writes tests/data/scheduler_runs.json.gz: short and long runs of diffusers' schedulers under settings drawn by a fixed seed.

    pip install torch==2.9.0 diffusers==0.42.1
    python scripts/scheduler_runs.py

A fixed smooth function stands for the network, numbers made of a name for the noise. A run that the library ends with values that are
not finite, or not at all, is kept as such. A run whose end differs by more than 5e-6 when the latents are kept in double precision
is left out: sigmas of some thousands leave single precision no fifth digit, so the library has no answer to compare with.
"""
import gzip
import importlib
import inspect
import json
import os
import random
import warnings
import zlib

import numpy as np
import torch
from diffusers import (DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       EulerDiscreteScheduler, LCMScheduler, UniPCMultistepScheduler)

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
COUNT = 24
SHAPE = (1, 4, 2, 3)


def values(name):
    """Uniform on [-1.5, 1.5), from the name alone."""
    k = np.arange(COUNT, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    x = (np.uint64(zlib.crc32(name.encode())) + (k + np.uint64(1)) * np.uint64(2654435761)) & mask
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x85EBCA6B)) & mask
    x ^= x >> np.uint64(13)
    x = (x * np.uint64(0xC2B2AE35)) & mask
    x ^= x >> np.uint64(16)
    u = x.astype(np.float64) / 4294967296.0 * 2 - 1
    return torch.tensor((0.1 * u).astype(np.float32).reshape(SHAPE)) * 15.0


drawn = 0
latents_in = torch.float32


def noise(*_, **__):
    global drawn
    drawn += 1
    return values(f"noise.{drawn}").to(latents_in)


def rescaled(betas):
    """The library's rule with roots that are rounded correctly: those of torch's vector instructions depend on the machine, and the
    rule subtracts numbers that are nearly equal."""
    roots = torch.from_numpy(np.sqrt(torch.cumprod(1.0 - betas, dim=0).numpy()))
    first, last = roots[0].clone(), roots[-1].clone()
    kept = ((roots - last) * (first / (first - last))) ** 2
    return 1 - torch.cat([kept[:1], kept[1:] / kept[:-1]])


for file in ("ddpm", "ddim", "euler_discrete", "euler_ancestral_discrete", "dpmsolver_multistep", "lcm", "unipc_multistep"):
    module = importlib.import_module(f"diffusers.schedulers.scheduling_{file}")
    module.randn_tensor = noise
    module.rescale_zero_terminal_snr = rescaled


def network(x, t):
    return 0.6 * x + 0.4 * torch.sin(3.0 * x + 0.01 * float(t))


def sample(cls, config, steps, call, precision=torch.float32):
    """The scheduler after all steps, and the last latent."""
    global drawn, latents_in
    drawn, latents_in = 0, precision
    scheduler = cls(**config)
    scheduler.set_timesteps(steps)
    x = values("latent").to(precision) * scheduler.init_noise_sigma
    # pipelines begin at the first step, whatever the list repeats
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
    single = torch.float32
    try:
        # what the steps themselves cast latents to
        torch.float32 = precision
        for t in scheduler.timesteps:
            x = scheduler.step(network(scheduler.scale_model_input(x, t), t), t, x, **call).prev_sample
    finally:
        torch.float32 = single
    return scheduler, x


def run(cls, config, steps, call):
    row = {"class": cls.__name__, "config": config, "steps": steps, "call": call}
    try:
        scheduler, x = sample(cls, config, steps, call)
        if len(scheduler.timesteps) != steps:
            return None
    except (IndexError, RuntimeError, NotImplementedError, ValueError):
        return dict(row, fails=True)
    if not torch.isfinite(x).all():
        return dict(row, fails=True)
    drawn_once = drawn
    precise = sample(cls, config, steps, call, torch.float64)[1]
    if not float((precise - x).abs().max() / x.flatten()[:8].abs().max()) < 5e-6:
        return "unsteady"
    times = [float(t) for t in scheduler.timesteps]
    shown = sorted({0, 1, steps // 2, steps - 2, steps - 1} & set(range(steps)))
    sigmas = getattr(scheduler, "sigmas", None)
    row.update(at=shown, timesteps=[times[i] for i in shown], draws=drawn_once, initial=float(scheduler.init_noise_sigma),
               last=[float(f"{v:.8g}") for v in x.flatten()[:8].tolist()])
    if sigmas is not None:
        row["sigmas"] = [float(f"{sigmas[i]:.8g}") for i in shown]
    return row


STEPS = [1, 2, 3, 4, 6, 9, 10, 13, 14, 15, 16, 22, 25, 40, 50, 77, 100, 250, 500]
BETAS = [dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"), dict(beta_schedule="linear"),
         dict(beta_start=0.0002, beta_end=0.03, beta_schedule="linear"), dict(beta_schedule="squaredcos_cap_v2")]


def draw(r):
    cls = r.choice([DDPMScheduler, DDIMScheduler, EulerDiscreteScheduler, EulerAncestralDiscreteScheduler,
                    DPMSolverMultistepScheduler, DPMSolverMultistepScheduler, LCMScheduler, UniPCMultistepScheduler])
    config = dict(r.choice(BETAS), prediction_type=r.choice(["epsilon", "epsilon", "v_prediction", "v_prediction", "sample"]),
                  num_train_timesteps=r.choice([1000, 1000, 1000, 500, 401]), steps_offset=r.choice([0, 1, 1, 3]),
                  rescale_betas_zero_snr=r.random() < 0.2)
    optional = dict(timestep_spacing=["leading", "trailing", "linspace"], clip_sample=[True, False], clip_sample_range=[1.0, 0.6, 2.0],
                    thresholding=[False, False, True], dynamic_thresholding_ratio=[0.995, 0.8, 0.5], sample_max_value=[1.0, 1.5],
                    set_alpha_to_one=[True, False], use_karras_sigmas=[True, False], final_sigmas_type=["zero", "sigma_min"],
                    lower_order_final=[True, True, False], euler_at_final=[False, True], algorithm_type=["dpmsolver++", "sde-dpmsolver++"],
                    solver_order=[2, 2, 1, 3], variance_type=["fixed_small", "fixed_small_log", "fixed_large"],
                    original_inference_steps=[50, 100, 35], timestep_scaling=[10.0, 3.0], lambda_min_clipped=[-float("inf"), -5.1, -1.5])
    names = set(inspect.signature(cls.__init__).parameters)
    for name, choices in optional.items():
        # defaults of the class are tried as well
        if name in names and r.random() < 0.6:
            config[name] = r.choice(choices)
    if "solver_type" in names and r.random() < 0.6:
        config["solver_type"] = r.choice(["bh1", "bh2"] if cls is UniPCMultistepScheduler else ["midpoint", "heun"])
    if cls is DPMSolverMultistepScheduler:
        config["solver_order"] = min(config.get("solver_order", 2), 2)
        if config.get("variance_type"):
            del config["variance_type"]
    config = {k: v for k, v in config.items() if k in names}
    call = {"eta": r.choice([0.0, 0.0, 0.3, 1.0])} if cls is DDIMScheduler else {}
    # more steps than training steps are refused
    return cls, config, min(r.choice(STEPS), config["num_train_timesteps"] // 2), call


if __name__ == "__main__":
    r = random.Random(20)
    rows = [run(*draw(r)) for _ in range(700)]
    unsteady = rows.count("unsteady")
    rows = [row for row in rows if isinstance(row, dict)]
    here = os.path.dirname(os.path.abspath(__file__))
    with gzip.GzipFile(os.path.join(here, "../tests/data/scheduler_runs.json.gz"), "wb", mtime=0) as f:
        f.write(json.dumps(rows, separators=(",", ":")).encode())
    print(len(rows), "runs,", sum("fails" in row for row in rows), "of them fail;", unsteady, "left out as unsteady")
