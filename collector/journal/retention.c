/*
 * Retention: the oldest segments go when the whole is too large, the disk is full, or they are too old; while somebody
 * who is known by name has not passed them only by JOURNAL_DROP_OLDEST and counted; never the newest, and never out of
 * order, so that a crash on the way leaves a shorter journal and not one with a hole.
 *
 * Who is known by name is known only from open readers and releases of this process; therefore nothing is deleted in
 * the first minute after opening, in which they all come back. Deleting by age believes the wall clock only as long as
 * it moves along with the monotonic one for a day, after a step and after a start: what stands in the segments was written by the
 * same clock, so nobody knows whether time has passed since or was set. A process that never lives for a day deletes by size.
 *
 * A segment's age is that of its newest frame; the creation of the following segment is not older than that.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"
#include "collector/journal/files.h"

enum { GRACE_MS = 60000, STEP_MS = 3600000, AGREE_MS = 86400000 };

void retention_init(struct journal *j)
{
    j->anchor_wall = clock_now();
    j->anchor_mono = clock_mono();
    j->trusted_mono = j->anchor_mono + GRACE_MS * NANO_PER_MS;
}

void retention_resume(struct journal *j)
{
    j->trusted_mono = j->anchor_mono + AGREE_MS * NANO_PER_MS;
}

void retention_free(struct journal *j)
{
    while (j->holds) {
        struct hold *h = j->holds;

        j->holds = h->next;
        free(h);
    }
}

struct hold *retention_hold(struct journal *j, const char *name, uint64_t sequence)
{
    size_t n = strlen(name) + 1;
    struct hold *h = j->holds;

    while (h && strcmp(h->name, name) != 0)
        h = h->next;
    if (h)
        return h;
    h = malloc(sizeof *h + n);
    if (!h)
        return NULL;
    memcpy(h->name, name, n);
    h->sequence = sequence;
    h->next = j->holds;
    j->holds = h;
    return h;
}

/* Whether the wall clock may decide about ages now. */
static bool age_is_trusted(struct journal *j, int64_t wall, int64_t mono)
{
    int64_t apart = (wall - j->anchor_wall) - (mono - j->anchor_mono);

    if (apart > STEP_MS * NANO_PER_MS || apart < -STEP_MS * NANO_PER_MS) {
        log_warn("journal", "the clock was set, nothing is deleted by age for a day");
        j->anchor_wall = wall;
        j->anchor_mono = mono;
        j->trusted_mono = mono + AGREE_MS * NANO_PER_MS;
    }
    return mono >= j->trusted_mono;
}

static const struct hold *slowest(const struct journal *j)
{
    const struct hold *least = j->holds;

    for (const struct hold *h = j->holds; h; h = h->next)
        if (h->sequence < least->sequence)
            least = h;
    return least;
}

static uint64_t total_bytes(const struct journal *j)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < j->n_segments; i++)
        sum += j->segments[i].bytes;
    return sum;
}

/* Why segments go. */
struct wish {
    uint64_t bytes; /* to be added soon */
    bool one;       /* a segment's space is wanted whatever the total */
    bool by_age;
    int64_t wall;
};

static bool is_needed(const struct journal *j, const struct hold *h)
{
    return h && h->sequence < j->segments[1].base;
}

/* Frames that a reader has not let go. Lock held. */
static void count_dropped(struct journal *j, const struct hold *h)
{
    const struct segment *s = j->segments;
    uint64_t first = h->sequence > s[0].base ? h->sequence : s[0].base, n = s[1].base - first;

    log_error("journal", "frames were dropped unread to make room frames=%" PRIu64 " from=%" PRIu64 " reader=%s", n,
              first, h->name);
    j->stats.dropped_frames += n;
    if (j->stats.dropped_from_unix_nano == 0)
        j->stats.dropped_from_unix_nano = s[0].created_unix_nano;
    j->stats.dropped_until_unix_nano = s[1].created_unix_nano;
}

/* Takes the oldest segment off the list if it may go. Lock held. */
static bool take_oldest(struct journal *j, const struct wish *w, struct segment *out)
{
    const struct hold *h = slowest(j);
    bool large, old;

    if (j->n_segments < 2)
        return false;
    large = w->one || total_bytes(j) + w->bytes > j->max_bytes;
    old = w->by_age && w->wall - j->segments[1].created_unix_nano > j->retention_ms * NANO_PER_MS;
    if (!large && !old)
        return false;
    if (is_needed(j, h) && (!large || j->when_full != JOURNAL_DROP_OLDEST))
        return false;
    if (is_needed(j, h))
        count_dropped(j, h);
    *out = j->segments[0];
    memmove(j->segments, j->segments + 1, --j->n_segments * sizeof *j->segments);
    j->stats.deleted_segments++;
    return true;
}

/* How many went. */
static unsigned delete_oldest(struct journal *j, const struct wish *w)
{
    struct segment s;
    unsigned n = 0;

    if (clock_mono() - j->anchor_mono < GRACE_MS * NANO_PER_MS)
        return 0;
    for (bool got = true; got && !(w->one && n);) {
        char name[SEGMENT_NAME_MAX];

        pthread_mutex_lock(&j->lock);
        got = take_oldest(j, w, &s);
        pthread_mutex_unlock(&j->lock);
        if (!got)
            break;
        segment_name(name, 0, s.base);
        if (disk_unlink(j->dir_fd, name))
            log_warn("journal", "cannot delete segment=%s", name);
        n++;
    }
    if (n && disk_sync_dir(j->dir_fd))
        log_warn("journal", "cannot sync the directory after deleting segments");
    return n;
}

void retention_run(struct journal *j)
{
    int64_t wall = clock_now();

    delete_oldest(j, &(struct wish){ .by_age = age_is_trusted(j, wall, clock_mono()), .wall = wall });
}

bool retention_room(struct journal *j, uint64_t bytes)
{
    const struct hold *h;
    bool fits, before;

    if (clock_mono() - j->anchor_mono < GRACE_MS * NANO_PER_MS)
        return true; /* who needs what is not known yet */
    delete_oldest(j, &(struct wish){ .bytes = bytes });
    pthread_mutex_lock(&j->lock);
    h = slowest(j);
    fits = j->n_segments < 2 || total_bytes(j) + bytes <= j->max_bytes;
    before = j->stats.over_limit;
    j->stats.over_limit = !fits;
    if (!fits && !before)
        log_warn("journal", "full, nothing more is taken in max_bytes=%" PRIu64 " reader=%s", j->max_bytes,
                 h ? h->name : "-");
    else if (fits && before)
        log_info("journal", "below its size limit again, appending goes on");
    pthread_mutex_unlock(&j->lock);
    return fits;
}

bool retention_slack(struct journal *j, uint64_t bytes)
{
    bool fits;

    pthread_mutex_lock(&j->lock);
    fits = total_bytes(j) + bytes <= j->max_bytes + j->segment_bytes;
    pthread_mutex_unlock(&j->lock);
    return fits;
}

bool retention_free_one(struct journal *j)
{
    return delete_oldest(j, &(struct wish){ .one = true }) > 0;
}

void journal_forget(struct journal *j, const char *name)
{
    pthread_mutex_lock(&j->lock);
    for (struct hold **at = &j->holds; *at; at = &(*at)->next) {
        struct hold *h = *at;

        if (strcmp(h->name, name) != 0)
            continue;
        *at = h->next;
        free(h);
        j->retention_due = true;
        pthread_cond_signal(&j->work);
        break;
    }
    pthread_mutex_unlock(&j->lock);
}
