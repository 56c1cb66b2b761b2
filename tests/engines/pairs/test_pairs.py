"""Pairs on the fly, their lines in the manifest, and who is left out of training."""

from __future__ import annotations

import json
import shutil
from itertools import islice

import numpy as np
import pytest

from engines.description import Degradation, Finding, Modality, Severity
from engines.medq_uni.pairs.benchmark import HELD_OUT, benchmark_sources, training_sources
from engines.medq_uni.pairs.endless import endless, make
from engines.medq_uni.pairs.instructions import (
    ASKS,
    BOTH,
    DESCRIBE,
    RESTORE,
    WORDINGS,
    instruction,
)
from engines.medq_uni.pairs.manifest import OURS, entry_of, line_of, task_type
from engines.medq_uni.pairs.plan import Plan
from engines.medq_uni.real_sources import (
    clean_sources,
    held_out_patients,
    read_headers,
    real_sources,
)
from engines.medq_uni.sources import load_sources, split
from engines.medq_uni.truth import pair_description
from engines.sentence import parse_sentence
from tests.engines.pairs.made import (
    KINDS,
    SIDES,
    TASKS,
    material,
    real,
    white_task,
    write_series,
)


def same(one, other) -> bool:
    return (
        one.item == other.item
        and np.array_equal(one.pair.image, other.pair.image)
        and np.array_equal(one.pair.truth, other.pair.truth)
        and one.pair.findings == other.pair.findings
    )


def test_a_training_goes_on_where_it_was_and_workers_share_the_work() -> None:
    some = material((real("a"), real("b")))
    first = list(islice(endless(some, TASKS, 3), 12))
    assert [made.item.number for made in first] == list(range(12))
    again = list(islice(endless(some, TASKS, 3, start=7), 5))
    assert all(same(*both) for both in zip(first[7:], again, strict=True))
    third = list(islice(endless(some, TASKS, 3, start=1, step=3), 4))
    assert all(same(*both) for both in zip(first[1::3], third, strict=True))
    other = islice(endless(some, TASKS, 4), 12)
    assert not any(same(*both) for both in zip(first, other, strict=True))


@pytest.mark.parametrize(("start", "step"), [(-1, 1), (0, 0)])
def test_no_start_before_the_first_and_no_step_on_the_spot(start, step) -> None:
    with pytest.raises(ValueError, match="must be"):
        next(endless(material(), TASKS, 0, start, step))


def test_where_a_real_slice_has_no_place_another_is_taken_and_then_a_phantom() -> None:
    task = white_task("refused")
    mixed = (real("refused 1"), real("refused 2"), real("taken"))
    made = [make(Plan(material(mixed, kinds=()), (task,), 0), k) for k in range(6)]
    assert {m.pair.source.patient for m in made} == {"taken"}
    assert any(m.passed_over for m in made)
    none = (
        make(Plan(material(mixed[:2]), (task,), 0), 0),
        make(Plan(material(mixed[:2]), (task,), 0), 1),
    )
    assert all(m.pair.source.patient.startswith("phantom") for m in none)
    assert max(m.passed_over for m in none) == 2


def test_a_pair_that_no_source_can_be_used_for_says_which() -> None:
    with pytest.raises(ValueError, match=r"pair 0 \(ct white noise\): no source .* no place"):
        make(Plan(material((real("refused"),), kinds=()), (white_task("refused"),), 0), 0)


def test_the_same_phantom_is_drawn_once_for_a_turn_and_nobody_may_write_into_it() -> None:
    plan = Plan(material(), TASKS, 1)
    one, other = make(plan, 0), make(plan, 1)
    assert one.pair.source is other.pair.source
    with pytest.raises(ValueError, match="read-only"):
        one.pair.source.values[0, 0] = 1


@pytest.fixture(scope="module")
def entries():
    plan = Plan(material((real("person"),)), TASKS, 2)
    made = [make(plan, k) for k in range(24)]
    return [(m, json.loads(line_of(m, f"s/{k}-image.npy", f"s/{k}-truth.npy")))
            for k, m in enumerate(made)]  # fmt: skip


def test_a_line_has_what_the_authors_loader_reads(entries) -> None:
    for made, entry in entries:
        assert list(entry) == [
            "main_task_type", "degrade_type", "input_img", "output_img", "message", OURS,
        ]  # fmt: skip
        for key, kind in (("input_img", "image"), ("output_img", "truth")):
            (image,) = entry[key]
            rows, columns = made.pair.image.shape
            number = made.item.number
            assert image == {"path": f"s/{number}-{kind}.npy", "height": rows, "width": columns}
        assert [m["from"] for m in entry["message"]] == ["human", "gpt"]
        assert all(m["value"].strip() for m in entry["message"])


