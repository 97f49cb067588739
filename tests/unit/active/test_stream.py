import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.active.select import select
from rl_tsad.active.stream import Decay, Quantile, Spend, walk
from rl_tsad.config import STREAM_RULES, ActiveConfig, StreamConfig
from rl_tsad.settings import load_settings, settings_text
from rl_tsad.types import parse_key


def pool(count=300, series=3, seed=0):
    rng = np.random.default_rng(seed)
    keys = np.array([f"s{row % series}:{8 * (row // series)}:64" for row in range(count)])
    p = rng.beta(0.3, 1.0, count).astype(np.float32)
    return keys, p, rng.random(count).astype(np.float32), rng.normal(size=(count, 4)).astype(np.float32)


def uniform(count, seed=0):
    return np.random.default_rng(seed).random(count).astype(np.float32)


def asked_by(asker, margins):
    free = np.ones(len(margins), bool)
    return np.array(list(walk(asker, range(len(margins)), margins, free)), dtype=int)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(STREAM_RULES), st.integers(0, 2**16), st.integers(0, 5), st.integers(0, 40), st.integers(1, 60))
def test_a_walk_asks_new_spaced_windows_within_the_budget(rule, seed, spacing, count, memory):
    keys, p, prior, embedding = pool(90, seed=seed)
    asked = set(keys[::4].tolist())
    config = ActiveConfig(rule=rule, spacing=spacing, stream=StreamConfig(memory=memory, lately=memory))
    picks = select(keys, p, prior, embedding, asked=asked, config=config, count=count, seed=seed)
    rows = [pick.row for pick in picks]
    assert len(set(rows)) == len(rows) <= count
    assert not asked & set(keys[rows].tolist())
    places = [parse_key(keys[row])[:2] for row in rows]
    for i, (series, start) in enumerate(places):
        for other, then in places[:i]:
            assert series != other or abs(start - then) // 8 > spacing


@pytest.mark.parametrize("rule", STREAM_RULES)
def test_a_walk_goes_through_the_series_side_by_side_and_small_margins_fill_up(rule):
    keys, p, prior, embedding = pool()
    p = (p / 10).astype(np.float32)
    p[[30, 150, 270]] = 0.5
    config = ActiveConfig(rule=rule, spacing=0, stream=StreamConfig(margin=0.1, pace=0.0, step=0.2, tolerance=1000.0))
    picks = select(keys, p, prior, embedding, config=config, count=20)
    assert len(picks) == 20
    starts = [parse_key(keys[pick.row])[1] for pick in picks if pick.strategy == rule]
    assert starts == sorted(starts)
    if rule != "spend":  # which asks the first windows that its rate allows
        assert {30, 150, 270} <= {pick.row for pick in picks}
    names = [pick.strategy for pick in picks]
    assert names == sorted(names, key=lambda name: name == "margin")
    assert all(pick.strategy in (rule, "margin") for pick in picks)


