/* What a ModelId names, in every form in which it was met. */
#include "collector/sources/aws/aws.h"

#include "tests/tap.h"

static struct arena arena;

#define ARN "arn:aws:bedrock:us-east-1:111122223333:"

/* clang-format off */
static const struct {
    const char *id, *deployment, *model, *publisher, *geography;
    bool opaque;
} rows[] = {
    { "openai.gpt-oss-120b-1:0",   "",                       "gpt-oss-120b", "openai", "", false },
    { "openai.gpt-oss-120b",       "",                       "gpt-oss-120b", "openai", "", false },
    { "openai.gpt-6.1-sol",        "",                       "gpt-6.1-sol",  "openai", "", false },
    { "us.openai.gpt-6-sol",       "us.openai.gpt-6-sol",    "gpt-6-sol",    "openai", "us", false },
    { "global.openai.gpt-6-luna",  "global.openai.gpt-6-luna", "gpt-6-luna", "openai", "global", false },
    { "us-gov.openai.gpt-6-sol",   "us-gov.openai.gpt-6-sol", "gpt-6-sol",   "openai", "us-gov", false },
    { "mars.openai.gpt-6-sol",     "mars.openai.gpt-6-sol",  "gpt-6-sol",    "openai", "mars", false },
    { "us.anthropic.claude-x-v1:0", "us.anthropic.claude-x-v1:0", "claude-x", "anthropic", "us", false },
    { "anthropic.claude-x",        "",                       "claude-x",     "anthropic", "", false },
    { "amazon.nova-pro-v1:0",      "",                       "nova-pro",  "amazon", "", false },
    { "arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-20b-1:0", "openai.gpt-oss-20b-1:0", "gpt-oss-20b", "openai", "", false },
    { ARN "inference-profile/us.openai.gpt-6-sol", "us.openai.gpt-6-sol", "gpt-6-sol", "openai", "us", false },
    { ARN "application-inference-profile/abc123def456", "abc123def456", "gpt-6-terra", "openai", "", true },
    { "abc123def456",              "abc123def456",           "gpt-6-terra",  "openai", "", true },
    { ARN "application-inference-profile/unknown1", "unknown1", "",          "",       "", true },
    { "unknown1",                  "unknown1",               "",             "",       "", true },
    { ARN "provisioned-model/xyz", "xyz",                    "",             "",       "", true },
    { "openai.",                   "openai.",                "",             "",       "", true },
    { "",                          "",                       "",             "",       "", true },
};
/* clang-format on */

static void each_form_names_its_model(void)
{
    const struct aws_profile one[] = { { .id = SV("abc123def456"), .model_id = SV("openai.gpt-6-terra") } };
    const struct aws_profiles profiles = { one, 1 };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct aws_model m;
        bool good = aws_model_of(&profiles, sv_of(rows[i].id), &arena, &m, NULL) == ERR_OK;

        good = good && sv_eq(m.deployment, sv_of(rows[i].deployment)) && sv_eq(m.model, sv_of(rows[i].model));
        good = good && sv_eq(m.publisher, sv_of(rows[i].publisher)) && sv_eq(m.geography, sv_of(rows[i].geography));
        good = good && m.opaque == rows[i].opaque;
        if (!OK(good))
            printf("# %s: deployment=%.*s model=%.*s publisher=%.*s geography=%.*s opaque=%d\n", rows[i].id,
                   SV_ARG(m.deployment), SV_ARG(m.model), SV_ARG(m.publisher), SV_ARG(m.geography), m.opaque);
    }
}

static void without_profiles_an_opaque_id_names_no_model(void)
{
    struct aws_model m;

    OK(aws_model_of(NULL, SV("abc123def456"), &arena, &m, NULL) == ERR_OK && m.opaque && m.model.len == 0);
}

static void a_full_arena_is_told(void)
{
    struct arena small;
    struct aws_model m;
    struct err e = { 0 };

    arena_init(&small, 1);
    OK(aws_model_of(NULL, SV("openai.gpt-6-sol"), &small, &m, &e) == ERR_LIMIT);
    arena_done(&small);
}

static void resource_ids_are_arns_of_the_partition(void)
{
    const struct aws_origin runtime = { PLATFORM_BEDROCK, SV("111122223333"), SV("us-gov-west-1"), SV("ignored") };
    const struct aws_origin mantle = { PLATFORM_BEDROCK_MANTLE, SV("111122223333"), SV("eu-central-1"), SV("Team-A") };
    const struct aws_origin account = { PLATFORM_BEDROCK_MANTLE, SV("111122223333"), SV("eu-central-1"), SV_NONE };

    OK(sv_eq(aws_resource_id(&arena, &runtime), SV("arn:aws-us-gov:bedrock:us-gov-west-1:111122223333")));
    OK(sv_eq(aws_resource_id(&arena, &mantle), SV("arn:aws:bedrock-mantle:eu-central-1:111122223333:project/team-a")));
    OK(sv_eq(aws_resource_id(&arena, &account), SV("arn:aws:bedrock-mantle:eu-central-1:111122223333")));
}

static void one_origin_has_one_batch(void)
{
    const struct aws_origin o = { PLATFORM_BEDROCK_MANTLE, SV("111122223333"), SV("eu-central-1"), SV("Team-A") };
    struct frame *f = frame_new(&arena, SV("aws"), SV("s"));
    struct batch *b = aws_batch_of(f, &o, SV("aws"), 1);
    struct batch *pool = aws_pool_batch(f, &o, SV("mantle_input"), SV("aws"), 1);

    OK(b && aws_batch_of(f, &o, SV("aws"), 1) == b && pool && pool != b);
    OK(sv_eq(batch_sv(b, b->origin.resource), SV("Team-A")) && sv_eq(batch_sv(b, b->origin.jurisdiction), SV("eu")));
    OK(sv_eq(batch_sv(pool, pool->origin.resource), SV("mantle_input")));
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(each_form_names_its_model);
    RUN(without_profiles_an_opaque_id_names_no_model);
    RUN(a_full_arena_is_told);
    RUN(resource_ids_are_arns_of_the_partition);
    RUN(one_origin_has_one_batch);
    arena_done(&arena);
    return tap_done();
}
