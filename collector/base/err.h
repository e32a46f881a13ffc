/*
 * Errors that carry context.
 *
 * A function that can fail returns enum err_code (0 is success), is MUST_USE, and takes struct err *e last.
 * Each level puts before the text what it alone knows: "azure: sub 0000...: page 3: byte 0: want '{'".
 * Codes are few and mean what the caller should do. Texts: lower case, no full stop, key=value for data,
 * never a secret. Only the runner and main log failures.
 *
 * Ownership:     struct err is the caller's, plain storage; `e` may be NULL where nobody asks.
 * Thread-safety: none needed; one struct err belongs to one call chain.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err_code {
    ERR_OK = 0,
    ERR_CONFIG,    /* the operator must change something; not retried until a reload */
    ERR_PARSE,     /* the other side's bytes are wrong; set aside, go on with the next */
    ERR_LIMIT,     /* one of our maxima was reached; make the piece smaller or refuse it */
    ERR_IO,        /* disk or descriptor trouble of this machine */
    ERR_AUTH,      /* credentials refused or expired: renew them once, then report */
    ERR_DENIED,    /* known identity, missing permission: report the role, retry slowly */
    ERR_GONE,      /* the thing does not exist (any more): leave it out until next discovery */
    ERR_REFUSED,   /* the request itself is wrong for the server: split it or stop sending it */
    ERR_THROTTLED, /* slow down; retry_after_ms says for how long when the server told */
    ERR_RETRY,     /* passing fault of network or server: again with backoff */
    ERR_PARTIAL,   /* an answer that admits to be incomplete: the cursor must not move */
    ERR_CANCELLED, /* we are stopping */
    ERR_INTERNAL,  /* a broken assumption of ours */
    ERR_CODES,
};

struct err {
    enum err_code code;
    int sys;                /* errno, 0 if none */
    int64_t retry_after_ms; /* with ERR_THROTTLED: the server's own word, 0 = none */
    char text[400];
};

/* Sets code and text, returns the code. err_sys adds errno's text. */
enum err_code err_set(struct err *e, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
enum err_code err_sys(struct err *e, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts "<formatted>: " before the text and returns the code that was there. */
enum err_code err_wrap(struct err *e, const char *format, ...) PRINTF_LIKE(2, 3);

#ifdef __clang_analyzer__
/* What clang's analyzer cannot see from another file: who tells of an error does not return ERR_OK. */
/* clang-format off */
#define err_set(e, code, ...) ((void)(err_set)(e, code, __VA_ARGS__), (code))
#define err_sys(e, ...) ((void)(err_sys)(e, __VA_ARGS__), ERR_IO)
#define err_wrap(e, ...) ((void)(err_wrap)(e, __VA_ARGS__), ERR_INTERNAL)
/* clang-format on */
#endif

/* "throttled": short stable name, fit for a label value. */
const char *err_name(enum err_code code);

/* Whether the same request may succeed later without anybody changing anything. */
bool err_retryable(enum err_code code);

#endif
