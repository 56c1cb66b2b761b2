"""What tissues and implants are made of: density and mass attenuation from 30 to 150 keV.

The coefficients are the tabulated values of Hubbell and Seltzer, Tables of X-Ray Mass Attenuation
Coefficients (NISTIR 5632, NIST Standard Reference Database 126), which agree with NIST's XCOM;
between them one interpolates log-log, with both sides of every K edge in the table. Bone is
cortical bone after ICRU Report 44. Alloys are mixtures by weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LOWEST_KEV, HIGHEST_KEV = 30.0, 150.0
_KEV = (30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)

_CM2_PER_G: dict[str, tuple[float, ...]] = {
    "water": (0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505),
    "bone": (1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480),
    "aluminium": (1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378),
    "titanium": (4.972, 2.214, 1.213, 0.7661, 0.4052, 0.2721, 0.1649),
    "chromium": (6.434, 2.856, 1.550, 0.9639, 0.4905, 0.3166, 0.1788),
    "iron": (8.176, 3.629, 1.958, 1.205, 0.5952, 0.3717, 0.1964),
    "cobalt": (8.962, 3.981, 2.144, 1.314, 0.6414, 0.3949, 0.2023),
    "nickel": (10.34, 4.600, 2.474, 1.512, 0.7306, 0.4440, 0.2208),
    "copper": (10.92, 4.862, 2.613, 1.593, 0.7630, 0.4584, 0.2217),
    "molybdenum": (28.10, 12.94, 7.037, 4.274, 1.962, 1.096, 0.4208),
    "silver": (36.68, 17.20, 9.444, 5.766, 2.651, 1.470, 0.5426),
    "tin": (41.21, 19.42, 10.70, 6.564, 3.029, 1.676, 0.6091),
    "tungsten": (22.73, 10.67, 5.949, 3.713, 7.810, 4.438, 1.581),
    "platinum": (26.41, 12.45, 6.954, 4.339, 8.731, 4.993, 1.795),
    "gold": (27.52, 12.98, 7.256, 4.528, 2.185, 5.158, 1.860),
    "mercury": (28.41, 13.42, 7.504, 4.683, 2.259, 5.279, 1.909),
}
_K_EDGE: dict[str, tuple[float, float, float]] = {  # keV, cm2/g below and above
    "tungsten": (69.525, 2.552, 11.23),
    "platinum": (78.395, 2.203, 9.380),
    "gold": (80.725, 2.137, 8.904),
    "mercury": (83.102, 2.055, 8.464),
}


@dataclass(frozen=True, slots=True)
class Material:
    """A substance: ``density`` in g/cm3, ``parts`` by weight of what the table holds."""

    name: str
    density: float
    parts: Mapping[str, float]

    def mass_attenuation(self, kev: ArrayLike) -> NDArray[np.float64]:
        """Mass attenuation in cm2/g at photon energies in keV.

        Raises:
            ValueError: an energy outside 30 to 150 keV.
        """
        energy = np.asarray(kev, np.float64)
        if not (np.all(energy >= LOWEST_KEV) and np.all(energy <= HIGHEST_KEV)):
            raise ValueError(f"kev must be from {LOWEST_KEV:g} to {HIGHEST_KEV:g}")
        whole = sum(self.parts.values())
        total = np.zeros_like(energy)
        for name, share in self.parts.items():
            total += share / whole * _interpolated(name, energy)
        return total


def _interpolated(name: str, energy: NDArray[np.float64]) -> NDArray[np.float64]:
    points = list(zip(_KEV, _CM2_PER_G[name], strict=True))
    if name in _K_EDGE:
        edge, below, above = _K_EDGE[name]
        points = sorted([*points, (edge - 1e-6, below), (edge, above)])
    log_kev, log_value = np.log(np.array(points)).T
    result: NDArray[np.float64] = np.exp(np.interp(np.log(energy), log_kev, log_value))
    return result


WATER = Material("water", 1.0, {"water": 1.0})
BONE = Material("bone", 1.92, {"bone": 1.0})
ALUMINIUM = Material("aluminium", 2.699, {"aluminium": 1.0})
COPPER = Material("copper", 8.96, {"copper": 1.0})
TUNGSTEN = Material("tungsten", 19.3, {"tungsten": 1.0})

METALS: dict[str, Material] = {
    m.name: m
    for m in (
        Material("titanium", 4.506, {"titanium": 1.0}),
        Material(
            "steel", 7.99, {"iron": 0.675, "chromium": 0.17, "nickel": 0.13, "molybdenum": 0.025}
        ),
        Material("cobalt-chrome", 8.3, {"cobalt": 0.66, "chromium": 0.28, "molybdenum": 0.06}),
        Material("amalgam", 11.0, {"mercury": 0.46, "silver": 0.32, "tin": 0.14, "copper": 0.08}),
        Material("gold alloy", 15.5, {"gold": 0.75, "silver": 0.13, "copper": 0.12}),
        Material("platinum", 21.45, {"platinum": 1.0}),
    )
}
"""What implants are made of: steel as 316L, cobalt-chrome as ASTM F75, amalgam as set, gold as a
casting alloy of high gold content; typical compositions, not any maker's."""


def metal_named(name: str) -> Material:
    """The metal called ``name``.

    Raises:
        ValueError: none is.
    """
    if name not in METALS:
        raise ValueError(f"material must be one of {', '.join(METALS)}, not {name!r}")
    return METALS[name]
