"""Writes Tests/DiffusionTests/Fixtures/samplers.json: whole runs of diffusers' own schedulers.

The network is a formula of input and timestep, smooth in both, because the timesteps of Karras sigmas lie between the
training timesteps and come out of float32 logarithms. Only the end of each run is kept. The configurations hold nothing
but what differs from the reference's defaults, so those are tested too. Every float array is base64 of little-endian
float32.

    python Tools/reference/samplers.py        # torch 2.13.0, diffusers 0.42.1, torchsde 0.2.6
"""

import base64
import itertools
import json
import math
import pathlib

import diffusers
import numpy as np
import torch
import torchsde
from diffusers import (
    DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, DPMSolverSDEScheduler, EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler, HeunDiscreteScheduler, LCMScheduler, PNDMScheduler, UniPCMultistepScheduler,
    UnCLIPScheduler,
)

OUT = pathlib.Path(__file__).parents[2] / "Tests/DiffusionTests/Fixtures/samplers.json"
SHAPE = [2, 2, 2, 3]
LATENT = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
NOISY = (DDPMScheduler, EulerAncestralDiscreteScheduler, DPMSolverMultistepScheduler, LCMScheduler, UnCLIPScheduler)


def array(x):
    x = torch.as_tensor(x).detach().to(torch.float32).contiguous().numpy().astype("<f4")
    return base64.b64encode(x.tobytes()).decode()


def network(x, t):
    """The stand-in for a network."""
    return 0.3 * x + 0.5 * math.sin(float(t) / 50)


def run(name, scheduler, steps, *, config=None, choice=None, strength=None, seed=7):
    generator = torch.Generator("cpu").manual_seed(seed)
    # The reference draws the seed of its Brownian motion from the global generator.
    seeded = isinstance(scheduler, DPMSolverSDEScheduler) and scheduler.config.noise_sampler_seed is None
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps
    noise = torch.randn(SHAPE, generator=generator)
    case = dict(name=name, config=config, steps=steps, timesteps=array(timesteps.double().numpy()))
    if choice:
        case["choice"] = choice
    if strength is None:
        sample = noise * scheduler.init_noise_sigma
        case["scale"] = float(scheduler.init_noise_sigma)
        begin = 0
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)
    else:
        # As StableDiffusionImg2ImgPipeline begins; the clean picture is drawn first.
        clean, noise = noise, torch.randn(SHAPE, generator=generator)
        begin = max(steps - min(int(steps * strength), steps), 0) * getattr(scheduler, "order", 1)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        sample = scheduler.add_noise(clean, noise, timesteps[begin:begin + 1].repeat(SHAPE[0]))
        case |= dict(strength=strength, begin=begin, start=array(sample))
    if seeded:
        torch.default_generator.set_state(generator.get_state())
    previous = timesteps.tolist()[1:] + [None]
    for i, t in enumerate(timesteps):
        if i < begin:
            continue
        output = network(scheduler.scale_model_input(sample, t), t)
        options = {"generator": generator} if isinstance(scheduler, NOISY) else {}
        if isinstance(scheduler, UnCLIPScheduler):
            options["prev_timestep"] = previous[i]
        out = scheduler.step(output, t, sample, **options)
        sample = out.prev_sample
        assert torch.isfinite(sample).all(), name
        if strength is not None and i == begin and i + 1 < len(timesteps):
            # As the inpainting pipelines put the known part back.
            case["known"] = array(scheduler.add_noise(clean, noise, timesteps[i + 1:i + 2]))
        if i == begin + (len(timesteps) - begin) // 2:
            original = getattr(out, "pred_original_sample", None)
            if original is None:
                original = getattr(out, "denoised", None)
            if original is None and hasattr(scheduler, "model_outputs"):
                original = scheduler.model_outputs[-1]
            if original is not None:
                case["original"] = array(original)
    return case | dict(sample=array(sample))


def made(cls, steps, options, note=""):
    config = {"_class_name": cls.__name__} | options
    name = " ".join([cls.__name__.removesuffix("Scheduler"), f"{steps} steps"]
                    + [f"{k}={v}" for k, v in options.items() if k not in LATENT] + [note]).strip()
    return run(name, cls(**options), steps, config=config)


