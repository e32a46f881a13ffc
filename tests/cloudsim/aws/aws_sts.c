/*
 * STS (aws.md 4.4), and the metadata services that hand out the collector's own role: IMDSv2 and the container
 * credentials of ECS and EKS Pod Identity. Trust as the design has it: the role in each member account trusts the
 * collector's account with an external id; the collector's role trusts our own token issuer.
 */
#include <stdio.h>

#include "tests/cloudsim/aws/aws_api.h"

enum {
    IMDS_TTL_MAX_S = 21600,
    INSTANCE_LIFE_S = 6 * 3600,
    ROLE_MAX_S = 43200,
    CHAIN_MAX_S = 3600,
    WEB_TOKEN_LIFE_S = 3600,
};

#define AUDIENCE      "sts.amazonaws.com"
#define SUBJECT       "system:serviceaccount:observability:trefoil"
#define IMDS_AUDIENCE "imds"

/* ---- answers ---- */

static struct buf *open_result(struct exchange *x, const char *operation)
{
    struct buf *b = aws_reply(x);

    buf_printf(b, "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <%sResult>\n", operation,
               operation);
    return b;
}

static void close_result(struct exchange *x, struct buf *b, const char *operation)
{
    buf_printf(b,
               "  </%sResult>\n  <ResponseMetadata>\n    <RequestId>%.*s</RequestId>\n  </ResponseMetadata>\n"
               "</%sResponse>\n",
               operation, SV_ARG(x->request_id), operation);
}

static void put_element(struct buf *b, const char *name, sv text)
{
    buf_printf(b, "<%s>", name);
    put_xml(b, text);
    buf_printf(b, "</%s>\n", name);
}

static void put_credentials(struct exchange *x, struct buf *b, const struct aws_session *s)
{
    struct aws_keys k = aws_session_make(x->sim, &x->arena, s);
    sv id = aws_role_id(x->sim, &x->arena, s->account, s->role);

    buf_put(b, SV("<AssumedRoleUser>\n"));
    put_element(b, "AssumedRoleId", arena_printf(&x->arena, "%.*s:%.*s", SV_ARG(id), SV_ARG(s->name)));
    put_element(b, "Arn",
                arena_printf(&x->arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", SV_ARG(s->account), SV_ARG(s->role),
                             SV_ARG(s->name)));
    buf_put(b, SV("</AssumedRoleUser>\n<Credentials>\n"));
    put_element(b, "AccessKeyId", k.key_id);
    put_element(b, "SecretAccessKey", k.secret);
    put_element(b, "SessionToken", k.token);
    buf_put(b, SV("<Expiration>"));
    buf_time(b, s->expires, 0);
    buf_put(b, SV("</Expiration>\n</Credentials>\n"));
}

/* ---- what a caller asks for ---- */

static bool only_of(sv text, const char *marks)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(marks, c)))
            return false;
    }
    return true;
}

static bool needs(struct exchange *x, const char *parameter, const char *member, size_t least, size_t most,
                  const char *marks)
{
    sv value = form_of(x, parameter);

    if (!value.len)
        aws_refuse(
            x, "ValidationError",
            "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null",
            member);
    else if (value.len < least || value.len > most || (marks && !only_of(value, marks)))
        aws_refuse(x, "ValidationError",
                   "1 validation error detected: Value '%.64s' at '%s' failed to satisfy constraint: Member must have "
                   "length from %zu to %zu and satisfy its pattern",
                   arena_copy(&x->arena, value).at, member, least, most);
    else
        return true;
    return false;
}

static bool duration_good(struct exchange *x, int64_t *out)
{
    sv text = form_of(x, "DurationSeconds");

    *out = AWS_SESSION_DEFAULT_S;
    if (text.len && (!sv_to_i64(text, out) || *out < AWS_SESSION_LEAST_S || *out > ROLE_MAX_S))
        aws_refuse(
            x, "ValidationError",
            "1 validation error detected: Value '%.*s' at 'durationSeconds' failed to satisfy constraint: Member "
            "must have value between %d and %d",
            SV_ARG(sv_first(text, 32)), AWS_SESSION_LEAST_S, ROLE_MAX_S);
    else if (aws_request(x)->chained && *out > CHAIN_MAX_S)
        aws_refuse(x, "ValidationError",
                   "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining");
    else
        return true;
    return false;
}

