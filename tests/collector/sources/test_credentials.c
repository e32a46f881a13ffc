/*
 * The cache of credentials on a clock of its own: what is kept, when it is renewed, what a failure and a refusal cost.
 * With several threads: test_credentials_threads.c.
 */
#include "tests/collector/sources/mint.h"
#include "tests/tap.h"

static struct err problem;

static const char *get(struct mint *m, const char *name)
{
    sv got = SV_NONE;

    problem = (struct err){ 0 };
    if (mint_ask(m, sv_of(name), &m->memory, &got, &problem))
        return "";
    return arena_copy(&m->memory, got).at;
}

static bool is(const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        printf("# got '%s', want '%s' (%s)\n", a, b, problem.text);
    return strcmp(a, b) == 0;
}

static void each_name_has_a_set_of_its_own(void)
{
    struct mint m;
    struct credential set = { 0 };

    OK(mint_start(&m));
    OK(is(get(&m, "a"), "a-1") && is(get(&m, "b"), "b-2") && is(get(&m, "a"), "a-1") && m.made == 2);
    OK(credentials_get(m.c, SV("b"), &m.memory, &set, &problem) == ERR_OK && sv_eq(set.part[1], SV("secret-2")) &&
       set.part[2].len == 0);
    OK(is(get(&m, ""), "-3") && is(get(&m, "d"), "d-4"));
    OK(is(get(&m, "e"), "") && problem.code == ERR_LIMIT && strstr(problem.text, "one more name (limit 4)"));
    mint_stop(&m);
}

static void a_set_is_renewed_ahead_of_its_end(void)
{
    struct mint m;

    OK(mint_start(&m));
    OK(is(get(&m, "a"), "a-1"));
    clock_advance(47 * NANO_PER_MIN); /* up to a twentieth earlier, so that many do not renew together */
    OK(is(get(&m, "a"), "a-1"));
    clock_advance(3 * NANO_PER_MIN);
    OK(is(get(&m, "a"), "a-2") && is(get(&m, "a"), "a-2") && m.made == 2);
    mint_stop(&m);
}

static void a_failing_renewal_leaves_the_old_set_until_its_end(void)
{
    struct mint m;

    OK(mint_start(&m));
    OK(is(get(&m, "a"), "a-1"));
    m.failure = ERR_RETRY;
    clock_advance(51 * NANO_PER_MIN);
    OK(is(get(&m, "a"), "a-1") && is(get(&m, "a"), "a-1") && m.made == 2); /* not asked again at once */
    clock_advance(2 * NANO_PER_S);
    OK(is(get(&m, "a"), "a-1") && m.made == 3);
    clock_advance(2 * NANO_PER_S); /* the pause has doubled */
    OK(is(get(&m, "a"), "a-1") && m.made == 3);
    clock_advance(9 * NANO_PER_MIN);
    OK(is(get(&m, "a"), "") && problem.code == ERR_RETRY && strcmp(problem.text, "refused 4") == 0);
    OK(is(get(&m, "a"), "") && strcmp(problem.text, "refused 4") == 0 && m.made == 4); /* told again without a call */
    m.failure = ERR_OK;
    clock_advance(NANO_PER_MIN);
    OK(is(get(&m, "a"), "a-5"));
    mint_stop(&m);
}

/* How long after a failure the next attempt is made, in seconds, up to `most`. */
static int64_t pause_of(struct mint *m, const char *name, int64_t most)
{
    int before = m->made;
    int64_t s = 0;

    for (; s < most && m->made == before; s++) {
        clock_advance(NANO_PER_S);
        (void)get(m, name);
    }
    return s;
}

static void pauses_grow_and_follow_the_kind_of_failure(void)
{
    /* clang-format off */
    static const struct { int failure; int64_t retry_after_ms, first, second, third; } rows[] = {
        { ERR_RETRY,     0,      2,    4,    8 },
        { ERR_CONFIG,    0,      60,   120,  240 },
        { ERR_DENIED,    0,      3600, 3600, 3600 },
        { ERR_THROTTLED, 17000,  17,   17,   17 },
        { ERR_CANCELLED, 0,      1,    1,    1 }, /* not kept: who asks again may have been started anew */
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mint m;

        OK(mint_start(&m));
        m.failure = rows[i].failure;
        m.retry_after_ms = rows[i].retry_after_ms;
        printf("# %s\n", err_name((enum err_code)rows[i].failure));
        OK(is(get(&m, "a"), "") && m.made == 1);
        OK(pause_of(&m, "a", 4000) == rows[i].first);
        OK(pause_of(&m, "a", 4000) == rows[i].second);
        OK(pause_of(&m, "a", 4000) == rows[i].third);
        m.failure = ERR_RETRY; /* and they never outgrow five minutes */
        for (int n = 0; n < 8; n++)
            (void)pause_of(&m, "a", 4000);
        OK(pause_of(&m, "a", 4000) <= 300);
        mint_stop(&m);
    }
}

static void near_the_end_pauses_are_short(void)
{
    struct mint m;

    OK(mint_start(&m));
    OK(is(get(&m, "a"), "a-1"));
    m.failure = ERR_DENIED;
    clock_advance(54 * NANO_PER_MIN); /* a third of the ten minutes before the end is over */
    OK(is(get(&m, "a"), "a-1") && m.made == 2);
    OK(pause_of(&m, "a", 4000) == 60);
    mint_stop(&m);
}

