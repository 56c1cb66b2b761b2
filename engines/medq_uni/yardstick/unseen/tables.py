"""What an engine says of real series: noise of kernel pairs, of noisy images, and of all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from engines.base import Engine
from engines.description import Finding, QualityDescription, Severity, Verdict
from engines.medq_uni.sources import Series
from engines.medq_uni.truth import NOISE_OF
from engines.medq_uni.yardstick.table import Cell, Table
from engines.medq_uni.yardstick.unseen.series import (
    kernel_of,
    kernel_pairs,
    slice_of,
    stack_of_series,
)

NOISY_GROUPS = ("ct_tcga_lung_sharp_noisy",)
"""Groups of arrays that readers call noisy (30 to 61 HU): none of them may be called good."""
Row = tuple[Cell, ...]
NOISIER, AS_BAD = "a larger number", "at least as bad a word"


def unseen_tables(
    engine: Engine,
    series: Sequence[Series],
    held_out: Collection[str] | None = None,
    done: Callable[[], None] = lambda: None,
) -> list[Table]:
    """Checks on kernel pairs and noisy groups, then what is said of every series.

    ``held_out`` are the patients that no training took, ``None`` where nobody was held out;
    ``done()`` is called after each series.
    """
    stated: dict[str, QualityDescription] = {}
    for one in series:
        stated[one.name] = engine.assess(stack_of_series(one))
        done()
    checks: list[Row] = []
    pairs: list[Pair] = []
    for smooth, sharp in kernel_pairs(series):
        pairs += _pair_rows(engine, smooth, sharp, stated)
    if pairs:
        checks += _pair_checks(pairs)
    checks += _noisy_checks(series, stated)
    tables = [_checks_table(checks)] if checks else []
    if pairs:
        tables.append(_pairs_table(pairs))
    if series:
        tables.append(_said_table(series, stated, held_out))
    return tables


def noise_said(words: QualityDescription) -> Finding | None:
    """What is said of noise (in PET of low counts)."""
    return words.finding(NOISE_OF[words.modality])


def is_noisier(sharp: Finding | None, smooth: Finding | None) -> bool:
    """Whether the number said of ``sharp`` is the larger one.

    None without a number is less than any number; what isn't assessed isn't noisier than anything.
    """
    first, second = _number(sharp), _number(smooth)
    return first is not None and second is not None and first > second


def _number(finding: Finding | None) -> float | None:
    if finding is None:
        return None
    if finding.amount is None:
        return 0.0 if finding.severity is Severity.NONE else None
    return finding.amount


def _as_bad(sharp: Finding | None, smooth: Finding | None) -> bool:
    if sharp is None or smooth is None:
        return False
    return sharp.severity.rank >= smooth.severity.rank


WHOLE = "all"


@dataclass(frozen=True, slots=True)
class Pair:
    """What is said of the noise of one scan by two kernels: of slice ``at`` (1-based), or of all.

    ``smooth`` and ``sharp`` are the names of the series.
    """

    smooth: str
    sharp: str
    at: str
    of_smooth: Finding | None
    of_sharp: Finding | None


def _pair_rows(
    engine: Engine, smooth: Series, sharp: Series, stated: dict[str, QualityDescription]
) -> list[Pair]:
    names = smooth.name, sharp.name
    first, second = (noise_said(stated[name]) for name in names)
    found = [Pair(*names, WHOLE, first, second)]
    stacks = [stack_of_series(one) for one in (smooth, sharp)]
    for k in range(len(smooth.values)):
        first, second = (noise_said(engine.assess(slice_of(stack, k))) for stack in stacks)
        found.append(Pair(*names, str(k + 1), first, second))
    return found


def _pair_checks(pairs: Sequence[Pair]) -> list[Row]:
    rows: list[Row] = []
    for what, whole in (("series", True), ("slices", False)):
        some = [pair for pair in pairs if (pair.at == WHOLE) is whole]
        for name, holds in ((NOISIER, is_noisier), (AS_BAD, _as_bad)):
            count = sum(holds(pair.of_sharp, pair.of_smooth) for pair in some)
            rows.append(_check(f"sharp kernel: {name} for noise ({what})", len(some), count))
    return rows


def _noisy_checks(series: Sequence[Series], stated: dict[str, QualityDescription]) -> list[Row]:
    rows = []
    for group in NOISY_GROUPS:
        said = [stated[one.name].verdict for one in series if one.group == group]
        if said:
            fine = sum(verdict is not Verdict.GOOD for verdict in said)
            rows.append(_check(f"never called good: {group}", len(said), fine))
    return rows


def _check(what: str, count: int, holds: int) -> Row:
    return what, count, holds, "yes" if holds == count else "no"


def _checks_table(rows: Sequence[Row]) -> Table:
    note = (
        "A sharp kernel shows more noise of the same scan than a smooth one: its number must be "
        "the larger one and its word no better. Which kernel is sharp is told by its name."
    )
    columns = ("what must hold", "of", "holds in", "in all")
    title = "Real images: is what must hold said?"
    return Table("unseen_checks", title, columns, tuple(rows), note)


def _pairs_table(pairs: Sequence[Pair]) -> Table:
    rows = tuple(
        (pair.smooth, pair.sharp, pair.at, *_told(pair.of_smooth), *_told(pair.of_sharp),
         "yes" if is_noisier(pair.of_sharp, pair.of_smooth) else "no",
         "yes" if _as_bad(pair.of_sharp, pair.of_smooth) else "no")
        for pair in pairs
    )  # fmt: skip
    columns = (
        "smooth", "sharp", "slices", "smooth said", "smooth (HU)", "sharp said", "sharp (HU)",
        "sharp noisier", "word as bad",
    )  # fmt: skip
    note = "The same scan by two kernels, as a series and slice by slice."
    return Table("unseen_pairs", "Kernel pairs of one scan", columns, rows, note)


def _told(finding: Finding | None) -> tuple[Cell, Cell]:
    """Severity and number, as said."""
    if finding is None:
        return "not assessed", None
    return finding.severity.value, finding.amount


def _said_table(
    series: Sequence[Series],
    stated: dict[str, QualityDescription],
    held_out: Collection[str] | None,
) -> Table:
    rows = []
    for one in series:
        words = stated[one.name]
        noise = noise_said(words)
        severity, number = _told(noise)
        others = ", ".join(
            f"{f.severity} {f.degradation}"
            for f in words.findings
            if f is not noise and f.severity is not Severity.NONE
        )
        split = [] if held_out is None else ["yes" if one.patient in held_out else "no"]
        rows.append(
            (
                one.name,
                one.modality.value,
                one.region,
                kernel_of(one) or None,
                len(one.values),
                severity,
                number,
                None if noise is None else noise.unit,
                others or None,
                words.verdict.value,
                words.confidence.value,
                *split,
            )
        )
    columns = (
        "series", "modality", "region", "kernel", "slices", "noise said", "number", "unit",
        "else said", "verdict", "confidence", *([] if held_out is None else ["held out"]),
    )  # fmt: skip
    note = (
        "Every real series as it is, nothing added; nobody knows the truth. In PET noise is the "
        "low count."
    )
    title = "Real images: what is said of each series?"
    return Table("unseen_series", title, columns, tuple(rows), note)
