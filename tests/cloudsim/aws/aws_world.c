/*
 * The world of AWS is a table of places (account, region, how logging is set) and a table of what is used there; both
 * repeat with other ids when more accounts are asked for. It holds on purpose what trips collectors: an account id that
 * begins with 0, an account three OUs deep, equal profile names in many accounts, application profiles met as bare id
 * and as ARN, a system profile met as ARN, an opaque profile of another publisher's model, logging that is off, or to a
 * bucket only, or to a group of another name, one model on both planes.
 */
#include <stdio.h>
#include <string.h>

#include "tests/cloudsim/aws/aws.h"
#include "tests/cloudsim/rng.h"

enum { TEMPLATE_ACCOUNTS = 12 };

/* clang-format off */
const struct aws_region aws_regions[AWS_REGIONS] = {
    { SVT("us-east-1"),      SVT("us"), SVT("us") },
    { SVT("us-west-2"),      SVT("us"), SVT("us") },
    { SVT("us-east-2"),      SVT("us"), SVT("us") },
    { SVT("eu-central-1"),   SVT("eu"), SVT("eu") },
    { SVT("ap-northeast-1"), SVT("jp"), SVT("jp") },
};
enum { US_EAST_1, US_WEST_2, US_EAST_2, EU_CENTRAL_1, AP_NORTHEAST_1 };

static const struct { const char *name, *team; unsigned ou; } account_rows[TEMPLATE_ACCOUNTS] = {
    { "ml-platform",    "platform", 0 }, { "assist-prod",    "assist",   0 }, { "assist-stage",   "assist",   0 },
    { "search-prod",    "search",   1 }, { "support-prod",   "support",  1 }, { "support-eu",     "support",  1 },
    { "risk-prod",      "risk",     3 }, { "risk-models",    "risk",     3 }, { "research",       "research", 0 },
    { "voice-prod",     "voice",    1 }, { "tokyo-prod",     "assist",   1 }, { "data-lake",      "data",     0 },
};

#define USUAL "/bedrock/invocations"
static const struct place_row {
    unsigned account, region;
    enum aws_logging logging;
    const char *group;
    bool trail_data;
} place_rows[] = {
    {  0, US_EAST_1,      AWS_LOG_GROUP, USUAL,                    true  },
    {  0, US_WEST_2,      AWS_LOG_GROUP, USUAL,                    true  },
    {  1, US_EAST_1,      AWS_LOG_GROUP, USUAL,                    true  },
    {  1, US_WEST_2,      AWS_LOG_GROUP, USUAL,                    false },
    {  1, US_EAST_2,      AWS_LOG_OFF,   NULL,                     false },
    {  2, US_EAST_1,      AWS_LOG_OFF,   NULL,                     false },
    {  3, US_EAST_1,      AWS_LOG_BOTH,  "search/model-calls",     true  },
    {  3, EU_CENTRAL_1,   AWS_LOG_GROUP, "search/model-calls",     true  },
    {  4, US_EAST_1,      AWS_LOG_GROUP, USUAL,                    false },
    {  4, US_WEST_2,      AWS_LOG_GROUP, USUAL,                    true  },
    {  5, EU_CENTRAL_1,   AWS_LOG_GROUP, USUAL,                    true  },
    {  6, US_EAST_1,      AWS_LOG_GROUP, "/risk/bedrock",          true  },
    {  6, EU_CENTRAL_1,   AWS_LOG_BOTH,  "/risk/bedrock",          true  },
    {  7, EU_CENTRAL_1,   AWS_LOG_S3,    NULL,                     true  },
    {  8, US_EAST_1,      AWS_LOG_GROUP, USUAL,                    false },
    {  8, US_EAST_2,      AWS_LOG_GROUP, USUAL,                    true  },
    {  8, US_WEST_2,      AWS_LOG_OFF,   NULL,                     false },
    {  9, US_WEST_2,      AWS_LOG_GROUP, USUAL,                    true  },
    { 10, AP_NORTHEAST_1, AWS_LOG_GROUP, USUAL,                    true  },
    { 10, US_WEST_2,      AWS_LOG_GROUP, USUAL,                    false },
    { 11, US_EAST_1,      AWS_LOG_GROUP, USUAL,                    true  },
    { 11, EU_CENTRAL_1,   AWS_LOG_OFF,   NULL,                     true  },
};

