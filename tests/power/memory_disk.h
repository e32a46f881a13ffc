/*
 * A disk in memory that knows what a power cut may leave.
 *
 * Files: each write is cut into pieces at multiples of 512 bytes; what was not synced since is a list of pieces, of
 * which a cut leaves any subset, in the order of their making. A piece that makes the file longer may also leave the
 * length without the bytes (zeros). A sync that fails makes nothing durable, now or later: what stood in line then may
 * be there or not for good. Directories: making, renaming and removing a name are operations, of which a cut undoes any
 * subset of those that no sync of the directory followed.
 *
 * memory_image() builds one of the disks that a cut may leave, memory_next() goes on to the next: all are found, each
 * once. A directory's choices come before those of its files, and only files that have a name then have any.
 *
 * One disk is current (the table works on it); on_change is called before each call that changes something, with the
 * lock held. The limits are small and reaching one ends the test.
 */
#ifndef TESTS_MEMORY_DISK_H
#define TESTS_MEMORY_DISK_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base/disk.h"
#include "collector/base/hash.h"

enum { MEM_NODES = 160, MEM_NAMES = 48, MEM_OPS = 256, MEM_DIGITS = 512, MEM_FDS = 64, MEM_BLOCK = 512, MEM_NAME = 56 };

struct mem_piece {
    struct mem_piece *next;
    uint64_t at, len; /* len 0: the file is cut off at `at` */
    bool orphan;      /* a sync of it has failed */
    char bytes[MEM_BLOCK];
};

struct mem_bytes {
    char *at;
    uint64_t len;
};

struct mem_entry {
    char name[MEM_NAME];
    int node; /* -1: free */
};

enum mem_kind { MEM_LINK, MEM_RENAME, MEM_UNLINK };

struct mem_op {
    enum mem_kind kind;
    char name[MEM_NAME], to[MEM_NAME];
    int node;
};

struct mem_dir {
    struct mem_entry now[MEM_NAMES], durable[MEM_NAMES];
    struct mem_op ops[MEM_OPS];
    unsigned n_ops;
};

struct mem_node {
    struct mem_dir *dir; /* NULL: a file, of which the rest speaks */
    struct mem_bytes now, durable;
    struct mem_piece *pieces; /* oldest first */
};

struct mem_disk {
    struct mem_node *nodes[MEM_NODES]; /* 0 is "/" */
};

static struct {
    pthread_mutex_t lock;
    struct mem_disk *disk;
    int fds[MEM_FDS]; /* node + 1 */
    bool pretends_dir_sync, pretends_sync;
    unsigned fail_syncs; /* that many syncs fail from now on */
    void (*on_change)(void);
} mem = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- disks ---- */

static inline void mem_is_true(bool good)
{
    if (!good)
        abort();
}

static inline void mem_set(struct mem_bytes *b, const char *at, uint64_t len)
{
    char *copy = malloc(len + 1);

    mem_is_true(copy != NULL);
    if (len)
        memcpy(copy, at, len);
    free(b->at);
    *b = (struct mem_bytes){ copy, len };
}

static inline void mem_apply(struct mem_bytes *b, const struct mem_piece *p, bool with_bytes)
{
    uint64_t end = p->at + p->len, len = p->len == 0 ? p->at : end > b->len ? end : b->len;
    char *at = realloc(b->at, len + 1);

    mem_is_true(at != NULL);
    if (len > b->len)
        memset(at + b->len, 0, len - b->len);
    b->at = at;
    b->len = len;
    if (with_bytes && p->len)
        memcpy(at + p->at, p->bytes, p->len);
}

static inline int mem_new_node(struct mem_disk *d, bool is_dir)
{
    for (int i = 0; i < MEM_NODES; i++)
        if (!d->nodes[i]) {
            struct mem_node *n = calloc(1, sizeof *n);

            mem_is_true(n != NULL);
            n->dir = is_dir ? calloc(1, sizeof *n->dir) : NULL;
            mem_is_true(n->dir || !is_dir);
            for (int k = 0; is_dir && k < MEM_NAMES; k++)
                n->dir->now[k].node = n->dir->durable[k].node = -1;
            d->nodes[i] = n;
            return i;
        }
    abort();
}

