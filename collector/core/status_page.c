/*
 * The page at /: plain HTML, one style sheet inside it, no script, no request to anywhere. It reads the same ledger as /metrics,
 * so it can never say something else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/core/status.h"

static const char style[] =
    "<style>:root{color-scheme:light dark;--line:#8884;--soft:#8882;--good:#1a7f37;--bad:#c62828;--wait:#9a6700}"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.3rem 0}"
    "div.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}"
    "th{font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "td.n,td.w{white-space:nowrap}td.id{overflow-wrap:anywhere;min-width:9rem}"
    "tr.told td{border-bottom:0}tr.why td{padding-top:0;color:var(--bad)}"
    "tr.why div{position:sticky;left:0;max-width:min(71rem,calc(100vw - 2.5rem));overflow-wrap:anywhere}"
    "@media(max-width:40rem){body{font-size:13px;margin:1rem auto}th,td{padding-right:.5rem}}"
    "tr.sum td{font-weight:600}.ok{color:var(--good)}.failing{color:var(--bad)}.new,.catching_up{color:var(--wait)}"
    "code{background:var(--soft);padding:.1rem .3rem;border-radius:3px}small{opacity:.75}</style>";

static void put_html(struct buf *b, sv s)
{
    for (size_t i = 0; i < s.len; i++)
        switch (s.at[i]) {
        case '<':
            buf_put(b, SV("&lt;"));
            break;
        case '>':
            buf_put(b, SV("&gt;"));
            break;
        case '&':
            buf_put(b, SV("&amp;"));
            break;
        case '"':
            buf_put(b, SV("&quot;"));
            break;
        default:
            buf_putc(b, s.at[i]);
        }
}

static void cell(struct buf *b, sv s)
{
    buf_put(b, SV("<td>"));
    put_html(b, s);
    buf_put(b, SV("</td>"));
}

/* 1234567 as 1 234 567, with thin spaces. */
static void count_cell(struct buf *b, int64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)v);

    buf_put(b, SV("<td class=n>"));
    for (int i = 0; i < n; i++) {
        buf_putc(b, digits[i]);
        if ((n - i) % 3 == 1 && i + 1 < n && digits[i] != '-')
            buf_put(b, SV("&#8239;"));
    }
    buf_put(b, SV("</td>"));
}

/* ---- traffic by cloud and model ---- */

/* What a platform does not tell has no series, and is left empty: unknown is not 0. */
enum figure { REQUESTS, THROTTLED, CLIENT_ERRORS, SERVER_ERRORS, INPUT, OUTPUT, FIGURES };

struct row {
    sv cloud, model;
    int64_t at[FIGURES];
    bool told[FIGURES];
};

static struct row *row_for(struct row *rows, size_t *n, sv cloud, sv model)
{
    for (size_t i = 0; i < *n; i++)
        if (sv_eq(rows[i].cloud, cloud) && sv_eq(rows[i].model, model))
            return &rows[i];
    rows[*n] = (struct row){ .cloud = cloud, .model = model };
    return &rows[(*n)++];
}

static void add_figure(struct row *r, enum figure f, int64_t v)
{
    r->at[f] += v;
    r->told[f] = true;
}

static void add(struct row *r, const struct series_view *v, const char *const labels[LABELS])
{
    static const struct {
        enum label label;
        sv value;
        enum figure figure;
    } columns[] = {
        { LABEL_OUTCOME, SVT("throttled"), THROTTLED },
        { LABEL_OUTCOME, SVT("client_error"), CLIENT_ERRORS },
        { LABEL_OUTCOME, SVT("server_error"), SERVER_ERRORS },
        { LABEL_DIRECTION, SVT("input"), INPUT },
        { LABEL_DIRECTION, SVT("output"), OUTPUT },
    };

    if (sv_eq(sv_of(families[v->family].name), SV("genai_requests_total")))
        add_figure(r, REQUESTS, v->shown[0]);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (labels[columns[i].label] && sv_eq(sv_of(labels[columns[i].label]), columns[i].value))
            add_figure(r, columns[i].figure, v->shown[0]);
}

