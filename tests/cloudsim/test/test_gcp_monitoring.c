/* What trips a reader of Cloud Monitoring: windows, late points, pages, repeated series, and each refusal. */
#include "tests/cloudsim/test/gcp_reader.h"

/* ---- time ---- */

static const char *interval(int64_t from, int64_t to)
{
    struct buf b = { .at = NULL };
    const char *out;

    buf_put(&b, SV("&interval.startTime="));
    buf_time(&b, from, 0);
    buf_put(&b, SV("&interval.endTime="));
    buf_time(&b, to, 0);
    out = arena_copy(&arena, buf_sv(&b)).at;
    buf_done(&b);
    return out;
}

static void windows_side_by_side_add_up_to_the_whole(void)
{
    sv project = world()->projects[1].id;
    const char *what = filter(PUBLISHER "token_count", "");
    int64_t first = ORIGIN - 120 * NANO_PER_MIN;
    double whole, sum = 0;

    read_all(project, SETTLED, format("%s%s", what, interval(first, ORIGIN)));
    whole = SUM("");
    for (int i = 0; i < 8; i++) {
        read_all(project, SETTLED,
                 format("%s%s", what, interval(first + i * 15 * NANO_PER_MIN, first + (i + 1) * 15 * NANO_PER_MIN)));
        sum += SUM("");
    }
    OK(whole > 0 && sum == whole);
    /* (start, end]: the point that ends at the start is not there, the one that ends at the end is. */
    read_all(project, SETTLED, format("%s%s", what, interval(ORIGIN - 2 * NANO_PER_MIN, ORIGIN - NANO_PER_MIN)));
    sum = 0;
    for (const struct row *r = rows; r; r = r->next)
        sum += r->points != 1 || r->last != ORIGIN - NANO_PER_MIN;
    OK(rows && sum == 0);
}

/* Points of one minute as they grow up. */
static void a_minute_is_final_after_eight(void)
{
    const char *what = filter(PUBLISHER "model_invocation_count", "");
    unsigned early = 0, missing = 0, low = 0, high = 0, wrong = 0;

    for (int i = 0; i < 60; i++) {
        int64_t end = ORIGIN - (60 - i) * NANO_PER_MIN;
        sv project = world()->projects[0].id;
        const char *query = format("%s%s", what, interval(end - NANO_PER_MIN, end));
        double last, shown;

        read_all(project, SETTLED, query);
        last = SUM("");
        read_all(project, end + 55 * NANO_PER_S, query);
        early += rows != NULL;
        read_all(project, end + 200 * NANO_PER_S, query);
        shown = SUM("");
        missing += n_rows() == 0;
        low += shown < last;
        high += shown > last;
        read_all(project, end + 8 * NANO_PER_MIN, query);
        wrong += SUM("") != last;
    }
    OK(early == 0 && wrong == 0);
    OK(low > 10 && high > 0 && missing < 5);
}

/* ---- aggregation ---- */

static void aligners_agree(void)
{
    sv project = world()->projects[0].id;
    const char *what = format("%s%s", filter(PUBLISHER "token_count", ""), ALL_TIME);
    double raw, minutes = 0;
    size_t series;
    json a;

    read_all(project, SETTLED, what);
    raw = SUM("");
    series = n_rows();
    read_all(project, SETTLED,
             format("%s&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=ALIGN_DELTA", what));
    OK(SUM("") == raw && n_rows() == series);
    read_all(project, SETTLED,
             format("%s&aggregation.alignmentPeriod=300s&aggregation.perSeriesAligner=ALIGN_SUM", what));
    OK(SUM("") == raw && n_rows() == series);
    for (const struct row *r = rows; r; r = r->next)
        minutes += r->last % (5 * NANO_PER_MIN) != 0;
    OK(minutes == 0);
    read_all(project, SETTLED,
             format("%s&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=ALIGN_RATE"
                    "&aggregation.crossSeriesReducer=REDUCE_SUM",
                    what));
    OK(n_rows() == 1 && fabs(SUM("") * 60 - raw) < 1);
    a = list_at(gcp_time_series_of, project, SETTLED,
                format("%s&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=ALIGN_RATE", what));
    for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &a);)
        must(sv_eq(json_sv(json_get(a, SV("metricKind"))), SV("GAUGE")) &&
                 sv_eq(json_sv(json_get(a, SV("valueType"))), SV("DOUBLE")),
             "a rate is GAUGE DOUBLE");
}

