"""Claim: a note in plain words removes at least half of the false alarms on what it calls normal, before any label.

    python benchmarks/domain_notes.py [--plants 20] [--note "maintenance stops are normal"]

Simulated plants 0-19, three maintenance stops each, which are normal. The detector is fitted once a plant; then the
chain decides without any answer, as it is and with the note, on the last 40 % (the test). Counted are windows in
alarm, and alarms opened, on stops (until 64 points after one, as long as a window) and elsewhere where nothing is
wrong, and faulty windows in alarm: what the note costs. Intervals: 95 %, bootstrapped over plants. How notes are read:
on 24 notes that were not looked at when the thresholds were chosen, the share for which the situation that we meant is
among those that it was understood to be, and how many those are. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from agent_cases import POOL
from agent_tables import interval

from rl_tsad.agent.chain import ChainConfig, learn_chain
from rl_tsad.config import Settings
from rl_tsad.data.excuses import Excuse
from rl_tsad.data.simulate import Plant, simulate_plant
from rl_tsad.data.windows import make_windows
from rl_tsad.decision_config import ControlConfig
from rl_tsad.detector.apart import Apart, set_apart
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.rehearse import rehearse
from rl_tsad.errors import ConfigError
from rl_tsad.evaluation.metrics import event_f1
from rl_tsad.language.backend import embedder
from rl_tsad.language.cache import CachedEmbedder
from rl_tsad.language.domain_notes import meant_by, read_notes
from rl_tsad.language_config import LanguageConfig
from rl_tsad.seeding import derive_rng
from rl_tsad.services.pools import split_windows
from rl_tsad.types import Bool, Series, Windows, no_targets, spans_of

SENSORS = ("flow", "pressure", "valve", "motor current", "temperature", "vibration", "tank level")
LEVEL, JUMP = "many channels move to another level", "many channels jump briefly"
UNSEEN = {
    "Overhaul downtime is planned": LEVEL,
    "The furnace is shut down for the holidays": LEVEL,
    "Grade changes happen twice a day": LEVEL,
    "Switching from day to night mode is fine": LEVEL,
    "Warm-up after standstill": LEVEL,
    "Cleaning stops": LEVEL,
    "The machine is turned off when the tank is full": LEVEL,
    "Lower throughput on Sundays": LEVEL,
    "Voltage sags disturb all readings": JUMP,
    "Short network outages": JUMP,
    "During backups the recorder holds the last values": "many channels stand still",
    "Pressure peaks when it slams": "a channel spikes",
    "Motor current peaks at start are fine": "a channel spikes",
    "Flow falls briefly at every shift change": "a channel dips",
    "Momentary drops of temperature while doors are open": "a channel dips",
    "High temperature on hot days": "a channel is higher",
    "Vibration is higher with product B": "a channel is higher",
    "Tank level is low on Mondays": "a channel is lower",
    "Low flow in the morning": "a channel is lower",
    "Pressure drifts with the weather": "a channel drifts",
    "Slow warming over the shift": "a channel drifts",
    "Valve hunting is known": "a channel swings",
    "Noisy motor current signal": "a channel swings",
    "Tank level sensor freezes at times": "a channel stands still",
}


def learn(plant: Plant) -> tuple[Apart, Series, Windows, Windows, Bool]:
    """Fit the label-free side on a plant's pool; give it with all windows, the pool's, and which are tested."""
    series, settings = plant.series, Settings()
    windows = make_windows(series, settings.window)
    cut = replace(settings.split, pool_fraction=POOL)
    split = split_windows([series], [windows], settings.model_copy(update={"split": cut}))
    apart = set_apart(fit_detector([series], split.pool, settings.detector, seed=0), [series], split.pool, seed=0)
    return apart, series, windows, split.pool[0], np.isin(windows.keys, split.test[0].keys)


def decide(apart: Apart, series: Series, windows: Windows, pool: Windows, excuses: tuple[Excuse, ...]) -> Bool:
    """Decide without any answer: (N,) whether the alarm is open."""
    told = replace(
        apart,
        detector=replace(apart.detector, excuses=excuses),
        seen=replace(apart.seen, excuses=excuses),
    )
    judged = told.judge(series, windows)
    own = judged.take(np.isin(windows.keys, pool.keys))
    written = rehearse(told.judges, [series], [pool], Settings().detector.rehearsal, seed=0)
    config = ChainConfig(control=ControlConfig(actor="rule"))
    actor, _ = learn_chain([own], no_targets(), written, config, seed=0, seen=(told.seen.judge(series, pool),))
    return np.asarray(actor.decide([judged]).verdict == 1)


def count(plant: Plant, windows: Windows, test: Bool, alarm: Bool) -> dict[str, float]:
    """Count false alarms on stops and elsewhere, and faulty windows in alarm, on the test windows."""
    spans, series = spans_of(windows, plant.series.length), plant.series
    assert series.truth is not None
    stop = np.zeros(series.length, np.bool_)
    for low, high in plant.stops:
        stop[low : high + windows.length] = True
    stopped = np.array([stop[low:high].any() for low, high in spans])
    fault = np.array([series.truth[low:high].any() for low, high in spans])
    opened = np.diff(alarm.astype(np.int8), prepend=0) == 1
    return {
        "alarm on stops": float((alarm & test & stopped & ~fault).sum()),
        "opened on stops": float((opened & test & stopped & ~fault).sum()),
        "alarm elsewhere": float((alarm & test & ~stopped & ~fault).sum()),
        "faulty in alarm": float((alarm & test & fault).sum()),
        "faulty": float((test & fault).sum()),
        "event F1": event_f1(fault[test].astype(np.int8), alarm[test].astype(np.int8)),
    }


def read_unseen(model: CachedEmbedder) -> dict[str, float]:
    """Read the notes that were not looked at before, and say how well."""
    hits, sizes = [], []
    for note, meant in UNSEEN.items():
        try:
            excuse = read_notes([note], SENSORS, model)[0]
        except ConfigError:
            excuse = Excuse(note, ("not understood",))
        hits.append(meant in excuse.situations)
        sizes.append(len(excuse.situations))
        print(f"{'  ' if hits[-1] else 'x '}{note:52} {meant_by(excuse)}")
    return {"understood": float(np.mean(hits)), "situations": float(np.mean(sizes)), "notes": float(len(hits))}


def compare(plants: Sequence[int], note: str, model: CachedEmbedder) -> dict[str, object]:
    """Play each plant with the note and without, print totals and the share of false alarms on stops that is left."""
    rows = []
    for seed in plants:
        plant = simulate_plant(seed=seed)
        apart, series, windows, pool, test = learn(plant)
        excuses = read_notes([note], [series.channels[place] for place in series.targets], model)
        for name, given in (("without", ()), ("with", excuses)):
            alarm = decide(apart, series, windows, pool, given)
            rows.append({"plant": seed, "note": name, **count(plant, windows, test, alarm)})
        print(f"plant {seed}", flush=True)
    table = pd.DataFrame(rows).set_index(["note", "plant"])
    print(table.groupby("note", sort=False).sum().round(1).drop(columns="event F1").to_string())
    found: dict[str, object] = {}
    for value in ("alarm on stops", "opened on stops", "alarm elsewhere", "faulty in alarm", "event F1"):
        before, after = (table.loc[name, value].to_numpy() for name in ("without", "with"))
        drawn = derive_rng(0, "bootstrap").integers(len(before), size=(4000, len(before)))
        left = after[drawn].sum(axis=1) / np.maximum(before[drawn].sum(axis=1), 1e-9)
        ends = np.quantile(left, [0.025, 0.975]).round(3).tolist()
        found[value] = {
            "without": float(before.sum()),
            "with": float(after.sum()),
            "left": [round(float(after.sum() / max(before.sum(), 1e-9)), 3), *ends],
            "more": [round(x, 3) for x in interval((after - before).tolist(), derive_rng(0, "bootstrap"))],
        }
        print(f"{value}: {found[value]}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plants", type=int, default=20)
    parser.add_argument("--note", default="maintenance stops are normal")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = CachedEmbedder(embedder(LanguageConfig()), None)
    read = read_unseen(model)
    print(read)
    found = compare(range(options.plants), options.note, model)
    print(
        json.dumps({"claim": "a note removes false alarms on what it calls normal", "value": {**found, "read": read}})
    )


if __name__ == "__main__":
    main()
