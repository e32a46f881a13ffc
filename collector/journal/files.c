/*
 * The journal on files: one directory, one segment after the other (segment.h), a lock.
 *
 * Opening reads the headers of all segments, and scans only the newest one whole: what stands behind its last whole
 * frame is the torn end of a write that nobody was told about, and is cut off. After such a cut a new segment is
 * begun, so that a cursor behind the cut can be told from one that fits. Older segments are looked at when somebody
 * reads them. Nothing is changed on disk before all headers were seen: a format newer than ours leaves the directory
 * as it is. Nothing needs space: a full disk can be opened.
 *
 * The lock is flock() on a file that stays: it dies with its process whatever the process died of.
 *
 * The group commit is in writer.c, readers are in reader.c, deleting is in retention.c.
 */
#include "collector/journal/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/clock.h"
#include "collector/base/log.h"

#define LOCK_NAME "lock"

static const uint64_t segment_bytes_default = UINT64_C(64) << 20;
static const uint64_t max_bytes_default = UINT64_C(8) << 30;
static const int64_t retention_ms_default = INT64_C(7) * 24 * 3600 * 1000;

static enum err_code push(struct segment **list, size_t *n, size_t *cap, struct segment s, struct err *e)
{
    if (*n == *cap) {
        size_t more = *cap ? 2 * *cap : 64;
        struct segment *grown = realloc(*list, more * sizeof *grown);

        if (!grown) {
            err_set(e, ERR_LIMIT, "journal: no memory for %zu segments", more);
            return ERR_LIMIT;
        }
        *list = grown;
        *cap = more;
    }
    (*list)[(*n)++] = s;
    return ERR_OK;
}

enum err_code journal_add_segment(struct journal *j, struct segment s, struct err *e)
{
    if (j->n_segments > 0 && j->segments[j->n_segments - 1].base == s.base) {
        j->segments[j->n_segments - 1] = s;
        return ERR_OK;
    }
    return push(&j->segments, &j->n_segments, &j->cap_segments, s, e);
}

static enum err_code open_dir(struct journal *j, struct err *e)
{
    if (!j->read_only && disk_make_dir(j->dir))
        return err_sys(e, "journal: create %s", j->dir);
    j->dir_fd = disk_open_dir(j->dir);
    if (j->dir_fd < 0)
        return err_sys(e, "journal: open %s", j->dir);
    return ERR_OK;
}

/* A process that was killed holds its lock until the kernel has taken it down: who starts anew at once waits for that. */
static bool lock_soon(int fd)
{
    enum { TRIES = 40, PAUSE_MS = 50 };

    for (int i = 0; i < TRIES; i++) {
        if (disk_lock(fd) == 0)
            return true;
        if (errno != EWOULDBLOCK)
            return false;
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L },
                  NULL); /* of the real clock: another process's */
    }
    errno = EWOULDBLOCK;
    return false;
}

static enum err_code take_lock(struct journal *j, struct err *e)
{
    char pid[24] = "";
    ssize_t n;

    j->lock_fd = disk_open(j->dir_fd, LOCK_NAME, O_CREAT | O_RDWR);
    if (j->lock_fd < 0)
        return err_sys(e, "journal: lock %s", j->dir);
    if (!lock_soon(j->lock_fd)) {
        if (errno != EWOULDBLOCK)
            return err_sys(e, "journal: lock %s", j->dir);
        n = disk_read(j->lock_fd, pid, sizeof pid - 1, 0);
        for (ssize_t i = 0; i < n; i++)
            if (pid[i] < '0' || pid[i] > '9')
                pid[i] = '\0';
        return err_set(e, ERR_CONFIG, "another trefoil (pid %s) uses %s", pid[0] ? pid : "unknown", j->dir);
    }
    return ERR_OK;
}

/* For who is refused. Only once nothing newer than this program was seen: until then nothing may change. */
static void name_ourselves(struct journal *j)
{
    char pid[24];
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());

    if (disk_truncate(j->lock_fd, 0) || !disk_write(j->lock_fd, sv_make(pid, (size_t)n), 0))
        log_debug("journal", "the lock file does not name us"); /* a full disk: the lock itself holds */
}

/* Reads one segment's header. A file that is gone again (read_only) gives ERR_GONE. */
static enum err_code look_at(struct journal *j, const char *name, struct segment *s, struct err *e)
{
    char head[SEGMENT_HEADER];
    struct segment_head h = { 0 };
    int64_t size;
    ssize_t n;
    int fd = disk_open(j->dir_fd, name, O_RDONLY);