/* Both readings of what a sum's kind is: the values are the same, and so is the end of each point. */
static void a_sum_may_be_told_as_a_gauge(void)
{
    sv project = world()->projects[0].id;
    const char *what = format("%s%s%s", filter(PUBLISHER "token_count", ""), ALL_TIME, SUMMED);
    int64_t start, end, last;
    double sum;
    json a, point;

    read_all(project, SETTLED, what);
    sum = SUM("");
    last = rows->last;
    for (unsigned i = 0; i < 2; i++) {
        sim.options.switches[SW_ALIGNED] = i;
        a = list_at(gcp_time_series_of, project, SETTLED, what);
        for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &a);) {
            OK(sv_eq(json_sv(json_get(a, SV("metricKind"))), i ? SV("GAUGE") : SV("DELTA")));
            for (struct json_iter k = json_items(json_get(a, SV("points"))); json_item(&k, &point);)
                must(json_time(json_path(point, "interval/startTime"), &start) &&
                         json_time(json_path(point, "interval/endTime"), &end) && end - start == (i ? 0 : NANO_PER_MIN),
                     "a gauge's point is an instant");
        }
        read_all(project, SETTLED, what);
        OK(SUM("") == sum && rows->last == last);
    }
    sim.options.switches[SW_ALIGNED] = false;
}

/* ---- pages ---- */

static void pages_of_any_size_tell_the_same(void)
{
    sv project = world()->projects[0].id;
    const char *what = format("%s%s", filter(PUBLISHER "model_invocation_count", ""), ALL_TIME);
    double whole;
    size_t series;

    read_all(project, SETTLED, what);
    whole = SUM("");
    series = n_rows();
    OK(n_pages > 1 && n_twice > 0); /* shorter than 100 000 points, and some series twice */
    read_all(project, SETTLED, format("%s&pageSize=97", what));
    OK(SUM("") == whole && n_rows() == series && n_pages > 20 && n_cut > 5);
    read_all(project, SETTLED, format("%s&pageSize=100000&view=FULL", what));
    OK(SUM("") == whole);
}

static void headers_have_no_points(void)
{
    const char *what = format("%s%s&view=HEADERS&pageSize=3", filter(PUBLISHER "token_count", ""), ALL_TIME);
    json a = list_at(gcp_time_series_of, world()->projects[0].id, SETTLED, what), s;

    OK(json_count(json_get(a, SV("timeSeries"))) == 3 && json_sv(json_get(a, SV("nextPageToken"))).len);
    for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &s);)
        OK(json_is_absent(json_get(s, SV("points"))) && !json_is_absent(json_get(s, SV("resource"))));
}

static void a_token_is_good_for_its_request_alone(void)
{
    sv project = world()->projects[0].id, token;
    const char *what = format("%s%s&pageSize=10", filter(PUBLISHER "token_count", ""), ALL_TIME);
    json a = list_at(gcp_time_series_of, project, SETTLED, what);

    token = arena_copy(&arena, json_sv(json_get(a, SV("nextPageToken"))));
    a = list_at(gcp_time_series_of, project, SETTLED, format("%s&pageToken=%.*s", what, SV_ARG(token)));
    OK(reply.status == 200);
    a = list_at(gcp_time_series_of, project, SETTLED, format("%s&view=HEADERS&pageToken=%.*s", what, SV_ARG(token)));
    OK(refused_with(a, 400, "INVALID_ARGUMENT"));
    a = list_at(gcp_time_series_of, world()->projects[1].id, SETTLED, format("%s&pageToken=%.*s", what, SV_ARG(token)));
    OK(refused_with(a, 400, "INVALID_ARGUMENT"));
    a = list_at(gcp_time_series_of, project, SETTLED, format("%s&pageToken=1.2.3.4.5", what));
    OK(refused_with(a, 400, "INVALID_ARGUMENT"));
    a = list_at(gcp_time_series_of, project, SETTLED + 25 * NANO_PER_H,
                format("%s&pageToken=%.*s", what, SV_ARG(token)));
    OK(refused_with(a, 400, "INVALID_ARGUMENT"));
}

