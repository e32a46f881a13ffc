"""The oracle: cloudsim produces and judges; meanwhile Trefoil is killed, starved and lied to at random, and in the end everything
is equal.

A life is three spans of simulated time: chaos while the workload lasts and a while after it, with a calm stretch in
between in which a new record has to pass through; then quiet until all has settled. What happened is counted, and a life
in which too little happened fails. Nobody deletes a file or helps in any other way.
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

from harness import Tap, World, above, compare, conservation, free_port, http_get, wait_for
from truth import CLOUDS, SETTLE, SMALL, ask_both, iso, settled, span, watch, why_not

ANSWERS_IN = 1.0  # seconds: what is promised, and counted; the machine may be busy
HANGS_AFTER = 10.0  # seconds: no answer at all within this is a hang, however busy the machine is
ROOM_IN = 10.0  # seconds after a full disk in which segments may still go for it
MACHINE = 60.0  # seconds more, since others may use it
PASSES_IN = 60 * 60  # simulated seconds beyond what the slowest signal is expected to need
OWN_COUNTERS = tuple(f"trefoil_{n}_records_total" for n in ("received", "stored", "duplicate", "late", "rejected", "quarantined"))
STORMS = ("throttle", "status", "html", "hang", "slow", "cut", "drop", "empty", "partial", "expired", "wrong_metric")


class Scraper(threading.Thread):
    """Looks four times a second: no counter falls, each series begins at 0, what is received is all accounted for."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.last, self.seen = {}, set()
        self.fell, self.first, self.unbalanced, self.negative, self.broken = [], [], [], [], []
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
                if value < 0 and name.endswith("_seconds") and name != "trefoil_clock_skew_seconds":
                    self.negative.append(f"{name}{sorted(labels)}: {value}")
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


