/* Canonical model names: the table of examples, and what must hold for any text. */
#include "collector/base/clock.h"
#include "collector/model/canonical.h"

#include "tests/tap.h"

static struct arena a;

/* clang-format off */
static const struct { const char *raw, *canonical; } examples[] = {
    { "openai.gpt-oss-120b-1:0",                                            "gpt-oss-120b" },
    { "us.openai.gpt-6-sol",                                                "gpt-6-sol" },
    { "global.openai.gpt-5.6-terra",                                        "gpt-5.6-terra" },
    { "us-gov.openai.gpt-6-luna",                                           "gpt-6-luna" },
    { "mars-north.openai.gpt-7",                                            "gpt-7" },
    { "openai.gpt-oss-safeguard-20b",                                       "gpt-oss-safeguard-20b" },
    { "gpt-oss-120b-maas",                                                  "gpt-oss-120b" },
    { "openai/gpt-oss-120b-maas",                                           "gpt-oss-120b" },
    { "publishers/openai/models/gpt-oss-20b-maas",                          "gpt-oss-20b" },
    { "gpt-5-mini-2025-08-07",                                              "gpt-5-mini" },
    { "gpt-5-mini-20250807",                                                "gpt-5-mini" },
    { "gpt-4o-2024-11-20",                                                  "gpt-4o" },
    { "o4-mini-2025-04-16",                                                 "o4-mini" },
    { "arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-20b-1:0", "gpt-oss-20b" },
    { "arn:aws:bedrock:us-east-2:123456789012:inference-profile/us.openai.gpt-6-sol", "gpt-6-sol" },
    { "arn:aws:bedrock:us-east-2:123456789012:application-inference-profile/a1b2c3d4e5f6", "a1b2c3d4e5f6" },
    { "us.anthropic.claude-sonnet-4-20250514-v1:0",                         "claude-sonnet-4" },
    { "claude-sonnet-4@20250514",                                           "claude-sonnet-4" },
    { "GPT-4.1",                                                            "gpt-4.1" },
    { " gpt-4.1\n",                                                         "gpt-4.1" },
    /* what stays */
    { "gpt-4-0613",                                                         "gpt-4-0613" },
    { "gpt-4-1106-preview",                                                 "gpt-4-1106-preview" },
    { "gpt-3.5-turbo-0125",                                                 "gpt-3.5-turbo-0125" },
    { "text-embedding-3-large",                                             "text-embedding-3-large" },
    { "text-embedding-ada-002",                                             "text-embedding-ada-002" },
    { "davinci.next",                                                       "davinci.next" },
    { "never-seen-before-9",                                                "never-seen-before-9" },
    { "gpt-4-1106:0",                                                       "gpt-4-1106" },
    { "x-19990101",                                                         "x-19990101" },
    { "-maas",                                                              "-maas" },
    { "openai.",                                                            "openai." },
    { "openai/",                                                            "openai/" },
    { "",                                                                   "" },
};
/* clang-format on */

static void the_table_holds(void)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const sv got = model_canonical(&a, sv_of(examples[i].raw));

        if (!OK(sv_eq(got, sv_of(examples[i].canonical))))
            printf("# %s gave %.*s\n", examples[i].raw, SV_ARG(got));
    }
}

/* Words that rows are made of, in any order, with noise between them. */
static sv random_id(void)
{
    static const char *const words[] = { "openai", ".",  "/",           "us",        "eu.",       "global.",
                                         "-maas",  ":0", "-1:0",        "-v2:0",     "gpt-5",     "-",
                                         "0613",   ":",  "-2025-08-07", "-20250807", "@20250101", "arn:aws:x/",
                                         " ",      "\t", "A",           "\xff",      "9",         "anthropic." };
    char text[256];
    size_t n = 0;

    for (int i = (int)(clock_random() * 9); i >= 0; i--) {
        const size_t n_words = sizeof words / sizeof words[0];
        const char *w = words[(size_t)(clock_random() * (double)n_words)];

        memcpy(text + n, w, strlen(w));
        n += strlen(w);
    }
    return arena_copy(&a, (sv){ text, n });
}

static void twice_is_once(void)
{
    int bad = 0, emptied = 0, changed = 0;

    clock_seed(20261124);
    for (int i = 0; i < 10000; i++) {
        const sv raw = random_id();
        const sv once = model_canonical(&a, raw), again = model_canonical(&a, once);

        bad += !sv_eq(once, again);
        emptied += once.len == 0 && sv_trim(raw).len > 0;
        changed += !sv_eq(once, raw);
        if (i % 100 == 0)
            arena_reset(&a);
    }
    OK(bad == 0);
    OK(emptied == 0);
    OK(changed > 5000); /* the words do meet the rules */
}

static void long_text_passes_in_lower_case(void)
{
    char text[5000];
    sv got;

    memset(text, 'A', sizeof text);
    memcpy(text + sizeof text - 5, "-maas", 5);
    got = model_canonical(&a, (sv){ text, sizeof text });
    OK(got.len == sizeof text && got.at[0] == 'a' && sv_ends(got, SV("-maas")));
}

static void a_full_arena_says_so(void)
{
    struct arena tiny;

    arena_init(&tiny, 8);
    OK(model_canonical(&tiny, SV("openai.gpt-oss-120b-1:0")).at == NULL);
    arena_done(&tiny);
}

int main(void)
{
    arena_init(&a, 0);
    RUN(the_table_holds);
    RUN(twice_is_once);
    RUN(long_text_passes_in_lower_case);
    RUN(a_full_arena_says_so);
    arena_done(&a);
    return tap_done();
}
