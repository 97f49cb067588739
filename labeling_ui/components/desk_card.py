"""The labeling card on the page: its scripts are served beside the page, and it speaks with the REST API by itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import streamlit as st

from labeling_ui.components import words

API, SCRIPT, SHEET = "api/v1", "desk/card.js", "desk/card.css"
FAULTS = (
    "Spike", "Level shift", "Drift", "Noise", "Stuck value", "Dropout", "Wrong rhythm", "Wrong relation", "Other",
)  # fmt: skip
"""Kinds of fault, by the keys 1 to 9."""

_LOADER = f"""
export default async function (component) {{
  const root = new URL("./", document.baseURI);
  const at = (path) => new URL(path, root).href;
  const {{ mount }} = await import(at("{SCRIPT}"));
  return mount({{ ...component, data: {{ ...component.data, api: at("{API}"), sheet: at("{SHEET}") }} }});
}}
"""


def show(workspace: Path, analyst: str, *, model: int, token: str | None = None, alike: bool = True) -> None:
    """Draw the card.

    Args:
        workspace: its folder; with the analyst it tells apart what different desks keep in one browser.
        analyst: who answers.
        model: the version that asks; another one means other questions.
        token: what the card shows to the API; None where the desk needs none.
        alike: whether the card may show what answers would settle.
    """
    scope = hashlib.sha256(f"{workspace.resolve()}|{analyst}".encode()).hexdigest()[:16]
    data = {
        "scope": scope,
        "round": model,
        "token": token,
        "alike": alike,
        "analyst": analyst,
        "faults": list(FAULTS),
        "kinds": words.STRATEGIES,
    }
    _card()(key=f"card-{scope}", data=data, on_kept_change=_run_again)


def _card() -> st.components.v2.types.ComponentRenderer:
    return st.components.v2.component("rl_tsad_card", js=_LOADER)


def _run_again() -> None:
    """The card says that much was kept: the run that this starts draws progress and offers anew."""
