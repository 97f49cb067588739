import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from db import labels, queries, versions
from db.records import Answer, ItemState, QueryItem
from rl_tsad.config import Settings
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.data.windows import make_windows, window_truth
from rl_tsad.errors import ConfigError, DataError
from rl_tsad.services.foundation import POOL, prepare
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.labeling import Card
from rl_tsad.services.simulate import ANALYST, SimulatedAnalyst, Study, plan, play, read_material, run_study
from rl_tsad.services.workspace import Workspace, create_workspace, open_workspace
from rl_tsad.types import Series


def history(workspace: Workspace) -> list[tuple[str, str | None]]:
    with workspace.store.read() as session:
        return [(label.key, label.answer) for label in labels.history(session)]


@pytest.mark.slow
def test_every_answer_counts_once_and_labels_windows_of_the_pool_only(trained: Workspace, plants: list[Series]) -> None:
    play(trained, [0, 7])
    foundation = prepare(trained)
    pool = set(foundation.keys[foundation.part == POOL].tolist())
    assert {key for key, _ in history(trained)} <= pool
    truth = {key: value for plant in plants for key, value in truth_of(plant, trained).items()}
    with trained.store.read() as session:
        spent, standing = labels.spent(session), labels.standing(session)
    assert (spent.questions, spent.glances + spent.events) == (7, 7)
    assert len(standing) > 14
    assert {truth[label.key] for label in standing if label.answer == Answer.ANOMALY} <= {1}
    assert np.mean([truth[label.key] for label in standing if label.answer == Answer.NORMAL]) < 0.05


def truth_of(plant: Series, workspace: Workspace) -> dict[str, int]:
    windows = make_windows(plant, workspace.settings.window)
    return dict(zip(windows.keys.tolist(), window_truth(plant, windows).tolist(), strict=True))


