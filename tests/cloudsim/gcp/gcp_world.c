/*
 * The world of Google Cloud is a table of projects and a table of what they use; both repeat with other ids when more
 * projects are asked for. It holds on purpose what trips collectors: a project in a nested folder whose logging is
 * switched on above it, one with an exempted caller, one whose Data Access logs the collector may not read (the list is
 * silently empty), one where logging is off, one without labels; a model id never seen before; another publisher; an
 * endpoint that is ours by its own display name only, and one that serves something else; callers without an e-mail.
 */
#include <string.h>

#include "tests/cloudsim/gcp/gcp.h"
#include "tests/cloudsim/rng.h"

/* clang-format off */
const struct gcp_location gcp_locations[GCP_LOCATIONS] = {
    { SVT("us-central1"),  GCP_REGION },
    { SVT("global"),       GCP_GLOBAL },
    { SVT("eu"),           GCP_MULTI_REGION },
    { SVT("europe-west4"), GCP_REGION },
};
enum { US_CENTRAL1, GLOBAL, EU, EUROPE_WEST4 };

static const struct folder_row { const char *name; int parent; bool logs; } folder_rows[GCP_FOLDERS] = {
    { "ai",       -1, false },
    { "products",  0, true  },
    { "sandbox",  -1, false },
};

static const struct project_row {
    const char *name;
    unsigned folder;
    enum gcp_own_logging logging;
    int exempted;
    bool private_viewer;
    const char *team, *owner, *cost_center, *env;
} project_rows[] = {
    { "ml-platform", 0, GCP_LOGS_SERVICE,      3, true,  "platform", "ml-leads",  "cc-1100", "prod" },
    { "assist-prod", 1, GCP_LOGS_UNSAID,      -1, true,  "assist",   "",          "cc-2200", "prod" },
    { "search-eu",   0, GCP_LOGS_UNSAID,      -1, true,  "",         "",          "",        ""     },
    { "risk-eu",     1, GCP_LOGS_ALL_SERVICES, -1, false, "risk",    "risk-team", "cc-4400", "prod" },
};
enum { PROJECT_ROWS = sizeof project_rows / sizeof project_rows[0] };

/* A row is used in the projects whose number modulo 4 is a bit of `where`. */
static const struct use_row {
    enum gcp_deployment_kind kind;
    const char *publisher, *model, *endpoint; /* model: model_user_id, or display name of the model on an endpoint */
    unsigned location, where, weight;
    bool openai;
    const char *label; /* canonical model */
} use_rows[] = {
    { GCP_MANAGED,  "openai",    "gpt-oss-120b-maas", NULL, US_CENTRAL1,  7, 12, true,  "gpt-oss-120b" },
    { GCP_MANAGED,  "openai",    "gpt-oss-120b-maas", NULL, GLOBAL,      11,  9, true,  "gpt-oss-120b" },
    { GCP_MANAGED,  "openai",    "gpt-oss-120b-maas", NULL, EU,          12,  8, true,  "gpt-oss-120b" },
    { GCP_MANAGED,  "openai",    "gpt-oss-20b-maas",  NULL, US_CENTRAL1,  5,  4, true,  "gpt-oss-20b" },
    { GCP_MANAGED,  "openai",    "gpt-6-nova-maas",   NULL, GLOBAL,       3, 10, true,  "gpt-6-nova" },
    { GCP_MANAGED,  "openai",    "gpt-6-nova-maas",   NULL, EUROPE_WEST4, 12, 9, true,  "gpt-6-nova" },
    { GCP_MANAGED,  "anthropic", "claude-sonnet-4-5", NULL, GLOBAL,       9,  5, false, "claude-sonnet-4-5" },
    { GCP_MANAGED,  "anthropic", "claude-haiku-4-5",  NULL, EU,           4,  3, false, "claude-haiku-4-5" },
    { GCP_ENDPOINT, "", "GPT-OSS-20b-triage",  "triage",             EUROPE_WEST4, 8, 6, true,  "gpt-oss-20b-triage" },
    { GCP_ENDPOINT, "", "support-tuned",       "OpenAI support bot", US_CENTRAL1,  1, 5, true,  "support-tuned" },
    { GCP_ENDPOINT, "", "llama-guard-4",       "moderation",         US_CENTRAL1,  1, 3, false, "llama-guard-4" },
};
enum { USE_ROWS = sizeof use_rows / sizeof use_rows[0] };

