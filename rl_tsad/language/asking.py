"""Questions to a language model: each asked once, within a budget, a few at a time, and accounted for."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from rl_tsad.errors import ReplyError, SilentModelError
from rl_tsad.language.backend import LanguageModel, Message, Reply
from rl_tsad.language.cache import Replies, Spent
from rl_tsad.language_config import AskingConfig
from rl_tsad.progress import Progress, no_progress

Form = TypeVar("Form", bound=BaseModel)
Conversation = tuple[Message, ...]

_CHARS_A_TOKEN = 2
"""Fewer than any tokenizer needs on average for such text, so that what is set aside for a call covers it."""
_SILENT_CALLS = 3
"""Calls without a reply in a row, each with all its retries, after which the model is taken to be gone."""
_MOST_SHOWN = 80


@dataclass(frozen=True)
class Ledger:
    """What a round of questions cost and brought.

    Attributes:
        questions: distinct questions.
        hits: of them, how many the cache knew.
        answered: of them, how many have a usable reply, the cache's included.
        spent: calls and tokens of this round.
        before: calls and tokens that were spent for the same purpose by earlier, interrupted rounds.
        money: what all of that cost, at the prices of the settings.
        seconds: how long the round took.
        stopped: why it ended before all was asked; empty when it did not.
    """

    questions: int
    hits: int
    answered: int
    spent: Spent
    before: Spent
    money: float
    seconds: float
    stopped: str = ""

    def facts(self) -> dict[str, object]:
        """Give all of it as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Answers(Generic[Form]):
    """Replies to questions, in their order; None where there is no usable one."""

    replies: tuple[Form | None, ...]
    ledger: Ledger


def ask(
    questions: Sequence[Conversation],
    form: type[Form],
    model: LanguageModel,
    config: AskingConfig,
    *,
    replies: Replies,
    purpose: str,
    progress: Progress = no_progress,
) -> Answers[Form]:
    """Ask a language model, in the order given, what the cache does not know, as long as the budget lasts.

    Each reply is kept as soon as it is there. One that is not of the form is counted and asked for once more, with what
    was wrong; numbers are never picked out of its text. When the model is silent the round ends and says so: what is
    known by then is given.

    Args:
        questions: conversations; equal ones are asked once.
        form: what a reply must be.
        model: who is asked.
        config: limits and manners.
        replies: the cache; whether two questions are the same is told by model, form and text.
        purpose: on whose account it goes; its limit holds over interrupted rounds.
        progress: told of ``"language/ask"``.
    """
    started = time.perf_counter()
    distinct = list(dict.fromkeys(questions))
    round_ = _Round(form, model, config, replies, purpose, _Budget(config, replies.spent(purpose)))
    known = {one: round_.recall(one) for one in distinct}
    open_ = [one for one, reply in known.items() if reply is None]
    hits = len(distinct) - len(open_)
    known |= round_.run(open_, lambda done: progress("language/ask", hits + done, len(distinct)))
    budget = round_.budget
    ledger = Ledger(
        questions=len(distinct),
        hits=hits,
        answered=sum(reply is not None for reply in known.values()),
        spent=budget.spent,
        before=budget.before,
        money=cost_of(budget.before + budget.spent, config),
        seconds=time.perf_counter() - started,
        stopped=round_.stopped,
    )
    return Answers(tuple(known[one] for one in questions), ledger)


def cost_of(spent: Spent, config: AskingConfig) -> float:
    """Give what tokens cost at the prices of the settings.

    Example:
        >>> cost_of(Spent(10, 200_000, 50_000), AskingConfig(price_in=0.5, price_out=2.0))
        0.2
    """
    return (spent.tokens_in * config.price_in + spent.tokens_out * config.price_out) / 1e6


def expected_cost(question: Conversation, config: AskingConfig) -> Spent:
    """Estimate generously what a call costs: its text at two characters a token, and the longest reply."""
    read = sum(len(message.text) for message in question) // _CHARS_A_TOKEN + 16 * len(question)
    return Spent(1, read, config.reply_tokens)


def read_reply(reply: Reply, form: type[Form]) -> Form:
    """Read a reply of the given form; nothing else is accepted.

    Raises:
        ReplyError: when it is anything else; the message does not repeat the reply.

    Example:
        >>> class Choice(BaseModel):
        ...     severity: float
        >>> read_reply(Reply('{"severity": 0.7}', 9, 6), Choice)
        Choice(severity=0.7)
    """
    try:
        return form.model_validate_json(reply.text.strip())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        why = f"{where}: {first['msg']}" if where else first["msg"]
        cut = "" if reply.whole else "; it was cut off: raise language.asking.reply_tokens"
        raise ReplyError(
            f"expected JSON of the form {form.__name__}, got: {why[:_MOST_SHOWN]}{cut}; "
            "try a model that follows instructions better"
        ) from None


