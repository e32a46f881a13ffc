/*
 * The spine in motion: frames go through the filter into the journal; one thread reads the journal and folds it into the
 * ledger, writes snapshots and births. Nothing else connects what comes in with what goes out.
 *
 * Ownership:     the spine owns journal and ledger.
 * Errors:        spine_commit: what journal_append says; nothing of the frame counts then.
 * Thread-safety: spine_commit and the questions from any thread.
 *
 * Threads: the fold thread (started by spine_start) is the only writer of the ledger. It begins with what is durable already;
 * until spine_ready nobody but it may touch the ledger or commit.
 */
#ifndef CORE_SPINE_H
#define CORE_SPINE_H

#include "collector/core/policy.h"
#include "collector/journal/journal.h"
#include "collector/ledger/ledger.h"

struct spine;

struct spine_options {
    const char *dir;                /* journal in dir/journal, snapshot in dir */
    struct journal_options journal; /* its dir is set here */
    int64_t snapshot_every_ms;      /* 0: 5 min */
    uint64_t reserve_bytes;         /* set apart for snapshots and last frames on a full disk; 0: nothing is */

    /* The fold thread found no memory for a frame and has ended: frames are still made durable, but only a new start counts them.
     * May be NULL; called once, from that thread, which spine_close joins. */
    void (*on_starved)(void *ctx);
    /* The frame `sequence` is folded next. May be NULL; from that thread. */
    void (*on_fold)(void *ctx, uint64_t sequence);
    void *ctx;
};

/* Opens the journal and returns while it is replayed. ERR_CONFIG: another process has it. */
MUST_USE struct spine *spine_start(const struct spine_options *o, struct err *e);

/* Blocks until the replay has ended; why it failed, ERR_CANCELLED after spine_cancel. */
MUST_USE enum err_code spine_wait_ready(struct spine *s, struct err *e);

/* Ends a replay soon; what was replayed is kept by the snapshot that spine_close writes. Any thread, NULL is fine. */
void spine_cancel(struct spine *s);

/* Both: start and wait. */
MUST_USE struct spine *spine_open(const struct spine_options *o, struct err *e);

/* Stops the fold thread after what is durable is folded (but a replay ends at once), writes a last snapshot, closes. NULL is
 * fine. */
void spine_close(struct spine *s);

struct ledger *spine_ledger(struct spine *s);
struct journal *spine_journal(struct spine *s);

/* True once all that was durable at open is folded: before, numbers would be too low. */
bool spine_ready(struct spine *s);

/* How far the replay is, in frames. */
struct spine_progress {
    uint64_t done, of;
};
struct spine_progress spine_progress(struct spine *s);

/* From now on frames are held to this policy; it outlives the spine or the next call. Before the first call nothing may be
 * committed. */
void spine_set_policy(struct spine *s, const struct policy *p);

/* Applies the policy, filters the frame, splits it if it is too large for the journal, makes it durable, and waits until it is folded.
 * frame->tally.stored must count its records. */
MUST_USE enum err_code spine_commit(struct spine *s, struct frame *f, struct err *e);

/* An exporter tells up to which ledger generation it has shown everything, so that series may be born. */
void spine_shown(struct spine *s, uint64_t generation);

struct spine_stats {
    uint64_t reserve_bytes; /* set apart now */
    uint64_t folded_frames, corrupt_frames, undecodable_frames, snapshots, snapshot_failures;
    uint64_t recovered_torn_bytes;
    uint64_t quarantine_cut; /* items whose bytes were not kept */
    int64_t replay_ms;       /* how long the start took */
    int64_t last_snapshot_unix_nano;
};
void spine_stats(struct spine *s, struct spine_stats *out);

#endif
