/* Control reads: what comes after the look-back is added or owed, once, whatever came before, between and after; buckets of another
 * grain than the one asked for count no time twice. */
#include "collector/ledger/internal.h"

#include "tests/collector/ledger/log_fixture.h"

static struct arena arena;
static struct ledger *l;

static struct window *window_of(struct frame *f)
{
    return &f->windows[0];
}

static struct frame *fine_frame(int64_t from, int64_t to)
{
    struct frame *f = fixture_frame(&arena, from, to);

    window_of(f)->controls = true;
    window_of(f)->settled_to_unix_nano = to;
    return f;
}

static struct frame *control_frame(int age, int64_t from, int64_t to)
{
    struct frame *f = fixture_frame(&arena, from, to);
    char *room = arena_alloc(&arena, CONTROL_GROUP_MAX);

    window_of(f)->group = control_group(SV("g"), age, room);
    window_of(f)->control = true;
    window_of(f)->settled_to_unix_nano = to;
    return f;
}

static void begin(void)
{
    arena_reset(&arena);
    ledger_free(l);
    l = fixture_ledger(&arena);
}

static struct measure *put_hour(struct frame *f, sv name, sv deployment, int hour, double value)
{
    struct measure *m = fixture_measure(fixture_batch(f), name, deployment, T0 + hour * NANO_PER_H, value);

    m->end_unix_nano = m->start_unix_nano + NANO_PER_H;
    return m;
}

static void fine(sv deployment, int minute, double value)
{
    int64_t at = T0 + minute * NANO_PER_MIN;
    struct frame *f = fine_frame(at, at + NANO_PER_MIN);

    fixture_measure(fixture_batch(f), SV("Requests"), deployment, at, value);
    ledger_fold(l, f);
}

static void control(int age, sv deployment, int hour, double value)
{
    struct frame *f = control_frame(age, T0 + hour * NANO_PER_H, T0 + (hour + 1) * NANO_PER_H);

    put_hour(f, SV("Requests"), deployment, hour, value);
    ledger_fold(l, f);
}

static int64_t value(void)
{
    struct series_view v;

    return fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) ? v.value[0] : -1;
}

static int64_t shown(void)
{
    struct series_view v;

    return fixture_find(l, "genai_requests_total", LABEL_CODE, "200", &v) ? v.shown[0] : -1;
}

static struct source_totals totals(void)
{
    struct source_totals t = { 0 };

    for (size_t i = 0; i < ledger_source_count(l) && !sv_eq(t.source, SV("az")); i++)
        ledger_source(l, i, &t);
    return t;
}

static void more_is_added_and_less_is_owed(void)
{
    struct control_view v;

    begin();
    fine(SV("d"), 0, 5);
    fine(SV("d"), 59, 7);
    fixture_bear(l, &arena);
    control(0, SV("d"), 0, 15);
    OK(value() == 15 && shown() == 15);
    control(1, SV("d"), 0, 11);
    OK(value() == 11 && shown() == 15);
    OK(ledger_control_count(l) == 2);
    ledger_control(l, 0, &v);
    OK(sv_eq(v.age, SV("1h")) && sv_eq(v.source, SV("az")) && v.added == 3 && v.owed == 0);
    ledger_control(l, 1, &v);
    OK(sv_eq(v.age, SV("6h")) && v.added == 0 && v.owed == 4);
    fine(SV("d"), 60, 5);
    OK(value() == 16 && shown() == 16);
}

/* Its remainder is what the bucket says, not more. */
static void what_a_control_read_saw_is_not_added_again_by_its_bucket(void)
{
    begin();
    fine(SV("d"), 0, 5);
    control(0, SV("d"), 0, 12);
    fine(SV("d"), 0, 9);
    OK(value() == 12);
    fine(SV("d"), 1, 3);
    OK(value() == 12);
    fine(SV("d"), 2, 4);
    OK(value() == 16);
    control(1, SV("d"), 0, 16);
    OK(value() == 16);
    control(2, SV("d"), 0, 10);
    fine(SV("d"), 2, 1);
    OK(value() == 10);
}

