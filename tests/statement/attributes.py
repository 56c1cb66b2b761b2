"""What becomes of each attribute, told from objects that were really written.

The same object is written of sources and by identities that differ in one thing at a time. What a
value follows from is what it changes with; what changes with nothing is fixed; what is equal to the
source's own is copied.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.datadict import (
    dictionary_description,
    dictionary_has_tag,
    private_dictionary_description,
)
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medq_node.objects import OutputIdentity
from medq_node.pixels.series import SeriesStack
from tests.statement.sources import bare, rich
from tests.statement.writers import IDENTITY, SPARSE, Written

Path_ = tuple[int, ...]
"""Tags from the outermost sequence to the attribute."""
Values = Mapping[Path_, tuple[str, Any]]
"""Path -> VR and value."""

OTHER: dict[str, OutputIdentity] = {
    "node": replace(IDENTITY, node_uid="2.25.987654321"),
    "engine": replace(IDENTITY, engine_name="other", engine_version="2.0", engine_digest="cd" * 32),
    "rule": replace(IDENTITY, action="always"),
    "revision": replace(IDENTITY, revision=3),
    "time": replace(IDENTITY, created_at="2027-04-06T13:31:01+00:00"),
    "config": replace(IDENTITY, station_name="OTHER", institution_name="Elsewhere"),
}
"""What an attribute may follow from, besides the source -> an identity that differs in it alone."""

_SHOWN_ALONE = frozenset({0x0040A730})
"""Content Sequence: its tree has a table of its own."""
_PHILIPS_PET = "Philips PET Private Group"
"""The only private attributes that are written."""
_NOTHING: tuple[str, Any] = ("", None)


@dataclass(frozen=True)
class Fate:
    """What becomes of one attribute.

    ``presence`` is ALWAYS, VNAP, ANAP, EMPTY (PS3.2 A.8.1) or REMOVED; ``follows`` names what its
    value changes with; ``value`` is shown where it changes with nothing; with ``appended`` it is
    an item behind those of the source. ``stated`` is the value in the source.
    """

    path: Path_
    vr: str
    presence: str
    copied: bool
    follows: tuple[str, ...]
    value: Any
    stated: Any = None
    appended: bool = False

    @property
    def keyword(self) -> str:
        return pydicom.datadict.keyword_for_tag(self.path[-1])

    @property
    def outer_keyword(self) -> str:
        """Keyword of the attribute at the top of the data set that this one is in."""
        return pydicom.datadict.keyword_for_tag(self.path[0])

    @property
    def source(self) -> str:
        """Where the value comes from, in a word."""
        if self.copied:
            return "SRC"
        if self.follows == ("config",):
            return "CONFIG"
        return "AUTO" if self.follows else "FIXED"


@dataclass(frozen=True, eq=False)
class Account:
    """Of one object all that is told: every attribute, and every one of its source it has not.

    ``full`` says all that may be said, ``sparse`` as little as may be.
    """

    full: Dataset
    sparse: Dataset
    fates: tuple[Fate, ...]

    @property
    def sop_class_uid(self) -> str:
        return str(self.full.SOPClassUID)

    @property
    def transfer_syntax_uid(self) -> str:
        return str(self.full.file_meta.TransferSyntaxUID)


def account(written: Written, folder: Path) -> Account:
    """What became of everything, found out by writing it in ``folder``."""
    first, second = (rich(written.modality, v, folder / v) for v in ("A", "B"))
    least = bare(written.modality, folder / "least")

    def written_by(source: SeriesStack, identity: OutputIdentity, name: str) -> Dataset:
        return pydicom.dcmread(written.write(source, identity, folder / name).path)

    def made(source: SeriesStack, identity: OutputIdentity, name: str) -> Values:
        return flat(written_by(source, identity, name))

    fullest = written_by(first, IDENTITY, "full")
    sparsest = written_by(least, SPARSE, "sparse")
    full, other, sparse = flat(fullest), made(second, IDENTITY, "other"), flat(sparsest)
    # What follows from the identity doesn't hang on how much the source states.
    poor = made(least, IDENTITY, "poor")
    by_factor = {name: made(least, changed, name) for name, changed in OTHER.items()}
    stated_least = flat(least.header(0))
    stated, stated_other = flat(first.header(0)), flat(second.header(0))
    whole: set[Path_] = set()
    found = []
    for path in sorted({*full, *poor, *(p for p in stated if len(p) == 1)}):
        if any(path[:n] in whole for n in range(1, len(path))):
            continue
        vr, value = full.get(path) or poor.get(path) or stated[path]
        removed = path not in full and path not in poor
        copied = path in stated and all(
            out.get(path, _NOTHING)[1] == source[path][1]
            for out, source in ((full, stated), (other, stated_other))
        )
        # What has the same value where the source has none is no copy, but happens to be alike.
        own = sparse.get(path, _NOTHING)[1]
        copied &= is_empty(own) or own == stated_least.get(path, _NOTHING)[1]
        follows = ["source"] if full.get(path) != other.get(path) else []
        follows += [name for name, by in by_factor.items() if by.get(path) != poor.get(path)]
        if copied or removed:
            whole.add(path)
        kept = stated.get(path, _NOTHING)[1] or []
        found.append(
            Fate(
                path,
                vr,
                "REMOVED" if removed else _presence(path, full, sparse),
                copied,
                () if removed else tuple(follows),
                value,
                stated=stated.get(path, _NOTHING)[1],
                appended=vr == "SQ" and bool(kept) and value[: len(kept)] == kept,
            )
        )
    return Account(fullest, sparsest, tuple(found))


@cache
def account_of(written: Written) -> Account:
    """Found out once in a process."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the probes: "XA" is no date
        return account(written, Path(folder))


