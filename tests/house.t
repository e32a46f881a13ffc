#!/usr/bin/env python3
"""Reads the house as a stranger would: whoever knows one cloud's folder finds his way in all others.

Each cloud's folder has the same files in the same roles, each role tells itself by what it defines, what is pure does no
I/O, what stands twice has moved down, and beside the source stand its tests, fuzz targets, simulator, official clients
and permissions. A new cloud fails here until its folder is whole.
"""
import itertools
import os
import re
import sys

sys.path.insert(0, os.path.dirname(__file__))
from tap import done, ok

SOURCES = "collector/sources"
CLOUDS = sorted(d for d in os.listdir(SOURCES) if os.path.isdir(f"{SOURCES}/{d}"))

# What each folder has, and what a reader finds there: a pattern of what the file says. {p} is the folder's name.
ROLES = {
    "{p}.h": r"enum \{?",  # what the folder's files share
    "{p}_state.h": r"struct {p}_source \{",  # what its jobs share
    "{p}_state.c": r"^void {p}_\w+",
    "{p}_options.c": r"^const struct option {p}_options\[\]",  # the configuration, a table
    "{p}_map.c": r"^const struct rule {p}_rules\[",  # the mapping, a table
    "{p}_request.c": r"^const struct (api|{p}_operation) {p}_\w+\[",  # what to ask, and what it costs
    "{p}_decode.c": r"^(static )?enum err_code {p}_decode_\w+|^enum err_code {p}_\w+\(",  # metrics: answers to measures
    "{p}_decode_inventory.c": r"{p}_decode_\w+\(",
    "{p}_decode_log.c": r"{p}_\w+\(",
    "{p}_detect.c": r"^sv {p}_detect\(",
    "{p}_normalize.c": r"^enum err_code {p}_normalize\(",
    "{p}_error.c": r"{p}_\w+\(",  # what an answer that is no 2xx means
    "{p}_call.c": r"\bsource_call(_patiently)?\(",  # one request, whole
    "{p}_inventory.c": r"^enum err_code {p}_poll_\w+\(",
    "{p}_metrics.c": r"^enum err_code {p}_poll_\w+\(",
    "{p}_logs.c": r"^enum err_code {p}_poll_\w+\(",
    "{p}_check.c": r"^enum err_code {p}_check\(",
    "{p}_forecast.c": r"^size_t {p}_forecast\(",
    "{p}_source.c": r"^const struct source_ops {p}_source_ops = ",
}
# What only some need, in a role of the same name wherever it stands.
SOME = {
    "{p}_auth.c", "{p}_auth.h", "{p}_identity.c", "{p}_identity.h", "{p}_token.c", "{p}_token.h", "{p}_provider.c", "{p}_provider.h",  # who we are
    "{p}_log.h", "{p}_row.c", "{p}_row.h", "{p}_decode_row.c", "{p}_request_log.c",  # rows of logs
    "{p}_operations.c", "{p}_origin.c", "{p}_model.c", "{p}_error.h",
}
# What one cloud alone has, and why.
OWN = {
    "azure_decode_activity.c": "the Activity Log has a form of its own",
    "azure_decode_records.c": "diagnostic records as Event Hubs and storage deliver them",
    "aws_decode_trail.c": "CloudTrail's events",
    "aws_endpoints.c": "partitions, FIPS, dual stack", "aws_endpoints.h": "",
    "aws_ini.c": "the shared files of profiles", "aws_ini.h": "",
    "aws_xml.c": "STS answers in XML", "aws_xml.h": "",
    "gcp_credential.c": "the six kinds of credential files", "gcp_credential.h": "",
    "gcp_hosts.c": "which hosts a credential file may name", "gcp_hosts.h": "",
    "gcp_subject.c": "what a federated workload shows of itself",
    "openai_grouping.c": "by which dimensions a span was first asked for",
}
PURE = ["{p}_options.c", "{p}_map.c", "{p}_request.c", "{p}_decode.c", "{p}_decode_inventory.c", "{p}_decode_log.c",
        "{p}_detect.c", "{p}_normalize.c", "{p}_error.c", "{p}_row.c", "{p}_decode_row.c", "{p}_request_log.c",
        "{p}_operations.c", "{p}_origin.c", "{p}_model.c", "{p}_token.c"]
