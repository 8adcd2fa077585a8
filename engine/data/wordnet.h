/* wordnet.h - WordNet 3.0's data files as `word : meaning` lines.
 * Files data.noun, data.verb, data.adj, data.adv in $WNSEARCHDIR, else /usr/share/wordnet.
 * A line stands for each word of a synset: "fever : a rise in the temperature of the body".
 * Spaces for underscores, adjective markers like "(p)" dropped. The meaning is the gloss up
 * to its first quotation.
 *
 * A synset belongs to a domain when its hypernym chain (@ and @i pointers) leads to a listed
 * root, when it has a topic pointer (;c) to a listed topic or to a part of one, or, for
 * nouns, when one of its hypernyms has such a pointer (verbs inherit no topic: "restrict"
 * stands below "suppress", which psychiatry claims).
 *
 *   medicine  trees of ill health and of drugs, medicine as topic, and its parts
 *             (no body parts: they are mostly animals')
 *   law       tree of law, and as topic
 *   sport     trees of sport and athletic game, and as topics
 *   general   every synset that is in none of the domains; its example sentences too, each
 *             as a line of its own
 *
 * The split key is the meaning, so all words of one meaning go together, and the examples
 * with it. An example that several synsets have stands only once, so that it is on one side
 * of the split. Source of the format: wndb(5WN), WordNet 3.0. */
#ifndef THAW_ENGINE_DATA_WORDNET_H
#define THAW_ENGINE_DATA_WORDNET_H
#include "engine/data/source.h"

/* As source_kind.read: `domain` is general, medicine, law or sport. */
bool wordnet_read(const char *domain, struct source_text *out, struct err *err);
#endif