    if (fd < 0 && errno == ENOENT)
        return ERR_GONE;
    if (fd < 0)
        return err_sys(e, "journal: open %s", name);
    size = disk_size(fd);
    if (size < 0) {
        err_sys(e, "journal: size of %s", name);
        disk_close(fd);
        return ERR_IO;
    }
    n = disk_read(fd, head, sizeof head, 0);
    disk_close(fd);
    s->bytes = (uint64_t)size;
    switch (segment_head_read(sv_make(head, n < 0 ? 0 : (size_t)n), &h)) {
    case SEGMENT_NEWER:
        return err_set(e, ERR_CONFIG,
                       "journal: %s/%s was written in format %" PRIu32 ", this program knows formats up to %d", j->dir,
                       name, h.version, SEGMENT_VERSION);
    case SEGMENT_DAMAGED:
        log_warn("journal", "the header is damaged, nothing in it can be verified segment=%s", name);
        break;
    case SEGMENT_GOOD:
        s->id = h.base == s->base ? h.id : 0;
        s->created_unix_nano = h.created_unix_nano;
        break;
    }
    return ERR_OK;
}

static int by_base(const void *a, const void *b)
{
    uint64_t x = ((const struct segment *)a)->base, y = ((const struct segment *)b)->base;

    return (x > y) - (x < y);
}

struct listing {
    struct journal *j;
    uint64_t from;
    struct segment *at;
    size_t n, cap;
    enum err_code code;
    struct err *e;
};

static bool list_one(void *arg, const char *name)
{
    struct listing *l = arg;
    struct segment s = { 0 };
    uint32_t shard;

    if (!segment_name_parse(name, &shard, &s.base) || shard != 0 || s.base < l->from)
        return true;
    l->code = look_at(l->j, name, &s, l->e);
    if (!l->code)
        l->code = push(&l->at, &l->n, &l->cap, s, l->e);
    if (l->code == ERR_GONE) /* deleted since it was listed */
        l->code = ERR_OK;
    return !l->code;
}

/* All segments from `from` on, ascending, into an array that the caller frees. */
static enum err_code list_segments(struct journal *j, uint64_t from, struct segment **out, size_t *n_out, struct err *e)
{
    struct listing l = { .j = j, .from = from, .e = e };

    if (disk_list(j->dir_fd, list_one, &l) && !l.code)
        l.code = err_sys(e, "journal: list %s", j->dir);
    if (l.code) {
        free(l.at);
        return l.code;
    }
    if (l.n > 1)
        qsort(l.at, l.n, sizeof *l.at, by_base);
    *out = l.at;
    *n_out = l.n;
    return ERR_OK;
}

/* What a whole scan of a segment found. */
struct survey {
    uint64_t end;  /* behind the last whole frame */
    uint64_t next; /* sequence behind it */
    uint64_t frames, corrupt;
    bool torn;       /* bytes other than zeros stand behind the end */
    bool unreadable; /* ... or bytes that the disk did not give */
};

/*
 * A power cut may take any blocks of the last commit, not only its end: then a header stands there and its bytes are
 * zeros, or frames stand behind a hole. Frames of one commit have one time. Where bytes of a damaged place are zeros up
 * to the edges of a block and nothing of another commit follows, that commit was never acknowledged; damage anywhere
 * else is told to the readers.
 */
struct hole {
    bool found;
    struct survey before;
    int64_t written; /* of its commit; 0: not known yet */
};

enum { BLOCK = 512 };

static bool has_zero_block(sv bytes, uint64_t offset)
{
    while (bytes.len > 0) {
        size_t n = BLOCK - (size_t)(offset % BLOCK);
        sv part = sv_first(bytes, n);

        if (part.at[0] == 0 && memcmp(part.at, part.at + 1, part.len - 1) == 0)
            return true;
        bytes = sv_skip(bytes, part.len);
        offset += part.len;
    }
    return false;
}

/* A damaged place that ends at `end`; `written` is 0 where its header is gone. */
static void note_damage(struct hole *hole, const struct survey *v, sv bytes, uint64_t end, int64_t written)
{
    if (!hole->found && has_zero_block(bytes, end - bytes.len))
        *hole = (struct hole){ .found = true, .before = *v, .written = written };
}

static void note_commit(struct hole *hole, int64_t written)
{
    if (hole->found && hole->written == 0)
        hole->written = written;
    hole->found = hole->found && hole->written == written;
}

static void take_frame(struct survey *v, const struct scan *s, const struct frame_head *h)
{
    v->frames++;
    v->end = s->offset;
    if (h->sequence >= v->next)
        v->next = h->sequence + 1;
}

static enum err_code survey(struct scan *s, struct survey *v, struct err *e)
{
    struct hole hole = { 0 };

