"""Which workspace is this page for, and who sits at it?"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from db.desk_records import Role
from db.errors import StoreError
from db.records import Answer, Job, ModelVersion
from labeling_ui import identity, shelf, state
from labeling_ui.shelf import Given, Shot
from rl_tsad.errors import WorkspaceError
from rl_tsad.services import answering, labeling, look_alikes, overview, people, reasons
from rl_tsad.services.answering import Entry, Result
from rl_tsad.services.labeling import ProgressFacts
from rl_tsad.services.look_alikes import Settled
from rl_tsad.services.people import Visitor
from rl_tsad.services.reasons import Reasons, Standing
from rl_tsad.services.workspace import Workspace, open_workspace

VARIABLE = "RL_TSAD_WORKSPACE"
_DESK = "desk"


@dataclass(frozen=True)
class ServiceDoor:
    """The services' verbs bound to one workspace and to who is at the page now.

    Every refusal of the store becomes an error meant for people.
    """

    ws: Workspace

    def visitor(self) -> Visitor:
        """Tell who is at the page and what they may, as the store has it now."""
        with _plainly():
            return identity.recognise(self.ws, desk().analyst)

    def _acting(self, analyst: str, least: Role, verb: str) -> str:
        """Check that the visitor may do something; gives the name that it is done under."""
        who = self.visitor()
        people.require(who, least, verb)
        return analyst if self.ws.settings.access.mode == "local" else who.name

    def _over(self, label_id: int, analyst: str) -> str:
        """Check that the visitor may say what an answer settles; gives the name that it is done under."""
        who = self.visitor()
        people.require_over_answer(self.ws, who, label_id)
        return analyst if self.ws.settings.access.mode == "local" else who.name

    def mark(
        self,
        places: Sequence[tuple[str, tuple[int, int]]],
        answer: Answer,
        analyst: str,
        *,
        client: str,
        sequence: int,
    ) -> tuple[Result, ...]:
        """Keep an answer about stretches that nobody asked about; the first message has the number given."""
        entries = [
            Entry(number, "mark", answer=answer, series=series, low=low, high=high)
            for number, (series, (low, high)) in enumerate(places, sequence)
        ]
        return self._send(entries, analyst, client)

    def take_back(self, numbers: Sequence[int], analyst: str, *, client: str, sequence: int) -> tuple[Result, ...]:
        """Take back the answers that some messages of a client made; the first message has the number given."""
        entries = [Entry(number, "undo", undoes=undone) for number, undone in enumerate(numbers, sequence)]
        return self._send(entries, analyst, client)

    def _send(self, entries: Sequence[Entry], analyst: str, client: str) -> tuple[Result, ...]:
        with _plainly():
            who = Visitor(self._acting(analyst, Role.ANALYST, "answer"), self.visitor().role)
            return answering.take_log(self.ws, who, client, entries).results

    def progress(self) -> ProgressFacts:
        """Give what was asked and answered so far."""
        with _plainly():
            return labeling.progress(self.ws)

    def enqueue_retrain(self, requested_by: str) -> Job:
        """Ask a worker for a retraining; the same job while one is waiting or running."""
        with _plainly():
            name = self._acting(requested_by, Role.REVIEWER, "retrain")
            return labeling.enqueue_retrain(self.ws, name)

    def fresh_answers(self) -> int:
        """Count the questions answered since the current model was trained."""
        with _plainly():
            return overview.fresh_answers(self.ws)

    def pool_size(self) -> int:
        """Count the windows that may be asked."""
        with _plainly():
            return overview.pool_size(self.ws)

    def versions(self) -> list[ModelVersion]:
        """Give all model versions, newest first."""
        with _plainly():
            return overview.versions(self.ws)

    def jobs(self) -> list[Job]:
        """Give all jobs, newest first."""
        with _plainly():
            return overview.jobs(self.ws)

    def settled_by(self, label_id: int) -> Settled | None:
        """Say what an answer settles at present; None when it does not stand or there is no model."""
        with _plainly():
            return look_alikes.settled_by(self.ws, label_id)

    def take_out(self, label_id: int, analyst: str, keys: Sequence[str] | None = None) -> None:
        """Keep an answer from settling some windows, or any."""
        with _plainly():
            look_alikes.take_out(self.ws, label_id, self._over(label_id, analyst), keys)

    def put_back(self, label_id: int, analyst: str, keys: Sequence[str] | None = None) -> int:
        """Let an answer settle again what was taken out; how much that was."""
        with _plainly():
            return look_alikes.put_back(self.ws, label_id, self._over(label_id, analyst), keys)

    def why(self, key: str) -> Reasons:
        """Say why a window is taken for what it is."""
        with _plainly():
            return reasons.why(self.ws, key)

    def spreading(self) -> Standing | None:
        """Say how well spreading does; None without a model."""
        with _plainly():
            return reasons.standing(self.ws)

    def last_answer(self, analyst: str) -> int | None:
        """Number the first row of the analyst's last standing answer."""
        with _plainly():
            return reasons.last_answer(self.ws, analyst)

    def answers(self, most: int = 50) -> list[Given]:
        """Give the standing answers, newest first."""
        with _plainly():
            return shelf.answers(self.ws, most)

    def pictures(self, keys: Sequence[str]) -> dict[str, Shot]:
        """Give what some windows look like and when they were; those that are not there are left out."""
        with _plainly():
            return shelf.shots(self.ws, keys)


@contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise WorkspaceError(str(error)) from error
    except (SQLAlchemyError, OSError) as error:
        raise WorkspaceError(
            f"expected the workspace's store and files to answer, got {type(error).__name__}; "
            "check that the folder is there and the disk is not full, then try again"
        ) from error


def workspace_path(arguments: Sequence[str], environment: dict[str, str]) -> Path:
    """Find the workspace's folder: ``--workspace DIR`` after ``--`` on the command line, else RL_TSAD_WORKSPACE.

    Raises:
        WorkspaceError: when neither names one.

    Example:
        >>> workspace_path(["--workspace", "plant"], {}).name
        'plant'
    """
    for word, following in pairwise([*arguments, ""]):
        if word == "--workspace" and following:
            return Path(following)
        if word.startswith("--workspace="):
            return Path(word.removeprefix("--workspace="))
    if environment.get(VARIABLE):
        return Path(environment[VARIABLE])
    raise WorkspaceError(f"expected a workspace, got none; start the page with `rl-tsad ui` or set {VARIABLE}")


def typed(command: str) -> str:
    """Write a command as it can be typed in a shell: this page's workspace as given, the program as it is found.

    Raises:
        WorkspaceError: when no workspace is named.
    """
    beside = Path(sys.executable).with_name("rl-tsad")
    program = str(beside) if shutil.which("rl-tsad") is None and beside.exists() else "rl-tsad"
    folder = str(workspace_path(sys.argv[1:], dict(os.environ)))
    return f"{shlex.quote(program)} --workspace {shlex.quote(folder)} {command}"


@st.cache_resource(show_spinner=False, on_release=Workspace.close)
def _opened(path: str) -> Workspace:
    return open_workspace(Path(path))


def door() -> ServiceDoor:
    """Open the workspace, once for all tabs.

    Raises:
        WorkspaceError: when there is none, or it cannot be opened.
    """
    with _plainly():
        return ServiceDoor(_opened(str(workspace_path(sys.argv[1:], dict(os.environ)).resolve())))


def desk() -> state.Desk:
    """Give this tab's desk; a new one after a reload."""
    if _DESK not in st.session_state:
        st.session_state[_DESK] = state.open_desk()
    found: state.Desk = st.session_state[_DESK]
    return found


def seat(who: Visitor) -> None:
    """Let a visitor sit down at this tab's desk; somebody else gets a fresh one."""
    if desk().analyst != who.name:
        put(state.open_desk(who.name))


def put(desk: state.Desk) -> None:
    """Keep this tab's desk."""
    st.session_state[_DESK] = desk


def number(more: int) -> state.Desk:
    """Count so many messages as sent; gives this tab's desk, whose next message has the number ``turn``."""
    found = replace(desk(), turn=desk().turn + more)
    put(found)
    return found


def viewer_zone() -> str | None:
    """Time zone of the person's browser; None where it is not told."""
    return st.context.timezone
