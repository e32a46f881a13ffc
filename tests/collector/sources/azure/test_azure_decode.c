/*
 * The decoders against recorded and composed answers: each tests/data/azure/FILE.json that has a FILE.expected beside
 * it. The first word of the file's name tells which decoder. Samples that were taken from elsewhere lie outside the
 * repository and are only decoded, when they are there.
 */
#include <dirent.h>

#include "collector/sources/azure/azure.h"

#include "tests/collector/sources/dump.h"
#include "tests/tap.h"

#define A1                                                                                                             \
    "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourcegroups/rg-ai/providers/microsoft.cognitiveservices/"  \
    "accounts/"
#define DATA "tests/data/azure/"

static struct json_parser *parser;
static struct arena arena;

static json parse(sv text)
{
    struct err e = { 0 };
    json root = { 0 };

    if (json_parse(parser, text, &root, &e))
        printf("# %s\n", e.text);
    return root;
}

static bool read_data(struct buf *b, const char *path)
{
    struct err e = { 0 };

    buf_init(b, 0);
    return buf_read_file(b, path, 4 << 20, &e) == ERR_OK;
}

/* An inventory as discovery would know it. */
static bool account(void *ctx, sv id, struct azure_account_facts *out)
{
    (void)ctx;
    if (!sv_eq(id, SV(A1 "aoai-demo")))
        return false;
    *out = (struct azure_account_facts){ SV("AOAI-Demo"), SV("swedencentral"), SV("eu") };
    return true;
}

static bool deployment(void *ctx, sv id, sv name, sv version, struct azure_deployment_facts *out)
{
    (void)ctx;
    (void)version;
    if (!sv_eq(id, SV(A1 "aoai-demo")))
        return false;
    if (sv_eq(name, SV("grok"))) {
        *out = (struct azure_deployment_facts){ SV("grok-4.3"), SV("1"), SV("xAI") };
        return true;
    }
    if (!sv_eq(name, SV("chat-prod")))
        return false;
    *out = (struct azure_deployment_facts){ SV("gpt-4.1-2025-04-14"), SV("2025-04-14"), SV("OpenAI") };
    return true;
}

static bool publisher(void *ctx, sv name)
{
    (void)ctx;
    return name.len == 0 || sv_eq(name, SV("OpenAI"));
}

static struct azure_metric_context context(void)
{
    return (struct azure_metric_context){
        .source = SV("azure"), .account = account, .deployment = deployment, .publisher = publisher
    };
}

static enum err_code metrics(sv text, const struct azure_metric_context *c, struct frame **out, struct err *e)
{
    *out = frame_new(&arena, SV("azure"), SV("test"));
    return azure_decode_metrics(parse(text), c, *out, e);
}

/* ---- data driven ---- */

static void decode_as_metrics(sv text, struct buf *out)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };

    if (metrics(text, &c, &f, &e))
        buf_printf(out, "%s: %s\n", err_name(e.code), e.text);
    dump_frame(out, f);
}

static void decode_as_accounts(sv text, struct buf *out)
{
    struct items items = { .arena = &arena };
    struct err e = { 0 };
    sv next = SV_NONE;

    if (azure_decode_accounts(parse(text), &items, &next, &e))
        buf_printf(out, "%s: %s\n", err_name(e.code), e.text);
    for (size_t i = 0; i < items.n; i++) {
        struct azure_account_item *a = ITEM(&items, struct azure_account_item, i);

        buf_printf(out, "%.*s %.*s %.*s team=%.*s %.*s\n", SV_ARG(a->name), SV_ARG(a->kind), SV_ARG(a->location),
                   SV_ARG(a->tags.team), SV_ARG(a->id));
    }
    buf_printf(out, "next %.*s\n", SV_ARG(next));
}

