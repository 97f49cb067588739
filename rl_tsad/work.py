"""Settings of the work around a model: leases, retraining, and how long people need for an answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from rl_tsad.setting_types import Count

_STRICT = ConfigDict(extra="forbid")
Seconds = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class AnswerSeconds:
    """How long a person needs for an answer of each kind; budgets are told in questions and in these seconds.

    Attributes:
        normal: seconds for one glance: normal, or an anomaly whose boundaries nobody marks.
        event: seconds for an anomaly whose beginning and end are marked.
        unsure: seconds until somebody gives up.
    """

    normal: Seconds = 4.0
    event: Seconds = 10.0
    unsure: Seconds = 4.0


@dataclass(frozen=True, config=_STRICT)
class WorkConfig:
    """Leases and retraining.

    Attributes:
        question_lease: seconds that a question stays with one analyst.
        job_lease: seconds without a heartbeat after which a job goes to another worker.
        job_attempts: times that a job is tried before it counts as failed.
        retrain_after: new answers after which the page proposes a retraining.
    """

    question_lease: Annotated[float, Field(gt=0)] = 300.0
    job_lease: Annotated[float, Field(gt=0)] = 60.0
    job_attempts: Count = 3
    retrain_after: Count = 20
