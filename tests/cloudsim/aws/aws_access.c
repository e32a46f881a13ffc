/*
 * Who calls AWS, and whether it may: the signature is computed again from the bytes that came, and each way to be wrong
 * is answered as AWS answers it. Order as there: header, date, key, token, signature, session, permission, quota.
 */
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/cloudsim/aws/aws_api.h"
#include "tests/cloudsim/sigv4.h"

enum { SKEW_S = 900 };

#define TOKEN_INVALID "The security token included in the request is invalid."

/* The identity behind an access key. */
struct identity {
    const struct aws_account *account;
    sv secret, arn;
    bool temporary, expired;
};

/* "20260920T141400Z" */
static bool amz_time(sv text, int64_t *out)
{
    char iso[21];

    if (text.len != 16 || text.at[8] != 'T' || text.at[15] != 'Z')
        return false;
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text.at, text.at + 4, text.at + 6, text.at + 9,
             text.at + 11, text.at + 13);
    return sv_to_time(sv_of(iso), out);
}

static sv amz_text(struct arena *a, int64_t at)
{
    struct buf b = { .at = NULL };
    sv out;

    buf_time(&b, at, 0);
    out = b.failed ? SV_NONE
                   : arena_printf(a, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", b.at, b.at + 5, b.at + 8, b.at + 11, b.at + 14,
                                  b.at + 17);
    buf_done(&b);
    return out;
}

static sv session_token(const struct exchange *x)
{
    return http_server_header(x->q, "X-Amz-Security-Token");
}

/* The account of an access key, as far as can be told without its secret. */
static bool find_identity(struct exchange *x, sv key_id, struct identity *out)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    struct aws_session s = { .issued = 0 };
    struct aws_keys keys;

    *out = (struct identity){ .account = NULL };
    if (sv_eq(key_id, w->access_key_id)) {
        out->account = &w->accounts[0];
        out->secret = w->secret_access_key;
        out->arn = arena_printf(&x->arena, "arn:aws:iam::%.*s:user/" AWS_COLLECTOR_USER, SV_ARG(out->account->id));
        return session_token(x).len == 0;
    }
    if (!aws_session_read(x, session_token(x), &s, &keys) || !sv_eq(keys.key_id, key_id))
        return false;
    out->account = aws_account_find(w, s.account);
    out->secret = keys.secret;
    out->temporary = true;
    out->expired = x->now >= s.expires || s.issued < atomic_load(&x->sim->tokens_valid_from);
    out->arn = arena_printf(&x->arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", SV_ARG(s.account), SV_ARG(s.role),
                            SV_ARG(s.name));
    return out->account != NULL;
}

void aws_identify(struct exchange *x)
{
    struct aws_request *own = aws_request(x);
    struct sigv4_auth auth;
    struct identity who;

    /* A metric is what costs, and none has been read yet. */
    x->units = x->row->handle == aws_get_metric_data ? 0 : 1;
    if (sigv4_auth_read(http_server_header(x->q, "Authorization"), &auth)) {
        own->region = x->place.region = auth.region;
        own->service = auth.service;
        if (find_identity(x, auth.key_id, &who)) {
            own->account = who.account;
            x->account = (int)who.account->index;
            x->place.account = who.account->id;
            x->principal = who.arn;
            own->chained = who.temporary;
        }
    }
    /* What is done to a role happens in its account. */
    if (own->protocol == AWS_QUERY && form_of(x, "RoleArn").len) {
        sv arn = form_of(x, "RoleArn");

        for (unsigned i = 0; i < 4; i++)
            sv_cut(&arn, ':');
        x->place.account = sv_cut(&arn, ':');
    }
}

static bool signed_header(sv list, const char *name)
{
    while (list.len)
        if (sv_eq(sv_cut(&list, ';'), sv_of(name)))
            return true;
    return false;
}

