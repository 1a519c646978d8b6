/* suggest/words_plain.c - cutting and folding where ICU is not built in: letters and
 * digits of the C library's UTF-8 locale, one word a run. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "suggest/words_inner.h"

struct breaker {
	locale_t locale;  /* owned */
	const char *text; /* borrowed */
	size_t n, at;
};

struct breaker *
breaker_create(const char *lang)
{
	struct breaker *b = xcalloc(1, sizeof *b);

	b->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (b->locale == (locale_t)0) {
		log_error("suggest: the locale C.UTF-8 is missing lang=%s",
			lang != NULL ? lang : "");
		free(b);
		return NULL;
	}
	return b;
}

void
breaker_destroy(struct breaker *b)
{
	if (b == NULL)
		return;
	freelocale(b->locale);
	free(b);
}

void
break_start(struct breaker *b, const char *text, size_t n)
{
	b->text = text;
	b->n = n;
	b->at = 0;
}

/* Letters, digits, and the marks that combine with them. */
static bool
is_word(const struct breaker *b, uint32_t c)
{
	return iswalnum_l((wint_t)c, b->locale) || (c >= 0x300 && c < 0x370) ||
	       (c >= 0x0900 && c < 0x1100 && iswprint_l((wint_t)c, b->locale) &&
		       !iswpunct_l((wint_t)c, b->locale));
}

static void
append(struct piece *piece, uint32_t c)
{
	char *out = piece->folded + piece->n;
	int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (piece->n + n >= WORD_BYTES_MAX)
		return;
	for (int k = n - 1; k > 0; k--, c >>= 6)
		out[k] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(n == 1 ? c : lead[n] | c);
	piece->n += (uint16_t)n;
}

bool
break_next(struct breaker *b, struct piece *piece)
{
	uint32_t before = 0, c = 0;
	size_t i = b->at;

	*piece = (struct piece){.number = true};
	for (; b->at < b->n; b->at = i) {
		i = b->at;
		c = utf8_next(b->text, b->n, &i);
		if (is_word(b, c))
			break;
	}
	if (b->at == b->n)
		return false;
	piece->first = c;
	piece->start = (uint32_t)b->at;
	for (; b->at < b->n; b->at = i) {
		i = b->at;
		c = utf8_next(b->text, b->n, &i);
		if (!is_word(b, c)) {
			size_t next = i;
			uint32_t after = i < b->n ? utf8_next(b->text, b->n, &next) : 0;

			if (!is_word(b, after) || !mark_joins(before, c, after))
				break;
		} else {
			piece->number &= c - '0' < 10;
		}
		if (!is_apostrophe(c))
			append(piece, (uint32_t)towlower_l((wint_t)c, b->locale));
		before = c;
	}
	piece->end = (uint32_t)b->at;
	return true;
}
