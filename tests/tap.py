"""TAP for tests that read the tree."""
import sys

count = failed = 0


def ok(what, wrong):
    """A point that holds when the list `wrong` is empty; what is in it goes to stderr, where prove shows it."""
    global count, failed
    count += 1
    failed += bool(wrong)
    print(f"{'not ' if wrong else ''}ok {count} - {what}", flush=True)
    for line in wrong:
        print(f"#   {line}", file=sys.stderr, flush=True)


def done():
    print(f"1..{count}")
    sys.exit(failed != 0)