class SmallDisk:
    """A file system of its own for Trefoil's data, if this machine lets us: a name space that only Trefoil is put into."""

    def __init__(self, world, mib=160):
        self.data = f"{world.dir}/data"
        os.mkdir(self.data)
        self.holder = subprocess.Popen(["unshare", "-Urm", "sh", "-c", f"mount -t tmpfs -o size={mib}m trefoil '{self.data}' && echo there && exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.there = self.holder.stdout.readline() == "there\n"
        if self.there:
            world.binary = os.path.abspath(world.binary)
            world.within = ["nsenter", "-t", str(self.holder.pid), "-U", "-m", "--preserve-credentials"]
            self.data = f"/proc/{self.holder.pid}/root{self.data}"

    def fill(self, left):
        """All but so many bytes."""
        with open(f"{self.data}/ballast", "wb") as f:
            size = 1 << 24
            while size >= 4096:
                try:
                    os.posix_fallocate(f.fileno(), 0, os.fstat(f.fileno()).st_size + size)
                except OSError:
                    size //= 2
            os.ftruncate(f.fileno(), max(os.fstat(f.fileno()).st_size - left, 0))

    def free(self):
        if os.path.exists(f"{self.data}/ballast"):
            os.unlink(f"{self.data}/ballast")

    def close(self):
        self.holder.communicate()


class Chaos:
    """What can be done to a world, and how often it was done."""

    def __init__(self, world, rng, scraper, kinds):
        self.disk = SmallDisk(world)
        self.world, self.rng, self.scraper = world, rng, scraper
        self.did = collections.Counter()
        self.kinds = kinds
        self.limit = None  # bytes a file may have, while the disk is full
        self.until = {}  # what is in force until when, in real time
        self.failures = []
        self.segments, self.made_room, self.gone = set(), set(), set()
        self.full_until = 0
        self.todo = []  # deeds that may not be left to chance
        self.replays = 0  # frames

    # Processes

    def start(self):
        self.world.start(file_limit=self.limit)

    def ready(self):
        self.world.wait_ready()
        if self.scraper.look():  # nobody else does: a series that was shown to him at 0 may go on
            self.replays += sum(v for k, v in self.scraper.metrics.items() if k[0] == "trefoil_ledger_folded_frames_total")
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
        """Nothing is left, or no file may grow beyond this, which is the same to all that is written."""
        if not self.hold("disk", 1, 5):
            return
        self.did["fill"] += 1
        if self.disk.there and self.rng.random() < 0.6:
            self.disk.fill(self.rng.choice((0, self.rng.randrange(1, 65536))))
            self.did["fill to the last byte"] += 1
        else:
            newest = max((os.path.getsize(f) for f in glob.glob(f"{self.disk.data}/journal/*.journal")), default=0)
            self.limit = self.rng.choice((64, 4096, newest + self.rng.randrange(1, 65536)))
            resource.prlimit(self.world.trefoil.popen.pid, resource.RLIMIT_FSIZE, (self.limit, resource.RLIM_INFINITY))

    def free(self):
        self.disk.free()
        self.limit = None
        resource.prlimit(self.world.trefoil.popen.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    # The network and the clouds

    def hold(self, what, low, high):
        """For how many seconds; 0 when that is going on already."""
        if what in self.until:
            return 0
        seconds = self.rng.uniform(low, high)
        self.until[what] = time.monotonic() + seconds
        return seconds

    def fault(self, seconds, **fields):
        self.world.fault(for_s=int(seconds * self.world.speed) + 1, **fields)

    def cut(self):
        """Every connection is cut at once."""
        seconds = self.hold("network", 1, 5)
        if seconds:
            self.fault(seconds, api="*", kind="drop")
            self.did["network cut"] += 1

    def silence(self):
        """The clouds' machine stands still: connections stay, nothing comes."""
        with self.scraper.looking:  # it asks cloudsim nothing, but its time
            self.world.sim.popen.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 3))
        self.world.sim.popen.send_signal(signal.SIGCONT)
        self.did["silence"] += 1

    def storm(self):
        """Some answers of one cloud, or of all, are ill in one way."""
        seconds = self.hold(f"storm {len(self.until)}", 1, 6)
        where = {"cloud": self.rng.choice(CLOUDS)} if self.rng.random() < 0.7 else {}
        kind = self.rng.choice(STORMS)
        self.fault(seconds, api="*", kind=kind, rate=self.rng.choice((0.1, 0.4, 1)), **where)
        self.did[f"storm of {kind}"] += 1
        self.did["storm"] += 1

    def revoke(self):
        """All tokens that were issued are refused from now on."""
        self.world.fault(kind="expire_tokens")
        self.did["tokens revoked"] += 1

    # Clocks

    def skew(self):
        """The cloud's clock goes 20 minutes ahead, as its Dates say. Never while ours is wrong: of two that lie nobody can tell the time."""
        if "clock" in self.until:
            self.todo.append("skew")
            return
        seconds = self.hold("skew", 1, 4)
        if seconds:
            self.fault(seconds, api="*", kind="skew", rate=1)
            self.did["server's clock stepped"] += 1

    def set_clock(self, ahead):
        """Ours shows so many simulated seconds more than the truth; it is read by a reload, or by the next start."""
        self.world.edit(r"^    origin: .*$", f"    origin: {round((self.world.origin + ahead) * 1e9)}")
        if self.world.trefoil.alive():
            self.world.trefoil.popen.send_signal(signal.SIGHUP)
        self.did["our clock stepped"] += 1

    def step_clock(self):
        if "skew" in self.until:
            self.todo.append("step_clock")
            return
        if self.hold("clock", 1, 6):
            self.set_clock(self.rng.choice((3600, -3600, 3600, -3600, YEAR)))

    def back(self):
        self.set_clock(0)

    def deleted(self):
        """Segments that went while there was space: all that happened is younger than the retention, whatever our clock says."""
        there = {os.path.basename(f) for f in glob.glob(f"{self.disk.data}/journal/*.journal")}
        gone = self.segments - there - self.made_room
        if "disk" in self.until:
            self.full_until = time.monotonic() + ROOM_IN
        if time.monotonic() < self.full_until:
            self.made_room |= gone  # what everybody had read made room for what is new
        else:
            self.gone |= gone
        self.segments |= there
        return self.gone

    # All of it

    def step(self):
        """One deed at random, and what is over ends."""
        self.deleted()
        self.end({what for what, at in self.until.items() if time.monotonic() >= at})
        deed = self.rng.choices(list(self.kinds), list(self.kinds.values()))[0]
        if self.todo and self.rng.random() < 0.5:
            deed = self.todo.pop()
        getattr(self, deed)()

    def end(self, which):
        for what in which:
            del self.until[what]
            ends = {"disk": self.free, "clock": self.back}.get(what)
            if ends:
                ends()

    def calm(self):
        self.end(set(self.until))
        self.world.fault(clear=True)


YEAR = 365 * 86400
DEEDS = {"kill": 20, "term": 2, "freeze": 2, "fill": 4, "cut": 3, "silence": 1, "storm": 6, "revoke": 2, "skew": 2, "step_clock": 3}
# What must have happened in a life of 20 kills, and is scaled with them.
LEAST = {"kill": 20, "fill": 1, "network cut": 1, "storm": 2, "tokens revoked": 1, "our clock stepped": 2}
SURELY = ["fill", "fill", "cut", "cut", "storm", "storm", "storm", "revoke", "revoke", "skew", "step_clock", "step_clock"]


def second_refused(tap, world, name):
    """D-14: another process on the same folder says so and goes; the first does not notice."""
    p = subprocess.run([*world.within, world.binary, "run", f"--config.file={world.config}", f"--web.listen-address=127.0.0.1:{free_port()}"],
                       capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    said = p.stdout + p.stderr
    tap.ok(p.returncode == 1 and "another trefoil (pid" in said and world.trefoil.alive() and http_get(f"{world.url}/-/ready")[0] == 200,
           f"{name}: a second process on the same folder is refused: {said.strip().splitlines()[-1:]}", f"exit {p.returncode}\n{said}")


def rage(chaos, rounds, seconds):
    """So many kills and all the rest, about evenly over so many seconds."""
    begin, first = time.monotonic(), chaos.did["kill"]
    chaos.todo = chaos.rng.sample(SURELY * -(-rounds // 20), k=len(SURELY) * -(-rounds // 20))
    pace = seconds / (rounds * sum(chaos.kinds.values()) / chaos.kinds["kill"])
    while chaos.did["kill"] < first + rounds:
        chaos.step()
        done = (chaos.did["kill"] - first) / rounds
        time.sleep(max(0, min(chaos.rng.expovariate(1 / pace), begin + seconds * (done + 2 / rounds) - time.monotonic())))
    chaos.calm()


def passes(tap, name, world):
    """All is well again: what happens now is told within a stated time, by every signal that counts as it goes."""
    begun = world.now()
    counting = ("metrics", "usage", "calls")

    def jobs():
        return [j for s in world.sources()["sources"] for j in s["jobs"] if j["signal"] in counting]

    def behind():
        return [j for j in jobs() if (j["complete_until"] or "") <= iso(begun + 60)]
    backlog = max(j.get("backlog_seconds") or 0 for j in jobs())  # what was not read while it was killed all the time
    patience = max(j["expected_lag_seconds"] for j in jobs()) + PASSES_IN + backlog
    try:
        wait_for(lambda: not behind(), world.real(patience) + MACHINE, "a new record passes through")
    except TimeoutError:
        tap.ok(False, f"{name}: a new record passes through", "\n".join(str(j) for j in behind()))
        return
    took = (world.now() - begun) / 60
    tap.ok(True, f"{name}: what happened after the faults was complete in all {len(jobs())} jobs after {took:.0f} min, at most {patience / 60:.0f} with a backlog "
           f"of {backlog / 60:.0f}")


def live(tap, seed, rounds, duration="2h", history="1h", speed=120, cpm=240, deeds=None, settle=SETTLE, after="2h", **more):
    """One life with so many kill -9: half of them while the workload lasts, then a calm, then the rest; what happened."""
    rng = random.Random(seed)
    name = f"seed {seed}"
    world = World(seed=seed, speed=speed, duration=duration, history=history, cpm=cpm, more=SMALL, **more)
    world.edit(r"^(storage:)$", r"\1\n  journal: {segment: 1MiB}")  # many, so that retention has something to delete
    scraper = Scraper(world)
    chaos = Chaos(world, rng, scraper, deeds or DEEDS)
    try:
        for san in ("TSAN", "ASAN", "UBSAN"):  # whoever is killed takes its exit code with it
            os.environ[f"{san}_OPTIONS"] = f"log_path={world.dir}/sanitizer:print_stacktrace=1"
        world.start()
        world.wait_ready()
        scraper.start()
        end = world.origin + span(duration)
        rage(chaos, rounds // 2, world.real(span(duration)) * 0.6)
        second_refused(tap, world, name)
        if settle is not None:
            passes(tap, name, world)
        rage(chaos, rounds - rounds // 2, max(world.real(end + span(after) - world.now()), rounds))
        if settle is None:
            scraper.look()
        else:
            time.sleep(max(0, world.real(end + settle - world.now())))
            judge(tap, name, world, end)
        review(tap, name, world, chaos, scraper, rounds, slow=settle is None)
    except Exception as e:
        tap.ok(False, f"{name}: {type(e).__name__}: {e}", world.trefoil.tail() if world.trefoil else "")
    finally:
        scraper.over.set()
        world.sim.popen.send_signal(signal.SIGCONT)
        if tap.failed and chaos.disk.there:  # it goes with its name space
            subprocess.run(["cp", "-r", chaos.disk.data, f"{world.dir}/data-as-it-was"], check=False)
        world.close(keep=tap.failed != 0)
        chaos.disk.close()
    return chaos.did


def too_tame(did, rounds):
    return [f"{what}: {did[what]} of {least * rounds / 20:.0f}" for what, least in LEAST.items() if did[what] < least * rounds // 20]


def judge(tap, name, world, end):
    """All has settled: what is shown is what is true."""
    try:
        wait_for(lambda: settled(world, iso(end)), 120, "all is settled")
    except TimeoutError:
        tap.ok(False, f"{name}: all is settled", why_not(world, iso(end)))
    metrics, truth = ask_both(world)
    wrong, compared, debts = compare(truth, metrics)
    told = {s["labels"]["cloud"] for s in truth["series"] if s["family"] == "genai_requests_total" and s["value"]}
    tap.ok(compared > 50 and told == set(CLOUDS), f"{name}: truth lists {compared} series of all services", told)
    tap.ok(not wrong, f"{name}: every series equals the truth", "\n".join([f"{len(wrong)} differ"] + wrong + above(truth, metrics)))
    broken = conservation(metrics)
    tap.ok(not broken, f"{name}: received = stored + duplicate + rejected + quarantined", "\n".join(broken))
    total = sum(s["value"] for s in truth["series"] if s["family"] == "genai_requests_total")
    tap.note(f"{name}: {compared} series, {total:.0f} requests, debts {sum(debts.values()):.0f}")


def review(tap, name, world, chaos, scraper, rounds, slow=False):
    """What was seen on the way."""
    scraper.end()
    tap.ok(not scraper.fell, f"{name}: no counter ever fell", "\n".join(scraper.fell))
    tap.ok(not scraper.first, f"{name}: every series began at 0", "\n".join(scraper.first))
    tap.ok(not scraper.unbalanced, f"{name}: received = stored + duplicate + rejected + quarantined, in every scrape",
           "\n".join(scraper.unbalanced))
    gone = chaos.deleted()
    tap.ok(not gone and chaos.segments, f"{name}: none of {len(chaos.segments)} segments was deleted but {len(chaos.made_room)} to make room", gone)
    tap.ok(not scraper.negative, f"{name}: no duration is negative", "\n".join(scraper.negative))
    took = sorted(scraper.took)
    tap.ok(len(took) > (10 if slow else 50) and took[-1] < HANGS_AFTER and not scraper.broken,
           f"{name}: it always answered", "\n".join([f"{took[-5:]}"] + scraper.broken))
    tap.note(f"{name}: {len(took)} scrapes took {statistics.median(took):.3f} s in the middle, {took[len(took) * 99 // 100]:.3f} s "
             f"of 99 in 100, {took[-1]:.3f} s at most; {sum(t > ANSWERS_IN for t in took)} beyond {ANSWERS_IN:.0f} s")
    with open(world.trefoil.log_path, errors="replace") as f:
        refused = sum("No space left on device" in line or "File too large" in line for line in f)
    ill = sum(a[k] for a in world.requests()["apis"] for k in ("throttled", "client_errors", "server_errors", "dropped"))
    code = world.trefoil.stop()
    tap.ok(code == 0 and not chaos.failures, f"{name}: SIGTERM ends it with 0", "\n".join([f"exit {code}"] + chaos.failures))
    said = [open(f, errors="replace").read() for f in glob.glob(f"{world.dir}/sanitizer.*")]
    tap.ok(not said, f"{name}: no sanitizer has a word to say", "\n".join(said))
    tap.note(f"{name}: {chaos.replays:.0f} frames replayed, "
             f"disk seen full {scraper.gauges['trefoil_journal_disk_full']} times, {refused} writes refused; {dict(chaos.did)}")
    tap.note(f"{name}: " + ("a disk of its own" if chaos.disk.there else "no disk of its own: only files that may not grow"))
    tame = too_tame(chaos.did, rounds)
    tap.ok(not tame and chaos.replays > chaos.did["kill"] and refused and ill > (rounds if slow else 3 * rounds),
           f"{name}: it was not too tame: {ill} answers were errors", "\n".join([str(dict(chaos.did))] + tame))
