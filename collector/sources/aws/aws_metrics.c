/*
 * The metrics of one place, both planes, in as few calls as there can be.
 *
 * A request asks for one span of minutes, holds at most 500 entries and is paid by metric, not by minute: so all series
 * that are read over the same span go together, and the look-back is free. A series that this process has not read up to
 * the window's start (new, or listed again after a rest) is read back three hours, or to the discovery before the one
 * that showed it: CloudWatch lists new series up to 15 minutes late, and lists what was active in the last three hours.
 *
 * An answer counts when it is whole. InvalidNextToken starts the same question again.
 *
 * A control read asks for hours, and for what counters are made of alone. Series that were active then may rest since, so it
 * lists all that there are, not those that discovery holds.
 */
#include "collector/base/clock.h"
#include "collector/ledger/ledger.h"
#include "collector/sources/aws/aws_state.h"

enum { BACK_H = 3, LATE_LISTED_MIN = 20, PAGES_MAX = 200, RESTARTS_MAX = 3 };

struct reading {
    struct aws_reader *r;
    struct aws_place *p;
    const struct aws_finding *f;
    const struct aws_series *series;
    size_t n_series;
    enum aws_asking asking;
    struct aws_metric_context c;
    struct frame *out;
    int64_t from, to, back; /* the window's span; how far unread series are read back */
};

/* ---- one question ---- */

static int64_t price_units(const struct aws_query *q)
{
    int64_t n = 0;

    for (size_t i = 0; i < q->n_series; i++)
        n += aws_price_units(&aws_metrics[q->series[i]->metric], q->asking);
    return n;
}

static enum err_code read_pages(struct reading *g, const struct aws_query *q, struct aws_answer *a, struct err *e)
{
    sv next = SV_NONE, before;

    for (int page = 1; page <= PAGES_MAX; page++) {
        json root = { 0 };
        enum err_code code;

        buf_clear(&g->r->body);
        aws_body_metric_data(&g->r->body, q, next);
        code = aws_ask(g->r, AWS_API_GET_METRIC_DATA, g->c.account, g->c.region, price_units(q), &root, e);
        before = next;
        code = code ? code : aws_decode_metric_data(root, a, &next, e);
        if (code)
            return page == 1 ? code : err_wrap(e, "page %d", page);
        if (next.len == 0)
            return ERR_OK;
        if (sv_eq(next, before))
            return err_set(e, ERR_PARSE, "page %d: NextToken repeats itself", page);
    }
    return err_set(e, ERR_LIMIT, "more than %d pages", PAGES_MAX);
}

static enum err_code ask(struct reading *g, const struct aws_query *q, struct err *e)
{
    enum err_code code = ERR_OK;
    struct aws_answer a;

    for (int i = 0; i < RESTARTS_MAX; i++) {
        code = aws_answer_init(&a, g->r->arena, q, e);
        code = code ? code : read_pages(g, q, &a, e);
        if (code != ERR_REFUSED || !aws_said(g->r, "InvalidNextToken"))
            break;
    }
    code = code ? code : aws_answer_whole(&a, e);
    return code ? code : aws_emit_answer(&a, &g->c, g->out, e);
}

/* ---- all series ---- */

static bool is_behind(const struct reading *g, const struct aws_series *s)
{
    return aws_read_to(g->p, s->hash) < g->from;
}

static bool is_read(const struct reading *g, const struct aws_series *s, bool behind)
{
    return aws_stats(&aws_metrics[s->metric], g->asking) && (g->asking == AWS_CONTROL || is_behind(g, s) == behind);
}

/* Series that are behind, or those that are not, over [from, to); of a control read all. */
static enum err_code read_group(struct reading *g, bool behind, int64_t from, int64_t to, struct err *e)
{
    const struct aws_series **at = ARENA_ARRAY(g->r->arena, const struct aws_series *, AWS_ENTRIES_MAX);
    struct aws_query q = { .series = at, .asking = g->asking, .from_unix_nano = from, .to_unix_nano = to };
    enum err_code code = at ? ERR_OK : err_set(e, ERR_LIMIT, "no room for a question");
    unsigned entries = 0;

    for (size_t i = 0; i < g->n_series && code == ERR_OK; i++) {
        const struct aws_series *s = &g->series[i];
        unsigned n = aws_entries(&aws_metrics[s->metric], q.asking);

        if (!is_read(g, s, behind))
            continue;
        if (entries + n > AWS_ENTRIES_MAX) {
            code = ask(g, &q, e);
            q.n_series = entries = 0;
        }
        at[q.n_series++] = s;
        entries += n;
    }
    return code == ERR_OK && q.n_series ? ask(g, &q, e) : code;
}

static sv scope_of(const struct reading *g)
{
    return arena_printf(g->r->arena, "account:%s/%s", g->p->account, g->p->region);
}

/* Minutes that were read without them, and the window's own. Holes are windows of their own, and may be days long. */
static enum err_code read_behind(struct reading *g, struct err *e)
{
    const struct source_env *env = &g->r->s->env;
    sv scope = scope_of(g);
    enum err_code code = scope.at ? ERR_OK : err_set(e, ERR_LIMIT, "no room for a scope");
    int64_t at = g->back;
    struct window hole;

