"""What nobody should put in: refused by the parameter's name, or dealt with sanely; never NaN out.

Every public maker of images and every measure gets the same odd images and impossible parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.low_dose import LowDose, noise_fields, through_kernel
from engines.medq_uni.degradations.ct.metal import Metal, kinds_for
from engines.medq_uni.degradations.ct.noise_bank import NoiseBank
from engines.medq_uni.degradations.ct.residual import residual
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.ct.thickness import noise_stack, thicker
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.yardstick.contestant import UNTREATED
from engines.medq_uni.yardstick.harm.tables import harm_tables, lesion_table
from engines.medq_uni.yardstick.physicist.nps import flat_corners, from_image
from engines.medq_uni.yardstick.restoration.scores import score
from engines.phantoms.image_quality import Disc

MM = 0.8
SCAN = Scan(views=64, slice_mm=3.0)
DISC = Disc("disc", 0, 0, 15.0, 100.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def source(values: FloatArray, pixel_mm: float = MM, **other: object) -> Source:
    made = Source("odd", "p", Modality.CT, "chest", "HU", values, pixel_mm, 3.0)
    return replace(made, **other)


def body(shape: tuple[int, int] = (64, 64)) -> FloatArray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = np.hypot((y / shape[0] - 0.5), (x / shape[1] - 0.5)) < 0.4
    return np.where(inside, 40, -1000).astype(np.float32)


def half_metal(values: FloatArray) -> Pair:
    fraction = np.zeros(np.shape(values), np.float32)
    fraction[tuple(slice(n // 2, n // 2 + 2) for n in fraction.shape)] = 0.5
    return Metal("clip").insert(Pair.clean(source(values)), fraction, rng())


MAKERS: dict[str, Callable[[FloatArray], object]] = {
    "noise_fields": lambda image: noise_fields(image, MM, SCAN, 1, rng()),
    "through_kernel": lambda image: through_kernel(image, MM, STANDARD),
    "LowDose": lambda image: LowDose(scan=SCAN).apply(Pair.clean(source(image)), rng()),
    "LowDose of a level": lambda image: LowDose(noise_hu=20, scan=SCAN).apply(
        Pair.clean(source(image)), rng()
    ),
    "NoiseBank": lambda image: NoiseBank.build(source(image), SCAN, 1).pair(STANDARD, rng()),
    "Metal": lambda image: Metal("clip").apply(Pair.clean(source(image)), rng()),
    "Metal.insert": half_metal,
    "kinds_for": lambda image: kinds_for(source(image)),
    "noise_stack": lambda image: noise_stack(np.asarray(image)[None], MM, 3.0, SCAN, rng()),
    "thicker": lambda image: thicker(np.stack([image] * 4), 1, 1, 2, 2),
}
MEASURES: dict[str, Callable[[FloatArray], object]] = {
    "residual": lambda image: residual(image, MM),
    "from_image": lambda image: from_image(image, MM),
    "flat_corners": lambda image: flat_corners(image, MM),
    "score": lambda image: score(image, image, Modality.CT),
    "harm_tables": lambda image: harm_tables([], [source(image)]),
    "lesion_table": lambda image: lesion_table([UNTREATED], [source(image)]),
}
EVERYONE = MAKERS | MEASURES

REFUSED: dict[str, object] = {
    "NaN": np.where(body() > 0, np.nan, body()),
    "infinite": np.where(body() > 0, np.inf, body()),
    "complex": body().astype(np.complex64),
    "words": np.full((64, 64), "bone"),
    "one row": body((64, 64))[:1],
    "of no pixels": np.zeros((0, 0), np.float32),
    "of three dimensions": np.stack([body()] * 2),
}
NAMES = re.compile(
    r"image|images|values|fraction|truth|source|sources|regions|clean_cases|pixel", re.I
)


def numbers_in(result: object) -> list[np.ndarray]:
    """All arrays of numbers in a result, however deep."""
    if isinstance(result, np.ndarray):
        return [result]
    if isinstance(result, float | np.floating):
        return [np.asarray(result)]
    if isinstance(result, dict):
        return numbers_in(tuple(result.values()))
    if isinstance(result, list | tuple):
        return [found for part in result for found in numbers_in(part)]
    if is_dataclass(result):
        return numbers_in([getattr(result, field.name) for field in fields(result)])
    return []


def refused_or_sane(call: Callable[[], object]) -> None:
    try:
        result = call()
    except ValueError as error:
        assert NAMES.search(str(error)), f"the refusal names no parameter: {error}"
    else:
        for array in numbers_in(result):
            if np.issubdtype(array.dtype, np.number):
                assert np.isfinite(array).all()


@pytest.mark.parametrize("odd", REFUSED)
@pytest.mark.parametrize("who", EVERYONE)
def test_what_is_no_image_is_refused_by_name(who: str, odd: str) -> None:
    with pytest.raises(ValueError, match=NAMES):
        EVERYONE[who](REFUSED[odd])  # type: ignore[arg-type]


SANE: dict[str, FloatArray] = {
    "constant water": np.zeros((64, 64), np.float32),
    "air alone": np.full((64, 64), -1000, np.float32),
    "not square": body((48, 96)),
    "whole numbers": body().astype(np.int16),
    "double precision": body().astype(np.float64),
    "columns first in memory": np.asfortranarray(body()),
    "a reversed view": body()[::-1, ::-1],
    "the smallest": body((16, 16)),
    "too small": body((15, 15)),
    "long and narrow": body((400, 20)),
    "longer than any scan": body((5000, 20)),
    "true and false": body() > 0,
    "denser than metal": body() * 500,
    "a lone bright pixel": np.where(np.arange(4096).reshape(64, 64) == 2080, 3000, body()),
}


@pytest.mark.parametrize("odd", SANE)
@pytest.mark.parametrize("who", EVERYONE)
def test_odd_images_are_dealt_with_or_refused_by_name(who: str, odd: str) -> None:
    def call() -> object:
        try:
            return EVERYONE[who](SANE[odd])
        except NoPlaceError:  # said in its own words: there is no bone in there
            return None

    refused_or_sane(call)


@pytest.mark.parametrize("who", sorted(MAKERS.keys() - {"Metal", "kinds_for"}))
def test_whole_numbers_give_what_the_same_real_ones_give(who: str) -> None:
    real, whole = (numbers_in(MAKERS[who](body().astype(t))) for t in (np.float32, np.int16))
    for one, other in zip(real, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("who", MAKERS)
def test_makers_leave_their_input_as_it_was(who: str) -> None:
    image = body()
    image.flags.writeable = False
    refused_or_sane(lambda: _without_place(MAKERS[who], image))
    assert image.tobytes() == body().tobytes()


def _without_place(maker: Callable[[FloatArray], object], image: FloatArray) -> object:
    try:
        return maker(image)
    except NoPlaceError:
        return None


NAN, INF = float("nan"), float("inf")


@settings(max_examples=40)
@given(
    who=st.sampled_from(["noise_fields", "through_kernel", "residual", "lesion_table", "score"]),
    shape=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    kind=st.sampled_from([np.float32, np.float64, np.int16, np.uint8, np.bool_]),
    low=st.floats(-3000, 3000),
    spread=st.floats(0, 1e4),
    hole=st.sampled_from([None, NAN, INF, -INF, 1e30]),
    seed=st.integers(0, 99),
)
def test_whatever_the_array_the_answer_is_finite_or_a_refusal_by_name(
    who: str, shape: list[int], kind: type, low: float, spread: float, hole: float, seed: int
) -> None:
    values = low + spread * np.random.default_rng(seed).random(shape)
    if np.issubdtype(kind, np.floating) and hole is not None:
        values.flat[0] = hole
    elif not np.issubdtype(kind, np.floating):
        values = np.clip(values, 0, 100)
    with np.errstate(over="ignore"):
        image = values.astype(kind)
    refused_or_sane(lambda: EVERYONE[who](image))
