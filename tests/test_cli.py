"""The command as people and programs use it: real processes, exit codes, and what is printed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from medq_node.ports import free_port
from tests.build import ct_series
from tests.node import Node, running_node
from tests.peers import storescu

PATIENT = {
    "PatientName": "Quagga^Zebra",
    "PatientID": "ID-778899",
    "PatientBirthDate": "19711223",
}
SECRETS = ("quagga", "zebra", "778899", "19711223", "1971-12-23")

Done = subprocess.CompletedProcess[str]


def medq(*arguments: str | Path, cwd: Path, timeout_s: float = 90, **settings: str) -> Done:
    """``medq-node`` in ``cwd``, with ``settings`` as MEDQ_* variables and none but these."""
    forced = ("MEDQ_", "GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(forced)}
    return subprocess.run(
        [sys.executable, "-m", "medq_node", *map(str, arguments)],
        cwd=cwd,
        # PixelMed would take 10 s for each report.
        env={**clean, "COLUMNS": "100", "MEDQ_CERTIFY__JUDGES": "[]", **settings},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def one_line(done: Done) -> str:
    """Standard error, which has to be one plain line."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def names_nobody(text: str) -> None:
    """No patient, and no word of the libraries that quote values when they complain."""
    for word in (*SECRETS, "pydicom", "highdicom", "userwarning"):
        assert word not in text.lower(), f"{word!r} was printed"


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def write_config(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


# ---- Settings ----


def test_a_setting_with_a_slip_is_told_with_its_line_and_the_likely_word(tmp_path: Path) -> None:
    write_config(tmp_path, "receiver:\n  host: 127.0.0.1\n  prot: 11112\n")
    done = medq("check", cwd=tmp_path)
    assert done.returncode == 2
    message = one_line(done)
    assert "config.yaml:3" in message
    assert "did you mean 'port'?" in message
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["serve", "check", "status", "echo"])
def test_a_missing_settings_file_is_one_line(command: str, tmp_path: Path) -> None:
    arguments = ["pacs"] if command == "echo" else []
    done = medq(command, *arguments, "--config", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere.yaml: no such file" in one_line(done)


def test_a_node_does_not_start_with_rules_that_cannot_work(tmp_path: Path) -> None:
    write_config(tmp_path, "receiver: {port: 1}\n")  # the starter rules name a PACS; none is here
    done = medq("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "no destination named 'pacs'" in one_line(done)
    assert not (tmp_path / "data").exists()


def test_options_of_a_rule_are_held_to_the_words_of_engines(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - name: CT\n    then: {action: restore, restoring: {only: [nois]}}\n"
    )
    write_config(tmp_path, "rules: {seed: rules.yaml}\n")
    done = medq("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "rules.yaml:3: rule \"CT\": no degradation named 'nois'; did you mean 'noise'?" in (
        one_line(done)
    )


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    config = "destinations: {pacs: {kind: folder, path: out}}\n"
    write_config(tmp_path, config)
    done = medq("serve", cwd=tmp_path, MEDQ_NODE__DATA=str(tmp_path / "taken"))
    assert done.returncode == 1
    assert str(tmp_path / "taken") in one_line(done)


def test_a_port_that_is_in_use_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        write_config(
            tmp_path,
            f"receiver: {{port: {port}}}\ndestinations: {{pacs: {{kind: folder, path: out}}}}\n",
        )
        done = medq("serve", cwd=tmp_path)
        assert done.returncode == 1
        message = one_line(done)
        assert str(port) in message
        assert "receiver.port" in message
        checked = medq("check", "--json", cwd=tmp_path)
    assert checked.returncode == 1
    findings = {f["what"]: f for f in json.loads(checked.stdout)}
    assert [what for what, f in findings.items() if not f["fine"]] == ["port"]
    assert {"settings", "rules", "engine", "disk", "port", "destination pacs"} == set(findings)


# ---- Asking ----


def test_a_pacs_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    port = free_port()
    write_config(
        tmp_path,
        f"destinations: {{pacs: {{kind: dicom, ae_title: PACS, host: 127.0.0.1, port: {port}}}}}\n",
    )
    done = medq("echo", "pacs", cwd=tmp_path)
    assert done.returncode == 1
    assert f"no answer from PACS@127.0.0.1:{port}" in one_line(done)
    other = medq("echo", "archive", cwd=tmp_path)
    assert other.returncode == 2
    assert "no destination named 'archive'" in one_line(other)
    assert "known: pacs" in other.stderr


def test_status_before_any_node_ran_says_so_and_makes_nothing(tmp_path: Path) -> None:
    for arguments in (["status"], ["status", "--json"]):
        done = medq(*arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "no node has run here yet" in one_line(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", ["-5", "0", "many"])
def test_a_limit_that_is_none_is_wrong_use(tmp_path: Path, limit: str) -> None:
    done = medq("status", "--limit", limit, cwd=tmp_path)
    assert done.returncode == 2
    assert "--limit" in done.stderr


# ---- The database ----


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    write_config(tmp_path, "destinations: {pacs: {kind: folder, path: out}}\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "medq.sqlite").write_bytes(bytes(range(256)) * 64)
    for command in ("serve", "status"):
        done = medq(command, cwd=tmp_path)
        assert done.returncode == 1
        assert "medq.sqlite can't be used: file is not a database" in one_line(done)
    checked = medq("check", "--json", cwd=tmp_path)
    assert checked.returncode == 1
    assert "Traceback" not in checked.stderr
    told = [f["found"] for f in json.loads(checked.stdout) if not f["fine"]]
    assert any("file is not a database" in found for found in told)


def test_a_url_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    write_config(tmp_path, "database:\n  url: garbage\n")
    for command in ("serve", "status", "check"):
        done = medq(command, cwd=tmp_path)
        assert done.returncode == 2
        message = one_line(done)
        assert "config.yaml:2: database.url" in message
        assert "sqlite:///" in message


def test_a_database_server_that_is_not_there_is_one_line_without_its_password(
    tmp_path: Path,
) -> None:
    url = f"postgresql+psycopg://medq:hunter2@127.0.0.1:{free_port()}/medq"
    config = f"database: {{url: '{url}'}}\ndestinations: {{pacs: {{kind: folder, path: out}}}}\n"
    write_config(tmp_path, config)
    for command in ("serve", "status"):
        done = medq(command, cwd=tmp_path)
        assert done.returncode == 1
        message = one_line(done)
        assert url.replace("hunter2", "***") in message
        assert "hunter2" not in done.stdout + done.stderr


# ---- A folder without a network ----


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done, dict[str, str]]:
    """``run --restore always`` on six images: working folder, what was said, input as it was."""
    folder = tmp_path_factory.mktemp("run")
    ct_series(folder / "in", slices=6, **PATIENT)
    (folder / "in" / "letter.txt").write_text("Dear Zebra Quagga")
    before = digests(folder / "in")
    done = medq("run", "in", "-o", "out", "--restore", "always", cwd=folder, COLUMNS="80")
    return folder, done, before


def test_run_makes_a_restored_series_a_report_and_a_picture(
    restored: tuple[Path, Done, dict[str, str]],
) -> None:
    folder, done, _ = restored
    assert done.returncode == 0, done.stderr
    [result] = list((folder / "out").iterdir())
    images = [pydicom.dcmread(p) for p in (result / "restored").iterdir()]
    [report] = [pydicom.dcmread(p) for p in (result / "report").iterdir()]
    assert (result / "before-after.png").read_bytes().startswith(b"\x89PNG")
    assert len(images) == 6
    assert {i.SeriesDescription.split(":")[0] for i in images} == {"MedQ RESEARCH restored"}
    source = pydicom.dcmread(next((folder / "in").glob("*.dcm")))
    assert {i.StudyInstanceUID for i in [*images, report]} == {source.StudyInstanceUID}
    assert source.SeriesInstanceUID not in {i.SeriesInstanceUID for i in images}
    assert report.Modality == "SR"


def test_run_tells_people_what_it_did(restored: tuple[Path, Done, dict[str, str]]) -> None:
    folder, done, _ = restored
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 or "out/2.25." in line for line in lines)
    heading = next(n for n, line in enumerate(lines) if line.startswith("CT, 6 images"))
    for line in lines[heading + 1 : lines.index("", heading)]:
        assert line.startswith("  "), "a wrapped sentence keeps its indent"
    [place] = [line.split(maxsplit=1)[1] for line in lines if line.startswith("  in ")]
    assert (folder / place).is_dir(), "a path is printed whole, to be copied"
    assert any(line.startswith("  before   CT, abdomen. No noise.") for line in lines)
    assert "not used 1 file: " in done.stdout
    assert "Not for diagnostic use" in done.stdout
    assert done.stderr == ""


def test_run_only_reads_its_input(restored: tuple[Path, Done, dict[str, str]]) -> None:
    folder, _, before = restored
    assert digests(folder / "in") == before


def test_run_does_not_mix_its_results_with_older_ones(
    restored: tuple[Path, Done, dict[str, str]],
) -> None:
    folder, _, _ = restored
    before = digests(folder / "out")
    done = medq("run", "in", "--out", "out", "--restore", "always", cwd=folder)
    assert done.returncode == 1
    assert "earlier run" in done.stderr
    assert digests(folder / "out") == before
    assert [p.name for p in (folder / "out").iterdir() if p.name.startswith(".")] == []


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """``run`` on what can't be worked on: a localizer, a letter, torn and broken objects."""
    folder = tmp_path_factory.mktemp("refused")
    source = folder / "in"
    ct_series(source, slices=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], **PATIENT)
    (source / "letter.txt").write_text("Dear Zebra Quagga, born 1971-12-23, ID-778899")
    [torn] = ct_series(source / "torn", slices=1, **PATIENT)
    torn.write_bytes(torn.read_bytes()[:2000])
    ct_series(source / "nowhere", slices=1, StudyInstanceUID=None, **PATIENT)
    # Values that their VR doesn't allow, which libraries like to quote when they complain.
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ct_series(
            source / "odd",
            slices=3,
            PatientName="Quagga^Zebra" + "A" * 70,
            PatientID="ID-778899" + "B" * 70,
            PatientBirthDate="1971-12-23 at noon",
            PatientAge="Zebra",
            SpecificCharacterSet="ISO_IR 999",
            RescaleSlope=None,
            Rows=7,
        )
    return folder, medq("run", "in", "--out", "out", "--json", cwd=folder)


def test_run_says_why_nothing_was_made(refused: tuple[Path, Done]) -> None:
    folder, done = refused
    assert done.returncode == 1
    told = json.loads(done.stdout)
    # The localizer, the torn object and the odd series; the letter and the homeless object.
    assert [s["state"] for s in told["series"]] == ["refused"] * 3
    assert all(s["reason"] for s in told["series"])
    assert any("is a localizer, which isn't assessed" in s["reason"] for s in told["series"])
    assert len(told["quarantine"]) == 2
    assert any("no StudyInstanceUID" in q["reason"] for q in told["quarantine"])
    assert list((folder / "out").iterdir()) == []
    assert "Traceback" not in done.stderr


def test_nobody_is_named_whatever_happens(
    restored: tuple[Path, Done, dict[str, str]], refused: tuple[Path, Done]
) -> None:
    for done in (restored[1], refused[1]):
        names_nobody(done.stdout)
        names_nobody(done.stderr)


def test_wrong_use_of_run_is_told(tmp_path: Path) -> None:
    ct_series(tmp_path / "in", slices=1)
    engine = medq("run", "in", "--out", "out", "--engine", "nope", cwd=tmp_path)
    assert engine.returncode == 2
    assert "no engine named 'nope'; known: classical" in one_line(engine)
    folder = medq("run", "nowhere", "--out", "out", cwd=tmp_path)
    assert folder.returncode == 1
    assert "nowhere: no such file or folder" in folder.stderr
    assert medq("run", "in", cwd=tmp_path).returncode == 2
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_a_run_at_once_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    ct_series(tmp_path / "in", slices=24, rows=512, columns=512)
    process = subprocess.Popen(
        [sys.executable, "-m", "medq_node", "run", "in", "--out", "out", "--restore", "always"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As at a terminal, where Ctrl-C reaches children too.
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/.medq-*/output/*.part")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.strip() == "medq-node: stopped; what was finished lies in --out"
    assert "Traceback" not in stdout
    assert list((tmp_path / "out").iterdir()) == []


# ---- A running node ----


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node that delivers into a folder and logs all it can."""
    settings = {
        "destinations": {"pacs": {"kind": "folder", "path": "pacs"}},
        "log": {"format": "json", "level": "debug"},
        "receiver": {"processes": 2},
    }
    with running_node(tmp_path / "node", settings) as running:
        yield running


@pytest.mark.peer
def test_a_node_from_first_word_to_ctrl_c(node: Node, tmp_path: Path) -> None:
    good = ct_series(tmp_path / "good", slices=3, **PATIENT)
    localizer = ct_series(
        tmp_path / "scout", slices=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], **PATIENT
    )
    broken = ct_series(tmp_path / "broken", slices=2, **PATIENT, PixelData=b"\0\0")
    homeless = ct_series(tmp_path / "homeless", slices=1, **PATIENT, StudyInstanceUID=None)
    assert storescu(node.port, [*good, *localizer, *broken, *homeless]).returncode == 0
    node.wait_settled(3)

    said = medq("status", "-c", node.config, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "kept aside" in said.stdout
    status = json.loads(medq("status", "-c", node.config, "--json", cwd=tmp_path).stdout)
    assert sorted(s["state"] for s in status["series"]) == ["done", "ignored", "refused"]
    # The node's own port is no stranger's.
    checked = medq("check", "-c", node.config, "--json", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    # A second node on the same folder would do harm.
    second = medq("serve", "-c", node.config, cwd=tmp_path)
    assert second.returncode == 1
    assert "in use by another node" in one_line(second)

    assert node.process is not None
    node.process.send_signal(signal.SIGINT)
    assert node.process.wait(timeout=60) == 0
    assert node.pids() == []
    names_nobody(said.stdout + json.dumps(status) + node.log())
    assert "Traceback" not in node.log()


# ---- The demonstration ----


@pytest.mark.slow
def test_the_demonstration_plays_through(tmp_path: Path) -> None:
    done = medq("demo", "--json", cwd=tmp_path, timeout_s=170)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["worked"] is True
    assert told["rmse_after_hu"] < told["rmse_before_hu"]
    [found] = told["found"]
    assert len(found["restored"]) == 20
    for path in [*found["restored"], found["report"]]:
        assert pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
    here = tmp_path / "demo-output"
    assert Path(found["restored"][0]) == here / "restored" / "0001.dcm"
    assert (here / "report.dcm").is_file()
    assert (here / "before-after.png").is_file()
    said = " ".join(done.stderr.split())
    assert "HU before" in said
    names_nobody(said)


def test_the_demonstration_keeps_its_hands_off_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    taken = medq("demo", "--out", "mine", cwd=tmp_path)
    assert taken.returncode == 1
    assert "holds other files" in one_line(taken)
    inside = medq("demo", "--out", "mine", "--input", "mine/thesis.txt", cwd=tmp_path)
    assert inside.returncode == 1
    assert "emptied first" in one_line(inside)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        ("somewhere", "AE@host:port"),
        ("A@127.0.0.1:99999", "port: "),
        ("AN_AE_TITLE_TOO_LONG1@127.0.0.1:104", "an AE title has 1 to 16 characters"),
    ],
)
def test_a_pacs_that_cannot_be_one_is_wrong_use(tmp_path: Path, peer: str, told: str) -> None:
    done = medq("demo", "--pacs", peer, cwd=tmp_path)
    assert done.returncode == 2
    assert told in one_line(done)
    assert not (tmp_path / "demo-output").exists()


@pytest.mark.peer
def test_a_demonstration_that_made_nothing_says_so_and_why(tmp_path: Path) -> None:
    ct_series(tmp_path / "in", slices=2, ImageType=["DERIVED", "SECONDARY"], **PATIENT)
    ct_series(tmp_path / "in" / "homeless", slices=1, **PATIENT, StudyInstanceUID=None)
    done = medq("demo", "--input", "in", "--restore", "always", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["worked"] is False
    assert [s["state"] for s in told["series"]] == ["ignored"]
    assert sum(told["kept_aside"].values()) == 1
    said = " ".join(done.stderr.split())
    assert "nothing was made" in said
    assert 'Rule "derived" matched' in said
    assert "no StudyInstanceUID" in said
    names_nobody(said)


@pytest.mark.peer
def test_a_demonstration_that_is_stopped_takes_its_node_along(tmp_path: Path) -> None:
    ct_series(tmp_path / "in", slices=2)
    process = subprocess.Popen(
        [sys.executable, "-m", "medq_node", "demo", "--input", "in"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    node = Node(tmp_path / "demo-output" / "node", 0)
    try:
        deadline = time.monotonic() + 60
        while not node.pids("worker"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
        assert process.returncode == 130
        assert node.pids() == []
        assert "Traceback" not in stderr
    finally:
        process.kill()
        for pid in node.pids():
            os.kill(pid, signal.SIGKILL)
