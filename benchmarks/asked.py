"""Claim: what a language model that writes would be worth, were it right so often; no such model was at hand.

    python benchmarks/asked.py --out FOLDER [--worlds plant-0,...,nab,skab] [--seeds 10]

Two hundred windows of the pool are chosen, asked about and inherited from exactly as the package does, and what is said
takes the place of the rule's severity in what the belief sees. The replies are made from truth: right in all cases
(``judge 1.00``), in nine of ten, in three of four; severity .9 for an anomaly and .1 else. ``shipped`` asks nobody;
``knows itself`` is the first judge where windows of the pool inherit what was said of themselves and around them too.
With ``taught`` replies also teach, like answers of half a person's weight (``language.teach``); on the plants, whose
pools hold 240 windows, 60 are asked about for it.
Loop, worlds, utility and F1 as in ``agent.py``; the table pairs each judge with ``shipped``. What a real model reaches
is for its owner to see: how often its verdicts agree with people's answers. The last line is one JSON object.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from agent import Learned, Method, learn_ours, read_options, run_cells
from agent_bench import Bench
from agent_cases import POOL, read_world
from agent_tables import show_means, show_pairs

from rl_tsad.agent.chain import ChainConfig
from rl_tsad.config import Settings
from rl_tsad.data.habits import NOTED
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.judge import Judgement
from rl_tsad.language.asked import Plan, Told, as_targets, plan_questions, spread_severities
from rl_tsad.language_config import AskingConfig, LanguageConfig
from rl_tsad.seeding import derive_rng
from rl_tsad.services.pools import split_windows
from rl_tsad.types import Float32, Keys, Targets, rows_of

RIGHT = (1.0, 0.9, 0.75)
TAUGHT, FEW, MANY = 0.5, 60, 200
_COLUMN = NOTED.index("severity")


def ask_judge(bench: Bench, right: float, seed: int, calls: int) -> tuple[Keys, Plan, Float32]:
    """Give the keys of all windows in the order of the plan, the plan, and what a judge says that is right so often."""
    series, settings = read_world(bench.world.name), Settings(seed=seed)
    windows = [make_windows(one, settings.window) for one in series]
    cut = replace(settings.split, pool_fraction=POOL)
    pools = {
        its.series: its.starts
        for its in split_windows(series, windows, settings.model_copy(update={"split": cut})).pool
    }
    none = np.empty(0, np.int64)
    told = [
        Told(one, its, np.isin(its.starts, pools.get(one.name, none))) for one, its in zip(series, windows, strict=True)
    ]
    plan = plan_questions(told, LanguageConfig(asking=AskingConfig(calls=calls)), values=False)
    keys = np.concatenate([its.keys for its in windows])
    truth = bench.world.truth[rows_of(bench.keys, keys)]
    rng = derive_rng(seed, "judge", bench.world.name, right)
    answer = truth[plan.asked] ^ (rng.random(len(plan.asked)) >= right)
    return keys, plan, np.where(answer, 0.9, 0.1).astype(np.float32)


@dataclass(frozen=True)
class Judge:
    """A learner that asks a judge.

    Attributes:
        right: how often it is right.
        barred: whether a window of the pool hears only what was said two lengths away.
        teaches: whether replies also teach, like answers of half a person's weight.
    """

    right: float
    barred: bool = True
    teaches: bool = False
    known: dict[tuple[str, int], tuple[Float32, Keys, Float32]] = field(default_factory=dict)

    def learn(self, bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        """Let the belief see, and learn from, what is said."""
        place = (bench.world.name, seed)
        if place not in self.known:
            few = self.teaches and bench.world.name.startswith("plant")
            keys, plan, answer = ask_judge(bench, self.right, seed, FEW if few else MANY)
            whole, apart, _ = spread_severities(plan, np.ones(len(plan.asked), np.bool_), answer)
            heard = (apart if self.barred else whole)[rows_of(keys, bench.keys)]
            self.known[place] = (heard, keys[plan.asked], answer)
        real, keys, answer = self.known[place]
        own = real[bench.world.pool]
        world = replace(bench.world, judgements=_told(bench.world.judgements, real))
        told = replace(bench, world=world, pool=_told(bench.pool, own), seen=_told(bench.seen, own))
        if self.teaches:
            targets = as_targets(keys, answer, targets, weight=TAUGHT)
        return learn_ours(ChainConfig(), actors=False)(told, targets, seed, judged)


def _told(judgements: tuple[Judgement, ...], column: Float32) -> tuple[Judgement, ...]:
    cuts = np.cumsum([len(one) for one in judgements])[:-1]
    result = []
    for one, part in zip(judgements, np.split(column, cuts) if len(judgements) else (), strict=True):
        notes = one.notes.copy()
        notes[:, _COLUMN] = part
        result.append(replace(one, notes=notes))
    return tuple(result)


def main() -> None:
    torch.set_num_threads(1)
    judges = {f"judge {right:.2f}": Judge(right) for right in RIGHT}
    judges |= {f"taught {right:.2f}": Judge(right, teaches=True) for right in RIGHT}
    judges["knows itself"] = Judge(1.0, barred=False)
    names = ["shipped", *judges]
    options = read_options(__doc__, dict.fromkeys(names))
    methods = {"shipped": Method(learn_ours(ChainConfig(), actors=False), True)}
    methods |= {name: Method(judge.learn, True) for name, judge in judges.items()}
    table = run_cells(methods, options)
    show_means(table)
    less = {f"{name} - shipped": ((name, "agent"), ("shipped", "agent")) for name in names[1:]}
    claims = show_pairs(table, less)
    print(json.dumps({"claim": "what a model that writes would be worth", "value": claims}))


if __name__ == "__main__":
    main()
