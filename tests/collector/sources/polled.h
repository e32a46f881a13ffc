/*
 * A source under test, polled without a runner: its jobs, one window, what came of it.
 */
#ifndef TESTS_SOURCES_POLLED_H
#define TESTS_SOURCES_POLLED_H

#include "collector/base/clock.h"
#include "collector/sources/source.h"
#include "collector/sources/stats.h"

#include "tests/tap.h"

struct polled {
    const struct source_ops *ops;
    struct source_env env;
    struct source *source;
    struct arena jobs_memory, memory;
    struct job_list jobs;
    struct window window; /* of the last poll */
    struct frame *frame;
    struct err e;
};

/* The defaults of an empty section; their strings are constants. */
static inline bool polled_defaults(const struct source_ops *ops, void *config)
{
    struct config_file file = { 0 };
    struct err e = { 0 };
    bool good = config_parse(&file, "test", SV("{}"), &e) == ERR_OK &&
                config_bind(&file, NULL, ops->name, ops->options, config, &e) == ERR_OK;

    if (!good)
        printf("# %s\n", e.text);
    config_done(&file);
    return good;
}

static inline bool polled_open(struct polled *p, const struct source_ops *ops, const void *config)
{
    *p = (struct polled){ .ops = ops };
    p->env = (struct source_env){ .id = sv_of(ops->name), .limits = rate_limits_new(), .stats = source_stats_new() };
    arena_init(&p->jobs_memory, 0);
    arena_init(&p->memory, 0);
    p->source = ops->open(config, &p->env, &p->e);
    if (!p->source)
        printf("# %s\n", p->e.text);
    return p->source != NULL;
}

static inline void polled_close(struct polled *p)
{
    if (p->source)
        p->ops->close(p->source);
    rate_limits_free(p->env.limits);
    source_stats_free(p->env.stats);
    arena_done(&p->jobs_memory);
    arena_done(&p->memory);
}

/* Asks for the jobs anew; how many. */
static inline size_t polled_jobs(struct polled *p)
{
    arena_reset(&p->jobs_memory);
    p->jobs = (struct job_list){ .arena = &p->jobs_memory };
    if (p->ops->jobs(p->source, &p->jobs, &p->e))
        printf("# jobs: %s\n", p->e.text);
    return p->jobs.n;
}

static inline const struct source_job *polled_job(const struct polled *p, const char *scope, const char *group)
{
    for (size_t i = 0; i < p->jobs.n; i++)
        if (sv_eq(p->jobs.at[i].scope, sv_of(scope)) && sv_eq(p->jobs.at[i].group, sv_of(group)))
            return &p->jobs.at[i];
    return NULL;
}

/* The five minutes that ended ten minutes ago. */
static inline enum err_code polled_poll(struct polled *p, const char *scope, const char *group)
{
    const struct source_job *job = polled_job(p, scope, group);
    int64_t to = clock_floor(clock_now(), NANO_PER_MIN) - 10 * NANO_PER_MIN;

    p->window = (struct window){ .from_unix_nano = to - 5 * NANO_PER_MIN, .to_unix_nano = to };
    p->e = (struct err){ 0 };
    arena_reset(&p->memory);
    p->frame = frame_new(&p->memory, p->env.id, sv_of(scope));
    if (!job) {
        printf("# no job %s %s\n", scope, group);
        return ERR_INTERNAL;
    }
    return p->ops->poll(p->source, job, &p->window, p->frame, &p->e);
}

static inline bool polled_says(const struct polled *p, const char *part)
{
    bool says = sv_has(sv_of(p->e.text), sv_of(part));

    if (!says)
        printf("# says: %s\n", p->e.text);
    return says;
}

/* Measures of this name and model (NULL: any). */
static inline size_t polled_count(const struct polled *p, const char *name, const char *model)
{
    size_t n = 0;

    for (const struct batch *b = p->frame->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            n += (!name || sv_eq(batch_sv(b, b->measures[i].name), sv_of(name))) &&
                 (!model || sv_eq(batch_sv(b, b->measures[i].model), sv_of(model)));
    return n;
}

/* ---- What check finds ---- */

struct polled_lines {
    struct check_report report;
    char text[16384]; /* "STATE what | remedy\n" */
    size_t used;
    int n[3]; /* by state */
};

static inline void polled_line(struct check_report *r, enum check_state s, const char *what, const char *remedy)
{
    struct polled_lines *l = r->ctx;
    static const char *const names[] = { "ok", "warn", "failed" };
    int n = snprintf(l->text + l->used, sizeof l->text - l->used, "%s %s | %s\n", names[s], what, remedy ? remedy : "");

    l->used += n > 0 && (size_t)n < sizeof l->text - l->used ? (size_t)n : 0;
    l->n[s]++;
}

static inline enum err_code polled_check(struct polled *p, struct polled_lines *l)
{
    *l = (struct polled_lines){ .report = { .line = polled_line } };
    l->report.ctx = l;
    p->e = (struct err){ 0 };
    return p->ops->check(p->source, &l->report, &p->e);
}

static inline bool polled_told(const struct polled_lines *l, const char *part)
{
    bool told = sv_has(sv_of(l->text), sv_of(part));

    if (!told)
        printf("# not told: %s in\n# %s\n", part, l->text);
    return told;
}

#endif
