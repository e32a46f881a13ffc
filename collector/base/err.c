/* The text is cut at its end, never at its front: the newest context is what tells the place. */
#include "collector/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef err_set
#undef err_sys
#undef err_wrap
#endif

/* clang-format off */
static const struct {
    const char *name;
    bool retryable;
} codes[ERR_CODES] = {
    [ERR_OK]        = { "ok",        false },
    [ERR_CONFIG]    = { "config",    false },
    [ERR_PARSE]     = { "parse",     true  },
    [ERR_LIMIT]     = { "limit",     true  },
    [ERR_IO]        = { "io",        true  },
    [ERR_AUTH]      = { "auth",      true  },
    [ERR_DENIED]    = { "denied",    true  },
    [ERR_GONE]      = { "gone",      false },
    [ERR_REFUSED]   = { "refused",   false },
    [ERR_THROTTLED] = { "throttled", true  },
    [ERR_RETRY]     = { "retry",     true  },
    [ERR_PARTIAL]   = { "partial",   true  },
    [ERR_CANCELLED] = { "cancelled", false },
    [ERR_INTERNAL]  = { "internal",  false },
};
/* clang-format on */

enum err_code err_set(struct err *e, enum err_code code, const char *format, ...)
{
    char text[sizeof e->text]; /* an argument may be e->text itself */
    va_list ap;

    if (!e)
        return code;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    *e = (struct err){ .code = code };
    memcpy(e->text, text, strlen(text) + 1);
    return code;
}

enum err_code err_sys(struct err *e, const char *format, ...)
{
    int sys = errno;
    char what[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    err_set(e, ERR_IO, "%s: %s", what, strerror(sys));
    if (e)
        e->sys = sys;
    return ERR_IO;
}

enum err_code err_wrap(struct err *e, const char *format, ...)
{
    char front[256];
    va_list ap;
    size_t n, keep;

    if (!e)
        return ERR_INTERNAL;
    va_start(ap, format);
    vsnprintf(front, sizeof front - 2, format, ap);
    va_end(ap);
    n = strlen(front);
    memcpy(front + n, ": ", 2);
    n += 2;
    keep = strnlen(e->text, sizeof e->text - 1 - n);
    memmove(e->text + n, e->text, keep);
    memcpy(e->text, front, n);
    e->text[n + keep] = '\0';
    return e->code;
}

const char *err_name(enum err_code code)
{
    return (unsigned)code < ERR_CODES ? codes[code].name : "unknown";
}

bool err_retryable(enum err_code code)
{
    return (unsigned)code < ERR_CODES && codes[code].retryable;
}
