/* The tables against the reference, and what the look-ups make of names never seen before. */
#include "collector/ledger/family.h"
#include "collector/sources/gcp/gcp.h"

#include "tests/tap.h"

static struct arena arena;

static void every_rule_names_what_is_there(void)
{
    for (size_t i = 0; i < GCP_RULES; i++) {
        const struct rule *r = &gcp_rules[i];
        sv theirs = r->theirs;
        bool metric = sv_find(theirs, '/') < theirs.len && !sv_starts(theirs, SV("quota/"));

        if (!OK(r->platform == PLATFORM_VERTEX_AI && family_find(r->ours) >= 0 && r->weight > 0 &&
                (!metric || gcp_metric_find(theirs) >= 0)))
            printf("# %.*s\n", SV_ARG(theirs));
    }
}

static bool has_rule(sv theirs)
{
    for (size_t i = 0; i < GCP_RULES; i++)
        if (sv_eq(gcp_rules[i].theirs, theirs))
            return true;
    return false;
}

static void every_metric_that_is_read_counts_somewhere(void)
{
    for (size_t i = 0; i < n_gcp_metrics; i++)
        OK(has_rule(sv_of(gcp_metrics[i].type)) && gcp_metric_find(sv_of(gcp_metrics[i].type)) == (int)i);
    OK(gcp_metric_find(SV("aiplatform.googleapis.com/publisher/online_serving/token_count")) >= 0);
    OK(gcp_metric_find(SV("publisher/online_serving/tokens")) < 0 && gcp_metric_find(SV_NONE) < 0);
}

static void quotas_are_found_by_name_and_leaf(void)
{
    const struct gcp_quota *q;
    sv leaf;

    for (size_t i = 0; i < n_gcp_quotas; i++) {
        q = gcp_quota_find(arena_printf(&arena, "aiplatform.googleapis.com/quota/%s/usage", gcp_quotas[i].name), &leaf);
        OK(q == &gcp_quotas[i] && sv_eq(leaf, SV("usage")));
    }
    q = gcp_quota_find(SV("quota/online_prediction_requests_per_base_model/limit"), &leaf);
    OK(q && sv_eq(leaf, SV("limit")) && strcmp(q->unit, "requests") == 0 && strcmp(q->pool, "online_prediction") == 0);
    OK(!gcp_quota_find(SV("quota/requests_of_something/usage"), &leaf) && !gcp_quota_find(SV("quota"), &leaf));
}

static void outcomes(void)
{
    OK(gcp_outcome_of_code(SV("200")) == OUTCOME_SUCCESS && gcp_outcome_of_code(SV("2xx")) == OUTCOME_SUCCESS);
    OK(gcp_outcome_of_code(SV("429")) == OUTCOME_THROTTLED && gcp_outcome_of_code(SV("4xx")) == OUTCOME_CLIENT_ERROR);
    OK(gcp_outcome_of_code(SV("503")) == OUTCOME_SERVER_ERROR &&
       gcp_outcome_of_code(SV("5xx")) == OUTCOME_SERVER_ERROR);
    OK(gcp_outcome_of_code(SV("-xx")) == OUTCOME_UNKNOWN && gcp_outcome_of_code(SV("")) == OUTCOME_UNKNOWN);
    OK(gcp_outcome_of_rpc(0) == OUTCOME_SUCCESS && gcp_outcome_of_rpc(8) == OUTCOME_THROTTLED);
    OK(gcp_outcome_of_rpc(7) == OUTCOME_CLIENT_ERROR && gcp_outcome_of_rpc(14) == OUTCOME_SERVER_ERROR);
    OK(gcp_outcome_of_rpc(17) == OUTCOME_UNKNOWN && gcp_outcome_of_rpc(-1) == OUTCOME_UNKNOWN);
}

static void operations(void)
{
    OK(sv_eq(gcp_operation(&arena, SV("ChatCompletions")), SV("chat")));
    OK(sv_eq(gcp_operation(&arena, SV("StreamRawPredict")), SV("streamrawpredict")));
    OK(sv_eq(gcp_operation(&arena, SV("")), SV("")));
}

static void who_is_audited(void)
{
    OK(gcp_audits(SV("aiplatform.googleapis.com"), SV("Anything")));
    OK(gcp_audits(SV("logging.googleapis.com"), SV("DeleteSink")) &&
       !gcp_audits(SV("logging.googleapis.com"), SV("GetSink")));
    OK(!gcp_audits(SV("pubsub.googleapis.com"), SV("DeleteSink")));
}

static void endpoints_are_ours_by_name(void)
{
    static const char *const names[] = { "gpt-oss", "openai" }, *const all[] = { "*" };
    const struct string_list some = { (const char **)(uintptr_t)names, 2 }, any = { (const char **)(uintptr_t)all, 1 };

    OK(gcp_is_ours(&some, SV("My-GPT-OSS-20b"), SV_NONE) && gcp_is_ours(&some, SV("tuned"), SV("OpenAI support")));
    OK(!gcp_is_ours(&some, SV("llama"), SV("chat")) && gcp_is_ours(&any, SV_NONE, SV_NONE));
}

static void where_a_location_processes(void)
{
    OK(sv_eq(gcp_processing(SV("global")), SV("global")) && sv_eq(gcp_processing(SV("eu")), SV("eu")));
    OK(sv_eq(gcp_processing(SV("europe-west4")), SV("region")) && sv_eq(gcp_processing(SV_NONE), SV("unknown")));
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(every_rule_names_what_is_there);
    RUN(every_metric_that_is_read_counts_somewhere);
    RUN(quotas_are_found_by_name_and_leaf);
    RUN(outcomes);
    RUN(operations);
    RUN(who_is_audited);
    RUN(endpoints_are_ours_by_name);
    RUN(where_a_location_processes);
    arena_done(&arena);
    return tap_done();
}
