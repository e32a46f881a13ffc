/*
 * The workload: which calls every minute of every deployment saw. A pure function of (world, rate, deployment, minute,
 * number of the call), so nothing needs to be stored: calls are made again whenever somebody asks about them, and only
 * the sums of a minute are cached (bounded).
 *
 * Promises about log rows that truth and collectors rely on: an envelope row arrives within 15 min of the call, a usage
 * row within 3 min of the call's end, a model row at most 3 h 45 min after the first envelope row of its call.
 *
 * Instants: unix nanoseconds in whole 100 ns steps, as Azure's clocks have. A minute is unix time / 60 s.
 * Thread-safety: all functions, any thread.
 */
#ifndef CLOUDSIM_WORKLOAD_H
#define CLOUDSIM_WORKLOAD_H

#include "collector/base/clock.h"

#include "tests/cloudsim/azure/world.h"
#include "tests/cloudsim/minute_cache.h"
#include "tests/cloudsim/story.h"

enum op { OP_CHAT, OP_RESPONSES, OP_COMPLETION, OP_EMBEDDINGS, OP_COMPACT, OPS };
enum op_label { LABEL_CHAT, LABEL_TEXT_COMPLETION, LABEL_EMBEDDINGS, LABEL_COMPACT, OP_LABELS };
enum { STATUSES = 8, TIERS = 3, RAI_CATEGORIES = 5, RAI_TEXT_TYPES = 2, RAI_SEVERITIES = 3 };

struct op_row {
    const char *name; /* as metrics and logs spell it */
    const char *api;  /* ApiName of metrics and model rows */
    enum op_label label;
};
struct status_row {
    unsigned code;
    const char *text;
    enum outcome outcome;
};
extern const struct op_row op_rows[OPS];
extern const char *const op_labels[OP_LABELS];
extern const struct status_row status_rows[STATUSES];
extern const char *const tier_values[TIERS]; /* as the metric dimension has them; [0] is "__Empty" */
extern const char *const tier_labels[TIERS];
extern const char *const rai_categories[RAI_CATEGORIES], *const rai_text_types[RAI_TEXT_TYPES],
                                                             *const rai_severities[RAI_SEVERITIES];

enum row_kind { ROW_ENVELOPE, ROW_ENVELOPE_AGAIN, ROW_MODEL, ROW_USAGE, ROW_KINDS };

struct call {
    int64_t at;
    int32_t duration_ms;            /* true length; what a row says may be negative or missing */
    int32_t ttft_us, ttlt_us;       /* 0 when it failed */
    uint32_t input, cached, output; /* 0 when it failed */
    uint32_t request_bytes, response_bytes;
    uint8_t op, status, tier_asked, tier_served, caller;
    bool stream, spillover, negative_duration, missing_duration;
    int8_t rai_category; /* -1: nothing found */
    uint8_t rai_text_type, rai_severity;
    bool rai_blocked;
    uint64_t id_hi, id_lo;      /* correlation id */
    int64_t arrives[ROW_KINDS]; /* 0: no such row */
    int64_t again_at;           /* a second delivery of again_kind; 0: none */
    uint8_t again_kind;
};

/* What one set of dimension values did in one minute. */
struct cell {
    uint8_t op, status, tier_asked, tier_served;
    bool stream, spillover;
    uint32_t calls;
    uint64_t input, cached, output;
    uint64_t duration_sum_ms, ttft_sum_us, ttlt_sum_us;
    uint32_t timed; /* calls behind ttft and ttlt */
    uint32_t duration_min_ms, duration_max_ms, ttft_min_us, ttft_max_us;
};

struct rai_cell {
    uint8_t category, text_type, severity;
    bool blocked;
    uint8_t op;
    uint32_t calls;
};

/* A row that arrives more than PROMPT_S after the start of its call's minute. */
struct late_row {
    int64_t arrives;
    uint32_t k;
    uint8_t kind;
};

/* What a perfect reader of the logs makes of one minute. */
struct logged {
    uint32_t calls[OP_LABELS][OUTCOMES]; /* with a model row */
    uint32_t envelope_only[OP_LABELS][OUTCOMES];
    uint64_t input, cached, output;
    uint32_t duration[BUCKETS], first_token[BUCKETS]; /* not cumulative */
    struct {
        uint32_t calls, envelope_only;
        uint64_t tokens; /* that model rows tell of */
    } by_caller[WORLD_CALLERS];
};

struct minute {
    struct cached cached; /* place: the deployment */
    uint32_t n_calls;
    struct cell *cells;
    size_t n_cells;
    struct rai_cell *rai;
    size_t n_rai;
    struct late_row *late;
    size_t n_late;
    struct logged logged;
};

enum { PROMPT_S = 6 * 60, LATEST_S = 4 * 3600 + 1800 + 300 };

struct workload;

/* Calls exist in minutes [first, last). */
MUST_USE struct workload *workload_new(const struct world *w, double calls_per_minute, int64_t first, int64_t last);
void workload_free(struct workload *l);
int64_t workload_first(const struct workload *l);
int64_t workload_last(const struct workload *l);
double workload_rate(const struct workload *l);

uint32_t workload_calls(const struct workload *l, unsigned deployment, int64_t minute);
void workload_call(const struct workload *l, unsigned deployment, int64_t minute, uint32_t k, struct call *out);

/* The sums of a minute, never NULL inside [first, last) unless memory is out; unref when done. */
const struct minute *workload_minute(struct workload *l, unsigned deployment, int64_t number);
void workload_unref(const struct minute *shared);

#endif