    while (code == ERR_OK && env->ledger && at < g->from &&
           ledger_first_hole(env->ledger, env->id, scope, SV("metrics"), at, g->from, &hole)) {
        int64_t end = clock_floor(hole.from_unix_nano, NANO_PER_MIN);

        if (end > at)
            code = read_group(g, true, at, end, e);
        at = clock_floor(hole.to_unix_nano + NANO_PER_MIN - 1, NANO_PER_MIN);
    }
    return code ? code : read_group(g, true, at < g->from ? at : g->from, g->to, e);
}

/* A frame that could not be written (a full disk, one too large) took along what series were read back. */
static void forget_lost(struct reading *g)
{
    const struct source_env *env = &g->r->s->env;
    struct aws_place *p = g->p;
    sv scope = scope_of(g);
    struct window hole;

    if (p->last_to && env->ledger && scope.at &&
        ledger_first_hole(env->ledger, env->id, scope, SV("metrics"), p->last_from, p->last_to, &hole))
        aws_read_to_lost(p, p->last_to);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A process that starts anew knows by the ledger which series were read before: their holes are the runner's to plan. */
static enum err_code learn_known(struct reading *g, struct err *e)
{
    struct ledger *l = g->r->s->env.ledger;
    struct frame *scratch = NULL;

    for (size_t i = 0; l && i < g->f->n_series; i++) {
        const struct aws_series *s = &g->f->series[i];
        uint64_t key;

        if (aws_read_to(g->p, s->hash))
            continue;
        scratch = scratch ? scratch : frame_new(g->r->arena, g->c.source, SV("known"));
        key = scratch ? aws_series_key(s, &g->c, scratch) : 0;
        if (!key || (ledger_has_native(l, key) && !aws_read_to_set(g->p, s->hash, g->from)))
            return err_set(e, ERR_LIMIT, "no room for another series");
    }
    return ERR_OK;
}

/* Not further than counting began, nor than minutes are kept. */
static int64_t how_far_back(const struct reading *g)
{
    const struct source_env *env = &g->r->s->env;
    int64_t began = env->ledger ? ledger_count_from(env->ledger, env->id) : 0;
    int64_t back = g->to - BACK_H * NANO_PER_H;

    if (g->f->before_unix_nano)
        back = earlier(back, g->f->before_unix_nano - LATE_LISTED_MIN * NANO_PER_MIN);
    if (back < g->to - AWS_METRICS_DAYS * 24 * NANO_PER_H)
        back = g->to - AWS_METRICS_DAYS * 24 * NANO_PER_H;
    back = clock_floor(back > began ? back : began, NANO_PER_MIN);
    return earlier(back, g->from);
}

static enum err_code read_hours(struct reading *g, struct err *e)
{
    struct items all = { .arena = g->r->arena };
    enum err_code code = aws_list_series(g->r, g->p, &g->f->profiles, &all, e);

    g->series = all.at;
    g->n_series = all.n;
    g->asking = AWS_CONTROL;
    return code ? code : read_group(g, false, g->from, g->to, e);
}

static enum err_code read_minutes(struct reading *g, struct err *e)
{
    const struct aws_finding *f = g->f;
    struct aws_place *p = g->p;
    enum err_code code;

    g->series = f->series;
    g->n_series = f->n_series;
    g->asking = g->r->s->cfg->metrics.maximum ? AWS_MAXIMUM : AWS_USUAL;
    g->back = how_far_back(g);
    forget_lost(g);
    code = learn_known(g, e);
    code = code ? code : read_group(g, false, g->from, g->to, e);
    code = code ? code : read_behind(g, e);
    for (size_t i = 0; i < f->n_series && code == ERR_OK; i++)
        if (!aws_read_to_set(p, f->series[i].hash, g->to))
            code = err_set(e, ERR_LIMIT, "no room for another series");
    if (code == ERR_OK) {
        p->last_from = g->from;
        p->last_to = g->to;
    }
    return code;
}

enum err_code aws_poll_metrics(struct aws_reader *r, struct aws_place *p, struct window *w, struct frame *out,
                               struct err *e)
{
    struct aws_finding *f = aws_finding_hold(r->s, p);
    struct reading g = { .r = r, .p = p, .f = f, .out = out, .from = w->from_unix_nano, .to = w->to_unix_nano };
    enum err_code code;

    if (!f)
        return err_set(e, ERR_INTERNAL, "no discovery before the first poll");
    w->read_at_unix_nano = source_server_now(&r->s->env);
    g.c = (struct aws_metric_context){ .source = r->s->env.id,
                                       .account = sv_of(p->account),
                                       .region = sv_of(p->region),
                                       .observed_unix_nano = w->read_at_unix_nano,
                                       .profiles = &f->profiles,
                                       .invocations = (enum aws_invocations)r->s->cfg->metrics.invocations };
    code = w->control ? read_hours(&g, e) : read_minutes(&g, e);
    aws_finding_drop(f);
    return code;
}