static void decode_as_deployments(sv text, struct buf *out)
{
    struct azure_account_item account_item = {
        .id = SV(A1 "aoai-demo"),
        .name = SV("aoai-demo"),
        .location = SV("swedencentral"),
        .kind = SV("OpenAI"),
        .tags = { .team = SV("search") },
    };
    struct items items = { .arena = &arena };
    struct azure_metric_context c = context();
    struct frame *f = frame_new(&arena, SV("azure"), SV("test"));
    struct azure_account_view v = { .account = &account_item };
    struct err e = { 0 };
    sv next = SV_NONE;

    if (azure_decode_deployments(parse(text), &items, &next, &e))
        buf_printf(out, "%s: %s\n", err_name(e.code), e.text);
    v.deployments = items.at;
    v.n_deployments = items.n;
    v.logging.any[AZURE_LOG_REQUESTS] = AZURE_LOGGING_ON;
    if (azure_emit_inventory(&v, &c, 60000000000, 660000000000, f, &e))
        buf_printf(out, "%s: %s\n", err_name(e.code), e.text);
    dump_frame(out, f);
}

static void decode_as_usages(sv text, struct buf *out)
{
    struct items items = { .arena = &arena };
    struct frame *f = frame_new(&arena, SV("azure"), SV("test"));
    struct err e = { 0 };
    sv next = SV_NONE;

    if (azure_decode_usages(parse(text), &items, &next, &e) ||
        azure_emit_usages(items.at, items.n, SV("00000000-0000-0000-0000-0000000000a1"), SV("eastus2"), SV("azure"), 0,
                          600000000000, f, &e))
        buf_printf(out, "%s: %s\n", err_name(e.code), e.text);
    dump_frame(out, f);
}

static void decode_as_definitions(sv text, struct buf *out)
{
    struct items items = { .arena = &arena };
    struct err e = { 0 };
    sv next = SV_NONE;

    if (azure_decode_definitions(parse(text), &items, &next, &e))
        buf_printf(out, "%s: %s\n", err_name(e.code), e.text);
    for (size_t i = 0; i < items.n; i++) {
        struct azure_definition_item *d = ITEM(&items, struct azure_definition_item, i);

        buf_printf(out, "%.*s%s:", SV_ARG(d->name), d->has_count ? " count" : "");
        for (size_t k = 0; k < d->n_dimensions; k++)
            buf_printf(out, " %.*s", SV_ARG(d->dimensions[k]));
        buf_putc(out, '\n');
    }
}

static void decode_as_diagnostics(sv text, struct buf *out)
{
    static const char *const words[] = { "unknown", "off", "on" };
    struct azure_logging_state s = { 0 };
    struct err e = { 0 };

    if (azure_decode_diagnostics(parse(text), &s, &e))
        buf_printf(out, "%s: %s\n", err_name(e.code), e.text);
    for (int c = 0; c < AZURE_LOG_CATEGORIES; c++)
        buf_printf(out, "category %d %s workspace %s\n", c, words[s.any[c]], words[s.workspace[c]]);
}

static const struct {
    const char *prefix;
    void (*decode)(sv text, struct buf *out);
} decoders[] = {
    { "synthetic_metrics_", decode_as_metrics },
    { "synthetic_accounts_", decode_as_accounts },
    { "synthetic_deployments_", decode_as_deployments },
    { "synthetic_usages_", decode_as_usages },
    { "synthetic_definitions_", decode_as_definitions },
    { "azure_diagnostic_settings_", decode_as_diagnostics },
    /* taken ones, outside the repository */
    { "metrics_", decode_as_metrics },
    { "accounts_", decode_as_accounts },
    { "deployments_", decode_as_deployments },
    { "account_usages", decode_as_usages },
    { "metric_definitions", decode_as_definitions },
};

static void decode_file(const char *dir, const char *name, bool compare)
{
    char path[512], expected[512];
    size_t stem = strlen(name) - strlen(".json");
    struct buf bytes, text;

    for (size_t i = 0; i < sizeof decoders / sizeof decoders[0]; i++) {
        if (strncmp(name, decoders[i].prefix, strlen(decoders[i].prefix)) != 0)
            continue;
        snprintf(path, sizeof path, "%s%s", dir, name);
        snprintf(expected, sizeof expected, "%s%.*s.expected", dir, (int)stem, name);
        buf_init(&text, 0);
        arena_reset(&arena);
        if (!OK(read_data(&bytes, path)))
            return;
        decoders[i].decode(buf_sv(&bytes), &text);
        tap_ok(compare ? dump_matches(&text, expected) : text.len > 0, name, __FILE__, __LINE__);
        buf_done(&bytes);
        buf_done(&text);
        return;
    }
}

