/*
 * Optimal string alignment distance in three rows of a small table. Words longer than the table are not compared:
 * nobody mistypes a name of that length into another of our names.
 */
#include "collector/config/suggest.h"

#include <ctype.h>

enum { WORD_MAX = 48, EDITS_MAX = 3, COMMON_MIN = 4, COST_NONE = 1000, COST_COMMON = 100 };

static char fold(char c)
{
    return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned edits(sv a, sv b)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (unsigned j = 0; j <= b.len; j++)
        last[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *spare = before;

        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            bool same = fold(a.at[i - 1]) == fold(b.at[j - 1]);

            row[j] = least(last[j - 1] + !same, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && fold(a.at[i - 1]) == fold(b.at[j - 2]) && fold(a.at[i - 2]) == fold(b.at[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[b.len];
}

static unsigned common_prefix(sv a, sv b)
{
    unsigned n = 0;

    while (n < a.len && n < b.len && fold(a.at[n]) == fold(b.at[n]))
        n++;
    return n;
}

static unsigned cost(sv word, sv name)
{
    size_t longer = word.len > name.len ? word.len : name.len;
    unsigned n, prefix;

    if (word.len == 0 || longer > WORD_MAX)
        return COST_NONE;
    n = edits(word, name);
    if (n <= EDITS_MAX && 2 * n < longer)
        return n;
    prefix = common_prefix(word, name);
    if (prefix >= COMMON_MIN)
        return COST_COMMON - prefix;
    if ((word.len >= COMMON_MIN && sv_has(name, word)) || (name.len >= COMMON_MIN && sv_has(word, name)))
        return COST_COMMON;
    return COST_NONE;
}

void suggest_offer(struct suggestion *s, const char *name)
{
    unsigned c = cost(s->word, sv_of(name));

    if (c < COST_NONE && (!s->best || c < s->cost)) {
        s->best = name;
        s->cost = c;
    }
}
