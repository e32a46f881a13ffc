/*
 * Google's token endpoints, iamcredentials, a metadata server and a workload's own source of subject tokens on loopback,
 * with counters and switches; a source_env that reaches them; credential files of the test's own.
 */
#ifndef TESTS_GCP_GOOGLE_SERVER_H
#define TESTS_GCP_GOOGLE_SERVER_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdarg.h>
#include <time.h>

#include "collector/sources/gcp/gcp_auth.h"

#include "tests/collector/sources/auth_loop.h"

#define POOL "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"

struct google_server {
    struct http_server *http;
    struct source_env env;
    struct arena memory;
    atomic_int tokens, impersonated, metadata, subjects; /* calls */
    atomic_int failures;                                 /* the next so many answers are `status` and `body`; -1: all */
    atomic_int status;
    const char *body;
    const char *only; /* failures only for targets that have this */
    struct test_hold hold;
    atomic_int life_s;                                       /* 0: 3600 */
    atomic_int aws;                                          /* calls of AWS's metadata */
    const char *aws_role;                                    /* NULL: the-role */
    bool no_flavor;                                          /* of the metadata server */
    char seen[8192], authorization[8192], user_project[128]; /* of the last request to a token endpoint */
    char impersonation[8192], impersonation_bearer[8192];
    char metadata_seen[1024], subject_header[128];
    char base[64], folder[64], file[96], subject_file[96];
    EVP_PKEY *key;
    char pem[4096]; /* with \n as in JSON */
};

/* What a request said, for the test to look at when all are answered: several may be under way. */
static inline void __attribute__((format(printf, 3, 4))) google_note(char *to, size_t size, const char *format, ...)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    va_list ap;

    va_start(ap, format);
    pthread_mutex_lock(&one_at_a_time);
    vsnprintf(to, size, format, ap);
    pthread_mutex_unlock(&one_at_a_time);
    va_end(ap);
}

static inline bool google_fails(struct google_server *s, const struct http_server_request *q,
                                struct http_server_response *r)
{
    int left = s->failures;

    if (!left || (s->only && !sv_has(http_server_raw_target(q), sv_of(s->only))))
        return false;
    s->failures = left > 0 ? left - 1 : left;
    r->status = s->status;
    buf_put(&r->body, sv_of(s->body));
    return true;
}

static inline void on_token(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct google_server *s = ctx;
    int n = ++s->tokens;

    test_hold(&s->hold, true);
    google_note(s->seen, sizeof s->seen, "%.*s %.*s", SV_ARG(http_server_raw_target(q)), SV_ARG(q->body));
    google_note(s->authorization, sizeof s->authorization, "%.*s", SV_ARG(http_server_header(q, "authorization")));
    r->content_type = "application/json";
    if (!google_fails(s, q, r)) /* expires_in as a number and as a string, in turn */
        buf_printf(&r->body, "{\"access_token\":\"ya29.t%d\",\"expires_in\":%s%d%s,\"token_type\":\"Bearer\"}", n,
                   n % 2 ? "" : "\"", s->life_s ? s->life_s : 3600, n % 2 ? "" : "\"");
}

static inline void on_impersonate(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct google_server *s = ctx;
    int n = ++s->impersonated;

    google_note(s->impersonation, sizeof s->impersonation, "%.*s %.*s", SV_ARG(http_server_raw_target(q)),
                SV_ARG(q->body));
    google_note(s->impersonation_bearer, sizeof s->impersonation_bearer, "%.*s",
                SV_ARG(http_server_header(q, "authorization")));
    if (google_fails(s, q, r))
        return;
    buf_printf(&r->body, "{\"accessToken\":\"ya29.i%d\",\"expireTime\":\"", n);
    buf_time(&r->body, ((int64_t)time(NULL) + (s->life_s ? s->life_s : 3600)) * NANO_PER_S, 0);
    buf_put(&r->body, SV("\"}"));
}

static inline void on_metadata(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct google_server *s = ctx;
    int n = ++s->metadata;

    google_note(s->metadata_seen, sizeof s->metadata_seen, "%.*s", SV_ARG(http_server_raw_target(q)));
    if (!s->no_flavor)
        buf_put(&r->headers, SV("Metadata-Flavor: Google\n"));
    if (!sv_eq(http_server_header(q, "metadata-flavor"), SV("Google")))
        r->status = 403;
    else if (google_fails(s, q, r))
        return;
    else if (sv_ends(http_server_raw_target(q), SV("/project/project-id")))
        buf_put(&r->body, SV("meta-project"));
    else
        buf_printf(&r->body, "{\"access_token\":\"ya29.m%d\",\"expires_in\":%d,\"token_type\":\"Bearer\"}", n,
                   s->life_s ? s->life_s : 3600);
}

static inline void on_subject(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct google_server *s = ctx;
    int n = ++s->subjects;

    google_note(s->subject_header, sizeof s->subject_header, "%.*s", SV_ARG(http_server_header(q, "x-proof")));
    if (google_fails(s, q, r))
        return;
    if (sv_has(http_server_raw_target(q), SV("json")))
        buf_printf(&r->body, "{\"id_token\":\"jwt-%d\"}", n);
    else
        buf_printf(&r->body, "jwt-%d\n", n);
}