static void a_partial_answer_says_so(void)
{
    sv project = world()->projects[0].id;
    const char *what = format("%s%s", filter(PUBLISHER "token_count", ""), ALL_TIME);
    double whole;
    json a;

    read_all(project, SETTLED, what);
    whole = SUM("");
    fault_in_force = "partial";
    a = list_at(gcp_time_series_of, project, SETTLED, what);
    OK(reply.status == 200 && json_count(json_get(a, SV("executionErrors"))) == 1);
    read_all(project, SETTLED, what);
    OK(SUM("") < whole && SUM("") > 0);
    fault_in_force = NULL;
}

/* ---- filters ---- */

static void filters_choose(void)
{
    sv project = world()->projects[0].id;
    const char *type = PUBLISHER "model_invocation_count";
    double all, part;

    read_all(project, SETTLED, format("%s%s", filter(type, ""), ALL_TIME));
    all = SUM("");
    OK(SUM("publisher=anthropic|") > 0 && SUM("publisher=openai|") > 0);
    part = SUM("response_code=429|");
    read_all(project, SETTLED, format("%s%s", filter(type, " AND NOT metric.labels.response_code%3D429"), ALL_TIME));
    OK(SUM("") == all - part);
    read_all(project, SETTLED,
             format("%s%s", filter(type, " AND metric.label.response_code %3D starts_with(%224%22)"), ALL_TIME));
    OK(SUM("") >= part && SUM("") < all / 4 && SUM("response_code=200|") == 0);
    read_all(project, SETTLED,
             format("%s%s",
                    filter(type, " AND (resource.labels.location%3D%22global%22 OR resource.labels.location%3D%22eu%22)"
                                 " AND project%3D%22nobody%22"),
                    ALL_TIME));
    OK(rows == NULL);
    read_all(project, SETTLED,
             format("%s%s",
                    filter(type, format(" AND project%%3D%%22%.*s%%22 AND resource.type%%3D"
                                        "%%22aiplatform.googleapis.com/PublisherModel%%22",
                                        SV_ARG(project))),
                    ALL_TIME));
    OK(SUM("") == all);
}

static void labels_are_missing_here_and_there(void)
{
    size_t n, with;

    read_all(world()->projects[0].id, SETTLED,
             format("%s%s", filter(PUBLISHER "model_invocation_count", ""), ALL_TIME));
    n = n_rows();
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = { "explicit_caching=", "error_category=", "output_token_size=",
                                             "resource_container=" };

        with = 0;
        for (const struct row *r = rows; r; r = r->next)
            with += sv_has(r->key, sv_of(names[i]));
        tap_ok(with > 0 && with < n, names[i], __FILE__, __LINE__);
    }
    OK(SUM("publisher=") == SUM("") && SUM("model_version_id=|") == SUM(""));
}

/* ---- refusals ---- */

static void wrong_requests_are_refused(void)
{
    static const char *const bad[] = {
        "",
        "filter=",
        "filter=resource.type%3Dx",
        "filter=metric.type%3Dx AND metric.type%3Dy",
        "filter=metric.type%3Dx OR metric.type%3Dy",
        "filter=metric.type%3Done_of(x,y)",
        "filter=metric.type%3Dstarts_with(%22aiplatform%22)",
        "filter=NOT metric.type%3Dx",
        "filter=metric.type%3D",
        "filter=metric.type%3D%22" PUBLISHER "token_count%22 AND metric.labels.nothing%3D1",
        "filter=metric.type%3D%22" PUBLISHER "token_count%22 AND metric.labels.type%3Dno_such(%22x%22)",
        "filter=metric.type%3D%22" PUBLISHER "token_count%22 AND metric.labels.type%3D~%22x%22",
    }, *const worse[] = {
        "&interval.startTime=2026-11-24T07:00:00Z",
        "&interval.endTime=yesterday",
        "&interval.startTime=2026-11-24T07:00:00Z&interval.endTime=2026-11-24T06:00:00Z",
        "&interval.startTime=now&interval.endTime=2026-11-24T06:00:00Z",
        ALL_TIME "&aggregation.perSeriesAligner=ALIGN_SUM",
        ALL_TIME "&aggregation.perSeriesAligner=ALIGN_SUM&aggregation.alignmentPeriod=59s",
        ALL_TIME "&aggregation.perSeriesAligner=ALIGN_SUM&aggregation.alignmentPeriod=60",
        ALL_TIME "&aggregation.perSeriesAligner=SUM&aggregation.alignmentPeriod=60s",
        ALL_TIME "&aggregation.crossSeriesReducer=REDUCE_SUM",
        ALL_TIME "&aggregation.crossSeriesReducer=REDUCE_SUM&aggregation.perSeriesAligner=ALIGN_NONE",
        ALL_TIME SUMMED BY("model_user_id"),
        ALL_TIME SUMMED BY("metric.labels.model_user_id"),
        ALL_TIME "&orderBy=timestamp",
        ALL_TIME "&view=SOME",
        ALL_TIME "&pageSize=-1",
        ALL_TIME "&pageSize=many",
        ALL_TIME "&pageToken=x",
    };
    sv project = world()->projects[0].id;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        tap_ok(refused_with(list_at(gcp_time_series_of, project, SETTLED, format("%s%s", bad[i], ALL_TIME)), 400,
                            "INVALID_ARGUMENT"),
               bad[i], __FILE__, __LINE__);
    for (size_t i = 0; i < sizeof worse / sizeof worse[0]; i++)
        tap_ok(refused_with(list_at(gcp_time_series_of, project, SETTLED,
                                    format("%s%s", filter(PUBLISHER "token_count", ""), worse[i])),
                            400, "INVALID_ARGUMENT"),
               worse[i], __FILE__, __LINE__);
}

