/*
 * Single flight: eight threads want one set and one renewal is made; while it is in the air, others go on with the old
 * set; a name that hangs delays no other; a renewal may ask for another name's set.
 */
#include "tests/collector/sources/mint.h"
#include "tests/tap.h"

static void eight_threads_make_one_renewal(void)
{
    struct mint m;
    int good = 0;

    OK(mint_start(&m));
    OK(want_together(&(struct want){ .ask = mint_ask, .from = &m, .name = "a" }, &m.hold, ERR_OK, "a-1", &good));
    OK(good == THREADS && m.made == 1);
    mint_stop(&m);
}

static void all_who_wait_hear_of_the_one_failure(void)
{
    struct mint m;
    int told;

    OK(mint_start(&m));
    m.failure = ERR_CONFIG;
    OK(want_together(&(struct want){ .ask = mint_ask, .from = &m, .name = "a" }, &m.hold, ERR_CONFIG, "", &told));
    OK(told == THREADS && m.made == 1);
    mint_stop(&m);
}

static void a_renewal_in_the_air_delays_nobody(void)
{
    struct want first = { .ask = mint_ask, .name = "a" }, flying = first, other = first;
    struct mint m;
    pthread_t t;

    OK(mint_start(&m));
    first.from = flying.from = other.from = &m;
    want_run(&first);
    clock_advance(51 * NANO_PER_MIN);
    m.hold.on = 1;
    pthread_create(&t, NULL, want_run, &flying);
    UNTIL(m.hold.waiting == 1);
    want_run(&other);
    OK(!flying.done && other.code == ERR_OK && strcmp(other.got, "a-1") == 0);
    m.hold.on = 0;
    pthread_join(t, NULL);
    OK(flying.code == ERR_OK && strcmp(flying.got, "a-2") == 0 && m.made == 2);
    mint_stop(&m);
}

static void a_name_that_hangs_delays_no_other(void)
{
    struct want hanging = { .ask = mint_ask, .name = "a" }, other = { .ask = mint_ask, .name = "b" };
    struct mint m;
    pthread_t t;

    OK(mint_start(&m));
    hanging.from = other.from = &m;
    m.held = "a";
    m.hold.on = 1;
    pthread_create(&t, NULL, want_run, &hanging);
    UNTIL(m.hold.waiting == 1);
    want_run(&other);
    OK(!hanging.done && other.code == ERR_OK && strcmp(other.got, "b-2") == 0);
    m.hold.on = 0;
    pthread_join(t, NULL);
    OK(hanging.code == ERR_OK);
    mint_stop(&m);
}

static void refusals_from_all_sides_cost_one_renewal(void)
{
    struct want first = { .ask = mint_ask, .name = "a" };
    struct mint m;
    int good = 0;

    OK(mint_start(&m));
    first.from = &m;
    want_run(&first);
    for (int i = 0; i < THREADS; i++)
        credentials_refused(m.c, SV("a"), SV("a-1"));
    OK(want_together(&first, &m.hold, ERR_OK, "a-2", &good));
    OK(good == THREADS && m.made == 2);
    mint_stop(&m);
}

/* "outer" is made of "a". */
static enum err_code renew_chain(void *ctx, sv name, struct arena *scratch, struct credential *out, struct err *e)
{
    struct mint *m = ctx;
    sv source = SV_NONE;

    if (sv_eq(name, SV("outer")) && mint_ask(m, SV("a"), scratch, &source, e))
        return e->code;
    return mint_renew(ctx, sv_eq(name, SV("outer")) ? arena_printf(scratch, "of-%.*s", SV_ARG(source)) : name, scratch,
                      out, e);
}

static void a_renewal_may_stand_on_another_set(void)
{
    struct credentials_config c = { .what = "name", .names_max = 4, .renew = renew_chain };
    struct want outer = { .ask = mint_ask, .name = "outer" };
    struct mint m;
    int good = 0;

    OK(mint_start(&m));
    credentials_free(m.c);
    c.ctx = outer.from = &m;
    m.c = credentials_new(&c, NULL);
    OK(m.c && want_together(&outer, &m.hold, ERR_OK, "of-a-1-2", &good));
    OK(good == THREADS && m.made == 2);
    mint_stop(&m);
}

int main(void)
{
    clock_set_manual(INT64_C(1795168800000000000));
    RUN(eight_threads_make_one_renewal);
    RUN(all_who_wait_hear_of_the_one_failure);
    RUN(a_renewal_in_the_air_delays_nobody);
    RUN(a_name_that_hangs_delays_no_other);
    RUN(refusals_from_all_sides_cost_one_renewal);
    RUN(a_renewal_may_stand_on_another_set);
    return tap_done();
}
