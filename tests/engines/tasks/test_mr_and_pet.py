"""Every task of MR and PET does what it says: the severity asked for, the truth untouched."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.mr.movement import BREATHING
from engines.medq_uni.degradations.mr.sampling import LOW_RESOLUTION, PATTERNS
from engines.medq_uni.draws import pair_of, sample
from engines.medq_uni.pair import compose
from engines.medq_uni.phantom_sources import kinds_of, phantom_source
from engines.medq_uni.signal import tissue_signal
from engines.medq_uni.tasks import mr
from engines.medq_uni.tasks.table import TASKS
from engines.medq_uni.tasks.task import DEGREES
from engines.medq_uni.truth import pair_description
from engines.sentence import format_sentence, parse_sentence

SIZE = 96
OF = {
    modality: tuple(phantom_source(kind, 7, SIZE) for kind in kinds_of([modality]))
    for modality in (Modality.MR, Modality.PT)
}
SPOILING = tuple(t for t in TASKS.values() if t.modality in OF and t.degradation is not None)
MIXTURES = {
    "mr undersampling + noise": {Degradation.UNDERSAMPLING, Degradation.NOISE},
    "mr motion + undersampling": {Degradation.MOTION, Degradation.UNDERSAMPLING, Degradation.NOISE},
    "pet motion + low count": {Degradation.MOTION, Degradation.LOW_COUNT},
}


def made(task, source, severity, seed):
    variant = task.variants[seed % len(task.variants)]
    steps = task.steps(source, severity, variant, np.random.default_rng(seed))
    return compose(source, steps, seed)


@pytest.mark.parametrize("task", SPOILING, ids=lambda task: task.name)
@pytest.mark.parametrize("severity", DEGREES)
def test_the_severity_asked_for_is_the_one_that_is_said(task, severity):
    said = Counter()
    for number, source in enumerate(OF[task.modality]):
        pair = made(task, source, severity, number)
        finding = pair.finding(task.degradation)
        assert finding is not None
        said[finding.severity] += 1
        assert np.array_equal(pair.truth, source.values)
        assert pair.image.dtype == np.float32
        assert np.isfinite(pair.image).all()
        assert pair.image.min() >= 0
    assert set(said) == {severity}, said


@pytest.mark.parametrize("task", SPOILING, ids=lambda task: task.name)
def test_a_seed_makes_the_same_pair_bit_by_bit_and_another_seed_another(task):
    source = OF[task.modality][0]
    first, again, other = (made(task, source, Severity.SEVERE, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.image, again.image)
    assert first.findings == again.findings
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("task", SPOILING, ids=lambda task: task.name)
def test_what_was_done_can_be_said_and_read_again(task):
    for severity in DEGREES:
        description = pair_description(made(task, OF[task.modality][-1], severity, 5))
        assert parse_sentence(format_sentence(description)) == description


@pytest.mark.parametrize(("name", "kinds"), MIXTURES.items())
def test_a_mixture_is_one_scan_and_names_all_that_was_done(name, kinds):
    task = TASKS[name]
    named = [
        {f.degradation for f in made(task, OF[task.modality][-1], Severity.SEVERE, seed).findings}
        for seed in range(6)
    ]
    # What moved while it was undersampled is noisy in half of the cases.
    may_lack = {Degradation.NOISE} if name == "mr motion + undersampling" else set()
    assert kinds in named
    assert all(kinds - may_lack <= found <= kinds for found in named)


@pytest.mark.parametrize(
    ("name", "noisy"), [("mr undersampling + noise", 1.0), ("mr motion + undersampling", 0.5)]
)
def test_noise_of_mixtures_has_every_severity_evenly_in_the_image(name, noisy):
    task, found, count = TASKS[name], Counter(), 60
    for seed in range(count):
        source = OF[Modality.MR][seed % len(OF[Modality.MR])]
        finding = made(task, source, DEGREES[seed % 3], seed).finding(Degradation.NOISE)
        if finding is not None:
            found[finding.severity] += 1
    assert set(found) == set(DEGREES)
    assert found.total() == pytest.approx(noisy * count, abs=0.2 * count * (noisy < 1))
    assert min(found.values()) > 0.15 * found.total()


def test_noise_of_real_sources_has_the_severity_whatever_they_have_of_their_own():
    task = TASKS["mr noise"]
    source = OF[Modality.MR][0]
    signal = tissue_signal(source.values, Modality.MR, source.pixel_mm)
    noisy = replace(source, noise=0.07 * signal)  # nearly what is called mild
    for severity in DEGREES:
        for seed in range(8):
            assert made(task, noisy, severity, seed).finding(task.degradation).severity is severity
    with pytest.raises(NoPlaceError, match="noise already"):
        made(task, replace(source, noise=0.15 * signal), Severity.MILD, 0)


@pytest.mark.parametrize("name", [t.name for t in SPOILING if t.modality is Modality.MR])
def test_either_axis_is_phase_encoded(name):
    task, source = TASKS[name], OF[Modality.MR][0]
    dealt = Counter(
        task.steps(source, Severity.MILD, task.variants[0], np.random.default_rng(seed))[
            0
        ].phase_axis
        for seed in range(40)
    )
    assert set(dealt) == {0, 1} and min(dealt.values()) > 8


def test_severe_low_resolution_reaches_far_and_lines_do_not():
    source = OF[Modality.MR][0]
    for pattern in PATTERNS:
        rng = np.random.default_rng(0)
        folds = [mr.fold(source, Severity.SEVERE, pattern, rng) for _ in range(100)]
        most = 16 if pattern is LOW_RESOLUTION else 8
        assert min(folds) > 4 and 0.85 * most < max(folds) < most


def test_breaths_go_down_the_trunk_and_nods_any_way():
    slants = {
        region: [
            mr.moved(
                replace(OF[Modality.MR][0], region=region),
                Severity.MILD,
                BREATHING,
                np.random.default_rng(seed),
            ).slant
            for seed in range(40)
        ]
        for region in ("head", "leg", "abdomen", "chest")
    }
    assert not any(slants["abdomen"] + slants["chest"])
    for region in ("head", "leg"):
        assert np.abs(np.mean(np.exp(1j * np.array(slants[region])))) < 0.4


@pytest.mark.parametrize("modality", OF)
def test_a_clean_pair_is_its_source_and_said_to_need_nothing(modality):
    word = {Modality.MR: "mr", Modality.PT: "pet"}[modality]
    draws = sample(TASKS[f"{word} clean"], OF[modality], len(OF[modality]), 1)
    for draw in draws:
        found = pair_of(draw)
        assert found is not None
        pair = found[1]
        assert np.array_equal(pair.image, pair.source.values)
        severities = {f.severity for f in pair_description(pair).findings}
        assert severities == {Severity.NONE}


@pytest.mark.parametrize("task", [t for t in SPOILING if t.modality is Modality.MR])
def test_all_contrasts_and_regions_are_dealt_evenly(task):
    draws = sample(task, OF[Modality.MR], 3 * len(OF[Modality.MR]), 0)
    dealt = Counter((d.source.region, d.source.contrast) for d in draws)
    assert set(dealt.values()) == {3}
