/*
 * A resource that is deleted, or made again with the same name (S-19). What the cloud tells apart by its full id is kept apart, bucket
 * by bucket; what reads the same on /metrics is one counter, which never falls.
 */
#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static struct ledger *l;

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

/* Requests of deployment "d" in a minute, as the resource with this full id tells; always with the same name. */
static void requests(sv resource_id, sv model, int minute, double value)
{
    struct frame *f = fixture_frame(&arena, T0 + minute * NANO_PER_MIN, T0 + (minute + 1) * NANO_PER_MIN);
    struct batch *b = fixture_batch(f);
    struct measure *m = fixture_measure(b, SV("Requests"), SV("d"), T0 + minute * NANO_PER_MIN, value);
    struct key_value dim = { batch_sym(b, SV("deployment")), SV("d") };

    b->origin.resource_id = batch_sym(b, resource_id);
    m->series = key_series(b, PLATFORM_AZURE_OPENAI, resource_id, SV("Requests"), &dim, 1);
    m->key = key_measure(m->series, m->start_unix_nano);
    m->model = batch_sym(b, model);
    ledger_fold(l, f);
}

/* What discovery says the resource has now; a model of "": it is gone. */
static void inventory(sv resource_id, sv model, int64_t created, uint64_t hash)
{
    struct frame *f = fixture_frame(&arena, T0, T0);
    struct batch *b = fixture_batch(f);
    struct epoch *e = frame_add_epoch(f);
    struct inventory_item item = { .deployment = SV("d"), .model = model, .created_unix_nano = created };

    b->origin.resource_id = batch_sym(b, resource_id);
    *e = (struct epoch){ .kind = EPOCH_INVENTORY,
                         .subject = resource_id,
                         .value = SV_NONE,
                         .hash = hash,
                         .items = &item,
                         .n_items = model.len ? 1 : 0 };
    ledger_fold(l, f);
}

/* Of the series with this model: value and shown; -1 when there is none. */
static int64_t counted(const char *model, bool shown)
{
    const char *labels[LABELS];
    struct series_view v;

    for (size_t i = 0; i < ledger_series_count(l); i++) {
        ledger_series(l, i, &v, labels);
        if (sv_eq(sv_of(labels[LABEL_MODEL]), sv_of(model)) && sv_eq(sv_of(labels[LABEL_CODE]), SV("200")))
            return shown ? v.shown[0] : v.value[0];
    }
    return -1;
}

static void one_name_and_two_ids_are_told_apart_and_summed(void)
{
    begin();
    requests(SV("/old/acc"), SV("m"), 0, 5);
    fixture_bear(l, &arena);
    requests(SV("/new/acc"), SV("m"), 0, 3); /* of the same minute: no revision */
    OK(counted("m", false) == 8);
    requests(SV("/new/acc"), SV("m"), 0, 4);
    requests(SV("/old/acc"), SV("m"), 0, 6);
    OK(counted("m", false) == 10 && counted("m", true) == 10);
}

static void made_again_with_the_same_id_nothing_falls(void)
{
    begin();
    requests(SV("/s/acc"), SV("m"), 0, 5);
    fixture_bear(l, &arena);
    requests(SV("/s/acc"), SV("m"), 0, 0); /* the new one knows nothing of that minute */
    OK(counted("m", false) == 0 && counted("m", true) == 5);
    requests(SV("/s/acc"), SV("m"), 1, 7);
    OK(counted("m", false) == 7 && counted("m", true) == 7);
}

static void made_again_with_another_model_a_new_series_begins(void)
{
    struct inventory_view v;

    begin();
    inventory(SV("/s/acc"), SV("m"), T0, 1);
    requests(SV("/s/acc"), SV("m"), 0, 5);
    fixture_bear(l, &arena);
    inventory(SV("/s/acc"), SV(""), 0, 2);
    ledger_inventory(l, 0, &v);
    OK(v.n_items == 0); /* its info is gone */
    inventory(SV("/s/acc"), SV("n"), T0 + NANO_PER_MIN, 3);
    ledger_inventory(l, 0, &v);
    OK(v.n_items == 1 && v.items[0].created_unix_nano == T0 + NANO_PER_MIN);
    requests(SV("/s/acc"), SV("n"), 0, 6); /* the bucket goes on where it began */
    requests(SV("/s/acc"), SV("n"), 1, 2);
    OK(counted("m", true) == 6 && counted("n", false) == 2 && counted("n", true) == 0);
    fixture_bear(l, &arena);
    OK(counted("n", true) == 2);
}

int main(void)
{
    arena_init(&arena, 64 << 20);
    RUN(one_name_and_two_ids_are_told_apart_and_summed);
    RUN(made_again_with_the_same_id_nothing_falls);
    RUN(made_again_with_another_model_a_new_series_begins);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
