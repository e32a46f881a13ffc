/* What a request asks for, as a number; what a token says is page.c's. */
#include "tests/cloudsim/aws/aws_page.h"

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

bool aws_page_read(const struct exchange *x, const char *name, struct page *out)
{
    json token = json_get(aws_request(x)->body, sv_of(name));
    bool none = json_is_absent(token) || json_type(token) == JSON_NULL;

    return page_read(aws_of(x->sim)->world.seed, json_sv(token), aws_request_hash(x), x->now, out) &&
           (none || json_sv(token).len);
}

sv aws_page_token(struct exchange *x, const struct page *p)
{
    return page_token(aws_of(x->sim)->world.seed, &x->arena, p, p->at, p->within);
}

bool aws_page_empty(const struct page *p, unsigned one_in)
{
    return p->number == 0 && rng_name(p->request, (uint64_t)p->now) % one_in == 0;
}
