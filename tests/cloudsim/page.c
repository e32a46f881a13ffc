/* A token is the page's numbers in hexadecimal, with a sum that keeps guesses out. */
#include "tests/cloudsim/page.h"

#include <inttypes.h>

#include "tests/cloudsim/rng.h"

static uint64_t sum_of(uint64_t seed, const struct page *p)
{
    uint64_t h = rng_name(rng_name(seed, p->request), (uint64_t)p->now);

    return rng_name(rng_name(rng_name(h, p->at), p->within), p->number);
}

/* The next number of a token; false when it is none. */
static bool take_hex(sv *rest, uint64_t *out)
{
    sv word = sv_cut(rest, '.');

    *out = 0;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.at[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return word.len > 0 && word.len <= 16;
}

bool page_read(uint64_t seed, sv token, uint64_t request, int64_t now, struct page *out)
{
    uint64_t then, number, sum;

    *out = (struct page){ .request = request, .now = now };
    if (!token.len)
        return true;
    if (!take_hex(&token, &then) || !take_hex(&token, &out->at) || !take_hex(&token, &out->within) ||
        !take_hex(&token, &number) || !take_hex(&token, &sum))
        return false;
    out->now = (int64_t)then;
    out->number = (unsigned)number;
    return token.len == 0 && sum == sum_of(seed, out);
}

sv page_token(uint64_t seed, struct arena *a, const struct page *p, uint64_t at, uint64_t within)
{
    struct page next = { p->request, p->now, at, within, p->number + 1 };

    return arena_printf(a, "%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%x.%" PRIx64, (uint64_t)next.now, at, within,
                        next.number, sum_of(seed, &next));
}
