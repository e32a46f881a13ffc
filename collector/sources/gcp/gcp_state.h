/*
 * What the jobs of one Google source share: its configuration, its credential, and what discovery has found. Not pure.
 *
 * A project is made when it is first named and lives as long as the source; what is known of it only grows (metric types that
 * were active once, models that were met) or is replaced whole (tags).
 *
 * Threads: the list of projects and what they hold is guarded by gcp_source.lock; nobody calls out while he holds it.
 */
#ifndef GCP_STATE_H
#define GCP_STATE_H

#include <pthread.h>

#include "collector/sources/gcp/gcp.h"
#include "collector/sources/gcp/gcp_auth.h"

enum { GCP_PROJECTS_MAX = 5000, GCP_USES_MAX = 20000, GCP_METRICS_MAX = 16, GCP_QUOTAS_MAX = 32, GCP_ABOVE_MAX = 12 };

struct gcp_project {
    struct gcp_project *next;
    char *id;
    bool listed;                /* by the last discoveries, or configured */
    unsigned missed;            /* by so many of them */
    bool discovered;            /* asked for at least once */
    char *above[GCP_ABOVE_MAX]; /* its parent, the parent's, ... as far as they are known */
    char *tags[4];              /* team, owner, cost center, environment; NULL: none */
    bool active[GCP_METRICS_MAX], usage[GCP_QUOTAS_MAX], limit[GCP_QUOTAS_MAX]; /* of gcp_metrics, gcp_quotas */
    int64_t ingest_delay_nano;                                                  /* the longest that was told */
    struct map met;
    struct gcp_use *uses;
    size_t n_uses, cap_uses;
};

struct gcp_source {
    struct source base;
    const struct gcp_config *cfg;
    struct source_env env; /* with a client of our own, for our endpoints' certificates */
    struct http_client *http;
    struct gcp_auth *auth;
    pthread_mutex_t lock; /* guards all below */
    struct gcp_project *projects;
    size_t n_projects;
};

/* ---- Projects (gcp_state.c) ---- */

/* Found or made; NULL when out of memory or at the limit. */
struct gcp_project *gcp_project(struct gcp_source *s, sv id);
/* Of a job's scope "project:ID"; NULL when unknown. */
struct gcp_project *gcp_project_of_scope(struct gcp_source *s, sv scope);
/* What discovery says of it: tags, and what is above it (the parent first). */
void gcp_project_describe(struct gcp_source *s, struct gcp_project *p, const struct owner_tags *tags, const sv *above,
                          size_t n_above);
/* A copy of both in the arena; *n: how many are above. False at its limit. */
bool gcp_project_about(struct gcp_source *s, const struct gcp_project *p, struct arena *a, struct owner_tags *tags,
                       sv above[GCP_ABOVE_MAX], size_t *n);
void gcp_project_met(struct gcp_source *s, struct gcp_project *p, const struct gcp_use *use);
/* All that were met, in the arena; their texts live as long as the source. NULL at the arena's limit. */
struct gcp_use *gcp_project_uses(struct gcp_source *s, const struct gcp_project *p, struct arena *a, size_t *n);
void gcp_state_free(struct gcp_source *s);

/* ---- Calls (gcp_call.c) ---- */

/* Buffers of one poll: `path` is what the next request asks for, `body` makes it a POST. */
struct gcp_reader {
    struct gcp_source *s;
    struct arena *arena; /* of the poll */
    struct json_parser *parser;
    struct http_response response;
    struct buf path, body, url;
};
MUST_USE enum err_code gcp_reader_init(struct gcp_reader *r, struct gcp_source *s, struct arena *arena, struct err *e);
void gcp_reader_done(struct gcp_reader *r);
/* Before what is asked next is put into path and body. */
void gcp_reader_clear(struct gcp_reader *r);
/* Sends, for `project` (whose quota it takes and who is named in errors). A token that is refused is renewed once. */
MUST_USE enum err_code gcp_ask(struct gcp_reader *r, enum gcp_api api, sv project, json *root, struct err *e);

/* All pages of a listing: `ask` writes the path of the page behind `page`. */
struct gcp_listing {
    enum gcp_api api;
    void (*ask)(struct gcp_reader *r, sv what, sv page);
    sv what;
    page_decoder *decode;
};
MUST_USE enum err_code gcp_list(struct gcp_reader *r, const struct gcp_listing *l, sv project, struct items *items,
                                struct err *e);

/* What a longer wait does not mend. */
static inline bool gcp_is_refusal(enum err_code code)
{
    return code == ERR_DENIED || code == ERR_GONE || code == ERR_REFUSED;
}

/* ---- Jobs ---- */

typedef enum err_code gcp_poller(struct gcp_reader *r, struct gcp_project *p, const struct source_job *job,
                                 struct window *w, struct frame *out, struct err *e);
/* gcp_inventory.c: the list of projects; what there is in one; its quotas. */
MUST_USE enum err_code gcp_poll_projects(struct gcp_reader *r, struct err *e);
gcp_poller gcp_poll_inventory, gcp_poll_capacity;
/* The projects to read, as the configuration says, into items of struct gcp_found. */
struct gcp_found {
    struct gcp_project_item item;
    sv above[GCP_ABOVE_MAX];
    size_t n_above;
};
MUST_USE enum err_code gcp_find_projects(struct gcp_reader *r, struct items *found, struct err *e);
/* The audit policies of the project and what is above it, added up. *whole: all up to the organization were read. */
MUST_USE enum err_code gcp_read_audit_policy(struct gcp_reader *r, const struct gcp_project *p,
                                             struct gcp_audit_policy *policy, bool *whole, struct err *e);
/* gcp_metrics.c, gcp_logs.c */
gcp_poller gcp_poll_metrics, gcp_poll_calls, gcp_poll_audit;
/* All pages of one question. */
MUST_USE enum err_code gcp_read_series(struct gcp_reader *r, struct gcp_query *q, struct gcp_answer *a,
                                       struct frame *out, struct err *e);
MUST_USE enum err_code gcp_read_entries(struct gcp_reader *r, struct gcp_log_query *q, const struct gcp_context *c,
                                        struct frame *out, struct err *e);

/* gcp_check.c, gcp_forecast.c */
MUST_USE enum err_code gcp_check(struct source *self, struct check_report *report, struct err *e);
size_t gcp_forecast(const void *cfg, struct forecast_line *out, size_t max);

extern const struct source_ops gcp_source_ops;

#endif
