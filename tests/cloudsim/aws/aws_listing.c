/*
 * Which series have had a datapoint: for each deployment, metric and variant (all calls, a pair of tiers, long context)
 * the first and the last minute with a sample. Minutes are looked at once, as time goes on. The levels above a
 * deployment are the earliest and latest of those below.
 */
#include <pthread.h>
#include <stdlib.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/aws/aws_metric.h"
#include "tests/cloudsim/rng.h"

enum {
    VARIANT_ALL,
    VARIANT_TIERS = 1,
    VARIANT_LONG = VARIANT_TIERS + AWS_TIERS * AWS_TIERS,
    VARIANTS,
    LISTED_WITHIN_S = 14 * 60,
    RECENT_MIN = 180,
    RECENT_TOLERANCE_MIN = 50,
};

struct seen {
    int64_t first, last; /* minutes; last 0: never */
};
struct presence {
    int64_t scanned; /* minutes before are known; 0: none yet */
    struct seen seen[AWS_METRICS][VARIANTS];
};
struct aws_listing {
    pthread_mutex_t lock;
    unsigned n;
    struct presence *of; /* by deployment, guarded by lock */
};

struct aws_listing *aws_listing_new(unsigned deployments)
{
    struct aws_listing *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->n = deployments;
    l->of = calloc((size_t)deployments + 1, sizeof *l->of);
    if (!l->of) {
        free(l);
        return NULL;
    }
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void aws_listing_free(struct aws_listing *l)
{
    if (!l)
        return;
    free(l->of);
    free(l);
}

static void mark(struct seen *s, int64_t minute)
{
    if (!s->last)
        s->first = minute;
    s->last = minute;
}

static void look_at(const struct sim *s, const struct aws_deployment *d, const struct aws_call *c, int64_t minute,
                    struct presence *p)
{
    for (unsigned i = 0; i < AWS_METRICS; i++) {
        if (aws_metrics[i].plane != d->plane || !(aws_figure_of(s, d, c, aws_metrics[i].figure) > 0))
            continue;
        mark(&p->seen[i][VARIANT_ALL], minute);
        if (c->tier_served < AWS_TIERS)
            mark(&p->seen[i][VARIANT_TIERS + c->tier * AWS_TIERS + c->tier_served], minute);
        if (c->long_context)
            mark(&p->seen[i][VARIANT_LONG], minute);
    }
}

static bool scan(struct sim *s, const struct aws_deployment *d, struct presence *p, int64_t until)
{
    int64_t first = aws_workload_first(aws_of(s)->workload), last = aws_workload_last(aws_of(s)->workload);
    int64_t number = p->scanned > first ? p->scanned : first;

    for (; number < until && number < last; number++) {
        const struct aws_minute *m = aws_minute(aws_of(s)->workload, d->index, number);

        if (!m)
            return false;
        for (uint32_t k = 0; k < m->n; k++)
            look_at(s, d, &m->calls[k], number, p);
        aws_minute_unref(m);
    }
    p->scanned = number;
    return true;
}

static bool same_series(const struct aws_series *a, const struct aws_series *b)
{
    return a->metric == b->metric && a->level == b->level && sv_eq(a->model, b->model) &&
           sv_eq(a->project, b->project) && a->tier == b->tier && a->served == b->served;
}

struct row {
    struct aws_series series;
    struct seen seen;
};
struct rows {
    struct row *at;
    size_t n, cap;
};

static bool add_row(struct arena *a, struct rows *rows, const struct aws_series *series, const struct seen *seen)
{
    struct row *more;

    if (!seen->last)
        return true;
    for (size_t i = 0; i < rows->n; i++) {
        struct seen *old = &rows->at[i].seen;

        if (!same_series(&rows->at[i].series, series))
            continue;
        old->first = seen->first < old->first ? seen->first : old->first;
        old->last = seen->last > old->last ? seen->last : old->last;
        return true;
    }
    more = arena_grow(a, rows->at, rows->n, &rows->cap, sizeof *more);
    if (!more)
        return false;
    rows->at = more;
    rows->at[rows->n++] = (struct row){ *series, *seen };
    return true;
}

/* The series of one metric that a deployment has a part in. */
static bool add_levels(struct arena *a, struct rows *rows, const struct aws_place *place,
                       const struct aws_deployment *d, unsigned metric, const struct seen seen[VARIANTS])
{
    bool good = true;

    for (unsigned level = 0; level < AWS_LEVELS; level++) {
        struct aws_series s = { .metric = &aws_metrics[metric], .place = place, .level = (enum aws_level)level };

        if (!(s.metric->levels >> level & 1))
            continue;
        s.model = level == LEVEL_NONE || level == LEVEL_PROJECT ? SV_NONE : d->model_id;
        s.project = level == LEVEL_PROJECT || level == LEVEL_PAIR ? d->project : SV_NONE;
        if (level != LEVEL_TIERS) {
            good = good && add_row(a, rows, &s, &seen[level == LEVEL_CONTEXT ? VARIANT_LONG : VARIANT_ALL]);
            continue;
        }
        for (unsigned t = 0; t < AWS_TIERS * AWS_TIERS; t++) {
            s.tier = t / AWS_TIERS;
            s.served = t % AWS_TIERS;
            good = good && add_row(a, rows, &s, &seen[VARIANT_TIERS + t]);
        }
    }
    return good;
}

static bool listed(const struct row *r, int64_t now, bool recent)
{
    uint64_t h = hash_part(hash_part(hash64(sv_of(r->series.metric->name)), r->series.model), r->series.project);
    int64_t delay, tolerance;

    h = rng_name(rng_name(r->series.place->stream, h), r->series.level * 64 + r->series.tier * 8 + r->series.served);
    delay = (int64_t)(60 + h % (LISTED_WITHIN_S - 60)) * NANO_PER_S;
    tolerance = (int64_t)(rng_mix(h) % RECENT_TOLERANCE_MIN);
    if (now < (r->seen.first + 1) * NANO_PER_MIN + delay)
        return false;
    return !recent || (r->seen.last + 1 + RECENT_MIN + tolerance) * NANO_PER_MIN >= now;
}

static bool collect(struct sim *s, const struct aws_place *place, int64_t now, struct arena *a, struct rows *rows)
{
    bool good = true;

    for (unsigned i = 0; i < AWS_METRICS && good; i++) {
        for (unsigned k = 0; k < place->n_deployments && good; k++) {
            const struct aws_deployment *d = &aws_of(s)->world.deployments[place->first_deployment + k];
            struct presence *p = &aws_of(s)->listing->of[d->index];

            if (d->plane == aws_metrics[i].plane)
                good = scan(s, d, p, now / NANO_PER_MIN) && add_levels(a, rows, place, d, i, p->seen[i]);
        }
    }
    return good;
}

bool aws_listing_find(struct sim *s, const struct aws_place *place, int64_t now, bool recent, struct arena *a,
                      struct aws_series_list *out)
{
    struct rows rows = { .n = 0 };
    bool good;

    *out = (struct aws_series_list){ .n = 0 };
    pthread_mutex_lock(&aws_of(s)->listing->lock);
    good = collect(s, place, now, a, &rows);
    pthread_mutex_unlock(&aws_of(s)->listing->lock);
    out->at = ARENA_ARRAY(a, struct aws_series, rows.n + 1);
    if (!good || !out->at)
        return false;
    for (size_t i = 0; i < rows.n; i++)
        if (listed(&rows.at[i], now, recent))
            out->at[out->n++] = rows.at[i].series;
    return true;
}
