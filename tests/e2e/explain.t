#!/usr/bin/env python3
"""The tools beside the daemon: explain recomputes a number of /metrics, normalize needs no daemon at all."""
import decimal
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
from harness import BUILD, Tap, World, wait_for

tap = Tap()
DATA = "tests/data/azure"


def trefoil(*argv, stdin=None):
    p = subprocess.run([f"{BUILD}/trefoil", *argv], capture_output=True, text=True, timeout=60, input=stdin or "")
    return p.returncode, p.stdout, p.stderr


# ---- normalize ----

def normalizes(file, how, record, **fields):
    """All lines are JSON with the unified names; one of them has these fields."""
    if how == "file":
        code, out, err = trefoil("normalize", f"{DATA}/{file}")
    else:
        with open(f"{DATA}/{file}") as f:
            code, out, err = trefoil("normalize", *how, stdin=f.read())
    try:
        lines = [json.loads(line) for line in out.splitlines()]
    except ValueError as e:
        tap.ok(False, f"normalize {file}: each line is JSON", f"{e}\n{out[:500]}")
        return
    good = [r for r in lines if r["record"] == record and all(r.get(k) == v for k, v in fields.items())]
    own = all(r["cloud"] == "azure" and r["platform"] == "azure_openai" and re.fullmatch("[0-9a-f]{16}", r["key"]) for r in lines)
    tap.ok(code == 0 and good and own, f"normalize {file} ({how}): {len(lines)} records, one is {record} {fields}", out[:900] + err)


def normalize():
    call = {"operation": "chat", "model": "gpt-4.1", "deployment": "chat-prod", "input_tokens": 1420, "output_tokens": 233}
    normalizes("synthetic_loganalytics_azurediagnostics.json", "file", "call", outcome="success", http_status=200, **call)
    normalizes("synthetic_loganalytics_azurediagnostics.json", ("-",), "call", outcome="success", http_status=200, **call)
    normalizes("synthetic_storage_requestresponse.jsonl", (), "call", outcome="success", http_status=200, **call)
    normalizes("synthetic_eventhub_requestusage.json", "file", "call", cache_read_tokens=1152, **call)
    normalizes("synthetic_metrics_getbatch_openai.json", "file", "measure", name="InputTokens", model="gpt-4.1", value=1516,
               resource="aoai-demo", jurisdiction="eu")
    normalizes("synthetic_eventhub_audit.json", "file", "audit", action="listkey")


def normalize_aws():
    """Each file, and packed as buckets hold it: the calls or audit events that it tells of, by platform."""
    for file, record, number, fields in (
            ("aws/bedrock/model-invocation-log.ndjson", "call", 6, {"platform": "bedrock", "input_tokens": 96816, "served_region": "us-west-2"}),
            ("aws/bedrock/s3-object.json.gz", "call", 6, {"platform": "bedrock", "time_to_first_token_nano": 210000000}),
            ("aws/bedrock/cloudtrail-events.json", "call", 3, {"platform": "bedrock_mantle", "resource": "proj_example1"}),
            ("aws/logs/filter-log-events.response.page1.json", "call", 3, {"platform": "bedrock", "duration_nano": 640000000}),
            ("discovery/aws_cloudtrail_lookup_events_page.json", "audit", 2, {"action": "bedrock:putmodelinvocationloggingconfiguration"})):
        code, out, err = trefoil("normalize", f"tests/data/{file}")
        lines = [json.loads(line) for line in out.splitlines()]
        good = [r for r in lines if r["record"] == record]
        one = [r for r in good if all(r.get(k) == v for k, v in fields.items())]
        tap.ok(code == 0 and len(good) == number and one and all(r["cloud"] == "aws" for r in lines) and "terse" not in out and "Count to" not in out,
               f"normalize {file}: {number} {record} records, one is {fields}", out[:900] + err)


def normalize_in_a_pipe():
    pipe = subprocess.run(f"cat {DATA}/synthetic_storage_requestresponse.jsonl | {BUILD}/trefoil normalize | head -n 1",
                          shell=True, capture_output=True, text=True, timeout=60)
    lines = pipe.stdout.splitlines()
    tap.ok(len(lines) == 1 and json.loads(lines[0])["record"] == "call" and not pipe.stderr, "normalize in a pipe",
           pipe.stdout + pipe.stderr)
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/records.jsonl"
        code, out, err = trefoil("normalize", "-o", target, f"{DATA}/synthetic_eventhub_audit.json")
        with open(target) as f:
            tap.ok(code == 0 and not out and json.loads(f.readline())["record"] == "audit", "normalize -o writes the file", err)
    if os.path.exists("/dev/full"):
        code, out, err = trefoil("normalize", "-o", "/dev/full", f"{DATA}/synthetic_eventhub_audit.json")
        tap.ok(code == 1 and "No space left" in err, "normalize: a full disk is a failure", f"{code} {err}")


