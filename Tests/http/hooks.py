"""What the generator can not know of the workers' routes."""
import json
import os
import urllib.parse
import urllib.request
import schemathesis

token = None  # of a job that runs


def post(base, path, body, **headers):
    headers["Content-Type"] = "application/json"
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def claimed(base):
    """The lease token of a new job."""
    post(base, "/api/jobs", {"type": "of-this-test", "allow_unknown_type": True})
    claim = {"worker": "generator", "types": ["of-this-test"], "lease_seconds": 3600}
    jobs = post(base, "/api/worker/claim", claim, Authorization="Bearer " + os.environ["STINT_WORKER_TOKEN"])["jobs"]
    return jobs[0]["lease"]["token"] if jobs else None


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # It would send wrong tokens, of which twenty are allowed a minute: what is behind them would stay untested.
    for path, operations in raw_schema["paths"].items():
        if path.startswith("/api/worker/"):
            operations["post"].pop("security")


@schemathesis.hook
def before_call(context, case, kwargs):
    global token
    if not case.path.startswith("/api/worker/"):
        return
    case.headers["Authorization"] = "Bearer " + os.environ["STINT_WORKER_TOKEN"]
    # Claims and heartbeats may wait half a minute for something to happen; a tenth of a second is enough here.
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("wait_seconds"), (int, float)) and 0 < body["wait_seconds"] <= 30:
        body["wait_seconds"] = 0.1
    # What is said of no attempt at all tests little.
    for one in body if isinstance(body, list) else [body]:
        if isinstance(one, dict) and isinstance(one.get("token"), str):
            ends = case.path.endswith(("/complete", "/fail"))
            base = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(case.operation.base_url))
            token = token or claimed(base)
            one["token"] = (claimed(base) if ends else token) or one["token"]
            break