/* How a row's model is addressed. */
enum form {
    BARE,       /* the model id */
    GEO,        /* the region's profile: us.openai.gpt-6-sol */
    GLOBAL,     /* global.openai.gpt-6-sol */
    GEO_ARN,    /* the same profile, spelled as ARN */
    APP,        /* an application profile's opaque id */
    APP_ARN,    /* an application profile's ARN */
    MANTLE,     /* the mantle plane */
};
/* A row is used in the places whose number has a bit in common with `where` (bit = number modulo 4). */
static const struct use_row {
    enum form form;
    const char *foundation, *name; /* name: of an application profile, or of a mantle project */
    unsigned where, weight;
} use_rows[] = {
    { BARE,    "openai.gpt-oss-120b-1:0", NULL, 15, 10 },
    { BARE,    "openai.gpt-oss-20b-1:0",  NULL,  5,  4 },
    { GEO,     "openai.gpt-6-sol",        NULL, 15, 14 },
    { GLOBAL,  "openai.gpt-6-luna",       NULL,  7,  7 },
    { GLOBAL,  "openai.gpt-6-sol",        NULL,  8,  6 },
    { GEO_ARN, "openai.gpt-5.6-terra",    NULL,  2,  5 },
    { APP,     "openai.gpt-6-sol",        "checkout-assistant", 5, 6 },
    { APP_ARN, "openai.gpt-oss-120b-1:0", "batch-summaries",   10, 5 },
    { MANTLE,  "openai.gpt-oss-120b",     "default",           15, 8 },
    { MANTLE,  "openai.gpt-6-sol",        "default",           11, 9 },
    { MANTLE,  "openai.gpt-5.5",          "agents",             7, 6 },
    { MANTLE,  "openai.gpt-oss-safeguard-20b", "agents",        4, 3 },
    { BARE,    "amazon.nova-pro-v1:0",    NULL,  6,  4 },
    { GEO,     "anthropic.claude-sonnet-4-5-20250929-v1:0", NULL, 9, 5 },
    { APP,     "anthropic.claude-haiku-4-5-20251001-v1:0", "triage", 2, 3 },
    { MANTLE,  "anthropic.claude-sonnet-4-5", "agents",         8, 3 },
};

static const struct { const char *name; int parent; } ou_rows[AWS_OUS] = {
    { "ai", -1 }, { "products", 0 }, { "sandbox", -1 }, { "regulated", 1 },
};
static const char *const caller_rows[AWS_CALLERS] = {
    "checkout-api", "search-worker", "support-bot", "batch-runner", "agent-host", "notebook", "risk-scoring", "eval-ci",
};
/* clang-format on */

enum { PLACE_ROWS = sizeof place_rows / sizeof place_rows[0], USE_ROWS = sizeof use_rows / sizeof use_rows[0] };

/* `n` letters of the alphabet from a stream. */
static sv letters(struct aws_world *w, uint64_t stream, const char *prefix, unsigned n, const char *alphabet)
{
    struct rng r = { stream };
    char text[64];
    size_t at = strlen(prefix);

    memcpy(text, prefix, at);
    for (unsigned i = 0; i < n; i++)
        text[at++] = alphabet[rng_below(&r, strlen(alphabet))];
    return arena_copy(&w->arena, sv_make(text, at));
}

static const char lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789", digits[] = "0123456789";

static void make_organization(struct aws_world *w)
{
    sv tag = letters(w, rng_name(w->seed, 'r'), "", 4, lower_digits);

    w->organization_id = letters(w, rng_name(w->seed, 'o'), "o-", 10, lower_digits);
    w->root_id = arena_printf(&w->arena, "r-%.*s", SV_ARG(tag));
    for (unsigned i = 0; i < AWS_OUS; i++) {
        sv own = letters(w, rng_name(rng_name(w->seed, 'O'), i), "", 8, lower_digits);

        w->ous[i] = (struct aws_ou){ .id = arena_printf(&w->arena, "ou-%.*s-%.*s", SV_ARG(tag), SV_ARG(own)),
                                     .name = sv_of(ou_rows[i].name),
                                     .parent = ou_rows[i].parent };
    }
}

static struct aws_account *make_account(struct aws_world *w, enum aws_account_kind kind, sv name, unsigned ou)
{
    unsigned i = w->n_accounts++;
    struct aws_account *a = &w->accounts[i];
    uint64_t stream = rng_name(rng_name(w->seed, 'A'), i);

    *a = (struct aws_account){ .index = i, .ou = ou, .kind = kind, .name = name, .stream = stream };
    /* Leading zeros are part of an id. */
    a->id = i == 3 ? letters(w, stream, "0", 11, digits) : letters(w, stream, i % 2 ? "3" : "7", 11, digits);
    a->email = arena_printf(&w->arena, "aws+%.*s@example.com", SV_ARG(name));
    return a;
}

