from pathlib import Path

import pytest

from rl_tsad.access_config import AccessConfig, is_loopback
from rl_tsad.errors import ConfigError
from rl_tsad.settings import digest_facts, load_settings


def test_by_default_only_this_machine_gets_in() -> None:
    access = load_settings().access
    assert (access.mode, access.address, access.arrivals, access.admins) == ("local", "127.0.0.1", "none", ())


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "desk.example.org", "", "127.0.0.1.evil.example"])
def test_local_mode_at_another_address_refuses_to_start(address: str) -> None:
    with pytest.raises(ConfigError, match=r"expected access\.address .* got .*; set access\.mode to oidc or proxy"):
        load_settings(access={"address": address})
    assert not load_settings(access={"address": address, "mode": "oidc"}).access.on_loopback


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "::ffff:127.0.0.1", "LOCALHOST"])
def test_this_machine_has_many_names(address: str) -> None:
    assert is_loopback(address)
    assert load_settings(access={"address": address}).access.on_loopback


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mode": "open"}, "access.mode"),
        ({"arrivals": "admin"}, "access.arrivals"),
        ({"proxies": ["proxy.example"]}, "expected an address or a network"),
        ({"header": "X User"}, "expected a header's name"),
        ({"session_hours": 0}, "access.session_hours"),
        ({"secret": "x"}, "access.secret"),
    ],
)
def test_nonsense_is_refused_with_its_key(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(access=given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("peer", "is_trusted"),
    [("127.0.0.1", True), ("::1", True), ("10.1.2.3", False), ("::ffff:127.0.0.1", True), ("unix", False), ("", False)],
)
def test_a_header_counts_from_listed_addresses_only(peer: str, is_trusted: bool) -> None:
    assert AccessConfig(mode="proxy").trusts(peer) == is_trusted
    assert not AccessConfig().trusts(peer)
    assert not AccessConfig(mode="oidc").trusts(peer)


def test_the_settings_file_explains_and_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.toml").write_text('[access]\nmode = "proxy"\nadmins = ["ann"]\n')
    monkeypatch.setenv("RL_TSAD_ACCESS__SESSION_HOURS", "2")
    access = load_settings(tmp_path / "s.toml").access
    assert (access.mode, access.admins, access.session_hours) == ("proxy", ("ann",), 2.0)


def test_secrets_for_logging_in_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RL_TSAD_OIDC_CLIENT_SECRET", "s3cret")
    assert "s3cret" not in repr(load_settings())


def test_who_may_come_in_changes_no_model() -> None:
    assert digest_facts(load_settings(access={"admins": ["ann"]})) == digest_facts(load_settings())
