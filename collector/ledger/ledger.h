/*
 * The ledger: the fold of the journal into numbers.
 *
 * It reads frames in journal order and keeps what /metrics shows: counters with their exact value and what was shown of
 * them, gauges, coverage, bucket states of the look-back, keys of log rows within the horizon, inventories, authorities.
 * Nothing but frames changes it, so the same journal always gives the same numbers: mapping, authority, limits and inventory are
 * epochs in the journal, and the life of an exposed series (born, expired, returned) is journalled as marks.
 *
 * Value and shown are two things. The value of a counter is the exact signed sum of its buckets (rules may take away); shown is 0 until the series
 * is born and from then on the largest value it had after any frame. debt = shown - value, repaid by later increments.
 *
 * Ownership:     the ledger copies what it keeps. Views it returns live while the caller holds ledger_read_lock.
 * Errors:        limits: what does not fit is not admitted, counted, and never half counted. Memory: see ledger_starved.
 * Thread-safety: fold, open and snapshot from one thread (the fold thread); readers take ledger_read_lock; functions that do so
 *                themselves say it.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "collector/base/buf.h"
#include "collector/base/err.h"
#include "collector/ledger/damage.h"
#include "collector/ledger/family.h"
#include "collector/model/record.h"

struct ledger;

MUST_USE struct ledger *ledger_new(struct err *e);
void ledger_free(struct ledger *l);

/* Folds one frame. Frames that were folded before must not be given again (the reader's cursor is in the snapshot). */
void ledger_fold(struct ledger *l, const struct frame *f);

/* True when memory ran out while a frame was folded, or ledger_starve was called because one could not even be decoded. From then on
 * nothing is folded, no counter shows anything of that frame, and no snapshot is written: who opens the journal again counts it
 * whole. Each takes the lock. */
bool ledger_starved(struct ledger *l);
void ledger_starve(struct ledger *l);

/* Takes out of a frame, before it is journalled, what the ledger knows already: measures and charges whose value has not changed, log
 * rows and audit events seen within the horizon or twice in the frame, epochs that change nothing. Moves the counts to tally.duplicate.
 * Takes the read lock. */
void ledger_filter(struct ledger *l, struct frame *f);

void ledger_read_lock(struct ledger *l);
void ledger_read_unlock(struct ledger *l);

/* Grows with each folded frame: equal numbers mean that nothing changed. */
uint64_t ledger_generation(const struct ledger *l);

/* ---- Coverage (each takes the read lock) ---- */

/* Start of the first part of [count_from, ...) that is not settled: up to there every window was read whole, late enough.
 * False when nothing was read yet. */
bool ledger_complete_until(struct ledger *l, sv source, sv scope, sv group, int64_t *unix_nano);

/* The end of the newest window that was read; false when none was. */
bool ledger_read_until(struct ledger *l, sv source, sv scope, sv group, int64_t *unix_nano);

/* The oldest span inside [from, to) that was never read, cut to it. False when all was. */
bool ledger_first_hole(struct ledger *l, sv source, sv scope, sv group, int64_t from, int64_t to, struct window *hole);

/* The same for what was never read late enough to be settled. */
bool ledger_first_unsettled(struct ledger *l, sv source, sv scope, sv group, int64_t from, int64_t to,
                            struct window *hole);

/* Where counting began for a source, 0 when it has not. */
int64_t ledger_count_from(struct ledger *l, sv source);

/* The newest choice for (fact, resource id), copied into `arena`; empty if there is none. */
sv ledger_authority(struct ledger *l, sv fact, sv resource_id, struct arena *arena);

/* The same at a time, and since when it held; *since is INT64_MIN when there was none. */
sv ledger_authority_at(struct ledger *l, sv fact, sv resource_id, int64_t at, int64_t *since, struct arena *arena);

/* Whether a bucket of this native series (measure.series) was ever folded. Takes the read lock. */
bool ledger_has_native(struct ledger *l, uint64_t series);

/* ---- Control reads: the same counts once more by the hour, for what came later than the look-back ---- */

/* A job with `controls` is read again when whole spans of hours are so old. What such a read has more or less than the hour
 * added so far is added or owed. After the last one the hour is settled for good: what comes later is late. */
enum { CONTROL_AGES = 4 };
struct control_age {
    const char *name; /* label value; the window's group is "<group>#<name>" */
    int age_hours, span_hours;
};
extern const struct control_age control_ages[CONTROL_AGES];

/* The group whose windows say what was read at this age; `room` holds its text. Groups longer than the room are cut. */
enum { CONTROL_GROUP_MAX = 256 };
sv control_group(sv group, int age, char room[CONTROL_GROUP_MAX]);

