/*
 * What the files of the ledger share. Nobody outside this folder includes it.
 *
 *   names.c     strings as numbers
 *   series.c    exposed series: admission, cells, shown and debt, gauges
 *   life.c      how they are born, expire, return and restart: marks
 *   damage.c    what was lost of the journal, and how it is told
 *   coverage.c  windows that were read
 *   epochs.c    mapping, authority, inventory, limits, count_from
 *   buckets.c   the buckets of a native series, in order, whatever their grain
 *   measures.c  native series and bucket states of the look-back
 *   control.c   what hours added, and what control reads find beyond it
 *   calls.c     log rows and audit events: keys, joins, envelopes
 *   callers.c   who may have series by caller
 *   gaps.c      spans that were not told
 *   charges.c   money by day, as it was stated last
 *   fold.c      one frame; the filter
 *   sizes.c     how large it is
 *   hours.c     requests against logged calls, by resource and hour
 *   snapshot_write.c, snapshot_read.c  all of it in one file
 */
#ifndef LEDGER_INTERNAL_H
#define LEDGER_INTERNAL_H

#include <pthread.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/base/map.h"
#include "collector/base/memory.h"
#include "collector/ledger/damage.h"
#include "collector/ledger/ledger.h"

typedef uint32_t name_id; /* 0: absent */

enum { FAMILY_LABELS_MAX = 12, CONTRIBUTIONS_MAX = 6 };

/* ---- names.c ---- */

struct names {
    struct map by_hash;
    char **at; /* terminated; at[0] is "" */
    uint32_t *len;
    size_t n, cap;
    size_t limit, refused; /* beyond it a text is absent, and what would need it is not counted */
};

enum { NAMES_MAX = 4 << 20, NATIVES_MAX = 2 << 20, BUCKETS_MAX = 16 << 20, ENVELOPES_MAX = 1 << 20 };

bool names_init(struct names *n);
void names_done(struct names *n);
name_id names_add(struct names *n, sv s); /* 0 for "", at the limit and when memory is out */
name_id names_find(const struct names *n, sv s);
sv names_sv(const struct names *n, name_id id);

/* ---- series.c ---- */

struct series {
    uint64_t hash;
    uint16_t family;
    bool born, touched;
    bool expired;                      /* not shown and not living */
    bool returned;                     /* it was expired once: MARK_RETURNED lets its value show */
    name_id labels[FAMILY_LABELS_MAX]; /* in the order of the family's mask */
    int64_t *cells;                    /* series_words() of them; NULL for gauges */
    double gauge;
    int64_t gauge_end, gauge_until;
    uint64_t created;
    int64_t created_mono;
    int64_t changed; /* by life.age */
};

enum { SERIES_PER_LIMIT = 4 }; /* expired ones keep their number: so many times the limit there may ever be */

struct registry {
    struct series *at;
    size_t n, cap, limit, refused;
    size_t expired; /* of the n: they do not count against the limit */
    struct map by_hash;
    uint32_t *touched; /* numbers of series changed by this frame */
    size_t n_touched, cap_touched;
    size_t first_unborn; /* all before it are born */
    struct map by_ids;   /* hash of family and name numbers -> series: the short way for what is known */
};

/* What `cells` has room for: values, then shown. Of a peak: amounts, then the minutes that they are of, by minute modulo
 * PEAK_MINUTES. */
unsigned series_words(int family);
/* Cells that a bucket may add to. */
unsigned series_inputs(int family);

/* ---- life.c ---- */

/* How long the ledger has been fed, by the times of its frames: a clock that jumps, or days switched off, age nobody. */
struct life {
    int64_t age, last_written; /* nanoseconds; of the newest frame */
    int64_t expiry;            /* a counter that has not changed for so long is not shown any more; 0: never */
};

/* ---- hours.c ---- */

enum { HOURS_LABELS = 5, HOURS_KEPT = 8 }; /* cloud, account, cloud_region, platform, resource */

struct hour {
    int64_t hour; /* since 1970 */
    int64_t requests, logged;
};

