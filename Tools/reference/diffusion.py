"""Writes Tests/DiffusionTests/Fixtures/diffusion.json from diffusers' own schedulers.

The network is a formula of sample and timestep, so a difference can only come from the schedule, the update rule or
the noise. Every float array is base64 of little-endian float32.

    python Tools/reference/diffusion.py        # torch 2.13.0, diffusers 0.42.1
"""

import base64
import json
import math
import pathlib

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UnCLIPScheduler
from diffusers.training_utils import compute_snr

OUT = pathlib.Path(__file__).parents[2] / "Tests/DiffusionTests/Fixtures/diffusion.json"
SHAPE = [2, 2, 3, 4]


def array(x):
    x = torch.as_tensor(x).detach().to(torch.float32).contiguous().numpy().astype("<f4")
    return base64.b64encode(x.tobytes()).decode()


def network(sample, t, doubled):
    """The stand-in for a network: 0.3 x + sin t, and for a predicted variance 0.1 x² + 0.01."""
    output = 0.3 * sample + math.sin(t)
    if doubled:
        output = torch.cat([output, 0.1 * sample * sample + 0.01], dim=1)
    return output


def config_of(scheduler):
    config = {k: v for k, v in scheduler.config.items() if not k.startswith("_") or k == "_class_name"}
    config["_class_name"] = type(scheduler).__name__
    return config


def run(name, scheduler, steps, *, seed=7, shape=SHAPE, eta=None, clipped=False, doubled=False):
    generator = torch.Generator("cpu").manual_seed(seed)
    scheduler.set_timesteps(steps)
    sample = torch.randn(shape, generator=generator)
    timesteps = [int(t) for t in scheduler.timesteps]
    samples, originals = [], []
    for i, t in enumerate(timesteps):
        output = network(sample, t, doubled)
        options = {"generator": generator}
        if isinstance(scheduler, UnCLIPScheduler):
            options["prev_timestep"] = timesteps[i + 1] if i + 1 < len(timesteps) else None
        if isinstance(scheduler, DDIMScheduler):
            options |= {"eta": eta or 0.0, "use_clipped_model_output": clipped}
        out = scheduler.step(output, t, sample, **options)
        sample = out.prev_sample
        assert torch.isfinite(sample).all(), name
        samples.append(array(sample))
        originals.append(array(out.pred_original_sample))
    case = dict(name=name, config=config_of(scheduler), steps=steps, seed=seed, shape=shape, doubled=doubled,
                timesteps=timesteps, samples=samples, originals=originals)
    if eta is not None:
        case |= {"eta": eta, "clipped": clipped}
    return case


def runs():
    yield run("unclip sample, the prior of Karlo and Kandinsky",
              UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=5.0),
              25, shape=[2, 16])
    yield run("unclip sample, 5 steps", UnCLIPScheduler(prediction_type="sample", clip_sample_range=10.0), 5)
    yield run("unclip epsilon, fixed small log", UnCLIPScheduler(), 7)
    yield run("unclip epsilon, learned range, the decoder of Karlo",
              UnCLIPScheduler(variance_type="learned_range"), 6, doubled=True)
    yield run("unclip sample, unclipped, short schedule",
              UnCLIPScheduler(num_train_timesteps=20, prediction_type="sample", clip_sample=False), 20)
    yield run("unclip two steps", UnCLIPScheduler(prediction_type="sample"), 2)

    for prediction in ("epsilon", "sample", "v_prediction"):
        for spacing in ("leading", "trailing", "linspace"):
            yield run(f"ddim {prediction}, {spacing}",
                      DDIMScheduler(prediction_type=prediction, timestep_spacing=spacing, beta_schedule="scaled_linear",
                                    beta_start=0.00085, beta_end=0.012, clip_sample=False), 4, eta=0.0)
    yield run("ddim eta 1, epsilon clipped", DDIMScheduler(), 6, eta=1.0)
    yield run("ddim eta 0.4, output rederived from the clipped sample",
              DDIMScheduler(clip_sample_range=0.8), 5, eta=0.4, clipped=True)
    yield run("ddim Kandinsky 2.1",
              DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False,
                            set_alpha_to_one=False, steps_offset=1), 10, eta=0.0)
    yield run("ddim zero terminal snr, v, trailing",
              DDIMScheduler(rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing",
                            clip_sample=False), 6, eta=0.3)
    yield run("ddim thresholding",
              DDIMScheduler(thresholding=True, sample_max_value=1.6, dynamic_thresholding_ratio=0.9,
                            prediction_type="sample"), 4, eta=0.0)
    yield run("ddim cosine, one step", DDIMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction",
                                                     timestep_spacing="trailing"), 1, eta=0.0)
    yield run("ddim given betas",
              DDIMScheduler(num_train_timesteps=5, trained_betas=[0.1, 0.2, 0.3, 0.4, 0.5]), 5, eta=1.0)

    for variance in ("fixed_small", "fixed_small_log", "fixed_large", "learned", "learned_range"):
        yield run(f"ddpm {variance}", DDPMScheduler(variance_type=variance, beta_schedule="squaredcos_cap_v2"), 5,
                  doubled=variance.startswith("learned"))
    # The reference's fixed_large_log takes the square root of a logarithm: NaN at every step, so it is not offered.
    for prediction in ("sample", "v_prediction"):
        yield run(f"ddpm {prediction}", DDPMScheduler(prediction_type=prediction, clip_sample_range=1.5,
                                                      timestep_spacing="trailing"), 5)
    yield run("ddpm linspace with sigmoid betas", DDPMScheduler(beta_schedule="sigmoid", timestep_spacing="linspace"), 5)
    yield run("ddpm offset, zero terminal snr, v",
              DDPMScheduler(rescale_betas_zero_snr=True, prediction_type="v_prediction", steps_offset=1,
                            clip_sample=False, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012), 8)
    yield run("ddpm thresholding", DDPMScheduler(thresholding=True, sample_max_value=2.0, prediction_type="sample"), 4)
    yield run("ddpm every step of a short schedule", DDPMScheduler(num_train_timesteps=12), 12)