static int by_cloud_and_requests(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int c = sv_cmp(x->cloud, y->cloud);

    return c ? c : (x->at[REQUESTS] < y->at[REQUESTS]) - (x->at[REQUESTS] > y->at[REQUESTS]);
}

static void put_row(struct buf *b, const struct row *r, sv model, sv class)
{
    buf_printf(b, "<tr%.*s>", SV_ARG(class));
    cell(b, r->cloud);
    cell(b, model);
    for (int f = 0; f < FIGURES; f++)
        if (r->told[f])
            count_cell(b, r->at[f]);
        else
            buf_put(b, SV("<td class=n></td>"));
    buf_put(b, SV("</tr>\n"));
}

/* All of one cloud, so that clouds stand side by side, then its models. How many rows it has. */
static size_t put_cloud(struct buf *b, const struct row *rows, size_t n)
{
    struct row sum = { .cloud = rows->cloud };
    size_t of = 0;

    for (; of < n && sv_eq(rows[of].cloud, rows->cloud); of++)
        for (int f = 0; f < FIGURES; f++)
            if (rows[of].told[f])
                add_figure(&sum, (enum figure)f, rows[of].at[f]);
    put_row(b, &sum, SV("all"), SV(" class=sum"));
    for (size_t i = 0; i < of; i++)
        put_row(b, &rows[i], rows[i].model.len ? rows[i].model : SV("(not told)"), SV(""));
    return of;
}

static void put_traffic(const struct status *s, struct buf *b, struct arena *a)
{
    struct ledger *l = spine_ledger(s->spine);
    int requests = family_find(SV("genai_requests_total")), tokens = family_find(SV("genai_tokens_total"));
    const char *labels[LABELS];
    struct series_view v;
    struct row *rows;
    size_t n = 0;

    buf_put(b, SV("<h2>Traffic</h2><p><small>What the counters show since counting began; empty: the platform does not "
                  "tell.</small></p><div "
                  "class=wide><table><tr>"
                  "<th>Cloud<th>Model<th class=n>Requests<th class=n>Throttled<th class=n>Client errors<th "
                  "class=n>Server errors"
                  "<th class=n>Input tokens<th class=n>Output tokens</tr>\n"));
    ledger_read_lock(l);
    rows = ARENA_ARRAY(a, struct row, ledger_series_count(l) + 1);
    for (size_t i = 0; rows && i < ledger_series_count(l); i++) {
        ledger_series(l, i, &v, labels);
        if (v.family == requests || v.family == tokens)
            add(row_for(rows, &n, sv_of(labels[LABEL_CLOUD]), sv_of(labels[LABEL_MODEL])), &v, labels);
    }
    if (rows)
        qsort(rows, n, sizeof *rows, by_cloud_and_requests);
    for (size_t i = 0; i < n;)
        i += put_cloud(b, &rows[i], n - i);
    ledger_read_unlock(l);
    buf_put(b, n ? SV("</table></div>\n") : SV("</table></div><p>Nothing counted yet.</p>\n"));
}

static void put_span(struct buf *b, int64_t s)
{
    if (s < 120)
        buf_printf(b, "%lld s", (long long)s);
    else if (s < 7200)
        buf_printf(b, "%lld min", (long long)(s / 60));
    else
        buf_printf(b, "%lld h", (long long)(s / 3600));
}

/* ---- services ---- */

/* The jobs of one source together. */
struct service {
    sv source, cloud;
    size_t jobs, failing, starting, catching_up;
    int64_t lag_ms, over_ms; /* of the job that is latest against what is expected of it */
};

