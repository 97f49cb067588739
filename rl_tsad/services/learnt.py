"""What did the current model learn without labels? How far each member counts, how separable each generator was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from rl_tsad.config import MEMBERS
from rl_tsad.services.scoring import current_version
from rl_tsad.services.workspace import Workspace

_SEPARABILITY = "aster/separability/"
_SHARE = 10  # of the updates are the first tenth, and the last


@dataclass(frozen=True)
class Learnt:
    """What can be told of a detector.

    Attributes:
        weights: by series, each member's share of the label-free score; 0 where it is off.
        separability: by generator of ASTER, the AUC-ROC in [0, 1] of its changed points against untouched ones, mean of
            the first and of the last tenth of the training; .5 is chance.
        version: number of the model version.
    """

    weights: Mapping[str, Mapping[str, float]]
    separability: Mapping[str, tuple[float, float]]
    version: int


def read_learnt(workspace: Workspace) -> Learnt:
    """Read it from the current version.

    Raises:
        NotTrainedError: when there is none.
    """
    version, foundation = current_version(workspace)
    detector = foundation.detector()
    weights: dict[str, dict[str, float]] = {}
    for name, known in detector.known.items():
        weights[name] = {member: float(share) for member, share in zip(MEMBERS, known.weights, strict=True)}
    courses = {
        path.removeprefix(_SEPARABILITY): ends(values)
        for path, values in detector.history.items()
        if path.startswith(_SEPARABILITY) and values
    }
    return Learnt(weights, courses, version.id)


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Average the first and the last tenth of a course, at least one value of each.

    Example:
        >>> ends([0.5, 0.7, 0.9])
        (0.5, 0.9)
    """
    count = max(len(values) // _SHARE, 1)
    return fmean(values[:count]), fmean(values[-count:])
