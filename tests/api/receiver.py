"""Receives the calls of a pipeline, and writes each as {"headers", "body"} to a file of its own."""

import http.server
import json
import sys
import uuid

port, folder = int(sys.argv[1]), sys.argv[2]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with open(f"{folder}/{uuid.uuid4()}.call", "w", encoding="utf-8") as file:
            json.dump({"headers": headers, "body": body.decode()}, file)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
