/*
 * What Trefoil needs to read this cloud: secrets in files of their own, and trefoil.yaml, which appears last and whole,
 * so that whoever waits for it finds everything ready.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cloudsim/cloud.h"

enum { PATH_BYTES = 4096 };

enum err_code file_write(const char *dir, const char *name, unsigned mode, sv text, struct err *e)
{
    char path[PATH_BYTES], temp[PATH_BYTES + 8];
    ssize_t n;
    int fd;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return err_set(e, ERR_CONFIG, "path too long: %s", dir);
    snprintf(temp, sizeof temp, "%s.new", path);
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return err_sys(e, "%s", temp);
    n = write(fd, text.at, text.len);
    if (n != (ssize_t)text.len || fchmod(fd, mode) || close(fd))
        return err_sys(e, "%s", temp);
    return rename(temp, path) ? err_sys(e, "%s", path) : ERR_OK;
}

enum err_code config_write(const struct sim *s, struct err *e)
{
    char dir[PATH_MAX];
    struct buf b = { .at = NULL };
    enum err_code code = ERR_OK;

    if (!realpath(s->options.dir, dir))
        return err_sys(e, "%s", s->options.dir);
    for (const struct cloud *const *c = clouds; *c && !code; c++)
        if (cloud_is_open(s, *c))
            code = (*c)->secrets(s, dir, e);
    buf_printf(&b, "# Written by cloudsim: seed %llu, control door http://127.0.0.1:%u\n",
               (unsigned long long)s->options.seed, http_server_port(s->control));
    buf_printf(&b, "initial_window: %llds\n", (long long)(s->options.history_ms / 1000 + 3600));
    buf_printf(&b, "storage:\n  path: %s/data\n", dir);
    buf_put(&b, SV("privacy:\n  caller: keep # nobody here is a person\n  caller_series: true\n"));
    for (const struct cloud *const *c = clouds; *c; c++)
        if (cloud_is_open(s, *c))
            (*c)->config(s, &b, dir);
    buf_printf(&b, "testing:\n  clock:\n    anchor: %lld\n    origin: %lld\n    speed: %.17g\n",
               (long long)s->options.anchor_unix_nano, (long long)s->options.origin_unix_nano, s->options.speed);
    if (!code)
        code = b.failed ? err_set(e, ERR_LIMIT, "configuration too large")
                        : file_write(dir, "trefoil.yaml", 0644, buf_sv(&b), e);
    buf_done(&b);
    return code;
}

enum err_code config_renew(const struct sim *s, struct err *e)
{
    enum err_code code = ERR_OK;

    for (const struct cloud *const *c = clouds; *c && !code; c++)
        if (cloud_is_open(s, *c) && (*c)->renew)
            code = (*c)->renew(s, e);
    return code;
}
