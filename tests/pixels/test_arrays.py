"""Folders of DICOM files become arrays and words, and nobody's name goes along."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engines.description import Modality
from engines.medq_uni.sources import load_sources
from medq_node.pixels.arrays import main
from medq_node.pixels.series import open_series
from tests.build import ct_series, mr_series


def info_in(path: Path) -> dict[str, object]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(json.loads(str(arrays["info"])))


def salt_in(folder: Path) -> list[str]:
    path = folder / "salt"
    path.write_bytes(b"sixteen bytes or more")
    return ["--salt", str(path)]


def test_a_series_becomes_the_arrays_that_the_node_reads(tmp_path: Path) -> None:
    paths = ct_series(tmp_path / "in" / "liver", slices=3)
    assert main([str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--keep-names"]) == 0
    (made,) = (tmp_path / "out").iterdir()
    assert made.name == "liver-001.npz"
    slab = open_series(paths).slab(0, 3)
    with np.load(made) as arrays:
        assert np.array_equal(arrays["values"], slab.values)
        assert np.array_equal(arrays["valid"], slab.valid)
        assert arrays["values"].dtype == np.float32
    info = info_in(made)
    assert (info["modality"], info["region"], info["unit"]) == ("CT", "abdomen", "HU")
    acquisition = info["acquisition"]
    assert isinstance(acquisition, dict)
    assert (acquisition["kvp"], acquisition["kernel"]) == (120.0, "B30f")


def test_sources_are_read_back_from_what_was_written(tmp_path: Path) -> None:
    ct_series(tmp_path / "in" / "liver", slices=2)
    mr_series(tmp_path / "in" / "brain", slices=2)
    main([str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--keep-names"])
    found = load_sources(tmp_path / "out", Modality.CT)
    assert [source.name for source in found] == ["liver-001/1", "liver-001/2"]


@pytest.mark.parametrize(
    ("folder", "name", "identity", "birth"),
    [
        ("MUSTERMANN 1950", "Mustermann^Erika", "HOSP-4711", ""),
        ("Mustermann_1950", "Mustermann-Schmidt^Erika", "1", ""),
        ("Mueller", "Müller^Jörg", "2", ""),
        ("HOSP_4711", "A^B", "HOSP-4711", ""),
        ("born_19500312", "A^B", "3", "19500312"),
    ],
)
def test_nothing_that_names_the_patient_is_written_or_printed(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    name: str,
    identity: str,
    birth: str,
) -> None:
    ct_series(
        tmp_path / "in" / folder,
        PatientName=name,
        PatientID=identity,
        PatientBirthDate=birth,
        SpecificCharacterSet="ISO_IR 192",
        ConvolutionKernel=folder[:16],
        StudyDescription="Erika's abdomen",
    )
    assert main([str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    (made,) = (tmp_path / "out").iterdir()
    assert made.name == "group01-001.npz"
    with np.load(made) as arrays:
        told = made.name + str(arrays["info"]) + capsys.readouterr().out
    for secret in (folder, "mustermann", "mueller", "müller", "erika", "4711", "1950"):
        assert secret.casefold() not in told.casefold().replace(str(tmp_path).casefold(), "")


def test_one_person_keeps_one_key_however_the_id_is_spelt(tmp_path: Path) -> None:
    ct_series(tmp_path / "in" / "a", slices=1, PatientID="p1", IssuerOfPatientID="HOSPITAL")
    ct_series(tmp_path / "in" / "b", slices=1, PatientID="P1 ")
    main([str(tmp_path / "in"), "-o", str(tmp_path / "out")])
    a, b = (info_in(path)["patient"] for path in sorted((tmp_path / "out").iterdir()))
    assert a == b


def test_a_series_of_two_patients_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = ct_series(tmp_path / "in" / "a", slices=3)
    ds = pydicom.dcmread(paths[0])
    ds.PatientID = "SOMEBODY ELSE"
    ds.save_as(paths[0])
    assert main([str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1
    assert "group01: refused, 3 files: its images are of 2 patients" in capsys.readouterr().out


def test_arrays_under_two_salts_are_never_mixed(tmp_path: Path) -> None:
    ct_series(tmp_path / "in" / "a", slices=1)
    arguments = [str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    with pytest.raises(SystemExit):
        main(arguments)


def test_the_same_person_has_one_key_and_others_have_others(tmp_path: Path) -> None:
    for folder, patient in (("a", "P1"), ("b", "P1"), ("c", "P2")):
        ct_series(tmp_path / "in" / folder, slices=1, PatientID=patient)
    main([str(tmp_path / "in"), "-o", str(tmp_path / "out")])
    a, b, c = (info_in(path)["patient"] for path in sorted((tmp_path / "out").iterdir()))
    assert a == b != c


def test_keys_are_salted_anew_unless_a_file_keeps_the_salt(tmp_path: Path) -> None:
    ct_series(tmp_path / "in" / "a", slices=1)
    keys = []
    for k, more in enumerate(([], [], salt_in(tmp_path), salt_in(tmp_path))):
        main([str(tmp_path / "in"), "-o", str(tmp_path / f"out{k}"), *more])
        keys.append(info_in(tmp_path / f"out{k}" / "group01-001.npz")["patient"])
    assert keys[0] != keys[1]
    assert keys[2] == keys[3]


def test_a_folder_of_one_slice_per_patient_is_many_series(tmp_path: Path) -> None:
    for k in range(3):
        made = ct_series(tmp_path / "one", slices=1, PatientID=f"P{k}")
        (tmp_path / "in").mkdir(exist_ok=True)
        made[0].rename(tmp_path / "in" / f"{k}.dcm")
    assert main([str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["group01-001.npz", "group01-002.npz", "group01-003.npz"]


def test_what_is_refused_is_said_in_a_line_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ct_series(tmp_path / "in" / "bad", RescaleType="US")
    ct_series(tmp_path / "in" / "good")
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    assert main([str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "group01: refused, 5 files" in lines[0]
    assert "not to HU" in lines[0]
    assert lines[-2:] == [
        "1 other files are no DICOM files",
        f"1 of 2 series written to {tmp_path / 'out'}",
    ]


def test_nothing_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert main([str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1


def test_what_can_not_be_begun_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")])
    short = tmp_path / "salt"
    short.write_bytes(b"short")
    with pytest.raises(SystemExit):
        main([str(tmp_path), "-o", str(tmp_path / "out"), "--salt", str(short)])
