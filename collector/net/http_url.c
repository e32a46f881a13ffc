/*
 * URLs: percent-encoding, and the origin of a URL as libcurl itself understands it, so that what is compared is what
 * would be connected to ("https://good@evil/" is evil's).
 */
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>

#include "collector/net/http_client.h"

enum { URL_LIMIT = 64 << 10 };

static void escape(struct buf *b, sv s, const char *also)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if ((c < 0x80 && isalnum(c)) || (c && strchr("-._~", c)) || (c && strchr(also, c))) {
            buf_putc(b, (char)c);
        } else {
            buf_putc(b, '%');
            buf_putc(b, hex[c >> 4]);
            buf_putc(b, hex[c & 15]);
        }
    }
}

void http_escape(struct buf *b, sv s)
{
    escape(b, s, "");
}

void http_escape_path(struct buf *b, sv s)
{
    escape(b, s, "/");
}

static bool lower(const char *from, char *to, size_t size, size_t *used)
{
    for (; *from; from++) {
        if (*used + 1 >= size)
            return false;
        to[(*used)++] = (char)tolower((unsigned char)*from);
    }
    to[*used] = '\0';
    return true;
}

static bool compose(CURLU *u, char *out, size_t size)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    size_t used = 0;
    bool good = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0) && host[0];

    good = good && lower(scheme, out, size, &used) && lower("://", out, size, &used) && lower(host, out, size, &used);
    if (good && curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK)
        good = lower(":", out, size, &used) && lower(port, out, size, &used);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return good;
}

bool http_origin(sv url, char *out, size_t size)
{
    struct buf text;
    CURLU *u;
    bool good = false;

    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.at[i] <= ' ' || url.at[i] == 127 || url.at[i] == '\\')
            return false;
    buf_init(&text, URL_LIMIT);
    buf_put(&text, url);
    buf_putc(&text, '\0');
    u = text.failed ? NULL : curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, text.at, 0) == CURLUE_OK)
        good = compose(u, out, size);
    curl_url_cleanup(u);
    buf_done(&text);
    return good;
}
