/*
 * A source: one cloud's door. A plugin is a folder, a struct whose first member is `struct source`, and one const table
 * of functions at the end of <p>_source.c.
 *
 * A source tells which jobs it has (after each discovery anew); the runner in core/ decides when each is due and for which
 * window, calls poll(), times it, counts it, retries it, filters what is already known, and makes the frame durable. A poll
 * is plain blocking code that reads one window page after page, to the end, and appends to the frame it is given.
 *
 * Ownership:     see each function. Errors: enum err_code tells the runner what to do (base/err.h).
 * Thread-safety: one poll per job at a time; different jobs of one source may be polled by several threads at once, so what
 *                jobs share (inventory, tokens) is guarded inside the source.
 */
#ifndef SOURCES_SOURCE_H
#define SOURCES_SOURCE_H

#include "collector/base/map.h"
#include "collector/config/config.h"
#include "collector/model/record.h"
#include "collector/net/http_client.h"
#include "collector/net/rate_limit.h"

struct ledger;
struct source_env;

enum job_kind {
    JOB_WINDOWED, /* reads a span of time; the runner plans windows from what the ledger has seen */
    JOB_SNAPSHOT, /* reads how things are now (inventory, capacity) */
};

/* Durations in milliseconds of base/clock.h. All views live until the next jobs() call of the source. */
struct source_job {
    enum job_kind kind;
    sv scope;             /* what is isolated from others: a subscription, an account and region, a workspace */
    sv group;             /* what is read together: "metrics/models/requests", "calls", "audit", "inventory" */
    sv signal;            /* label value: metrics, calls, audit, inventory, capacity */
    int64_t interval_ms;  /* between polls */
    int64_t delay_ms;     /* windows end this long before the server's now */
    int64_t grain_ms;     /* windows begin and end at multiples of it */
    int64_t lookback_ms;  /* how far back each poll reads again for late and revised data; 0 for arrival-ordered logs */
    int64_t settle_ms;    /* a bucket is complete when read this long after its end */
    int64_t span_max_ms;  /* longest window of one poll */
    int64_t retention_ms; /* older than this the cloud has nothing any more */
    int64_t
        envelope_settle_ms; /* logs whose envelope rows wait for a model row: for how long in arrival time; 0: they do not */
    bool discovers;         /* after a successful poll jobs() is asked again */
    /* Its counts can be asked for by the hour as well: what came later than the look-back is found by control reads
     * (ledger.h: control_ages). */
    bool controls;
    int64_t control_grain_ms; /* an hour */
};

struct job_list {
    struct arena *arena;
    struct source_job *at;
    size_t n, cap;
};
struct source_job *job_list_add(struct job_list *l); /* zeroed; NULL at the arena's limit */

/* What check --connect found. */
enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAILED };
struct check_report {
    void (*line)(struct check_report *r, enum check_state s, const char *what, const char *remedy);
    void *ctx;
};

/* A forecast for `check`: calls a minute by API and their list price. */
enum { FORECAST_LINES_MAX = 32, FORECAST_DAYS = 30 /* of its month */ };
struct forecast_line {
    const char *api;
    const char *per; /* what is multiplied: "subscription and region", "workspace"; constants */
    double calls_per_minute;
    double usd_per_month;
};

struct source_ops {
    const char *name; /* "azure": configuration section, log tag, cloud */
    const struct option *options;
    size_t config_size;
    const struct rule *rules; /* the mapping, n_rules rows; journalled as an epoch when it changes */
    size_t n_rules;

    /* `normalize`, without a daemon: the formats it reads (ended by NULL), which of them these bytes are (empty: none), and
     * bytes to records. */
    const char *const *formats;
    sv (*detect)(sv bytes);
    enum err_code (*normalize)(sv format, sv bytes, struct frame *out, struct err *e);

    /* Creates an instance; `cfg` is a struct of config_size that outlives it. Starts no call. On failure NULL and *e. */
    struct source *(*open)(const void *cfg, const struct source_env *env, struct err *e);

    /* Appends the jobs known at this time. Before the first discovery that is the discovery job alone. */
    MUST_USE enum err_code (*jobs)(struct source *self, struct job_list *out, struct err *e);

    /* Reads `w` (JOB_SNAPSHOT: w.from and w.to are 0) and appends records, epochs and the tally to `out`, all in its arena.
     * Sets w->read_at_unix_nano to the server's time. ERR_OK with nothing appended means "no data", which is no error.
     * w->control: a control read. The job is a copy whose grain_ms is its control_grain_ms, w spans whole hours (up to 24),
     * and the answer is one measure an hour of each series that counts: start and end an hour apart, `series` and labels as
     * the fine ones have them, any `key` (the runner gives it one of its own). What counts nothing (gauges, percentiles) may
     * be left out and is not taken. Group, scope and what is refused, rejected or quarantined are as in a fine read; an hour
     * of which nothing is told says nothing, it is not a 0.
     * ERR_LIMIT and ERR_PARTIAL make the runner try again with half the window. */
    MUST_USE enum err_code (*poll)(struct source *self, const struct source_job *job, struct window *w,
                                   struct frame *out, struct err *e);

    /* Tries each credential and permission and reports each with its remedy. */
    MUST_USE enum err_code (*check)(struct source *self, struct check_report *r, struct err *e);

