/* What tests of Google's access side share: signed claims, forms, what an error says. */
#ifndef CLOUDSIM_TEST_GCP_ACCESS_CLIENT_H
#define CLOUDSIM_TEST_GCP_ACCESS_CLIENT_H

#include <stdatomic.h>

#include "tests/cloudsim/gcp/gcp_api.h"
#include "tests/cloudsim/test/client.h"

#define AUTH      "https://www.googleapis.com/auth/"
#define PLATFORM  "https://www.googleapis.com/auth/cloud-platform"
#define TOKEN_URL "https://oauth2.googleapis.com/token"

static const struct gcp_access *g;

static inline void start_gcp(void)
{
    start_sim((struct sim_options){ .seed = 7, .clouds = CLOUD_GCP, .calls_per_minute = 60, .history_ms = 3600000 });
    g = gcp_of(&sim)->access;
}

static inline const struct gcp_project *project(unsigned i)
{
    return &gcp_of(&sim)->world.projects[i];
}

/* Claims of the service account; zero members take what is right, "" in `sub` the account itself. */
struct claims {
    const char *iss, *sub, *aud, *scope;
    int64_t early_s, life_s;
    const struct gcp_key *key;
};

static inline sv assertion(struct claims c)
{
    long long iat = (long long)(clock_now() / NANO_PER_S - c.early_s);
    const char *email = arena_copy(&arena, g->who[GCP_ACCOUNT].name).at;
    struct buf b = { .at = NULL };
    sv out;

    buf_putc(&b, '{');
    put_member(&b, "iss", sv_of(c.iss ? c.iss : email));
    buf_printf(&b, ",\"iat\":%lld,\"exp\":%lld", iat, iat + (c.life_s ? c.life_s : 3600));
    if (c.sub) {
        buf_putc(&b, ',');
        put_member(&b, "sub", sv_of(*c.sub ? c.sub : email));
    }
    if (c.aud) {
        buf_putc(&b, ',');
        put_member(&b, "aud", sv_of(c.aud));
    }
    if (c.scope) {
        buf_putc(&b, ',');
        put_member(&b, "scope", sv_of(c.scope));
    }
    buf_putc(&b, '}');
    out = gcp_jwt_sign(&arena, c.key ? c.key : &g->key, buf_sv(&b));
    buf_done(&b);
    must(out.len > 0, "no signature");
    return out;
}

/* A bearer token that opens everything. */
static inline sv bearer(void)
{
    return assertion((struct claims){ .sub = "", .scope = AUTH "cloud-platform" });
}

static inline sv token_in(const char *member)
{
    return arena_copy(&arena, json_sv(json_get(parsed(), sv_of(member))));
}

/* A form of name and value, name and value, NULL. */
static inline int post_form(const char *path, sv basic, const char *const *pairs)
{
    sv url = arena_printf(&arena, "%.*s%s", SV_ARG(tls_origin()), path);
    struct http_request q = { .method = "POST", .url = url, .body_limit_bytes = 1 << 20 };
    struct buf b = { .at = NULL };
    struct err e;
    int status;

    for (; pairs[0]; pairs += 2) {
        buf_printf(&b, "%s%s=", b.len ? "&" : "", pairs[0]);
        http_escape(&b, sv_of(pairs[1]));
    }
    q.body = buf_sv(&b);
    http_request_header(&q, SV("Content-Type"), SV("application/x-www-form-urlencoded"));
    if (basic.len)
        http_request_header(&q, SV("Authorization"), basic);
    status = http_do(client, &q, &answer, &e) ? 0 : answer.status;
    buf_done(&b);
    return status;
}
#define POST_FORM(path, ...) post_form(path, SV_NONE, (const char *const[]){ __VA_ARGS__, NULL })

static inline bool oauth_said(const char *error, const char *text)
{
    return sv_eq(json_sv(json_get(parsed(), SV("error"))), sv_of(error)) &&
           sv_has(json_sv(json_get(parsed(), SV("error_description"))), sv_of(text));
}

/* What the first ErrorInfo of the answer says. */
static inline sv reason(void)
{
    json details = json_path(parsed(), "error/details"), one;

    for (struct json_iter it = json_items(details); json_item(&it, &one);)
        if (json_get(one, SV("reason")).tape)
            return json_sv(json_get(one, SV("reason")));
    return SV_NONE;
}

static inline sv status_name(void)
{
    return json_sv(json_path(parsed(), "error/status"));
}

static inline bool refused(int status, int want, const char *name, const char *why)
{
    return status == want && sv_eq(status_name(), sv_of(name)) && sv_eq(reason(), sv_of(why));
}

#endif
