/*
 * The only C++ of the project: simdjson's DOM parser behind two C functions. Nothing thrown leaves this file.
 *
 * The tape and its string buffer are public members of dom::document (simdjson's doc/tape.md describes the format).
 */
#include <simdjson.h>

#include <cstdint>
#include <new>

extern "C" {

struct json_tape {
    const uint64_t *tape;
    const unsigned char *strings;
    const char *error; /* NULL when the text was accepted */
    bool no_memory;    /* nothing is wrong with the text */
};

void *json_dom_new(size_t limit_bytes, size_t depth);
void json_dom_free(void *dom);
struct json_tape json_dom_parse(void *dom, const char *text, size_t len);

void *json_dom_new(size_t limit_bytes, size_t depth)
{
    constexpr size_t least = 4096; // simdjson refuses all documents when its limit is below a few bytes
    auto *dom = new (std::nothrow) simdjson::dom::parser(limit_bytes > least ? limit_bytes : least);

    // simdjson's depth is one more than the nesting that it takes.
    if (dom && dom->allocate(least, depth + 1) != simdjson::SUCCESS) {
        delete dom;
        return nullptr;
    }
    return dom;
}

void json_dom_free(void *dom)
{
    delete static_cast<simdjson::dom::parser *>(dom);
}

struct json_tape json_dom_parse(void *dom, const char *text, size_t len)
{
    auto *parser = static_cast<simdjson::dom::parser *>(dom);

    try {
        auto result = parser->parse(text, len, true);

        if (result.error())
            return { nullptr, nullptr, simdjson::error_message(result.error()), result.error() == simdjson::MEMALLOC };
        return { parser->doc.tape.get(), parser->doc.string_buf.get(), nullptr, false };
    } catch (...) {
        return { nullptr, nullptr, "out of memory", true };
    }
}
}
