/*
 * A credential file tells where its tokens are to be sent; who can write one could have a file of this machine or a
 * token sent to himself (gcp.md 4.1). So the hosts are Google's token services in the one universe that the operator
 * knows of, or the operator's own endpoint, as libcurl understands the URL, and nothing else.
 */
#include "collector/sources/gcp/gcp_hosts.h"

#include <ctype.h>

#include "collector/net/http_client.h"

enum { URL_BYTES_MAX = 8 << 10, ORIGIN_BYTES_MAX = 512 };

static const sv token_services[] = { SVT("sts"), SVT("oauth2"), SVT("iamcredentials") };
enum { TOKEN_SERVICES = sizeof token_services / sizeof *token_services };

void gcp_endpoint(const struct gcp_hosts *h, sv service, struct buf *url)
{
    sv left = sv_of(h->endpoint_url);

    if (!left.len) {
        buf_printf(url, "https://%.*s.%.*s", SV_ARG(service), SV_ARG(h->universe));
        return;
    }
    while (sv_ends(left, SV("/")))
        left.len--;
    while (left.len) {
        sv before = sv_first(left, sv_find(left, '{'));

        buf_put(url, before);
        left = sv_skip(left, before.len);
        if (sv_starts(left, SV("{service}"))) {
            buf_put(url, service);
            left = sv_skip(left, 9);
        } else {
            buf_put(url, sv_first(left, 1));
            left = sv_skip(left, 1);
        }
    }
}

bool gcp_universe_ok(sv universe)
{
    bool dot = true;

    for (size_t i = 0; i < universe.len; i++) {
        char c = universe.at[i];

        if (c == '.' ? dot : !isalnum((unsigned char)c) && c != '-')
            return false;
        dot = c == '.';
    }
    return !dot;
}

/* The token service that an origin of Google's has, with or without a location ("sts.us-east1.googleapis.com"); empty
 * when it is another host. */
static sv service_of(sv origin, sv universe)
{
    sv host = sv_skip(origin, 8), service;

    if (!sv_starts(origin, SV("https://")) || !sv_ends(host, universe))
        return SV_NONE;
    host.len -= universe.len;
    service = sv_cut(&host, '.');
    if (host.len && (!sv_ends(host, SV(".")) || sv_find(host, '.') != host.len - 1))
        return SV_NONE;
    for (size_t i = 0; i < TOKEN_SERVICES; i++)
        if (sv_eq(service, token_services[i]))
            return token_services[i];
    return SV_NONE;
}

static bool is_endpoint(const struct gcp_hosts *h, sv origin)
{
    bool same = false;

    for (size_t i = 0; i < TOKEN_SERVICES && !same && h->endpoint_url && *h->endpoint_url; i++) {
        char own[ORIGIN_BYTES_MAX];
        struct buf url;

        buf_init(&url, URL_BYTES_MAX);
        gcp_endpoint(h, token_services[i], &url);
        same = !url.failed && http_origin(buf_sv(&url), own, sizeof own) && sv_eq(sv_of(own), origin);
        buf_done(&url);
    }
    return same;
}

/* From the first slash behind the host on. */
static sv path_of(sv url)
{
    size_t i = 0;

    while (i < url.len && url.at[i] != ':')
        i++;
    for (i += 3; i < url.len && url.at[i] != '/'; i++)
        if (url.at[i] == '?' || url.at[i] == '#')
            return SV_NONE;
    return sv_skip(url, i);
}

enum err_code gcp_hosts_admit(const struct gcp_hosts *h, const char *field, sv url, struct arena *a, sv *out,
                              struct err *e)
{
    char text[ORIGIN_BYTES_MAX];
    sv origin, service, copy;
    struct buf to;

    if (url.len > URL_BYTES_MAX || !http_origin(url, text, sizeof text))
        return err_set(e, ERR_CONFIG, "%s is no URL", field);
    origin = sv_of(text);
    service = service_of(origin, h->universe);
    if (!service.len && !is_endpoint(h, origin))
        return err_set(e, ERR_CONFIG,
                       "%s leads to %.*s, which is none of Google's token services (oauth2, sts or iamcredentials, "
                       "https) and not endpoints.url: a credential file from elsewhere could send secrets anywhere",
                       field, SV_ARG(sv_first(origin, 100)));
    buf_init(&to, 2 * URL_BYTES_MAX);
    if (service.len && h->endpoint_url && *h->endpoint_url) {
        gcp_endpoint(h, service, &to);
        buf_put(&to, path_of(url));
    } else {
        buf_put(&to, url);
    }
    copy = arena_copy(a, buf_sv(&to));
    if (to.failed)
        copy.at = NULL;
    buf_done(&to);
    if (!copy.at)
        return err_set(e, ERR_LIMIT, "no memory left");
    *out = copy;
    return ERR_OK;
}
