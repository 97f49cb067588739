"""A small plant, settings that train in seconds, and a workspace trained once for all tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl_tsad.config import Settings
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.retraining import retrain
from rl_tsad.services.workspace import Workspace, create_workspace, open_workspace
from rl_tsad.settings import load_settings
from rl_tsad.types import Series


@pytest.fixture(scope="session")
def quick_settings() -> Settings:
    """The real thing, only with few steps."""
    return load_settings(
        split={"pool_fraction": 0.6},
        detector={"aster": {"steps": 10}, "folds": 2},
        agent={"steps": 2048, "envs": 32, "batch": 256},
        policy={"steps": 2048, "envs": 32, "batch": 256},
        belief={"trees": 20},
        active={"batch": 5, "events": True},
    )


@pytest.fixture(scope="session")
def plants() -> list[Series]:
    config = PlantConfig(points=900, faults=5, stops=1)
    return [simulate_plant(config, seed=number, name=f"plant-{number}").series for number in range(2)]


@pytest.fixture(scope="session")
def trained_folder(tmp_path_factory: pytest.TempPathFactory, plants: list[Series], quick_settings: Settings) -> Path:
    root = tmp_path_factory.mktemp("trained") / "workspace"
    with create_workspace(root, quick_settings) as workspace:
        for plant in plants:
            keep_series(workspace, plant, source="test")
        retrain(workspace)
    return root


@pytest.fixture
def trained(trained_folder: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with two plants and one model version, to be changed freely."""
    shutil.copytree(trained_folder, tmp_path / "workspace")
    with open_workspace(tmp_path / "workspace") as workspace:
        yield workspace
