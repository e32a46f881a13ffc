/*
 * A frame as text, one line a record, for comparison with a file of the same name ending in ".expected". Set
 * UPDATE_EXPECTED=1 to write these files anew, then read the difference.
 */
#ifndef TESTS_SOURCES_DUMP_H
#define TESTS_SOURCES_DUMP_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/base/buf.h"
#include "collector/model/record.h"

static inline void dump_sym(struct buf *out, const struct batch *b, const char *name, sym s)
{
    if (s)
        buf_printf(out, " %s=%.*s", name, SV_ARG(batch_sv(b, s)));
}

static inline void dump_number(struct buf *out, const char *name, double v)
{
    if (isnan(v))
        return;
    buf_printf(out, " %s=", name);
    buf_f64(out, v);
}

static inline void dump_measure(struct buf *out, const struct batch *b, const struct measure *m)
{
    static const char *const kinds[] = { "count", "gauge", "distribution", "summary" };

    buf_put(out, SV("  "));
    buf_time(out, m->start_unix_nano, 0);
    buf_printf(out, " +%llds %.*s %s", (long long)((m->end_unix_nano - m->start_unix_nano) / 1000000000),
               SV_ARG(batch_sv(b, m->name)), kinds[m->kind]);
    dump_number(out, "value", m->value);
    dump_number(out, "sum", m->sum);
    dump_number(out, "count", m->count);
    dump_number(out, "min", m->min);
    dump_number(out, "max", m->max);
    dump_sym(out, b, "family", m->family);
    dump_sym(out, b, "unit", m->unit);
    dump_sym(out, b, "deployment", m->deployment);
    dump_sym(out, b, "model", m->model);
    dump_sym(out, b, "operation", m->operation);
    dump_sym(out, b, "tier", m->tier);
    dump_sym(out, b, "code", m->code);
    if (m->outcome)
        buf_printf(out, " outcome=%s", outcome_name(m->outcome));
    dump_sym(out, b, "part", m->part);
    dump_sym(out, b, "caller", m->caller);
    buf_put(out, SV(" |"));
    for (size_t i = 0; i < m->n_dimensions; i++)
        buf_printf(out, " %.*s=%.*s", SV_ARG(batch_sv(b, m->dimensions[i].name)), SV_ARG(m->dimensions[i].value));
    buf_putc(out, '\n');
}

static inline void dump_charge(struct buf *out, const struct batch *b, const struct charge *c)
{
    buf_put(out, SV("  "));
    buf_time(out, c->start_unix_nano, 0);
    buf_printf(out, " +%llds cost ", (long long)((c->end_unix_nano - c->start_unix_nano) / 1000000000));
    buf_decimal(out, c->cost_nano, 9);
    dump_sym(out, b, "currency", c->currency);
    dump_sym(out, b, "service", c->service);
    dump_sym(out, b, "sku", c->sku);
    dump_sym(out, b, "category", c->charge_category);
    dump_sym(out, b, "model", c->model);
    dump_sym(out, b, "direction", c->direction);
    dump_number(out, "quantity", c->quantity);
    dump_sym(out, b, "unit", c->unit);
    buf_put(out, c->estimated ? SV(" estimated |") : SV(" |"));
    for (size_t i = 0; i < c->n_extra; i++)
        buf_printf(out, " %.*s=%.*s", SV_ARG(batch_sv(b, c->extra[i].name)), SV_ARG(c->extra[i].value));
    buf_putc(out, '\n');
}

