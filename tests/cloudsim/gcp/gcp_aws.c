/*
 * A workload on AWS that proves to Google who it is (gcp.md 4.5): a metadata service of an instance on the plain port,
 * whose keys sign a request to AWS's STS, and the proof as Google takes it, a description of that request. Google would
 * send it to AWS and believe the answer; here it is verified at once.
 */
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_api.h"
#include "tests/cloudsim/sigv4.h"

enum { SKEW_S = 900, KEYS_LIFE_S = 6 * 3600 };

#define ROLE    "trefoil-ec2"
#define SESSION "AQAEAsimulated-session"
#define QUERY   "Action=GetCallerIdentity&Version=2011-06-15"

/* ---- the instance ---- */

static struct buf *plain(struct exchange *x, const char *type)
{
    x->r->status = 200;
    x->r->content_type = type;
    return &x->r->body;
}

static bool in_session(struct exchange *x)
{
    if (secret_is(http_server_header(x->q, "X-aws-ec2-metadata-token"), SV(SESSION)))
        return true;
    x->r->status = 401;
    x->r->content_type = "text/html";
    return false;
}

void gcp_aws_session(struct exchange *x)
{
    sv ttl = http_server_header(x->q, "X-aws-ec2-metadata-token-ttl-seconds");
    uint64_t seconds;

    if (!sv_to_u64(ttl, &seconds) || seconds < 1 || seconds > 21600) {
        x->r->status = 400;
        return;
    }
    reply_header(x, "X-aws-ec2-metadata-token-ttl-seconds", "%.*s", SV_ARG(ttl));
    buf_put(plain(x, "text/plain"), SV(SESSION));
}

/* The zone: a region and a letter. */
void gcp_aws_zone(struct exchange *x)
{
    if (in_session(x))
        buf_put(plain(x, "text/plain"), SV("eu-west-1b"));
}

void gcp_aws_roles(struct exchange *x)
{
    if (in_session(x))
        buf_put(plain(x, "text/plain"), SV(ROLE));
}

void gcp_aws_keys(struct exchange *x)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    struct buf *b;

    if (!in_session(x))
        return;
    if (!sv_eq(x->captures[0], SV(ROLE))) {
        x->r->status = 404;
        return;
    }
    b = plain(x, "text/plain");
    buf_put(b, SV("{\"Code\":\"Success\",\"LastUpdated\":\""));
    buf_time(b, x->now, 0);
    buf_put(b, SV("\",\"Type\":\"AWS-HMAC\","));
    put_member(b, "AccessKeyId", g->aws_key_id);
    buf_putc(b, ',');
    put_member(b, "SecretAccessKey", g->aws_secret);
    buf_putc(b, ',');
    put_member(b, "Token", g->aws_token);
    buf_put(b, SV(",\"Expiration\":\""));
    buf_time(b, x->now + KEYS_LIFE_S * NANO_PER_S, 0);
    buf_put(b, SV("\"}"));
}

/* ---- the proof ---- */

struct proof {
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    size_t n;
    sv url, method;
};

/* {"headers":[{"key","value"}...],"method":"POST","url":"..."}, encoded for URLs. */
static bool read_proof(struct exchange *x, sv token, struct proof *p)
{
    struct json_parser *parser = json_parser_new(0);
    json v = { .tape = NULL }, h;
    bool ok = parser && json_parse(parser, exchange_decode(x, token), &v, NULL) == ERR_OK;

    p->n = 0;
    for (struct json_iter it = json_items(json_get(v, SV("headers"))); ok && json_item(&it, &h);) {
        if (p->n == SIGV4_HEADERS_MAX)
            ok = false;
        else
            p->headers[p->n++] = (struct sigv4_header){ arena_lower(&x->arena, json_sv(json_get(h, SV("key")))),
                                                        arena_copy(&x->arena, json_sv(json_get(h, SV("value")))) };
    }
    p->url = arena_copy(&x->arena, json_sv(json_get(v, SV("url"))));
    p->method = arena_copy(&x->arena, json_sv(json_get(v, SV("method"))));
    json_parser_free(parser);
    return ok && p->n > 0;
}

