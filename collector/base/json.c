/*
 * Walking simdjson's tape. A word is a type byte (top 8 bits) and a payload: for '{' and '[' the low 32 bits hold the
 * index behind the closing word and the next 24 bits a saturating count; for '"' the payload is an offset into the
 * string buffer, where a 32-bit length stands before the bytes; numbers ('l', 'u', 'd') use a second word.
 */
#include "collector/base/json.h"

#include <math.h>
#include <stdlib.h>

#include "collector/base/hash.h"
#include "collector/base/memory.h"

enum { EQUAL_KEYS_WITHIN = 64 };

struct json_tape {
    const uint64_t *tape;
    const unsigned char *strings;
    const char *error;
    bool no_memory;
};

void *json_dom_new(size_t limit_bytes, size_t depth);
void json_dom_free(void *dom);
struct json_tape json_dom_parse(void *dom, const char *text, size_t len);

struct json_parser {
    void *dom;
    size_t limit_bytes;
};

static const json absent = { NULL, NULL, 0 };

struct json_parser *json_parser_new(size_t limit_bytes)
{
    struct json_parser *p = memory_zeroed(1, sizeof *p);

    if (!p)
        return NULL;
    p->limit_bytes = limit_bytes ? limit_bytes : 16 << 20;
    p->dom = json_dom_new(p->limit_bytes, JSON_DEPTH_MAX);
    if (!p->dom) {
        memory_note_refusal();
        free(p);
        return NULL;
    }
    return p;
}

void json_parser_free(struct json_parser *p)
{
    if (p)
        json_dom_free(p->dom);
    free(p);
}

enum err_code json_parse(struct json_parser *p, sv text, json *root, struct err *e)
{
    struct json_tape t;

    if (text.len > p->limit_bytes)
        return err_set(e, ERR_LIMIT, "json: %zu bytes, limit %zu", text.len, p->limit_bytes);
    if (text.len == 0)
        return err_set(e, ERR_PARSE, "json: empty text");
    t = json_dom_parse(p->dom, text.at, text.len);
    if (t.no_memory)
        memory_note_refusal();
    if (t.error)
        return err_set(e, t.no_memory ? ERR_LIMIT : ERR_PARSE, "json: %s", t.error);
    *root = (json){ t.tape, t.strings, 1 };
    return ERR_OK;
}

static char tag(json v)
{
    return (char)(v.tape[v.at] >> 56); /* NOLINT(clang-analyzer-core.NullDereference): all look at json_type first */
}

static uint64_t payload(json v)
{
    return v.tape[v.at] & UINT64_C(0x00ffffffffffffff);
}

enum json_type json_type(json v)
{
    if (json_is_absent(v))
        return JSON_ABSENT;
    switch (tag(v)) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'l':
        return JSON_INT;
    case 'u':
        return JSON_UINT;
    case 'd':
        return JSON_DOUBLE;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_ABSENT;
    }
}

/* Index of the word behind this value. */
static uint32_t behind(json v)
{
    switch (tag(v)) {
    case '{':
    case '[':
        return (uint32_t)payload(v);
    case 'l':
    case 'u':
    case 'd':
        return v.at + 2;
    default:
        return v.at + 1;
    }
}

static sv string_at(json v)
{
    const unsigned char *p = v.strings + payload(v);
    uint32_t len;

    memcpy(&len, p, sizeof len);
    return sv_make(p + sizeof len, len);
}

static struct json_iter inside(json v, enum json_type want)
{
    struct json_iter it = { v, 0 };

    if (json_type(v) == want) {
        it.end = behind(v) - 1;
        it.at.at++;
    } else {
        it.at.at = 0;
    }
    return it;
}

struct json_iter json_items(json array)
{
    return inside(array, JSON_ARRAY);
}

struct json_iter json_members(json object)
{
    return inside(object, JSON_OBJECT);
}

bool json_item(struct json_iter *it, json *value)
{
    if (it->at.at >= it->end)
        return false;
    *value = it->at;
    it->at.at = behind(it->at);
    return true;
}

/* A member as it stands, said again later or not. */
static bool next_member(struct json_iter *it, sv *key, json *value)
{
    if (it->at.at >= it->end)
        return false;
    *key = string_at(it->at);
    it->at.at++;
    return json_item(it, value);
}

/* Whether one of the next members has this key: then that one counts. Not the whole object is looked at, or one of a million
 * members would take for ever. */
