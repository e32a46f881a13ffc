/*
 * Frames that are larger than the journal takes.
 *
 * A frame is cut between records, epochs and quarantined items. A single one that is larger than a frame is told instead of
 * written (a record as quarantined{limit}, an epoch as rejected{limit}, what was quarantined without its bytes), so that the window
 * around it counts as read and goes on.
 *
 * Errors:        what journal_append says; ERR_LIMIT only when memory is out. Parts may be durable then: the frame is tried again
 *                as a whole and the repetition is recognized.
 * Thread-safety: any thread.
 */
#ifndef CORE_CUT_H
#define CORE_CUT_H

#include "collector/journal/journal.h"
#include "collector/model/record.h"

/* *at is the position of the last part. */
MUST_USE enum err_code cut_append(struct journal *j, const struct frame *f, struct journal_position *at, struct err *e);

#endif