/* "arn:aws:iam::ACCOUNT:role/NAME" */
static bool role_of(sv arn, sv *account, sv *role)
{
    sv rest = arn;

    if (!sv_starts(arn, SV("arn:aws:iam::")))
        return false;
    rest = sv_skip(rest, 13);
    *account = sv_cut(&rest, ':');
    if (!sv_starts(rest, SV("role/")))
        return false;
    *role = sv_skip(rest, 5);
    return account->len == 12 && role->len > 0;
}

static bool parameters_good(struct exchange *x, struct aws_session *s, int64_t *seconds)
{
    if (!needs(x, "RoleArn", "roleArn", 20, 2048, NULL) ||
        !needs(x, "RoleSessionName", "roleSessionName", 2, 64, "_+=,.@-") || !duration_good(x, seconds))
        return false;
    s->name = form_of(x, "RoleSessionName");
    s->issued = x->now;
    s->expires = (x->now / NANO_PER_S + *seconds) * NANO_PER_S;
    if (role_of(form_of(x, "RoleArn"), &s->account, &s->role))
        return true;
    aws_refuse(x, "ValidationError", "%.*s is invalid", SV_ARG(sv_first(form_of(x, "RoleArn"), 200)));
    return false;
}

/* The role is there and trusts this caller: with the external id, from the collector's account. */
static bool trusted(struct exchange *x, const struct aws_session *s)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    const struct aws_account *a = aws_account_find(w, s->account);

    return a && a->kind == AWS_MEMBER && sv_eq(s->role, w->role_name) && aws_request(x)->account == &w->accounts[0] &&
           secret_is(form_of(x, "ExternalId"), w->external_id);
}

void aws_assume_role(struct exchange *x)
{
    struct aws_session s = { .issued = 0 };
    int64_t seconds;
    struct buf *b;

    if (!parameters_good(x, &s, &seconds))
        return;
    if (!trusted(x, &s)) {
        aws_refuse(x, "AccessDenied", "User: %.*s is not authorized to perform: sts:AssumeRole on resource: %.*s",
                   SV_ARG(x->principal), SV_ARG(sv_first(form_of(x, "RoleArn"), 256)));
        return;
    }
    b = open_result(x, "AssumeRole");
    put_credentials(x, b, &s);
    buf_put(b, SV("<PackedPolicySize>0</PackedPolicySize>\n"));
    close_result(x, b, "AssumeRole");
}

static bool web_token_good(struct exchange *x)
{
    struct token_claims c;

    if (!token_read(x, form_of(x, "WebIdentityToken"), &c))
        aws_refuse(x, "InvalidIdentityToken",
                   "The ID Token provided is not a valid JWT. (You may see this error if you "
                   "sent an Access Token)");
    else if (!sv_eq(c.audience, SV(AUDIENCE)))
        aws_refuse(x, "InvalidIdentityToken", "Incorrect token audience");
    else if (x->now >= c.expires)
        aws_refuse(x, "ExpiredTokenException",
                   "Token expired: current date/time must be before the expiration date/time");
    else
        return true;
    return false;
}