def test_the_answer_is_the_true_sentence(entries) -> None:
    for made, entry in entries:
        assert parse_sentence(entry["message"][1]["value"]) == pair_description(made.pair)


def test_types_say_what_was_done_and_what_is_asked(entries) -> None:
    for made, entry in entries:
        clean = made.item.task.name == "ct clean"
        assert entry["degrade_type"] == ("none" if clean else "noise")
        asked = entry[OURS]["asked"]
        wanted = "restoration" if clean else "denoising"
        assert entry["main_task_type"] == ("assessment" if asked == DESCRIBE else wanted)
    of_white = [e[OURS]["asked"] for m, e in entries if m.item.task.name != "ct clean"]
    assert sorted(of_white) == sorted(ASKS * 4)
    both = (Degradation.NOISE, Degradation.METAL)
    assert task_type(both, BOTH) == "restoration"
    assert task_type((Degradation.MOTION,), BOTH) == "motion_correction"
    assert task_type((), RESTORE) == "restoration"


def test_what_is_too_little_to_be_seen_was_not_done() -> None:
    made = make(Plan(material(), (white_task(),), 0), 0)
    little = Finding(Degradation.METAL, Severity.NONE, 0.1, "HU")
    pair = made.pair.with_finding(little)
    entry = entry_of(type(made)(made.item, pair), "a", "b")
    assert entry["degrade_type"] == "noise"
    assert entry["main_task_type"] in ("denoising", "assessment")
    assert "metal" in {one["degradation"] for one in entry[OURS]["findings"]}


def test_ours_says_how_the_pair_is_made_again_and_with_what_numbers(entries) -> None:
    for made, entry in entries:
        ours = entry[OURS]
        assert ours["number"] == made.item.number
        assert ours["severity"] == made.item.severity
        assert ours["noise"] == pytest.approx(made.pair.noise)
        assert ours["origin"] == ("phantom" if made.item.side else "real")
        assert (ours["unit"], ours["modality"]) == ("HU", "CT")
        assert (ours["variant"] is None) == (ours["variant_of"] is None)
        assert ours["variant_of"] in ("kernel", None)
        if made.pair.findings:
            (finding,) = ours["findings"]
            assert finding["amounts"] == [{"value": made.pair.findings[0].amount, "unit": "HU"}]
            assert ours["recipe"]["sigma"] == pytest.approx(ours["noise"], rel=1e-6)


def test_a_name_that_two_steps_give_keeps_both_values() -> None:
    made = make(Plan(material(), (white_task(),), 0), 0)
    pair = made.pair.with_finding(made.pair.findings[0], kernel="other")
    entry = entry_of(type(made)(made.item, pair), "a", "b")
    assert entry[OURS]["recipe"]["kernel"] == ["white", "other"]


