/*
 * Workload identity federation (gcp.md 4.4): the pool's provider signs who a workload is, STS gives a federated token
 * for it, and iamcredentials lets certain identities take a service account's place for at most an hour.
 */
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_api.h"

enum { DELEGATES_MAX = 4 };

#define TOKEN_TYPE "urn:ietf:params:oauth:token-type:"
#define AWS_TYPE   "urn:ietf:params:aws:token-type:aws4_request"

static bool request_good(struct exchange *x)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    sv type = form_of(x, "subject_token_type"), audience = form_of(x, "audience");
    bool aws = sv_eq(type, SV(AWS_TYPE));

    if (!sv_eq(form_of(x, "grant_type"), SV("urn:ietf:params:oauth:grant-type:token-exchange")))
        gcp_oauth_refuse(x, 400, "unsupported_grant_type", "Invalid grant_type.");
    else if (!sv_eq(form_of(x, "requested_token_type"), SV(TOKEN_TYPE "access_token")))
        gcp_oauth_refuse(x, 400, "invalid_request", "Invalid requested_token_type.");
    else if (!form_of(x, "subject_token").len)
        gcp_oauth_refuse(x, 400, "invalid_request", "Missing required parameter: subject_token");
    else if (!aws && !sv_eq(type, SV(TOKEN_TYPE "jwt")) && !sv_eq(type, SV(TOKEN_TYPE "id_token")))
        gcp_oauth_refuse(x, 400, "invalid_request", "Invalid subject_token_type: %.*s", SV_ARG(sv_first(type, 80)));
    else if (!sv_eq(audience, aws ? g->aws_audience : g->audience))
        gcp_oauth_refuse(x, 400, "invalid_target",
                         "The target service indicated by the \"audience\" parameters is invalid. This might either be "
                         "because the pool or provider is disabled or deleted or because it doesn't exist.");
    else
        return true;
    return false;
}

/* Basic authentication is of workforce pools; if it is sent, it has to be right. */
static bool client_good(struct exchange *x)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    sv header = http_server_header(x->q, "Authorization");
    sv want = arena_printf(&x->arena, "%.*s:%.*s", SV_ARG(g->client_id), SV_ARG(g->client_secret));

    if (!header.len ||
        (sv_starts_nocase(header, SV("Basic ")) && secret_is(base64_bytes(&x->arena, sv_skip(header, 6)), want)))
        return true;
    gcp_oauth_refuse(x, 401, "invalid_client", "The OAuth client was not found.");
    return false;
}

/* {"userProject":"..."}, quoted once more by some libraries. */
static bool options_good(struct exchange *x)
{
    sv text = form_of(x, "options");
    struct json_parser *p;
    json v = { .tape = NULL };
    bool ok;

    if (!text.len)
        return true;
    if (text.at[0] == '%')
        text = exchange_decode(x, text);
    p = json_parser_new(0);
    ok = p && json_parse(p, text, &v, NULL) == ERR_OK && json_type(v) == JSON_OBJECT;
    json_parser_free(p);
    if (!ok)
        gcp_oauth_refuse(x, 400, "invalid_request", "Invalid options: it is not a JSON object.");
    return ok;
}

static bool subject_good(struct exchange *x, enum gcp_who *who)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    int64_t now_s = x->now / NANO_PER_S;
    struct gcp_jwt t;
    sv aud;

    if (sv_eq(form_of(x, "subject_token_type"), SV(AWS_TYPE))) {
        *who = GCP_AWS_ROLE;
        return gcp_aws_subject_good(x, form_of(x, "subject_token"));
    }
    if (!gcp_jwt_read(&x->arena, form_of(x, "subject_token"), &t)) {
        gcp_oauth_refuse(x, 400, "invalid_request", "Invalid JWT: it could not be parsed.");
        return false;
    }
    aud = sv_starts(t.aud, SV("https:")) ? sv_skip(t.aud, 6) : t.aud;
    *who = sv_eq(t.sub, g->who[GCP_DIRECT].subject) ? GCP_DIRECT : GCP_SUBJECT;
    if (!sv_eq(t.iss, g->issuer))
        gcp_oauth_refuse(x, 400, "invalid_grant", "The issuer in ID Token %.*s does not match the expected ones.",
                         SV_ARG(sv_first(t.iss, 80)));
    else if (!gcp_jwt_signed_by(&t, &g->provider_key))
        gcp_oauth_refuse(x, 400, "invalid_grant",
                         "Error connecting to the given credential's issuer: the signature "
                         "could not be verified.");
    else if (!sv_eq(aud, g->audience))
        gcp_oauth_refuse(x, 400, "invalid_grant",
                         "The audience in ID Token [%.*s] does not match the expected audience.",
                         SV_ARG(sv_first(t.aud, 200)));
    else if (t.exp <= now_s || t.iat > now_s + GCP_SKEW_S)
        gcp_oauth_refuse(x, 400, "invalid_grant", "ID Token issued at %lld is stale to sign-in.", (long long)t.iat);
    else if (!sv_eq(t.sub, g->who[*who].subject))
        gcp_oauth_refuse(x, 400, "unauthorized_client", "The given credential is rejected by the attribute condition.");
    else
        return true;
    return false;
}