    for (bool more = true; more;) {
        struct frame_head h;
        sv bytes;

        switch (scan_next(s, &h, &bytes, e)) {
        case SCAN_CORRUPT:
            note_commit(&hole, h.written_unix_nano);
            note_damage(&hole, v, bytes, s->offset, h.written_unix_nano);
            v->corrupt++;
            take_frame(v, s, &h);
            break;
        case SCAN_FRAME:
            note_commit(&hole, h.written_unix_nano);
            take_frame(v, s, &h);
            break;
        case SCAN_DAMAGE:
            note_damage(&hole, v, bytes, s->offset, 0);
            v->corrupt++;
            break;
        case SCAN_TAIL:
            v->torn = true;
            /* fall through */
        case SCAN_END:
            more = false;
            break;
        case SCAN_FAILED:
            if (e->code != ERR_IO)
                return e->code;
            break; /* the scan gives such a place up after some tries */
        }
    }
    if (hole.found && s->given_up == 0) {
        *v = hole.before;
        v->torn = true;
    }
    return ERR_OK;
}

/* Scans from v->end on, where the sequence v->next is expected. */
static enum err_code survey_newest(struct journal *j, const struct segment *s, struct survey *v, struct err *e)
{
    char name[SEGMENT_NAME_MAX];
    struct scan scan;
    enum err_code code;
    int fd;

    segment_name(name, 0, s->base);
    fd = disk_open(j->dir_fd, name, O_RDONLY);
    if (fd < 0)
        return err_sys(e, "journal: open %s", name);
    scan_init(&scan, fd, s->id, v->end, s->bytes);
    code = survey(&scan, v, e);
    v->unreadable = scan.given_up > 0;
    scan_done(&scan);
    disk_close(fd);
    return code;
}

/* Cuts the newest segment behind its last whole frame, makes what is kept durable (a killed process may have written
 * without syncing) and goes on in it when it is clean; otherwise the next commit begins a new one. */
static void repair_newest(struct journal *j, struct segment *s, const struct survey *v)
{
    char name[SEGMENT_NAME_MAX];
    bool cut = s->bytes > v->end, clean;
    int fd;

    segment_name(name, 0, s->base);
    s->bytes = v->end;
    fd = disk_open(j->dir_fd, name, O_WRONLY);
    clean = fd >= 0 && (!cut || !disk_truncate(fd, v->end)) && disk_sync(fd);
    if (clean && !v->torn && s->bytes < j->segment_bytes)
        j->fd = fd;
    else
        disk_close(fd);
    if (!clean)
        log_warn("journal", "the end cannot be repaired, a new segment will follow segment=%s", name);
}

static enum err_code recover_newest(struct journal *j, struct journal_recovery *found, struct err *e)
{
    struct segment *s = &j->segments[j->n_segments - 1];
    struct survey v = { .end = SEGMENT_HEADER, .next = s->base };

    if (s->id != 0 && survey_newest(j, s, &v, e))
        return e->code;
    if (s->id == 0 || v.unreadable) { /* leave it alone, and go on behind all numbers that may stand there */
        j->next_sequence = v.next + (s->bytes > v.end ? (s->bytes - v.end) / FRAME_HEADER + 1 : 0);
        return ERR_OK;
    }
    j->next_sequence = v.next;
    found->frames = v.frames;
    found->corrupt_frames = v.corrupt;
    found->torn_bytes = s->bytes > v.end ? s->bytes - v.end : 0;
    if (j->read_only)
        s->bytes = v.end;
    else
        repair_newest(j, s, &v);
    return ERR_OK;
}

struct cleaning {
    int dir_fd;
    unsigned removed;
};

static bool remove_if_unfinished(void *arg, const char *name)
{
    struct cleaning *c = arg;

    if (sv_ends(sv_of(name), SV(".journal.new")))
        c->removed += disk_unlink(c->dir_fd, name) == 0;
    return true;
}

/* Files that were never renamed to a segment. */
static void remove_unfinished(struct journal *j)
{
    struct cleaning c = { .dir_fd = j->dir_fd };

    if (disk_list(j->dir_fd, remove_if_unfinished, &c) || (c.removed && disk_sync_dir(j->dir_fd)))
        log_warn("journal", "unfinished files may be left dir=%s: %s", j->dir, strerror(errno));
}

static enum err_code recover(struct journal *j, struct journal_recovery *found, struct err *e)
{
    if (list_segments(j, 0, &j->segments, &j->n_segments, e))
        return e->code;
    j->cap_segments = j->n_segments;
    found->segments = j->n_segments;
    if (!j->read_only) {
        name_ourselves(j);
        remove_unfinished(j);
    }
    if (j->n_segments > 0)
        retention_resume(j);
    if (j->n_segments > 0 && recover_newest(j, found, e))
        return e->code;
    if (found->torn_bytes)
        log_warn("journal", "torn end of the newest segment bytes=%" PRIu64, found->torn_bytes);
    return ERR_OK;
}

