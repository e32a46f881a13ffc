/*
 * tests/data/golden/frame-vN.bin: a frame as version N of the schema wrote it, and .jsonl what it says. They stay
 * readable for good: the bytes decode to the same content and, written again, give the same bytes. The newest is also
 * what a frame with every field looks like today; when the schema grows, add the next N (NEWEST below) by
 *     UPDATE_GOLDEN=1 build/plain/tests/collector/model/test_golden
 * which never touches the older ones.
 */
#include <stdlib.h>

#include "collector/base/json.h"
#include "collector/model/codec.h"

#include "tests/collector/model/frames.h"
#include "tests/collector/model/random_frames.h"
#include "tests/tap.h"

enum { NEWEST = 3 };

static struct arena arena;

static const char *path(char *out, size_t size, int version, const char *suffix)
{
    snprintf(out, size, "tests/data/golden/frame-v%d.%s", version, suffix);
    return out;
}

static void put_file(const char *name, sv content)
{
    FILE *f = fopen(name, "wb");

    if (!OK(f && fwrite(content.at, 1, content.len, f) == content.len))
        printf("# %s\n", name);
    if (f)
        fclose(f);
}

static void update(void)
{
    char name[64];
    struct buf bin, lines;

    buf_init(&bin, 0);
    buf_init(&lines, 0);
    arena_reset(&arena);
    OK(frame_encode(full_frame(&arena), &bin, NULL) == ERR_OK);
    frame_to_json(full_frame(&arena), &lines);
    put_file(path(name, sizeof name, NEWEST, "bin"), buf_sv(&bin));
    put_file(path(name, sizeof name, NEWEST, "jsonl"), buf_sv(&lines));
    buf_done(&bin);
    buf_done(&lines);
}

static void read_golden(struct buf *b, int version, const char *suffix)
{
    char name[64];

    buf_init(b, 0);
    OK(buf_read_file(b, path(name, sizeof name, version, suffix), 1 << 20, NULL) == ERR_OK);
}

static void old_bytes_say_the_same(void)
{
    for (int version = 1; version <= NEWEST; version++) {
        struct buf bin, lines, again, text;
        struct frame *f = NULL;

        read_golden(&bin, version, "bin");
        read_golden(&lines, version, "jsonl");
        buf_init(&again, 0);
        buf_init(&text, 0);
        arena_reset(&arena);
        if (OK(frame_decode(buf_sv(&bin), &arena, &f, NULL) == ERR_OK)) {
            OK(frame_encode(f, &again, NULL) == ERR_OK && sv_eq(buf_sv(&again), buf_sv(&bin)));
            frame_to_json(f, &text);
            OK(sv_eq(buf_sv(&text), buf_sv(&lines)));
        }
        buf_done(&bin);
        buf_done(&lines);
        buf_done(&again);
        buf_done(&text);
    }
}

static void todays_frame_is_the_newest(void)
{
    struct buf bin, now;
    struct frame *f = NULL;

    read_golden(&bin, NEWEST, "bin");
    buf_init(&now, 0);
    arena_reset(&arena);
    OK(frame_encode(full_frame(&arena), &now, NULL) == ERR_OK && sv_eq(buf_sv(&now), buf_sv(&bin)));
    OK(frame_decode(buf_sv(&bin), &arena, &f, NULL) == ERR_OK && same_frames(f, full_frame(&arena)));
    buf_done(&bin);
    buf_done(&now);
}

static int json_lines(sv text)
{
    struct json_parser *parser = json_parser_new(0);
    int n = 0;
    json root;

    while (text.len > 0) {
        const sv line = sv_cut(&text, '\n');

        if (json_parse(parser, line, &root, NULL) != ERR_OK) {
            printf("# no JSON: %.*s\n", SV_ARG(line));
            n = -1000000;
        }
        n++;
    }
    json_parser_free(parser);
    return n;
}

static void json_lines_are_json(void)
{
    struct buf out;
    int wrong = 0;

    buf_init(&out, 0);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct frame *f;

        arena_reset(&arena);
        buf_clear(&out);
        f = random_frame(&arena, seed);
        frame_to_json(f, &out);
        wrong += json_lines(buf_sv(&out)) != (int)frame_records(f);
    }
    OK(wrong == 0);
    buf_done(&out);
}

static void json_leaves_out_what_is_absent(void)
{
    struct frame *f;
    struct buf out;

    arena_reset(&arena);
    buf_init(&out, 0);
    f = frame_new(&arena, SV_NONE, SV_NONE);
    batch_add_call(frame_add_batch(f))->output_tokens = 0;
    frame_to_json(f, &out);
    OK(sv_eq(buf_sv(&out), SV("{\"record\":\"call\",\"output_tokens\":0}\n")));
    buf_done(&out);
}

int main(void)
{
    const char *wanted = getenv("UPDATE_GOLDEN");

    arena_init(&arena, 0);
    if (wanted && strcmp(wanted, "1") == 0)
        RUN(update);
    RUN(old_bytes_say_the_same);
    RUN(todays_frame_is_the_newest);
    RUN(json_lines_are_json);
    RUN(json_leaves_out_what_is_absent);
    arena_done(&arena);
    return tap_done();
}
