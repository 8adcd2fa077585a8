/* wordnet.h - WordNet 3.0's data files as `word : meaning` lines.
 * Files data.noun, data.verb, data.adj, data.adv in $WNSEARCHDIR, else /usr/share/wordnet.
 * A line stands for each word of a synset: "fever : a rise in the temperature of the body; ...".
 * Spaces for underscores, adjective markers like "(p)" dropped. A synset belongs to a domain by its
 * hypernym chain (@, @i pointers up to a listed root) or its topic pointer (;c) to a listed topic, or a
 * topic pointer of one of its hypernyms:
 *   medicine  trees of ill health and of drugs, topic medicine and its parts (no body parts: they
 *             are mostly animals')
 *   law       trees of law, topic law     sport  trees of sport and athletic game, topic sport
 *   general   every synset that is in none of the domains; its example sentences too, each as a
 *             line of its own
 * The split key is the gloss, so all words of one meaning go together, and the examples with it.
 * Source of the format: wndb(5WN), WordNet 3.0. */
#ifndef THAW_ENGINE_DATA_WORDNET_H
#define THAW_ENGINE_DATA_WORDNET_H
#include "engine/data/source.h"

/* As source_kind.read: `domain` is general, medicine, law or sport. */
bool wordnet_read(const char *domain, struct source_text *out, struct err *err);
#endif
