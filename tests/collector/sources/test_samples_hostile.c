/*
 * Every sample, broken in every way that faults.md (group P) names: cut at every byte, each value replaced by one of another type
 * or beyond its range, each key said twice, hostile strings in every text. Whatever it was, the process lives, what came in is
 * accounted for, and what goes out is valid: a frame that packs and reads back, and JSON of valid UTF-8 a line.
 *
 * Amount per sample: TRIES of each kind, evenly spread (all when there are fewer); TRIES in the environment raises it.
 */
#include <stdlib.h>

#include "collector/base/clock.h"
#include "collector/base/json.h"
#include "collector/model/codec.h"

#include "tests/collector/sources/samples.h"
#include "tests/tap.h"

static struct json_parser *parser;
static unsigned long tries = 60, runs, told;

/* ---- what must hold of whatever comes out ---- */

static bool valid_lines(sv text)
{
    while (text.len) {
        sv line = sv_cut(&text, '\n');
        json root;

        for (size_t i = 0; i < line.len; i++)
            if ((unsigned char)line.at[i] < ' ')
                return false;
        if (line.len && json_parse(parser, line, &root, NULL) != ERR_OK)
            return false;
    }
    return true;
}

static bool packs(const struct frame *f)
{
    struct buf bytes;
    struct arena own;
    struct frame *back;
    bool good;

    buf_init(&bytes, 64 << 20);
    arena_init(&own, 256 << 20);
    good = frame_encode(f, &bytes, NULL) == ERR_OK && frame_decode(buf_sv(&bytes), &own, &back, NULL) == ERR_OK &&
           frame_records(back) == frame_records(f);
    arena_done(&own);
    buf_done(&bytes);
    return good;
}

static int64_t sum(const int64_t *n)
{
    int64_t all = 0;

    for (int i = 0; i < REASONS; i++)
        all += n[i];
    return all;
}

/* received = stored + duplicates + rejected + quarantined. */
static bool conserved(const struct frame *f)
{
    const struct tally *t = &f->tally;

    return t->received == (int64_t)frame_records(f) + t->duplicate + sum(t->rejected) + sum(t->quarantined);
}

/* The unified records as JSON; what does not hold is told with the sample. */
static enum err_code normalized(const struct sample *s, sv bytes, struct buf *out, bool *holds)
{
    struct arena own;
    struct frame *f;
    enum err_code code;
    struct err e = { 0 };

    arena_init(&own, 256 << 20);
    buf_clear(out);
    f = frame_new(&own, SV("n"), SV("s"));
    code = s->ops->normalize(s->format, bytes, f, &e);
    frame_to_json(f, out);
    *holds = code < ERR_CODES && valid_lines(buf_sv(out)) && packs(f) && (code || conserved(f));
    if (!*holds && told++ < 20)
        fprintf(stderr, "# %s: code %d, received %lld, %zu records, rejected %lld, quarantined %lld: %.*s\n", s->path,
                code, (long long)f->tally.received, frame_records(f), (long long)sum(f->tally.rejected),
                (long long)sum(f->tally.quarantined), SV_ARG(sv_first(bytes, 300)));
    arena_done(&own);
    runs++;
    return code;
}

static unsigned broken(const struct sample *s, sv bytes, struct buf *out)
{
    char *copy = malloc(bytes.len + 1); /* of the exact size, so that the sanitizer sees who reads beyond */
    bool holds = false;

    if (!copy)
        return 1;
    memcpy(copy, bytes.at, bytes.len);
    (void)normalized(s, sv_make(copy, bytes.len), out, &holds);
    free(copy);
    return !holds;
}

/* ---- the values of a text ---- */

struct spans {
    struct place {
        size_t from, to;
        bool key;
    } * at;
    size_t n, cap;
};

static void place(struct spans *s, struct arena *a, size_t from, size_t to, bool key)
{
    struct place *p = arena_grow(a, s->at, s->n, &s->cap, sizeof *p);

    if (!p)
        return;
    s->at = p;
    p[s->n++] = (struct place){ from, to, key };
}

/* Strings and scalars; and of containers their whole extent, by a stack of where they began. */
static void find_values(sv t, struct arena *a, struct spans *out)
{
    size_t open[128], depth = 0;

    for (size_t i = 0; i < t.len; i++) {
        size_t from = i;

        if (t.at[i] == '"') {
            for (i++; i < t.len && t.at[i] != '"'; i++)
                i += t.at[i] == '\\';
            from = from < t.len ? from : t.len;
            if (i >= t.len)
                return;
            place(out, a, from, i + 1,
                  i + 1 < t.len && (t.at[i + 1] == ':' || (t.at[i + 1] == ' ' && i + 2 < t.len && t.at[i + 2] == ':')));
        } else if (strchr("-0123456789tfn", t.at[i])) {
            while (i < t.len && !strchr(",]} \r\n\t", t.at[i]))
                i++;
            place(out, a, from, i, false);
            i--;
        } else if ((t.at[i] == '{' || t.at[i] == '[') && depth < 128) {
            open[depth++] = i;
        } else if ((t.at[i] == '}' || t.at[i] == ']') && depth) {
            place(out, a, open[--depth], i + 1, false);
        }
    }
}