static void a_series_that_no_fine_read_saw_is_added_whole_and_born_at_zero(void)
{
    begin();
    fine(SV("d"), 120, 1);
    control(0, SV("e"), 1, 40);
    control(0, SV("e"), 0, 0);
    OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "e", &(struct series_view){ 0 }));
    {
        struct series_view v;

        OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "e", &v) && v.value[0] == 40 && v.shown[0] == 0);
        fixture_bear(l, &arena);
        OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "e", &v) && v.shown[0] == 40);
        fine(SV("e"), 60, 30); /* listed at last, and read back */
        OK(fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, "e", &v) && v.value[0] == 40);
    }
}

static void an_hour_in_which_counting_began_is_not_compared(void)
{
    struct frame *f;

    arena_reset(&arena);
    ledger_free(l);
    l = ledger_new(NULL);
    f = fine_frame(T0 + 30 * NANO_PER_MIN, T0 + 31 * NANO_PER_MIN);
    fixture_mapping(f, 0);
    fixture_epoch(f, EPOCH_COUNT_FROM, 0, SV("az"), arena_printf(&arena, "%lld", (long long)(T0 + 30 * NANO_PER_MIN)));
    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), T0 + 30 * NANO_PER_MIN, 5);
    ledger_fold(l, f);
    control(0, SV("d"), 0, 1000);
    OK(value() == 5 && totals().hours_uncompared == 1);
    fine(SV("d"), 60, 1);
    control(0, SV("d"), 1, 3);
    OK(value() == 8 && totals().hours_uncompared == 1);
}

static void sums_kept_since_now_say_nothing_of_what_was_read_before(void)
{
    struct frame *f;

    begin();
    f = fixture_frame(&arena, T0, T0 + 10 * NANO_PER_MIN); /* a version that kept none */
    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), T0, 5);
    ledger_fold(l, f);
    fine(SV("d"), 10, 1);
    control(0, SV("d"), 0, 6);
    OK(value() == 6 && totals().hours_uncompared == 1);
    fine(SV("d"), 60, 1);
    control(0, SV("d"), 1, 2);
    OK(value() == 8);
}

static void after_the_last_one_what_comes_is_late(void)
{
    begin();
    fine(SV("d"), 0, 5);
    control(3, SV("d"), 0, 8);
    OK(value() == 8 && l->n_sums == 0);
    fine(SV("d"), 0, 50);
    fine(SV("d"), 1, 50);
    control(0, SV("d"), 0, 90);
    OK(value() == 8 && totals().late_buckets == 3 && totals().late == 3);
    fine(SV("d"), 60, 1);
    OK(value() == 9);
}

static void what_a_control_read_repeats_is_not_journalled(void)
{
    struct frame *f;

    begin();
    fine(SV("d"), 0, 5);
    f = control_frame(0, T0, T0 + 2 * NANO_PER_H);
    put_hour(f, SV("Requests"), SV("d"), 0, 5);
    put_hour(f, SV("Requests"), SV("d"), 1, 0);
    put_hour(f, SV("Requests"), SV("never"), 0, 0);
    put_hour(f, SV("Utilization"), SV("d"), 0, 50)->kind = MEASURE_GAUGE;
    put_hour(f, SV("Requests"), SV("e"), 0, 1);
    f->tally.received = f->tally.stored = 5;
    ledger_filter(l, f);
    OK(frame_records(f) == 1 && f->tally.duplicate == 4 && f->tally.stored == 1);
}

static void a_control_read_sets_no_gauge_and_no_peak(void)
{
    struct series_view v;
    struct frame *f;

    begin();
    f = fine_frame(T0, T0 + NANO_PER_MIN);
    fixture_measure(fixture_batch(f), SV("Utilization"), SV("d"), T0, 50);
    fixture_measure(fixture_batch(f), SV("Out"), SV("d"), T0, 9);
    ledger_fold(l, f);
    f = control_frame(0, T0, T0 + NANO_PER_H);
    put_hour(f, SV("Utilization"), SV("d"), 0, 90);
    put_hour(f, SV("Out"), SV("d"), 0, 900);
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_provisioned_utilization_ratio", LABEL_DEPLOYMENT, "d", &v) && v.gauge == 0.5);
    OK(fixture_find(l, "genai_rate_used", LABEL_DEPLOYMENT, "d", &v) && v.gauge == 9);
}

