/*
 * How a figure grows up. Most points appear three quarters of a minute after their minute ended and stay. A share is
 * late: missing, or shown as 0, for up to 20 min. A share is revised: first too low or too high, then right. A share of
 * --control-late is either for hours and days, when only a reader who looks again at a coarser grain sees it.
 */
#include "tests/cloudsim/rng.h"
#include "tests/cloudsim/sim.h"

enum { BASE_DELAY_S = 45, BASE_SPREAD_S = 15, REVISED_WITHIN_S = 20 * 60 };

/* Between the normal delay and 20 min after the end of the minute. */
static int64_t settles(uint64_t h, int64_t end)
{
    double first = BASE_DELAY_S + BASE_SPREAD_S + 1, span = REVISED_WITHIN_S - first;

    return end + (int64_t)((first + span * rng_as_unit(h)) * 1e9);
}

int64_t control_settles(const struct sim_options *o, uint64_t h, int64_t end)
{
    static const double hours[] = { 1, 1.5, 6, 24, CONTROL_FINAL_S / 3600.0 };
    double within = o->control_within_ms ? (double)o->control_within_ms / 3.6e6 : hours[4], from, to;
    uint64_t own = rng_name(h, 'V');
    unsigned n = 1;

    if (o->control_late <= 0 || rng_as_unit(rng_mix(own + 1)) >= o->control_late)
        return 0;
    while (n < 4 && hours[n] < within)
        n++;
    from = hours[own % n];
    to = hours[own % n + 1] < within ? hours[own % n + 1] : within;
    return end + (int64_t)((from + (to - from) * rng_as_unit(rng_mix(own + 2))) * 3600e9);
}

static uint64_t altered(uint64_t h, uint64_t final)
{
    uint64_t change = 1 + h % (final / 3 + 1);

    if (h & (UINT64_C(1) << 40))
        return final + change; /* a later revision goes down */
    return change > final ? 0 : final - change;
}

bool visible_value(const struct sim *s, uint64_t what, int64_t minute, int64_t now, uint64_t final, uint64_t *shown)
{
    uint64_t h = rng_name(rng_name(rng_name(s->seed, 'v'), what), (uint64_t)minute);
    uint64_t h2 = rng_mix(h + 1), h3 = rng_mix(h + 2);
    int64_t end = (minute + 1) * NANO_PER_MIN;
    int64_t base = end + (int64_t)(BASE_DELAY_S + h % BASE_SPREAD_S) * NANO_PER_S;
    double u = rng_as_unit(h2);

    *shown = final;
    if (now < base) {
        *shown = 0;
        return now >= end && (h3 & 1); /* the newest minute may be there as 0 */
    }
    if (now < control_settles(&s->options, h, end)) {
        *shown = h3 & 4 ? altered(h3, final) : 0;
        return h3 & 6;
    }
    if (u < s->options.late && now < settles(h3, end)) {
        *shown = 0;
        return h3 & 2;
    }
    if (u >= s->options.late && u < s->options.late + s->options.revise && now < settles(h3, end))
        *shown = altered(h3, final);
    return true;
}
