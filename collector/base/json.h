/*
 * JSON, read with simdjson's DOM behind one crossing per document, walked in C.
 *
 * json_parse() hands the text to the parser once. What comes back is the parser's tape (a documented flat format: one
 * 64-bit word per value, strings unescaped and validated in a side buffer); the functions below walk it without
 * leaving C. Rules: objects are searched linearly and the LAST of equal keys counts; integers stay exact
 * 64-bit; a number out of range, invalid UTF-8, nesting over JSON_DEPTH_MAX or a text over the parser's limit
 * fails the document.
 *
 * Ownership:     the parser owns all values it returned; the next json_parse() with it ends them. Values are small
 *                and passed by value; views point into the parser (strings) and live as long.
 * Errors:        accessors never fail: a missing or wrongly typed value reads as absent (json_is_absent) or as the
 *                "not ok" result of its accessor. No pointer is taken from a value of another type.
 * Thread-safety: one parser, one thread.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "collector/base/err.h"
#include "collector/base/sv.h"

enum { JSON_DEPTH_MAX = 64 };

struct json_parser;

enum json_type {
    JSON_ABSENT,
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_UINT,
    JSON_DOUBLE,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

typedef struct json {
    const uint64_t *tape; /* NULL: absent */
    const unsigned char *strings;
    uint32_t at;
} json;

/* `limit_bytes` bounds a document (0: 16 MiB). NULL when memory is out. */
struct json_parser *json_parser_new(size_t limit_bytes);
void json_parser_free(struct json_parser *p);

/* ERR_PARSE with the parser's own words, or ERR_LIMIT. */
MUST_USE enum err_code json_parse(struct json_parser *p, sv text, json *root, struct err *e);

enum json_type json_type(json v);
static inline bool json_is_absent(json v)
{
    return v.tape == NULL;
}

/* Member of an object / absent. json_path: keys separated by '/', "properties/model/name". */
json json_get(json object, sv key);
json json_path(json object, const char *path);

/* One pass over an object: out[i] gets the value of keys[i], absent when there is none. */
void json_pick(json object, const sv *keys, size_t n, json *out);

/* for (struct json_iter it = json_items(array); json_item(&it, &value);) ... */
struct json_iter {
    json at;
    uint32_t end;
};
struct json_iter json_items(json array);           /* empty for anything else */
bool json_item(struct json_iter *it, json *value); /* false at the end */
struct json_iter json_members(json object);
bool json_member(struct json_iter *it, sv *key, json *value); /* of equal keys (within 64 members) the last one alone */
size_t json_count(json v);

/* Typed reads. The view is empty for anything but a string. */
sv json_sv(json v);
bool json_bool(json v, bool *out);

/* Numbers as the clouds send them: a JSON number, or a string holding one. Doubles with an integral value are taken as
 * integers when exactly representable. */
bool json_i64(json v, int64_t *out);
bool json_f64(json v, double *out);
bool json_time(json v, int64_t *unix_nano); /* a string that sv_to_time reads */

/* Hash of all that the value says, chained to `h`: the order of members does not matter, numbers count by value. The same
 * on every machine and in every release, since keys of records are made of it. */
uint64_t json_hash(uint64_t h, json v);

#endif
