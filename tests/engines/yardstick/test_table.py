"""One table, two forms: Markdown to read, CSV to compute with."""

from __future__ import annotations

import csv
import io

import pytest

from engines.medq_uni.yardstick.table import Table

TABLE = Table(
    "some",
    "Some numbers",
    ("who", "dB", "cases", "a|b"),
    (("one|two", 1.23456, 12, None), ("three", 123.456, 7, -0.000123)),
    "What they are.",
)


def test_markdown_shows_three_digits_dashes_and_right_aligned_numbers():
    assert TABLE.markdown().splitlines() == [
        "## Some numbers",
        "",
        "What they are.",
        "",
        "| who | dB | cases | a\\|b |",
        "| --- | ---: | ---: | ---: |",
        "| one\\|two | 1.23 | 12 | - |",
        "| three | 123 | 7 | -0.000123 |",
    ]


def test_the_heading_can_be_deeper():
    assert TABLE.markdown(level=3).startswith("### Some numbers\n")


def test_csv_keeps_every_digit_and_the_order():
    rows = list(csv.reader(io.StringIO(TABLE.csv())))
    assert rows == [
        ["who", "dB", "cases", "a|b"],
        ["one|two", "1.23456", "12", ""],
        ["three", "123.456", "7", "-0.000123"],
    ]


def test_an_empty_table_has_its_columns():
    empty = Table("none", "None", ("a", "b"), ())
    assert "| a | b |" in empty.markdown()
    assert empty.csv() == "a,b\n"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="table bad: 1 cells in 2"):
        Table("bad", "Bad", ("a", "b"), (("x",),))
