/* The table of OpenAI's organization API, who may call it, and what every answer carries. */
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"
#include "tests/cloudsim/token.h"

/* Calls come on top of those of the other clouds. */
#define SHARE 0.25
#define ORG   "/v1/organization"

/* Not published: "five a second" is this simulator's. */
static const struct quota quota = { 5, 5 };

enum { AUD_KEY = AUD_OWN };

/* clang-format off */
#define ROW(name, path, handle)   { { name, "GET", ORG path, AUD_KEY, &quota, 0, handle }, OPENAI_KINDS }
#define USAGE(name, kind)         { { "usage." name, "GET", ORG "/usage/" name, AUD_KEY, &quota, 0, openai_usage }, kind }

static const struct openai_row rows[] = {
    USAGE("completions",               OPENAI_COMPLETIONS),
    USAGE("embeddings",                OPENAI_EMBEDDINGS),
    USAGE("moderations",               OPENAI_MODERATIONS),
    USAGE("images",                    OPENAI_IMAGES),
    USAGE("audio_speeches",            OPENAI_SPEECHES),
    USAGE("audio_transcriptions",      OPENAI_TRANSCRIPTIONS),
    USAGE("web_search_calls",          OPENAI_WEB_SEARCHES),
    USAGE("file_search_calls",         OPENAI_FILE_SEARCHES),
    USAGE("code_interpreter_sessions", OPENAI_SESSIONS),
    USAGE("vector_stores",             OPENAI_STORAGE),
    ROW("costs",            "/costs",                   openai_costs),
    ROW("projects.list",    "/projects",                openai_projects),
    ROW("projects.get",     "/projects/{}",             openai_project),
    ROW("rate_limits.list", "/projects/{}/rate_limits", openai_rate_limits),
    ROW("api_keys.list",    "/projects/{}/api_keys",    openai_api_keys),
    ROW("users.list",       "/users",                   openai_users),
    ROW("audit_logs.list",  "/audit_logs",              openai_audit_logs),
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] };

static const struct api_row *row_at(unsigned i)
{
    return i < ROWS ? &rows[i].row : NULL;
}

static bool route(struct exchange *x, bool plain)
{
    if (plain || !sv_starts(x->q->path, SV(ORG)))
        return false;
    for (unsigned i = 0; i < ROWS && !x->row; i++)
        if (sv_eq(sv_of(rows[i].row.method), x->q->method) && api_path_matches(rows[i].row.path, x->q->path, x))
            x->row = &rows[i].row;
    return true;
}

static void unknown(struct exchange *x)
{
    openai_refuse(x, 404, "invalid_request_error", NULL, NULL, "Invalid URL (%.*s %.*s)", SV_ARG(x->q->method),
                  SV_ARG(x->q->path));
}

static void identify(struct exchange *x)
{
    sv header = http_server_header(x->q, "Authorization");

    if (sv_starts_nocase(header, SV("Bearer ")))
        x->principal = sv_trim(sv_skip(header, 7));
}

static bool admit(struct exchange *x)
{
    const struct openai_world *w = &openai_of(x->sim)->world;
    unsigned left, wait;
    sv key = x->principal;

    if (secret_is(key, w->inference_key))
        openai_refuse_scope(x);
    else if (secret_is(key, w->eu_key))
        openai_refuse(x, 401, "invalid_request_error", "incorrect_hostname", NULL,
                      "Attempted to access resource with incorrect regional hostname. Please make your request to "
                      "eu.api.openai.com");
    else if (!secret_is(key, w->admin_key))
        openai_refuse_key(x, key);
    else if (quotas_take(x->sim->quotas, x->row->quota, key, x->now, &left, &wait))
        return true;
    else
        reply_throttled(x, wait);
    return false;
}

static void headers(struct exchange *x)
{
    const struct openai_world *w = &openai_of(x->sim)->world;
    uint64_t h = rng_mix((uint64_t)x->now ^ (uint64_t)(uintptr_t)x);

    reply_header(x, "x-request-id", "req_%016llx%016llx", (unsigned long long)h, (unsigned long long)rng_mix(h));
    reply_header(x, "openai-processing-ms", "%u", (unsigned)(20 + h % 200));
    reply_header(x, "openai-version", "2020-10-01");
    if (x->r->status != 401)
        reply_header(x, "openai-organization", "%.*s", SV_ARG(w->organization));
}

static void close_world(void *own)
{
    struct openai *o = own;

    openai_workload_free(o->workload);
    openai_world_done(&o->world);
    free(o);
}

static enum err_code open_world(struct sim *s, void **own, struct err *e)
{
    const struct sim_options *opt = &s->options;
    struct openai *o = calloc(1, sizeof *o);

    if (!o)
        return err_set(e, ERR_LIMIT, "out of memory");
    if (openai_world_init(&o->world, opt->seed, opt->count[OPENAI], s->first, e)) {
        free(o);
        return e->code;
    }
    o->workload = openai_workload_new(&o->world, opt, opt->calls_per_minute * SHARE, s->first, s->last);
    if (o->workload) {
        *own = o;
        return ERR_OK;
    }
    close_world(o);
    return err_set(e, ERR_LIMIT, "out of memory");
}

const struct cloud openai_cloud = {
    .name = "openai",
    .id = OPENAI,
    .count = { "--openai-projects", "how many OpenAI's organization has, 0: no OpenAI", 6, 0, OPENAI_PROJECTS_MAX },
    .open = open_world,
    .close = close_world,
    .row_at = row_at,
    .route = route,
    .identify = identify,
    .admit = admit,
    .unknown = unknown,
    .dialect = openai_dialect,
    .headers = headers,
    .truth = openai_truth_write,
    .config = openai_config_write,
    .secrets = openai_secrets_write,
};
