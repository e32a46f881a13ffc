/* Entries are found minute by minute from the calls; nothing is stored. */
#include "tests/cloudsim/aws/aws_entries.h"

#include <stdlib.h>

/* A record is timed at the end of its call, which may be minutes after the call's own minute. */
enum { CALL_MIN = 6 };

static void add(struct aws_entry_list *l, const struct aws_entry *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        struct aws_entry *more = cap <= ENTRIES_MAX * 2 ? realloc(l->at, cap * sizeof *more) : NULL;

        l->failed |= !more;
        if (!more)
            return;
        l->at = more;
        l->cap = cap;
    }
    l->at[l->n++] = *e;
}

struct search {
    struct sim *sim;
    const struct aws_place *place;
    unsigned kinds;
    int64_t from, to, now;
    struct aws_entry_list *out;
};

static void offer(const struct search *f, const struct aws_entry *e)
{
    if (f->kinds >> e->kind & 1 && e->visible && e->visible <= f->now && e->at >= f->from && e->at <= f->to)
        add(f->out, e);
}

/* CloudTrail knows whole seconds. */
static int64_t second_of(int64_t at)
{
    return at / NANO_PER_S * NANO_PER_S;
}

static void offer_call(const struct search *f, const struct aws_deployment *d, const struct aws_call *c,
                       struct aws_entry e)
{
    enum aws_logging logging = f->place->logging;

    if (d->plane == AWS_RUNTIME && (logging == AWS_LOG_GROUP || logging == AWS_LOG_BOTH)) {
        e.kind = ENTRY_RECORD;
        e.at = c->at + c->latency_ms * NANO_PER_MS;
        e.visible = c->logged_at;
        offer(f, &e);
    }
    if (d->plane == AWS_MANTLE && !f->place->trail_data)
        return;
    e.kind = d->plane == AWS_MANTLE ? ENTRY_DATA : ENTRY_INFERENCE;
    e.at = second_of(c->at);
    e.visible = c->trailed_at;
    offer(f, &e);
}

static void search_calls(const struct search *f, unsigned deployment, int64_t minute)
{
    const struct aws_deployment *d = &aws_of(f->sim)->world.deployments[deployment];
    const struct aws_minute *m;

    if (minute < aws_workload_first(aws_of(f->sim)->workload) || minute >= aws_workload_last(aws_of(f->sim)->workload))
        return;
    m = aws_minute(aws_of(f->sim)->workload, deployment, minute);
    f->out->failed |= !m;
    for (uint32_t k = 0; m && k < m->n; k++)
        offer_call(f, d, &m->calls[k], (struct aws_entry){ .deployment = deployment, .minute = minute, .k = k });
    aws_minute_unref(m);
}

static void search_events(const struct search *f, int64_t minute)
{
    struct aws_event events[AWS_EVENTS_MAX];
    unsigned n = aws_events(&aws_of(f->sim)->world, aws_of(f->sim)->workload, f->place->index, minute, events);

    for (unsigned i = 0; i < n; i++)
        offer(
            f,
            &(struct aws_entry){
                .at = events[i].at, .visible = events[i].visible, .kind = ENTRY_MANAGEMENT, .minute = minute, .k = i });
}

static int in_order(const void *x, const void *y)
{
    const struct aws_entry *a = x, *b = y;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->deployment != b->deployment)
        return a->deployment < b->deployment ? -1 : 1;
    return (a->k > b->k) - (a->k < b->k);
}

/* Minutes worth looking at; the workload's own bounds keep a request for all of time short. */
static void clamp(const struct search *f, int64_t *first, int64_t *last)
{
    int64_t begin = aws_workload_first(aws_of(f->sim)->workload), end = f->now / NANO_PER_MIN + 1;

    *first = f->from / NANO_PER_MIN - CALL_MIN;
    *last = f->to / NANO_PER_MIN + 1;
    *first = *first < begin ? begin : *first;
    *last = *last > end ? end : *last;
}

void aws_entries_find(struct sim *s, const struct aws_place *place, unsigned kinds, int64_t from, int64_t to,
                      int64_t now, struct aws_entry_list *out)
{
    struct search f = { s, place, kinds, from, to, now, out };
    int64_t first, last;

    *out = (struct aws_entry_list){ .n = 0 };
    if (!place)
        return;
    clamp(&f, &first, &last);
    for (int64_t m = first; m < last; m++) {
        for (unsigned i = 0; kinds & ~(1U << ENTRY_MANAGEMENT) && i < place->n_deployments; i++)
            search_calls(&f, place->first_deployment + i, m);
        if (kinds >> ENTRY_MANAGEMENT & 1)
            search_events(&f, m);
    }
    if (out->n)
        qsort(out->at, out->n, sizeof out->at[0], in_order);
}

void aws_entries_free(struct aws_entry_list *l)
{
    free(l->at);
}

bool aws_entry_open(struct sim *s, const struct aws_place *place, const struct aws_entry *e, struct aws_entry_view *out)
{
    struct aws_event events[AWS_EVENTS_MAX];
    const struct aws_minute *m;

    *out = (struct aws_entry_view){ .entry = e, .place = place, .account = &aws_of(s)->world.accounts[place->account] };
    if (e->kind == ENTRY_MANAGEMENT) {
        aws_events(&aws_of(s)->world, aws_of(s)->workload, place->index, e->minute, events);
        out->event = events[e->k];
        return true;
    }
    out->deployment = &aws_of(s)->world.deployments[e->deployment];
    m = aws_minute(aws_of(s)->workload, e->deployment, e->minute);
    if (!m)
        return false;
    out->call = m->calls[e->k];
    aws_minute_unref(m);
    return true;
}
