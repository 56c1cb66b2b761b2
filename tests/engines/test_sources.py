"""Sources from array files: what is read, what is refused, and who goes to which side."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.sources import is_clean, load_series, load_sources, split


def save(folder: Path, name: str, values: np.ndarray, **more: object) -> None:
    info = {
        "name": name,
        "group": name.rpartition("-")[0],
        "patient": "p1",
        "modality": "CT",
        "region": "abdomen",
        "unit": "HU",
        "spacing_mm": [3.0, 1.0, 1.0],
        "saturation": [-1024, 3071],
        "acquisition": {"kvp": 120, "slice_thickness_mm": 5},
        **more,
    }
    valid = values > -2000
    np.savez(folder / f"{name}.npz", values=values, valid=valid, info=json.dumps(info))


def noisy(sigma: float, slices: int = 2, side: int = 128) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (50 + rng.normal(0, sigma, (slices, side, side))).astype(np.float32)


def source(name: str, patient: str, noise: float = 10.0) -> Source:
    values = np.zeros((16, 16), np.float32)
    return Source(name, patient, Modality.CT, "abdomen", "HU", values, 1.0, 1.0, noise)


def test_every_slice_becomes_a_source_with_its_noise_measured(tmp_path: Path) -> None:
    save(tmp_path, "liver-001", noisy(12.0))
    first, second = load_sources(tmp_path, Modality.CT)
    assert (first.name, second.name) == ("liver-001/1", "liver-001/2")
    assert first.noise == pytest.approx(12, rel=0.08)
    assert (first.pixel_mm, first.slice_mm) == (1.0, 5.0)
    assert first.values.dtype == np.float32
    assert is_clean(first)


@pytest.mark.parametrize(
    ("told", "spacing", "taken"),
    [(5, 3.0, 5.0), (0, 2.0, 2.0), (None, 2.0, 2.0), (None, 0.0, 3.0), (float("nan"), -1.0, 3.0)],
)
def test_a_thickness_nobody_tells_is_that_of_a_usual_slice(tmp_path, told, spacing, taken) -> None:
    acquisition = {} if told is None else {"slice_thickness_mm": told}
    save(tmp_path, "a", noisy(10, 1), spacing_mm=[spacing, 1.0, 1.0], acquisition=acquisition)
    (found,) = load_sources(tmp_path, Modality.CT)
    assert found.slice_mm == taken


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_noise_that_cannot_be_measured_is_unknown_and_not_clean(tmp_path, modality) -> None:
    more = {} if modality == "CT" else {"unit": "signal", "region": "head"}
    values = np.full((1, 128, 128), -1000 if modality == "CT" else 0, np.float32)
    save(tmp_path, "air", values, modality=modality, **more)
    (found,) = load_sources(tmp_path, Modality(modality))
    assert found.noise is None and found.known_noise == 0
    assert not is_clean(found)
    assert is_clean(source("a phantom", "p", 0.0))


@pytest.mark.parametrize(
    ("echo", "repetition", "inversion", "said"),
    [
        (91, 11730, None, "T2"),
        (100, 9000, 2500, "FLAIR"),
        (22, 2300, None, "PD"),
        (2.5, 2000, 900, "T1"),
        (12, 500, None, "T1"),
        (50, 2000, None, ""),
        (0, 2000, None, ""),
        (None, None, None, ""),
        (float("nan"), 2000, None, ""),
    ],
)
def test_the_times_of_an_mr_series_tell_its_weighting(tmp_path, echo, repetition, inversion, said):
    times = {"echo": echo, "repetition": repetition, "inversion": inversion}
    known = {f"{name}_time_ms": ms for name, ms in times.items() if ms is not None}
    more = {"modality": "MR", "unit": "signal", "acquisition": known}
    save(tmp_path, "head-001", noisy(3.0, 1), **more)
    assert load_sources(tmp_path, Modality.MR)[0].contrast == said


def test_padding_becomes_air(tmp_path: Path) -> None:
    values = noisy(10.0)
    values[:, :20] = -3024
    save(tmp_path, "liver-001", values)
    assert float(load_sources(tmp_path, Modality.CT)[0].values.min()) == -1000


def test_what_the_words_call_noisy_is_not_clean() -> None:
    assert is_clean(source("a", "p", 14.9))
    assert not is_clean(source("a", "p", 15.0))


def test_mr_noise_is_measured_in_the_units_of_its_signal(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = np.zeros((1, 128, 128), np.float32)
    values[0, 20:108, 20:108] = 1000
    values = np.abs(values + rng.normal(0, 30, values.shape)).astype(np.float32)
    save(tmp_path, "brain-001", values, modality="MR", unit="signal", region="head")
    (found,) = load_sources(tmp_path, Modality.MR)
    assert found.noise == pytest.approx(30, rel=0.15)
    assert is_clean(found)


def test_interpolated_mr_has_the_pixels_that_were_measured(tmp_path: Path) -> None:
    """Every second row is filled in: pixels become twice as large, the field of view stays."""
    rng = np.random.default_rng(3)
    scanned = np.zeros((2, 96, 128))
    scanned[:, 20:76, 20:108] = 1000
    scanned[:, 40:60, 30:50] = 400
    scanned += rng.normal(0, 20, scanned.shape)
    spectrum = np.fft.fftshift(np.fft.fft(scanned, axis=1), axes=1)
    filled = np.pad(spectrum, ((0, 0), (48, 48), (0, 0)))
    values = np.abs(np.fft.ifft(np.fft.ifftshift(filled, axes=1), axis=1)) * 2
    more = {"modality": "MR", "unit": "signal", "spacing_mm": [5.0, 0.5, 1.0]}
    save(tmp_path, "thigh-001", values.astype(np.float32), **more)
    first, second = load_sources(tmp_path, Modality.MR)
    assert first.values.shape == (96, 128) and first.values.dtype == np.float32
    assert first.pixel_mm == pytest.approx(1.0)
    assert first.noise == pytest.approx(20, rel=0.2)
    for found, truth in zip((first, second), scanned, strict=True):
        inside = np.s_[24:72, 24:104]
        assert np.abs(found.values - np.abs(truth))[inside].max() < 60
        assert found.values[inside].mean() == pytest.approx(truth[inside].mean(), rel=0.005)


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_what_was_not_interpolated_keeps_its_bits(tmp_path: Path, modality: str) -> None:
    values = np.abs(noisy(10.0))
    unit = "HU" if modality == "CT" else "signal"
    save(tmp_path, "knee-001", values, modality=modality, unit=unit, spacing_mm=[3.0, 0.8, 0.9])
    for k, found in enumerate(load_sources(tmp_path, Modality(modality))):
        assert np.array_equal(found.values, values[k])
        assert found.pixel_mm == pytest.approx((0.8 * 0.9) ** 0.5)


def test_only_the_modality_and_groups_asked_for_are_read(tmp_path: Path) -> None:
    save(tmp_path, "liver-001", noisy(10.0))
    save(tmp_path, "lung-001", noisy(10.0))
    save(tmp_path, "brain-001", noisy(10.0), modality="MR", unit="signal")
    assert {s.group for s in load_series(tmp_path, Modality.CT)} == {"liver", "lung"}
    assert {s.group for s in load_series(tmp_path, Modality.CT, ["lung"])} == {"lung"}
    with pytest.raises(ValueError, match="groups kidney"):
        load_series(tmp_path, Modality.CT, ["kidney"])


def test_what_is_no_array_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="folder"):
        load_sources(tmp_path / "nowhere", Modality.CT)
    (tmp_path / "a.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"a\.npz"):
        load_sources(tmp_path, Modality.CT)
    np.savez(tmp_path / "a.npz", values=np.zeros((1, 16, 16)))
    with pytest.raises(ValueError, match=r"a\.npz"):
        load_sources(tmp_path, Modality.CT)
    save(tmp_path, "a", np.zeros((16, 16), np.float32))
    with pytest.raises(ValueError, match=r"a\.npz"):
        load_sources(tmp_path, Modality.CT)


patients = st.lists(st.integers(0, 9), min_size=1, max_size=40)


def seen(name: str, patient: str, person: int | None = None) -> Source:
    """A slice with values of its own, by its name where no person is told."""
    values = np.full((16, 16), 40, np.float32)
    values[0, 0] = zlib.crc32(name.encode()) if person is None else person
    return replace(source(name, patient), values=values)


@given(of=patients, share=st.floats(0, 1), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_no_patient_is_on_both_sides_and_no_source_is_lost(
    of: list[int], share: float, seed: int
) -> None:
    sources = [seen(f"s{k}/1", f"p{p}") for k, p in enumerate(of)]
    first, second = split(sources, share, seed)
    assert not {s.patient for s in first} & {s.patient for s in second}
    assert sorted(s.name for s in (*first, *second)) == sorted(s.name for s in sources)
    if len(set(of)) > 1 and 0 < share < 1:
        assert first
        assert second
    if share in (0, 1):
        assert not (second if share == 0 else first)


@given(of=patients, seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_new_digests_names_and_another_order_change_no_split(of: list[int], seed: int) -> None:
    one = [seen(f"a{k:02}/1", f"p{p}", k) for k, p in enumerate(of)]
    other = [seen(f"z{99 - k}/7", f"{hash(p) * 7919 % 1000}", k) for k, p in enumerate(of)][::-1]
    people = [{s.values[0, 0] for s in part} for part in split(one, 0.3, seed)]
    assert people == [{s.values[0, 0] for s in part} for part in split(other, 0.3, seed)]


@given(count=st.integers(20, 60), seed=st.integers(0, 2**32), at=st.integers(0, 19))
@settings(max_examples=30)
def test_who_is_added_or_left_out_moves_nobody_else(count: int, seed: int, at: int) -> None:
    sources = [seen(f"{k}/1", f"p{k}") for k in range(count)]
    some = sources[:at] + sources[at + 1 :]
    before = {s.patient for s in split(sources, 0.3, seed)[1]}
    assert {s.patient for s in split(some, 0.3, seed)[1]} == before - {f"p{at}"}
    more = [*sources, seen("another/1", f"p{at}")]
    assert {s.patient for s in split(more, 0.3, seed)[1]} ^ before <= {f"p{at}"}


def test_about_the_share_of_patients_is_taken_and_another_seed_draws_others() -> None:
    sources = [seen(f"s{k}/1", f"p{k}") for k in range(400)]
    one, other = (split(sources, 0.25, seed)[1] for seed in (1, 2))
    assert one != other
    assert len(one) == pytest.approx(100, abs=35)  # 4 standard deviations of a binomial
    assert len(other) == pytest.approx(100, abs=35)


def test_first_slices_of_air_alone_tell_no_two_patients_apart_but_the_next_do() -> None:
    air = [source(f"s{k}/1", f"p{k}") for k in range(40)]
    body = [seen(f"s{k}/2", f"p{k}") for k in range(40)]
    assert len(split(air + body, 0.5, 0)[1]) not in (0, 80)
    assert not split(air, 0.5, 0)[1] or not split(air, 0.5, 0)[0]


def test_the_ninth_slice_comes_before_the_tenth() -> None:
    numbers = (9, 10)
    sides = []
    for order in (numbers, (1, 2)):
        slices = [
            seen(f"s{k}/{number}", f"p{k}", 100 * k + place)
            for k in range(30) for place, number in enumerate(order)
        ]  # fmt: skip
        sides.append({s.patient for s in split(slices, 0.5, 3)[1]})
    assert sides[0] == sides[1]


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        split([], 1.5, 1)
    with pytest.raises(ValueError, match="same name"):
        split([source("a", "p"), source("a", "q")], 0.5, 1)