/* Present and not signed: the request could have been changed on its way. */
static bool needed_headers_signed(struct exchange *x, const struct sigv4_auth *auth)
{
    static const char *const needed[] = { "host", "x-amz-date", "x-amz-target", "x-amz-security-token",
                                          "x-amz-content-sha256" };

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!http_server_header(x->q, needed[i]).len || signed_header(auth->signed_headers, needed[i]))
            continue;
        if (i == 0)
            aws_fail(x, AWS_FAIL_SIGNATURE, 0,
                     "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
        else
            aws_fail(x, AWS_FAIL_SIGNATURE, 0, "'%s' was sent but is not a 'SignedHeader' in the AWS Authorization.",
                     needed[i]);
        return false;
    }
    return true;
}

static bool header_whole(struct exchange *x, sv authorization, struct sigv4_auth *auth, sv *date)
{
    if (!authorization.len) {
        aws_fail(x, AWS_FAIL_NO_TOKEN, 0,
                 aws_request(x)->protocol == AWS_QUERY ? "Request is missing Authentication Token"
                                                       : "Missing Authentication Token");
        return false;
    }
    if (!sigv4_auth_read(authorization, auth)) {
        aws_fail(x, AWS_FAIL_INCOMPLETE, 0,
                 "Authorization header requires 'Credential' parameter. "
                 "Authorization header requires 'Signature' parameter.");
        return false;
    }
    if (auth->missing) {
        aws_fail(x, AWS_FAIL_INCOMPLETE, 0,
                 "Authorization header requires '%s' parameter. Authorization=AWS4-HMAC-SHA256", auth->missing);
        return false;
    }
    *date = http_server_header(x->q, "X-Amz-Date");
    if (date->len)
        return true;
    aws_fail(x, AWS_FAIL_INCOMPLETE, 0,
             "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    return false;
}

/* The scope: today's date, a region that is there, the service that is called. */
static bool scope_good(struct exchange *x, const struct sigv4_auth *auth, sv date)
{
    const struct aws_row *row = aws_row_of(x);
    bool region = row->global ? sv_eq(auth->region, SV("us-east-1")) : aws_region_answers(auth->region);

    if (!sv_eq(auth->terminator, SV("aws4_request")))
        aws_fail(x, AWS_FAIL_SIGNATURE, 0,
                 "Credential should be scoped with a valid terminator: 'aws4_request', not '%.*s'.",
                 SV_ARG(auth->terminator));
    else if (!sv_eq(auth->date, sv_first(date, 8)))
        aws_fail(x, AWS_FAIL_SIGNATURE, 0,
                 "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%.*s' != "
                 "'%.*s', from '%.*s'.",
                 SV_ARG(auth->date), SV_ARG(sv_first(date, 8)), SV_ARG(date));
    else if (!sv_eq(auth->service, sv_of(row->service)))
        aws_fail(x, AWS_FAIL_SIGNATURE, 0, "Credential should be scoped to correct service: '%s'. ", row->service);
    else if (!region)
        aws_fail(x, AWS_FAIL_SIGNATURE, 0, "Credential should be scoped to a valid region. ");
    else
        return true;
    return false;
}

static bool in_time(struct exchange *x, sv date)
{
    int64_t now = x->now + x->skew_ns, at;
    struct arena *a = &x->arena;

    if (!amz_time(date, &at)) {
        aws_fail(x, AWS_FAIL_INCOMPLETE, 0, "Date must be in ISO-8601 'basic format'. Got '%.*s'.", SV_ARG(date));
        return false;
    }
    if (at < now - SKEW_S * NANO_PER_S)
        aws_fail(x, AWS_FAIL_SIGNATURE, 0, "Signature expired: %.*s is now earlier than %.*s (%.*s - 15 min.)",
                 SV_ARG(date), SV_ARG(amz_text(a, now - SKEW_S * NANO_PER_S)), SV_ARG(amz_text(a, now)));
    else if (at > now + SKEW_S * NANO_PER_S)
        aws_fail(x, AWS_FAIL_SIGNATURE, 0, "Signature not yet current: %.*s is still later than %.*s (%.*s + 15 min.)",
                 SV_ARG(date), SV_ARG(amz_text(a, now + SKEW_S * NANO_PER_S)), SV_ARG(amz_text(a, now)));
    else
        return true;
    return false;
}

static size_t collect_headers(struct exchange *x, sv names, struct sigv4_header *out)
{
    size_t n = 0;

    while (names.len && n < SIGV4_HEADERS_MAX) {
        sv name = sv_cut(&names, ';'), value = http_server_header(x->q, arena_copy(&x->arena, name).at);

        if (value.len)
            out[n++] = (struct sigv4_header){ name, value };
    }
    return n;
}

static bool signature_good(struct exchange *x, const struct sigv4_auth *auth, sv date, sv secret)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    struct arena *a = &x->arena;
    struct sigv4_request q = { .method = x->q->method,
                               .target = http_server_raw_target(x->q),
                               .payload = sigv4_sha256_hex(a, x->q->body),
                               .headers = headers,
                               .n_headers = collect_headers(x, auth->signed_headers, headers) };
    sv absent = SV_NONE, canonical = sigv4_canonical_request(a, &q, auth->signed_headers, &absent), want;

    if (absent.len) {
        aws_fail(x, AWS_FAIL_INCOMPLETE, 0,
                 "'%.*s' is named as a SignedHeader, but it does not exist in the HTTP request", SV_ARG(absent));
        return false;
    }
    want = sigv4_signature(a, secret, auth->date, auth->region, auth->service,
                           sigv4_string_to_sign(a, date, auth->scope, canonical));
    if (secret_is(auth->signature, want))
        return true;
    aws_fail(x, AWS_FAIL_SIGNATURE, 0,
             "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
             "Access Key and signing method. Consult the service documentation for details.");
    return false;
}

