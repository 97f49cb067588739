"""Where does the event begin and end? A slider with two handles over the points that may be marked, one a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from labeling_ui.components import words
from labeling_ui.components.series_chart import LEFT, RIGHT
from rl_tsad.services.labeling import Card

Extent = tuple[int, int]
SHEET = (
    '[class*="st-key-extent-"] {{'
    f" padding-left: calc({LEFT}px + {{left:.5f}} * (100% - {LEFT + RIGHT}px));"
    f" padding-right: calc({RIGHT}px + {{right:.5f}} * (100% - {LEFT + RIGHT}px)); }}}}"
)
KEYS = """
<script>
(() => {
  if (window.rlTsadKeys) return;
  window.rlTsadKeys = true;
  const buttons = {a: "anomaly-", n: "normal-", u: "unsure-", z: "undo-", x: "zoom", l: "look-alikes"};
  let moved = 0;
  document.addEventListener("input", (event) => { if (event.target.type === "range") moved = Date.now(); }, true);
  document.addEventListener("keydown", (event) => {
    const name = buttons[event.key];
    if (event.target.type !== "range" || !name || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.blur();
    const press = () => document.querySelector(`[class*="st-key-${name}"] button`)?.click();
    if (!event.repeat) setTimeout(press, Math.max(0, moved + 400 - Date.now()));
  }, true);
})();
</script>
"""
"""The page's keys also while a handle has the focus, where Streamlit ignores them; a key waits until the last move of a
handle has been sent, so that the answer carries it."""
LABEL = "Where does it begin and end?"


def key_of(turn: int, item: int) -> str:
    """Name the slider of one question: a constant name would carry its value over to the next question."""
    return f"extent-{turn}-{item}"


def marked(card: Card, turn: int) -> Extent:
    """Give the marked positions [low, high) of a card: as the handles stand, or as proposed."""
    return _positions(key_of(turn, card.item.id), card.event)


def points(key: str, origin: int, event: Extent) -> Extent:
    """Give the marked points [low, high) of the series, in a callback that has no card.

    Args:
        key: of the slider.
        origin: number of the card's first point.
        event: the proposed positions, for a slider that nobody has touched.
    """
    low, high = _positions(key, event)
    return origin + low, origin + high


def show(card: Card, turn: int) -> None:
    """Draw the slider below the picture, as wide there as what may be marked; arrow keys move a handle by one point."""
    first, last = card.markable
    low, high = card.event
    shown = labels(card.times[first:last], card.timezone)
    left, right = insets(card.times, card.markable)
    st.html(f"<style>{SHEET.format(left=left, right=right)}</style>")  # two numbers: no text from data
    st.select_slider(
        LABEL,
        options=list(range(first, last)),
        value=(max(low, first), min(high, last) - 1),
        format_func=lambda place: shown[place - first],
        key=key_of(turn, card.item.id),
    )


def listen() -> None:
    """Let the page's keys work while a handle has the focus; put it where an empty line does no harm."""
    st.html(KEYS, unsafe_allow_javascript=True)


def insets(times: NDArray[Any], markable: Extent) -> tuple[float, float]:
    """Give the shares of the time axis left and right of what may be marked.

    Args:
        times: (M,) shown times or sample numbers.
        markable: positions [low, high).

    Example:
        >>> insets(np.arange(0, 110, 10), (2, 11))
        (0.2, 0.0)
    """
    whole = float((times[-1] - times[0]).astype(np.int64)) or 1.0
    left, right = times[markable[0]] - times[0], times[-1] - times[markable[1] - 1]
    return float(left.astype(np.int64)) / whole, float(right.astype(np.int64)) / whole


def labels(times: NDArray[Any], timezone: str | None) -> list[str]:
    """Name each point by its time, as shortly as tells them apart.

    Args:
        times: (M,) datetime64 in UTC or int64 sample numbers.
        timezone: zone to say them in, at the first point's offset.

    Example:
        >>> labels(np.array([7, 8]), None)
        ['7', '8']
        >>> labels(np.array(["2026-03-03T22:59", "2026-03-03T23:01"], dtype="datetime64[ns]"), "Europe/Berlin")
        ['3 Mar 23:59:00', '4 Mar 00:01:00']
    """
    if not np.issubdtype(times.dtype, np.datetime64):
        return [str(int(time)) for time in times]
    shift = words.clock_at(words.instant(times[0]), timezone).offset
    moments = [words.instant(time) + shift for time in times]
    day = len({moment.date() for moment in moments}) > 1
    fine = any(moment.microsecond for moment in moments)
    named = [
        (f"{moment.day} {moment:%b} " if day else "")
        + f"{moment:%H:%M:%S}"
        + (f".{moment.microsecond:06d}" if fine else "")
        for moment in moments
    ]
    return named if len(set(named)) == len(named) else [f"{name} ({place})" for place, name in enumerate(named, 1)]


def _positions(key: str, event: Extent) -> Extent:
    chosen = st.session_state.get(key)
    return event if chosen is None else (int(chosen[0]), int(chosen[1]) + 1)
