/* Answers of AWS's JSON protocols, whose errors name their kind in __type; an error's status follows from its kind. */
#include <stdarg.h>
#include <stdio.h>

#include "tests/cloudsim/api.h"

struct buf *aws_reply(struct exchange *x)
{
    sv type = x->q ? http_server_header(x->q, "Content-Type") : SV_NONE;

    x->r->status = 200;
    x->r->content_type = sv_starts(type, SV("application/x-amz-json-1.0"))   ? "application/x-amz-json-1.0"
                         : sv_starts(type, SV("application/x-amz-json-1.1")) ? "application/x-amz-json-1.1"
                                                                             : "application/json";
    return &x->r->body;
}

static int status_of(sv code)
{
    static const struct {
        sv code;
        int status;
    } rows[] = { { SVT("InternalServiceFault"), 500 }, { SVT("InternalFailure"), 500 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sv_eq(rows[i].code, code))
            return rows[i].status;
    return 400;
}

void aws_refuse(struct exchange *x, const char *code, const char *format, ...)
{
    struct buf *b = aws_reply(x);
    char text[1024];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    buf_clear(b);
    x->r->status = status_of(sv_of(code));
    buf_putc(b, '{');
    put_member(b, "__type", sv_of(code));
    buf_putc(b, ',');
    put_member(b, "message", sv_of(text));
    buf_putc(b, '}');
}
