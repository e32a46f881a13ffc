/* The tables say nothing twice, nothing unsorted, nothing that the ledger could not take; each metric has one level. */
#include "collector/ledger/family.h"
#include "collector/sources/aws/aws.h"

#include "tests/tap.h"

static int by_place(const struct rule *a, const struct rule *b)
{
    int d = sv_cmp(a->theirs, b->theirs);

    d = d ? d : sv_cmp(a->ours, b->ours);
    d = d ? d : sv_cmp(a->family, b->family);
    d = d ? d : sv_cmp(a->stat, b->stat);
    return d ? d : sv_cmp(a->labels, b->labels);
}

static bool labels_known(sv labels)
{
    while (labels.len) {
        sv pair = sv_cut(&labels, ',');

        if (label_find(sv_cut(&pair, '=')) < 0) /* an empty value takes a label away */
            return false;
    }
    return true;
}

static void rules_are_unique(void)
{
    for (size_t i = 0; i < AWS_RULES; i++) {
        bool good = aws_rules[i].theirs.len > 0; /* no row was forgotten when the table shrank */

        for (size_t k = 0; k < i; k++)
            good = good && (aws_rules[k].platform != aws_rules[i].platform || by_place(&aws_rules[k], &aws_rules[i]));
        if (!OK(good))
            printf("# %.*s\n", SV_ARG(aws_rules[i].theirs));
    }
}

static void rules_name_families_and_labels_that_exist(void)
{
    for (size_t i = 0; i < AWS_RULES; i++) {
        const struct rule *r = &aws_rules[i];
        bool good = family_find(r->ours) >= 0 && labels_known(r->labels) && (r->weight > 0 || r->family.len);
        sv born = r->born;

        while (born.len)
            good = good && labels_known(sv_cut(&born, ';'));
        if (!OK(good))
            printf("# %.*s\n", SV_ARG(r->theirs));
    }
}

static void milliseconds_become_seconds(void)
{
    for (size_t i = 0; i < AWS_RULES; i++)
        if (sv_has(aws_rules[i].ours, SV("_seconds")) && !sv_eq(aws_rules[i].theirs, SV("ModelInvocationLog")) &&
            !sv_eq(aws_rules[i].stat, SV("count")))
            OK(aws_rules[i].weight > 0.0009 && aws_rules[i].weight < 0.0011);
}

/* Levels overlap: a second row of one metric would count its calls twice. */
static void each_metric_is_read_at_one_level_and_has_a_rule(void)
{
    for (size_t i = 0; i < n_aws_metrics; i++) {
        const struct aws_metric *m = &aws_metrics[i];
        unsigned rows = 0, rules = 0;

        for (size_t k = 0; k < n_aws_metrics; k++)
            rows += sv_eq(sv_of(aws_metrics[k].ns), sv_of(m->ns)) && sv_eq(sv_of(aws_metrics[k].name), sv_of(m->name));
        for (size_t k = 0; k < AWS_RULES; k++)
            rules += aws_rules[k].platform == m->platform && sv_eq(aws_rules[k].theirs, sv_of(m->name));
        if (!OK(rows == 1 && rules > 0 && m->stats))
            printf("# %s\n", m->name);
        OK(aws_level(m) == (m->platform == PLATFORM_BEDROCK ? 1 : 2));
        OK(aws_entries(m, false) <= 5 && aws_price_units(m, false) == 1);
        OK(aws_price_units(m, true) == (aws_entries(m, true) > 5 ? 2 : 1));
    }
}

static void both_readings_of_invocations_end_at_the_successes(void)
{
    static const char *const readings[] = { "successes", "accepted" };

    for (size_t k = 0; k < 2; k++) {
        double invocations = k == 0 ? 90 : 100, errors = 10, sum = 0;

        for (size_t i = 0; i < AWS_RULES; i++) {
            const struct rule *r = &aws_rules[i];
            bool counts = r->family.len == 0 || sv_eq(r->family, sv_of(readings[k]));

            if (!counts || !sv_eq(r->labels, SV("outcome=success")) || r->platform != PLATFORM_BEDROCK)
                continue;
            sum += r->weight * (sv_eq(r->theirs, SV("Invocations")) ? invocations : errors / 2);
        }
        OK(sum > 89.9 && sum < 90.1);
    }
}

static void quota_names_tell_pool_unit_and_model(void)
{
    static const struct {
        const char *name, *pool, *unit, *model;
    } rows[] = {
        { "On-demand InvokeModel tokens per minute for OpenAI gpt-oss-120b", "on_demand", "tokens",
          "OpenAI gpt-oss-120b" },
        { "Cross-Region InvokeModel tokens per minute for OpenAI GPT-6 Luna", "cross_region", "tokens",
          "OpenAI GPT-6 Luna" },
        { "Cross-region model inference requests per minute for X", "cross_region", "requests", "X" },
        { "Global cross-region model inference tokens per minute for X", "global", "tokens", "X" },
        { "Bedrock Mantle output tokens per minute for X", "mantle_output", "tokens", "X" },
        { "Bedrock Mantle input tokens per minute for X", "mantle_input", "tokens", "X" },
    };
    struct aws_quota q;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        OK(aws_quota_name(sv_of(rows[i].name), &q));
        OK(sv_eq(q.pool, sv_of(rows[i].pool)) && sv_eq(q.unit, sv_of(rows[i].unit)) &&
           sv_eq(q.model, sv_of(rows[i].model)));
    }
    OK(!aws_quota_name(SV("Model invocation max tokens per day for X"), &q));
    OK(!aws_quota_name(SV("On-demand InvokeModel tokens per minute for "), &q) && !aws_quota_name(SV_NONE, &q));
}

static void every_api_has_a_name_a_quota_and_a_permission(void)
{
    for (int i = 0; i < AWS_APIS; i++) {
        const struct aws_operation *o = &aws_operations[i];

        OK(o->api.name && o->api.burst >= 1 && o->api.per_s > 0 && o->service && o->method);
        OK((o->target == NULL) || (o->content_type && strstr(o->target, o->api.name)));
        OK(aws_permission((enum aws_api)i) && strstr(aws_permission((enum aws_api)i), ":"));
    }
}

int main(void)
{
    RUN(rules_are_unique);
    RUN(rules_name_families_and_labels_that_exist);
    RUN(milliseconds_become_seconds);
    RUN(each_metric_is_read_at_one_level_and_has_a_rule);
    RUN(both_readings_of_invocations_end_at_the_successes);
    RUN(quota_names_tell_pool_unit_and_model);
    RUN(every_api_has_a_name_a_quota_and_a_permission);
    return tap_done();
}