static void an_hour_of_two_models_is_corrected_at_the_newer(void)
{
    struct series_view v;
    struct frame *f;
    struct batch *b;

    begin();
    fine(SV("d"), 0, 5);
    f = fine_frame(T0 + NANO_PER_MIN, T0 + 2 * NANO_PER_MIN);
    b = fixture_batch(f);
    fixture_measure(b, SV("Requests"), SV("d"), T0 + NANO_PER_MIN, 7)->model = batch_sym(b, SV("gpt-6-sol"));
    ledger_fold(l, f);
    control(0, SV("d"), 0, 20);
    OK(fixture_find(l, "genai_requests_total", LABEL_MODEL, "gpt-5-mini", &v) && v.value[0] == 5);
    OK(fixture_find(l, "genai_requests_total", LABEL_MODEL, "gpt-6-sol", &v) && v.value[0] == 15);
}

static void an_hour_in_which_the_authority_changed_is_not_compared(void)
{
    struct frame *f;
    struct series_view v;
    struct batch *b;

    begin();
    f = fine_frame(T0, T0 + 3 * NANO_PER_MIN);
    fixture_epoch(f, EPOCH_AUTHORITY, 0, SV("tokens /s1/acc"), SV("models"));
    fixture_epoch(f, EPOCH_AUTHORITY, T0 + 2 * NANO_PER_MIN, SV("tokens /s1/acc"), SV("azure_openai"));
    b = fixture_batch(f);
    fixture_measure(b, SV("In"), SV("d"), T0, 100)->family = batch_sym(b, SV("models"));
    ledger_fold(l, f);
    f = control_frame(0, T0, T0 + NANO_PER_H);
    {
        struct measure *m = put_hour(f, SV("In"), SV("d"), 0, 1000);

        m->family = batch_sym(f->last_batch, SV("models"));
    }
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_tokens_total", LABEL_DIRECTION, "input", &v) && v.value[0] == 100);
    OK(totals().hours_uncompared == 1);
}

static void at_the_limit_an_hour_is_not_compared_and_counting_goes_on(void)
{
    struct ledger_sizes z;

    begin();
    fixture_limits(l, &arena, "hour_sums_bytes=40");
    fine(SV("d"), 0, 5);
    fine(SV("e"), 0, 6);
    fine(SV("f"), 0, 7);
    ledger_sizes(l, &z);
    OK(z.hour_sums == 2 && z.hour_sums_bytes == 32 && z.hour_sums_limit_bytes == 40);
    control(0, SV("f"), 0, 70);
    OK(totals().hours_uncompared == 1);
    l = fixture_restart(l);
    control(0, SV("f"), 0, 70);
    OK(totals().hours_uncompared == 2);
    control(3, SV("g"), 0, 0); /* gives the room back */
    fine(SV("f"), 60, 1);
    ledger_sizes(l, &z);
    OK(z.hour_sums == 1 && z.hour_sums_bytes == 16);
}

static void a_backfill_is_compared_with_nothing(void)
{
    struct frame *f;

    begin();
    fine(SV("d"), 0, 5);
    f = control_frame(0, T0, T0 + NANO_PER_H);
    f->lane = LANE_BACKFILL;
    put_hour(f, SV("Requests"), SV("d"), 0, 50);
    ledger_fold(l, f);
    OK(value() == 5 && l->n_sums == 1);
}

static void roundings_of_an_hour_are_no_difference(void)
{
    struct frame *f;
    struct series_view v;
    double sum = 0;

    begin();
    for (int i = 0; i < 60; i++) {
        struct measure *m;

        f = fine_frame(T0 + i * NANO_PER_MIN, T0 + (i + 1) * NANO_PER_MIN);
        m = fixture_measure(fixture_batch(f), SV("Latency"), SV("d"), T0 + i * NANO_PER_MIN, NAN);
        m->sum = 1000.0 / 3 + i / 7.0;
        m->count = 3;
        sum += m->sum;
        ledger_fold(l, f);
    }
    f = control_frame(0, T0, T0 + NANO_PER_H);
    put_hour(f, SV("Latency"), SV("d"), 0, NAN)->sum = sum;
    f->batches->measures[0].count = 180;
    ledger_filter(l, f);
    OK(frame_records(f) == 0);
    f = control_frame(0, T0, T0 + NANO_PER_H);
    put_hour(f, SV("Latency"), SV("d"), 0, NAN)->sum = sum + 5;
    f->batches->measures[0].count = 181;
    ledger_filter(l, f);
    OK(frame_records(f) == 1);
    ledger_fold(l, f);
    OK(fixture_find(l, "genai_request_duration_mean_seconds", LABEL_DEPLOYMENT, "d", &v));
    OK(v.value[1] == 181 && llabs(v.value[0] - llround((sum + 5) * 1e6)) <= 64);
}