static struct service *service_for(struct service *all, size_t *n, const struct task_view *t)
{
    for (size_t i = 0; i < *n; i++)
        if (sv_eq(all[i].source, t->source))
            return &all[i];
    all[*n] = (struct service){ .source = t->source, .cloud = t->cloud, .over_ms = INT64_MIN };
    return &all[(*n)++];
}

static void add_job(struct service *s, const struct task_view *t)
{
    const struct task_status *job = &t->status;
    int64_t lag_ms = status_lag(clock_now(), job->complete_until_unix_nano) / NANO_PER_MS;

    s->jobs++;
    s->failing += job->state == TASK_FAILING;
    s->starting += job->state == TASK_NEW;
    s->catching_up += job->state == TASK_CATCHING_UP;
    if (job->complete_until_unix_nano > 0 && lag_ms - t->expected_lag_ms > s->over_ms) {
        s->lag_ms = lag_ms;
        s->over_ms = lag_ms - t->expected_lag_ms;
    }
}

static void put_service(struct buf *b, const struct service *s)
{
    enum task_state state = s->failing       ? TASK_FAILING
                            : s->catching_up ? TASK_CATCHING_UP
                            : s->starting    ? TASK_NEW
                                             : TASK_OK;
    size_t ill = s->failing ? s->failing : s->catching_up ? s->catching_up : s->starting;

    buf_put(b, SV("<tr>"));
    cell(b, s->cloud);
    cell(b, s->source);
    buf_printf(b, "<td class=\"w %s\">%s", task_state_name(state), task_state_name(state));
    if (ill)
        buf_printf(b, ": %zu of %zu", ill, s->jobs);
    buf_put(b, SV("</td>"));
    count_cell(b, (int64_t)s->jobs);
    buf_printf(b, "<td class=\"n%s\">", s->over_ms > 0 ? " failing" : "");
    if (s->over_ms != INT64_MIN) {
        put_span(b, s->lag_ms / 1000);
        buf_put(b, SV(" of "));
        put_span(b, (s->lag_ms - s->over_ms) / 1000);
    }
    buf_put(b, SV("</td></tr>\n"));
}

static void put_services(struct buf *b, const struct task_view *tasks, size_t n_tasks, struct arena *a)
{
    struct service *all = ARENA_ARRAY(a, struct service, n_tasks + 1);
    size_t n = 0;

    for (size_t i = 0; all && i < n_tasks; i++)
        add_job(service_for(all, &n, &tasks[i]), &tasks[i]);
    buf_put(
        b,
        SV("<h2>Services</h2><p><small>Lag is that of the job which is latest, of what is expected of it.</small></p>"
           "<div class=wide><table><tr><th>Cloud<th>Source<th>State<th class=n>Jobs<th class=n>Lag</tr>\n"));
    for (size_t i = 0; i < n; i++)
        put_service(b, &all[i]);
    buf_put(b, n ? SV("</table></div>\n") : SV("</table></div><p>No job is known yet.</p>\n"));
}

/* ---- budgets ---- */

static void put_spending(struct buf *b, const char *unit, double spent, double limit)
{
    buf_printf(b, "<td class=n>%.6g", spent);
    if (limit > 0)
        buf_printf(b, " of %.6g %s (%.0f %%)", limit, unit, 100 * spent / limit);
    else
        buf_printf(b, " %s", unit);
    buf_put(b, SV("</td>"));
}

static void put_budgets(const struct status *s, const struct task_view *tasks, size_t n, struct buf *b)
{
    buf_put(b, SV("<h2>Spending</h2><p><small>What calls to the clouds cost in the last 24 hours, at list prices, of "
                  "what the source's budget allows; above it polling is stretched.</small></p><div "
                  "class=wide><table><tr><th>Source<th class=n>Calls<th class=n>Price<th class=n>Intervals "
                  "stretched</tr>\n"));
    for (size_t i = 0; i < s->n_instances; i++) {
        const struct instance *in = s->instances[i];
        struct budget_view v = scheduler_budget(spine_ledger(s->spine), in->env.id, tasks, n);

        buf_put(b, SV("<tr>"));
        cell(b, in->env.id);
        put_spending(b, "calls", v.calls, (double)in->budget.calls_per_day);
        put_spending(b, "USD", v.usd, in->budget.usd_per_day);
        if (v.stretch > 1)
            buf_printf(b, "<td class=\"n failing\">%.1f times</td>", v.stretch);
        else
            buf_put(b, SV("<td class=n>no</td>"));
        buf_put(b, SV("</tr>\n"));
    }
    buf_put(b, SV("</table></div>\n"));
}

