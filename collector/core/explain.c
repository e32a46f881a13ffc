/* Two passes over the journal: the first finds the one series that is meant, the second folds again and listens. */
#include "collector/core/explain.h"

#include <stdio.h>

#include "collector/base/clock.h"
#include "collector/base/memory.h"
#include "collector/config/suggest.h"
#include "collector/core/attempt.h"
#include "collector/journal/journal.h"
#include "collector/ledger/ledger.h"
#include "collector/model/codec.h"

enum { LISTED_MAX = 20 };

/* ---- the argument ---- */

static enum err_code quoted(sv *rest, struct arena *a, sv *out, struct err *e)
{
    struct buf b;

    if (rest->len == 0 || rest->at[0] != '"')
        return err_set(e, ERR_CONFIG, "series: want a value in double quotes, as in label=\"value\"");
    buf_init(&b, 64 << 10);
    *rest = sv_skip(*rest, 1);
    while (rest->len && rest->at[0] != '"') {
        if (rest->at[0] == '\\' && rest->len > 1) {
            buf_putc(&b, rest->at[1] == 'n' ? '\n' : rest->at[1]);
            *rest = sv_skip(*rest, 2);
        } else {
            buf_putc(&b, rest->at[0]);
            *rest = sv_skip(*rest, 1);
        }
    }
    *out = arena_copy(a, buf_sv(&b));
    buf_done(&b);
    if (rest->len == 0 || !out->at)
        return err_set(e, ERR_CONFIG, "series: a value does not end");
    *rest = sv_skip(*rest, 1);
    return ERR_OK;
}

enum err_code series_parse(sv text, struct arena *a, sv *name, struct matcher out[MATCHERS_MAX], size_t *n,
                           struct err *e)
{
    sv rest = sv_trim(text);

    *n = 0;
    *name = sv_trim(sv_cut(&rest, '{'));
    rest = sv_trim(rest);
    while (rest.len && rest.at[0] != '}') {
        if (*n == MATCHERS_MAX)
            return err_set(e, ERR_CONFIG, "series: more than %d labels", MATCHERS_MAX);
        out[*n].label = sv_trim(sv_cut(&rest, '='));
        rest = sv_trim(rest);
        if (quoted(&rest, a, &out[*n].value, e))
            return ERR_CONFIG;
        ++*n;
        rest = sv_trim(rest);
        if (rest.len && rest.at[0] == ',')
            rest = sv_trim(sv_skip(rest, 1));
    }
    return name->len ? ERR_OK
                     : err_set(e, ERR_CONFIG, "series: want a name, as in genai_requests_total{model=\"gpt-5-mini\"}");
}

/* "_count" and the like of a histogram or summary mean its family. */
static int family_of(sv name)
{
    static const char *const suffixes[] = { "", "_count", "_sum", "_bucket" };

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (sv_ends(name, sv_of(suffixes[i]))) {
            int f = family_find(sv_first(name, name.len - sv_of(suffixes[i]).len));

            if (f >= 0)
                return f;
        }
    return -1;
}

/* ---- the passes ---- */

struct pass {
    struct ledger *ledger;
    const struct attempt *attempt; /* frames that a replay skips */
    uint64_t frames, corrupt, first_sequence;
    int64_t first_unix_nano, last_unix_nano;
};

static enum err_code fold_frame(struct pass *p, const struct journal_frame *in, struct arena *arena, struct err *e)
{
    const uint64_t refusals = memory_refusals();
    struct frame *f;
    struct err why;

    if (p->frames++ == 0) {
        p->first_sequence = in->at.sequence;
        p->first_unix_nano = in->written_unix_nano;
    }
    p->last_unix_nano = in->written_unix_nano;
    if (in->corrupt || attempt_skips(p->attempt, in->at.sequence) || frame_decode(in->payload, arena, &f, &why)) {
        p->corrupt++;
    } else {
        f->written_unix_nano = in->written_unix_nano;
        ledger_fold(p->ledger, f);
    }
    arena_reset(arena);
    return memory_refusals() != refusals ? err_set(e, ERR_LIMIT, "out of memory") : ERR_OK;
}

static enum err_code fold_journal(struct journal *j, struct pass *p, int64_t at, struct err *e)
{
    struct journal_reader *r = journal_reader_open(j, "explain", SV_NONE, e);
    struct arena arena;
    enum err_code code = r ? ERR_OK : e->code;

    arena_init(&arena, 256 << 20);
    for (bool got = true; code == ERR_OK && got;) {
        struct journal_frame in;

        code = journal_read(r, 0, &in, &got, e);
        if (code == ERR_OK && got && at && in.written_unix_nano > at)
            break;
        if (code == ERR_OK && got)
            code = fold_frame(p, &in, &arena, e);
    }
    arena_done(&arena);
    journal_reader_close(r);
    return code;
}