/* ---- any order of everything ---- */

enum { SERIES = 3, HOURS_TOLD = 6, MINUTES = HOURS_TOLD * 60, SEEDS = 60 };

static uint64_t state;
static int64_t cloud[SERIES][MINUTES];

static unsigned draw(unsigned n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % n;
}

static sv name_of(int series)
{
    return sv_make(&"abc"[series], 1);
}

/* The journal, and how far the last snapshot is. */
static struct frame *journal[400];
static size_t n_journal, n_snapshot;
static struct buf snapshot;

static struct ledger *replayed(sv from, size_t first)
{
    struct ledger *to = ledger_new(NULL);
    struct buf cursor;

    buf_init(&cursor, 256);
    OK(from.len == 0 || snapshot_decode(to, from, SNAPSHOT_VERSION, &cursor));
    for (size_t i = first; i < n_journal; i++)
        ledger_fold(to, journal[i]);
    buf_done(&cursor);
    return to;
}

static void fold(struct frame *f)
{
    journal[n_journal++] = f;
    ledger_fold(l, f);
    if (draw(15) == 0) {
        buf_clear(&snapshot);
        snapshot_encode(&snapshot, l, SV("at"));
        n_snapshot = n_journal;
    }
    if (draw(15) == 0) { /* killed */
        ledger_free(l);
        l = replayed(buf_sv(&snapshot), n_snapshot);
    }
}

static void commit(struct frame *f)
{
    ledger_filter(l, f);
    fold(f);
}

static void read_minutes(int from, int to, bool all)
{
    struct frame *f = fine_frame(T0 + from * NANO_PER_MIN, T0 + to * NANO_PER_MIN);
    struct batch *b = fixture_batch(f);

    for (int s = 0; s < SERIES; s++)
        for (int i = from; i < to; i++)
            if (all ? s < 2 || from > 200 : draw(3) == 0)
                fixture_measure(b, SV("Requests"), name_of(s), T0 + i * NANO_PER_MIN, (double)cloud[s][i]);
    commit(f);
}

static void read_hours(int age, int from, int to)
{
    struct frame *f = control_frame(age, T0 + from * NANO_PER_H, T0 + to * NANO_PER_H);

    for (int s = 0; s < SERIES; s++)
        for (int hour = from; hour < to; hour++) {
            int64_t sum = 0;

            for (int i = 0; i < 60; i++)
                sum += cloud[s][hour * 60 + i];
            put_hour(f, SV("Requests"), name_of(s), hour, (double)sum);
        }
    commit(f);
}

static int64_t shown_before[SERIES];

/* What is shown never falls; what it is ahead of the value is its debt. */
static bool is_sound(void)
{
    for (int s = 0; s < SERIES; s++) {
        char name[2] = { "abc"[s], '\0' };
        struct series_view v;

        if (!fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, name, &v))
            continue;
        if (v.shown[0] < shown_before[s])
            return false;
        shown_before[s] = v.shown[0];
    }
    return true;
}

static void change_the_cloud(void)
{
    for (unsigned n = draw(30); n > 0; n--) {
        int64_t *v = &cloud[draw(SERIES)][draw(MINUTES)];

        *v = draw(4) ? *v + draw(9) : draw(6); /* up, or to anything */
    }
}

