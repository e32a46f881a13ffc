#!/usr/bin/env python3
"""The same world, with ten kill -9 on the way."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import Tap
from truth import run

tap = Tap()
run(tap, int(os.environ.get("SEED", "11")), kills=10)
tap.done()
