/*
 * Control reads: the cloud is asked once more, by the hour, long after the buckets of that hour were given up.
 *
 * Of each native series and hour the sum of what its buckets added so far is kept, cell by cell, until the last control read.
 * A control read is compared with it: the difference goes to the exposed series (less is a debt, as with any revision) and into the sum,
 * and is remembered as the hour's remainder. A bucket of that hour that changes later may be what the control read saw already: so
 * its change is first taken out of the remainder, as long as both have the same sign. What is wrong about that is right again with the next
 * control read, since the sum always says what the hour added, whoever added it; after the last one it is what the cloud said.
 *
 * Where buckets of an hour went to different series (a re-modelled deployment), differences go to the newest of them, and to
 * that one from then on. Where the rules or the authority changed within the hour, or counting began in it, or its sums are not known (written by
 * an older version, no room), it is not compared, and counted as such.
 *
 * Only what counts is compared: not gauges, not peaks, not figures that the control read does not tell.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/ledger/internal.h"

/* The first two find what comes within the day, by few hours at once so that it is seen soon. */
const struct control_age control_ages[CONTROL_AGES] = {
    { "1h", 1, 1 },
    { "6h", 6, 6 },
    { "24h", 24, 24 },
    { "72h", 72, 24 },
};

enum { HEAP_OVERHEAD = 16, FIGURES_MAX = CONTRIBUTIONS_MAX * HISTOGRAM_CELLS };

static uint32_t hour_of(int64_t unix_nano)
{
    return unix_nano > 0 ? (uint32_t)(unix_nano / NANO_PER_H) : 0;
}

/* ---- sums ---- */

static size_t bytes_of(unsigned words)
{
    return sizeof(struct hour_sum) + (words > 1 ? words * sizeof(int64_t) + HEAP_OVERHEAD : 0);
}

int64_t *hour_sum_words(struct hour_sum *s)
{
    return s->words > 1 ? s->many : &s->one;
}

static uint32_t position(const struct native *n, uint32_t hour)
{
    uint32_t at = n->n_sums;

    while (at > 0 && n->sums[at - 1].hour >= hour)
        at--; /* the newest as a rule */
    return at;
}

static struct hour_sum *find(const struct native *n, uint32_t hour)
{
    uint32_t at = position(n, hour);

    return at < n->n_sums && n->sums[at].hour == hour ? &n->sums[at] : NULL;
}

struct hour_sum *hour_sum_add(struct ledger *l, struct native *n, uint32_t hour, unsigned words)
{
    uint32_t at = position(n, hour);
    size_t cap = n->cap_sums;
    struct hour_sum *s;
    int64_t *many = NULL;

    if (l->sums_bytes + bytes_of(words) > l->sums_limit_bytes)
        return NULL;
    s = grow(n->sums, n->n_sums, &cap, sizeof *s);
    if (s)
        n->sums = s;
    if (s && words > 1)
        many = memory_zeroed(words, sizeof *many);
    if (!s || (words > 1 && !many))
        return NULL;
    n->cap_sums = (uint32_t)cap;
    s = &n->sums[at];
    memmove(s + 1, s, (n->n_sums - at) * sizeof *s);
    *s = (struct hour_sum){ .hour = hour, .generation = NOT_COUNTED, .words = (uint16_t)words };
    if (many)
        s->many = many;
    n->n_sums++;
    l->n_sums++;
    l->sums_bytes += bytes_of(words);
    return s;
}

/* Its words; it stays, and is not compared. */
static void drop_words(struct ledger *l, struct hour_sum *s)
{
    if (s->words > 1)
        free(s->many);
    l->sums_bytes -= bytes_of(s->words) - bytes_of(0);
    s->words = 0;
    s->generation = NOT_COUNTED;
}

/* The first `k`. */
static void drop_oldest(struct ledger *l, struct native *n, uint32_t k)
{
    for (uint32_t i = 0; i < k; i++) {
        drop_words(l, &n->sums[i]);
        l->sums_bytes -= bytes_of(0);
    }
    n->n_sums -= k;
    l->n_sums -= k;
    memmove(n->sums, n->sums + k, n->n_sums * sizeof *n->sums);
}

void control_done(struct ledger *l, struct native *n)
{
    if (n->n_sums)
        drop_oldest(l, n, n->n_sums);
    free(n->sums);
}

