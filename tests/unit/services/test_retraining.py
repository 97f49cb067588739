import dataclasses
import shutil
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from db import labels, queries, versions
from db.records import ItemState, ModelVersion, NewVersion
from rl_tsad.config import Settings
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.apart import set_apart
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.judge import Judgement
from rl_tsad.detector.rehearse import rehearse
from rl_tsad.errors import CheckpointError, WorkspaceError
from rl_tsad.seeding import derive_seed
from rl_tsad.services.foundation import POOL, TEST, load_foundation, prepare
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.measuring import load_decision, measure_versions
from rl_tsad.services.pools import split_windows
from rl_tsad.services.publishing import Learnt, is_acceptable, load_decisions, publish
from rl_tsad.services.retraining import retrain
from rl_tsad.services.simulate import play
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.setting_types import Rule
from rl_tsad.types import Series, no_targets

pytestmark = pytest.mark.slow


def current(workspace: Workspace) -> ModelVersion:
    with workspace.store.read() as session:
        version = versions.current(session)
    assert version is not None
    return version


def test_a_version_decides_every_window_and_asks_only_in_the_pool(trained: Workspace) -> None:
    version, foundation = current(trained), prepare(trained)
    keys = load_decision(trained, version, "keys")
    assert keys.tolist() == foundation.keys.tolist()
    probability = load_decision(trained, version, "probability")
    assert ((probability >= 0) & (probability <= 1)).all()
    pool = set(foundation.keys[foundation.part == POOL].tolist())
    with trained.store.read() as session:
        asked = {item.key for item in queries.in_state(session, ItemState.OPEN)}
    assert len(asked) == trained.settings.active.batch
    assert asked <= pool


def test_each_question_proposes_a_stretch_of_the_pool_that_no_other_one_touches(trained: Workspace) -> None:
    foundation = prepare(trained)
    with trained.store.read() as session:
        items = queries.in_state(session, ItemState.OPEN)
    rows = foundation.rows_by_series()
    proposed: list[tuple[str, int]] = []
    for item in items:
        spans, part = foundation.spans[rows[item.series]], foundation.part[rows[item.series]]
        its = np.flatnonzero((spans[:, 1] > item.event_low) & (spans[:, 0] < item.event_high))
        assert spans[its[0], 0] == item.event_low <= item.span_low
        assert spans[its[-1], 1] == item.event_high >= item.span_high
        assert (part[its] == POOL).all()
        assert len(its) <= 2 * trained.settings.active.reach + 1
        proposed += [(item.series, row) for row in its.tolist()]
    assert len(set(proposed)) == len(proposed)
    assert len(proposed) > len(items)


@pytest.mark.parametrize("rule", get_args(Rule))
def test_the_settings_choose_who_picks_the_questions(trained: Workspace, rule: Rule) -> None:
    foundation, version = prepare(trained), current(trained)
    learnt = Learnt(load_decisions(trained, version, foundation), no_targets())
    active = dataclasses.replace(trained.settings.active, rule=rule)
    workspace = dataclasses.replace(trained, settings=trained.settings.model_copy(update={"active": active}))
    publish(workspace, foundation, learnt, new=NewVersion(digest="", config={"learner": "forest"}))
    with trained.store.read() as session:
        items = queries.in_state(session, ItemState.OPEN)
    assert len(items) == active.batch
    expected = {"mixed": {"margin", "top", "diverse"}}.get(rule, {rule})
    asked = {item.strategy for item in items}
    assert asked & expected
    assert asked <= {*expected, "margin"}
    extents = sorted((item.series, item.event_low, item.event_high) for item in items)
    assert all(one[0] != other[0] or one[2] <= other[1] for one, other in pairwise(extents))


def test_pool_and_test_share_no_point(trained: Workspace) -> None:
    foundation = prepare(trained)
    length = trained.settings.window.length
    low = 0
    for judgement in foundation.judgements:
        part = foundation.part[low : low + len(judgement.keys)]
        starts = np.array([int(key.split(":")[1]) for key in judgement.keys])
        low += len(judgement.keys)
        assert starts[part == TEST].min() >= starts[part == POOL].max() + 2 * length


def test_the_foundation_is_made_once_and_does_not_see_the_test(
    trained: Workspace, plants: list[Series], tmp_path: Path
) -> None:
    folder = prepare(trained).folder
    made = (folder / "facts.json").stat().st_mtime_ns
    assert prepare(trained).folder == folder
    assert (folder / "facts.json").stat().st_mtime_ns == made
    changed = []
    for plant in plants:
        values, truth = plant.values.copy(), np.zeros(plant.length, np.int8)
        values[int(0.75 * plant.length) :] += 100.0
        changed.append(dataclasses.replace(plant, values=values, truth=truth))
    with create_workspace(tmp_path / "other", trained.settings) as other:
        for plant in changed:
            keep_series(other, plant, source="test")
        after, before = prepare(other), prepare(trained)
    pool = before.part == POOL
    assert (after.part == before.part).all()
    for name in ("prior", "features", "embedding"):
        mine, theirs = (np.concatenate([getattr(j, name) for j in f.judgements])[pool] for f in (before, after))
        np.testing.assert_array_equal(mine, theirs)
    for mine, theirs in zip(before.rehearsal.judgements, after.rehearsal.judgements, strict=True):
        np.testing.assert_array_equal(mine.prior, theirs.prior)


def test_the_foundation_keeps_both_views_of_the_pool(trained: Workspace) -> None:
    foundation = prepare(trained)
    pooled = foundation.pool_judgements()
    assert [one.keys.tolist() for one in foundation.seen] == [one.keys.tolist() for one in pooled]
    for seen, apart in zip(foundation.seen, pooled, strict=True):
        assert not np.array_equal(seen.members, apart.members)
    assert isinstance(foundation.seen[0].features.base, np.memmap)


