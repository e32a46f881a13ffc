/*
 * entries.list. Candidates are found by the bounds that the filter joins with AND, rendered as JSON, and then the whole
 * filter is put to that JSON, so that any field can be asked for. A page token is where the search goes on among the
 * candidates of the first page's instant.
 *
 * Quirks: "empty entries with a nextPageToken is normal (the server ran out of search time)"; pages are shorter than
 * asked for; nothing at all is `{}`; without roles/logging.privateLogViewer Data Access entries are silently not there.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/gcp/gcp_api.h"
#include "tests/cloudsim/gcp/gcp_filter.h"
#include "tests/cloudsim/gcp/gcp_log.h"
#include "tests/cloudsim/gcp/gcp_page.h"
#include "tests/cloudsim/rng.h"

enum { NAMES_MAX = 100, PAGE_DEFAULT = 50, PAGE_MOST = 1000, EMPTY_ONE_IN = 8, LOOKED_AT_MOST = 20000 };

/* ---- views ---- */

static const struct view {
    const char *bucket, *name;
    unsigned logs;
} views[] = {
    { "_Default", "_AllLogs", GCP_DATA_ACCESS },
    { "_Default", "_Default", 0 }, /* "everything except Data Access logs", which is nothing of what we play */
    { "_Default", GCP_LOG_VIEW, GCP_DATA_ACCESS },
    { "_Required", "_AllLogs", GCP_ACTIVITY },
};
enum { VIEWS = sizeof views / sizeof views[0] };

static const struct view *view_named(sv location, sv bucket, sv name)
{
    for (unsigned i = 0; sv_eq(location, SV("global")) && i < VIEWS; i++)
        if (sv_eq(bucket, sv_of(views[i].bucket)) && sv_eq(name, sv_of(views[i].name)))
            return &views[i];
    return NULL;
}

/* ---- the request ---- */

struct source {
    const struct gcp_project *project;
    unsigned logs;
};

struct listing {
    struct source sources[NAMES_MAX];
    unsigned n_sources;
    const struct gcp_filter *filter;
    struct gcp_entry_span span;
    bool newest_first;
    uint64_t limit;
    struct page page;
    struct json_parser *parser; /* of entries */
    struct gcp_entry_list all;
};

static bool refuse(struct exchange *x, const char *field, const char *text)
{
    gcp_refuse(x, "INVALID_ARGUMENT", field, "%s", text);
    return false;
}

/* "projects/P" or "projects/P/locations/L/buckets/B/views/V". */
static bool read_source(struct exchange *x, sv name, struct source *out)
{
    sv rest = name, kind = sv_cut(&rest, '/'), project = sv_cut(&rest, '/');
    const struct view *view;

    if (!sv_eq(kind, SV("projects")) || !project.len)
        return refuse(x, "resource_names", "Each resource name must be of a project, or of a view of its buckets");
    out->project = gcp_readable_project(x, project);
    if (!out->project)
        return false;
    out->logs = GCP_DATA_ACCESS | GCP_ACTIVITY;
    if (rest.len) {
        sv location = sv_path_value(rest, SV("locations")), bucket = sv_path_value(rest, SV("buckets")),
           id = sv_path_value(rest, SV("views"));

        if (!location.len || !bucket.len || !id.len)
            return refuse(x, "resource_names", "Each resource name must be of a project, or of a view of its buckets");
        view = view_named(location, bucket, id);
        if (!view) {
            gcp_refuse(x, "NOT_FOUND", NULL, "View %.*s does not exist", SV_ARG(name));
            return false;
        }
        out->logs = view->logs;
    }
    if (!out->project->private_viewer)
        out->logs &= ~(unsigned)GCP_DATA_ACCESS;
    return true;
}

static bool read_sources(struct exchange *x, json names, struct listing *l)
{
    json name;

    if (json_count(names) < 1 || json_count(names) > NAMES_MAX)
        return refuse(x, "resource_names", "resource_names must hold 1 to 100 names");
    for (struct json_iter it = json_items(names); json_item(&it, &name); l->n_sources++)
        if (!read_source(x, json_sv(name), &l->sources[l->n_sources]))
            return false;
    return true;
}

