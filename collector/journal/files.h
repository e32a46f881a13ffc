/*
 * Inside of the journal on files: what files.c (opening, closing), writer.c (the group commit), reader.c and
 * retention.c share. Nobody else includes this.
 */
#ifndef JOURNAL_FILES_H
#define JOURNAL_FILES_H

#include <pthread.h>

#include "collector/base/disk.h"
#include "collector/journal/journal.h"
#include "collector/journal/scan.h"
#include "collector/journal/segment.h"

struct segment {
    uint64_t base, id; /* id 0: header damaged, nothing in it can be verified */
    uint64_t bytes;    /* durable and good: what readers may look at, header included */
    int64_t created_unix_nano;
};

/* What a named reader still needs. */
struct hold {
    struct hold *next;
    uint64_t sequence; /* the first frame that it has not let go */
    char name[];
};

/* One frame on its way; lives in its appender's stack while that waits. */
struct pending {
    struct pending *next;
    struct frame_head head;
    sv stored;
    struct err err;
    bool own; /* of the program itself, see journal_options.own_key */
    bool done;
};

struct journal {
    /* Set by journal_open. */
    char *dir;
    int dir_fd, lock_fd;
    uint64_t segment_bytes, max_bytes;
    int64_t retention_ms;
    enum journal_when_full when_full;
    sv own_key;
    struct reserve *reserve; /* may be NULL */
    bool read_only;
    bool writing; /* the writer thread was started */
    pthread_t writer;

    /* Of the writer thread. */
    int fd; /* the newest segment, open for writing; -1: the next commit begins a new one */
    struct buf commit;
    int64_t anchor_wall, anchor_mono; /* retention: when the two clocks were last seen to agree ... */
    int64_t trusted_mono;             /* ... and from when on deleting by age is allowed */

    pthread_mutex_t lock;   /* guards all below */
    pthread_cond_t work;    /* the writer waits: pending frames, stopping, something to delete */
    pthread_cond_t settled; /* appenders wait: a commit has ended */
    pthread_cond_t durable; /* readers wait: more frames are durable */
    struct pending *first, **last;
    bool stopping, ending, retention_due;
    struct segment *segments; /* ascending by base */
    size_t n_segments, cap_segments;
    uint64_t next_sequence; /* of the next frame; all before it are durable */
    struct hold *holds;
    struct journal_stats stats;
};

/* files.c. Looks for what another process wrote meanwhile (read_only). Lock held. */
void journal_refresh(struct journal *j);

/* files.c. Adds or, with the same base, replaces the newest segment. Lock held, except while opening. */
MUST_USE enum err_code journal_add_segment(struct journal *j, struct segment s, struct err *e);

/* writer.c */
void *journal_writer(void *journal);

/* retention.c. Called by the writer thread without the lock. */
void retention_init(struct journal *j);
/* The journal is none that this process has begun. */
void retention_resume(struct journal *j);
void retention_run(struct journal *j);

/* retention.c. Makes room for `bytes` more within max_bytes. False: a reader needs the oldest segment, and nothing is dropped. */
bool retention_room(struct journal *j, uint64_t bytes);

/* retention.c. The same for our own frames, which may pass the limit by a segment; nothing is deleted. */
bool retention_slack(struct journal *j, uint64_t bytes);

/* retention.c. On a full disk: deletes one more segment if one may go. */
bool retention_free_one(struct journal *j);
void retention_free(struct journal *j);

/* retention.c. The hold of that name, made when it is new (at `sequence`). NULL: no memory. Lock held. */
struct hold *retention_hold(struct journal *j, const char *name, uint64_t sequence);

#endif