void aws_assume_role_with_web_identity(struct exchange *x)
{
    const struct aws_account *own = &aws_of(x->sim)->world.accounts[0];
    struct aws_session s = { .issued = 0 };
    int64_t seconds;
    struct buf *b;

    if (!parameters_good(x, &s, &seconds) || !needs(x, "WebIdentityToken", "webIdentityToken", 4, 20000, NULL) ||
        !web_token_good(x))
        return;
    if (!sv_eq(s.account, own->id) || !sv_eq(s.role, SV(AWS_COLLECTOR_ROLE))) {
        aws_refuse(x, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
        return;
    }
    b = open_result(x, "AssumeRoleWithWebIdentity");
    put_element(b, "SubjectFromWebIdentityToken", SV(SUBJECT));
    put_element(b, "Audience", SV(AUDIENCE));
    put_credentials(x, b, &s);
    put_element(
        b, "Provider",
        arena_printf(&x->arena, "arn:aws:iam::%.*s:oidc-provider/oidc.example.invalid/id/CLOUDSIM", SV_ARG(own->id)));
    close_result(x, b, "AssumeRoleWithWebIdentity");
}

void aws_get_caller_identity(struct exchange *x)
{
    struct buf *b = open_result(x, "GetCallerIdentity");
    sv rest = x->principal, id = aws_user_id(x->sim, &x->arena);

    if (aws_request(x)->chained) {
        sv session, role;

        sv_cut(&rest, '/');
        role = sv_cut(&rest, '/');
        session = rest;
        id = aws_role_id(x->sim, &x->arena, aws_request(x)->account->id, role);
        id = arena_printf(&x->arena, "%.*s:%.*s", SV_ARG(id), SV_ARG(session));
    }
    put_element(b, "Arn", x->principal);
    put_element(b, "UserId", id);
    put_element(b, "Account", aws_request(x)->account->id);
    close_result(x, b, "GetCallerIdentity");
}

/* ---- metadata services ---- */

static void metadata_refuse(struct exchange *x, int status, const char *title)
{
    x->r->status = status;
    x->r->content_type = "text/html";
    buf_printf(&x->r->body,
               "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>%d - %s</title></head><body>"
               "<h1>%d - %s</h1></body></html>\n",
               status, title, status, title);
}

void aws_imds_token(struct exchange *x)
{
    int64_t ttl;

    if (!sv_to_i64(http_server_header(x->q, "X-aws-ec2-metadata-token-ttl-seconds"), &ttl) || ttl < 1 ||
        ttl > IMDS_TTL_MAX_S) {
        metadata_refuse(x, 400, "Bad Request");
        return;
    }
    if (http_server_header(x->q, "X-Forwarded-For").len) {
        metadata_refuse(x, 403, "Forbidden");
        return;
    }
    x->r->content_type = "text/plain";
    reply_header(x, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "%lld", (long long)ttl);
    buf_put(&x->r->body, token_mint(x->sim, &x->arena, SV(IMDS_AUDIENCE), SV("instance"), x->now, ttl));
}

/* Version 2 alone is served: without a token nothing is told. */
static bool imds_token_good(struct exchange *x)
{
    struct token_claims c;

    if (token_read(x, http_server_header(x->q, "X-aws-ec2-metadata-token"), &c) &&
        sv_eq(c.audience, SV(IMDS_AUDIENCE)) && x->now < c.expires)
        return true;
    metadata_refuse(x, 401, "Unauthorized");
    return false;
}

void aws_imds_roles(struct exchange *x)
{
    if (!imds_token_good(x))
        return;
    x->r->content_type = "text/plain";
    buf_put(&x->r->body, SV(AWS_COLLECTOR_ROLE));
}

void aws_imds_region(struct exchange *x)
{
    if (!imds_token_good(x))
        return;
    x->r->content_type = "text/plain";
    buf_put(&x->r->body, SV("us-east-1"));
}

static void put_time_member(struct buf *b, const char *name, int64_t at)
{
    buf_printf(b, ",\"%s\":\"", name);
    buf_time(b, at, 0);
    buf_putc(b, '"');
}

/* AccessKeyId and the rest, as both services write them. */
static void put_own_role(struct exchange *x, struct buf *b, const char *session)
{
    struct aws_session s = { .account = aws_of(x->sim)->world.accounts[0].id,
                             .role = SV(AWS_COLLECTOR_ROLE),
                             .name = sv_of(session),
                             .issued = x->now,
                             .expires = (x->now / NANO_PER_S + INSTANCE_LIFE_S) * NANO_PER_S };
    struct aws_keys k = aws_session_make(x->sim, &x->arena, &s);

    put_member(b, "AccessKeyId", k.key_id);
    buf_putc(b, ',');
    put_member(b, "SecretAccessKey", k.secret);
    buf_putc(b, ',');
    put_member(b, "Token", k.token);
    put_time_member(b, "Expiration", s.expires);
}

void aws_imds_credentials(struct exchange *x)
{
    struct buf *b;

    if (!imds_token_good(x))
        return;
    if (!sv_eq(x->captures[0], SV(AWS_COLLECTOR_ROLE))) {
        metadata_refuse(x, 404, "Not Found");
        return;
    }
    b = aws_reply(x);
    x->r->content_type = "text/plain"; /* so it says, though it is JSON */
    buf_put(b, SV("{\"Code\":\"Success\""));
    put_time_member(b, "LastUpdated", x->now);
    buf_put(b, SV(",\"Type\":\"AWS-HMAC\","));
    put_own_role(x, b, "i-0123456789abcdef0");
    buf_putc(b, '}');
}

static sv container_token(const struct sim *s, struct arena *a)
{
    return arena_printf(a, "container-%.*s", SV_ARG(aws_role_id(s, a, SV("container"), SV("token"))));
}

void aws_container_credentials(struct exchange *x)
{
    struct buf *b = aws_reply(x);

    if (!secret_is(http_server_header(x->q, "Authorization"), container_token(x->sim, &x->arena))) {
        x->r->status = 401;
        buf_put(b, SV("{\"code\":\"AccessDenied\",\"message\":\"Service account token cannot be empty or is wrong\"}"));
        return;
    }
    buf_putc(b, '{');
    put_member(b, "RoleArn",
               arena_printf(&x->arena, "arn:aws:iam::%.*s:role/" AWS_COLLECTOR_ROLE,
                            SV_ARG(aws_of(x->sim)->world.accounts[0].id)));
    buf_putc(b, ',');
    put_own_role(x, b, "task");
    buf_putc(b, ',');
    put_member(b, "AccountId", aws_of(x->sim)->world.accounts[0].id);
    buf_putc(b, '}');
}

/* ---- files for the credential chain ---- */

enum err_code aws_web_token_write(const struct sim *s, struct err *e)
{
    enum err_code code;
    struct arena a;

    if (aws_of(s)->world.n_accounts == 0)
        return ERR_OK;
    arena_init(&a, 0);
    code = file_write(s->options.dir, "aws-web-identity-token", 0600,
                      token_mint(s, &a, SV(AUDIENCE), SV(SUBJECT), clock_now(), WEB_TOKEN_LIFE_S), e);
    arena_done(&a);
    return code;
}

enum err_code aws_access_write(const struct sim *s, const char *dir, struct err *e)
{
    const struct aws_world *w = &aws_of(s)->world;
    enum err_code code;
    struct arena a;

    if (w->n_accounts == 0)
        return ERR_OK;
    arena_init(&a, 0);
    code = file_write(
        dir, "aws-credentials", 0600,
        arena_printf(&a, "# Written by cloudsim\n[collector]\naws_access_key_id = %.*s\naws_secret_access_key = %.*s\n",
                     SV_ARG(w->access_key_id), SV_ARG(w->secret_access_key)),
        e);
    if (!code)
        code = file_write(
            dir, "aws-config", 0600,
            arena_printf(
                &a,
                "# Written by cloudsim\n[profile collector]\nregion = us-east-1\n\n# the collector, through the "
                "role in its own account\n[profile reader]\nregion = us-east-1\nsource_profile = collector\n"
                "role_arn = arn:aws:iam::%.*s:role/%.*s\nexternal_id = %.*s\n\n[profile pod]\nregion = us-east-1\n"
                "role_arn = arn:aws:iam::%.*s:role/" AWS_COLLECTOR_ROLE
                "\nweb_identity_token_file = %s/aws-web-identity-token\n",
                SV_ARG(w->accounts[0].id), SV_ARG(w->role_name), SV_ARG(w->external_id), SV_ARG(w->accounts[0].id),
                dir),
            e);
    if (!code)
        code = file_write(dir, "aws-external-id", 0600, w->external_id, e);
    if (!code)
        code = file_write(dir, "aws-container-token", 0600, container_token(s, &a), e);
    if (!code)
        code = aws_web_token_write(s, e);
    arena_done(&a);
    return code;
}
