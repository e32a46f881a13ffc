/* Rows of logs for ledger tests. */
#ifndef TESTS_LOG_FIXTURE_H
#define TESTS_LOG_FIXTURE_H

#include <stdlib.h>
#include <unistd.h>

#include "tests/collector/ledger/ledger_fixture.h"
#include "tests/tap.h"

/* A row of the call `id`; `row` tells rows of one call apart. */
static inline struct call *fixture_call(struct batch *b, sv log, sv id, sv deployment, int64_t arrival, uint64_t row)
{
    struct call *c = batch_add_call(b);

    c->key = key_call(log, SV("/s1/acc"), id, row);
    c->call_key = key_of_call(SV("/s1/acc"), id);
    c->time_unix_nano = arrival - NANO_PER_MIN;
    c->arrival_unix_nano = arrival;
    c->log = batch_sym(b, log);
    c->operation = batch_sym(b, SV("chat"));
    c->deployment = batch_sym(b, deployment);
    c->model = deployment.len ? batch_sym(b, SV("gpt-5-mini")) : 0;
    c->outcome = OUTCOME_SUCCESS;
    return c;
}

/* Minutes after T0; `decide` 0: its envelopes wait, none is decided. */
static inline struct frame *fixture_log_frame(struct arena *a, int from, int to, int decide)
{
    struct frame *f = fixture_frame(a, T0 + from * NANO_PER_MIN, T0 + to * NANO_PER_MIN);

    f->windows[0].decide_to_unix_nano = decide ? T0 + decide * NANO_PER_MIN : 1;
    return f;
}

/* What a restart makes of it: frees `from`. */
static inline struct ledger *fixture_restart(struct ledger *from)
{
    char dir[] = "/tmp/trefoil-test-XXXXXX", path[64];
    struct ledger *to = ledger_new(NULL);
    struct buf cursor;
    bool found = false;
    struct err e = { 0 };

    buf_init(&cursor, 256);
    OK(mkdtemp(dir) != NULL);
    OK(ledger_snapshot_write(from, dir, SV("cursor"), &e) == ERR_OK);
    OK(ledger_snapshot_read(to, dir, &cursor, &found, &e) == ERR_OK && found && sv_eq(buf_sv(&cursor), SV("cursor")));
    snprintf(path, sizeof path, "%s/ledger.snapshot", dir);
    unlink(path);
    rmdir(dir);
    buf_done(&cursor);
    ledger_free(from);
    return to;
}

/* A fresh ledger with the fixture's mapping, that counts from T0 on. */
static inline struct ledger *fixture_ledger(struct arena *a)
{
    struct ledger *l = ledger_new(NULL);
    struct frame *f = fixture_frame(a, T0, T0);

    fixture_mapping(f, 0);
    fixture_epoch(f, EPOCH_COUNT_FROM, 0, SV("az"), arena_printf(a, "%lld", (long long)T0));
    ledger_fold(l, f);
    return l;
}

/* What the daemon says of limits. */
static inline void fixture_limits(struct ledger *l, struct arena *a, const char *value)
{
    struct frame *f = frame_new(a, SV("trefoil"), SV("limits"));

    fixture_epoch(f, EPOCH_LIMITS, 0, SV(""), sv_of(value));
    ledger_fold(l, f);
}

#endif