/* ---- the ways to break ---- */

static unsigned cut_everywhere(const struct sample *s, struct buf *out)
{
    size_t step = s->bytes.len / (tries * 4) + 1;
    unsigned bad = 0;

    for (size_t n = 0; n < s->bytes.len; n += step)
        bad += broken(s, sv_first(s->bytes, n), out);
    return bad;
}

static sv replaced(const struct sample *s, size_t from, size_t to, sv with, struct buf *b)
{
    buf_clear(b);
    buf_put(b, sv_first(s->bytes, from));
    buf_put(b, with);
    buf_put(b, sv_skip(s->bytes, to));
    return buf_sv(b);
}

static unsigned replace_each(const struct sample *s, const sv *with, size_t n, struct buf *out)
{
    struct arena a;
    struct spans v = { 0 };
    struct buf text;
    unsigned bad = 0;
    size_t all, step;

    arena_init(&a, 64 << 20);
    buf_init(&text, 64 << 20);
    find_values(s->bytes, &a, &v);
    all = v.n * n;
    step = all / (tries * 8) + 1;
    for (size_t i = 0; i < all; i += step) {
        /* The kinds take turns, whatever the step. */
        const struct place *p = &v.at[i / n];

        if (!p->key)
            bad += broken(s, replaced(s, p->from, p->to, with[(i / step + i) % n], &text), out);
    }
    buf_done(&text);
    arena_done(&a);
    return bad;
}

static void for_each_sample(unsigned (*f)(const struct sample *s, struct buf *out))
{
    struct buf out;
    unsigned bad = 0;

    buf_init(&out, 64 << 20);
    for (size_t i = 0; i < n_samples; i++)
        bad += f(&samples[i], &out);
    OK(bad == 0);
    buf_done(&out);
}

/* ---- the tests ---- */

static void the_samples_are_there(void)
{
    samples_load();
    printf("# %zu samples\n", n_samples);
    OK(n_samples >= 20);
}

static void a_sample_cut_at_any_byte_is_accounted_for(void) /* P-07 */
{
    for_each_sample(cut_everywhere);
}

static unsigned swap_types(const struct sample *s, struct buf *out)
{
    static const sv types[] = { SVT("null"),
                                SVT("true"),
                                SVT("7"),
                                SVT("-1.5"),
                                SVT("\"\""),
                                SVT("\"x\""),
                                SVT("[]"),
                                SVT("{}"),
                                SVT("[[1]]"),
                                SVT("{\"name\":[{}]}"),
                                SVT("[null,{\"a\":0}]") };

    return replace_each(s, types, sizeof types / sizeof types[0], out);
}

static void a_value_of_another_type_takes_nothing_down(void) /* P-05 */
{
    for_each_sample(swap_types);
}

static unsigned odd_numbers(const struct sample *s, struct buf *out)
{
    static const sv numbers[] = { SVT("9007199254740993"),
                                  SVT("-9223372036854775808"),
                                  SVT("9223372036854775807"),
                                  SVT("18446744073709551615"),
                                  SVT("1e308"),
                                  SVT("-0"),
                                  SVT("-0.0"),
                                  SVT("0.1e-400"),
                                  SVT("\"18446744073709551616\""),
                                  SVT("\"1e400\""),
                                  SVT("\"NaN\""),
                                  SVT("\"-Infinity\""),
                                  SVT("-1"),
                                  SVT("1e400"),
                                  SVT("01"),
                                  SVT("NaN"),
                                  SVT("99999999999999999999999") };

    return replace_each(s, numbers, sizeof numbers / sizeof numbers[0], out);
}

static void a_number_beyond_its_range_is_no_other_number(void) /* P-02, P-15 */
{
    for_each_sample(odd_numbers);
}

