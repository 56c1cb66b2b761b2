"""Tiny pairs as a data set holds them, and a model of the smallest sizes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from engines.description import Amount, Confidence, Degradation, Finding, Modality
from engines.medq_uni.spoken import Scene, description_of
from engines.medq_uni.training.bank import is_validation
from engines.sentence import format_sentence
from engines.severity import graded_finding

SIZES = {
    "width": 20, "heads": 2, "layers": 2, "inner": 24, "stem": [6, 8, 8, 8], "condition": 8,
    "mender": [8, 8, 8, 8], "mender_inner": 8,
}  # fmt: skip
SIDE = 64
UNITS = {Modality.CT: 1.0, Modality.MR: 400.0, Modality.PT: 5000.0}
"""Signal of typical tissue; CT's are HU."""


def named(validation: bool, number: int) -> str:
    """A patient's name that is, or isn't, kept for validation."""
    names = (f"patient {k}" for k in range(10_000))
    return [n for n in (next(names) for _ in range(2000)) if is_validation(n) is validation][number]


def truth_of(modality: Modality, rng: np.random.Generator) -> np.ndarray:
    """Soft blobs in a body: float32 (SIDE, SIDE) in the modality's unit."""
    blobs = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 4)
    blobs /= np.abs(blobs).max()
    down, across = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    body = np.hypot(down, across) < 0.9
    if modality is Modality.CT:
        return np.where(body, 50 + 60 * blobs, -1000).astype(np.float32)
    return (np.where(body, 1 + 0.4 * blobs, 0.01) * UNITS[modality]).astype(np.float32)


def spoiled(
    truth: np.ndarray, modality: Modality, task: str, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[Finding, ...], float]:
    """The image, what is found in it, and its noise."""

    def found(kind: Degradation, *amounts: tuple[float, str], place: str | None = None) -> Finding:
        return graded_finding(
            kind, [Amount(*a) for a in amounts], modality, "chest", place=place, pixel_mm=1.0
        )

    white = rng.standard_normal(truth.shape).astype(np.float32)
    wave = np.sin(np.arange(SIDE) * 0.8, dtype=np.float32)[:, None]
    if modality is Modality.CT:
        noise = 30.0 if "low dose" in task else 0.0
        streaks = 50.0 if "metal" in task else 0.0
        clean = 5.0
        image = truth + (noise or clean) * white + streaks * wave
        findings = [found(Degradation.NOISE, (noise or clean, "HU"))]
        if streaks:
            findings.append(
                found(Degradation.METAL, (streaks, "HU"), (2, "% of pixels"), place="upper left")
            )
        return image, tuple(findings), noise or clean
    scale = UNITS[modality]
    if modality is Modality.MR:
        image = truth + (0.2 if "under" in task else 0) * scale * np.abs(wave)
        kinds = [found(Degradation.UNDERSAMPLING, (4 if "under" in task else 1, "fold"))]
        return image.astype(np.float32), tuple(kinds), 0.0
    image = np.maximum(truth + 0.3 * scale * white, 0)
    amounts = (30, "% of signal"), (25, "% of counts")
    return image, (found(Degradation.LOW_COUNT, *amounts),), 0.3 * scale


TASKS = (
    (Modality.CT, "ct low dose"),
    (Modality.CT, "ct metal"),
    (Modality.CT, "ct metal + low dose"),
    (Modality.CT, "ct clean"),
    (Modality.MR, "mr undersampling"),
    (Modality.MR, "mr clean"),
    (Modality.PT, "pet low count"),
)


def write_pairs(folder: Path, each: int = 2, checked: int = 1) -> None:
    """``each`` pairs of every task to train on, and ``checked`` to validate with."""
    rng = np.random.default_rng(5)
    shard = folder / "shard-00000"
    shard.mkdir(parents=True)
    lines = []
    for number, (k, modality, task) in enumerate(
        (k, *one) for one in TASKS for k in range(each + checked)
    ):
        truth = truth_of(modality, rng)
        image, findings, noise = spoiled(truth, modality, task, rng)
        words = description_of(findings, Scene(modality, "chest", 1.0), Confidence.HIGH)
        paths = {}
        for what, values in (("input_img", image), ("output_img", truth)):
            path = f"shard-00000/{number:07}-{what}.npy"
            np.save(folder / path, values.astype(np.float32))
            paths[what] = [{"path": path, "height": SIDE, "width": SIDE}]
        lines.append({
            **paths,
            "message": [{"value": "?"}, {"value": format_sentence(words)}],
            "medq_node": {
                "pixel_mm": 1.0, "slice_mm": 3.0, "task": task, "noise": noise,
                "source_noise": None, "patient": named(k >= each, k), "origin": "phantom",
                "variant": None,
            },
        })  # fmt: skip
    (shard / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
