/*
 * What the fold could not see of the journal, and what no damage frame has told of yet.
 *
 * The watch goes along with the reader: it holds each frame against the sequence that was to come, and keeps what stood there
 * instead. Its losses become one damage frame (ledger/damage.h); when that is folded, losses_told takes them off.
 *
 * Ownership:     bytes are copied, up to a bound; what comes beyond it widens the last loss.
 * Thread-safety: none; the fold thread's.
 */
#ifndef CORE_LOSSES_H
#define CORE_LOSSES_H

#include "collector/journal/journal.h"
#include "collector/ledger/damage.h"

enum { LOSSES_MAX = 32 };

struct loss {
    struct damage damage;
    char *bytes; /* of the first frame; NULL: none */
    size_t len;
};

struct losses {
    uint64_t last;     /* sequence of the frame seen last; 0: none */
    bool unknown;      /* where it began is not known: the first frame fits whatever its number */
    bool from_void;    /* there was no snapshot: what is missing in front was in one */
    struct loss piece; /* bytes that are no frame, in front of the next one */
    bool has_piece;
    struct loss at[LOSSES_MAX];
    size_t n;
};

void losses_begin(struct losses *l, uint64_t folded, bool snapshot_found);
void losses_done(struct losses *l);

/* Looks at what was read. False: it is no frame, nothing stands there to be folded. */
bool losses_watch(struct losses *l, const struct journal_frame *in);

/* The reader is at the end, and `durable` is the newest frame that the journal says it has. */
void losses_end(struct losses *l, uint64_t durable);

/* The frame `sequence` itself is lost. */
void losses_add(struct losses *l, enum damage_cause cause, uint64_t sequence, sv bytes);

/* Puts them and the mark into a damage frame. False at the arena's limit. */
bool losses_frame(const struct losses *l, struct frame *f);

/* A frame is folded: if it tells of damage, that is dealt with. */
void losses_told(struct losses *l, const struct frame *f);

#endif
