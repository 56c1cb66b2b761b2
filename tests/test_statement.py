"""The conformance statement against the program: its tables, and how what they tell is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs.files import write_object
from medq_node.pixels.series import SeriesStack
from tests.statement.attributes import Fate, account
from tests.statement.documents import DOCUMENTS, TABLES
from tests.statement.markdown import filled, places
from tests.statement.writers import WRITTEN, Written


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_tables_are_what_the_program_says(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert text == filled(text, TABLES), "the program says otherwise: make conformance"


def test_every_table_stands_in_one_place() -> None:
    found = [name for document in DOCUMENTS for name in places(document.read_text("utf-8"))]
    assert sorted(found) == sorted(TABLES)


def test_every_kind_of_output_is_told_of() -> None:
    assert {written.kind for written in WRITTEN} == set(OutputKind)


def test_a_table_that_lags_behind_is_noticed() -> None:
    text = "before\n<!-- generated: statuses-given -->\n\n| A900 |\n\n<!-- end -->\nbehind\n"
    anew = filled(text, TABLES)
    assert "A900" not in anew
    assert "| Refused | out of resources | A700 |" in anew
    assert anew.startswith("before\n")
    assert anew.endswith("<!-- end -->\nbehind\n")


def test_a_place_that_nothing_fills_is_an_error() -> None:
    with pytest.raises(KeyError, match="colours"):
        filled("<!-- generated: colours -->\n<!-- end -->\n", TABLES)


def _made_up(source: SeriesStack, identity: OutputIdentity, folder: Path) -> OutputObject:
    """An object whose every attribute has another fate."""
    header, made = source.header(0), Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = CTImageStorage
    made.SOPInstanceUID = header.SOPInstanceUID
    made.StudyInstanceUID = header.StudyInstanceUID
    made.SeriesInstanceUID = f"{identity.node_uid}.{identity.revision}"
    made.PatientName = header.get("PatientName")
    made.StudyDescription = f"of {header.get('StudyDescription')}"
    made.ImageComments = identity.engine_name
    made.StationName = identity.station_name
    made.Manufacturer = "Somebody"
    made.BurnedInAnnotation = "NO"  # as the source has it, but of its own accord
    made.ReferringPhysicianName = None
    if "ProtocolName" in header:
        made.ProtocolName = header.ProtocolName
    step = Dataset()
    step.ContributionDescription = identity.action
    made.ContributingEquipmentSequence = [*header.get("ContributingEquipmentSequence", []), step]
    return write_object(made, OutputKind.RESTORED, folder)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fate]:
    written = Written("Made up", OutputKind.RESTORED, "CT", _made_up)
    fates = account(written, tmp_path_factory.mktemp("made-up")).fates
    return {
        ".".join((fate.outer_keyword, fate.keyword)[2 - len(fate.path) :]): fate for fate in fates
    }


@pytest.mark.parametrize(
    ("attribute", "presence", "source", "follows"),
    [
        ("PatientName", "VNAP", "SRC", ("source",)),
        ("ProtocolName", "ANAP", "SRC", ("source",)),
        ("StudyInstanceUID", "ALWAYS", "SRC", ("source",)),
        ("StudyDescription", "ALWAYS", "AUTO", ("source",)),
        ("SeriesInstanceUID", "ALWAYS", "AUTO", ("node", "revision")),
        ("ImageComments", "ALWAYS", "AUTO", ("engine",)),
        ("StationName", "ALWAYS", "CONFIG", ("config",)),
        ("Manufacturer", "ALWAYS", "FIXED", ()),
        ("BurnedInAnnotation", "ALWAYS", "FIXED", ()),
        ("ReferringPhysicianName", "EMPTY", "FIXED", ()),
        ("IconImageSequence", "REMOVED", "FIXED", ()),
        ("ContributingEquipmentSequence.ContributionDescription", "ALWAYS", "AUTO", ("rule",)),
    ],
)
def test_what_became_of_an_attribute_is_found_out(
    found: dict[str, Fate], attribute: str, presence: str, source: str, follows: tuple[str, ...]
) -> None:
    fate = found[attribute]
    assert (fate.presence, fate.source, fate.follows) == (presence, source, follows)


def test_an_item_behind_those_of_the_source_is_told_as_such(found: dict[str, Fate]) -> None:
    assert found["ContributingEquipmentSequence"].appended
    assert not found["StudyDescription"].appended
