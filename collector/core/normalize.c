/* One file at a time: read whole, unpack if it is gzip, detect, hand over, write what came out. */
#include "collector/core/normalize.h"

#include <stdio.h>

#include "collector/base/memory.h"
#include "collector/model/codec.h"
#include "collector/net/http_gunzip.h"
#include "collector/sources/source.h"

enum { ARENA_BYTES = 1 << 30, QUOTED_MAX = 80 };

static const struct source_ops *ops_of(sv format)
{
    for (const struct source_ops *const *o = source_registry; *o; o++)
        for (const char *const *f = (*o)->formats; f && *f; f++)
            if (sv_eq(format, sv_of(*f)))
                return *o;
    return NULL;
}

static const struct source_ops *detect(sv bytes, sv *format)
{
    for (const struct source_ops *const *o = source_registry; *o; o++) {
        *format = (*o)->detect ? (*o)->detect(bytes) : SV_NONE;
        if (format->len)
            return *o;
    }
    return NULL;
}

static enum err_code unknown(sv format, sv bytes, struct err *e)
{
    char list[256] = "";

    for (const struct source_ops *const *o = source_registry; *o; o++)
        for (const char *const *f = (*o)->formats; f && *f; f++) {
            strncat(list, list[0] ? ", " : "", sizeof list - strlen(list) - 1);
            strncat(list, *f, sizeof list - strlen(list) - 1);
        }
    if (format.len == 0 && sv_trim(bytes).len == 0)
        return err_set(e, ERR_PARSE, "nothing in it: want an answer or an export of a cloud (%s)", list);
    if (format.len)
        return err_set(e, ERR_CONFIG, "--from %.*s: unknown format; known are auto, %s", SV_ARG(format), list);
    return err_set(e, ERR_PARSE, "the format is not recognized; name it with --from (%s)", list);
}

/* Log objects in buckets are packed, and some have several members. */
static enum err_code unpack(struct buf *b, struct err *e)
{
    struct http_gunzip *g = http_gunzip_new();
    enum http_gunzip_result result = HTTP_GUNZIP_BROKEN;
    struct buf plain;
    enum err_code code = g ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");

    buf_init(&plain, NORMALIZE_INPUT_MAX);
    if (g)
        result = http_gunzip_piece(g, buf_sv(b), &plain);
    if (g && result == HTTP_GUNZIP_FULL)
        code = err_set(e, ERR_LIMIT, "unpacked it is larger than %d MiB", NORMALIZE_INPUT_MAX >> 20);
    else if (g && (result == HTTP_GUNZIP_BROKEN || !http_gunzip_ended(g)))
        code = err_set(e, ERR_PARSE, "gzip: damaged or cut off");
    http_gunzip_free(g);
    buf_done(b);
    *b = plain;
    return code;
}

static enum err_code read_input(const char *file, struct buf *b, struct err *e)
{
    return buf_read_file(b, strcmp(file, "-") == 0 ? "/dev/stdin" : file, NORMALIZE_INPUT_MAX, e);
}

static void tell_quarantined(const char *file, const struct frame *f)
{
    for (size_t i = 0; i < f->n_quarantined; i++) {
        struct buf quoted;

        buf_init(&quoted, 1024);
        buf_json(&quoted, sv_first(f->quarantined[i].bytes, QUOTED_MAX));
        fprintf(stderr, "%s: %.*s: %s: %.*s\n", file, SV_ARG(f->quarantined[i].what),
                reason_name(f->quarantined[i].reason), SV_ARG(buf_sv(&quoted)));
        buf_done(&quoted);
    }
}

static enum err_code write_pb(const struct frame *f, struct buf *out, struct err *e)
{
    struct buf bytes;
    enum err_code code;
    uint64_t n;

    buf_init(&bytes, NORMALIZE_INPUT_MAX);
    code = frame_encode(f, &bytes, e);
    for (n = bytes.len; code == ERR_OK && n >= 0x80; n >>= 7)
        buf_putc(out, (char)(n | 0x80));
    buf_putc(out, (char)n);
    buf_put(out, buf_sv(&bytes));
    buf_done(&bytes);
    return code;
}

static enum err_code one_file(const struct normalize_options *o, const char *file, struct buf *out, struct err *e)
{
    struct buf in;
    struct arena arena;
    struct frame *f = NULL;
    sv format = sv_of(o->from);
    const struct source_ops *ops = ops_of(format);
    const uint64_t refusals = memory_refusals();
    enum err_code code;
    bool unread;

    buf_init(&in, NORMALIZE_INPUT_MAX);
    arena_init(&arena, ARENA_BYTES);
    code = read_input(file, &in, e);
    unread = code != ERR_OK;
    if (code == ERR_OK && sv_starts(buf_sv(&in), SV("\x1f\x8b")))
        code = unpack(&in, e);
    if (code == ERR_OK && !ops && sv_eq(format, SV("auto")))
        ops = detect(buf_sv(&in), &format);
    if (code == ERR_OK && !ops)
        code = unknown(sv_eq(sv_of(o->from), SV("auto")) ? SV_NONE : format, buf_sv(&in), e);
    if (code == ERR_OK && !(f = frame_new(&arena, SV("normalize"), sv_of(file))))
        code = err_set(e, ERR_LIMIT, "out of memory");
    if (code == ERR_OK && ops)
        code = ops->normalize(format, buf_sv(&in), f, e);
    if (code == ERR_OK && memory_refusals() != refusals) /* what was set aside may be as good as any */
        code = err_set(e, ERR_LIMIT, "out of memory");
    if (code == ERR_OK && sv_eq(sv_of(o->to), SV("pb")))
        code = write_pb(f, out, e);
    else if (code == ERR_OK)
        frame_to_json(f, out);
    if (f)
        tell_quarantined(file, f);
    if (code == ERR_OK && f->n_quarantined + frame_records(f) == 0)
        fprintf(stderr, "%s: read as %.*s: nothing in it is about these models\n", file, SV_ARG(format));
    buf_done(&in);
    arena_done(&arena);
    return code && !unread ? err_wrap(e, "%s", file) : code; /* an error of reading names the file */
}

static enum err_code flush(FILE *to, struct buf *out, struct err *e)
{
    if (out->failed)
        return err_set(e, ERR_LIMIT, "output too large for memory");
    if (out->len && fwrite(out->at, 1, out->len, to) != out->len)
        return err_sys(e, "output");
    buf_clear(out);
    return ERR_OK;
}

enum err_code normalize(const struct normalize_options *o, struct err *e)
{
    static const char *const standard_input[] = { "-" };
    const char *const *files = o->n_files ? o->files : standard_input;
    int n = o->n_files ? o->n_files : 1;
    FILE *to = o->output && strcmp(o->output, "-") != 0 ? fopen(o->output, "we") : stdout;
    struct buf out;
    enum err_code code = ERR_OK;

    if (!to)
        return err_sys(e, "%s", o->output);
    buf_init(&out, (size_t)2 << 30);
    for (int i = 0; i < n && code == ERR_OK; i++) {
        code = one_file(o, files[i], &out, e);
        if (code == ERR_OK)
            code = flush(to, &out, e);
    }
    if (fflush(to) != 0 && code == ERR_OK)
        code = err_sys(e, "output");
    if (to != stdout)
        fclose(to);
    buf_done(&out);
    return code;
}
