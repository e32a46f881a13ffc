/*
 * Memory runs out while a sample is decoded, at any call. What must hold: the answer is refused as a whole for want of memory, or the
 * refusal is noted (memory_refusals, which the runner looks at before it commits anything), or it is what it is with memory. So no
 * good record is called malformed and set aside.
 */
#include "collector/base/clock.h"
#include "collector/base/memory.h"
#include "collector/model/codec.h"

#include "tests/collector/sources/samples.h"
#include "tests/torture.h"

static struct buf whole;

static int64_t set_aside(const struct frame *f)
{
    int64_t n = 0;

    for (int i = 0; i < REASONS; i++)
        n += f->tally.rejected[i] + f->tally.quarantined[i];
    return n;
}

static int64_t set_aside_with_memory;

static bool decode(void *ctx)
{
    const struct sample *s = ctx;
    struct arena own;
    struct buf out;
    struct frame *f;
    struct err e = { 0 };
    const uint64_t refusals = memory_refusals();
    enum err_code code;
    bool good, refused;

    arena_init(&own, 64 << 20);
    buf_init(&out, 64 << 20);
    f = frame_new(&own, SV("n"), SV("s"));
    torture_begin();
    code = s->ops->normalize(s->format, s->bytes, f, &e);
    torture_end();
    refused = memory_refusals() != refusals; /* what the runner looks at */
    if (torture_nth == 0) {                  /* how it is with memory */
        buf_clear(&whole);
        frame_to_json(f, &whole);
        set_aside_with_memory = set_aside(f);
        good = true;
    } else if (code == ERR_OK && !refused) {
        frame_to_json(f, &out);
        good = sv_eq(buf_sv(&out), buf_sv(&whole)) && set_aside(f) == set_aside_with_memory;
    } else {
        good = refused || code == ERR_LIMIT || code == ERR_RETRY;
    }
    if (!good)
        fprintf(stderr, "# %s: code %d %s, set aside %lld\n", s->path, code, e.text, (long long)set_aside(f));
    buf_done(&out);
    arena_done(&own);
    return good;
}

int main(void)
{
    clock_set_manual(INT64_C(1795168800) * NANO_PER_S);
    samples_load();
    buf_init(&whole, 64 << 20);
#ifdef TORTURE_LEAKS
    torture_most = 12; /* each run looks for leaks */
#else
    torture_most = 100;
#endif
    OK(n_samples >= 20);
    for (size_t i = 0; i < n_samples; i++)
        torture(samples[i].path, decode, &samples[i]);
    printf("# %lu allocations refused\n", torture_total);
    buf_done(&whole);
    arena_done(&samples_arena);
    return tap_done();
}