def test_a_damaged_second_view_is_refused(trained: Workspace) -> None:
    foundation = prepare(trained)
    (foundation.folder / "seen" / "members.npy").write_bytes(b"no array")
    with pytest.raises(CheckpointError, match="train again"):
        assert foundation.seen


@pytest.mark.parametrize("changed", [{"detector": {"folds": 1}}, {"split": {"protocol": "unseen"}}])
def test_one_view_where_nothing_is_judged_apart(
    tmp_path: Path, plants: list[Series], quick_settings: Settings, changed: dict[str, dict[str, object]]
) -> None:
    kept = {name: dataclasses.replace(getattr(quick_settings, name), **values) for name, values in changed.items()}
    with create_workspace(tmp_path / "one", quick_settings.model_copy(update=kept)) as workspace:
        for plant in plants:
            keep_series(workspace, plant, source="test")
        assert prepare(workspace).seen == ()


def test_the_foundation_keeps_a_rehearsal_of_the_pool(trained: Workspace) -> None:
    foundation = prepare(trained)
    made = foundation.rehearsal
    series = [foundation.series_as_judged(trained, name) for name in foundation.names]
    windows = [make_windows(one, trained.settings.window) for one in series]
    split = split_windows(series, windows, trained.settings)
    seed = derive_seed(trained.settings.seed, "rehearsal")
    config, fitted = trained.settings.detector, derive_seed(trained.settings.seed, "detector")
    judges = set_apart(fit_detector(series, split.pool, config, seed=fitted), series, split.pool, seed=fitted).judges
    again = rehearse(judges, series, split.pool, config.rehearsal, seed=seed)
    assert made.copies == again.copies == (0, 1, 2, 3) * len(series)
    assert not set(made.keys.tolist()) & set(foundation.keys.tolist())
    for mine, theirs in zip((*made.judgements, *made.truth), (*again.judgements, *again.truth), strict=True):
        names = [field.name for field in dataclasses.fields(Judgement)] if isinstance(mine, Judgement) else ["data"]
        for name in names:
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    assert isinstance(made.truth[0].base, np.memmap)
    assert len(made.keys) == made.truth[0].base.size == 4 * foundation.pool.sum()


def test_a_missing_rehearsal_is_told(trained: Workspace) -> None:
    folder = prepare(trained).folder
    (folder / "rehearsal" / "truth.npy").unlink()
    with pytest.raises(CheckpointError, match="expected the arrays of a rehearsal"):
        load_foundation(folder)


def test_a_damaged_foundation_is_refused(trained: Workspace) -> None:
    folder = prepare(trained).folder
    (folder / "prior.npy").write_bytes(b"no array")
    with pytest.raises(CheckpointError, match="expected the arrays of a foundation"):
        load_foundation(folder)


def test_answers_change_the_model_and_are_counted(trained: Workspace) -> None:
    before = load_decision(trained, current(trained), "probability").copy()
    play(trained, [0, 5])
    version = current(trained)
    assert version.metrics["questions"] == 5
    with trained.store.read() as session:
        assert labels.spent(session).questions == 5
    assert not np.array_equal(before, load_decision(trained, version, "probability"))


def test_the_same_answers_give_the_same_version(trained_folder: Path, tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        shutil.copytree(trained_folder, tmp_path / name)
        from rl_tsad.services.workspace import open_workspace

        with open_workspace(tmp_path / name) as workspace:
            play(workspace, [0, 5])
            digests.append(current(workspace).digest)
    assert digests[0] == digests[1]


def test_measurements_stand_for_budgets_and_never_touch_the_pool(trained: Workspace) -> None:
    rows = measure_versions(trained, [0], method="agent", seed=0)
    assert [row.budget for row in rows] == [0, 0]
    assert {row.method.split()[0] for row in rows} == {"agent", "label-free"}
    assert all(0 <= value <= 1 for row in rows for value in row.metrics.values())


def test_without_series_there_is_nothing_to_train(tmp_path: Path, quick_settings: Settings) -> None:
    with (
        create_workspace(tmp_path / "empty", quick_settings) as workspace,
        pytest.raises(WorkspaceError, match="expected at least one series"),
    ):
        retrain(workspace)


def test_series_of_different_width_are_refused(tmp_path: Path, quick_settings: Settings) -> None:
    with create_workspace(tmp_path / "mixed", quick_settings) as workspace:
        for width in (1, 2):
            values = np.random.default_rng(0).normal(size=(300, width)).astype(np.float32)
            series = Series(f"s{width}", values, np.arange(300), tuple("ab"[:width]))
            keep_series(workspace, series, source="test")
        with pytest.raises(WorkspaceError, match="equally many channels"):
            retrain(workspace)


@pytest.mark.parametrize(
    ("flagged", "agreement", "accepted"), [(0.05, 0.9, True), (0.9, 0.9, False), (0.05, 0.5, False), (0.05, None, True)]
)
def test_a_clearly_worse_version_is_not_promoted(
    trained: Workspace, flagged: float, agreement: float | None, accepted: bool
) -> None:
    base = {"windows/flagged": 0.04, "answers/agreement": 0.95}
    now = dataclasses.replace(current(trained), metrics={**base, "questions": 5})
    new = NewVersion(digest="x", metrics={"windows/flagged": flagged, "answers/agreement": agreement})
    assert is_acceptable(now, new) is accepted
    assert is_acceptable(None, new)