static void types_that_do_not_fit_are_refused(void)
{
    const char *limit = "aiplatform.googleapis.com/quota/online_prediction_requests_per_base_model/limit";
    sv project = world()->projects[0].id;

    OK(refused_with(list_at(gcp_time_series_of, project, SETTLED,
                            format("%s%s&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=ALIGN_DELTA",
                                   filter(limit, ""), ALL_TIME)),
                    400, "INVALID_ARGUMENT"));
    OK(refused_with(list_at(gcp_time_series_of, project, SETTLED,
                            format("%s%s&aggregation.alignmentPeriod=60s&aggregation.perSeriesAligner=ALIGN_MAX",
                                   filter(PUBLISHER "first_token_latencies", ""), ALL_TIME)),
                    400, "INVALID_ARGUMENT"));
    OK(refused_with(list_at(gcp_time_series_of, project, SETTLED,
                            format("%s%s", filter("aiplatform.googleapis.com/no/such", ""), ALL_TIME)),
                    404, "NOT_FOUND"));
}

static void projects_that_may_not_be_read_are_refused(void)
{
    const char *what = format("%s%s", filter(PUBLISHER "token_count", ""), ALL_TIME);

    for (unsigned i = world()->n_members; i < world()->n_projects; i++) {
        OK(refused_with(list_at(gcp_time_series_of, world()->projects[i].id, SETTLED, what), 403, "PERMISSION_DENIED"));
        OK(refused_with(list_at(gcp_descriptors_of, world()->projects[i].id, SETTLED, ""), 403, "PERMISSION_DENIED"));
    }
    OK(refused_with(list_at(gcp_time_series_of, SV("nobody"), SETTLED, what), 403, "PERMISSION_DENIED"));
}

/* ---- descriptors ---- */

static unsigned n_descriptors, n_bare;
static bool seen_endpoints, seen_dead, seen_latency_bound;

static void read_descriptors(sv project, int64_t now, const char *query)
{
    sv token = SV_NONE;
    json a, d;

    n_descriptors = n_bare = n_pages = 0;
    seen_endpoints = seen_dead = seen_latency_bound = false;
    do {
        a = list_at(gcp_descriptors_of, project, now, format("%s&pageToken=%.*s", query, SV_ARG(token)));
        must(reply.status == 200, reply.body.at);
        for (struct json_iter it = json_items(json_get(a, SV("metricDescriptors"))); json_item(&it, &d);) {
            sv type = json_sv(json_get(d, SV("type")));

            n_descriptors++;
            n_bare += json_is_absent(json_get(d, SV("metadata")));
            seen_endpoints |= sv_starts(type, SV(ENDPOINT));
            seen_dead |= sv_ends(type, SV("dedicated_gsu_limit"));
            seen_latency_bound |= sv_eq(json_sv(json_path(d, "metadata/ingestDelay")), SV("240s"));
        }
        token = arena_copy(&arena, json_sv(json_get(a, SV("nextPageToken"))));
        n_pages++;
    } while (token.len);
}

