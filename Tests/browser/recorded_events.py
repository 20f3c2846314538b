"""A server in front of a real one: all of HTTP is the real server's, `/ws/queue` speaks what a test says.

For numbers of events that a real server condenses (above 200 a second) or that would take minutes. The WebSocket is a
real one (RFC 6455), the page's whole way from frame to screen is the one that people use.
"""

import base64
import hashlib
import http.client
import http.server
import json
import queue
import socket
import struct
import threading

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class RecordedEvents:
    """`send(messages)` writes frames to the page that is connected; `url` is where a page opens it."""

    def __init__(self, real):
        self.real = real
        self.sockets = queue.Queue()
        self.socket = None
        self.first = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path == "/ws/queue":
                    outer.upgrade(self)
                else:
                    outer.forward(self)

            do_POST = do_DELETE = lambda self: outer.forward(self)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def forward(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "origin", "connection")}
        connection = http.client.HTTPConnection("127.0.0.1", self.real.port, timeout=30)
        try:
            connection.request(request.command, request.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            request.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                    request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        finally:
            connection.close()

    def upgrade(self, request):
        key = request.headers["Sec-WebSocket-Key"]
        accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
        request.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            request.send_header(name, value)
        request.end_headers()
        request.close_connection = True
        self.write(request.connection, self.first)
        self.sockets.put(request.connection)
        # Reads what the page says until it goes; its pings need no answer here.
        while request.rfile.read1(65536):
            pass

    @staticmethod
    def write(connection, messages):
        """Unmasked text frames, all in one write."""
        out = bytearray()
        for message in messages:
            payload = json.dumps(message).encode()
            if len(payload) < 126:
                out += struct.pack("!BB", 0x81, len(payload))
            elif len(payload) < 65536:
                out += struct.pack("!BBH", 0x81, 126, len(payload))
            else:
                out += struct.pack("!BBQ", 0x81, 127, len(payload))
            out += payload
        connection.sendall(out)

    def send(self, messages):
        if self.socket is None:
            self.socket = self.sockets.get(timeout=30)
        self.write(self.socket, messages)

    def close(self):
        if self.socket is not None:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
