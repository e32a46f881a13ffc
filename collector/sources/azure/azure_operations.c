/*
 * What Azure's operation names mean. The names are an open set that grows with the API (azure.md 1.4): names that are
 * known not to be inference stand here or fit a suffix; everything else counts, under its own name in lower case.
 */
#include "collector/sources/azure/azure_log.h"

/* clang-format off */
static const struct operation {
    const char *theirs;    /* compared without case */
    const char *ours;      /* gen_ai.operation.name; NULL: the name in lower case */
    const char *api_type;
    bool inference;
} operations[] = {
    { "AudioSpeech_Create",         "audio.speech",        "audio_speech",         true  },
    { "AudioTranscriptions_Create", "audio.transcription", "audio_transcriptions", true  },
    { "ChatCompletions_Create",     "chat",                "chat_completions",     true  },
    { "Completions_Create",         "text_completion",     "completions",          true  },
    { "create_response",            "chat",                "responses",            true  },
    { "Create_Thread",              NULL,                  NULL,                   false },
    { "Embeddings_Create",          "embeddings",          "embeddings",           true  },
    { "ImageGenerations_Create",    "image.generation",    "image_generations",    true  },
    { "ListKey",                    NULL,                  NULL,                   false },
};

static const struct { const char *prefix, *suffix; } management[] = {
    { "Files_", "" },
    { "",       "_List" },
    { "",       "_Get" },
};
/* clang-format on */

static const struct operation *find(sv raw)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (sv_eq_nocase(raw, sv_of(operations[i].theirs)))
            return &operations[i];
    return NULL;
}

static bool is_management(sv raw)
{
    for (size_t i = 0; i < sizeof management / sizeof *management; i++)
        if (sv_starts_nocase(raw, sv_of(management[i].prefix)) && sv_ends_nocase(raw, sv_of(management[i].suffix)))
            return true;
    return false;
}

bool azure_operation(sv raw, sv *operation, struct arena *a)
{
    const struct operation *o = find(raw);

    *operation = o && o->ours ? sv_of(o->ours) : raw.len ? arena_lower(a, raw) : SV_NONE;
    return o ? o->inference : raw.len > 0 && !is_management(raw);
}

sv azure_api_type(sv raw)
{
    const struct operation *o = find(raw);

    return o ? sv_of(o->api_type) : SV_NONE;
}
