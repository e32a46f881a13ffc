/*
 * The group commit.
 *
 * Appenders compress in their own threads, queue a frame that lives on their stack, and wait. The one writer takes all
 * that waits, gives out the sequence numbers, writes the frames with one pwrite, syncs once, publishes the new end, and
 * wakes everybody. While it syncs the next group gathers: that is the whole mechanism, there is no timer.
 *
 * What must stay true:
 * - Nothing is published or acknowledged before the sync of its bytes has succeeded.
 * - A sync that failed is never repeated on the same file: after a failure the kernel may have dropped the pages and
 *   report success next time. The segment is sealed at its last good length and the group is written again from memory
 *   into a new one; when that fails too, its frames are refused.
 * - The new segment begins with the sequence that the failed group began with. Frames in an older segment at or
 *   behind the base of the next one do not exist: that is how readers pass over the remains, whatever the disk made
 *   of them.
 * - No space is different: the bytes are cut off again and the segment goes on; appends are refused until there is
 *   space, nobody has to do anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"
#include "collector/base/random.h"
#include "collector/journal/files.h"

enum { COMMIT_MAX = 8 << 20, RETENTION_EVERY_MS = 60000 };

static void seal(struct journal *j)
{
    disk_close(j->fd);
    j->fd = -1;
}

/* A file with nothing but a synced header, under a name that no reader looks at. Its descriptor, or -1. */
static int make_file(struct journal *j, const char *name, const struct segment_head *h, struct err *e)
{
    char head[SEGMENT_HEADER];
    int fd = disk_open(j->dir_fd, name, O_CREAT | O_TRUNC | O_WRONLY);

    if (fd < 0) {
        err_sys(e, "journal: create %s", name);
        return -1;
    }
    segment_head_write(head, h);
    if (disk_write(fd, sv_make(head, sizeof head), 0) && disk_sync(fd))
        return fd;
    err_sys(e, "journal: begin %s", name);
    disk_unlink(j->dir_fd, name);
    disk_close(fd);
    return -1;
}

/* Writes the header under another name, syncs, renames, syncs the directory: a file with a segment's name always has a
 * whole header. From the rename on the older segment must not grow, whether or not the rest succeeds: a reader would
 * take what it gets there for remains. An empty file that failed late may stay, the next attempt replaces it. */
static enum err_code begin_segment(struct journal *j, uint64_t base, struct err *e)
{
    struct segment_head h = { .version = SEGMENT_VERSION, .base = base, .id = random_id() };
    struct segment s = { .base = base, .id = h.id, .bytes = SEGMENT_HEADER };
    char name[SEGMENT_NAME_MAX], fresh[SEGMENT_NAME_MAX + 4];
    enum err_code code = ERR_OK;
    int fd;

    h.created_unix_nano = s.created_unix_nano = clock_now();
    segment_name(name, 0, base);
    snprintf(fresh, sizeof fresh, "%s.new", name);
    fd = make_file(j, fresh, &h, e);
    if (fd < 0)
        return e->code;
    seal(j);
    if (disk_rename(j->dir_fd, fresh, name) || disk_sync_dir(j->dir_fd))
        code = err_sys(e, "journal: begin %s", name);
    pthread_mutex_lock(&j->lock);
    if (!code)
        code = journal_add_segment(j, s, e);
    j->retention_due = true;
    pthread_mutex_unlock(&j->lock);
    if (code)
        disk_close(fd);
    else
        j->fd = fd;
    return code;
}

/* The group as bytes of the newest segment. Everything is set before the header's checksum is made. */
static bool serialize(struct journal *j, struct pending *group, uint64_t segment_id, int64_t now)
{
    uint64_t sequence = j->next_sequence;

    buf_clear(&j->commit);
    for (struct pending *p = group; p; p = p->next) {
        char head[FRAME_HEADER];

        p->head.sequence = sequence++;
        p->head.written_unix_nano = now;
        p->head.checksum = frame_checksum(p->stored, segment_id);
        frame_head_write(head, &p->head, segment_id);
        buf_put(&j->commit, sv_make(head, sizeof head));
        buf_put(&j->commit, p->stored);
    }
    return !j->commit.failed;
}

