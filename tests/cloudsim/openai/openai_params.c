/*
 * What is asked: arrays in both spellings (`group_by[]=a&group_by[]=b` and without brackets), numbers within their
 * bounds, and the pages of usage and costs. A cursor names the first bucket of its page and all other parameters, so a
 * client that changes one between pages is told so. Names that nobody knows are refused: a typo would else read as
 * "without a filter".
 */
#include <stdlib.h>
#include <string.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"

#define INVALID "invalid_request_error"

static sv base_name(sv name)
{
    return sv_ends(name, SV("[]")) ? sv_first(name, name.len - 2) : name;
}

static bool is_known(const char *const *known, sv name)
{
    for (; *known; known++)
        if (sv_eq(sv_of(*known), name))
            return true;
    return false;
}

bool openai_params_read(struct exchange *x, const char *const *known, struct openai_params *out)
{
    sv rest = http_server_raw_target(x->q);

    *out = (struct openai_params){ .n = 0 };
    sv_cut(&rest, '?');
    while (rest.len) {
        sv value = sv_cut(&rest, '&'), raw = sv_cut(&value, '=');
        sv name = base_name(exchange_decode(x, raw));

        if (!is_known(known, name) || out->n == OPENAI_PARAMS_MAX) {
            openai_refuse(x, 400, INVALID, NULL, NULL, "Unrecognized request argument supplied: %.*s",
                          SV_ARG(sv_first(name, 80)));
            return false;
        }
        value = exchange_decode(x, value);
        out->at[out->n++] = (struct openai_param){ name, value };
        if (!sv_eq(name, SV("page")) && !sv_eq(name, SV("after")) && !sv_eq(name, SV("before")))
            out->hash += hash_u64(hash64(name), hash64(value)); /* in any order */
    }
    return true;
}

sv openai_param(const struct openai_params *p, const char *name)
{
    for (unsigned i = 0; i < p->n; i++)
        if (sv_eq(p->at[i].name, sv_of(name)))
            return p->at[i].value;
    return SV_NONE;
}

bool openai_allows(const struct openai_params *p, const char *name, sv value)
{
    bool any = false;

    for (unsigned i = 0; i < p->n; i++) {
        if (!sv_eq(p->at[i].name, sv_of(name)))
            continue;
        any = true;
        if (sv_eq(p->at[i].value, value))
            return true;
    }
    return !any;
}

bool openai_number(struct exchange *x, const struct openai_params *p, const char *name, int64_t dflt, int64_t least,
                   int64_t most, int64_t *out)
{
    sv text = openai_param(p, name);

    *out = dflt;
    if (text.len && !sv_to_i64(text, out))
        openai_refuse(x, 400, INVALID, NULL, name,
                      "Invalid type for '%s': expected an integer, but got a string instead.", name);
    else if (*out < least)
        openai_refuse(x, 400, INVALID, NULL, name,
                      "Invalid %s provided: %lld. %c%s must be greater than or equal to %lld.", name, (long long)*out,
                      name[0] ^ 32, name + 1, (long long)least);
    else if (*out > most)
        openai_refuse(x, 400, INVALID, NULL, name,
                      "Invalid %s provided: %lld. %c%s must be less than or equal to %lld.", name, (long long)*out,
                      name[0] ^ 32, name + 1, (long long)most);
    else
        return true;
    return false;
}

/* clang-format off */
static const struct { const char *name; int64_t seconds, dflt, most; } widths[] = {
    { "1d", 86400,  7,   31 },
    { "1h",  3600, 24,  168 },
    { "1m",    60, 60, 1440 },
};
/* clang-format on */

enum { WIDTHS = sizeof widths / sizeof widths[0], COSTS_DEFAULT = 7, COSTS_MOST = 180 };

static bool read_groups(struct exchange *x, const struct openai_params *p, unsigned dims, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < p->n; i++) {
        unsigned dim = 0;

        if (!sv_eq(p->at[i].name, SV("group_by")))
            continue;
        while (dim < OPENAI_DIMS && (!(dims & 1U << dim) || !sv_eq(p->at[i].value, sv_of(openai_dim_names[dim]))))
            dim++;
        if (dim == OPENAI_DIMS) {
            openai_refuse(x, 400, INVALID, NULL, "group_by", "Invalid group_by provided: %.*s.",
                          SV_ARG(sv_first(p->at[i].value, 80)));
            return false;
        }
        *out |= 1U << dim;
    }
    return true;
}