IO = r'#include "[^"]*_state\.h"|\bhttp_(do|client_\w+)\(|#include <(pthread|unistd|fcntl|curl/curl)\.h>|\bsource_call\('
BESIDE = {
    "tests": lambda p: [f"tests/collector/sources/{p}/test_{p}_{t}.c" for t in ("map", "request", "decode", "source")],
    "fuzz targets": lambda p: [f"tests/fuzz/fuzz_{p}_{t}.c" for t in ("metrics", "inventory", "log")],
    "a simulator": lambda p: [f"tests/cloudsim/{p}/{p}_truth.c"],
    "official clients": lambda p: [f"tests/conformance/{p}/package.json"],
}
TWICE = 10  # lines of code in a row, the same but for the cloud's name
ALIKE = {"_source.c": 29}  # AWS and Google alone: three checks of timings, then close, cancel and open

def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def named(patterns, p):
    """The same with the cloud's name in place."""
    if isinstance(patterns, dict):
        return {n.replace("{p}", p): v.replace("{p}", p) for n, v in patterns.items()}
    return {n.replace("{p}", p) for n in patterns}


def code_lines(path):
    """(number, line) of what is code: no comments, blanks, includes, or punctuation alone; the cloud's name is PLUGIN."""
    p = path.split("/")[2]
    plain = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text(path), flags=re.S)
    for n, line in enumerate(plain.splitlines(), 1):
        line = re.sub(r"\s+", " ", line).strip()
        if re.search(r"[a-z0-9]", line) and not re.match(r"#|\.\w+ = ", line):  # nor rows of a table by name
            yield n, re.sub(p, "PLUGIN", line, flags=re.I)


def windows(path):
    lines = list(code_lines(path))
    return {tuple(x for _, x in lines[i:i + TWICE]): lines[i][0] for i in range(len(lines) - TWICE + 1)}


def standing_twice():
    here = {p: {f"{SOURCES}/{p}/{n}": windows(f"{SOURCES}/{p}/{n}") for n in sorted(os.listdir(f"{SOURCES}/{p}"))} for p in CLOUDS}
    for a, b in itertools.combinations(CLOUDS, 2):
        for (fa, wa), (fb, wb) in itertools.product(here[a].items(), here[b].items()):
            both = sorted(wa[w] for w in wa.keys() & wb.keys())
            if both and len(both) + TWICE - 1 > next((n for end, n in ALIKE.items() if fa.endswith(end) and fb.endswith(end)), 0):
                yield f"{fa}:{both[0]} ~ {fb}:{wb[next(w for w in wa if w in wb and wa[w] == both[0])]}: {len(both) + TWICE - 1} lines"


for p in CLOUDS:
    folder = f"{SOURCES}/{p}"
    files = set(os.listdir(folder))
    roles = named(ROLES, p)
    ok(f"{p}: every role has its file", [f"{folder}/{n} is missing" for n in sorted(set(roles) - files)])
    ok(f"{p}: no file without a role", [f"{folder}/{n}: which role is it? Other clouds do it in {sorted(ROLES)}"
                                        for n in sorted(files - set(roles) - named(SOME, p) - set(OWN))])
    ok(f"{p}: each file tells its role", [f"{folder}/{n} has nothing like {want}" for n, want in roles.items() if n in files
                                          and not re.search(want, text(f"{folder}/{n}"), re.M)])
    ok(f"{p}: what is pure does no I/O", [f"{folder}/{n}: {m.group()}" for n in sorted(named(PURE, p) & files)
                                          for m in [re.search(IO, text(f"{folder}/{n}"))] if m])
    for what, paths in BESIDE.items():
        ok(f"{p}: it has {what}", [f"{path} is missing" for path in paths(p) if not os.path.exists(path)])
    ok(f"{p}: it says which permissions it needs", [] if p in text("deploy/iam/README.md").lower() else ["deploy/iam/README.md"])
ok("every folder is registered", [p for p in CLOUDS if f"&{p}_source_ops" not in text(f"{SOURCES}/registry.c")])
ok("files of one cloud alone are there", [n for n in OWN if not any(os.path.exists(f"{SOURCES}/{p}/{n}") for p in CLOUDS)])
ok(f"no {TWICE} lines stand in two clouds' folders", list(standing_twice()))
done()
