/* What Trefoil needs to read OpenAI: its section of the configuration, and keys, of which one is good. */
#include "tests/cloudsim/openai/openai.h"

void openai_config_write(const struct sim *s, struct buf *b, const char *dir)
{
    const struct openai_world *w = &openai_of(s)->world;

    buf_printf(b,
               "openai:\n  id: openai\n  admin_key: \"file:%s/openai-admin-key\"\n  organization: %.*s\n"
               "  usage:\n    group_by: [user_id, api_key_id]\n"
               "  endpoints:\n    url: \"https://127.0.0.1:%u/v1\"\n    ca_file: %s/ca.pem\n    allow_plain: false\n",
               dir, SV_ARG(w->organization), http_server_port(s->tls), dir);
}

enum err_code openai_secrets_write(const struct sim *s, const char *dir, struct err *e)
{
    const struct openai_world *w = &openai_of(s)->world;
    const struct {
        const char *name;
        sv key;
    } files[] = {
        { "openai-admin-key", w->admin_key },
        { "openai-key-inference", w->inference_key }, /* lacks the scope */
        { "openai-key-eu", w->eu_key },               /* of an organization at another host */
        { "openai-key-expired", w->expired_key },
    };

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (file_write(dir, files[i].name, 0600, files[i].key, e))
            return e->code;
    return ERR_OK;
}
