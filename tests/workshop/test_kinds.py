"""What is assessed only, what is blank, and what is left out: each says so in its report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    XRayAngiographicImageStorage,
)

from engines.quality import Verdict
from medq_node.errors import UnsuitedKind
from medq_node.objects import Form, OutputKind
from medq_node.outputs.content import ActionTaken
from medq_node.workshop.certify import certify
from medq_node.workshop.order import Wanted, WorkOrder
from medq_node.workshop.produce import produce
from tests.build import ct_series, mr_series, phantom, stills
from tests.enhanced import with_echoes
from tests.reading import told_in
from tests.workshop.test_produce import order

__all__ = ["order"]

pytestmark = pytest.mark.usefixtures("untested_engines")


@pytest.mark.parametrize(
    ("sop_class_uid", "modality"),
    [
        (ComputedRadiographyImageStorage, "CR"),
        (DigitalXRayImageStorageForPresentation, "DX"),
        (DigitalMammographyXRayImageStorageForPresentation, "MG"),
        (XRayAngiographicImageStorage, "XA"),
    ],
)
@pytest.mark.parametrize("engine", ["classical", "medq-uni"])
def test_stills_are_assessed_and_never_restored(
    order: WorkOrder, tmp_path: Path, sop_class_uid: str, modality: str, engine: str
) -> None:
    paths = stills(tmp_path / "in", sop_class_uid, modality, views=("CC", "MLO"))
    one = replace(order, paths=tuple(paths), engine=Wanted(engine))
    result = produce(one)
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert certify(one) == ()
    assert result.engine == "classical", "the model knows sections alone"
    assert [s.label for s in result.stacks] == ["image 1, L CC", "image 2, L MLO"]
    assert {s.taken for s in result.stacks} == {ActionTaken.ASSESSED_ONLY}
    told = told_in(result.outputs[0].path)
    assert f"{modality}, " in told
    assert "noise" in told
    assert "Confidence: low" in told
    assert "projections are assessed and never restored" in told


def test_an_image_whose_white_is_zero_is_told_the_same(order: WorkOrder, tmp_path: Path) -> None:
    said = []
    for name, photometric in (("bright", "MONOCHROME2"), ("inverted", "MONOCHROME1")):
        paths = stills(
            tmp_path / name,
            DigitalXRayImageStorageForPresentation,
            "DX",
            views=("AP",),
            photometric=photometric,
        )
        one = replace(order, paths=tuple(paths), folder=tmp_path / "out" / name)
        said.append(produce(one).sentence_before)
    assert said[0] == said[1]


def test_a_run_of_frames_is_refused(order: WorkOrder, tmp_path: Path) -> None:
    (path,) = stills(tmp_path / "in", XRayAngiographicImageStorage, "XA", views=("",))
    image = pydicom.dcmread(path)
    image.NumberOfFrames, image.PixelData = 2, image.PixelData * 2
    image.save_as(path)
    with pytest.raises(UnsuitedKind, match="run of 2 frames; only stills are assessed"):
        produce(replace(order, paths=(path,)))


def test_a_blank_series_is_called_unfit(order: WorkOrder, tmp_path: Path) -> None:
    paths = ct_series(tmp_path / "in", pixels=np.zeros((3, 64, 64), np.int16))
    one = replace(order, paths=tuple(paths))
    result = produce(one)
    assert result.verdict is Verdict.REJECT
    assert result.reasons[0] == "the images are blank: all pixels have one value"
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert certify(one) == ()


def test_a_map_is_assessed_and_never_restored(order: WorkOrder, tmp_path: Path) -> None:
    paths = mr_series(tmp_path / "in", ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"])
    one = replace(order, paths=tuple(paths))
    result = produce(one)
    assert result.taken is ActionTaken.ASSESSED_ONLY
    assert result.reasons == ("the images are maps of diffusion (ADC), not acquired ones",)
    assert certify(one) == ()


def test_two_echoes_are_restored_apart_and_reported_together(
    order: WorkOrder, tmp_path: Path
) -> None:
    first = mr_series(tmp_path / "first", slices=3, EchoTime="10")
    like = pydicom.dcmread(first[0])
    generator = np.random.default_rng(9)
    signal = phantom(3, 64, 64) * 1000
    noisy = np.abs(signal + generator.normal(0, 180, signal.shape)).clip(0, 4095).astype(np.uint16)
    second = mr_series(
        tmp_path / "second",
        pixels=noisy,
        EchoTime="90",
        SeriesInstanceUID=like.SeriesInstanceUID,
        StudyInstanceUID=like.StudyInstanceUID,
        FrameOfReferenceUID=like.FrameOfReferenceUID,
    )
    one = replace(order, paths=tuple(first + second), restore="when_needed")
    result = produce(one)
    quiet, noisy_one = result.stacks
    assert (quiet.label, quiet.taken) == ("echo time 10 ms", ActionTaken.UNCHANGED)
    assert noisy_one.label == "echo time 90 ms"
    assert noisy_one.verdict is not Verdict.GOOD
    assert result.verdict is noisy_one.verdict
    assert certify(one) == ()
    told = told_in(result.outputs[-1].path)
    assert told.index("echo time 10 ms") < told.index("echo time 90 ms")


def test_a_result_of_before_stacks_is_still_read(order: WorkOrder) -> None:
    import json

    result = produce(order)
    kept = json.loads((order.folder / "result.json").read_text())
    (stack,) = kept.pop("stacks")
    stack.pop("label")
    (order.folder / "result.json").write_text(json.dumps(kept | stack))
    assert produce(order) == result


def test_every_form_of_the_note_speaks_of_every_stack(order: WorkOrder, tmp_path: Path) -> None:
    path = with_echoes(tmp_path / "in")
    one = replace(order, paths=(path,), forms=tuple(Form))
    result = produce(one)
    assert certify(one) == ()
    kinds = [o.kind for o in result.outputs]
    assert kinds.count(OutputKind.RESTORED) == 2
    pages = [o for o in result.outputs if o.kind is OutputKind.PAGE]
    assert len(pages) == 2, "a page for each echo"
    (text,) = (o for o in result.outputs if o.kind is OutputKind.TEXT)
    told = told_in(text.path)
    assert "echo time 10 ms" in told
    assert "echo time 90 ms" in told