struct hours {
    name_id labels[HOURS_LABELS];
    bool has_log;
    int64_t newest; /* hour with requests */
    name_id source; /* that told of requests last */
    struct hour ring[HOURS_KEPT];
};

/* ---- coverage.c ---- */

struct span {
    int64_t from, to;
};
struct spans {
    struct span *at;
    size_t n, cap;
};

bool spans_add(struct spans *s, int64_t from, int64_t to);
bool spans_has(const struct spans *s, int64_t at);

struct envelope { /* a call of which only the envelope row was seen so far */
    uint64_t call_key;
    int64_t arrival;
    uint32_t series; /* counted there if no model row comes */
    name_id caller;  /* or CALLER_REFUSED, CALLER_NOT_COUNTED */
};

struct coverage {
    name_id source, scope, group;
    struct spans read, settled;
    int64_t newest_to, last_read_at;
    bool of_calls;              /* rows of logs stand in it */
    int64_t pruned_before;      /* bucket states older than this are gone where the span has settled */
    bool controls;              /* sums by the hour are kept */
    int64_t compared_from;      /* they are whole from here on */
    int64_t final_to;           /* settled for good: the last control read was here */
    struct envelope *envelopes; /* in order of arrival within a page */
    size_t n_envelopes, cap_envelopes;
};

/* ---- epochs.c ---- */

struct fold_rule {
    enum platform platform;
    name_id family, fact, theirs;
    name_id part;     /* 0: any */
    bool other_parts; /* "*": what no row beside it names */
    int ours;         /* index into families[], -1: a family this build does not know */
    int stat;
    double scale; /* weight * 10^digits */
    int n_fixed;
    struct {
        int label;
        name_id value;
    } fixed[4];
    sv born;
};

struct ruleset {
    name_id source;
    int64_t valid_from;
    uint64_t hash;
    struct arena arena; /* owns born texts and the array */
    struct fold_rule *rules;
    size_t n_rules;
    struct map by_name; /* hash of (platform, theirs) -> index of the first rule; equal ones stand together */
};

struct authority {
    name_id fact, resource_id, choice;
    int64_t valid_from;
    uint32_t older; /* number + 1 of the choice before, 0 none */
};

struct inventory {
    name_id source, resource_id;
    name_id cloud, account, cloud_region, platform, resource;
    uint64_t hash;
    struct arena arena;
    struct inventory_item *items;
    size_t n_items;
};

/* By hour of writing modulo SPENT_HOURS; hour 0: nothing. */
struct source_state {
    name_id source;
    int64_t count_from;
    struct tally tally;
    int64_t late, history, frames;
    struct spent spent[SPENT_HOURS];
    int64_t late_buckets;     /* of `late`: measures */
    int64_t overlaps;         /* measures that cross what was counted in another grain */
    int64_t hours_uncompared; /* that a control read told, but what they added is not known */
};

/* ---- measures.c ---- */

struct contribution {
    uint32_t series;
    uint16_t stat;
    uint16_t cell, at, cells; /* cells [cell, cell + cells) of the series take amounts [at, at + cells) of the bucket */
    double scale;
};

/* How a native series maps to exposed ones; a new one when labels, rules or authority change, valid from a bucket on. */
struct generation {
    uint64_t signature;
    unsigned n_contributions, width;
    struct contribution to[CONTRIBUTIONS_MAX];
};

enum { NOT_COUNTED = UINT16_MAX }; /* generation of a bucket that is older than count_from */

struct bucket {
    int64_t start;
    uint64_t value_hash;
    uint16_t revision;
    uint16_t minutes; /* how long it is; 0: not known */
    uint16_t generation;
    uint16_t width;
    int64_t *amounts; /* what it added to the series so far */
};

/* What all buckets of an hour added so far, and what of it control reads did: cells of the contributions that count, in their
 * order (control.c). */
struct hour_sum {
    uint32_t hour;       /* since 1970 */
    uint16_t generation; /* where differences go; NOT_COUNTED: not compared */
    uint16_t words;      /* sums, and once a control read has added something as many remainders behind them */
    union {
        int64_t one; /* of a single word */
        int64_t *many;
    };
};

