#!/usr/bin/env python3
"""The soak: SOAK_S real seconds (an hour) under mixed faults, and nothing grows.

Resident memory, descriptors and threads are looked at every ten seconds; after a warm-up of a quarter (at most 15 minutes) a line is
laid through them by least squares, and what it gains in an hour must stay within a bound. The ledger may grow, within limits of its
own, until its horizons are full: what it says of itself (trefoil_ledger_bytes) is taken off the resident memory. The journal is
kept for six simulated hours and has to come to rest at that.
"""
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from chaos import Chaos, Scraper
from harness import Tap, World, http_get
from truth import SMALL

LASTS = float(os.environ.get("SOAK_S", "3600"))
EVERY = 10  # seconds between two samples
PACE = float(os.environ.get("SOAK_PACE", "8"))  # seconds between two deeds, in the mean
MIB = 1 << 20
DEEDS = {"storm": 8, "cut": 3, "silence": 1, "freeze": 1, "fill": 2, "revoke": 2, "skew": 1, "reload": 2}
# What may be gained in an hour. Series: in the 60 simulated hours of it the rarest calls of the world come for the first time.
BOUNDS = {"memory beside the ledger, MiB": 12, "descriptors": 4, "threads": 2, "journal segments": 6, "series": 400}


class Mixed(Chaos):
    def reload(self):
        """The same configuration once more."""
        self.world.trefoil.popen.send_signal(1)
        self.did["reload"] += 1


def sample(world, metrics):
    """What the process holds now."""
    pid = world.trefoil.popen.pid
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
    one = {k[0]: v for k, v in metrics.items() if not k[1]}
    resident = int(status["VmRSS"].split()[0]) / 1024
    ledger = one["trefoil_ledger_bytes"] / MIB
    return {"memory beside the ledger, MiB": resident - ledger, "resident memory, MiB": resident, "ledger, MiB": ledger,
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": int(status["Threads"]),
            "journal segments": one["trefoil_journal_segments"], "series": one["trefoil_ledger_series"]}


def slope(points):
    """Gain in an hour of the line by least squares through (seconds, value)."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return 3600 * sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points)


def verdict(tap, samples):
    warm = min(LASTS / 4, 900)
    settled = [(t, s) for t, s in samples if t > warm]
    tap.ok(len(settled) > 20, f"{len(settled)} samples of {len(samples)} after a warm-up of {warm:.0f} s")
    for what in samples[0][1]:
        points = [(t, s[what]) for t, s in settled]
        values = [v for _, v in points]
        text = (f"{what}: {samples[0][1][what]:.1f} at first, {points[0][1]:.1f} when warm, {points[-1][1]:.1f} at the end, {max(values):.1f} at "
                f"most; {slope(points):+.2f} per hour")
        if what in BOUNDS:
            # A short soak shows the same noise over less time.
            gained = slope(points) * (points[-1][0] - points[0][0]) / 3600
            tap.ok(gained <= BOUNDS[what], f"{text}, gained {gained:+.2f} of {BOUNDS[what]}")
        else:
            tap.note(text)


def main():
    tap = Tap()
    seed = int(os.environ.get("SEED", "41"))
    print(f"# {LASTS / 60:.0f} minutes, seed {seed}", flush=True)
    world = World(seed=seed, speed=60, duration="0s", history="1h", cpm=120, more=SMALL)
    world.edit(r"^(storage:)$", r"\1\n  journal: {segment: 1MiB, max_bytes: 64MiB, retention: 6h}")
    scraper = Scraper(world)
    chaos = Mixed(world, random.Random(seed), scraper, DEEDS)
    samples, begun = [], time.monotonic()
    try:
        world.start()
        world.wait_ready()
        scraper.start()
        begun = due = time.monotonic()
        while time.monotonic() < begun + LASTS and world.trefoil.alive():
            chaos.step()
            time.sleep(min(chaos.rng.expovariate(1 / PACE), 4 * PACE))
            if time.monotonic() >= due and scraper.metrics:
                due = time.monotonic() + EVERY
                samples.append((time.monotonic() - begun, sample(world, scraper.metrics)))
                if len(samples) % 30 == 1:
                    tap.note(f"{samples[-1][0]:.0f} s: " + ", ".join(f"{k} {v:.1f}" for k, v in samples[-1][1].items()))
        tap.ok(world.trefoil.alive(), "it lives", world.trefoil.tail())
        chaos.calm()
        tap.ok(http_get(f"{world.url}/-/healthy")[0] == 200, "it answers")
        verdict(tap, samples)
        scraper.end()
        for what in ("fell", "first", "unbalanced", "negative", "broken"):
            tap.ok(not getattr(scraper, what), f"nothing seen: {what}", "\n".join(getattr(scraper, what)))
        tap.note(f"{len(scraper.took)} scrapes, {max(scraper.took):.2f} s at most; {dict(chaos.did)}")
        tap.ok(world.trefoil.stop() == 0, "SIGTERM ends it with 0", world.trefoil.tail())
    except Exception as e:
        tap.ok(False, f"{type(e).__name__}: {e}", world.trefoil.tail() if world.trefoil else "")
    finally:
        scraper.over.set()
        world.close(keep=tap.failed != 0)
        chaos.disk.close()
        tap.done()


main()
