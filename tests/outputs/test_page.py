from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines.base import StackInfo
from engines.quality import (
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)
from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity
from medq_node.outputs.content import ActionTaken, ReportContent
from medq_node.outputs.page import before_after_png
from medq_node.outputs.restored import write_restored_instance
from medq_node.outputs.window import difference_window, fit_window
from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series, mr_series, pet_series


def content(modality: Modality, worst: int) -> ReportContent:
    description = QualityDescription(
        modality,
        "chest",
        (Finding(Degradation.NOISE, Severity.SEVERE, 40.0, "HU", None, worst),),
        (Degradation.METAL,),
        Verdict.USABLE,
        (Action.REDUCE_NOISE,),
        Confidence.HIGH,
    )
    return ReportContent(description, "Noisy.", ActionTaken.RESTORED, after=description)


def restore(source: SeriesStack, identity: OutputIdentity, folder: Path) -> SeriesStack:
    paths = []
    for index in range(len(source.instances)):
        values = source.slab(index, index + 1).values[0]
        output = write_restored_instance(source, index, values * np.float32(0.9), identity, folder)
        paths.append(output.path)
    return open_series(paths)


@pytest.mark.parametrize("build", [ct_series, mr_series, pet_series])
def test_a_page_shows_three_different_pictures(
    build: Callable[..., list[Path]], identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(build(tmp_path / "in"))
    restored = restore(source, identity, tmp_path)
    path = tmp_path / "page.png"
    before_after_png(source, restored, content(source.info.modality, 2), "classical 0.1.0", path)
    with Image.open(path) as picture:
        assert picture.info == {}  # no text chunks: nothing about the patient hides in there
        page = np.asarray(picture.convert("L"), dtype=float)
    panels = [page[140:640, left : left + 500] for left in (42, 582, 1122)]
    assert all(panel.std() > 5 for panel in panels)
    assert np.abs(panels[0] - panels[1]).max() > 5
    assert np.abs(panels[1] - panels[2]).mean() > 5


def test_the_same_page_has_the_same_bytes(identity: OutputIdentity, tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    restored = restore(source, identity, tmp_path)
    pages = []
    for name in ("a.png", "b.png"):
        before_after_png(source, restored, content(Modality.CT, 1), "classical", tmp_path / name)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_series_of_different_shape_are_not_compared(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "a"))
    other = open_series(ct_series(tmp_path / "b", rows=32, columns=32))
    with pytest.raises(OutputError, match="shape"):
        before_after_png(source, other, content(Modality.CT, 1), "classical", tmp_path / "p.png")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "index", "expected"),
    [
        ("ct_lidc0314_chest_1mm", 7, "soft tissue"),
        ("ct_crlm1004_abdomen", 2, "soft tissue"),
        ("ct_head_ge", 4, "brain"),
        ("pet_wb_fdg_sts001", 100, "Bq/ml, inverted"),
    ],
)
def test_the_window_is_what_a_reader_would_choose(
    name: str, index: int, expected: str, real_series: Callable[[str], SeriesStack]
) -> None:
    source = real_series(name)
    slab = source.slab(index, index + 1)
    window = fit_window(slab.values[0], slab.valid[0], source.info)
    assert expected in window.caption
    grey = window.grey(slab.values[0])
    clipped = np.mean((grey == 0) | (grey == 255))
    assert clipped < 0.9


def test_no_change_is_mid_grey() -> None:
    change = np.zeros((8, 8), np.float32)
    change[0, 0] = 37.0
    window = difference_window(change, "HU")
    assert window.grey(np.zeros(1, np.float32))[0] in (127, 128)


def test_a_slice_that_is_nearly_all_lung_gets_the_lung_window() -> None:
    values = np.full((64, 64), -850, np.float32)
    values[:20] = 40
    info = StackInfo(Modality.CT, "chest", "HU", 1, 64, 64, (1.0, 1.0, 1.0), (-1024.0, 3071.0))
    assert "lung" in fit_window(values, np.ones((64, 64), bool), info).caption