void gcp_sts_token(struct exchange *x)
{
    struct gcp_grant grant = { .issued = x->now, .expires = x->now + GCP_TOKEN_LIFE_S * NANO_PER_S };
    struct buf *b;

    if (!client_good(x) || !request_good(x) || !options_good(x) || !subject_good(x, &grant.who))
        return;
    if (!gcp_scopes_read(form_of(x, "scope"), &grant.scopes) || !grant.scopes) {
        gcp_oauth_refuse(x, 400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
        return;
    }
    b = reply_json(x, 200);
    buf_putc(b, '{');
    put_member(b, "access_token", gcp_token_make(x->sim, &x->arena, &grant));
    buf_printf(b, ",\"issued_token_type\":\"" TOKEN_TYPE "access_token\",\"token_type\":\"Bearer\",\"expires_in\":%d}",
               GCP_TOKEN_LIFE_S);
}

/* A token of the pool's provider, as a workload's own metadata service hands it out: text, or JSON for those who ask. */
void gcp_provider_token(struct exchange *x)
{
    sv token = gcp_subject_token(x->sim, &x->arena, GCP_SUBJECT, x->now);
    struct buf *b = &x->r->body;

    if (!sv_eq_nocase(http_server_header(x->q, "Metadata"), SV("true"))) {
        gcp_oauth_refuse(x, 400, "invalid_request", "Required metadata header not specified");
        return;
    }
    x->r->status = 200;
    if (sv_eq(query_of(x, "format"), SV("text"))) {
        x->r->content_type = "text/plain";
        buf_put(b, token);
        return;
    }
    b = reply_json(x, 200);
    buf_putc(b, '{');
    put_member(b, "access_token", token);
    buf_put(b, SV(",\"token_type\":\"Bearer\",\"expires_in\":\"3600\"}"));
}

/* ---- impersonation ---- */

static int find_account(const struct gcp_access *g, sv email)
{
    for (int i = 0; i < GCP_WHOS; i++)
        if (sv_ends(g->who[i].name, SV(".iam.gserviceaccount.com")) && sv_eq(g->who[i].name, email))
            return i;
    return -1;
}

static bool may_become(struct exchange *x, enum gcp_who *who, sv email)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    int next = find_account(g, email);

    if (next >= 0 && g->who[*who].impersonates >> next & 1) {
        *who = (enum gcp_who)next;
        return true;
    }
    gcp_refuse_info(x, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "iam.googleapis.com",
                    SV("\"permission\":\"iam.serviceAccounts.getAccessToken\""),
                    "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).");
    return false;
}

/* "3600s" */
static bool read_lifetime(struct exchange *x, int64_t *out_s)
{
    sv text = json_sv(json_get(gcp_request_of(x)->body, SV("lifetime")));
    double seconds = GCP_TOKEN_LIFE_S;

    if (text.len && (!sv_ends(text, SV("s")) || !sv_to_f64(sv_first(text, text.len - 1), &seconds)))
        seconds = -1;
    if (seconds > 0 && seconds <= GCP_TOKEN_LIFE_S) {
        *out_s = (int64_t)seconds;
        return true;
    }
    if (seconds < 0)
        gcp_refuse(x, "INVALID_ARGUMENT", "lifetime",
                   "Invalid value at 'lifetime' (type.googleapis.com/google.protobuf.Duration)");
    else
        gcp_refuse(x, "INVALID_ARGUMENT", NULL,
                   "The token lifetime cannot exceed 1 hour (3600 seconds) unless an organization policy allows it.");
    return false;
}

static bool read_scopes(struct exchange *x, unsigned *out)
{
    unsigned bits;
    json v;

    *out = 0;
    for (struct json_iter it = json_items(json_get(gcp_request_of(x)->body, SV("scope"))); json_item(&it, &v);) {
        if (!gcp_scopes_read(json_sv(v), &bits)) {
            gcp_refuse(x, "INVALID_ARGUMENT", NULL, "Invalid OAuth scope or ID token audience provided.");
            return false;
        }
        *out |= bits;
    }
    if (!*out)
        gcp_refuse(x, "INVALID_ARGUMENT", NULL, "Request must specify at least one scope.");
    return *out != 0;
}

static bool follow_delegates(struct exchange *x, enum gcp_who *who)
{
    unsigned n = 0;
    json v;

    for (struct json_iter it = json_items(json_get(gcp_request_of(x)->body, SV("delegates"))); json_item(&it, &v);) {
        sv name = json_sv(v);

        if (n++ >= DELEGATES_MAX || !sv_starts(name, SV("projects/-/serviceAccounts/"))) {
            gcp_refuse(x, "INVALID_ARGUMENT", "delegates", "Invalid delegate: want projects/-/serviceAccounts/EMAIL");
            return false;
        }
        if (!may_become(x, who, sv_skip(name, strlen("projects/-/serviceAccounts/"))))
            return false;
    }
    return true;
}

void gcp_generate_token(struct exchange *x)
{
    struct gcp_grant grant = { .who = gcp_request_of(x)->who, .issued = x->now };
    struct buf *b;
    int64_t life_s;

    if (!sv_eq(x->captures[0], SV("-"))) {
        gcp_refuse(x, "INVALID_ARGUMENT", NULL, "The project of the service account must be '-'.");
        return;
    }
    if (!read_scopes(x, &grant.scopes) || !read_lifetime(x, &life_s) || !follow_delegates(x, &grant.who) ||
        !may_become(x, &grant.who, x->captures[1]))
        return;
    grant.expires = grant.issued + life_s * NANO_PER_S;
    b = reply_json(x, 200);
    buf_putc(b, '{');
    put_member(b, "accessToken", gcp_token_make(x->sim, &x->arena, &grant));
    buf_put(b, SV(",\"expireTime\":\""));
    buf_time(b, grant.expires, 0);
    buf_put(b, SV("\"}"));
}