/* ---- what of a generation counts ---- */

static bool counts(const struct ledger *l, const struct contribution *c)
{
    return c->cells && c->series < l->series.n && families[l->series.at[c->series].family].type != FAMILY_PEAK;
}

unsigned control_width(const struct ledger *l, const struct generation *g)
{
    unsigned width = 0;

    for (unsigned i = 0; i < g->n_contributions; i++)
        width += counts(l, &g->to[i]) ? g->to[i].cells : 0;
    return width;
}

/* The k-th contribution that counts, NULL behind the last. */
static const struct contribution *counting(const struct ledger *l, const struct generation *g, unsigned k)
{
    for (unsigned i = 0; i < g->n_contributions; i++)
        if (counts(l, &g->to[i]) && k-- == 0)
            return &g->to[i];
    return NULL;
}

static uint16_t family_of(const struct ledger *l, const struct contribution *c)
{
    return l->series.at[c->series].family;
}

/* Whether the same figures count in the same order; the series may be others. */
static bool same_shape(const struct ledger *l, const struct generation *a, const struct generation *b)
{
    for (unsigned k = 0; a != b; k++) {
        const struct contribution *p = counting(l, a, k), *q = counting(l, b, k);

        if (!p || !q)
            return p == q;
        if (p->stat != q->stat || p->cells != q->cells || p->cell != q->cell || p->scale != q->scale ||
            family_of(l, p) != family_of(l, q))
            return false;
    }
    return true;
}

/* ---- buckets ---- */

bool control_follows(const struct ledger *l, const struct native *n, int64_t start)
{
    const struct coverage *c = n->coverage == UINT32_MAX ? NULL : &l->coverages[n->coverage];

    return c && c->controls && start >= c->final_to && start >= c->compared_from && hour_of(start) >= n->sums_lost_to;
}

static bool all_zero(const int64_t *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (v[i])
            return false;
    return true;
}

/* Hours from here back are not known whole any more. */
static void lose(struct ledger *l, struct native *n, uint32_t hour)
{
    uint32_t k = 0;

    n->sums_lost_to = hour + 1 > n->sums_lost_to ? hour + 1 : n->sums_lost_to;
    while (k < n->n_sums && n->sums[k].hour < n->sums_lost_to)
        k++;
    if (k)
        drop_oldest(l, n, k);
}

/* Takes back what control reads added to the hour: its buckets say what it is. */
static void give_back(struct fold *f, const struct native *n, struct hour_sum *s)
{
    const struct generation *g = &n->generations[s->generation];
    unsigned width = control_width(f->l, g), at = 0;
    const struct contribution *c;

    for (unsigned k = 0; s->words == 2 * width && (c = counting(f->l, g, k)); k++)
        for (unsigned i = 0; i < c->cells; i++, at++)
            series_add(f, c->series, c->cell + i, -hour_sum_words(s)[width + at]);
}

/* The hour's sum for a bucket of this generation; NULL when it is not to be kept, or cannot be. */
static struct hour_sum *sum_for(struct fold *f, struct native *n, int64_t start, uint16_t generation)
{
    struct ledger *l = f->l;
    struct hour_sum *s = find(n, hour_of(start));
    unsigned width = control_width(l, &n->generations[generation]);
    bool corrected;

    if (!s) {
        s = hour_sum_add(l, n, hour_of(start), width);
        if (s)
            s->generation = generation;
        else
            lose(l, n, hour_of(start));
        return s;
    }
    if (s->generation == NOT_COUNTED)
        return NULL;
    if (!same_shape(l, &n->generations[s->generation], &n->generations[generation])) {
        give_back(f, n, s);
        drop_words(l, s);
        return NULL;
    }
    corrected = s->words == 2 * width;
    if (!corrected && generation > s->generation)
        s->generation = generation;
    return s;
}

/* What of `delta` the remainder holds already. */
static int64_t seen_already(int64_t delta, int64_t remainder)
{
    if ((delta > 0) != (remainder > 0) || delta == 0)
        return 0;
    return llabs(delta) < llabs(remainder) ? delta : remainder;
}