static inline void dump_audit(struct buf *out, const struct batch *b, const struct audit *a)
{
    buf_put(out, SV("  "));
    buf_time(out, a->time_unix_nano, 0);
    buf_printf(out, " audit %.*s", SV_ARG(a->event_id));
    dump_sym(out, b, "action", a->action);
    dump_sym(out, b, "outcome", a->outcome);
    dump_sym(out, b, "actor", a->actor);
    dump_sym(out, b, "type", a->actor_type);
    dump_sym(out, b, "ip", a->actor_ip);
    dump_sym(out, b, "target", a->target);
    dump_sym(out, b, "category", a->category);
    dump_sym(out, b, "status", a->status);
    buf_put(out, SV(" |"));
    for (size_t i = 0; i < a->n_extra; i++)
        buf_printf(out, " %.*s=%.*s", SV_ARG(batch_sv(b, a->extra[i].name)), SV_ARG(a->extra[i].value));
    buf_putc(out, '\n');
}

static inline void dump_frame(struct buf *out, const struct frame *f)
{
    for (const struct batch *b = f->batches; b; b = b->next) {
        buf_printf(out, "%s/%s", cloud_name(b->origin.cloud), platform_name(b->origin.platform));
        dump_sym(out, b, "account", b->origin.account);
        dump_sym(out, b, "cloud_region", b->origin.cloud_region);
        dump_sym(out, b, "resource", b->origin.resource);
        dump_sym(out, b, "jurisdiction", b->origin.jurisdiction);
        dump_sym(out, b, "id", b->origin.resource_id);
        buf_putc(out, '\n');
        for (size_t i = 0; i < b->n_measures; i++)
            dump_measure(out, b, &b->measures[i]);
        for (size_t i = 0; i < b->n_charges; i++)
            dump_charge(out, b, &b->charges[i]);
        for (size_t i = 0; i < b->n_audits; i++)
            dump_audit(out, b, &b->audits[i]);
    }
    for (size_t i = 0; i < f->n_epochs; i++) {
        const struct epoch *e = &f->epochs[i];

        buf_printf(out, "epoch %d %.*s %.*s\n", (int)e->kind, SV_ARG(e->subject), SV_ARG(e->value));
        for (size_t k = 0; k < e->n_items; k++) {
            const struct inventory_item *t = &e->items[k];

            buf_printf(out, "  %.*s model=%.*s raw=%.*s version=%.*s publisher=%.*s sku=%.*s processing=%.*s",
                       SV_ARG(t->deployment), SV_ARG(t->model), SV_ARG(t->model_id), SV_ARG(t->model_version),
                       SV_ARG(t->publisher), SV_ARG(t->sku), SV_ARG(t->processing));
            buf_printf(out, " jurisdiction=%.*s team=%.*s", SV_ARG(t->jurisdiction), SV_ARG(t->team));
            dump_number(out, "capacity", t->capacity);
            buf_printf(out, " %.*s\n", SV_ARG(t->capacity_unit));
        }
    }
    buf_printf(out, "received %lld", (long long)f->tally.received);
    for (int r = 1; r < REASONS; r++)
        if (f->tally.rejected[r])
            buf_printf(out, " %s %lld", reason_name((enum reason)r), (long long)f->tally.rejected[r]);
    for (size_t i = 0; i < f->n_quarantined; i++)
        buf_printf(out, "\nquarantined %s: %.*s: %.*s", reason_name(f->quarantined[i].reason),
                   SV_ARG(f->quarantined[i].what), SV_ARG(f->quarantined[i].bytes));
    buf_putc(out, '\n');
}

/* Compares with the file, or writes it. */
static inline bool dump_matches(const struct buf *text, const char *path)
{
    struct buf want;
    struct err e = { 0 };
    bool same;

    if (getenv("UPDATE_EXPECTED")) {
        FILE *f = fopen(path, "w");

        if (f) {
            fwrite(text->at, 1, text->len, f);
            fclose(f);
        }
    }
    buf_init(&want, 0);
    same = buf_read_file(&want, path, 1 << 20, &e) == ERR_OK && sv_eq(buf_sv(&want), buf_sv(text));
    if (!same)
        printf("# %s: got\n%.*s", path, SV_ARG(buf_sv(text)));
    buf_done(&want);
    return same;
}

#endif
