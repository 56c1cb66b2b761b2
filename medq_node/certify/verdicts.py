"""The words of the judges: what is an error, what the source has too, what may be repeated.

Written for dicom3tools 1.00 of 2022 (``Error - </Path> - words``; exit code 0 on some errors) and
PixelMed of 2022 (``Error: path: words``; exit code always 0).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

_PLACE: Final = re.compile(r"Error - <((?:/\w+\([0-9a-f]{4},[0-9a-f]{4}\)(?:\[\d+\])?)+)> - ")
"""dciodvfy's path of an attribute: keywords, tags and item numbers, never a value."""
_QUOTES: Final = re.compile(r"[=<>'\"]")
_QUOTED_UID: Final = re.compile(r"(?:UID|\[UI\]) = <([^>]*)>")
_IOD: Final = re.compile(r"\w+$")
_UNQUOTED: Final = frozenset(
    {"Attribute read failed", "Dicom dataset read failed", "Information Object Not found"}
    | {"Seek failed - while reading unencapsulated Pixel Data"}
)
"""What dciodvfy says without a place, and without quoting anything."""
_IOD_DONE: Final = "IOD validation complete"
_MISTAKEN_OF_DERIVED: Final = re.compile(
    r"Error - <.*> - Attribute present when condition unsatisfied .* - Module=<MRPulseSequence>"
)
"""dciodvfy forbids derived images to say with which pulse sequence they were measured; by PS3.3
C.8.13.4 each of these attributes "may be present otherwise"."""
_MISTAKEN: Final = re.compile(
    r"Error: Template 2010 KeyObjectSelection/.*/\[Row [34]\] CODE CID 701[12]: .*"
    r"Conditional content item present when condition not satisfied$"
)
"""PixelMed looks for the title of a key object among its code items, where it can't be, and so
forbids the modifier that the title asks for (PS3.16 TID 2010 rows 3 and 4)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said: all lines, and those that are errors."""

    lines: tuple[str, ...]
    errors: tuple[str, ...]


def read_dciodvfy(lines: Sequence[str]) -> Verdict | None:
    """The verdict of dciodvfy; ``None`` where it neither found an IOD nor said why not."""
    errors = tuple(line for line in lines if line.startswith("Error"))
    if not errors and not any(_IOD.match(line) for line in lines):
        return None
    meant = (error for error in errors if not _MISTAKEN_OF_DERIVED.match(error))
    return Verdict(tuple(lines), tuple(meant))


def read_pixelmed(lines: Sequence[str]) -> Verdict | None:
    """The verdict of DicomSRValidator; ``None`` where it broke off."""
    if _IOD_DONE not in lines:
        return None
    errors = (line for line in lines if line.startswith("Error"))
    return Verdict(tuple(lines), tuple(line for line in errors if not _MISTAKEN.match(line)))


def inherited(error: str, of_source: AbstractSet[str], source_uids: AbstractSet[str]) -> bool:
    """Whether dciodvfy complains of the source in the same words, or of one of the source's UIDs.

    A UID that breaks the rules must go on naming the same study or image, wherever we refer to it.
    """
    if error in of_source:
        return True
    place = _PLACE.match(error)
    quoted = _QUOTED_UID.search(error, place.end()) if place else None
    return quoted is not None and quoted[1] in source_uids


def without_values(error: str) -> str:
    """``error`` as it may be logged and shown: the place and the complaint, no value."""
    place = _PLACE.match(error)
    if place is not None:
        return f"{place[1].lstrip('/')}: {_cut(error[place.end() :])}"
    if error.startswith("Error: "):
        return _pixelmed_words(error.removeprefix("Error: "))
    words = error.removeprefix("Error - ")
    return words if words in _UNQUOTED else "words that are withheld, as they may quote a value"


def _cut(words: str) -> str:
    """Up to what is quoted: ``= <value>``, ``Module=<name>``, ``'c' (0x63)``."""
    quoted = _QUOTES.search(words)
    if quoted is None:
        return words.strip()
    kept = words[: quoted.start()].rstrip()
    return kept.removesuffix("Module").rstrip(" -")


def _pixelmed_words(words: str) -> str:
    """Without what stands in double quotes; from one that isn't closed on, without the rest."""
    return re.sub(r'"[^"]*("|$)', '"..."', words).strip()