void control_count(struct fold *f, struct native *n, int64_t start, uint16_t generation, const int64_t *deltas)
{
    const struct ledger *l = f->l;
    const struct generation *g = &n->generations[generation];
    struct hour_sum *s;
    const struct contribution *c;
    unsigned width, at = 0;

    if (!control_follows(l, n, start) || all_zero(deltas, g->width) || (width = control_width(l, g)) == 0)
        return;
    s = sum_for(f, n, start, generation);
    for (unsigned k = 0; s && (c = counting(l, g, k)); k++)
        for (unsigned i = 0; i < c->cells; i++, at++) {
            int64_t *sum = &hour_sum_words(s)[at];
            int64_t delta = deltas[c->at + i];
            int64_t seen = s->words == 2 * width ? seen_already(delta, sum[width]) : 0;

            *sum = sum_of(*sum, difference_of(delta, seen));
            if (!seen)
                continue;
            sum[width] -= seen;
            series_add(f, counting(l, &n->generations[s->generation], k)->series, c->cell + i, -seen);
        }
}

/* ---- control reads ---- */

static bool is_last(sv age)
{
    return sv_eq(age, sv_of(control_ages[CONTROL_AGES - 1].name));
}

/* "<group>#<age>" */
static sv plain_group(sv group, sv *age)
{
    size_t n = group.len;

    while (n > 0 && group.at[n - 1] != '#')
        n--;
    *age = sv_skip(group, n);
    return sv_first(group, n ? n - 1 : 0);
}

sv control_group(sv group, int age, char room[CONTROL_GROUP_MAX])
{
    int n = snprintf(room, CONTROL_GROUP_MAX, "%.*s#%s", (int)(group.len < 240 ? group.len : 240), group.at,
                     control_ages[age].name);

    return sv_make(room, (size_t)n);
}

static int64_t next_hour(int64_t unix_nano)
{
    return clock_floor(unix_nano + NANO_PER_H - 1, NANO_PER_H);
}

static void drop_all(struct ledger *l, uint32_t coverage)
{
    for (size_t i = 0; i < l->n_natives; i++)
        if (l->natives[i].coverage == coverage && l->natives[i].n_sums)
            drop_oldest(l, &l->natives[i], l->natives[i].n_sums);
}

/* Sums are kept from the first frame on that says so: of what was read before it is not known what it added. */
static void keep_sums(struct ledger *l, uint32_t coverage, bool keep)
{
    struct coverage *c = &l->coverages[coverage];

    if (keep && !c->controls)
        c->compared_from = next_hour(c->newest_to);
    else if (!keep && c->controls)
        drop_all(l, coverage);
    c->controls = keep;
}

void control_begin(struct fold *f, const struct window *w)
{
    sv age, plain;

    if (f->frame->lane != LANE_LIVE || f->coverage == UINT32_MAX)
        return;
    f->control = w->control;
    if (!f->control) {
        keep_sums(f->l, f->coverage, w->controls);
        return;
    }
    plain = plain_group(w->group, &age);
    f->plain = coverage_for(f->l, w->source, w->scope, plain, false);
    f->age = names_add(&f->l->names, age);
}

struct control_total *control_total_for(struct ledger *l, name_id source, name_id age, int family)
{
    struct control_total *t;

    for (size_t i = 0; i < l->n_controls; i++)
        if (l->controls[i].source == source && l->controls[i].age == age && l->controls[i].family == family)
            return &l->controls[i];
    t = grow(l->controls, l->n_controls, &l->cap_controls, sizeof *t);
    if (!t)
        return NULL;
    l->controls = t;
    t[l->n_controls] = (struct control_total){ .source = source, .age = age, .family = family };
    return &t[l->n_controls++];
}

static void note(struct fold *f, int family, int64_t difference)
{
    struct control_total *t = control_total_for(f->l, f->source->source, f->age, family);

    if (t && difference > 0)
        t->added = count_of(t->added, difference);
    else if (t)
        t->owed = count_of(t->owed, difference_of(0, difference));
}

static bool is_rounded(const struct family *family, unsigned cell)
{
    switch (family->type) {
    case FAMILY_SUMMARY:
        return cell == 0;
    case FAMILY_HISTOGRAM:
        return cell == HISTOGRAM_CELLS - 1;
    default:
        return family->digits > 0;
    }
}

/* Of histograms and summaries the counts are published: seconds are not to be added to them. */
static bool is_told(const struct family *family, unsigned cell)
{
    return family->type == FAMILY_COUNTER || !is_rounded(family, cell);
}