static bool is_time_field(sv field)
{
    return sv_eq(field, SV("timestamp")) || sv_eq(field, SV("receiveTimestamp"));
}

struct filter_check {
    struct gcp_entry_span *span;
    const char *wrong;
};

static void narrow(const struct gcp_filter *test, int64_t at, int64_t *from, int64_t *to)
{
    if ((test->compare == GCP_GT || test->compare == GCP_GE || test->compare == GCP_EQ) && at > *from)
        *from = at;
    if ((test->compare == GCP_LT || test->compare == GCP_LE || test->compare == GCP_EQ) && at < *to)
        *to = at;
}

static void check_test(void *self, const struct gcp_filter *test, bool must)
{
    struct filter_check *c = self;
    int64_t at;

    if (test->function.len && (test->field.len || !sv_eq_nocase(test->function, SV("log_id")) || test->n_values != 1))
        c->wrong = "the function is unknown";
    if (!is_time_field(test->field))
        return;
    if (test->n_values != 1 || !sv_to_time(test->values[0], &at))
        c->wrong = "a timestamp was expected";
    else if (must && sv_eq(test->field, SV("timestamp")))
        narrow(test, at, &c->span->from, &c->span->to);
    else if (must)
        narrow(test, at, &c->span->received_from, &c->span->received_to);
}

static bool read_filter(struct exchange *x, sv text, struct listing *l)
{
    struct filter_check c = { &l->span, NULL };
    struct err e;

    l->span = (struct gcp_entry_span){ INT64_MIN / 2, INT64_MAX / 2, INT64_MIN / 2, INT64_MAX / 2, 0 };
    if (text.len > GCP_FILTER_BYTES_MAX)
        return refuse(x, "filter", "The filter must be at most 20000 characters long");
    if (gcp_filter_parse(&x->arena, text, &l->filter, &e))
        return refuse(x, "filter", e.text);
    gcp_filter_walk(l->filter, check_test, &c);
    return !c.wrong || refuse(x, "filter", arena_printf(&x->arena, "Unparseable filter: %s", c.wrong).at);
}

static bool read_order(struct exchange *x, sv order, struct listing *l)
{
    l->newest_first = sv_eq(order, SV("timestamp desc"));
    return !order.len || l->newest_first || sv_eq(order, SV("timestamp asc")) ||
           refuse(x, "order_by", "order_by must be \"timestamp asc\" or \"timestamp desc\"");
}

static bool read_size(struct exchange *x, json size, struct listing *l)
{
    int64_t n = 0;

    if (!json_is_absent(size) && (!json_i64(size, &n) || n < 0 || n > PAGE_MOST))
        return refuse(x, "page_size", "page_size must be between 0 and 1000");
    l->limit = n ? (uint64_t)n : PAGE_DEFAULT;
    return true;
}

/* An unknown member is refused, as all of Google's APIs do; *hash is of all but the token. */
static bool read_members(struct exchange *x, json body, uint64_t *hash)
{
    static const char *const known[] = { "resourceNames", "filter", "orderBy", "pageSize", "pageToken" };
    json value;
    sv key;

    *hash = 0;
    for (struct json_iter it = json_members(body); json_member(&it, &key, &value);) {
        bool good = false;

        for (unsigned i = 0; i < 5; i++)
            good |= sv_eq(key, sv_of(known[i]));
        if (!good) {
            gcp_refuse(x, "INVALID_ARGUMENT", NULL,
                       "Invalid JSON payload received. Unknown name \"%.*s\": Cannot find field.", SV_ARG(key));
            return false;
        }
        if (!sv_eq(key, SV("pageToken")))
            *hash += json_hash(hash64(key), value);
    }
    return true;
}

