import os
import subprocess
import sys
import threading
import time

import pytest
from pydantic import BaseModel

from rl_tsad.errors import SilentModelError
from rl_tsad.language.asking import ask, cost_of, expected_cost
from rl_tsad.language.backend import Message, Reply
from rl_tsad.language.cache import Replies, Spent
from rl_tsad.language_config import AskingConfig


class Choice(BaseModel):
    severity: float


class Writer:
    """Replies by a function of the question; remembers what it was asked and how many calls were under way at once."""

    name = "scripted"

    def __init__(self, reply=lambda text: '{"severity": 0.5}', seconds=0.0):
        self.reply, self.seconds = reply, seconds
        self.asked, self.most, self._now, self._lock = [], 0, 0, threading.Lock()

    def embed(self, texts):
        raise NotImplementedError

    def complete(self, messages, schema, *, most_tokens):
        with self._lock:
            self.asked.append(messages[0].text if len(messages) == 1 else [message.text for message in messages])
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self.seconds)
        with self._lock:
            self._now -= 1
        text = self.reply(messages[0].text)
        if isinstance(text, Exception):
            raise text
        return Reply(text, 10, 5)


def questions(*texts):
    return [(Message("user", text),) for text in texts]


def asked(writer, texts, path=None, purpose="test", **asking):
    config = AskingConfig(**{"at_once": 1, **asking})
    with Replies.opened(path) as replies:
        return ask(questions(*texts), Choice, writer, config, replies=replies, purpose=purpose)


def test_equal_questions_are_asked_once_and_replies_come_in_order():
    writer = Writer(lambda text: f'{{"severity": 0.{text}}}')
    answers = asked(writer, ["3", "1", "3", "2"])
    assert [reply.severity for reply in answers.replies] == [0.3, 0.1, 0.3, 0.2]
    assert writer.asked == ["3", "1", "2"]
    assert answers.ledger.spent == Spent(3, 30, 15)
    assert not answers.ledger.stopped


def test_what_the_cache_knows_costs_nothing(tmp_path):
    asked(Writer(), ["a", "b"], tmp_path / "cache.db")
    second = Writer()
    answers = asked(second, ["b", "c", "a"], tmp_path / "cache.db")
    assert second.asked == ["c"]
    assert (answers.ledger.hits, answers.ledger.answered, answers.ledger.spent.calls) == (2, 3, 1)
    assert answers.ledger.total == Spent(3, 30, 15)


def test_another_form_or_model_is_another_question(tmp_path):
    class Other(Choice):
        pass

    asked(Writer(), ["a"], tmp_path / "cache.db")
    renamed = Writer()
    renamed.name = "another"
    asked(renamed, ["a"], tmp_path / "cache.db")
    formed = Writer()
    with Replies.opened(tmp_path / "cache.db") as replies:
        ask(questions("a"), Other, formed, AskingConfig(), replies=replies, purpose="test")
    assert renamed.asked == formed.asked == ["a"]


def test_an_unusable_reply_is_counted_asked_for_once_more_and_never_guessed_at(tmp_path):
    tries = iter(["severity 0.7, I would say", '{"severity": 0.6}'])
    writer = Writer(lambda text: next(tries))
    answers = asked(writer, ["a"], tmp_path / "cache.db")
    assert answers.replies[0] == Choice(severity=0.6)
    assert answers.ledger.spent == Spent(2, 20, 10, unusable=1)
    again = writer.asked[1]
    assert again[0] == "a"
    assert again[1].startswith("Your reply could not be read: expected JSON of the form Choice, got: Invalid JSON")
    assert asked(Writer(), ["a"], tmp_path / "cache.db").ledger.hits == 1

    answers = asked(Writer(lambda text: "0.7"), ["x", "y"])
    assert answers.replies == (None, None)
    assert answers.ledger.spent.unusable == answers.ledger.spent.calls == 4
    assert answers.ledger.answered == 0


def test_the_budget_is_never_exceeded_and_holds_over_interruptions(tmp_path):
    texts = [str(number) for number in range(9)]
    answers = asked(Writer(), texts, tmp_path / "calls.db", calls=4, at_once=3)
    assert answers.ledger.spent.calls == 4
    assert answers.ledger.stopped == "the budget of language.asking (calls, tokens or money) is spent"
    assert sum(reply is not None for reply in answers.replies) == 4
    assert asked(Writer(), texts, tmp_path / "calls.db", calls=4).ledger.spent.calls == 0
    more = asked(Writer(), texts, tmp_path / "calls.db", calls=6)
    assert (more.ledger.hits, more.ledger.spent.calls, more.ledger.total.calls) == (4, 2, 6)
    other = asked(Writer(), ["x", *texts], tmp_path / "calls.db", calls=2, purpose="other")
    assert (other.ledger.hits, other.ledger.spent.calls, other.ledger.total.calls) == (6, 2, 2)

    one = expected_cost(questions("0")[0], AskingConfig())
    most = one.tokens_in + one.tokens_out
    assert asked(Writer(), texts, tokens=most).ledger.spent.calls == 1
    assert asked(Writer(), texts, tokens=most + 31).ledger.spent.calls == 3  # a call takes 15 tokens, not the most
    price = {"price_in": 1e6, "price_out": 2e6}
    limit = cost_of(one, AskingConfig(**price))
    answers = asked(Writer(), texts, money=limit, **price)
    assert answers.ledger.spent.calls == 1
    assert answers.ledger.money == 20.0
    assert asked(Writer(), texts, money=0.0, **price).ledger.spent.calls == 0


