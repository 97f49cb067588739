"""Why is a window taken for what it is: the ways from answers to it, drawn from left to right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import streamlit as st

from labeling_ui import entrance
from labeling_ui.components import grid, notes, thumbnail, words
from labeling_ui.components.thumbnail import Range
from labeling_ui.shelf import Shot
from rl_tsad.errors import RlTsadError
from rl_tsad.services.reasons import Reasons
from rl_tsad.types import UNKNOWN

MOST_PATHS, MOST_WINDOWS = 3, 5
_SPACE = "{http://graphml.graphdrawing.org/xmlns}"

Share = float | None
Stop = tuple[str, Share, int]
"""A window of a way, the share with which the one drawn before it gives to it, and how many are left out between."""


def show(door: entrance.ServiceDoor, key: str) -> None:
    """Draw the likeliest ways from answers to a window, and offer the graph around it."""
    try:
        reasons = door.why(key)
        ways = [way for way, _, _ in reasons.paths[:MOST_PATHS]]
        shots = door.pictures(list(dict.fromkeys(one for way in ways for one in way)))
    except RlTsadError as error:
        notes.refusal("It cannot be said why.", str(error))
        return
    st.markdown(verdict(reasons))
    steps, within = shares(reasons.graphml), thumbnail.ranges(shots.values())
    for number, (way, share, says) in enumerate(reasons.paths[:MOST_PATHS], 1):
        st.markdown(f"**Way {number}:** {sentence(way, share, says)}")
        _way(stops(way, steps), says, reasons, (f"way-{number}", shots, within))
    st.download_button(
        "Download the graph around it",
        reasons.graphml,
        file_name=file_name(key),
        mime="application/xml",
        icon=":material/download:",
        key="graphml",
        help="GraphML: the windows looked at, what reaches them, and which links lie on these ways.",
    )


def verdict(reasons: Reasons) -> str:
    """Say what a window is taken for and how surely.

    Example:
        >>> verdict(Reasons("a:0:8", 1, 0.62, False, 0.4, (), b""))
        'Settled as **Anomaly** with a confidence of 62 %; 40 % is enough.'
        >>> verdict(Reasons("a:0:8", -1, 0.1, False, float("inf"), (), b""))
        'Not settled. No answer is near enough to say anything of it.'
    """
    sure = words.share_of_one(reasons.confidence)
    far = "" if reasons.paths else " No answer is near enough to say anything of it."
    if reasons.answered:
        return f"A person answered it: **{words.VALUES.get(reasons.value, words.UNSETTLED)}**."
    if reasons.taken_out:
        return "Not settled: somebody took it out of what an answer settles."
    if reasons.value != UNKNOWN:
        return f"Settled as **{words.VALUES[reasons.value]}** with a confidence of {sure}; {_enough(reasons.floor)}."
    if reasons.lean == UNKNOWN:
        return f"Not settled.{far}"
    leaning = f"Not settled: it leans to {words.VALUES[reasons.lean]} with a confidence of {sure}"
    if not np.isfinite(reasons.floor):
        return f"{leaning}; {words.NOT_KNOWN_RIGHT}.{far}"
    return f"{leaning}, and {words.share_of_one(reasons.floor)} would be enough.{far}"


def _enough(floor: float) -> str:
    return f"{words.share_of_one(floor)} is enough" if np.isfinite(floor) else words.NOT_KNOWN_RIGHT


def sentence(way: tuple[str, ...], share: float, says: int) -> str:
    """Say who says what over which way.

    Example:
        >>> sentence(("a:0:8", "a:8:8", "b:0:8"), 0.2, 1)
        'an answer says **Anomaly**, and 20 % of what decides this window comes from it this way, in 2 steps.'
    """
    steps = words.count(len(way) - 1, "step")
    part = words.portion(share)
    return (
        f"an answer says **{words.VALUES[says]}**, and {part} of what decides this window comes from it this way, "
        f"in {steps}."
    )


def stops(way: tuple[str, ...], steps: Mapping[tuple[str, str], float]) -> list[Stop]:
    """Choose the windows of a way that are drawn: a long one's middle is left out.

    Example:
        >>> stops(("a", "b"), {("a", "b"): 0.5})
        [('a', None, 0), ('b', 0.5, 0)]
        >>> [(key, left) for key, _, left in stops(tuple("abcdefgh"), {})]
        [('a', 0), ('b', 0), ('c', 0), ('g', 3), ('h', 0)]
    """
    places = list(range(len(way)))
    if len(way) > MOST_WINDOWS:
        places = [*places[: MOST_WINDOWS - 2], *places[-2:]]
    found: list[Stop] = [(way[places[0]], None, 0)]
    for before, here in pairwise(places):
        share = steps.get((way[before], way[here])) if here == before + 1 else None
        found.append((way[here], share, here - before - 1))
    return found


def shares(graphml: bytes) -> dict[tuple[str, str], float]:
    """Read from GraphML which share of its label each window takes from which; nothing where it cannot be read.

    Example:
        >>> shares(b"<graphml/>")
        {}
    """
    try:
        root = ElementTree.fromstring(graphml)
    except ElementTree.ParseError:
        return {}
    names = {key.get("id") for key in root.iter(f"{_SPACE}key") if key.get("attr.name") == "share"}
    return {
        (edge.get("source", ""), edge.get("target", "")): float(data.text or 0)
        for edge in root.iter(f"{_SPACE}edge")
        for data in edge.iter(f"{_SPACE}data")
        if data.get("key") in names
    }


def file_name(key: str) -> str:
    """Make a file's name of a window's key.

    Example:
        >>> file_name("../pump <b>:40:64")
        'pump-b-40-64.graphml'
    """
    return (re.sub(r"[^A-Za-z0-9_]+", "-", key).strip("-")[-80:] or "window") + ".graphml"


def _way(
    way: list[Stop], says: int, reasons: Reasons, drawn: tuple[str, Mapping[str, Shot], Mapping[str, Range]]
) -> None:
    name, shots, within = drawn
    columns = st.columns([3, *[1, 3] * (MOST_WINDOWS - 1)], gap="small", vertical_alignment="center")
    for place, (key, share, left_out) in enumerate(way):
        if place:
            columns[2 * place - 1].markdown(_arrow(share, left_out), text_alignment="center")
        with columns[2 * place].container(key=f"tile-{name}-{place}", gap="xxsmall"):
            shot, is_first, is_last = shots.get(key), place == 0, key == reasons.key
            value = says if is_first else reasons.value if is_last else UNKNOWN
            if shot is not None:
                thumbnail.draw(shot, within, value, key=f"{name}-{place}")
            st.markdown(grid.below_picture(_role(value, is_first=is_first, is_last=is_last), grid.when(shot)))


def _role(value: int, *, is_first: bool, is_last: bool) -> str:
    if is_last:
        return "**This window**"
    return f"**{words.VALUES[value]}**, answered" if is_first else "Look-alike"


def _arrow(share: Share, left_out: int) -> str:
    said = "" if share is None else f"  \n{words.portion(share)}"
    between = f"  \n{left_out} more" if left_out else ""
    return f":material/arrow_forward:{said}{between}"
