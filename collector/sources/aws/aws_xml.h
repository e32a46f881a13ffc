/*
 * Just enough XML for the answers of AWS's query protocol: the text of one element inside another.
 *
 * Comments, declarations, CDATA, attributes, namespace prefixes and the predefined and numeric entities are understood;
 * a DOCTYPE is refused. No tree is built: documents are of a few kilobytes and read for a handful of fields.
 *
 * Ownership:     *out lives in `a` (it is a copy: entities are resolved).
 * Errors:        false when the element is not there, the document is broken before it, or memory is out.
 * Thread-safety: pure function.
 */
#ifndef AWS_XML_H
#define AWS_XML_H

#include "collector/base/arena.h"

enum { AWS_XML_DEPTH_MAX = 32 };

/* The first `name` directly inside of a `parent`, at any depth. Trimmed. */
bool aws_xml_text(sv document, sv parent, sv name, struct arena *a, sv *out);

#endif
