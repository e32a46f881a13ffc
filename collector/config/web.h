/*
 * The file of --web.config.file: TLS and users of our own listener, in the exporter-toolkit's format.
 *
 *   tls_server_config: {cert_file, key_file}     relative paths are relative to this file
 *   http_server_config: {headers: {...}}         the five headers that the format allows
 *   basic_auth_users: {NAME: BCRYPT_HASH}
 *
 * Keys of the format that we do not do are refused with the reason, unless they ask for what we do anyway. Unlike the
 * original, which reads the file at each request, it is read at start and at reload.
 *
 * Ownership:     web_config owns all that it points to; the server that it was given to must be stopped before
 * web_done. Errors:        ERR_CONFIG with "FILE:LINE: ..." and the remedy; ERR_IO when the file cannot be read. Never
 * a hash. Thread-safety: loading from one thread; read-only afterwards.
 */
#ifndef CONFIG_WEB_H
#define CONFIG_WEB_H

#include "collector/config/config.h"
#include "collector/net/http_server.h"

/* Fields go into http_server_options of the same meaning as they are. */
struct web_config {
    const char *tls_cert_file, *tls_key_file; /* NULL: plain HTTP */
    const struct http_user *users;
    size_t n_users;
    const char *headers; /* "Name: value\n" lines; NULL: none */
    struct config_file file;
};

enum { WEB_USERS_MAX = 1000, WEB_BCRYPT_COST_MAX = 14 };

/* On failure *w is empty and needs no web_done (which accepts it). */
MUST_USE enum err_code web_load(struct web_config *w, const char *path, struct err *e);
MUST_USE enum err_code web_parse(struct web_config *w, const char *name, sv text, struct err *e);
void web_done(struct web_config *w);

#endif