@pytest.mark.parametrize("rule", STREAM_RULES)
def test_a_walk_leaves_out_what_a_question_covers(rule):
    claimed = []

    def claim(row):
        claimed.append(row)
        return np.arange(row // 50 * 50, row // 50 * 50 + 50)

    picks = select(*pool(), config=ActiveConfig(rule=rule, spacing=0), claim=claim, count=20)
    assert [pick.row for pick in picks] == claimed
    assert sorted(row // 50 for row in claimed) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("rule", STREAM_RULES)
def test_the_same_seed_walks_the_same(rule):
    config = ActiveConfig(rule=rule)
    first, second = (select(*pool(), config=config, seed=3) for _ in range(2))
    assert first == second
    assert all(pick.reason.startswith("the agent is ") for pick in first)
    assert len({pick.reason.partition("; ")[2] for pick in first if pick.strategy == rule}) == 1


def test_the_scarcer_the_budget_the_less_decay_asks():
    rule = Decay(budget=10, length=100, threshold=0.5, pace=1.0)
    assert rule.asks(0.5, 100)
    assert not rule.asks(0.5, 100)  # 9 of 10 questions left, all of the windows
    assert rule.asks(0.5, 90)  # both run out alike
    asked = [
        len(asked_by(Decay(budget=budget, length=200, threshold=0.3, pace=1.0), uniform(200)))
        for budget in (5, 10, 20, 40)
    ]
    assert asked == sorted(asked)
    assert all(count <= budget for count, budget in zip(asked, (5, 10, 20, 40), strict=True))


def test_decay_spreads_what_a_fixed_threshold_spends_at_once():
    margins = uniform(400)
    last = [asked_by(Decay(budget=20, length=400, threshold=0.5, pace=pace), margins)[-1] for pace in (0.0, 1.0, 4.0)]
    assert last[0] < 80 < last[1] <= last[2]


def test_decay_without_pace_asks_below_its_threshold():
    margins = uniform(50)
    asked = asked_by(Decay(budget=50, length=50, threshold=0.3, pace=0.0), margins)
    assert asked.tolist() == np.flatnonzero(margins <= np.float32(0.3)).tolist()


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3])
def test_spend_approaches_its_rate_everywhere(rate):
    length = 2000
    asked = asked_by(Spend(budget=int(rate * length), length=length, step=0.01, memory=100), uniform(length))
    for low in range(0, 1800, 300):
        assert ((asked >= low) & (asked < low + 300)).sum() / 300 == pytest.approx(rate, rel=0.25)


def test_a_memory_shorter_than_the_wait_for_a_question_does_not_make_spend_hasty():
    asked = asked_by(Spend(budget=20, length=12_000, step=0.01, memory=30), uniform(12_000))
    assert len(asked) >= 18
    assert asked[4] > 1500
    assert asked[-1] > 7500


def test_spend_asks_less_sure_windows_and_follows_a_drift():
    sure, unsure = 0.6 + 0.4 * uniform(1000), 0.4 * uniform(1000, 1)
    margins = np.concatenate([sure, unsure]).astype(np.float32)
    asked = asked_by(Spend(budget=200, length=2000, step=0.05, memory=100), margins)
    assert 60 <= (asked < 1000).sum() <= 140


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
def test_quantile_asks_about_the_wanted_share_and_the_least_sure(rate):
    length = 2000
    margins = uniform(length)
    rule = Quantile(budget=int(rate * length), length=length, memory=100, tolerance=50.0, before=margins[-100:])
    asked = asked_by(rule, margins)
    assert len(asked) == pytest.approx(rate * length, rel=0.1)
    assert margins[asked].mean() < 0.5 * margins.mean() + rate / 2
    assert (asked < length / 2).mean() == pytest.approx(0.5, abs=0.15)


def test_quantile_asks_sooner_the_more_questions_it_is_behind():
    def worst(tolerance):
        rule = Quantile(budget=20, length=400, memory=50, tolerance=tolerance, before=[0.0] * 50)
        return len(asked_by(rule, np.full(400, 0.5, np.float32)))

    assert worst(2.0) >= worst(20.0)
    assert worst(2.0) > 0


@pytest.mark.parametrize("rule", ["margin", "top", "diverse"])
def test_one_strategy_may_pick_alone(rule):
    config = load_settings(active={"rule": rule}).active
    assert {pick.strategy for pick in select(*pool(), config=config)} == {rule}


def test_settings_choose_the_rule_and_are_read_back(tmp_path):
    chosen = load_settings(active={"rule": "decay", "stream": {"margin": 0.5, "pace": 2}})
    (tmp_path / "rl-tsad.toml").write_text(settings_text(chosen))
    assert load_settings(tmp_path / "rl-tsad.toml").active == chosen.active
    assert "decay" in {pick.strategy for pick in select(*pool(), config=chosen.active)}
