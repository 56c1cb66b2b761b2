"""Every series and every oddity we have opens exactly, or is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from medq_node.errors import Unprocessable
from medq_node.pixels.series import SeriesStack, open_series

pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore::UserWarning")]

_REFUSED = {"pet_brain_brainweb06_osem": "Units missing"}
_ONE_IMAGE_PER_SERIES = {"ct_tcga_lung_1slice_per_patient", "ct_tcga_lung_sharp_noisy"}


def _round_trip(stack: SeriesStack) -> None:
    for i in range(len(stack.instances)):
        values = stack.slab(i, i + 1).values[0]
        assert (stack.to_stored(i, values) == stack.stored(i)).all()


def _series(root: Path) -> list[tuple[str, list[Path]]]:
    found = []
    for folder in sorted(p for p in (root / "dev").iterdir() if p.is_dir()):
        files = sorted(p for p in folder.iterdir() if not p.name.endswith(".nii.gz"))
        if folder.name in _ONE_IMAGE_PER_SERIES:
            found += [(f"{folder.name}/{p.name}", [p]) for p in files]
        elif files:
            found.append((folder.name, files))
    return found


def test_every_development_series_opens_and_comes_back_exactly(data_root: Path) -> None:
    opened = 0
    for name, files in _series(data_root):
        if name in _REFUSED:
            with pytest.raises(Unprocessable, match=_REFUSED[name]):
                open_series(files)
            continue
        stack = open_series(files)
        assert len(stack.instances) == len(files), name
        _round_trip(stack)
        opened += 1
    assert opened == 77


def test_every_oddity_opens_or_is_refused(data_root: Path) -> None:
    opened = 0
    for path in sorted(p for p in (data_root / "torture").rglob("*") if p.is_file()):
        try:
            stack = open_series([path])
            _round_trip(stack)
            opened += 1
        except Unprocessable as refusal:
            assert str(refusal)
    assert opened == 78


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ct_topogram/1-1.dcm", "localizer"),
        ("ct_dose_screen_scout/I10", "localizer"),
        ("ct_dose_screen_scout/S4010__I10", "secondary capture"),
        ("pydicom_test_files/MR_truncated.dcm", "truncated: 8130 bytes"),
        ("heudiconv_mosaic_xa/axasc35.dcm", "mosaic"),
        ("mr_localizer/1-1.dcm", "localizer"),
    ],
)
def test_the_reason_is_the_right_one(data_root: Path, name: str, why: str) -> None:
    with pytest.raises(Unprocessable, match=why):
        open_series([data_root / "torture" / name])


def test_one_slice_reads_the_same_in_every_lossless_syntax(data_root: Path) -> None:
    folder = data_root / "torture" / "cs3d_all_syntaxes"
    plain = open_series(
        [folder / "CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm"]
    )
    expected = plain.stored(0)
    for uid in ("1.2.2", "1.2.1.99", "1.2.4.57", "1.2.4.70", "1.2.4.80", "1.2.4.90", "1.2.5"):
        path = next(folder.glob(f"CTImage.dcm_*_1.2.840.10008.{uid}.dcm"))
        assert (open_series([path]).stored(0) == expected).all(), uid
