/* The tables say nothing twice, nothing unsorted, nothing that the ledger could not take. */
#include "collector/ledger/family.h"
#include "collector/sources/azure/azure.h"

#include "tests/tap.h"

static int by_place(const struct rule *a, const struct rule *b)
{
    int d = sv_cmp(a->theirs, b->theirs);

    d = d ? d : sv_cmp(a->ours, b->ours);
    d = d ? d : sv_cmp(a->stat, b->stat);
    return d ? d : sv_cmp(a->labels, b->labels);
}

static bool labels_known(sv labels)
{
    while (labels.len) {
        sv pair = sv_cut(&labels, ',');

        if (label_find(sv_cut(&pair, '=')) < 0 || pair.len == 0)
            return false;
    }
    return true;
}

static void rules_are_sorted_and_unique(void)
{
    bool good = true;

    for (size_t i = 1; i < AZURE_RULES; i++)
        if (by_place(&azure_rules[i - 1], &azure_rules[i]) >= 0) {
            printf("# %.*s\n", SV_ARG(azure_rules[i].theirs));
            good = false;
        }
    OK(good);
}

static void rules_name_families_and_labels_that_exist(void)
{
    for (size_t i = 0; i < AZURE_RULES; i++) {
        const struct rule *r = &azure_rules[i];
        sv born = r->born;
        bool good = family_find(r->ours) >= 0 && r->weight > 0 && labels_known(r->labels);

        while (born.len)
            good = good && labels_known(sv_cut(&born, ';'));
        good = good && (r->fact.len == 0) == (r->family.len == 0);
        if (!good)
            printf("# %.*s\n", SV_ARG(r->theirs));
        OK(good);
    }
}

static const struct rule *rule_of(const char *metric)
{
    for (size_t i = 0; i < AZURE_RULES; i++)
        if (sv_eq(azure_rules[i].theirs, sv_of(metric)))
            return &azure_rules[i];
    return NULL;
}

static void each_metric_that_is_read_has_a_rule_of_its_family(void)
{
    for (const struct azure_group *g = azure_groups; g->name; g++)
        for (size_t i = 0; g->metrics[i]; i++) {
            const struct rule *r = rule_of(g->metrics[i]);

            OK(r && (r->family.len == 0 || sv_eq(r->family, sv_of(g->family))));
            OK(azure_group_of_metric(sv_of(g->metrics[i])) == g);
        }
    OK(azure_group_find(SV("metrics/models/tokens")) && !azure_group_find(SV("metrics/models")));
}

static void milliseconds_become_seconds_and_percent_a_ratio(void)
{
    for (size_t i = 0; i < AZURE_RULES; i++) {
        const struct rule *r = &azure_rules[i];

        if ((sv_ends(r->theirs, SV("TimeToResponse")) || sv_ends(r->theirs, SV("TTLTInMS")) ||
             sv_eq(r->theirs, SV("TimeToLastByte"))) &&
            !sv_eq(r->stat, SV("count")))
            OK(r->weight > 0.0009 && r->weight < 0.0011);
        if (sv_ends(r->ours, SV("_ratio")))
            OK(r->weight > 0.009 && r->weight < 0.011);
    }
}

static void a_sku_tells_where_calls_are_processed(void)
{
    OK(sv_eq(azure_processing(SV("Standard"), SV("westeurope")), SV("region")));
    OK(sv_eq(azure_processing(SV("GlobalStandard"), SV("westeurope")), SV("global")));
    OK(sv_eq(azure_processing(SV("DataZoneStandard"), SV("swedencentral")), SV("eu")));
    OK(sv_eq(azure_processing(SV("DataZoneStandard"), SV("Switzerland North")), SV("eu")));
    OK(sv_eq(azure_processing(SV("DataZoneProvisionedManaged"), SV("eastus2")), SV("us")));
    OK(sv_eq(azure_processing(SV("DataZoneStandard"), SV("atlantis")), SV("unknown")));
    OK(sv_eq(azure_processing(SV("GlobalFlex"), SV("eastus2")), SV("global")));
    OK(sv_eq(azure_processing(SV("Novel"), SV("eastus2")), SV("unknown")));
    OK(azure_sku_is_provisioned(SV("GlobalProvisionedManaged")) && !azure_sku_is_provisioned(SV("Standard")));
}

static void status_codes_come_as_numbers_or_words(void)
{
    OK(azure_outcome(SV("200")) == OUTCOME_SUCCESS);
    OK(azure_outcome(SV("429")) == OUTCOME_THROTTLED);
    OK(azure_outcome(SV("499")) == OUTCOME_CLIENT_ERROR);
    OK(azure_outcome(SV("503")) == OUTCOME_SERVER_ERROR);
    OK(azure_outcome(SV("Server Errors")) == OUTCOME_SERVER_ERROR);
    OK(azure_outcome(SV("what")) == OUTCOME_UNKNOWN);
}

static void only_two_kinds_of_account_have_models(void)
{
    OK(azure_family_of_kind(SV("openai")) == azure_family_find(SV("azure_openai")));
    OK(azure_family_of_kind(SV("AIServices")) == azure_family_find(SV("models")));
    OK(azure_family_of_kind(SV("SpeechServices")) == -1);
    OK(azure_metric_error(SV("Success")) == ERR_OK);
    OK(azure_metric_error(SV("Throttled")) == ERR_THROTTLED);
    OK(azure_metric_error(SV("NeverHeard")) == ERR_RETRY);
}

int main(void)
{
    RUN(rules_are_sorted_and_unique);
    RUN(rules_name_families_and_labels_that_exist);
    RUN(each_metric_that_is_read_has_a_rule_of_its_family);
    RUN(milliseconds_become_seconds_and_percent_a_ratio);
    RUN(a_sku_tells_where_calls_are_processed);
    RUN(status_codes_come_as_numbers_or_words);
    RUN(only_two_kinds_of_account_have_models);
    return tap_done();
}
