"""A Stint worker in plain Python: python3 worker.py URL TOKEN_FILE [LEASE_SECONDS]. See docs/workers.md."""
import json, os, socket, sys, threading, time, urllib.error, urllib.request

url, token, lease = sys.argv[1].rstrip("/"), open(sys.argv[2]).read().strip(), float((sys.argv + ["30"])[3])
running = {}  # lease token -> event that is set when the attempt is to stop


def post(route, body):
    """Sends a request and gives the answer, as soon as the server is there; None where the lease was lost."""
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/worker/{route}", json.dumps(body).encode(), headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 409:
                return print(route, json.load(error)["type"], flush=True)
            if error.code < 500 and error.code != 429:
                raise RuntimeError(f"{route}: {error.code} {error.read().decode()}")
        except OSError:
            pass
        time.sleep(1)


def heartbeats():
    while True:  # an answer comes at once when a job is to stop, else after a third of the lease
        leases = list(running)
        if not leases:
            time.sleep(lease / 10)
            continue
        answer = post("heartbeat", {"worker_id": claim["worker_id"], "leases": leases, "wait_seconds": lease / 3})
        for held, state in zip(leases, answer["leases"]):
            if held in running and (state["status"] != "renewed" or state["cancel_requested"]):
                running[held].set()


def count_words(params, report, stop):
    words = params["text"].split()
    for index, word in enumerate(words):
        report("progress", {"percent": 100 * index / len(words), "message": word})
        report("output", {"chunks": [{"text": word + "\n"}], "number": index + 1})
        if stop.wait(params["delay"]):
            raise InterruptedError("asked to stop")
        if word == "fail":
            raise ValueError("a word that I do not like")
    return {"words": len(words), "worker": claim["worker_id"]}


params = [{"name": "text", "type": "string", "required": True}, {"name": "delay", "type": "number", "default": 0}]
claim = {"worker": "words", "host": socket.gethostname(), "pid": os.getpid(), "lease_seconds": lease,
         "job_types": [{"name": "count-words", "description": "Counts words", "aliases": ["wc"], "params": params}]}
threading.Thread(target=heartbeats, daemon=True).start()
while True:
    answer = post("claim", claim | {"wait_seconds": 20 if "worker_id" in claim else 0})
    claim["worker_id"] = answer["worker_id"]
    print("claimed", *(job["id"] for job in answer["jobs"]), flush=True)
    for job in answer["jobs"]:
        held = {"token": job["lease"]["token"]}
        stop = running[held["token"]] = threading.Event()
        try:
            result = count_words(job["params"], lambda route, body: post(route, held | body), stop)
            post("complete", held | {"result": result})
        except Exception as error:
            post("fail", held | {"message": f"{type(error).__name__}: {error}"})
        del running[held["token"]]