static void a_refused_set_is_renewed_once(void)
{
    struct mint m;

    OK(mint_start(&m));
    OK(is(get(&m, "a"), "a-1"));
    credentials_refused(m.c, SV("a"), SV("a-0")); /* somebody's old one */
    credentials_refused(m.c, SV("b"), SV("a-1")); /* another name, not even known */
    credentials_refused(m.c, SV("a"), SV("a-1 "));
    OK(is(get(&m, "a"), "a-1"));
    credentials_refused(m.c, SV("a"), SV("a-1"));
    OK(is(get(&m, "a"), "a-2"));
    credentials_refused(m.c, SV("a"), SV("a-2"));
    OK(is(get(&m, "a"), "a-2") && m.made == 2); /* the set is not what is wrong */
    clock_advance(301 * NANO_PER_S);
    credentials_refused(m.c, SV("a"), SV("a-2"));
    OK(is(get(&m, "a"), "a-3"));
    mint_stop(&m);
}

static void a_set_without_an_end_is_looked_at_again_and_kept(void)
{
    struct mint m;

    OK(mint_start(&m));
    m.life_ms = 0;
    OK(is(get(&m, "a"), "a-1"));
    m.failure = ERR_CONFIG;
    clock_advance(48 * NANO_PER_H);
    OK(is(get(&m, "a"), "a-1") && m.made == 2);
    m.failure = ERR_OK;
    m.renew_ms = 0;
    clock_advance(NANO_PER_H);
    OK(is(get(&m, "a"), "a-3"));
    clock_advance(9000 * NANO_PER_H);
    OK(is(get(&m, "a"), "a-3") && m.made == 3);
    mint_stop(&m);
}

enum { CROWD = 200 };

/* How often the token service is asked in the busiest second of `s`, while each of two hundred is wanted every second. */
static int busiest_second(struct mint *m, int s)
{
    int most = 0;

    for (; s > 0; s--) {
        int before = m->made;

        clock_advance(NANO_PER_S);
        for (int i = 0; i < CROWD; i++) {
            char name[16];

            snprintf(name, sizeof name, "n%d", i);
            arena_reset(&m->memory);
            (void)get(m, name);
        }
        most = m->made - before > most ? m->made - before : most;
    }
    return most;
}

/* They were got together and end together. */
static void two_hundred_sets_that_end_together_are_not_renewed_together(void)
{
    struct mint m;
    struct credentials_config c = { .what = "name", .names_max = CROWD, .renew = mint_renew, .ctx = &m };
    int most;

    OK(mint_start(&m));
    credentials_free(m.c);
    m.c = credentials_new(&c, NULL);
    OK(busiest_second(&m, 1) == CROWD);
    OK(busiest_second(&m, 47 * 60) == 0);
    most = busiest_second(&m, 4 * 60);
    printf("# at most %d renewals in a second\n", most);
    OK(m.made == 2 * CROWD && most <= CROWD / 20);
    mint_stop(&m);
}

/* The token service is off for ten minutes, and the sets are wanted every second: each asks rarer and rarer. */
static void a_token_service_that_is_off_is_not_stormed(void)
{
    struct mint m;
    struct credentials_config c = { .what = "name", .names_max = CROWD, .renew = mint_renew, .ctx = &m };

    OK(mint_start(&m));
    credentials_free(m.c);
    m.c = credentials_new(&c, NULL);
    m.failure = ERR_RETRY;
    (void)busiest_second(&m, 600);
    printf("# %d renewals tried for %d sets in ten minutes\n", m.made, CROWD);
    OK(m.made >= CROWD && m.made <= 12 * CROWD);
    mint_stop(&m);
}

static enum err_code renew_nothing(void *ctx, sv name, struct arena *scratch, struct credential *out, struct err *e)
{
    (void)ctx, (void)name, (void)scratch, (void)out, (void)e;
    return ERR_OK;
}

static enum err_code fail_without_a_word(void *ctx, sv name, struct arena *scratch, struct credential *out,
                                         struct err *e)
{
    (void)ctx, (void)name, (void)scratch, (void)out, (void)e;
    return ERR_CONFIG;
}

/* Either would otherwise be a loop without an end, or an empty bearer. */
static void a_careless_renewal_is_an_error(void)
{
    struct credentials_config c = { .what = "name", .names_max = 1, .renew = renew_nothing };
    struct credential set;
    struct arena memory;
    struct credentials *k = credentials_new(&c, NULL);

    arena_init(&memory, 0);
    OK(credentials_get(k, SV("a"), &memory, &set, NULL) == ERR_INTERNAL);
    credentials_free(k);
    c.renew = fail_without_a_word;
    k = credentials_new(&c, NULL);
    OK(credentials_get(k, SV("a"), &memory, &set, NULL) == ERR_CONFIG);
    OK(credentials_get(k, SV("a"), &memory, &set, NULL) == ERR_CONFIG);
    credentials_free(k);
    credentials_free(NULL);
    arena_done(&memory);
}

int main(void)
{
    clock_set_manual(INT64_C(1795168800000000000));
    RUN(each_name_has_a_set_of_its_own);
    RUN(a_set_is_renewed_ahead_of_its_end);
    RUN(a_failing_renewal_leaves_the_old_set_until_its_end);
    RUN(pauses_grow_and_follow_the_kind_of_failure);
    RUN(near_the_end_pauses_are_short);
    RUN(a_refused_set_is_renewed_once);
    RUN(a_set_without_an_end_is_looked_at_again_and_kept);
    RUN(two_hundred_sets_that_end_together_are_not_renewed_together);
    RUN(a_token_service_that_is_off_is_not_stormed);
    RUN(a_careless_renewal_is_an_error);
    return tap_done();
}