class _Budget:
    """What may still be spent; calls under way hold what they may cost at most."""

    def __init__(self, config: AskingConfig, before: Spent) -> None:
        self._config, self.before = config, before
        self.spent, self._held = Spent(), Spent()

    def hold(self, expected: Spent) -> bool:
        """Set aside what a call may cost; False, and nothing set aside, where it is not there."""
        after = self.before + self.spent + self._held + expected
        limits = self._config
        fits = (
            after.calls <= limits.calls
            and (limits.tokens is None or after.tokens_in + after.tokens_out <= limits.tokens)
            and (limits.money is None or cost_of(after, limits) <= limits.money)
        )
        if fits:
            self._held += expected
        return fits

    def settle(self, expected: Spent, real: Spent) -> None:
        """Put what a call did cost in the place of what it could have cost."""
        self._held += Spent(-expected.calls, -expected.tokens_in, -expected.tokens_out)
        self.spent += real


@dataclass
class _Round(Generic[Form]):
    form: type[Form]
    model: LanguageModel
    config: AskingConfig
    replies: Replies
    purpose: str
    budget: _Budget
    stopped: str = ""
    silent: int = 0
    found: dict[Conversation, Form | None] = field(default_factory=dict)

    def recall(self, question: Conversation) -> Form | None:
        """Look a question up."""
        text = self.replies.find(self.model.name, self._written(question))
        return None if text is None else read_reply(Reply(text, 0, 0), self.form)

    def run(self, questions: Sequence[Conversation], told: Callable[[int], None]) -> dict[Conversation, Form | None]:
        """Ask all of them, a few at a time, and keep each reply from this thread as it arrives."""
        waiting = deque((question, question) for question in questions)  # what is asked for, how it is put
        self.found = dict.fromkeys(questions)
        under_way: dict[Future[Reply], tuple[Conversation, Conversation]] = {}
        done = 0
        pool = ThreadPoolExecutor(self.config.at_once, thread_name_prefix="language")
        try:
            while waiting or under_way:
                while waiting and not self.stopped and len(under_way) < self.config.at_once:
                    if not self._start(waiting[0], pool, under_way):
                        break
                    waiting.popleft()
                if self.stopped:
                    waiting.clear()
                for future in wait(under_way, return_when=FIRST_COMPLETED).done if under_way else ():
                    question, put = under_way.pop(future)
                    again = self._take(question, put, future)
                    waiting.extendleft([(question, again)] if again else [])
                    done += again is None
                    told(done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return self.found

    def _start(
        self,
        next_: tuple[Conversation, Conversation],
        pool: ThreadPoolExecutor,
        under_way: dict[Future[Reply], tuple[Conversation, Conversation]],
    ) -> bool:
        question, put = next_
        if not self.budget.hold(expected_cost(put, self.config)):
            if not under_way:  # what is held for calls under way may come free
                self.stopped = "the budget of language.asking is spent"
            return False
        call = pool.submit(self.model.complete, put, self.form, most_tokens=self.config.reply_tokens)
        under_way[call] = (question, put)
        return True

    def _take(self, question: Conversation, put: Conversation, future: Future[Reply]) -> Conversation | None:
        """Account for a call and keep its reply; give how to ask once more where it was of no use."""
        expected = expected_cost(put, self.config)
        try:
            reply = future.result()
        except SilentModelError as error:
            self._account(question, None, expected, Spent(1))
            self.silent += 1
            if self.silent >= _SILENT_CALLS:
                self.stopped = str(error)
            return None
        self.silent = 0
        price = Spent(1, reply.tokens_in, reply.tokens_out)
        try:
            self.found[question] = read_reply(reply, self.form)
        except ReplyError as error:
            self._account(question, None, expected, replace(price, unusable=1))
            return None if put != question else _once_more(question, error)
        self._account(question, reply.text.strip(), expected, price)
        return None

    def _account(self, question: Conversation, text: str | None, expected: Spent, price: Spent) -> None:
        self.budget.settle(expected, price)
        self.replies.keep(self.model.name, self._written(question), text, purpose=self.purpose, price=price)

    def _written(self, question: Conversation) -> str:
        said = [(message.role, message.text) for message in question]
        return json.dumps([self.form.model_json_schema(), said], sort_keys=True)


def _once_more(question: Conversation, error: ReplyError) -> Conversation:
    why = str(error).split("; ")[0]
    return (*question, Message("user", f"Your reply could not be read: {why}. Reply with that JSON object only."))
