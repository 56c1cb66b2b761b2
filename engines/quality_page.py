"""``docs/quality.md``, made from the vocabulary, the grammar and the tables themselves.

``python -m engines.quality_page > docs/quality.md`` writes it; a test holds it to the program.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from engines.aggregate import FEW, FOCAL, LONG_SERIES, THIN
from engines.description import (
    APPLICABLE,
    CLAIMED,
    PLACES,
    REGIONS,
    UNITS_OF,
    Action,
    Amount,
    Confidence,
    Degradation,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)
from engines.grammar import ebnf
from engines.sentence import DEGRADATION_WORDS, format_sentence
from engines.severity import ALSO, CUT_OFFS, CutOffs, graded_finding
from engines.verdict import FATAL, MENDED_BY, REJECT_FACTOR, verdict_of

Said = tuple[Degradation, tuple[Amount, ...], str | None]

_EXAMPLES: tuple[tuple[str, Modality, str, tuple[Said, ...]], ...] = (
    (
        "A low-dose CT with a hip prosthesis",
        Modality.CT,
        "pelvis",
        (
            (Degradation.NOISE, (Amount(42.3, "HU"),), None),
            (Degradation.METAL, (Amount(95, "HU"),), "middle left"),
        ),
    ),
    (
        "An accelerated MR of a restless head",
        Modality.MR,
        "head",
        (
            (Degradation.UNDERSAMPLING, (Amount(4, "fold"),), "throughout"),
            (Degradation.MOTION, (Amount(3.2, "mm"), Amount(1.5, "degrees")), None),
        ),
    ),
    (
        "A PET with a tenth of the counts",
        Modality.PT,
        "whole body",
        ((Degradation.LOW_COUNT, (Amount(22, "% of signal"), Amount(10, "% of counts")), None),),
    ),
)


_TEMPLATE = """\
# The quality description

What is wrong with a series, in a closed vocabulary: as data, as one sentence, and as codes
([the table](conformance/codes.md)). Sentence and data say exactly the same: each description has
one sentence, and no other text is understood. This page is made from the program, and a test holds
it to it.

## Examples

{examples}
## Vocabulary

{degradations}
A degradation may have several amounts, each in another unit and in the order of the table. *fold*
is how many times fewer lines were measured than needed, *mm* and *degrees* are the largest
displacement and turn, *% of counts* is the share that was kept, so that fewer are worse, and *HU*
of metal is how strong its streaks are.

{words}
Severity none means looked for and not found; what cannot be judged is *not assessed*. An engine
names every degradation that means something in the modality, as one or the other. Silence claims
nothing: what a sentence does not name is as unknown as what it calls not assessed.

Places are those of the image as stored, first row on top, as a screen shows it: three by three, the
whole and the rim. They are never the patient's left or right. A range of slices reaches from the
first to the last slice known to be as severe as is said; without one it is the whole series. Slices
are counted from 1 in the order of the stack.

## Confidence

A description is right when every severity it names is the true one and so is the verdict. Each
word claims a share of the descriptions that say it to be right:

{claims}
## Severity

The cut-offs are chosen, not standardised. An amount at or above a cut-off has that severity; with
two amounts the worse counts. What has no row is not graded. *px* is the in-plane pixel spacing,
and the larger of both holds: blur below what pixels can show is no blur.

{severities}
## Verdict and plan

- **good**: nothing is worse than mild.
- **usable**: something is moderate or severe.
- **reject**: an amount is {factor:g} times its severe cut-off or more, or {fatal} is severe and
  the engine cannot mend it. Never on low confidence.

What is moderate or severe is planned to be mended, as far as the engine can. A rejected series is
not restored; repeating it is to be considered.

## From slices to a series

A series has the worst severity that enough of its slices reach, and more of anything on any slice
never makes it less severe or its verdict better.

- Of what belongs to the acquisition enough is a fifth of the slices that it was assessed on, of
  {few} or more at least two. The slices are ordered from the worst, and the one at a fifth of their
  number gives severity and amounts.
- Of {focal}, which are where they are, enough are two slices next to each other
  or next but one, or a fifth of all assessed. A single one is enough where fewer than {long} slices
  were, or where it is severe {thin}; else it is taken for a mistake. The amounts
  are those of the slice at a fifth of those just as severe.