/* E-mails are of service accounts but the sixth; %s is a project id. The last three have none. */
static const struct { const char *email, *subject, *ip, *agent; } caller_rows[GCP_CALLERS] = {
    { "checkout-api",  "serviceAccount:", "192.0.2.7",       "OpenAI/Python 2.0.0,gzip(gfe)" },
    { "search-worker", "serviceAccount:", "198.51.100.20",   "OpenAI/Go 3.1.0,gzip(gfe)" },
    { "support-bot",   "serviceAccount:", "gce-internal-ip", "langchain/0.9 (gzip),gzip(gfe)" },
    { "eval-ci",       "serviceAccount:", "203.0.113.9",     "OpenAI/Python 2.0.0,gzip(gfe)" },
    { "dana",          "user:",           "2001:db8:7::19",  "curl/8.9.1,gzip(gfe)" },
    { NULL, "principal://iam.googleapis.com/projects/700000000001/locations/global/workloadIdentityPools/azure/subject/batch",
                                          "198.51.100.77",   "OpenAI/Node 6.0.0,gzip(gfe)" },
    { NULL, "principal://iam.googleapis.com/projects/700000000001/locations/global/workloadIdentityPools/aws/subject/agents",
                                          "private",         "OpenAI/Java 4.2.0,gzip(gfe)" },
    { NULL, NULL,                         "203.0.113.200",   "python-requests/2.33,gzip(gfe)" },
};
/* clang-format on */

static const char digits[] = "0123456789", lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* `n` letters of the alphabet from a stream, behind `prefix`. */
static sv letters(struct gcp_world *w, uint64_t stream, const char *prefix, unsigned n, const char *alphabet)
{
    struct rng r = { stream };
    char text[64];
    size_t at = strlen(prefix);

    memcpy(text, prefix, at);
    for (unsigned i = 0; i < n; i++)
        text[at++] = alphabet[rng_below(&r, strlen(alphabet))];
    return arena_copy(&w->arena, sv_make(text, at));
}

static void make_organization(struct gcp_world *w)
{
    w->organization_id = letters(w, rng_name(w->seed, 'o'), "organizations/5", 11, digits);
    w->organization_name = SV("example.com");
    for (unsigned i = 0; i < GCP_FOLDERS; i++)
        w->folders[i] =
            (struct gcp_folder){ .id = letters(w, rng_name(rng_name(w->seed, 'F'), i), "folders/8", 11, digits),
                                 .name = sv_of(folder_rows[i].name),
                                 .parent = folder_rows[i].parent,
                                 .logs = folder_rows[i].logs };
}

static bool on_above(const struct gcp_world *w, unsigned folder)
{
    for (int f = (int)folder; f >= 0; f = w->folders[f].parent)
        if (w->folders[f].logs)
            return true;
    return false;
}

static struct gcp_project *make_project(struct gcp_world *w, enum gcp_project_kind kind, const char *name,
                                        unsigned round, unsigned folder)
{
    unsigned i = w->n_projects++;
    uint64_t stream = rng_name(rng_name(w->seed, 'P'), i);
    struct gcp_project *p = &w->projects[i];
    sv tag = letters(w, stream, "", 4, lower_digits);

    *p = (struct gcp_project){ .index = i, .folder = folder, .kind = kind, .exempted = -1, .stream = stream };
    p->name = round ? arena_printf(&w->arena, "%s %u", name, round) : sv_of(name);
    p->id = arena_printf(&w->arena, "%s-%.*s", name, SV_ARG(tag));
    p->number = letters(w, rng_name(stream, 'n'), "4", 11, digits);
    return p;
}

static void make_projects(struct gcp_world *w, unsigned members)
{
    for (unsigned i = 0; i < members; i++) {
        const struct project_row *row = &project_rows[i % PROJECT_ROWS];
        struct gcp_project *p = make_project(w, GCP_MEMBER, row->name, i / PROJECT_ROWS, row->folder);

        p->own_logging = row->logging;
        p->exempted = row->exempted;
        p->logs = row->logging != GCP_LOGS_UNSAID || on_above(w, row->folder);
        p->private_viewer = row->private_viewer;
        p->team = sv_of(row->team);
        p->owner = sv_of(row->owner);
        p->cost_center = sv_of(row->cost_center);
        p->env = sv_of(row->env);
    }
    w->n_members = w->n_projects;
    make_project(w, GCP_DELETED, "old-prototype", 0, 0);
    make_project(w, GCP_OUTSIDE, "playground", 0, 2);
}

