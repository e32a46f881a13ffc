/* Frames as bytes: every field survives, absent stays absent, hostile bytes are harmless. */
#include <stdlib.h>

#include "collector/base/hash.h"
#include "collector/model/codec.h"

#include "tests/collector/model/frames.h"
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

int main(void)
{
    buf_init(&bytes, 0);
    arena_init(&one, 0);
    arena_init(&two, 0);
    RUN(every_field_survives);
    RUN(absent_stays_absent);
    RUN(zero_is_not_absent);
    arena_done(&one);
    arena_done(&two);
    buf_done(&bytes);
    return tap_done();
}
