/* Frames as bytes: every field survives, absent stays absent, hostile bytes are harmless. */
#include <stdlib.h>

#include "collector/model/codec.h"

#include "tests/collector/model/frames.h"
#include "tests/collector/model/random_frames.h"
#include "tests/tap.h"

static struct arena one, two;
static struct buf bytes;

static sv encoded(const struct frame *f)
{
    buf_clear(&bytes);
    return frame_encode(f, &bytes, NULL) == ERR_OK ? buf_sv(&bytes) : SV_NONE;
}

static struct frame *decoded(sv packed)
{
    struct frame *f = NULL;

    arena_reset(&two);
    return frame_decode(packed, &two, &f, NULL) == ERR_OK ? f : NULL;
}

static void every_field_survives(void)
{
    struct frame *f, *back;

    arena_reset(&one);
    f = full_frame(&one);
    back = decoded(encoded(f));
    OK(back && same_frames(f, back));
    OK(back && frame_records(back) == 10);
}

static void absent_stays_absent(void)
{
    struct frame *f, *back;
    const struct call *c;
    const struct measure *m;

    arena_reset(&one);
    f = frame_new(&one, SV_NONE, SV_NONE);
    (void)frame_add_batch(f);
    (void)batch_add_call(f->batches);
    (void)batch_add_measure(f->batches);
    back = decoded(encoded(f));
    OK(back && same_frames(f, back));
    if (!back)
        return;
    c = back->batches->calls;
    m = back->batches->measures;
    OK(c->input_tokens == NONE && c->http_status == NONE && c->duration_nano == NONE && c->time_unix_nano == 0);
    OK(isnan(m->value) && isnan(m->sum) && m->n_buckets == 0 && m->revision == 0);
    OK(c->request_id.len == 0 && c->model == 0 && back->batches->charges == NULL);
}

static void zero_is_not_absent(void)
{
    struct frame *f, *back;
    struct call *c;

    arena_reset(&one);
    f = frame_new(&one, SV_NONE, SV_NONE);
    c = batch_add_call(frame_add_batch(f));
    c->input_tokens = c->http_status = 0;
    batch_add_measure(f->batches)->value = 0;
    back = decoded(encoded(f));
    OK(back && back->batches->calls->input_tokens == 0 && back->batches->calls->http_status == 0);
    OK(back && back->batches->measures->value == 0);
}

static void random_frames_survive(void)
{
    int wrong = 0;

    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct frame *f, *back;

        arena_reset(&one);
        f = random_frame(&one, seed);
        back = decoded(encoded(f));
        if (back && same_frames(f, back))
            continue;
        wrong++;
        printf("# seed %llu\n", (unsigned long long)seed);
    }
    OK(wrong == 0);
}

static void packing_twice_gives_the_same_bytes(void)
{
    struct buf first;
    struct frame *back;

    buf_init(&first, 0);
    arena_reset(&one);
    buf_put(&first, encoded(full_frame(&one)));
    back = decoded(buf_sv(&first));
    OK(back && sv_eq(encoded(back), buf_sv(&first)));
    buf_done(&first);
}

static void symbols_out_of_range_read_as_absent(void)
{
    struct frame *f, *back;
    struct batch *b;
    struct key_value pair = { 3, SV_NONE };

    arena_reset(&one);
    f = frame_new(&one, SV_NONE, SV_NONE);
    b = frame_add_batch(f);
    (void)batch_sym(b, SV("a"));
    (void)batch_sym(b, SV("b"));
    b->origin.account = UINT32_MAX;
    b->origin.source = 2;
    *batch_add_call(b) = (struct call){ .model = 3, .log = 2, .tier = UINT32_MAX, .extra = &pair, .n_extra = 1 };
    back = decoded(encoded(f));
    if (!OK(back != NULL))
        return;
    OK(back->batches->calls->model == 0 && back->batches->calls->tier == 0 && back->batches->calls->log == 2);
    OK(back->batches->origin.account == 0 && back->batches->origin.source == 2);
    OK(back->batches->calls->extra->name == 0);
}

/* A copy of its own size, so that the address sanitizer sees a read beyond the end. */
static bool decode_copy(sv packed, size_t n, struct err *e)
{
    char *copy = malloc(n ? n : 1);
    struct frame *f = NULL;
    enum err_code code;

    memcpy(copy, packed.at, n);
    arena_reset(&two);
    code = frame_decode((sv){ copy, n }, &two, &f, e);
    free(copy);
    return code == ERR_OK;
}

