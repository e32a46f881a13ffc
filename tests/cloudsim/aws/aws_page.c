/* A token is the page's numbers in hexadecimal, with a sum that keeps guesses out. */
#include "tests/cloudsim/aws/aws_page.h"

#include <inttypes.h>

#include "collector/base/hash.h"

#include "tests/cloudsim/rng.h"

/* Any JSON value by its content; members in the order they came. */
static uint64_t hash_json(uint64_t h, json v, unsigned depth)
{
    json item;
    double number;
    bool flag;
    sv key;

    if (depth > 16)
        return h;
    h = hash_u64(h, (uint64_t)json_type(v));
    switch (json_type(v)) {
    case JSON_OBJECT:
        for (struct json_iter it = json_members(v); json_member(&it, &key, &item);)
            if (!sv_eq_nocase(key, SV("NextToken")))
                h = hash_json(hash_part(h, key), item, depth + 1);
        return h;
    case JSON_ARRAY:
        for (struct json_iter it = json_items(v); json_item(&it, &item);)
            h = hash_json(h, item, depth + 1);
        return h;
    case JSON_STRING:
        return hash_part(h, json_sv(v));
    case JSON_BOOL:
        return hash_u64(h, json_bool(v, &flag) && flag);
    case JSON_INT:
    case JSON_UINT:
    case JSON_DOUBLE:
        return json_f64(v, &number) ? hash_u64(h, (uint64_t)(number * 1000)) : h;
    case JSON_NULL:
    case JSON_ABSENT:
        break;
    }
    return h;
}

uint64_t aws_request_hash(const struct exchange *x)
{
    uint64_t h = hash_part(hash64(aws_request(x)->account->id), aws_request(x)->region);

    return hash_json(hash_part(h, aws_request(x)->service), aws_request(x)->body, 0);
}

static uint64_t sum_of(const struct exchange *x, const struct aws_page *p)
{
    uint64_t h = rng_name(rng_name(aws_of(x->sim)->world.seed, p->request), (uint64_t)p->now);

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

bool aws_page_read(const struct exchange *x, const char *name, struct aws_page *out)
{
    json token = json_get(aws_request(x)->body, sv_of(name));
    uint64_t now, number, sum;
    sv rest = json_sv(token);

    *out = (struct aws_page){ .request = aws_request_hash(x), .now = x->now };
    if (json_type(token) != JSON_STRING)
        return json_is_absent(token) || json_type(token) == JSON_NULL;
    if (!take_hex(&rest, &now) || !take_hex(&rest, &out->at) || !take_hex(&rest, &out->within) ||
        !take_hex(&rest, &number) || !take_hex(&rest, &sum))
        return false;
    out->now = (int64_t)now;
    out->number = (unsigned)number;
    return rest.len == 0 && sum == sum_of(x, out);
}

sv aws_page_token(struct exchange *x, const struct aws_page *p)
{
    struct aws_page next = *p;

    next.number++;
    return arena_printf(&x->arena, "%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%x.%" PRIx64, (uint64_t)next.now, next.at,
                        next.within, next.number, sum_of(x, &next));
}

bool aws_page_empty(const struct aws_page *p, unsigned one_in)
{
    return p->number == 0 && rng_name(p->request, (uint64_t)p->now) % one_in == 0;
}
