#!/usr/bin/env python3
"""cloudsim produces and judges while Trefoil is killed, starved and lied to; then all is equal. ROUNDS kills from SEED on, in lives of
at most LIFE; with SHORT only what can be seen on the way, for builds that are slow."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from chaos import live
from harness import Tap

tap = Tap()
rounds, most = int(os.environ.get("ROUNDS", "20")), int(os.environ.get("LIFE", "40"))
seed = int(os.environ.get("SEED", "11"))
short = {"duration": "50m", "settle": None, "after": "10m", "cpm": 60, "speed": 60} if os.environ.get("SHORT") else {}
while rounds > 0:
    n = min(rounds, most)
    live(tap, seed, n, **({"duration": "2h" if n <= 20 else "4h"} | short))
    rounds -= n
    seed += 1
tap.done()