static bool read_listing(struct exchange *x, json body, struct listing *l)
{
    uint64_t hash;

    if (json_type(body) != JSON_OBJECT)
        return refuse(x, "resource_names", "resource_names must hold 1 to 100 names");
    if (!read_members(x, body, &hash) || !read_sources(x, json_get(body, SV("resourceNames")), l) ||
        !read_filter(x, arena_copy(&x->arena, json_sv(json_get(body, SV("filter")))), l) ||
        !read_order(x, json_sv(json_get(body, SV("orderBy"))), l) || !read_size(x, json_get(body, SV("pageSize")), l))
        return false;
    return gcp_page_read(x, json_sv(json_get(body, SV("pageToken"))), hash, &l->page) ||
           refuse(x, "page_token", "page_token is invalid, or the other arguments are not those it was made for");
}

/* ---- the filter's tests ---- */

static int severity_of(sv name)
{
    static const char *const names[] = { "DEFAULT", "DEBUG",    "INFO",  "NOTICE",   "WARNING",
                                         "ERROR",   "CRITICAL", "ALERT", "EMERGENCY" };
    int64_t n;

    for (int i = 0; i < 9; i++)
        if (sv_eq_nocase(name, sv_of(names[i])))
            return i * 100;
    return sv_to_i64(name, &n) ? (int)n : -1;
}

static bool by_order(enum gcp_compare compare, int order)
{
    return (order == 0 && (compare == GCP_EQ || compare == GCP_LE || compare == GCP_GE || compare == GCP_HAS)) ||
           (order != 0 && compare == GCP_NE) || (order < 0 && (compare == GCP_LT || compare == GCP_LE)) ||
           (order > 0 && (compare == GCP_GT || compare == GCP_GE));
}

static int order_of(double a, double b)
{
    return (a > b) - (a < b);
}

/* One value of a list; what is no text compares by what it means. */
static bool one_holds(enum gcp_compare compare, sv field, json value, sv wanted)
{
    int64_t at, bound;
    double have, want;

    if (is_time_field(field))
        return json_time(value, &at) && sv_to_time(wanted, &bound) && by_order(compare, (at > bound) - (at < bound));
    if (sv_eq(field, SV("severity")))
        return by_order(compare, order_of(severity_of(json_sv(value)), severity_of(wanted)));
    return json_f64(value, &have) && sv_to_f64(wanted, &want) && by_order(compare, order_of(have, want));
}

static bool value_holds(const struct gcp_filter *test, json value)
{
    bool by_text =
             json_type(value) == JSON_STRING && !is_time_field(test->field) && !sv_eq(test->field, SV("severity")),
         flag, any = false;

    if (test->compare == GCP_HAS && sv_eq(test->values[0], SV("*")))
        return true;
    if (by_text)
        return gcp_filter_text(test, json_sv(value));
    if (json_bool(value, &flag))
        return gcp_filter_text(test, flag ? SV("true") : SV("false"));
    for (size_t i = 0; i < test->n_values && !any; i++)
        any = one_holds(test->compare == GCP_NE ? GCP_EQ : test->compare, test->field, value, test->values[i]);
    return any != (test->compare == GCP_NE);
}

/* Of an array any item will do. */
static bool path_holds(const struct gcp_filter *test, json value, sv path)
{
    json item;

    if (json_type(value) == JSON_ARRAY) {
        for (struct json_iter it = json_items(value); json_item(&it, &item);)
            if (path_holds(test, item, path))
                return true;
        return false;
    }
    if (path.len) {
        sv key = sv_cut(&path, '.');

        return path_holds(test, json_get(value, key), path);
    }
    return !json_is_absent(value) && value_holds(test, value);
}

/* "log_id() takes the unencoded id"; in names a slash is %2F. */
static bool log_is(json entry, sv id)
{
    sv name = json_sv(json_get(entry, SV("logName"))), coded = sv_skip(name, sv_find_last(name, '/') + 1);

    while (id.len && coded.len) {
        bool slash = sv_starts(coded, SV("%2F"));

        if (id.at[0] != (slash ? '/' : coded.at[0]))
            return false;
        coded = sv_skip(coded, slash ? 3 : 1);
        id = sv_skip(id, 1);
    }
    return !id.len && !coded.len;
}

