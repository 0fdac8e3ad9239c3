"""Every ink can be read on its ground, in both themes: WCAG 2.2, level AA."""

import re

import pytest

from playground.page.routes import STATIC

_PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-soft", "link") for ground in ("ground", "ground-side", "ground-raised")),
    *((ink, ground) for ink in ("ink", "ink-soft") for ground in ("ground-hover", "ground-quiet", "ground-own")),
    ("link", "ground-mention"),
    ("ink", "ground-mine"),
    *((ink, ground) for ink in ("ok-ink", "wait-ink", "danger-ink") for ground in ("ground", "ground-side")),
    ("ink-top", "ground-top"),
    ("ink-top-soft", "ground-top"),
    ("on-accent", "accent"),
    ("on-go", "go"),
    ("on-danger", "danger"),
    ("on-accent", "unread"),
]
_LINES = [("line-strong", "ground"), ("focus", "ground"), ("focus", "ground-side"), ("focus", "ground-raised")]
"""What shows where a control is or has the keyboard needs 3:1."""


def colours():
    text = (STATIC / "style" / "colours.css").read_text()
    found = {}
    for name, value in re.findall(r"--([\w-]+): (light-dark\([^()]+\)|#\w+);", text):
        both = re.findall(r"#[0-9a-f]{6}", value)
        found[name] = (both[0], both[-1])
    return found


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_that_is_used_is_defined():
    style = "".join(path.read_text() for path in (STATIC / "style").iterdir())
    used, defined = (set(re.findall(found, style)) for found in (r"var\(--([\w-]+)", r"--([\w-]+):"))
    assert used
    assert used - defined == set()


def test_contrast_is_measured_as_the_guidelines_say():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_every_ink_can_be_read_on_its_ground():
    known = colours()
    for pairs, least in ((_PAIRS, 4.5), (_LINES, 3.0)):
        for ink, ground in pairs:
            for theme, (over, under) in enumerate(zip(known[ink], known[ground], strict=True)):
                assert contrast(over, under) >= least, f"{ink} on {ground}, {('light', 'dark')[theme]}"
