/*
 * OpenAI's mapping: tables, and look-ups in them. A reader who knows the platform but not C can review this file.
 *
 * Names of measures are those of the result's members, and their family is the kind of usage, since one name
 * (num_model_requests) stands in several. Totals and parts go to different families of ours, so no token is counted twice:
 * input_tokens holds uncached, cached and cache-write tokens of all modalities (openai.md 2.3).
 */
#include "collector/sources/openai/openai.h"

#define TEXT(name)                                                                                                     \
    {                                                                                                                  \
        (name), sizeof(name) - 1                                                                                       \
    }
#define ROW(kind, figure, family_of_ours, which, fixed)                                                                \
    {                                                                                                                  \
        .platform = PLATFORM_OPENAI_API, .family = TEXT(kind), .fact = TEXT(""), .theirs = TEXT(figure),               \
        .ours = TEXT(family_of_ours), .stat = TEXT(which), .weight = 1, .labels = TEXT(fixed), .born = TEXT("")        \
    }
#define REQUESTS(kind)          ROW(kind, "num_model_requests", "genai_requests_total", "value", "outcome=unknown")
#define INPUT(kind)             ROW(kind, "input_tokens", "genai_tokens_total", "value", "direction=input")
#define OUTPUT(kind)            ROW(kind, "output_tokens", "genai_tokens_total", "value", "direction=output")
#define PART(figure, part_name) ROW("completions", figure, "genai_token_parts_total", "value", "part=" part_name)
#define CALLS_BY(kind)          ROW(kind, "num_model_requests", "genai_caller_calls_total", "value", "")
#define TOKENS_BY(kind, figure) ROW(kind, figure, "genai_caller_tokens_total", "value", "")

/* clang-format off */
const struct rule openai_rules[OPENAI_RULES] = {
    PART("input_audio_tokens",        "audio_input"),
    PART("input_cache_write_tokens",  "cache_write"),
    PART("input_cached_audio_tokens", "audio_input"),
    PART("input_cached_image_tokens", "image_input"),
    PART("input_cached_tokens",       "cache_read"),
    PART("input_image_tokens",        "image_input"),
    PART("output_audio_tokens",       "audio_output"),
    PART("output_image_tokens",       "image_output"),
    INPUT("completions"), INPUT("embeddings"), INPUT("moderations"),
    OUTPUT("completions"),
    REQUESTS("audio_speeches"), REQUESTS("audio_transcriptions"), REQUESTS("completions"), REQUESTS("embeddings"),
    REQUESTS("images"), REQUESTS("moderations"),
    /* Who: only where usage is grouped by user or key. */
    CALLS_BY("audio_speeches"), CALLS_BY("audio_transcriptions"), CALLS_BY("completions"), CALLS_BY("embeddings"),
    CALLS_BY("images"), CALLS_BY("moderations"),
    TOKENS_BY("completions", "input_tokens"), TOKENS_BY("completions", "output_tokens"),
    TOKENS_BY("embeddings", "input_tokens"), TOKENS_BY("moderations", "input_tokens"),
    ROW("", "audit", "genai_audit_events_total", "event", ""),
    /* Figures of a project's limits; the name says where they stand. */
    ROW("", "rate_limits.max_requests_per_1_minute", "genai_rate_limit", "value", "unit=requests"),
    ROW("", "rate_limits.max_tokens_per_1_minute",   "genai_rate_limit", "value", "unit=tokens"),
};

const sv openai_dimension_names[OPENAI_DIMENSIONS] = {
    [OPENAI_PROJECT] = SVT("project_id"),       [OPENAI_USER] = SVT("user_id"),  [OPENAI_KEY] = SVT("api_key_id"),
    [OPENAI_MODEL] = SVT("model"),              [OPENAI_BATCH] = SVT("batch"),   [OPENAI_TIER] = SVT("service_tier"),
    [OPENAI_SIZE] = SVT("size"),                [OPENAI_IMAGE_SOURCE] = SVT("source"),
    [OPENAI_STORE] = SVT("vector_store_id"),    [OPENAI_CONTEXT] = SVT("context_level"),
};

#define B(d) OPENAI_BIT(OPENAI_##d)
#define USAGE(name) "organization.usage." name ".result"
#define WHO  (B(PROJECT) | B(USER) | B(KEY))
#define CALL (WHO | B(MODEL))

const struct openai_kind openai_kinds[OPENAI_KINDS] = {
    { "completions",               USAGE("completions"),               "chat",                CALL | B(BATCH) | B(TIER),        false },
    { "embeddings",                USAGE("embeddings"),                "embeddings",          CALL,                             false },
    { "images",                    USAGE("images"),                    "image.generation",    CALL | B(SIZE) | B(IMAGE_SOURCE), false },
    { "audio_speeches",            USAGE("audio_speeches"),            "audio.speech",        CALL,                             false },
    { "audio_transcriptions",      USAGE("audio_transcriptions"),      "audio.transcription", CALL,                             false },
    { "moderations",               USAGE("moderations"),               "moderation",          CALL,                             false },
    { "vector_stores",             USAGE("vector_stores"),             "",                    B(PROJECT),                       true },
    { "code_interpreter_sessions", USAGE("code_interpreter_sessions"), "",                    B(PROJECT),                       true },
    { "file_search_calls",         USAGE("file_searches"),             "",                    WHO | B(STORE),                   true },
    { "web_search_calls",          USAGE("web_searches"),              "",                    CALL | B(CONTEXT),                true },
};
/* clang-format on */

/* What labels are made of. */
#define LABELLED (B(PROJECT) | B(MODEL) | B(BATCH) | B(TIER))

int openai_dimension_find(sv name)
{
    for (int d = 0; d < OPENAI_DIMENSIONS; d++)
        if (sv_eq(name, openai_dimension_names[d]))
            return d;
    return -1;
}

int openai_kind_find(sv name)
{
    for (int k = 0; k < OPENAI_KINDS; k++)
        if (sv_eq(name, sv_of(openai_kinds[k].name)))
            return k;
    return -1;
}

int openai_kind_of_object(sv object)
{
    for (int k = 0; k < OPENAI_KINDS; k++)
        if (sv_eq(object, sv_of(openai_kinds[k].object)))
            return k;
    return -1;
}

bool openai_is_level(sv figure)
{
    return sv_eq(figure, SV("usage_bytes"));
}

bool openai_reads_kind(const struct openai_config *c, const struct openai_kind *kind)
{
    for (size_t i = 0; i < c->usage.kinds.n; i++)
        if (sv_eq(sv_of(c->usage.kinds.at[i]), sv_of(kind->name)))
            return true;
    return c->usage.kinds.n == 0;
}

unsigned openai_groups(const struct openai_kind *kind, const struct string_list *group_by)
{
    unsigned wanted = LABELLED;

    for (size_t i = 0; i < group_by->n; i++) {
        int d = openai_dimension_find(sv_of(group_by->at[i]));

        wanted |= d < 0 ? 0 : OPENAI_BIT(d);
    }
    return wanted & kind->groups;
}

struct openai_residency openai_residency(struct arena *a, sv residency)
{
    sv lower = arena_lower(a, residency), region = sv_first(lower, sv_find(lower, '_'));
    struct openai_residency r = { region, SV("unknown") };

    if (sv_ends_nocase(residency, SV("_STORAGE_PROCESSING")))
        r.processing = region;
    else if (sv_ends_nocase(residency, SV("_STORAGE")))
        r.processing = SV("global");
    return r;
}
