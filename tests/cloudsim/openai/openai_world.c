/*
 * What exists at OpenAI, from the seed: each project uses a few of the models, each use by up to three identities (a
 * user's key, a service account's key, a user at the dashboard without a key), so that callers are told in every way.
 */
#include <stdio.h>

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"

#define BIT(dim) (1U << (dim))
#define WHO      (BIT(DIM_PROJECT_ID) | BIT(DIM_USER_ID) | BIT(DIM_API_KEY_ID))
#define CALLS    (WHO | BIT(DIM_MODEL_ID))

/* clang-format off */
const char *const openai_dim_names[OPENAI_DIMS] = {
    "project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "size", "source", "vector_store_id", "context_level", "line_item",
};

const struct openai_kind_row openai_kinds[OPENAI_KINDS] = {
    /*                           path                         object of results                                     operation              unit            dimensions */
    [OPENAI_COMPLETIONS]    = { "completions",               "organization.usage.completions.result",               "chat",                NULL,           CALLS | BIT(DIM_BATCH) | BIT(DIM_SERVICE_TIER) },
    [OPENAI_EMBEDDINGS]     = { "embeddings",                "organization.usage.embeddings.result",                "embeddings",          NULL,           CALLS },
    [OPENAI_MODERATIONS]    = { "moderations",               "organization.usage.moderations.result",               "moderation",          NULL,           CALLS },
    [OPENAI_IMAGES]         = { "images",                    "organization.usage.images.result",                    "image.generation",    "images",       CALLS | BIT(DIM_SIZE) | BIT(DIM_IMAGE_SOURCE) },
    [OPENAI_SPEECHES]       = { "audio_speeches",            "organization.usage.audio_speeches.result",            "audio.speech",        "characters",   CALLS },
    [OPENAI_TRANSCRIPTIONS] = { "audio_transcriptions",      "organization.usage.audio_transcriptions.result",      "audio.transcription", "seconds",      CALLS },
    [OPENAI_WEB_SEARCHES]   = { "web_search_calls",          "organization.usage.web_searches.result",              NULL,                  "num_requests", CALLS | BIT(DIM_CONTEXT_LEVEL) },
    [OPENAI_FILE_SEARCHES]  = { "file_search_calls",         "organization.usage.file_searches.result",             NULL,                  "num_requests", WHO | BIT(DIM_STORE) },
    [OPENAI_SESSIONS]       = { "code_interpreter_sessions", "organization.usage.code_interpreter_sessions.result", NULL,                  "num_sessions", BIT(DIM_PROJECT_ID) },
    [OPENAI_STORAGE]        = { "vector_stores",             "organization.usage.vector_stores.result",             NULL,                  "usage_bytes",  BIT(DIM_PROJECT_ID) },
};

/* Prices are in the order of real ones and nobody's. gpt-7-aurora is an id that no table can know. */
const struct openai_model openai_models[OPENAI_MODELS] = {
    /* id                        label                     kind                   tells                                                                               share cached item     input cached write out */
    { "gpt-6-sol",              "gpt-6-sol",              OPENAI_COMPLETIONS,    TELLS_CACHED | TELLS_PARTS | TELLS_CACHE_WRITE | TELLS_CACHED_PARTS | TELLS_TIER, 5, "cached input",   1250, 125, 1560, 10000 },
    { "gpt-5-mini-2025-08-07",  "gpt-5-mini",             OPENAI_COMPLETIONS,    TELLS_CACHED | TELLS_TIER,                                                        6, "cached input",    250,  25,    0,  2000 },
    { "gpt-7-aurora",           "gpt-7-aurora",           OPENAI_COMPLETIONS,    0,                                                                                1, "cached_input",   2000, 500,    0,  8000 },
    { "text-embedding-3-large", "text-embedding-3-large", OPENAI_EMBEDDINGS,     0,                                                                                3, NULL,              130,   0,    0,     0 },
    { "gpt-image-2",            "gpt-image-2",            OPENAI_IMAGES,         0,                                                                                1, NULL,                0,   0,    0, 40000000 },
    { "gpt-4o-mini-tts",        "gpt-4o-mini-tts",        OPENAI_SPEECHES,       0,                                                                                1, NULL,                0,   0,    0, 15000 },
    { "whisper-1",              "whisper-1",              OPENAI_TRANSCRIPTIONS, 0,                                                                                1, NULL,                0,   0,    0, 100000 },
    { "omni-moderation-latest", "omni-moderation-latest", OPENAI_MODERATIONS,    0,                                                                                2, NULL,                0,   0,    0,     0 },
};

