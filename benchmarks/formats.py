"""What do export and import of answers cost in each format, beside a plain reading of the same bytes?

A series of 10^6 points with 10^5 answers, one a window, by three people. Each format is written, read by pandas or json
alone (no meaning, no store), and imported into a workspace without answers; CPU-seconds of each, the median of
``--rounds``; ``--profile`` shows where it goes. The last line is one JSON object with the claim: the dearest import,
and every format's figures.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import pstats
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hand_made import add_series

from db import labels
from db.imports import append_all
from db.records import Answer, NewLabel
from rl_tsad.data.annotations.forms import Form
from rl_tsad.services.exchange import export_answers
from rl_tsad.services.importing import import_answers
from rl_tsad.services.workspace import Workspace, create_workspace, open_workspace
from rl_tsad.settings import load_settings
from rl_tsad.types import Series, window_key

LENGTH, STRIDE = 64, 8
ENDINGS = {Form.HISTORY: "json", Form.INTERVALS_JSON: "json", Form.NAB: "json", Form.TSB_AD: "zip"}
ENDINGS |= {Form.LABEL_STUDIO: "zip"}
PEOPLE = ("ann", "bob", "cleo")


def make(root: Path, points: int, channels: int) -> None:
    """Make a workspace with one series and no answers."""
    values = np.random.default_rng(0).normal(size=(points, channels)).astype(np.float32).cumsum(axis=0)
    clock = np.datetime64("2024-01-01T00:00", "ns") + np.arange(points) * np.timedelta64(60, "s")
    names = tuple(f"c{number}" for number in range(channels))
    with create_workspace(root, load_settings(window={"length": LENGTH, "stride": STRIDE})) as ws:
        add_series(ws, Series("plant", values, clock, names, timezone="Europe/Berlin"))


def fill(ws: Workspace, points: int, answers: int) -> float:
    """Give the answers, and tell the CPU-seconds that the store alone takes for them."""
    rng = np.random.default_rng(1)
    rows = np.sort(rng.permutation((points - LENGTH) // STRIDE + 1)[:answers])
    said = rng.choice(
        np.array([Answer.NORMAL, Answer.ANOMALY, Answer.UNSURE], dtype=object), answers, p=(0.6, 0.3, 0.1)
    )
    who = rng.choice(np.array(PEOPLE, dtype=object), answers)
    new = [
        [NewLabel(window_key("plant", start, LENGTH), "plant", start, LENGTH, answer, name)]
        for start, answer, name in zip((rows * STRIDE).tolist(), said, who, strict=True)
    ]
    began = time.process_time()
    with ws.store.begin() as session:
        append_all(session, new, "benchmark")
    return time.process_time() - began


def plainly(path: Path) -> None:
    """Read a file as pandas or json do, without asking what is in it."""
    if path.suffix != ".zip":
        _parsed(path.suffix, path.read_bytes())
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            _parsed(Path(name).suffix, archive.read(name))


def _parsed(ending: str, content: bytes) -> None:
    if ending == ".json":
        json.loads(content)
    elif ending == ".csv":
        pd.read_csv(io.BytesIO(content))


def timed(act: Callable[[], Any]) -> float:
    """CPU-seconds of an act."""
    began = time.process_time()
    act()
    return time.process_time() - began


def one_round(folder: Path, form: Form, profile: cProfile.Profile | None) -> tuple[float, float, float, float, int]:
    """CPU-seconds to write, to read plainly and to import; MB of the file; windows that were added."""
    path, twin, around = folder / f"a.{ENDINGS.get(form, 'csv')}", folder / "twin", profile or nullcontext()
    shutil.copytree(folder / "empty", twin)
    try:
        with open_workspace(folder / "full") as full, open_workspace(twin) as ws, around:
            out = timed(lambda: export_answers(full, path, form))
            plain = timed(lambda: plainly(path))
            into = timed(lambda: import_answers(ws, path))
            with ws.store.read() as session:
                added = len(labels.standing(session))
        return out, plain, into, path.stat().st_size / 1e6, added
    finally:
        path.unlink(missing_ok=True)
        shutil.rmtree(twin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--forms", nargs="+", default=[form.value for form in Form])
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    profile = cProfile.Profile() if given.profile else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "empty", given.points, given.channels)
        shutil.copytree(folder / "empty", folder / "full")
        with open_workspace(folder / "full") as ws:
            store = fill(ws, given.points, given.answers)
        print(f"{given.points} points x {given.channels} channels, {given.answers} answers")
        print(f"CPU-seconds; the store alone takes {store:.2f} for the answers")
        print(
            f"{'format':<15}{'MB':>7}{'write':>7}{'plainly read':>14}{'import':>8}{'ratio':>7}{'windows':>9}",
            flush=True,
        )
        for form in map(Form, given.forms):
            rounds = [one_round(folder, form, profile) for _ in range(given.rounds)]
            out, plain, into, size, added = np.median(np.array(rounds), axis=0).tolist()
            found[form.value] = {"mb": round(size, 1), "write": round(out, 2), "plain": round(plain, 2)}
            found[form.value] |= {"import": round(into, 2), "ratio": round(into / plain, 1), "windows": int(added)}
            line = f"{form.value:<15}{size:>7.1f}{out:>7.2f}{plain:>14.2f}{into:>8.2f}{into / plain:>7.1f}{added:>9.0f}"
            print(line, flush=True)
    if profile is not None:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    dearest = max(found, key=lambda form: found[form]["import"])
    claim = {
        "claim": f"CPU-seconds of the dearest import of {given.answers} answers on {given.points} points ({dearest})",
        "value": found[dearest]["import"],
        "store_alone": round(store, 2),
        "formats": found,
        "rounds": given.rounds,
        "seeds": 1,
    }
    print(json.dumps(claim))


if __name__ == "__main__":
    main()