struct native {
    uint64_t key;
    uint32_t coverage;
    struct generation *generations;
    uint32_t n_generations, cap_generations;
    struct bucket *buckets; /* sorted by start */
    uint32_t n_buckets, cap_buckets;
    int64_t pruned_to; /* start of the newest bucket whose state was given up, 0 none: what is newer was never told */
    struct hour_sum *sums; /* sorted by hour */
    uint32_t n_sums, cap_sums;
    uint32_t sums_lost_to; /* hours before this one are not known whole: there was no room */
};

/* ---- calls.c ---- */

/* State of a call by call_key: which of its rows have been counted. */
enum { CALL_COUNTED = 1, CALL_TOKENS = 2, CALL_ENVELOPE = 4, CALL_BY_ENVELOPE = 8, CALL_STATE_BITS = 8 };

enum { KEYS_MAX = 12 << 20 }; /* of rows and of calls each: 256 MiB of table */

struct keys {
    struct map rows;        /* row or event key -> hour it was seen in, with ROW_BACKFILL */
    struct map calls;       /* call key -> state, hour << CALL_STATE_BITS */
    uint32_t hour;          /* newest hour of arrival */
    uint32_t horizon_hours; /* how far back keys are whole */
    uint32_t horizon_wanted;
};

/* Seen by a backfill alone: another backfill does not store it again, a live row counts. */
#define ROW_BACKFILL (UINT32_C(1) << 31)

/* ---- callers.c ---- */

#define CALLER_NOT_COUNTED UINT32_MAX
#define CALLER_REFUSED     (UINT32_MAX - 1)

struct callers {
    size_t limit;        /* 0: nobody is counted by caller */
    struct map admitted; /* hash of a name number -> that number */
    int64_t refused;     /* calls of callers beyond the limit */
};

/* ---- gaps.c ---- */

/* Of one (source, signal, cause). */
struct gap_sum {
    name_id source, signal, cause;
    int64_t nano;
    int64_t newest_from, newest_to; /* of what was told last */
};

struct gap_state {
    uint64_t key; /* of what is missing, and why */
    struct spans told;
};

struct gaps {
    struct gap_state *at;
    size_t n, cap;
    struct map by_key;
    struct gap_sum *sums;
    size_t n_sums, cap_sums;
};

/* ---- charges.c ---- */

/* Labels of a sum: identity, direction, currency. */
enum { BILLED_DIRECTION = LABEL_MODEL + 1, BILLED_CURRENCY, BILLED_LABELS };
enum { CHARGES_MAX = 1 << 20 };

__extension__ typedef __int128 wide;

struct charge_state {
    uint64_t key, value_hash;
    int64_t day, cost_nano; /* day since 1970, UTC */
    uint32_t sum;           /* UINT32_MAX: in none */
};

struct billed {
    name_id labels[BILLED_LABELS];
    int64_t day;
    wide nano;
    uint32_t charges; /* that are in it */
};

struct charges {
    struct charge_state *at;
    size_t n, cap;
    struct map by_key;
    struct billed *sums;
    size_t n_sums, cap_sums;
    struct map sum_by_key;
    int64_t oldest_day; /* what is older is forgotten */
};

/* ---- control.c ---- */

/* What control reads of one age added to a family and took from it. */
struct control_total {
    name_id source, age;
    int family;
    int64_t added, owed;
};
enum { SUMS_BYTES_MAX = 256 << 20 };

