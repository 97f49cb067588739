"""Questions by expected gain: facts keep up with what is asked, trees sum as scikit-learn's do."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor

from rl_tsad.active.gain import MOST, NAMES, Facts, Trees, load_trees
from rl_tsad.active.neighbours import standardise
from rl_tsad.active.select import select
from rl_tsad.config import ActiveConfig
from rl_tsad.types import parse_key

GAIN = ActiveConfig(rule="gain", spacing=1)


def pool(count=300, series=3, seed=0):
    rng = np.random.default_rng(seed)
    keys = np.array([f"s{row % series}:{8 * (row // series)}:64" for row in range(count)])
    p, prior = rng.random((2, count)).astype(np.float32)
    return keys, p, prior, rng.normal(size=(count, 4)).astype(np.float32)


def facts(asked, kept=None, count=300):
    _, p, prior, embedding = pool(count)
    rows = np.arange(count)
    return Facts(
        p,
        prior,
        standardise(embedding),
        rows % 3,
        rows // 3,
        asked=np.asarray(asked, dtype=np.int64),
        kept=rows if kept is None else kept,
    )


def test_asking_one_by_one_leaves_the_facts_of_asking_at_once():
    asked = [5, 7, 30, 200, 201]
    step_by_step = facts([])
    for row in asked:
        step_by_step.add(row)
    np.testing.assert_allclose(step_by_step.table(), facts(asked).table(), atol=2e-3)  # float32 distances


def test_facts_of_some_rows_are_those_of_all():
    kept = np.array([3, 50, 120, 299])
    np.testing.assert_allclose(facts([5, 200], kept).table(), facts([5, 200]).table()[kept])


def test_an_asked_window_is_near_itself_and_others_count_windows_in_their_series():
    table = facts([30]).table()
    column = NAMES.index("apart in time")
    assert table[30, column] == 0
    assert table[36, column] == pytest.approx(0.2)  # two windows on in the same series
    assert table[31, column] == 5  # another series
    assert table[30, NAMES.index("apart from asked")] == pytest.approx(0, abs=1e-3)


def test_the_shipped_trees_fit_the_facts():
    trees = load_trees()
    assert trees.feature.max() < len(NAMES)
    gains = trees.predict(facts([5, 200]).table())
    assert np.isfinite(gains).all()
    assert len(np.unique(gains)) > 10


def test_trees_sum_as_those_that_they_were_made_of():
    rng = np.random.default_rng(0)
    table, value = rng.normal(size=(400, 3)), rng.normal(size=400)
    model = GradientBoostingRegressor(n_estimators=1, max_depth=2, learning_rate=1.0).fit(table, value)
    tree = model.estimators_[0, 0].tree_
    own = np.arange(tree.node_count)
    trees = Trees(
        np.maximum(tree.feature, 0)[None],
        tree.threshold[None],
        np.where(tree.children_left < 0, own, tree.children_left)[None],
        np.where(tree.children_right < 0, own, tree.children_right)[None],
        tree.value[:, 0, 0][None],
        np.ravel(model.init_.constant_),
    )
    np.testing.assert_allclose(trees.predict(table), model.predict(table))


def test_questions_are_new_spaced_and_the_same_again():
    given = pool()
    asked = set(given[0][::5].tolist())
    picks = select(*given, asked=asked, config=GAIN, count=25)
    rows = [pick.row for pick in picks]
    assert rows == [pick.row for pick in select(*given, asked=asked, config=GAIN, count=25)]
    assert len(rows) == len(set(rows)) == 25
    assert not asked & set(given[0][rows].tolist())
    places = [parse_key(key)[:2] for key in given[0][rows]]
    assert all(one[0] != other[0] or abs(one[1] - other[1]) > 8 for i, one in enumerate(places) for other in places[:i])
    assert picks[0].reason.startswith("an answer here is expected to teach most")


def test_nothing_free_asks_nothing_and_few_free_ask_few():
    given = pool(30)
    assert select(*given, asked=set(given[0].tolist()), config=GAIN, count=5) == []
    left = select(*given, asked=set(given[0][:-2].tolist()), config=GAIN, count=5)
    assert 1 <= len(left) <= 2


def test_of_large_pools_only_likely_windows_are_looked_at():
    given = pool(3 * MOST)
    seen = [pick.row for pick in select(*given, config=GAIN, count=5)]
    _, p, prior, _ = given
    near, high = np.argsort(np.abs(p - 0.5))[: MOST + 50], np.argsort(-(p + prior))[: MOST + 50]
    assert set(seen) <= set(near.tolist()) | set(high.tolist())