def schedules():
    yield "cosine", UnCLIPScheduler()
    yield "linear", DDPMScheduler()
    yield "scaled linear", DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    yield "linear, zero terminal snr", DDIMScheduler(rescale_betas_zero_snr=True)
    yield "scaled linear, zero terminal snr", DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, rescale_betas_zero_snr=True)


def training():
    generator = torch.Generator("cpu").manual_seed(3)
    clean, noise = torch.randn(4, 2, 3, generator=generator), torch.randn(4, 2, 3, generator=generator)
    timesteps = torch.tensor([0, 1, 500, 999])
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    snr = compute_snr(scheduler, timesteps)
    smaller = torch.minimum(snr, torch.full_like(snr, 5.0))
    return dict(
        config=config_of(scheduler), seed=3, shape=[4, 2, 3], timesteps=timesteps.tolist(), gamma=5.0,
        noisy=array(scheduler.add_noise(clean, noise, timesteps)),
        velocity=array(scheduler.get_velocity(clean, noise, timesteps)),
        snr=array(snr),
        # As diffusers' training examples weight the loss.
        weights=dict(epsilon=array(smaller / snr), sample=array(smaller), v_prediction=array(smaller / (snr + 1))),
    )


def guidance():
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    generator = torch.Generator("cpu").manual_seed(5)
    unconditional, conditional = torch.randn(2, *SHAPE, generator=generator)
    guided = unconditional + 4.0 * (conditional - unconditional)
    return dict(seed=5, shape=[2] + SHAPE, scale=4.0, rescale=0.7, guided=array(guided),
                rescaled=array(rescale_noise_cfg(guided, conditional, guidance_rescale=0.7)))


def spacings():
    """Timesteps for many step counts; the surplus step −1 that trailing spacing yields for some counts is left out."""
    for spacing in ("leading", "trailing", "linspace"):
        for steps in (1, 3, 7, 25, 50, 61, 103, 499, 998, 1000):
            scheduler = DDIMScheduler(timestep_spacing=spacing)
            scheduler.set_timesteps(steps)
            yield dict(spacing=spacing, steps=steps, timesteps=[int(t) for t in scheduler.timesteps if t >= 0])
    for steps in (2, 3, 7, 25, 50, 499, 1000):
        scheduler = UnCLIPScheduler()
        scheduler.set_timesteps(steps)
        yield dict(spacing="unclip", steps=steps, timesteps=scheduler.timesteps.tolist())


def main():
    assert (torch.__version__.split("+")[0], diffusers.__version__) == ("2.13.0", "0.42.1"), "pin the versions"
    fixture = dict(
        torch="2.13.0", diffusers="0.42.1", runs=list(runs()), training=training(), guidance=guidance(),
        spacings=[s | {"timesteps": array(np.array(s["timesteps"], dtype="<f4"))} for s in spacings()],
        schedules=[dict(name=n, config=config_of(s), betas=array(s.betas), alphaBars=array(s.alphas_cumprod))
                   for n, s in schedules()],
    )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(fixture, indent=1, ensure_ascii=False) + "\n")
    print(OUT, OUT.stat().st_size)


main()
