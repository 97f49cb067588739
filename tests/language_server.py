"""An OpenAI-compatible server process for tests: ``python language_server.py FOLDER PORT``.

It answers chat completions with the model of a folder, held to the JSON schema of the request, as vLLM or llama.cpp do.
``POST /plan`` with a list makes it misbehave: each of the next calls takes one entry. ``GET /seen`` gives what came in.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rl_tsad.language.backend import Message
from rl_tsad.language.local_model import LocalModel, load_local_model
from rl_tsad.language.prompt import Verdict

PLAN: list[str] = []
SEEN: list[dict[str, Any]] = []
UNDER_WAY = [0, 0]  # now, most at once


class Handler(BaseHTTPRequestHandler):
    model: LocalModel
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        self._send(200, {"seen": SEEN, "most_at_once": UNDER_WAY[1]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/plan":
            PLAN[:], SEEN[:], UNDER_WAY[:] = body, [], [0, 0]
            return self._send(200, {})
        SEEN.append({"path": self.path, "key": self.headers.get("Authorization"), "body": body})
        UNDER_WAY[0] += 1
        UNDER_WAY[1] = max(UNDER_WAY)
        try:
            self._act(PLAN.pop(0) if PLAN else "answer", body)
        finally:
            UNDER_WAY[0] -= 1

    def _act(self, what: str, body: dict[str, Any]) -> None:
        name, _, detail = what.partition(" ")
        if name == "status":
            echo = {"error": {"message": f"no: {json.dumps(body)} {self.headers.get('Authorization')}", "code": "nope"}}
            self._send(int(detail), echo, {"Retry-After": "0"})
        elif name == "refuse" and detail in body:
            self._send(400, {"error": {"message": f"Unsupported parameter: '{detail}'", "param": detail}})
        elif name == "hang":
            time.sleep(float(detail))
        elif name == "half":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id": "x", "cho')
            self.wfile.flush()
            self.close_connection = True
        elif name == "babble":
            self._complete(body, detail)
        elif name == "rubbish":
            self._send(200, {"hello": "world"})
        elif self.path.endswith("/embeddings"):
            rows = [{"index": i, "embedding": row.tolist()} for i, row in enumerate(self.model.embed(body["input"]))]
            self._send(200, {"object": "list", "model": body["model"], "data": rows[::-1], "usage": {}})
        else:
            self._complete(body, None)

    def _complete(self, body: dict[str, Any], text: str | None) -> None:
        tokens_in, tokens_out, whole = 10, 5, True
        if text is None:
            said = [Message(turn["role"], turn["content"]) for turn in body["messages"]]
            reply = self.model.complete(said, Verdict, most_tokens=body.get("max_tokens", 300))
            text, tokens_in, tokens_out, whole = reply.text, reply.tokens_in, reply.tokens_out, reply.whole
        reason = "stop" if whole else "length"
        choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
        reply_body = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"]}
        self._send(200, {**reply_body, "choices": [choice], "usage": usage})

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    Handler.model = load_local_model(sys.argv[1], "cpu")
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    print("ready", server.server_port, flush=True)
    server.serve_forever()