static void descriptors_tell_what_is_active(void)
{
    sv with = world()->projects[0].id, without = world()->projects[1].id;
    unsigned all;

    read_descriptors(with, ORIGIN, "filter=metric.type%3Dstarts_with(%22aiplatform.googleapis.com/%22)");
    all = n_descriptors;
    OK(n_pages > 1 && n_bare > 0 && seen_dead && seen_endpoints && seen_latency_bound);
    read_descriptors(with, ORIGIN, "activeOnly=true&pageSize=4");
    OK(n_descriptors > 10 && n_descriptors < all && !seen_dead && seen_endpoints && n_pages > 3);
    read_descriptors(without, ORIGIN, "activeOnly=true");
    OK(n_descriptors > 5 && !seen_endpoints);
    read_descriptors(with, ORIGIN, "filter=metric.type%3D%22" PUBLISHER "tokens%22");
    OK(n_descriptors == 1);
    read_descriptors(with, ORIGIN - 119 * NANO_PER_MIN, "activeOnly=true"); /* nothing is shown yet */
    OK(n_descriptors == 0);
    read_descriptors(with, ORIGIN + 26 * NANO_PER_H, "activeOnly=true");
    OK(n_descriptors == 0);
}

static void wrong_lists_of_descriptors_are_refused(void)
{
    static const char *const bad[] = { "filter=metric.type", "filter=resource.type%3Dx",
                                       "activeOnly=yes",     "pageSize=-1",
                                       "pageToken=x",        "filter=metric.type%3Dno_such(%22x%22)" };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        tap_ok(
            refused_with(list_at(gcp_descriptors_of, world()->projects[0].id, ORIGIN, bad[i]), 400, "INVALID_ARGUMENT"),
            bad[i], __FILE__, __LINE__);
}

/* ---- over the wire ---- */

static sv token_of(unsigned scopes)
{
    struct gcp_grant g = { GCP_ACCOUNT, scopes, clock_now(), clock_now() + 3600 * NANO_PER_S };

    return gcp_token_make(&sim, &arena, &g);
}

static void a_client_reads_by_http(void)
{
    const char *path = format("/v3/projects/%.*s/timeSeries?filter=metric.type%%3D%%22%stoken_count%%22"
                              "&interval.startTime=2026-11-24T09:00:00Z&interval.endTime=2026-11-24T09:30:00Z%s%s%s",
                              SV_ARG(world()->projects[0].id), PUBLISHER, SUMMED, BY("metric.labels.type"),
                              BY("resource.labels.location"));
    json labels, a;

    OK(get(token_of(GCP_SCOPE_MONITORING_READ), path) == 200);
    a = parsed();
    OK(json_count(json_get(a, SV("timeSeries"))) > 4);
    for (struct json_iter it = json_items(json_get(a, SV("timeSeries"))); json_item(&it, &a);) {
        labels = json_path(a, "resource/labels");
        must(json_count(labels) == 1 && json_count(json_path(a, "metric/labels")) == 1, "both groups are there");
    }
    OK(get(token_of(GCP_SCOPE_LOGGING_READ), path) == 403);
    OK(get(token_of(GCP_SCOPE_MONITORING_READ),
           format("/v3/projects/%.*s/metricDescriptors?activeOnly=true", SV_ARG(world()->projects[0].number))) == 200);
    OK(json_count(json_get(parsed(), SV("metricDescriptors"))) > 5);
}

int main(void)
{
    start_gcp((struct sim_options){ .seed = 7, .late = 0.1, .revise = 0.1 });
    RUN(windows_side_by_side_add_up_to_the_whole);
    RUN(a_minute_is_final_after_eight);
    RUN(aligners_agree);
    RUN(a_sum_may_be_told_as_a_gauge);
    RUN(pages_of_any_size_tell_the_same);
    RUN(headers_have_no_points);
    RUN(a_token_is_good_for_its_request_alone);
    RUN(a_partial_answer_says_so);
    RUN(filters_choose);
    RUN(labels_are_missing_here_and_there);
    RUN(wrong_requests_are_refused);
    RUN(types_that_do_not_fit_are_refused);
    RUN(projects_that_may_not_be_read_are_refused);
    RUN(descriptors_tell_what_is_active);
    RUN(wrong_lists_of_descriptors_are_refused);
    RUN(a_client_reads_by_http);
    stop_gcp();
    return tap_done();
}
