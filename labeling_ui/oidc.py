"""Where the identity provider's secrets come from: environment variables, or Streamlit's own secrets file."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from rl_tsad.errors import ConfigError

VARIABLES = {
    "RL_TSAD_OIDC_CLIENT_ID": "client_id",
    "RL_TSAD_OIDC_CLIENT_SECRET": "client_secret",
    "RL_TSAD_OIDC_METADATA_URL": "server_metadata_url",
    "RL_TSAD_OIDC_REDIRECT_URI": "redirect_uri",
    "RL_TSAD_OIDC_COOKIE_SECRET": "cookie_secret",
}
"""Environment variables and the keys of Streamlit's ``[auth]`` that they stand for."""

_SHORTEST_COOKIE_SECRET = 32


def auth_secrets(environment: Mapping[str, str]) -> dict[str, Any]:
    """Build what ``st.App(secrets=...)`` takes; empty where no variable is set: then Streamlit's secrets file counts.

    Raises:
        ConfigError: when some variables are set and others are missing, or the cookie's secret is too short. No value
            is repeated.

    Example:
        >>> auth_secrets({})
        {}
    """
    auth = {key: environment[name] for name, key in VARIABLES.items() if environment.get(name)}
    if not auth:
        return {}
    missing = [name for name, key in VARIABLES.items() if key not in auth]
    if missing:
        raise ConfigError(f"expected all of {', '.join(VARIABLES)}, got none for {', '.join(missing)}; set these too")
    if len(auth["cookie_secret"]) < _SHORTEST_COOKIE_SECRET:
        raise ConfigError(
            f"expected RL_TSAD_OIDC_COOKIE_SECRET of at least {_SHORTEST_COOKIE_SECRET} random signs, got "
            f"{len(auth['cookie_secret'])}; make one with: openssl rand -base64 48"
        )
    if not auth["redirect_uri"].endswith("/oauth2callback"):
        raise ConfigError(
            "expected RL_TSAD_OIDC_REDIRECT_URI to be the page's address and /oauth2callback, got another one; write "
            "it as it is registered at the identity provider"
        )
    return {"auth": auth}


def check_installed() -> None:
    """Check that logging in can work.

    Raises:
        ConfigError: when the library for it is not installed; names the extra.
    """
    if importlib.util.find_spec("authlib") is None:
        raise ConfigError(
            "expected the package authlib for access.mode = oidc, which is not installed; run: pip install "
            "'rl-tsad[oidc]'"
        )
