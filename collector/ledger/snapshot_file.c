/*
 * The snapshot's files: how a state gets onto the disk and back, whatever happens between.
 *
 *      0  magic "TREFOILS"     8  u64 format version     16  u64 length of the body     24  u64 checksum     32  body
 *
 * Magic, version, length and checksum keep their places in every later format. From format 6 on the checksum is seeded
 * with the version: a file that says it is newer and whose checksum fits is newer, one whose version was damaged is not.
 *
 * Two generations are kept. Writing: a new file, synced; current becomes previous, new becomes current, the directory is
 * synced. Between any two of these steps at least one whole generation has a name that is looked for. The journal must
 * keep what stands behind the older one's cursor; then the loss of either file costs a longer replay and nothing else.
 *
 * A damaged file is renamed, never deleted; nothing is renamed before both were looked at and neither is newer. A file
 * that the disk does not give back counts as damaged: trying for ever would help nobody.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/base/disk.h"
#include "collector/base/hash.h"
#include "collector/base/log.h"
#include "collector/base/memory.h"
#include "collector/ledger/snapshot.h"

#define CURRENT  "ledger.snapshot"
#define PREVIOUS "ledger.snapshot.previous"
#define FRESH    "ledger.snapshot.new"

enum { ASIDE_MAX = 9, SEEDED_FROM = 6, NAME_ROOM = 64 };

/* ---- head ---- */

struct head {
    uint64_t version, length, sum;
};

static uint64_t get_le64(const char *at)
{
    uint64_t v = 0;

    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | (unsigned char)at[i];
    return v;
}

static bool head_read(sv bytes, struct head *h)
{
    if (bytes.len < SNAPSHOT_HEAD_BYTES || !sv_starts(bytes, SV(SNAPSHOT_MAGIC)))
        return false;
    *h = (struct head){ .version = get_le64(bytes.at + 8),
                        .length = get_le64(bytes.at + 16),
                        .sum = get_le64(bytes.at + 24) };
    return true;
}

static uint64_t checksum(uint64_t version, sv body)
{
    return version >= SEEDED_FROM ? hash_part(version, body) : hash64(body);
}

static void head_write(struct buf *b, sv body)
{
    buf_put(b, SV(SNAPSHOT_MAGIC));
    buf_le64(b, SNAPSHOT_VERSION);
    buf_le64(b, body.len);
    buf_le64(b, checksum(SNAPSHOT_VERSION, body));
}

/* ---- write ---- */

static int open_dir(const char *dir, struct err *e)
{
    int fd = disk_open_dir(dir);

    if (fd < 0)
        err_sys(e, "snapshot: open %s", dir);
    return fd;
}

static enum err_code write_fresh(int dir, sv head, sv body, struct err *e)
{
    int fd = disk_open(dir, FRESH, O_WRONLY | O_CREAT | O_TRUNC);
    enum err_code code = ERR_OK;

    if (fd < 0)
        return err_sys(e, "snapshot: create " FRESH);
    if (!disk_write(fd, head, 0) || !disk_write(fd, body, head.len) || !disk_sync(fd))
        code = err_sys(e, "snapshot: write of %zu bytes", head.len + body.len);
    disk_close(fd);
    return code;
}

/* From the first rename on the directory must be synced before anybody relies on what is there. */
static enum err_code make_current(int dir, struct err *e)
{
    if (disk_rename(dir, CURRENT, PREVIOUS) && errno != ENOENT)
        return err_sys(e, "snapshot: rename to " PREVIOUS);
    if (disk_rename(dir, FRESH, CURRENT))
        return err_sys(e, "snapshot: rename to " CURRENT);
    if (disk_sync_dir(dir))
        return err_sys(e, "snapshot: sync of the directory");
    return ERR_OK;
}

static enum err_code replace(const char *path, sv head, sv body, struct err *e)
{
    int dir = open_dir(path, e);
    enum err_code code;

    if (dir < 0)
        return e ? e->code : ERR_IO;
    code = write_fresh(dir, head, body, e);
    if (!code)
        code = make_current(dir, e);
    if (code)
        disk_unlink(dir, FRESH); /* its space may be wanted elsewhere */
    disk_close(dir);
    return code;
}

