"""Stand-ins for tests: tiny tasks and sources that cost nothing, and folders of arrays."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines.description import Amount, Degradation, Modality
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.kernels import SHARP, SMOOTH, STANDARD
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.pairs.plan import Material
from engines.medq_uni.tasks.task import DEGREES, Task, clean, level_of
from engines.phantoms.anatomy import Kind
from engines.severity import graded_finding

SIDES = {Modality.CT: (32, 40), Modality.MR: (32,), Modality.PT: (32,)}
KINDS = tuple(Kind(Modality.CT, region) for region in ("head", "chest", "abdomen"))
UNITS = {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "SUV"}


@dataclass(frozen=True, slots=True)
class White:
    """White noise of ``sigma`` HU; none in a source whose name holds ``refused``."""

    sigma: float
    refused: str = "no such name"

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        source = pair.source
        if self.refused in source.name:
            raise NoPlaceError("image holds no place for a test")
        noise = rng.standard_normal(pair.image.shape, np.float32) * np.float32(self.sigma)
        amounts = [Amount(self.sigma, "HU")]
        finding = graded_finding(Degradation.NOISE, amounts, source.modality, source.region)
        made = replace(pair, image=pair.image + noise, noise=self.sigma)
        return made.with_finding(finding, sigma=np.float32(self.sigma), kernel="white")


def white_task(refused: str = "no such name", name: str = "ct white noise") -> Task:
    def steps(source, severity, kernel, rng):
        return (White(level_of(source, Degradation.NOISE, severity, 1.5, rng), refused),)

    return Task(
        name, Modality.CT, DEGREES, (SMOOTH, STANDARD, SHARP, None), Degradation.NOISE, True,
        steps, "kernel",
    )  # fmt: skip


TASKS = (clean(Modality.CT), white_task())


def real(patient: str, number: int = 1, region: str = "chest", modality=Modality.CT) -> Source:
    values = np.full((24, 32), 20 * number, np.float32)
    return Source(
        f"{patient}/{number}", patient, modality, region, UNITS[modality], values, 1.0, 3.0, 2.0
    )


def material(real: tuple[Source, ...] = (), kinds: tuple[Kind, ...] = KINDS, **more) -> Material:
    return Material(kinds, real, sides=SIDES, **more)


def write_series(
    folder: Path, name: str, patient: str, modality: Modality = Modality.CT,
    noise: float = 3.0, group: str = "g", slices: int = 2, mm: float = 1.0, side: int = 64,
) -> None:  # fmt: skip
    """A disc with little noise, as ``medq_node.pixels.arrays`` writes series."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    y, x = np.mgrid[-32:32, -32:32]
    inside, outside = (50.0, -1000.0) if modality is Modality.CT else (1000.0, 0.0)
    y, x = y[:side, :side], x[:side, :side]
    disc = np.where(x**2 + y**2 < 24**2, inside, outside)
    scale = noise if modality is Modality.CT else 10 * noise
    values = disc + rng.normal(0, 1, (slices, side, side)) * scale * (disc == inside)
    info = {
        "name": name, "group": group, "patient": patient, "modality": modality.value,
        "region": "chest", "unit": UNITS[modality], "spacing_mm": [3.0, mm, mm],
        "acquisition": {},
    }  # fmt: skip
    np.savez(
        folder / f"{name}.npz", values=values.astype(np.float32),
        valid=np.ones(values.shape, bool), info=json.dumps(info),
    )  # fmt: skip
