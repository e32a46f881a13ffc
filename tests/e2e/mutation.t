#!/usr/bin/env python3
"""Whoever counts a metric at a second level, or at another one, or leaves out one of its parts, sees the truth test fail: it
is the tables that it guards."""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
from harness import Tap, World, compare

SETTLE = 35 * 60  # simulated seconds after the workload's end: all minutes of CloudWatch and Cloud Monitoring are final

INFERENCES = ("aws", re.compile(r'^( *\{ M, "AWS/BedrockMantle", "Inferences", +)LEVEL(, +SUM, +true +\},)$', re.M))
CACHED = ("gcp", re.compile(r'^(.*"token_count"\), +)T\("cache_read_input"\)(, +TOKENS, .*)$', re.M))

OTHERS = ("gcp", re.compile(r'^(.*"token_count"\), +)T\("\*"\)(, +PARTS, .*)$', re.M))

# Which row, and what is written in its place: the level of all projects beside it, one project's models as one; a type of
# token that nobody has, so that what was read from a cache is no input any more; any type as a part, known or not.
MUTATIONS = {
    "as it is": None,
    "a second level": (INFERENCES, r'\1LEVEL\2\n\1{ "Model", NULL }\2'),
    "another level": (INFERENCES, r'\1{ "Project", NULL }\2'),
    "a type left out": (CACHED, r'\1T("nobody")\2'),
    "any type": (OTHERS, r'\1NO\2'),
}

tap = Tap()
found = {}


def build(folder, mutation):
    (cloud, row), replacement = mutation
    table = f"collector/sources/{cloud}/{cloud}_map.c"
    with open(table) as f:
        text = f.read()
    changed, n = row.subn(replacement, text)
    if n != 1:
        raise ValueError(f"{table}: {n} rows match {row.pattern}")
    with open(f"{folder}/{cloud}_map.c", "w") as f:
        f.write(changed)
    subprocess.run(["make", "variant", f"SOURCE={folder}/{cloud}_map.c", f"OUT={folder}/trefoil"], check=True, timeout=300,
                   stdout=subprocess.DEVNULL)
    return f"{folder}/trefoil"


def successes(series):
    return sum(v for k, v in series if k[0] == "genai_requests_total" and {("platform", "bedrock_mantle"), ("outcome", "success")}
               <= set(k[1]))


def live(name, binary):
    world = World(seed=5, speed=120, duration="20m", history="20m", cpm=300, more=("--clouds", "aws,gcp", "--accounts", "2", "--projects", "2"))
    try:
        world.binary = binary or world.binary
        world.start()
        world.wait_ready()
        end = world.origin + 20 * 60 + SETTLE
        time.sleep(max(0, world.real(end - world.now())))
        truth, metrics = world.truth(), world.metrics()
        wrong, compared, _ = compare(truth, metrics)
        known = [((s["family"], frozenset(s["labels"].items())), s["value"]) for s in truth["series"]]
        found[name] = (wrong, compared, successes(known), successes(metrics.items()))
    finally:
        world.close()


with tempfile.TemporaryDirectory(prefix="trefoil-e2e-mutation-") as folder:
    threads = []
    for i, (name, mutation) in enumerate(MUTATIONS.items()):
        os.mkdir(f"{folder}/{i}")
        binary = build(f"{folder}/{i}", mutation) if mutation else None
        threads.append(threading.Thread(target=live, args=(name, binary)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()

nothing = (["it did not live"], 0, 0, 0)
wrong, compared, true, shown = found.get("as it is", nothing)
tap.ok(not wrong and compared > 50, f"as it is: {compared} series equal the truth", "\n".join(wrong))
tap.ok(true > 0 and shown == true, f"as it is: {shown:.0f} successes on mantle, {true} in truth")
wrong, compared, true, shown = found.get("a second level", nothing)
tap.ok(len(wrong) > 0, f"a second level: the truth test fails ({len(wrong)} of {compared} series)")
tap.ok(true > 0 and shown == 2 * true, f"a second level: totals are doubled: {shown:.0f} shown, {true} in truth")
wrong, compared, true, shown = found.get("another level", nothing)
tap.ok(compared > 50 and len(wrong) > 0, f"another level: the truth test fails ({len(wrong)} of {compared} series)")
for name, family in (("a type left out", "genai_tokens_total"), ("any type", "genai_token_parts_total")):
    wrong, compared, true, shown = found.get(name, nothing)
    mine = [w for w in wrong if w.startswith(family) and "vertex_ai" in w]
    tap.ok(compared > 50 and mine, f"{name}: the truth test fails ({len(mine)} of {compared} series are of {family})", "\n".join(wrong))
    tap.ok(len(wrong) >= len(mine) and not any("bedrock" in w for w in wrong), f"{name}: and no series of AWS differs", "\n".join(wrong))
tap.done()
