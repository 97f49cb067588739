"""The client against real server processes; statuses, silence and torn replies are forced."""

import logging
import re
import socket
import subprocess
import sys
import time
import traceback
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rl_tsad.errors import ConfigError, LanguageError, ReplyError, SilentModelError
from rl_tsad.language.asking import read_reply
from rl_tsad.language.backend import Message, writer
from rl_tsad.language.prompt import Verdict
from rl_tsad.language.server_model import KEY
from rl_tsad.language_config import AskingConfig, LanguageConfig

pytestmark = pytest.mark.slow
SECRET, PROMPT = "sk-planted-secret-7731", "pressure of reactor nine"
QUESTION = (Message("system", "You judge."), Message("user", f"How severe is a spike in {PROMPT}?"))


def opened(server, **asking):
    asking = AskingConfig(**{"timeout": 60.0, "retries": 2, **asking})
    return writer(LanguageConfig(backend="server", model="tiny", url=server.url, asking=asking))


def complete(model):
    return model.complete(QUESTION, Verdict, most_tokens=600)


def test_a_server_is_asked_for_the_form_at_temperature_zero_and_without_streaming(language_server):
    reply = complete(opened(language_server))
    assert 0 <= read_reply(reply, Verdict).severity <= 1
    assert reply.whole
    assert reply.tokens_in > 10
    assert reply.tokens_out > 10
    (call,) = language_server.seen()["seen"]
    body = call["body"]
    assert body["temperature"] == 0
    assert body["stream"] is False
    assert body["max_tokens"] == 600
    assert body["response_format"]["json_schema"]["schema"] == Verdict.model_json_schema()
    assert body["messages"][-1]["content"] == QUESTION[-1].text
    assert call["key"] == "Bearer none"


def test_the_key_comes_from_the_environment_only(language_server, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "of-another-server")
    complete(opened(language_server))
    assert language_server.seen()["seen"][0]["key"] == f"Bearer {SECRET}"


