/*
 * OpenAI's own platform as cloudsim plays it: an organization with projects, users and keys, what they use, what that
 * costs, and what administrators do. The world is made once from the seed and never changed; the rest are pure functions
 * of (world, place, minute). Ids are invented; their shapes are OpenAI's.
 *
 * Parts: openai_world.c (what exists), openai_calls.c (usage), openai_events.c (audit events) make the story;
 * openai_api.c (who may call), openai_params.c (what is asked), openai_usage.c, openai_costs.c, openai_lists.c and
 * openai_audit.c answer; openai_refuse.c, openai_config.c and openai_truth.c are members of openai_cloud.
 *
 * Promises that truth and collectors rely on: a bucket of usage is final 30 min after its end (60 h with --control-late), costs 3 h after the last
 * use of their day, an audit event is visible within 10 min.
 *
 * Ownership:     all views live as long as the world.
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_OPENAI_H
#define CLOUDSIM_OPENAI_H

#include "tests/cloudsim/cloud.h"
#include "tests/cloudsim/minute_cache.h"

enum { OPENAI_PROJECTS_MAX = 100, OPENAI_USERS = 8, OPENAI_KEYS = 3, OPENAI_STORES = 2 };

enum openai_kind {
    OPENAI_COMPLETIONS,
    OPENAI_EMBEDDINGS,
    OPENAI_MODERATIONS,
    OPENAI_IMAGES,
    OPENAI_SPEECHES,
    OPENAI_TRANSCRIPTIONS,
    OPENAI_CALLED, /* how many kinds call a model */
    OPENAI_WEB_SEARCHES = OPENAI_CALLED,
    OPENAI_FILE_SEARCHES,
    OPENAI_SESSIONS,
    OPENAI_STORAGE, /* a level, not a flow */
    OPENAI_KINDS
};

/* What results can be grouped by. */
enum openai_dim {
    DIM_PROJECT_ID,
    DIM_USER_ID,
    DIM_API_KEY_ID,
    DIM_MODEL_ID,
    DIM_BATCH,
    DIM_SERVICE_TIER,
    DIM_SIZE,
    DIM_IMAGE_SOURCE,
    DIM_STORE,
    DIM_CONTEXT_LEVEL,
    DIM_LINE_ITEM, /* of costs */
    OPENAI_DIMS
};
extern const char *const openai_dim_names[OPENAI_DIMS];

enum openai_figure {
    FIG_REQUESTS,
    FIG_INPUT, /* all of it; the next seven are its parts */
    FIG_TEXT,  /* uncached; so are the next two */
    FIG_AUDIO,
    FIG_IMAGE,
    FIG_CACHED_TEXT,
    FIG_CACHED_AUDIO,
    FIG_CACHED_IMAGE,
    FIG_CACHE_WRITE,
    FIG_OUTPUT, /* all of it; the next three are its parts */
    FIG_OUT_TEXT,
    FIG_OUT_AUDIO,
    FIG_OUT_IMAGE,
    FIG_UNITS, /* images, characters, seconds, searches, sessions, bytes */
    OPENAI_FIGURES
};

/* Which optional members a model's usage tells. */
enum { TELLS_CACHED = 1, TELLS_PARTS = 2, TELLS_CACHE_WRITE = 4, TELLS_CACHED_PARTS = 8, TELLS_TIER = 16 };

struct openai_kind_row {
    const char *name, *object; /* last part of the path; of its results */
    const char *operation;     /* label; NULL: calls no model */
    const char *unit;          /* member of FIG_UNITS; NULL: none */
    unsigned dims;             /* 1 << DIM_ */
};
extern const struct openai_kind_row openai_kinds[OPENAI_KINDS];

struct openai_model {
    const char *id, *label; /* label: as the unified schema has it */
    enum openai_kind kind;
    unsigned tells;
    double share;
    const char *cached_item;                               /* direction of its line item of cached input */
    int64_t input_nano, cached_nano, write_nano, out_nano; /* price of a token, or of a unit (out_nano) */
};
enum { OPENAI_MODELS = 8 };
extern const struct openai_model openai_models[OPENAI_MODELS];