/* Sixty roundings are no difference: sums of seconds are made of doubles. */
static bool differs(const struct ledger *l, const struct contribution *c, unsigned i, int64_t was, int64_t is)
{
    double far = fabs((double)is - (double)was);

    return is_rounded(&families[family_of(l, c)], c->cell + i) ? far > 64 + fabs((double)is) * 0x1p-40 : is != was;
}

/* What a control read tells of the cells that count; where it tells nothing, what the hour added stands. */
static void tell(const struct ledger *l, const struct measure *m, const struct generation *g, const int64_t *sums,
                 int64_t *told)
{
    int64_t figures[FIGURES_MAX] = { 0 };
    const struct contribution *c;
    unsigned at = 0;

    for (unsigned k = 0; (c = counting(l, g, k)); k++)
        for (unsigned i = 0; i < c->cells; i++)
            figures[c->at + i] = sums ? sums[at++] : 0;
    measure_amounts(l, m, g, figures);
    at = 0;
    for (unsigned k = 0; (c = counting(l, g, k)); k++)
        for (unsigned i = 0; i < c->cells; i++)
            told[at++] = figures[c->at + i];
}

/* Makes room for remainders. False at the limit or without memory: then the hour cannot be compared. */
static bool make_corrected(struct ledger *l, struct hour_sum *s, unsigned width)
{
    int64_t *many;

    if (s->words == 2 * width)
        return true;
    many = l->sums_bytes + bytes_of(2 * width) > l->sums_limit_bytes ? NULL
                                                                     : memory_zeroed((size_t)2 * width, sizeof *many);
    if (!many)
        return false;
    memcpy(many, hour_sum_words(s), width * sizeof *many);
    if (s->words > 1)
        free(s->many);
    l->sums_bytes += bytes_of(2 * width) - bytes_of(s->words);
    s->words = (uint16_t)(2 * width);
    s->many = many;
    return true;
}

static void correct(struct fold *f, const struct native *n, struct hour_sum *s, const int64_t *told)
{
    const struct ledger *l = f->l;
    const struct generation *g = &n->generations[s->generation];
    unsigned width = control_width(l, g), at = 0;
    const struct contribution *c;

    for (unsigned k = 0; (c = counting(l, g, k)); k++)
        for (unsigned i = 0; i < c->cells; i++, at++) {
            int64_t *sum = &hour_sum_words(s)[at], difference = difference_of(told[at], *sum);

            if (!differs(l, c, i, *sum, told[at]))
                continue;
            series_add(f, c->series, c->cell + i, difference);
            *sum = sum_of(*sum, difference);
            sum[width] = sum_of(sum[width], difference);
            if (is_told(&families[family_of(l, c)], c->cell + i))
                note(f, family_of(l, c), difference);
        }
}

/* The hour's sum to compare with, made when nothing of it was ever counted. */
static struct hour_sum *sum_to_compare(struct fold *f, struct native *n, const struct measure *m)
{
    uint32_t hour = hour_of(m->start_unix_nano);
    struct hour_sum *s = find(n, hour);
    uint16_t generation = s ? s->generation : generation_for(f, n, m);

    if (s || generation == NOT_COUNTED)
        return s;
    s = hour_sum_add(f->l, n, hour, control_width(f->l, &n->generations[generation]));
    if (s)
        s->generation = generation;
    return s;
}

static bool is_whole_hour(const struct measure *m)
{
    return m->start_unix_nano > 0 && m->start_unix_nano % NANO_PER_H == 0 &&
           m->end_unix_nano == m->start_unix_nano + NANO_PER_H;
}

static bool compare(struct fold *f, const struct measure *m)
{
    int64_t told[FIGURES_MAX] = { 0 };
    struct ledger *l = f->l;
    struct native *n = native_add(l, m->series, f->plain);
    struct hour_sum *s;
    unsigned width;

    if (!n || n->coverage != f->plain || !control_follows(l, n, m->start_unix_nano))
        return false;
    s = sum_to_compare(f, n, m);
    if (!s || s->generation == NOT_COUNTED)
        return false;
    width = control_width(l, &n->generations[s->generation]);
    if (width == 0)
        return true;
    if (!make_corrected(l, s, width))
        return false;
    tell(l, m, &n->generations[s->generation], hour_sum_words(s), told);
    correct(f, n, s, told);
    return true;
}

