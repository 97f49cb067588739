"""How is the page started: headless, on this machine only, telling nobody."""

from __future__ import annotations

import sys
from pathlib import Path

ADDRESS = "127.0.0.1"
_FLAGS = {
    "server.headless": "true",
    "server.address": ADDRESS,
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "browser.serverAddress": ADDRESS,
}


def command(workspace: Path, port: int) -> list[str]:
    """Give the command that serves the labeling page of a workspace.

    Args:
        workspace: folder of the workspace.
        port: port on 127.0.0.1; the page is never bound to another address.

    Returns:
        Program and arguments for :func:`subprocess.run` or :func:`os.execv`.

    Example:
        >>> words = command(Path("plant"), 8501)
        >>> words[1:4], words[-3:]
        (['-m', 'streamlit', 'run'], ['--', '--workspace', 'plant'])
    """
    flags = [f"--{name}={value}" for name, value in (_FLAGS | {"server.port": str(port)}).items()]
    script = str(Path(__file__).with_name("app.py"))
    return [sys.executable, "-m", "streamlit", "run", script, *flags, "--", "--workspace", str(workspace)]


def address(port: int) -> str:
    """Give the address to open in a browser.

    Example:
        >>> address(8501)
        'http://127.0.0.1:8501'
    """
    return f"http://{ADDRESS}:{port}"
