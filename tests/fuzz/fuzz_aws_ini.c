/* Shared AWS files of both kinds: whatever the bytes, they are read or refused, and an error names a line. */
#include "collector/sources/aws/aws_ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(enum aws_ini_kind kind, sv bytes)
{
    struct aws_ini ini = { 0 };
    struct arena memory;
    struct err e = { 0 };

    arena_init(&memory, 4 << 20);
    if (aws_ini_parse(&ini, kind, "f", bytes, &memory, &e) && (e.text[0] != 'f' || e.text[1] != ':'))
        __builtin_trap();
    for (size_t i = 0; i < ini.n; i++)
        if (!aws_ini_has(&ini, ini.at[i].profile) || sv_find(ini.at[i].value, '\n') < ini.at[i].value.len ||
            !sv_eq(sv_trim(ini.at[i].value), ini.at[i].value))
            __builtin_trap();
    arena_done(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(AWS_INI_CONFIG, sv_make(data, size));
    read_as(AWS_INI_CREDENTIALS, sv_make(data, size));
    return 0;
}
