/*
 * A secret is read at each use, so that a rotated file needs no reload.
 *
 * Permissions are those of the opened descriptor, not of the path, so nothing can be swapped in between. The mounted
 * secret directories of container platforms are exempt: their files are commonly 0644 or 0444 and the mount itself is
 * private. The path is compared after the kernel resolved it, since platforms hang links there that point within the
 * mount.
 */
#include "collector/config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const mounts[] = { "/run/secrets/", "/var/run/secrets/", "/run/credentials/" };

static const char *after(const char *reference, const char *scheme)
{
    size_t n = strlen(scheme);

    return strncmp(reference, scheme, n) == 0 && reference[n] ? reference + n : NULL;
}

/* A name that a shell can set. */
static bool env_name_ok(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!(*p == '_' || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
              (p > name && *p >= '0' && *p <= '9')))
            return false;
    return true;
}

bool secret_reference_ok(const char *reference)
{
    const char *name;

    if (!reference)
        return false;
    if (after(reference, "file:"))
        return true;
    name = after(reference, "env:");
    return name && env_name_ok(name);
}

static bool in_secret_mount(int fd)
{
    char link[32], path[4096];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path);
    for (size_t i = 0; n > 0 && i < sizeof mounts / sizeof *mounts; i++)
        if (sv_starts(sv_make(path, (size_t)n), sv_of(mounts[i])))
            return true;
    return false;
}

static enum err_code check_file(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st))
        return err_sys(e, "secret file %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_CONFIG, "secret file %s: not a regular file", path);
    if ((st.st_mode & 077) && !in_secret_mount(fd))
        return err_set(e, ERR_CONFIG, "secret file %s: mode %04o is open to others: chmod 600 %s", path,
                       (unsigned)(st.st_mode & 07777), path);
    return ERR_OK;
}

static enum err_code read_all(int fd, const char *path, struct buf *out, struct err *e)
{
    size_t start = out->len;

    for (;;) {
        char *p = buf_reserve(out, 4096);
        ssize_t n = p ? read(fd, p, 4096) : 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "secret file %s", path);
        if (n == 0 && p)
            return ERR_OK;
        if (!p || out->len + (size_t)n - start > SECRET_BYTES_MAX)
            return err_set(e, ERR_CONFIG, "secret file %s: larger than %d bytes: is it the right file?", path,
                           SECRET_BYTES_MAX);
        buf_added(out, (size_t)n);
    }
}

static enum err_code read_file(const char *path, struct buf *out, struct err *e)
{
    /* Not blocking: a FIFO must be refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum err_code code;

    if (fd < 0) {
        err_sys(e, "secret file %s", path);
        if (e)
            e->code = ERR_CONFIG;
        return ERR_CONFIG;
    }
    code = check_file(fd, path, e);
    if (!code)
        code = read_all(fd, path, out, e);
    close(fd);
    return code;
}

static enum err_code read_env(const char *name, struct buf *out, struct err *e)
{
    const char *value = getenv(name);

    if (!value)
        return err_set(e, ERR_CONFIG, "secret env:%s: this environment variable is not set", name);
    if (strlen(value) > SECRET_BYTES_MAX)
        return err_set(e, ERR_CONFIG, "secret env:%s: larger than %d bytes", name, SECRET_BYTES_MAX);
    buf_put(out, sv_of(value));
    return ERR_OK;
}

/* Editors and `echo` leave these; no key ends or begins with them. */
static void trim(struct buf *b)
{
    if (sv_starts(buf_sv(b), SV("\xEF\xBB\xBF"))) {
        memmove(b->at, b->at + 3, b->len - 3);
        b->len -= 3;
    }
    while (b->len && (b->at[b->len - 1] == '\n' || b->at[b->len - 1] == '\r'))
        b->len--;
}

enum err_code secret_read(struct secret s, struct buf *out, struct err *e)
{
    const char *path, *name;
    enum err_code code;

    if (!secret_reference_ok(s.reference))
        return err_set(e, ERR_CONFIG, "secret: want file:PATH or env:NAME");
    secret_wipe(out);
    path = after(s.reference, "file:");
    name = after(s.reference, "env:");
    /* Room for all of it at once: a growing buffer would leave copies behind in freed memory. */
    if (out->limit_bytes < 2 * SECRET_BYTES_MAX)
        out->limit_bytes = 2 * SECRET_BYTES_MAX;
    if (!buf_reserve(out, SECRET_BYTES_MAX + 4096))
        return err_set(e, ERR_LIMIT, "secret: out of memory");
    code = path ? read_file(path, out, e) : read_env(name, out, e);
    if (code) {
        secret_wipe(out);
        return code;
    }
    trim(out);
    if (out->len == 0 || out->failed) {
        secret_wipe(out);
        return err_set(e, ERR_CONFIG, "secret %s: empty", s.reference);
    }
    return ERR_OK;
}

void secret_wipe(struct buf *b)
{
    if (b->at)
        explicit_bzero(b->at, b->cap);
    buf_done(b);
}
