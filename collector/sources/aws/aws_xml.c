/*
 * One pass from tag to tag with a small stack of names. An end tag that fits no open element ends the reading: what
 * comes after it cannot be trusted to stand where it seems to.
 */
#include "collector/sources/aws/aws_xml.h"

#include "collector/base/buf.h"

struct reader {
    sv rest;
    sv stack[AWS_XML_DEPTH_MAX];
    size_t depth;
    sv parent, name;
    size_t wanted; /* depth of the element that is read, 0: none yet */
    struct buf text;
    bool found;
};

/* ---- Text ---- */

static size_t utf8(uint32_t c, char out[4])
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* "#65" or "#x41": 0 for anything else. */
static uint32_t numeric(sv s)
{
    bool hexadecimal = s.len > 1 && (s.at[1] == 'x' || s.at[1] == 'X');
    uint32_t c = 0;

    s = sv_skip(s, hexadecimal ? 2 : 1);
    if (s.len == 0 || s.len > 7)
        return 0;
    for (size_t i = 0; i < s.len; i++) {
        char d = s.at[i] >= 'A' && s.at[i] <= 'F' ? (char)(s.at[i] + 32) : s.at[i];
        uint32_t v = d >= '0' && d <= '9' ? (uint32_t)(d - '0') : d >= 'a' && d <= 'f' ? (uint32_t)(d - 'a') + 10 : 99;

        if (v >= (hexadecimal ? 16U : 10U))
            return 0;
        c = c * (hexadecimal ? 16 : 10) + v;
    }
    return c;
}

/* False: no entity; the ampersand stands for itself. */
static bool put_entity(struct buf *b, sv name)
{
    static const struct {
        sv name;
        char c;
    } known[] = {
        { SVT("amp"), '&' }, { SVT("lt"), '<' }, { SVT("gt"), '>' }, { SVT("quot"), '"' }, { SVT("apos"), '\'' }
    };
    char bytes[4];
    size_t n;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sv_eq(known[i].name, name)) {
            buf_putc(b, known[i].c);
            return true;
        }
    n = sv_starts(name, SV("#")) ? utf8(numeric(name), bytes) : 0;
    buf_put(b, sv_make(bytes, n));
    return n > 0;
}

static void put_text(struct buf *b, sv s)
{
    while (s.len) {
        size_t at = sv_find(s, '&'), end;

        buf_put(b, sv_first(s, at));
        s = sv_skip(s, at);
        if (s.len == 0)
            return;
        end = sv_find(s, ';');
        if (end < s.len && end <= 10 && put_entity(b, sv_make(s.at + 1, end - 1))) {
            s = sv_skip(s, end + 1);
        } else {
            buf_putc(b, '&');
            s = sv_skip(s, 1);
        }
    }
}

/* ---- Tags ---- */

/* Skips to behind `mark`; false when it does not come. *before is what stood there. */
static bool skip_past(sv *s, sv mark, sv *before)
{
    const char *p = s->len ? memmem(s->at, s->len, mark.at, mark.len) : NULL;

    if (!p)
        return false;
    *before = sv_make(s->at, (size_t)(p - s->at));
    *s = sv_skip(*s, before->len + mark.len);
    return true;
}

/* Length of a tag up to its '>', which quotes may hide. */
static size_t tag_len(sv s)
{
    char quote = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (quote)
            quote = s.at[i] == quote ? 0 : quote;
        else if (s.at[i] == '"' || s.at[i] == '\'')
            quote = s.at[i];
        else if (s.at[i] == '>')
            return i;
    }
    return s.len;
}

static sv local_name(sv tag)
{
    size_t n = 0;

    while (n < tag.len && !strchr(" \t\r\n/", tag.at[n]))
        n++;
    tag = sv_first(tag, n);
    return sv_skip(tag, sv_find(tag, ':') < tag.len ? sv_find(tag, ':') + 1 : 0);
}

static bool open_tag(struct reader *r, sv tag)
{
    sv name = local_name(tag);

    if (name.len == 0 || r->depth == AWS_XML_DEPTH_MAX)
        return false;
    if (!r->wanted && r->depth && sv_eq(name, r->name) && sv_eq(r->stack[r->depth - 1], r->parent)) {
        r->wanted = r->depth + 1;
        r->found = sv_ends(tag, SV("/"));
    }
    if (!sv_ends(tag, SV("/")))
        r->stack[r->depth++] = name;
    return true;
}

static bool close_tag(struct reader *r, sv tag)
{
    if (r->depth == 0 || !sv_eq(r->stack[r->depth - 1], local_name(tag)))
        return false;
    r->found = r->wanted == r->depth;
    r->depth--;
    return true;
}

/* One piece of markup, at whose '<' the rest stands. */
static bool markup(struct reader *r)
{
    sv skipped = SV_NONE, tag;

    if (sv_starts(r->rest, SV("<?")))
        return skip_past(&r->rest, SV("?>"), &skipped);
    if (sv_starts(r->rest, SV("<!--")))
        return skip_past(&r->rest, SV("-->"), &skipped);
    if (sv_starts(r->rest, SV("<![CDATA["))) {
        if (!skip_past(&r->rest, SV("]]>"), &skipped))
            return false;
        if (r->wanted == r->depth)
            buf_put(&r->text, sv_skip(skipped, 9));
        return true;
    }
    if (sv_starts(r->rest, SV("<!")))
        return false;
    tag = sv_skip(r->rest, 1);
    tag = sv_first(tag, tag_len(tag));
    if (tag.len + 2 > r->rest.len)
        return false;
    r->rest = sv_skip(r->rest, tag.len + 2);
    return sv_starts(tag, SV("/")) ? close_tag(r, sv_skip(tag, 1)) : open_tag(r, tag);
}

bool aws_xml_text(sv document, sv parent, sv name, struct arena *a, sv *out)
{
    struct reader r = { .rest = document, .parent = parent, .name = name };
    sv copy = { NULL, 0 };

    buf_init(&r.text, document.len + 1);
    while (!r.found && r.rest.len) {
        size_t at = sv_find(r.rest, '<');

        if (r.wanted && r.wanted == r.depth)
            put_text(&r.text, sv_first(r.rest, at));
        r.rest = sv_skip(r.rest, at);
        if (r.rest.len == 0 || !markup(&r))
            break;
    }
    if (r.found && !r.text.failed)
        copy = arena_copy(a, sv_trim(buf_sv(&r.text)));
    if (r.text.at)
        explicit_bzero(r.text.at, r.text.len); /* it may be a key */
    buf_done(&r.text);
    if (copy.at)
        *out = copy;
    return copy.at != NULL;
}
