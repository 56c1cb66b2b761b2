"""The tube's spectrum and what materials do to it."""

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.materials import (
    ALUMINIUM,
    BONE,
    METALS,
    WATER,
    Material,
    metal_named,
)
from engines.medq_uni.degradations.ct.spectrum import Spectrum, tube_spectrum


@pytest.mark.parametrize(
    ("name", "kev", "cm2_per_g"),
    [
        ("water", 60, 0.2059),
        ("water", 100, 0.1707),
        ("bone", 60, 0.3148),
        ("iron", 60, 1.205),
        ("iron", 100, 0.3717),
        ("titanium", 60, 0.7661),
        ("titanium", 100, 0.2721),
        ("gold", 100, 5.158),
        ("copper", 80, 0.7630),
    ],
)
def test_attenuation_is_what_nist_tabulates(name, kev, cm2_per_g) -> None:
    assert Material(name, 1.0, {name: 1.0}).mass_attenuation(kev) == pytest.approx(cm2_per_g)


def test_between_the_table_s_energies_attenuation_is_close_to_xcom() -> None:
    # XCOM at 70 keV, which isn't in the table.
    assert WATER.mass_attenuation(70) == pytest.approx(0.1929, rel=0.01)
    assert metal_named("titanium").mass_attenuation(70) == pytest.approx(0.541, rel=0.02)


@pytest.mark.parametrize(
    ("name", "edge_kev", "ratio"),
    [("tungsten", 69.525, 4.40), ("platinum", 78.395, 4.26), ("gold", 80.725, 4.17)],
)
def test_heavy_metals_jump_at_their_k_edge(name, edge_kev, ratio) -> None:
    metal = Material(name, 19.3, {name: 1.0})
    below, above = metal.mass_attenuation([edge_kev - 0.01, edge_kev + 0.01])
    assert above / below == pytest.approx(ratio, rel=0.01)
    assert np.all(np.diff(metal.mass_attenuation(np.arange(30, edge_kev, 2))) < 0)


def test_an_alloy_is_the_mean_of_its_parts_by_weight() -> None:
    half = Material("half", 1.0, {"iron": 2, "titanium": 2})
    expected = (1.205 + 0.7661) / 2
    assert half.mass_attenuation(60) == pytest.approx(expected)


@pytest.mark.parametrize("kev", [29.0, 151.0, float("nan")])
def test_energies_off_the_table_are_refused(kev) -> None:
    with pytest.raises(ValueError, match="kev must be from 30 to 150"):
        WATER.mass_attenuation(kev)


def test_a_metal_nobody_knows_is_refused_with_those_known() -> None:
    with pytest.raises(ValueError, match="material must be one of titanium, steel"):
        metal_named("mithril")


# SpekPy 2.5, tungsten at 8 degrees, 6 mm aluminium: mean energy weighted by energy.
@pytest.mark.parametrize(("kvp", "mean"), [(80, 51.4), (100, 59.5), (120, 66.7), (140, 73.7)])
def test_the_mean_energy_is_that_of_a_full_tube_model(kvp, mean) -> None:
    assert tube_spectrum(kvp, 6.0, 0.0).mean_kev == pytest.approx(mean, abs=2.0)


# SpekPy 2.5: first half-value layers in mm of aluminium, by air kerma; ours is by signal.
@pytest.mark.parametrize(("kvp", "half_mm"), [(80, 4.5), (120, 6.6), (140, 7.5)])
def test_half_the_beam_stops_in_millimetres_of_aluminium_as_it_should(kvp, half_mm) -> None:
    spectrum = tube_spectrum(kvp, 6.0, 0.0)
    per_mm = spectrum.mass_attenuation(ALUMINIUM) * ALUMINIUM.density / 10
    passed = float(spectrum.bin_weights @ np.exp(-per_mm * half_mm))
    assert 0.5 < passed < 0.62  # a detector that weights by energy sees a little more pass


def test_the_lines_of_tungsten_stand_out_only_above_its_edge() -> None:
    def at_59(kvp: float) -> float:
        found = tube_spectrum(kvp)
        peak = int(np.searchsorted(found.kev, 59.5))
        return float(found.weights[peak] / found.weights[peak - 5])

    assert at_59(120) > 1.5 * at_59(80) > 0


def test_weights_are_a_share_of_the_signal() -> None:
    for kvp in (80, 120, 140):
        spectrum = tube_spectrum(kvp)
        assert spectrum.bin_weights.sum() == pytest.approx(1)
        assert spectrum.weights.min() >= 0 and spectrum.kev.max() < kvp


def test_more_filter_and_more_voltage_harden_the_beam() -> None:
    means = [tube_spectrum(kvp).mean_kev for kvp in (80, 100, 120, 140)]
    assert means == sorted(means)
    assert tube_spectrum(120, 6.0, 0.5).mean_kev > tube_spectrum(120, 6.0, 0.0).mean_kev


def test_water_hardens_the_beam_behind_it() -> None:
    spectrum = tube_spectrum(120)
    logs = spectrum.water_log(np.array([0.0, 100.0, 200.0, 400.0]))
    assert logs[0] == pytest.approx(0)
    per_mm = np.diff(logs) / [100, 100, 200]
    assert np.all(np.diff(per_mm) < 0)  # each further layer attenuates less
    assert per_mm[1] == pytest.approx(0.0195, abs=0.001)


def test_the_effective_energy_is_where_water_attenuates_as_measured() -> None:
    spectrum = tube_spectrum(120)
    assert 60 < spectrum.effective_kev < 75
    at = WATER.mass_attenuation(spectrum.effective_kev) / 10
    assert at == pytest.approx(spectrum.water_per_mm, rel=1e-3)


def _hu(material: Material, spectrum: Spectrum) -> float:
    per_mm = material.mass_attenuation(spectrum.effective_kev) * material.density / 10
    return float(1000 * (per_mm / spectrum.water_per_mm - 1))


def test_bone_and_metals_have_the_hu_they_are_known_for() -> None:
    spectrum = tube_spectrum(120)
    assert 1400 < _hu(BONE, spectrum) < 2000
    assert 9_000 < _hu(metal_named("titanium"), spectrum) < 14_000
    order = [_hu(METALS[m], spectrum) for m in ("titanium", "steel", "cobalt-chrome", "amalgam")]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((60.0,), "kvp"), ((float("nan"),), "kvp"), ((120.0, -1.0), "aluminium_mm"),
     ((120.0, 6.0, 5.0), "copper_mm")],
)  # fmt: skip
def test_impossible_tubes_are_refused_by_name(arguments, name) -> None:
    with pytest.raises(ValueError, match=name):
        tube_spectrum(*arguments)
