/*
 * Inside net: names and passwords of basic authentication, held against crypt(3) hashes.
 *
 * Thread-safety: http_auth_check from any thread.
 */
#ifndef NET_HTTP_AUTH_H
#define NET_HTTP_AUTH_H

#include "collector/net/http_server.h"

enum { HTTP_AUTH_TRIES_PER_S = 10 };

struct http_auth;

enum http_auth_verdict { HTTP_AUTH_GOOD, HTTP_AUTH_BAD, HTTP_AUTH_BUSY };

/* `users` is borrowed. NULL with *e set when a hash is of no kind that crypt(3) reads. */
MUST_USE struct http_auth *http_auth_new(const struct http_user *users, size_t n, struct err *e);
void http_auth_free(struct http_auth *a);

/* BUSY: more never-seen passwords a second than HTTP_AUTH_TRIES_PER_S; those whose verdict is known pass all the same.
 */
enum http_auth_verdict http_auth_check(struct http_auth *a, sv name, sv password);

#endif
