"""One line of a manifest: a pair in the schema of MedQ-UNI's authors, and what we know besides.

The keys ``main_task_type``, ``degrade_type``, ``input_img``, ``output_img`` and ``message`` are
those that the authors' loader reads. All that is ours is under ``medq_node``.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from engines.base import FloatArray
from engines.description import Degradation, Finding, Severity
from engines.medq_uni.draws import origin
from engines.medq_uni.pair import Pair
from engines.medq_uni.pairs.endless import Made
from engines.medq_uni.pairs.instructions import DESCRIBE, instruction
from engines.medq_uni.truth import pair_description
from engines.sentence import format_sentence

DATASET_VERSION = 2
"""Rises whenever the same arguments give other pairs or other keys."""
OURS = "medq_node"
"""The key of what isn't in the authors' schema."""
ASSESSMENT, RESTORATION = "assessment", "restoration"
TASK_TYPES: dict[Degradation, str] = {
    Degradation.NOISE: "denoising",
    Degradation.LOW_COUNT: "denoising",
    Degradation.BLUR: "deblurring",
    Degradation.UNDERSAMPLING: "accelerating_mri",
    Degradation.MOTION: "motion_correction",
    Degradation.METAL: "metal_artifact_reduction",
}
"""``main_task_type`` of a pair with one degradation. "denoising", "accelerating_mri" and
"motion_correction" are the authors' words, the others are ours; of several or none it is
``RESTORATION``, and ``ASSESSMENT`` where a description alone is asked for."""


def line_of(made: Made, input_path: str, output_path: str) -> str:
    """The line of a pair whose images lie at these paths, without the line's end."""
    entry = entry_of(made, input_path, output_path)
    return json.dumps(entry, ensure_ascii=False, allow_nan=False)


def entry_of(made: Made, input_path: str, output_path: str) -> dict[str, Any]:
    """What the line says, as ``json`` reads it."""
    item, pair = made.item, made.pair
    source = pair.source
    question = instruction(item.asked, source.modality, source.region, item.seed)
    kinds = degradations(pair)
    return {
        "main_task_type": task_type(kinds, item.asked),
        "degrade_type": "+".join(kind.value for kind in kinds) or "none",
        "input_img": [_image(input_path, pair.image)],
        "output_img": [_image(output_path, pair.truth)],
        "message": [
            {"from": "human", "value": question},
            {"from": "gpt", "value": format_sentence(pair_description(pair))},
        ],
        OURS: {
            "dataset_version": DATASET_VERSION,
            "number": item.number,
            "task": item.task.name,
            "severity": item.severity.value,
            "asked": item.asked,
            "variant_of": None if item.variant is None else item.task.variant_of,
            "variant": None if item.variant is None else item.variant.name,
            "seed": item.seed,
            "source": source.name,
            "patient": source.patient,
            "origin": origin(source),
            "modality": source.modality.value,
            "region": source.region,
            "contrast": source.contrast,
            "unit": source.unit,
            "pixel_mm": _number(source.pixel_mm),
            "slice_mm": _number(source.slice_mm),
            "source_noise": None if source.noise is None else _number(source.noise),
            "noise": _number(pair.noise),
            "passed_over": made.passed_over,
            "recipe": _recipe(pair),
            "findings": [_finding(finding) for finding in pair.findings],
        },
    }


def degradations(pair: Pair) -> tuple[Degradation, ...]:
    """What was done to the image so that it is seen, in the vocabulary's order."""
    done = {f.degradation for f in pair.findings if f.severity is not Severity.NONE}
    return tuple(kind for kind in Degradation if kind in done)


def task_type(kinds: tuple[Degradation, ...], asked: str) -> str:
    """``main_task_type`` of a pair with these degradations of which this is asked."""
    if asked == DESCRIBE:
        return ASSESSMENT
    if len(kinds) != 1:
        return RESTORATION
    return TASK_TYPES.get(kinds[0], RESTORATION)


def _image(path: str, values: FloatArray) -> dict[str, str | int]:
    return {"path": path, "height": values.shape[0], "width": values.shape[1]}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "degradation": finding.degradation.value,
        "severity": finding.severity.value,
        "amounts": [{"value": a.value, "unit": a.unit} for a in finding.amounts],
        "place": finding.place,
    }


def _recipe(pair: Pair) -> dict[str, Any]:
    """Parameters by name; a list where two steps gave the same name."""
    found: dict[str, list[float | str]] = {}
    for name, value in pair.recipe:
        found.setdefault(name, []).append(value if isinstance(value, str) else _number(value))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _number(value: float) -> float | int:
    """A plain number: JSON knows none of numpy's."""
    plain: float | int = value.item() if isinstance(value, np.generic) else value
    return plain
