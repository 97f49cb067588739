import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.active.select import select
from rl_tsad.active.uncertainty import entropy, margin
from rl_tsad.config import ActiveConfig
from rl_tsad.errors import DataError
from rl_tsad.types import parse_key


def pool(count=200, series=3, seed=0):
    rng = np.random.default_rng(seed)
    keys = np.array([f"s{row % series}:{8 * (row // series)}:64" for row in range(count)])
    p = rng.random(count).astype(np.float32)
    prior = rng.random(count).astype(np.float32)
    return keys, p, prior, rng.normal(size=(count, 4)).astype(np.float32)


def test_margin_and_entropy_agree_on_the_order():
    p = np.linspace(0, 1, 101).astype(np.float32)
    assert margin(p)[50] == pytest.approx(0, abs=1e-6)
    assert entropy(p)[50] == pytest.approx(1)
    assert np.array_equal(np.argsort(margin(p[:51])), np.argsort(-entropy(p[:51])))


def test_a_batch_mixes_the_strategies_by_their_shares():
    picks = select(*pool(), config=ActiveConfig(spacing=0), count=20)
    names = [pick.strategy for pick in picks]
    assert [names.count(name) for name in ("margin", "top", "diverse")] == [8, 8, 4]
    assert {"margin", "top", "diverse"} == set(names[:3])


def test_batches_of_one_question_take_turns_too():
    named = [select(*pool(), config=ActiveConfig(), count=1, before=before)[0].strategy for before in range(20)]
    assert named == [pick.strategy for pick in select(*pool(), config=ActiveConfig(spacing=0), count=20)]


def test_each_strategy_takes_what_it_promises():
    keys, p, prior, embedding = pool()
    for shares, best in (
        ({"margin": 1, "top": 0, "diverse": 0}, np.argmin(np.abs(p - 0.5))),
        ({"margin": 0, "top": 1, "diverse": 0}, np.argmax(p + prior)),
    ):
        assert select(keys, p, prior, embedding, config=ActiveConfig(**shares), count=1)[0].row == best


def test_diverse_picks_one_window_of_each_group():
    rng = np.random.default_rng(4)
    centres = 20 * rng.normal(size=(5, 3))
    group = np.arange(100) % 5
    embedding = (centres[group] + 0.1 * rng.normal(size=(100, 3))).astype(np.float32)
    keys = np.array([f"s{row}:0:64" for row in range(100)])
    flat = np.full(100, 0.5, np.float32)
    config = ActiveConfig(margin=0, top=0, diverse=1)
    first = [pick.row for pick in select(keys, flat, flat, embedding, config=config, count=5)]
    assert sorted(group[first]) == [0, 1, 2, 3, 4]
    asked = {keys[row] for row in range(100) if group[row] < 4}
    assert group[select(keys, flat, flat, embedding, config=config, asked=asked, count=1)[0].row] == 4


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**16), st.integers(0, 5), st.integers(0, 40))
def test_questions_are_new_distinct_and_spaced(seed, spacing, count):
    keys, p, prior, embedding = pool(90, seed=seed)
    asked = set(keys[::4].tolist())
    picks = select(keys, p, prior, embedding, asked=asked, config=ActiveConfig(spacing=spacing), count=count, seed=seed)
    rows = [pick.row for pick in picks]
    assert len(set(rows)) == len(rows) <= count
    assert not asked & set(keys[rows].tolist())
    places = [parse_key(keys[row])[:2] for row in rows]
    for i, (series, start) in enumerate(places):
        for other, then in places[:i]:
            assert series != other or abs(start - then) // 8 > spacing


def test_what_a_question_covers_is_not_asked_again():
    claimed = []

    def claim(row):
        claimed.append(row)
        return np.arange(row // 50 * 50, row // 50 * 50 + 50)

    picks = select(*pool(), config=ActiveConfig(spacing=0), claim=claim, count=20)
    assert [pick.row for pick in picks] == claimed
    assert sorted(row // 50 for row in claimed) == [0, 1, 2, 3]


def test_priorities_fall_in_the_order_of_asking():
    priorities = [pick.priority for pick in select(*pool(), config=ActiveConfig(), count=12)]
    assert priorities == sorted(priorities, reverse=True)
    assert priorities[0] == 1
    assert priorities[-1] > 0


def test_the_same_seed_asks_the_same_and_another_breaks_ties_otherwise():
    keys, _, _, embedding = pool()
    flat = np.full(len(keys), 0.5, np.float32)
    asked = [
        [pick.row for pick in select(keys, flat, flat, embedding, config=ActiveConfig(), seed=seed)]
        for seed in (1, 1, 2)
    ]
    assert asked[0] == asked[1] != asked[2]


def test_reasons_are_words_an_analyst_understands():
    keys, _, prior, embedding = pool()
    p = np.full(len(keys), 0.02, np.float32)
    p[7] = 0.52
    picks = select(keys, p, prior, embedding, config=ActiveConfig(), count=20)
    reasons = {pick.strategy: [other.reason for other in picks if other.strategy == pick.strategy] for pick in picks}
    assert reasons["margin"][0] == "the agent is undecided: 52 % anomaly"
    assert reasons["margin"][1] == "the agent is least sure here: 2 % anomaly"
    assert "more unusual than" in reasons["top"][0]
    assert "unlike the windows asked so far" in reasons["diverse"][0]


def test_nothing_left_gives_nothing():
    keys, p, prior, embedding = pool(6)
    assert select(keys, p, prior, embedding, asked=set(keys), config=ActiveConfig()) == []
    none = np.array([], dtype=np.str_), p[:0], prior[:0], embedding[:0]
    assert select(*none, config=ActiveConfig()) == []


def test_many_asked_windows_are_sampled():
    keys, p, prior, embedding = pool(3000)
    picks = select(keys, p, prior, embedding, asked=set(keys[:2500].tolist()), config=ActiveConfig(spacing=0), count=9)
    assert len(picks) == 9
    assert all(pick.row >= 2500 for pick in picks)


def test_wrong_arrays_are_explained():
    keys, p, prior, embedding = pool()
    with pytest.raises(DataError, match="expected as many keys"):
        select(keys, p[:-1], prior, embedding, config=ActiveConfig())
    with pytest.raises(DataError, match=r"expected prior in \[0, 1\]"):
        select(keys, p, prior + 1, embedding, config=ActiveConfig())
