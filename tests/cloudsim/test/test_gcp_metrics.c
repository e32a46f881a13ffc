/* Cloud Monitoring as cloudsim plays it: raw and aggregated it adds up to the truth, with all that trips a reader. */
#include <math.h>

#include "tests/cloudsim/test/gcp_client.h"

#define PUBLISHER "aiplatform.googleapis.com/publisher/online_serving/"
#define ENDPOINT  "aiplatform.googleapis.com/prediction/online/"
#define SUMMED                                                                                                         \
    "&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=ALIGN_SUM&aggregation.crossSeriesReducer=REDUCE_"   \
    "SUM"
#define BY(field) "&aggregation.groupByFields=" field

/* ---- a reader that makes no mistakes ---- */

/* One series of an answer, by all its labels. */
struct row {
    sv key; /* "type=token_count|location=eu|..." in the order of the answer */
    int64_t last;
    double sum, count;
    size_t points;
    bool ordered;
    struct row *next;
};
static struct row *rows;
static unsigned n_twice, n_cut, n_pages;

static void add_labels(struct buf *b, json labels)
{
    json value;
    sv key;

    for (struct json_iter it = json_members(labels); json_member(&it, &key, &value);)
        buf_printf(b, "%.*s=%.*s|", SV_ARG(key), SV_ARG(json_sv(value)));
}

static struct row *row_of(json series)
{
    struct buf b = { .at = NULL };
    struct row *r;

    add_labels(&b, json_path(series, "metric/labels"));
    add_labels(&b, json_path(series, "resource/labels"));
    for (r = rows; r && !sv_eq(r->key, buf_sv(&b)); r = r->next)
        ;
    if (!r) {
        r = ARENA_NEW(&arena, struct row);
        *r = (struct row){ .key = arena_copy(&arena, buf_sv(&b)), .last = INT64_MAX, .ordered = true, .next = rows };
        rows = r;
    }
    buf_done(&b);
    return r;
}

static double value_of(json point, double *count)
{
    json value = json_get(point, SV("value")), d = json_get(value, SV("distributionValue"));
    double v = NAN, mean = 0;

    if (json_f64(json_get(value, SV("int64Value")), &v) || json_f64(json_get(value, SV("doubleValue")), &v))
        return *count = v;
    json_f64(json_get(d, SV("count")), count);
    json_f64(json_get(d, SV("mean")), &mean);
    return mean * *count;
}

/* Points that were met already are the same series again. */
static void add_series(json series)
{
    struct row *r = row_of(series);
    int64_t before = INT64_MAX;
    bool first = true;
    json point;

    for (struct json_iter it = json_items(json_get(series, SV("points"))); json_item(&it, &point); first = false) {
        double count = 0, v = value_of(point, &count);
        int64_t end = 0;

        json_time(json_path(point, "interval/endTime"), &end);
        if (first && r->points)
            ++*(end >= r->last ? &n_twice : &n_cut);
        r->ordered &= end < before;
        before = end;
        if (end >= r->last)
            continue;
        r->last = end;
        r->sum += v;
        r->count += count;
        r->points++;
    }
}

/* All pages of a query. */
static void read_all(sv project, int64_t now, const char *query)
{
    sv token = SV_NONE;
    json a, series;

    rows = NULL;
    n_twice = n_cut = n_pages = 0;
    do {
        a = list_at(gcp_time_series_of, project, now,
                    token.len ? format("%s&pageToken=%.*s", query, SV_ARG(token)) : query);
        must(reply.status == 200, reply.body.at);
        for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &series);)
            add_series(series);
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextPageToken"))));
        n_pages++;
    } while (token.len);
}

/* Sum over the rows whose key has all these parts (up to a NULL). */
static double sum_of(bool counts, const char *const *parts)
{
    double sum = 0;

    for (const struct row *r = rows; r; r = r->next) {
        bool good = true;

        for (const char *const *p = parts; *p; p++)
            good &= sv_has(r->key, sv_of(*p));
        sum += good ? counts ? r->count : r->sum : 0;
    }
    return sum;
}
#define SUM(...)   sum_of(false, (const char *const[]){ __VA_ARGS__, NULL })
#define COUNT(...) sum_of(true, (const char *const[]){ __VA_ARGS__, NULL })

static size_t n_rows(void)
{
    size_t n = 0;

    for (const struct row *r = rows; r; r = r->next)
        n++;
    return n;
}

static const char *filter(const char *type, const char *more)
{
    return format("filter=metric.type%%3D%%22%s%%22%s", type, more);
}
#define OPENAI " AND resource.labels.publisher%3Done_of(%22openai%22)"

/* ---- truth ---- */

static double truth_of(json truth, const char *family, const struct gcp_deployment *d, const char *name, const char *v)
{
    const struct want want[] = { { "account", world()->projects[d->project].id },
                                 { "cloud_region", d->location->name },
                                 { "platform", SV("vertex_ai") },
                                 { "resource", d->label_resource },
                                 { "deployment", d->label_deployment },
                                 { "model", d->label_model },
                                 { name, sv_of(v) },
                                 { NULL, SV_NONE } };

    return truth_sum(truth, family, want);
}

static const char *at_location(const struct gcp_deployment *d)
{
    return format("|location=%.*s|", SV_ARG(d->location->name));
}

static const char *at_model(const struct gcp_deployment *d)
{
    return format("model_user_id=%.*s|", SV_ARG(d->model_user_id));
}

/* For each managed deployment of OpenAI's: requests of two codes and one tier, from rows that were read. */
static unsigned wrong_requests(json truth, unsigned project)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < world()->n_deployments; i++) {
        const struct gcp_deployment *d = &world()->deployments[i];
        const char *family = "genai_requests_total", *where = at_location(d), *what = at_model(d);

        if (d->project != project || d->kind != GCP_MANAGED || !d->openai)
            continue;
        wrong += SUM(where, what) != truth_of(truth, family, d, NULL, NULL);
        wrong += SUM(where, what, "response_code=429|") != truth_of(truth, family, d, "code", "429");
        wrong += SUM(where, what, "request_type=flex|") != truth_of(truth, family, d, "tier", "flex");
        wrong += SUM(where, what, "method=ChatCompletions|") != truth_of(truth, family, d, "operation", "chat");
        wrong += !SUM(where, what);
    }
    return wrong;
}

static void requests_add_up(void)
{
    json truth = truth_now();

    for (unsigned p = 0; p < world()->n_members; p++) {
        size_t raw;
        bool ordered = true;

        read_all(world()->projects[p].id, SETTLED,
                 format("%s%s", filter(PUBLISHER "model_invocation_count", OPENAI), ALL_TIME));
        OK(wrong_requests(truth, p) == 0);
        for (const struct row *r = rows; r; r = r->next)
            ordered &= r->ordered;
        OK(ordered && n_twice > 0);
        raw = n_rows();
        read_all(world()->projects[p].id, SETTLED,
                 format("%s%s%s%s%s%s%s%s", filter(PUBLISHER "model_invocation_count", OPENAI), ALL_TIME, SUMMED,
                        BY("resource.labels.location"), BY("resource.labels.model_user_id"),
                        BY("metric.labels.response_code"), BY("metric.labels.request_type"),
                        BY("metric.labels.method")));
        OK(wrong_requests(truth, p) == 0);
        OK(n_rows() < raw / 2);
    }
}

int main(void)
{
    start_gcp((struct sim_options){ .seed = 7, .late = 0.1, .revise = 0.1 });
    RUN(requests_add_up);
    stop_gcp();
    return tap_done();
}
