"""Impossible parameters: each is refused with a ValueError that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.low_dose import LowDose, noise_fields, through_kernel
from engines.medq_uni.degradations.ct.metal import Metal
from engines.medq_uni.degradations.ct.metal_scan import MetalScan
from engines.medq_uni.degradations.ct.noise_bank import Crop, NoiseBank
from engines.medq_uni.degradations.ct.residual import ceiling_db, residual
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.ct.thickness import noise_stack, thicker
from engines.medq_uni.degradations.kernels import STANDARD, Kernel
from engines.medq_uni.pair import Pair
from engines.medq_uni.sources import split
from engines.medq_uni.yardstick.bootstrap import mean_interval
from engines.medq_uni.yardstick.contestant import UNTREATED
from engines.medq_uni.yardstick.harm.tables import harm_tables, lesion_table
from engines.medq_uni.yardstick.physicist.acquire import QUICK, acquire
from engines.medq_uni.yardstick.physicist.mtf import sharpness, transfer
from engines.medq_uni.yardstick.physicist.nps import from_repeats, spectrum
from engines.medq_uni.yardstick.physicist.observer import channels, detectability
from engines.phantoms import image_quality
from engines.phantoms.anatomy import random_phantom
from tests.engines.test_bad_input import DISC, MM, SCAN, body, rng, source
from tests.engines.yardstick.made import ct_phantoms

NAN, INF = float("nan"), float("inf")
IMPOSSIBLE: dict[str, tuple[Callable[..., object], str, list[object]]] = {
    "noise_fields": (
        lambda v: noise_fields(body(), v, SCAN, 1, rng()), "pixel_mm", [-1.0, 0.0, NAN, INF, 90.0],
    ),
    "count of fields": (
        lambda v: noise_fields(body(), MM, SCAN, v, rng()), "count", [0, -1, NAN, 10**7],
    ),
    "through_kernel": (
        lambda v: through_kernel(body(), v, STANDARD), "pixel_mm", [-1.0, 0.0, NAN, INF],
    ),
    "low dose's pixels": (
        lambda v: LowDose(scan=SCAN).apply(Pair.clean(source(body(), v)), rng()),
        "pixel_mm", [-1.0, 0.0, NAN, INF],
    ),
    "dose": (lambda v: LowDose(v), "dose", [0, -0.5, NAN, INF, 100]),
    "noise of a dose": (lambda v: LowDose(noise_hu=v), "noise_hu", [0, -3, NAN, INF]),
    "dose of a scan": (lambda v: Scan(dose=v), "dose", [0, -1, NAN, INF]),
    "photons": (lambda v: Scan(photons=v), "photons", [0, -1, NAN, INF]),
    "electronic noise": (lambda v: Scan(electronic=v), "electronic", [-1, NAN, INF]),
    "bow-tie": (lambda v: Scan(bow_tie=v), "bow_tie", [-0.1, 1.0, NAN]),
    "modulation": (lambda v: Scan(modulation=v), "modulation", [-0.1, 1.1, NAN]),
    "views": (lambda v: Scan(views=v), "views", [0, -1, NAN, 10**6]),
    "thickness": (lambda v: Scan(slice_mm=v), "slice_mm", [0, -1, NAN, INF]),
    "kernel": (lambda v: Kernel("odd", v), "half_lp_cm", [0, -4, NAN, INF]),
    "steepness": (lambda v: Kernel("odd", 4, v), "steepness", [0, -1, NAN, 99]),
    "boost": (lambda v: Kernel("odd", 4, 2, v), "boost", [-0.1, NAN, INF]),
    "kind of metal": (lambda v: Metal(v), "kind|spoon|implant", ["spoon", ""]),
    "material": (lambda v: Metal("clip", v), "material|metal", ["cheese"]),
    "size of metal": (lambda v: Metal("clip", size=v), "size", [0, -1, NAN, INF]),
    "kVp": (lambda v: MetalScan(kvp=v), "kvp", [0, 20, NAN, 400]),
    "scatter": (lambda v: MetalScan(scatter=v), "scatter", [-0.1, NAN, 2]),
    "share of metal": (lambda v: MetalScan(share=v), "share", [0, -1, NAN, 2]),
    "highest value": (lambda v: Metal("clip", highest_hu=v), "highest_hu", [0, NAN, INF]),
    "fields of a bank": (
        lambda v: NoiseBank.build(source(body()), SCAN, v), "fields", [0, -1, 10**6],
    ),
    "crop of a bank": (
        lambda v: NoiseBank.build(source(body()), SCAN, 1).pair(STANDARD, rng(), crop=v),
        "crop", [Crop(0, 0, 90, 90), Crop(-4, 0, 32, 32), Crop(60, 60, 32, 32)],
    ),
    "dose of a bank": (
        lambda v: NoiseBank.build(source(body()), SCAN, 1).pair(STANDARD, rng(), dose=v),
        "dose", [0, -1, NAN, INF],
    ),
    "increment": (
        lambda v: noise_stack(body()[None], MM, v, SCAN, rng()), "increment_mm", [0, -1, NAN],
    ),
    "new thickness": (
        lambda v: thicker(np.stack([body()] * 4), 1, 1, v, 2), "to_slice_mm", [0.5, 9, -1, NAN],
    ),
    "residual": (lambda v: residual(body(), v), "pixel_mm", [0, -1, NAN]),
    "ceiling": (lambda v: ceiling_db(v, 10), "noise", [-1, NAN, INF]),
    "region": (lambda v: random_phantom(v, 1, 64), "region", ["unknown", "tail", ""]),
    "seed": (lambda v: random_phantom("chest", v, 64), "seed", [-1, 1.5, True, NAN]),
    "size of a phantom": (
        lambda v: random_phantom("chest", 1, v), "size", [0, -5, 16, 10**5, 64.0, NAN],
    ),
    "slices": (lambda v: random_phantom("chest", 1, 64, v), "slices", [0, -1, 10**6, 1.5]),
    "slice_mm": (
        lambda v: random_phantom("chest", 1, 64, 2, v), "slice_mm", [0, -1, NAN, INF, 1e4],
    ),
    "size of a section": (
        lambda v: image_quality.uniform(v), "size", [0, -1, 16, 10**5],
    ),
    "pixels of a section": (
        lambda v: image_quality.uniform(128, v), "pixel_mm|pixels", [0, -1, NAN, 0.1, 50],
    ),
    "spectrum": (lambda v: spectrum(np.ones((2, 16, 16)), v), "pixel_mm", [0, -1, NAN]),
    "regions": (
        lambda v: spectrum(v, 1.0), "regions",
        [np.ones((2, 16, 8)), np.ones((0, 16, 16)), np.ones((2, 4, 4)), np.full((1, 16, 16), NAN)],
    ),
    "repeats": (
        lambda v: from_repeats(v, 1.0), "images", [np.ones((1, 64, 64)), np.ones((64, 64))],
    ),
    "side of regions": (
        lambda v: from_repeats(np.ones((2, 64, 64)), 1.0, v), "side", [0, -8, 100],
    ),
    "transfer": (lambda v: transfer(body(), v, DISC), "pixel_mm", [0, -1, NAN]),
    "disc": (
        lambda v: transfer(body(), MM, v), "disc",
        [replace(DISC, diameter_mm=1.0), replace(DISC, x_mm=500.0), replace(DISC, x_mm=NAN),
         replace(DISC, diameter_mm=NAN), replace(DISC, diameter_mm=-15.0)],
    ),
    "discs": (lambda v: sharpness(body()[None], MM, v), "disc", [()]),
    "channels": (lambda v: channels(v, 1.0), "side", [0, -1, 4, 10**4]),
    "channels' pixels": (lambda v: channels(32, v), "pixel_mm", [0, -1, NAN]),
    "observer": (
        lambda v: detectability(v, v), "present|realisations|samples|noise",
        [np.ones((2, 2, 2)), np.ones((9, 90, 4)), np.full((9, 90, 4), NAN), np.ones(5)],
    ),
    "acquisition": (
        lambda v: acquire(replace(QUICK, size=128, pixel_mm=1.7), v, STANDARD),
        "dose", [0, -1, NAN],
    ),
    "phantoms": (lambda v: ct_phantoms(v, 64, 0), "count", [0, -1, 10**6]),
    "seed of phantoms": (lambda v: ct_phantoms(1, 64, v), "seed", [-1]),
    "share of a split": (lambda v: split([source(body())], v, 0), "share", [-0.1, 1.1, NAN]),
    "interval": (lambda v: mean_interval(v, ["p"], 0), "values", [[], [1.0, 2.0]]),
    "pixels of lesions": (
        lambda v: lesion_table([UNTREATED], [source(body(), v)]), "pixel_mm", [0.0, -1.0, NAN, INF],
    ),
    "pixels of harm": (
        lambda v: harm_tables([], [source(body(), v)]), "pixel_mm", [0.0, -1.0, NAN, INF],
    ),
    "noise of a case": (
        lambda v: harm_tables([], [source(body(), noise=v)]), "noise", [-1.0, NAN, INF],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("what", "value"), [(what, value) for what, row in IMPOSSIBLE.items() for value in row[2]],
    ids=lambda part: part if isinstance(part, str) else str(part)[:20].replace("\n", " "),
)  # fmt: skip
def test_the_impossible_is_refused_by_the_parameters_name(what: str, value: object) -> None:
    call, name, _ = IMPOSSIBLE[what]
    with pytest.raises(ValueError, match=name):
        call(value)