/* ---- sources ---- */

static void put_rest(struct buf *b, const struct task_status *s)
{
    buf_put(b, SV("<br><small>"));
    put_span(b, s->backlog_nano / NANO_PER_S);
    buf_put(b, SV(" left"));
    if (s->catch_up_nano) {
        buf_put(b, SV(", about "));
        put_span(b, s->catch_up_nano / NANO_PER_S);
    }
    buf_put(b, SV("</small>"));
}

/* Up to where its hours were read once more, and how much later. */
static void put_controls(struct buf *b, const struct task_status *s)
{
    for (int age = 0; age < CONTROL_AGES; age++)
        if (s->control_until_unix_nano[age]) {
            buf_printf(b, "<br><small>again %s later: ", control_ages[age].name);
            buf_time(b, s->control_until_unix_nano[age], 0);
            buf_put(b, SV("</small>"));
        }
}

static void put_why(struct buf *b, const struct err *e)
{
    if (e->code == ERR_OK)
        return;
    buf_put(b, SV("<tr class=why><td colspan=6><div>"));
    put_html(b, sv_of(e->text));
    buf_put(b, SV("</div></td></tr>\n"));
}

static void put_job(struct buf *b, const struct task_view *t)
{
    const struct task_status *s = &t->status;
    int64_t now = clock_now();

    buf_put(b, s->error.code ? SV("<tr class=told>") : SV("<tr>"));
    buf_printf(b, "<td class=\"w %s\">%s%s", task_state_name(s->state), task_state_name(s->state),
               task_is_stuck(t) ? " (stuck)"
               : s->sick        ? " (sick)"
                                : "");
    if (s->state == TASK_CATCHING_UP)
        put_rest(b, s);
    buf_put(b, SV("</td>"));
    buf_put(b, SV("<td class=n>"));
    if (s->complete_until_unix_nano > 0)
        put_span(b, (now - s->complete_until_unix_nano) / NANO_PER_S);
    buf_put(b, SV("</td>"));
    cell(b, t->source);
    cell(b, t->group);
    buf_put(b, SV("<td class=id>"));
    put_html(b, t->scope);
    buf_put(b, SV("</td><td class=w>"));
    if (s->complete_until_unix_nano > 0)
        buf_time(b, s->complete_until_unix_nano, 0);
    put_controls(b, s);
    buf_put(b, SV("</td></tr>\n"));
    put_why(b, &s->error);
    put_why(b, &s->control_error);
}

static void put_sources(const struct status *s, const struct task_view *tasks, size_t n, struct buf *b)
{
    buf_put(b, SV("<h2>Sources</h2><div class=wide><table><tr><th>State<th class=n>Lag<th>Source<th>What<th>Scope"
                  "<th>Complete until</tr>\n"));
    for (size_t i = 0; i < n; i++)
        put_job(b, &tasks[i]);
    buf_put(b, n ? SV("</table></div>\n") : SV("</table></div><p>No job is known yet.</p>\n"));
    for (size_t i = 0; i < s->n_instances; i++)
        if (s->instances[i]->open_error.code) {
            buf_put(b, SV("<p class=failing>"));
            put_html(b, sv_of(s->instances[i]->open_error.text));
            buf_put(b, SV("</p>\n"));
        }
}

