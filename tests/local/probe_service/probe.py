"""The smallest service that the platform can run: it is ready at once, ends at SIGTERM, and leaves a child behind."""

from __future__ import annotations

import argparse
import http.server
import subprocess
import sys

IDLE = "import threading; threading.Event().wait()"


class Ready(http.server.BaseHTTPRequestHandler):
    """Answers every question with 200."""

    def do_GET(self) -> None:
        """Any path."""
        self.send_response(200)
        self.end_headers()


def main() -> None:
    """Starts a child of its own, as a service with worker processes does, and serves."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    child = subprocess.Popen([sys.executable, "-c", IDLE])
    print(f"child {child.pid}", flush=True)
    http.server.HTTPServer((options.host, options.port), Ready).serve_forever()


if __name__ == "__main__":
    main()
