/*
 * What each identity used in each minute. A call is known to the books some seconds after it was made, or, if it is
 * late, any time up to half an hour after its minute. A revised minute shows its last call twice until it is put right.
 * With --control-late a share of calls and of minutes does so for hours and days.
 * Final sums are cached (bounded); what is not final yet is made anew for the instant that is asked about.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"
#include "tests/cloudsim/story.h"

enum { CACHE_SLOTS = 1 << 14, PROMPT_S = 20 };

struct openai_workload {
    const struct openai_world *world;
    struct sim_options options;
    double rate; /* calls a minute of one share */
    int64_t first, last;
    struct minute_cache *cache;
};

struct use {
    int64_t known; /* when the books know it */
    unsigned variant;
    struct openai_cell cell;
};

struct openai_workload *openai_workload_new(const struct openai_world *w, const struct sim_options *o,
                                            double calls_per_minute, int64_t first, int64_t last)
{
    struct openai_workload *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    *l = (struct openai_workload){ .world = w,
                                   .rate = w->shares > 0 ? calls_per_minute / w->shares : 0,
                                   .options = *o,
                                   .first = first,
                                   .last = last,
                                   .cache = minute_cache_new(CACHE_SLOTS) };
    if (l->cache)
        return l;
    free(l);
    return NULL;
}

void openai_workload_free(struct openai_workload *l)
{
    if (!l)
        return;
    minute_cache_free(l->cache);
    free(l);
}

static uint64_t tokens(struct rng *r, double median)
{
    return 1 + (uint64_t)rng_lognormal(r, median, 0.9);
}

/* A part of `whole`, which is what remains. */
static uint64_t split(struct rng *r, uint64_t *whole, double chance, double share)
{
    uint64_t part = rng_unit(r) < chance ? (uint64_t)((double)*whole * share * rng_unit(r)) : 0;

    *whole -= part;
    return part;
}

/* Modalities that a model does not tell of, it does not have; caching it has all the same. */
static void complete(struct rng *r, const struct openai_stream *st, struct use *u)
{
    uint64_t input = tokens(r, 900), output = tokens(r, 250), cached;
    bool parts = openai_tells(st) & TELLS_PARTS;
    uint64_t *f = u->cell.f;

    u->variant = (unsigned)(rng_unit(r) < 0.7 ? 0 : rng_below(r, OPENAI_VARIANTS));
    f[FIG_INPUT] = input;
    f[FIG_OUTPUT] = output;
    f[FIG_CACHE_WRITE] = openai_tells(st) & TELLS_CACHE_WRITE ? split(r, &input, 0.3, 0.4) : 0;
    cached = split(r, &input, 0.5, 0.8);
    f[FIG_CACHED_AUDIO] = parts ? split(r, &cached, 0.05, 0.5) : 0;
    f[FIG_CACHED_IMAGE] = parts ? split(r, &cached, 0.05, 0.5) : 0;
    f[FIG_CACHED_TEXT] = cached;
    f[FIG_AUDIO] = parts ? split(r, &input, 0.08, 0.6) : 0;
    f[FIG_IMAGE] = parts ? split(r, &input, 0.08, 0.6) : 0;
    f[FIG_TEXT] = input;
    f[FIG_OUT_AUDIO] = parts ? split(r, &output, 0.06, 0.9) : 0;
    f[FIG_OUT_IMAGE] = parts ? split(r, &output, 0.03, 0.9) : 0;
    f[FIG_OUT_TEXT] = output;
}

static void make_use(const struct openai_workload *l, const struct openai_stream *st, int64_t minute, struct rng *r,
                     struct use *u)
{
    int64_t end = (minute + 1) * NANO_PER_MIN, at = minute * NANO_PER_MIN + (int64_t)rng_below(r, 60) * NANO_PER_S;
    double delay = rng_unit(r), late = rng_unit(r);
    int64_t very_late = control_settles(&l->options, r->s, end);

