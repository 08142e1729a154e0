"""Ask a model many questions at once, politely, and no question twice.

The model is a service behind HTTP: it thinks for a moment, and turns away
every third question at first.  `AsyncEngine` keeps ten questions under way, and
the node says when to ask again, how fast, and how long to wait.

    python examples/ask_a_model.py

Run again, it asks nothing.  Another folder for the cache: give it as argument.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hypernodes import AsyncEngine, Pipeline, Retry, node

requests: list[int] = []


class Model(BaseHTTPRequestHandler):
    """A model that can square numbers; a real one would be elsewhere."""

    def do_POST(self) -> None:
        """Answer one question."""
        number = int(self.rfile.read(int(self.headers["Content-Length"])).split()[2])
        is_busy = number % 3 == 0 and number not in requests
        requests.append(number)
        time.sleep(0.05)
        self.send_response(503 if is_busy else 200)
        self.end_headers()
        self.wfile.write(f"It is {number**2}.".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Client:
    """The way to a model; keys know it by the model's name, not by where it is."""

    def __init__(self, model: str, port: int) -> None:
        self.model, self.port = model, port

    async def ask(self, question: str) -> str:
        """Return the model's answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST / HTTP/1.0\r\nContent-Length: {len(question)}\r\n\r\n"
        writer.write((head + question).encode())
        answer = (await reader.read()).decode()
        writer.close()
        if " 503 " in answer.splitlines()[0]:
            msg = f"{self.model} is too busy"
            raise ConnectionError(msg)
        return answer.partition("\r\n\r\n")[2]

    def __cache_key__(self) -> str:
        return self.model


@node(output_name="answer", retry={ConnectionError: Retry(5)}, timeout=10, rate_limit="200/s")
async def ask(question: str, client: Client) -> str:
    """Ask one question."""
    return await client.ask(question)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    engine = AsyncEngine(cache=sys.argv[1] if len(sys.argv) > 1 else ".cache", max_concurrency=10)
    client = Client("squares-2", server.server_port)
    questions = [f"What is {n} squared?" for n in range(30)]
    pipeline = Pipeline(nodes=[ask], engine=engine)
    rows = pipeline.map({"question": questions, "client": client}, map_over="question")
    turned_away = len(requests) - len(set(requests))
    print(f"{len(rows)} answers, {len(requests)} requests, {turned_away} of them turned away")
    print(questions[12], rows[12]["answer"])