static bool verify(struct exchange *x)
{
    struct sigv4_auth auth;
    struct identity who;
    sv date;

    if (!header_whole(x, http_server_header(x->q, "Authorization"), &auth, &date) || !scope_good(x, &auth, date) ||
        !in_time(x, date))
        return false;
    if (!find_identity(x, auth.key_id, &who) || aws_region_disabled(auth.region)) {
        aws_fail(x, AWS_FAIL_UNKNOWN_KEY, 0, TOKEN_INVALID);
        return false;
    }
    if (!needed_headers_signed(x, &auth) || !signature_good(x, &auth, date, who.secret))
        return false;
    if (!who.expired)
        return true;
    aws_fail(x, AWS_FAIL_EXPIRED, 0, "The security token included in the request is expired");
    return false;
}

static bool permitted(struct exchange *x)
{
    const struct aws_row *row = aws_row_of(x);

    if (row->right != AWS_DELEGATED || aws_request(x)->account == &aws_of(x->sim)->world.accounts[0])
        return true;
    aws_refuse(x, "AccessDeniedException", "You don't have permissions to access this resource.");
    return false;
}

/* FilterLogEvents is served at three paces (aws.md 2.8). */
static const struct quota *quota_of(const struct exchange *x)
{
    if (x->row->quota != &aws_quota_log_events)
        return x->row->quota;
    if (sv_eq(aws_request(x)->region, SV("us-east-1")))
        return &aws_quota_log_events_most;
    return sv_eq(aws_request(x)->region, SV("eu-central-1")) ? &aws_quota_log_events_least : &aws_quota_log_events;
}

static bool quota_left(struct exchange *x)
{
    sv name =
        arena_printf(&x->arena, "%.*s/%.*s/%s", SV_ARG(x->place.account), SV_ARG(aws_request(x)->region), x->row->name);
    unsigned left, wait;

    if (quotas_take(x->sim->quotas, quota_of(x), name, x->now, &left, &wait))
        return true;
    reply_throttled(x, wait);
    return false;
}

static bool body_read(struct exchange *x)
{
    enum aws_protocol p = aws_request(x)->protocol;
    bool is_json = p == AWS_JSON_1_0 || p == AWS_JSON_1_1 || (p == AWS_REST && x->q->body.len);

    if (!is_json || exchange_json(x, &aws_request(x)->body))
        return true;
    aws_fail(x, AWS_FAIL_BODY, 0, "%s", "");
    return false;
}

bool aws_admit(struct exchange *x)
{
    if (aws_row_of(x)->right != AWS_ANYONE && !verify(x))
        return false;
    return permitted(x) && quota_left(x) && body_read(x);
}