static void no_cut_does_harm(void)
{
    struct err e;
    sv packed;
    size_t refused = 0, wrong_code = 0;

    arena_reset(&one);
    packed = encoded(full_frame(&one));
    for (size_t n = 0; n < packed.len; n++)
        if (!decode_copy(packed, n, &e)) {
            refused++;
            wrong_code += e.code != ERR_PARSE;
        }
    OK(packed.len > 1000 && refused > packed.len * 9 / 10); /* a cut between two top-level fields is a shorter frame */
    OK(wrong_code == 0);
    OK(!decode_copy(SV(""), 0, NULL));
}

static void no_flipped_bit_does_harm(void)
{
    struct buf all;
    size_t read = 0;

    buf_init(&all, 0);
    arena_reset(&one);
    buf_put(&all, encoded(full_frame(&one)));
    for (size_t i = 0; i < all.len; i++)
        for (int bit = 0; bit < 8; bit += 3) {
            all.at[i] = (char)(all.at[i] ^ 1 << bit);
            read += decode_copy(buf_sv(&all), all.len, NULL);
            all.at[i] = (char)(all.at[i] ^ 1 << bit);
        }
    OK(read > 0);
    buf_done(&all);
}

/* Wire by hand: varint, and a field of bytes. */
static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_putc(b, (char)(v | 0x80));
    buf_putc(b, (char)v);
}

static void put_number(struct buf *b, uint32_t field, uint64_t v)
{
    put_varint(b, field << 3);
    put_varint(b, v);
}

static void put_bytes(struct buf *b, uint32_t field, sv v)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, v.len);
    buf_put(b, v);
}

static struct buf call, batch, frame;

static void clear_wire(void)
{
    buf_clear(&call);
    buf_clear(&batch);
    buf_clear(&frame);
}

static void put_unknown(struct buf *b)
{
    put_number(b, 1500, UINT64_MAX);
    put_bytes(b, 1501, SV("of a later version"));
    put_varint(b, 1502 << 3 | 1);
    buf_put(b, SV("12345678"));
    put_varint(b, 1503 << 3 | 5);
    buf_put(b, SV("1234"));
}

static void unknown_fields_are_skipped(void)
{
    struct frame *back;

    clear_wire();
    put_unknown(&call);
    put_number(&call, 14, 7);
    put_unknown(&call);
    put_unknown(&batch);
    put_bytes(&batch, 10, buf_sv(&call));
    put_unknown(&frame);
    put_number(&frame, 1, 1);
    put_bytes(&frame, 10, buf_sv(&batch));
    back = decoded(buf_sv(&frame));
    OK(back && back->lane == LANE_LIVE && back->batches && back->batches->n_calls == 1);
    OK(back && back->batches && back->batches->n_calls == 1 && back->batches->calls->input_tokens == 7);
}

static void put_nested(struct buf *b, uint32_t field, uint32_t inner, uint64_t v)
{
    struct buf nested;

    buf_init(&nested, 0);
    put_number(&nested, inner, v);
    put_bytes(b, field, buf_sv(&nested));
    buf_done(&nested);
}

static void unknown_enumerations_are_harmless(void)
{
    struct frame *back;

    clear_wire();
    put_number(&call, 11, 99);            /* Call.outcome */
    put_nested(&batch, 2, 2, UINT64_MAX); /* Origin.platform */
    put_bytes(&batch, 10, buf_sv(&call));
    put_nested(&batch, 11, 6, 99); /* Measure.kind */
    put_number(&frame, 1, 99);     /* lane */
    put_bytes(&frame, 10, buf_sv(&batch));
    put_nested(&frame, 12, 1, 99);                        /* Epoch.kind */
    put_nested(&frame, 13, 1, 99);                        /* Mark.kind */
    put_bytes(&frame, 6, SV("\x22\x04\x08\x63\x10\x05")); /* Tally: reason 99 rejected 5 */
    back = decoded(buf_sv(&frame));
    if (!OK(back && back->batches && back->batches->n_calls == 1 && back->batches->n_measures == 1))
        return;
    OK(back->lane == LANE_BACKFILL);
    OK(back->batches->calls->outcome == OUTCOME_NONE && back->batches->origin.platform == PLATFORM_NONE);
    OK(back->batches->measures->kind == MEASURE_GAUGE);
    OK(back->n_epochs == 0 && back->n_marks == 0);
    OK(back->tally.rejected[REASON_NONE] == 5);
}

