"""How do people do together, in words and tables: texts from the store are escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from db.records import Answer, ItemState
from labeling_ui.components import plain, words
from labeling_ui.state import NOUNS
from rl_tsad.evaluation.agreement import Alpha, in_words
from rl_tsad.services.agreement_of_people import Disagreement, Known, Pair, Worker

WAITS = "Waits for a reviewer"


def number(value: float) -> str:
    """Write an alpha, with the sign of a number below 0.

    Example:
        >>> number(0.712), number(-0.1)
        ('0.71', '−0.10')
    """
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def alpha_sentence(alpha: Alpha) -> str:
    """Say what an alpha means, and how sure it is.

    Example:
        >>> alpha_sentence(Alpha(0.712, (0.5, 0.9), 40, 36))
        'Agreement is **enough for tentative conclusions**. With more questions it may lie between 0.50 and 0.90.'
    """
    said = f"Agreement is **{in_words(alpha.value)}**."
    if alpha.interval is None:
        return said
    low, high = (number(bound) for bound in alpha.interval)
    return f"{said} With more questions it may lie between {low} and {high}."


def worker_row(one: Worker) -> dict[str, str]:
    """Say what one person did, for the table; how they do on controls only where that is told.

    Example:
        >>> ann = Worker("ann", {Answer.NORMAL: 2, Answer.ANOMALY: 1, Answer.UNSURE: 0}, 3, 1, {}, 720.0, None)
        >>> list(worker_row(ann).values())
        ['ann', '3', '1 / 2 / 0', '3', '1', '720']
    """
    kinds = (Answer.ANOMALY, Answer.NORMAL, Answer.UNSURE)
    row = {
        "Name": plain.markdown(one.name, 40),
        "Answers": f"{one.total:,}",
        "Anomaly / normal / unsure": " / ".join(f"{one.answers.get(kind, 0):,}" for kind in kinds),
        "Asked with others": f"{one.shared:,}",
        "Alone against all": f"{one.alone:,}",
        "Answers an hour": words.NOTHING if one.per_hour is None else f"{one.per_hour:,.0f}",
    }
    return row if one.controls is None else {**row, "Controls right": controls_right(one.controls)}


def controls_right(known: Known) -> str:
    """Say how somebody did on what is known.

    Example:
        >>> controls_right(Known(10, 9, (0.6, 0.98)))
        '9 of 10 (60 to 98 %)'
    """
    if known.interval is None:
        return words.NOTHING
    return f"{known.right} of {known.asked} ({100 * known.interval[0]:.0f} to {100 * known.interval[1]:.0f} %)"


def pair_rows(pairs: Sequence[Pair]) -> list[dict[str, str]]:
    """Lay pairs out as a matrix: alpha, and the questions that both answered; each pair once.

    Example:
        >>> pair_rows([Pair("ann", "bob", Alpha(0.5, None, 12, 10))])
        [{'': 'ann', 'bob': '0.50 · 12'}]
    """
    found = {(one.first, one.second): one.alpha for one in pairs}
    rows, columns = sorted({first for first, _ in found}), sorted({second for _, second in found})
    return [
        {"": plain.markdown(first, 30)}
        | {plain.markdown(second, 30): _cell(found.get((first, second))) for second in columns}
        for first in rows
    ]


def disagreement_row(one: Disagreement, when: str) -> dict[str, str]:
    """Say what people differ about, who says what, and what became of it."""
    return {
        "Window": f"{plain.markdown(one.item.series, 40)} · {plain.markdown(when)}",
        "Said": " · ".join(f"{plain.markdown(name, 30)}: {NOUNS[answer]}" for name, answer in one.said),
        "State": state_of(one),
    }


def state_of(one: Disagreement) -> str:
    """Say what became of a disagreement."""
    if one.decided is not None:
        name, answer = one.decided
        return f":material/check_circle: {NOUNS[answer]}, by {plain.markdown(name, 30)}"
    if one.item.state == ItemState.LEASED:
        return f":material/pending: Lies in front of {plain.markdown(str(one.item.leased_by), 30)}"
    if one.item.assignee is not None:
        return f":material/schedule: Waits for {plain.markdown(one.item.assignee, 30)}"
    return f":material/schedule: {WAITS}"


def share_row(series: str, people: Sequence[str], waiting: int) -> Mapping[str, str]:
    """Say who is asked about a series."""
    asked = ", ".join(plain.markdown(name, 30) for name in people) or "anybody"
    return {"Series": plain.markdown(series, 60), "Asked": asked, "Questions waiting": f"{waiting:,}"}


def _cell(alpha: Alpha | None) -> str:
    if alpha is None:
        return ""
    value = words.NOTHING if alpha.value is None else number(alpha.value)
    return f"{value} · {alpha.questions:,}"
