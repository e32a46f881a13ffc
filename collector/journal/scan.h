/*
 * Scan: the frames of one segment file, one after the other, over whatever stands between them.
 *
 * The file is read in windows by pread, so that a writer may append to it meanwhile; only the bytes before `limit`
 * are looked at. A place that cannot be read is given back as a failure a few times, then passes for damage, so that a
 * bad sector stops nobody for ever.
 *
 * Ownership:     the caller owns struct scan and the descriptor in it; results are borrowed until the next call.
 * Thread-safety: none; one scan, one thread.
 */
#ifndef JOURNAL_SCAN_H
#define JOURNAL_SCAN_H

#include <sys/types.h>

#include "collector/journal/segment.h"

struct scan {
    int fd;
    uint64_t id;      /* of the segment; 0: its header is damaged, no frame will fit */
    uint64_t offset;  /* of the next byte to look at */
    uint64_t limit;   /* of the first byte not to look at */
    uint64_t damaged; /* up to here stands damage that is being handed out in pieces */
    struct buf window;
    uint64_t window_at;
    unsigned failures; /* in a row, at the same place */
    unsigned given_up; /* places that could not be read */
};

enum scan_kind {
    SCAN_FRAME,   /* head and bytes (as stored), both checksums fit */
    SCAN_CORRUPT, /* head and bytes, but the bytes' checksum does not fit */
    SCAN_DAMAGE,  /* a piece of what stands before the next frame (or was declared damage); no head */
    SCAN_TAIL,    /* from offset to limit stands no frame, but not only zeros; nothing was consumed */
    SCAN_END,     /* nothing, or zeros, from offset to limit; nothing was consumed */
    SCAN_FAILED,
};

void scan_init(struct scan *s, int fd, uint64_t id, uint64_t offset, uint64_t limit);
void scan_done(struct scan *s); /* leaves the descriptor alone */

MUST_USE enum scan_kind scan_next(struct scan *s, struct frame_head *h, sv *bytes, struct err *e);

/* After SCAN_TAIL: hand it out as damage. */
void scan_take_tail(struct scan *s);

#endif