/* Up to where control reads of this age came; 0: nowhere yet. Takes the read lock. */
int64_t ledger_control_until(struct ledger *l, sv source, sv scope, sv group, int age);

/* ---- What exporters read (hold the read lock) ---- */

struct series_view {
    int family;
    const char *const *labels; /* LABELS pointers; only those of the family's mask are set */
    uint64_t hash;
    bool born;
    bool expired;                 /* not to be shown: it has not changed for long */
    const int64_t *value, *shown; /* family_cells() each; NULL for gauges and peaks */
    double gauge;
    int64_t gauge_end_unix_nano, gauge_until_unix_nano; /* of the bucket; after `until` it is not shown any more */
    uint64_t created;                                   /* generation that made it */
};
size_t ledger_series_count(const struct ledger *l);
/* Series are numbered in order of appearance; a number never changes its meaning while the process lives. `labels` is storage
 * of LABELS pointers for the view. */
void ledger_series(const struct ledger *l, size_t number, struct series_view *out, const char *labels[LABELS]);

/* Families that are not to be shown now: series by caller, after they were switched off. */
bool ledger_hides(const struct ledger *l, int family);

struct coverage_view {
    sv source, scope, group;
    int64_t complete_until_unix_nano; /* 0: nothing yet */
    int64_t newest_to_unix_nano, last_read_at_unix_nano;
    size_t holes;
};
size_t ledger_coverage_count(const struct ledger *l);
void ledger_coverage(const struct ledger *l, size_t number, struct coverage_view *out);

struct source_totals {
    sv source;
    struct tally tally;
    int64_t late, history, frames, pending_envelopes;
    int64_t late_buckets, overlaps, hours_uncompared; /* internal.h: struct source_state */
};
size_t ledger_source_count(const struct ledger *l);
void ledger_source(const struct ledger *l, size_t number, struct source_totals *out);

/* What a source's calls cost, and what its quarantine took, in the hours before now: by the time at which frames were
 * written. In no order; hour 0 is an empty place. All of them 0 for a source that is not known. Takes the read lock. */
enum { SPENT_HOURS = 25 };
struct spent {
    int64_t hour; /* since 1970 */
    int64_t calls, usd_nano, quarantined_bytes;
};
void ledger_spent(struct ledger *l, sv source, struct spent out[SPENT_HOURS]);

/* What control reads of one age added to a family's counters and took from them (as debt), in the family's amounts. */
struct control_view {
    sv source, age;
    int family;
    int64_t added, owed;
};
size_t ledger_control_count(const struct ledger *l);
void ledger_control(const struct ledger *l, size_t number, struct control_view *out);

struct inventory_view {
    sv source, resource_id;
    struct origin_view {
        sv cloud, account, cloud_region, platform, resource;
    } origin;
    const struct inventory_item *items;
    size_t n_items;
};
size_t ledger_inventory_count(const struct ledger *l);
void ledger_inventory(const struct ledger *l, size_t number, struct inventory_view *out);

/* The newest choice for (fact, resource id), empty if there is none; for those who hold the read lock. */
sv ledger_authority_now(const struct ledger *l, sv fact, sv resource_id);

/* Share of a resource's requests that its logs told of, in the newest hour that both sides can know. */
struct log_coverage_view {
    sv labels[5]; /* cloud, account, cloud_region, platform, resource */
    int64_t hour_unix_nano;
    double ratio;
};
size_t ledger_log_coverage_count(const struct ledger *l);
bool ledger_log_coverage(const struct ledger *l, size_t number, struct log_coverage_view *out); /* false: not known */

/* Spans that were not told, by (source, signal, cause). */
struct gap_view {
    sv source, signal, cause;
    int64_t nano;                                       /* altogether */
    int64_t newest_from_unix_nano, newest_to_unix_nano; /* what was told last */
};
size_t ledger_gap_count(const struct ledger *l);
void ledger_gap(const struct ledger *l, size_t number, struct gap_view *out);

/* Resources of whose requests, by the metrics of `source`, its logs told nothing in the newest hour that both can know. At most
 * `max`; how many. */
struct unlogged_view {
    sv labels[5]; /* cloud, account, cloud_region, platform, resource */
    int64_t hour_unix_nano, requests;
};
size_t ledger_unlogged(const struct ledger *l, sv source, struct unlogged_view *out, size_t max);

/* Money by day: the sum of what was stated last of each item. A day that leaves is gone, so numbers hold under one lock only. */
struct billed_view {
    int family;
    sv labels[LABELS]; /* without day_offset, which is the reader's to say */
    int64_t day;       /* since 1970, UTC */
    int64_t nano;
    bool told;     /* false: nothing is left in it */
    uint64_t hash; /* for ledger_trace */
};
size_t ledger_billed_count(const struct ledger *l);
void ledger_billed(const struct ledger *l, size_t number, struct billed_view *out);
/* How many days ago it was; false when it is not to be shown at that time. */
bool billed_offset(const struct billed_view *v, int64_t now_unix_nano, int *days);