static inline struct mem_disk *mem_disk_new(void)
{
    struct mem_disk *d = calloc(1, sizeof *d);

    mem_is_true(d && mem_new_node(d, true) == 0);
    return d;
}

static inline void mem_free_node(struct mem_node *n)
{
    for (struct mem_piece *p = n ? n->pieces : NULL, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    if (n) {
        free(n->now.at);
        free(n->durable.at);
        free(n->dir);
    }
    free(n);
}

static inline void mem_disk_free(struct mem_disk *d)
{
    for (int i = 0; d && i < MEM_NODES; i++)
        mem_free_node(d->nodes[i]);
    free(d);
}

static inline struct mem_disk *mem_disk_copy(const struct mem_disk *d)
{
    struct mem_disk *c = calloc(1, sizeof *c);

    mem_is_true(c != NULL);
    for (int i = 0; i < MEM_NODES; i++) {
        const struct mem_node *from = d->nodes[i];
        struct mem_piece **end;

        if (!from)
            continue;
        c->nodes[i] = malloc(sizeof *from);
        mem_is_true(c->nodes[i] != NULL);
        *c->nodes[i] = *from;
        if (from->dir) {
            c->nodes[i]->dir = malloc(sizeof *from->dir);
            mem_is_true(c->nodes[i]->dir != NULL);
            *c->nodes[i]->dir = *from->dir;
        }
        c->nodes[i]->now = c->nodes[i]->durable = (struct mem_bytes){ 0 };
        mem_set(&c->nodes[i]->now, from->now.at, from->now.len);
        mem_set(&c->nodes[i]->durable, from->durable.at, from->durable.len);
        end = &c->nodes[i]->pieces;
        for (const struct mem_piece *p = from->pieces; p; p = p->next) {
            *end = malloc(sizeof *p);
            mem_is_true(*end != NULL);
            **end = *p;
            end = &(*end)->next;
        }
        *end = NULL;
    }
    return c;
}

/* ---- names ---- */

static inline struct mem_entry *mem_find(struct mem_entry *entries, const char *name)
{
    for (int i = 0; i < MEM_NAMES; i++)
        if (entries[i].node >= 0 && strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

static inline void mem_put(struct mem_entry *entries, const char *name, int node)
{
    struct mem_entry *e = mem_find(entries, name);

    for (int i = 0; !e && i < MEM_NAMES; i++)
        e = entries[i].node < 0 ? &entries[i] : NULL;
    mem_is_true(e && strlen(name) < MEM_NAME);
    strcpy(e->name, name);
    e->node = node;
}

/* A rename that is done while the making of the name before it is not brings the file along all the same. */
static inline void mem_do(struct mem_entry *entries, const struct mem_op *op)
{
    struct mem_entry *e = mem_find(entries, op->name);

    if (op->kind == MEM_LINK) {
        mem_put(entries, op->name, op->node);
        return;
    }
    if (e && e->node == op->node)
        e->node = -1;
    if (op->kind == MEM_RENAME)
        mem_put(entries, op->to, op->node);
}

static inline void mem_note(struct mem_node *n, struct mem_op op)
{
    mem_is_true(n->dir->n_ops < MEM_OPS);
    mem_do(n->dir->now, &op);
    n->dir->ops[n->dir->n_ops++] = op;
}

static inline struct mem_op mem_op(enum mem_kind kind, const char *name, const char *to, int node)
{
    struct mem_op op = { .kind = kind, .node = node };

    mem_is_true(strlen(name) < MEM_NAME && strlen(to) < MEM_NAME);
    memcpy(op.name, name, strlen(name));
    memcpy(op.to, to, strlen(to));
    return op;
}

/* ---- the table ---- */

static inline int mem_enter(bool changes)
{
    pthread_mutex_lock(&mem.lock);
    if (changes && mem.on_change)
        mem.on_change();
    return 0;
}

static inline int mem_leave(int result, int error)
{
    pthread_mutex_unlock(&mem.lock);
    errno = result < 0 ? error : errno;
    return result;
}

static inline int mem_node_of(int fd)
{
    mem_is_true(fd >= 0 && fd < MEM_FDS && mem.fds[fd]);
    return mem.fds[fd] - 1;
}

/* The directory of a path and its last name. -1: it is not there. */
static inline int mem_walk(int dir, const char *path, char last[MEM_NAME])
{
    int node = *path == '/' ? 0 : mem_node_of(dir);
    sv rest = sv_of(path), part = sv_cut(&rest, '/');

    while (part.len == 0 && rest.len)
        part = sv_cut(&rest, '/');
    for (; rest.len; part = sv_cut(&rest, '/')) {
        struct mem_entry *e;

        snprintf(last, MEM_NAME, "%.*s", SV_ARG(part));
        e = mem_find(mem.disk->nodes[node]->dir->now, last);
        if (!e)
            return -1;
        node = e->node;
    }
    mem_is_true(part.len < MEM_NAME);
    snprintf(last, MEM_NAME, "%.*s", SV_ARG(part));
    return node;
}

static inline int mem_take_fd(int node)
{
    for (int fd = 0; fd < MEM_FDS; fd++)
        if (!mem.fds[fd]) {
            mem.fds[fd] = node + 1;
            return fd;
        }
    abort();
}

static inline void mem_add_piece(struct mem_node *n, struct mem_piece piece)
{
    struct mem_piece **end = &n->pieces, *p = malloc(sizeof *p);

    mem_is_true(p != NULL);
    *p = piece;
    while (*end)
        end = &(*end)->next;
    *end = p;
    mem_apply(&n->now, p, true);
}

static inline int mem_openat(int dir, const char *name, int flags, mode_t mode)
{
    char last[MEM_NAME];
    struct mem_entry *e;
    int at, node;

    (void)mode;
    mem_enter((flags & (O_CREAT | O_TRUNC)) != 0);
    at = mem_walk(dir, name, last);
    if (at >= 0 && !last[0])
        return mem_leave(mem_take_fd(at), 0);
    e = at < 0 ? NULL : mem_find(mem.disk->nodes[at]->dir->now, last);
    if (!e && (at < 0 || !(flags & O_CREAT)))
        return mem_leave(-1, ENOENT);
    node = e ? e->node : mem_new_node(mem.disk, false);
    if (!e)
        mem_note(mem.disk->nodes[at], mem_op(MEM_LINK, last, "", node));
    else if ((flags & O_TRUNC) && mem.disk->nodes[node]->now.len)
        mem_add_piece(mem.disk->nodes[node], (struct mem_piece){ .at = 0 });
    return mem_leave(mem_take_fd(node), 0);
}

static inline ssize_t mem_pread(int fd, void *out, size_t n, off_t at)
{
    const struct mem_bytes *b;
    size_t left;

    mem_enter(false);
    b = &mem.disk->nodes[mem_node_of(fd)]->now;
    left = (uint64_t)at < b->len ? (size_t)(b->len - (uint64_t)at) : 0;
    n = n < left ? n : left;
    if (n)
        memcpy(out, b->at + at, n);
    pthread_mutex_unlock(&mem.lock);
    return (ssize_t)n;
}

static inline ssize_t mem_pwrite(int fd, const void *in, size_t n, off_t at)
{
    struct mem_node *node;

    mem_enter(true);
    node = mem.disk->nodes[mem_node_of(fd)];
    for (size_t done = 0; done < n;) {
        struct mem_piece p = { .at = (uint64_t)at + done };

        p.len = MEM_BLOCK - p.at % MEM_BLOCK;
        p.len = p.len < n - done ? p.len : n - done;
        memcpy(p.bytes, (const char *)in + done, p.len);
        mem_add_piece(node, p);
        done += p.len;
    }
    pthread_mutex_unlock(&mem.lock);
    return (ssize_t)n;
}

static inline int mem_ftruncate(int fd, off_t length)
{
    struct mem_node *n;

    mem_enter(true);
    n = mem.disk->nodes[mem_node_of(fd)];
    mem_is_true((uint64_t)length <= n->now.len);
    if ((uint64_t)length < n->now.len)
        mem_add_piece(n, (struct mem_piece){ .at = (uint64_t)length });
    return mem_leave(0, 0);
}

static inline int mem_fallocate(int fd, off_t length)
{
    (void)fd;
    (void)length;
    errno = ENOSPC;
    return -1;
}

static inline int mem_fdatasync(int fd)
{
    struct mem_node *n;
    struct mem_piece **at;

    mem_enter(true);
    n = mem.disk->nodes[mem_node_of(fd)];
    if (mem.fail_syncs) {
        mem.fail_syncs--;
        for (struct mem_piece *p = n->pieces; p; p = p->next)
            p->orphan = true;
        return mem_leave(-1, EIO);
    }
    for (at = &n->pieces; !mem.pretends_sync && *at;) {
        struct mem_piece *p = *at;

        if (p->orphan) {
            at = &p->next;
            continue;
        }
        mem_apply(&n->durable, p, true);
        *at = p->next;
        free(p);
    }
    return mem_leave(0, 0);
}

static inline int mem_fsync_dir(int dir)
{
    struct mem_node *n;

    mem_enter(true);
    n = mem.disk->nodes[mem_node_of(dir)];
    if (!mem.pretends_dir_sync) {
        memcpy(n->dir->durable, n->dir->now, sizeof n->dir->now);
        n->dir->n_ops = 0;
    }
    return mem_leave(0, 0);
}

static inline int mem_renameat(int dir, const char *from, const char *to)
{
    struct mem_node *n;
    struct mem_entry *e;

    mem_enter(true);
    n = mem.disk->nodes[mem_node_of(dir)];
    e = mem_find(n->dir->now, from);
    if (!e)
        return mem_leave(-1, ENOENT);
    mem_note(n, mem_op(MEM_RENAME, from, to, e->node));
    return mem_leave(0, 0);
}

static inline int mem_unlinkat(int dir, const char *name)
{
    struct mem_node *n;
    struct mem_entry *e;

    mem_enter(true);
    n = mem.disk->nodes[mem_node_of(dir)];
    e = mem_find(n->dir->now, name);
    if (!e)
        return mem_leave(-1, ENOENT);
    mem_note(n, mem_op(MEM_UNLINK, name, "", e->node));
    return mem_leave(0, 0);
}

static inline int mem_mkdir_at(int dir, const char *name)
{
    char last[MEM_NAME];
    int at;

    mem_enter(true);
    at = mem_walk(dir, name, last);
    if (at < 0)
        return mem_leave(-1, ENOENT);
    if (mem_find(mem.disk->nodes[at]->dir->now, last))
        return mem_leave(-1, EEXIST);
    mem_note(mem.disk->nodes[at], mem_op(MEM_LINK, last, "", mem_new_node(mem.disk, true)));
    return mem_leave(0, 0);
}

static inline off_t mem_size(int fd)
{
    off_t size;

    mem_enter(false);
    size = (off_t)mem.disk->nodes[mem_node_of(fd)]->now.len;
    pthread_mutex_unlock(&mem.lock);
    return size;
}

static inline int mem_list(int dir, disk_each *each, void *arg)
{
    struct mem_entry entries[MEM_NAMES];

    mem_enter(false);
    memcpy(entries, mem.disk->nodes[mem_node_of(dir)]->dir->now, sizeof entries);
    pthread_mutex_unlock(&mem.lock);
    for (int i = 0; i < MEM_NAMES; i++)
        if (entries[i].node >= 0 && !each(arg, entries[i].name))
            break;
    return 0;
}

static inline int mem_lock(int fd)
{
    (void)fd;
    return 0;
}

static inline int mem_close(int fd)
{
    mem_enter(false);
    (void)mem_node_of(fd);
    mem.fds[fd] = 0;
    return mem_leave(0, 0);
}

static const struct disk memory_disk = {
    .openat = mem_openat,
    .pread = mem_pread,
    .pwrite = mem_pwrite,
    .ftruncate = mem_ftruncate,
    .fallocate = mem_fallocate,
    .fdatasync = mem_fdatasync,
    .fsync_dir = mem_fsync_dir,
    .renameat = mem_renameat,
    .unlinkat = mem_unlinkat,
    .mkdir_at = mem_mkdir_at,
    .size = mem_size,
    .list = mem_list,
    .lock = mem_lock,
    .close = mem_close,
};

/* ---- images ---- */

/*
 * A way through the choices that a cut has. Digits are asked for one after the other, and how many there are depends on
 * the earlier ones; memory_next goes to the next way, so that all are taken once. With `random` each is a toss instead.
 */
struct mem_choice {
    unsigned char digit[MEM_DIGITS], base[MEM_DIGITS];
    unsigned n, at;
    uint64_t random;
};

static inline unsigned mem_digit(struct mem_choice *c, unsigned base)
{
    mem_is_true(c->at < MEM_DIGITS);
    if (c->random) {
        c->random ^= c->random << 13;
        c->random ^= c->random >> 7;
        c->random ^= c->random << 17;
        return (unsigned)(c->random >> 20) % base;
    }
    if (c->at == c->n) {
        c->digit[c->n] = 0;
        c->base[c->n++] = (unsigned char)base;
    }
    return c->digit[c->at++];
}

/* False: all ways were taken. */
static inline bool memory_next(struct mem_choice *c)
{
    while (c->n > 0 && c->digit[c->n - 1] + 1 == c->base[c->n - 1])
        c->n--;
    c->at = 0;
    if (c->n == 0)
        return false;
    c->digit[c->n - 1]++;
    return true;
}

static inline void mem_image_file(struct mem_node *n, const struct mem_node *old, struct mem_choice *c)
{
    mem_set(&n->now, old->durable.at, old->durable.len);
    for (const struct mem_piece *p = old->pieces; p; p = p->next) {
        bool longer = p->len && p->at + p->len > n->now.len;
        unsigned digit = mem_digit(c, longer ? 3 : 2);

        if (digit)
            mem_apply(&n->now, p, digit == 1);
    }
    mem_set(&n->durable, n->now.at, n->now.len);
}

static inline int mem_image_node(struct mem_disk *to, const struct mem_disk *from, int node, struct mem_choice *c)
{
    const struct mem_node *old = from->nodes[node];
    int made = node == 0 ? 0 : mem_new_node(to, old->dir != NULL);
    struct mem_node *n = to->nodes[made];

    if (!old->dir) {
        mem_image_file(n, old, c);
        return made;
    }
    memcpy(n->dir->now, old->dir->durable, sizeof n->dir->now);
    for (unsigned i = 0; i < old->dir->n_ops; i++)
        if (mem_digit(c, 2))
            mem_do(n->dir->now, &old->dir->ops[i]);
    for (int i = 0; i < MEM_NAMES; i++)
        if (n->dir->now[i].node >= 0)
            n->dir->now[i].node = mem_image_node(to, from, n->dir->now[i].node, c);
    memcpy(n->dir->durable, n->dir->now, sizeof n->dir->now);
    return made;
}

/* The disk that a cut now leaves when it goes this way. */
static inline struct mem_disk *memory_image(const struct mem_disk *d, struct mem_choice *c)
{
    struct mem_disk *image = mem_disk_new();

    c->at = 0;
    mem_image_node(image, d, 0, c);
    return image;
}

/* Names and contents, whatever the nodes' numbers. */
static inline uint64_t memory_hash(const struct mem_disk *d, int node)
{
    const struct mem_node *n = d->nodes[node];
    uint64_t h = 1;

    if (!n->dir)
        return hash64(sv_make(n->now.at, n->now.len));
    for (int i = 0; i < MEM_NAMES; i++)
        if (n->dir->now[i].node >= 0) /* any order */
            h += hash_u64(hash64(sv_of(n->dir->now[i].name)), memory_hash(d, n->dir->now[i].node));
    return h;
}

#endif
