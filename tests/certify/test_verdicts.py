"""The judges' words: which are errors, which are the source's, and that none says a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medq_node.certify.verdicts import inherited, read_dciodvfy, read_pixelmed, without_values

NAME_ERROR = (
    "Error - </PatientName(0010,0010)[1]> - Value invalid for this VR [PN] = <Doe^Jane>"
    " - Too many delimiters (^) in PersonName"
)
SLOPE_ERROR = (
    "Error - </RescaleSlope(0028,1053)> - Missing attribute for Type 1 Required - Module=<CTImage>"
)
TEMPLATE_ERROR = (
    'Error: Template 1500: /CONTAINER (126000,DCM,"Doe^Jane"): Missing required content item'
)


def test_an_illegal_uid_of_the_source_is_its_own_wherever_it_is_quoted() -> None:
    line = (
        "Error - </SourceImageSequence(0008,2112)[1]/ReferencedSOPInstanceUID(0008,1155)>"
        " - Illegal root for UID = <0.0.0.0.1>"
    )
    other = (
        "Error - </StudyInstanceUID(0020,000d)[1]> - Value invalid for this VR [UI] = <1.2.abc>"
        " - Character invalid for this VR = 'a' (0x61)"
    )
    assert inherited(line, frozenset(), {"0.0.0.0.1"})
    assert inherited(other, frozenset(), {"1.2.abc"})
    assert not inherited(line, frozenset(), {"0.0.0.0.2"})
    assert not inherited(NAME_ERROR, frozenset(), {"Doe^Jane"})


def test_what_pixelmed_is_known_to_be_wrong_in_is_no_error() -> None:
    mistaken = (
        "Error: Template 2010 KeyObjectSelection/[Row 1] CONTAINER CID 7010_WithTCE/[Row 3] CODE"
        ' CID 7011: within 1: /CONTAINER (113001,DCM,"Rejected for Quality Reasons"): Conditional'
        " content item present when condition not satisfied"
    )
    missing = mistaken.replace("present when condition not", "missing although condition")
    verdict = read_pixelmed([mistaken, missing, "IOD validation complete"])
    assert verdict is not None
    assert verdict.errors == (missing,)
    assert read_pixelmed([mistaken]) is None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (SLOPE_ERROR, "RescaleSlope(0028,1053): Missing attribute for Type 1 Required"),
        (NAME_ERROR, "PatientName(0010,0010)[1]: Value invalid for this VR [PN]"),
        (NAME_ERROR.replace("Doe^", "Doe>^<"), "PatientName(0010,0010)[1]: Value invalid for"),
        ("Error - Dicom dataset read failed", "Dicom dataset read failed"),
        ("Error - Doe^Jane> - Too many delimiters", "words that are withheld"),
        ("Error - </PatientName Doe Jane> - Missing", "words that are withheld"),
        (TEMPLATE_ERROR, 'Template 1500: /CONTAINER (126000,DCM,"..."): Missing required content'),
        ('Error: 1.2: /TEXT (1,DCM,"Doe: Missing', '1.2: /TEXT (1,DCM,"..."'),
    ],
)
def test_values_are_cut_out_of_what_is_shown(line: str, shown: str) -> None:
    assert without_values(line).startswith(shown)
    assert "Doe" not in without_values(line)
    assert "Jane" not in without_values(line)


@given(
    value=st.text(st.characters(codec="utf-8"), max_size=40),
    shape=st.sampled_from(
        [
            "Error - </PatientID(0010,0020)[1]> - Value invalid for this VR [LO] = <{}> - Length",
            "Error - </PatientSex(0010,0040)[1]> - Unrecognized enumerated value = <{}>",
            "Error - </OtherPatientNames(0010,1001)[2]> - Value invalid [PN] = <{}> - x = 'y'",
        ]
    ),
)
def test_no_value_survives_whatever_it_holds(value: str, shape: str) -> None:
    secret = f"Q{value}Z"
    verdict = read_dciodvfy([*shape.format(secret).splitlines(), "CTImage"])
    assert verdict is not None
    for error in verdict.errors:
        assert without_values(error) == without_values(shape)
