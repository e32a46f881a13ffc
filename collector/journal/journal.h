/*
 * The journal: the one spine. An append-only, checksummed, synced log of frames.
 *
 * All that comes in is appended once and acknowledged when synced; all that goes out is read from it. The interface
 * promises no more than an append-only log per shard can keep, so that Kafka can stand behind it: cursors are opaque
 * bytes, there is no order across shards, a frame has at most JOURNAL_FRAME_MAX bytes.
 *
 * Ownership:     payloads are copied by append; a read frame is borrowed from its reader until the next read.
 * Errors:        ERR_IO (also disk full: the append is not acknowledged and may be tried again), ERR_LIMIT (frame too
 *                large), ERR_CONFIG (another process has the directory, a newer format), ERR_CANCELLED after
 *                journal_stop.
 * Thread-safety: journal_append and journal_durable from any thread; one reader, one thread.
 *
 * Threads (writer.c): one writer thread owns the files; appenders hand over and wait for the group commit.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "collector/base/buf.h"
#include "collector/base/err.h"
#include "collector/base/reserve.h"

enum { JOURNAL_FRAME_MAX = 900 << 10, JOURNAL_CURSOR_MAX = 256 };

struct journal;

/* What happens when the journal has max_bytes, or the disk is full, and the oldest segment is still needed by a reader. Segments
 * that nobody needs go first in either case. */
enum journal_when_full {
    JOURNAL_KEEP,        /* nothing more is taken in, until a reader has moved on or there is space */
    JOURNAL_DROP_OLDEST, /* the oldest segment goes, unread; its frames are counted */
};

struct journal_options {
    const char *dir;
    uint64_t segment_bytes; /* a new file is begun above this; 0: 64 MiB */
    uint64_t max_bytes; /* oldest segments go when the total is above this and every cursor has passed them; 0: 8 GiB */
    int64_t retention_ms; /* ... and when they are older than this; 0: 7 days */
    enum journal_when_full when_full;
    sv own_key; /* frames of this shard key may pass max_bytes by a segment: they say what lets readers move on. Borrowed */
    bool read_only; /* for explain: no lock, no writer, no repair */
};

/* What opening found; for the log and the metrics. */
struct journal_recovery {
    uint64_t frames, segments, torn_bytes, corrupt_frames;
};

MUST_USE struct journal *journal_open(const struct journal_options *o, struct journal_recovery *found, struct err *e);

/* From here on appends get ERR_CANCELLED and readers no longer wait; what was handed over before is still synced. For
 * ending the threads that use the journal, before journal_close. */
void journal_stop(struct journal *j);

/* Ends the writer after what was handed over is synced. No other thread may be inside. NULL is fine. */
void journal_close(struct journal *j);

/* Appends refuse while it is lent to somebody else, and use it themselves after journal_ending. Borrowed. */
void journal_use_reserve(struct journal *j, struct reserve *r);

/* What comes now are the last frames: on a full disk they may use the reserve. */
void journal_ending(struct journal *j);

/* Position of a frame in its shard, growing by one per frame. Only comparable within a shard. */
struct journal_position {
    uint32_t shard;
    uint64_t sequence;
};

/* Appends one frame and returns when it is synced. Frames of one `shard_key` keep their order. Blocks. */
MUST_USE enum err_code journal_append(struct journal *j, sv shard_key, sv payload, struct journal_position *at,
                                      struct err *e);

/* The newest durable frame; sequence 0: none was ever written. */
struct journal_position journal_durable(struct journal *j);

struct journal_reader;

struct journal_frame {
    struct journal_position at;
    int64_t written_unix_nano;
    sv payload;
    bool corrupt; /* payload is what stood there, its checksum did not fit: to be quarantined. Where not even the
                     frame's header was left, `at` is the place where a frame was expected, the time is 0, and long
                     damage comes in several pieces of at most JOURNAL_FRAME_MAX bytes. */
};

/* A reader that starts at `cursor` (empty: the oldest frame kept). A cursor that cannot be understood, or whose frame
 * is gone, is no error: reading starts at the oldest frame kept, or at the end when what it had read was cut off; the
 * log says so. `name` identifies it for retention: from here on nothing at or behind the cursor is deleted until
 * journal_release, also after the reader was closed; NULL or "": it holds nothing. Nothing at all is deleted in the
 * first minute after journal_open, in which those who have cursors open their readers. */
MUST_USE struct journal_reader *journal_reader_open(struct journal *j, const char *name, sv cursor, struct err *e);
void journal_reader_close(struct journal_reader *r);

/* The next durable frame. Waits up to wait_ms for one; ERR_OK with *got = false when none came. */
MUST_USE enum err_code journal_read(struct journal_reader *r, int64_t wait_ms, struct journal_frame *out, bool *got,
                                    struct err *e);

/* Cursor behind the last frame read, as bytes to keep with the reader's own state (at most JOURNAL_CURSOR_MAX). */
size_t journal_reader_cursor(const struct journal_reader *r, char out[JOURNAL_CURSOR_MAX]);

/* Everything before the cursor may be deleted as far as the reader `name` is concerned. */
void journal_release(struct journal *j, const char *name, sv cursor);

/* The reader `name` will not come back: it holds nothing any more. */
void journal_forget(struct journal *j, const char *name);

struct journal_stats {
    uint64_t appended_frames, appended_bytes, syncs, sync_failures, segments, bytes, deleted_segments;
    uint64_t max_bytes;
    uint64_t dropped_frames; /* deleted although a reader needed them */
    uint64_t missing_frames; /* that a reader wanted and that are not there, whatever took them */
    int64_t oldest_unix_nano, last_sync_unix_nano;
    int64_t dropped_from_unix_nano, dropped_until_unix_nano; /* span of the dropped frames; 0: none */
    bool disk_full;
    bool over_limit;   /* refused since max_bytes is reached and a reader needs the oldest segment */
    char trouble[160]; /* why the newest append failed; "": it did not */
};
void journal_stats(struct journal *j, struct journal_stats *out);

#endif
