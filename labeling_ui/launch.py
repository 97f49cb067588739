"""How is the page started: headless, on this machine only, telling nobody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rl_tsad.access_config import LOOPBACK, AccessConfig

ADDRESS = "127.0.0.1"
_FLAGS = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
}
_LOCAL = AccessConfig()


def flags(port: int, access: AccessConfig = _LOCAL) -> dict[str, Any]:
    """Give Streamlit's options of the server; they win over its files and environment.

    Example:
        >>> flags(8501)["server.address"], flags(8501)["browser.gatherUsageStats"]
        ('127.0.0.1', False)
        >>> flags(8501, AccessConfig(mode="oidc", address="0.0.0.0", hosts=("desk.example",)))["server.address"]
        '0.0.0.0'
    """
    known = [*LOOPBACK, *access.hosts] if access.mode == "local" or access.hosts else ["*"]
    origins = [f"{scheme}://{host}" for host in access.hosts for scheme in ("https", "http")]
    where = {
        "server.address": access.address,
        "browser.serverAddress": access.hosts[0] if access.hosts else ADDRESS,
        "server.allowedHosts": known,
        "server.corsAllowedOrigins": origins,
        "server.enableAgentApi": False,
    }
    return {**_FLAGS, **where, "server.port": port}


def command(workspace: Path, port: int) -> list[str]:
    """Give the command that serves the labeling page and the REST API of a workspace.

    Args:
        workspace: folder of the workspace.
        port: port at the address that the workspace's settings name.

    Returns:
        Program and arguments for :func:`subprocess.run` or :func:`os.execv`.

    Example:
        >>> command(Path("plant"), 8501)[1:]
        ['-m', 'labeling_ui.server', '--workspace', 'plant', '--port', '8501']
    """
    return [sys.executable, "-m", "labeling_ui.server", "--workspace", str(workspace), "--port", str(port)]


def address(port: int, access: AccessConfig = _LOCAL) -> str:
    """Give the address to open in a browser on this machine.

    Example:
        >>> address(8501)
        'http://127.0.0.1:8501'
        >>> address(8501, AccessConfig(address="::1")), address(8501, AccessConfig(mode="proxy", address="0.0.0.0"))
        ('http://[::1]:8501', 'http://127.0.0.1:8501')
    """
    host = {"0.0.0.0": ADDRESS, "::": "::1"}.get(access.address, access.address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
