"""Rows as psql prints them."""

from demo.table import aligned


def test_names_are_centred_numbers_stand_right_and_nothing_trails():
    rows = [["4711", "Sato", None], ["7", "Okafor", "stuck"]]
    assert aligned(["id", "customer", "state"], [True, False, False], rows).splitlines() == [
        "  id  | customer | state",
        "------+----------+-------",
        " 4711 | Sato     |",
        "    7 | Okafor   | stuck",
        "(2 rows)",
    ]


def test_one_row_is_one_row_and_none_is_told():
    assert aligned(["a"], [False], [["x"]]).endswith("\n(1 row)")
    assert aligned(["a"], [False], []).splitlines() == [" a", "---", "(0 rows)"]


def test_what_was_left_out_is_said():
    assert aligned(["a"], [False], [["x"]], ", and more").endswith("(1 row, and more)")
