"""Runs both binaries on loopback and compares what one shows with what the other knows.

Everything is bounded: each wait has a deadline, each process is ended by its own pid. Standard library only.
"""
import decimal
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BUILD = os.environ.get("B", "build/plain")
SIM_BUILD = os.environ.get("SIM_B", BUILD)


class Tap:
    """TAP for prove; a failing point prints what it saw."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, good, what, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'' if good else 'not '}ok {self.count} - {what}")
        sys.stdout.flush()
        if not good:  # on stderr: prove shows it
            print(f"# not ok: {what}", *str(detail).splitlines()[:40], sep="\n#   ", file=sys.stderr, flush=True)
        return good

    def note(self, text):
        print(f"# {text}")
        sys.stdout.flush()

    def done(self):
        print(f"1..{self.count}")
        sys.exit(self.failed != 0)


def wait_for(condition, seconds, what):
    """Polls until condition() is true and returns its value; raises with `what` when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s: {what}")
        time.sleep(0.05)


def http_get(url, timeout=10):
    """(status, text); status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode(errors="replace")
    except (urllib.error.URLError, ConnectionError, socket.timeout, TimeoutError) as e:
        return 0, str(e)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    def __init__(self, argv, log, file_limit=None):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))
        self.log_path = log
        self.log = open(log, "ab")
        self.popen = subprocess.Popen(argv, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                      preexec_fn=None if file_limit is None else limit)

    def alive(self):
        return self.popen.poll() is None

    def kill(self):
        self.popen.kill()
        self.popen.wait()
        self.log.close()

    def stop(self, seconds=20):
        """SIGTERM, then its exit code; -9 when it had to be killed."""
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            code = -9
        self.log.close()
        return code

    def tail(self, n=30):
        with open(self.log_path, errors="replace") as f:
            return "".join(f.readlines()[-n:])


class World:
    """A folder with cloudsim's configuration, and the two processes."""

    def __init__(self, seed=1, speed=120, duration="2h", history="2h", cpm=600, late=0.05, revise=0.05, more=()):
        self.dir = tempfile.mkdtemp(prefix="trefoil-e2e-")
        self.seed = seed
        self.speed = speed
        argv = [f"{SIM_BUILD}/cloudsim", "--listen", "127.0.0.1:0", "--seed", str(seed), "--speed", str(speed),
                "--calls-per-minute", str(cpm), "--history", history, "--duration", duration, "--late", str(late),
                "--revise", str(revise), "--write-config", self.dir, *more]
        self.sim = Process(argv, f"{self.dir}/cloudsim.log")
        self.config = f"{self.dir}/trefoil.yaml"
        self.binary = f"{BUILD}/trefoil"
        self.within = []  # what begins the command line of Trefoil
        self.trefoil = None
        try:
            wait_for(lambda: os.path.exists(self.config) or not self.sim.alive(), 30, "cloudsim writes its configuration")
            line = wait_for(lambda: re.search(r"control=(\S+) .*anchor=(\d+) origin=(\d+)", self.sim.tail()), 10,
                            "cloudsim says where it listens")
        except TimeoutError:
            print(self.sim.tail(), file=sys.stderr)
            raise
        self.control = f"http://{line.group(1)}"
        self.anchor = int(line.group(2)) / 1e9
        self.origin = int(line.group(3)) / 1e9
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def now(self):
        """The simulated time, in Unix seconds."""
        return self.origin + (time.time() - self.anchor) * self.speed

    def real(self, simulated_seconds):
        return simulated_seconds / self.speed

    def edit(self, pattern, replacement):
        with open(self.config) as f:
            text = f.read()
        new = re.sub(pattern, replacement, text, flags=re.M)
        if new == text:
            raise ValueError(f"nothing to edit: {pattern}")
        with open(self.config, "w") as f:
            f.write(new)

    def start(self, *more, file_limit=None):
        """`file_limit`: bytes that no file may grow beyond, as a full disk."""
        self.trefoil = Process([*self.within, self.binary, "run", f"--config.file={self.config}",
                                f"--web.listen-address=127.0.0.1:{self.port}", *more], f"{self.dir}/trefoil.log",
                               file_limit)
        return self.trefoil

    def wait_ready(self, seconds=30):
        def ready():
            if not self.trefoil.alive():
                raise RuntimeError("trefoil ended:\n" + self.trefoil.tail())
            return http_get(f"{self.url}/-/ready")[0] == 200
        wait_for(ready, seconds, "trefoil is ready\n" + self.trefoil.tail())

    def fault(self, **fields):
        body = json.dumps(fields).encode()
        request = urllib.request.Request(f"{self.control}/faults", data=body, method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as r:
            return r.read().decode()

    def truth(self, **query):
        q = "&".join(f"{k}={v}" for k, v in query.items())
        status, text = http_get(f"{self.control}/truth?{q}", timeout=120)
        if status != 200:
            raise RuntimeError(f"/truth: {status} {text[:200]}")
        truth = json.loads(text, parse_float=str)
        for s in truth["series"]:
            s["value"] = number(s["family"], s["value"])
        return truth

    def requests(self):
        return json.loads(http_get(f"{self.control}/requests")[1])

    def metrics(self):
        status, text = http_get(f"{self.url}/metrics", timeout=30)
        if status != 200:
            raise RuntimeError(f"/metrics: {status} {text[:200]}")
        return parse_metrics(text)

    def sources(self):
        return json.loads(http_get(f"{self.url}/api/v1/sources")[1])

    def close(self, keep=False):
        for p in (self.trefoil, self.sim):
            if p and p.alive():
                p.stop()
        if keep or os.environ.get("KEEP"):
            print(f"# kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


DECIMALS = ("genai_billed_cost",)  # gauges that are compared digit by digit


def number(family, value):
    return decimal.Decimal(value) if family in DECIMALS else float(value)


LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse_metrics(text):
    """{(name, frozenset of label pairs): value}; labels with an empty value do not exist."""
    out = {}
    for line in text.splitlines():
        if not line or line[0] == "#":
            continue
        head, value = line.rsplit(" ", 1)
        name, _, labels = head.partition("{")
        pairs = frozenset((k, v.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")) for k, v in LABEL.findall(labels))
        if (name, pairs) in out:
            raise ValueError(f"twice in one exposition: {head}")
        out[(name, pairs)] = number(name, value)
    return out


def compare(truth, metrics):
    """Differences as lines of text, the number of series compared, and the debt per family.

    Every series that truth lists must be shown; what is shown beyond it must be 0. Shown minus truth is never negative, and per
    family sums to what trefoil_debt publishes. A gauge owes nothing: it equals the truth to the last digit.
    """
    wrong = []
    over = {}
    exact_sums = {s["labels"]["cloud"] for s in truth["series"] if s["family"].endswith("_mean_seconds_sum")}
    known = set()
    families = set()
    for s in truth["series"]:
        name = s["family"]
        key = (name, frozenset((k, v) for k, v in s["labels"].items() if v != ""))
        known.add(key)
        families.add(name)
        shown = metrics.get(key)
        if shown is None and s["value"] == 0:
            continue
        difference = None if shown is None else shown - s["value"]
        if difference is None or difference < 0 or (difference and name in DECIMALS):
            wrong.append(f"{name}{dict(sorted(key[1]))}: truth {s['value']}, shown {shown}")
        else:
            over[name] = over.get(name, 0) + difference
    for key, value in metrics.items():
        if key[0].endswith("_mean_seconds_sum") and dict(key[1]).get("cloud") not in exact_sums:
            continue  # made of averages: truth lists sums only where they are exact
        if key[0] in families and key not in known and value != 0:
            wrong.append(f"{key[0]}{dict(sorted(key[1]))}: not in truth, shown {value}")
    debts = {dict(k[1]).get("family"): v for k, v in metrics.items() if k[0] == "trefoil_debt"}
    for name in families:
        base = re.sub(r"_(count|bucket)$", "", name)
        if name.endswith("_bucket"):
            continue
        if over.get(name, 0) != debts.get(base, 0):
            wrong.append(f"{name}: shown above truth by {over.get(name, 0)}, published debt {debts.get(base, 0)}")
    return wrong, len(truth["series"]), debts


def above(truth, metrics):
    """Lines of what is shown above the truth, most first: a counter that owes may be, and one that was counted twice is."""
    lines = []
    for s in truth["series"]:
        key = (s["family"], frozenset((k, v) for k, v in s["labels"].items() if v != ""))
        over = metrics.get(key, 0) - s["value"]
        if over > 0 and not key[0].endswith("_bucket"):
            lines.append((float(over), f"{key[0]}{dict(sorted(key[1]))}: truth {s['value']}, shown {metrics[key]}"))
    return [line for _, line in sorted(lines, reverse=True)]


def conservation(metrics):
    """Lines for each source where received is not stored + duplicate + rejected + quarantined."""
    def total(name, source):
        return sum(v for k, v in metrics.items() if k[0] == name and dict(k[1]).get("source") == source)
    wrong = []
    sources = {dict(k[1])["source"] for k in metrics if k[0] == "trefoil_received_records_total"}
    for s in sources:
        received = total("trefoil_received_records_total", s)
        parts = [total(f"trefoil_{p}_records_total", s) for p in ("stored", "duplicate", "rejected", "quarantined")]
        if received != sum(parts):
            wrong.append(f"{s}: received {received}, stored, duplicate, rejected, quarantined {parts}")
    return wrong
