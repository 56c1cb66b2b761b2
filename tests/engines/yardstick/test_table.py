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


def test_markdown_shows_even_decimals_dashes_and_right_aligned_numbers():
    assert TABLE.markdown().splitlines() == [
        "## Some numbers",
        "",
        "What they are.",
        "",
        "| who | dB | cases | a\\|b |",
        "| --- | ---: | ---: | ---: |",
        "| one\\|two | 1.2 | 12 | - |",
        "| three | 123.5 | 7 | 0 |",
    ]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((33.49, 5.1), ["33.49", "5.10"]),
        ((0.9284, 0.5), ["0.928", "0.500"]),
        ((8.2e-9, 12.0), ["0", "12.00"]),
        ((1234.5, 0.25), ["1234", "0"]),
        ((-0.0004, 0.1), ["0", "0.100"]),
        ((float("inf"), 2.0), ["inf", "2.00"]),
    ],
)
def test_numbers_of_a_column_have_one_precision_and_nothing_is_shown_as_a_power(values, shown):
    table = Table("t", "T", ("a",), tuple((value,) for value in values))
    assert [line.strip("| ") for line in table.markdown().splitlines()[-2:]] == shown


def test_decibels_have_two_decimals_however_small_they_are():
    table = Table("t", "T", ("PSNR (dB)", "gain (dB)"), ((33.494, 0.9344),))
    assert table.markdown().splitlines()[-1] == "| 33.49 | 0.93 |"


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