struct openai_project {
    unsigned index;
    sv id, name;
    const char *residency, *region; /* "EU_STORAGE_PROCESSING", label "eu" */
    int64_t created_s, archived_s;  /* archived_s INT64_MAX: never */
    sv stores[OPENAI_STORES];
    uint64_t stream;
    unsigned models; /* 1 << index of openai_models: those it uses */
};

struct openai_user {
    sv id, name, email, ip;
};

struct openai_key {
    unsigned project;
    int user; /* -1: a service account's */
    sv id, name, redacted, account_id, account_name;
};

/* Use of one kind and model by one identity. */
struct openai_stream {
    unsigned index, project;
    enum openai_kind kind;
    const struct openai_model *model; /* NULL: none */
    int user, key;                    /* index; -1: none. A dashboard's use has no key, a service account no user */
    double share;
    uint64_t stream;
};

struct openai_world {
    struct arena arena;
    uint64_t seed;
    sv organization;
    struct openai_project *projects;
    struct openai_key *keys; /* OPENAI_KEYS of each project */
    struct openai_user users[OPENAI_USERS];
    struct openai_stream *streams;
    unsigned n_projects, n_streams;
    double shares; /* of all streams together */
    sv admin_key, inference_key, eu_key, expired_key;
};

/* The last of three or more projects is archived an hour after minute `first`. */
MUST_USE enum err_code openai_world_init(struct openai_world *w, uint64_t seed, unsigned projects, int64_t first,
                                         struct err *e);
void openai_world_done(struct openai_world *w);
const struct openai_project *openai_project_find(const struct openai_world *w, sv id); /* NULL */
/* What a variant of a stream's use has as a dimension; `at` NULL: nothing. */
sv openai_dim_of(const struct openai_world *w, const struct openai_stream *st, unsigned variant, enum openai_dim dim);
/* What a stream's use of that kind tells. */
unsigned openai_tells(const struct openai_stream *st);

/* ---- usage (openai_calls.c) ---- */

enum { OPENAI_VARIANTS = 4, OPENAI_USAGE_FINAL_S = 30 * 60, OPENAI_COSTS_FINAL_S = 3 * 3600 };

struct openai_cell {
    uint64_t f[OPENAI_FIGURES];
};
struct openai_minute {
    struct cached cached; /* place: the stream */
    struct openai_cell at[OPENAI_VARIANTS];
};

struct openai_workload;
/* NULL when memory is out. Calls exist in minutes [first, last). */
struct openai_workload *openai_workload_new(const struct openai_world *w, const struct sim_options *o,
                                            double calls_per_minute, int64_t first, int64_t last);
void openai_workload_free(struct openai_workload *l);

/* Adds what a minute's bucket shows at `now` to out[OPENAI_VARIANTS]; INT64_MAX: its final figures. Levels are not added. */
void openai_usage_of(struct openai_workload *l, const struct openai_stream *st, int64_t minute, int64_t now,
                     struct openai_cell *out);
/* The level of a project's vector stores in an hour (unix hours), in bytes. */
uint64_t openai_stored_bytes(const struct openai_workload *l, unsigned project, int64_t hour);

/* ---- costs (openai_costs.c) ---- */

/* A line of a day's costs, as shown. */
struct openai_charge {
    const struct openai_stream *stream;   /* NULL: a credit to the organization */
    const struct openai_project *project; /* the same */
    const char *model;                    /* before the comma; NULL: none */
    const char *item;                     /* what is charged: after the comma, or all of it */
    const char *unit;                     /* of the quantity; NULL: null */
    int64_t nano;                         /* of a US dollar */
    double quantity;
};
/* Calls `each` with all charges of a UTC day (unix days) that are shown at `now`; those of one line item of one project
 * may come several times. */
void openai_charges(struct sim *s, int64_t day, int64_t now, void (*each)(void *ctx, const struct openai_charge *c),
                    void *ctx);

/* ---- audit events (openai_events.c) ---- */

