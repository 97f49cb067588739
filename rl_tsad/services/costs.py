"""What do answers cost people, in seconds at the settings' prices?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from db.records import Answer, Label, Spent
from rl_tsad.config import ActiveConfig
from rl_tsad.work import AnswerSeconds


def price_of(spent: Spent, prices: AnswerSeconds) -> float:
    """Price all answers ever given; those that were taken back or given twice took their time too.

    Example:
        >>> price_of(Spent(3, 9, 4, 5, 1, 0, glances=1, events=1, doubts=1), AnswerSeconds())
        18.0
    """
    return spent.seconds(glance=prices.normal, event=prices.event, doubt=prices.unsure)


def share_left(spent: Spent, config: ActiveConfig) -> float:
    """Say which share of the budget is left, of questions or of people's time, whichever is scarcer; in [0, 1].

    A window that was looked at and taken out of what an answer settles counts as a question does.

    Example:
        >>> spent = Spent(3, 9, 4, 5, 1, 0, glances=1, events=1, doubts=1)
        >>> share_left(spent, ActiveConfig(budget=4)), share_left(spent, ActiveConfig(budget_seconds=20.0))
        (0.25, 0.1)
        >>> share_left(Spent(3, 9, 4, 5, 1, 0, looked_at=1), ActiveConfig(budget=8))
        0.5
    """
    shares = [(spent.questions + spent.looked_at) / config.budget]
    if config.budget_seconds is not None:
        shares.append(price_of(spent, config.seconds) / config.budget_seconds)
    return round(max(0.0, 1.0 - max(shares)), 12)


def seconds_by_questions(
    history: Iterable[Label], prices: AnswerSeconds, further: Mapping[int, object] | None = None
) -> list[float]:
    """Price what was answered before each further question.

    Args:
        history: all rows, oldest first.
        prices: of one answer of each kind.
        further: by number, the questions that are further copies of one or reviews, as
            :func:`db.queries.further_reads`.

    Returns:
        At place q the seconds of all answers before another question than the first q was answered.

    Example:
        >>> from datetime import UTC, datetime
        >>> def said(key, answer, mark=None):
        ...     now = datetime(2026, 1, 1, tzinfo=UTC)
        ...     return Label(1, key, "a", 0, 8, answer, "ann", 1, 1, None, "tab", 1, now, 0, mark, mark)
        >>> history = [said("a:0:8", Answer.NORMAL), said("a:0:8", Answer.UNSURE), said("a:8:8", Answer.ANOMALY, 9)]
        >>> seconds_by_questions(history, AnswerSeconds())
        [0.0, 8.0, 18.0]
    """
    asked: set[object] = set()
    spent = [0.0]
    for row in history:
        if row.answer is None or row.part:
            continue
        read = (further or {}).get(row.item_id or 0, row.key)
        if read not in asked:
            asked.add(read)
            spent.append(spent[-1])
        spent[-1] += _price(row, prices)
    return spent


def _price(row: Label, prices: AnswerSeconds) -> float:
    if row.answer == Answer.UNSURE:
        return prices.unsure
    return prices.normal if row.mark_low is None else prices.event
