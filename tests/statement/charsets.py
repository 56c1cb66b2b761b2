"""Character sets: which ones a patient's name keeps in all that is made of an image."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from medq_node.objects import OutputKind
from medq_node.pixels.series import open_series
from tests.build import ct_series
from tests.statement.markdown import table
from tests.statement.writers import IDENTITY, WRITTEN

_NAMES: dict[str, tuple[list[str], str]] = {
    "ISO_IR 6 (absent)": ([], "Yamada^Tarou"),
    "ISO_IR 100": (["ISO_IR 100"], "Buc^Jérôme"),
    "ISO_IR 101": (["ISO_IR 101"], "Wałęsa^Łucja"),
    "ISO_IR 109": (["ISO_IR 109"], "Ĉiuĵaŭde^Ġorġ"),
    "ISO_IR 110": (["ISO_IR 110"], "Bērziņš^Ģirts"),
    "ISO_IR 144": (["ISO_IR 144"], "Жуков^Юрий"),
    "ISO_IR 127": (["ISO_IR 127"], "قباني^لنزار"),
    "ISO_IR 126": (["ISO_IR 126"], "Διονυσιος"),
    "ISO_IR 138": (["ISO_IR 138"], "שרון^דבורה"),
    "ISO_IR 148": (["ISO_IR 148"], "Çavuşoğlu^İsmail"),
    "ISO_IR 203": (["ISO_IR 203"], "Œuvrard^Žofia"),
    "ISO_IR 13": (["ISO_IR 13"], "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    "ISO_IR 166": (["ISO_IR 166"], "นามสกุล^ชื่อ"),
    "ISO 2022 IR 87": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "ISO 2022 IR 159": (["", "ISO 2022 IR 87", "ISO 2022 IR 159"], "Yamada^Tarou=丂丄^太郎"),
    "ISO 2022 IR 149": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "ISO 2022 IR 58": (["", "ISO 2022 IR 58"], "Zhang^XiaoDong=张^小东"),
    "ISO_IR 192": (["ISO_IR 192"], "Wang^XiaoDong=王^小東=Müller"),
    "GB18030": (["GB18030"], "Wang^XiaoDong=王^小东"),
    "GBK": (["GBK"], "Wang^XiaoDong=王^小东"),
}
"""Defined term of Specific Character Set (PS3.3 C.12.1.1.2) -> its values, and a name in it."""


_AS_BYTES = {
    "ISO_IR 203": "Œuvrard^Žofia".encode("iso8859_15"),
    "ISO 2022 IR 58": b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
}
"""What pydicom doesn't write."""
_OBJECTS = tuple(w for w in WRITTEN if w.modality == "CT" and w.kind is not OutputKind.REPORT)
"""The report takes its patient from where the key object does, and takes longer."""
_NAME = Tag(0x0010, 0x0010)


def charsets() -> str:
    """Each by its defined term: whether what is made of a CT image keeps the name."""
    rows = [(term, _told(kept_by(term))) for term in _NAMES]
    return table(("defined term", "text of the source in what is made"), rows)


def _told(kept: list[str]) -> str:
    whole = kept == [w.title for w in _OBJECTS]
    return "kept, byte for byte" if whole else f"kept only in: {', '.join(kept)}"


def kept_by(term: str) -> list[str]:
    """Titles of the objects that name the patient in the very bytes of the source."""
    values, text = _NAMES[term]
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        stated = {"SpecificCharacterSet": values or None}
        if term not in _AS_BYTES:
            stated["PatientName"] = text
        path = ct_series(folder / "in", 1, 32, 32, **stated)[0]
        if term in _AS_BYTES:
            _name(path, _AS_BYTES[term])
        source = open_series([path])
        expected = _named(path)
        return [
            w.title
            for w in _OBJECTS
            if _named(w.write(source, IDENTITY, folder / w.title).path) == expected
        ]


def _named(path: Path) -> tuple[bytes, object]:
    dataset = pydicom.dcmread(path)
    return dataset.get_item(_NAME).value, dataset.get("SpecificCharacterSet")


def _name(path: Path, value: bytes) -> None:
    dataset = pydicom.dcmread(path)
    padded = value + b" " * (len(value) % 2)
    dataset[_NAME] = RawDataElement(_NAME, "PN", len(padded), padded, 0, False, True)
    dataset.save_as(path)
