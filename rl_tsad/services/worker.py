"""The worker: claims a job, keeps its lease while it works, and tells how far it is."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from db import jobs, versions
from db.records import Job, JobState, ModelVersion
from db.session import utc_now
from rl_tsad.errors import RlTsadError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.services.retraining import retrain
from rl_tsad.services.workspace import Workspace


class LeaseLostError(RlTsadError):
    """Another worker has taken the job over."""


def work(
    workspace: Workspace,
    *,
    once: bool = False,
    poll: float = 2.0,
    progress: Progress = no_progress,
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    """Do jobs one after the other.

    Args:
        workspace: whose jobs.
        once: stop when nothing waits, instead of looking again.
        poll: seconds between two looks.
        progress: told of each stage.
        tell: told of each job in words.

    Returns:
        How many jobs this worker finished.
    """
    name = f"{socket.gethostname()}-{os.getpid()}"
    done = 0
    tell("" if once else "Waiting for jobs; Ctrl-C stops.")
    _tell_held(workspace, tell)
    while True:
        job = _claim(workspace, name)
        if job is not None:
            tell(f"Job {job.id} ({job.kind}), attempt {job.attempts}")
            done += _do(workspace, job, name, progress=progress, tell=tell)
        elif once:
            return done
        else:
            time.sleep(poll)


def _tell_held(workspace: Workspace, tell: Callable[[str], None]) -> None:
    with workspace.store.read() as session:
        held = [job for job in jobs.all(session) if job.state == JobState.RUNNING and job.lease_until is not None]
    for job in held:
        until = job.lease_until.astimezone().strftime("%H:%M:%S %Z") if job.lease_until else ""
        tell(f"Job {job.id} is held by {job.worker}; if that worker is dead, the job is free again at {until}")


def _claim(workspace: Workspace, name: str) -> Job | None:
    config = workspace.settings.work
    with workspace.store.begin() as session:
        return jobs.claim(session, name, utc_now(), config.job_lease, config.job_attempts)


def _do(workspace: Workspace, job: Job, name: str, *, progress: Progress, tell: Callable[[str], None]) -> bool:
    try:
        version = _version_of(workspace, job) or _retrain(workspace, job, name, progress)
    except LeaseLostError as error:
        tell(str(error))
        return False
    except Exception as error:  # a broken job must not end the worker
        tell("" if isinstance(error, RlTsadError) else traceback.format_exc())
        with workspace.store.begin() as session:
            jobs.fail(session, job.id, name, now=utc_now(), message=f"{type(error).__name__}: {error}")
        tell(f"Job {job.id} failed: {error}")
        return False
    result = {"version": version.id, "promoted": bool(version.metrics["promoted"])}
    with workspace.store.begin() as session:
        jobs.finish(session, job.id, name, now=utc_now(), result=result)
    tell(f"Job {job.id} made model version {version.id}")
    return True


def _version_of(workspace: Workspace, job: Job) -> ModelVersion | None:
    """Find what an earlier attempt, killed before it could say so, has already published."""
    with workspace.store.read() as session:
        made = versions.of_job(session, job.id)
    return made[-1] if made else None


def _retrain(workspace: Workspace, job: Job, name: str, progress: Progress) -> ModelVersion:
    with _heartbeat(workspace, job, name) as reached:

        def listen(stage: str, done: int, total: int) -> None:
            if reached.is_lost:
                raise LeaseLostError(f"Job {job.id} went to another worker; this one stops it")
            reached.stage, reached.share = stage, done / max(total, 1)
            progress(stage, done, total)

        return retrain(workspace, job_id=job.id, progress=listen)


@dataclass
class _Reached:
    stage: str = "starting"
    share: float = 0.0
    is_lost: bool = False


@contextmanager
def _heartbeat(workspace: Workspace, job: Job, name: str) -> Iterator[_Reached]:
    """Keep the lease and publish the progress, from a thread of its own, while the block works."""
    reached, stop = _Reached(), threading.Event()
    seconds = workspace.settings.work.job_lease

    def beat() -> None:
        while not stop.wait(min(seconds / 4, 2.0)):
            with workspace.store.begin() as session:
                is_ours = jobs.heartbeat(
                    session,
                    job.id,
                    name,
                    now=utc_now(),
                    lease_seconds=seconds,
                    progress=reached.share,
                    message=reached.stage,
                )
            reached.is_lost = not is_ours

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield reached
    finally:
        stop.set()
        thread.join()
