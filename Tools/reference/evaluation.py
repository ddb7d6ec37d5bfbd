"""Fixture of the linear probe: what scikit-learn's LogisticRegression fits.

Run: python -P Tools/reference/evaluation.py
Writes Tests/EvaluationTests/Fixtures/logistic.safetensors: features, labels, and for three penalties weights and bias.
"""

import pathlib

import numpy
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression

OUT = pathlib.Path(__file__).parents[2] / "Tests/EvaluationTests/Fixtures"


def main():
    generator = numpy.random.default_rng(0)
    centers = generator.normal(size=(4, 10))
    labels = generator.integers(0, 4, size=160)
    features = (centers[labels] + generator.normal(scale=1.5, size=(160, 10))).astype(numpy.float32)
    tensors = {"features": torch.from_numpy(features), "labels": torch.from_numpy(labels.astype(numpy.int64))}
    for penalty in [0.1, 3.0, 100.0]:
        fit = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(features.astype(numpy.float64), labels)
        tensors[f"weight.{penalty:g}"] = torch.from_numpy(fit.coef_).float().contiguous()
        tensors[f"bias.{penalty:g}"] = torch.from_numpy(fit.intercept_).float()
    OUT.mkdir(parents=True, exist_ok=True)
    save_file(tensors, OUT / "logistic.safetensors")


main()