static void make_accounts(struct aws_world *w, unsigned members)
{
    sv management;

    for (unsigned i = 0; i < members; i++) {
        unsigned row = i % TEMPLATE_ACCOUNTS, round = i / TEMPLATE_ACCOUNTS;
        sv name =
            round ? arena_printf(&w->arena, "%s-%u", account_rows[row].name, round) : sv_of(account_rows[row].name);

        make_account(w, AWS_MEMBER, name, account_rows[row].ou)->team = sv_of(account_rows[row].team);
    }
    w->n_members = w->n_accounts;
    make_account(w, AWS_SUSPENDED, SV("old-prototype"), 0);
    management = make_account(w, AWS_MANAGEMENT, SV("management"), AWS_OUS)->id;
    for (unsigned i = 0; i < w->n_accounts; i++)
        w->accounts[i].arn = arena_printf(&w->arena, "arn:aws:organizations::%.*s:account/%.*s/%.*s",
                                          SV_ARG(management), SV_ARG(w->organization_id), SV_ARG(w->accounts[i].id));
}

static bool has_geography(enum form f)
{
    return f == GEO || f == GEO_ARN || f == GLOBAL;
}

/* The profile behind a use; -1 when the model is addressed itself. */
static int make_profile(struct aws_world *w, const struct aws_place *place, const struct use_row *use, unsigned row)
{
    struct aws_profile *p = &w->profiles[w->n_profiles];
    const struct aws_account *a = &w->accounts[place->account];
    sv region = place->region->name;

    if (use->form == BARE || use->form == MANTLE)
        return -1;
    *p = (struct aws_profile){ .index = w->n_profiles, .place = place->index, .foundation = sv_of(use->foundation) };
    p->application = !has_geography(use->form);
    if (p->application) {
        p->id = letters(w, rng_name(rng_name(place->stream, 'p'), row), "", 12, lower_digits);
        p->name = sv_of(use->name);
        p->team = a->team;
        p->n_regions = 1;
    } else {
        p->geography = use->form == GLOBAL ? SV("global") : place->region->geography;
        p->id = arena_printf(&w->arena, "%.*s.%s", SV_ARG(p->geography), use->foundation);
        p->name = arena_printf(&w->arena, "%.*s %s", SV_ARG(p->geography), use->foundation);
        p->n_regions = 0;
        for (unsigned i = 0; i < AWS_REGIONS; i++)
            p->n_regions += use->form == GLOBAL || sv_eq(aws_regions[i].geography, place->region->geography);
    }
    p->arn = arena_printf(&w->arena, "arn:aws:bedrock:%.*s:%.*s:%s/%.*s", SV_ARG(region), SV_ARG(a->id),
                          p->application ? "application-inference-profile" : "inference-profile", SV_ARG(p->id));
    return (int)w->n_profiles++;
}

/* "openai.gpt-oss-120b-1:0" -> "gpt-oss-120b". */
static sv plain_model(const char *foundation)
{
    sv s = sv_of(foundation);
    size_t colon;

    s = sv_skip(s, sv_find(s, '.') + 1);
    colon = sv_find(s, ':');
    return colon < s.len ? sv_first(s, sv_find_last(sv_first(s, colon), '-')) : s;
}

static void make_deployment(struct aws_world *w, struct aws_place *place, unsigned row)
{
    const struct use_row *use = &use_rows[row];
    struct aws_deployment *d = &w->deployments[w->n_deployments];
    int profile = make_profile(w, place, use, row);
    const struct aws_profile *p = profile < 0 ? NULL : &w->profiles[profile];

    *d = (struct aws_deployment){
        .index = w->n_deployments,
        .place = place->index,
        .plane = use->form == MANTLE ? AWS_MANTLE : AWS_RUNTIME,
        .model_id = !p                                             ? sv_of(use->foundation)
                    : use->form == GEO_ARN || use->form == APP_ARN ? p->arn
                                                                   : p->id,
        .foundation = sv_of(use->foundation),
        .profile = profile,
        .openai = sv_starts(sv_of(use->foundation), SV("openai.")),
        .invoke = strchr(use->foundation, ':') != NULL,
        .label_deployment = p ? p->id : SV_NONE,
        .label_model = plain_model(use->foundation),
        .stream = rng_name(rng_name(place->stream, 'D'), row),
    };
    /* Sizes differ from place to place. */
    d->share = use->weight * (0.25 + 1.5 * rng_as_unit(rng_name(d->stream, 'w')));
    if (use->form == MANTLE)
        d->project = !strcmp(use->name, "default")
                         ? SV("default")
                         : letters(w, rng_name(place->stream, 'j'), "proj_", 12, lower_digits);
    w->n_deployments++;
}

