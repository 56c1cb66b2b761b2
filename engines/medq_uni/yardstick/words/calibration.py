"""Do the words of confidence mean what they claim?

A description is right where every severity that it names is the true one and so is the verdict
(``engines.description.CLAIMED``, which says how often each word claims to be). What it doesn't
assess, and what the truth doesn't know, makes it neither right nor wrong; a description that
assesses nothing claims nothing, and is counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.description import CLAIMED, Confidence, QualityDescription
from engines.medq_uni.yardstick.table import Cell, Table
from engines.medq_uni.yardstick.words.records import (
    SAYS_NOTHING,
    Record,
    says_nothing,
    true_severity,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Z = 1.96
"""Half the width of a 95 % interval in standard deviations of a normal distribution."""
LABEL_ROOM = 15.0
"""Points that a label needs below its point."""
FEW = 20
"""With fewer descriptions a word's share tells little, and the picture shows it pale."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of confidence: what it claims, how often it was said and how often rightly."""

    confidence: Confidence
    claimed: float
    said: int
    right: int

    @property
    def share(self) -> float | None:
        """Share right, ``None`` where the word was never said."""
        return self.right / self.said if self.said else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the share (Wilson, J Am Stat Assoc 1927;22:209), good for few too."""
        if not self.said:
            return None
        n, p = self.said, self.right / self.said
        middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def is_right(truth: QualityDescription, stated: QualityDescription) -> bool:
    """Whether every severity named and the verdict are the true ones."""
    pairs = [(true_severity(truth, f.degradation), f.severity) for f in stated.findings]
    named = all(true is None or true is said for true, said in pairs)
    return named and truth.verdict is stated.verdict


def words_of(records: Sequence[Record]) -> tuple[Word, ...]:
    """Every word of confidence, high to low, with how often it was right.

    Only descriptions that assess anything count.

    Raises:
        ValueError: no records.
    """
    if not records:
        raise ValueError("records must hold at least one")
    found = []
    for confidence in Confidence:
        said = [r for r in records if r.stated.findings and r.stated.confidence is confidence]
        right = sum(is_right(r.truth, r.stated) for r in said)
        found.append(Word(confidence, CLAIMED[confidence], len(said), right))
    return tuple(found)


def calibration_error(words: Sequence[Word]) -> float | None:
    """Expected calibration error: mean gap between the share right and the claim; 0 is best.

    ``None`` where no word was said. Each word counts as often as it was said. After Naeini, Cooper
    and Hauskrecht, AAAI 2015; the words are the bins.
    """
    total = sum(word.said for word in words)
    gaps = [word.said * abs(word.right / word.said - word.claimed) for word in words if word.said]
    return sum(gaps) / total if total else None


def calibration_table(records: Sequence[Record]) -> Table:
    """Claim and truth of every word of confidence, and the expected calibration error.

    Raises:
        ValueError: no records.
    """
    words = words_of(records)
    rows: list[tuple[Cell, ...]] = []
    for word in words:
        share, interval = word.share, word.interval
        rows.append(
            (
                word.confidence.value,
                word.said,
                100 * word.claimed,
                None if share is None else 100 * share,
                None if interval is None else f"{100 * interval[0]:.0f} to {100 * interval[1]:.0f}",
                None if share is None else 100 * (share - word.claimed),
            )
        )
    said, right = sum(word.said for word in words), sum(word.right for word in words)
    rows.append(("all", said, None, 100 * right / said if said else None, None, None))
    rows += [
        _unassessed("assesses nothing", [r for r in records if not r.stated.findings]),
        _unassessed(f"reference: {SAYS_NOTHING}", says_nothing(records)),
    ]
    columns = (
        "confidence", "descriptions", "claims right (%)", "is right (%)", "right 95 %",
        "right less claimed (points)",
    )  # fmt: skip
    note = (
        "A description is right where every severity it names and its verdict are the true ones. "
        "High confidence claims to be right 95 times in 100, medium 80, low 50. Below zero in the "
        "last column is overconfident: it promises more than it holds. Expected calibration error: "
        f"{_points(words)} (the mean gap, each word counted as often as it was said; 0 is best). "
        "What assesses nothing claims nothing: it is counted apart, right where its verdict is. "
        "The last row is what silence would get, nothing assessed and all called good. "
        f"Shares of fewer than {FEW} descriptions tell little. The 95 % column is Wilson's "
        "interval, which takes images of one patient for several and so is rather narrow."
    )
    title = "Calibration: is confidence deserved?"
    return Table("calibration", title, columns, tuple(rows), note)


def _points(words: Sequence[Word]) -> str:
    error = calibration_error(words)
    return "not known" if error is None else f"{100 * error:.1f} points"


def _unassessed(name: str, records: Sequence[Record]) -> tuple[Cell, ...]:
    """How often the verdict alone of ``records`` is right."""
    right = sum(is_right(r.truth, r.stated) for r in records)
    share = 100 * right / len(records) if records else None
    return (name, len(records), None, share, None, None)


def reliability_figure(records: Sequence[Record], title: str = "") -> Figure:
    """Share right against the claim of each word of confidence; pale where a word was rarely said.

    Raises:
        ValueError: no records.
    """
    from matplotlib.figure import Figure

    words = words_of(records)
    figure = Figure(figsize=(4.6, 4.8), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 100], [0, 100], color="0.7", linewidth=1, linestyle="--", zorder=1)
    axes.text(17, 22, "as claimed", color="0.5", rotation=45, ha="center", va="center")
    for word in words:
        share, interval = word.share, word.interval
        if share is None or interval is None:
            continue
        x, (low, high) = 100 * word.claimed, (100 * bound for bound in interval)
        solid = 1.0 if word.said >= FEW else 0.4
        axes.plot([x, x], [low, high], color="tab:blue", linewidth=2, alpha=solid, zorder=2)
        axes.plot(x, 100 * share, "o", color="tab:blue", markersize=7, alpha=solid, zorder=3)
        above = low < LABEL_ROOM
        axes.annotate(
            f"{word.confidence.value}\n{word.right} of {word.said}",
            (x, high if above else low),
            xytext=(0, 6 if above else -6),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=9,
        )
    axes.set(xlim=(0, 105), ylim=(0, 105), aspect="equal")
    axes.set(xlabel="claimed to be right (%)", ylabel="is right (%)")
    error = f"expected calibration error {_points(words)}"
    axes.set_title(f"{title}\n{error}" if title else error, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
