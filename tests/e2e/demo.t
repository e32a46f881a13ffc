#!/usr/bin/env python3
"""The demo starts, says what to open, shows traffic, and leaves nothing behind."""
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
from harness import BUILD, Tap, free_port, http_get, parse_metrics, wait_for

CLOUDS = ("azure", "aws", "gcp", "openai")

tap = Tap()
port = free_port()


def gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


with tempfile.TemporaryDirectory(prefix="trefoil-e2e-demo-") as folder:
    demo = subprocess.Popen(["deploy/demo/run"], env=dict(os.environ, DEMO_SECONDS="60", DEMO_PORT=str(port), TMPDIR=folder),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True)
    begun = time.monotonic()
    try:
        said = ""
        for line in demo.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        took = time.monotonic() - begun
        tap.ok(took < 120, f"everything is there within two minutes: {took:.0f} s", said)
        url = f"http://127.0.0.1:{port}"
        for words in (f"{url}/\n", f"{url}/metrics", f"{url}/api/v1/sources", "/truth", "trefoil explain", folder):
            tap.ok(words in said, f"it names {words.strip().replace(folder, 'its folder')}", said)
        inside = os.listdir(folder)
        tap.ok(len(inside) == 1 and inside[0].startswith("trefoil-demo."), "all it writes is in one folder", inside)
        status, text = http_get(f"{url}/metrics")
        metrics = parse_metrics(text) if status == 200 else {}
        for cloud in CLOUDS:
            requests = sum(v for k, v in metrics.items() if k[0] == "genai_requests_total" and ("cloud", cloud) in k[1])
            tap.ok(requests > 100, f"/metrics shows traffic of {cloud}: {requests:.0f} requests", text[:400])
        status, text = http_get(f"{url}/")
        services = re.findall(r"<tr><td>(\w+)</td><td>\w+</td><td class=\"w (\w+)\">", text)
        tap.ok(status == 200 and sorted(c for c, _ in services) == sorted(CLOUDS), "the page shows the services side by side", services)
        sums = re.findall(r"<tr class=sum><td>(\w+)</td><td>all</td>", text)
        tap.ok(sorted(sums) == sorted(CLOUDS), "and what each was asked", sums)
        truth = re.search(r"http://\S+/truth", said)
        tap.ok(truth and http_get(truth.group(0), 30)[0] == 200, "the truth can be opened", said)
        told = re.search(r"build/(trefoil explain --storage.path=\S+ )'(.*)'", said)
        explained = told and subprocess.run([f"{BUILD}/trefoil", *told.group(1).split()[1:], told.group(2)], capture_output=True,
                                            text=True, timeout=60)
        tap.ok(explained and explained.returncode == 0 and "shown" in explained.stdout, "the series that it offers to explain is one",
               f"{said}\n{explained}")
        tap.ok(f"trefoil run --config.file={folder}" in said and f"--web.listen-address=127.0.0.1:{port}\n" in said,
               "how to start it again is said", said)
        second = subprocess.run(["deploy/demo/run"], env=dict(os.environ, DEMO_PORT=str(port), TMPDIR=folder),
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        tap.ok(second.returncode == 1 and f"port {port} of 127.0.0.1 is in use" in second.stderr,
               "a second demo on the same port says so and starts nothing", second.stdout + second.stderr)
        rest, _ = demo.communicate(timeout=120)
        tap.ok(demo.returncode == 0, "it ends by itself with 0", f"{demo.returncode}\n{rest}")
        tap.ok(wait_for(lambda: gone(demo.pid), 20, "its processes end"), "both processes have ended")
        tap.ok(http_get(f"{url}/-/healthy")[0] == 0, "nobody listens any more")
        tap.ok(not os.listdir(folder), "its folder is removed", os.listdir(folder))
    except Exception as e:
        tap.ok(False, f"{type(e).__name__}: {e}", said)
    finally:
        if not gone(demo.pid):
            os.killpg(demo.pid, 15)
            time.sleep(1)
            demo.poll()
tap.done()