/* One attempt to make the group durable in the newest segment. On failure that is as before, or sealed. */
static enum err_code write_group(struct journal *j, struct pending *group, struct err *e)
{
    struct segment *s = &j->segments[j->n_segments - 1]; /* only this thread changes it */

    if (!serialize(j, group, s->id, clock_now()))
        return err_set(e, ERR_LIMIT, "journal: no memory for a commit");
    if (!disk_write(j->fd, buf_sv(&j->commit), s->bytes)) {
        int sys = errno;

        err_sys(e, "journal: write of %zu bytes", j->commit.len);
        if (disk_truncate(j->fd, s->bytes) || !disk_is_full(sys))
            seal(j);
        return e->code;
    }
    if (!disk_sync(j->fd)) {
        err_sys(e, "journal: sync of %zu bytes", j->commit.len);
        (void)!disk_truncate(j->fd, s->bytes); /* tidier, never relied on */
        seal(j);
        pthread_mutex_lock(&j->lock);
        j->stats.sync_failures++;
        pthread_mutex_unlock(&j->lock);
        return e->code;
    }
    return ERR_OK;
}

static enum err_code commit_once(struct journal *j, struct pending *group, struct err *e)
{
    bool full = j->fd >= 0 && j->segments[j->n_segments - 1].bytes >= j->segment_bytes;
    enum err_code code;

    if ((j->fd < 0 || full) && begin_segment(j, j->next_sequence, e) && j->fd < 0)
        return e->code; /* when only the roll fails, the old segment grows on */
    code = write_group(j, group, e);
    if (!code || j->fd >= 0 || code == ERR_LIMIT)
        return code;
    log_warn("journal", "segment sealed, the frames are written to a new one: %s", e->text);
    if (begin_segment(j, j->next_sequence, e))
        return e->code;
    return write_group(j, group, e);
}

static enum err_code refuse_full(struct journal *j, const char *why, struct err *e)
{
    errno = ENOSPC;
    return err_sys(e, "journal: %s bytes=%" PRIu64, why, j->max_bytes);
}

/* Whether another try has more room than the one that met a full disk. */
static bool find_room(struct journal *j)
{
    bool ending;

    if (retention_free_one(j))
        return true;
    pthread_mutex_lock(&j->lock);
    ending = j->ending;
    pthread_mutex_unlock(&j->lock);
    return ending && reserve_lend(j->reserve);
}

static enum err_code commit(struct journal *j, struct pending *group, bool ending, struct err *e)
{
    uint64_t bytes = 0;
    bool fits, own = group->own;
    enum err_code code;

    for (const struct pending *p = group; p; p = p->next)
        bytes += FRAME_HEADER + p->stored.len;
    if (!ending && !own && reserve_is_lent(j->reserve))
        return refuse_full(j, "the disk is full, its reserve is in use", e);
    fits = retention_room(j, bytes) || (own && retention_slack(j, bytes));
    if (!fits && !ending)
        return refuse_full(j, "storage.journal.max_bytes is reached and a reader is behind", e);
    do
        code = commit_once(j, group, e);
    while (code && disk_is_full(e->sys) && find_room(j));
    return code;
}

static void publish(struct journal *j, const struct pending *group)
{
    struct segment *s = &j->segments[j->n_segments - 1];

    for (const struct pending *p = group; p; p = p->next) {
        j->stats.appended_frames++;
        j->stats.appended_bytes += p->head.length;
        j->next_sequence++;
    }
    s->bytes += j->commit.len;
    j->stats.syncs++;
    j->stats.last_sync_unix_nano = clock_now();
    if (j->stats.disk_full)
        log_info("journal", "there is space again, appending goes on");
    j->stats.disk_full = false;
    pthread_cond_broadcast(&j->durable);
}

