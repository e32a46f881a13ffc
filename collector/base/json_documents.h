/*
 * JSON documents one after the other, as files and messages carry them: one per line, concatenated, pretty-printed, a bare
 * array, or an envelope such as {"records":[..]}; each record is handed over alone.
 *
 * The bytes are cut into documents first, by matching brackets outside of strings, so that one that is no JSON spoils only
 * itself. When brackets never match, or what they enclose does not parse, the next line that begins with a bracket is where
 * reading goes on. An envelope that does not parse as a whole is gone through record by record.
 *
 * Errors:        those of the callbacks alone, which end the reading; bad bytes are handed to `bad`.
 * Thread-safety: the parser's.
 */
#ifndef BASE_JSON_DOCUMENTS_H
#define BASE_JSON_DOCUMENTS_H

#include "collector/base/json.h"

struct json_documents {
    struct json_parser *parser;
    const char *list; /* member of an object that holds its records: "records" */
    void *ctx;
    /* A record, or a document that is no envelope; counted from 1 over all of both kinds. `bytes` is its text when it stood
     * alone, else empty. The value and the bytes are valid for the call. */
    enum err_code (*record)(void *ctx, json record, size_t n, sv bytes, struct err *e);
    enum err_code (*bad)(void *ctx, size_t n, sv bytes, struct err *e);
};

/* With `used` not NULL an incomplete last document is left for the next read and *used says where it begins; else it is
 * bad. */
MUST_USE enum err_code json_documents_read(const struct json_documents *d, sv bytes, size_t *used, struct err *e);

#endif