/* What may be meant: every series, then the days of the bill. */
struct candidate {
    int family;
    uint64_t hash;
    sv labels[LABELS];
    char day[4];
};

static void series_candidate(const struct ledger *l, size_t number, struct candidate *c)
{
    const char *labels[LABELS];
    struct series_view v;

    ledger_series(l, number, &v, labels);
    *c = (struct candidate){ .family = v.family, .hash = v.hash };
    for (int i = 0; i < LABELS; i++)
        c->labels[i] = labels[i] ? sv_of(labels[i]) : SV_NONE;
}

/* False: a day that is not shown at that time. */
static bool billed_candidate(const struct ledger *l, size_t number, int64_t now, struct candidate *c)
{
    struct billed_view v;
    int offset;

    ledger_billed(l, number, &v);
    if (!billed_offset(&v, now, &offset))
        return false;
    *c = (struct candidate){ .family = v.family, .hash = v.hash };
    memcpy(c->labels, v.labels, sizeof c->labels);
    snprintf(c->day, sizeof c->day, "%d", offset);
    c->labels[LABEL_DAY_OFFSET] = sv_of(c->day);
    return true;
}

static bool candidate_at(const struct ledger *l, size_t number, int64_t now, struct candidate *c)
{
    size_t series = ledger_series_count(l);

    if (number >= series)
        return billed_candidate(l, number - series, now, c);
    series_candidate(l, number, c);
    return true;
}

static bool matches(const struct candidate *c, int family, const struct matcher *m, size_t n)
{
    if (c->family != family)
        return false;
    for (size_t i = 0; i < n; i++) {
        int label = label_find(m[i].label);

        if (sv_eq(m[i].label, SV("le")))
            continue;
        if (label < 0 || !(families[family].labels & LABEL_BIT(label)) || !sv_eq(c->labels[label], m[i].value))
            return false;
    }
    return true;
}

/* It has no label that was not given: as a line of /metrics names it. */
static bool is_exact(const struct candidate *c, const struct matcher *m, size_t n)
{
    size_t has = 0, given = 0;

    for (int i = 0; i < LABELS; i++)
        has += c->labels[i].len > 0;
    for (size_t i = 0; i < n; i++)
        given += m[i].value.len > 0 && !sv_eq(m[i].label, SV("le"));
    return has == given;
}

static void put_name(struct buf *out, const struct candidate *c)
{
    char between = '{';

    buf_put(out, sv_of(families[c->family].name));
    for (int i = 0; i < LABELS; i++)
        if (c->labels[i].len) {
            buf_printf(out, "%c%s=", between, label_name((enum label)i));
            buf_json(out, c->labels[i]);
            between = ',';
        }
    buf_put(out, between == ',' ? SV("}\n") : SV("\n"));
}

/* The one series that is meant; else they are listed in `out`. */
static enum err_code find_one(const struct ledger *l, int family, const struct matcher *m, size_t n, int64_t now,
                              uint64_t *hash, struct buf *out, struct err *e)
{
    size_t count = 0, all = ledger_series_count(l) + ledger_billed_count(l);
    struct candidate c;

    for (size_t i = 0; i < all; i++) {
        if (!candidate_at(l, i, now, &c) || !matches(&c, family, m, n))
            continue;
        *hash = c.hash;
        if (is_exact(&c, m, n)) {
            buf_clear(out);
            put_name(out, &c);
            return ERR_OK;
        }
        if (count++ < LISTED_MAX)
            put_name(out, &c);
    }
    if (count == 1)
        return ERR_OK;
    if (count == 0)
        return err_set(
            e, ERR_CONFIG,
            "no such series in the journal; /metrics shows those there are, with labels as they are to be given here");
    return err_set(e, ERR_CONFIG, "%zu series match: add labels until one is left (label=\"\": without it)%s", count,
                   count > LISTED_MAX ? " (the first ones are listed)" : "");
}

struct listener {
    struct buf *out;
    unsigned digits;
    int64_t total;
};

static void on_change(void *ctx, const struct ledger_change *c)
{
    struct listener *k = ctx;

    buf_time(k->out, c->frame->written_unix_nano, 3);
    buf_put(k->out, SV("  "));
    buf_time(k->out, c->bucket_unix_nano, 0);
    buf_printf(k->out, "  %-32.*s  cell %2u  %s", SV_ARG(c->what), c->cell, c->delta < 0 ? "" : "+");
    buf_decimal(k->out, c->delta, k->digits);
    buf_put(k->out, SV("  = "));
    buf_decimal(k->out, c->value, k->digits);
    buf_putc(k->out, '\n');
}

