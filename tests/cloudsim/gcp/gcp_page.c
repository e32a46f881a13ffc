/* A token is the page's numbers in hexadecimal, with a sum that keeps guesses out. */
#include "tests/cloudsim/gcp/gcp_page.h"

#include <inttypes.h>

#include "tests/cloudsim/gcp/gcp.h"
#include "tests/cloudsim/rng.h"

#define TOKEN_LIFE_NS (24 * NANO_PER_H)

static uint64_t sum_of(const struct exchange *x, const struct gcp_page *p)
{
    uint64_t h = rng_name(rng_name(gcp_of(x->sim)->world.seed, p->request), (uint64_t)p->now);

    return rng_name(rng_name(h, p->at), p->number);
}

/* The next number of a token; false when it is none. */
static bool take_hex(sv *rest, uint64_t *out)
{
    sv word = sv_cut(rest, '-');

    *out = 0;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.at[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return word.len > 0 && word.len <= 16;
}

bool gcp_page_read(const struct exchange *x, sv token, uint64_t request, struct gcp_page *out)
{
    uint64_t now, number, sum;

    *out = (struct gcp_page){ .request = request, .now = x->now };
    if (!token.len)
        return true;
    if (!take_hex(&token, &now) || !take_hex(&token, &out->at) || !take_hex(&token, &number) || !take_hex(&token, &sum))
        return false;
    out->now = (int64_t)now;
    out->number = (unsigned)number;
    return token.len == 0 && sum == sum_of(x, out) && x->now - out->now < TOKEN_LIFE_NS;
}

sv gcp_page_token(struct exchange *x, const struct gcp_page *p, uint64_t at)
{
    struct gcp_page next = *p;

    next.number++;
    next.at = at;
    return arena_printf(&x->arena, "%" PRIx64 "-%" PRIx64 "-%x-%" PRIx64, (uint64_t)next.now, at, next.number,
                        sum_of(x, &next));
}

void gcp_parameters_read(struct exchange *x, sv query, struct gcp_parameters *out)
{
    out->n = 0;
    while (query.len && out->n < GCP_PARAMETERS_MAX) {
        sv pair = sv_cut(&query, '&'), name = sv_cut(&pair, '=');

        out->at[out->n].name = exchange_decode(x, name);
        out->at[out->n++].value = exchange_decode(x, pair);
    }
}

sv gcp_parameter(const struct gcp_parameters *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (sv_eq(p->at[i].name, sv_of(name)))
            return p->at[i].value;
    return SV_NONE;
}

sv gcp_query(const struct exchange *x)
{
    sv target = http_server_raw_target(x->q);

    return sv_skip(target, sv_find(target, '?') + 1);
}

const struct gcp_project *gcp_readable_project(struct exchange *x, sv id_or_number)
{
    const struct gcp_project *p = gcp_project_find(&gcp_of(x->sim)->world, id_or_number);

    if (p && p->kind == GCP_MEMBER)
        return p;
    gcp_refuse_reason(x, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "iam.googleapis.com",
                      "Permission denied on resource project %.*s (or it may not exist).", SV_ARG(id_or_number));
    return NULL;
}
