"""What the tests of PET phantoms share: planned patients drawn without anatomy's own table."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from engines.base import FloatArray
from engines.description import Modality
from engines.phantoms import anatomy
from engines.phantoms.anatomy import Kind, Phantom, Plan, random_phantom
from engines.phantoms.canvas import Canvas
from engines.phantoms.pet.head import HeadPlan
from engines.phantoms.pet.plans import PLANS
from engines.phantoms.pet.trunk import BodyPlan
from engines.phantoms.texture import Textures

P = TypeVar("P", BodyPlan, HeadPlan)


def phantom(region: str, seed: int, size: int = 96, **more: float) -> Phantom:
    """A PET phantom, whether or not the common table knows the kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(anatomy.PLANS, Kind(Modality.PT, region), PLANS[region, ""])
        return random_phantom(region, seed, size, modality=Modality.PT, **more)


def straight(plan: P) -> P:
    """The same patient, unbent and lying in the middle, without lesions."""
    return replace(plan, bend_mm=(0.0, 0.0), origin=(0.0, 0.0), turn=0.0, lesions=())


def blank(
    field_mm: float, size: int, z: float = 0.0, edge_mm: float = 1.0, slice_mm: float = 3.0
) -> Canvas:
    """An empty slice with straight coordinates."""
    pixel_mm = field_mm / size
    axis = ((np.arange(size) + 0.5 - size / 2) * pixel_mm).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    values = np.zeros((size, size), np.float32)
    return Canvas(values, x, y, pixel_mm, z, (0.0, 0.0), 0.0, 0.0, edge_mm, slice_mm)


def drawn(plan: Plan, z: float, size: int = 128) -> tuple[Canvas, FloatArray]:
    """A ``straight`` plan's slice at ``z`` and its values."""
    canvas = blank(plan.field_mm, size, z)
    plan.draw(canvas, Textures(7, size, canvas.pixel_mm))
    return canvas, canvas.values