static void make_places(struct aws_world *w, struct aws_account *a)
{
    unsigned round = a->index / TEMPLATE_ACCOUNTS;

    a->first_place = w->n_places;
    for (unsigned i = 0; i < PLACE_ROWS; i++) {
        const struct place_row *row = &place_rows[i];
        struct aws_place *p = &w->places[w->n_places];

        if (row->account != a->index % TEMPLATE_ACCOUNTS)
            continue;
        *p = (struct aws_place){
            .index = w->n_places,
            .account = a->index,
            .region = &aws_regions[row->region],
            .logging = row->logging,
            .log_group = sv_of(row->group),
            .trail_data = row->trail_data,
            .stream = rng_name(rng_name(w->seed, 'P'), w->n_places),
            .first_deployment = w->n_deployments,
            .first_profile = w->n_profiles,
        };
        for (unsigned u = 0; u < USE_ROWS; u++)
            if (use_rows[u].where >> ((i + round) % 4) & 1)
                make_deployment(w, p, u);
        p->n_deployments = w->n_deployments - p->first_deployment;
        p->n_profiles = w->n_profiles - p->first_profile;
        w->n_places++;
    }
    a->n_places = w->n_places - a->first_place;
}

static void make_secrets(struct aws_world *w)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                      secret[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    w->access_key_id = letters(w, rng_name(w->seed, 'k'), "AKIA", 16, upper);
    w->secret_access_key = letters(w, rng_name(w->seed, 's'), "", 40, secret);
    w->external_id = letters(w, rng_name(w->seed, 'e'), "ext-", 20, lower_digits);
    w->role_name = SV("trefoil-read");
    w->trail_group = SV("aws-cloudtrail-logs");
    for (unsigned i = 0; i < AWS_CALLERS; i++)
        w->callers[i] = sv_of(caller_rows[i]);
}

static void normalize_shares(struct aws_world *w)
{
    double total = 0;

    for (unsigned i = 0; i < w->n_deployments; i++)
        total += w->deployments[i].share;
    for (unsigned i = 0; i < w->n_deployments; i++)
        w->deployments[i].share /= total;
}

enum err_code aws_world_init(struct aws_world *w, uint64_t seed, unsigned accounts, struct err *e)
{
    size_t places = (size_t)(accounts / TEMPLATE_ACCOUNTS + 1) * PLACE_ROWS;

    *w = (struct aws_world){ .seed = rng_name(UINT64_C(0x74726566617773), seed) };
    arena_init(&w->arena, 0);
    if (!accounts)
        return ERR_OK;
    w->accounts = ARENA_ARRAY(&w->arena, struct aws_account, accounts + 2);
    w->places = ARENA_ARRAY(&w->arena, struct aws_place, places);
    w->profiles = ARENA_ARRAY(&w->arena, struct aws_profile, places * USE_ROWS);
    w->deployments = ARENA_ARRAY(&w->arena, struct aws_deployment, places * USE_ROWS);
    if (!w->accounts || !w->places || !w->profiles || !w->deployments)
        return err_set(e, ERR_LIMIT, "world: no memory for %u AWS accounts", accounts);
    make_organization(w);
    make_secrets(w);
    make_accounts(w, accounts);
    for (unsigned i = 0; i < w->n_members; i++)
        make_places(w, &w->accounts[i]);
    normalize_shares(w);
    return w->arena.failed ? err_set(e, ERR_LIMIT, "world: no memory for %u AWS accounts", accounts) : ERR_OK;
}

void aws_world_done(struct aws_world *w)
{
    arena_done(&w->arena);
}

const struct aws_account *aws_account_find(const struct aws_world *w, sv id)
{
    for (unsigned i = 0; i < w->n_accounts; i++)
        if (sv_eq(w->accounts[i].id, id))
            return &w->accounts[i];
    return NULL;
}

const struct aws_place *aws_place_find(const struct aws_world *w, const struct aws_account *a, sv region)
{
    for (unsigned i = 0; i < a->n_places; i++)
        if (sv_eq(w->places[a->first_place + i].region->name, region))
            return &w->places[a->first_place + i];
    return NULL;
}

const struct aws_region *aws_region_find(sv name)
{
    for (unsigned i = 0; i < AWS_REGIONS; i++)
        if (sv_eq(aws_regions[i].name, name))
            return &aws_regions[i];
    return NULL;
}

const struct aws_region *aws_profile_region(const struct aws_world *w, const struct aws_profile *p, unsigned i)
{
    const struct aws_region *own = w->places[p->place].region;
    bool global = sv_eq(p->geography, SV("global"));

    if (i == 0)
        return own;
    for (unsigned k = 0; k < AWS_REGIONS; k++) {
        const struct aws_region *r = &aws_regions[k];

        if (r != own && (global || sv_eq(r->geography, p->geography)) && --i == 0)
            return r;
    }
    return own;
}