static bool one_life(uint64_t seed, int64_t final[SERIES])
{
    bool sound = true;

    state = seed;
    begin();
    n_journal = n_snapshot = 0;
    buf_clear(&snapshot);
    snapshot_encode(&snapshot, l, SV("at"));
    memset(shown_before, 0, sizeof shown_before);
    for (int s = 0; s < SERIES; s++)
        for (int i = 0; i < MINUTES; i++)
            cloud[s][i] = draw(3) ? 0 : draw(9);
    for (int i = 0; i < MINUTES; i += 30)
        read_minutes(i, i + 30, true);
    for (int step = 0; step < 60 && sound; step++) {
        int from = (int)draw(HOURS_TOLD), minute = (int)draw(MINUTES - 30);

        change_the_cloud();
        if (draw(2))
            read_minutes(minute, minute + 30, false);
        else
            read_hours((int)draw(CONTROL_AGES - 1), from, from + 1 + (int)draw((unsigned)(HOURS_TOLD - from)));
        if (draw(5) == 0) {
            struct frame *f = frame_new(&arena, SV("trefoil"), SV("births"));

            ledger_births(l, UINT64_MAX, INT64_MAX, 100000, f);
            fold(f);
        }
        sound = is_sound();
    }
    change_the_cloud();
    read_hours(CONTROL_AGES - 1, 0, HOURS_TOLD);
    for (int s = 0; s < SERIES; s++) {
        final[s] = 0;
        for (int i = 0; i < MINUTES; i++)
            final[s] += cloud[s][i];
    }
    change_the_cloud(); /* too late */
    read_minutes(0, 30, false);
    return sound && is_sound();
}

static bool is_what_the_cloud_says(const int64_t final[SERIES])
{
    for (int s = 0; s < SERIES; s++) {
        char name[2] = { "abc"[s], '\0' };
        struct series_view v;

        if (fixture_find(l, "genai_requests_total", LABEL_DEPLOYMENT, name, &v) ? v.value[0] != final[s] : final[s])
            return false;
    }
    return true;
}

static bool same_series(struct ledger *a, struct ledger *b)
{
    if (ledger_series_count(a) != ledger_series_count(b))
        return false;
    for (size_t i = 0; i < ledger_series_count(a); i++) {
        struct series_view p, q;

        ledger_series(a, i, &p, NULL);
        ledger_series(b, i, &q, NULL);
        if (p.hash != q.hash || (p.value && (p.value[0] != q.value[0] || p.shown[0] != q.shown[0])))
            return false;
    }
    return true;
}

/* From the beginning: the frame with mapping and count_from is not in the list. */
static bool replays_alike(void)
{
    struct ledger *now = l, *again = fixture_ledger(&arena);
    bool alike;

    for (size_t i = 0; i < n_journal; i++)
        ledger_fold(again, journal[i]);
    alike = same_series(now, again) && now->n_sums == again->n_sums && now->sums_bytes == again->sums_bytes;
    ledger_free(again);
    return alike;
}

static void in_any_order_the_end_is_what_the_cloud_says(void)
{
    buf_init(&snapshot, 64 << 20);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        int64_t final[SERIES];
        bool sound = one_life(seed, final);

        if (!OK(sound && is_what_the_cloud_says(final) && replays_alike() && totals().hours_uncompared == 0))
            printf("# seed %llu\n", (unsigned long long)seed);
    }
    buf_done(&snapshot);
}

/* ---- other grains ---- */

static void grained(int minute, int length, double v)
{
    int64_t at = T0 + minute * NANO_PER_MIN;
    struct frame *f = fine_frame(at, at + length * NANO_PER_MIN);

    fixture_measure(fixture_batch(f), SV("Requests"), SV("d"), at, v)->end_unix_nano = at + length * NANO_PER_MIN;
    ledger_fold(l, f);
}

/* S-14: asked for minutes, got five of them. */
static void a_longer_bucket_takes_the_place_of_those_inside(void)
{
    begin();
    for (int i = 0; i < 4; i++)
        grained(i, 1, 2);
    grained(0, 5, 13);
    OK(value() == 13 && l->n_buckets == 1);
    l = fixture_restart(l);
    grained(0, 5, 12);
    OK(value() == 12);
    grained(2, 1, 7); /* it is a part of what was counted */
    OK(value() == 12 && totals().overlaps == 1);
    grained(0, 1, 7);
    OK(value() == 12 && totals().overlaps == 2);
    grained(5, 1, 1);
    OK(value() == 13);
    control(0, SV("d"), 0, 20);
    OK(value() == 20);
}

static void a_bucket_across_an_edge_is_refused(void)
{
    begin();
    grained(0, 5, 10);
    grained(3, 5, 9);
    OK(value() == 10 && totals().overlaps == 1);
    grained(10, 1, 1);
    grained(12, 5, 8);
    grained(10, 5, 9);
    OK(value() == 19 && totals().overlaps == 2);
}

