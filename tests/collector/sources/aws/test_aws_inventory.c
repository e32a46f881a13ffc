/* Answers of discovery, the samples first, and what the ledger is told of them. */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws.h"

#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

static struct arena arena;
static struct json_parser *parser;
static struct err e;
static sv next;

static json sample(const char *name)
{
    struct buf bytes;
    char path[256];
    json root = { 0 };

    snprintf(path, sizeof path, "../discovery/aws_%s.json", name);
    OK(data_read(path, &bytes) && json_parse(parser, buf_sv(&bytes), &root, &e) == ERR_OK);
    buf_done(&bytes);
    return root;
}

static json text(const char *t)
{
    json root = { 0 };

    OK(json_parse(parser, sv_of(t), &root, &e) == ERR_OK);
    return root;
}

static void only_active_accounts_are_listed(void)
{
    struct items items = { .arena = &arena };

    OK(aws_decode_accounts(sample("organizations_list_accounts_page"), &items, &next, &e) == ERR_OK);
    OK(items.n == 2 && sv_eq(next, SV("CONSTRUCTED-TOKEN-1")));
    OK(sv_eq(ITEM(&items, struct aws_account_item, 0)->id, SV("111122223333")) &&
       sv_eq(ITEM(&items, struct aws_account_item, 1)->name, SV("no-status-field")));
    OK(aws_decode_accounts(sample("organizations_list_accounts_empty_page"), &items, &next, &e) == ERR_OK);
    OK(items.n == 2 && sv_eq(next, SV("CONSTRUCTED-TOKEN-2")));
    OK(aws_decode_accounts(
           text("{\"Accounts\":[{\"Id\":\"123\"},{\"Id\":\"000000000001\",\"Status\":\"ACTIVE\"},"
                "{\"Id\":\"000000000002\",\"Status\":\"PENDING_CLOSURE\"},{\"Id\":\"000000000003\"},7]}"),
           &items, &next, &e) == ERR_OK);
    OK(items.n == 4 && next.len == 0);
    OK(aws_decode_accounts(text("{}"), &items, &next, &e) == ERR_PARSE);
    OK(aws_decode_units(text("{\"OrganizationalUnits\":[{\"Id\":\"ou-1\"},{\"Name\":\"x\"}],\"NextToken\":null}"),
                        &items, &next, &e) == ERR_OK &&
       next.len == 0);
}

static void regions_that_are_not_enabled_are_left_out(void)
{
    struct items items = { .arena = &arena };

    OK(aws_decode_regions(sample("account_list_regions"), &items, &next, &e) == ERR_OK);
    OK(items.n == 2 && sv_eq(*ITEM(&items, sv, 0), SV("us-east-1")) && sv_eq(*ITEM(&items, sv, 1), SV("eu-central-2")));
}

static void application_profiles_name_their_model(void)
{
    struct items items = { .arena = &arena };
    struct owner_tags tags = { SV_NONE, SV_NONE, SV_NONE, SV_NONE };
    const struct aws_profile *p;

    OK(aws_decode_profiles(sample("bedrock_list_inference_profiles"), &items, &next, &e) == ERR_OK);
    OK(items.n == 1 && next.len > 0);
    p = ITEM(&items, struct aws_profile, 0);
    OK(sv_eq(p->id, SV("abcd1234efgh")) && sv_eq(p->model_id, SV("openai.gpt-oss-120b-1:0")) &&
       sv_eq(p->processing, SV("region")));
    OK(aws_decode_tags(sample("bedrock_list_tags"), &arena, &tags, &e) == ERR_OK);
    OK(sv_eq(tags.team, SV("search")) && sv_eq(tags.cost_center, SV("4711")) && tags.env.len == 0);
}

#define PROFILE(models)                                                                                                \
    "{\"inferenceProfileArn\":\"arn:aws:bedrock:us-east-1:1:application-inference-profile/x\",\"models\":[" models "]" \
    "}"
#define IN(region) "{\"modelArn\":\"arn:aws:bedrock:" region "::foundation-model/openai.gpt-6-sol\"}"

