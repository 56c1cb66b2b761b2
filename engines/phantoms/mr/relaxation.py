"""What tissue is to magnetic resonance: proton density and relaxation times, by field strength.

Values after Stanisz et al., Magn Reson Med 2005;54:507 (brain, muscle, blood), Wansapura et al.,
J Magn Reson Imaging 1999;9:531 (brain at 3 T), Gold et al., AJR 2004;183:343 (knee) and de
Bazelaire et al., Radiology 2004;230:652 (abdomen). Where they differ the value lies between them.
Fluids, and disease, are as textbooks give them; tendon and cortical bone relax before any echo.
Of fat the density is what is seen: its lines lie apart, and part of them is off resonance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Tissue(NamedTuple):
    """Proton density (water is 1), T1 and T2 in ms at 1.5 T and at 3 T, and the share of fat."""

    density: float
    t1: tuple[float, float]
    t2: tuple[float, float]
    fat: float = 0.0


FIELDS_T = (1.5, 3.0)
"""Field strengths of the table's columns, tesla."""
CSF = "csf"
VOID = "vessel"
"""A vessel whose blood has left the slice before its echo: a flow void."""
GAS = "gas"

TISSUES: dict[str, Tissue] = {
    # Head
    "grey": Tissue(0.82, (1120, 1480), (98, 99)),
    "deep_grey": Tissue(0.80, (1000, 1300), (86, 82)),
    "iron_grey": Tissue(0.77, (920, 1130), (70, 58)),
    "white": Tissue(0.70, (690, 910), (79, 73)),
    "stem": Tissue(0.74, (800, 1050), (86, 80)),
    CSF: Tissue(1.0, (4100, 4200), (1900, 1700)),
    "choroid": Tissue(0.82, (1500, 1900), (135, 125)),
    "dura": Tissue(0.55, (900, 1100), (38, 34)),
    "vitreous": Tissue(1.0, (3900, 4100), (1400, 1200)),
    "lens": Tissue(0.65, (1000, 1250), (32, 28)),
    "nerve": Tissue(0.72, (815, 1083), (77, 78)),
    "mucosa": Tissue(0.90, (1300, 1650), (120, 110)),
    # Disease of the brain
    "oedema": Tissue(0.86, (1350, 1650), (190, 180)),
    "lesion": Tissue(0.85, (1250, 1550), (172, 162)),
    "plaque": Tissue(0.86, (1300, 1600), (182, 172)),
    "stroke": Tissue(0.86, (1300, 1620), (176, 166)),
    "tumour": Tissue(0.86, (1300, 1620), (150, 140)),
    "necrosis": Tissue(0.94, (2300, 2700), (420, 380)),
    "cavity": Tissue(0.97, (3300, 3500), (1000, 900)),
    # Body
    "fat": Tissue(0.72, (288, 371), (150, 128), fat=0.95),
    "muscle": Tissue(0.78, (1030, 1410), (40, 38)),
    "marrow": Tissue(0.68, (300, 375), (130, 115), fat=0.88),
    "red_marrow": Tissue(0.75, (549, 600), (60, 55), fat=0.45),
    "bone": Tissue(0.15, (250, 300), (0.5, 0.4)),
    "skin": Tissue(0.72, (850, 1050), (36, 32)),
    "cartilage": Tissue(0.75, (1066, 1240), (42, 37)),
    "meniscus": Tissue(0.60, (900, 1050), (10, 9)),
    "ligament": Tissue(0.60, (850, 1000), (9, 8)),
    "fluid": Tissue(1.0, (2850, 3620), (1210, 767)),
    "blood": Tissue(0.90, (1441, 1932), (230, 160)),
    "liver": Tissue(0.76, (586, 809), (46, 36)),
    "spleen": Tissue(0.82, (1057, 1328), (79, 61)),
    "pancreas": Tissue(0.78, (584, 725), (50, 45)),
    "kidney_cortex": Tissue(0.84, (966, 1142), (87, 76)),
    "kidney_medulla": Tissue(0.88, (1412, 1545), (98, 88)),
    "bile": Tissue(0.98, (2200, 2600), (700, 600)),
    "urine": Tissue(1.0, (3500, 3900), (1500, 1200)),
    "cyst": Tissue(1.0, (3000, 3400), (1100, 900)),
    "haemangioma": Tissue(0.90, (1250, 1500), (170, 150)),
    "metastasis": Tissue(0.83, (1050, 1300), (82, 74)),
    "bowel_wall": Tissue(0.80, (950, 1150), (62, 56)),
    "bowel_content": Tissue(0.85, (1100, 1400), (110, 100)),
    "disc": Tissue(0.82, (1100, 1250), (100, 92)),
    "cord": Tissue(0.74, (745, 993), (76, 78)),
    VOID: Tissue(0.02, (1441, 1932), (230, 160)),
    GAS: Tissue(0.0, (1000, 1000), (10, 10)),
}
"""Name -> tissue."""

T1_SPREAD, T2_SPREAD, DENSITY_SPREAD = 0.022, 0.022, 0.01
"""Deviation between healthy people, as a share."""


def person(rng: np.random.Generator, field: int) -> dict[str, Tissue]:
    """One person's tissues at the field strength of column ``field``; both columns hold its times.

    Takes the same random numbers whatever the field.
    """
    tissues = {}
    for name, tissue in TISSUES.items():
        density, t1, t2 = np.exp(
            rng.normal(0, 1, 3).clip(-2, 2) * (DENSITY_SPREAD, T1_SPREAD, T2_SPREAD)
        )
        times = float(tissue.t1[field] * t1), float(tissue.t2[field] * t2)
        tissues[name] = tissue._replace(
            density=float(tissue.density * density),
            t1=(times[0], times[0]),
            t2=(times[1], times[1]),
        )
    return tissues
