"""Sources from array files: what is read, what is refused, and who goes to which side."""

from __future__ import annotations

import json
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


@given(of=patients, share=st.floats(0, 1), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_no_patient_is_on_both_sides_and_no_source_is_lost(
    of: list[int], share: float, seed: int
) -> None:
    sources = [source(f"s{k}", f"p{p}") for k, p in enumerate(of)]
    first, second = split(sources, share, seed)
    assert not {s.patient for s in first} & {s.patient for s in second}
    assert sorted(s.name for s in (*first, *second)) == sorted(s.name for s in sources)
    if len(set(of)) > 1 and 0 < share < 1:
        assert first
        assert second


@given(of=patients, seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_new_digests_and_another_order_change_no_split(of: list[int], seed: int) -> None:
    sources = [source(f"s{k}", f"p{p}") for k, p in enumerate(of)]
    renamed = [source(f"s{k}", f"{hash(p) * 7919 % 1000}") for k, p in enumerate(of)][::-1]
    names = [{s.name for s in part} for part in split(sources, 0.3, seed)]
    assert names == [{s.name for s in part} for part in split(renamed, 0.3, seed)]


def test_another_seed_draws_other_patients() -> None:
    sources = [source(f"s{k}", f"p{k}") for k in range(40)]
    assert split(sources, 0.25, 1)[1] != split(sources, 0.25, 2)[1]
    assert len(split(sources, 0.25, 1)[1]) == 10


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        split([], 1.5, 1)
    with pytest.raises(ValueError, match="same name"):
        split([source("a", "p"), source("a", "q")], 0.5, 1)
