/*
 * Readers: a scan of one segment after the other, up to the end that the writer has published.
 *
 * A cursor holds the sequence of the next frame and, as a short cut, the place where it stands: segment (base and id)
 * and offset. The place is used only when that very segment is still there and the frame stands there; otherwise the
 * sequence decides. That makes every wrong cursor harmless: the worst is that frames are read again.
 *
 *      0  u32 version 1     4  u32 shard     8  u64 sequence of the next frame (0: the oldest)
 *     16  u64 base         24  u64 id       32  u64 offset       40  u64 checksum of bytes 0 to 39
 *
 * Sequences in a segment are below the base of the next one; what stands there beyond that was never acknowledged
 * (writer.c) and is passed over without a word.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/journal/files.h"

enum { CURSOR_VERSION = 1, CURSOR_BYTES = 48, REFRESH_MS = 100 };

struct cursor {
    uint64_t sequence, base, id, offset;
};

struct journal_reader {
    struct journal *j;
    struct scan scan;   /* of the segment below; its descriptor is -1 while there is none */
    struct cursor next; /* base, id: of the segment being read; offset is the scan's */
    uint64_t until;     /* base of the following segment when this one was chosen; UINT64_MAX: none */
    struct buf payload;
};

static void put_u64(char *at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (char)(unsigned char)(v >> (8 * i));
}

static uint64_t get_u64(const char *at)
{
    uint64_t v = 0;

    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | (unsigned char)at[i];
    return v;
}

static void cursor_write(char out[CURSOR_BYTES], const struct cursor *c)
{
    put_u64(out, CURSOR_VERSION);
    put_u64(out + 8, c->sequence);
    put_u64(out + 16, c->base);
    put_u64(out + 24, c->id);
    put_u64(out + 32, c->offset);
    put_u64(out + 40, hash64(sv_make(out, 40)));
}

/* Anything that is no cursor of ours means the oldest frame. */
static struct cursor cursor_read(sv bytes)
{
    if (bytes.len == 0)
        return (struct cursor){ 0 };
    if (bytes.len != CURSOR_BYTES || get_u64(bytes.at) != CURSOR_VERSION ||
        get_u64(bytes.at + 40) != hash64(sv_first(bytes, 40))) {
        log_warn("journal", "a cursor cannot be understood, reading starts at the oldest frame bytes=%zu", bytes.len);
        return (struct cursor){ 0 };
    }
    return (struct cursor){
        .sequence = get_u64(bytes.at + 8),
        .base = get_u64(bytes.at + 16),
        .id = get_u64(bytes.at + 24),
        .offset = get_u64(bytes.at + 32),
    };
}

/* Index of that segment, n_segments when it is not there. Lock held. */
static size_t find_segment(const struct journal *j, uint64_t base, uint64_t id)
{
    size_t low = 0, high = j->n_segments;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (j->segments[mid].base < base)
            low = mid + 1;
        else
            high = mid;
    }
    return low < j->n_segments && j->segments[low].base == base && j->segments[low].id == id ? low : j->n_segments;
}

/* Index of the segment in which a sequence stands or would stand. Lock held, at least one segment. */
static size_t find_sequence(const struct journal *j, uint64_t sequence)
{
    size_t i = j->n_segments - 1;

    while (i > 0 && j->segments[i].base > sequence)
        i--;
    return i;
}

/* Lets go of the segment being read and takes segment i from `offset` on. Lock held. */
static enum err_code enter(struct journal_reader *r, size_t i, uint64_t offset, struct err *e)
{
    const struct segment *s = &r->j->segments[i];
    char name[SEGMENT_NAME_MAX];
    int fd;

    segment_name(name, 0, s->base);
    fd = disk_open(r->j->dir_fd, name, O_RDONLY);
    if (fd < 0 && errno != ENOENT)
        return err_sys(e, "journal: open %s", name);
    disk_close(r->scan.fd);
    scan_done(&r->scan);
    scan_init(&r->scan, fd, s->id, offset, fd < 0 ? offset : s->bytes);
    r->next.base = s->base;
    r->next.id = s->id;
    r->until = i + 1 < r->j->n_segments ? r->j->segments[i + 1].base : UINT64_MAX;
    if (r->next.sequence < s->base)
        r->next.sequence = s->base;
    return ERR_OK;
}

