"""How does the page look beyond its theme: one static sheet of rules, with nothing from data in it."""

from __future__ import annotations

import streamlit as st

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