enum { OPENAI_EVENTS_MAX = 16, OPENAI_EVENT_TYPES = 20 };
struct openai_event_type {
    const char *name;
    bool tenant;
    const char *detail; /* JSON of the member named as the type, with ID for an id; NULL: none */
};
extern const struct openai_event_type openai_event_types[OPENAI_EVENT_TYPES];

enum openai_actor { ACTOR_NONE, ACTOR_SESSION, ACTOR_USER_KEY, ACTOR_ACCOUNT_KEY, OPENAI_ACTORS };
struct openai_event {
    int64_t at_s, visible; /* unix seconds; unix nanoseconds */
    uint64_t id;           /* names minute and number, and sorts like at_s within a second */
    uint8_t type, actor, user;
    unsigned project, key;
    bool has_project, org, tenant; /* in which listings it stands: one of them, or both */
};
/* Events of that minute in order of time; returns how many. */
unsigned openai_events_of(const struct openai_world *w, const struct sim *s, int64_t minute,
                          struct openai_event out[OPENAI_EVENTS_MAX]);

/* ---- the cloud ---- */

struct openai {
    struct openai_world world;
    struct openai_workload *workload;
};
static inline struct openai *openai_of(const struct sim *s)
{
    return s->of[OPENAI];
}

/* Rows that answer usage know their kind. */
struct openai_row {
    struct api_row row;
    enum openai_kind kind;
};

/* ---- parameters (openai_params.c) ---- */

enum { OPENAI_PARAMS_MAX = 128 };
struct openai_param {
    sv name, value; /* of arrays without their brackets, one for each value */
};
struct openai_params {
    struct openai_param at[OPENAI_PARAMS_MAX];
    unsigned n;
    uint64_t hash; /* of all but paging */
};
/* Reads the query; refuses what is not in `known` (ends with NULL). False: answered. */
bool openai_params_read(struct exchange *x, const char *const *known, struct openai_params *out);
sv openai_param(const struct openai_params *p, const char *name); /* the first; empty: absent */
/* A whole number in [least, most], else it refuses; absent: dflt. */
bool openai_number(struct exchange *x, const struct openai_params *p, const char *name, int64_t dflt, int64_t least,
                   int64_t most, int64_t *out);
/* Whether the array `name` is absent or holds the value. */
bool openai_allows(const struct openai_params *p, const char *name, sv value);

/* Buckets that a page of usage or costs has. */
struct openai_page {
    int64_t width_s, from, until; /* number of the first bucket and the one behind the last, in units of the width */
    int64_t first, last;          /* those of this page */
    unsigned groups;              /* 1 << DIM_ */
};
/* Reads widths, times, limit, grouping and cursor; `costs` has its own bounds. False: answered. */
bool openai_page_read(struct exchange *x, const struct openai_params *p, unsigned dims, bool costs,
                      struct openai_page *out);
/* The page's end: has_more, next_page and the closing brace. */
void openai_page_end(struct exchange *x, const struct openai_params *p, const struct openai_page *page, struct buf *b);
/* `"name":value` of a dimension: null when it is not grouped or the value is none. */
void openai_put_dim(struct buf *b, const struct openai_page *page, enum openai_dim dim, sv value);

/* ---- refusals (openai_refuse.c) ---- */

/* An error in OpenAI's form; code and param may be NULL. */
void openai_refuse(struct exchange *x, int status, const char *type, const char *code, const char *param,
                   const char *format, ...) PRINTF_LIKE(6, 7);
void openai_refuse_key(struct exchange *x, sv key);
void openai_refuse_scope(struct exchange *x);
const struct dialect *openai_dialect(const struct exchange *x);

/* ---- other members of openai_cloud ---- */

void openai_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until);
void openai_config_write(const struct sim *s, struct buf *b, const char *dir);
enum err_code openai_secrets_write(const struct sim *s, const char *dir, struct err *e);

/* ---- handlers ---- */

void openai_usage(struct exchange *x);
void openai_costs(struct exchange *x);
void openai_projects(struct exchange *x);
void openai_project(struct exchange *x);
void openai_rate_limits(struct exchange *x);
void openai_api_keys(struct exchange *x);
void openai_users(struct exchange *x);
void openai_audit_logs(struct exchange *x);

#endif