static const struct { const char *residency, *region; } residencies[] = {
    { "GLOBAL", "global" }, { "EU_STORAGE_PROCESSING", "eu" }, { "JP_STORAGE", "jp" },
};
static const char *const project_names[] = { "assistants", "search-eu", "translation-jp", "internal-tools", "billing-bot", "prototype" };
/* clang-format on */

enum {
    RESIDENCIES = sizeof residencies / sizeof residencies[0],
    NAMES = sizeof project_names / sizeof project_names[0],
    STREAMS_MAX = 48, /* of a project */
    SECONDS_OF_A_DAY = 86400,
};

static sv letters(struct openai_world *w, uint64_t stream, const char *prefix, unsigned n)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct rng r = { stream };
    char text[64];

    for (unsigned i = 0; i < n && i < sizeof text; i++)
        text[i] = alphabet[rng_below(&r, sizeof alphabet - 1)];
    return arena_printf(&w->arena, "%s%.*s", prefix, (int)n, text);
}

static void make_people(struct openai_world *w)
{
    static const char *const names[OPENAI_USERS] = { "Ada", "Ben", "Chen", "Dana", "Elif", "Femi", "Goro", "Hana" };

    for (unsigned i = 0; i < OPENAI_USERS; i++) {
        uint64_t stream = rng_name(rng_name(w->seed, 'U'), i);

        w->users[i] = (struct openai_user){
            .id = letters(w, stream, "user-", 24),
            .name = sv_of(names[i]),
            .email = arena_printf(&w->arena, "%c%u@example.com", names[i][0] | 32, i),
            .ip = arena_printf(&w->arena, "203.0.113.%u", 10 + i),
        };
    }
}

static void make_key(struct openai_world *w, unsigned project, unsigned i)
{
    struct openai_key *k = &w->keys[project * OPENAI_KEYS + i];
    uint64_t stream = rng_name(rng_name(w->projects[project].stream, 'k'), i);
    bool person = i != 1;

    *k = (struct openai_key){
        .project = project,
        .user = person ? (int)((project + 3 * i) % OPENAI_USERS) : -1,
        .id = letters(w, stream, "key_", 16),
        .redacted = letters(w, rng_name(stream, 'r'), person ? "sk-proj-..." : "sk-svcacct-...", 3),
        .name = arena_printf(&w->arena, "%s key %u", person ? "personal" : "service", i),
    };
    if (!person) {
        k->account_id = letters(w, rng_name(stream, 's'), "svc_acct_", 16);
        k->account_name = arena_printf(&w->arena, "service-%u", project);
    }
}

static void make_project(struct openai_world *w, unsigned i, int64_t first)
{
    struct openai_project *p = &w->projects[i];
    uint64_t stream = rng_name(rng_name(w->seed, 'P'), i);
    bool archived = w->n_projects > 2 && i == w->n_projects - 1;

    *p = (struct openai_project){
        .index = i,
        .stream = stream,
        .id = letters(w, stream, "proj_", 24),
        .name = i < NAMES ? sv_of(project_names[i]) : arena_printf(&w->arena, "team-%u", i),
        .residency = residencies[i % RESIDENCIES].residency,
        .region = residencies[i % RESIDENCIES].region,
        .created_s = first * 60 - (100 + (int64_t)i) * SECONDS_OF_A_DAY,
        .archived_s = archived ? (first + 60) * 60 : INT64_MAX,
    };
    for (unsigned k = 0; k < OPENAI_STORES; k++)
        p->stores[k] = letters(w, rng_name(stream, 100 + k), "vs_", 24);
    for (unsigned k = 0; k < OPENAI_KEYS; k++)
        make_key(w, i, k);
}

static void add_stream(struct openai_world *w, unsigned project, enum openai_kind kind,
                       const struct openai_model *model, unsigned identity, double share)
{
    const struct openai_project *p = &w->projects[project];
    int key = (int)(project * OPENAI_KEYS + identity);

    w->streams[w->n_streams] = (struct openai_stream){
        .index = w->n_streams,
        .project = project,
        .kind = kind,
        .model = model,
        .user = w->keys[key].user,
        .key = identity == 2 ? -1 : key, /* at the dashboard */
        .share = share,
        .stream = rng_name(rng_name(p->stream, 's'), w->n_streams),
    };
    w->n_streams++;
    w->shares += share;
}

