from pathlib import Path

import pytest

from db import labels
from rl_tsad.config import Settings
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.errors import ConfigError, DataError
from rl_tsad.services.foundation import POOL, prepare
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.simulate import ANALYST, Study, plan, play, read_material, run_study
from rl_tsad.services.workspace import Workspace, create_workspace, open_workspace
from rl_tsad.types import Series


def history(workspace: Workspace) -> list[tuple[str, str | None]]:
    with workspace.store.read() as session:
        return [(label.key, label.answer) for label in labels.history(session)]


@pytest.mark.slow
def test_every_oracle_read_is_one_answered_pool_window(trained: Workspace) -> None:
    play(trained, [0, 7])
    told = history(trained)
    foundation = prepare(trained)
    pool = set(foundation.keys[foundation.part == POOL].tolist())
    assert len(told) == len({key for key, _ in told}) == 7
    assert {key for key, _ in told} <= pool
    with trained.store.read() as session:
        assert labels.spent(session).questions == 7


@pytest.mark.slow
def test_playing_on_is_playing_at_once(trained: Workspace, trained_folder: Path) -> None:
    play(trained, [0, 3, 8])
    with open_workspace(trained_folder) as fresh_source:
        source = fresh_source.root
    import shutil

    other = trained.root.parent / "other"
    shutil.copytree(source, other)
    with open_workspace(other) as workspace:
        play(workspace, [0, 3])
        play(workspace, [0, 3, 8])
        assert history(workspace) == history(trained)


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
    "wrong", [{"budgets": ()}, {"budgets": (-1,)}, {"budgets": (1, 1)}, {"methods": ("magic",)}, {"seeds": 0}]
)
def test_a_study_checks_what_it_is_asked(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Study(**wrong)  # type: ignore[arg-type]


def test_series_without_truth_cannot_be_simulated(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,x\n" + "\n".join(f"{i},{i % 7}" for i in range(100)))
    with pytest.raises(DataError, match="expected series with known anomalies"):
        read_material(tmp_path / "a.csv", tmp_path)


def test_a_workspace_gives_its_own_series(tmp_path: Path, plants: list[Series]) -> None:
    with create_workspace(tmp_path / "w") as workspace:
        keep_series(workspace, plants[0], source="test")
    (series,) = read_material(None, tmp_path / "w")
    assert series.truth is not None
    assert ANALYST == "simulated"
