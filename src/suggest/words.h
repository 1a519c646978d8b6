/*
 * suggest/words.h - the words of a mail: cut, normalised, typed, bounded.
 *
 * Words are cut by the rules of Unicode (UAX 29), in Thai, Lao, Khmer, Burmese, Chinese
 * and Japanese by ICU's dictionaries, and folded by NFKC_Casefold, so that "GRÜSSE",
 * "Grüße" and "ｇｒüsse" are one word. Numbers, mail addresses and links become typed
 * words: what they say is seldom what a mail is about, and often private.
 *
 * Built without ICU (words_plain.c): letters fold one by one (ß stays ß, full-width forms
 * stay), and scripts without spaces come as one word a run; their character n-grams
 * (suggest/feature.h) still hold.
 *
 * Pure: no I/O, no globals. A reader is for one thread at a time.
 */
#ifndef USHER_SUGGEST_WORDS_H
#define USHER_SUGGEST_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAIL_WORDS_MAX 400   /* of one mail, subject and body; the rest is not read */
#define WORDS_TEXT_MAX 65536 /* bytes of one field; the rest is not looked at */
#define WORD_BYTES_MAX 128   /* of a normalised word; a longer one is cut */
#define WORD_LANG_MAX 16     /* bytes of a language tag, with the NUL */

enum word_kind {
	WORD_LETTERS,
	WORD_NUMBER,
	WORD_ADDRESS,
	WORD_LINK
};

enum word_field {
	FIELD_BODY,
	FIELD_SUBJECT,
	FIELD_SENDER /* for rules; no feature is made of it */
};
#define FIELDS 3

struct word {
	uint32_t start, end; /* bytes of the field's text */
	uint32_t at;	     /* its normalised text: in words->text, NUL-terminated */
	uint16_t n;	     /* bytes of it */
	uint8_t kind;	     /* enum word_kind */
	uint8_t field;	     /* enum word_field */
	bool dense;	     /* of a script that writes words without spaces, or Hangul */
	bool joined;	     /* dense, and directly behind the dense word before it */
};

/* A zeroed struct holds no words. */
struct words {
	struct word word[MAIL_WORDS_MAX];
	int n;
	bool cut;   /* the text had more than is read */
	char *text; /* owned */
	size_t n_text, room;
};

struct words_reader;

/*
 * words_reader_create - prepares reading texts of one language.
 *
 * lang     its tag ("de", "zh-Hant"); what is unknown or longer than WORD_LANG_MAX is
 *          read by the rules common to all languages; NULL: as unknown
 * Returns  owned by the caller; NULL, with the reason logged, when the break rules cannot
 *          be loaded
 */
struct words_reader *words_reader_create(const char *lang)
	__attribute__((warn_unused_result));
void words_reader_destroy(struct words_reader *reader);

/*
 * words_add - reads a field's text and adds its words.
 *
 * The subject should be added before the body, so that a long body cannot push it out.
 *
 * text  n bytes of UTF-8; wrong bytes separate words
 */
void words_add(struct words_reader *reader, struct words *words, enum word_field field,
	const char *text, size_t n);

const char *word_text(const struct words *words, int i);
/* "<number>", "<address>" or "<link>"; of letters: their text. */
const char *word_type(const struct words *words, int i);

void words_clear(struct words *words); /* empty, memory kept */
void words_finish(struct words *words);

#endif
