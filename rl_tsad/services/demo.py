"""The main job once through, on a simulated plant or on the user's own labelled files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rl_tsad.data.simulate import simulate_plant
from rl_tsad.evaluation.budget import Measurement
from rl_tsad.progress import Progress, no_progress
from rl_tsad.services.ingest import ingest, keep_series
from rl_tsad.services.reporting import report_workspace
from rl_tsad.services.simulate import play, read_material
from rl_tsad.services.workspace import Workspace, create_workspace, list_series
from rl_tsad.settings import load_settings

PLANTS = 3


def run_demo(
    root: Path, budgets: Sequence[int], *, data: Path | None = None, progress: Progress = no_progress
) -> tuple[list[Measurement], Path]:
    """Simulate, train, play an analyst, report; what exists already is reused.

    Args:
        root: workspace, made when absent.
        budgets: question counts at which the agent is measured.
        data: labelled files instead of the plant.
        progress: told of each stage.

    Returns:
        The budget table's rows, and where the report is.

    Raises:
        DataError: when the files hold no known anomalies.
    """
    if data is not None:
        read_material(data, root)  # complains about missing truth before anything is made
    settings = load_settings(split={"pool_fraction": 0.6}, active={"batch": 10})
    with create_workspace(root, settings) as workspace:
        _fill(workspace, data, progress)
        play(workspace, budgets, progress=progress)
        return report_workspace(workspace, workspace.reports, budgets=budgets)


def _fill(workspace: Workspace, data: Path | None, progress: Progress) -> None:
    if data is not None:
        ingest(workspace, [data], progress=progress)
    elif not list_series(workspace):
        for number in range(PLANTS):
            plant = simulate_plant(seed=number, name=f"plant-{number + 1}")
            keep_series(workspace, plant.series, source="simulated plant")
            progress("simulating plants", number + 1, PLANTS)