void control_fold(struct fold *f, const struct measure *m)
{
    f->what = batch_sv(f->batch, m->name);
    f->bucket = m->start_unix_nano;
    if (m->kind == MEASURE_GAUGE)
        return;
    if (f->plain != UINT32_MAX && m->start_unix_nano < f->l->coverages[f->plain].final_to) {
        f->source->late++;
        f->source->late_buckets++;
        return;
    }
    if (f->plain == UINT32_MAX || !is_whole_hour(m) || m->start_unix_nano < f->source->count_from ||
        !measure_rules_hold(f, m) || !compare(f, m))
        f->source->hours_uncompared++;
}

/* Hours are settled for good by the last control read. */
void control_end(struct fold *f, const struct window *w)
{
    struct ledger *l = f->l;
    struct coverage *c = f->plain == UINT32_MAX ? NULL : &l->coverages[f->plain];

    if (!f->control || !c || w->to_unix_nano <= c->final_to || !is_last(names_sv(&l->names, f->age)))
        return;
    c->final_to = w->to_unix_nano;
    for (size_t i = 0; i < l->n_natives; i++) {
        struct native *n = &l->natives[i];
        uint32_t k = 0;

        while (n->coverage == f->plain && k < n->n_sums && n->sums[k].hour < hour_of(c->final_to))
            k++;
        if (k)
            drop_oldest(l, n, k);
    }
}

bool control_final(const struct ledger *l, const struct native *n, int64_t start)
{
    return n->coverage != UINT32_MAX && start < l->coverages[n->coverage].final_to;
}

bool control_waits(const struct ledger *l, const struct native *n)
{
    return n->n_sums || (n->coverage != UINT32_MAX && l->coverages[n->coverage].controls &&
                         n->sums_lost_to > hour_of(l->coverages[n->coverage].final_to));
}

/* ---- the filter ---- */

static bool says_nothing(const struct measure *m)
{
    const double figures[] = { m->value, m->sum, m->count };

    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        if (!isnan(figures[i]) && figures[i] != 0)
            return false;
    for (size_t i = 0; i < m->n_buckets; i++)
        if (m->buckets[i])
            return false;
    return true;
}

static bool same_sums(const struct ledger *l, const struct native *n, struct hour_sum *s, const struct measure *m)
{
    const struct generation *g = &n->generations[s->generation];
    int64_t told[FIGURES_MAX] = { 0 };
    const struct contribution *c;
    unsigned at = 0;

    tell(l, m, g, hour_sum_words(s), told);
    for (unsigned k = 0; (c = counting(l, g, k)); k++)
        for (unsigned i = 0; i < c->cells; i++, at++)
            if (differs(l, c, i, hour_sum_words(s)[at], told[at]))
                return false;
    return true;
}

static bool never_counts(const struct ledger *l, const struct native *n)
{
    for (uint32_t i = 0; i < n->n_generations; i++)
        if (control_width(l, &n->generations[i]))
            return false;
    return n->n_generations > 0;
}

bool control_known(const struct ledger *l, const struct measure *m)
{
    const struct native *n = native_find(l, m->series);
    struct hour_sum *s = n ? find(n, hour_of(m->start_unix_nano)) : NULL;

    if (m->kind == MEASURE_GAUGE)
        return true;
    if (s)
        return s->generation != NOT_COUNTED && same_sums(l, n, s, m);
    return says_nothing(m) || (n && never_counts(l, n));
}

/* ---- views ---- */

int64_t ledger_control_until(struct ledger *l, sv source, sv scope, sv group, int age)
{
    char name[CONTROL_GROUP_MAX];
    uint32_t n;
    int64_t until;

    ledger_read_lock(l);
    n = coverage_for(l, source, scope, control_group(group, age, name), false);
    until = n == UINT32_MAX ? 0 : l->coverages[n].newest_to;
    ledger_read_unlock(l);
    return until;
}

size_t ledger_control_count(const struct ledger *l)
{
    return l->n_controls;
}

void ledger_control(const struct ledger *l, size_t number, struct control_view *out)
{
    const struct control_total *t = &l->controls[number];

    *out = (struct control_view){ .source = names_sv(&l->names, t->source),
                                  .age = names_sv(&l->names, t->age),
                                  .family = t->family,
                                  .added = t->added,
                                  .owed = t->owed };
}
