"""How does the page look beyond its theme: one static sheet of rules, with nothing from data in it."""

from __future__ import annotations

import streamlit as st

# White on each fill is at least 4.5:1 (vermilion 5.5, blue 6.9, slate 6.3); hover darkens.
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
[class*="st-key-anomaly-"] button { background: #b34700; border-color: #b34700; color: #ffffff; }
[class*="st-key-normal-"] button { background: #0a5c9e; border-color: #0a5c9e; color: #ffffff; }
[class*="st-key-unsure-"] button { background: #56616f; border-color: #56616f; color: #ffffff; }
[class*="st-key-anomaly-"] button:hover { background: #8f3900; border-color: #8f3900; color: #ffffff; }
[class*="st-key-normal-"] button:hover { background: #084a80; border-color: #084a80; color: #ffffff; }
[class*="st-key-unsure-"] button:hover { background: #434c58; border-color: #434c58; color: #ffffff; }
[class*="st-key-anomaly-"] kbd, [class*="st-key-normal-"] kbd, [class*="st-key-unsure-"] kbd { color: #ffffff; }
.st-key-answers kbd { font-weight: 700; opacity: 1; }
[data-testid="stCaptionContainer"] { color: inherit !important; opacity: 0.85; }
.js-plotly-plot .plotly .main-svg text { fill: currentColor !important; }
.st-key-picture .scatterlayer .trace:nth-child(2) path.js-line { stroke: currentColor !important; }
.st-key-answers button { min-height: 2.9rem; font-weight: 600; }
[class*="st-key-extent-"] label p { white-space: nowrap; }
[class*="st-key-extent-"] [data-testid="stSliderThumbValue"] { color: inherit !important; }
[class*="st-key-extent-"] div:nth-child(2) > [data-testid="stSliderThumbValue"] { translate: -50% 0; }
[class*="st-key-extent-"] div:nth-child(3) > [data-testid="stSliderThumbValue"] { translate: 50% 0; }
.st-key-facts p { line-height: 1.4; }
[data-testid="stTab"][aria-selected="true"] { color: inherit; }
[class*="st-key-tile-"] p { line-height: 1.4; }
</style>
"""


def apply() -> None:
    """Put the sheet on the page."""
    st.html(_SHEET)