static void decode_folder(const char *dir, bool compare)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    if (!d) {
        printf("# %s is not there\n", dir);
        return;
    }
    while ((entry = readdir(d)))
        if (sv_ends(sv_of(entry->d_name), SV(".json")))
            decode_file(dir, entry->d_name, compare);
    closedir(d);
}

static void answers_decode_as_expected(void)
{
    decode_folder(DATA, true);
    decode_folder("tests/data/discovery/", true);
}

static void taken_samples_decode(void)
{
    decode_folder("../shared/samples/azure/", false);
}

/* ---- single rules ---- */

#define SERIES(dims, data)                                                                                             \
    "{\"interval\":\"PT1M\",\"value\":[{\"id\":\"" A1                                                                  \
    "aoai-demo/providers/Microsoft.Insights/metrics/ModelRequests\","                                                  \
    "\"name\":{\"value\":\"ModelRequests\"},\"unit\":\"Count\",\"errorCode\":\"Success\",\"timeseries\":[{"            \
    "\"metadatavalues\":[" dims "],\"data\":[" data "]}]}]}"
#define DIM(name, value) "{\"name\":{\"value\":\"" name "\"},\"value\":\"" value "\"}"
#define POINT(rest)      "{\"timeStamp\":\"2026-11-20T10:00:00Z\"" rest "}"

static const struct measure *only_measure(struct frame *f)
{
    return f->batches && f->batches->n_measures == 1 ? &f->batches->measures[0] : NULL;
}

static void zero_is_a_value_and_a_bare_point_is_none(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };

    OK(metrics(SV(SERIES("", POINT(",\"total\":0.0"))), &c, &f, &e) == ERR_OK);
    OK(only_measure(f) && only_measure(f)->value >= 0 && only_measure(f)->value <= 0);
    OK(metrics(SV(SERIES("", POINT(""))), &c, &f, &e) == ERR_OK);
    OK(frame_records(f) == 0 && f->tally.received == 0);
}

static void dimension_names_compare_without_case(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };
    const struct measure *m;

    OK(metrics(SV(SERIES(DIM("MODELDEPLOYMENTNAME", "chat-prod") "," DIM("statuscode", "429") "," DIM(
                             "ServiceTierResponse", "Default") "," DIM("operationname", "create_response"),
                         POINT(",\"total\":2"))),
               &c, &f, &e) == ERR_OK);
    m = only_measure(f);
    if (!OK(m))
        return;
    OK(sv_eq(batch_sv(f->batches, m->deployment), SV("chat-prod")));
    OK(sv_eq(batch_sv(f->batches, m->model), SV("gpt-4.1"))); /* from the inventory */
    OK(sv_eq(batch_sv(f->batches, m->tier), SV("default")));
    OK(sv_eq(batch_sv(f->batches, m->code), SV("429")) && m->outcome == OUTCOME_THROTTLED);
    OK(sv_eq(batch_sv(f->batches, m->operation), SV("chat")));
    OK(sv_eq(batch_sv(f->batches, m->family), SV("models")));
}

static void empty_is_absent(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };
    const struct measure *m;

    OK(metrics(SV(SERIES(DIM("servicetierresponse", "__Empty") "," DIM("modelname", "__Empty"), POINT(",\"total\":2"))),
               &c, &f, &e) == ERR_OK);
    m = only_measure(f);
    OK(m && m->tier == 0 && m->model == 0 && m->n_dimensions == 2);
}

static void other_publishers_are_rejected_and_counted(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };

    OK(metrics(SV(SERIES(DIM("modeldeploymentname", "grok"), POINT(",\"total\":2"))), &c, &f, &e) == ERR_OK);
    OK(frame_records(f) == 0 && f->tally.received == 1 && f->tally.rejected[REASON_PUBLISHER] == 1);
}