struct ledger {
    size_t snapshot_bytes; /* of the thread that writes them */
    pthread_rwlock_t lock; /* written by the fold thread; guards everything below */
    uint64_t generation;
    struct names names;
    struct registry series;
    struct coverage *coverages;
    size_t n_coverages, cap_coverages;
    struct map coverage_by_key;
    struct ruleset *rulesets;
    size_t n_rulesets, cap_rulesets;
    struct authority *authorities;
    size_t n_authorities, cap_authorities;
    struct map authority_by_key; /* newest choice of (fact, resource) */
    struct inventory *inventories;
    size_t n_inventories, cap_inventories;
    struct map inventory_by_key;
    struct source_state *sources;
    size_t n_sources, cap_sources;
    struct native *natives;
    size_t n_natives, cap_natives, n_buckets, natives_limit;
    size_t n_envelopes, envelopes_limit; /* of all coverages */
    size_t n_sums, sums_bytes, sums_limit_bytes;
    struct control_total *controls;
    size_t n_controls, cap_controls;
    int64_t refused; /* records that a bound kept from being counted */
    struct map native_by_key;
    struct keys keys;
    struct callers callers;
    struct charges charges;
    struct gaps gaps;
    struct hours *hours;
    size_t n_hours, cap_hours;
    struct map hours_by_key;
    int64_t keep_buckets_nano; /* look-back for which bucket states are kept */
    uint64_t limits_hash;
    bool starved; /* memory ran out while a frame was folded */
    struct life life;
    uint64_t sequence; /* of the journal frame folded last; 0 unknown */
    uint64_t restarts[DAMAGE_CAUSES];
    size_t memory[MEMORY_KINDS];
    size_t buckets_limit;
    /* explain */
    uint64_t traced;
    void (*on_change)(void *ctx, const struct ledger_change *c);
    void *trace_ctx;
};

/* While one frame is folded. */
struct fold {
    struct ledger *l;
    const struct frame *frame;
    struct source_state *source;
    uint32_t coverage; /* number; UINT32_MAX: the frame names no group */
    bool joins;        /* its logs have envelope rows that wait for a model row */
    bool control;      /* a control read, of the group with this coverage (UINT32_MAX: none), at this age */
    uint32_t plain;
    name_id age;
    const struct batch *batch;
    name_id *symbols; /* of the batch -> name_id, filled as needed; 0: not yet */
    struct arena arena;
    uint64_t refusals; /* memory_refusals() when it began */
    sv what;           /* for the trace */
    int64_t bucket;
};

/* Labels of a record as names, from which a series takes those of its family. */
struct label_set {
    name_id at[LABELS];
};

name_id fold_name(struct fold *f, sym s);
void fold_labels(struct fold *f, struct label_set *out); /* those of the origin */

uint32_t series_find(const struct ledger *l, int family, const struct label_set *labels); /* UINT32_MAX: not there */
uint32_t series_for(struct ledger *l, int family, const struct label_set *labels);        /* UINT32_MAX: not admitted */
void series_add(struct fold *f, uint32_t number, unsigned cell, int64_t delta);
void series_gauge(struct ledger *l, uint32_t number, double value, int64_t start, int64_t end);
void series_frame_end(struct ledger *l);
/* For life.c: shows the value as far as it is above what was shown; tells a change to who traces the series. */
void series_show(struct series *s);
void series_tell(struct fold *f, const struct series *s, unsigned cell, int64_t delta, int64_t sum);

void life_init(struct life *life);
void life_age(struct ledger *l, int64_t written_unix_nano);
void life_mark(struct fold *f, const struct mark *m);
/* An expired one has changed. False: there is no room for another living one, it stays as it is. */
bool life_return(struct ledger *l, uint32_t number);

void registry_init(struct registry *r);
void registry_done(struct registry *r);

uint32_t coverage_for(struct ledger *l, sv source, sv scope, sv group, bool create);
void coverage_fold(struct fold *f, const struct window *w);
bool coverage_has(const struct coverage *c, int64_t t);
int64_t coverage_hole(const struct ledger *l, const struct coverage *c);
void coverage_done(struct coverage *c);

