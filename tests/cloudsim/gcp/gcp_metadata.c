/*
 * The metadata server of an instance (gcp.md 4.3), on the plain port. The header Metadata-Flavor is demanded and sent
 * back. Tokens are cached there: until five minutes before its end the same one returns, with what is left of its life.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "tests/cloudsim/gcp/gcp_api.h"

enum { CACHE_S = GCP_TOKEN_LIFE_S - 300 };

void gcp_metadata_refuse(struct exchange *x, int status, const char *text)
{
    x->r->status = status;
    x->r->content_type = "text/html; charset=UTF-8";
    reply_header(x, "Metadata-Flavor", "Google");
    buf_clear(&x->r->body);
    buf_printf(&x->r->body, "<!DOCTYPE html>\n<html lang=en>\n  <title>Error %d</title>\n  <p><b>%d.</b> %s\n", status,
               status, text);
}

static bool flavor_good(struct exchange *x)
{
    if (sv_eq(http_server_header(x->q, "Metadata-Flavor"), SV("Google")) &&
        !http_server_header(x->q, "X-Forwarded-For").len)
        return true;
    gcp_metadata_refuse(x, 403, "Missing Metadata-Flavor:Google header.");
    return false;
}

static struct buf *open_reply(struct exchange *x, const char *type)
{
    x->r->status = 200;
    x->r->content_type = type;
    reply_header(x, "Metadata-Flavor", "Google");
    return &x->r->body;
}

static bool account_good(struct exchange *x)
{
    sv name = x->captures[0];

    if (sv_eq(name, SV("default")) || sv_eq(name, gcp_of(x->sim)->access->who[GCP_ACCOUNT].name))
        return true;
    gcp_metadata_refuse(x, 404, "The requested URL was not found on this server. That's all we know.");
    return false;
}

/* The instance of a token that is in the cache; revoking empties it. */
static int64_t issued_at(const struct exchange *x)
{
    int64_t slot = clock_floor(x->now, CACHE_S * NANO_PER_S), revoked = atomic_load(&x->sim->tokens_valid_from);

    return slot < revoked ? revoked : slot;
}

void gcp_metadata_token(struct exchange *x)
{
    struct gcp_grant g = { .who = GCP_ACCOUNT, .issued = issued_at(x) };
    sv wanted = query_of(x, "scopes");
    struct buf *b;

    if (!flavor_good(x) || !account_good(x))
        return;
    g.scopes = GCP_SCOPE_PLATFORM;
    if (wanted.len && (!gcp_scopes_read(wanted, &g.scopes) || !g.scopes)) {
        gcp_metadata_refuse(x, 400, "Invalid scopes.");
        return;
    }
    g.expires = g.issued + GCP_TOKEN_LIFE_S * NANO_PER_S;
    b = open_reply(x, "application/json");
    buf_putc(b, '{');
    put_member(b, "access_token", gcp_token_make(x->sim, &x->arena, &g));
    buf_printf(b, ",\"expires_in\":%lld,\"token_type\":\"Bearer\"}", (long long)((g.expires - x->now) / NANO_PER_S));
}

void gcp_metadata_email(struct exchange *x)
{
    if (flavor_good(x) && account_good(x))
        buf_put(open_reply(x, "application/text"), gcp_of(x->sim)->access->who[GCP_ACCOUNT].name);
}

void gcp_metadata_project(struct exchange *x)
{
    if (flavor_good(x))
        buf_put(open_reply(x, "application/text"), gcp_of(x->sim)->world.projects[0].id);
}

void gcp_metadata_number(struct exchange *x)
{
    if (flavor_good(x))
        buf_put(open_reply(x, "application/text"), gcp_of(x->sim)->world.projects[0].number);
}

/* What libraries ask to find out whether this is a machine of Google's. */
void gcp_metadata_instance(struct exchange *x)
{
    if (flavor_good(x))
        buf_put(open_reply(x, "application/text"), SV("attributes/\nid\nservice-accounts/\nzone\n"));
}

/* Absent in the usual universe. */
void gcp_metadata_universe(struct exchange *x)
{
    if (flavor_good(x))
        gcp_metadata_refuse(x, 404, "The requested URL was not found on this server. That's all we know.");
}
