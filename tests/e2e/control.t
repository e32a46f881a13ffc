#!/usr/bin/env python3
"""What comes hours and days late: figures of all four clouds that appear or change up to 6 h (LONG=1: 60 h) after their time. They are
found when the hours are read again, through a kill -9, and in the end every series equals the truth. A second Trefoil reads the same
clouds without control reads, and does not.

The workload ends with a span of the last age that is waited for, so that each age has whole spans to read."""
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from harness import Process, Tap, World, compare, conservation, free_port, http_get, parse_metrics, wait_for
from truth import CLOUDS, ask_both, iso, settled, watch, why_not

LONG = os.environ.get("LONG") == "1"
AGES = ("1h", "6h", "24h", "72h") if LONG else ("1h", "6h")
ORIGIN, HOURS, WITHIN = ("2026-11-19T22:00:00Z", 72, "60h") if LONG else ("2026-11-20T16:00:00Z", 6, "6h")
SPEED = float(os.environ.get("SPEED", "600" if LONG else "150"))
MARGIN = 45 * 60  # simulated seconds: delays, jobs that are apart from each other, and a little
SMALL = ("--subscriptions", "1", "--accounts", "2", "--projects", "2", "--openai-projects", "2")

tap = Tap()
world = World(seed=int(os.environ.get("SEED", "21")), speed=SPEED, duration="2h", history="1h", cpm=60, late=0.02, revise=0.02,
              more=SMALL + ("--origin", ORIGIN, "--control-late", "0.1", "--control-within", WITHIN))
NO_CONTROL = ((r"^  id: azure$", r"\g<0>\n  metrics:\n    control: false"), (r"^  id: gcp$", r"\g<0>\n  metrics:\n    control: false"),
              (r"^  metrics:\n    invocations:", "  metrics:\n    control: false\n    invocations:"),
              (r"^  usage:$", r"\g<0>\n    control: false"))


class Second:
    """Trefoil without control reads, on the same clouds."""

    def __init__(self):
        with open(world.config) as f:
            text = f.read()
        for pattern, replacement in NO_CONTROL:
            text, n = re.subn(pattern, replacement, text, flags=re.M)
            if n != 1:
                raise ValueError(f"{n} sections are {pattern}")
        text = text.replace(f"path: {world.dir}/data", f"path: {world.dir}/data-off")
        with open(f"{world.dir}/off.yaml", "w") as f:
            f.write(text)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.trefoil = Process([world.binary, "run", f"--config.file={world.dir}/off.yaml", f"--web.listen-address=127.0.0.1:{port}"],
                               f"{world.dir}/off.log")

    def metrics(self):
        status, text = http_get(f"{self.url}/metrics", timeout=30)
        return parse_metrics(text) if status == 200 else {}


def found(metrics):
    """Units that control reads added or owed, by (source, age)."""
    out = {}
    for (name, labels), value in metrics.items():
        if name == "trefoil_control_difference_total":
            l = dict(labels)
            out[l["source"], l["age"]] = out.get((l["source"], l["age"]), 0) + value
    return out


second = None
try:
    world.start()
    world.wait_ready()
    second = Second()
    end = world.origin + 2 * 3600
    span = (24 if LONG else 6) * 3600
    last_read = (int(end) + span - 1) // span * span + HOURS * 3600 + MARGIN
    kill_at = end + random.Random(21).uniform(1.2, 1.9) * 3600
    seen, last, fell, first, killed = set(), {}, [], [], 0
    while world.now() < last_read:
        if not killed and world.now() > kill_at:
            world.trefoil.kill()
            killed = 1
            world.start()
            world.wait_ready()
        f, n = watch(world, last, seen)
        fell += f
        first += n
        time.sleep(0.25)
    try:
        wait_for(lambda: settled(world, iso(end)), 60, "all is settled")
    except TimeoutError:
        tap.ok(False, "all is settled", why_not(world, iso(end)))
    try:
        wait_for(lambda: not compare(*reversed(ask_both(world)))[0], 40, "the truth")
    except TimeoutError:
        pass  # told below
    metrics, truth = ask_both(world)
    wrong, compared, debts = compare(truth, metrics)
    tap.ok(compared > 50, f"truth lists {compared} series")
    told = {s["labels"]["cloud"] for s in truth["series"] if s["family"] == "genai_requests_total" and s["value"]}
    tap.ok(told == set(CLOUDS), "of all services", told)
    tap.ok(not wrong, "every series equals the truth", "\n".join([f"{len(wrong)} differ"] + wrong))
    tap.ok(not fell, "no counter ever fell", "\n".join(fell))
    tap.ok(not first, "every series began at 0", "\n".join(first))
    broken = conservation(metrics)
    tap.ok(not broken, "received = stored + duplicate + rejected + quarantined", "\n".join(broken))
    tap.ok(killed == 1, "it was killed once on the way")
    units = found(metrics)
    for cloud in CLOUDS:
        for age in AGES:
            tap.ok(units.get((cloud, age), 0) > 0, f"{cloud}: hours read again after {age} had {units.get((cloud, age), 0):.0f} units more or less", units)
    without = second.metrics()
    known = {s["labels"]["cloud"] for s in truth["series"] if s["value"]}
    for cloud in sorted(known):
        mine = dict(truth, series=[s for s in truth["series"] if s["labels"]["cloud"] == cloud])
        differ = [w for w in compare(mine, {k: v for k, v in without.items() if ("cloud", cloud) in k[1]})[0] if "truth" in w]
        tap.ok(differ, f"{cloud}: without control reads {len(differ)} of {len(mine['series'])} series are not the truth")
    tap.ok(without and not any(found(without).values()), "which asks for no hours", found(without))
    code = world.trefoil.stop()
    tap.ok(code == 0, "SIGTERM ends it with 0", f"exit {code}\n{world.trefoil.tail()}")
    tap.note(f"{compared} series, debts {sum(debts.values())}, simulated {(world.now() - world.origin) / 3600:.1f} h")
finally:
    if second and second.trefoil.alive():
        second.trefoil.stop()
    world.close(keep=tap.failed != 0)
tap.done()
