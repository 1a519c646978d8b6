/* suggest/stem.c - libstemmer behind one door. */
#include "suggest/stem.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#ifdef USHER_STEMMER
#include <libstemmer.h>
#endif

struct stemmer {
#ifdef USHER_STEMMER
	struct sb_stemmer *snowball; /* owned; NULL: words stay as they are */
#else
	char unused;
#endif
};

struct stemmer *
stemmer_create(const char *lang)
{
	struct stemmer *s = xcalloc(1, sizeof *s);

#ifdef USHER_STEMMER
	char code[4] = "";
	size_t n = lang != NULL ? strcspn(lang, "-_") : 0;

	if (n > 0 && n < sizeof code) {
		memcpy(code, lang, n);
		s->snowball = sb_stemmer_new(code, "UTF_8");
	}
#endif
	return s;
}

void
stemmer_destroy(struct stemmer *s)
{
	if (s == NULL)
		return;
#ifdef USHER_STEMMER
	sb_stemmer_delete(s->snowball);
#endif
	free(s);
}

const char *
stem(struct stemmer *s, const char *word, size_t *n)
{
#ifdef USHER_STEMMER
	if (s->snowball != NULL) {
		const sb_symbol *found =
			sb_stemmer_stem(s->snowball, (const sb_symbol *)word, (int)*n);

		if (found != NULL && sb_stemmer_length(s->snowball) > 0) {
			*n = (size_t)sb_stemmer_length(s->snowball);
			return (const char *)found;
		}
	}
#endif
	return word;
}
