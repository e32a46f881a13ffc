/*
 * `normalize` for Google: pages and single entries, and log entries as Pub/Sub carries them: in base64 inside a message, with
 * names in both spellings (gcp.md 3.2).
 */
#include <openssl/evp.h>

#include "collector/base/clock.h"
#include "collector/base/json_documents.h"
#include "collector/sources/gcp/gcp.h"

enum { DOCUMENT_BYTES_MAX = 256 << 20, MESSAGE_BYTES_MAX = 10 << 20 };

const char *const gcp_formats[] = { "gcp-timeseries", "gcp-logs", "gcp-pubsub", NULL };

struct walk {
    struct gcp_context c;
    struct gcp_answer answer;
    struct json_parser *inner; /* of a message's data */
    struct arena scratch;      /* of one message */
    struct frame *out;
    bool series;
};

static enum err_code set_aside(struct walk *w, const char *what, sv bytes, struct err *e)
{
    w->out->tally.received++;
    return frame_add_quarantine(w->out, REASON_MALFORMED, sv_of(what), bytes)
               ? ERR_OK
               : err_set(e, ERR_LIMIT, "gcp: frame is full");
}

/* Both alphabets, with padding or without; EVP_DecodeBlock counts the padding as bytes. Empty: it is none. */
static sv base64(struct arena *a, sv text)
{
    static const char fill[] = "====";
    sv bare = text;
    size_t padding;
    char *in, *out;
    int n;

    while (sv_ends(bare, SV("=")))
        bare = sv_first(bare, bare.len - 1);
    padding = (4 - bare.len % 4) % 4;
    if (bare.len == 0 || padding == 3 || bare.len > MESSAGE_BYTES_MAX || text.len - bare.len > padding)
        return SV_NONE;
    in = (char *)(uintptr_t)arena_printf(a, "%.*s%.*s", SV_ARG(bare), (int)padding, fill).at;
    out = arena_alloc(a, bare.len + padding);
    if (!in || !out)
        return SV_NONE;
    for (size_t i = 0; i < bare.len; i++)
        in[i] = in[i] == '-' ? '+' : in[i] == '_' ? '/' : in[i];
    n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)in, (int)(bare.len + padding));
    return n < (int)padding ? SV_NONE : sv_make(out, (size_t)n - padding);
}

/* A message may have attributes alone; one whose data is no entry is another sink's. */
static enum err_code take_message(struct walk *w, json message, struct err *e)
{
    sv told = json_sv(json_get(message, SV("data"))), data;
    json entry;

    arena_reset(&w->scratch);
    data = base64(&w->scratch, told);
    if (data.len == 0 || json_parse(w->inner, data, &entry, NULL))
        return set_aside(w, "data of a Pub/Sub message", data.len ? data : told, e);
    return gcp_decode_entry(entry, &w->c, w->out, e);
}

static enum err_code take_pulled(struct walk *w, json list, struct err *e)
{
    enum err_code code = ERR_OK;
    json one;

    for (struct json_iter it = json_items(list); code == ERR_OK && json_item(&it, &one);)
        code = take_message(w, json_get(one, SV("message")), e);
    return code;
}

/* A page that is none, or says itself that it is incomplete, spoils no other one. */
static enum err_code take_page(struct walk *w, json root, sv bytes, struct err *e)
{
    struct err why = { 0 };
    sv next;
    enum err_code code = gcp_decode_time_series(root, &w->answer, w->out, &next, &why);

    if (code == ERR_LIMIT)
        return err_set(e, code, "%s", why.text);
    return code ? set_aside(w, "page of time series", bytes, e) : ERR_OK;
}

static enum err_code take_document(void *ctx, json root, size_t n, sv bytes, struct err *e)
{
    struct walk *w = ctx;
    json pulled = json_get(root, SV("receivedMessages")), message = json_get(root, SV("message"));

    (void)n;
    if (w->series)
        return take_page(w, root, bytes, e);
    if (json_type(pulled) == JSON_ARRAY)
        return take_pulled(w, pulled, e);
    if (json_type(message) == JSON_OBJECT)
        return take_message(w, message, e);
    return gcp_decode_entry(root, &w->c, w->out, e);
}

static enum err_code bad_document(void *ctx, size_t n, sv bytes, struct err *e)
{
    (void)n;
    return set_aside(ctx, "document", bytes, e);
}

enum err_code gcp_normalize(sv format, sv bytes, struct frame *out, struct err *e)
{
    struct walk w = { .c = { .source = out->source, .project = SV_NONE, .observed_unix_nano = clock_now() },
                      .inner = json_parser_new(MESSAGE_BYTES_MAX),
                      .out = out,
                      .series = sv_eq(format, SV("gcp-timeseries")) };
    struct json_documents d = { .parser = json_parser_new(DOCUMENT_BYTES_MAX),
                                .list = "entries",
                                .ctx = &w,
                                .record = take_document,
                                .bad = bad_document };
    enum err_code code = d.parser && w.inner ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");

    arena_init(&w.scratch, 8 * (size_t)MESSAGE_BYTES_MAX);
    gcp_answer_init(&w.answer, &w.c);
    if (code == ERR_OK)
        code = json_documents_read(&d, bytes, NULL, e);
    gcp_answer_done(&w.answer);
    arena_done(&w.scratch);
    json_parser_free(d.parser);
    json_parser_free(w.inner);
    return code;
}