/* An EC2 instance's metadata, second version. */
static inline void on_aws(void *ctx, const struct http_server_request *q, struct http_server_response *r)
{
    struct google_server *s = ctx;
    sv target = http_server_raw_target(q);

    s->aws++;
    if (google_fails(s, q, r))
        return;
    if (sv_eq(q->method, SV("PUT")))
        buf_put(&r->body, sv_eq(http_server_header(q, "x-aws-ec2-metadata-token-ttl-seconds"), SV("300"))
                              ? SV("session-1")
                              : SV("no ttl"));
    else if (!sv_eq(http_server_header(q, "x-aws-ec2-metadata-token"), SV("session-1")))
        r->status = 401;
    else if (sv_ends(target, SV("/availability-zone")))
        buf_put(&r->body, SV("eu-west-1b"));
    else if (sv_ends(target, SV("/security-credentials")))
        buf_put(&r->body, sv_of(s->aws_role ? s->aws_role : "the-role\n"));
    else if (sv_ends(target, SV("/security-credentials/the-role")))
        buf_put(&r->body, SV("{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s3cr3t\",\"Token\":\"t0ken\"}"));
    else
        r->status = 404;
}

static const struct http_route google_routes[] = {
    { .method = "POST", .path = "/token", .body_limit_bytes = 65536, .handle = on_token },
    { .method = "POST", .path = "/v1/token", .body_limit_bytes = 65536, .handle = on_token },
    { .method = "POST", .path = "/v1/oauthtoken", .body_limit_bytes = 65536, .handle = on_token },
    { .method = "POST", .path = "/v1/projects/*", .body_limit_bytes = 65536, .handle = on_impersonate },
    { .method = "GET", .path = "/computeMetadata/v1/*", .handle = on_metadata },
    { .method = "GET", .path = "/subject/*", .handle = on_subject },
    { .method = "PUT", .path = "/latest/api/token", .body_limit_bytes = 64, .handle = on_aws },
    { .method = "GET", .path = "/latest/meta-data/*", .handle = on_aws },
    { 0 },
};

/* The PEM with each line end as the two characters that JSON has for it. */
static inline bool google_pem(EVP_PKEY *key, char *out, size_t size)
{
    BIO *b = BIO_new(BIO_s_mem());
    bool good = b && key && PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1;
    size_t n = 0;
    char c;

    while (good && BIO_read(b, &c, 1) == 1 && n + 3 < size) {
        if (c == '\n')
            out[n++] = '\\';
        out[n++] = c == '\n' ? 'n' : c;
    }
    out[n] = '\0';
    BIO_free(b);
    return good;
}

static inline bool google_start(struct google_server *s)
{
    static EVP_PKEY *key; /* made once a program: it takes a while */

    *s = (struct google_server){ .body = "" };
    if (!key)
        key = EVP_RSA_gen(2048);
    s->key = key;
    s->http = loop_server(google_routes, s, false);
    snprintf(s->folder, sizeof s->folder, "/tmp/trefoil-gcp-XXXXXX");
    if (!s->http || !google_pem(key, s->pem, sizeof s->pem) || !mkdtemp(s->folder))
        return false;
    snprintf(s->base, sizeof s->base, "http://127.0.0.1:%u", http_server_port(s->http));
    snprintf(s->file, sizeof s->file, "%s/credentials.json", s->folder);
    snprintf(s->subject_file, sizeof s->subject_file, "%s/subject", s->folder);
    arena_init(&s->memory, 0);
    return test_env_start(&s->env, SV("gcp-test"));
}

static inline void google_stop(struct google_server *s)
{
    http_server_stop(s->http);
    test_env_stop(&s->env);
    arena_done(&s->memory);
    unlink(s->file);
    unlink(s->subject_file);
    rmdir(s->folder);
}

/* base64url without padding; how many bytes. `out` has room for them. */
static inline size_t google_decode64(sv text, unsigned char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned v = 0, bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *p = memchr(digits, text.at[i], 64);

        if (!p)
            return 0;
        v = v << 6 | (unsigned)(p - digits);
        bits += 6;
        if (bits >= 8)
            out[n++] = (unsigned char)(v >> (bits -= 8));
    }
    return n;
}

/* ---- Credential files; Google's own URLs lead to the server, by endpoint_url ---- */

static inline bool google_write(struct google_server *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool google_write(struct google_server *s, const char *format, ...)
{
    FILE *f = fopen(s->file, "w");
    va_list args;
    bool good;

    va_start(args, format);
    good = f && vfprintf(f, format, args) > 0;
    va_end(args);
    return f && fclose(f) == 0 && good;
}

static inline bool google_write_key(struct google_server *s)
{
    return google_write(s,
                        "{\"type\":\"service_account\",\"project_id\":\"key-project\",\"private_key_id\":\"kid-1\","
                        "\"private_key\":\"%s\",\"client_email\":\"reader@key-project.iam.gserviceaccount.com\","
                        "\"client_id\":\"1\",\"token_uri\":\"https://oauth2.googleapis.com/token\"}",
                        s->pem);
}

#define GOOGLE_USER                                                                                                    \
    "{\"type\":\"authorized_user\",\"client_id\":\"the-client\",\"client_secret\":\"s3cr3t&\","                        \
    "\"refresh_token\":\"1//r3fresh\",\"quota_project_id\":\"quota-1\"}"

static inline struct gcp_auth_config google_config(const struct google_server *s)
{
    return (struct gcp_auth_config){
        .credentials_file = s->file, .endpoint_url = s->base, .metadata_url = s->base, .environment = test_getenv
    };
}

static inline struct gcp_auth *google_auth(struct google_server *s, struct err *e)
{
    struct gcp_auth_config c = google_config(s);

    *e = (struct err){ 0 };
    return gcp_auth_new(&c, &s->env, e);
}

/* struct want's ask. */
static inline enum err_code google_ask(void *from, sv name, struct arena *memory, sv *got, struct err *e)
{
    (void)name;
    return gcp_auth_token(from, memory, got, e);
}

#endif