def shown(*, event: tuple[int, int], asked: tuple[int, int], asks_event: bool = True) -> Card:
    """A card about points 10 to 30 of a series, all of which may be labelled."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    span = (*asked, None, "top", "", 1.0, 0.5, 0.0, *event)
    item = QueryItem(1, "a:12:4", "a", 12, 4, *span, ItemState.LEASED, "ann", now, now)
    values, times = np.zeros((20, 1), np.float32), np.arange(10, 30)
    about = {"reason": "", "left": 1, "origin": 10, "markable": (0, 20), "keys": ("a:10:4", "a:14:4")}
    place = {"window_low": 2, "window_high": 6, "span_low": 4, "span_high": 6}
    return Card(item, values, times, ("x",), None, **place, **about, asks_event=asks_event)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("true", "said"),
    [
        ([], (Answer.NORMAL, None)),
        ([(5, 10), (28, 40)], (Answer.NORMAL, None)),  # outside the proposal, or out of sight
        ([(5, 18), (22, 23)], (Answer.ANOMALY, (10, 18))),  # clipped to what may be marked
        ([(15, 17), (20, 26)], (Answer.ANOMALY, (20, 26))),  # the one in the asked window's span
        ([(15, 17), (24, 26)], (Answer.ANOMALY, (15, 17))),  # the first
    ],
)
def test_the_simulated_analyst_marks_one_true_event(true: list[tuple[int, int]], said: tuple[object, object]) -> None:
    points = np.zeros(40, np.int8)
    for low, high in true:
        points[low:high] = 1
    analyst = SimulatedAnalyst({"a": points})
    card = shown(event=(14, 26), asked=(18, 22))
    assert analyst.answer(card) == said
    assert analyst.reads == {"a:10:4", "a:14:4"}


def test_asked_about_a_window_the_simulated_analyst_looks_at_its_span_only() -> None:
    points = np.zeros(40, np.int8)
    points[17] = 1
    analyst = SimulatedAnalyst({"a": points})
    assert analyst.answer(shown(event=(14, 26), asked=(18, 22), asks_event=False)) == (Answer.NORMAL, None)
    assert analyst.answer(shown(event=(14, 26), asked=(16, 20), asks_event=False)) == (Answer.ANOMALY, None)
    assert analyst.reads == {"a:12:4"}


@pytest.mark.slow
def test_playing_on_is_playing_at_once(trained: Workspace, trained_folder: Path) -> None:
    play(trained, [0, 3, 8])
    with open_workspace(trained_folder) as fresh_source:
        source = fresh_source.root
    other = trained.root.parent / "other"
    shutil.copytree(source, other)
    with open_workspace(other) as workspace:
        play(workspace, [0, 3])
        play(workspace, [0, 3, 8])
        assert history(workspace) == history(trained)


class StoppedError(Exception):
    """What a kill between two calls looks like from within."""


@pytest.mark.slow
def test_a_player_stopped_after_every_answer_trains_and_asks_as_if_never_stopped(trained: Workspace) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "answers":
            raise StoppedError

    other = trained.root.parent / "other"
    shutil.copytree(trained.root, other)
    play(trained, [0, 3, 8])
    stops = 0
    with open_workspace(other) as workspace:
        while True:
            try:
                play(workspace, [0, 3, 8], progress=interrupt)
            except StoppedError:
                stops += 1
            else:
                break
        assert stops == spent_at_versions(workspace)[-1] > 3
        assert history(workspace) == history(trained)
        assert spent_at_versions(workspace) == spent_at_versions(trained)


def spent_at_versions(workspace: Workspace) -> list[int]:
    with workspace.store.read() as session:
        return [int(version.metrics["questions"]) for version in versions.all(session)]


@pytest.mark.slow
def test_a_study_measures_all_methods_at_all_budgets_and_repeats_itself(
    plants: list[Series], tmp_path: Path, quick_settings: Settings
) -> None:
    study = Study(budgets=(0, 4), seeds=1)
    rows = run_study(plants, tmp_path / "a", study, quick_settings)
    assert {(row.method.split(",")[0], row.budget) for row in rows} == {
        (method, budget) for method in ("agent", "random forest", "label-free score") for budget in (0, 4)
    }
    assert all(row.questions == row.budget for row in rows)
    assert {row.acts for row in rows} == {"", "rule"}
    for row in rows:
        is_forest = row.method.startswith("random forest")
        assert row.seconds == 4 * row.questions if is_forest else row.seconds >= 4 * row.questions
        assert row.labels == row.questions if is_forest else row.labels >= row.questions
    assert run_study(plants, tmp_path / "b", study, quick_settings) == rows
    assert run_study(plants, tmp_path / "a", study, quick_settings) == rows


@pytest.mark.slow
def test_unseen_series_are_held_out_whole(tmp_path: Path, quick_settings: Settings) -> None:
    config = PlantConfig(points=600, faults=3, stops=1)
    plants = [simulate_plant(config, seed=n, name=f"p{n}").series for n in range(4)]
    study = Study(budgets=(0,), seeds=1, methods=("forest",), protocol="unseen", pool_fraction=0.5)
    assert run_study(plants, tmp_path, study, quick_settings)
    with open_workspace(plan(tmp_path, study)[0].folder) as workspace:
        foundation = prepare(workspace)
    low, parts = 0, []
    for judgement in foundation.judgements:
        parts.append(set(foundation.part[low : low + len(judgement.keys)].tolist()))
        low += len(judgement.keys)
    assert sorted(map(sorted, parts)) == [[1], [1], [2], [2]]


@pytest.mark.slow
def test_another_study_in_the_same_folder_is_refused(
    plants: list[Series], tmp_path: Path, quick_settings: Settings
) -> None:
    run_study(plants, tmp_path, Study(budgets=(0,), seeds=1, methods=("forest",)), quick_settings)
    other = Study(budgets=(0,), seeds=1, methods=("forest",), pool_fraction=0.5)
    with pytest.raises(ConfigError, match="another --out"):
        run_study(plants, tmp_path, other, quick_settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"budgets": ()},
        {"budgets": (-1,)},
        {"budgets": (1, 1)},
        {"methods": ("magic",)},
        {"seeds": 0},
        {"pool_fraction": 1.5},
        {"pool_fraction": 1.0},
        {"pool_fraction": 0.0},
    ],
)
def test_a_study_checks_what_it_is_asked(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Study(**wrong)  # type: ignore[arg-type]


def test_series_without_truth_cannot_be_simulated(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,x\n" + "\n".join(f"{i},{i % 7}" for i in range(100)))
    with pytest.raises(DataError, match="expected series with known anomalies"):
        read_material(tmp_path / "a.csv", tmp_path)


def test_files_whose_columns_are_in_another_order_are_one_material(tmp_path: Path) -> None:
    rows = [f"{i},{i % 7},{i % 5},{int(i == 50)}" for i in range(100)]
    (tmp_path / "a.csv").write_text("\n".join(["time,flow,temp,label", *rows]))
    (tmp_path / "b.csv").write_text("\n".join(["time,temp,flow,label", *rows]))
    first, second = read_material(tmp_path, tmp_path)
    assert first.channels == second.channels == ("flow", "temp")
    np.testing.assert_array_equal(first.values, second.values[:, ::-1])


def test_a_workspace_gives_its_own_series(tmp_path: Path, plants: list[Series]) -> None:
    with create_workspace(tmp_path / "w") as workspace:
        keep_series(workspace, plants[0], source="test")
    (series,) = read_material(None, tmp_path / "w")
    assert series.truth is not None
    assert ANALYST == "simulated"


@pytest.mark.slow
def test_one_analyst_among_copies_for_several_is_asked_each_once_and_every_answer_counts(
    trained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained_folder, tmp_path / "shared")
    monkeypatch.setenv("RL_TSAD_ACTIVE__OVERLAP", "2")
    with open_workspace(tmp_path / "shared") as workspace:
        play(workspace, [0, 6, 8])
        with workspace.store.read() as session:
            asked = [label.item_id for label in labels.history(session) if not label.part]
            copies = Counter(item.key for item in queries.in_state(session, ItemState.OPEN))
            assert labels.spent(session).questions == len(set(asked)) == 8
        assert len(copies) == workspace.settings.active.batch
        assert set(copies.values()) == {2}
        assert spent_at_versions(workspace)[-1] == 8
