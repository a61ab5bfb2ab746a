"""A tiny OpenAI-compatible embeddings server: counts of a few words as vectors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

WORDS = ["river", "lake", "sea", "sky"]


def vector(text: str) -> list[float]:
    return [float(text.split().count(word)) for word in WORDS] + [0.01]


class EmbeddingServer:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.status = 200
        self.keys: list[str | None] = []
        self.inputs: list[list[str]] = []


@contextmanager
def serve() -> Iterator[EmbeddingServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known.keys.append(self.headers["Authorization"])
            known.inputs.append(body["input"])
            data = [
                {"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(body["input"])
            ]
            answer = {"object": "list", "model": body["model"], "data": data[::-1]}
            content = json.dumps(answer if known.status == 200 else {"error": {"message": "no"}}).encode()
            self.send_response(known.status if self.path == "/v1/embeddings" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        known = EmbeddingServer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()
