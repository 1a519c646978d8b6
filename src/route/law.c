/* route/law.c - customer value x deadline pressure, and the laws it is compared with. */
#include "route/law.h"

#include <math.h>

const char *const law_name[] = {
	"dpv", "fcfs", "strict_tier", "fixed_priority", "queue_weights", "apq", "edf"};

void
law_settle(struct law_terms *terms)
{
	terms->log2_value = log2(terms->value);
	terms->log2_late = log2(terms->value * terms->law.late_weight);
	terms->head_ms = terms->half_life_ms * terms->log2_value;
	terms->late_head_ms = terms->half_life_ms * terms->log2_late;
	terms->second_ms = llround((terms->law.second - 1) * (double)terms->sla_ms);
	/* H log2(1 + x/A) - x, x ms after d2, is highest at x = H / ln 2 - A. */
	terms->ageing_peak_ms = terms->half_life_ms / M_LN2 - terms->law.ageing_ms;
	if (!(terms->ageing_peak_ms > 0))
		terms->ageing_peak_ms = 0;
}

/* Of one that ages since x ms (until then: x <= 0), less log2(V e). */
static struct law_bound
ageing_bound(const struct law_terms *terms, double x_ms)
{
	double from_ms = fmax(x_ms, terms->ageing_peak_ms), a = terms->law.ageing_ms;
	double gained = from_ms > 0 ? terms->half_life_ms * log2(1 + from_ms / a) : 0;

	if (x_ms < from_ms || x_ms <= 0)
		return (struct law_bound){gained - (from_ms - x_ms), 1};
	return (struct law_bound){gained, terms->half_life_ms / (M_LN2 * (a + x_ms))};
}

struct law_bound
law_bound(const struct law_terms *terms, int64_t slack_ms, int64_t slack2_ms)
{
	struct law_bound bound = ageing_bound(terms, -(double)slack2_ms);

	bound.value += terms->late_head_ms;
	if (slack_ms >= 0)
		bound.value = fmax(bound.value, terms->head_ms - (double)slack_ms);
	return bound;
}

enum law_phase
law_phase(int64_t slack_ms, int64_t slack2_ms)
{
	if (slack_ms >= 0)
		return LAW_IN_TIME;
	return slack2_ms >= 0 ? LAW_SECOND_PROMISE : LAW_AGEING;
}

/* Value x deadline pressure, ROUTING 2, as a logarithm. Summed in ms before the division,
 * and multiplied before it, so that scores that are equal in the law are equal here, and
 * the age decides. */
static double
dpv(const struct law_terms *terms, int64_t slack_ms, int64_t slack2_ms)
{
	double a = terms->law.ageing_ms;

	if (slack_ms >= 0)
		return (terms->head_ms - (double)slack_ms) / terms->half_life_ms;
	if (slack2_ms >= 0)
		return (terms->late_head_ms - (double)slack2_ms) / terms->half_life_ms;
	return log2(terms->value * terms->law.late_weight * (a - (double)slack2_ms) / a);
}

double
law_log2_score(const struct law_terms *terms, int64_t slack_ms, int64_t slack2_ms,
	int64_t waited_ms)
{
	/* Above any wait in ms, so that the fixed part decides first and the age within
	 * it. */
	const double step = 1e12;

	switch (terms->kind) {
	case LAW_DPV:
		return dpv(terms, slack_ms, slack2_ms);
	case LAW_FCFS:
		return (double)waited_ms;
	case LAW_STRICT_TIER:
	case LAW_FIXED_PRIORITY:
	case LAW_QUEUE_WEIGHTS:
		return terms->rank * step + (double)waited_ms;
	case LAW_APQ:
		/* Linear accumulating priority V W / T; a target of 0 s counts as 1 ms.
		 */
		return terms->value * (double)waited_ms /
		       (double)(terms->sla_ms > 0 ? terms->sla_ms : 1);
	case LAW_EDF:
		return (double)-slack_ms;
	}
	return 0;
}

int64_t
law_release_ms(const struct law_terms *terms)
{
	double slack_ms = terms->half_life_ms * (terms->log2_value + 1);

	return slack_ms > 0 ? (int64_t)floor(slack_ms) : 0;
}
