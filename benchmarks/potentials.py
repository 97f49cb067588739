"""Claim: what severity in words is worth at 0 to 100 labels: as potential, as feature, as ranker of questions.

    python benchmarks/potentials.py --out FOLDER [--worlds nab,skab] [--seeds 10] [--methods "reward off",...]

Loop, worlds, utility and F1 as in ``agent.py``. Severity comes from nowhere (``off``), from a rule on what stands out
(``statistics``), from the embedded language model by likeness to the rubric's sentences (``embedded``), or from truth
(``oracle``: what no language model can exceed). It enters in four ways, each judged on the same worlds:

* ``reward``: a potential for the published PPO on windows (arXiv 2601.02511), which asks by margin;
* ``policy``: a potential on the alarm for the policy that follows the rule, forced to act; the rule asks;
* ``feature``: a column of what the belief sees, beside nothing else that words say; the rule acts and asks;
* ``ranker``: the top-scored questions are those of high mean severity and belief; the rule acts.

How well severity alone ranks is printed first (average precision on test windows). Usual behaviour is learnt on the
pool. Embedding takes seconds, as many windows share a sentence. The last line is one JSON object.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from agent import MARGIN, PUBLISHED, Learned, Learner, Method, learn_ours, read_options, run_cells
from agent_bench import Bench
from agent_cases import POOL, load_world, read_world
from agent_tables import show_means, show_pairs
from sklearn.metrics import average_precision_score

from rl_tsad.active.select import Pick, select
from rl_tsad.agent.act import act
from rl_tsad.agent.chain import ChainConfig, learn_chain
from rl_tsad.agent.observe import observe
from rl_tsad.agent.train import train_agent
from rl_tsad.config import Settings
from rl_tsad.data.habits import NOTED, Habit, take_notes
from rl_tsad.data.windows import make_windows
from rl_tsad.decision_config import ControlConfig, PolicyConfig
from rl_tsad.detector.judge import Judgement
from rl_tsad.detector.known import covered_part, habit_of
from rl_tsad.detector.rehearse import fit_cost, write_copies
from rl_tsad.language.backend import embedder
from rl_tsad.language.cache import CachedEmbedder
from rl_tsad.language.describe import sentences
from rl_tsad.language.severity import severity
from rl_tsad.language_config import LanguageConfig
from rl_tsad.seeding import derive_seed
from rl_tsad.services.pools import split_windows
from rl_tsad.types import Float32, Targets, no_targets

SOURCES = ("off", "statistics", "embedded", "oracle")
WAYS = ("reward", "policy", "feature", "ranker")
WEIGHT = 0.5
_AT_ONCE = 2048
_STATISTICS = NOTED.index("severity")


class Severities:
    """Severities of a world's windows and of its copies', by source; the embedded ones are kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._model = folder, CachedEmbedder(embedder(LanguageConfig()), folder / "words.db")

    def real(self, bench: Bench, source: str, seed: int) -> Float32:
        """Give (N,) float32 of all windows."""
        if source == "oracle":
            return bench.world.truth.astype(np.float32)
        if source == "statistics":
            return np.concatenate([one.notes[:, _STATISTICS] for one in bench.world.judgements])
        return self._embedded(bench.world.name, seed)[0] if source == "embedded" else np.zeros(len(bench.keys), "f4")

    def copies(self, bench: Bench, source: str, seed: int) -> Float32:
        """Give (M,) float32 of the windows of all copies."""
        written = bench.world.rehearsal
        if source == "oracle":
            return np.concatenate(written.truth).astype(np.float32)
        if source == "statistics":
            return np.concatenate([one.notes[:, _STATISTICS] for one in written.judgements])
        if source == "embedded":
            return self._embedded(bench.world.name, seed)[1]
        return np.zeros(sum(map(len, written.truth)), np.float32)

    def _embedded(self, name: str, seed: int) -> tuple[Float32, Float32]:
        file = self._folder / f"{name}.{seed}.npz"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            real, copies = self._judge(name, seed)
            np.savez(file, allow_pickle=False, real=real, copies=copies)
        with np.load(file, allow_pickle=False) as kept:
            return kept["real"], kept["copies"]

    def _judge(self, name: str, seed: int) -> tuple[Float32, Float32]:
        series, settings = read_world(name), Settings(seed=seed)
        windows = [make_windows(one, settings.window) for one in series]
        cut = replace(settings.split, pool_fraction=POOL)
        split = split_windows(series, windows, settings.model_copy(update={"split": cut}))
        by_name = {one.name: one for one in series}
        habits = {its.series: habit_of(covered_part(by_name[its.series], its)) for its in split.pool}
        real = [self._said(its.values, habits[one.name]) for one, its in zip(series, windows, strict=True)]
        config, written = settings.detector.rehearsal, []
        count, kept = fit_cost(split.pool, config)
        for its in (one for one in kept if len(one)):
            seeded = derive_seed(seed, "rehearsal")
            for _, laid in write_copies(by_name[its.series], its, config, copies=count, seed=seeded):
                written.append(self._said(laid.values, habits[its.series]))
        return np.concatenate(real), np.concatenate(written)

    def _said(self, values: Float32, habit: Habit) -> Float32:
        parts = []
        for low in range(0, len(values), _AT_ONCE):
            texts, which = sentences(take_notes(values[low : low + _AT_ONCE], habit), None)
            parts.append(severity(texts, self._model)[which])
        return np.concatenate(parts)


