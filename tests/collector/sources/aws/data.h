/*
 * Files of tests/data/aws: whole, as JSON, and every file of a folder.
 */
#ifndef TESTS_AWS_DATA_H
#define TESTS_AWS_DATA_H

#include <dirent.h>
#include <stdio.h>

#include "collector/base/arena.h"
#include "collector/base/buf.h"
#include "collector/base/json.h"

static inline bool data_read(const char *name, struct buf *out)
{
    char path[512];

    snprintf(path, sizeof path, "tests/data/aws/%s", name);
    buf_init(out, 16 << 20);
    return buf_read_file(out, path, 16 << 20, NULL) == ERR_OK;
}

struct data_json {
    struct buf bytes;
    struct json_parser *parser;
    json root;
};

static inline bool data_json(const char *name, struct data_json *d)
{
    *d = (struct data_json){ .parser = json_parser_new(0) };
    return data_read(name, &d->bytes) && d->parser &&
           json_parse(d->parser, buf_sv(&d->bytes), &d->root, NULL) == ERR_OK;
}

static inline void data_done(struct data_json *d)
{
    json_parser_free(d->parser);
    buf_done(&d->bytes);
}

/* Calls on_file with "folder/name" for each file whose name has `part` in it; how many there were. */
static inline int data_each(const char *folder, const char *part, void (*on_file)(const char *name))
{
    char path[512];
    struct dirent *entry;
    DIR *dir;
    int n = 0;

    snprintf(path, sizeof path, "tests/data/aws/%s", folder);
    dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' && strstr(entry->d_name, part)) {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            on_file(path);
            n++;
        }
    if (dir)
        closedir(dir);
    return n;
}

#endif
