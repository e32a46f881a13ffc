/*
 * What was lost, and how the journal tells of it.
 *
 * The fold knows what every counter shows because it has seen every frame. Where it could not see one, it may show a little less
 * than before, which no scraper can tell from a counter that went back. So the loss is journalled: a frame of the program itself
 * (source "trefoil", scope "damage") with one quarantine for each loss, whose `what` is written and read here, and a mark
 * MARK_RESTARTED, at which every counter is 0 again. Who replays that frame knows what was dealt with.
 */
#ifndef LEDGER_DAMAGE_H
#define LEDGER_DAMAGE_H

#include "collector/model/record.h"

enum damage_cause {
    DAMAGE_CORRUPT,     /* the checksum does not fit */
    DAMAGE_UNDECODABLE, /* it fits, but the bytes are no frame */
    DAMAGE_MISSING,     /* nothing stands there */
    DAMAGE_SNAPSHOT,    /* the frames went because a snapshot held what they said, and that is lost */
    DAMAGE_CUT,         /* the journal ends before what a snapshot has seen: from = first one that is gone */
    DAMAGE_CRASHED,     /* folding it ended the process */
    DAMAGE_CAUSES
};

struct damage {
    enum damage_cause cause;
    uint64_t from, to; /* journal frames, both included */
};

const char *damage_cause_name(enum damage_cause c);

/* An empty damage frame; NULL at the arena's limit. */
struct frame *damage_frame(struct arena *arena);
bool damage_is_frame(const struct frame *f);

/* Adds a loss and what stood there (cut to the limit of quarantined bytes). False at the arena's limit. */
bool damage_add(struct frame *f, const struct damage *d, sv bytes);

/* Reads the `what` of a quarantine back; false when it does not tell of damage. */
bool damage_read(sv what, struct damage *out);

/* Whether `told` leaves nothing of `d` to be told. */
bool damage_covers(const struct damage *told, const struct damage *d);

#endif
