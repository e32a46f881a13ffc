#!/usr/bin/env python3
"""Three seeds side by side: late, revised and throttled answers, a midnight, and in the end the truth."""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from harness import Tap
from truth import SMALL, run

MIDNIGHT = ("--origin", "2026-11-20T23:10:00Z")  # of every other seed: days of the bill and partitions of logs change meanwhile

tap = Tap()
lock = threading.Lock()
first = int(os.environ.get("SEED", "1"))


def one(seed):
    own = Tap.__new__(Tap)
    own.count = own.failed = 0
    lines = []
    own.ok = lambda good, what, detail="": lines.append((bool(good), what, detail)) or (good or setattr(own, "failed", 1)) or good
    own.note = lambda text: lines.append((None, text, ""))
    try:
        run(own, seed, more=SMALL + (MIDNIGHT if seed % 2 == 0 else ()))
    except Exception as e:  # a world that breaks is a failed test, not a lost one
        lines.append((False, f"seed {seed}: {type(e).__name__}", str(e)))
    with lock:
        for good, what, detail in lines:
            tap.note(what) if good is None else tap.ok(good, what, detail)


threads = [threading.Thread(target=one, args=(first + i,)) for i in range(int(os.environ.get("SEEDS", "3")))]
for t in threads:
    t.start()
for t in threads:
    t.join()
tap.done()
