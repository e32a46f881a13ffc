/* A source for tests: one job, whose poll does what the test says. Counts and windows are recorded. */
#ifndef TESTS_FAKE_SOURCE_H
#define TESTS_FAKE_SOURCE_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/base/clock.h"
#include "collector/core/runner.h"
#include "collector/model/key.h"

struct fake {
    struct source base;
    struct source_job job;
    enum err_code (*answer)(struct fake *f, struct window *w, struct frame *out, struct err *e);
    struct window last;
    _Atomic unsigned polls;
};

static const struct rule fake_rules[] = {
    { .platform = PLATFORM_AZURE_OPENAI,
      .theirs = SVT("Requests"),
      .ours = SVT("genai_requests_total"),
      .stat = SVT("value"),
      .weight = 1 },
};

static inline enum err_code fake_jobs(struct source *self, struct job_list *out, struct err *e)
{
    struct source_job *j = job_list_add(out);

    if (!j)
        return err_set(e, ERR_LIMIT, "fake: no memory for a job");
    *j = ((struct fake *)self)->job;
    return ERR_OK;
}

static inline enum err_code fake_poll(struct source *self, const struct source_job *job, struct window *w,
                                      struct frame *out, struct err *e)
{
    struct fake *f = (struct fake *)self;

    (void)job;
    f->polls++;
    f->last = *w;
    return f->answer ? f->answer(f, w, out, e) : ERR_OK;
}

static const struct source_ops fake_ops = {
    .name = "fake", .rules = fake_rules, .n_rules = 1, .jobs = fake_jobs, .poll = fake_poll
};

/* One request in each minute of the window. */
static inline enum err_code fake_one_a_minute(struct fake *f, struct window *w, struct frame *out, struct err *e)
{
    struct batch *b = frame_add_batch(out);

    (void)f;
    if (!b)
        return err_set(e, ERR_LIMIT, "fake: frame is full");
    b->origin = (struct origin){ .cloud = CLOUD_AZURE,
                                 .platform = PLATFORM_AZURE_OPENAI,
                                 .resource_id = batch_sym(b, SV("/r")) };
    for (int64_t t = w->from_unix_nano; t < w->to_unix_nano; t += NANO_PER_MIN) {
        struct measure *m = batch_add_measure(b);

        if (!m)
            return err_set(e, ERR_LIMIT, "fake: frame is full");
        m->series = key_series(b, PLATFORM_AZURE_OPENAI, SV("/r"), SV("Requests"), NULL, 0);
        m->key = key_measure(m->series, t);
        m->name = batch_sym(b, SV("Requests"));
        m->start_unix_nano = t;
        m->end_unix_nano = t + NANO_PER_MIN;
        m->value = 1;
        out->tally.received++;
    }
    return ERR_OK;
}

static inline void fake_init(struct fake *f, struct instance *in, const char *id)
{
    *f = (struct fake){ .base = { .ops = &fake_ops, .env = &in->env } };
    f->job = (struct source_job){ .kind = JOB_WINDOWED,
                                  .scope = SV("s"),
                                  .group = SV("g"),
                                  .signal = SV("metrics"),
                                  .interval_ms = 60000,
                                  .delay_ms = 180000,
                                  .grain_ms = 60000,
                                  .lookback_ms = 1800000,
                                  .settle_ms = 600000,
                                  .span_max_ms = 6 * 3600000 };
    *in = (struct instance){ .ops = &fake_ops,
                             .source = &f->base,
                             .env = { .id = sv_of(id) },
                             .stats = source_stats_new(),
                             .initial_window_ms = 3600000 };
    in->env.stats = in->stats;
}

static inline struct spine *fake_spine(char dir[32], const struct policy *p)
{
    struct err e = { 0 };
    struct spine *s;

    strcpy(dir, "/tmp/trefoil-core-XXXXXX");
    if (!mkdtemp(dir))
        return NULL;
    s = spine_open(&(struct spine_options){ .dir = dir }, &e);
    if (s)
        spine_set_policy(s, p);
    return s;
}

static inline void fake_remove(const char *dir)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        puts("# could not remove the test's folder");
}

static inline int64_t fake_total(struct ledger *l)
{
    int64_t sum = 0;

    ledger_read_lock(l);
    for (size_t i = 0; i < ledger_series_count(l); i++) {
        struct series_view v;

        ledger_series(l, i, &v, NULL);
        sum += v.value ? v.value[0] : 0;
    }
    ledger_read_unlock(l);
    return sum;
}

#endif