static void put_billed(struct buf *out, const struct ledger *l, uint64_t hash)
{
    struct billed_view v;

    for (size_t i = 0; i < ledger_billed_count(l); i++) {
        ledger_billed(l, i, &v);
        if (v.hash != hash)
            continue;
        buf_put(out, SV("billed: "));
        buf_decimal(out, v.nano, families[v.family].digits);
        buf_put(out, SV(" for the day from "));
        buf_time(out, v.day * 24 * NANO_PER_H, 0);
        buf_putc(out, '\n');
    }
}

static void put_end(struct buf *out, const struct ledger *l, uint64_t hash, const struct pass *p)
{
    struct series_view v;

    put_billed(out, l, hash);
    for (size_t i = 0; i < ledger_series_count(l); i++) {
        ledger_series(l, i, &v, NULL);
        if (v.hash != hash)
            continue;
        for (unsigned c = 0; c < family_cells(v.family); c++) {
            if (!v.value[c] && !v.shown[c] && c)
                continue;
            buf_printf(out, "cell %u: value ", c);
            buf_decimal(out, v.value[c], families[v.family].digits);
            buf_put(out, SV(", shown "));
            buf_decimal(out, v.shown[c], families[v.family].digits);
            buf_printf(out, "%s\n", v.expired ? " (expired)" : v.born ? "" : " (not yet shown at 0)");
        }
        if (!v.value) {
            buf_put(out, SV("gauge: "));
            buf_f64(out, v.gauge);
            buf_put(out, families[v.family].type == FAMILY_PEAK ? SV(", the peak up to ")
                                                                : SV(" of the bucket that ended "));
            buf_time(out, v.gauge_end_unix_nano, 0);
            buf_putc(out, '\n');
        }
    }
    buf_printf(out, "from %llu frames", (unsigned long long)p->frames);
    if (p->corrupt)
        buf_printf(out, ", %llu of them corrupt and left out", (unsigned long long)p->corrupt);
    if (p->first_sequence > 1) {
        buf_put(out, SV("; the journal goes back to "));
        buf_time(out, p->first_unix_nano, 0);
        buf_put(out, SV(", what came before is not told here"));
    }
    buf_putc(out, '\n');
}

static enum err_code explain_family(struct journal *j, const struct attempt *a, int family, const struct matcher *m,
                                    size_t n, int64_t at, struct buf *out, struct err *e)
{
    struct pass first = { .ledger = ledger_new(e), .attempt = a };
    struct pass second = { .ledger = ledger_new(e), .attempt = a };
    struct listener k = { .out = out, .digits = families[family].digits };
    enum err_code code = first.ledger && second.ledger ? ERR_OK : ERR_LIMIT;
    uint64_t hash = 0;

    if (code == ERR_OK)
        code = fold_journal(j, &first, at, e);
    if (code == ERR_OK)
        code = find_one(first.ledger, family, m, n, at ? at : first.last_unix_nano, &hash, out, e);
    if (code == ERR_OK) {
        buf_put(
            out,
            SV("frame written             bucket                what                                      change\n"));
        ledger_trace(second.ledger, hash, on_change, &k);
        code = fold_journal(j, &second, at, e);
    }
    if (code == ERR_OK)
        put_end(out, second.ledger, hash, &second);
    ledger_free(first.ledger);
    ledger_free(second.ledger);
    return code;
}

static enum err_code unknown_family(sv name, struct err *e)
{
    struct suggestion s = { .word = name };

    for (size_t i = 0; i < n_families; i++)
        suggest_offer(&s, families[i].name);
    return err_set(e, ERR_CONFIG, "%.*s: no family that comes from the journal has this name%s%s%s", SV_ARG(name),
                   s.best ? ", did you mean " : "", s.best ? s.best : "", s.best ? "?" : "");
}

enum err_code explain(const char *storage_dir, sv series, int64_t at, struct buf *out, struct err *e)
{
    struct matcher matchers[MATCHERS_MAX];
    char dir[4096];
    struct arena arena;
    struct journal *j = NULL;
    struct attempt attempt;
    sv name;
    size_t n;
    enum err_code code;

    arena_init(&arena, 1 << 20);
    code = series_parse(series, &arena, &name, matchers, &n, e);
    if (code == ERR_OK && family_of(name) < 0)
        code = unknown_family(name, e);
    if (code == ERR_OK && snprintf(dir, sizeof dir, "%s/journal", storage_dir) >= (int)sizeof dir)
        code = err_set(e, ERR_CONFIG, "%s: path too long", storage_dir);
    if (code == ERR_OK) {
        j = journal_open(&(struct journal_options){ .dir = dir, .read_only = true }, &(struct journal_recovery){ 0 },
                         e);
        attempt_look(&attempt, storage_dir);
        code = j ? explain_family(j, &attempt, family_of(name), matchers, n, at, out, e) : e->code;
    }
    journal_close(j);
    arena_done(&arena);
    return code;
}
