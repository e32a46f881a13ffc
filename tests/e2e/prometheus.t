#!/usr/bin/env python3
"""A real Prometheus scrapes Trefoil each second: it keeps what /metrics shows, from 0 on, and sees no reset."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.dirname(__file__))
from harness import Process, Tap, World, free_port, http_get, parse_metrics, wait_for

if not shutil.which("prometheus") or not shutil.which("promtool"):
    print("1..0 # SKIP prometheus is not installed")
    sys.exit(0)

tap = Tap()
COUNTERS = ("_total", "_count", "_sum", "_bucket")
CONFIG = """global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: trefoil
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def start_prometheus(folder, target):
    with open(f"{folder}/prometheus.yml", "w") as f:
        f.write(CONFIG.format(port=target))
    port = free_port()
    process = Process(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                       f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], f"{folder}/prometheus.log")
    return process, f"http://127.0.0.1:{port}"


def query(base, text):
    status, body = http_get(f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": text}), timeout=30)
    if status != 200:
        raise RuntimeError(f"{text}: {status} {body[:300]}")
    return json.loads(body)["data"]["result"]


def key_of(metric):
    labels = {k: v for k, v in metric.items() if k not in ("__name__", "job", "instance")}
    return metric["__name__"], frozenset(labels.items())


def counters(metrics):
    return {k: v for k, v in metrics.items() if k[0].startswith("genai_") and k[0].endswith(COUNTERS)}


def kept(base):
    """The last sample of each counter."""
    result = query(base, '{__name__=~"genai_.*_(total|count|sum|bucket)",job="trefoil"}')
    return {key_of(r["metric"]): float(r["value"][1]) for r in result}


def number(text):
    """le="1" is le="1.0" in newer versions of Prometheus."""
    return float(text) if text not in ("+Inf", "") else text


def plain(series):
    return {(n, frozenset((k, number(v) if k == "le" else v) for k, v in labels)): x for (n, labels), x in series.items()}


def look(world, base):
    # Scrape after scrape while calls come in; then the clouds fall silent, so that the last sample can be compared. Only
    # Prometheus scrapes until then: a new series is shown as 0 once, to whoever comes first.
    wait_for(lambda: query(base, 'count_over_time(up{job="trefoil"}[10m]) >= 20'), 90, "20 scrapes")
    world.sim.stop()
    wait_for(lambda: query(base, 'count_over_time(up{job="trefoil"}[10m]) >= 24'), 30, "4 scrapes of what came last")
    was = {}

    def equal():
        shown = plain(counters(world.metrics()))
        same = shown == was.get("shown") and plain(kept(base)) == shown
        was["shown"] = shown
        return same
    try:
        wait_for(equal, 20, "the last samples")
        why = ""
    except TimeoutError:
        shown, has = plain(counters(world.metrics())), plain(kept(base))
        why = "\n".join(f"{k}: shown {shown.get(k)}, kept {has.get(k)}" for k in shown.keys() | has.keys()
                        if shown.get(k) != has.get(k))
    shown = was["shown"]
    tap.ok(not why and len(shown) > 200, f"the last sample of {len(shown)} series is what /metrics shows", why)
    grew = sum(v > 0 for v in shown.values())
    tap.ok(grew > 100, f"{grew} of them grew")

    begun = query(base, '{__name__=~"genai_.*_(total|count|bucket)",job="trefoil"}[10m]')
    late = [f"{r['metric']['__name__']} {[v for _, v in r['values'][:3]]} from {r['values'][0][0]}" for r in begun if float(r["values"][0][1]) != 0]
    tap.ok(begun and not late, f"the first sample of each of {len(begun)} series is 0", "\n".join([f"{len(late)} are not"] + sorted(late)))
    resets = []
    for name in sorted({r["metric"]["__name__"] for r in begun}):  # the result has no name, so they are asked one by one
        resets += query(base, f'resets({name}{{job="trefoil"}}[10m])')
    fell = [r for r in resets if float(r["value"][1]) != 0]
    tap.ok(len(resets) == len(begun) and not fell, f"resets() is 0 for all {len(resets)}", "\n".join(map(str, fell)))
    total = query(base, 'sum(increase(genai_requests_total{job="trefoil"}[10m]))')
    tap.ok(total and float(total[0]["value"][1]) > 0, "increase() has something to say", total)
    up = [v for _, v in query(base, 'up{job="trefoil"}[10m]')[0]["values"]]
    tap.ok("0" not in up[up.index("1"):], "no scrape failed once it was ready", up)


def lint(world):
    status, text = http_get(f"{world.url}/metrics")
    p = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    tap.ok(status == 200 and p.returncode == 0 and not p.stdout and not p.stderr, "promtool check metrics is silent",
           f"{p.returncode}\n{p.stdout}{p.stderr}")
    tap.ok(len(parse_metrics(text)) > 200, "and it had something to check")


world = World(seed=7, speed=30, duration="4h", history="1h", cpm=300)
folder = tempfile.mkdtemp(prefix="trefoil-e2e-prometheus-")
prometheus = None
try:
    prometheus, base = start_prometheus(folder, world.port)
    wait_for(lambda: http_get(f"{base}/-/ready")[0] == 200, 60, "prometheus is ready\n" + prometheus.tail())
    # Prometheus takes seconds until its first scrape; a series waits two minutes (here four seconds) for someone to see its 0.
    wait_for(lambda: query(base, 'up{job="trefoil"} == 0'), 60, "prometheus tries to scrape")
    world.start()
    world.wait_ready()
    wait_for(lambda: query(base, 'up{job="trefoil"} == 1'), 30, "the first scrape")
    look(world, base)
    lint(world)
except Exception as e:
    tap.ok(False, f"{type(e).__name__}: {e}", prometheus.tail() if prometheus else "")
finally:
    if prometheus:
        prometheus.stop()
    world.close(keep=tap.failed != 0)
    shutil.rmtree(folder, ignore_errors=True)
tap.done()
