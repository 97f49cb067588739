"""How does the page look beyond its theme: its colours, and one static sheet of rules with nothing from data in it."""

from __future__ import annotations

import streamlit as st

from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN

# One set of colours for light and dark: each line keeps 3:1 against both grounds, and no meaning hangs on red or green.
LINE, GREY, ALARM = "#2b7bc0", "#7a8797", "#a3569b"
VALUES = {ANOMALY: "#cc6010", NORMAL: LINE, UNKNOWN: GREY}
"""Vermilion, blue and grey: told apart by colour-blind people too; words beside them always say the same."""
ASKED_BAND, ASKED_EDGE = "rgba(230, 159, 0, 0.30)", "#b97c00"
"""What is marked or judged."""

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#0a5c9e"/>'
    '<path d="M3 19h7l3-5 3 12 4-19 3 12h6" fill="none" stroke="#fff" stroke-width="2.6"/></svg>'
)
"""The tab's picture, drawn here: an icon's name would be fetched from another server."""

_SHEET = """
<style>
[data-testid="stMainBlockContainer"] { padding-left: 2rem; padding-right: 2rem; }
[data-testid="stMain"] h3 { padding-top: 0; padding-bottom: 0.25rem; }
[data-testid="stMain"] h4 { padding-top: 0.6rem; padding-bottom: 0.25rem; }
[data-testid="stCaptionContainer"] { color: inherit !important; opacity: 0.85; }
.js-plotly-plot .plotly .main-svg text { fill: currentColor !important; }
[data-testid="stTab"][aria-selected="true"] { color: inherit; }
[class*="st-key-tile-"] p { line-height: 1.4; }
</style>
"""


def apply() -> None:
    """Put the sheet on the page."""
    st.html(_SHEET)