/* Takes what waits, of one kind and as much as one commit may hold. Lock held. */
static struct pending *take_group(struct journal *j)
{
    struct pending *group = j->first, *end = group;
    size_t bytes = end->stored.len + FRAME_HEADER;

    while (end->next && end->next->own == group->own && bytes + end->next->stored.len + FRAME_HEADER <= COMMIT_MAX) {
        end = end->next;
        bytes += end->stored.len + FRAME_HEADER;
    }
    j->first = end->next;
    if (!j->first)
        j->last = &j->first;
    end->next = NULL;
    return group;
}

/* A pending frame belongs to its appender again as soon as `done` is set and the lock is let go. */
static void settle(struct journal *j, struct pending *group, const struct err *e)
{
    for (struct pending *p = group, *next; p; p = next) {
        next = p->next;
        p->err = *e;
        p->done = true;
    }
    pthread_cond_broadcast(&j->settled);
}

static void run_group(struct journal *j)
{
    struct pending *group = take_group(j);
    struct err e = { 0 };
    bool ending = j->ending;
    enum err_code code;

    pthread_mutex_unlock(&j->lock);
    code = commit(j, group, ending, &e);
    if (!code)
        e = (struct err){ 0 };
    pthread_mutex_lock(&j->lock);
    if (!code)
        publish(j, group);
    else if (disk_is_full(e.sys) && !j->stats.over_limit)
        j->stats.disk_full = true;
    snprintf(j->stats.trouble, sizeof j->stats.trouble, "%.*s", (int)sizeof j->stats.trouble - 1, code ? e.text : "");
    settle(j, group, &e);
}

void *journal_writer(void *journal)
{
    struct journal *j = journal;
    int64_t next_check = clock_mono() + RETENTION_EVERY_MS * NANO_PER_MS;

    pthread_mutex_lock(&j->lock);
    for (;;) {
        if (j->first)
            run_group(j);
        else if (j->stopping)
            break;
        else if (!j->retention_due && clock_wait(&j->work, &j->lock, next_check))
            continue;
        if (j->retention_due || clock_mono() >= next_check) {
            j->retention_due = false;
            next_check = clock_mono() + RETENTION_EVERY_MS * NANO_PER_MS;
            pthread_mutex_unlock(&j->lock);
            retention_run(j);
            pthread_mutex_lock(&j->lock);
        }
    }
    pthread_mutex_unlock(&j->lock);
    seal(j);
    return NULL;
}

static enum err_code enqueue_and_wait(struct journal *j, struct pending *p, struct err *e)
{
    pthread_mutex_lock(&j->lock);
    if (j->stopping) {
        pthread_mutex_unlock(&j->lock);
        return err_set(e, ERR_CANCELLED, "journal: closed");
    }
    *j->last = p;
    j->last = &p->next;
    pthread_cond_signal(&j->work);
    while (!p->done)
        pthread_cond_wait(&j->settled, &j->lock);
    pthread_mutex_unlock(&j->lock);
    if (p->err.code && e)
        *e = p->err;
    return p->err.code;
}

enum err_code journal_append(struct journal *j, sv shard_key, sv payload, struct journal_position *at, struct err *e)
{
    struct pending p = { 0 };
    struct buf scratch;
    enum err_code code;

    /* One shard on files: the queue keeps the order of all keys. */
    p.own = j->own_key.len && sv_eq(shard_key, j->own_key);
    if (j->read_only)
        return err_set(e, ERR_CONFIG, "journal: opened for reading only");
    if (payload.len > JOURNAL_FRAME_MAX)
        return err_set(e, ERR_LIMIT, "journal: frame of %zu bytes, at most %d", payload.len, JOURNAL_FRAME_MAX);
    buf_init(&scratch, JOURNAL_FRAME_MAX);
    p.stored = frame_pack(payload, &scratch, &p.head);
    code = enqueue_and_wait(j, &p, e);
    if (!code && at)
        *at = (struct journal_position){ .sequence = p.head.sequence };
    buf_done(&scratch);
    return code;
}
