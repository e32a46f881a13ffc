/* What is written for those who use this cloud: a credential file for each flow, subject tokens, the configuration. */
#include "tests/cloudsim/gcp/gcp_api.h"

static void put_line(struct buf *b, const char *name, sv value)
{
    buf_put(b, SV(",\n  "));
    put_member(b, name, value);
}

static enum err_code write_json(const char *dir, const char *name, struct buf *b, struct err *e)
{
    enum err_code code;

    buf_put(b, SV("\n}\n"));
    code = b->failed ? err_set(e, ERR_LIMIT, "%s: out of memory", name) : file_write(dir, name, 0600, buf_sv(b), e);
    buf_done(b);
    return code;
}

static enum err_code write_key(const struct sim *s, const char *dir, struct err *e)
{
    const struct gcp_access *g = gcp_of(s)->access;
    struct buf b = { .at = NULL };

    buf_put(&b, SV("{\n  \"type\": \"service_account\""));
    put_line(&b, "project_id", gcp_of(s)->world.projects[0].id);
    put_line(&b, "private_key_id", g->key.id);
    put_line(&b, "private_key", g->key.pem);
    put_line(&b, "client_email", g->who[GCP_ACCOUNT].name);
    put_line(&b, "client_id", SV("111111111111111111111"));
    buf_printf(&b, ",\n  \"token_uri\": \"https://127.0.0.1:%u/token\"", http_server_port(s->tls));
    put_line(&b, "universe_domain", SV("googleapis.com"));
    return write_json(dir, "gcp-key.json", &b, e);
}

/* The members after "type" of a person's credentials. */
static void put_person(struct buf *b, const struct sim *s)
{
    const struct gcp_access *g = gcp_of(s)->access;

    put_line(b, "client_id", g->client_id);
    put_line(b, "client_secret", g->client_secret);
    put_line(b, "refresh_token", g->refresh_token);
    put_line(b, "quota_project_id", gcp_of(s)->world.projects[0].id);
}

static enum err_code write_person(const struct sim *s, const char *dir, struct err *e)
{
    struct buf b = { .at = NULL };

    buf_put(&b, SV("{\n  \"type\": \"authorized_user\""));
    put_person(&b, s);
    return write_json(dir, "gcp-user.json", &b, e);
}

static void put_impersonation(struct buf *b, const struct sim *s)
{
    buf_printf(b,
               ",\n  \"service_account_impersonation_url\": "
               "\"https://127.0.0.1:%u/v1/projects/-/serviceAccounts/%.*s:generateAccessToken\"",
               http_server_port(s->tls), SV_ARG(gcp_of(s)->access->who[GCP_READER].name));
}

static enum err_code write_impersonated(const struct sim *s, const char *dir, struct err *e)
{
    struct buf b = { .at = NULL };

    buf_put(&b, SV("{\n  \"type\": \"impersonated_service_account\",\n  \"delegates\": []"));
    put_impersonation(&b, s);
    buf_put(&b, SV(",\n  \"source_credentials\": {\n  \"type\": \"authorized_user\""));
    put_person(&b, s);
    buf_put(&b, SV("\n  }"));
    return write_json(dir, "gcp-impersonated.json", &b, e);
}

static void open_external(struct buf *b, const struct sim *s)
{
    buf_put(b, SV("{\n  \"type\": \"external_account\""));
    put_line(b, "audience", gcp_of(s)->access->audience);
    put_line(b, "subject_token_type", SV("urn:ietf:params:oauth:token-type:jwt"));
    buf_printf(b, ",\n  \"token_url\": \"https://127.0.0.1:%u/v1/token\"", http_server_port(s->tls));
}

static enum err_code write_external(const struct sim *s, const char *dir, const char *name, const char *subject,
                                    struct err *e)
{
    struct buf b = { .at = NULL };

    open_external(&b, s);
    if (!strcmp(subject, "gcp-subject-token"))
        put_impersonation(&b, s);
    buf_printf(&b, ",\n  \"credential_source\": {\"file\": \"%s/%s\"}", dir, subject);
    return write_json(dir, name, &b, e);
}

