"""The places that look like a marked stretch: a small picture each, jumped to or answered together with exceptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from db.records import Answer
from labeling_ui.components import grid, thumbnail, words
from labeling_ui.components.explore_chart import VALUES
from labeling_ui.components.grid import Tile
from labeling_ui.shelf import Shot
from labeling_ui.state import NOUNS
from rl_tsad.services.exploring import Found, Lying, lying_on, record_of
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import UNKNOWN, window_key


def show(
    ws: Workspace,
    found: Sequence[Found],
    jump: Callable[[Found], None],
    answer: Callable[[list[Found], Answer], None] | None,
) -> None:
    """Draw the places, and the buttons that answer about all that are not left out, if any may."""
    st.markdown(f"#### {words.count(len(found), 'place')} of this shape, the most alike first")
    lying = {name: lying_on(ws, name) for name in {one.series for one in found}}
    places = {key_of(one): one for one in found}
    shots = {key: _shot(ws, one) for key, one in places.items()}
    tiles = [tile(number, one, lying[one.series]) for number, one in enumerate(found, 1)]

    def below(one: Tile) -> None:
        name = thumbnail.short_name(one.key)
        if answer is not None:
            st.checkbox("Leave out", key=f"leave-{name}")
        st.button("Go there", key=f"jump-{name}", icon=":material/my_location:", on_click=jump, args=(places[one.key],))

    if answer is not None:
        _answers(places, answer)
    grid.draw(tiles, shots, name="found", beside=found[0].series, below=below)


def _answers(places: Mapping[str, Found], answer: Callable[[list[Found], Answer], None]) -> None:
    kept = [one for key, one in places.items() if not st.session_state.get(f"leave-{thumbnail.short_name(key)}")]
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, said in (("anomaly", Answer.ANOMALY), ("normal", Answer.NORMAL)):
            st.button(
                f"{NOUNS[said]}: all {len(kept)} not left out", key=f"{name}-found", disabled=not kept,
                on_click=answer, args=(kept, said),
            )  # fmt: skip


def key_of(one: Found) -> str:
    """Name a place.

    Example:
        >>> key_of(Found("a", 4, 12, 0.5))
        'a:4:8'
    """
    return window_key(one.series, one.low, one.high - one.low)


def tile(number: int, one: Found, lying: Lying) -> Tile:
    """Say of a place how far it is and what is known of it; people's answers come before all else."""
    said = lying.said(one.low, one.high)
    settled = sorted(lying.settled.at(one.low, one.high))
    known = [f"**{NOUNS[answer]}**" for answer in said] or [f"settled {words.VALUES[value]}" for value in settled]
    known += ["alarm"] if lying.alarms.at(one.low, one.high) else []
    value = VALUES[said[0]] if said else settled[-1] if settled else UNKNOWN
    return Tile(key_of(one), value, " · ".join([f"{number} · {one.distance:.2f}", *known]))


def _shot(ws: Workspace, one: Found) -> Shot:
    record = record_of(ws, one.series)
    recorded = load_series(ws, record)
    targets = [place for place, channel in enumerate(record.channels) if channel not in record.exogenous]
    values = np.array(recorded.values[one.low : one.high])
    return Shot(
        key_of(one), one.series, values[:, targets] if targets else values,
        np.array(recorded.times[one.low : one.high]), record.timezone,
    )  # fmt: skip
