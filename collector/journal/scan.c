/*
 * One window of the file is kept; asking for bytes outside of it reads a new one that begins where they begin. A frame
 * is looked at in place, never copied. The search for the next healthy frame goes window by window with memmem for the
 * magic, and believes a magic only when the header's checksum fits.
 */
#include "collector/journal/scan.h"

#include "collector/base/disk.h"
#include "collector/base/log.h"
#include "collector/journal/journal.h"

enum {
    WINDOW = 256 << 10,
    WINDOW_MAX = FRAME_HEADER + JOURNAL_FRAME_MAX,
    BAD_BLOCK = 4096,  /* what is given up at once when it cannot be read */
    FAILURES_MAX = 3,  /* times the same place is tried before it is given up */
    UNREADABLE = 0xee, /* stands for bytes that were given up */
};

void scan_init(struct scan *s, int fd, uint64_t id, uint64_t offset, uint64_t limit)
{
    *s = (struct scan){ .fd = fd, .id = id, .offset = offset, .limit = limit };
    buf_init(&s->window, WINDOW_MAX);
}

void scan_done(struct scan *s)
{
    buf_done(&s->window);
}

/* Reads a window of at least `least` bytes from `at`. The caller made sure that they stand before the limit. */
static enum err_code fill(struct scan *s, uint64_t at, size_t least, struct err *e)
{
    uint64_t left = s->limit - at;
    size_t want = least > WINDOW ? least : WINDOW;
    char *out;
    ssize_t got;

    if (want > left)
        want = (size_t)left;
    buf_clear(&s->window);
    out = buf_reserve(&s->window, want);
    if (!out)
        return err_set(e, ERR_LIMIT, "journal: no memory for a window of %zu bytes", want);
    got = disk_read(s->fd, out, want, at);
    if (got < 0 && ++s->failures < FAILURES_MAX)
        return err_sys(e, "journal: read at offset=%llu", (unsigned long long)at);
    if (got < 0) {
        size_t block = BAD_BLOCK - (size_t)(at % BAD_BLOCK);

        got = (ssize_t)(block < want ? block : want);
        memset(out, UNREADABLE, (size_t)got);
        s->given_up++;
        log_warn("journal", "unreadable bytes were given up offset=%llu", (unsigned long long)at);
    }
    s->failures = 0;
    if ((size_t)got < least) { /* the file is shorter than it was, or a bad block follows: damage either way */
        memset(out + got, UNREADABLE, least - (size_t)got);
        got = (ssize_t)least;
    }
    buf_added(&s->window, (size_t)got);
    s->window_at = at;
    return ERR_OK;
}

/* The bytes [at, at + n), which stand before the limit; NULL when reading failed. */
static const char *peek(struct scan *s, uint64_t at, size_t n, struct err *e)
{
    uint64_t end = s->window_at + s->window.len;

    if ((at < s->window_at || at + n > end) && fill(s, at, n, e))
        return NULL;
    return s->window.at + (at - s->window_at);
}

static bool all_zero(const char *at, size_t n)
{
    return n == 0 || (at[0] == 0 && memcmp(at, at + 1, n - 1) == 0);
}

/* Offset of the next frame header behind `from` (one whose frame ends before the limit), or the limit. */
static bool find_next(struct scan *s, uint64_t from, uint64_t *found, bool *zeros, struct err *e)
{
    uint64_t at = from;

    *zeros = true;
    while (s->limit - at >= FRAME_HEADER) {
        const char *p = peek(s, at, FRAME_HEADER, e);
        size_t n = (size_t)(s->window_at + s->window.len - at), hit;
        struct frame_head h;

        if (!p)
            return false;
        if (n > s->limit - at)
            n = (size_t)(s->limit - at);
        hit = frame_find(p, n, s->id);
        *zeros = *zeros && all_zero(p, hit);
        if (hit < n && frame_head_read(p + hit, s->id, &h) && h.stored <= s->limit - at - hit - FRAME_HEADER) {
            *found = at + hit;
            return true;
        }
        at += hit < n ? hit + 1 : n - FRAME_HEADER + 1;
    }
    if (at < s->limit) {
        const char *p = peek(s, at, (size_t)(s->limit - at), e);

        if (!p)
            return false;
        *zeros = *zeros && all_zero(p, (size_t)(s->limit - at));
    }
    *found = s->limit;
    return true;
}

static enum scan_kind take_damage(struct scan *s, sv *bytes, struct err *e)
{
    uint64_t left = s->damaged - s->offset;
    size_t n = left > JOURNAL_FRAME_MAX ? JOURNAL_FRAME_MAX : (size_t)left;
    const char *p = peek(s, s->offset, n, e);

    if (!p)
        return SCAN_FAILED;
    *bytes = sv_make(p, n);
    s->offset += n;
    return SCAN_DAMAGE;
}

static enum scan_kind resync(struct scan *s, sv *bytes, struct err *e)
{
    uint64_t next = s->limit;
    bool zeros = true;

    if (!find_next(s, s->offset, &next, &zeros, e))
        return SCAN_FAILED;
    if (next == s->limit)
        return zeros ? SCAN_END : SCAN_TAIL;
    s->damaged = next;
    return take_damage(s, bytes, e);
}

enum scan_kind scan_next(struct scan *s, struct frame_head *h, sv *bytes, struct err *e)
{
    const char *p;

    if (s->offset < s->damaged)
        return take_damage(s, bytes, e);
    if (s->offset >= s->limit)
        return SCAN_END;
    if (s->limit - s->offset < FRAME_HEADER)
        return resync(s, bytes, e);

    p = peek(s, s->offset, FRAME_HEADER, e);
    if (!p)
        return SCAN_FAILED;
    if (!frame_head_read(p, s->id, h) || h->stored > s->limit - s->offset - FRAME_HEADER)
        return resync(s, bytes, e);

    p = peek(s, s->offset, FRAME_HEADER + (size_t)h->stored, e);
    if (!p)
        return SCAN_FAILED;
    *bytes = sv_make(p + FRAME_HEADER, h->stored);
    s->offset += FRAME_HEADER + h->stored;
    return frame_checksum(*bytes, s->id) == h->checksum ? SCAN_FRAME : SCAN_CORRUPT;
}

void scan_take_tail(struct scan *s)
{
    s->damaged = s->limit;
}