static void bounds_that_do_not_fit_are_no_distribution(void)
{
    struct frame *back;

    clear_wire();
    put_bytes(&call, 41, SV("\x01\x02\x03")); /* Measure.buckets: three counts, no bounds */
    put_bytes(&batch, 11, buf_sv(&call));
    put_number(&frame, 1, 1);
    put_bytes(&frame, 10, buf_sv(&batch));
    back = decoded(buf_sv(&frame));
    OK(back && back->batches->n_measures == 1 && back->batches->measures->n_buckets == 0);
}

static void what_is_no_frame_is_refused(void)
{
    struct err e;

    OK(!decode_copy(SV("not a frame"), 11, &e) && e.code == ERR_PARSE);
    OK(!decode_copy(SV("\x12\x01s"), 3, &e) && e.code == ERR_PARSE); /* valid protobuf, but no lane */
}

/* Two bytes a record on the wire, hundreds in memory. */
static void small_bytes_do_not_take_all_memory(void)
{
    struct arena small;
    struct frame *f = NULL;
    struct err e;

    clear_wire();
    for (int i = 0; i < 200000; i++)
        buf_put(&batch, SV("\x52\x00"));
    put_number(&frame, 1, 1);
    put_bytes(&frame, 10, buf_sv(&batch));
    arena_init(&small, 1 << 20);
    OK(frame_decode(buf_sv(&frame), &small, &f, &e) == ERR_LIMIT);
    OK(f == NULL);
    arena_done(&small);
}

static void every_limit_is_told(void)
{
    struct arena small;
    struct frame *f;
    size_t refused = 0, read = 0, other = 0;
    sv packed;

    arena_reset(&one);
    packed = encoded(full_frame(&one));
    for (size_t limit = 16; limit < 120000; limit += 1008) {
        enum err_code code;

        arena_init(&small, limit);
        code = frame_decode(packed, &small, &f, NULL);
        refused += code == ERR_LIMIT;
        read += code == ERR_OK;
        other += code != ERR_LIMIT && code != ERR_OK;
        arena_done(&small);
    }
    OK(refused > 0 && read > 0 && other == 0);
}

static void a_full_buffer_is_told(void)
{
    struct buf small;
    struct err e;

    buf_init(&small, 100);
    arena_reset(&one);
    OK(frame_encode(full_frame(&one), &small, &e) == ERR_LIMIT);
    buf_done(&small);
}

static void a_row_of_azure_takes_about_a_hundred_bytes(void)
{
    size_t size;

    arena_reset(&one);
    size = encoded(azure_frame(&one, 1000)).len;
    printf("# %.1f bytes a record\n", (double)size / 1000);
    OK(size > 0 && size <= 110 * 1000);
    OK(decoded(buf_sv(&bytes)) != NULL);
}

int main(void)
{
    struct buf *const all[] = { &bytes, &call, &batch, &frame };

    for (size_t i = 0; i < 4; i++)
        buf_init(all[i], 0);
    arena_init(&one, 0);
    arena_init(&two, 0);
    RUN(every_field_survives);
    RUN(absent_stays_absent);
    RUN(zero_is_not_absent);
    RUN(random_frames_survive);
    RUN(packing_twice_gives_the_same_bytes);
    RUN(symbols_out_of_range_read_as_absent);
    RUN(no_cut_does_harm);
    RUN(no_flipped_bit_does_harm);
    RUN(unknown_fields_are_skipped);
    RUN(unknown_enumerations_are_harmless);
    RUN(bounds_that_do_not_fit_are_no_distribution);
    RUN(what_is_no_frame_is_refused);
    RUN(small_bytes_do_not_take_all_memory);
    RUN(every_limit_is_told);
    RUN(a_full_buffer_is_told);
    RUN(a_row_of_azure_takes_about_a_hundred_bytes);
    arena_done(&one);
    arena_done(&two);
    for (size_t i = 0; i < 4; i++)
        buf_done(all[i]);
    return tap_done();
}
