"""How does a retraining stand, and how is one asked for?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.records import Job, JobState
from labeling_ui import entrance
from labeling_ui.components import notes, plain, words
from rl_tsad.errors import RlTsadError

STATES = {
    JobState.QUEUED: "Waiting for a worker",
    JobState.RUNNING: "Running",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}
BUSY_SECONDS, IDLE_SECONDS = 2.0, 15.0
_REFUSED = "retrain-refused"


def active(jobs: Sequence[Job]) -> list[Job]:
    """Give the jobs that are waiting or running."""
    return [job for job in jobs if job.state in (JobState.QUEUED, JobState.RUNNING)]


def pace(jobs: Sequence[Job]) -> float:
    """Choose after how many seconds to look again: soon while something is under way."""
    return BUSY_SECONDS if active(jobs) else IDLE_SECONDS


def retrain_button(*, busy: bool, primary: bool = True) -> None:
    """Offer a retraining; the page only enqueues it, a worker does it."""
    st.button(
        "Retrain",
        icon=":material/model_training:",
        key="retrain",
        type="primary" if primary else "secondary",
        disabled=busy,
        help="Puts a job in the list; a worker process does it.",
        on_click=_enqueue,
    )
    refused = st.session_state.pop(_REFUSED, None)
    if refused is not None:
        notes.refusal("No retraining was asked for.", refused)


def offer(door: entrance.ServiceDoor, after: int) -> None:
    """Beside the questions: how a retraining stands, or, after enough new answers, the button for one."""
    under_way = active(door.jobs())
    if under_way:
        job = under_way[0]
        st.markdown("**Retraining**")
        st.progress(job.progress, text=f"{STATES[job.state]} · {words.share_of_one(job.progress)}")
        return
    fresh = door.fresh_answers()
    if fresh >= after:
        st.markdown(f"**{words.count(fresh, 'new answer')}** since the model was trained")
        retrain_button(busy=False, primary=False)


def _enqueue() -> None:
    try:
        entrance.door().enqueue_retrain(entrance.desk().analyst)
    except RlTsadError as error:
        st.session_state[_REFUSED] = str(error)


def card(job: Job, zone: str | None) -> None:
    """Draw one job that is waiting or running."""
    with st.container(border=True):
        st.markdown(f"**{plain.markdown(title(job))}** · {STATES[job.state]}")
        stage = plain.markdown(job.message) if job.message else "Not started"
        st.progress(min(max(job.progress, 0.0), 1.0), text=f"{words.share_of_one(job.progress)} · {stage}")
        since = f"Asked for {words.local_time(job.created_at, zone)}"
        started = f" · started {words.local_time(job.started_at, zone)}" if job.started_at else ""
        st.caption(plain.markdown(since + started))
        if job.state is JobState.QUEUED:
            worker_hint("It starts when a worker runs:")


def worker_hint(lead: str) -> None:
    """Show the command that starts a worker for this workspace, to be copied."""
    st.caption(f":material/terminal: {lead}")
    st.code(entrance.typed("worker"), language=None, wrap_lines=True)


def outcome(job: Job) -> str:
    """Say what came out of a finished job: the model it made, or else its message.

    Example:
        >>> from datetime import UTC, datetime
        >>> moment, made = datetime(2026, 1, 1, tzinfo=UTC), {"version": 3, "promoted": False}
        >>> outcome(Job(7, "retrain", {}, JobState.DONE, None, None, 0, 1.0, "vae", made, None, moment, None, None))
        'made model 3; kept, not current'
    """
    version = job.result.get("version")
    if job.state is not JobState.DONE or version is None:
        return job.message
    return f"made model {version}" + ("; kept, not current" if job.result.get("promoted") is False else "")


def title(job: Job) -> str:
    """Name a job.

    Example:
        >>> from datetime import UTC, datetime
        >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
        >>> title(Job(7, "retrain", {}, JobState.QUEUED, None, None, 0, 0.0, "", {}, None, moment, None, None))
        'Job 7: retrain'
    """
    return f"Job {job.id}: {job.kind}"


def live(*, whole_page_when_done: bool) -> None:
    """Draw the waiting and running jobs and look again by itself.

    Args:
        whole_page_when_done: draw the whole page anew once nothing is under way any more.
    """
    jobs = entrance.door().jobs()
    drawn = st.fragment(_live, run_every=pace(jobs))
    drawn(bool(active(jobs)), whole_page_when_done)


def _live(was_busy: bool, whole_page_when_done: bool) -> None:
    try:
        busy = active(entrance.door().jobs())
    except RlTsadError as error:
        notes.refusal("The list of jobs cannot be read; trying again.", str(error))
        return
    if bool(busy) != was_busy and whole_page_when_done:
        st.rerun()
    for job in busy:
        card(job, entrance.viewer_zone())