def test_what_is_for_this_machine_goes_through_no_proxy(language_server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    language_server.plan("babble {}")
    assert complete(opened(language_server, retries=0)).text == "{}"


@pytest.mark.parametrize("trouble", ["status 429", "status 500", "status 503", "half", "hang 30"])
def test_what_passes_is_tried_again(language_server, trouble):
    language_server.plan(trouble, 'babble {"reason": "odd", "severity": 0.5}')
    assert read_reply(complete(opened(language_server, timeout=4.0)), Verdict).severity == 0.5
    assert len(language_server.seen()["seen"]) == 2


@pytest.mark.parametrize(
    ("trouble", "said", "calls"),
    [
        ("status 429", r"status 429 \(nope\); it is busy or its quota is spent", 2),
        ("status 500", r"status 500 \(nope\); see the server's own log", 2),
        ("status 401", r"status 401 \(nope\); set the environment variable RL_TSAD_API_KEY", 1),
        ("status 404", r"status 404 \(nope\); see whether language.url", 1),
        ("half", r"got \w+; see whether the server runs", 2),
        ("hang 30", r"within the time that language.asking.timeout allows", 2),
    ],
)
def test_what_does_not_pass_is_explained(language_server, trouble, said, calls):
    language_server.plan(*[trouble] * 4)
    with pytest.raises(SilentModelError, match=said):
        complete(opened(language_server, retries=1, timeout=2.0))
    assert len(language_server.seen()["seen"]) == calls


def test_something_else_than_a_language_server_is_explained(language_server):
    language_server.plan("rubbish")
    with pytest.raises(LanguageError, match="expected"):
        read_reply(complete(opened(language_server)), Verdict)


def test_nobody_there_is_explained():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    model = writer(LanguageConfig(backend="server", model="tiny", url=url, asking=AskingConfig(retries=0)))
    with pytest.raises(
        SilentModelError, match=r"expected a reply of tiny at http://127.*got ConnectError; see whether"
    ):
        complete(model)


def test_what_a_server_refuses_is_left_out_from_then_on(language_server):
    language_server.plan("refuse response_format", "refuse max_tokens", "babble {}", "babble {}")
    model = opened(language_server)
    complete(model)
    complete(model)
    bodies = [call["body"] for call in language_server.seen()["seen"]]
    assert [sorted({"response_format", "max_tokens", "max_completion_tokens"} & set(body)) for body in bodies] == [
        ["max_tokens", "response_format"],
        ["max_tokens"],
        ["max_completion_tokens"],
        ["max_completion_tokens"],
    ]
    assert bodies[-1]["max_completion_tokens"] == 600


def test_a_number_in_a_text_is_no_severity(language_server):
    language_server.plan(
        "babble I would say 0.7", 'babble {"reason": "odd", "severity": 7}', 'babble {"severity": 0.7}'
    )
    model = opened(language_server)
    for said in ("Invalid JSON", "severity: Input should be less than or equal to 1", "reason: Field required"):
        with pytest.raises(ReplyError, match=said):
            read_reply(complete(model), Verdict)


def test_it_embeds_in_order_at_length_one(language_server):
    vectors = opened(language_server).embed(["a spike", "a drift"])
    alone = opened(language_server).embed(["a spike"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])
    assert vectors[0] == pytest.approx(alone[0], abs=1e-6)


def test_neither_key_nor_prompt_shows_in_logs_errors_or_names(language_server, monkeypatch, caplog):
    monkeypatch.setenv(KEY, SECRET)
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx", "httpcore", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    model = opened(language_server, retries=1, timeout=3.0)
    shown = [repr(model), str(model), model.name]
    language_server.plan("babble {}")
    complete(model)
    for trouble in ("status 401", "status 400", "status 500", "status 429", "half", "hang 30", "rubbish"):
        language_server.plan(trouble, trouble)
        try:
            read_reply(complete(model), Verdict)
        except LanguageError as error:
            shown += [str(error), repr(error), "".join(traceback.format_exception(error))]
    text = "\n".join([*shown, caplog.text, *(str(record.__dict__) for record in caplog.records)])
    assert len(shown) > 12
    assert SECRET not in text
    assert PROMPT not in text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "expected the address of a server, got none"),
        ("ftp://host/v1", "expected an address such as"),
        ("host:8000", "expected an address such as"),
        ("http://[::1/v1", "expected an address such as"),
        ("http://127.0.0.1:abc/v1", "expected an address such as"),
        (f"me:{SECRET}@host/v1", "got one with a user, a password or a query"),
        (f"https://me:{SECRET}@host/v1", "got one with a user, a password or a query"),
        (f"https://host/v1?key={SECRET}", "got one with a user, a password or a query"),
        ("http://models.example.com/v1", "expected an https address for a server that is given a key"),
    ],
)
def test_an_address_that_would_leak_or_lead_nowhere_is_refused(url, said, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        writer(LanguageConfig(backend="server", model="any", url=url))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("key", [f"{SECRET}\nX: y", f"{SECRET} x", f"{SECRET}é"])
def test_a_key_that_is_none_is_blamed_itself(key, monkeypatch, language_server):
    monkeypatch.setenv(KEY, key)
    with pytest.raises(ConfigError, match="expected one line of letters and digits in RL_TSAD_API_KEY") as caught:
        opened(language_server)
    assert SECRET not in str(caught.value)


def test_a_missing_extra_is_named(language_server, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'rl-tsad[server]'")):
        opened(language_server)


@pytest.fixture(scope="module")
def transformers_server(tiny_writer: Path, tmp_path_factory):
    """``transformers serve`` with the tiny model, as a user would start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("transformers")
    log = (tmp_path_factory.mktemp("serve") / "log").open("w")
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", str(tiny_writer)]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except OSError:
                assert process.poll() is None, Path(log.name).read_text()
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()
        log.close()


def test_transformers_serve_answers_and_what_a_random_model_babbles_there_is_no_severity(
    transformers_server, tiny_writer
):
    config = LanguageConfig(backend="server", model=str(tiny_writer), url=transformers_server)
    model = writer(replace(config, asking=AskingConfig(timeout=60.0, retries=1)))
    reply = model.complete(QUESTION, Verdict, most_tokens=20)  # this server ignores schemas
    assert reply.tokens_out == 20
    assert not reply.whole
    with pytest.raises(ReplyError, match=r"it was cut off: raise language\.asking\.reply_tokens"):
        read_reply(reply, Verdict)
    with pytest.raises(SilentModelError, match="status 404"):
        writer(replace(config, url=transformers_server + "/nowhere")).complete(QUESTION, Verdict, most_tokens=20)
