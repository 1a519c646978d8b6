/*
 * suggest/feedback.h - how much is learnt from what an agent did. Pure.
 *
 * Wrong feedback is dear: a tenth of it costs six points (SUGGEST 5.5). So an edited
 * answer counts by how much of it was kept, and an agent whose verdicts were often
 * corrected counts less.
 */
#ifndef USHER_SUGGEST_FEEDBACK_H
#define USHER_SUGGEST_FEEDBACK_H

#include <stddef.h>
#include <stdint.h>

enum feedback {
	FEEDBACK_SENT,	  /* the proposal, as it was */
	FEEDBACK_EDITED,  /* the proposal, changed */
	FEEDBACK_CHOSEN,  /* another response of the library */
	FEEDBACK_NONE,	  /* "none fits" */
	FEEDBACK_IGNORED, /* answered in his own words: says nothing */
	FEEDBACK_AUDITED  /* sent by itself or held back, and later confirmed by a person
			   */
};

#define FEEDBACK_WORDS_MAX                                                               \
	2000 /* of a text that is compared; the rest is not looked at */

/*
 * feedback_kept - how much of a response stands in what was sent, in the order of its
 * words (longest common subsequence, blanks between words).
 *
 * Returns  0..1: the share of the response's words, less so as others were added: common
 *          words, twice, of those of both texts; 1 when both are empty
 */
double feedback_kept(const char *response, const char *sent);

/*
 * feedback_trust - how far an agent's verdicts are believed.
 *
 * confirmed, corrected  of his verdicts that were looked at again
 * Returns  0..1: 1 while 95 of 100 hold (an agent begins as if 19 of 20 had), 0 at half
 */
double feedback_trust(int64_t confirmed, int64_t corrected);

/*
 * feedback_weight - the weight of a case (struct learner_case).
 *
 * kept     feedback_kept(), for FEEDBACK_EDITED
 * trust    feedback_trust() of the agent
 * Returns  0..1; 0: nothing is learnt
 */
double feedback_weight(enum feedback what, double kept, double trust);

#endif
