#!/usr/bin/env python3
"""Each service is down whole for an hour: its gap is told, the others do not notice, it catches up, and all is equal again."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from harness import Tap, World, conservation, http_get, compare, wait_for
from truth import SETTLE, SMALL, ask_both, iso, settled, why_not

OUTAGE = 3600  # simulated seconds
FIRST = 20 * 60  # what was told before the first outage
REST = 15 * 60  # between two outages
# How a service is not there: nobody answers, a gateway says so, or its tokens are refused.
KINDS = ("drop", "status", "expired", "throttle")

tap = Tap()
seed = int(os.environ.get("SEED", "21"))
downs = os.environ.get("DOWN", "gcp,openai").split(",")
hours = -(-(FIRST + len(downs) * (OUTAGE + REST)) // 3600)
world = World(seed=seed, speed=120, duration=f"{hours}h", history="1h", cpm=120, late=0, revise=0, more=SMALL)


def jobs(of=None, but=None):
    return [j for s in world.sources()["sources"] if (of is None or s["id"] == of) and s["id"] != but for j in s["jobs"]]


def key(job, source=""):
    return (source, job["scope"], job["group"])


def told(source, name):
    """{signal: value} of one of the source's own gauges."""
    return {dict(k[1])["signal"]: v for k, v in world.metrics().items()
            if k[0] == f"trefoil_{name}" and dict(k[1]).get("source") == source}


def until(pick, simulated, what):
    """The first true value of pick(); a failed point and None when the deadline passes (with time for a busy machine)."""
    try:
        return wait_for(pick, world.real(simulated) + 20, what)
    except TimeoutError:
        state = [f"{j['scope']} {j['group']} {j['state']} {j['complete_until']} {j['error']}" for j in jobs()]
        tap.ok(False, what, "\n".join(state) + "\n" + world.trefoil.tail())
        return None


def sleep_until(simulated):
    time.sleep(max(0, world.real(simulated - world.now())))


def quick(job):
    return 0 < job["expected_lag_seconds"] < OUTAGE * 3 / 4 and job["signal"] not in ("capacity", "charges")


def frequent(source):
    """Signals whose every job is asked and complete often enough that an hour is long for it."""
    slow = {j["signal"] for j in jobs(of=source) if not quick(j)}
    return {j["signal"] for j in jobs(of=source)} - slow


def progress(source):
    return {key(j): j["complete_until"] for j in jobs(of=source) if j["complete_until"]}


def others_of(source):
    """{job: (failures, complete_until, quick)} of all other sources, without those that fail in the best of times."""
    return {key(j, s["id"]): (j["failures"], j["complete_until"], quick(j)) for s in world.sources()["sources"]
            if s["id"] != source for j in s["jobs"] if not j["error"]}


def outage(source, kind):
    name = f"{source} down ({kind})"
    others, denied = others_of(source), {j["signal"] for j in jobs(of=source) if j["error"]}
    begun = world.now()
    world.fault(api="*", cloud=source, kind=kind, for_s=OUTAGE)
    frequently = frequent(source)
    tap.ok(len(frequently) > 1, f"{name}: it has signals: {sorted(frequently)}")
    if until(lambda: all(told(source, "source_up").get(s) == 0 for s in frequently), 20 * 60, f"{name}: trefoil_source_up falls to 0"):
        tap.ok(True, f"{name}: trefoil_source_up is 0 for {len(frequently)} signals")
    stood = told(source, "complete_until_timestamp_seconds")
    sleep_until(begun + OUTAGE - 300)

    # The gap is told.
    still = told(source, "complete_until_timestamp_seconds")
    tap.ok(stood and all(still[s] == stood[s] for s in frequently if s in stood), f"{name}: complete_until stands still", f"{stood}\n{still}")
    tap.ok(all(v <= begun + 60 for v in still.values()), f"{name}: nothing is complete that was not read", f"{begun} {still}")
    lag, expected = told(source, "lag_seconds"), told(source, "expected_lag_seconds")
    late = {s for s in lag if s in frequently and lag[s] > expected[s]}
    tap.ok(late and late == {s for s in lag if s in frequently}, f"{name}: lag is beyond what is expected of {sorted(late)}", f"{lag}\n{expected}")
    ill = [j for j in jobs(of=source) if j["signal"] in frequently]
    tap.ok(ill and all(j["state"] == "failing" and j["error"] and j["error"]["text"] for j in ill),
           f"{name}: /api/v1/sources says so of {len(ill)} jobs", "\n".join(str(j) for j in ill if j["state"] != "failing"))
    page = http_get(world.url + "/")[1]
    tap.ok(f"<td>{source}</td>" in page and "failing" in page, f"{name}: the page says so", page[:300])

    # The others do not notice.
    now = others_of(source)
    failed = [f"{k}: {now[k][0] - v[0] if k in now else 'fails now'}" for k, v in others.items() if k not in now or now[k][0] != v[0]]
    tap.ok(not failed, f"{name}: no poll of the others' {len(others)} jobs failed", "\n".join(failed))
    stuck = [f"{k}: {v[1]}" for k, v in others.items() if v[1] and v[2] and not (now.get(k) and now[k][1] > v[1])]
    tap.ok(len(others) > 4 and not stuck, f"{name}: complete_until of the others goes on", "\n".join(stuck))

    # It comes back and catches up.
    sleep_until(begun + OUTAGE)
    ended = iso(begun + OUTAGE)

    def caught_up():
        return all(j["signal"] in denied or not j["error"] and (j["signal"] not in frequently or (j["complete_until"] or "") > ended)
                   for j in jobs(of=source))
    # What is complete is told a settle time later, and usage by the hour another hour later.
    patience = 3600 + max(j["expected_lag_seconds"] for j in jobs(of=source))
    if until(caught_up, patience, f"{name}: it catches up"):
        up = told(source, "source_up")
        tap.ok(all(v == 1 for s, v in up.items() if s not in denied), f"{name}: it recovers by itself, {(world.now() - begun - OUTAGE) / 60:.0f} min after", up)


try:
    world.start()
    world.wait_ready()
    end = world.origin + hours * 3600
    until(lambda: len(jobs()) > 10 and all(j["polls"] and j["state"] in ("ok", "failing") for j in jobs()),
          3600, "all jobs have been polled, and nothing is to be caught up")
    sleep_until(world.origin + FIRST)
    for n, source in enumerate(downs):
        outage(source, KINDS[(seed + n) % len(KINDS)])
        sleep_until(min(end, world.now() + REST))
    sleep_until(end + SETTLE)
    try:
        wait_for(lambda: settled(world, iso(end)), 75, "all is settled")
    except TimeoutError:
        tap.ok(False, "all is settled", why_not(world, iso(end)))
    metrics, truth = ask_both(world)
    wrong, compared, debts = compare(truth, metrics)
    tap.ok(compared > 50, f"truth lists {compared} series")
    tap.ok(not wrong, "every series equals the truth, as if nothing had been", "\n".join([f"{len(wrong)} differ"] + wrong))
    broken = conservation(metrics)
    tap.ok(not broken, "received = stored + duplicate + rejected + quarantined", "\n".join(broken))
    code = world.trefoil.stop()
    tap.ok(code == 0, "SIGTERM ends it with 0", f"exit {code}\n{world.trefoil.tail()}")
except Exception as e:
    tap.ok(False, f"{type(e).__name__}: {e}", world.trefoil.tail() if world.trefoil else "")
finally:
    world.close(keep=tap.failed != 0)
    tap.done()
