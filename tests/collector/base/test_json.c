/* JSON as the clouds send it, and what must be refused. */
#include <stdlib.h>

#include "collector/base/buf.h"
#include "collector/base/json.h"

#include "tests/tap.h"

static struct json_parser *parser;
static struct err e;

static json parse(const char *text)
{
    json root = { NULL, NULL, 0 };

    if (json_parse(parser, sv_of(text), &root, &e))
        printf("# %s\n", e.text);
    return root;
}

static bool refused(sv text)
{
    json root = { NULL, NULL, 0 };

    return json_parse(parser, text, &root, &e) == ERR_PARSE && json_is_absent(root);
}

static bool int_is(const char *text, int64_t want)
{
    int64_t v = ~want;

    return json_i64(parse(text), &v) && v == want;
}

static void every_kind_of_value_is_told(void)
{
    static const enum json_type types[] = { JSON_NULL, JSON_BOOL,   JSON_BOOL,   JSON_INT,   JSON_INT,
                                            JSON_UINT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
    struct json_iter it = json_items(parse("[null,true,false,1,-1,18446744073709551615,1.5,\"s\",[],{}]"));
    json v;
    size_t n = 0;

    while (json_item(&it, &v)) {
        OK(n < 10 && json_type(v) == types[n]);
        n++;
    }
    OK(n == 10);
}

static void integers_stay_exact(void)
{
    int64_t v;

    OK(int_is("638481757794854611", INT64_C(638481757794854611)));
    OK(int_is("-638481757794854611", INT64_C(-638481757794854611)));
    OK(int_is("9223372036854775807", INT64_MAX) && int_is("-9223372036854775808", INT64_MIN));
    OK(int_is("\"638481757794854611\"", INT64_C(638481757794854611)));
    OK(int_is("0", 0) && int_is("-0", 0) && int_is("-0.0", 0));
    OK(int_is("3.0", 3) && int_is("1e3", 1000) && int_is("\"12.0\"", 12) &&
       int_is("9007199254740992.0", INT64_C(9007199254740992)));
    OK(!json_i64(parse("1.5"), &v) && !json_i64(parse("1e300"), &v) && !json_i64(parse("18446744073709551615"), &v));
    OK(!json_i64(parse("true"), &v) && !json_i64(parse("\"x\""), &v) && !json_i64(parse("\"\""), &v) &&
       !json_i64(parse("\"0x10\""), &v) && !json_i64(parse("null"), &v) && !json_i64(parse("[1]"), &v));
}

static void doubles_are_read_from_numbers_and_strings(void)
{
    double v = 0;

    OK(json_f64(parse("0.1"), &v) && v >= 0.1 && v <= 0.1);
    OK(json_f64(parse("7"), &v) && v >= 7 && v <= 7);
    OK(json_f64(parse("18446744073709551615"), &v) && v > 1.8e19);
    OK(json_f64(parse("\"2.5\""), &v) && v >= 2.5 && v <= 2.5);
    OK(!json_f64(parse("\"NaN\""), &v) && !json_f64(parse("\"Infinity\""), &v) && !json_f64(parse("null"), &v));
}

static void numbers_out_of_range_fail_the_document(void)
{
    OK(refused(SV("18446744073709551616")));
    OK(refused(SV("-9223372036854775809")));
    OK(refused(SV("{\"a\":[1e999]}")));
    OK(refused(SV("99999999999999999999999999999999999999")));
}

static void what_is_no_json_is_refused(void)
{
    const sv rows[] = {
        SV(""),
        SV(" "),
        SV("{"),
        SV("[1,]"),
        SV("{\"a\":1,}"),
        SV("{a:1}"),
        SV("{'a':1}"),
        SV("[1 2]"),
        SV("01"),
        SV("+1"),
        SV("1."),
        SV(".5"),
        SV("nul"),
        SV("NaN"),
        SV("\"a"),
        SV("\"\x01\""),
        SV("\"\\x\""),
        SV("\"\\ud800\""),
        SV("\"\xff\""),
        SV("\"\xc3\""),
        SV("1 2"),
        SV("{} {}"),
        SV("[]]"),
        SV("[1]\0"),
        SV("\xef\xbb\xbf"),
        SV("<html>"),
        SV("\"\xed\xa0\x80\""),
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("# %.*s\n", SV_ARG(rows[i]));
        OK(refused(rows[i]));
    }
    OK(sv_starts(sv_of(e.text), SV("json: ")));
}

static void depth_is_limited_to_what_is_documented(void)
{
    struct buf b;

    buf_init(&b, 0);
    for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        json root;

        buf_clear(&b);
        for (int i = 0; i < depth; i++)
            buf_putc(&b, '[');
        buf_put(&b, SV("1"));
        for (int i = 0; i < depth; i++)
            buf_putc(&b, ']');
        printf("# depth %d\n", depth);
        OK((json_parse(parser, buf_sv(&b), &root, &e) == ERR_OK) == (depth <= JSON_DEPTH_MAX));
    }
    buf_clear(&b);
    for (int i = 0; i < 1000000; i++)
        buf_putc(&b, '[');
    OK(refused(buf_sv(&b)));
    buf_done(&b);
}