    *u = (struct use){ .known = at + (int64_t)(delay * PROMPT_S * 1e9) };
    if (late < l->options.late)
        u->known = end + (int64_t)(delay * OPENAI_USAGE_FINAL_S * 1e9);
    if (very_late)
        u->known = very_late;
    u->cell.f[FIG_REQUESTS] = 1;
    switch (st->kind) {
    case OPENAI_COMPLETIONS:
        complete(r, st, u);
        break;
    case OPENAI_EMBEDDINGS:
    case OPENAI_MODERATIONS:
        u->cell.f[FIG_INPUT] = u->cell.f[FIG_TEXT] = tokens(r, 400);
        break;
    case OPENAI_IMAGES:
        u->variant = (unsigned)rng_below(r, OPENAI_VARIANTS);
        u->cell.f[FIG_UNITS] = 1 + rng_below(r, 4);
        break;
    case OPENAI_SPEECHES:
        u->cell.f[FIG_UNITS] = tokens(r, 600);
        break;
    case OPENAI_TRANSCRIPTIONS:
        u->cell.f[FIG_UNITS] = tokens(r, 90);
        break;
    case OPENAI_WEB_SEARCHES:
        u->variant = (unsigned)rng_below(r, 3);
        u->cell.f[FIG_UNITS] = 1 + rng_below(r, 3);
        break;
    case OPENAI_FILE_SEARCHES:
        u->variant = (unsigned)rng_below(r, OPENAI_STORES);
        u->cell.f[FIG_UNITS] = 1;
        break;
    case OPENAI_SESSIONS:
        u->cell.f[FIG_UNITS] = 1;
        break;
    case OPENAI_STORAGE:
    case OPENAI_KINDS:
        break;
    }
}

static void add(struct openai_cell *out, const struct use *u)
{
    for (unsigned i = 0; i < OPENAI_FIGURES; i++)
        out[u->variant].f[i] += u->cell.f[i];
}

/* When a minute that is shown too high is put right; 0: it never is too high. */
static int64_t revised_until(const struct openai_workload *l, const struct openai_stream *st, int64_t minute)
{
    uint64_t h = rng_name(rng_name(st->stream, 'r'), (uint64_t)minute);
    int64_t very_late = control_settles(&l->options, h, (minute + 1) * NANO_PER_MIN);

    if (very_late)
        return very_late;
    if (rng_as_unit(h) >= l->options.revise)
        return 0;
    return (minute + 1) * NANO_PER_MIN + (int64_t)(rng_as_unit(rng_mix(h + 1)) * OPENAI_USAGE_FINAL_S * 1e9);
}

static void sum_minute(const struct openai_workload *l, const struct openai_stream *st, int64_t minute, int64_t now,
                       struct openai_cell *out)
{
    struct rng r = { rng_name(rng_name(st->stream, 'c'), (uint64_t)minute) };
    uint32_t n = rng_poisson(&r, l->rate * st->share * workload_rhythm(minute));
    struct use u = { .known = INT64_MAX };

    for (uint32_t i = 0; i < n; i++) {
        make_use(l, st, minute, &r, &u);
        if (u.known <= now)
            add(out, &u);
    }
    if (u.known <= now && now < revised_until(l, st, minute))
        add(out, &u);
}

/* What all that is ever known of a minute adds up to. */
static struct cached *build(void *workload, unsigned stream, int64_t minute)
{
    struct openai_workload *l = workload;
    struct openai_minute *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->cached = (struct cached){ .place = stream, .minute = minute, .refs = 1 };
    sum_minute(l, &l->world->streams[stream], minute, INT64_MAX, m->at);
    return &m->cached;
}

void openai_usage_of(struct openai_workload *l, const struct openai_stream *st, int64_t minute, int64_t now,
                     struct openai_cell *out)
{
    int64_t final_s = l->options.control_late > 0 ? CONTROL_FINAL_S : OPENAI_USAGE_FINAL_S;
    struct openai_minute *m;

    if (minute < l->first || minute >= l->last || minute * 60 >= l->world->projects[st->project].archived_s)
        return;
    if (now < (minute + 1) * NANO_PER_MIN + final_s * NANO_PER_S) {
        sum_minute(l, st, minute, now, out);
        return;
    }
    m = (struct openai_minute *)minute_cache_get(l->cache, st->index, minute, build, l);
    for (unsigned v = 0; m && v < OPENAI_VARIANTS; v++)
        for (unsigned i = 0; i < OPENAI_FIGURES; i++)
            out[v].f[i] += m->at[v].f[i];
    cached_unref(m ? &m->cached : NULL);
}

uint64_t openai_stored_bytes(const struct openai_workload *l, unsigned project, int64_t hour)
{
    const struct openai_project *p = &l->world->projects[project];
    uint64_t base = (1 + p->stream % 40) << 28, h = rng_name(rng_name(p->stream, 'b'), (uint64_t)hour);

    if (hour * 60 + 59 < l->first || hour * 60 >= l->last || hour * 3600 >= p->archived_s)
        return 0;
    return base + h % (base / 8);
}
