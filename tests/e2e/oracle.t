#!/usr/bin/env python3
"""cloudsim produces and judges while Trefoil is killed, starved and lied to; then all is equal. ROUNDS kills from SEED on, in
lives of at most LIFE."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from chaos import live
from harness import Tap

tap = Tap()
rounds, most = int(os.environ.get("ROUNDS", "20")), int(os.environ.get("LIFE", "40"))
seed = int(os.environ.get("SEED", "11"))
while rounds > 0:
    n = min(rounds, most)
    live(tap, seed, n, duration="2h" if n <= 20 else "4h")
    rounds -= n
    seed += 1
tap.done()