/* Whether the frame that the cursor means stands at its place. */
static bool place_fits(struct journal_reader *r)
{
    struct frame_head h;
    char head[FRAME_HEADER];

    if (r->scan.offset == r->scan.limit)
        return true;
    return r->scan.fd >= 0 && r->scan.limit - r->scan.offset >= FRAME_HEADER &&
           disk_read(r->scan.fd, head, sizeof head, r->scan.offset) == (ssize_t)sizeof head &&
           frame_head_read(head, r->scan.id, &h) && h.sequence >= r->next.sequence;
}

/* Told once for each reader that meets them. Lock held. */
static void tell_missing(struct journal *j, uint64_t from, uint64_t until)
{
    log_warn("journal", "frames are missing from=%" PRIu64 " to=%" PRIu64, from, until - 1);
    j->stats.missing_frames += until - from;
}

/* Finds where to read for r->next. Lock held. ERR_OK without a segment when there is none yet. */
static enum err_code locate(struct journal_reader *r, struct err *e)
{
    struct journal *j = r->j;
    struct cursor want = r->next;
    size_t i;

    if (j->n_segments == 0)
        return ERR_OK;
    i = find_segment(j, want.base, want.id);
    if (i < j->n_segments && want.offset > j->segments[i].bytes) {
        uint64_t end = i + 1 < j->n_segments ? j->segments[i + 1].base : j->next_sequence;

        log_warn("journal", "a cursor stood in a part that was cut off, reading goes on behind the cut");
        r->next.sequence = want.sequence < end ? want.sequence : end;
        return enter(r, i, j->segments[i].bytes, e);
    }
    if (i < j->n_segments && want.offset >= SEGMENT_HEADER) {
        if (enter(r, i, want.offset, e))
            return e ? e->code : ERR_IO;
        if (place_fits(r))
            return ERR_OK;
    } else if (want.sequence > j->next_sequence) {
        log_warn("journal", "a cursor is of another journal, reading starts at the oldest frame");
        r->next.sequence = 0;
    }
    if (r->next.sequence > j->next_sequence)
        r->next.sequence = j->next_sequence;
    i = find_sequence(j, r->next.sequence);
    if (r->next.sequence && r->next.sequence < j->segments[i].base)
        tell_missing(j, r->next.sequence, j->segments[i].base);
    return enter(r, i, SEGMENT_HEADER, e);
}

/* The scan stands at its end: more of the same segment, or the next one. False: nothing more is durable. Lock held. */
static enum err_code advance(struct journal_reader *r, bool *more, struct err *e)
{
    struct journal *j = r->j;
    size_t i = find_segment(j, r->next.base, r->next.id);

    *more = true;
    if (j->n_segments == 0) {
        *more = false;
        return ERR_OK;
    }
    if (i == j->n_segments) { /* none yet, deleted, or replaced by one with the same base */
        r->next.offset = 0;
        return locate(r, e);
    }
    if (j->segments[i].bytes > r->scan.limit && r->scan.fd >= 0 && r->next.sequence < r->until) {
        r->scan.limit = j->segments[i].bytes;
        r->until = i + 1 < j->n_segments ? j->segments[i + 1].base : UINT64_MAX;
        return ERR_OK;
    }
    if (i + 1 == j->n_segments) {
        *more = false;
        return ERR_OK;
    }
    if (r->next.sequence < j->segments[i + 1].base)
        tell_missing(j, r->next.sequence, j->segments[i + 1].base);
    return enter(r, i + 1, SEGMENT_HEADER, e);
}

/* Waits until something may have become durable. Lock held. False: the time is over. */
static bool wait_for_more(struct journal *j, int64_t deadline)
{
    int64_t soon = clock_mono() + REFRESH_MS * NANO_PER_MS;

    if (j->stopping)
        return false;
    if (!j->read_only)
        return clock_wait(&j->durable, &j->lock, deadline);
    if (clock_mono() >= deadline)
        return false;
    clock_wait(&j->durable, &j->lock, soon < deadline ? soon : deadline); /* nobody signals: another process writes */
    journal_refresh(j);
    return true;
}

static enum err_code find_more(struct journal_reader *r, int64_t deadline, bool *more, struct err *e)
{
    enum err_code code;

    pthread_mutex_lock(&r->j->lock);
    do
        code = advance(r, more, e);
    while (!code && !*more && wait_for_more(r->j, deadline));
    pthread_mutex_unlock(&r->j->lock);
    return code;
}

/* Makes a frame of what the scan found; *ours tells whether it is for us. ERR_LIMIT: no memory to unpack it, which is no damage. */
static enum err_code take(struct journal_reader *r, enum scan_kind kind, const struct frame_head *h, sv bytes,
                          struct journal_frame *out, bool *ours)
{
    enum err_code code = ERR_PARSE;

