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

#include "tests/cloudsim/aws_api.h"

enum { PATH_BYTES = 4096, FEDERATED_LIFE_S = 3600 };

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

/* The projected token of a workload identity; like a kubelet, we write a new one before the old one ends. */
enum err_code federated_write(const struct sim *s, struct err *e)
{
    enum err_code code;
    struct arena a;

    arena_init(&a, 0);
    code = file_write(
        s->options.dir, "federated-token", 0600,
        token_mint(s, &a, SV("api://AzureADTokenExchange"), s->world.client_id, clock_now(), FEDERATED_LIFE_S), e);
    arena_done(&a);
    return code;
}

static void put_azure(const struct sim *s, struct buf *b, const char *dir)
{
    unsigned tls = http_server_port(s->tls), control = http_server_port(s->control);
    const struct world *w = &s->world;

    buf_printf(b, "azure:\n  id: azure\n  credential: client_secret\n  tenant_id: %.*s\n  client_id: %.*s\n",
               SV_ARG(w->tenant_id), SV_ARG(w->client_id));
    buf_printf(b, "  client_secret: \"file:%s/azure-client-secret\"\n", dir);
    buf_printf(b, "  # for credential: workload_identity\n  # federated_token_file: \"%s/federated-token\"\n", dir);
    buf_put(b, SV("  subscriptions:\n"));
    for (unsigned i = 0; i < w->n_subs; i++)
        buf_printf(b, "    - %.*s\n", SV_ARG(w->subs[i].id));
    buf_put(b, SV("  logs:\n    workspaces:\n"));
    for (unsigned i = 0; i < WORLD_WORKSPACES; i++)
        buf_printf(b, "      - %.*s\n", SV_ARG(w->workspaces[i]));
    buf_printf(b,
               "  endpoints:\n    authority: https://127.0.0.1:%u\n    resource_manager: https://127.0.0.1:%u\n"
               "    metrics: \"https://127.0.0.1:%u/metrics-{region}\"\n    logs: https://127.0.0.1:%u\n"
               "    imds: http://127.0.0.1:%u\n    ca_file: %s/ca.pem\n",
               tls, tls, tls, tls, control, dir);
}

static void put_aws(const struct sim *s, struct buf *b, const char *dir)
{
    unsigned tls = http_server_port(s->tls), control = http_server_port(s->control);
    const struct aws_world *w = &s->aws;

    buf_printf(b,
               "aws:\n  id: aws\n  profile: collector\n  shared_credentials_file: %s/aws-credentials\n"
               "  config_file: %s/aws-config\n  role_arn: \"arn:aws:iam::{account}:role/%.*s\"\n"
               "  external_id: \"file:%s/aws-external-id\"\n",
               dir, dir, SV_ARG(w->role_name), dir);
    buf_printf(b, "  accounts:\n    organization_unit: %.*s\n  regions: auto\n", SV_ARG(w->ous[0].id));
    buf_printf(b, "  logs:\n    group: auto\n    trail_group: %.*s\n", SV_ARG(w->trail_group));
    buf_printf(b, "  metrics:\n    invocations: %s\n", s->options.switches[SW_INVOCATIONS] ? "accepted" : "successes");
    buf_printf(b,
               "  endpoints:\n    url: \"https://127.0.0.1:%u\"\n    imds: \"http://127.0.0.1:%u\"\n"
               "    container: \"http://127.0.0.1:%u\"\n    ca_file: %s/ca.pem\n    allow_plain: false\n",
               tls, control, control, dir);
}

enum err_code config_write(const struct sim *s, struct err *e)
{
    char dir[PATH_MAX];
    struct buf b = { .at = NULL };
    enum err_code code;

    if (!realpath(s->options.dir, dir))
        return err_sys(e, "%s", s->options.dir);
    code = file_write(dir, "azure-client-secret", 0600, s->world.client_secret, e);
    if (!code)
        code = federated_write(s, e);
    if (!code)
        code = aws_access_write(s, dir, e);
    buf_printf(&b, "# Written by cloudsim: seed %llu, control door http://127.0.0.1:%u\n",
               (unsigned long long)s->options.seed, http_server_port(s->control));
    buf_printf(&b, "initial_window: %llds\n", (long long)(s->options.history_ms / 1000 + 3600));
    buf_printf(&b, "storage:\n  path: %s/data\n", dir);
    buf_put(&b, SV("privacy:\n  caller: keep # nobody here is a person\n  caller_series: true\n"));
    if (s->options.clouds & CLOUD_AZURE)
        put_azure(s, &b, dir);
    if (s->aws.n_accounts)
        put_aws(s, &b, dir);
    buf_printf(&b, "testing:\n  clock:\n    anchor: %lld\n    origin: %lld\n    speed: %.17g\n",
               (long long)s->options.anchor_unix_nano, (long long)s->options.origin_unix_nano, s->options.speed);
    if (!code)
        code = b.failed ? err_set(e, ERR_LIMIT, "configuration too large")
                        : file_write(dir, "trefoil.yaml", 0644, buf_sv(&b), e);
    buf_done(&b);
    return code;
}
