/*
 * Line by line into one flat list; look-ups walk it backwards, so that the last value counts. Files are small and read
 * once an hour.
 */
#include "collector/sources/aws/aws_ini.h"

#include <errno.h>

#include "collector/base/buf.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool has_control(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 127)
            return true;
    return false;
}

/* Up to a '#' or ';' at the start or behind a blank. */
static sv without_comment(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.at[i] == '#' || s.at[i] == ';') && (i == 0 || is_blank(s.at[i - 1])))
            return sv_first(s, i);
    return s;
}

static sv unquoted(sv s)
{
    if (s.len >= 2 && (s.at[0] == '"' || s.at[0] == '\'') && s.at[s.len - 1] == s.at[0])
        return sv_make(s.at + 1, s.len - 2);
    return s;
}

/* The profile that a header names; empty: the section is about something else, or its quotes do not close. */
static sv profile_of(enum aws_ini_kind kind, sv header)
{
    sv name;

    header = sv_trim(header);
    if (kind == AWS_INI_CREDENTIALS || sv_eq(header, SV("default")))
        return header;
    if (!sv_starts(header, SV("profile")) || header.len < 8 || !is_blank(header.at[7]))
        return SV_NONE;
    name = unquoted(sv_trim(sv_skip(header, 7)));
    return sv_find(name, '"') < name.len || sv_find(name, '\'') < name.len ? SV_NONE : name;
}

static enum err_code add(struct aws_ini *ini, sv profile, sv key, sv value, struct arena *a, struct err *e)
{
    struct aws_ini_line *at = arena_grow(a, ini->at, ini->n, &ini->cap, sizeof *at);

    if (!at)
        return err_set(e, ERR_CONFIG, "too large");
    ini->at = at;
    at[ini->n++] = (struct aws_ini_line){ profile, key, value };
    return ERR_OK;
}

struct parse {
    struct aws_ini *ini;
    enum aws_ini_kind kind;
    struct arena *arena;
    sv profile;
    bool in_section, skipping; /* skipping: a section that is no profile */
};

static enum err_code header(struct parse *p, sv line, struct err *e)
{
    size_t end = sv_find(line, ']');
    sv behind = sv_trim(without_comment(sv_skip(line, end + 1)));

    if (end == line.len)
        return err_set(e, ERR_CONFIG, "a section's ']' is missing");
    if (behind.len)
        return err_set(e, ERR_CONFIG, "text behind a section's ']'");
    p->profile = profile_of(p->kind, sv_make(line.at + 1, end - 1));
    p->in_section = true;
    p->skipping = p->profile.len == 0;
    return p->skipping ? ERR_OK : add(p->ini, p->profile, SV_NONE, SV_NONE, p->arena, e);
}

static enum err_code key_value(struct parse *p, sv line, struct err *e)
{
    size_t at = sv_find(line, '=');
    sv key = arena_lower(p->arena, sv_trim(sv_first(line, at)));

    if (!p->in_section)
        return err_set(e, ERR_CONFIG, "a line before the first [section]");
    if (at == line.len || key.len == 0)
        return err_set(e, ERR_CONFIG, "want 'key = value' or '[section]'");
    if (p->skipping)
        return ERR_OK;
    return add(p->ini, p->profile, key, sv_trim(without_comment(sv_skip(line, at + 1))), p->arena, e);
}

static enum err_code one_line(struct parse *p, sv line, struct err *e)
{
    if (sv_ends(line, SV("\r")))
        line.len--;
    if (has_control(line))
        return err_set(e, ERR_CONFIG, "control bytes: is it a text file?");
    if (line.len == 0 || is_blank(line.at[0]) || line.at[0] == '#' || line.at[0] == ';')
        return ERR_OK; /* indented: a nested value */
    return line.at[0] == '[' ? header(p, line, e) : key_value(p, line, e);
}

enum err_code aws_ini_parse(struct aws_ini *ini, enum aws_ini_kind kind, const char *file, sv bytes, struct arena *a,
                            struct err *e)
{
    struct parse p = { .ini = ini, .kind = kind, .arena = a };
    int n = 0;

    if (sv_starts(bytes, SV("\xef\xbb\xbf")))
        bytes = sv_skip(bytes, 3);
    bytes = arena_copy(a, bytes);
    if (!bytes.at)
        return err_set(e, ERR_CONFIG, "%s: too large", file);
    while (bytes.len) {
        n++;
        if (one_line(&p, sv_cut(&bytes, '\n'), e))
            return err_wrap(e, "%s:%d", file, n);
    }
    return ERR_OK;
}

enum err_code aws_ini_read(struct aws_ini *ini, enum aws_ini_kind kind, const char *file, bool needed, struct arena *a,
                           struct err *e)
{
    struct err why = { 0 };
    struct buf b;
    enum err_code code;

    buf_init(&b, AWS_INI_BYTES_MAX);
    code = buf_read_file(&b, file, AWS_INI_BYTES_MAX, &why);
    if (code && why.sys == ENOENT && !needed)
        code = ERR_OK;
    else if (code)
        code = err_set(e, ERR_CONFIG, "%s: check that the file is there and may be read", why.text);
    else
        code = aws_ini_parse(ini, kind, file, buf_sv(&b), a, e);
    if (b.at)
        explicit_bzero(b.at, b.len);
    buf_done(&b);
    return code;
}

bool aws_ini_has(const struct aws_ini *ini, sv profile)
{
    for (size_t i = 0; i < ini->n; i++)
        if (sv_eq(ini->at[i].profile, profile))
            return true;
    return false;
}

sv aws_ini_get(const struct aws_ini *ini, sv profile, sv key)
{
    for (size_t i = ini->n; i > 0; i--)
        if (sv_eq(ini->at[i - 1].key, key) && sv_eq(ini->at[i - 1].profile, profile))
            return ini->at[i - 1].value;
    return SV_NONE;
}
