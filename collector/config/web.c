/*
 * The known keys are ordinary option tables; those that we cannot honour stand there as hidden rows (so that a typing
 * error is still told from them) and in `refused`, which says why and which value is harmless.
 *
 * A hash is checked here rather than at the first login: someone who pasted the password itself learns it now, and a
 * cost that would hold a server thread for seconds is not let in.
 */
#include "collector/config/web.h"

#include "collector/config/config_node.h"

struct tls {
    const char *cert_file, *key_file;
    const struct config_node *other; /* where hidden rows go */
};

struct headers {
    const char *value[5];
};

struct http {
    struct headers headers;
    const struct config_node *other;
};

struct web {
    struct tls tls;
    struct http http;
    const struct config_node *users, *other;
};

/* clang-format off */
#define HEADER(i, n) { .name = (n), .type = OPT_STRING, .offset = offsetof(struct headers, value[i]), .help = "Sent with every answer." }
static const struct option header_options[] = {
    HEADER(0, "Content-Security-Policy"),
    HEADER(1, "Strict-Transport-Security"),
    HEADER(2, "X-Content-Type-Options"),
    HEADER(3, "X-Frame-Options"),
    HEADER(4, "X-XSS-Protection"),
    { 0 },
};

#define OTHER(s, n) { .name = (n), .type = OPT_ANY, .offset = offsetof(struct s, other), .hidden = true }
static const struct option tls_options[] = {
    { .name = "cert_file", .type = OPT_STRING, .offset = offsetof(struct tls, cert_file), .help = "PEM file with the certificate and its chain." },
    { .name = "key_file",  .type = OPT_STRING, .offset = offsetof(struct tls, key_file),  .help = "PEM file with the private key." },
    OTHER(tls, "cert"),                 OTHER(tls, "key"),
    OTHER(tls, "client_auth_type"),     OTHER(tls, "client_ca"),
    OTHER(tls, "client_ca_file"),       OTHER(tls, "client_allowed_sans"),
    OTHER(tls, "min_version"),          OTHER(tls, "max_version"),
    OTHER(tls, "cipher_suites"),        OTHER(tls, "prefer_server_cipher_suites"),
    OTHER(tls, "curve_preferences"),
    { 0 },
};

static const struct option http_options[] = {
    { .name = "headers", .type = OPT_SECTION, .offset = offsetof(struct http, headers), .sub = header_options, .help = "Headers of every answer." },
    OTHER(http, "http2"),
    { 0 },
};

static const struct option options[] = {
    { .name = "tls_server_config",  .type = OPT_SECTION, .offset = offsetof(struct web, tls),   .sub = tls_options,  .help = "TLS." },
    { .name = "http_server_config", .type = OPT_SECTION, .offset = offsetof(struct web, http),  .sub = http_options, .help = "HTTP." },
    { .name = "basic_auth_users",   .type = OPT_ANY,     .offset = offsetof(struct web, users), .help = "User names and their bcrypt hashes." },
    OTHER(web, "rate_limit"),
    { 0 },
};

static const struct {
    const char *section, *key; /* section NULL: top level */
    const char *fine;          /* the value that asks for what we do anyway; NULL: none */
    const char *why;
} refused[] = {
    { "tls_server_config",  "cert",                        NULL,           "write it to a file and name that in cert_file" },
    { "tls_server_config",  "key",                         NULL,           "write it to a file and name that in key_file" },
    { "tls_server_config",  "client_auth_type",            "NoClientCert", "client certificates are not checked here: use basic_auth_users, or a proxy in front" },
    { "tls_server_config",  "client_ca",                   NULL,           "client certificates are not checked here: use basic_auth_users, or a proxy in front" },
    { "tls_server_config",  "client_ca_file",              NULL,           "client certificates are not checked here: use basic_auth_users, or a proxy in front" },
    { "tls_server_config",  "client_allowed_sans",         NULL,           "client certificates are not checked here: use basic_auth_users, or a proxy in front" },
    { "tls_server_config",  "min_version",                 "TLS12",        "TLS 1.2 and 1.3 are spoken and nothing else: leave it out" },
    { "tls_server_config",  "max_version",                 "TLS13",        "TLS 1.2 and 1.3 are spoken and nothing else: leave it out" },
    { "tls_server_config",  "cipher_suites",               NULL,           "the TLS library's own choice is used: leave it out" },
    { "tls_server_config",  "prefer_server_cipher_suites", NULL,           "the TLS library's own choice is used: leave it out" },
    { "tls_server_config",  "curve_preferences",           NULL,           "the TLS library's own choice is used: leave it out" },
    { "http_server_config", "http2",                       "false",        "only HTTP/1.1 is spoken: set it to false or leave it out" },
    { NULL,                 "rate_limit",                  NULL,           "not supported, connections are limited by themselves: leave it out" },
};
/* clang-format on */

static enum err_code nothing_refused(const struct web_config *w, struct err *e)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *section = refused[i].section, *fine = refused[i].fine;
        const struct config_node *n = section ? config_find(w->file.root, sv_of(section)) : w->file.root;

        n = config_find(n, sv_of(refused[i].key));
        if (n && !config_is_null(n) && !(fine && n->kind == CONFIG_SCALAR && sv_eq(n->text, sv_of(fine))))
            return config_err(&w->file, n->line, section, e, "%s: %s", refused[i].key, refused[i].why);
    }
    return ERR_OK;
}

static enum err_code out_of_memory(const struct web_config *w, struct err *e)
{
    return err_set(e, ERR_LIMIT, "%s: out of memory", w->file.path);
}

