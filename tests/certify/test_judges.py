"""Other programs judge what leaves; one that hangs, errs or quotes a patient does no harm."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from medq_node.certify.judges import (
    DCIODVFY,
    PIXELMED,
    NoAnswer,
    installed_judges,
    judge_objects,
    judges_at_work,
    run_judge,
    spread,
)
from medq_node.objects import CertifySettings, OutputKind
from medq_node.workshop.certify import certify
from medq_node.workshop.order import WorkOrder
from medq_node.workshop.produce import produce
from tests.build import ct_series
from tests.certify.made import Made, revised, work_order
from tests.certify.test_verdicts import NAME_ERROR, SLOPE_ERROR, TEMPLATE_ERROR
from tests.judges import dciodvfy_errors

OutputsOf = Callable[[str], Made]
Bench = Callable[[str, str], Path]

OF_OURS = 'case "$object" in */in/*) echo CTImage;; *) echo "{}";; esac'
"""Complains of everything but source images."""
IN_ORDER = "echo IOD validation complete"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Function: judge, shell script -> it is the judge; returns the file that lists its calls.

    In the script ``$object`` is the file to be judged. No other judge is installed.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def installed(judge: str, script: str) -> Path:
        calls = tmp_path / f"{judge}.calls"
        calls.touch()
        program = folder / judge
        program.write_text(
            f'#!/bin/sh\nfor object; do :; done\necho "$object" >> {calls}\n{script}\n'
        )
        program.chmod(0o755)
        return calls

    return installed


def asked(calls: Path) -> list[str]:
    return [Path(line).stem for line in calls.read_text().splitlines()]


def judged(made: Made, settings: CertifySettings | None = None) -> tuple[str, ...]:
    return judge_objects(made.outputs, (made.source,), settings or CertifySettings())


def uids(made: Made, kind: OutputKind) -> list[str]:
    return [output.sop_instance_uid for output in made.of(kind)]


@pytest.mark.usefixtures("bench")
def test_where_no_judge_is_installed_nothing_is_said(prototypes: OutputsOf) -> None:
    with capture_logs() as logs:
        assert judged(prototypes("CT")) == ()
    assert installed_judges() == ()
    assert [line for line in logs if line["event"] != "engine ready"] == []


def test_judges_that_are_off_are_not_asked(bench: Bench, prototypes: OutputsOf) -> None:
    calls = bench(DCIODVFY, f'echo "{SLOPE_ERROR}"')
    assert judged(prototypes("CT"), CertifySettings(judges=())) == ()
    assert asked(calls) == []


def test_first_and_last_image_and_every_document_are_judged(
    bench: Bench, prototypes: OutputsOf
) -> None:
    of_modules = bench(DCIODVFY, "echo CTImage")
    of_templates = bench(PIXELMED, IN_ORDER)
    made = prototypes("CT")
    assert judged(made, CertifySettings(judged_images=2)) == ()
    first, _, last = uids(made, OutputKind.RESTORED)
    documents = [output for output in made.outputs if output.kind is not OutputKind.RESTORED]
    assert asked(of_modules) == [first, last, *(output.sop_instance_uid for output in documents)]
    templates = (OutputKind.REPORT, OutputKind.QUALITY_ISSUE, OutputKind.KEY_OBJECT)
    assert asked(of_templates) == [uid for kind in templates for uid in uids(made, kind)]


@given(total=st.integers(0, 2000), wanted=st.integers(0, 60))
def test_judged_images_are_evenly_spread(total: int, wanted: int) -> None:
    places = spread(total, wanted)
    assert len(places) == min(total, wanted)
    assert all(0 <= place < total for place in places)
    if len(places) >= 2:
        assert (places[0], places[-1]) == (0, total - 1)
        steps = [b - a for a, b in pairwise(places)]
        assert max(steps) - min(steps) <= 1


def test_a_new_complaint_makes_the_object_unfit_and_names_the_judge(
    bench: Bench, prototypes: OutputsOf
) -> None:
    bench(DCIODVFY, OF_OURS.format(SLOPE_ERROR))
    made = prototypes("CT")
    faults = judged(made, CertifySettings(judged_images=0))
    assert faults[0] == (
        f"Object {uids(made, OutputKind.REPORT)[0]}: dciodvfy complains:"
        " RescaleSlope(0028,1053): Missing attribute for Type 1 Required."
    )


def test_the_patient_is_cut_out_of_a_complaint(bench: Bench, prototypes: OutputsOf) -> None:
    bench(DCIODVFY, OF_OURS.format(NAME_ERROR))
    bench(PIXELMED, f"echo '{TEMPLATE_ERROR}'\n{IN_ORDER}")
    with capture_logs() as logs:
        faults = judged(prototypes("CT"))
    assert any("PatientName(0010,0010)[1]: Value invalid for this VR [PN]." in f for f in faults)
    assert any("DicomSRValidator complains: Template 1500" in f for f in faults)
    assert "Doe" not in str(faults) + str(logs)


def test_a_complaint_of_the_source_too_is_not_ours_but_logged(
    bench: Bench, prototypes: OutputsOf
) -> None:
    bench(DCIODVFY, f'echo "{NAME_ERROR}"')
    with capture_logs() as logs:
        assert judged(prototypes("CT")) == ()
    assert {entry["event"] for entry in logs} == {"complaints are inherited from the source"}
    assert logs[0]["complaints"] == ["PatientName(0010,0010)[1]: Value invalid for this VR [PN]"]
    assert "Doe" not in str(logs)


def test_an_image_is_compared_with_its_own_source_image(
    bench: Bench, prototypes: OutputsOf
) -> None:
    made = prototypes("CT")
    faulty = made.source.instances[1].path.name
    bench(
        DCIODVFY,
        f'case "$object" in */in/*) case "$object" in */{faulty}) echo "{SLOPE_ERROR}";;'
        f' *) echo CTImage;; esac;; *) echo "{SLOPE_ERROR}";; esac',
    )
    faults = " ".join(judged(made))
    first, middle, last = uids(made, OutputKind.RESTORED)
    assert first in faults
    assert last in faults
    assert middle not in faults


def test_a_judge_that_hangs_condemns_nothing_and_is_ended_with_all_it_started(
    bench: Bench, prototypes: OutputsOf, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    calls = bench(DCIODVFY, f"/bin/sleep 600 & echo $! > {pid_file}\nwait")
    with capture_logs() as logs:
        assert judged(prototypes("CT"), CertifySettings(timeout_s=0.5)) == ()
    (entry,) = logs
    assert entry["event"] == "judge gave no answer"
    assert entry["judge"] == DCIODVFY
    assert "took longer than 0.5 s" in entry["why"]
    assert len(asked(calls)) == 1, "it isn't asked again"
    assert _gone(int(pid_file.read_text()))


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$", "echo 'Abort - File open failed'"])
@pytest.mark.parametrize("judge", [DCIODVFY, PIXELMED])
def test_a_judge_that_dies_without_a_verdict_condemns_nothing(
    bench: Bench, prototypes: OutputsOf, judge: str, script: str
) -> None:
    bench(judge, script)
    with capture_logs() as logs:
        assert judged(prototypes("CT")) == ()
    assert [entry["event"] for entry in logs] == ["judge gave no answer"]


def test_a_judge_that_cannot_be_run_gives_no_answer(bench: Bench, tmp_path: Path) -> None:
    bench(DCIODVFY, "")
    (tmp_path / "bin" / DCIODVFY).write_bytes(b"\x7fELF nonsense")
    with pytest.raises(NoAnswer, match="can't be run"):
        run_judge(DCIODVFY, tmp_path / "x.dcm", 5)


def test_a_judge_answers_although_its_exit_code_says_nothing(bench: Bench, tmp_path: Path) -> None:
    bench(DCIODVFY, f'echo CTImage >&2\necho "{SLOPE_ERROR}" >&2\nexit 0')
    assert run_judge(DCIODVFY, tmp_path / "x.dcm", 5).errors == (SLOPE_ERROR,)


def test_java_options_of_the_machine_are_kept(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-Xmx300m")
    bench(PIXELMED, f'echo "$JDK_JAVA_OPTIONS"\n{IN_ORDER}')
    said = run_judge(PIXELMED, tmp_path / "x.dcm", 5).lines
    assert said[0].startswith("-Xmx300m -Djdk.xml.xpath")


@pytest.fixture
def order(tmp_path: Path) -> WorkOrder:
    return work_order(ct_series(tmp_path / "in", slices=2), tmp_path / "r1")


def test_a_revision_is_judged_with_all_its_order_says(
    bench: Bench, order: WorkOrder, tmp_path: Path
) -> None:
    second = revised(order, tmp_path / "r2")
    bench(DCIODVFY, OF_OURS.format(SLOPE_ERROR))
    assert "dciodvfy complains: RescaleSlope(0028,1053)" in " ".join(certify(second))
    off = replace(second, judging=CertifySettings(judges=()))
    assert certify(off) == ()
    unknown = " ".join(certify(replace(off, superseded=())))
    assert "names a predecessor" in unknown
    assert "which is no object of ours that is replaced" in unknown


def test_what_fails_our_own_checks_is_told_first_and_the_judges_are_called_off(
    bench: Bench, order: WorkOrder, tmp_path: Path
) -> None:
    result = produce(order)
    with result.outputs[0].path.open("ab") as file:
        file.write(b"more")
    pid_file = tmp_path / "pid"
    bench(DCIODVFY, f"/bin/sleep 600 & echo $! > {pid_file}\necho '{SLOPE_ERROR}'\nwait")
    with capture_logs() as logs:
        (fault,) = certify(order)
    assert "its bytes are not those that were recorded" in fault
    assert logs == []
    assert not pid_file.exists() or _gone(int(pid_file.read_text()))


def test_judges_that_are_not_waited_for_are_ended_and_say_nothing(
    bench: Bench, prototypes: OutputsOf, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    calls = bench(DCIODVFY, f"/bin/sleep 600 & echo $! > {pid_file}\nwait")
    made = prototypes("CT")
    with capture_logs() as logs, judges_at_work(made.outputs, (made.source,), CertifySettings()):
        while not (pid_file.exists() and pid_file.read_text()):
            time.sleep(0.01)
    assert logs == []
    assert len(asked(calls)) == 1
    assert _gone(int(pid_file.read_text()))


def test_judges_are_ended_when_our_own_checks_break(
    bench: Bench, prototypes: OutputsOf, tmp_path: Path
) -> None:
    bench(DCIODVFY, "/bin/sleep 600")
    made = prototypes("CT")
    with (
        pytest.raises(KeyError, match="ours"),
        judges_at_work(made.outputs, (made.source,), CertifySettings()),
    ):
        raise KeyError("ours")
    assert not [t for t in threading.enumerate() if t.name.startswith("judges")]


def test_nothing_to_leave_is_nothing_to_judge(bench: Bench, order: WorkOrder) -> None:
    calls = bench(DCIODVFY, f'echo "{SLOPE_ERROR}"')
    bare = replace(order, restore="never", report=False)
    assert produce(bare).outputs == ()
    assert certify(bare) == ()
    assert asked(calls) == []


@pytest.mark.peer
def test_the_real_dciodvfy_finds_a_fault_and_none_in_what_we_make(outputs_of: OutputsOf) -> None:
    made = outputs_of("CT")
    assert [dciodvfy_errors(output.path) for output in made.outputs] == [[]] * len(made.outputs)
    broken = made.of(OutputKind.RESTORED)[0]
    image = pydicom.dcmread(broken.path)
    del image.RescaleSlope
    image.save_as(broken.path)
    assert dciodvfy_errors(broken.path) == [SLOPE_ERROR]
    os.truncate(broken.path, 900)
    assert "Error - Dicom dataset read failed" in dciodvfy_errors(broken.path)