static sv header_of(const struct proof *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (sv_eq(p->headers[i].name, sv_of(name)))
            return p->headers[i].value;
    return SV_NONE;
}

/* Path and query of https://sts.{region}.amazonaws.com?...; empty for any other address. */
static sv target_of(struct exchange *x, const struct proof *p, sv region)
{
    sv host = arena_printf(&x->arena, "sts.%.*s.amazonaws.com", SV_ARG(region)), rest = p->url;

    if (!sv_starts(rest, arena_printf(&x->arena, "https://%.*s", SV_ARG(host))) || !sv_eq(header_of(p, "host"), host))
        return SV_NONE;
    rest = sv_skip(rest, strlen("https://") + host.len);
    if (sv_starts(rest, SV("/")))
        rest = sv_skip(rest, 1);
    return sv_eq(rest, SV("?" QUERY)) ? SV("/?" QUERY) : SV_NONE;
}

/* "20260920T141400Z" within a quarter of an hour. */
static bool in_time(const struct exchange *x, sv date)
{
    char iso[21];
    int64_t at;

    if (date.len != 16)
        return false;
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", date.at, date.at + 4, date.at + 6, date.at + 9,
             date.at + 11, date.at + 13);
    return sv_to_time(sv_of(iso), &at) && at > x->now - SKEW_S * NANO_PER_S && at < x->now + SKEW_S * NANO_PER_S;
}

static bool has_signed(sv list, const char *name)
{
    while (list.len)
        if (sv_eq(sv_cut(&list, ';'), sv_of(name)))
            return true;
    return false;
}

/* What is wrong, in AWS's words; NULL: nothing. */
static const char *verify(struct exchange *x, const struct proof *p)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    struct arena *a = &x->arena;
    sv date = header_of(p, "x-amz-date"), canonical;
    struct sigv4_auth auth;
    struct sigv4_request q = {
        .method = p->method, .payload = sigv4_sha256_hex(a, SV_NONE), .headers = p->headers, .n_headers = p->n
    };

    if (!sigv4_auth_read(header_of(p, "authorization"), &auth) || auth.missing)
        return "IncompleteSignature";
    q.target = target_of(x, p, auth.region);
    if (!q.target.len || !sv_eq(p->method, SV("POST")) || !sv_eq(auth.service, SV("sts")))
        return "InvalidAction";
    if (!in_time(x, date) || !sv_eq(auth.date, sv_first(date, 8)))
        return "ExpiredToken";
    if (!sv_eq(auth.key_id, g->aws_key_id) || !sv_eq(header_of(p, "x-amz-security-token"), g->aws_token))
        return "InvalidClientTokenId";
    if (!has_signed(auth.signed_headers, "host") || !has_signed(auth.signed_headers, "x-amz-date") ||
        !has_signed(auth.signed_headers, "x-amz-security-token"))
        return "IncompleteSignature";
    canonical = sigv4_canonical_request(a, &q, auth.signed_headers, NULL);
    if (!canonical.len ||
        !secret_is(auth.signature, sigv4_signature(a, g->aws_secret, auth.date, auth.region, auth.service,
                                                   sigv4_string_to_sign(a, date, auth.scope, canonical))))
        return "SignatureDoesNotMatch";
    return NULL;
}

bool gcp_aws_subject_good(struct exchange *x, sv token)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    struct proof p;
    const char *wrong;
    sv target;

    if (!read_proof(x, token, &p)) {
        gcp_oauth_refuse(x, 400, "invalid_request", "Unable to parse the subject token: not a request to AWS.");
        return false;
    }
    /* Google's own library does not sign this header; one that is there must be right. */
    target = header_of(&p, "x-goog-cloud-target-resource");
    if (sv_starts(target, SV("https:")))
        target = sv_skip(target, strlen("https:"));
    if (target.len && !sv_eq(target, g->aws_audience)) {
        gcp_oauth_refuse(x, 400, "invalid_grant",
                         "The value of the header x-goog-cloud-target-resource does not match the expected audience.");
        return false;
    }
    wrong = verify(x, &p);
    if (wrong)
        gcp_oauth_refuse(x, 400, "invalid_grant", "Received invalid AWS response of type %s.", wrong);
    return !wrong;
}
