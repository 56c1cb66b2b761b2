"""How modality values become grey levels on the quality page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.base import BoolArray, FloatArray, StackInfo
from engines.quality import Modality

Grey = NDArray[np.uint8]

_LUNG_SHARE: Final = 0.6
"""Above this share of aerated pixels among those of the body the lung decides the window: noise is
measured in soft tissue, so that is shown wherever there is enough of it."""


@dataclass(frozen=True, slots=True)
class Window:
    """Values ``low`` to ``high`` (unit of the stack) spread over black to white.

    ``inverted``: high uptake is dark, as PET is read.
    """

    low: float
    high: float
    caption: str
    inverted: bool = False

    def grey(self, values: FloatArray) -> Grey:
        """Grey levels of ``values``, same shape."""
        share = np.clip((values - self.low) / max(self.high - self.low, 1e-6), 0, 1)
        levels = np.rint(share * 255).astype(np.uint8)
        shown: Grey = 255 - levels if self.inverted else levels
        return shown


def fit_window(values: FloatArray, valid: BoolArray, info: StackInfo) -> Window:
    """The window a reader would choose for one slice: (rows, columns), False at padding."""
    shown = values[valid] if valid.any() else values.ravel()
    if info.modality is Modality.CT:
        return _ct_window(shown, info.region)
    if info.modality is Modality.PT:
        top = max(float(np.percentile(shown, 99.7)), 1e-6)
        return Window(0.0, top, f"0 to {_number(top)} {info.unit}, inverted", inverted=True)
    low, high = (float(p) for p in np.percentile(shown, (1, 99.7)))
    return Window(low, max(high, low + 1e-6), f"{low:.0f} to {high:.0f} (signal)")


def _ct_window(shown: FloatArray, region: str) -> Window:
    aerated = np.count_nonzero((shown > -930) & (shown < -500))
    tissue = np.count_nonzero((shown > -200) & (shown < 300))
    if aerated > _LUNG_SHARE * (aerated + tissue):
        return _ct("lung", -600, 1500)
    if region in ("head", "brain"):
        return _ct("brain", 40, 100)
    return _ct("soft tissue", 40, 400)


def _ct(name: str, center: int, width: int) -> Window:
    return Window(
        center - width / 2, center + width / 2, f"{name} window, center {center} width {width} HU"
    )


def difference_window(difference: FloatArray, unit: str) -> Window:
    """Zero is mid-grey; the range covers nearly all of what changed."""
    reach = float(np.percentile(np.abs(difference), 99.5))
    reach = _round_up(max(reach, 1e-6))
    return Window(-reach, reach, f"-{_number(reach)} to +{_number(reach)} {unit}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ..."""
    step = 10.0 ** np.floor(np.log10(value))
    return float(next(m * step for m in (1, 2, 5, 10) if m * step >= value * 0.999))
