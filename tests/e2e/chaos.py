"""The oracle: cloudsim produces and judges; meanwhile Trefoil is killed and starved at random, and in the end everything is equal.

A life is three spans of simulated time: chaos while the workload lasts and a while after it, with a calm stretch in
between in which a new record has to pass through; then quiet until all has settled. What happened is counted, and a life
in which too little happened fails.
"""
import collections
import glob
import os
import random
import resource
import signal
import statistics
import subprocess
import threading
import time

from harness import Tap, World, compare, conservation, free_port, http_get, wait_for
from truth import CLOUDS, SETTLE, SMALL, ask_both, iso, settled, span, watch, why_not

ANSWERS_IN = 1.0  # seconds: what half of all scrapes must keep to; the machine may be busy
HANGS_AFTER = 10.0  # seconds: no answer at all within this is a hang, however busy the machine is
PASSES_IN = 60 * 60  # simulated seconds beyond what the slowest signal is expected to need
OWN_COUNTERS = tuple(f"trefoil_{n}_records_total" for n in ("received", "stored", "duplicate", "late", "rejected", "quarantined"))
STORMS = ("throttle", "status", "html", "hang", "slow", "cut", "drop", "empty", "partial", "expired", "wrong_metric")


class Scraper(threading.Thread):
    """Looks four times a second: no counter falls, each series begins at 0, what is received is all accounted for."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.last, self.seen = {}, set()
        self.fell, self.first, self.unbalanced, self.broken = [], [], [], []
        self.took = []
        self.gauges = collections.Counter()  # how often a gauge was seen at 1
        self.metrics = {}
        self.over = threading.Event()
        self.away = threading.Event()  # nobody is expected to answer
        self.looking = threading.Lock()

    def look(self):
        with self.looking:
            begin = time.monotonic()
            status, text = http_get(f"{self.world.url}/-/healthy", timeout=HANGS_AFTER)
            if status == 0:
                if "timed out" in text and not self.away.is_set():
                    self.took.append(time.monotonic() - begin)
                return False
            try:
                begin = time.monotonic()
                fell, first = watch(self.world, self.last, self.seen, OWN_COUNTERS, self.keep)
            except RuntimeError:  # it replays, was killed meanwhile, or did not answer
                if not self.away.is_set() and time.monotonic() - begin >= HANGS_AFTER:
                    self.took.append(time.monotonic() - begin)
                return False
            if not self.away.is_set():
                self.took.append(time.monotonic() - begin)
            self.fell += fell
            self.first += first
            self.unbalanced += conservation(self.metrics)
            for (name, labels), value in self.metrics.items():
                if value == 1 and name in ("trefoil_journal_disk_full",):
                    self.gauges[name] += 1
            return True

    def keep(self, metrics):
        self.metrics = metrics

    def run(self):
        while not self.over.is_set():
            try:
                self.look()
            except Exception as e:  # an exposition that cannot be read
                self.broken.append(f"{type(e).__name__}: {e}")
            self.over.wait(0.25)

    def end(self):
        self.over.set()
        self.join(60)


class Chaos:
    """What can be done to a world, and how often it was done."""

    def __init__(self, world, rng, scraper, kinds):
        self.world, self.rng, self.scraper = world, rng, scraper
        self.did = collections.Counter()
        self.kinds = kinds
        self.limit = None  # bytes a file may have, while the disk is full
        self.until = {}  # what is in force until when, in real time
        self.failures = []
        self.replays = 0  # frames

    # Processes

    def start(self):
        self.world.start(file_limit=self.limit)

    def ready(self):
        self.world.wait_ready()
        self.replays += sum(v for k, v in self.world.metrics().items() if k[0] == "trefoil_ledger_folded_frames_total")
        self.scraper.away.clear()

    def kill(self):
        """At any moment; again while it starts, now and then."""
        self.scraper.away.set()
        self.world.trefoil.kill()
        self.did["kill"] += 1
        time.sleep(self.rng.uniform(0, 0.3))
        self.start()
        while self.rng.random() < 0.3:
            time.sleep(self.rng.uniform(0, 0.25))
            self.world.trefoil.kill()
            self.did["kill while starting"] += 1
            self.start()
        self.ready()

    def term(self):
        self.scraper.away.set()
        code = self.world.trefoil.stop()
        self.did["term"] += 1
        if code != 0:
            self.failures.append(f"SIGTERM: exit {code}\n{self.world.trefoil.tail()}")
        self.start()
        self.ready()

    def freeze(self):
        self.scraper.away.set()
        self.world.trefoil.popen.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 4))
        self.world.trefoil.popen.send_signal(signal.SIGCONT)
        with self.scraper.looking:  # who asked meanwhile has waited
            self.scraper.away.clear()
        self.did["freeze"] += 1

    # The disk

    def fill(self):
        """No file may grow beyond this: what a full disk does to all that is written."""
        if self.limit is None:
            newest = max((os.path.getsize(f) for f in glob.glob(f"{self.world.dir}/data/journal/*.journal")), default=0)
            self.limit = self.rng.choice((64, 4096, newest + self.rng.randrange(1, 65536)))
            resource.prlimit(self.world.trefoil.popen.pid, resource.RLIMIT_FSIZE, (self.limit, resource.RLIM_INFINITY))
            self.did["fill"] += 1
            self.until["disk"] = time.monotonic() + self.rng.uniform(1, 5)

    def free(self):
        self.limit = None
        resource.prlimit(self.world.trefoil.popen.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        self.until.pop("disk", None)

    # All of it

    def step(self):
        """One deed at random, and what is over ends."""
        for what, ends in (("disk", self.free),):
            if time.monotonic() >= self.until.get(what, float("inf")):
                ends()
        deed = self.rng.choices(list(self.kinds), list(self.kinds.values()))[0]
        getattr(self, deed)()

    def calm(self):
        if "disk" in self.until:
            self.free()


DEEDS = {"kill": 10, "term": 1, "freeze": 1, "fill": 3}


def second_refused(tap, world, name):
    """D-14: another process on the same folder says so and goes; the first does not notice."""
    p = subprocess.run([world.binary, "run", f"--config.file={world.config}", f"--web.listen-address=127.0.0.1:{free_port()}"],
                       capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    said = p.stdout + p.stderr
    tap.ok(p.returncode == 1 and "another trefoil (pid" in said and world.trefoil.alive() and http_get(f"{world.url}/-/ready")[0] == 200,
           f"{name}: a second process on the same folder is refused: {said.strip().splitlines()[-1:]}", f"exit {p.returncode}\n{said}")


def live(tap, seed, rounds, duration="2h", history="1h", speed=120, cpm=240, deeds=None, settle=SETTLE, after="2h", **more):
    """One life with so many kill -9; what happened."""
    rng = random.Random(seed)
    name = f"seed {seed}"
    world = World(seed=seed, speed=speed, duration=duration, history=history, cpm=cpm, more=SMALL, **more)
    scraper = Scraper(world)
    chaos = Chaos(world, rng, scraper, deeds or DEEDS)
    try:
        world.start()
        world.wait_ready()
        scraper.start()
        begin, end = time.monotonic(), world.origin + span(duration)
        lasts = world.real(end + span(after) - world.now())
        pace = lasts / (rounds * sum(chaos.kinds.values()) / chaos.kinds["kill"])
        while chaos.did["kill"] < rounds or time.monotonic() < begin + lasts:
            chaos.step()
            done = chaos.did["kill"] / rounds
            time.sleep(max(0, min(rng.expovariate(1 / pace), begin + lasts * (done + 2 / rounds) - time.monotonic())))
        chaos.calm()
        second_refused(tap, world, name)
        time.sleep(max(0, world.real(end + settle - world.now())))
        judge(tap, name, world, chaos, scraper, end)
    except Exception as e:
        tap.ok(False, f"{name}: {type(e).__name__}: {e}", world.trefoil.tail() if world.trefoil else "")
    finally:
        scraper.over.set()
        world.close(keep=tap.failed != 0)
    return chaos.did


def judge(tap, name, world, chaos, scraper, end):
    """All has settled: what is shown is what is true."""
    try:
        wait_for(lambda: settled(world, iso(end)), 120, "all is settled")
    except TimeoutError:
        tap.ok(False, f"{name}: all is settled", why_not(world, iso(end)))
    scraper.end()
    metrics, truth = ask_both(world)
    wrong, compared, debts = compare(truth, metrics)
    told = {s["labels"]["cloud"] for s in truth["series"] if s["family"] == "genai_requests_total" and s["value"]}
    tap.ok(compared > 50 and told == set(CLOUDS), f"{name}: truth lists {compared} series of all services", told)
    tap.ok(not wrong, f"{name}: every series equals the truth", "\n".join([f"{len(wrong)} differ"] + wrong))
    tap.ok(not scraper.fell, f"{name}: no counter ever fell", "\n".join(scraper.fell))
    tap.ok(not scraper.first, f"{name}: every series began at 0", "\n".join(scraper.first))
    broken = conservation(metrics) + scraper.unbalanced
    tap.ok(not broken, f"{name}: received = stored + duplicate + rejected + quarantined, in every scrape", "\n".join(broken))
    took = sorted(scraper.took)
    tap.ok(len(took) > 50 and statistics.median(took) < ANSWERS_IN and took[-1] < HANGS_AFTER and not scraper.broken,
           f"{name}: it always answered", "\n".join([f"{took[-5:]}"] + scraper.broken))
    tap.note(f"{name}: {len(took)} scrapes took {statistics.median(took):.3f} s in the middle, {took[len(took) * 99 // 100]:.3f} s "
             f"of 99 in 100, {took[-1]:.3f} s at most; {sum(t > ANSWERS_IN for t in took)} beyond {ANSWERS_IN:.0f} s")
    code = world.trefoil.stop()
    tap.ok(code == 0 and not chaos.failures, f"{name}: SIGTERM ends it with 0", "\n".join([f"exit {code}"] + chaos.failures))
    total = sum(s["value"] for s in truth["series"] if s["family"] == "genai_requests_total")
    tap.note(f"{name}: {compared} series, {total:.0f} requests, debts {sum(debts.values()):.0f}, {chaos.replays:.0f} frames replayed, "
             f"disk seen full {scraper.gauges['trefoil_journal_disk_full']} times; {dict(chaos.did)}")
    tap.ok(chaos.did["kill"] and chaos.replays > chaos.did["kill"] and scraper.gauges["trefoil_journal_disk_full"],
           f"{name}: it was not too tame", dict(chaos.did))