static void the_last_of_equal_keys_counts(void)
{
    json o = parse("{\"a\":1,\"b\":2,\"a\":3,\"\":4,\"\\u0061\":5}");
    const sv keys[] = { SV("a"), SV("b"), SV("c") };
    json out[3];
    int64_t v = 0;

    OK(json_i64(json_get(o, SV("a")), &v) && v == 5);
    OK(json_i64(json_get(o, SV("")), &v) && v == 4);
    json_pick(o, keys, 3, out);
    OK(json_i64(out[0], &v) && v == 5);
    OK(json_i64(out[1], &v) && v == 2);
    OK(json_is_absent(out[2]));
    OK(json_count(o) == 5);
}

static void paths_lead_into_objects_only(void)
{
    json o = parse("{\"properties\":{\"model\":{\"name\":\"gpt-5\"},\"n\":null,\"list\":[{\"a\":1}]}}");

    OK(sv_eq(json_sv(json_path(o, "properties/model/name")), SV("gpt-5")));
    OK(json_type(json_path(o, "properties/n")) == JSON_NULL);
    OK(json_is_absent(json_path(o, "properties/n/x")));
    OK(json_is_absent(json_path(o, "properties/list/a")));
    OK(json_is_absent(json_path(o, "nothing/at/all")));
    OK(json_is_absent(json_get(json_get(o, SV("x")), SV("y"))));
}

static void strings_are_unescaped(void)
{
    json a = parse("[\"a\\n\\u00e9\\ud83c\\udf40\\\"\\/\",\"\\u0000x\",\"\"]");
    struct json_iter it = json_items(a);
    json v;

    OK(json_item(&it, &v) && sv_eq(json_sv(v), SV("a\n\xc3\xa9\xf0\x9f\x8d\x80\"/")));
    OK(json_item(&it, &v) && sv_eq(json_sv(v), SV("\0x")));
    OK(json_item(&it, &v) && json_type(v) == JSON_STRING && json_sv(v).len == 0);
    OK(!json_item(&it, &v) && !json_item(&it, &v));
}

static void absent_values_read_as_nothing(void)
{
    json none = { NULL, NULL, 0 }, v;
    int64_t i = 7;
    double d;
    bool yes;
    sv key;
    struct json_iter items = json_items(none), members = json_members(none);

    OK(json_type(none) == JSON_ABSENT && json_sv(none).len == 0 && json_count(none) == 0);
    OK(!json_i64(none, &i) && !json_f64(none, &d) && !json_bool(none, &yes) && !json_time(none, &i) && i == 7);
    OK(!json_item(&items, &v) && !json_member(&members, &key, &v));
    items = json_items(parse("{\"a\":1}"));
    members = json_members(parse("[1]"));
    OK(!json_item(&items, &v) && !json_member(&members, &key, &v));
    OK(json_count(parse("7")) == 0 && json_count(parse("\"abc\"")) == 0);
    OK(json_sv(parse("[\"a\"]")).len == 0);
}

static void booleans_and_times_come_as_text_too(void)
{
    bool v = false;
    int64_t t = 0;

    OK(json_bool(parse("true"), &v) && v && json_bool(parse("\"False\""), &v) && !v &&
       json_bool(parse("\"TRUE\""), &v) && v);
    OK(!json_bool(parse("1"), &v) && !json_bool(parse("\"yes\""), &v) && v);
    OK(json_time(parse("\"2026-11-20T10:00:03.2154611Z\""), &t) && t == INT64_C(1795168803215461100));
    OK(!json_time(parse("1795168803"), &t));
}