static void make_deployment(struct gcp_world *w, const struct gcp_project *p, unsigned row)
{
    const struct use_row *use = &use_rows[row];
    struct gcp_deployment *d = &w->deployments[w->n_deployments];

    *d = (struct gcp_deployment){
        .index = w->n_deployments,
        .project = p->index,
        .location = &gcp_locations[use->location],
        .kind = use->kind,
        .publisher = sv_of(use->publisher),
        .openai = use->openai,
        .label_model = sv_of(use->label),
        .stream = rng_name(rng_name(p->stream, 'D'), row),
    };
    w->n_deployments++;
    /* Sizes differ from project to project. */
    d->share = use->weight * (0.25 + 1.5 * rng_as_unit(rng_name(d->stream, 'w')));
    if (use->kind == GCP_MANAGED) {
        d->model_user_id = sv_of(use->model);
        return;
    }
    d->endpoint_id = letters(w, rng_name(d->stream, 'e'), "6", 18, digits);
    d->endpoint_name = sv_of(use->endpoint);
    d->deployed_model_id = letters(w, rng_name(d->stream, 'm'), "3", 18, digits);
    d->model_name = sv_of(use->model);
    d->label_resource = d->endpoint_id;
    d->label_deployment = d->deployed_model_id;
}

static void make_uses(struct gcp_world *w, struct gcp_project *p)
{
    p->first_deployment = w->n_deployments;
    for (unsigned u = 0; u < USE_ROWS; u++)
        if (use_rows[u].where >> (p->index % PROJECT_ROWS) & 1)
            make_deployment(w, p, u);
    p->n_deployments = w->n_deployments - p->first_deployment;
}

static void make_caller(struct gcp_world *w, unsigned i)
{
    struct gcp_caller *c = &w->callers[i];
    sv home = w->projects[0].id, kind = sv_of(caller_rows[i].subject);

    *c = (struct gcp_caller){ .subject = kind, .ip = sv_of(caller_rows[i].ip), .agent = sv_of(caller_rows[i].agent) };
    if (!caller_rows[i].email)
        return;
    c->email = sv_starts(kind, SV("user:"))
                   ? arena_printf(&w->arena, "%s@example.com", caller_rows[i].email)
                   : arena_printf(&w->arena, "%s@%.*s.iam.gserviceaccount.com", caller_rows[i].email, SV_ARG(home));
    c->subject = arena_printf(&w->arena, "%.*s%.*s", SV_ARG(kind), SV_ARG(c->email));
}

static void normalize_shares(struct gcp_world *w)
{
    double total = 0;

    for (unsigned i = 0; i < w->n_deployments; i++)
        total += w->deployments[i].share;
    for (unsigned i = 0; i < w->n_deployments; i++)
        w->deployments[i].share /= total;
}

enum err_code gcp_world_init(struct gcp_world *w, uint64_t seed, unsigned members, struct err *e)
{
    *w = (struct gcp_world){ .seed = rng_name(UINT64_C(0x74726566676370), seed) };
    arena_init(&w->arena, 0);
    if (!members)
        return ERR_OK;
    w->projects = ARENA_ARRAY(&w->arena, struct gcp_project, members + 2);
    w->deployments = ARENA_ARRAY(&w->arena, struct gcp_deployment, (size_t)members * USE_ROWS);
    if (!w->projects || !w->deployments)
        return err_set(e, ERR_LIMIT, "world: no memory for %u Google projects", members);
    make_organization(w);
    make_projects(w, members);
    for (unsigned i = 0; i < w->n_members; i++)
        make_uses(w, &w->projects[i]);
    for (unsigned i = 0; i < GCP_CALLERS; i++)
        make_caller(w, i);
    normalize_shares(w);
    return w->arena.failed ? err_set(e, ERR_LIMIT, "world: no memory for %u Google projects", members) : ERR_OK;
}

void gcp_world_done(struct gcp_world *w)
{
    arena_done(&w->arena);
}

const struct gcp_project *gcp_project_find(const struct gcp_world *w, sv id_or_number)
{
    for (unsigned i = 0; i < w->n_projects; i++)
        if (sv_eq(w->projects[i].id, id_or_number) || sv_eq(w->projects[i].number, id_or_number))
            return &w->projects[i];
    return NULL;
}

const struct gcp_folder *gcp_folder_find(const struct gcp_world *w, sv id)
{
    for (unsigned i = 0; i < GCP_FOLDERS; i++)
        if (sv_eq(w->folders[i].id, id))
            return &w->folders[i];
    return NULL;
}
