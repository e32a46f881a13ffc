/*
 * What `check` of every source says in the same words: lines of a check list, lines of a forecast.
 *
 * Ownership: lines are made in the arena. Thread-safety: none.
 */
#ifndef SOURCES_CHECK_H
#define SOURCES_CHECK_H

#include "collector/sources/source.h"

struct check_list {
    struct check_report *report;
    struct arena *arena;
    int failures;
};

/* One line, with its remedy (may be NULL). A view without `at` is told as a lack of memory. */
void check_told(struct check_list *c, enum check_state state, sv what, const char *remedy);

/* "what scope" when it went well, else with what the error says; the remedy goes with refusals, and is not said twice when
 * the error begins with it. */
void check_outcome(struct check_list *c, enum err_code code, const char *what, const char *scope, const struct err *e,
                   const char *remedy);

struct forecast {
    struct forecast_line *out;
    size_t n, max;
};
double forecast_a_minute(int64_t interval_ms);
/* Control reads of one job (windows, each of so many hours at the most) a minute, on the average of a day. */
double forecast_controls_a_minute(void);
/* `units`: billed units of a call. Nothing is added for no calls. */
void forecast_add(struct forecast *f, const struct api *api, const char *per, double calls_per_minute, double units);

#endif