enum err_code ledger_snapshot_write(struct ledger *l, const char *dir, sv cursor, struct err *e)
{
    struct err own, *why = e ? e : &own;
    struct buf head, body;
    enum err_code code;

    buf_init(&head, SNAPSHOT_HEAD_BYTES);
    buf_init(&body, SNAPSHOT_LIMIT_BYTES);
    ledger_read_lock(l);
    snapshot_encode(&body, l, cursor);
    ledger_read_unlock(l);
    l->snapshot_bytes = body.len;
    head_write(&head, buf_sv(&body));
    if (ledger_starved(l))
        code = err_set(why, ERR_LIMIT, "snapshot: memory ran out while a frame was counted, the last one stands");
    else if (head.failed || body.failed)
        code = err_set(why, ERR_LIMIT, "snapshot: out of memory");
    else
        code = replace(dir, buf_sv(&head), buf_sv(&body), why);
    buf_done(&head);
    buf_done(&body);
    return code;
}

size_t ledger_snapshot_bytes(const struct ledger *l)
{
    return l->snapshot_bytes;
}

/* ---- read ---- */

enum state { ABSENT, WHOLE, NEWER, DAMAGED };

struct file {
    enum state state;
    struct head head;
    struct buf bytes;
};

static sv body_of(const struct file *f)
{
    return sv_skip(buf_sv(&f->bytes), SNAPSHOT_HEAD_BYTES);
}

/* All of it, or as much as the disk gives. */
static enum err_code read_all(int fd, int64_t size, struct buf *out, struct err *e)
{
    char *at;
    ssize_t n;

    if (size < 0)
        return err_sys(e, "snapshot: size");
    if ((uint64_t)size > SNAPSHOT_LIMIT_BYTES)
        return ERR_OK; /* none of ours */
    at = buf_reserve(out, (size_t)size + 1);
    if (!at)
        return err_set(e, ERR_LIMIT, "snapshot: no memory for %lld bytes", (long long)size);
    n = disk_read(fd, at, (size_t)size, 0);
    buf_added(out, n < 0 ? 0 : (size_t)n);
    return ERR_OK;
}

/* What stands there, verified. Errors: it could not be opened, or memory. f->bytes is the caller's in any case. */
static enum err_code load(int dir, const char *name, struct file *f, struct err *e)
{
    int fd = disk_open(dir, name, O_RDONLY);
    enum err_code code;
    sv body;

    *f = (struct file){ .state = ABSENT };
    buf_init(&f->bytes, SNAPSHOT_LIMIT_BYTES + SNAPSHOT_HEAD_BYTES);
    if (fd < 0)
        return errno == ENOENT ? ERR_OK : err_sys(e, "snapshot: open %s", name);
    code = read_all(fd, disk_size(fd), &f->bytes, e);
    disk_close(fd);
    if (code)
        return code;
    body = body_of(f);
    f->state = DAMAGED;
    if (head_read(buf_sv(&f->bytes), &f->head) && f->head.length == body.len &&
        f->head.sum == checksum(f->head.version, body))
        f->state = f->head.version > SNAPSHOT_VERSION ? NEWER : WHOLE;
    return ERR_OK;
}

static enum err_code refuse_newer(const char *dir, const char *name, const struct file *f, struct err *e)
{
    if (f->state != NEWER)
        return ERR_OK;
    return err_set(e, ERR_CONFIG,
                   "%s/%s: written by a newer trefoil (format %llu, this one reads %d): use that version", dir, name,
                   (unsigned long long)f->head.version, SNAPSHOT_VERSION);
}

/* The ledger is fresh, and is again when this file turns out to be damaged. */
static enum err_code take_in(struct ledger *l, struct file *f, struct buf *cursor, bool *found, struct err *e)
{
    const uint64_t refusals = memory_refusals();

    if (f->state != WHOLE)
        return ERR_OK;
    *found = snapshot_decode(l, body_of(f), f->head.version, cursor);
    if (memory_refusals() != refusals) { /* a piece may be missing, and nothing is wrong with the file */
        *found = false;
        return err_set(e, ERR_LIMIT, "snapshot: out of memory");
    }
    if (*found)
        return ERR_OK;
    f->state = DAMAGED;
    buf_clear(cursor);
    return ledger_renew(l, e);
}

