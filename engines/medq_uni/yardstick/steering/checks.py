"""What must hold of words and pixels, checked yes or no and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engines.base import BoolArray, Engine, FloatArray
from engines.description import Modality, QualityDescription, Severity
from engines.medq_uni.truth import NOISE_OF
from engines.medq_uni.yardstick.contestant import with_words
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.found import mean
from engines.medq_uni.yardstick.restoration.wordings import none_words
from engines.medq_uni.yardstick.steering.wordings import only_noise, with_noise
from engines.medq_uni.yardstick.table import Cell, Table

KEPT, GOES_WITH = "number kept", "number that goes with it"
LADDER = (Severity.MILD, Severity.MODERATE, Severity.SEVERE)
SLACK = 1e-3
"""A change that falls by less than this share of itself hasn't fallen: rounding."""
NONE_KEEPS = "words that say none leave every pixel as it is"
RISES = "change doesn't fall as noise is said to be mild, moderate, severe ({})"
OFF_ALONE = "noise severe to none: off (noise was all, every pixel as it is)"
OFF_BESIDE = "noise severe to none: less is changed (beside other faults)"


@dataclass(frozen=True, slots=True)
class Check:
    """One case held against one check; ``changes`` are RMS changes in the body, mild to severe.

    In HU, or in per cent of the signal of tissue; ``None`` in other checks and without tissue.
    """

    what: str
    modality: Modality
    holds: bool
    changes: tuple[float, ...] | None = None


def checked(
    engine: Engine,
    cases: Sequence[Case],
    done: Callable[[], None] = lambda: None,
) -> list[Check]:
    """All checks: the first on every case, the others on those with noise in them.

    They edit the true words, so that they tell of the steering alone and not of what the engine
    sees. ``done()`` is called after each case.
    """
    found = []
    for case in cases:
        found.append(_none_keeps(engine, case))
        found += _noise_checks(engine, case)
        done()
    return found


def _none_keeps(engine: Engine, case: Case) -> Check:
    same = _is_same(case, _restored(engine, case, none_words(case.pair)))
    return Check(NONE_KEEPS, case.pair.source.modality, same)


def _noise_checks(engine: Engine, case: Case) -> list[Check]:
    words, mm, modality = case.words, case.pair.source.pixel_mm, case.pair.source.modality
    said = words.finding(NOISE_OF[modality])
    if said is None or said.severity is Severity.NONE:
        return []
    found = []
    held = case.ruler
    for keep, name in ((True, KEPT), (False, GOES_WITH)):
        told = [with_noise(words, severity, mm, keep=keep) for severity in LADDER]
        rms = [_rms(case, _restored(engine, case, w), held.body) for w in told if w is not None]
        rises = all(b >= a * (1 - SLACK) for a, b in pairwise(rms))
        in_unit = rms if modality is Modality.CT else [held.in_percent(one) for one in rms]
        shown = tuple(one for one in in_unit if one is not None)
        changes = shown if len(shown) == len(LADDER) else None
        found.append(Check(RISES.format(name), modality, rises, changes))
    edited = with_noise(words, Severity.NONE, mm, keep=False)
    if said.severity is Severity.SEVERE and edited is not None:
        image = _restored(engine, case, edited)
        if only_noise(words):
            found.append(Check(OFF_ALONE, modality, _is_same(case, image)))
        else:
            before = _rms(case, _restored(engine, case, words), held.body)
            less = _rms(case, image, held.body) < before
            found.append(Check(OFF_BESIDE, modality, less))
    return found


def _restored(engine: Engine, case: Case, words: QualityDescription) -> FloatArray:
    image: FloatArray = with_words(engine, case.stack, words)[0]
    return image


def _is_same(case: Case, image: FloatArray) -> bool:
    return case.pair.image.tobytes() == image.tobytes()


def _rms(case: Case, image: FloatArray, inside: BoolArray) -> float:
    change = (image.astype(np.float64) - case.pair.image)[inside]
    return float(np.sqrt((change**2).mean()))


def checks_table(found: Sequence[Check]) -> Table:
    """By check and modality: in how many cases it holds, and whether in all."""
    rows: list[tuple[Cell, ...]] = []
    for what in dict.fromkeys(check.what for check in found):
        for modality in Modality.sectional():
            of = [c for c in found if c.what == what and c.modality is modality]
            if not of:
                continue
            holds = sum(check.holds for check in of)
            steps = [check.changes for check in of if check.changes is not None]
            rows.append(
                (
                    what,
                    modality.value,
                    len(of),
                    holds,
                    "yes" if holds == len(of) else "no",
                    *(mean(step[k] for step in steps) for k in range(len(LADDER))),
                )
            )
    columns = (
        "what must hold", "modality", "cases", "holds in", "in all",
        *(f"mean RMS change said {severity.value}" for severity in LADDER),
    )  # fmt: skip
    note = (
        "The true words of a case are edited and the engine is run, whatever they plan. Every "
        "pixel as it is means bit by bit. A change that falls by less than a thousandth of itself "
        "counts as rounding. RMS changes are inside the body, in HU in CT and in % of the signal "
        "of tissue in MR and PET: alike in all three columns, the words change nothing."
    )
    return Table("steering_checks", "Do pixels follow the words?", columns, tuple(rows), note)