static void a_parser_has_a_limit_and_outlives_failures(void)
{
    struct json_parser *small = json_parser_new(10);
    json root;
    int64_t v = 0;

    OK(small && json_parse(small, SV("[12345678]"), &root, &e) == ERR_OK);
    OK(json_parse(small, SV("[123456789]"), &root, &e) == ERR_LIMIT && sv_has(sv_of(e.text), SV("limit 10")));
    OK(json_parse(small, SV("[1"), &root, &e) == ERR_PARSE);
    OK(json_parse(small, SV("7"), &root, NULL) == ERR_OK && json_i64(root, &v) && v == 7);
    json_parser_free(small);
    json_parser_free(NULL);
}

static void containers_over_the_tapes_counter_are_walked_whole(void)
{
    struct buf b;
    struct json_iter it;
    json root = { NULL, NULL, 0 }, v;
    size_t n = 0, wrong = 0;

    buf_init(&b, 0);
    buf_putc(&b, '[');
    for (int i = 0; i < 1 << 17; i++)
        buf_printf(&b, "%s{\"v\":%d}", i ? "," : "", i);
    buf_putc(&b, ']');
    OK(json_parse(parser, buf_sv(&b), &root, &e) == ERR_OK);
    for (it = json_items(root); json_item(&it, &v); n++) {
        int64_t is = -1;

        wrong += !json_i64(json_get(v, SV("v")), &is) || is != (int64_t)n;
    }
    OK(n == 1 << 17 && wrong == 0 && json_count(root) == n);
    buf_done(&b);
}

static const char sample[] =
    "{\"value\":[{\"id\":\"/subscriptions/a\",\"n\":638481757794854611,\"d\":-1.25e-3,\"t\":true,"
    "\"f\":false,\"u\":18446744073709551615,\"z\":null,\"s\":\"\\u00e9\\ud83c\\udf40\xc3\xa9\",\"e\":[],"
    "\"o\":{}}],\"nextLink\":\"https://x/?a=1\"}";

static void every_truncation_is_refused(void)
{
    size_t taken = 0;

    for (size_t n = 0; n < sizeof sample - 1; n++) {
        char *copy = malloc(n ? n : 1); /* exactly as long, for the sanitizer */

        memcpy(copy, sample, n);
        taken += !refused(sv_make(copy, n));
        free(copy);
    }
    OK(taken == 0);
    OK(json_count(json_get(parse(sample), SV("value"))) == 1);
}

static size_t walk(json v)
{
    struct json_iter it;
    size_t n = 1;
    sv key;
    json child;

    for (it = json_items(v); json_item(&it, &child);)
        n += walk(child);
    for (it = json_members(v); json_member(&it, &key, &child);)
        n += walk(child);
    return n;
}

static void every_damaged_byte_is_refused_or_walkable(void)
{
    size_t values = 0, texts = 0;

    for (size_t i = 0; i < sizeof sample - 1; i++)
        for (int c = 0; c < 256; c += 5) {
            char copy[sizeof sample];
            json root;

            memcpy(copy, sample, sizeof sample);
            copy[i] = (char)c;
            if (json_parse(parser, sv_make(copy, sizeof sample - 1), &root, NULL) == ERR_OK) {
                texts++;
                values += walk(root);
            }
        }
    OK(texts > 100 && values > texts);
}

int main(void)
{
    parser = json_parser_new(0);
    OK(parser != NULL);
    RUN(every_kind_of_value_is_told);
    RUN(integers_stay_exact);
    RUN(doubles_are_read_from_numbers_and_strings);
    RUN(numbers_out_of_range_fail_the_document);
    RUN(what_is_no_json_is_refused);
    RUN(depth_is_limited_to_what_is_documented);
    RUN(the_last_of_equal_keys_counts);
    RUN(paths_lead_into_objects_only);
    RUN(strings_are_unescaped);
    RUN(absent_values_read_as_nothing);
    RUN(booleans_and_times_come_as_text_too);
    RUN(a_parser_has_a_limit_and_outlives_failures);
    RUN(containers_over_the_tapes_counter_are_walked_whole);
    RUN(every_truncation_is_refused);
    RUN(every_damaged_byte_is_refused_or_walkable);
    json_parser_free(parser);
    return tap_done();
}
