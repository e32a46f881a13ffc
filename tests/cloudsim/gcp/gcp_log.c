/* Finding entries. Receipt is at most 5 min after the timestamp, so bounds of the one are bounds of the other. */
#include "tests/cloudsim/gcp/gcp_log.h"

#include <stdlib.h>

#include "tests/cloudsim/rng.h"

/* An entry may be timed minutes after its call's own minute. */
enum { LAST_MIN = 6 };
#define LATEST_RECEIPT_NS (5 * NANO_PER_MIN)

struct search {
    struct sim *sim;
    const struct gcp *gcp;
    const struct gcp_project *project;
    const struct gcp_entry_span *span;
    struct gcp_entry_list *out;
};

static void add(struct gcp_entry_list *l, const struct gcp_entry *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        struct gcp_entry *more = cap <= GCP_ENTRIES_MAX * 2 ? realloc(l->at, cap * sizeof *more) : NULL;

        l->failed |= !more;
        if (!more)
            return;
        l->at = more;
        l->cap = cap;
    }
    l->at[l->n++] = *e;
}

static void offer(const struct search *f, struct gcp_entry e, const struct gcp_times *t, enum gcp_entry_kind kind,
                  uint64_t id)
{
    const struct gcp_entry_span *s = f->span;

    if (!t->at || t->visible > s->now || t->at < s->from || t->at > s->to || t->received < s->received_from ||
        t->received > s->received_to)
        return;
    e.t = *t;
    e.kind = kind;
    e.project = f->project->index;
    e.insert_id = rng_name(id, kind);
    add(f->out, &e);
}

static void search_calls(const struct search *f, unsigned deployment, int64_t minute)
{
    const struct gcp_minute *m = gcp_minute(f->gcp->workload, deployment, minute);

    for (uint32_t k = 0; m && k < m->n; k++) {
        const struct gcp_call *c = &m->calls[k];
        struct gcp_entry e = { .deployment = deployment, .minute = minute, .k = k };

        if ((int)c->caller == f->project->exempted)
            continue;
        offer(f, e, &c->first, GCP_ENTRY_FIRST, c->id_hi);
        offer(f, e, &c->last, GCP_ENTRY_CALL, c->id_hi);
    }
    gcp_minute_unref(m);
}

static void search_noise(const struct search *f, int64_t minute)
{
    struct gcp_event events[GCP_EVENTS_MAX];
    unsigned n = gcp_noise(&f->gcp->world, f->gcp->workload, f->project->index, minute, events);

    for (unsigned i = 0; i < n; i++)
        if ((int)events[i].caller != f->project->exempted)
            offer(f, (struct gcp_entry){ .minute = minute, .k = i }, &events[i].last, GCP_ENTRY_NOISE, events[i].id_hi);
}

static void search_events(const struct search *f, int64_t minute)
{
    struct gcp_event events[GCP_EVENTS_MAX];
    unsigned n = gcp_events(&f->gcp->world, f->gcp->workload, f->project->index, minute, events);

    for (unsigned i = 0; i < n; i++) {
        struct gcp_entry e = { .minute = minute, .k = i };

        offer(f, e, &events[i].first, GCP_ENTRY_BEGUN, events[i].id_hi);
        offer(f, e, &events[i].last, GCP_ENTRY_DONE, events[i].id_hi);
    }
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void gcp_entries_find(struct sim *s, const struct gcp_project *p, unsigned logs, const struct gcp_entry_span *span,
                      struct gcp_entry_list *out)
{
    struct search f = { s, gcp_of(s), p, span, out };
    int64_t from = larger(span->from, span->received_from - LATEST_RECEIPT_NS),
            to = smaller(span->to, smaller(span->received_to, span->now));
    int64_t first = larger(from / NANO_PER_MIN - LAST_MIN, gcp_workload_first(f.gcp->workload)),
            last = smaller(to / NANO_PER_MIN + 1, gcp_workload_last(f.gcp->workload));

    for (int64_t m = first; m < last; m++) {
        for (unsigned i = 0; logs & GCP_DATA_ACCESS && p->logs && i < p->n_deployments; i++)
            search_calls(&f, p->first_deployment + i, m);
        if (logs & GCP_DATA_ACCESS)
            search_noise(&f, m);
        if (logs & GCP_ACTIVITY)
            search_events(&f, m);
    }
}

static int in_order(const void *x, const void *y)
{
    const struct gcp_entry *a = x, *b = y;

    if (a->t.at != b->t.at)
        return a->t.at < b->t.at ? -1 : 1;
    return (a->insert_id > b->insert_id) - (a->insert_id < b->insert_id);
}

void gcp_entries_sort(struct gcp_entry_list *l)
{
    size_t kept = 0;

    if (!l->n)
        return;
    qsort(l->at, l->n, sizeof l->at[0], in_order);
    for (size_t i = 1; i < l->n; i++)
        if (in_order(&l->at[kept], &l->at[i]))
            l->at[++kept] = l->at[i];
    l->n = kept + 1;
}

void gcp_entries_free(struct gcp_entry_list *l)
{
    free(l->at);
}
