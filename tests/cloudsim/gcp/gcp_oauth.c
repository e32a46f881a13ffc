/*
 * oauth2.googleapis.com: a service account's signed assertion (gcp.md 4.2) or a person's refresh token (4.6) against an
 * access token. Errors are OAuth's, not google.rpc's. The audience of an assertion is Google's token endpoint, whatever
 * the address by which one came.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_api.h"

#define AUDIENCE "https://oauth2.googleapis.com/token"

void gcp_oauth_refuse(struct exchange *x, int status, const char *error, const char *format, ...)
{
    struct buf *b = reply_json(x, status);
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    buf_clear(b);
    buf_putc(b, '{');
    put_member(b, "error", sv_of(error));
    buf_putc(b, ',');
    put_member(b, "error_description", sv_of(text));
    buf_putc(b, '}');
}

static void put_token(struct exchange *x, enum gcp_who who, unsigned scopes, bool tell_scope)
{
    struct gcp_grant g = { who, scopes, x->now, x->now + GCP_TOKEN_LIFE_S * NANO_PER_S };
    struct buf *b = reply_json(x, 200);

    buf_putc(b, '{');
    put_member(b, "access_token", gcp_token_make(x->sim, &x->arena, &g));
    buf_printf(b, ",\"expires_in\":%d,", GCP_TOKEN_LIFE_S - 1);
    if (tell_scope) {
        put_member(b, "scope", gcp_scopes_text(&x->arena, scopes));
        buf_putc(b, ',');
    }
    put_member(b, "token_type", SV("Bearer"));
    buf_putc(b, '}');
}

static bool assertion_good(struct exchange *x, sv assertion, struct gcp_jwt *t)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;
    const char *wrong;

    if (!gcp_jwt_read(&x->arena, assertion, t))
        gcp_oauth_refuse(x, 400, "invalid_request", "Bad JWT assertion: it is not a signed JSON Web Token.");
    else if (!sv_eq(t->iss, g->who[GCP_ACCOUNT].name))
        gcp_oauth_refuse(x, 400, "invalid_grant", "Invalid grant: account not found");
    else if (!gcp_jwt_signed_by(t, &g->key))
        gcp_oauth_refuse(x, 400, "invalid_grant", "Invalid JWT Signature.");
    else if (!sv_eq(t->aud, SV(AUDIENCE)))
        gcp_oauth_refuse(x, 400, "invalid_grant", "Invalid JWT: Failed audience check. The right audience is %s",
                         AUDIENCE);
    else if ((wrong = gcp_jwt_times(t, x->now)))
        gcp_oauth_refuse(x, 400, "invalid_grant", "%s", wrong);
    else if (t->sub.len && !sv_eq(t->sub, t->iss))
        gcp_oauth_refuse(x, 401, "unauthorized_client",
                         "Client is unauthorized to retrieve access tokens using this method, or client not authorized "
                         "for any of the scopes requested.");
    else
        return true;
    return false;
}

static void jwt_bearer(struct exchange *x)
{
    sv assertion = form_of(x, "assertion");
    unsigned scopes = 0;
    struct gcp_jwt t;

    if (!assertion.len)
        gcp_oauth_refuse(x, 400, "invalid_request", "Missing required parameter: assertion");
    else if (!assertion_good(x, assertion, &t))
        return;
    else if (!gcp_scopes_read(t.scope, &scopes))
        gcp_oauth_refuse(x, 400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
    else if (!scopes)
        gcp_oauth_refuse(x, 400, "invalid_scope", "Empty or missing scope not allowed.");
    else
        put_token(x, GCP_ACCOUNT, scopes, false);
}

static void refresh(struct exchange *x)
{
    const struct gcp_access *g = gcp_of(x->sim)->access;

    if (!form_of(x, "client_id").len)
        gcp_oauth_refuse(x, 400, "invalid_request", "Could not determine client ID from request.");
    else if (!sv_eq(form_of(x, "client_id"), g->client_id))
        gcp_oauth_refuse(x, 401, "invalid_client", "The OAuth client was not found.");
    else if (!secret_is(form_of(x, "client_secret"), g->client_secret))
        gcp_oauth_refuse(x, 401, "invalid_client", "The provided client secret is invalid.");
    else if (!secret_is(form_of(x, "refresh_token"), g->refresh_token))
        gcp_oauth_refuse(x, 400, "invalid_grant", "Token has been expired or revoked.");
    else
        put_token(x, GCP_PERSON, GCP_SCOPE_PLATFORM | GCP_SCOPE_OTHER, true);
}

void gcp_oauth_token(struct exchange *x)
{
    sv grant = form_of(x, "grant_type");

    if (!sv_starts_nocase(http_server_header(x->q, "Content-Type"), SV("application/x-www-form-urlencoded")))
        gcp_oauth_refuse(x, 400, "invalid_request", "Request must be form encoded.");
    else if (sv_eq(grant, SV("urn:ietf:params:oauth:grant-type:jwt-bearer")))
        jwt_bearer(x);
    else if (sv_eq(grant, SV("refresh_token")))
        refresh(x);
    else if (!grant.len)
        gcp_oauth_refuse(x, 400, "invalid_request", "Required parameter is missing: grant_type");
    else
        gcp_oauth_refuse(x, 400, "unsupported_grant_type", "Invalid grant_type: %.*s", SV_ARG(sv_first(grant, 80)));
}
