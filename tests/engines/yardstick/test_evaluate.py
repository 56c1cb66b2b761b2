"""The command from end to end, and one clear line for what can't be meant."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys

import matplotlib.image
import pytest
from typer.testing import CliRunner

from engines.classical.engine import ClassicalEngine
from engines.medq_uni.evaluate import app
from engines.medq_uni.yardstick.report import Section, page, write
from engines.medq_uni.yardstick.restoration import cost
from engines.medq_uni.yardstick.table import Table

RUN = CliRunner()


def call(*words: object):
    return RUN.invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A quick run without the physicist's phantom, which has tests of its own."""
    out = tmp_path_factory.mktemp("evaluated")
    found = call(
        "--engine", "classical", "--quick", "--tasks", "ct clean, ct low dose",
        "--parts", "restoration,words,cost", "-o", out,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    return out, found.stdout


def test_a_quick_run_writes_the_page_and_prints_it(done):
    out, printed = done
    text = (out / "evaluation.md").read_text()
    assert printed == text
    assert text.startswith("# Evaluation of the engine classical\n")
    assert text.index("## Contents") < text.index("## At a glance")
    assert "its numbers mean nothing" in text


def test_every_table_is_a_csv_and_every_picture_a_png_that_the_page_links(done):
    out, text = done
    tables = set(re.findall(r"\[as CSV\]\((\S+)\)", text))
    pictures = set(re.findall(r"!\[[^]]*\]\((\S+)\)", text))
    assert {p.name for p in out.iterdir()} == tables | pictures | {"evaluation.md"}
    assert {"summary.csv", "ct_low_dose.csv", "ct_low_dose_by.csv", "ct_clean.csv"} <= tables
    assert {"ct_low_dose_case.png", "ct_low_dose_gains.png"} <= pictures
    for name in pictures:
        assert min(matplotlib.image.imread(out / name).shape[:2]) > 200
    for name in tables:
        rows = list(csv.reader((out / name).open()))
        assert len({len(row) for row in rows}) == 1


def test_every_line_of_the_contents_leads_to_a_heading(done):
    _, text = done
    headings = {
        re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-")
        for h in re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    }
    links = re.findall(r"\]\(#(\S+)\)", text)
    assert len(links) > 8
    assert set(links) <= headings


def test_filters_and_all_wordings_of_the_engine_are_in_the_table(done):
    out, _ = done
    rows = list(csv.DictReader((out / "ct_low_dose.csv").open()))
    assert [row["contestant"] for row in rows] == [
        "input", "wavelet", "TV", "NLM", "classical", "classical, no words",
        "classical, another's words", "classical, true words",
    ]  # fmt: skip
    by_name = {row["contestant"]: row for row in rows}
    assert float(by_name["TV"]["gain (dB)"]) > 0
    assert float(by_name["classical, no words"]["gain (dB)"]) == 0


def test_the_same_seed_gives_the_same_numbers(done, tmp_path):
    out, _ = done
    again = call(
        "--engine", "classical", "--quick", "--tasks", "ct low dose,ct clean",
        "--parts", "restoration", "-o", tmp_path,
    )  # fmt: skip
    assert again.exit_code == 0
    for name in ("ct_low_dose.csv", "ct_clean.csv"):
        cells = [
            [cell for row in csv.reader((folder / name).open()) for cell in row]
            for folder in (tmp_path, out)
        ]
        for one, other in zip(*cells, strict=True):
            # Threads of the Fourier transform add up in any order: the last digits may differ.
            assert one == other or float(one) == pytest.approx(float(other), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "magic"], "no engine named 'magic'; known: classical"),
        (["--engine", "classical", "--tasks", "tea"], "no task named 'tea'; known: ct clean, "),
        (["--engine", "classical", "--tasks", ","], "no task is named"),
        (["--engine", "classical", "--parts", "soul"], "no part named 'soul'; known: restoration"),
        (["--engine", "classical", "--data", "/no/such"], "data: /no/such is no folder"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(words, said, tmp_path):
    found = call(*words, "-o", tmp_path / "out")
    assert found.exit_code == 2
    assert found.stderr.startswith(f"evaluate: {said}")
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--count", "--seed", "--bm3d"])
def test_numbers_below_their_least_are_refused_by_name(option, tmp_path):
    found = call("--engine", "classical", option, -1, "-o", tmp_path)
    assert found.exit_code == 2
    assert option in found.stderr


def test_an_empty_folder_of_arrays_and_a_file_for_results_are_wrong_use(tmp_path):
    empty = call("--engine", "classical", "--data", tmp_path, "-o", tmp_path / "out")
    assert empty.exit_code == 2
    assert "has no .npz arrays" in empty.stderr
    (tmp_path / "file").write_text("x")
    file = call("--engine", "classical", "-o", tmp_path / "file")
    assert file.exit_code == 2
    assert "is a file" in file.stderr


def test_a_folder_whose_arrays_are_none_is_told_in_one_line_with_exit_code_1(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no zip at all")
    found = call("--engine", "classical", "--quick", "--data", tmp_path, "-o", tmp_path / "out")
    assert found.exit_code == 1
    assert found.stderr.splitlines()[-1].startswith("evaluate: a.npz")
    assert "Traceback" not in found.stderr


def test_the_module_can_be_started_and_tells_its_options():
    command = [sys.executable, "-m", "engines.medq_uni.evaluate", "--help"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0
    assert "--engine" in found.stdout


def test_cost_is_measured_in_a_process_alone_and_counts_its_own_memory():
    found = cost.measure_apart("TV", 512, 1)
    assert found is not None
    assert found.ms > 0
    # At least the image in float64 and its gradient; far less than this process holds.
    assert 4 < found.memory_mib < 400


def test_what_cannot_be_measured_is_a_row_less():
    assert cost.measure_apart("nobody: assess", 64, 1) is None
    assert cost.cost_table([None], 64).rows == ()


def test_the_cost_of_an_engine_is_told_for_words_and_pixels_apart():
    names = [f"classical: {part}" for part in (cost.ASSESS, cost.RESTORE)]
    costs = [cost.measure(name, 64, 1) for name in names]
    assert [c.name for c in costs] == names
    words = cost.work_of(names[0])(cost.noisy_stack(64))
    assert words == ClassicalEngine().assess(cost.noisy_stack(64))
    assert json.dumps([c.ms for c in costs])


def test_a_page_leaves_out_what_is_empty_and_refuses_twins(tmp_path):
    table = Table("one", "One", ("a",), ((1.0,),))
    text = page("Title", "About.", [Section("Full", "Text.", [table])])
    assert "  - [One](#one)" in text
    assert "### One" in text
    written = write(tmp_path, "Title", "About.", [Section("Empty"), Section("Full", "", [table])])
    assert "Empty" not in written
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evaluation.md", "one.csv"]
    with pytest.raises(ValueError, match="one"):
        write(tmp_path, "T", "", [Section("A", "", [table]), Section("B", "", [table])])


def test_no_figure_is_left_open_after_a_run(done):
    import matplotlib.pyplot as plt

    assert done
    assert plt.get_fignums() == []
