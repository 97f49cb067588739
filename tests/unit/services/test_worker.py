import pytest

from db import jobs, versions
from db.records import JobState
from rl_tsad.services import worker
from rl_tsad.services.labeling import enqueue_retrain
from rl_tsad.services.worker import work
from rl_tsad.services.workspace import Workspace

pytestmark = pytest.mark.slow


def test_a_job_becomes_a_version_and_the_queue_is_filled_anew(trained: Workspace) -> None:
    job = enqueue_retrain(trained, "ann")
    assert enqueue_retrain(trained, "bob").id == job.id
    said: list[str] = []
    assert work(trained, once=True, tell=said.append) == 1
    with trained.store.read() as session:
        done = jobs.get(session, job.id)
        made = versions.of_job(session, job.id)
        assert versions.current(session) == made[-1]
    assert done.state == JobState.DONE
    assert done.result["version"] == made[-1].id
    assert any("made model version" in line for line in said)
    assert work(trained, once=True) == 0


def test_a_failing_job_says_why_and_the_worker_goes_on(trained: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(worker, "retrain", broken)
    job = enqueue_retrain(trained, "ann")
    assert work(trained, once=True) == 0
    with trained.store.read() as session:
        failed = jobs.get(session, job.id)
    assert failed.state == JobState.FAILED
    assert "no memory" in failed.message


def test_what_a_killed_attempt_published_is_not_made_again(trained: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from rl_tsad.services.retraining import retrain

    job = enqueue_retrain(trained, "ann")
    made = retrain(trained, job_id=job.id)
    monkeypatch.setattr(worker, "retrain", lambda *_, **__: pytest.fail("trained twice"))
    assert work(trained, once=True) == 1
    with trained.store.read() as session:
        assert jobs.get(session, job.id).result["version"] == made.id
