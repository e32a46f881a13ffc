/* Numbers and comparisons; the arithmetic of budgets is pace.c's. */
#include "collector/core/purse.h"

#include "collector/base/clock.h"
#include "collector/core/pace.h"

/* Live polls to one of what is behind: where a budget is scarce, and where threads are. */
enum { BUDGET_TURN = 1, THREADS_TURN = 32, SAVED_FOR_LIVE_MS = 5 * 60 * 1000 };

struct purse_reading purse_read(const struct instance *in, struct spine *s)
{
    struct purse_reading r = { .next_mono = INT64_MIN, .at_mono = clock_mono() };
    struct spent hours[SPENT_HOURS];
    int64_t now = clock_now(), calls, usd_nano;

    if (!pace_is_set(&in->budget))
        return r;
    source_stats_total(in->stats, &r.calls, &r.usd_nano);
    ledger_spent(spine_ledger(s), in->env.id, hours);
    source_stats_due(in->stats, &calls, &usd_nano); /* not journalled yet, or not to be on a full disk */
    r.next_mono = r.at_mono + (pace_next(&in->budget, hours, now) - now) + pace_cost(&in->budget, calls, usd_nano);
    return r;
}

void purse_init(struct purse *p, const struct instance *in, struct spine *s)
{
    struct purse_reading r = purse_read(in, s);

    *p = (struct purse){ .limited = pace_is_set(&in->budget),
                         .next_mono = r.next_mono,
                         .at_mono = r.at_mono,
                         .cost_nano = pace_cost(&in->budget, 1, 0) };
}

bool purse_owes_backlog(const struct purse *p)
{
    return p->live_polls >= (p->limited ? BUDGET_TURN : THREADS_TURN);
}

/* As if those that run cost what others did. */
int64_t purse_due(const struct purse *p, enum task_turn turn, int64_t due_mono)
{
    int64_t allowed = p->next_mono + p->running * p->cost_nano;

    if (!p->limited)
        return due_mono;
    if (turn_is_behind(turn) && !purse_owes_backlog(p))
        allowed += SAVED_FOR_LIVE_MS * NANO_PER_MS;
    return due_mono > allowed ? due_mono : allowed;
}

void purse_begin(struct purse *p, enum task_turn turn)
{
    p->live_polls = turn_is_behind(turn) ? 0 : p->live_polls + 1;
    p->running++;
}

/* The source's other polls are in the difference too: rather too much. The mean forgets slowly, since jobs differ. A reading that
 * is older than another's takes nothing back. */
void purse_end(struct purse *p, const struct source_budget *budget, const struct purse_reading *before,
               const struct purse_reading *after)
{
    int64_t cost = pace_cost(budget, after->calls - before->calls, after->usd_nano - before->usd_nano);

    p->running--;
    p->cost_nano += (cost - p->cost_nano) / 4;
    if (after->at_mono < p->at_mono)
        return;
    p->at_mono = after->at_mono;
    p->next_mono = after->next_mono;
}
