/*
 * What the jobs of one OpenAI source share: its configuration and what discovery has found. Not pure.
 *
 * The list of projects is an immutable object with a count of references: discovery publishes a new one, readings hold on to the
 * one that they started with.
 *
 * Threads: all below the lock is guarded by it; nobody calls out while he holds it.
 */
#ifndef OPENAI_STATE_H
#define OPENAI_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/base/map.h"
#include "collector/sources/openai/openai.h"

enum { OPENAI_MET_MAX = 20000 };

/* In order of id. */
struct openai_projects {
    struct arena arena;
    struct openai_project *at;
    size_t n;
    atomic_int refs;
};

struct openai_source {
    struct source base;
    const struct openai_config *cfg;
    struct source_env env; /* with a client of our own */
    struct http_client *http;
    sv url;
    pthread_mutex_t refreshing; /* held, before `lock`, by who asks for the projects because one is not known */
    pthread_mutex_t lock;       /* guards all below */
    struct openai_projects *projects;
    bool listed;          /* the projects were asked for once, whatever came of it but a passing fault */
    int64_t refresh_mono; /* before this no unknown project makes us ask again */
    int64_t absent_until_mono[OPENAI_KINDS]; /* before this the kind is not asked for */
    int64_t
        absent_since_unix_nano[OPENAI_KINDS]; /* start of what was not read for it, 0: none; the kind's poll alone */
    int64_t no_tenant_until_mono;             /* before this tenant events are not asked for */
    enum openai_cost_keys { OPENAI_COST_KEYS_UNKNOWN, OPENAI_COST_KEYS_SERVED, OPENAI_COST_KEYS_REFUSED } cost_keys;
    struct map met;
    struct openai_use *uses;
    size_t n_uses, cap_uses;
};

/* ---- Projects and models (openai_state.c) ---- */

/* Both may be NULL: nothing is known. */
struct openai_projects *openai_projects_hold(struct openai_source *s);
void openai_projects_drop(struct openai_projects *p);
/* Takes `p`; NULL leaves what is known and notes only that it was asked for. */
void openai_projects_publish(struct openai_source *s, struct openai_projects *p);
struct openai_projects *openai_projects_new(void); /* one reference */
const struct openai_project *openai_project_find(const struct openai_projects *p, sv id);

void openai_met(struct openai_source *s, sv project, sv model);
/* All that were met, in the arena; their texts live as long as the source. NULL at the arena's limit. */
struct openai_use *openai_uses(struct openai_source *s, struct arena *a, size_t *n);

/* A kind that the service does not have is not asked for during that time. */
bool openai_kind_is_absent(struct openai_source *s, int kind);
void openai_kind_absent(struct openai_source *s, int kind, int64_t for_ms);

/* Notes what is refused and gone on without, and logs it when it is new; with an empty `why` that it is there again. */
void openai_goes_without(struct openai_source *s, const char *what, sv why);
void openai_state_free(struct openai_source *s);

/* ---- Groupings (openai_grouping.c) ---- */

/* A span of buckets that are read with one grouping. */
struct openai_part {
    int64_t from_unix_nano, to_unix_nano;
    unsigned groups;
};
/* The last part of [from, to), by what was journalled for `fact`; with `wanted` when nothing was. */
struct openai_part openai_last_part(const struct openai_source *s, sv fact, int64_t from, int64_t to, unsigned wanted,
                                    struct arena *a);
/* Journals `groups` unless it holds: from ever when nothing did, else for buckets from `since` on. */
MUST_USE enum err_code openai_choose_groups(const struct openai_source *s, struct frame *out, const char *fact,
                                            unsigned groups, int64_t since_unix_nano, struct err *e);
/* What was journalled last; 0: nothing. */
unsigned openai_chosen_groups(const struct openai_source *s, sv fact, struct arena *a);

/* ---- Calls (openai_call.c) ---- */

/* Buffers of one poll. */
struct openai_reader {
    struct openai_source *s;
    struct arena *arena; /* of the poll */
    struct json_parser *parser;
    struct http_response response;
    struct buf url, bearer;
};
MUST_USE enum err_code openai_reader_init(struct openai_reader *r, struct openai_source *s, struct arena *arena,
                                          struct err *e);
void openai_reader_done(struct openai_reader *r);

/* Sends r->url. The answer stands in r->response; with `root` it is parsed too. */
MUST_USE enum err_code openai_ask(struct openai_reader *r, enum openai_api api, json *root, struct err *e);

/* All pages of a listing: `ask` writes the URL of the page after `after` into r->url. */
struct openai_listing {
    enum openai_api api;
    void (*ask)(struct openai_reader *r, sv what, sv after);
    sv what;
    page_decoder *decode;
};
MUST_USE enum err_code openai_list(struct openai_reader *r, const struct openai_listing *l, struct items *items,
                                   struct err *e);

/* ---- Jobs ---- */

MUST_USE enum err_code openai_poll_inventory(struct openai_reader *r, const struct source_job *job, struct window *w,
                                             struct frame *out, struct err *e);
MUST_USE enum err_code openai_poll_usage(struct openai_reader *r, const struct source_job *job, struct window *w,
                                         struct frame *out, struct err *e);
MUST_USE enum err_code openai_poll_costs(struct openai_reader *r, const struct source_job *job, struct window *w,
                                         struct frame *out, struct err *e);
MUST_USE enum err_code openai_poll_capacity(struct openai_reader *r, const struct source_job *job, struct window *w,
                                            struct frame *out, struct err *e);
MUST_USE enum err_code openai_poll_audit(struct openai_reader *r, const struct source_job *job, struct window *w,
                                         struct frame *out, struct err *e);
MUST_USE enum err_code openai_check(struct source *self, struct check_report *report, struct err *e);
size_t openai_forecast(const void *cfg, struct forecast_line *out, size_t max);
/* Reads the list of projects and publishes it. */
MUST_USE enum err_code openai_read_projects(struct openai_reader *r, struct err *e);
/* Whether it was refused, which no waiting mends: noted, and the rest goes on without the list. */
bool openai_lists_refused(struct openai_source *s, enum err_code code, const struct err *why);

extern const struct source_ops openai_source_ops;

#endif