def test_wordings_are_many_and_name_no_unknown_region() -> None:
    for asked in ASKS:
        said = {instruction(asked, Modality.PT, "chest", seed) for seed in range(80)}
        assert len(said) == len(WORDINGS[asked]) == len(set(WORDINGS[asked]))
        assert any("PET" in text for text in said) and any("chest" in text for text in said)
        for seed in range(80):
            text = instruction(asked, Modality.MR, "unknown", seed)
            assert "unknown" not in text
            assert "{" not in text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten people; some in two modalities, some noisy, one with a spacing that nobody knows."""
    out = tmp_path_factory.mktemp("arrays")
    for k in range(10):
        write_series(out, f"ct-{k:03}", f"p{k}", noise=40 if k == 9 else 3.0)
    for k in range(5, 12):
        write_series(out, f"mr-{k:03}", f"p{k}", Modality.MR)
    for k in range(8, 14):
        write_series(out, f"pet-{k:03}", f"p{k}", Modality.PT, group="pets", slices=1)
    write_series(out, "ct-900", "p0", mm=0.0)
    return out


def test_nobody_is_in_training_and_benchmark_in_whatever_modality(folder) -> None:
    training, kept = training_sources(folder), benchmark_sources(folder)
    assert not {s.patient for s in training} & {s.patient for s in kept}
    for modality in Modality.sectional():
        everyone = {s.name for s in clean_sources(folder, modality)}
        both = [s.name for s in (*training, *kept) if s.modality is modality]
        assert sorted(both) == sorted(everyone)
        held = held_out_patients(folder, HELD_OUT, 0)
        assert held & {s.patient for s in clean_sources(folder, modality)}


def test_the_evaluation_of_an_engine_holds_out_the_same_people(folder) -> None:
    for modality in Modality.sectional():
        held = {s.patient for s in real_sources(folder, modality, 0.3, 5)}
        assert held <= held_out_patients(folder, 0.3, 5)
        learned = training_sources(folder, (), (modality,), 0.3, 5)
        assert not held & {s.patient for s in learned}


@pytest.mark.parametrize("modality", Modality.sectional())
def test_a_split_of_all_slices_of_a_modality_holds_out_no_others(
    folder, modality, tmp_path
) -> None:
    for path in folder.glob("*.npz"):
        if path.name.startswith(modality.value.lower().replace("pt", "pet")):
            shutil.copy(path, tmp_path)
    for seed in range(5):
        kept = {s.patient for s in split(load_sources(tmp_path, modality), 0.3, seed)[1]}
        assert kept == held_out_patients(tmp_path, 0.3, seed)


def test_another_series_moves_nobody_but_its_patient_and_salt_and_names_nobody(tmp_path) -> None:
    for k in range(24):
        write_series(tmp_path, f"group{k % 3:02}-{k:03}", f"p{k}", slices=1)
    before = held_out_patients(tmp_path, 0.3, 7)
    assert 0 < len(before) < 24
    write_series(tmp_path, "group00-999", "p3", Modality.MR, slices=1)
    assert before ^ held_out_patients(tmp_path, 0.3, 7) <= {"p3"}
    write_series(tmp_path, "a-000", "new", slices=1)
    assert before ^ held_out_patients(tmp_path, 0.3, 7) <= {"p3", "new"}
    again = tmp_path / "again"
    again.mkdir()
    for k, path in enumerate(sorted(tmp_path.glob("*.npz"), reverse=True)):
        with np.load(path) as arrays:
            info = json.loads(str(arrays["info"]))
            info |= {"name": f"z-{k}", "group": "z", "patient": f"salted {info['patient']}"}
            np.savez_compressed(
                again / f"z-{k}.npz", values=arrays["values"], valid=arrays["valid"],
                info=json.dumps(info),
            )  # fmt: skip
    salted = {f"salted {patient}" for patient in held_out_patients(tmp_path, 0.3, 7)}
    assert held_out_patients(again, 0.3, 7) == salted


def test_every_modality_of_two_patients_or_more_has_some_on_both_sides(folder) -> None:
    for seed in range(20):
        held = held_out_patients(folder, 0.2, seed)
        for modality in Modality.sectional():
            everyone = {h.patient for h in read_headers(folder) if h.modality is modality}
            assert held & everyone
            assert everyone - held


def test_an_array_file_cut_short_is_refused_by_name(tmp_path) -> None:
    write_series(tmp_path, "whole", "p1")
    write_series(tmp_path, "short", "p2")
    with np.load(tmp_path / "short.npz") as arrays:
        parts = dict(arrays)
    np.savez(tmp_path / "short.npz", **(parts | {"valid": parts["valid"][:, :9]}))
    with pytest.raises(ValueError, match=r"short\.npz is no array file"):
        held_out_patients(tmp_path, 0.2, 0)


def test_what_is_noisy_or_has_no_spacing_is_no_truth(folder) -> None:
    names = {s.name for s in clean_sources(folder, Modality.CT)}
    assert len(names) == 18
    assert not any(name.startswith(("ct-009", "ct-900")) for name in names)


def test_small_cut_outs_are_no_truth(tmp_path) -> None:
    for k in range(4):
        write_series(tmp_path, f"s-{k}", f"p{k}", side=64 if k % 2 else 48)
    both = (*training_sources(tmp_path), *benchmark_sources(tmp_path))
    assert {s.patient for s in both} == {"p1", "p3"}


def test_a_group_is_left_out_by_name_and_moves_nobody(folder) -> None:
    before = training_sources(folder)
    found = training_sources(folder, ("pets",))
    assert [s.name for s in found] == [s.name for s in before if s.modality is not Modality.PT]
    with pytest.raises(ValueError, match="no group 'ghosts'; known: g, pets"):
        training_sources(folder, ("ghosts",))


def test_every_kind_of_small_material_makes_pairs_of_its_side() -> None:
    plan = Plan(material(), TASKS, 0)
    shapes = {make(plan, k).pair.image.shape for k in range(12)}
    assert shapes == {(side, side) for side in SIDES[Modality.CT]}
    assert len(KINDS) == 3
