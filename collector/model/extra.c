/*
 * Leaves that no mapping knows. See the header.
 */
#include "collector/model/extra.h"

#include "collector/base/buf.h"

enum { SHAPE_DEPTH_MAX = 4, PATH_BYTES_MAX = 128 };

void extras_init(struct extras *x, struct arena *scratch, struct arena *keep)
{
    x->scratch = scratch;
    x->keep = keep;
    x->n = 0;
}

static bool add_extra(struct extras *x, sv name, sv value)
{
    if (!name.at || !value.at)
        return false;
    if (x->n < EXTRA_MAX)
        x->at[x->n++] = (struct extra){ name, value };
    return true;
}

static sv number_text(struct arena *a, double f)
{
    struct buf b;
    sv s;

    buf_init(&b, 64);
    buf_f64(&b, f);
    s = arena_copy(a, buf_sv(&b));
    buf_done(&b);
    return s;
}

static sv leaf_text(struct arena *a, json v)
{
    int64_t n;
    double f;
    bool b = false;

    switch (json_type(v)) {
    case JSON_STRING:
        return arena_copy(a, json_sv(v));
    case JSON_BOOL:
        json_bool(v, &b);
        return b ? SV("true") : SV("false");
    default:
        if (json_i64(v, &n))
            return arena_printf(a, "%lld", (long long)n);
        return json_f64(v, &f) ? number_text(a, f) : SV_NONE;
    }
}

static bool is_nothing(json v)
{
    enum json_type t = json_type(v);

    return t == JSON_ABSENT || t == JSON_NULL || (t == JSON_STRING && json_sv(v).len == 0);
}

bool extra_value(struct extras *x, sv name, json v)
{
    if (is_nothing(v) || x->n == EXTRA_MAX)
        return true;
    if (json_type(v) == JSON_ARRAY || json_type(v) == JSON_OBJECT || json_sv(v).len > EXTRA_TEXT_MAX)
        return extra_shape(x, name, v);
    return add_extra(x, arena_copy(x->scratch, name), leaf_text(x->keep, v));
}

static sv shape_text(struct arena *a, json v)
{
    switch (json_type(v)) {
    case JSON_STRING:
        return arena_printf(a, "string %zu", json_sv(v).len);
    case JSON_BOOL:
        return SV("bool");
    case JSON_ARRAY:
        return arena_printf(a, "array %zu", json_count(v));
    case JSON_OBJECT:
        return arena_printf(a, "object %zu", json_count(v));
    default:
        return SV("number");
    }
}

/* A key is the cloud's word, but what is no identifier may be somebody's text. */
static bool is_key(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ' || (unsigned char)s.at[i] >= 0x7f)
            return false;
    return s.len > 0 && s.len <= PATH_BYTES_MAX / 2;
}

static bool shape(struct extras *x, sv path, json v, int depth)
{
    struct json_iter it;
    sv key, below;
    json item;

    if (is_nothing(v) || x->n == EXTRA_MAX)
        return true;
    if (json_type(v) != JSON_OBJECT || depth == SHAPE_DEPTH_MAX || path.len > PATH_BYTES_MAX)
        return add_extra(x, path, shape_text(x->keep, v));
    for (it = json_members(v); json_member(&it, &key, &item);) {
        below = arena_printf(x->scratch, "%.*s/%.*s", SV_ARG(path), SV_ARG(is_key(key) ? key : SV("?")));
        if (!below.at || !shape(x, below, item, depth + 1))
            return false;
        if (x->n == EXTRA_MAX)
            break;
    }
    return true;
}

bool extra_shape(struct extras *x, sv path, json v)
{
    if (is_nothing(v) || x->n == EXTRA_MAX)
        return true;
    path = arena_copy(x->scratch, is_key(path) ? path : SV("?"));
    return path.at && shape(x, path, v, 0);
}

bool extras_keep(struct batch *b, const struct extras *x, struct key_value **at, size_t *n)
{
    struct key_value *kept = x->n ? arena_array(b->arena, x->n, sizeof *kept) : NULL;

    if (x->n && !kept)
        return false;
    for (size_t i = 0; i < x->n; i++)
        kept[i] = (struct key_value){ .name = batch_sym(b, x->at[i].name), .value = x->at[i].value };
    *at = kept;
    *n = x->n;
    return true;
}