    *ours = kind == SCAN_DAMAGE || h->sequence >= r->next.sequence;
    *out = (struct journal_frame){ .payload = bytes, .corrupt = true, .at.sequence = r->next.sequence };
    if (kind == SCAN_DAMAGE || !*ours)
        return ERR_OK;
    out->at.sequence = h->sequence;
    out->written_unix_nano = h->written_unix_nano;
    if (kind == SCAN_FRAME)
        code = frame_payload(h, bytes, &r->payload, &out->payload);
    if (code == ERR_LIMIT)
        return code;
    out->corrupt = code != ERR_OK;
    if (out->corrupt)
        out->payload = bytes;
    r->next.sequence = h->sequence + 1;
    return ERR_OK;
}

/* The next thing in the segment being read; SCAN_END when there is nothing more in it. */
static enum scan_kind look(struct journal_reader *r, struct frame_head *h, sv *bytes, struct err *e)
{
    uint64_t before = r->scan.offset;
    enum scan_kind kind;

    if (r->scan.fd < 0 || r->next.sequence >= r->until)
        return SCAN_END;
    kind = scan_next(&r->scan, h, bytes, e);
    if (kind == SCAN_TAIL) {
        scan_take_tail(&r->scan);
        kind = scan_next(&r->scan, h, bytes, e);
    }
    if ((kind == SCAN_FRAME || kind == SCAN_CORRUPT) && h->sequence >= r->until) {
        r->scan.offset = before;
        return SCAN_END;
    }
    return kind;
}

enum err_code journal_read(struct journal_reader *r, int64_t wait_ms, struct journal_frame *out, bool *got,
                           struct err *e)
{
    int64_t deadline = clock_mono() + wait_ms * NANO_PER_MS;
    struct err own = { 0 }, *err = e ? e : &own;
    bool more = true;

    while (more) {
        struct frame_head h = { 0 };
        struct journal_frame f;
        sv bytes;
        bool ours = false;
        uint64_t before = r->scan.offset;
        enum scan_kind kind = look(r, &h, &bytes, err);

        if (kind == SCAN_FAILED)
            return err->code;
        if (kind == SCAN_END) {
            if (find_more(r, deadline, &more, err))
                return err->code;
        } else if (take(r, kind, &h, bytes, &f, &ours)) {
            r->scan.offset = before; /* to be read again */
            return err_set(err, ERR_LIMIT, "journal: no memory for frame %" PRIu64, h.sequence);
        } else if (ours) {
            *out = f;
            *got = true;
            return ERR_OK;
        }
    }
    *got = false;
    return ERR_OK;
}

struct journal_reader *journal_reader_open(struct journal *j, const char *name, sv cursor, struct err *e)
{
    struct journal_reader *r = calloc(1, sizeof *r);
    enum err_code code;

    if (!r) {
        err_set(e, ERR_LIMIT, "journal: no memory for a reader");
        return NULL;
    }
    r->j = j;
    r->next = cursor_read(cursor);
    r->until = UINT64_MAX;
    scan_init(&r->scan, -1, 0, 0, 0);
    buf_init(&r->payload, JOURNAL_FRAME_MAX + 1);
    pthread_mutex_lock(&j->lock);
    code = locate(r, e);
    if (!code && name && *name) {
        struct hold *h = retention_hold(j, name, 0);

        if (h)
            h->sequence = r->next.sequence;
        else
            code = err_set(e, ERR_LIMIT, "journal: no memory for a reader");
    }
    pthread_mutex_unlock(&j->lock);
    if (code) {
        journal_reader_close(r);
        return NULL;
    }
    return r;
}

void journal_reader_close(struct journal_reader *r)
{
    if (!r)
        return;
    disk_close(r->scan.fd);
    scan_done(&r->scan);
    buf_done(&r->payload);
    free(r);
}

size_t journal_reader_cursor(const struct journal_reader *r, char out[JOURNAL_CURSOR_MAX])
{
    struct cursor c = r->next;

    c.offset = r->scan.offset;
    cursor_write(out, &c);
    return CURSOR_BYTES;
}

void journal_release(struct journal *j, const char *name, sv cursor)
{
    struct cursor c = cursor_read(cursor);
    struct hold *h;

    pthread_mutex_lock(&j->lock);
    h = retention_hold(j, name, c.sequence);
    if (h && h->sequence < c.sequence)
        h->sequence = c.sequence;
    if (j->n_segments > 1 && c.sequence >= j->segments[1].base) {
        j->retention_due = true;
        pthread_cond_signal(&j->work);
    }
    pthread_mutex_unlock(&j->lock);
}