static enum err_code write_external_url(const struct sim *s, const char *dir, struct err *e)
{
    struct buf b = { .at = NULL };

    open_external(&b, s);
    put_impersonation(&b, s);
    buf_printf(&b,
               ",\n  \"service_account_impersonation\": {\"token_lifetime_seconds\": 2800},\n  \"credential_source\": {"
               "\"url\": \"http://127.0.0.1:%u/gcp/subject-token\", \"headers\": {\"Metadata\": \"True\"},\n"
               "    \"format\": {\"type\": \"json\", \"subject_token_field_name\": \"access_token\"}}",
               http_server_port(s->control));
    return write_json(dir, "gcp-external-url.json", &b, e);
}

static enum err_code write_external_aws(const struct sim *s, const char *dir, struct err *e)
{
    unsigned control = http_server_port(s->control);
    struct buf b = { .at = NULL };

    buf_put(&b, SV("{\n  \"type\": \"external_account\""));
    put_line(&b, "audience", gcp_of(s)->access->aws_audience);
    put_line(&b, "subject_token_type", SV("urn:ietf:params:aws:token-type:aws4_request"));
    buf_printf(&b, ",\n  \"token_url\": \"https://127.0.0.1:%u/v1/token\"", http_server_port(s->tls));
    put_impersonation(&b, s);
    buf_printf(&b,
               ",\n  \"credential_source\": {\"environment_id\": \"aws1\",\n"
               "    \"region_url\": \"http://127.0.0.1:%u/gcp/aws/zone\",\n"
               "    \"url\": \"http://127.0.0.1:%u/gcp/aws/credentials\",\n"
               "    \"imdsv2_session_token_url\": \"http://127.0.0.1:%u/gcp/aws/token\",\n"
               "    \"regional_cred_verification_url\": "
               "\"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15\"}",
               control, control, control);
    return write_json(dir, "gcp-external-aws.json", &b, e);
}

static enum err_code write_subject(const struct sim *s, const char *dir, const char *name, enum gcp_who who,
                                   struct err *e)
{
    enum err_code code;
    struct arena a;

    arena_init(&a, 0);
    code = file_write(dir, name, 0600, gcp_subject_token(s, &a, who, clock_now()), e);
    arena_done(&a);
    return code;
}

enum err_code gcp_secrets_renew(const struct sim *s, struct err *e)
{
    enum err_code code = write_subject(s, s->options.dir, "gcp-subject-token", GCP_SUBJECT, e);

    return code ? code : write_subject(s, s->options.dir, "gcp-subject-token-direct", GCP_DIRECT, e);
}

enum err_code gcp_secrets_write(const struct sim *s, const char *dir, struct err *e)
{
    enum err_code code = write_key(s, dir, e);

    if (!code)
        code = write_person(s, dir, e);
    if (!code)
        code = write_impersonated(s, dir, e);
    if (!code)
        code = write_external(s, dir, "gcp-external-file.json", "gcp-subject-token", e);
    if (!code)
        code = write_external(s, dir, "gcp-external-direct.json", "gcp-subject-token-direct", e);
    if (!code)
        code = write_external_url(s, dir, e);
    if (!code)
        code = write_external_aws(s, dir, e);
    return code ? code : gcp_secrets_renew(s, e);
}

void gcp_config_write(const struct sim *s, struct buf *b, const char *dir)
{
    unsigned tls = http_server_port(s->tls), control = http_server_port(s->control);

    buf_printf(b,
               "gcp:\n  id: gcp\n  credentials_file: %s/gcp-key.json\n"
               "  # others: gcp-user.json gcp-impersonated.json gcp-external-{file,url,aws}.json\n"
               "  discover:\n    folder: \"%.*s\"\n",
               dir, SV_ARG(gcp_of(s)->world.folders[0].id));
    buf_printf(b,
               "  endpoints:\n    url: \"https://127.0.0.1:%u\"\n    metadata: \"http://127.0.0.1:%u\"\n"
               "    ca_file: %s/ca.pem\n    allow_plain: false\n",
               tls, control, dir);
}
