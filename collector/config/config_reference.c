/*
 * The option table as a commented YAML file: what `init` prints and the documentation shows.
 *
 * Every line is commented out, so the text is at once a valid file that changes nothing. Depth is bounded by the tables
 * themselves, which are ours.
 */
#include "collector/config/config_value.h"

static const char *const examples[] = {
    [OPT_BOOL] = "false",        [OPT_INT] = "1",
    [OPT_FLOAT] = "1.0",         [OPT_DURATION] = "5m",
    [OPT_SIZE] = "64MiB",        [OPT_STRING] = "\"...\"",
    [OPT_CHOICE] = "",           [OPT_SECRET] = "\"file:/run/secrets/NAME\"",
    [OPT_STRINGS] = "[\"...\"]", [OPT_SECTION] = "",
    [OPT_SECTIONS] = "",         [OPT_ANY] = "...",
};

/* Plain where YAML reads it back as the same text, in quotes elsewhere. */
static void put_value(struct buf *out, const struct option *o)
{
    const char *text = o->dflt ? o->dflt : examples[o->type];

    if (o->type == OPT_CHOICE && !o->dflt)
        text = o->choices[0];
    if (o->type == OPT_STRINGS && o->dflt)
        buf_printf(out, "[%s]", text);
    else if (o->dflt && (o->type == OPT_STRING || o->type == OPT_SECRET))
        buf_json(out, sv_of(text));
    else
        buf_put(out, sv_of(text));
}

static void put_limits(struct buf *out, const struct option *o)
{
    bool low = o->min != 0 || o->max != 0, high = o->max > o->min;

    if (low)
        buf_put(out, SV(" At least "));
    if (low)
        config_number_put(out, o, o->min);
    if (high)
        buf_put(out, SV(", at most "));
    if (high)
        config_number_put(out, o, o->max);
    if (low)
        buf_putc(out, '.');
    else if (o->unit)
        buf_printf(out, " In %s.", o->unit);
}

static void put_comment(struct buf *out, const struct option *o, unsigned indent)
{
    buf_printf(out, "# %*s# %s", (int)indent, "", o->help ? o->help : "");
    put_limits(out, o);
    if (o->type == OPT_CHOICE) {
        buf_put(out, SV(" One of"));
        for (const char *const *c = o->choices; *c; c++)
            buf_printf(out, "%s%s", c == o->choices ? " " : ", ", *c);
        buf_putc(out, '.');
    }
    if (o->required)
        buf_put(out, SV(" Required."));
    else if (!o->dflt && o->type != OPT_SECTION)
        buf_put(out, SV(" Not set by default."));
    buf_putc(out, '\n');
}

void config_reference(struct buf *out, const struct option *table, unsigned indent)
{
    for (const struct option *o = table; o->name; o++) {
        if (o->hidden)
            continue;
        put_comment(out, o, indent);
        buf_printf(out, "# %*s%s:", (int)indent, "", o->name);
        if (o->sub) {
            buf_putc(out, '\n');
            config_reference(out, o->sub, indent + 2);
            continue;
        }
        buf_putc(out, ' ');
        put_value(out, o);
        buf_putc(out, '\n');
    }
}