static void another_grain_is_refused(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };

    c.interval_ms = 300000;
    OK(metrics(SV(SERIES("", POINT(",\"total\":2"))), &c, &f, &e) == ERR_PARSE);
    OK(frame_records(f) == 0);
    OK(azure_parse_duration(SV("PT1H30M")) == 5400000 && azure_parse_duration(SV("P1D")) == 86400000);
    OK(azure_parse_duration(SV("PT")) == 0 && azure_parse_duration(SV("FULL")) == 0 &&
       azure_parse_duration(SV("PT5")) == 0);
}

static void points_outside_the_window_are_rejected(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };

    c.from_unix_nano = 1;
    c.to_unix_nano = 2;
    OK(metrics(SV(SERIES("", POINT(",\"total\":2"))), &c, &f, &e) == ERR_OK);
    OK(frame_records(f) == 0 && f->tally.rejected[REASON_OUT_OF_RANGE] == 1);
}

static void count_makes_a_summary_of_an_average(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };
    const struct measure *m;

    OK(metrics(SV(SERIES("", POINT(",\"average\":150.5,\"count\":4,\"maximum\":300"))), &c, &f, &e) == ERR_OK);
    m = only_measure(f);
    OK(m && m->kind == MEASURE_SUMMARY && m->sum > 601.9 && m->sum < 602.1 && m->count > 3.9 && m->max > 299);
}

static void cells_tell_what_was_not_answered(void)
{
    struct azure_metric_context c = context();
    struct azure_cell cells[4] = { 0 };
    sv ids[] = { SV(A1 "aoai-demo"), SV(A1 "other") };
    sv names[] = { SV("InputTokens"), SV("ModelRequests") };
    struct buf b;
    struct frame *f;
    struct err e = { 0 };

    c.resource_ids = ids;
    c.n_resources = 2;
    c.metrics = names;
    c.n_metrics = 2;
    c.cells = cells;
    OK(read_data(&b, DATA "synthetic_metrics_getbatch_wrong_metric.json"));
    OK(metrics(buf_sv(&b), &c, &f, &e) == ERR_OK);
    OK(cells[0].state == AZURE_CELL_MISSING && cells[1].state == AZURE_CELL_OK && cells[2].state == AZURE_CELL_MISSING);
    buf_done(&b);
}

static void as_many_series_as_top_are_truncated(void)
{
    struct azure_metric_context c = context();
    struct azure_cell cell = { 0 };
    sv id = SV(A1 "aoai-demo"), name = SV("modelrequests");
    struct frame *f;
    struct err e = { 0 };

    c.resource_ids = &id;
    c.metrics = &name;
    c.n_resources = c.n_metrics = 1;
    c.cells = &cell;
    c.top = 1;
    OK(metrics(SV(SERIES("", POINT(",\"total\":2"))), &c, &f, &e) == ERR_OK);
    OK(cell.state == AZURE_CELL_TRUNCATED && frame_records(f) == 0);
    c.top = 2;
    OK(metrics(SV(SERIES("", POINT(",\"total\":2"))), &c, &f, &e) == ERR_OK);
    OK(cell.state == AZURE_CELL_OK && cell.n_series == 1 && cell.total > 1.9);
}

static int unknown_seen;
static void on_unknown(void *ctx, sv id, sv name)
{
    (void)ctx;
    unknown_seen += sv_eq(id, SV(A1 "aoai-demo")) && sv_eq(name, SV("brand-new"));
}

static void unknown_deployments_are_told(void)
{
    struct azure_metric_context c = context();

    azure_metrics_unknown(parse(SV(SERIES(DIM("modeldeploymentname", "brand-new"), ""))), &c, &arena, on_unknown);
    OK(unknown_seen == 0); /* the answer names no resource, and neither does the question */
    c.resource_id = SV(A1 "aoai-demo");
    azure_metrics_unknown(parse(SV(SERIES(DIM("modeldeploymentname", "brand-new"), ""))), &c, &arena, on_unknown);
    OK(unknown_seen == 1);
    azure_metrics_unknown(parse(SV(SERIES(DIM("modeldeploymentname", "chat-prod"), ""))), &c, &arena, on_unknown);
    OK(unknown_seen == 1);
}

