#!/usr/bin/env python3
"""Three days are to be caught up: what is new comes first, the rest is told with its end, and in the end all is true."""
import calendar
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from harness import Tap, World, compare, conservation, http_get, wait_for
from truth import SETTLE, ask_both, iso, settled, why_not

BEHIND = 72 * 3600
DURATION = 20 * 60
SMALL = ("--clouds", os.environ.get("CLOUDS", "azure,aws"), "--subscriptions", "1", "--accounts", "1")
NEVER = ("inventory", "capacity")  # signals that are not read by windows

tap = Tap()
world = World(seed=int(os.environ.get("SEED", "31")), speed=240, duration=f"{DURATION}s", history="72h", cpm=20, late=0.02, revise=0.02, more=SMALL)


def unix(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) if text else 0


def jobs():
    return [dict(j, source=s["id"]) for s in world.sources()["sources"] for j in s["jobs"] if j["signal"] not in NEVER]


def is_live(job):
    """What is new is read as soon as it would be without a backlog."""
    return world.now() - unix(job["read_until"]) < job["expected_lag_seconds"] + 300


try:
    world.edit(r"^(\s*)initial_window: .*$", r"\g<1>initial_window: 73h")
    world.start()
    world.wait_ready()
    begun = world.now()
    seen = []  # (time, backlog, estimate) of all jobs together
    live_at = {}
    page = ""
    while world.now() < begun + DURATION + SETTLE:
        now = jobs()
        behind = [j for j in now if j["backlog_seconds"] > 0]
        estimates = [j["catch_up_seconds"] for j in behind]
        seen.append((world.now() - begun, sum(j["backlog_seconds"] for j in now), None if None in estimates else max(estimates, default=0)))
        for j in now:
            if is_live(j):
                live_at.setdefault((j["source"], j["scope"], j["group"]), (world.now() - begun, len(behind), j["expected_lag_seconds"]))
        if behind and not page:
            text = http_get(world.url + "/")[1]
            page = text if " left" in text else ""
        if len(now) > 3 and not behind and any(b > 0 for _, b, _ in seen):
            break
        time.sleep(0.05)
    most = max(b for _, b, _ in seen)
    took = seen[-1][0] - min(t for t, b, _ in seen if b == most)
    tap.ok(most > BEHIND, f"there is a backlog: {most / 3600:.0f} h over all jobs", seen[:20])
    tap.ok(seen[-1][1] == 0, f"it ends: {took / 60:.1f} simulated minutes", why_not(world, iso(world.now())))
    early = {k: v for k, v in live_at.items() if v[1]}
    tap.ok(len(early) > len(live_at) / 2, f"{len(early)} of {len(live_at)} jobs were live while others were behind", live_at)
    late = {k: v for k, v in live_at.items() if v[0] > v[2] + 900}
    tap.ok(live_at and not late, "each is live within minutes of what it takes at best", late)
    told = [e for _, b, e in seen if b > 0 and e]
    tap.ok(bool(told), f"how long it takes is told: {len(told)} of {sum(b > 0 for _, b, _ in seen)} times, first {told[:1]} s", seen)
    tap.ok(not told or told[-1] < max(told) or len(set(told)) == 1, "the estimate falls", told)
    grown = [b for a, b in zip(seen, seen[1:]) if b[1] > a[1] + 8 * 3600 and b[0] > 900]
    tap.ok(not grown, "and so does the backlog", grown)
    tap.ok(" left" in page, "the page says so", page[:200])
    end = world.origin + DURATION
    time.sleep(max(0, world.real(end + SETTLE - world.now())))
    try:
        wait_for(lambda: settled(world, iso(end)), 60, "all is settled")
    except TimeoutError:
        tap.ok(False, "all is settled", why_not(world, iso(end)))
    metrics = world.metrics()
    metrics, truth = ask_both(world)
    wrong, compared, debts = compare(truth, metrics)
    tap.ok(compared > 30, f"truth lists {compared} series")
    tap.ok(not wrong, "every series equals the truth of three days", "\n".join([f"{len(wrong)} differ"] + wrong))
    broken = conservation(metrics)
    tap.ok(not broken, "received = stored + duplicate + rejected + quarantined", "\n".join(broken))
    code = world.trefoil.stop()
    tap.ok(code == 0, "SIGTERM ends it with 0", f"exit {code}\n{world.trefoil.tail()}")
except Exception as e:
    tap.ok(False, f"{type(e).__name__}: {e}", world.trefoil.tail() if world.trefoil else "")
finally:
    world.close(keep=tap.failed != 0)
    tap.done()
