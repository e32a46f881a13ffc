/*
 * Chains of hash_part, each kind of key with its own start, so that equal parts in two kinds give two keys. Resource
 * ids and dimension names are folded to lower case here, not by callers: the same id comes upper-cased through one door
 * and as written through another (Azure's logs against its metrics).
 *
 * Dimensions have no order of their own; their hashes are summed, which needs neither sorting nor a limit.
 * Journal and archive carry these numbers: test_key holds literal values, and a change here is a change of format.
 */
#include "collector/model/key.h"

#include "collector/base/hash.h"

enum { FOLD = 256 };

/* hash_part of the lower-case text. Texts over FOLD bytes go in pieces behind their length. */
static uint64_t fold(uint64_t so_far, sv s)
{
    char lower[FOLD];

    if (s.len > FOLD)
        so_far = hash_u64(so_far, s.len);
    do {
        const size_t n = s.len < FOLD ? s.len : FOLD;

        for (size_t i = 0; i < n; i++)
            lower[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] + ('a' - 'A')) : s.at[i];
        so_far = hash_part(so_far, (sv){ lower, n });
        s = sv_skip(s, n);
    } while (s.len > 0);
    return so_far;
}

/* 0 means "no key" everywhere. */
static uint64_t never_zero(uint64_t key)
{
    return key ? key : 1;
}

uint64_t key_call(sv log, sv resource_id, sv call_id, uint64_t row_hash)
{
    uint64_t h = hash_part(0, SV("call row"));

    h = hash_part(h, log);
    h = fold(h, resource_id);
    h = hash_part(h, call_id);
    return never_zero(hash_u64(h, row_hash));
}

uint64_t key_of_call(sv resource_id, sv call_id)
{
    const uint64_t h = hash_part(0, SV("call"));

    return call_id.len == 0 ? 0 : never_zero(hash_part(fold(h, resource_id), call_id));
}

uint64_t key_series(const struct batch *b, enum platform p, sv resource_id, sv name, const struct key_value *dims,
                    size_t n)
{
    uint64_t h = hash_part(0, SV("series")), sum = 0;

    h = hash_part(h, sv_of(platform_name(p)));
    h = fold(h, resource_id);
    h = hash_part(h, name);
    for (size_t i = 0; i < n; i++)
        sum += hash_part(fold(0, batch_sv(b, dims[i].name)), dims[i].value);
    return never_zero(hash_u64(hash_u64(h, n), sum));
}

uint64_t key_measure(uint64_t series, int64_t start_unix_nano)
{
    return never_zero(hash_u64(series, (uint64_t)start_unix_nano));
}

uint64_t key_control(uint64_t series, int64_t start_unix_nano)
{
    return never_zero(hash_part(hash_u64(series, (uint64_t)start_unix_nano), SV("hour")));
}

uint64_t key_parts(const sv *parts, size_t n)
{
    uint64_t h = hash_u64(hash_part(0, SV("parts")), n);

    for (size_t i = 0; i < n; i++)
        h = hash_part(h, parts[i]);
    return never_zero(h);
}