enum ledger_memory {
    MEMORY_SERIES,
    MEMORY_NAMES,
    MEMORY_NATIVES,
    MEMORY_BUCKETS,
    MEMORY_HOUR_SUMS, /* for control reads */
    MEMORY_KEYS,
    MEMORY_COVERAGE,
    MEMORY_EPOCHS,
    MEMORY_CHARGES,
    MEMORY_SOURCES,
    MEMORY_KINDS
};
const char *ledger_memory_name(enum ledger_memory kind);

/* Measures what is allocated, for ledger_sizes; until then it tells of none. The fold thread's; takes the locks. */
void ledger_measure(struct ledger *l);

struct ledger_sizes {
    size_t series, series_limit, series_refused, natives, buckets, keys, keys_limit, names, bytes;
    size_t memory[MEMORY_KINDS]; /* as of the last ledger_measure; `bytes` is their sum */
    size_t buckets_limit;
    size_t natives_limit, names_limit, envelopes, envelopes_limit;
    size_t charges, charges_limit;
    size_t hour_sums, hour_sums_bytes, hour_sums_limit_bytes; /* at the limit further hours are not compared */
    int64_t refused; /* records that a limit of native series, names or generations kept from being counted */
    int64_t horizon_ms;
    size_t callers, callers_limit; /* limit 0: off */
    int64_t caller_calls_refused;
    size_t expired; /* of `series` those that are not shown */
    uint64_t restarts[DAMAGE_CAUSES];
};
void ledger_sizes(const struct ledger *l, struct ledger_sizes *out);

/* ---- Life of series: the marks are made here, journalled by the caller and take effect when they are folded ---- */

/* Adds to `f` a mark for each series whose value may show now: it was shown at 0, as it appeared (or returned from expiry, or was
 * restarted) in generation `rendered` or before, or before `older_than` (clock_mono). At most `max` marks. Takes the read lock.
 * Returns how many. */
size_t ledger_births(struct ledger *l, uint64_t rendered, int64_t older_than_mono, size_t max, struct frame *f);

/* Adds a mark for each counter that has not changed for the limit series_expiry_s, nor any that tells of the same thing with
 * another outcome, code or direction. The same rules. */
size_t ledger_expiries(struct ledger *l, size_t max, struct frame *f);

/* ---- Where in the journal it stands: kept with the snapshot; the fold thread's ---- */

/* The frame `sequence` was folded or given up. */
void ledger_set_sequence(struct ledger *l, uint64_t sequence);
uint64_t ledger_sequence(const struct ledger *l); /* 0: unknown */

/* ---- Snapshot: the state and the journal cursor behind it, in one file ---- */

/* ---- two generations of it are kept: the journal has to keep what stands behind the older one's cursor ---- */

/* On failure the ones from before stand (e->sys says whether the disk was full). The one that was current is the older one now. */
MUST_USE enum err_code ledger_snapshot_write(struct ledger *l, const char *dir, sv cursor, struct err *e);
/* How large the last one was that was written of it, or tried to be; 0: none yet. Of the same thread. */
size_t ledger_snapshot_bytes(const struct ledger *l);
/* Into a fresh ledger. The current one, or the previous one; ERR_OK with *found = false and a fresh ledger when there is none.
 * Damaged ones are set aside (renamed) and count as none. ERR_CONFIG: one is newer than this program, nothing was changed. */
MUST_USE enum err_code ledger_snapshot_read(struct ledger *l, const char *dir, struct buf *cursor, bool *found,
                                            struct err *e);
/* ERR_CONFIG when a newer program wrote one: to be asked before anything in the directory is changed. */
MUST_USE enum err_code ledger_snapshot_check(const char *dir, struct err *e);
/* The cursor of the previous one, empty when there is none (that can be read). */
void ledger_snapshot_older(const char *dir, struct buf *cursor);

/* ---- explain: told of every change of one series while folding ---- */

struct ledger_change {
    const struct frame *frame;
    sv what; /* metric or log name */
    int64_t bucket_unix_nano;
    unsigned cell;
    int64_t delta, value; /* in the family's units */
};
void ledger_trace(struct ledger *l, uint64_t series, void (*on_change)(void *ctx, const struct ledger_change *c),
                  void *ctx);

/* Hash of a family and its labels (in table order): what marks and traces name a series by. */
uint64_t series_hash(int family, const sv values[LABELS]);

#endif
