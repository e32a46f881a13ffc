/*
 * What the flows of several clouds share, so that each judges a token, a URL and a file in the same way.
 */
#include "collector/sources/credential.h"

#include <ctype.h>
#include <stdlib.h>

#include "collector/base/clock.h"

enum { ORIGIN_BYTES_MAX = 512 };

int64_t credential_life_ms(int64_t told_s, int64_t most_s)
{
    int64_t s = told_s < CREDENTIAL_LIFE_MIN_S ? CREDENTIAL_LIFE_MIN_S : told_s > most_s ? most_s : told_s;

    return s * 1000;
}

bool credential_is_word(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ' || (unsigned char)s.at[i] >= 0x7f)
            return false;
    return s.len > 0;
}

sv credential_error_word(sv s, size_t most)
{
    if (s.len > most)
        return SV_NONE;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (c != '_' && c != '-' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z'))
            return SV_NONE;
    }
    return s;
}

enum err_code credential_read_file(const char *what, const char *path, size_t most, struct buf *out, sv *token,
                                   struct err *e)
{
    sv text;

    if (buf_read_file(out, path, most, e))
        return err_set(e, ERR_CONFIG, "%s %s cannot be read: check that it is mounted and readable", what, path);
    text = sv_trim(buf_sv(out));
    if (text.len == 0)
        return err_set(e, ERR_CONFIG, "%s %s is empty", what, path);
    *token = text;
    return ERR_OK;
}

const char *credential_environment(const char *(*own)(const char *name), const char *name)
{
    const char *value = own ? own(name) : getenv(name);

    return value && *value ? value : NULL;
}

bool credential_url_ok(sv url, const char *const *plain_hosts)
{
    char origin[ORIGIN_BYTES_MAX];
    bool loopback;
    sv host;

    if (!http_origin(url, origin, sizeof origin))
        return false;
    if (sv_starts(sv_of(origin), SV("https:")))
        return true;
    host = sv_skip(sv_of(origin), 7);
    host = sv_starts(host, SV("[")) ? sv_first(host, sv_find(host, ']') + 1) : sv_first(host, sv_find(host, ':'));
    for (const char *const *p = plain_hosts; *p; p++)
        if (sv_eq(host, sv_of(*p)))
            return true;
    loopback = sv_starts(host, SV("127.")); /* and no name that only begins so */
    for (size_t i = 0; i < host.len; i++)
        loopback = loopback && (isdigit((unsigned char)host.at[i]) || host.at[i] == '.');
    return loopback || sv_eq(host, SV("localhost")) || sv_eq(host, SV("[::1]"));
}

int64_t credential_server_time(const struct source_env *env, const struct http_response *r)
{
    return r->date_unix_nano ? r->date_unix_nano : source_server_now(env);
}

enum err_code credential_refusal(enum err_code code, int status, const char *remedy, struct err *e)
{
    int64_t retry_after_ms = e ? e->retry_after_ms : 0;
    bool passes = code == ERR_THROTTLED || code == ERR_RETRY;

    code = err_set(e, passes ? code : ERR_CONFIG, "http %d: %s", status, passes ? "passing" : remedy);
    if (e && code == ERR_THROTTLED)
        e->retry_after_ms = retry_after_ms;
    return code;
}

void credential_response_wipe(struct http_response *r)
{
    if (r->body.at)
        explicit_bzero(r->body.at, r->body.len);
    http_response_done(r);
}