static unsigned odd_strings(const struct sample *s, struct buf *out)
{
    static const sv strings[] = { SVT("\"\\u0000after\""),
                                  SVT("\"\\ud800\""),
                                  SVT("\"\\udc00\\ud800\""),
                                  SVT("\"\xff\xfe\""),
                                  SVT("\"\xc0\xaf\""),
                                  SVT("\"\xed\xa0\x80\""),
                                  SVT("\"\xef\xbb\xbf"
                                      "bom\""),
                                  SVT("\"../../etc/passwd\""),
                                  SVT("\"/abs\""),
                                  SVT("\"a\\nb\\u001b[31m\\\"} 1\""),
                                  SVT("\"{\\\"a\\\":\\\"{\\\\\\\"b\\\\\\\":[]}\\\"}\""),
                                  SVT("\"\\u202e\""),
                                  SVT("\"0001-01-01T00:00:00Z\""),
                                  SVT("\"9999-12-31T23:59:60Z\""),
                                  SVT("\"1969-12-31T23:59:59.999999999Z\""),
                                  SVT("\"2026-11-20T10:00:00\""),
                                  SVT("\"2026-13-45T99:99:99Z\""),
                                  SVT("\"638481757794854611\"") };

    return replace_each(s, strings, sizeof strings / sizeof strings[0], out);
}

static void a_hostile_string_or_time_comes_out_valid(void) /* P-03, P-06, P-12, P-14 */
{
    for_each_sample(odd_strings);
}

static unsigned too_much(const struct sample *s, struct buf *out)
{
    static struct buf deep, wide, nested;
    sv with[3];
    unsigned bad;
    unsigned long before = tries;

    if (!deep.len) {
        buf_init(&deep, 1 << 20);
        buf_init(&wide, 8 << 20);
        buf_init(&nested, 1 << 20);
        for (int i = 0; i < 100000; i++)
            buf_putc(&deep, '[');
        for (int i = 0; i < 100000; i++)
            buf_putc(&deep, ']');
        buf_putc(&wide, '[');
        for (int i = 0; i < 500000; i++)
            buf_put(&wide, i ? SV(",[]") : SV("[]"));
        buf_putc(&wide, ']');
        for (int i = 0; i < 60; i++)
            buf_put(&nested, SV("{\"a\":"));
        buf_putc(&nested, '1');
        for (int i = 0; i < 60; i++)
            buf_putc(&nested, '}');
    }
    with[0] = buf_sv(&deep), with[1] = buf_sv(&wide), with[2] = buf_sv(&nested);
    tries = 1;
    bad = replace_each(s, with, 3, out);
    tries = before;
    return bad;
}

static void nesting_and_numbers_of_elements_have_a_limit(void) /* P-01 */
{
    for_each_sample(too_much);
}

/* A member said before with another value changes nothing: the last one counts, everywhere. */
static unsigned say_twice(const struct sample *s, struct buf *out)
{
    struct arena a;
    struct spans v = { 0 };
    struct buf text, whole;
    unsigned bad = 0;
    bool holds;
    enum err_code code;

    arena_init(&a, 64 << 20);
    buf_init(&text, 1 << 20);
    buf_init(&whole, 64 << 20);
    code = normalized(s, s->bytes, &whole, &holds);
    find_values(s->bytes, &a, &v);
    for (size_t i = 0; code == ERR_OK && i < v.n; i += v.n / tries + 1) {
        const struct place *p = &v.at[i];
        sv key = sv_first(sv_skip(s->bytes, p->from), p->to - p->from);
        sv with;

        if (!p->key)
            continue;
        with = arena_printf(&a, "%.*s:\"another\",%.*s", SV_ARG(key), SV_ARG(key));
        (void)normalized(s, replaced(s, p->from, p->to, with, &text), out, &holds);
        if (!holds || !sv_eq(buf_sv(out), buf_sv(&whole))) {
            if (told++ < 20)
                fprintf(stderr, "# %s: %.*s said twice counts\n", s->path, SV_ARG(key));
            bad++;
        }
    }
    buf_done(&whole);
    buf_done(&text);
    arena_done(&a);
    return bad;
}

static void of_equal_keys_the_last_one_counts(void) /* P-04 */
{
    for_each_sample(say_twice);
}

int main(void)
{
    if (getenv("TRIES"))
        tries = strtoul(getenv("TRIES"), NULL, 10);
    parser = json_parser_new(0);
    clock_set_manual(INT64_C(1795168800) * NANO_PER_S); /* what is observed at is told */
    RUN(the_samples_are_there);
    RUN(a_sample_cut_at_any_byte_is_accounted_for);
    RUN(a_value_of_another_type_takes_nothing_down);
    RUN(a_number_beyond_its_range_is_no_other_number);
    RUN(a_hostile_string_or_time_comes_out_valid);
    RUN(nesting_and_numbers_of_elements_have_a_limit);
    RUN(of_equal_keys_the_last_one_counts);
    printf("# %lu broken texts\n", runs);
    json_parser_free(parser);
    arena_done(&samples_arena);
    return tap_done();
}