static void put_gap(struct buf *b, const struct gap_view *v)
{
    buf_put(b, SV("<tr>"));
    cell(b, v->source);
    cell(b, v->signal);
    cell(b, v->cause);
    buf_put(b, SV("<td class=n>"));
    put_span(b, v->nano / NANO_PER_S);
    buf_put(b, SV("</td><td class=w>"));
    buf_time(b, v->newest_from_unix_nano, 0);
    buf_put(b, SV(" to "));
    buf_time(b, v->newest_to_unix_nano, 0);
    buf_put(b, SV("</td></tr>\n"));
}

static void put_gaps(const struct status *s, struct buf *b)
{
    struct ledger *l = spine_ledger(s->spine);
    struct gap_view v;

    ledger_read_lock(l);
    if (ledger_gap_count(l))
        buf_put(b, SV("<h2>Gaps</h2><p><small>What was not told and never will be.</small></p><div class=wide><table>"
                      "<tr><th>Source<th>Signal<th>Cause<th class=n>Altogether<th>The newest</tr>\n"));
    for (size_t i = 0; i < ledger_gap_count(l); i++) {
        ledger_gap(l, i, &v);
        put_gap(b, &v);
    }
    if (ledger_gap_count(l))
        buf_put(b, SV("</table></div>\n"));
    ledger_read_unlock(l);
}

/* Only what is wrong. */
static void put_storage(const struct status *s, struct buf *b)
{
    struct journal_stats j;

    journal_stats(spine_journal(s->spine), &j);
    if (j.trouble[0]) {
        buf_put(b, SV("<h2>Storage</h2><p class=failing>Nothing new can be stored: "));
        put_html(b, sv_of(j.trouble));
        buf_put(b, SV("</p><p>What is stored is kept and shown; collecting goes on by itself when this ends.</p>\n"));
    }
    if (j.dropped_frames || j.missing_frames)
        buf_printf(b, "<p class=failing>Journal: %llu frames dropped unread to make room, %llu missing.</p>\n",
                   (unsigned long long)j.dropped_frames, (unsigned long long)j.missing_frames);
}

static void put_head(struct buf *out)
{
    buf_put(
        out,
        SV("<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,"
           "initial-scale=1\"><meta http-equiv=refresh content=10><title>Trefoil</title>"));
    buf_put(out, sv_of(style));
    buf_put(
        out,
        SV("</head><body><h1>Trefoil</h1><p>One view of the OpenAI models on several clouds. "
           "<a href=/metrics>/metrics</a> &middot; <a href=/api/v1/sources>/api/v1/sources</a> &middot; "
           "<a href=/-/healthy>healthy</a> &middot; <a href=/-/ready>ready</a></p><p><small>Version " TREFOIL_VERSION
           " (" TREFOIL_REVISION "), "));
    buf_time(out, clock_now(), 0);
    buf_put(out, SV("</small></p>\n"));
}

void status_page_replaying(const struct status *s, struct buf *out)
{
    struct spine_progress p = spine_progress(s->spine);

    put_head(out);
    buf_printf(out,
               "<h2>Starting</h2><p>Replaying %llu of %llu frames of the journal. Numbers are shown when all are "
               "read, since until then they would be too low.</p></body></html>\n",
               (unsigned long long)p.done, (unsigned long long)p.of);
}

void status_page(const struct status *s, struct buf *out)
{
    struct arena arena;
    struct task_view *tasks;
    size_t n = 0;

    arena_init(&arena, 64 << 20);
    tasks = s->scheduler ? scheduler_tasks(s->scheduler, &arena, &n) : NULL;
    put_head(out);
    put_storage(s, out);
    put_services(out, tasks, n, &arena);
    put_gaps(s, out);
    put_traffic(s, out, &arena);
    put_budgets(s, tasks, n, out);
    put_sources(s, tasks, n, out);
    buf_put(out, SV("</body></html>\n"));
    arena_done(&arena);
}
