/* Any bytes: what is taken is walked whole, written, read again and written alike; a key leads to its last value. */
#include <stdlib.h>

#include "collector/base/buf.h"
#include "collector/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct buf *b, json v);

static void put_array(struct buf *b, json v)
{
    struct json_iter it;
    json item;
    size_t n = 0;

    buf_putc(b, '[');
    for (it = json_items(v); json_item(&it, &item); n++) {
        buf_put(b, n ? SV(",") : SV(""));
        put(b, item);
    }
    buf_putc(b, ']');
    if (n != json_count(v))
        abort();
}

static void put_object(struct buf *b, json v)
{
    struct json_iter it;
    json item;
    sv key;
    size_t n = 0;

    buf_putc(b, '{');
    for (it = json_members(v); json_member(&it, &key, &item); n++) {
        json found = n < 16 ? json_get(v, key) : item; /* the search is linear */

        if (json_is_absent(found) || found.at < item.at)
            abort();
        buf_put(b, n ? SV(",") : SV(""));
        buf_json(b, key);
        buf_putc(b, ':');
        put(b, item);
    }
    buf_putc(b, '}');
    if (n > json_count(v)) /* of equal keys the last one is walked */
        abort();
}

static void put_number(struct buf *b, json v)
{
    int64_t i;
    double d = 0;

    if (!json_f64(v, &d))
        abort();
    if (json_type(v) == JSON_INT && json_i64(v, &i))
        buf_i64(b, i);
    else if (json_type(v) == JSON_UINT && !json_i64(v, &i))
        buf_u64(b, v.tape[v.at + 1]);
    else if (json_type(v) == JSON_DOUBLE)
        buf_f64(b, d < 0 || d > 0 ? d : 0); /* -0.0 would come back as the integer 0 */
    else
        abort();
}

static void put(struct buf *b, json v)
{
    int64_t t;
    double d;
    bool yes = false;

    switch (json_type(v)) {
    case JSON_NULL:
        buf_put(b, SV("null"));
        break;
    case JSON_BOOL:
        if (!json_bool(v, &yes))
            abort();
        buf_put(b, yes ? SV("true") : SV("false"));
        break;
    case JSON_INT:
    case JSON_UINT:
    case JSON_DOUBLE:
        put_number(b, v);
        break;
    case JSON_STRING:
        json_time(v, &t);
        json_i64(v, &t);
        json_f64(v, &d);
        json_bool(v, &yes);
        buf_json(b, json_sv(v));
        break;
    case JSON_ARRAY:
        put_array(b, v);
        break;
    case JSON_OBJECT:
        put_object(b, v);
        break;
    case JSON_ABSENT:
    default:
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    struct buf first, second;
    json root;

    parser = parser ? parser : json_parser_new(1 << 20);
    if (!parser || json_parse(parser, sv_make(data, size), &root, NULL))
        return 0;
    buf_init(&first, 0);
    buf_init(&second, 0);
    put(&first, root);
    if (first.len <= 1 << 20) { /* escapes make it longer */
        if (first.failed || json_parse(parser, buf_sv(&first), &root, NULL))
            abort();
        put(&second, root);
        if (!sv_eq(buf_sv(&first), buf_sv(&second)))
            abort();
    }
    buf_done(&first);
    buf_done(&second);
    return 0;
}