static bool read_width(struct exchange *x, const struct openai_params *p, bool costs, unsigned *out)
{
    sv text = openai_param(p, "bucket_width");

    *out = 0;
    while (text.len && *out < WIDTHS && !sv_eq(text, sv_of(widths[*out].name)))
        ++*out;
    if (*out < (costs ? 1 : WIDTHS))
        return true;
    openai_refuse(x, 400, INVALID, NULL, "bucket_width", "Invalid bucket_width provided: %.*s.",
                  SV_ARG(sv_first(text, 80)));
    return false;
}

/* The end, which some requests are refused for when it lies in the future [unverified]: a switch, and then one in
 * three. Nothing that did not begin yet is listed, whatever the end. */
static bool read_end(struct exchange *x, const struct openai_params *p, int64_t start, int64_t *end)
{
    int64_t now = x->now / NANO_PER_S;
    bool refused = x->sim->options.switches[SW_FUTURE_END] && rng_mix((uint64_t)now) % 3 == 0;

    if (!openai_number(x, p, "end_time", now + 1, 0, INT64_C(1) << 40, end))
        return false;
    if (*end > now + 1 && refused)
        openai_refuse(x, 400, INVALID, NULL, "end_time", "Invalid end_time provided: %lld is in the future.",
                      (long long)*end);
    else if (*end <= start)
        openai_refuse(x, 400, INVALID, NULL, "end_time",
                      "Invalid end_time provided: end_time must be after start_time.");
    else
        return true;
    return false;
}

static sv cursor_of(struct exchange *x, const struct openai_params *p, int64_t first)
{
    return arena_printf(&x->arena, "page_%016llx%010llx", (unsigned long long)p->hash, (unsigned long long)first);
}

static bool read_cursor(struct exchange *x, const struct openai_params *p, int64_t *first)
{
    sv cursor = openai_param(p, "page");
    char digits[11] = "";

    if (!cursor.len)
        return true;
    if (cursor.len == 5 + 16 + 10) {
        memcpy(digits, cursor.at + 5 + 16, 10);
        *first = (int64_t)strtoll(digits, NULL, 16);
        if (sv_eq(cursor, cursor_of(x, p, *first)))
            return true;
    }
    openai_refuse(x, 400, INVALID, NULL, "page", "Invalid page provided: it belongs to another request.");
    return false;
}

bool openai_page_read(struct exchange *x, const struct openai_params *p, unsigned dims, bool costs,
                      struct openai_page *out)
{
    int64_t start, end, limit, now = x->now / NANO_PER_S;
    unsigned w;

    if (!openai_param(p, "start_time").len) {
        openai_refuse(x, 400, INVALID, "missing_required_parameter", "start_time",
                      "Missing required parameter: 'start_time'.");
        return false;
    }
    if (!openai_number(x, p, "start_time", 0, 0, INT64_C(1) << 40, &start) || !read_end(x, p, start, &end) ||
        !read_width(x, p, costs, &w) || !read_groups(x, p, dims, &out->groups) ||
        !openai_number(x, p, "limit", costs ? COSTS_DEFAULT : widths[w].dflt, 1, costs ? COSTS_MOST : widths[w].most,
                       &limit))
        return false;
    end = end > now + 1 ? now + 1 : end;
    out->width_s = widths[w].seconds;
    out->from = start / out->width_s;
    out->until = end > start ? (end - 1) / out->width_s + 1 : out->from;
    out->first = out->from;
    if (!read_cursor(x, p, &out->first))
        return false;
    out->last = out->first + limit < out->until ? out->first + limit : out->until;
    return true;
}

/* Fault "partial": the cursor of the page itself, or of the second page, again and again. */
void openai_page_end(struct exchange *x, const struct openai_params *p, const struct openai_page *page, struct buf *b)
{
    int64_t next = page->last < page->until ? page->last : -1;

    if (x->fault && !strcmp(x->fault, "partial"))
        next = page->first > page->from ? page->first : page->first + 1;
    buf_printf(b, "],\"has_more\":%s,\"next_page\":", next < 0 ? "false" : "true");
    if (next < 0)
        buf_put(b, SV("null"));
    else
        buf_json(b, cursor_of(x, p, next));
    buf_putc(b, '}');
}

void openai_put_dim(struct buf *b, const struct openai_page *page, enum openai_dim dim, sv value)
{
    buf_printf(b, ",\"%s\":", openai_dim_names[dim]);
    if (!(page->groups & 1U << dim) || !value.at)
        buf_put(b, SV("null"));
    else if (dim == DIM_BATCH)
        buf_put(b, value);
    else
        buf_json(b, value);
}
