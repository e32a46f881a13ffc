/*
 * What each platform tells and what it does not: the contract of design section 4 as a table, published as genai_signal_info so
 * that an absent series is never read as a zero.
 */
#ifndef LEDGER_SIGNALS_H
#define LEDGER_SIGNALS_H

#include "collector/model/record.h"

struct signal_row {
    enum platform platform;
    const char *signal;
    const char *state;     /* exact, from_logs, mean_only, merged, not_published, off; or how a figure is read */
    const char *fact;      /* where an authority decides between two states; NULL: it does not */
    const char *choice;    /* `state` holds when the authority of some resource is this ... */
    const char *otherwise; /* ... else this */
};

extern const struct signal_row signal_rows[];
extern const size_t n_signal_rows;

#endif