static void destinations_tell_where_calls_are_processed(void)
{
    static const struct {
        const char *profile, *processing;
    } rows[] = {
        { PROFILE(IN("us-east-1")), "region" },
        { PROFILE(IN("us-east-1") "," IN("us-west-2")), "us" },
        { PROFILE(IN("eu-central-1") "," IN("eu-west-1")), "eu" },
        { PROFILE(IN("eu-central-1") "," IN("eu-central-2")), "unknown" }, /* Switzerland is not the EU */
        { PROFILE(IN("us-east-1") "," IN("")), "global" },
        { PROFILE(""), "unknown" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct items items = { .arena = &arena };

        OK(aws_decode_profile(text(rows[i].profile), &items, &e) == ERR_OK && items.n == 1);
        OK(sv_eq(ITEM(&items, struct aws_profile, 0)->id, SV("x")));
        if (!OK(sv_eq(ITEM(&items, struct aws_profile, 0)->processing, sv_of(rows[i].processing))))
            printf("# %s\n", rows[i].profile);
    }
}

static void logging_is_on_off_or_elsewhere(void)
{
    struct aws_logging_state s = { AWS_LOGGING_UNKNOWN, SV_NONE };

    OK(aws_decode_logging(sample("bedrock_logging_on"), &arena, &s, &e) == ERR_OK);
    OK(s.logging == AWS_LOGGING_ON && sv_eq(s.log_group, SV("/bedrock/invocations")));
    OK(aws_decode_logging(sample("bedrock_logging_off"), &arena, &s, &e) == ERR_OK);
    OK(s.logging == AWS_LOGGING_OFF && s.log_group.len == 0);
    OK(aws_decode_logging(text("{\"loggingConfig\":{\"s3Config\":{\"bucketName\":\"b\"}}}"), &arena, &s, &e) == ERR_OK);
    OK(s.logging == AWS_LOGGING_ON && s.log_group.len == 0);
    OK(aws_decode_logging(text("{\"loggingConfig\":{\"textDataDeliveryEnabled\":true}}"), &arena, &s, &e) == ERR_OK);
    OK(s.logging == AWS_LOGGING_OFF);
    OK(aws_decode_logging(text("[]"), &arena, &s, &e) == ERR_PARSE);
}

static void a_quota_with_an_error_has_no_value(void)
{
    struct items items = { .arena = &arena };
    struct frame *f = frame_new(&arena, SV("aws"), SV("s"));
    struct aws_metric_context c = { .source = SV("aws"), .account = SV("1"), .region = SV("us-east-1") };

    OK(aws_decode_quotas(sample("service_quotas_bedrock_page"), &items, &next, &e) == ERR_OK);
    OK(items.n == 1 && next.len > 0);
    OK(aws_emit_quotas(items.at, items.n, &c, 0, NANO_PER_H, f, &e) == ERR_OK && f->batches->n_measures == 1);
    OK(sv_eq(batch_sv(f->batches, f->batches->measures[0].model), SV("gpt-oss-120b")) &&
       f->batches->measures[0].value == 1e7);
}

static void a_name_stands_once_in_its_resource(void)
{
    static const struct aws_name names[] = {
        { PLATFORM_BEDROCK, SVT(""), SVT("openai.gpt-oss-120b-1:0") },
        { PLATFORM_BEDROCK, SVT(""), SVT("openai.gpt-oss-120b-1:1") }, /* another version of the same series */
        { PLATFORM_BEDROCK, SVT(""), SVT("eu.openai.gpt-6-sol") },
        { PLATFORM_BEDROCK_MANTLE, SVT("p"), SVT("openai.gpt-6-sol") },
        { PLATFORM_BEDROCK_MANTLE, SVT("q"), SVT("openai.gpt-6-sol") },
    };
    struct frame *f = frame_new(&arena, SV("aws"), SV("s"));
    struct aws_metric_context c = { .source = SV("aws"), .account = SV("1"), .region = SV("eu-central-1") };

    OK(aws_emit_names(names, 5, &c, f, &e) == ERR_OK && f->n_epochs == 3);
    OK(f->epochs[0].n_items == 2 && f->epochs[1].n_items == 1 && f->epochs[2].n_items == 1);
    OK(sv_eq(f->epochs[0].items[1].processing, SV("eu")) && sv_eq(f->epochs[0].items[0].processing, SV("region")) &&
       sv_eq(f->epochs[0].items[0].jurisdiction, SV("eu")));
    OK(f->epochs[1].items[0].deployment.len == 0 && f->epochs[1].hash == f->epochs[2].hash);
}

int main(void)
{
    arena_init(&arena, 0);
    parser = json_parser_new(0);
    RUN(only_active_accounts_are_listed);
    RUN(regions_that_are_not_enabled_are_left_out);
    RUN(application_profiles_name_their_model);
    RUN(destinations_tell_where_calls_are_processed);
    RUN(logging_is_on_off_or_elsewhere);
    RUN(a_quota_with_an_error_has_no_value);
    RUN(a_name_stands_once_in_its_resource);
    json_parser_free(parser);
    arena_done(&arena);
    return tap_done();
}
