"""The quality description: what is wrong with a series, as data and as one structured sentence.

Closed vocabulary, so that words can be decoded, compared, coded and acted upon. The sentence and
the data object say exactly the same: ``parse_sentence(format_sentence(d)) == d``. The parts are
in ``engines.description`` (data), ``engines.sentence`` (words) and ``engines.region`` (DICOM's
body parts); this is where others take them from.
"""

from __future__ import annotations

from engines.description import (
    APPLICABLE,
    CLAIMED,
    LESS_IS_WORSE,
    PLACES,
    REGIONS,
    RESTORING,
    UNITS,
    UNITS_OF,
    Action,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
    rounded,
)
from engines.region import region_from_words
from engines.sentence import (
    SentenceError,
    format_amount,
    format_amounts,
    format_finding,
    format_sentence,
    parse_sentence,
)

__all__ = [
    "APPLICABLE",
    "Action",
    "Amount",
    "CLAIMED",
    "Confidence",
    "Degradation",
    "Finding",
    "LESS_IS_WORSE",
    "Modality",
    "PLACES",
    "QualityDescription",
    "REGIONS",
    "RESTORING",
    "SentenceError",
    "Severity",
    "UNITS",
    "UNITS_OF",
    "Verdict",
    "format_amount",
    "format_amounts",
    "format_finding",
    "format_sentence",
    "parse_sentence",
    "region_from_words",
    "rounded",
]