static void five_minutes_have_no_busiest_minute(void)
{
    struct series_view v;
    struct frame *f;

    begin();
    for (int i = 0; i < 2; i++) {
        f = fine_frame(T0, T0 + NANO_PER_MIN);
        fixture_measure(fixture_batch(f), SV("Out"), SV("d"), T0, 9)->end_unix_nano = T0 + (i ? 5 : 1) * NANO_PER_MIN;
        f->batches->measures[0].value = i ? 90 : 9;
        ledger_fold(l, f);
    }
    OK(fixture_find(l, "genai_rate_used", LABEL_DEPLOYMENT, "d", &v) && v.gauge == 9);
}

static void any_mixture_of_grains_counts_no_time_twice(void)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        int64_t most = 0;

        state = seed;
        begin();
        for (int i = 0; i < 60; i++)
            most += cloud[0][i] = draw(9);
        for (int step = 0; step < 60; step++) {
            int length = draw(2) ? 1 : 5, minute = (int)draw(60) / length * length;
            double v = 0;

            for (int i = minute; i < minute + length; i++)
                v += (double)cloud[0][i];
            grained(minute, length, v);
        }
        if (!OK(value() <= most))
            printf("# seed %llu: %lld of %lld\n", (unsigned long long)seed, (long long)value(), (long long)most);
        for (int i = 0; i < 60; i += 5) {
            double v = 0;

            for (int k = i; k < i + 5; k++)
                v += (double)cloud[0][k];
            grained(i, 5, v);
        }
        OK(value() == most && l->n_buckets == 12);
    }
}

/* S-10: 0 or nothing first, then its value, then others. */
static void a_bucket_that_begins_at_zero_or_nothing_ends_at_its_value(void)
{
    static const double told[][4] = { { 0, 4, 9, 7 }, { NAN, 4, 9, 7 }, { 0, 0, 0, 7 }, { 3, 0, 9, 7 } };

    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        static const int after[] = { 0, 1, 3, 10 };
        int64_t before = 0;
        bool fell = false;

        begin();
        fine(SV("x"), 0, 0);
        fixture_bear(l, &arena);
        for (int k = 0; k < 4; k++) {
            struct frame *f = fine_frame(T0, T0 + (after[k] + 1) * NANO_PER_MIN);

            fixture_measure(fixture_batch(f), SV("Requests"), SV("x"), T0, told[i][k]);
            window_of(f)->settled_to_unix_nano = T0;
            ledger_fold(l, f);
            fell |= shown() < before;
            before = shown();
        }
        OK(value() == 7 && !fell && shown() >= 7);
    }
}

int main(void)
{
    arena_init(&arena, 512 << 20);
    RUN(more_is_added_and_less_is_owed);
    RUN(what_a_control_read_saw_is_not_added_again_by_its_bucket);
    RUN(a_series_that_no_fine_read_saw_is_added_whole_and_born_at_zero);
    RUN(an_hour_in_which_counting_began_is_not_compared);
    RUN(sums_kept_since_now_say_nothing_of_what_was_read_before);
    RUN(after_the_last_one_what_comes_is_late);
    RUN(what_a_control_read_repeats_is_not_journalled);
    RUN(a_control_read_sets_no_gauge_and_no_peak);
    RUN(an_hour_of_two_models_is_corrected_at_the_newer);
    RUN(an_hour_in_which_the_authority_changed_is_not_compared);
    RUN(at_the_limit_an_hour_is_not_compared_and_counting_goes_on);
    RUN(a_backfill_is_compared_with_nothing);
    RUN(roundings_of_an_hour_are_no_difference);
    RUN(in_any_order_the_end_is_what_the_cloud_says);
    RUN(a_longer_bucket_takes_the_place_of_those_inside);
    RUN(a_bucket_across_an_edge_is_refused);
    RUN(five_minutes_have_no_busiest_minute);
    RUN(any_mixture_of_grains_counts_no_time_twice);
    RUN(a_bucket_that_begins_at_zero_or_nothing_ends_at_its_value);
    ledger_free(l);
    arena_done(&arena);
    return tap_done();
}
