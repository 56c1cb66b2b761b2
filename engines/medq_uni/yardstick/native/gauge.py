"""The measures of a modality in its own terms, prepared once for a truth and read off every image.

A measure gives as many numbers as an image has things to measure: one width of edges, but one
recovery for each hot spot; none where there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni.yardstick.native import ghosts, uptake
from engines.medq_uni.yardstick.native.edge_width import edge_width, edges_of
from engines.medq_uni.yardstick.restoration.scores import Ruler

Numbers = tuple[float, ...]
Read = Callable[[FloatArray], Numbers]
PHASE_AXIS = "phase_axis"
"""Name in a pair's recipe of the axis along which lines of k-space follow each other."""

GHOSTS, GHOST_ERROR, EDGE = "ghosts (%)", "ghost error (%)", "edge width (mm)"
ACTIVITY, PEAKS, MAXIMA = "total activity (%)", "SUVpeak kept (%)", "SUVmax kept (%)"
NOISE, BIAS, COLD = "noise in tissue (%)", "bias in tissue (%)", "bias in cold (%)"
MEASURES: dict[Modality, tuple[str, ...]] = {
    Modality.CT: (),
    Modality.MR: (GHOSTS, GHOST_ERROR, EDGE),
    Modality.PT: (ACTIVITY, PEAKS, MAXIMA, NOISE, BIAS, COLD),
}
"""Names of measures by modality, as columns of tables have them."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Measures of one truth by name; ``read(image)`` gives the numbers of an image by measure."""

    measures: Mapping[str, Read]

    def read(self, image: FloatArray) -> dict[str, Numbers]:
        """The numbers of ``image`` (rows, columns) in the truth's unit, by measure."""
        return {name: measure(image) for name, measure in self.measures.items()}


def gauge_of(held: Ruler, recipe: Mapping[str, float | str]) -> Gauge:
    """The measures that a truth allows; ``recipe`` says the phase axis of MR, rows by default.

    Raises:
        ValueError: a phase axis that is neither ``rows`` nor ``columns``.
    """
    if held.modality is Modality.MR:
        axis = str(recipe.get(PHASE_AXIS, ghosts.ROWS))
        return Gauge(_of_mr(held, axis))
    return Gauge(_of_pet(held) if held.modality is Modality.PT else {})


def _of_mr(held: Ruler, phase_axis: str) -> dict[str, Read]:
    air, edges = ghosts.air_beside(held, phase_axis), edges_of(held)
    found: dict[str, Read] = {}
    if air is not None:
        found[GHOSTS] = lambda image: _one(ghosts.signal_ghosting(image, held, air))
        found[GHOST_ERROR] = lambda image: _one(ghosts.ghost_error(image, held, air))
    if edges is not None:
        found[EDGE] = lambda image: _one(edge_width(image, edges))
    return found


def _of_pet(held: Ruler) -> dict[str, Read]:
    places = uptake.places_of(held)
    uniform, cold, spots = places.uniform, places.cold, places.spots
    found: dict[str, Read] = {
        ACTIVITY: lambda image: _one(uptake.total_activity(image, held)),
        PEAKS: lambda image: tuple(uptake.recovery_of_peaks(image, held, spots)),
        MAXIMA: lambda image: tuple(uptake.recovery_of_maxima(image, held, spots)),
    }
    if uniform is not None:
        found[NOISE] = lambda image: (uptake.noise_in(image, held, uniform),)
        found[BIAS] = lambda image: _one(uptake.bias_in(image, held, uniform))
    if cold is not None:
        found[COLD] = lambda image: _one(uptake.bias_in(image, held, cold))
    return found


def _one(value: float | None) -> Numbers:
    return () if value is None else (value,)
