/* Any JSON as pages of one answer, read twice: what came once is a duplicate the second time. */
#include <math.h>

#include "tests/fuzz/gcp_frame.h"

/* The ledger adds these figures up. */
static bool is_sane(const struct measure *m)
{
    int64_t total = 0;

    for (size_t i = 0; i < m->n_buckets; i++) {
        if (m->buckets[i] < 0 || (i + 2 < m->n_buckets && !(m->bounds[i] < m->bounds[i + 1])))
            return false;
        total += m->buckets[i];
    }
    if (m->kind == MEASURE_DISTRIBUTION)
        return m->n_buckets > 0 && m->n_buckets <= GCP_BUCKETS_MAX && (double)total == m->count && isfinite(m->sum);
    return m->value >= 0 && isfinite(m->value) && m->n_buckets == 0;
}

static void check(const struct frame *f)
{
    for (const struct batch *b = f->batches; b; b = b->next)
        for (size_t i = 0; i < b->n_measures; i++)
            if (!is_sane(&b->measures[i]))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_frame f;
    struct gcp_answer a;
    enum err_code code = ERR_OK;
    json root;
    sv next;

    if (!fuzz_json(data, size, &root))
        return 0;
    fuzz_frame_begin(&f);
    gcp_answer_init(&a, &fuzz_context);
    for (int i = 0; i < 2 && code == ERR_OK; i++) {
        size_t before = frame_records(f.frame);

        code = gcp_decode_time_series(root, &a, f.frame, &next, NULL);
        if (code == ERR_OK && i == 1 && frame_records(f.frame) != before)
            __builtin_trap();
    }
    gcp_answer_done(&a);
    if (code == ERR_OK)
        check(f.frame);
    fuzz_frame_end(&f, code);
    return 0;
}