Slices of one severity are ordered by their largest amount in its severe cut-off. The range named
reaches from the first to the last slice that speaks for the severity; what was not found has the
range that it was looked for in. No range is named where that is all that was described. A place is
kept where all these slices agree on it.

A degradation is not assessed where no slice assesses it. The confidence is that of the slice at a
fifth, from the least sure. A series is rejected for what makes a fifth of all its slices unfit, of
{few} or more at least two, and never on low confidence; the verdict is never better than that on
the best slice nor worse than that on the worst.

## Grammar

EBNF, and regular: no rule calls itself. Beyond it names and actions come once and in the order of
the vocabulary, what is found is not also not assessed, "keep as is" stands alone, a range ends
after it begins, the worst slice is in it, and no amount is above a million.

```ebnf
{grammar}```
"""


def page() -> str:
    """The whole page as Markdown."""
    examples = (
        f"{title}:\n\n> {format_sentence(_described(modality, region, said))}\n"
        for title, modality, region, said in _EXAMPLES
    )
    return _TEMPLATE.format(
        examples="\n".join(examples),
        degradations=_degradations(),
        words=_words(),
        claims=_table(("confidence", "claims"), [(w, f"{c:.0%}") for w, c in CLAIMED.items()]),
        severities=severity_table(),
        factor=REJECT_FACTOR,
        fatal=" or ".join(kind for kind in Degradation if kind in FATAL),
        focal=", ".join(kind for kind in Degradation if kind in FOCAL),
        thin=" or ".join(kind for kind in Degradation if kind in THIN),
        few=FEW,
        long=LONG_SERIES,
        grammar=ebnf(),
    )


def severity_table() -> str:
    """Every cut-off and its reason, as a Markdown table."""
    rows = []
    for table in (CUT_OFFS, ALSO):
        for (modality, kind, region), row in table.items():
            numbers = [_cut_off(row, k) for k in range(3)]
            where = region or "all others"
            rows.append((modality, kind, where, row.unit, *numbers, row.reason))
    # Rows on the same thing stand together, a region before all others.
    order = [*map(str, Modality), *map(str, Degradation)]
    rows.sort(key=lambda r: (order.index(r[0]), order.index(r[1]), r[2] == "all others"))
    heading = ("modality", "degradation", "region", "unit", "mild", "moderate", "severe", "why")
    return _table(heading, rows)


def _degradations() -> str:
    heading = (
        "degradation",
        "in a sentence",
        "means something in",
        "units of its amounts",
        "mended by",
    )
    return _table(
        heading,
        [
            (
                kind,
                DEGRADATION_WORDS[kind],
                ", ".join(modality for modality in Modality if kind in APPLICABLE[modality]),
                ", ".join(UNITS_OF[kind]),
                ", else ".join(MENDED_BY[kind]) or "nothing",
            )
            for kind in Degradation
        ],
    )


def _words() -> str:
    rows: tuple[tuple[str, Iterable[str]], ...] = (
        ("modality", Modality),
        ("region", REGIONS),
        ("severity", Severity),
        ("place", PLACES),
        ("verdict", Verdict),
        ("action", Action),
        ("confidence", Confidence),
    )
    return _table(("vocabulary", "words"), [(name, ", ".join(words)) for name, words in rows])


def _described(modality: Modality, region: str, said: tuple[Said, ...]) -> QualityDescription:
    findings = tuple(
        graded_finding(kind, amounts, modality, region, place=place)
        for kind, amounts, place in said
    )
    verdict, actions = verdict_of(findings, modality, region, Confidence.MEDIUM)
    named = {kind for kind, _, _ in said}
    unknown = tuple(kind for kind in APPLICABLE[modality] if kind not in named)
    return QualityDescription(
        modality, region, findings, unknown, verdict, actions, Confidence.MEDIUM
    )


def _cut_off(row: CutOffs, place: int) -> str:
    number = (row.mild, row.moderate, row.severe)[place]
    return f"{number:g}" if row.per_pixel is None else f"{number:g} or {row.per_pixel[place]:g} px"


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |\n" for cells in (heading, *rows)]
    lines.insert(1, "|---" * len(heading) + "|\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
