/*
 * Cutting is linear: the search for a closing bracket looks at the line first, which is enough for JSON lines, and what it
 * may look at beyond that in vain is a budget.
 */
#include "collector/base/json_documents.h"

enum { VAIN_SEARCHES = 16 };

struct reading {
    const struct json_documents *d;
    size_t n;      /* records so far */
    size_t budget; /* bytes that searching in vain for closing brackets may still look at: keeps hostile input linear */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == 0x1e || c == 0;
}

/* Length of the document that begins at s.at[0], a bracket; 0 when it does not end in `s`. */
static size_t document_end(sv s)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* Where the next line begins with a bracket, from 1 on; s.len when none does. */
static size_t next_start(sv s)
{
    for (size_t i = 1; i < s.len; i++)
        if (s.at[i - 1] == '\n' && (s.at[i] == '{' || s.at[i] == '['))
            return i;
    return s.len;
}

static size_t find_document(struct reading *r, sv s)
{
    size_t n = document_end(sv_first(s, sv_find(s, '\n')));

    if (n || s.len > r->budget)
        return n;
    n = document_end(s);
    r->budget -= n ? 0 : s.len;
    return n;
}

static enum err_code take(struct reading *r, json record, sv bytes, struct err *e)
{
    return r->d->record(r->d->ctx, record, ++r->n, bytes, e);
}

static enum err_code set_aside(struct reading *r, sv bytes, struct err *e)
{
    return r->d->bad(r->d->ctx, ++r->n, bytes, e);
}

static enum err_code take_parsed(struct reading *r, json root, sv bytes, struct err *e)
{
    json records = json_get(root, sv_of(r->d->list)), item;
    enum err_code code = ERR_OK;
    struct json_iter it;

    if (json_type(root) == JSON_ARRAY)
        records = root;
    if (json_type(records) != JSON_ARRAY)
        return take(r, root, bytes, e);
    for (it = json_items(records); !code && json_item(&it, &item);)
        code = take(r, item, SV_NONE, e);
    return code;
}

static sv after_blanks(sv s)
{
    while (s.len && is_blank(*s.at))
        s = sv_skip(s, 1);
    return s;
}

/* What stands inside of {"records":[ ... or of a bare array; empty when the document is neither. */
static sv inside_records(const struct reading *r, sv document)
{
    sv s = document, list = sv_of(r->d->list);

    if (*s.at == '[')
        return sv_skip(s, 1);
    s = after_blanks(sv_skip(s, 1));
    if (!sv_starts(s, SV("\"")) || !sv_starts(sv_skip(s, 1), list) || !sv_starts(sv_skip(s, 1 + list.len), SV("\"")))
        return SV_NONE;
    s = sv_trim(sv_skip(s, list.len + 2));
    s = sv_starts(s, SV(":")) ? sv_trim(sv_skip(s, 1)) : SV_NONE;
    return sv_starts(s, SV("[")) ? sv_skip(s, 1) : SV_NONE;
}

/* The records of a message that does not parse as a whole, each alone; what is left when none begins is set aside. */
static enum err_code take_singly(struct reading *r, sv records, struct err *e)
{
    enum err_code code = ERR_OK;
    sv s = after_blanks(records);

    for (; !code && s.len && *s.at == '{'; s = after_blanks(s)) {
        size_t n = document_end(s);
        sv one = n ? sv_first(s, n) : s;
        json root;

        if (n && json_parse(r->d->parser, one, &root, NULL) == ERR_OK)
            code = take(r, root, one, e);
        else
            code = set_aside(r, one, e);
        s = sv_skip(s, one.len);
    }
    if (!code && s.len && *s.at != ']')
        code = set_aside(r, sv_trim(s), e);
    return code;
}

/* What is no document, from the front of *s: up to its end or to where the next one may begin. */
static enum err_code take_bad(struct reading *r, sv *s, size_t end, struct err *e)
{
    sv bad = end ? sv_first(*s, end) : *s, records;
    size_t n = next_start(bad);

    bad = sv_first(bad, n);
    records = *bad.at == '{' || *bad.at == '[' ? inside_records(r, bad) : SV_NONE;
    *s = sv_skip(*s, n);
    return records.len ? take_singly(r, records, e) : set_aside(r, sv_trim(bad), e);
}

/* One document from the front of *s. False: an incomplete last one, left to the next read. */
static bool take_next(struct reading *r, sv *s, bool more_comes, enum err_code *code, struct err *e)
{
    bool opens = *s->at == '{' || *s->at == '[';
    size_t n = opens ? find_document(r, *s) : 0;
    sv document = sv_first(*s, n);
    json root;

    if (opens && n == 0 && more_comes && next_start(*s) == s->len)
        return false;
    if (n == 0 || json_parse(r->d->parser, document, &root, NULL)) {
        *code = take_bad(r, s, n, e);
    } else {
        *code = take_parsed(r, root, document, e);
        *s = sv_skip(*s, n);
    }
    return true;
}

enum err_code json_documents_read(const struct json_documents *d, sv bytes, size_t *used, struct err *e)
{
    struct reading r = { .d = d,
                         .budget = bytes.len < SIZE_MAX / VAIN_SEARCHES ? bytes.len * VAIN_SEARCHES : bytes.len };
    enum err_code code = ERR_OK;
    const sv mark = SV("\xef\xbb\xbf");
    sv s = bytes;

    if (sv_starts(s, mark))
        s = sv_skip(s, mark.len);
    else if (used && sv_starts(mark, s)) /* a blob that has only begun */
        s = SV_NONE;
    for (s = after_blanks(s); !code && s.len; s = after_blanks(s))
        if (!take_next(&r, &s, used != NULL, &code, e))
            break;
    if (!code && used)
        *used = bytes.len < mark.len && sv_starts(mark, bytes) ? 0 : bytes.len - s.len;
    return code;
}