def normalize_what_is_packed():
    with open(f"{DATA}/synthetic_storage_requestresponse.jsonl", "rb") as f:
        rows = f.read()
    with tempfile.TemporaryDirectory() as folder:
        packed = f"{folder}/rows.jsonl.gz"

        def put(data):
            with open(packed, "wb") as f:
                f.write(data)
            return trefoil("normalize", packed)

        plain = trefoil("normalize", f"{DATA}/synthetic_storage_requestresponse.jsonl")[1]
        observed = re.compile('"observed":"[^"]*",')
        code, out, err = put(gzip.compress(rows))
        tap.ok(code == 0 and plain and observed.sub("", out) == observed.sub("", plain), "normalize: gzip is unpacked", err)
        code, out, err = put(gzip.compress(rows) + gzip.compress(rows))
        tap.ok(code == 0 and len(out.splitlines()) == 2 * len(plain.splitlines()), "normalize: gzip of several members", err)
        code, out, err = put(gzip.compress(rows)[:-9])
        tap.ok(code == 1 and not out and err == f"trefoil: {packed}: gzip: damaged or cut off\n", "normalize: gzip cut off", err)


def bad_files():
    with tempfile.TemporaryDirectory() as folder:
        bad = f"{folder}/bad"
        with open(f"{DATA}/synthetic_storage_requestresponse.jsonl") as f:
            rows = f.read().splitlines()
        with open(f"{DATA}/synthetic_loganalytics_azurediagnostics.json") as f:
            answer = f.read()

        def put(text):
            with open(bad, "w") as f:
                f.write(text)
            return trefoil("normalize", bad)

        code, out, err = put("\n".join([rows[0], '{"broken', *rows[1:]]))
        tap.ok(f'{bad}: record 2: malformed: "{{\\"broken"' in err and len(out.splitlines()) == len(rows),
               "normalize: the bad record is told with its place, its neighbours are read", out[:300] + err)
        code, out, err = put(answer[:len(answer) // 2])
        tap.ok(code == 1 and not out and err.startswith(f"trefoil: {bad}: log analytics: json:"),
               "normalize: an answer that is cut off", f"{code} {out[:200]} {err}")
        code, out, err = put('{"something": "else"}')
        tap.ok(code == 1 and "the format is not recognized; name it with --from (" in err and "azure-loganalytics" in err,
               "normalize: an unknown format, and what there is", err)
        code, out, err = put('{"timeSeries":[{"metric":{"type":"compute.googleapis.com/instance/cpu"},"resource":{"type":"gce_instance"},"points":[]}]}')
        tap.ok(code == 0 and not out and err == f"{bad}: read as gcp-timeseries: nothing in it is about these models\n",
               "normalize: what is not about our models is told, not passed over", f"{code} {out} {err}")
        code, out, err = trefoil("normalize", f"{folder}/none")
        tap.ok(code == 1 and err == f"trefoil: {folder}/none: No such file or directory\n", "normalize: no such file", err)
        code, out, err = trefoil("normalize", "--form", "auto")
        tap.ok(code == 2 and "did you mean --from" in err, "normalize: a mistyped flag is wrong usage", f"{code} {err}")


# ---- explain ----

def written(key):
    return key[0] + "{" + ",".join(f"{k}={json.dumps(v)}" for k, v in sorted(key[1])) + "}"


def counters(world):
    return {k: v for k, v in world.metrics().items() if k[0].startswith("genai_") and k[0].endswith("_total")}


def still(world):
    """The counters when two scrapes in a row are one: the clouds have fallen silent."""
    last = {}

    def same():
        now = counters(world)
        equal = now == last and any(now.values())
        last.clear()
        last.update(now)
        return equal
    wait_for(same, 20, "the counters come to rest")
    return last


def billed(world):
    return {k: v for k, v in world.metrics().items() if k[0] == "genai_billed_cost" and v}


def explain_the_bill(journal, shown):
    """A day of the bill, digit by digit. Which day it is the journal's last frame says, as the page did."""
    key = max(shown, key=shown.get)
    without = [(label, "") for label in ("model", "direction") if label not in dict(key[1])]  # what is for no model
    code, out, err = trefoil("explain", journal, written((key[0], key[1] | frozenset(without))))
    end = re.search(r"^billed: (\S+) for the day from \d{4}-\d\d-\d\dT00:00:00Z$", out, flags=re.M)
    steps = [decimal.Decimal(m) for m in re.findall(r"cell  0  ([+-]\S+)  = ", out)]
    tap.ok(code == 0 and end and decimal.Decimal(end.group(1)) == shown[key], f"explain genai_billed_cost: {shown[key]}", out[-500:] + err)
    tap.ok(len(steps) > 0 and sum(steps) == shown[key], f"explain genai_billed_cost: its {len(steps)} steps add up to it", out[-500:] + err)
    code, out, err = trefoil("explain", journal, "genai_billed_cost")
    tap.ok(code == 1 and "series match" in err and out.count('day_offset="') > 1, "explain genai_billed_cost: days are told apart", out[:500] + err)


def explain(world):
    journal = f"--storage.path={world.dir}/data"
    wait_for(lambda: len({k[0] for k, v in counters(world).items() if v > 0}) >= 5, 30, "counters of five families")
    wait_for(lambda: len(billed(world)) > 1, 60, "something is billed")
    world.sim.stop()
    shown = still(world)
    explain_the_bill(journal, billed(world))
    largest = {}
    for key, value in shown.items():
        if value > shown.get(largest.get(key[0]), 0):
            largest[key[0]] = key
    for family, key in sorted(largest.items()):
        code, out, err = trefoil("explain", journal, written(key))
        end = re.search(r"^cell 0: value (\S+), shown (\S+)$", out, flags=re.M)
        sums = [float(m) for m in re.findall(r"cell  0  ([+-]\S+)  = ", out)]
        tap.ok(code == 0 and end and float(end.group(2)) == shown[key], f"explain {family}: /metrics and the journal say {shown[key]:.0f}",
               out[-500:] + err)
        tap.ok(len(sums) > 0 and sum(sums) == shown[key], f"explain {family}: its {len(sums)} steps add up to it", out[-500:] + err)
    tap.ok(len(largest) >= 5, f"explain: {len(largest)} families")
    code, out, err = trefoil("explain", f"--config.file={world.config}", "genai_tokens_total{direction=\"input\"}")
    matches = [line for line in out.splitlines() if line.startswith("genai_tokens_total{") and 'direction="input"' in line]
    tap.ok(code == 1 and len(matches) > 1 and "series match: add labels until one is left" in err,
           f"explain: an ambiguous series lists its {len(matches)} matches", out[:500] + err)
    code, out, err = trefoil("explain", journal, 'genai_tokens_total{direction="sideways"}')
    tap.ok(code == 1 and "no such series in the journal" in err, "explain: a series that is not there", err)
    code, out, err = trefoil("explain", journal, "genai_nonsense_total")
    tap.ok(code == 1 and "genai_nonsense_total: no family" in err, "explain: a family that is not there", err)
    code, out, err = trefoil("explain", f"--storage.path={world.dir}/nowhere", "genai_tokens_total")
    tap.ok(code == 1 and "nowhere" in err and not os.path.exists(f"{world.dir}/nowhere"),
           "explain: a directory that is not there is named, and not made", err)
    pipe = subprocess.run(f"{BUILD}/trefoil explain {journal} genai_tokens_total | head -n 1", shell=True, capture_output=True,
                          text=True, timeout=60)
    tap.ok(pipe.stdout.startswith("genai_tokens_total{") and pipe.stdout.count("\n") == 1, "explain in a pipe", pipe.stderr)


normalize()
normalize_aws()
normalize_in_a_pipe()
normalize_what_is_packed()
bad_files()
w = World(seed=5, speed=120, duration="4h", history="2h", cpm=60, more=("--origin", "2026-11-20T09:00:00Z"))  # far from a midnight
try:
    w.start()
    w.wait_ready()
    explain(w)
except Exception as e:
    tap.ok(False, f"{type(e).__name__}: {e}", w.trefoil.tail() if w.trefoil else "")
finally:
    w.close(keep=tap.failed != 0)
tap.done()
