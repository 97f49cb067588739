"""Windows side by side: a small picture each, with what it is taken for and when it was in words below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from labeling_ui.components import plain, thumbnail, words
from labeling_ui.shelf import Shot
from rl_tsad.services.look_alikes import Alike

COLUMNS = 6


@dataclass(frozen=True)
class Tile:
    """A window in a grid.

    Attributes:
        key: which.
        value: 0 or 1, as what it is taken; -1 for neither.
        title: what is said of it; from this page's own words, so it may hold marks.
    """

    key: str
    value: int
    title: str


def of_alike(alike: Sequence[Alike], first: int = 1) -> list[Tile]:
    """Make tiles of settled windows, numbered.

    Args:
        alike: the windows.
        first: number of the first one.

    Example:
        >>> of_alike([Alike("a:0:8", 1, 0.92)])[0].title
        '1 · **Anomaly** 92 %'
    """
    return [
        Tile(one.key, one.value, f"{number} · **{words.VALUES[one.value]}** {words.share_of_one(one.confidence)}")
        for number, one in enumerate(alike, first)
    ]


def when(shot: Shot | None, beside: str = "") -> str:
    """Say when a window was, after its series where that is another one than ``beside``; not escaped.

    Example:
        >>> when(None)
        'not in the data any more'
    """
    if shot is None:
        return "not in the data any more"
    time = words.brief(shot.times[shot.first :], shot.timezone)
    return time if beside in ("", shot.series) else f"{shot.series} · {time}"


def below_picture(title: str, time: str) -> str:
    r"""Write the two lines under a picture.

    Args:
        title: this page's own words, marks and all.
        time: when and where; any text.

    Example:
        >>> below_picture("**Normal**", "samples 0 to 7")
        '**Normal**  \n:small[samples 0 to 7]'
    """
    return f"{title}  \n:small[{plain.markdown(time)}]"


def draw(
    tiles: Sequence[Tile],
    shots: Mapping[str, Shot],
    *,
    name: str,
    beside: str = "",
    below: Callable[[Tile], None] | None = None,
) -> None:
    """Draw windows in rows.

    Args:
        tiles: the windows.
        shots: their pictures; one that is missing is said to be.
        name: of the grid, once a page.
        beside: series whose name needs no saying.
        below: draws what comes under each.
    """
    within = thumbnail.ranges(shots.values())
    for start in range(0, len(tiles), COLUMNS):
        row = tiles[start : start + COLUMNS]
        for column, one in zip(st.columns(COLUMNS, gap="small"), row, strict=False):
            with column.container(key=f"tile-{name}-{thumbnail.short_name(one.key)}", gap="xxsmall"):
                shot = shots.get(one.key)
                if shot is not None:
                    thumbnail.draw(shot, within, one.value, key=f"{name}-{thumbnail.short_name(one.key)}")
                st.markdown(below_picture(one.title, when(shot, beside)))
                if below is not None:
                    below(one)
