"""The gate lets denoisers pass and refuses cheaters, on a phantom and on real series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import denoise_tv_chambolle

from medq_node.certify.gate import check_restored
from medq_node.certify.residual import measure_slice
from medq_node.certify.slices import SlicesMeasured
from medq_node.errors import OutputError
from medq_node.objects import GateLimits, GateVerdict
from medq_node.pixels.images import read_instance
from medq_node.pixels.series import SeriesStack, open_series, stack_of
from tests.build import ct_series, mr_series, pet_series, rewritten

Image = NDArray[np.floating]
Change = Callable[[int, NDArray[np.float32]], Image]


def judge(source: SeriesStack, folder: Path, change: Change) -> GateVerdict:
    return check_restored(source, open_series(rewritten(source, folder, change)))


def noise_of(source: SeriesStack) -> float:
    slab = source.slab(0, 1)
    spacing = source.instances[0].pixel_spacing_mm
    measured = measure_slice(
        slab.values[0], slab.values[0], slab.valid[0], spacing, source.info.unit
    )
    assert measured is not None
    return measured.noise


def total_variation(source: SeriesStack, weight: float) -> Change:
    """Honest denoising that keeps out of padding; ``weight`` in noise levels."""
    strength = weight * noise_of(source)
    air = -1000.0 if source.info.unit == "HU" else 0.0

    def change(i: int, values: NDArray[np.float32]) -> Image:
        filled = np.where(source.padding(i), air, values)
        return np.asarray(denoise_tv_chambolle(filled, weight=strength, max_num_iter=100))

    return change


def lesion(source: SeriesStack, amount: float, diameter_mm: float = 8.0) -> Change:
    """Paint a disc into the flattest bright tissue of the first slice."""

    def change(i: int, values: NDArray[np.float32]) -> Image:
        if i:
            return values
        mm = source.info.spacing_mm[1]
        smooth = ndimage.gaussian_filter(values, 3 / mm)
        rough = ndimage.gaussian_filter(values * values, 5 / mm)
        rough -= ndimage.gaussian_filter(values, 5 / mm) ** 2
        tissue = (
            (smooth > -50) & (smooth < 150)
            if source.info.unit == "HU"
            else smooth > 0.3 * np.percentile(smooth, 99.5)
        )
        tissue[:10] = tissue[-10:] = tissue[:, :10] = tissue[:, -10:] = False
        y, x = np.unravel_index(np.where(tissue, rough, np.inf).argmin(), values.shape)
        rows, columns = np.indices(values.shape)
        painted = values.copy()
        painted[np.hypot(rows - y, columns - x) * mm <= diameter_mm / 2] += amount
        return painted

    return change


@pytest.fixture
def ct(tmp_path: Path) -> SeriesStack:
    return open_series(ct_series(tmp_path / "ct", slices=3, rows=128, columns=128))


def test_identity_passes_with_nothing_changed(ct: SeriesStack, tmp_path: Path) -> None:
    verdict = judge(ct, tmp_path / "out", lambda _, values: values)
    assert verdict.passed
    assert verdict.reasons == ()
    assert all(measure.value == 0 for measure in verdict.measures)


@pytest.mark.parametrize("build", [ct_series, mr_series, pet_series])
@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_denoising_passes(tmp_path: Path, build: Callable[..., list[Path]], weight: float) -> None:
    source = open_series(build(tmp_path / "in", slices=2, rows=128, columns=128))
    verdict = judge(source, tmp_path / "out", total_variation(source, weight))
    assert verdict.passed, verdict.reasons


def test_a_shift_of_ten_hounsfield_units_is_named(ct: SeriesStack, tmp_path: Path) -> None:
    verdict = judge(ct, tmp_path / "out", lambda _, values: values + 10)
    assert not verdict.passed
    assert any("10 HU" in reason and "the limit is 1" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("build", [mr_series, pet_series])
def test_three_percent_more_signal_is_refused(
    tmp_path: Path, build: Callable[..., list[Path]]
) -> None:
    source = open_series(build(tmp_path / "in", rows=128, columns=128))
    verdict = judge(source, tmp_path / "out", lambda _, values: values * 1.03)
    assert not verdict.passed
    assert any("The mean of" in r and "3 %" in r for r in verdict.reasons), verdict.reasons


def test_blur_is_refused(ct: SeriesStack, tmp_path: Path) -> None:
    verdict = judge(ct, tmp_path / "out", lambda _, v: ndimage.gaussian_filter(v, 4))
    assert not verdict.passed
    assert any("Edges changed by more than noise" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("build", [ct_series, mr_series, pet_series])
@pytest.mark.parametrize(
    "cheat",
    [
        lambda v: ndimage.gaussian_filter(v, 1),
        lambda v: ndimage.shift(v, (0.5, 0), order=1, mode="nearest"),
        lambda v: v + 0.8 * (v - ndimage.gaussian_filter(v, 1)),
    ],
    ids=["blurred by a pixel", "moved by half a pixel", "sharpened"],
)
def test_little_changes_of_anatomy_are_told_from_noise(
    tmp_path: Path, build: Callable[..., list[Path]], cheat: Callable[[Image], Image]
) -> None:
    source = open_series(build(tmp_path / "in", slices=1, rows=128, columns=128))
    verdict = judge(source, tmp_path / "out", lambda _, v: cheat(v))
    assert any("What changed at edges is anatomy" in r for r in verdict.reasons), verdict.reasons


def test_other_noise_of_the_same_strength_is_no_anatomy(ct: SeriesStack, tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    noise = noise_of(ct)
    verdict = judge(ct, tmp_path / "out", lambda _, v: v + generator.normal(0, noise, v.shape))
    structure = {measure.name: measure for measure in verdict.measures}["structure in the residual"]
    assert structure.value < 0.2


def test_a_tenth_more_uptake_in_one_organ_is_refused(tmp_path: Path) -> None:
    source = open_series(pet_series(tmp_path / "in", slices=1, rows=128, columns=128))
    rows, columns = np.indices((128, 128))
    organ = 1 + 0.1 / (1 + np.exp(np.hypot(rows - 64, columns - 64) - 20))
    verdict = judge(source, tmp_path / "out", lambda _, v: v * organ)
    assert any("an organ's size changed" in reason for reason in verdict.reasons), verdict.reasons


@pytest.mark.parametrize("amount", [60, -60])
def test_a_lesion_painted_or_erased_is_found_in_its_slice(
    ct: SeriesStack, tmp_path: Path, amount: float
) -> None:
    verdict = judge(ct, tmp_path / "out", lesion(ct, amount))
    assert not verdict.passed
    assert any(
        "lesion's size" in reason and "slice 1 (1 of 3" in reason for reason in verdict.reasons
    )


def test_one_swapped_slice_is_refused(tmp_path: Path) -> None:
    pixels = np.full((3, 128, 128), 24, np.int16)
    generator = np.random.default_rng(0)
    for i in range(3):  # an organ that wanders from slice to slice
        pixels[i, 30:100, 20 + 12 * i : 90 + 12 * i] = 1064
        pixels[i] += generator.normal(0, 8, (128, 128)).round().astype(np.int16)
    source = open_series(ct_series(tmp_path / "in", pixels=pixels))
    verdict = judge(source, tmp_path / "out", lambda i, v: source.values(2) if i == 1 else v)
    assert not verdict.passed
    assert any("slice 2" in reason for reason in verdict.reasons)


def test_values_out_of_range_are_refused(ct: SeriesStack, tmp_path: Path) -> None:
    def spike(i: int, values: NDArray[np.float32]) -> Image:
        values = values.copy()
        values[5, 5] = 3000 if i == 2 else values[5, 5]
        return values

    verdict = judge(ct, tmp_path / "out", spike)
    assert any("1 pixels in slice 3 (1 of 3" in reason for reason in verdict.reasons)


def test_nan_never_reaches_the_disk(ct: SeriesStack, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not finite"):
        judge(ct, tmp_path / "out", lambda _, values: values * np.nan)


def test_touched_padding_is_refused(tmp_path: Path) -> None:
    pixels = np.full((2, 64, 64), 1064, np.int16)
    pixels[:, :8] = -2000
    source = open_series(ct_series(tmp_path / "in", pixels=pixels, PixelPaddingValue=-2000))
    paths = rewritten(source, tmp_path / "out", lambda _, values: values)
    image = pydicom.dcmread(paths[1])
    stored = image.pixel_array.copy()
    stored[0, 0] = 0
    image.PixelData = stored.tobytes()
    image.save_as(paths[1])
    verdict = check_restored(source, open_series(paths))
    assert verdict.reasons == (
        "Padding was changed: 1 pixels in slice 2 (1 of 2 slices exceed); the limit is 0.",
    )


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("ImagePositionPatient", [-32, -32, 5.001], "Image Position"),
        ("FrameOfReferenceUID", "1.2.3", "Frame of Reference UID"),
        ("RescaleSlope", "2", "Rescale Slope"),
    ],
)
def test_moved_geometry_is_refused_before_pixels(
    ct: SeriesStack, tmp_path: Path, keyword: str, value: object, words: str
) -> None:
    paths = rewritten(ct, tmp_path / "out", lambda _, values: values)
    image = pydicom.dcmread(paths[1])
    setattr(image, keyword, value)
    image.save_as(paths[1])
    moved = stack_of([read_instance(path) for path in paths])
    verdict = check_restored(ct, moved)
    assert verdict.reasons == (f"Slice 2: {words} differs from the source.",)


def test_a_missing_slice_is_refused(ct: SeriesStack, tmp_path: Path) -> None:
    paths = rewritten(ct, tmp_path / "out", lambda _, values: values)
    verdict = check_restored(ct, open_series(paths[:2]))
    assert verdict.reasons == ("The restored series has 2 slices where the source has 3.",)


def test_an_unreadable_restored_slice_is_refused(ct: SeriesStack, tmp_path: Path) -> None:
    paths = rewritten(ct, tmp_path / "out", lambda _, values: values)
    restored = open_series(paths)
    paths[1].write_bytes(paths[1].read_bytes()[:-500])
    verdict = check_restored(ct, restored)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("Slice 2: image")


def test_limits_are_obeyed(ct: SeriesStack, tmp_path: Path) -> None:
    paths = rewritten(ct, tmp_path / "out", lambda _, values: values + 2)
    lax = GateLimits(bias_hu=3, local_change_share=9, range_margin_percent=5)
    assert not check_restored(ct, open_series(paths)).passed
    assert check_restored(ct, open_series(paths), lax).passed


def test_a_slice_too_small_to_be_measured_may_not_change(tmp_path: Path) -> None:
    pixels = np.random.default_rng(4).integers(1, 4000, (3, 14, 14)).astype(np.uint16)
    source = open_series(mr_series(tmp_path / "in", pixels=pixels))
    verdict = judge(source, tmp_path / "out", lambda i, v: v[::-1, ::-1] if i else v)
    assert verdict.reasons == (
        "Slices too small to be measured were changed by more than noise (slice 2 first):"
        " 2 slices; the limit is 0.",
    )
    assert [m.name for m in verdict.measures] == [
        "geometry",
        "padding",
        "range",
        "too small to be measured",
    ]
    failed = [(m.name, m.value, m.unit) for m in verdict.measures if not m.passed]
    assert failed == [("too small to be measured", 2, "slices")]


def test_what_was_not_measured_is_not_told_as_passed(tmp_path: Path) -> None:
    source = open_series(mr_series(tmp_path / "in", rows=14, columns=14))
    verdict = judge(source, tmp_path / "out", lambda _, values: values)
    assert verdict.passed
    assert [m.name for m in verdict.measures] == ["geometry", "padding", "range"]


def with_an_end_slice_nearly_empty(folder: Path) -> SeriesStack:
    """MR whose last slice is declared padding but for a tip of the body of 12 x 12 mm."""
    whole = open_series(mr_series(folder / "whole", slices=3, rows=128, columns=128))
    pixels = np.stack([whole.stored(i) for i in range(3)]).astype(np.uint16)
    tip = np.zeros((128, 128), np.bool_)
    tip[58:70, 58:70] = True
    pixels[2][~tip] = 0
    return open_series(mr_series(folder / "in", pixels=pixels, PixelPaddingValue=0))


def test_an_end_slice_nearly_empty_does_not_refuse_a_denoised_series(tmp_path: Path) -> None:
    source = with_an_end_slice_nearly_empty(tmp_path)
    verdict = judge(source, tmp_path / "out", total_variation(source, 0.5))
    assert verdict.passed, verdict.reasons


@pytest.mark.parametrize(
    "cheat",
    [lambda v: v + 0.1 * v * (np.arange(128) < 64), lambda v: v * 1.03],
    ids=["half of it brighter", "brighter by 3 %"],
)
def test_more_than_noise_in_an_end_slice_nearly_empty_is_refused(
    tmp_path: Path, cheat: Callable[[Image], Image]
) -> None:
    source = with_an_end_slice_nearly_empty(tmp_path)
    verdict = judge(source, tmp_path / "out", lambda i, v: cheat(v) if i == 2 else v)
    assert any("(slice 3 first): 1 slices" in r for r in verdict.reasons), verdict.reasons


def test_a_slice_of_padding_alone_is_fine(tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).integers(900, 1100, (2, 64, 64)).astype(np.uint16)
    pixels[1] = 0
    source = open_series(mr_series(tmp_path / "in", pixels=pixels, PixelPaddingValue=0))
    verdict = judge(source, tmp_path / "out", lambda _, values: values)
    assert verdict.passed, verdict.reasons


_REAL = [
    "ct_crlm1004_abdomen",
    "ct_lidc0314_chest_1mm",
    "ct_lungdx_A0002_B70f",
    "ct_head_ge",
    "mr_brain_t2_trio",
    "mr_abdomen_t2_toshiba",
    "mr_breast_dce_ge15",
    "pet_wb_fdg_sts001",
]


@pytest.mark.data
@pytest.mark.parametrize("name", _REAL)
def test_on_real_series_denoising_passes_and_cheating_is_refused(
    dev_series: Callable[[str], list[Path]], data_root: Path, tmp_path: Path, name: str
) -> None:
    files = dev_series(name) or sorted((data_root / "dev" / name).iterdir())
    source = open_series(files[:2])
    assert judge(source, tmp_path / "same", lambda _, v: v).passed
    honest = judge(source, tmp_path / "tv", total_variation(source, 0.5))
    assert honest.passed, honest.reasons
    shift = 10.0 if source.info.unit == "HU" else 0.0
    scale = 1.0 if source.info.unit == "HU" else 1.03
    peak = float(np.percentile(source.values(0), 99.5))
    mm = 8.0 if source.info.spacing_mm[1] < 2 else 16.0  # PET: two voxels across
    cheaters: dict[str, Change] = {
        "blur": lambda _, v: ndimage.gaussian_filter(v, 4),
        "shift": lambda _, v: v * scale + shift,
        "other slice": lambda i, _: source.values(1 - i),
        "lesion": lesion(source, 60.0 if source.info.unit == "HU" else 0.5 * peak, mm),
        "erased": lesion(source, -60.0 if source.info.unit == "HU" else -0.5 * peak, mm),
    }
    for cheat, change in cheaters.items():
        verdict = judge(source, tmp_path / cheat, change)
        assert not verdict.passed, cheat
        assert verdict.reasons


def test_slices_measured_as_they_are_written_make_the_same_verdict(
    ct: SeriesStack, tmp_path: Path
) -> None:
    honest = rewritten(ct, tmp_path / "out", total_variation(ct, 0.5))
    painted = rewritten(ct, tmp_path / "painted", lesion(ct, 60))
    for paths in (honest, painted):
        measured = SlicesMeasured(ct, GateLimits())
        for i in reversed(range(len(paths))):
            measured.measure(i, paths[i])
        restored = open_series(paths)
        assert check_restored(ct, restored, None, measured) == check_restored(ct, restored)


def test_another_image_than_the_one_measured_is_measured_again(
    ct: SeriesStack, tmp_path: Path
) -> None:
    honest = rewritten(ct, tmp_path / "out", lambda _, values: values)
    painted = rewritten(ct, tmp_path / "painted", lesion(ct, 60))
    measured = SlicesMeasured(ct, GateLimits())
    for i, path in enumerate(honest):
        measured.measure(i, path)
    assert not check_restored(ct, open_series(painted), None, measured).passed


def test_a_slice_that_could_not_be_measured_as_it_was_written_is_told_by_the_gate(
    ct: SeriesStack, tmp_path: Path
) -> None:
    paths = rewritten(ct, tmp_path / "out", lambda _, values: values)
    restored = open_series(paths)
    paths[1].write_bytes(paths[1].read_bytes()[:-500])
    measured = SlicesMeasured(ct, GateLimits())
    for i, path in enumerate(paths):
        measured.measure(i, path)
    verdict = check_restored(ct, restored, None, measured)
    assert verdict == check_restored(ct, restored)
    assert verdict.reasons[0].startswith("Slice 2: image")
