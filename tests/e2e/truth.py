"""The heart: when the clouds have settled, every counter and histogram count equals the truth, difference 0."""
import random
import time

from harness import Tap, World, above, compare, conservation, wait_for

CLOUDS = ("azure", "aws", "gcp", "openai")
# All clouds at a size that two cores can play: both planes, several pages, every kind of access.
SMALL = ("--subscriptions", "2", "--accounts", "3", "--projects", "4", "--openai-projects", "4")
SETTLE = 4.6 * 3600  # simulated seconds after the workload's end: what comes latest is an envelope row's model row


def span(text):
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


def job_is_settled(job, end):
    if job["error"]:
        return False
    until = job["complete_until"]
    return job["signal"] in ("inventory", "capacity") or (until is not None and until >= end)


def settled(world, end):
    status = world.sources()
    jobs = [j for s in status["sources"] for j in s["jobs"]]
    pending = sum(s["records"]["pending_envelopes"] for s in status["sources"] if "records" in s)
    return len(jobs) > 1 and all(job_is_settled(j, end) for j in jobs) and pending == 0


def why_not(world, end):
    lines = []
    for s in world.sources()["sources"]:
        lines.append(f"{s['id']}: {s.get('records')}")
        lines += [f"{j['scope']} {j['group']} {j['state']} until {j['complete_until']} {j['error']}" for j in s["jobs"]
                  if not job_is_settled(j, end)]
    return "\n".join(lines)


def iso(t):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(t))


DAY = 86400
NEAR_MIDNIGHT = 300  # simulated seconds: longer than an exposition is kept and both questions take


def day_of(t):
    """The UTC day; None when it is about to change or has just done so."""
    return int(t // DAY) if NEAR_MIDNIGHT < t % DAY < DAY - NEAR_MIDNIGHT else None


def ask_both(world):
    """What is shown and what is true, of one day: sums of a day are told by how many days ago it is."""
    def same_day():
        before = day_of(world.now())
        metrics, truth = world.metrics(), world.truth()  # all: an operation begun before the end may end after it
        return before is not None and before == day_of(world.now()) and (metrics, truth)
    return wait_for(same_day, 60, "both are asked on one day")


def watch(world, last, seen, own=(), keep=None):
    """One scrape: no counter falls, nor do those named `own`; each new series begins at 0 (unless nobody looked for two minutes,
    when it is born unseen). `keep` gets what was scraped."""
    fell = []
    first = []
    looked = last.get("looked", 0)
    begun = world.now()
    metrics = world.metrics()
    after = world.now()
    if keep:
        keep(metrics)
    for key, value in metrics.items():
        if key[0] in own:
            if value < last.get(key, 0):
                fell.append(f"{key[0]}{sorted(key[1])}: {last[key]} -> {value}")
            last[key] = value
        if not key[0].startswith("genai_") or key[0].endswith("_ratio") or "_total" not in key[0] and "_count" not in key[0]:
            continue
        if key in last and value < last[key]:
            fell.append(f"{key[0]}{sorted(key[1])}: {last[key]} -> {value}")
        if key not in seen and value != 0 and after - looked < 110:
            first.append(f"{key[0]}{sorted(key[1])}: first seen with {value}")
        seen.add(key)
        last[key] = value
    last["looked"] = begun
    return fell, first


STORM = ("throttle", "status", "cut", "drop", "empty", "partial", "expired", "wrong_metric")


def storm(world, until):
    """While the workload lasts, one answer in forty is each of these kinds of wrong."""
    for kind in STORM:
        world.fault(api="*", kind=kind, rate=0.025, for_s=int(until - world.now()))


def run(tap, seed, kills=0, duration="2h", history="1h", speed=120, cpm=240, scrape=0.25, meddle=None, **more):
    """One life of the world; returns the world's figures for a note."""
    rng = random.Random(seed)
    more.setdefault("more", SMALL)
    world = World(seed=seed, speed=speed, duration=duration, history=history, cpm=cpm, **more)
    name = f"seed {seed}, {kills} kills"
    try:
        world.start()
        world.wait_ready()
        begin = world.now()
        end = world.origin + span(duration)
        storm(world, end)
        last, seen, fell, first = {}, set(), [], []
        alive = end + SETTLE - begin
        kill_at = sorted(begin + rng.uniform(0.02, 0.9) * alive for _ in range(kills))
        killed = 0
        while world.now() < end + SETTLE:
            if kill_at and world.now() >= kill_at[0]:
                kill_at.pop(0)
                world.trefoil.kill()
                killed += 1
                time.sleep(rng.uniform(0, 0.3))
                world.start()
                world.wait_ready()
            f, n = watch(world, last, seen)
            fell += f
            first += n
            if meddle:
                meddle(world)
            time.sleep(scrape)
        try:
            wait_for(lambda: settled(world, iso(end)), 75, "all is settled")
        except TimeoutError:
            tap.ok(False, f"{name}: all is settled", why_not(world, iso(end)))
        f, n = watch(world, last, seen)
        metrics, truth = ask_both(world)
        wrong, compared, debts = compare(truth, metrics)
        tap.ok(compared > 50, f"{name}: truth lists {compared} series")
        told = {s["labels"]["cloud"] for s in truth["series"] if s["family"] == "genai_requests_total" and s["value"]}
        tap.ok(told == set(CLOUDS), f"{name}: of all services", told)
        billed = [s["value"] for s in truth["series"] if s["family"] == "genai_billed_cost" and s["value"]]
        tap.ok(len(billed) > 5 and any(v % 1 for v in billed), f"{name}: and {len(billed)} sums of the bill, {sum(billed)} in all", billed)
        tap.ok(not wrong, f"{name}: every series equals the truth", "\n".join([f"{len(wrong)} differ"] + wrong + above(truth, metrics)))
        tap.ok(not fell, f"{name}: no counter ever fell", "\n".join(fell))
        tap.ok(not first, f"{name}: every series began at 0", "\n".join(first))
        broken = conservation(metrics)
        tap.ok(not broken, f"{name}: received = stored + duplicate + rejected + quarantined", "\n".join(broken))
        if kills:
            tap.ok(killed == kills, f"{name}: it was killed {killed} times")
        code = world.trefoil.stop()
        tap.ok(code == 0, f"{name}: SIGTERM ends it with 0", f"exit {code}\n{world.trefoil.tail()}")
        ill = sum(a[k] for a in world.requests()["apis"] for k in ("throttled", "client_errors", "server_errors", "dropped"))
        tap.ok(ill > 100, f"{name}: it was not too tame: {ill} answers were errors")
        total = sum(s["value"] for s in truth["series"] if s["family"] == "genai_requests_total")
        tap.note(f"{name}: {compared} series, {total} requests, debts {sum(debts.values())}, records "
                 f"{sum(v for k, v in metrics.items() if k[0] == 'trefoil_received_records_total'):.0f} received")
        return metrics
    finally:
        world.close(keep=tap.failed != 0)
