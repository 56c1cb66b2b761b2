from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.build import ct_series, mr_series, noisy_ct, pet_series
from tests.certify.made import Made, made

_BUILD = {"CT": ct_series, "MR": mr_series, "PT": pet_series}
_IDENTIFYING = {
    "PatientName": "Doe^Jane",
    "PatientID": "SECRET-7",
    "PatientBirthDate": "19700131",
    "PatientWeight": "71",
    "StudyDescription": "Secret wish",
    "SliceLocation": "12.5",
}


@pytest.fixture(scope="session")
def prototypes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Function: modality -> outputs that every test shares and none may change."""
    known: dict[str, Made] = {}

    def of(modality: str) -> Made:
        if modality not in known:
            folder = tmp_path_factory.mktemp(modality)
            # Noisy enough for a key object: with nothing wrong there is none.
            pixels = noisy_ct() if modality == "CT" else None
            files = _BUILD[modality](folder / "in", slices=3, pixels=pixels, **_IDENTIFYING)
            known[modality] = made(files, folder)
        return known[modality]

    return of


@pytest.fixture
def outputs_of(prototypes: Callable[[str], Made], tmp_path: Path) -> Callable[[str], Made]:
    """Function: modality -> outputs in files that the test may break."""
    return lambda modality: prototypes(modality).copied(tmp_path / modality)
