from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from db import schema
from db.session import make_engine, read_url
from rl_tsad.config import Settings
from rl_tsad.data.readers import ReadOptions
from rl_tsad.data.role_choice import RoleChoice
from rl_tsad.errors import DataError, WorkspaceError
from rl_tsad.services.foundation import foundation_digest, prepare
from rl_tsad.services.ingest import ingest, keep_series, preview
from rl_tsad.services.retraining import retrain
from rl_tsad.services.roles import change_roles, stored_roles
from rl_tsad.services.scoring import load_model, score_path, trained_roles
from rl_tsad.services.workspace import Workspace, create_workspace, list_series, load_series, open_workspace
from rl_tsad.types import Series


def write(folder: Path, name: str = "pump", *, opens: bool = True, points: int = 400) -> Path:
    rng = np.random.default_rng(len(name))
    valve = np.arange(points) // 30 % 2 if opens else np.zeros(points)
    rows = np.stack([rng.normal(size=points), valve, rng.normal(size=points)], axis=1)
    path = folder / f"{name}.csv"
    path.write_text("flow,valve,level\n" + "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()))
    return path


@pytest.fixture
def workspace(tmp_path: Path, quick_settings: Settings) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "workspace", quick_settings) as opened:
        yield opened


def roles(workspace: Workspace) -> list[tuple[str, ...]]:
    return [record.exogenous for record in list_series(workspace)]


def test_roles_are_kept_with_the_series_and_come_back(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, [write(tmp_path)])
    (record,) = list_series(workspace)
    assert record.exogenous == ("valve",)
    assert load_series(workspace, record).targets.tolist() == [0, 2]


def test_a_later_file_takes_the_roles_of_the_same_channels(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, [write(tmp_path, "still", opens=False)], ReadOptions(roles=RoleChoice(others="all-targets")))
    ingest(workspace, [write(tmp_path, "opens")])
    assert roles(workspace) == [(), ()]
    assert stored_roles(workspace) == {frozenset({"flow", "valve", "level"}): set()}


def test_a_file_that_contradicts_the_stored_roles_is_refused_whole(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, [write(tmp_path, "one")])
    with pytest.raises(DataError, match=r"two\.csv: expected the same exogenous channels .* \('valve'\), got none"):
        ingest(workspace, [write(tmp_path, "two")], ReadOptions(roles=RoleChoice(targets=("valve",))))
    assert len(list_series(workspace)) == 1
    values = np.zeros((5, 3), np.float32)
    with pytest.raises(DataError, match="series 'x': expected the same exogenous channels"):
        keep_series(workspace, Series("x", values, np.arange(5), ("flow", "valve", "level")), source="test")


def test_a_series_that_goes_on_keeps_its_roles(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path)
    ingest(workspace, [path], ReadOptions(roles=RoleChoice(exogenous=("level",))))
    with path.open("a") as file:
        file.write("0.5,1,0.5\n")
    ingest(workspace, [path])
    assert [(record.rows, record.exogenous) for record in list_series(workspace)] == [(401, ("valve", "level"))]


def test_the_preview_says_what_would_hold_in_this_workspace(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path)
    ingest(workspace, [path], ReadOptions(roles=RoleChoice(others="all-targets")))
    assert [role.is_exogenous for role in preview([path])[0].roles] == [False, True, False]
    here = preview([path], workspace=workspace)[0].roles
    assert {(role.is_exogenous, role.reason) for role in here} == {(False, "as in this workspace")}


def test_roles_change_in_all_series_and_without_the_files(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, [write(tmp_path, "a"), write(tmp_path, "b")])
    digests = [record.digest for record in list_series(workspace)]
    assert len(change_roles(workspace, RoleChoice(targets=("valve",), exogenous=("level",)))) == 2
    assert roles(workspace) == [("level",)] * 2
    assert [record.digest for record in list_series(workspace)] == digests
    assert change_roles(workspace, RoleChoice(exogenous=("level",))) == []
    change_roles(workspace, RoleChoice(others="infer"))
    assert roles(workspace) == [("valve",)] * 2
    change_roles(workspace, RoleChoice(("flow",), others="all-exogenous"))
    assert roles(workspace) == [("valve", "level")] * 2
    change_roles(workspace, RoleChoice(others="all-targets"))
    assert roles(workspace) == [()] * 2


def test_impossible_changes_are_refused_and_change_nothing(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="expected at least one series"):
        change_roles(workspace, RoleChoice(targets=("flow",)))
    ingest(workspace, [write(tmp_path)])
    with pytest.raises(DataError, match="did you mean 'level'"):
        change_roles(workspace, RoleChoice(targets=("levl",)))
    with pytest.raises(DataError, match="series 'pump': expected at least one target"):
        change_roles(workspace, RoleChoice(exogenous=("flow", "level")))
    assert roles(workspace) == [("valve",)]


def test_a_workspace_of_the_first_revision_opens_with_all_channels_as_targets(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, [write(tmp_path)])
    workspace.close()
    engine = make_engine(read_url(f"sqlite:///{workspace.root / 'store.db'}"))
    schema.downgrade(engine, "0001")
    engine.dispose()
    with open_workspace(workspace.root) as upgraded:
        assert roles(upgraded) == [()]
        assert load_series(upgraded, list_series(upgraded)[0]).exogenous is None
        change_roles(upgraded, RoleChoice(others="infer"))
        assert roles(upgraded) == [("valve",)]


def test_other_roles_are_another_foundation(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, [write(tmp_path)])
    before = foundation_digest(list_series(workspace), workspace.settings)
    change_roles(workspace, RoleChoice(targets=("valve",)))
    after = foundation_digest(list_series(workspace), workspace.settings)
    assert before != after
    change_roles(workspace, RoleChoice(exogenous=("valve",)))
    assert foundation_digest(list_series(workspace), workspace.settings) == before


@pytest.mark.slow
def test_scoring_keeps_the_roles_of_the_training(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path)
    ingest(workspace, [path])
    retrain(workspace)
    assert prepare(workspace).exogenous == ("valve",)
    change_roles(workspace, RoleChoice(exogenous=("level",)))
    model = load_model(workspace)
    series = Series("new", np.zeros((9, 3), np.float32), np.arange(9), ("flow", "valve", "level"))
    for names, mask in (
        (("flow", "valve", "level"), [False, True, False]),
        (("valve", "flow", "level"), [True, False, False]),
        (("a", "b", "c"), [False, True, False]),
    ):
        found = trained_roles(replace(series, channels=names), model)
        assert found is not None
        assert found.tolist() == mask
    score_path(workspace, path, tmp_path / "before.csv")
    retrain(workspace)
    assert prepare(workspace).detector().known["pump"].profile.targets.tolist() == [True, False, False]
    score_path(workspace, path, tmp_path / "after.csv")
    assert (tmp_path / "before.csv").read_text() != (tmp_path / "after.csv").read_text()
