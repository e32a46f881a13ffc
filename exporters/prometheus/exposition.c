/* Values go through the JSON writer's UTF-8 check by way of a small table of what must be escaped. */
#include "exporters/prometheus/exposition.h"

void exposition_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_put(out, SV("# HELP "));
    buf_put(out, sv_of(name));
    buf_putc(out, ' ');
    for (const char *p = help; *p; p++)
        if (*p == '\\' || *p == '\n')
            buf_put(out, *p == '\n' ? SV("\\n") : SV("\\\\"));
        else
            buf_putc(out, *p);
    buf_put(out, SV("\n# TYPE "));
    buf_put(out, sv_of(name));
    buf_putc(out, ' ');
    buf_put(out, sv_of(type));
    buf_putc(out, '\n');
}

void exposition_value(struct buf *out, sv value)
{
    for (size_t i = 0; i < value.len;) {
        unsigned char c = (unsigned char)value.at[i];
        size_t n = c < 0x80 ? 1 : sv_utf8(sv_skip(value, i));

        if (c == '"' || c == '\\')
            buf_putc(out, '\\');
        if (c == '\n')
            buf_put(out, SV("\\n"));
        else if (c < 0x20 || c == 0x7f)
            buf_putc(out, ' ');
        else
            buf_put(out, n ? sv_first(sv_skip(value, i), n) : SV("\xef\xbf\xbd"));
        i += n ? n : 1;
    }
}

static void head(struct buf *out, const char *name, const struct exposition_label *labels, size_t n)
{
    char before = '{';

    buf_put(out, sv_of(name));
    for (size_t i = 0; i < n; i++) {
        if (labels[i].value.len == 0)
            continue;
        buf_putc(out, before);
        buf_put(out, sv_of(labels[i].name));
        buf_put(out, SV("=\""));
        exposition_value(out, labels[i].value);
        buf_putc(out, '"');
        before = ',';
    }
    buf_put(out, before == ',' ? SV("} ") : SV(" "));
}

void exposition_i64(struct buf *out, const char *name, const struct exposition_label *labels, size_t n, int64_t value)
{
    head(out, name, labels, n);
    buf_i64(out, value);
    buf_putc(out, '\n');
}

void exposition_decimal(struct buf *out, const char *name, const struct exposition_label *labels, size_t n,
                        int64_t value, unsigned digits)
{
    head(out, name, labels, n);
    buf_decimal(out, value, digits);
    buf_putc(out, '\n');
}

void exposition_f64(struct buf *out, const char *name, const struct exposition_label *labels, size_t n, double value)
{
    head(out, name, labels, n);
    buf_f64(out, value);
    buf_putc(out, '\n');
}
