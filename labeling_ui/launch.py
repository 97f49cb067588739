"""How is the page started: headless, on this machine only, telling nobody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1"
_FLAGS = {
    "server.headless": True,
    "server.address": ADDRESS,
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
    "browser.serverAddress": ADDRESS,
}


def flags(port: int) -> dict[str, Any]:
    """Give Streamlit's options of the server; they win over its files and environment.

    Example:
        >>> flags(8501)["server.address"], flags(8501)["browser.gatherUsageStats"]
        ('127.0.0.1', False)
    """
    return {**_FLAGS, "server.port": port}


def command(workspace: Path, port: int) -> list[str]:
    """Give the command that serves the labeling page and the REST API of a workspace.

    Args:
        workspace: folder of the workspace.
        port: port on 127.0.0.1; the page is never bound to another address.

    Returns:
        Program and arguments for :func:`subprocess.run` or :func:`os.execv`.

    Example:
        >>> command(Path("plant"), 8501)[1:]
        ['-m', 'labeling_ui.server', '--workspace', 'plant', '--port', '8501']
    """
    return [sys.executable, "-m", "labeling_ui.server", "--workspace", str(workspace), "--port", str(port)]


def address(port: int) -> str:
    """Give the address to open in a browser.

    Example:
        >>> address(8501)
        'http://127.0.0.1:8501'
    """
    return f"http://{ADDRESS}:{port}"