def steady(steps, **options):
    """Betas for which the Brownian motion does not depend on the processor.

    torchsde resolves the time, which is sigma, to a millionth, and two neighbouring times are a thousandth of a
    standard deviation apart: the last bit of a logarithm in MKL, which differs between processors, changes the noise. At
    these betas every time that a run asks for is four such bits away from where it would be rounded to another millionth.
    """
    for k in range(20000):
        config = dict(beta_start=1e-6, beta_end=3e-5 * (1 + k / 1000)) | options
        scheduler = DPMSolverSDEScheduler(**config)
        scheduler.set_timesteps(steps)
        sigmas = scheduler.sigmas.double()[0::2].numpy()
        times = np.concatenate([sigmas, np.exp((np.log(sigmas[:-1]) + np.log(sigmas[1:])) / 2)])
        distance = np.abs(times * 1e6 - np.floor(times * 1e6) - 0.5) * 1e-6
        if (distance > 4 * np.spacing(times.astype(np.float32))).all():
            return config
    raise ValueError("no steady betas")


KARRAS, EXPONENTIAL, BETA, LU = ({f"use_{k}": True} for k in
                                 ("karras_sigmas", "exponential_sigmas", "beta_sigmas", "lu_lambdas"))
SPACINGS = [dict(timestep_spacing=s) for s in ("leading", "linspace", "trailing")]
ZERO = dict(rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing")
THRESHOLD = dict(thresholding=True, sample_max_value=1.5, dynamic_thresholding_ratio=0.9)


def runs():
    classes = {
        PNDMScheduler: [dict(skip_prk_steps=True, steps_offset=1), dict()],
        EulerDiscreteScheduler: [dict(timestep_spacing="leading", steps_offset=1)],
        EulerAncestralDiscreteScheduler: [dict()],
        HeunDiscreteScheduler: [dict()],
        DPMSolverMultistepScheduler: [dict(), dict(algorithm_type="sde-dpmsolver++")],
        DPMSolverSDEScheduler: [dict(), dict(noise_sampler_seed=11)],
        UniPCMultistepScheduler: [dict()],
        LCMScheduler: [dict()],
        DDIMScheduler: [dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1)],
        DDPMScheduler: [dict(clip_sample=False)],
    }
    knows_sample = (EulerDiscreteScheduler, HeunDiscreteScheduler, DPMSolverMultistepScheduler,
                    UniPCMultistepScheduler, LCMScheduler, DDIMScheduler, DDPMScheduler)
    for cls, variants in classes.items():
        for options, prediction, steps in itertools.product(
                variants, ("epsilon", "v_prediction", "sample"), (5, 7, 20, 50)):
            if prediction == "sample" and cls not in knows_sample:
                continue
            yield made(cls, steps, LATENT | options | dict(prediction_type=prediction))
    for prediction, steps in itertools.product(("epsilon", "sample"), (5, 7, 20, 50)):
        yield made(UnCLIPScheduler, steps, dict(prediction_type=prediction))

    for steps in (5, 7, 20, 50):
        config = steady(steps)
        for prediction in ("epsilon", "v_prediction"):
            yield made(DPMSolverSDEScheduler, steps, config | dict(prediction_type=prediction), "steady")
            yield made(DPMSolverSDEScheduler, steps,
                       config | dict(prediction_type=prediction, noise_sampler_seed=2**62 + 5), "steady")
        yield made(DPMSolverSDEScheduler, steps, steady(steps, **KARRAS), "steady")

    # Spacings of timesteps and sigmas, ends, orders, and the flags of each.
    solver, unipc, euler, heun = (DPMSolverMultistepScheduler, UniPCMultistepScheduler, EulerDiscreteScheduler,
                                  HeunDiscreteScheduler)
    for cls in (euler, EulerAncestralDiscreteScheduler, heun, solver, unipc, DPMSolverSDEScheduler, PNDMScheduler):
        seeded = dict(noise_sampler_seed=3) if cls is DPMSolverSDEScheduler else {}
        for spacing in SPACINGS:
            yield made(cls, 6, LATENT | spacing | dict(steps_offset=1) | seeded)
        yield made(cls, 8, dict(beta_schedule="squaredcos_cap_v2") | seeded)
        yield made(cls, 8, seeded)
    for cls in (euler, heun, solver, unipc, DPMSolverSDEScheduler):
        seeded = dict(noise_sampler_seed=3) if cls is DPMSolverSDEScheduler else {}
        for spread, steps in itertools.product((KARRAS, EXPONENTIAL, BETA), (7, 20)):
            yield made(cls, steps, LATENT | spread | seeded)
        yield made(cls, 8, dict(beta_schedule="squaredcos_cap_v2") | KARRAS | seeded)
        yield made(cls, 1, LATENT | KARRAS | seeded)
    for cls in (euler, EulerAncestralDiscreteScheduler, solver, unipc, LCMScheduler):
        yield made(cls, 8, LATENT | ZERO)
    for cls in (solver, unipc, LCMScheduler):
        yield made(cls, 8, LATENT | THRESHOLD)
    for prediction in ("epsilon", "v_prediction"):
        yield made(euler, 6, LATENT | dict(interpolation_type="log_linear", prediction_type=prediction))
        yield made(euler, 6, LATENT | KARRAS | dict(timestep_type="continuous", prediction_type=prediction,
                                                    sigma_min=0.002, sigma_max=700.0))
    for cls in (euler, solver, unipc):
        for spread in ({}, KARRAS, EXPONENTIAL):
            yield made(cls, 6, LATENT | spread | dict(final_sigmas_type="sigma_min"))
    yield made(heun, 6, LATENT | dict(clip_sample=True, clip_sample_range=0.8))
    yield made(heun, 6, dict(beta_schedule="exp"))
    yield made(LCMScheduler, 4, LATENT | dict(clip_sample=True, original_inference_steps=40, timestep_scaling=7.0))
    # So slow a scaling that the weight of the sample itself is felt.
    yield made(LCMScheduler, 4, LATENT | dict(timestep_scaling=0.01))

    for algorithm, order, solver_type in itertools.product(
            ("dpmsolver++", "sde-dpmsolver++"), (1, 2, 3), ("midpoint", "heun")):
        for steps in (8, 20):
            yield made(solver, steps, LATENT | dict(algorithm_type=algorithm, solver_order=order,
                                                    solver_type=solver_type))
    for steps in (8, 20):
        yield made(solver, steps, LATENT | dict(euler_at_final=True, final_sigmas_type="sigma_min", solver_order=3))
        yield made(solver, steps, LATENT | dict(lower_order_final=False, final_sigmas_type="sigma_min",
                                                solver_order=3))
        yield made(solver, steps, LATENT | LU)
    yield made(solver, 8, LATENT | LU | dict(solver_order=3))
    for spacing in SPACINGS:
        yield made(solver, 8, dict(beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1) | spacing)
    for order, solver_type, steps in itertools.product((1, 2, 3, 4), ("bh1", "bh2"), (8, 20)):
        yield made(unipc, steps, LATENT | dict(solver_order=order, solver_type=solver_type,
                                               final_sigmas_type="sigma_min"))
    yield made(unipc, 8, LATENT | dict(disable_corrector=[0, 1]))
    yield made(unipc, 8, LATENT | dict(lower_order_final=False, final_sigmas_type="sigma_min"))

    # As the decoder of mini is trained: no signal at the last timestep, or next to none where that cannot be said.
    mini = dict(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", timestep_spacing="trailing")
    for cls in classes:
        zero = {} if cls in (PNDMScheduler, heun, DPMSolverSDEScheduler) else dict(rescale_betas_zero_snr=True)
        plms = dict(skip_prk_steps=True) if cls is PNDMScheduler else {}
        unclipped = dict(clip_sample=False) if cls in (DDIMScheduler, DDPMScheduler) else {}
        yield made(cls, 12, mini | zero | plms | unclipped)

    # Changing a picture.
    for cls, strength in itertools.product(classes, (0.35, 0.8, 1.0)):
        options = LATENT | (dict(skip_prk_steps=True) if cls is PNDMScheduler else {})
        config = {"_class_name": cls.__name__} | options
        yield run(f"{cls.__name__.removesuffix('Scheduler')} strength {strength}", cls(**options), 10, config=config,
                  strength=strength)
    yield run("Heun strength 0.5 Karras", heun(**LATENT, **KARRAS), 10, strength=0.5,
              config={"_class_name": "HeunDiscreteScheduler"} | LATENT | KARRAS)
    yield run("UnCLIP strength 0.5", UnCLIPScheduler(), 10, strength=0.5, config={"_class_name": "UnCLIPScheduler"})


OWN = {
    "Stable Diffusion 1.5": dict(
        _class_name="PNDMScheduler", _diffusers_version="0.6.0", beta_end=0.012, beta_schedule="scaled_linear",
        beta_start=0.00085, num_train_timesteps=1000, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1,
        trained_betas=None, clip_sample=False),
    "Stable Diffusion 2.1": dict(
        _class_name="DDIMScheduler", _diffusers_version="0.8.0", beta_end=0.012, beta_schedule="scaled_linear",
        beta_start=0.00085, clip_sample=False, num_train_timesteps=1000, prediction_type="v_prediction",
        set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, trained_betas=None),
    "Stable Diffusion XL": dict(
        _class_name="EulerDiscreteScheduler", _diffusers_version="0.19.0.dev0", beta_end=0.012,
        beta_schedule="scaled_linear", beta_start=0.00085, clip_sample=False, interpolation_type="linear",
        num_train_timesteps=1000, prediction_type="epsilon", sample_max_value=1.0, set_alpha_to_one=False,
        skip_prk_steps=True, steps_offset=1, timestep_spacing="leading", trained_betas=None, use_karras_sigmas=False),
    "a DPM-Solver": dict(
        _class_name="DPMSolverMultistepScheduler", algorithm_type="sde-dpmsolver++", beta_end=0.012,
        beta_schedule="scaled_linear", beta_start=0.00085, solver_order=3, solver_type="heun",
        lambda_min_clipped=-math.inf, variance_type=None),
    "Kandinsky 2.1": dict(
        _class_name="DDIMScheduler", beta_end=0.012, beta_schedule="linear", beta_start=0.00085, clip_sample=False,
        prediction_type="epsilon", set_alpha_to_one=False, steps_offset=1, thresholding=False),
}

CHOICES = {
    "ddim": (DDIMScheduler, {}), "ddpm": (DDPMScheduler, {}), "pndm": (PNDMScheduler, {}),
    "plms": (PNDMScheduler, dict(skip_prk_steps=True)), "euler": (EulerDiscreteScheduler, {}),
    "euler-karras": (EulerDiscreteScheduler, KARRAS), "euler-a": (EulerAncestralDiscreteScheduler, {}),
    "heun": (HeunDiscreteScheduler, {}), "heun-karras": (HeunDiscreteScheduler, KARRAS),
    "dpm++2m": (DPMSolverMultistepScheduler, dict(algorithm_type="dpmsolver++", solver_order=2)),
    "dpm++2m-karras": (DPMSolverMultistepScheduler, dict(algorithm_type="dpmsolver++", solver_order=2) | KARRAS),
    "dpm++2m-sde": (DPMSolverMultistepScheduler, dict(algorithm_type="sde-dpmsolver++", solver_order=2)),
    "dpm++2m-sde-karras": (DPMSolverMultistepScheduler,
                           dict(algorithm_type="sde-dpmsolver++", solver_order=2) | KARRAS),
    "dpm++sde": (DPMSolverSDEScheduler, {}), "dpm++sde-karras": (DPMSolverSDEScheduler, KARRAS),
    "unipc": (UniPCMultistepScheduler, {}), "unipc-karras": (UniPCMultistepScheduler, KARRAS),
    "lcm": (LCMScheduler, {}),
}


def choices():
    """Another scheduler than the model's own, as users of diffusers choose it: from_config of the one that was read."""
    for (model, own), (choice, (cls, options)) in itertools.product(OWN.items(), CHOICES.items()):
        read = getattr(diffusers, own["_class_name"]).from_config(dict(own))
        chosen = cls.from_config(read.config, **options)
        yield run(f"{choice} in place of that of {model}", chosen, 6, config=model, choice=choice)


def motions():
    """Increments of torchsde's Brownian motion as diffusers asks for them, the sigmas falling."""
    for seed, times in ((0, [14.6146, 9.2, 3.75, 0.5, 0.0291675]), (2**62 + 12345, [700.0, 12.5, 12.4999, 0.002])):
        tree = torchsde.BrownianInterval(t0=times[-1], t1=times[0], size=(2, 3), dtype=torch.float32, entropy=seed,
                                         tol=1e-6, pool_size=24, halfway_tree=True)
        yield dict(seed=seed, times=times, increments=array(torch.stack(
            [tree(b, a) for a, b in zip(times, times[1:])])))


def main():
    versions = (torch.__version__.split("+")[0], diffusers.__version__)
    assert versions == ("2.13.0", "0.42.1"), "pin the versions"
    fixture = dict(torch="2.13.0", diffusers="0.42.1", torchsde="0.2.6", shape=SHAPE, seed=7, runs=list(runs()),
                   # As text, because the reference writes an infinite number in a way that JSON does not know.
                   models={name: json.dumps(own) for name, own in OWN.items()}, choices=list(choices()),
                   motions=list(motions()))
    fixture["quantiles"] = quantiles()
    OUT.write_text(json.dumps(fixture, indent=0, ensure_ascii=False, allow_nan=False) + "\n")
    print(OUT, OUT.stat().st_size, len(fixture["runs"]), len(fixture["choices"]))


def quantiles():
    from scipy.stats import beta
    shares = [0.0, 1e-6, 0.01, 0.2, 0.5, 0.77, 0.999, 1.0]
    return dict(shares=shares, values=[float(beta.ppf(p, 0.6, 0.6)) for p in shares])


main()
