#!/usr/bin/env python3
"""tests/FAULTS.md says which test covers which fault: every case has a row, and every test that a row names exists."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(__file__))
from tap import done, ok

TABLE = "tests/FAULTS.md"
# How many cases each group has.
GROUPS = {"S": 25, "A": 10, "P": 20, "D": 23, "R": 12, "C": 6, "E": 8, "INV": 12}
UNCOVERED = "not covered"

def ids(group, n):
    return [f"INV-{i}" for i in range(1, n + 1)] if group == "INV" else [f"{group}-{i:02}" for i in range(1, n + 1)]


def read_rows():
    """{id: (tests, amount, result)}; the cells of a row in order."""
    rows = {}
    with open(TABLE) as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if len(cells) == 5 and re.fullmatch(r"[A-Z]+-\d+", cells[0]):
                rows.setdefault(cells[0], []).append(cells[2:])
    return rows


def what_is_missing(tests):
    """Of `path: name` `path: name`: paths that are no file, names that the file does not hold as a word."""
    named = re.findall(r"`([^`:]+): ([^`]+)`", tests)
    if not named:
        return ["names no test"]
    wrong = []
    for path, name in named:
        if not os.path.isfile(path):
            wrong.append(f"no such file: {path}")
            continue
        with open(path) as f:
            if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", f.read()):
                wrong.append(f"{path} has no {name}")
    return wrong


rows = read_rows()
for group, n in GROUPS.items():
    ok(f"{group}: each of {n} cases has one row", [f"{i}: {len(rows.get(i, []))} rows" for i in ids(group, n) if len(rows.get(i, [])) != 1])
known = {i for group, n in GROUPS.items() for i in ids(group, n)}
ok("no row is of an unknown case", [i for i in rows if i not in known])
ok("what is covered names tests that exist, and what they did",
   [f"{i}: {w}" for i, all_of in rows.items() for tests, amount, result in all_of if tests != UNCOVERED
    for w in what_is_missing(tests) + (["no amount"] if not amount else []) + (["no result"] if not result else [])])
uncovered = sorted(i for i, all_of in rows.items() if all_of[0][0] == UNCOVERED)
ok("what is not covered claims nothing", [i for i in uncovered if rows[i][0][2]])
print(f"# {len(rows) - len(uncovered)} covered, {len(uncovered)} not: {' '.join(uncovered)}")
done()
