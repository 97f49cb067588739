"""Questions to a language model: each asked once, within a budget, a few at a time, and accounted for."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from rl_tsad.errors import ReplyError, SilentModelError
from rl_tsad.language.backend import LanguageModel, Message, Reply
from rl_tsad.language.cache import Replies, Spent
from rl_tsad.language_config import AskingConfig
from rl_tsad.progress import Progress, no_progress

Form = TypeVar("Form", bound=BaseModel)
Conversation = tuple[Message, ...]

_CHARS_A_TOKEN = 1.6
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
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
        silent: calls of this round that brought no reply.
        spent: calls and tokens of this round.
        total: calls and tokens that were spent for the same purpose so far, by earlier and interrupted rounds too.
        money: what all of that cost, at the prices of the settings.
        seconds: how long the round took.
        stopped: why it ended before all was asked; empty when it did not.
        trouble: the last thing that went wrong with a call or a reply; empty when nothing did.
    """

    questions: int
    hits: int
    answered: int
    silent: int
    spent: Spent
    total: Spent
    money: float
    seconds: float
    stopped: str = ""
    trouble: str = ""

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
    round_ = _Round(form, model, config, replies, purpose)
    known = {one: round_.recall(one) for one in distinct}
    open_ = [one for one, reply in known.items() if reply is None]
    hits = len(distinct) - len(open_)
    known |= round_.run(open_, lambda done: progress("language/ask", hits + done, len(distinct)))
    total = replies.spent(purpose)
    ledger = Ledger(
        questions=len(distinct),
        hits=hits,
        answered=sum(reply is not None for reply in known.values()),
        silent=round_.silent,
        spent=round_.spent,
        total=total,
        money=cost_of(total, config),
        seconds=time.perf_counter() - started,
        stopped=round_.stopped,
        trouble=round_.trouble,
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
    """Estimate generously what a call costs: its text at 1.6 characters a token, and the longest reply.

    Readings are digits, of which many tokenizers make a token each. One that makes a token of every letter costs more.
    """
    letters = sum(len(message.text) for message in question)
    return Spent(1, int(letters / _CHARS_A_TOKEN) + 16 * len(question), config.reply_tokens)


def is_within(spent: Spent, limits: AskingConfig) -> bool:
    """Tell whether so much may be spent.

    Example:
        >>> is_within(Spent(calls=3), AskingConfig(calls=2))
        False
    """
    return (
        spent.calls <= limits.calls
        and (limits.tokens is None or spent.tokens_in + spent.tokens_out <= limits.tokens)
        and (limits.money is None or cost_of(spent, limits) <= limits.money)
    )


def read_reply(reply: Reply, form: type[Form]) -> Form:
    """Read a reply of the given form; nothing else is accepted.

    What a model thought aloud before it (``<think> ... </think>``) and a fence of code around it are no part of it.

    Raises:
        ReplyError: when it is anything else; the message does not repeat the reply.

    Example:
        >>> class Choice(BaseModel):
        ...     severity: float
        >>> read_reply(Reply('{"severity": 0.7}', 9, 6), Choice)
        Choice(severity=0.7)
    """
    text = _THOUGHT.sub("", reply.text, count=1).strip()
    fenced = _FENCED.fullmatch(text)
    try:
        return form.model_validate_json(fenced.group(1) if fenced else text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        why = f"{where}: {first['msg']}" if where else first["msg"]
        cut = "" if reply.whole else "; it was cut off: raise language.asking.reply_tokens"
        raise ReplyError(
            f"expected JSON of the form {form.__name__}, got: {why[:_MOST_SHOWN]}{cut}; "
            "try a model that follows instructions better"
        ) from None


@dataclass(frozen=True)
class _Call:
    question: Conversation
    put: Conversation  # how it is asked: as it is, or once more with what was wrong
    result: Reply | Exception | None = None


@dataclass
class _Round(Generic[Form]):
    form: type[Form]
    model: LanguageModel
    config: AskingConfig
    replies: Replies
    purpose: str
    stopped: str = ""
    trouble: str = ""
    silent: int = 0
    in_a_row: int = 0
    spent: Spent = field(default_factory=Spent)
    found: dict[Conversation, Form | None] = field(default_factory=dict)

    def recall(self, question: Conversation) -> Form | None:
        """Look a question up."""
        text = self.replies.find(self.model.name, self._written(question))
        return None if text is None else read_reply(Reply(text, 0, 0), self.form)

    def run(self, questions: Sequence[Conversation], told: Callable[[int], None]) -> dict[Conversation, Form | None]:
        """Ask all, a few at a time, each in a thread that ends with the process, and keep replies from this thread.

        What a call under way may cost is charged when it starts and corrected when it ends: whoever stops in between
        has paid for it.
        """
        waiting = deque(_Call(question, question) for question in questions)
        self.found = dict.fromkeys(questions)
        under_way, done = 0, 0
        results: SimpleQueue[_Call] = SimpleQueue()
        while waiting or under_way:
            while waiting and not self.stopped and under_way < self.config.at_once:
                if self._is_known(waiting[0]):
                    waiting.popleft()
                    done += 1
                elif self._hold(waiting[0], is_last=not under_way):
                    Thread(target=self._ask, args=(waiting.popleft(), results), daemon=True).start()
                    under_way += 1
                else:
                    break
            if self.stopped:
                waiting.clear()
            if under_way:
                again = self._take(results.get())
                under_way -= 1
                waiting.extendleft([again] if again else [])
                done += again is None
                told(done)
        return self.found

    def _is_known(self, call: _Call) -> bool:
        """Look again, as another process may have asked meanwhile."""
        self.found[call.question] = self.recall(call.question)
        return self.found[call.question] is not None

    def _hold(self, call: _Call, *, is_last: bool) -> bool:
        expected = expected_cost(call.put, self.config)
        if self.replies.hold(self.purpose, expected, lambda after: is_within(after, self.config)):
            return True
        if is_last:  # otherwise what is held for calls under way may come free
            self.stopped = "the budget of language.asking (calls, tokens or money) is spent"
        return False

    def _ask(self, call: _Call, results: SimpleQueue[_Call]) -> None:
        result: Reply | Exception
        try:
            result = self.model.complete(call.put, self.form, most_tokens=self.config.reply_tokens)
        except Exception as error:  # raised again where it is taken
            result = error
        results.put(replace(call, result=result))

    def _take(self, call: _Call) -> _Call | None:
        """Account for a call and keep its reply; give how to ask once more where it was of no use."""
        if isinstance(call.result, SilentModelError):
            asked = expected_cost(call.put, self.config)
            self._settle(call, None, Spent(1, asked.tokens_in, 0) if call.result.may_cost else Spent())
            self.silent += 1
            self.in_a_row += 1
            self.trouble = str(call.result)
            if self.in_a_row >= _SILENT_CALLS:
                self.stopped = "the language model is silent"
            return None
        if not isinstance(call.result, Reply):
            self._settle(call, None, Spent())
            raise call.result or AssertionError("a call ends with something")
        self.in_a_row = 0
        price = Spent(1, call.result.tokens_in, call.result.tokens_out)
        try:
            self.found[call.question] = read_reply(call.result, self.form)
        except ReplyError as error:
            self._settle(call, None, replace(price, unusable=1))
            self.trouble = str(error)
            return None if call.put != call.question else _once_more(call.question, error)
        self._settle(call, call.result.text.strip(), price)
        return None

    def _settle(self, call: _Call, text: str | None, price: Spent) -> None:
        self.spent += price
        held = expected_cost(call.put, self.config)
        question = self._written(call.question)
        self.replies.settle(self.model.name, question, text, purpose=self.purpose, held=held, price=price)

    def _written(self, question: Conversation) -> str:
        said = [(message.role, message.text) for message in question]
        return json.dumps([self.form.model_json_schema(), said], sort_keys=True)


def _once_more(question: Conversation, error: ReplyError) -> _Call:
    why = str(error).split("; ")[0]
    said = Message("user", f"Your reply could not be read: {why}. Reply with that JSON object only.")
    return _Call(question, (*question, said))
