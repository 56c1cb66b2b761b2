"""When a series is complete: an adaptive quiet time, never the end of an association.

A scanner may send one series over several associations, or several series over one, and may pause
between images for as long as a reconstruction takes. The only honest sign is silence that is long
compared with the pauses seen so far.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuietTime:
    """Quiet time in seconds: ``factor`` times the longest pause seen, kept within the bounds."""

    minimum_s: float
    maximum_s: float
    factor: float

    def needed_s(self, longest_gap_s: float) -> float:
        """Silence after which a series with this longest pause counts as complete, in seconds."""
        return min(max(self.minimum_s, self.factor * longest_gap_s), self.maximum_s)
