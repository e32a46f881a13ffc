/* Google Cloud as the frame knows it: its world, its workload, who may call. */
#include <stdlib.h>

#include "tests/cloudsim/gcp/gcp_api.h"
#include "tests/cloudsim/gcp/gcp_calls.h"

/* Google's calls a minute come on top of the other clouds'. */
#define SHARE 0.25

struct gcp *gcp_of(const struct sim *s)
{
    return s->of[GCP];
}

static void close_world(void *own)
{
    struct gcp *g = own;

    gcp_access_free(g->access);
    gcp_workload_free(g->workload);
    gcp_world_done(&g->world);
    free(g);
}

/* A sim without a folder has no servers either, and needs nobody's keys. */
static enum err_code open_access(struct gcp *g, const struct sim *s, struct err *e)
{
    g->access = s->options.dir ? gcp_access_new(&g->world, s->options.dir, e) : NULL;
    return g->access || !s->options.dir ? ERR_OK : e->code;
}

static enum err_code open_world(struct sim *s, void **own, struct err *e)
{
    struct gcp *g = calloc(1, sizeof *g);

    if (!g)
        return err_set(e, ERR_LIMIT, "out of memory");
    if (gcp_world_init(&g->world, s->options.seed, s->options.count[GCP], e) || open_access(g, s, e)) {
        close_world(g);
        return e->code;
    }
    g->workload = gcp_workload_new(&g->world, s->options.calls_per_minute * SHARE, s->first, s->last);
    if (!g->workload) {
        close_world(g);
        return err_set(e, ERR_LIMIT, "out of memory");
    }
    *own = g;
    return ERR_OK;
}

/* A project by id; for policies also a folder or the organization. */
static bool has_account(const struct sim *s, sv account)
{
    const struct gcp_world *w = &gcp_of(s)->world;

    return gcp_project_find(w, account) || gcp_folder_find(w, account) || sv_eq(account, w->organization_id);
}

static unsigned accounts(const struct sim *s)
{
    return gcp_of(s)->world.n_projects;
}

static sv account_name(const struct sim *s, unsigned i)
{
    return gcp_of(s)->world.projects[i].id;
}

const struct cloud gcp_cloud = {
    .name = "gcp",
    .id = GCP,
    .count = { "--projects", "how many Google Cloud has, 0: no Google Cloud", 4, 0, GCP_PROJECTS_MAX },
    .exchange_bytes = sizeof(struct gcp_request),
    .open = open_world,
    .close = close_world,
    .row_at = gcp_row_at,
    .route = gcp_route,
    .identify = gcp_identify,
    .admit = gcp_admit,
    .unknown = gcp_unknown,
    .dialect = gcp_dialect_of,
    .has_account = has_account,
    .accounts = accounts,
    .account_name = account_name,
    .truth = gcp_truth_write,
    .config = gcp_config_write,
    .secrets = gcp_secrets_write,
    .renew = gcp_secrets_renew,
};
