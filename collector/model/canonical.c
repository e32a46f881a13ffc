/*
 * One table of what surrounds a model's name at either end; rows are applied until none fits any more, so the result is
 * the same whatever the order in which a cloud stacked them, and canonical(canonical(x)) = canonical(x) by
 * construction. No row knows a model. A row that would leave nothing does not apply.
 *
 * What must stay: "-0613", "-0125-preview" and the like (four digits are part of old names' identity), dots in versions
 * ("gpt-4.1": the word before a dot is stripped only if the table names it), "-v2" without ":0".
 */
#include "collector/model/canonical.h"

enum {
    LONGEST_ID = 1024, /* longer ones are nobody's model: lower case, nothing else */
    LONGEST_NUMBER = 3 /* digits of a version part "-1:0"; more is not a version */
};

struct affix {
    enum { AT_START, AT_END } where;
    /* AT_START: '*' all up to the last of the next character, '~' a word of letters and hyphens.
     * AT_END:   '9' a digit, '#' a number of up to three digits. Anything else stands for itself. */
    const char *pattern;
};

/* clang-format off */
static const struct affix affixes[] = {
    { AT_START, "*/" },          /* arn:aws:bedrock:us-east-1::foundation-model/openai.x, publishers/openai/models/x, openai/x */
    { AT_START, "us." },         /* Bedrock's geographies of cross-region profiles */
    { AT_START, "eu." },
    { AT_START, "apac." },
    { AT_START, "jp." },
    { AT_START, "au." },
    { AT_START, "us-gov." },
    { AT_START, "global." },
    { AT_START, "~.openai." },   /* a geography not heard of yet */
    { AT_START, "openai." },     /* publishers as Bedrock spells them */
    { AT_START, "anthropic." },
    { AT_START, "amazon." },
    { AT_START, "cohere." },
    { AT_START, "deepseek." },
    { AT_START, "google." },
    { AT_START, "meta." },
    { AT_START, "mistral." },
    { AT_START, "qwen." },
    { AT_END,   "-v#:#" },       /* Bedrock: anthropic.claude-x-v1:0 */
    { AT_END,   "-#:#" },        /* Bedrock: openai.gpt-oss-120b-1:0 */
    { AT_END,   ":#" },
    { AT_END,   "-maas" },       /* Vertex: model as a service */
    { AT_END,   "-2099-99-99" }, /* OpenAI, Azure: gpt-5-mini-2025-08-07 */
    { AT_END,   "-20999999" },   /* Bedrock: claude-x-20250514 */
    { AT_END,   "@20999999" },   /* Vertex: claude-x@20250514 */
};
/* clang-format on */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || c == '-';
}

/* How much of the start of `s` the pattern takes; 0 if it does not fit. */
static size_t start_length(const char *pattern, sv s)
{
    size_t at = 0;

    for (; *pattern; pattern++) {
        const size_t before = at;

        if (*pattern == '*') {
            at = sv_find_last(s, pattern[1]);
        } else if (*pattern == '~') {
            while (at < s.len && is_word(s.at[at]))
                at++;
            if (at == before)
                return 0;
        } else if (at < s.len && s.at[at] == *pattern) {
            at++;
        } else {
            return 0;
        }
    }
    return at;
}

/* How much of the end of `s` the pattern takes, matched backwards; 0 if it does not fit. */
static size_t end_length(const char *pattern, sv s)
{
    size_t at = s.len;

    for (size_t i = strlen(pattern); i-- > 0;) {
        const size_t most = pattern[i] == '#' ? LONGEST_NUMBER : 1;
        const bool digit = pattern[i] == '#' || pattern[i] == '9';
        size_t n = 0;

        while (n < most && at > 0 && (digit ? is_digit(s.at[at - 1]) : s.at[at - 1] == pattern[i])) {
            at--;
            n++;
        }
        if (n == 0)
            return 0;
    }
    return s.len - at;
}

static bool strip_one(sv *s)
{
    for (size_t i = 0; i < sizeof affixes / sizeof affixes[0]; i++) {
        const bool start = affixes[i].where == AT_START;
        const size_t n = start ? start_length(affixes[i].pattern, *s) : end_length(affixes[i].pattern, *s);

        if (n == 0 || n >= s->len)
            continue;
        *s = sv_trim(start ? sv_skip(*s, n) : sv_first(*s, s->len - n));
        return true;
    }
    return false;
}

sv model_canonical(struct arena *a, sv raw)
{
    sv name = arena_lower(a, sv_trim(raw));

    if (!name.at || name.len > LONGEST_ID)
        return name;
    while (strip_one(&name))
        ;
    return name;
}
