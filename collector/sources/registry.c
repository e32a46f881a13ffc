/* The sources that this build knows. A new cloud is a folder and a line. */
#include "collector/sources/source.h"

extern const struct source_ops aws_source_ops, azure_source_ops, gcp_source_ops, openai_source_ops;

const struct source_ops *const source_registry[] = { &azure_source_ops, &aws_source_ops, &gcp_source_ops,
                                                     &openai_source_ops, NULL };
