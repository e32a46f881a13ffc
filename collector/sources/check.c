/* Lines that `check` prints for every cloud alike. */
#include "collector/sources/check.h"

#include "collector/ledger/ledger.h"

void check_told(struct check_list *c, enum check_state state, sv what, const char *remedy)
{
    sv line = what.at ? arena_copy(c->arena, what) : what;

    c->failures += state == CHECK_FAILED;
    c->report->line(c->report, state, line.at ? line.at : "out of memory", remedy);
}

void check_outcome(struct check_list *c, enum err_code code, const char *what, const char *scope, const struct err *e,
                   const char *remedy)
{
    const char *space = scope[0] ? " " : "";
    sv why = sv_of(e->text);

    if (remedy && sv_starts(why, sv_of(remedy)))
        why = sv_skip(why, strlen(remedy) + strlen(": "));
    if (code == ERR_OK)
        check_told(c, CHECK_OK, arena_printf(c->arena, "%s%s%s", what, space, scope), NULL);
    else
        check_told(c, CHECK_FAILED, arena_printf(c->arena, "%s%s%s: %.*s", what, space, scope, SV_ARG(why)),
                   code == ERR_DENIED || code == ERR_GONE ? remedy : NULL);
}

double forecast_a_minute(int64_t interval_ms)
{
    return interval_ms > 0 ? 60000.0 / (double)interval_ms : 0;
}

double forecast_controls_a_minute(void)
{
    double a_day = 0;

    for (int i = 0; i < CONTROL_AGES; i++)
        a_day += 24.0 / control_ages[i].span_hours;
    return a_day / (24 * 60);
}

void forecast_add(struct forecast *f, const struct api *api, const char *per, double calls_per_minute, double units)
{
    if (f->n < f->max && calls_per_minute > 0)
        f->out[f->n++] = (struct forecast_line){ .api = api->name,
                                                 .per = per,
                                                 .calls_per_minute = calls_per_minute,
                                                 .usd_per_month = calls_per_minute * 60 * 24 * FORECAST_DAYS * units *
                                                                  (double)api->usd_nano / 1e9 };
}
