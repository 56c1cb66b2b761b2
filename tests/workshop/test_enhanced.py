"""Enhanced in, enhanced out: frames are restored one by one, and each says of which it was made."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from medq_node.objects import OutputKind
from medq_node.outputs.content import ActionTaken
from medq_node.pixels.series import open_stacks
from medq_node.workshop.certify import certify
from medq_node.workshop.order import WorkOrder
from medq_node.workshop.produce import produce
from tests.build import phantom
from tests.enhanced import converted, with_echoes
from tests.reading import told_in
from tests.workshop.test_produce import order

__all__ = ["order"]

pytestmark = pytest.mark.usefixtures("untested_engines")


def noisy_ct() -> np.ndarray:
    body = phantom(5, 128, 128) * 1040 - 1000
    noise = np.random.default_rng(5).normal(0, 40, body.shape)
    return np.clip(body + noise, -1024, 3071).round().astype(np.int16) + np.int16(1024)


def test_a_noisy_enhanced_ct_becomes_a_restored_enhanced_ct(
    order: WorkOrder, tmp_path: Path
) -> None:
    path = converted("CT", tmp_path / "in", pixels=noisy_ct())
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    one = replace(order, paths=(path,))
    result = produce(one)
    assert result.taken is ActionTaken.RESTORED
    assert [o.kind for o in result.outputs] == [OutputKind.RESTORED, OutputKind.REPORT]
    assert certify(one) == ()
    source, restored = pydicom.dcmread(path), pydicom.dcmread(result.outputs[0].path)
    assert restored.SOPClassUID == source.SOPClassUID
    assert restored.NumberOfFrames == source.NumberOfFrames == 5
    assert restored.ContentQualification == "RESEARCH"
    assert list(restored.ImageType)[:2] == ["DERIVED", "PRIMARY"]
    noise = [image.pixel_array[:, 60:68, 54:74].std() for image in (source, restored)]
    assert noise[1] < noise[0] / 2
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_each_frame_says_of_which_it_was_made(order: WorkOrder, tmp_path: Path) -> None:
    path = converted("CT", tmp_path / "in", pixels=noisy_ct())
    made = pydicom.dcmread(produce(replace(order, paths=(path,))).outputs[0].path)
    uid = pydicom.dcmread(path).SOPInstanceUID
    for number, group in enumerate(made.PerFrameFunctionalGroupsSequence, start=1):
        (derivation,) = group.DerivationImageSequence
        (reference,) = derivation.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == uid
        assert reference.ReferencedFrameNumber == number
        assert "Pixel values differ" in derivation.DerivationDescription
    (study,) = made.SourceImageEvidenceSequence
    evidence = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert evidence.ReferencedSOPInstanceUID == uid


def test_the_report_points_at_frames(order: WorkOrder, tmp_path: Path) -> None:
    path = converted("CT", tmp_path / "in", pixels=noisy_ct())
    report = pydicom.dcmread(produce(replace(order, paths=(path,))).outputs[-1].path)
    frames: set[tuple[str, int]] = set()

    def walk(item: Dataset) -> None:
        for reference in item.get("ReferencedSOPSequence", ()):
            frames.add((reference.ReferencedSOPInstanceUID, int(reference.ReferencedFrameNumber)))
        for child in item.get("ContentSequence", ()):
            walk(child)

    walk(report)
    assert frames
    assert len({uid for uid, _ in frames}) == 2, "the source and the restored object"


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_other_modalities_stay_what_they_are(
    order: WorkOrder, tmp_path: Path, modality: str
) -> None:
    path = converted(modality, tmp_path / "in")
    one = replace(order, paths=(path,))
    result = produce(one)
    assert result.taken is ActionTaken.RESTORED
    assert certify(one) == ()
    (source,), (restored,) = (open_stacks([p]).stacks for p in (path, result.outputs[0].path))
    assert restored.info.unit == source.info.unit
    assert [i.position_mm for i in restored.instances] == [i.position_mm for i in source.instances]
    assert np.array_equal(restored.values(3), source.values(3)), "a clean series is left alone"


def test_echoes_of_one_object_are_never_mixed(order: WorkOrder, tmp_path: Path) -> None:
    path = with_echoes(tmp_path / "in")
    one = replace(order, paths=(path,))
    result = produce(one)
    assert certify(one) == ()
    assert [s.label for s in result.stacks] == ["echo time 10 ms", "echo time 90 ms"]
    restored = [pydicom.dcmread(o.path) for o in result.outputs[:2]]
    assert [one.NumberOfFrames for one in restored] == [3, 3]
    assert restored[0].SeriesInstanceUID == restored[1].SeriesInstanceUID
    assert restored[0].SOPInstanceUID != restored[1].SOPInstanceUID
    for echo, made in enumerate(restored):
        frames = [
            g.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
            for g in made.PerFrameFunctionalGroupsSequence
        ]
        assert frames == [1 + echo, 3 + echo, 5 + echo]
    told = told_in(result.outputs[-1].path)
    assert "echo time 10 ms" in told
    assert "echo time 90 ms" in told


def test_what_a_source_lacks_is_not_invented(order: WorkOrder, tmp_path: Path) -> None:
    path = converted("CT", tmp_path / "in", pixels=noisy_ct())
    image = pydicom.dcmread(path)
    del image.VolumetricProperties
    image.save_as(path)
    one = replace(order, paths=(path,))
    result = produce(one)
    assert result.taken is ActionTaken.ASSESSED_ONLY
    assert "it lacks VolumetricProperties, as does the source" in result.reasons[0]
    assert certify(one) == ()


def test_the_same_object_comes_out_a_second_time(order: WorkOrder, tmp_path: Path) -> None:
    path = converted("CT", tmp_path / "in", pixels=noisy_ct())
    first, second = (
        produce(replace(order, paths=(path,), folder=tmp_path / name / "series.r1"))
        for name in ("first", "second")
    )
    assert [o.sha256 for o in first.outputs] == [o.sha256 for o in second.outputs]
