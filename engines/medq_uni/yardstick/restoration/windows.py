"""Windows in which images are compared: those of the literature, and the image's own range.

The literature looks at CT of the abdomen in [-160, 240] HU, at MR in the 12 bits of a scanner and
at PET up to an uptake (SUV) of 20. The last two presume a scale that not every image has:

- MR that was stored in more than 12 bits is looked at in its own range, as [0, 4095] would hide its
  brightest tissue. And as the PSNR of a dim image in [0, 4095] means nothing (100 of 4095 is as
  good as black), MR is scored in its own range as well, from zero to the 99.9th percentile of the
  truth. Where nothing is clipped, gains are the same in both.
- PET that isn't in SUV is looked at from zero to 20 times the mean uptake in the body of the truth:
  SUV is uptake in units of what the body would have if all activity were spread evenly over it.
  A slice through the brain has more than the body's average, so that it is an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import BoolArray, FloatArray
from engines.description import Modality


@dataclass(frozen=True, slots=True)
class Window:
    """Values that are looked at, in ``unit``; all beyond is clipped."""

    low: float
    high: float
    unit: str

    @property
    def span(self) -> float:
        """Width of the window in its unit: the data range of PSNR and SSIM within it."""
        return self.high - self.low

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}] {self.unit}"


WINDOWS: dict[Modality, Window] = {
    Modality.CT: Window(-160, 240, "HU"),
    Modality.MR: Window(0, 4095, "signal"),
    Modality.PT: Window(0, 20, "SUV"),
}
"""Windows in which results are published: CT that of the abdomen in work on the 2016 low-dose
grand challenge, MR the 12 bits of a scanner, PET up to an uptake of 20."""
LUNG_WINDOW = Window(-1350, 150, "HU")
"""Window that lungs are read in: level -600 HU, width 1500 HU."""
OWN_PERCENTILE = 99.9
"""Upper end of an MR image's own range: single bright pixels, mostly flow, don't decide it."""
SHOWN_PERCENTILE = {Modality.MR: 99.5, Modality.PT: 99.0}
"""Upper end of what is shown of MR and PET, of the values in the body."""
RULES: dict[Modality, str] = {
    Modality.CT: f"{WINDOWS[Modality.CT]}",
    Modality.MR: f"{WINDOWS[Modality.MR]} (to the truth's {OWN_PERCENTILE:g}th percentile, "
    "where that is more)",
    Modality.PT: f"{WINDOWS[Modality.PT]} (in Bq/ml up to 20 times the body's mean)",
}
"""What notes say of the windows."""


def published_window(truth: FloatArray, modality: Modality, unit: str, body: BoolArray) -> Window:
    """The window that results in ``unit`` are published in, or what comes to the same.

    ``truth`` and ``body`` are (rows, columns).
    """
    window = WINDOWS[modality]
    if modality is Modality.MR:
        own = own_range(truth, unit)
        return own if own is not None and own.high > window.high else window
    if modality is Modality.PT and unit != window.unit:
        mean = float(truth[body].mean(dtype=np.float64))
        if mean > 0:
            return Window(0.0, window.high * mean, unit)
    return window


def own_range(truth: FloatArray, unit: str) -> Window | None:
    """From zero to the 99.9th percentile of ``truth``; ``None`` where that is nothing."""
    high = float(np.percentile(truth, OWN_PERCENTILE))
    return Window(0.0, high, unit) if high > 0 else None


def shown_window(truth: FloatArray, modality: Modality, unit: str, body: BoolArray) -> Window:
    """The window that a picture of ``truth`` is shown in: CT the literature's, else its own."""
    if modality is Modality.CT:
        return WINDOWS[modality]
    high = float(np.percentile(truth[body], SHOWN_PERCENTILE[modality]))
    return Window(0.0, high, unit) if high > 0 else WINDOWS[modality]
