"""A note on a whole study in every form, written and certified as a child does it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom

from medq_node.objects import CertifySettings, Form, OutputKind
from medq_node.workshop.order import StudyOrder, StudySeries
from medq_node.workshop.produce import produce
from medq_node.workshop.study_note import certify_study_note, write_study_note
from tests.build import ct_series, mr_series, noisy_ct
from tests.certify.made import work_order


def test_every_form_speaks_of_all_series_and_is_fit_to_leave(tmp_path: Path) -> None:
    ct = ct_series(tmp_path / "ct", pixels=noisy_ct(), StudyInstanceUID="2.25.4711")
    mr = mr_series(tmp_path / "mr", 3, StudyInstanceUID="2.25.4711", SeriesNumber="9")
    series = []
    for number, (paths, restore) in enumerate([(ct, "always"), (mr, "never")], start=1):
        folder = tmp_path / f"out{number}"
        order = replace(work_order(paths, folder), restore=restore, report=False)
        made = {output.kind for output in produce(order).outputs}
        assert made <= {OutputKind.RESTORED}, "the note on the study speaks of it, nothing else"
        created, images = order.created_at, len(paths)
        series.append(
            StudySeries(number, number, order.paths, folder, 1, order.action, created, images)
        )
    note = StudyOrder(
        series=tuple(series),
        folder=tmp_path / "note",
        node_uid="2.25.1",
        station_name="MEDQ",
        institution_name=None,
        number=1,
        created_at="2026-01-01T00:00:00+00:00",
        judging=CertifySettings(judges=("dciodvfy",)),
        forms=tuple(Form),
    )
    outputs = write_study_note(note)
    assert {output.kind for output in outputs} == {form.kind for form in Form}
    assert sum(output.kind is OutputKind.PAGE for output in outputs) == 2, "a page for each series"
    for output in outputs:
        assert "whole study" in pydicom.dcmread(output.path).SeriesDescription
    assert certify_study_note(note) == ()