static bool is_there(int dir, const char *name)
{
    int fd = disk_open(dir, name, O_RDONLY);

    disk_close(fd);
    return fd >= 0 || errno != ENOENT;
}

/* Under the first free of some names; when all are taken, in place of the last. */
static enum err_code set_aside(int dir, const char *name, const struct file *f, struct err *e)
{
    char aside[NAME_ROOM];

    if (f->state != DAMAGED)
        return ERR_OK;
    snprintf(aside, sizeof aside, "%s.damaged", name);
    for (int i = 2; i <= ASIDE_MAX && is_there(dir, aside); i++)
        snprintf(aside, sizeof aside, "%s.damaged.%d", name, i);
    if (disk_rename(dir, name, aside) || disk_sync_dir(dir))
        return err_sys(e, "snapshot: %s is damaged and cannot be set aside", name);
    log_error("snapshot", "%s was damaged and is set aside as %s", name, aside);
    return ERR_OK;
}

static enum err_code read_both(struct ledger *l, const char *path, int dir, struct file f[2], struct buf *cursor,
                               bool *found, struct err *e)
{
    static const char *const names[] = { CURRENT, PREVIOUS };
    enum err_code code = ERR_OK;

    for (int i = 0; i < 2 && !code && !*found; i++) {
        code = load(dir, names[i], &f[i], e);
        if (!code)
            code = refuse_newer(path, names[i], &f[i], e);
        if (!code)
            code = take_in(l, &f[i], cursor, found, e);
        if (!*found || code)
            buf_done(&f[i].bytes); /* two of them need not be in memory at once */
    }
    for (int i = 0; i < 2 && !code; i++)
        code = set_aside(dir, names[i], &f[i], e);
    if (!code && *found && f[1].state == WHOLE)
        log_warn("snapshot", "the previous one is used, more frames are to be counted again");
    return code;
}

enum err_code ledger_snapshot_read(struct ledger *l, const char *dir, struct buf *cursor, bool *found, struct err *e)
{
    struct err own, *why = e ? e : &own;
    struct file f[2] = { { 0 }, { 0 } };
    int fd = open_dir(dir, why);
    enum err_code code;

    *found = false;
    if (fd < 0)
        return why->code;
    code = read_both(l, dir, fd, f, cursor, found, why);
    for (int i = 0; i < 2; i++)
        buf_done(&f[i].bytes);
    disk_close(fd);
    if (code)
        *found = false;
    return code;
}

/* The head is enough, except for one that claims to be newer. */
static enum err_code check_one(const char *path, int dir, const char *name, struct err *e)
{
    char bytes[SNAPSHOT_HEAD_BYTES];
    struct file f = { 0 };
    enum err_code code = ERR_OK;
    int fd = disk_open(dir, name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : disk_read(fd, bytes, sizeof bytes, 0);

    disk_close(fd);
    if (n != (ssize_t)sizeof bytes || !head_read(sv_make(bytes, sizeof bytes), &f.head) ||
        f.head.version <= SNAPSHOT_VERSION)
        return ERR_OK;
    code = load(dir, name, &f, e);
    if (!code)
        code = refuse_newer(path, name, &f, e);
    buf_done(&f.bytes);
    return code;
}

enum err_code ledger_snapshot_check(const char *dir, struct err *e)
{
    struct err own, *why = e ? e : &own;
    int fd = disk_open_dir(dir);
    enum err_code code;

    if (fd < 0) /* nothing there, or opening it for good will say what is wrong */
        return ERR_OK;
    code = check_one(dir, fd, CURRENT, why);
    if (!code)
        code = check_one(dir, fd, PREVIOUS, why);
    disk_close(fd);
    return code;
}

void ledger_snapshot_older(const char *dir, struct buf *cursor)
{
    int fd = disk_open_dir(dir);
    struct err e;
    struct file f;

    buf_clear(cursor);
    if (fd < 0)
        return;
    if (!load(fd, PREVIOUS, &f, &e) && f.state == WHOLE)
        snapshot_cursor(body_of(&f), cursor);
    buf_done(&f.bytes);
    disk_close(fd);
}
