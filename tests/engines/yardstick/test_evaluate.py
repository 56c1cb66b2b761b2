"""The command from end to end, and one clear line for what can't be meant."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
from typer.testing import CliRunner

from engines.classical.engine import ClassicalEngine
from engines.description import Modality
from engines.medq_uni.evaluate import PART_NAMES, app
from engines.medq_uni.real_sources import real_sources
from engines.medq_uni.sources import load_sources, split
from engines.medq_uni.yardstick.evaluation import PARTS
from engines.medq_uni.yardstick.report import Section, page, write
from engines.medq_uni.yardstick.restoration import cost
from engines.medq_uni.yardstick.restoration.material import material_table
from engines.medq_uni.yardstick.table import Table
from tests.engines.yardstick.made import source

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


@pytest.fixture(scope="module")
def steered(tmp_path_factory):
    """A quick run of what the words change and what is said of real images."""
    folder = tmp_path_factory.mktemp("steered")
    for k in range(3):
        write_series(folder / f"{k}.npz", f"person {k}", k)
    out = folder / "out"
    found = call(
        "--engine", "classical", "--quick", "--tasks", "ct clean, ct low dose", "--data", folder,
        "--parts", "restoration,steering,unseen", "--held-out", "1", "-o", out,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    return out, found.stdout


def test_targets_come_first_and_words_are_steered_and_real_series_asked(steered):
    out, text = steered
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[:4] == ["Contents", "Targets", "Who was measured?", "At a glance"]
    assert headings[-2:] == ["Do the words matter?", "What does it say of real images?"]
    rows = list(csv.DictReader((out / "steering.csv").open()))
    assert {row["cases"] for row in rows} == {"2"}
    assert "words of another case" in {row["words"] for row in rows}
    assert (out / "steering_gains.png").is_file()
    checks = list(csv.DictReader((out / "steering_checks.csv").open()))
    assert checks[0]["cases"] == "4"  # clean ones as well
    assert {row["in all"] for row in checks} == {"yes"}
    series = list(csv.DictReader((out / "unseen_series.csv").open()))
    assert [(row["series"], row["held out"]) for row in series] == [
        ("0", "yes"), ("1", "yes"), ("2", "yes"),
    ]  # fmt: skip
    shift = list(csv.DictReader((out / "low_dose_shift.csv").open()))
    assert {row["cases"] for row in shift} == {"2"}


def test_the_command_names_every_part():
    assert PART_NAMES == PARTS


def test_no_csv_of_cases_or_series_names_a_patient(steered):
    out, _ = steered
    for name in ("restored_cases", "steering_cases", "unseen_series"):
        assert "person " not in (out / f"{name}.csv").read_text()


def test_real_images_are_asked_for_only_where_there_are_any(tmp_path):
    found = call(
        "--engine", "classical", "--quick", "--tasks", "ct clean", "--parts", "steering,unseen",
        "-o", tmp_path,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "Real images" not in found.stdout
    assert "Do pixels follow the words?" in found.stdout


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
        "input", "wavelet", "TV", "NLM", "classical", "classical, always run",
        "classical, no words", "classical, words that say none", "classical, wrong severity",
        "classical, true words",
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
        (["--engine", "classical", "--held-out", "0.2"], "held-out means patients of a folder"),
        (["--engine", "classical", "--without", "a"], "without means groups of a folder"),
        (["--engine", "classical", "--held-out", "1.2"], "held-out must be over 0 and at most 1"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(words, said, tmp_path):
    found = call(*words, "-o", tmp_path / "out")
    assert found.exit_code == 2
    assert found.stderr.startswith(f"evaluate: {said}")
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--count", "--seed", "--bm3d", "--split-seed"])
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
    assert isinstance(found, cost.Cost)
    assert found.ms > 0
    # At least the image in float64 and its gradient; far less than this process holds.
    assert 4 < found.memory_mib < 400


def test_what_cannot_be_measured_says_why_in_its_row():
    failed = cost.measure_apart("nobody: assess", 64, 1)
    assert isinstance(failed, cost.Failure)
    assert "nobody" in failed.why
    late = cost.measure_apart("TV", 64, 1, timeout_s=0.01)
    assert isinstance(late, cost.Failure)
    rows = cost.cost_table([failed, late]).rows
    assert rows[0] == ("nobody: assess", "CT 64 x 64", f"failed: {failed.why}", None)
    assert rows[1] == ("TV", "CT 64 x 64", "failed: not done after 0.01 s", None)


HEAVY = """
import numpy as np
from engines.classical.engine import ClassicalEngine
from engines.medq_uni.yardstick.restoration import cost
class Heavy(ClassicalEngine):
    def __init__(self):
        super().__init__()
        self.weights = np.ones({mib} * 2**20 // 8)
cost.load_engine = lambda name: Heavy()
print(cost.measure("heavy: restore", 64, 1).memory_mib)
"""


def test_what_an_engine_loads_counts_as_its_memory():
    found = [
        float(subprocess.check_output([sys.executable, "-c", HEAVY.format(mib=mib)], text=True))
        for mib in (1, 65)
    ]
    assert found[1] - found[0] == pytest.approx(64, abs=8)


def held(folder, share, seed):
    return {s.patient for s in real_sources(folder, Modality.CT, share, seed)}


def test_patients_held_out_are_those_of_the_split_and_the_rest_is_left_for_training(tmp_path):
    for k in range(6):
        write_series(tmp_path / f"{k}.npz", f"person {k // 2}", k)
    everyone = {s.patient for s in real_sources(tmp_path, Modality.CT)}
    some = held(tmp_path, 0.34, 1)
    training, kept = split(load_sources(tmp_path, Modality.CT), 0.34, 1)
    assert some == {s.patient for s in kept}
    assert len(some) == 1
    assert not some & {s.patient for s in training}
    assert some | {s.patient for s in training} == everyone
    assert len({frozenset(held(tmp_path, 0.34, seed)) for seed in range(8)}) > 1


def write_series(path, patient, number, group="g"):
    values = source(patient, number=number % 3).values[None]
    info = {
        "name": path.stem, "group": group, "patient": patient, "modality": "CT", "region": "chest",
        "unit": "HU", "spacing_mm": [3.0, 3.0, 3.0], "acquisition": {},
    }  # fmt: skip
    noise = np.random.default_rng(number).normal(0, 4, values.shape).astype(np.float32)
    np.savez(path, values=values + noise, valid=np.ones(values.shape, bool), info=json.dumps(info))


def test_the_page_counts_patients_and_slices_of_real_images_and_phantoms():
    phantoms = [source(f"phantom {k}", number=n) for k in range(3) for n in range(2)]
    real = [source(f"person {k}", number=n) for k in range(2) for n in range(3)]
    table = material_table([*phantoms, *real], [*phantoms[:3], real[0], real[0]], "Who.")
    assert table.rows == (("real", 2, 6, 1, 1), ("phantom", 3, 6, 2, 3))


def test_a_page_of_phantoms_says_that_no_training_takes_them(done):
    _, text = done
    assert "Phantoms alone; no training takes these." in text
    assert "| real | 0 | 0 | 0 | 0 |" in text


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
    assert "- [Full](#full): [One](#one)" in text
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


@pytest.fixture(scope="module")
def other_modalities(tmp_path_factory):
    """A quick run on MR and PET."""
    out = tmp_path_factory.mktemp("mr and pet")
    found = call(
        "--engine", "classical", "--quick", "--tasks", "mr clean, mr motion, pet low count",
        "--parts", "restoration,words,harm", "-o", out,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    return out, found.stdout


def test_mr_and_pet_have_tables_in_their_own_terms_and_titles_in_full(other_modalities):
    out, text = other_modalities
    for name in ("mr_motion_native", "pet_low_count_native", "harm_change_mr", "harm_lesions_pet"):
        assert (out / f"{name}.csv").is_file()
    assert "## Task: MR motion" in text
    assert "## Task: PET low count" in text
    assert [row[0] for row in csv.reader((out / "summary.csv").open())][1:] == [
        "MR motion", "PET low count",
    ]  # fmt: skip
    columns = (out / "mr_motion.csv").open().readline()
    assert "RMSE body (%)" in columns
    assert "PSNR own range (dB)" in columns


def test_variants_are_called_what_the_task_calls_them(other_modalities):
    out, _ = other_modalities
    sorts = {row[0] for row in csv.reader((out / "pet_low_count_by.csv").open())}
    assert "reconstruction" in sorts
    assert "variant" not in sorts


def test_words_of_mr_and_pet_are_compared_in_their_units(other_modalities):
    out, _ = other_modalities
    units = {row[1] for row in csv.reader((out / "words_numbers.csv").open())}
    assert {"mm", "degrees", "% of signal", "% of counts"} <= units


def test_groups_left_out_are_not_measured_and_unknown_ones_are_wrong_use(tmp_path):
    for k in range(3):
        write_series(tmp_path / f"{k}.npz", f"person {k}", k, f"group{k}")
    words = ("--engine", "classical", "--quick", "--tasks", "ct clean", "--data", tmp_path)
    out = tmp_path / "out"
    found = call(*words, "--without", "group0,group2", "--parts", "words", "-o", out)
    assert found.exit_code == 0, found.output
    assert "Without the groups group0, group2." in found.stdout
    assert "| real | 1 | 1 |" in found.stdout
    wrong = call(*words, "--without", "group7", "-o", out)
    assert wrong.exit_code == 2
    assert "no group named 'group7'; known: group0, group1, group2" in wrong.stderr


def test_a_modality_without_real_images_is_measured_on_phantoms_and_a_line_says_so(tmp_path):
    write_series(tmp_path / "a.npz", "person", 0)
    found = call(
        "--engine", "classical", "--quick", "--tasks", "ct clean, mr clean", "--data", tmp_path,
        "--parts", "words", "-o", tmp_path / "out",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "no real MR slice can be used: phantoms alone" in found.stderr


@pytest.mark.parametrize("modality", [Modality.MR, Modality.PT])
def test_cost_is_told_for_slices_of_mr_and_pet_as_well(modality):
    found = cost.measure("classical: restore", 64, 1, modality)
    assert found.modality is modality
    assert found.ms > 0
    stack = cost.noisy_stack(96, modality)
    assert ClassicalEngine().assess(stack).restores
    assert stack.values.min() >= 0
