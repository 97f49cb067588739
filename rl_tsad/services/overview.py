"""What models and jobs are there? For pages and the command line; it knows the store only, never torch."""

from __future__ import annotations

from db import jobs as job_rows
from db import versions as version_rows
from db.records import Job, ModelVersion
from rl_tsad.services.workspace import Workspace


def versions(ws: Workspace) -> list[ModelVersion]:
    """List all model versions, newest first.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rl_tsad.services.workspace import create_workspace
        >>> with tempfile.TemporaryDirectory() as folder, create_workspace(Path(folder) / "w") as ws:
        ...     versions(ws), jobs(ws)
        ([], [])
    """
    with ws.store.read() as session:
        return sorted(version_rows.all(session), key=lambda version: version.id, reverse=True)


def jobs(ws: Workspace) -> list[Job]:
    """List all jobs, newest first (example under :func:`versions`)."""
    with ws.store.read() as session:
        return sorted(job_rows.all(session), key=lambda job: job.id, reverse=True)