def test_calls_under_way_are_bounded_and_really_at_the_same_time():
    writer = Writer(seconds=0.05)
    asked(writer, [str(number) for number in range(12)], at_once=3)
    assert writer.most == 3


def test_a_budget_held_for_calls_under_way_comes_free_again():
    one = expected_cost(questions("0")[0], AskingConfig())
    limit = 2 * (one.tokens_in + one.tokens_out)
    answers = asked(Writer(seconds=0.02), [str(number) for number in range(8)], tokens=limit, at_once=4)
    assert answers.ledger.answered == 8


def test_a_silent_model_ends_the_round_and_what_is_known_is_given(tmp_path):
    asked(Writer(), ["known"], tmp_path / "cache.db")
    writer = Writer(lambda text: SilentModelError("expected a reply, got none; see whether the server runs"))
    answers = asked(writer, ["a", "b", "c", "d", "e", "known"], tmp_path / "cache.db")
    assert len(writer.asked) == 3
    assert answers.replies == (None,) * 5 + (Choice(severity=0.5),)
    ledger = answers.ledger
    assert (ledger.silent, ledger.stopped) == (3, "the language model is silent")
    assert ledger.trouble == "expected a reply, got none; see whether the server runs"
    assert ledger.total == Spent(1, 10, 5)  # what was refused or never arrived costs nothing


def test_what_a_server_may_have_worked_for_is_charged_at_its_estimate():
    writer = Writer(lambda text: SilentModelError("timed out", may_cost=True))
    ledger = asked(writer, ["a", "b"]).ledger
    read = expected_cost(questions("a")[0], AskingConfig()).tokens_in
    assert ledger.total == ledger.spent == Spent(2, 2 * read, 0)


def test_now_and_then_no_reply_is_no_reason_to_stop():
    writer = Writer(lambda text: SilentModelError("busy") if text in "bdf" else '{"severity": 0.5}')
    answers = asked(writer, list("abcdefg"))
    assert [reply is None for reply in answers.replies] == [text in "bdf" for text in "abcdefg"]
    assert not answers.ledger.stopped
    assert (answers.ledger.silent, answers.ledger.trouble) == (3, "busy")


def test_two_rounds_at_the_same_time_share_a_budget_and_ask_nothing_twice(tmp_path):
    writers = [Writer(seconds=0.03), Writer(seconds=0.03)]
    texts, path = [str(number) for number in range(9)], tmp_path / "cache.db"
    rounds = [threading.Thread(target=asked, args=(one, texts, path), kwargs={"calls": 6}) for one in writers]
    for one in rounds:
        one.start()
    for one in rounds:
        one.join()
    assert len(writers[0].asked) + len(writers[1].asked) == 6
    with Replies.opened(path) as replies:
        assert replies.spent("test") == Spent(6, 60, 30)


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"severity": 0.5}\n```',
        '<think>0.9? {"severity": 0.9}</think>\n\n{"severity": 0.5}',
        ' {"severity": 0.5}\n',
    ],
)
def test_a_fence_and_thoughts_are_no_part_of_a_reply(text):
    assert asked(Writer(lambda _: text), ["a"]).replies == (Choice(severity=0.5),)


@pytest.mark.parametrize(
    "text", ['{"severity": 0.5} I think', 'Well: {"severity": 0.5}', "0.5", "[0.5]", "", "<think>0.5"]
)
def test_anything_else_around_it_is(text):
    assert asked(Writer(lambda _: text), ["a"]).replies == (None,)


def test_a_fault_in_the_model_code_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        asked(Writer(lambda text: ZeroDivisionError("a bug")), ["a"])


def test_progress_tells_of_every_question():
    told = []
    with Replies.opened(None) as replies:
        ask(
            questions("a", "b"),
            Choice,
            Writer(),
            AskingConfig(at_once=1),
            replies=replies,
            purpose="test",
            progress=lambda *seen: told.append(seen),
        )
    assert told == [("language/ask", 1, 2), ("language/ask", 2, 2)]


def test_neither_questions_nor_what_they_are_about_are_kept_on_disk(tmp_path):
    asked(Writer(), ["pressure of reactor nine is 7731.25"], tmp_path / "cache.db")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"reactor nine" not in kept
    assert b"7731" not in kept


@pytest.mark.slow
def test_a_killed_round_goes_on_where_it_was_and_remembers_what_it_paid(tmp_path, language_server):
    reply = 'babble {"severity": 0.5}'
    language_server.plan(reply, reply, reply, "hang 60")
    code = f"""
from pathlib import Path
from tests_choice import Choice
from rl_tsad.language.asking import ask
from rl_tsad.language.backend import Message, writer
from rl_tsad.language.cache import Replies
from rl_tsad.language_config import AskingConfig, LanguageConfig
config = LanguageConfig(backend="server", model="tiny", url={language_server.url!r}, asking=AskingConfig(at_once=1))
with Replies.opened(Path({str(tmp_path / "cache.db")!r})) as replies:
    questions = [(Message("user", text),) for text in "abcdef"]
    ask(questions, Choice, writer(config), config.asking, replies=replies, purpose="test")
"""
    (tmp_path / "tests_choice.py").write_text(
        "from pydantic import BaseModel\nclass Choice(BaseModel):\n    severity: float\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        while len(language_server.seen()["seen"]) < 4:
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    again = Writer()
    again.name = f"tiny at {language_server.url}"
    answers = asked(again, "abcdef", tmp_path / "cache.db")
    assert again.asked == ["d", "e", "f"]
    held = expected_cost(questions("d")[0], AskingConfig())  # of the call that was under way
    assert (answers.ledger.hits, answers.ledger.total) == (3, Spent(6, 60, 30) + held)