/* A comparison with a field that is not there is false, != too. */
static bool test_holds(void *self, const struct gcp_filter *test)
{
    const json *entry = self;

    return test->function.len ? log_is(*entry, test->values[0]) : path_holds(test, *entry, test->field);
}

static bool is_asked(const struct listing *l, const struct buf *text)
{
    json entry;

    if (!l->filter)
        return true;
    return json_parse(l->parser, buf_sv(text), &entry, NULL) == ERR_OK &&
           gcp_filter_holds(l->filter, test_holds, &entry);
}

/* ---- the answer ---- */

static uint64_t dice(const struct listing *l)
{
    return rng_name(rng_name(l->page.request, (uint64_t)l->page.now), l->page.number);
}

/* Puts entries from number page.at on; *at becomes where the next page begins. False: there is none. */
static bool put_page(struct exchange *x, struct listing *l, struct buf *b, uint64_t *at)
{
    uint64_t put = 0, limit = l->limit - dice(l) / EMPTY_ONE_IN % (l->limit / 4 + 1), last = *at + LOOKED_AT_MOST;
    struct buf text = { .at = NULL };

    if (l->all.n > *at && dice(l) % EMPTY_ONE_IN == 0)
        return true;
    for (; *at < l->all.n && *at < last && put < limit; ++*at) {
        const struct gcp_entry *e = &l->all.at[l->newest_first ? l->all.n - 1 - *at : *at];

        buf_clear(&text);
        b->failed |= !gcp_entry_write(x->sim, e, &text);
        if (!is_asked(l, &text))
            continue;
        buf_put(b, put++ ? SV(",\n") : SV("\"entries\":[\n"));
        buf_put(b, buf_sv(&text));
    }
    buf_put(b, put ? SV("]") : SV_NONE);
    buf_done(&text);
    return *at < l->all.n;
}

static void answer(struct exchange *x, struct listing *l)
{
    struct buf *b = gcp_reply(x);
    uint64_t at = l->page.at;

    buf_putc(b, '{');
    if (put_page(x, l, b, &at)) {
        buf_put(b, b->len > 1 ? SV(",") : SV_NONE);
        put_member(b, "nextPageToken", gcp_page_token(x, &l->page, at));
    }
    buf_putc(b, '}');
    if (b->failed || l->all.failed)
        gcp_refuse(x, "INTERNAL", NULL, "out of memory");
}

void gcp_entries(struct exchange *x)
{
    struct listing *l = calloc(1, sizeof *l);
    json body = gcp_request_of(x)->body;

    if (!l || !(l->parser = json_parser_new(0))) {
        gcp_refuse(x, "INTERNAL", NULL, "out of memory");
    } else if (read_listing(x, body, l)) {
        l->span.now = l->page.now;
        for (unsigned i = 0; i < l->n_sources; i++)
            gcp_entries_find(x->sim, l->sources[i].project, l->sources[i].logs, &l->span, &l->all);
        gcp_entries_sort(&l->all);
        answer(x, l);
        gcp_entries_free(&l->all);
    }
    if (l)
        json_parser_free(l->parser);
    free(l);
}

/* ---- the list of views ---- */

void gcp_views(struct exchange *x)
{
    const struct gcp_project *p = gcp_readable_project(x, x->captures[0]);
    bool any = false;
    struct buf *b;

    if (!p)
        return;
    b = gcp_reply(x);
    buf_putc(b, '{');
    for (unsigned i = 0; i < VIEWS; i++) {
        if (!sv_eq(x->captures[2], SV("-")) && !sv_eq(x->captures[2], sv_of(views[i].bucket)))
            continue;
        buf_printf(b, "%s{\"name\":\"projects/%.*s/locations/global/buckets/%s/views/%s\",\"description\":\"\"",
                   any ? "," : "\"views\":[", SV_ARG(p->id), views[i].bucket, views[i].name);
        if (!strcmp(views[i].name, GCP_LOG_VIEW))
            buf_put(b, SV(",\"filter\":\"LOG_ID(\\\"cloudaudit.googleapis.com/data_access\\\")\""));
        buf_putc(b, '}');
        any = true;
    }
    buf_put(b, any ? SV("]}") : SV("}"));
}
