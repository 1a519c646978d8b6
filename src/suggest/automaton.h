/*
 * suggest/automaton.h - finds many phrases in one walk over a text (Aho and Corasick
 * 1975). Symbols are numbers above 0, one a word; 0 is a word of no phrase. Pure.
 */
#ifndef USHER_SUGGEST_AUTOMATON_H
#define USHER_SUGGEST_AUTOMATON_H

#include <stdbool.h>
#include <stdint.h>

#define AUTOMATON_STATES_MAX 1000000
#define AUTOMATON_START 0 /* the state before the first word */

struct automaton;

struct automaton *automaton_create(void);
void automaton_destroy(struct automaton *a);

/*
 * automaton_add - adds a phrase, before automaton_build().
 *
 * symbol   n of them, each > 0; n > 0
 * Returns  the phrase's number, upwards from 0, the same for the same symbols; -1: there
 *          are AUTOMATON_STATES_MAX states
 */
int automaton_add(struct automaton *a, const uint32_t *symbol, int n)
	__attribute__((warn_unused_result));
void automaton_build(struct automaton *a);
int automaton_phrases(const struct automaton *a);
int automaton_length(const struct automaton *a, int phrase); /* symbols */

/* The state after one more symbol. */
uint32_t automaton_step(const struct automaton *a, uint32_t state, uint32_t symbol);

/* The phrases that end here, longest first: begins with phrase -1, ends with -1. */
int automaton_next(const struct automaton *a, uint32_t *state, int phrase);

#endif