def as_reward(severities: Severities, source: str) -> Learner:
    """Shape the published PPO by a potential of this severity."""
    config = replace(PUBLISHED, shaping_weight=0.0) if source == "off" else PUBLISHED

    def learn(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        del judged
        known = severities.real(bench, source, seed)[bench.world.pool]
        agent = train_agent(observe(bench.pool, targets, known, error=config.vae_source), config, seed=seed)
        blank = np.zeros(len(bench.keys), np.float32)
        decisions = act(agent, observe(bench.world.judgements, no_targets(), blank), bench.keys)
        return decisions.probability, {"agent": decisions.verdict == 1}, ""

    return learn


def as_policy(severities: Severities, source: str) -> Learner:
    """Shape the policy that follows the rule, and let it act."""
    shaped = PolicyConfig(shaping_weight=0.0 if source == "off" else WEIGHT)
    config = ChainConfig(control=ControlConfig(actor="policy"), policy=shaped)

    def learn(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        logits, alarms, _ = learn_ours(ChainConfig(), actors=False)(bench, targets, seed, False)
        if not judged:
            return logits, alarms, ""
        known = severities.real(bench, source, seed)[bench.world.pool]
        actor, _ = learn_chain(
            bench.pool, targets, bench.world.rehearsal, config, seed=seed, seen=bench.seen, severity=known
        )
        return logits, {"agent": actor.decide(bench.world.judgements).verdict == 1, "rule": alarms["agent"]}, ""

    return learn


def as_feature(severities: Severities, source: str) -> Learner:
    """Let the belief see this severity, and nothing else that is noted."""

    def learn(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        real, copies = severities.real(bench, source, seed), severities.copies(bench, source, seed)
        written = replace(bench.world.rehearsal, judgements=_noted(bench.world.rehearsal.judgements, copies))
        world = replace(bench.world, judgements=_noted(bench.world.judgements, real), rehearsal=written)
        own = real[bench.world.pool]
        told = replace(bench, world=world, pool=_noted(bench.pool, own), seen=_noted(bench.seen, own))
        return learn_ours(ChainConfig(), actors=False)(told, targets, seed, judged)

    return learn


def _noted(judgements: tuple[Judgement, ...], column: Float32) -> tuple[Judgement, ...]:
    cuts = np.cumsum([len(one) for one in judgements])[:-1]
    parts = zip(judgements, np.split(column, cuts), strict=True) if len(judgements) else ()
    return tuple(replace(one, notes=part[:, None].astype(np.float32)) for one, part in parts)


class Ranker:
    """Ask for top-scored windows by severity in the place of the label-free score."""

    def __init__(self, severities: Severities, source: str) -> None:
        self._severities, self._source, self._known = severities, source, np.empty(0, np.float32)

    def learn(self, bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        """Learn as the chain does, and keep this world's severities for what is asked next."""
        self._known = self._severities.real(bench, self._source, seed)[bench.world.pool]
        return learn_ours(ChainConfig(), actors=False)(bench, targets, seed, judged)

    def pick(
        self, keys: np.ndarray, probability: Float32, prior: Float32, *given: object, **rest: object
    ) -> list[Pick]:
        """Pick as the package does, by another score."""
        score = prior if self._source == "off" else self._known
        return select(keys, probability, score, *given, **rest)  # type: ignore[arg-type]


def methods_of(severities: Severities) -> dict[str, Method]:
    """Make every way with every source."""
    found = {}
    for source in SOURCES:
        ranker = Ranker(severities, source)
        found |= {
            f"reward {source}": Method(as_reward(severities, source), False, MARGIN),
            f"policy {source}": Method(as_policy(severities, source), True, budgets=(0, 20, 50)),
            f"feature {source}": Method(as_feature(severities, source), True),
            f"ranker {source}": Method(ranker.learn, True, pick=ranker.pick),
        }
    return found


def show_alone(severities: Severities, worlds: str, out: Path, seed: int = 0) -> dict[str, float]:
    """Print how well severity alone ranks test windows."""
    found = {}
    for name, source in product(worlds.split(","), SOURCES[1:3]):
        bench = Bench.of(load_world(name, out / "worlds", seed=seed))
        test = bench.world.test
        score = severities.real(bench, source, seed)[test]
        found[f"{name} {source}"] = round(float(average_precision_score(bench.world.truth[test], score)), 3)
        found[f"{name} anomalous"] = round(float(bench.world.truth[test].mean()), 3)
    print(found)
    return found


def main() -> None:
    torch.set_num_threads(1)
    named = dict.fromkeys(f"{way} {source}" for way, source in product(WAYS, SOURCES))
    options = read_options(__doc__, named)
    severities = Severities(options.out / "severities")
    alone = show_alone(severities, options.worlds, options.out)
    table = run_cells(methods_of(severities), options)
    show_means(table)
    less = {
        f"{way} {source} - off": ((f"{way} {source}", "agent"), (f"{way} off", "agent"))
        for way, source in product(WAYS, SOURCES[1:])
    }
    claims = show_pairs(table, less)
    print(json.dumps({"claim": "what severity is worth", "value": {"alone": alone, "pairs": claims}}))


if __name__ == "__main__":
    main()