def _presence(path: Path_, base: Values, poor: Values) -> str:
    full, least = (not is_empty(of[path][1]) if path in of else None for of in (base, poor))
    if least is None or full is None:
        return "ANAP"
    if not full and not least:
        return "EMPTY"
    return "ALWAYS" if least and full else "VNAP"


def is_empty(value: Any) -> bool:
    """Whether an attribute with this value has none."""
    return value is None or value == "" or value == b"" or value == []


def flat(dataset: Dataset, path: Path_ = ()) -> dict[Path_, tuple[str, Any]]:
    """Every attribute by its path; of a sequence the last item, which is the one that we add."""
    found: dict[Path_, tuple[str, Any]] = {}
    for element in dataset:
        here = (*path, int(element.tag))
        if element.VR != "SQ":
            found[here] = (element.VR, element.value)
            continue
        items = list(element.value)
        found[here] = ("SQ", [_plain(item) for item in items])
        if items and int(element.tag) not in _SHOWN_ALONE and not _is_code(items[-1]):
            found |= flat(items[-1], here)
    return found


def _plain(item: Dataset) -> Any:
    return _Code.of(item) if _is_code(item) else item


def _is_code(item: Dataset) -> bool:
    return "CodeValue" in item and "CodeMeaning" in item


@dataclass(frozen=True)
class _Code:
    value: str
    scheme: str
    meaning: str

    @classmethod
    def of(cls, item: Dataset) -> _Code:
        return cls(
            str(item.CodeValue), str(item.get("CodingSchemeDesignator", "")), str(item.CodeMeaning)
        )

    def __str__(self) -> str:
        return f'({self.value}, {self.scheme}, "{self.meaning}")'


def name_of(tag: int) -> str:
    """The attribute by its name in PS3.6, a private one by what makers say of it."""
    if dictionary_has_tag(tag) or not Tag(tag).is_private:
        return dictionary_description(tag)
    if Tag(tag).is_private_creator:
        return "Private Creator"
    return private_dictionary_description(tag, _PHILIPS_PET)


def tag_text(tag: int) -> str:
    """``(gggg,eeee)``."""
    return f"({Tag(tag).group:04X},{Tag(tag).element:04X})"
