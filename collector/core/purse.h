/*
 * A source's purse: when its budget lets another poll begin. pace.h says what was spent and until when that lasts; here stands what
 * the scheduler knows beside: which polls run, what one costs, and whose turn it is.
 *
 * While little is saved up what is behind (backlog, control reads) leaves it to what is live, but has every other poll once it
 * waits, since a scarce budget may leave a piece to it with each live poll. Without a budget it has one to some dozens of live ones
 * where threads are scarce.
 *
 * Thread-safety: under the scheduler's lock, but for purse_read.
 */
#ifndef CORE_PURSE_H
#define CORE_PURSE_H

#include "collector/core/runner.h"

struct purse {
    bool limited;
    int64_t next_mono; /* before it nothing of the source is polled */
    int64_t cost_nano; /* of a poll, about, in time by the budget */
    unsigned running;
    unsigned live_polls; /* since the last one of what is behind */
    int64_t at_mono;     /* when next_mono was read */
};

/* What was spent, and from when on (clock_mono) the source may be polled; takes the ledger's lock and no other. */
struct purse_reading {
    int64_t calls, usd_nano, next_mono;
    int64_t at_mono; /* when */
};
struct purse_reading purse_read(const struct instance *in, struct spine *s);

void purse_init(struct purse *p, const struct instance *in, struct spine *s);

/* When a task that is due then may run. */
int64_t purse_due(const struct purse *p, enum task_turn turn, int64_t due_mono);

/* Whether what is behind goes before what is live. */
bool purse_owes_backlog(const struct purse *p);

void purse_begin(struct purse *p, enum task_turn turn);
/* Of a poll: what was read before and after it. */
void purse_end(struct purse *p, const struct source_budget *budget, const struct purse_reading *before,
               const struct purse_reading *after);

#endif