static void both_doors_give_one_key(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };
    uint64_t key;

    OK(metrics(SV(SERIES(DIM("ModelName", "a") "," DIM("StatusCode", "200"), POINT(",\"total\":2"))), &c, &f, &e) ==
       ERR_OK);
    key = only_measure(f)->key;
    OK(metrics(SV("{\"values\":[{\"resourceid\":\"" A1
                  "AOAI-Demo\",\"interval\":\"PT1M\",\"value\":[{\"name\":{\"value\":\"ModelRequests\"},"
                  "\"timeseries\":[{\"metadatavalues\":[" DIM("statuscode", "200") "," DIM(
                      "modelname", "a") "],\"data\":[" POINT(",\"total\":3") "]}]}]}]}"),
               &c, &f, &e) == ERR_OK);
    OK(only_measure(f) && only_measure(f)->key == key);
}

static void what_is_no_metrics_answer_is_refused(void)
{
    struct azure_metric_context c = context();
    struct frame *f;
    struct err e = { 0 };

    OK(metrics(SV("{\"error\":{\"code\":\"x\"}}"), &c, &f, &e) == ERR_PARSE);
    OK(metrics(SV("[]"), &c, &f, &e) == ERR_PARSE);
    OK(metrics(SV("{\"values\":[{}]}"), &c, &f, &e) == ERR_PARSE);
}

static void a_quota_name_has_three_parts(void)
{
    sv pool, sku, model;

    OK(azure_quota_name(SV("OpenAI.GlobalStandard.gpt-4.1"), &pool, &sku, &model));
    OK(sv_eq(pool, SV("OpenAI.GlobalStandard")) && sv_eq(sku, SV("GlobalStandard")) && sv_eq(model, SV("gpt-4.1")));
    OK(!azure_quota_name(SV("Face.Transactions"), &pool, &sku, &model));
}

static void descendants_hold_subscriptions_among_groups(void)
{
    struct items items = { .arena = &arena };
    struct err e = { 0 };
    sv next;

    OK(azure_decode_descendants(
           parse(SV(
               "{\"value\":[{\"type\":\"/subscriptions\",\"name\":\"00AA\",\"properties\":{\"displayName\":\"d\"}},"
               "{\"type\":\"Microsoft.Management/managementGroups\",\"name\":\"mg\"}],\"nextLink\":\"https://x/\"}")),
           &items, &next, &e) == ERR_OK);
    OK(items.n == 1 && sv_eq(ITEM(&items, struct azure_subscription_item, 0)->id, SV("00aa")));
    OK(sv_eq(next, SV("https://x/")));
    items.n = 0;
    OK(azure_decode_subscriptions(parse(SV("{\"value\":[{\"subscriptionId\":\"A\",\"state\":\"Disabled\"},"
                                           "{\"subscriptionId\":\"B\",\"state\":\"Deleted\"}]}")),
                                  &items, &next, &e) == ERR_OK);
    OK(items.n == 1 && next.len == 0);
}

int main(void)
{
    parser = json_parser_new(0);
    arena_init(&arena, 0);
    RUN(answers_decode_as_expected);
    RUN(taken_samples_decode);
    RUN(zero_is_a_value_and_a_bare_point_is_none);
    RUN(dimension_names_compare_without_case);
    RUN(empty_is_absent);
    RUN(other_publishers_are_rejected_and_counted);
    RUN(another_grain_is_refused);
    RUN(points_outside_the_window_are_rejected);
    RUN(count_makes_a_summary_of_an_average);
    RUN(cells_tell_what_was_not_answered);
    RUN(as_many_series_as_top_are_truncated);
    RUN(unknown_deployments_are_told);
    RUN(both_doors_give_one_key);
    RUN(what_is_no_metrics_answer_is_refused);
    RUN(a_quota_name_has_three_parts);
    RUN(descendants_hold_subscriptions_among_groups);
    arena_done(&arena);
    json_parser_free(parser);
    return tap_done();
}