    /* What the configuration will cost, without asking anybody: at most `max` lines; how many. May be NULL. */
    size_t (*forecast)(const void *cfg, struct forecast_line *out, size_t max);

    /* Makes running and later calls return ERR_CANCELLED soon. Any thread. */
    void (*cancel)(struct source *self);

    /* Accepts NULL and a half-built instance. */
    void (*close)(struct source *self);
};

struct source {
    const struct source_ops *ops;
    const struct source_env *env;
};

/* The section `budget` of every source: what its calls may cost a day of 24 hours; 0: no such limit. */
struct source_budget {
    int64_t calls_per_day;
    double usd_per_day; /* list price */
};

/* All sources, ended by NULL (registry.c). */
extern const struct source_ops *const source_registry[];

/* ---- What the runner gives a source (source_env) and the one way to call a cloud ---- */

/* How an API is counted, priced and held to its quota. Rows of a const table in <p>_request.c. */
struct api {
    const char *name;    /* label value: "metrics:getBatch" */
    double burst, per_s; /* the server's token bucket */
    int64_t usd_nano;    /* list price of one billed unit, as a rule a call */
};

/* A request and what its cloud needs around it. */
struct source_request {
    const struct api *api;
    sv quota;      /* name of the token bucket that it takes from */
    sv account;    /* who pays; cut to STATS_ACCOUNT_MAX; "" when nobody is named */
    int64_t units; /* billed units, unless refused (GetMetricData: metrics requested); 0: one */
    struct http_request *http;
    /* Called before each attempt, for what holds a time: signatures. The headers that it adds are taken off again. */
    enum err_code (*prepare)(void *ctx, struct http_request *q, struct err *e);
    /* What an answer other than 2xx means where the status does not tell; NULL: by status. */
    enum err_code (*judge)(const struct http_response *r);
    /* How long an answer of ERR_THROTTLED asks to wait, in milliseconds, where its header does not say so; NULL: 0. */
    int64_t (*wait)(const struct http_response *r);
    void *ctx; /* of prepare */
};

struct source_env {
    sv id;                    /* of the source in the configuration */
    struct ledger *ledger;    /* for source_authority; NULL in tests */
    struct http_client *http; /* set by the source in its own copy: it knows its endpoints' certificates */
    struct rate_limits *limits;
    struct source_stats *stats;
    const struct string_list *publishers; /* `models:`; lower case */
};

/* Sends: takes a token of the quota, counts, learns the server's clock, and turns the status into an error:
 *   2xx ERR_OK; 401 ERR_AUTH; 403 ERR_DENIED; 404 ERR_GONE; 400 and other 4xx ERR_REFUSED; 429, 503 with Retry-After, 529
 *   ERR_THROTTLED (the quota is closed for that long); 5xx ERR_RETRY. The text holds what the server said, shortened.
 * A passing fault (ERR_RETRY) is tried twice more with backoff. The response stays readable in every case. */
MUST_USE enum err_code source_call(const struct source_env *env, const struct source_request *q,
                                   struct http_response *r, struct err *e);

/* The same, asked again up to twice when it is throttled for a time that is worth waiting for, or cut off: else a long
 * reading would begin anew. For APIs that answer with one JSON object. */
MUST_USE enum err_code source_call_patiently(const struct source_env *env, const struct source_request *q,
                                             struct http_response *r, struct err *e);

/* The answer as JSON, valid as long as the parser holds it. */
struct json_parser;
struct json;
MUST_USE enum err_code source_answer(const struct http_response *r, const struct api *api, struct json_parser *p,
                                     struct json *root, struct err *e);

/* Cursors that were met while a listing is read: one that comes again, or too many, are an error and never an end, since a
 * total over some of the pages would be a wrong one. */
struct source_pages {
    struct map seen;
    unsigned n;
};
void source_pages_init(struct source_pages *p);
/* Before the page behind `next` is asked for: ERR_PARTIAL or ERR_LIMIT. */
MUST_USE enum err_code source_pages_turn(struct source_pages *p, sv next, struct err *e);
/* How reading them ended, with the page in the error; frees what source_pages_init began. What is refused or gone behind the
 * first page was there a moment ago: ERR_PARTIAL, so that nobody goes on with some of the pages. */
MUST_USE enum err_code source_pages_end(struct source_pages *p, enum err_code code, struct err *e);

/* The server's now: our clock corrected by what its Date headers taught. */
int64_t source_server_now(const struct source_env *env);
/* Up to when things have happened there for certain: for windows, which must not end in a future that a wrong clock shows, where the
 * above is for signatures. `doubted`: some clock shows more. */
int64_t source_happened(const struct source_env *env, bool *doubted);

/* Sticky authority from the ledger: the choice journalled for (fact, resource id), empty if none yet. */
sv source_authority(const struct source_env *env, sv fact, sv resource_id, struct arena *arena);

/* Puts a choice into the frame unless it is the one that holds already: a first one for ever back, a change for buckets from
 * `since` on. `choice` outlives the frame. False at the arena's limit. */
bool source_choose(const struct source_env *env, struct frame *out, const char *fact, sv resource_id,
                   const char *choice, int64_t since_unix_nano);

/* Whether a model of this publisher is wanted; an unknown (empty) publisher is. */
bool source_wants_publisher(const struct source_env *env, sv publisher);

#endif
