/*
 * A good hash takes a tenth of a second to check, and a scraper comes every few seconds: so verdicts are remembered,
 * good and bad ones, under a keyed digest of name and password (the key is made at start, no password is kept). What
 * was never seen has to pass a token bucket, so that a guesser can neither burn a core nor hold up the server's
 * threads.
 *
 * An unknown name is checked against the first user's hash all the same: it must not answer faster.
 */
#include "collector/net/http_auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "collector/base/random.h"

enum { DIGEST_BYTES = 32, REMEMBERED = 1024, PASSWORD_MAX = 256 };

struct verdict {
    unsigned char digest[DIGEST_BYTES];
    bool known, good;
};

struct http_auth {
    const struct http_user *users;
    size_t n_users;
    unsigned char key[DIGEST_BYTES];

    pthread_mutex_t lock; /* guards the rest */
    struct verdict seen[REMEMBERED];
    double tokens;
    double refilled_s;
};

static double mono_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct http_auth *http_auth_new(const struct http_user *users, size_t n, struct err *e)
{
    struct http_auth *a;

    for (size_t i = 0; i < n; i++) {
        int kind = users[i].name && users[i].crypt_hash ? crypt_checksalt(users[i].crypt_hash) : CRYPT_SALT_INVALID;

        if (kind == CRYPT_SALT_INVALID || kind == CRYPT_SALT_METHOD_DISABLED) {
            err_set(e, ERR_CONFIG,
                    "user %zu: its password hash is of no known kind: make one with htpasswd -nBC 10 NAME", i + 1);
            return NULL;
        }
    }
    a = calloc(1, sizeof *a);
    if (!a || !random_bytes(a->key, sizeof a->key)) {
        err_set(e, ERR_LIMIT, "out of memory");
        free(a);
        return NULL;
    }
    a->users = users;
    a->n_users = n;
    a->tokens = HTTP_AUTH_TRIES_PER_S;
    a->refilled_s = mono_s();
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void http_auth_free(struct http_auth *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->lock);
    OPENSSL_cleanse(a, sizeof *a);
    free(a);
}

/* The length of the name goes first, which keeps ("ab","c") and ("a","bc") apart. */
static bool digest_of(const struct http_auth *a, sv name, sv password, unsigned char out[DIGEST_BYTES])
{
    unsigned char text[1 + 2 * PASSWORD_MAX];
    unsigned char *end;

    if (name.len > 255 || password.len > PASSWORD_MAX)
        return false;
    text[0] = (unsigned char)name.len;
    memcpy(text + 1, name.at, name.len);
    end = text + 1 + name.len;
    memcpy(end, password.at, password.len);
    end += password.len;
    HMAC(EVP_sha256(), a->key, sizeof a->key, text, (size_t)(end - text), out, NULL);
    OPENSSL_cleanse(text, sizeof text);
    return true;
}

static struct verdict *slot_of(struct http_auth *a, const unsigned char digest[DIGEST_BYTES])
{
    return &a->seen[(digest[0] | digest[1] << 8) % REMEMBERED];
}

/* True when the verdict is settled without crypt(3). */
static bool recall(struct http_auth *a, const unsigned char digest[DIGEST_BYTES], enum http_auth_verdict *v)
{
    const struct verdict *seen = slot_of(a, digest);
    double now = mono_s();
    bool settled = true;

    pthread_mutex_lock(&a->lock);
    a->tokens += (now - a->refilled_s) * HTTP_AUTH_TRIES_PER_S;
    a->tokens = a->tokens > HTTP_AUTH_TRIES_PER_S ? HTTP_AUTH_TRIES_PER_S : a->tokens;
    a->refilled_s = now;
    if (seen->known && CRYPTO_memcmp(seen->digest, digest, DIGEST_BYTES) == 0)
        *v = seen->good ? HTTP_AUTH_GOOD : HTTP_AUTH_BAD;
    else if (a->tokens < 1)
        *v = HTTP_AUTH_BUSY;
    else
        settled = false;
    a->tokens -= !settled;
    pthread_mutex_unlock(&a->lock);
    return settled;
}

static void remember(struct http_auth *a, const unsigned char digest[DIGEST_BYTES], bool good)
{
    struct verdict *seen = slot_of(a, digest);

    pthread_mutex_lock(&a->lock);
    /* A guess must not push out what a scraper is known by. */
    if (good || !seen->known || !seen->good) {
        memcpy(seen->digest, digest, DIGEST_BYTES);
        seen->known = true;
        seen->good = good;
    }
    pthread_mutex_unlock(&a->lock);
}

static bool matches(const struct http_user *u, sv password)
{
    struct crypt_data *d = calloc(1, sizeof *d);
    char text[PASSWORD_MAX + 1];
    const char *hash;
    size_t len = strlen(u->crypt_hash);
    bool good = false;

    if (!d || memchr(password.at, '\0', password.len)) {
        free(d);
        return false;
    }
    memcpy(text, password.at, password.len);
    text[password.len] = '\0';
    hash = crypt_r(text, u->crypt_hash, d);
    if (hash && strlen(hash) == len)
        good = CRYPTO_memcmp(hash, u->crypt_hash, len) == 0;
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(d, sizeof *d);
    free(d);
    return good;
}

enum http_auth_verdict http_auth_check(struct http_auth *a, sv name, sv password)
{
    unsigned char digest[DIGEST_BYTES];
    const struct http_user *user = NULL;
    enum http_auth_verdict v;
    bool good;

    if (!digest_of(a, name, password, digest))
        return HTTP_AUTH_BAD;
    if (recall(a, digest, &v))
        return v;
    for (size_t i = 0; i < a->n_users; i++)
        if (sv_eq(sv_of(a->users[i].name), name))
            user = &a->users[i];
    good = matches(user ? user : &a->users[0], password) && user;
    remember(a, digest, good);
    return good ? HTTP_AUTH_GOOD : HTTP_AUTH_BAD;
}
