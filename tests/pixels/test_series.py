"""A series becomes a stack in modality units, or one sentence says why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless

from engines.base import ImageStack
from engines.classical.engine import ClassicalEngine
from medq_node.errors import OutputError, Unprocessable
from medq_node.pixels.series import open_series, open_stacks
from tests.build import ct_series, mr_series, pet_series


def test_a_ct_series_reads_in_hounsfield_units(tmp_path: Path) -> None:
    stack: ImageStack = open_series(ct_series(tmp_path, slices=4, rows=48, columns=40))
    info = stack.info
    assert (info.modality, info.unit, info.region) == ("CT", "HU", "abdomen")
    assert (info.slices, info.rows, info.columns) == (4, 48, 40)
    assert info.spacing_mm == (5.0, 1.0, 1.0)
    assert info.saturation == (-33792.0, 31743.0)
    slab = stack.slab(1, 3)
    assert slab.values.shape == (2, 48, 40)
    assert slab.values.dtype == np.float32
    assert slab.first == 1
    assert slab.valid.all()
    assert slab.values[:, 24, 20].mean() == pytest.approx(40, abs=40)


def numbered(paths: list[Path], numbers: Sequence[int | None]) -> list[Path]:
    """The images with other Instance Numbers; ``paths`` stand feet to head."""
    for path, number in zip(paths, numbers, strict=True):
        image = pydicom.dcmread(path)
        image.InstanceNumber = number
        image.save_as(path)
    return paths


def test_slices_numbered_from_the_head_count_as_a_viewer_counts_them(tmp_path: Path) -> None:
    paths = numbered(ct_series(tmp_path), [5, 4, 3, 2, 1])
    stack = open_series([paths[k] for k in (3, 0, 4, 1, 2)])
    assert [i.instance_number for i in stack.instances] == [1, 2, 3, 4, 5]
    assert [i.position_mm[2] for i in stack.instances] == [20, 15, 10, 5, 0]
    assert stack.info.spacing_mm == (5.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([1, 2, 3, 4, 5], id="feet first"),
        pytest.param([3, 1, 5, 2, 4], id="shuffled"),
        pytest.param([5, 4, None, 2, 1], id="one missing"),
        pytest.param([5, 4, 4, 2, 1], id="one twice"),
        pytest.param([None] * 5, id="none"),
    ],
)
def test_otherwise_slices_stand_in_the_order_of_their_positions(
    tmp_path: Path, numbers: list[int | None]
) -> None:
    paths = numbered(ct_series(tmp_path), numbers)
    stack = open_series([paths[k] for k in (3, 0, 4, 1, 2)])
    assert [i.position_mm[2] for i in stack.instances] == [0, 5, 10, 15, 20]
    assert stack.info.spacing_mm[0] == 5.0


def test_the_direction_of_the_numbers_changes_nothing_but_the_order(tmp_path: Path) -> None:
    pixels = np.random.default_rng(6).normal(1060, 30, (4, 48, 48)).round().astype(np.int16)
    pixels[3] += np.random.default_rng(7).normal(0, 40, (48, 48)).round().astype(np.int16)
    engine = ClassicalEngine()
    up = open_series(ct_series(tmp_path / "up", pixels=pixels))
    down = open_series(numbered(ct_series(tmp_path / "down", pixels=pixels), [4, 3, 2, 1]))
    rising, falling = engine.assess(up), engine.assess(down)
    assert rising.findings[0].worst_slice == 4
    assert falling.findings[0].worst_slice == 1
    assert rising.verdict == falling.verdict
    restored = engine.restore(up.slab(0, 4), up.info, rising)
    turned = engine.restore(down.slab(0, 4), down.info, falling)
    assert (restored != up.slab(0, 4).values).any()
    assert (turned == restored[::-1]).all()


def test_volumes_one_after_the_other_are_turned_round_together(tmp_path: Path) -> None:
    paths = numbered(mr_series(tmp_path, slices=6), [3, 2, 1, 6, 5, 4])
    for path, z, time in zip(paths, (0, 5, 10) * 2, (1, 1, 1, 2, 2, 2), strict=True):
        image = pydicom.dcmread(path)
        image.ImagePositionPatient = [0, 0, z]
        image.TemporalPositionIdentifier = time
        image.save_as(path)
    stacks = open_stacks(paths).stacks
    assert [[i.instance_number for i in s.instances] for s in stacks] == [[1, 2, 3], [4, 5, 6]]
    assert [s.label for s in stacks] == ["time 1", "time 2"]
    assert {s.info.spacing_mm[0] for s in stacks} == {5.0}


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(5)), numbers=st.permutations(range(1, 6)))
def test_the_order_is_one_of_the_two_in_space_however_the_files_come(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], numbers: list[int]
) -> None:
    paths = numbered(ct_series(tmp_path_factory.mktemp("any"), rows=8, columns=8), numbers)
    stack = open_series([paths[k] for k in order])
    places = [i.position_mm[2] for i in stack.instances]
    assert places in ([0, 5, 10, 15, 20], [20, 15, 10, 5, 0])
    assert stack.instances == open_series(paths).instances
    assert stack.info == open_series(paths).info


def test_two_echoes_are_two_stacks(tmp_path: Path) -> None:
    paths = mr_series(tmp_path, slices=4)
    for path, z, echo in zip(paths, (0, 5, 0, 5), (90, 90, 10, 10), strict=True):
        image = pydicom.dcmread(path)
        image.ImagePositionPatient = [0, 0, z]
        image.EchoTime = echo
        image.save_as(path)
    stacks = open_stacks(paths).stacks
    assert [(s.label, s.number) for s in stacks] == [
        ("echo time 10 ms", 1),
        ("echo time 90 ms", 2),
    ]
    assert [[i.position_mm[2] for i in s.instances] for s in stacks] == [[0, 5], [0, 5]]
    assert {s.info.spacing_mm[0] for s in stacks} == {5.0}
    with pytest.raises(Unprocessable, match="2 stacks where one is wanted: echo time 10 ms"):
        open_series(paths)


def test_pet_slices_keep_their_own_slopes(tmp_path: Path) -> None:
    pixels = np.full((3, 32, 32), 1000, np.int16)
    stack = open_series(pet_series(tmp_path, pixels=pixels))
    assert stack.info.unit == "Bq/ml"
    assert stack.slab(0, 3).values[:, 0, 0] == pytest.approx([250, 260, 270])


def test_unset_mr_rescale_means_stored_values(tmp_path: Path) -> None:
    stack = open_series(mr_series(tmp_path))
    assert (stack.info.unit, stack.info.region) == ("signal", "head")
    assert (stack.slab(0, 1).values[0] == stack.stored(0)).all()


def test_headers_are_the_callers_own(tmp_path: Path) -> None:
    stack = open_series(ct_series(tmp_path))
    header = stack.header(0)
    header.PatientName = "CHANGED"
    header.ImageType[0] = "CHANGED"
    assert "PixelData" not in header
    assert stack.header(0).PatientName == "MEDQ^TEST"
    assert stack.header(0).ImageType[0] == "ORIGINAL"


def test_stored_values_cannot_be_changed_by_accident(tmp_path: Path) -> None:
    stack = open_series(ct_series(tmp_path))
    with pytest.raises(ValueError, match="read-only"):
        stack.stored(0)[0, 0] = 1


def test_memory_does_not_grow_with_the_series(tmp_path: Path) -> None:
    stack = open_series(ct_series(tmp_path, slices=30, rows=8, columns=8))
    for i in range(30):
        stack.slab(i, i + 1)
    assert len(stack._kept) <= 8
    with stack.keeping(20):
        stack.slab(0, 30)
        assert len(stack._kept) == 20
    assert len(stack._kept) == 8


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [("1", "-1024"), ("2", "-8192"), ("300", "-1e7"), ("1", "16777000"), ("0.731", "-3.2")],
)
def test_values_are_those_of_double_precision_rounded_once(
    tmp_path: Path, slope: str, intercept: str
) -> None:
    pixels = np.random.default_rng(3).integers(-(2**15), 2**15, (1, 16, 16)).astype(np.int16)
    attributes = {"BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}
    stack = open_series(
        ct_series(
            tmp_path, pixels=pixels, RescaleSlope=slope, RescaleIntercept=intercept, **attributes
        )
    )
    expected = (pixels[0] * np.float64(slope) + np.float64(intercept)).astype(np.float32)
    assert np.array_equal(stack.values(0), expected)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"ImageType": ["DERIVED", "PRIMARY", "M", "MOSAIC"]}, "mosaic"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen capture"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "cosines"),
        ({"RescaleSlope": None}, "Rescale"),
        ({"RescaleSlope": "0"}, "Rescale Slope 0"),
        ({"NumberOfFrames": "2"}, "has 2 frames, and its kind has but one"),
        ({"BurnedInAnnotation": "YES"}, "text burned into it"),
        ({"ModalityLUTSequence": [Dataset()]}, "Modality LUT"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33"}, "not a CT, MR or PET"),
        ({"PixelData": None}, "no pixel data"),
        ({"Rows": 65}, "truncated"),
        ({"BitsStored": 17}, "bits"),
        ({"HighBit": 11}, "High Bit 11"),
        ({"SOPInstanceUID": "1.2.3"}, "twice"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, attributes: dict[str, object], sentence: str
) -> None:
    paths = ct_series(tmp_path, **attributes)
    with pytest.raises(Unprocessable, match=sentence) as refusal:
        open_series(paths)
    assert "\n" not in str(refusal.value)
    if sentence != "twice":
        assert any(pydicom.dcmread(p).SOPInstanceUID in str(refusal.value) for p in paths)


def test_no_images_is_no_series() -> None:
    with pytest.raises(Unprocessable, match="no images"):
        open_series([])


def test_pet_without_units_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="Units missing"):
        open_series(pet_series(tmp_path, Units=None))


def test_two_series_are_never_one(tmp_path: Path) -> None:
    one = ct_series(tmp_path / "a", slices=1)
    other = ct_series(tmp_path / "b", slices=1)
    with pytest.raises(Unprocessable, match="another series"):
        open_series(one + other)


def test_sizes_and_planes_are_stacks_of_their_own(tmp_path: Path) -> None:
    one = ct_series(tmp_path / "a", slices=1)
    uid = pydicom.dcmread(one[0]).SeriesInstanceUID
    small = ct_series(tmp_path / "c", slices=1, rows=32, SeriesInstanceUID=uid)
    labels = {s.label for s in open_stacks(one + small).stacks}
    assert labels == {"64 x 64 pixels", "64 x 32 pixels"}
    across = ct_series(
        tmp_path / "d",
        slices=1,
        SeriesInstanceUID=uid,
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
    )
    labels = {s.label.partition(",")[0] for s in open_stacks(one + across).stacks}
    assert labels == {"axial", "coronal"}


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"ImagePositionPatient": None}, "don't say where they lie"),
        ({"ImageOrientationPatient": None}, "don't say where they lie"),
        ({"PixelSpacing": None}, "no Pixel Spacing"),
        ({"RescaleType": "US"}, "rescaled to US, not to HU"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "reformatted"),
        ({"ImageType": ["DERIVED", "PRIMARY", "PERFUSION", "CBF"]}, "maps of perfusion"),
        ({"ImageType": ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]}, "projections"),
    ],
)
def test_of_some_images_only_words_can_be_had(
    tmp_path: Path, attributes: dict[str, object], why: str
) -> None:
    stack = open_series(ct_series(tmp_path, **attributes))
    assert why in stack.never_restored
    assert stack.slab(0, 5).values.shape == (5, 64, 64)


def test_what_ge_calls_mpr_and_has_measured_may_be_restored(tmp_path: Path) -> None:
    stack = open_series(mr_series(tmp_path, ImageType=["ORIGINAL", "PRIMARY", "MPR"]))
    assert stack.never_restored == ""


def test_a_localizer_among_slices_is_left_out_and_said(tmp_path: Path) -> None:
    slices = ct_series(tmp_path / "a")
    uid = pydicom.dcmread(slices[0]).SeriesInstanceUID
    scout = ct_series(
        tmp_path / "b",
        slices=1,
        SeriesInstanceUID=uid,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )
    opened = open_stacks(slices + scout)
    assert len(opened.stacks[0].instances) == 5
    (told,) = opened.left_out
    assert told.startswith("Left out: 1 of 6 objects; image 2.25.")
    assert told.endswith("is a localizer, which isn't assessed.")


def test_a_file_cut_short_is_refused_on_opening(tmp_path: Path) -> None:
    paths = ct_series(tmp_path)
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[:-100])
    with pytest.raises(Unprocessable, match="truncated: 8092 bytes of pixel data where 8192"):
        open_series(paths)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_images_read_the_same_and_cut_ones_are_refused(
    tmp_path: Path, syntax: str
) -> None:
    paths = ct_series(tmp_path, slices=1)
    plain = open_series(paths).slab(0, 1).values
    image = pydicom.dcmread(paths[0])
    image.compress(syntax, generate_instance_uid=False)
    image.save_as(paths[0])
    assert (open_series(paths).slab(0, 1).values == plain).all()
    paths[0].write_bytes(paths[0].read_bytes()[:-1200])
    stack = open_series(paths)
    with pytest.raises(Unprocessable, match=stack.instances[0].sop_instance_uid):
        stack.slab(0, 1)


def test_overlay_bits_above_bits_stored_are_dropped(tmp_path: Path) -> None:
    pixels = np.full((1, 16, 16), 1064, np.uint16)
    pixels[0, 3, 3] |= 0x8000
    paths = ct_series(tmp_path, pixels=pixels, BitsStored=12, HighBit=11)
    assert (open_series(paths).slab(0, 1).values == 40).all()


def test_declared_padding_comes_back_bit_exactly(tmp_path: Path) -> None:
    pixels = np.full((1, 16, 16), 1064, np.int16)
    pixels[0, :2] = -2000
    pixels[0, 2] = -1990
    paths = ct_series(
        tmp_path, pixels=pixels, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1990
    )
    # Many scanners write these under the wrong VR: 63536 for -2000.
    content = paths[0].read_bytes()
    for element in (b"\x28\x00\x20\x01", b"\x28\x00\x21\x01"):
        content = content.replace(element + b"SS", element + b"US")
    paths[0].write_bytes(content)
    assert pydicom.dcmread(paths[0]).PixelPaddingValue == 63536
    stack = open_series(paths)
    assert stack.instances[0].padding == (-2000, -1990)
    slab = stack.slab(0, 1)
    assert (~slab.valid[0]).sum() == 3 * 16
    restored = stack.to_stored(0, np.zeros((16, 16), np.float32))
    assert (restored[:3] == pixels[0, :3]).all()
    assert (restored[3:] == 1024).all()


def test_undeclared_padding_outside_the_reconstruction_circle_is_seen(tmp_path: Path) -> None:
    pixels = np.full((1, 16, 16), 1064, np.int16)
    pixels[0, [0, 0, -1, -1], [0, -1, 0, -1]] = -2000
    stack = open_series(ct_series(tmp_path, pixels=pixels))
    assert (~stack.slab(0, 1).valid).sum() == 4
    pixels[0, 0, 0] = 24  # one corner of air: no circle
    stack = open_series(ct_series(tmp_path / "air", pixels=pixels))
    assert stack.slab(0, 1).valid.all()


def test_tissue_never_turns_into_padding(tmp_path: Path) -> None:
    pixels = np.full((1, 16, 16), 500, np.uint16)
    pixels[0, 0] = 0
    stack = open_series(mr_series(tmp_path, pixels=pixels, PixelPaddingValue=0))
    restored = stack.to_stored(0, np.full((16, 16), 0.2, np.float32))
    assert (restored[0] == 0).all()
    assert (restored[1:] == 1).all()


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, poison: float) -> None:
    stack = open_series(ct_series(tmp_path))
    values = stack.slab(0, 1).values[0].copy()
    values[5, 5] = poison
    with pytest.raises(OutputError, match="1 pixels are not finite"):
        stack.to_stored(0, values)


def test_values_beyond_the_format_are_clipped_and_halves_go_to_even(tmp_path: Path) -> None:
    stack = open_series(mr_series(tmp_path))
    values = np.zeros((64, 64), np.float32)
    values[0, :5] = [5000, -3, 2.5, 3.5, 4095.4]
    assert stack.to_stored(0, values)[0, :5].tolist() == [4095, 0, 2, 4, 4095]
    with pytest.raises(OutputError, match="shape"):
        stack.to_stored(0, values[:5])


@settings(max_examples=40, deadline=None)
@given(
    signed=st.booleans(),
    bits=st.integers(8, 16),
    slope=st.floats(1e-5, 50).map(lambda v: float(f"{v:.8g}")),
    intercept=st.integers(-4096, 4096),
    seed=st.integers(0, 2**32 - 1),
    padding=st.none() | st.integers(-32768, 65535),
)
def test_the_way_there_and_back_is_exact(
    tmp_path_factory: pytest.TempPathFactory,
    signed: bool,
    bits: int,
    slope: float,
    intercept: int,
    seed: int,
    padding: int | None,
) -> None:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    generator = np.random.default_rng(seed)
    pixels = generator.integers(low, high, (1, 8, 8), endpoint=True)
    pixels = pixels.astype(np.int16 if signed else np.uint16)
    pixels[0, 0, :2] = low, high
    attributes: dict[str, object] = {
        "BitsStored": bits,
        "HighBit": bits - 1,
        "RescaleSlope": f"{slope:.8g}",
        "RescaleIntercept": f"{intercept * slope:.8g}",
    }
    if padding is not None:
        pattern = padding & 0xFFFF
        attributes["PixelPaddingValue"] = (
            pattern - 0x10000 if signed and pattern >= 0x8000 else pattern
        )
    folder = tmp_path_factory.mktemp("exact")
    stack = open_series(mr_series(folder, pixels=pixels, **attributes))
    assert (stack.stored(0) == pixels[0]).all()
    assert (stack.to_stored(0, stack.slab(0, 1).values[0]) == pixels[0]).all()


@settings(max_examples=60, deadline=None)
@given(
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    kept=st.floats(0, 1),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_file_opens_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[float, int]], kept: float
) -> None:
    path = ct_series(tmp_path_factory.mktemp("damaged"), slices=1, rows=8, columns=8)[0]
    content = bytearray(path.read_bytes())
    for where, value in damage:
        content[132 + int(where * (len(content) - 133))] = value
    path.write_bytes(content[: 132 + int(kept * (len(content) - 132))])
    try:
        open_series([path]).slab(0, 1)
    except Unprocessable as refusal:
        assert "MEDQ" not in str(refusal)  # nobody's name in a message
