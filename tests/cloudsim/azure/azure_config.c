/* What Trefoil needs to read Azure: its section of the configuration, a client secret, a projected token. */
#include "tests/cloudsim/azure/azure.h"

enum { FEDERATED_LIFE_S = 3600 };

/* The projected token of a workload identity; like a kubelet, we write a new one before the old one ends. */
enum err_code azure_federated_write(const struct sim *s, struct err *e)
{
    enum err_code code;
    struct arena a;

    arena_init(&a, 0);
    code = file_write(s->options.dir, "federated-token", 0600,
                      token_mint(s, &a, SV("api://AzureADTokenExchange"), azure_of(s)->world.client_id, clock_now(),
                                 FEDERATED_LIFE_S),
                      e);
    arena_done(&a);
    return code;
}

void azure_config_write(const struct sim *s, struct buf *b, const char *dir)
{
    unsigned tls = http_server_port(s->tls), control = http_server_port(s->control);
    const struct world *w = &azure_of(s)->world;

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

enum err_code azure_secrets_write(const struct sim *s, const char *dir, struct err *e)
{
    enum err_code code = file_write(dir, "azure-client-secret", 0600, azure_of(s)->world.client_secret, e);

    return code ? code : azure_federated_write(s, e);
}