static void make_streams(struct openai_world *w, unsigned project)
{
    struct openai_project *p = &w->projects[project];
    struct rng r = { rng_name(p->stream, 'm') };
    double size = 1.0 + 2.0 * rng_unit(&r);

    for (unsigned m = 0; m < OPENAI_MODELS; m++) {
        const struct openai_model *model = &openai_models[m];
        bool chat = model->kind == OPENAI_COMPLETIONS;

        /* The first project uses all there is, each other one the mini model and about half of the others. */
        if (project > 0 && m != 1 && rng_unit(&r) < 0.5)
            continue;
        p->models |= 1U << m;
        for (unsigned i = 0; i < OPENAI_KEYS; i++)
            if (chat || i == m % OPENAI_KEYS)
                add_stream(w, project, model->kind, model, i, size * model->share / (chat ? 2.0 + i : 1.0));
    }
    add_stream(w, project, OPENAI_WEB_SEARCHES, &openai_models[p->models & 1 ? 0 : 1], 0, size * 0.5);
    add_stream(w, project, OPENAI_FILE_SEARCHES, NULL, 1, size * 0.5);
    add_stream(w, project, OPENAI_SESSIONS, NULL, 0, size * 0.2);
    add_stream(w, project, OPENAI_STORAGE, NULL, 0, 0);
}

enum err_code openai_world_init(struct openai_world *w, uint64_t seed, unsigned projects, int64_t first, struct err *e)
{
    *w = (struct openai_world){ .seed = rng_name(UINT64_C(0x747265666f6169), seed), .n_projects = projects };
    arena_init(&w->arena, 0);
    w->projects = ARENA_ARRAY(&w->arena, struct openai_project, projects + 1);
    w->keys = ARENA_ARRAY(&w->arena, struct openai_key, (projects + 1) * OPENAI_KEYS);
    w->streams = ARENA_ARRAY(&w->arena, struct openai_stream, (projects + 1) * STREAMS_MAX);
    if (!w->projects || !w->keys || !w->streams) {
        openai_world_done(w);
        return err_set(e, ERR_LIMIT, "out of memory");
    }
    w->organization = letters(w, rng_name(w->seed, 'o'), "org-", 24);
    w->admin_key = letters(w, rng_name(w->seed, 'a'), "sk-admin-", 48);
    w->eu_key = letters(w, rng_name(w->seed, 'e'), "sk-admin-", 48);
    w->expired_key = letters(w, rng_name(w->seed, 'x'), "sk-admin-", 48);
    w->inference_key = letters(w, rng_name(w->seed, 'i'), "sk-proj-", 48);
    make_people(w);
    for (unsigned i = 0; i < projects; i++)
        make_project(w, i, first);
    for (unsigned i = 0; i < projects; i++)
        make_streams(w, i);
    return ERR_OK;
}

void openai_world_done(struct openai_world *w)
{
    arena_done(&w->arena);
}

const struct openai_project *openai_project_find(const struct openai_world *w, sv id)
{
    for (unsigned i = 0; i < w->n_projects; i++)
        if (sv_eq(w->projects[i].id, id))
            return &w->projects[i];
    return NULL;
}

unsigned openai_tells(const struct openai_stream *st)
{
    return st->model && st->kind == OPENAI_COMPLETIONS ? st->model->tells : 0;
}

sv openai_dim_of(const struct openai_world *w, const struct openai_stream *st, unsigned variant, enum openai_dim dim)
{
    static const char *const tiers[OPENAI_VARIANTS] = { "default", "flex", "priority", "default" };
    static const char *const levels[OPENAI_VARIANTS] = { "low", "medium", "high", "medium" };
    const sv none = { NULL, 0 };

    switch (dim) {
    case DIM_PROJECT_ID:
        return w->projects[st->project].id;
    case DIM_USER_ID:
        return st->user < 0 ? none : w->users[st->user].id;
    case DIM_API_KEY_ID:
        return st->key < 0 ? none : w->keys[st->key].id;
    case DIM_MODEL_ID:
        return st->model ? sv_of(st->model->id) : none;
    case DIM_BATCH:
        return variant == 3 ? SV("true") : SV("false");
    case DIM_SERVICE_TIER:
        return openai_tells(st) & TELLS_TIER ? sv_of(tiers[variant]) : none;
    case DIM_SIZE:
        return variant & 1 ? SV("1536x1024") : SV("1024x1024");
    case DIM_IMAGE_SOURCE:
        return variant & 2 ? SV("image.edit") : SV("image.generation");
    case DIM_STORE:
        return w->projects[st->project].stores[variant % OPENAI_STORES];
    case DIM_CONTEXT_LEVEL:
        return sv_of(levels[variant]);
    case DIM_LINE_ITEM:
    case OPENAI_DIMS:
        break;
    }
    return none;
}