void epoch_fold(struct fold *f, const struct epoch *e);
bool epoch_known(const struct ledger *l, sv source, const struct epoch *e); /* says what the ledger knows already */
const struct ruleset *ruleset_at(const struct ledger *l, name_id source, int64_t bucket);
/* The rules for a name; *n gets how many. */
const struct fold_rule *rules_for(const struct ruleset *s, enum platform platform, name_id theirs, size_t *n);
/* Whether a part of a measure belongs to `r`, one of the `n` rules of its name. */
bool rule_takes_part(const struct fold_rule *rules, size_t n, const struct fold_rule *r, name_id part);
name_id authority_at(const struct ledger *l, name_id fact, name_id resource_id, int64_t bucket);
struct source_state *source_state(struct ledger *l, sv source);
void ruleset_init(struct ruleset *s, size_t rules); /* room for so many; s->rules is NULL when memory is out */
void ruleset_index(struct ruleset *s);
void ruleset_done(struct ruleset *s);
void authority_add(struct ledger *l, name_id fact, name_id resource_id, name_id choice, int64_t valid_from);
struct inventory *inventory_add(struct ledger *l, name_id source, name_id resource_id);
void inventory_done(struct inventory *i);
/* Label set of a rule: the fixed labels over those of the record; then the sets born at 0 with it. */
uint32_t rule_series(struct ledger *l, const struct fold_rule *r, const struct label_set *labels);

enum statistic {
    STAT_VALUE,
    STAT_SUM,
    STAT_COUNT,
    STAT_MIN,
    STAT_MAX,
    STAT_MEAN,
    STAT_P50,
    STAT_P95,
    STAT_P99,
    STAT_DISTRIBUTION,
    STAT_CALL,
    STAT_INPUT_TOKENS,
    STAT_OUTPUT_TOKENS,
    STAT_CACHE_READ_TOKENS,
    STAT_CACHE_WRITE_TOKENS,
    STAT_REASONING_TOKENS,
    STAT_AUDIO_INPUT_TOKENS,
    STAT_AUDIO_OUTPUT_TOKENS,
    STAT_DURATION,
    STAT_TIME_TO_FIRST_TOKEN,
    STAT_STREAMED_TIME_TO_FIRST_TOKEN,
    STAT_EVENT,
    STATS
};
int stat_find(sv name); /* -1 */
sv stat_name(int stat);

void measure_fold(struct fold *f, const struct measure *m);
/* Whether this bucket is known with exactly this value. */
bool measure_known(const struct ledger *l, const struct measure *m);
uint64_t measure_hash(const struct measure *m);
void measures_prune(struct ledger *l, uint32_t coverage, int64_t oldest_read);
struct bucket *bucket_find(const struct native *n, int64_t start);
/* NULL at the limit: the figure is archived and refused. Told again within the look-back it counts if there is room then. */
struct bucket *bucket_add(struct fold *f, struct native *n, const struct measure *m);
/* The bucket that this measure revises, NULL when it is new. *crosses: it can neither be added nor revise what is there. */
struct bucket *bucket_for(struct fold *f, struct native *n, const struct measure *m, bool *crosses);
/* Whether it is a part of a longer bucket that is known. */
bool bucket_holds(const struct native *n, const struct measure *m);
struct native *native_find(const struct ledger *l, uint64_t key);
struct native *native_add(struct ledger *l, uint64_t key, uint32_t coverage);
uint16_t generation_for(struct fold *f, struct native *n, const struct measure *m);
/* Sets in `out` what the measure tells of each contribution, and leaves the rest. */
void measure_amounts(const struct ledger *l, const struct measure *m, const struct generation *g, int64_t *out);
/* Whether the rules that would count this measure are the same from its start to its end. */
bool measure_rules_hold(struct fold *f, const struct measure *m);
void native_done(struct ledger *l, struct native *n);

void control_begin(struct fold *f, const struct window *w);
/* What a bucket of this generation, which began at `start`, has just added. */
void control_count(struct fold *f, struct native *n, int64_t start, uint16_t generation, const int64_t *deltas);
void control_fold(struct fold *f, const struct measure *m);
void control_end(struct fold *f, const struct window *w);
/* Whether a control read that says this changes nothing. */
bool control_known(const struct ledger *l, const struct measure *m);
/* Whether a bucket that starts here is settled for good. */
bool control_final(const struct ledger *l, const struct native *n, int64_t start);
/* Whether a control read will still compare the hour of a bucket that starts here. */
bool control_follows(const struct ledger *l, const struct native *n, int64_t start);
/* Whether hours of this series wait for a control read. */
bool control_waits(const struct ledger *l, const struct native *n);
void control_done(struct ledger *l, struct native *n);
/* Room for an hour of so many words; NULL at the limit or without memory. */
struct hour_sum *hour_sum_add(struct ledger *l, struct native *n, uint32_t hour, unsigned words);
int64_t *hour_sum_words(struct hour_sum *s);
/* Words of sums of a generation. */
unsigned control_width(const struct ledger *l, const struct generation *g);
struct control_total *control_total_for(struct ledger *l, name_id source, name_id age, int family);

