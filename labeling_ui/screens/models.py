"""The models page: which versions there are, what is being trained, and the button that asks for more."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.records import Job, ModelVersion
from labeling_ui import entrance
from labeling_ui.components import jobs, notes, plain, words
from rl_tsad.errors import RlTsadError
from rl_tsad.services.labeling import ProgressFacts

SHOWN = 15


def show() -> None:
    """Draw the page."""
    door = entrance.door()
    try:
        facts, versions, all_jobs = door.progress(), door.versions(), door.jobs()
    except RlTsadError as error:
        notes.problem("Models and jobs cannot be read.", error)
        return
    _top(facts, bool(jobs.active(all_jobs)))
    jobs.live(whole_page_when_done=True)
    _versions(versions, None if facts.version is None else facts.version.id)
    _jobs(all_jobs)


def _top(facts: ProgressFacts, busy: bool) -> None:
    title, button = st.columns([6, 1], vertical_alignment="bottom")
    title.markdown("### Models")
    fresh = facts.answers_since_version
    if facts.version is None:
        title.markdown("There is no model yet. Bring data in, then train:")
        title.code(f"{entrance.typed('ingest FILE')}\n{entrance.typed('train')}", language=None, wrap_lines=True)
    elif busy:
        title.markdown("A retraining is under way; this page follows it by itself.")
    else:
        title.markdown(f"{words.count(fresh, 'new answer')} since model {facts.version.id} was trained.")
        with title:
            jobs.worker_hint("Retraining needs a worker:")
    with button, st.container(horizontal=True, horizontal_alignment="right"):
        jobs.retrain_button(busy=busy or facts.version is None)


def _versions(versions: Sequence[ModelVersion], current: int | None) -> None:
    if not versions:
        return
    st.markdown("#### Versions")
    zone = entrance.viewer_zone()
    st.table([version_row(one, current, zone) for one in versions[:SHOWN]], border="horizontal", hide_index=True)
    if len(versions) > SHOWN:
        st.caption(f"and {words.count(len(versions) - SHOWN, 'older version')}; see `rl-tsad models list`")


def version_row(version: ModelVersion, current: int | None, zone: str | None) -> dict[str, str]:
    """Say one version in words for the table."""
    metrics = version.metrics
    state = (
        ":material/star: current" if version.id == current else "not promoted" if metrics.get("promoted") == 0 else ""
    )
    return {
        "Model": str(version.id),
        "State": state,
        "Trained": plain.markdown(words.local_time(version.created_at, zone)),
        "Took": words.NOTHING if version.seconds is None else f"{version.seconds:,.0f} s",
        "Questions known": _number(metrics.get("questions")),
        "Agrees with answers": _percent(metrics.get("answers/agreement")),
        "Windows flagged": _percent(metrics.get("windows/flagged")),
        "Acts": _acts(metrics.get("actor/policy_acts")),
        "From": words.NOTHING if version.parent_id is None else f"model {version.parent_id}",
    }


def _number(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else words.NOTHING


def _acts(value: object) -> str:
    return words.NOTHING if value is None else "policy" if value else "alarm rule"


def _percent(value: object) -> str:
    return words.share_of_one(float(value)) if isinstance(value, int | float) else words.NOTHING


def _jobs(all_jobs: Sequence[Job]) -> None:
    finished = [job for job in all_jobs if job not in jobs.active(all_jobs)]
    if not finished:
        return
    st.markdown("#### Finished jobs")
    zone = entrance.viewer_zone()
    st.table([job_row(job, zone) for job in finished[:SHOWN]], border="horizontal", hide_index=True)


def job_row(job: Job, zone: str | None) -> dict[str, str]:
    """Say one finished job in words for the table."""
    return {
        "Job": plain.markdown(jobs.title(job)),
        "State": jobs.STATES[job.state],
        "Asked for": plain.markdown(words.local_time(job.created_at, zone)),
        "Ended": plain.markdown(words.local_time(job.finished_at, zone)),
        "Message": plain.markdown(jobs.outcome(job)) or words.NOTHING,
    }
