/*
 * The schema against the codec: every field of every message in proto/telemetry.proto is written by something. Walks
 * packed frames by the descriptors that protobuf-c generated, so that a field which is only declared is seen here
 * (the other direction, a member of record.h that is not carried, shows in test_codec).
 */
#include <telemetry.pb-c.h>

#include "collector/model/codec.h"

#include "tests/collector/model/frames.h"
#include "tests/collector/model/random_frames.h"
#include "tests/tap.h"

enum { MESSAGES = 32, FIELDS = 64 };

static struct {
    const ProtobufCMessageDescriptor *type;
    bool seen[FIELDS];
} messages[MESSAGES];
static size_t n_messages;

static bool *seen_of(const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].type == type)
            return messages[i].seen;
    if (n_messages == MESSAGES || type->n_fields > FIELDS)
        return NULL;
    messages[n_messages].type = type;
    return messages[n_messages++].seen;
}

static const void *member(const ProtobufCMessage *m, unsigned offset)
{
    return (const char *)m + offset;
}

static size_t repeats(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    size_t n;

    memcpy(&n, member(m, f->quantifier_offset), sizeof n);
    return n;
}

static bool present(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const void *pointer;

    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return repeats(m, f) > 0;
    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        return *(const protobuf_c_boolean *)member(m, f->quantifier_offset) != 0;
    memcpy(&pointer, member(m, f->offset), sizeof pointer);
    return pointer != NULL;
}

static void walk(const ProtobufCMessage *m);

static void walk_nested(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessage *one, *const *list;

    if (f->label != PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&one, member(m, f->offset), sizeof one);
        walk(one);
        return;
    }
    memcpy(&list, member(m, f->offset), sizeof list);
    for (size_t i = 0; i < repeats(m, f); i++)
        walk(list[i]);
}

static void walk(const ProtobufCMessage *m)
{
    bool *seen = seen_of(m->descriptor);

    for (unsigned i = 0; seen && i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

        if (!present(m, f))
            continue;
        seen[i] = true;
        if (f->type == PROTOBUF_C_TYPE_MESSAGE)
            walk_nested(m, f);
    }
}

static void walk_frame(const struct frame *f)
{
    struct buf packed;
    Trefoil__V1__Frame *p = NULL;

    buf_init(&packed, 0);
    if (frame_encode(f, &packed, NULL) == ERR_OK)
        p = trefoil__v1__frame__unpack(NULL, packed.len, (const uint8_t *)packed.at);
    if (p)
        walk(&p->base);
    trefoil__v1__frame__free_unpacked(p, NULL);
    buf_done(&packed);
}

static void every_field_of_the_schema_is_written(void)
{
    struct arena a;
    size_t fields = 0, missing = 0;

    arena_init(&a, 0);
    walk_frame(full_frame(&a));
    for (uint64_t seed = 1; seed <= 100; seed++) {
        arena_reset(&a);
        walk_frame(random_frame(&a, seed));
    }
    for (size_t i = 0; i < n_messages; i++)
        for (unsigned j = 0; j < messages[i].type->n_fields; j++) {
            fields++;
            if (messages[i].seen[j])
                continue;
            missing++;
            printf("# never written: %s.%s\n", messages[i].type->short_name, messages[i].type->fields[j].name);
        }
    OK(n_messages == 18); /* all that the schema has: Frame and what hangs on it */
    OK(fields > 190 && missing == 0);
    arena_done(&a);
}

int main(void)
{
    RUN(every_field_of_the_schema_is_written);
    return tap_done();
}