static bool said_again(struct json_iter it, sv key)
{
    json value;
    sv other;

    for (int i = 0; i < EQUAL_KEYS_WITHIN && next_member(&it, &other, &value); i++)
        if (sv_eq(key, other))
            return true;
    return false;
}

bool json_member(struct json_iter *it, sv *key, json *value)
{
    do
        if (!next_member(it, key, value))
            return false;
    while (said_again(*it, *key));
    return true;
}

size_t json_count(json v)
{
    struct json_iter it;
    size_t n = 0;
    sv key;
    json item;

    if (json_type(v) == JSON_ARRAY)
        for (it = json_items(v); json_item(&it, &item);)
            n++;
    else
        for (it = json_members(v); next_member(&it, &key, &item);)
            n++;
    return n;
}

json json_get(json object, sv key)
{
    json out = absent;

    json_pick(object, &key, 1, &out);
    return out;
}

json json_path(json object, const char *path)
{
    sv rest = sv_of(path);

    while (rest.len)
        object = json_get(object, sv_cut(&rest, '/'));
    return object;
}

void json_pick(json object, const sv *keys, size_t n, json *out)
{
    struct json_iter it = json_members(object);
    sv key;
    json value;

    for (size_t i = 0; i < n; i++)
        out[i] = absent;
    while (next_member(&it, &key, &value))
        for (size_t i = 0; i < n; i++)
            if (sv_eq(key, keys[i])) {
                out[i] = value;
                break;
            }
}

sv json_sv(json v)
{
    return json_type(v) == JSON_STRING ? string_at(v) : SV_NONE;
}

bool json_bool(json v, bool *out)
{
    if (json_type(v) == JSON_BOOL)
        *out = tag(v) == 't';
    else if (sv_eq_nocase(json_sv(v), SV("true")) || sv_eq_nocase(json_sv(v), SV("false")))
        *out = json_sv(v).len == 4;
    else
        return false;
    return true;
}

static double double_at(json v)
{
    double d;

    memcpy(&d, &v.tape[v.at + 1], sizeof d);
    return d;
}

static bool integral(double d, int64_t *out)
{
    if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != trunc(d))
        return false;
    *out = (int64_t)d;
    return true;
}

bool json_i64(json v, int64_t *out)
{
    double d;

    switch (json_type(v)) {
    case JSON_INT:
        *out = (int64_t)v.tape[v.at + 1];
        return true;
    case JSON_DOUBLE:
        return integral(double_at(v), out);
    case JSON_STRING:
        return sv_to_i64(json_sv(v), out) || (sv_to_f64(json_sv(v), &d) && integral(d, out));
    default:
        return false; /* JSON_UINT holds only what int64 cannot */
    }
}

bool json_f64(json v, double *out)
{
    switch (json_type(v)) {
    case JSON_INT:
        *out = (double)(int64_t)v.tape[v.at + 1];
        return true;
    case JSON_UINT:
        *out = (double)v.tape[v.at + 1];
        return true;
    case JSON_DOUBLE:
        *out = double_at(v);
        return true;
    case JSON_STRING:
        return sv_to_f64(json_sv(v), out);
    default:
        return false;
    }
}

bool json_time(json v, int64_t *unix_nano)
{
    return sv_to_time(json_sv(v), unix_nano);
}

uint64_t json_hash(uint64_t h, json v)
{
    struct json_iter it;
    uint64_t sum = 0, bits;
    bool yes = false;
    int64_t n;
    double f;
    sv key;
    json item;

    switch (json_type(v)) {
    case JSON_STRING:
        return hash_part(h, json_sv(v));
    case JSON_BOOL:
        (void)json_bool(v, &yes);
        return hash_u64(hash_u64(h, JSON_BOOL), yes);
    case JSON_ARRAY:
        for (it = json_items(v); json_item(&it, &item);)
            h = json_hash(hash_u64(h, JSON_ARRAY), item);
        return h;
    case JSON_OBJECT:
        for (it = json_members(v); json_member(&it, &key, &item);)
            sum += json_hash(hash_part(JSON_OBJECT, key), item);
        return hash_u64(h, sum);
    default:
        if (json_i64(v, &n))
            return hash_u64(hash_u64(h, JSON_INT), (uint64_t)n);
        if (!json_f64(v, &f))
            return hash_u64(h, JSON_NULL);
        memcpy(&bits, &f, sizeof bits);
        return hash_u64(hash_u64(h, JSON_DOUBLE), bits);
    }
}
