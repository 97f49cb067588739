"""Claim: which rule should pick the questions? Each plays the same loop with the chain, beside the mixed queue.

    python benchmarks/agent_questions.py --out FOLDER [--worlds plant-0,...] [--methods mixed,decay,...] [--seeds 1]

Loop, worlds, utility and F1 as in ``agent.py``; events are asked, the rule acts on the belief, who picks differs:

* ``mixed``: margin, top and diverse take turns (the default); ``margin``, ``top``, ``diverse``: one of them alone;
* ``fixed``, ``decay``: walks that ask below a margin, fixed, or scaled by what is left of questions and windows;
* ``spend``: variable uncertainty (Zliobaite et al., TNNLS 2014); ``quantile``: balanced incremental quantile filter
  (Kottke et al., IDA 2015);
* ``random``: drawn by chance with the same spacing.

Settings of the walks were chosen among ``TRIED`` on the plants 100-119 (the highest F1, mean over 10, 20, 50 and 100
questions and over plants). The last line is one JSON object.
"""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import torch
from agent import Learner, Method, learn_ours, read_options, run_cells
from agent_tables import Side, show_means, show_pairs

from rl_tsad.active.select import Pick, select
from rl_tsad.agent.chain import ChainConfig
from rl_tsad.config import ActiveConfig, StreamConfig
from rl_tsad.setting_types import Rule
from rl_tsad.types import Float32, Keys

ALONE = ActiveConfig(rule="margin")
SHARES = ((2, 4, 4), (4, 2, 4), (0, 5, 5), (3, 3, 4))
"""Of margin, top and diverse in a mixed batch, in tenths; the default is 4, 4, 2."""


def pick_random(keys: Keys, probability: Float32, prior: Float32, embedding: Float32, **asking: object) -> list[Pick]:
    """Pick by chance: where all margins are alike, the seed decides."""
    level = np.full_like(probability, 0.5)
    return select(keys, level, prior, embedding, **{**asking, "config": ALONE})


def _method(rule: Rule, **stream: float) -> Method:
    return Method(LEARN, True, ActiveConfig(rule=rule, stream=StreamConfig(**stream)))


LEARN: Learner = learn_ours(ChainConfig(), actors=False)
METHODS = {
    **{rule: _method(rule) for rule in ("mixed", "margin", "top", "diverse", "decay", "spend", "quantile")},
    "fixed": _method("decay", margin=0.6, pace=0.0),
    "random": Method(LEARN, True, pick=pick_random),
}
TRIED = {
    **{f"decay {m} {p}": _method("decay", margin=m, pace=p) for m, p in product((0.3, 0.6, 0.9), (0.0, 1.0, 2.0))},
    **{f"spend {s} {w}": _method("spend", step=s, lately=w) for s, w in product((0.01, 0.1), (30, 100))},
    **{f"quantile {w} {t}": _method("quantile", memory=w, tolerance=t) for w, t in product((30, 100), (5.0, 50.0))},
    **{
        f"shares {m} {t} {d}": Method(LEARN, True, ActiveConfig(margin=m / 10, top=t / 10, diverse=d / 10))
        for m, t, d in SHARES
    },
}


def main() -> None:
    torch.set_num_threads(1)
    table = run_cells(METHODS | TRIED, read_options(__doc__, METHODS))
    show_means(table)
    others = [name for name in table.method.unique() if name != "mixed"]
    pairs: dict[str, tuple[Side, Side]] = {f"{name} - mixed": ((name, "agent"), ("mixed", "agent")) for name in others}
    claims = show_pairs(table, pairs, areas=list(pairs))
    print(json.dumps({"claim": "who should pick the questions", "value": claims}))


if __name__ == "__main__":
    main()
