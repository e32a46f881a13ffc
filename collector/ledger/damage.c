/*
 * The text of a loss is for people too: "journal frame 17: corrupt", "journal frames 3 to 9: missing".
 */
#include "collector/ledger/damage.h"

/* clang-format off */
static const char *const names[DAMAGE_CAUSES] = {
    [DAMAGE_CORRUPT] = "corrupt", [DAMAGE_UNDECODABLE] = "undecodable", [DAMAGE_MISSING] = "missing",
    [DAMAGE_SNAPSHOT] = "snapshot_lost", [DAMAGE_CUT] = "cut_off", [DAMAGE_CRASHED] = "crashed",
};
/* clang-format on */

const char *damage_cause_name(enum damage_cause c)
{
    return names[c];
}

struct frame *damage_frame(struct arena *arena)
{
    return frame_new(arena, OWN_SOURCE, SV("damage"));
}

bool damage_is_frame(const struct frame *f)
{
    return sv_eq(f->source, OWN_SOURCE) && sv_eq(f->scope, SV("damage"));
}

bool damage_add(struct frame *f, const struct damage *d, sv bytes)
{
    unsigned long long from = d->from, to = d->to;
    sv what = from == to ? arena_printf(f->arena, "journal frame %llu: %s", from, names[d->cause])
                         : arena_printf(f->arena, "journal frames %llu to %llu: %s", from, to, names[d->cause]);

    if (!what.at || !frame_add_quarantine(f, REASON_MALFORMED, what, bytes))
        return false;
    f->tally.received++;
    return true;
}

static int cause_find(sv name)
{
    for (int i = 0; i < DAMAGE_CAUSES; i++)
        if (sv_eq(name, sv_of(names[i])))
            return i;
    return -1;
}

/* Takes `prefix` off the front. */
static bool take(sv *s, sv prefix)
{
    if (!sv_starts(*s, prefix))
        return false;
    *s = sv_skip(*s, prefix.len);
    return true;
}

bool damage_read(sv what, struct damage *out)
{
    struct damage d;
    bool many = take(&what, SV("journal frames "));
    sv numbers;
    int cause;

    if (!many && !take(&what, SV("journal frame ")))
        return false;
    numbers = sv_cut(&what, ':');
    cause = cause_find(sv_trim(what));
    if (cause < 0 || !sv_to_u64(many ? sv_cut(&numbers, ' ') : numbers, &d.from))
        return false;
    d.to = d.from;
    if (many && (!take(&numbers, SV("to ")) || !sv_to_u64(numbers, &d.to) || d.to < d.from))
        return false;
    d.cause = (enum damage_cause)cause;
    *out = d;
    return true;
}

/* Numbers behind a cut are given out again, so that it tells nothing of the frames that have them now. */
bool damage_covers(const struct damage *told, const struct damage *d)
{
    return (told->cause == DAMAGE_CUT) == (d->cause == DAMAGE_CUT) && told->from <= d->from && d->to <= told->to;
}
