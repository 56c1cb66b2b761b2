"""Figures show PET dark on white, MR in its own range, and every title to its end."""

from __future__ import annotations

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.draws import Draw
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.tasks.task import Task
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry, outcomes
from engines.medq_uni.yardstick.restoration.figures import comparison, gains_chart
from engines.medq_uni.yardstick.restoration.found import by_entry, title_of
from engines.medq_uni.yardstick.restoration.wordings import no_words
from tests.engines.yardstick.native.shapes import disc

LONG = "MR motion + undersampling: the case of the median gain of an engine of a very long name"
UNITS = {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "SUV"}


def case_of(modality):
    values = disc(60, 900.0) + disc(12, 300.0, (70, 90))
    source = Source("phantom a", "phantom a", modality, "head", UNITS[modality], values, 1.0, 3.0)
    task = Task(
        "a task", modality, (Severity.MILD,), (None,), Degradation.NOISE, True, lambda *_: ()
    )
    pair = Pair.clean(source)
    return Case("a task 001", Draw(task, Severity.MILD, None, source, 0), pair, no_words(pair))


def texts(figure):
    """Boxes of all texts outside axes, in pixels, and the figure's own."""
    figure.draw_without_rendering()
    return [text.get_window_extent() for text in figure.texts], figure.bbox


@pytest.mark.parametrize("count", [1, 4])
def test_a_long_title_goes_on_in_the_next_line_and_is_not_cut_off(count):
    case = case_of(Modality.MR)
    shown = [(f"method {k}", case.pair.image) for k in range(count)]
    found, whole = texts(comparison(case, shown, LONG))
    assert len(found) == 2
    assert all(box.x1 <= whole.x1 and box.y1 <= whole.y1 for box in found)
    title, about = found
    assert about.y1 <= title.y0 + 1


def test_a_long_title_of_a_chart_is_not_cut_off():
    case = case_of(Modality.MR)
    entry = Entry("x", lambda c: c.pair.image)
    results = by_entry(outcomes([INPUT, entry], [case]))
    figure = gains_chart(results, [entry], [case.name], LONG, 0, "x")
    found, whole = texts(figure)
    assert all(box.x1 <= whole.x1 and box.y1 <= whole.y1 for box in found)


@pytest.mark.parametrize(
    ("modality", "colours", "most"),
    [(Modality.CT, "gray", 240), (Modality.MR, "gray", 1200), (Modality.PT, "gray_r", 1200)],
)
def test_images_are_shown_as_they_are_read(modality, colours, most):
    case = case_of(modality)
    figure = comparison(case, [("input", case.pair.image)], "t")
    shown = figure.axes[0].get_images()[0]
    assert shown.get_cmap().name == colours
    assert shown.get_clim()[1] == pytest.approx(most, rel=0.01)


@pytest.mark.parametrize(
    ("task", "title"),
    [("ct clean", "CT clean"), ("pet low count", "PET low count"), ("petting zoo", "Petting zoo")],
)
def test_titles_write_modalities_as_people_do(task, title):
    assert title_of(task) == title


def test_a_picture_of_nothing_is_drawn_all_the_same():
    case = case_of(Modality.PT)
    empty = np.zeros_like(case.pair.image)
    comparison(case, [("empty", empty)], "t")
