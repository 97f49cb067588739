"""Wrong settings are refused in one line that names the key and says what to write."""

import pytest

from rl_tsad.errors import ConfigError
from rl_tsad.settings import load_settings


@pytest.mark.parametrize(
    ("section", "key", "value", "example"),
    [("detector", "members", "subspace", '["rest_memory", "subspace",'), ("agent", "hidden", 64, "[64, 64]")],
)
def test_a_list_that_is_none_is_answered_with_an_example(section, key, value, example):
    with pytest.raises(ConfigError) as caught:
        load_settings(**{section: {key: value}})
    said = str(caught.value)
    assert said.startswith(f"setting '{section}.{key}': expected a list such as {example}")
    assert f"got {value!r}" in said


def test_a_list_in_the_environment_is_json(monkeypatch):
    monkeypatch.setenv("RL_TSAD_DETECTOR__MEMBERS", "subspace")
    with pytest.raises(ConfigError, match=r'as JSON.*"detector"'):
        load_settings()
    monkeypatch.setenv("RL_TSAD_DETECTOR__MEMBERS", '["subspace"]')
    assert load_settings().detector.members == ("subspace",)