/* Relative to the directory of the web configuration, as in the original. */
static const char *beside(struct web_config *w, const char *path)
{
    sv name = sv_of(w->file.path);
    size_t slash = sv_find_last(name, '/');

    if (path[0] == '/' || slash == name.len)
        return path;
    return arena_printf(&w->file.arena, "%.*s/%s", SV_ARG(sv_first(name, slash)), path).at;
}

static enum err_code take_tls(struct web_config *w, const struct tls *tls, struct err *e)
{
    const struct config_node *n = config_find(w->file.root, SV("tls_server_config"));

    if (!n || config_is_null(n))
        return ERR_OK;
    if (!tls->cert_file || !tls->cert_file[0] || !tls->key_file || !tls->key_file[0])
        return config_err(&w->file, n->line, "tls_server_config", e, "both cert_file and key_file are needed");
    w->tls_cert_file = beside(w, tls->cert_file);
    w->tls_key_file = beside(w, tls->key_file);
    return w->tls_cert_file && w->tls_key_file ? ERR_OK : out_of_memory(w, e);
}

static enum err_code take_headers(struct web_config *w, const struct headers *h, struct err *e)
{
    sv lines = SV_NONE;

    for (size_t i = 0; header_options[i].name; i++) {
        const char *name = header_options[i].name, *value = h->value[i];

        if (!value || !*value)
            continue;
        for (const char *p = value; *p; p++)
            if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
                return config_err(&w->file, 0, "http_server_config.headers", e, "%s: want plain ASCII on one line",
                                  name);
        lines = arena_printf(&w->file.arena, "%.*s%s: %s\n", SV_ARG(lines), name, value);
        if (!lines.at)
            return out_of_memory(w, e);
        w->headers = lines.at;
    }
    return ERR_OK;
}

/* "$2y$10$" and 53 characters of salt and hash; the cost, or -1. */
static int bcrypt_cost(sv hash)
{
    int64_t cost;

    if (hash.len != 60 || !sv_starts(hash, SV("$2")) || !memchr("aby", hash.at[2], 3) || hash.at[3] != '$' ||
        hash.at[6] != '$' || !sv_to_i64(sv_first(sv_skip(hash, 4), 2), &cost))
        return -1;
    for (size_t i = 7; i < hash.len; i++)
        if (!strchr("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", hash.at[i]))
            return -1;
    return cost >= 4 ? (int)cost : -1;
}

static enum err_code check_user(const struct web_config *w, const struct config_node *n, struct err *e)
{
    const char *where = "basic_auth_users";
    struct config_node name = { .text = n->key };
    int cost = n->kind == CONFIG_SCALAR ? bcrypt_cost(n->text) : -1;

    if (sv_find(n->key, ':') < n->key.len)
        return config_err(&w->file, n->line, where, e, "%s: a user name cannot hold a colon", config_found(&name).text);
    if (cost < 0)
        return config_err(&w->file, n->line, where, e, "%s: want a bcrypt hash: make one with htpasswd -nBC 10 NAME",
                          config_found(&name).text);
    if (cost > WEB_BCRYPT_COST_MAX)
        return config_err(
            &w->file, n->line, where, e,
            "%s: a bcrypt cost of %d takes seconds for each check, want at most %d: make one with htpasswd -nBC 10 "
            "NAME",
            config_found(&name).text, cost, WEB_BCRYPT_COST_MAX);
    return ERR_OK;
}

static enum err_code take_users(struct web_config *w, const struct config_node *map, struct err *e)
{
    struct http_user *users;
    size_t n = 0;

    if (!map)
        return ERR_OK;
    if (map->kind != CONFIG_MAPPING || map->n_items > WEB_USERS_MAX)
        return config_err(&w->file, map->line, NULL, e,
                          "basic_auth_users: want at most %d lines NAME: BCRYPT_HASH, found %s", WEB_USERS_MAX,
                          map->kind == CONFIG_MAPPING ? "more" : config_found(map).text);
    users = ARENA_ARRAY(&w->file.arena, struct http_user, map->n_items);
    if (!users && map->n_items)
        return out_of_memory(w, e);
    for (const struct config_node *c = map->first; c; c = c->next) {
        if (check_user(w, c, e))
            return ERR_CONFIG;
        users[n++] = (struct http_user){ .name = c->key.at, .crypt_hash = c->text.at };
    }
    w->users = users;
    w->n_users = n;
    return ERR_OK;
}

/* From the tree in w->file to the fields. */
static enum err_code take(struct web_config *w, struct err *e)
{
    struct web web;
    enum err_code code = config_bind(&w->file, w->file.root, NULL, options, &web, e);

    if (!code)
        code = nothing_refused(w, e);
    if (!code)
        code = take_tls(w, &web.tls, e);
    if (!code)
        code = take_headers(w, &web.http.headers, e);
    if (!code)
        code = take_users(w, web.users, e);
    if (code)
        web_done(w);
    return code;
}

enum err_code web_load(struct web_config *w, const char *path, struct err *e)
{
    enum err_code code;

    *w = (struct web_config){ .users = NULL };
    code = config_load(&w->file, path, e);
    return code ? code : take(w, e);
}

enum err_code web_parse(struct web_config *w, const char *name, sv text, struct err *e)
{
    enum err_code code;

    *w = (struct web_config){ .users = NULL };
    code = config_parse(&w->file, name, text, e);
    return code ? code : take(w, e);
}

void web_done(struct web_config *w)
{
    config_done(&w->file);
    *w = (struct web_config){ .users = NULL };
}
