"""Text keeps 4.5:1 and lines 3:1 against what lies behind them, on light and on dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
import tomllib
from pathlib import Path

import pytest

from labeling_ui import looks

THEME = tomllib.loads(Path(looks.__file__).with_name(".streamlit").joinpath("config.toml").read_text("utf-8"))["theme"]
GROUNDS = [THEME[name]["backgroundColor"] for name in ("light", "dark")]


def parts(colour: str) -> list[float]:
    return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    colours = THEME[theme]
    for ground in (colours["backgroundColor"], colours["secondaryBackgroundColor"]):
        assert contrast(colours["textColor"], ground) >= 4.5
    assert contrast("#ffffff", colours["primaryColor"]) >= 4.5
    assert contrast(colours["primaryColor"], colours["backgroundColor"]) >= 3


def test_white_on_the_answer_buttons_can_be_read() -> None:
    sheet = Path(looks.__file__).with_name("desk").joinpath("card.css").read_text("utf-8")
    fills = re.findall(r"data-act=\"(?:anomaly|normal|unsure)\"\][^{]*\{ background: (#[0-9a-f]{6})", sheet)
    assert len(fills) == 6
    assert min(contrast("#ffffff", fill) for fill in fills) >= 4.5


@pytest.mark.parametrize("line", [*looks.VALUES.values(), looks.LINE, looks.ALARM, looks.ASKED_EDGE])
def test_lines_can_be_seen_on_both_grounds(line: str) -> None:
    assert min(contrast(line, ground) for ground in GROUNDS) >= 3


@pytest.mark.parametrize("file", ["draw.js", "sketch.js"])
def test_the_cards_lines_can_be_seen_on_both_grounds(file: str) -> None:
    script = Path(looks.__file__).with_name("desk").joinpath(file).read_text("utf-8")
    lines = re.findall(r"\"(#[0-9a-f]{6})\"", script)
    assert len(lines) >= 2
    assert min(contrast(line, ground) for line in lines for ground in GROUNDS) >= 3
