"""A real `stint serve` with a store of its own, that a test starts, kills, starts again, and asks over HTTP."""

import http.client
import json
import os
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

DEADLINE = 30  # seconds: generous, because the machine may be busy with something else

OVER = ("completed", "failed", "cancelled")


class Server:
    """One server and the folder it lives in. `settings` are `STINT_…` names of docs/configuration.md, `configuration`
    is the text of its stint.yaml."""

    def __init__(self, stint, folder, *, web_root="", workers=3, settings=None, token=None, read_token=None,
                 processes=None, configuration=None):
        self.stint = stint
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.web_root = web_root
        self.workers = workers
        self.settings = {
            # Half a minute of lease would make every test of a killed server take as long.
            "STINT_WORKERS_LEASE_SECONDS": "9",
            "STINT_WORKERS_HEARTBEAT_SECONDS": "3",
            "STINT_WORKERS_SHUTDOWN_TIMEOUT_SECONDS": "0",
            **(settings or {}),
        }
        self.token = token
        self.flags = ["--processes", str(processes)] if processes else []
        if configuration:
            (self.folder / "stint.yaml").write_text(configuration)
        for name, text in (("token", token), ("read-token", read_token)):
            if text:
                file = self.folder / name
                file.touch(mode=0o600)
                file.write_text(text + "\n")
                self.flags += [f"--{name}-file", name]
        self.store = f"sqlite:{self.folder / 'stint.db'}"
        self.log = self.folder / "log"
        self.port = 0
        self.process = None
        self.url = None

    # Life

    def environment(self):
        return {**os.environ, **self.settings}

    def start(self):
        assert self.process is None, "it runs already"
        command = [self.stint, "serve", "--port", str(self.port), "--json", "--store", "sqlite:stint.db",
                   "--workers", str(self.workers), *self.flags]
        if self.web_root:
            command += ["--web-root", self.web_root]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE, stderr=log)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.kill()
            raise AssertionError("the server did not start:\n" + self.log.read_text()[-4000:])
        greeting = json.loads(line)
        assert greeting["pid"] == self.process.pid, "another process answered"
        # The same address after a restart, as for any server.
        self.port = int(greeting["url"].rsplit(":", 1)[1].rstrip("/"))
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def kill(self):
        """SIGKILL: nothing is said, nothing given back."""
        process, self.process = self.process, None
        process.kill()
        process.wait(DEADLINE)
        process.stdout.close()

    def stop(self):
        """SIGTERM: a graceful stop, which open pages must not hold up."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(DEADLINE)
            raise AssertionError("the server did not stop:\n" + self.log.read_text()[-4000:]) from None
        finally:
            process.stdout.close()
        assert code == 0, f"the server ended with {code}:\n" + self.log.read_text()[-4000:]

    def command(self, *arguments):
        """A `stint` command on the store itself: the way to change something while no server runs."""
        done = subprocess.run(
            [self.stint, *arguments, "--store", self.store, "--json"],
            cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert done.returncode == 0, f"stint {' '.join(arguments)}: {done.stderr}"
        return json.loads(done.stdout)

    # HTTP

    def raw(self, method, path, body=None, headers=None, token=None):
        """(status, headers, bytes), whatever the status."""
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        if token or self.token:
            headers.setdefault("Authorization", f"Bearer {token or self.token}")
        request = urllib.request.Request(
            self.url + path, method=method, headers=headers, data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def ask(self, method, path, body=None):
        """The JSON of an answer that is no error."""
        status, _, content = self.raw(method, path, body)
        assert status < 400, f"{method} {path}: {status} {content.decode(errors='replace')[:500]}"
        return json.loads(content)

    def refusal(self, method, path, body=None):
        """The server's own words for what it refuses."""
        status, _, content = self.raw(method, path, body)
        assert status >= 400, f"{method} {path} was not refused: {status}"
        return json.loads(content)["error"]

    def submit(self, type, params=None, **options):
        return self.ask("POST", "/api/jobs", {"type": type, "params": params or {}, **options})

    def submit_all(self, jobs):
        return self.ask("POST", "/api/jobs", jobs)

    def job(self, id):
        return self.ask("GET", f"/api/jobs/{id}?exact=true")

    def jobs(self):
        return self.ask("GET", "/api/jobs?limit=1000")

    def history(self, id):
        return self.ask("GET", f"/api/jobs/{id}/history?exact=true")

    def events(self, id):
        """The job's own event stream, as (name, data)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            connection.request("GET", f"/api/jobs/{id}/progress", headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            name = None
            for line in answer:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    yield name, json.loads(line[6:])
        finally:
            connection.close()

    def wait_for(self, id, *statuses):
        """Follows the job's stream until it has one of these statuses; the job, as it then is."""
        seen = []
        deadline = time.monotonic() + DEADLINE
        for name, data in self.events(id):
            if name != "progress":
                seen.append(data["status"])
                if data["status"] in statuses:
                    return self.job(id)
            assert time.monotonic() < deadline, f"{id} did not become {' or '.join(statuses)}, but {seen}"
        raise AssertionError(f"{id} did not become {' or '.join(statuses)}, but {seen}")