/* Signals are other threads' business; SIGXFSZ, which a write over the file size limit sends, becomes its EFBIG. */
static enum err_code start_writer(struct journal *j, struct err *e)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&j->writer, NULL, journal_writer, j);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        errno = failed;
        return err_sys(e, "journal: start the writer");
    }
    j->writing = true;
    return ERR_OK;
}

static struct journal *journal_new(const struct journal_options *o)
{
    struct journal *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    j->dir = strdup(o->dir);
    j->dir_fd = j->lock_fd = j->fd = -1;
    j->segment_bytes = o->segment_bytes ? o->segment_bytes : segment_bytes_default;
    j->max_bytes = o->max_bytes ? o->max_bytes : max_bytes_default;
    j->retention_ms = o->retention_ms ? o->retention_ms : retention_ms_default;
    j->when_full = o->when_full;
    j->own_key = o->own_key;
    j->read_only = o->read_only;
    j->next_sequence = 1;
    j->last = &j->first;
    buf_init(&j->commit, 0);
    pthread_mutex_init(&j->lock, NULL);
    clock_cond_init(&j->work);
    clock_cond_init(&j->settled);
    clock_cond_init(&j->durable);
    retention_init(j);
    return j;
}

struct journal *journal_open(const struct journal_options *o, struct journal_recovery *found, struct err *e)
{
    struct journal_recovery none, *f = found ? found : &none;
    struct err own = { 0 }, *err = e ? e : &own;
    struct journal *j = journal_new(o);

    *f = (struct journal_recovery){ 0 };
    if (!j || !j->dir) {
        err_set(err, ERR_LIMIT, "journal: no memory");
        goto fail;
    }
    if (open_dir(j, err) || (!j->read_only && take_lock(j, err)) || recover(j, f, err))
        goto fail;
    if (!j->read_only && start_writer(j, err))
        goto fail;
    return j;
fail:
    journal_close(j);
    return NULL;
}

void journal_use_reserve(struct journal *j, struct reserve *r)
{
    pthread_mutex_lock(&j->lock);
    j->reserve = r;
    pthread_mutex_unlock(&j->lock);
}

void journal_ending(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->ending = true;
    pthread_mutex_unlock(&j->lock);
}

void journal_stop(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->stopping = true;
    pthread_cond_signal(&j->work);
    pthread_cond_broadcast(&j->durable);
    pthread_mutex_unlock(&j->lock);
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    journal_stop(j);
    if (j->writing)
        pthread_join(j->writer, NULL);
    disk_close(j->fd);
    disk_close(j->dir_fd);
    disk_close(j->lock_fd);
    retention_free(j);
    buf_done(&j->commit);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->settled);
    pthread_cond_destroy(&j->durable);
    pthread_mutex_destroy(&j->lock);
    free(j->segments);
    free(j->dir);
    free(j);
}

void journal_refresh(struct journal *j)
{
    struct segment known = j->n_segments ? j->segments[j->n_segments - 1] : (struct segment){ 0 };
    struct survey v = { .end = SEGMENT_HEADER };
    struct segment *fresh = NULL, *newest;
    struct err e = { 0 };
    size_t n = 0;

    if (list_segments(j, known.base, &fresh, &n, &e)) {
        log_warn("journal", "%s", e.text);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (journal_add_segment(j, fresh[i], &e))
            break;
    free(fresh);
    if (n == 0)
        return;
    newest = &j->segments[j->n_segments - 1];
    v.next = newest->base;
    if (newest->base == known.base && newest->id == known.id) {
        v.end = known.bytes;
        v.next = j->next_sequence;
    }
    if (newest->id != 0 && survey_newest(j, newest, &v, &e))
        log_warn("journal", "%s", e.text);
    newest->bytes = v.end;
    j->next_sequence = v.next;
}

struct journal_position journal_durable(struct journal *j)
{
    struct journal_position at = { 0 };

    pthread_mutex_lock(&j->lock);
    at.sequence = j->next_sequence - 1;
    pthread_mutex_unlock(&j->lock);
    return at;
}

void journal_stats(struct journal *j, struct journal_stats *out)
{
    pthread_mutex_lock(&j->lock);
    *out = j->stats;
    out->segments = j->n_segments;
    out->max_bytes = j->max_bytes;
    for (size_t i = 0; i < j->n_segments; i++)
        out->bytes += j->segments[i].bytes;
    if (j->n_segments > 0)
        out->oldest_unix_nano = j->segments[0].created_unix_nano;
    pthread_mutex_unlock(&j->lock);
}
