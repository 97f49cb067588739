"""Settings of who may come in: how somebody is recognised, who is an admin, from where the page is reached."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from rl_tsad.errors import ConfigError

_STRICT = ConfigDict(extra="forbid")
AccessMode = Literal["local", "oidc", "proxy"]
Arrivals = Literal["none", "viewer", "analyst", "reviewer"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses and names of this machine that others cannot reach."""


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise PydanticCustomError("network", 'expected an address or a network such as "10.0.0.0/8"') from None
    return text


def _header(text: str) -> str:
    if not text or not all(sign.isascii() and (sign.isalnum() or sign == "-") for sign in text):
        raise PydanticCustomError("header", "expected a header's name, of letters, digits and dashes")
    return text


@dataclass(frozen=True, config=_STRICT)
class AccessConfig:
    """Who may come in.

    Attributes:
        mode: local (whoever sits at this machine may all, nobody else reaches the page), oidc (people log in at an
            identity provider, whose client id and secrets stand in Streamlit's secrets or in RL_TSAD_OIDC_* variables)
            or proxy (a proxy in front logs people in and names them in a header).
        address: address that the page listens at; anything but this machine needs oidc or proxy.
        hosts: names under which browsers reach the page, such as ["desk.example.org"]; in local mode this machine's.
        claim: what an identity provider calls somebody, such as email or preferred_username; an e-mail address counts
            only where the provider does not say that it is unverified.
        header: header in which a proxy names somebody.
        proxies: addresses or networks from which that header counts.
        admins: names that are admin when they first arrive.
        arrivals: role of somebody whom nobody added: none (refused), viewer, analyst or reviewer.
        session_hours: hours after which a page's key to the API ends; the page then takes a new one.
        requests_per_minute: calls of the API that one visitor may make.
    """

    mode: AccessMode = "local"
    address: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    claim: Annotated[str, Field(min_length=1)] = "email"
    header: Annotated[str, AfterValidator(_header)] = "X-Forwarded-User"
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ("127.0.0.1", "::1")
    admins: tuple[str, ...] = ()
    arrivals: Arrivals = "none"
    session_hours: Annotated[float, Field(gt=0)] = 12.0
    requests_per_minute: Annotated[int, Field(ge=1)] = 6000

    def __post_init__(self) -> None:
        if self.mode == "local" and not self.on_loopback:
            raise ConfigError(
                f"expected access.address to be this machine (127.0.0.1) while access.mode is local, got "
                f"{self.address!r}, from where anybody could answer; set access.mode to oidc or proxy first"
            )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the page.

        Example:
            >>> AccessConfig(mode="proxy", address="0.0.0.0").on_loopback, AccessConfig(address="::1").on_loopback
            (False, True)
        """
        return is_loopback(self.address)

    def trusts(self, peer: str) -> bool:
        """Tell whether a peer's header names somebody.

        Example:
            >>> behind = AccessConfig(mode="proxy", proxies=("10.0.0.0/8",))
            >>> behind.trusts("10.1.2.3"), behind.trusts("::ffff:10.1.2.3"), behind.trusts("127.0.0.1")
            (True, True, False)
        """
        address = read_address(peer)
        networks: list[IPv4Network | IPv6Network] = [ip_network(one, strict=False) for one in self.proxies]
        return self.mode == "proxy" and address is not None and any(address in network for network in networks)


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an IP address, an IPv4 one also where it is written as IPv6; None where it is none."""
    try:
        address = ip_address(text.split("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(text: str) -> bool:
    """Tell whether an address or a host's name is this machine's own.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("evil.example")
        (True, True, False)
    """
    address = read_address(text)
    return text.lower() in LOOPBACK if address is None else address.is_loopback