struct hours *hours_for(struct ledger *l, const name_id labels[HOURS_LABELS]);
void hours_add(struct fold *f, const struct series *s, int64_t delta); /* at the fold's bucket */

/* Name number of a caller that is or now becomes admitted, 0 for "" (not told), else one of the two above. */
name_id caller_for(struct ledger *l, sv caller);
/* Whether the rule's family has a series for each caller. */
bool rule_by_caller(const struct fold_rule *r);

void gap_fold(struct fold *f, const struct gap *g);
/* Whether it has been told whole. */
bool gap_known(const struct ledger *l, const struct frame *f, const struct batch *b, const struct gap *g);
struct gap_sum *gap_sum_for(struct ledger *l, name_id source, name_id signal, name_id cause);
struct gap_state *gap_add(struct ledger *l, uint64_t key); /* NULL at the limit */
void gaps_done(struct gaps *all);

void charges_init(struct charges *c);
void charges_done(struct charges *c);
void charge_fold(struct fold *f, const struct charge *c);
/* Whether this charge is known with exactly this cost and quantity. */
bool charge_known(const struct ledger *l, const struct charge *c);
/* Adds one that is not there; `labels` NULL: into no sum. NULL at the limit. */
struct charge_state *charge_add(struct ledger *l, uint64_t key, int64_t day, int64_t cost_nano, uint64_t value_hash,
                                const name_id *labels);

void keys_horizon(struct ledger *l, int64_t hours);
void call_fold(struct fold *f, const struct call *c);
void audit_fold(struct fold *f, const struct audit *a);
void envelopes_decide(struct fold *f, struct coverage *c, int64_t before);

enum { SNAPSHOT_VERSION = 6 };
enum { SERIES_EXPIRED = 1, SERIES_RETURNED = 2 }; /* flags of a series in it */
/* The body of a snapshot; its memory is b's. */
void snapshot_encode(struct buf *b, const struct ledger *l, sv cursor);
/* The cursor alone: in every version it stands first. */
void snapshot_cursor(sv body, struct buf *cursor);
/* The body of a snapshot (fuzzed), of this version or an older one. False: damaged, and the ledger is to be thrown away. */
bool snapshot_decode(struct ledger *l, sv body, uint64_t version, struct buf *cursor);

/* fold.c: as ledger_new made it, in the same place. Nobody else may look at it meanwhile. */
MUST_USE enum err_code ledger_renew(struct ledger *l, struct err *e);

/* Grows an array on the heap to hold one more. */
void *grow(void *items, size_t n, size_t *cap, size_t size);

/* Saturates: a sum that leaves int64 is a broken source, and wrapping would be worse. */
static inline int64_t sum_of(int64_t a, int64_t b)
{
    int64_t sum;

    return !__builtin_add_overflow(a, b, &sum) ? sum : b > 0 ? INT64_MAX : -INT64_MAX;
}

static inline int64_t difference_of(int64_t a, int64_t b)
{
    int64_t difference;

    return !__builtin_sub_overflow(a, b, &difference) ? difference : b < 0 ? INT64_MAX : -INT64_MAX;
}

/* A count of what is not negative; stops where a snapshot would no longer take it back. */
#define COUNT_MAX (INT64_MAX / 2)
static inline int64_t count_of(int64_t sum, int64_t more)
{
    return more > COUNT_MAX - sum ? COUNT_MAX : sum + more;
}

#endif
