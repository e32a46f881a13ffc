/*
 * One credential that runs out, and the small things that every cloud's flow of them does: reading a token's file, wiping
 * an answer, judging what a header can hold and where plain http may go.
 *
 * Thread-safety: pure functions, but for the file that is read.
 */
#ifndef SOURCES_CREDENTIAL_H
#define SOURCES_CREDENTIAL_H

#include "collector/sources/source.h"

enum { CREDENTIAL_PARTS = 3, CREDENTIAL_LIFE_MIN_S = 30 /* what is told to live shorter is used this long */ };

struct credential {
    sv part[CREDENTIAL_PARTS]; /* the first one tells one set from another: a token, an access key's id */
    int64_t life_ms;           /* from the moment of the answer; 0: no end */
    int64_t renew_ms;          /* after this long a new one is asked for; 0: never */
};

/* Seconds that an answer tells, between CREDENTIAL_LIFE_MIN_S and `most_s`, in milliseconds: a wrong clock on the other
 * side neither makes us ask without end nor keep a dead set for weeks. */
int64_t credential_life_ms(int64_t told_s, int64_t most_s);

/* Visible ASCII, at least one: what header values and form fields carry. */
bool credential_is_word(sv s);

/* An OAuth `error` or an id fit for a message (lower-case letters, digits, '_', '-'; at most so many), else empty. */
sv credential_error_word(sv s, size_t most);

/* The content of a file that holds a token; *token is a trimmed view of `out`. ERR_CONFIG names `what`, path and
 * remedy. */
MUST_USE enum err_code credential_read_file(const char *what, const char *path, size_t most, struct buf *out, sv *token,
                                            struct err *e);

/* The environment's value; NULL when unset or empty. `own` NULL: the process's. */
const char *credential_environment(const char *(*own)(const char *name), const char *name);

/* Whether a secret may travel to or from this URL: https, or plain http that stays on the machine (loopback, or one of
 * `plain_hosts`, which ends with NULL). */
bool credential_url_ok(sv url, const char *const *plain_hosts);

/* The server's time at its answer. */
int64_t credential_server_time(const struct source_env *env, const struct http_response *r);

/* A refusal in our own words, since the server's may be anything: "http 403: <remedy>". `code` is source_call's: what
 * passes stays so and keeps its Retry-After, the rest is ERR_CONFIG. */
enum err_code credential_refusal(enum err_code code, int status, const char *remedy, struct err *e);

/* http_response_done, with the body overwritten first. */
void credential_response_wipe(struct http_response *r);

#endif
