/* intake/mail_language.c - scripts, and small words. */
#include "intake/mail_language.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LOOKED_AT 4096 /* bytes of the text */
#define WORD_MAX 24
#define SCRIPT_SHARE 4 /* a quarter of the letters make a script count */

/* Words that sentences of the language can hardly do without, and the others seldom have;
 * blanks around each. ASCII in lower case; a shared one counts for all that have it. */
static const struct {
	const char *lang, *words;
} tongues[] = {
	{"en", " the and is are was you your have has with this that for not my please "
	       "would of it "
	       "what when where how can i we can't don't been order thanks hello "},
	{"de", " der die das und ist nicht ich sie mit ein eine einen für auf wie bitte "
	       "haben habe "
	       "wir mein meine dass wurde kann noch von zu den im bei oder ihr ihre "
	       "danke hallo "},
	{"fr", " le la les et est pas je vous nous avec une un pour dans que qui mon ma "
	       "mes bonjour "
	       "merci votre sur ce cette j'ai ai été du des au commande "},
	{"es", " el la los las y es no que con una un para por mi me su gracias hola "
	       "pero cuando "
	       "como está he del al tengo puede usted pedido "},
	{"it", " il lo gli e è non che con una un per mi mio grazie buongiorno sono ho "
	       "della del "
	       "di questo come vorrei ordine vostro nella "},
	{"pt", " o os as e é não que com uma um para por meu minha obrigado obrigada olá "
	       "mas você "
	       "do da está foi são pedido no na "},
	{"nl", " de het een en is niet ik u jullie met voor dat deze van mijn heb hebben "
	       "kan graag "
	       "bedankt hallo wij op zijn te bestelling naar "},
	{"sv", " och är inte jag med för att det en ett som har min mitt tack hej kan på "
	       "vi av den "
	       "beställning från "},
	{"da", " og er ikke jeg med for at det en et som har min mit tak hej kan på vi "
	       "af den "
	       "ordre jer hvad fra hvornår "},
	{"nb", " og er ikke jeg med for at det en et som har min mitt takk hei kan på vi "
	       "av den "
	       "bestilling dere hva fra når "},
	{"fi", " ja on ei en minä olen että se oli kun mutta voi voitte kiitos hei "
	       "teidän tilaus "
	       "minun ole ovat tämä kuin jos "},
	{"pl", " i w nie jest się na z do że mam proszę dziękuję dzień dobry moje mój "
	       "czy jak od "
	       "o za zamówienie po co "},
	{"cs", " a je se na v že si mám prosím děkuji dobrý den jak jsem by ale pro ve k "
	       "od jste "
	       "objednávka můj moje "},
	{"ro", " și este nu pe la cu un o că am vă mulțumesc bună ziua pentru din mea "
	       "meu sunt care "
	       "să de comanda "},
	{"hu", " a az és nem hogy egy van meg kérem köszönöm jó napot vagy ez ha csak mi "
	       "is már "
	       "rendelés "},
	{"tr", " ve bir bu için ile değil ben çok merhaba teşekkürler lütfen mi mı nasıl "
	       "var yok "
	       "ama daha sipariş ne olarak "},
	{"id", " dan yang di saya tidak ini itu dengan untuk ada anda terima kasih bisa "
	       "dari ke "
	       "apakah pesanan "},
	{"vi", " và là của tôi không có được cho bạn này với xin cảm ơn một trong đã "},
	{"ru", " и в не на я что с по это как у мой мне вы за но заказ здравствуйте "
	       "спасибо для "
	       "из был можно "},
	{"uk", " і в не на я що з це як у мій мені ви за але замовлення дякую для до та "
	       "був є від "},
	{"bg", " и в не на аз че с по това как съм ми вие за но поръчка благодаря от да "
	       "се е "},
};
#define TONGUES (sizeof tongues / sizeof tongues[0])

enum script {
	SCRIPT_LATIN,
	SCRIPT_CYRILLIC,
	SCRIPT_GREEK,
	SCRIPT_HEBREW,
	SCRIPT_ARABIC,
	SCRIPT_INDIC,
	SCRIPT_THAI,
	SCRIPT_HAN,
	SCRIPT_KANA,
	SCRIPT_HANGUL,
	SCRIPTS
};

static enum script
script_of(uint32_t c)
{
	static const struct {
		uint32_t from, to;
		enum script script;
	} ranges[] = {{0x41, 0x5a, SCRIPT_LATIN}, {0x61, 0x7a, SCRIPT_LATIN},
		{0xc0, 0x24f, SCRIPT_LATIN}, {0x370, 0x3ff, SCRIPT_GREEK},
		{0x400, 0x52f, SCRIPT_CYRILLIC}, {0x590, 0x5ff, SCRIPT_HEBREW},
		{0x600, 0x6ff, SCRIPT_ARABIC}, {0x900, 0x97f, SCRIPT_INDIC},
		{0xe00, 0xe7f, SCRIPT_THAI}, {0x1e00, 0x1eff, SCRIPT_LATIN},
		{0x3040, 0x30ff, SCRIPT_KANA}, {0x3400, 0x9fff, SCRIPT_HAN},
		{0xac00, 0xd7af, SCRIPT_HANGUL}, {0xff66, 0xff9d, SCRIPT_KANA}};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return ranges[i].script;
	return SCRIPTS;
}

/* The text is sound UTF-8 (intake/mime_text.h), cut where it may. */
static uint32_t
next(const unsigned char **s, const unsigned char *end)
{
	const unsigned char *at = *s;
	size_t more = *at < 0xc0 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;
	uint32_t c = more == 0 ? *at : *at & (0x3fu >> more);

	at++;
	for (; more > 0 && at < end && (*at & 0xc0) == 0x80; more--)
		c = c << 6 | (*at++ & 0x3f);
	*s = at;
	return c;
}

struct counts {
	int script[SCRIPTS], letters;
	bool persian; /* letters that Arabic has not */
	int hit[TONGUES], words;
};

static void
count_letters(struct counts *k, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + n;

	while (s < end) {
		uint32_t c = next(&s, end);
		enum script script = script_of(c);

		if (script == SCRIPTS)
			continue;
		k->script[script]++;
		k->letters++;
		k->persian |= c == 0x67e || c == 0x686 || c == 0x698 || c == 0x6af;
	}
}

static void
count_word(struct counts *k, const char *word, size_t n)
{
	char framed[WORD_MAX + 3];

	k->words++;
	if (n > WORD_MAX)
		return;
	snprintf(framed, sizeof framed, " %.*s ", (int)n, word);
	for (size_t i = 0; i < TONGUES; i++)
		k->hit[i] += strstr(tongues[i].words, framed) != NULL;
}

/* Letters of two bytes are lower-cased where adding 32 does it: Latin-1 and Cyrillic. */
static void
lower(char *word, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)word[i], d;

		if (c >= 'A' && c <= 'Z')
			word[i] = (char)(c + 32);
		if (c < 0xc3 || i + 1 >= n)
			continue;
		d = (unsigned char)word[i + 1];
		if (c == 0xc3 && d >= 0x80 && d <= 0x9e)
			word[i + 1] = (char)(d + 32);
		else if (c == 0xd0 && d >= 0x90 && d <= 0x9f)
			word[i + 1] = (char)(d + 32);
		else if (c == 0xd0 && d >= 0xa0 && d <= 0xaf) {
			word[i] = (char)0xd1;
			word[i + 1] = (char)(d - 32);
		}
	}
}

static void
count_words(struct counts *k, const char *text, size_t n)
{
	char word[WORD_MAX + 1];
	size_t size = 0;

	for (size_t i = 0; i <= n; i++) {
		unsigned char c = i < n ? (unsigned char)text[i] : ' ';
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			      c >= 0x80 || (c == '\'' && size > 0);

		if (letter) {
			if (size < WORD_MAX)
				word[size] = (char)c;
			size++;
			continue;
		}
		if (size > 0 && size <= WORD_MAX) {
			word[size] = '\0';
			lower(word, size);
			count_word(k, word, size);
		} else if (size > 0) {
			k->words++;
		}
		size = 0;
	}
}

static bool
much(const struct counts *k, enum script script)
{
	return k->script[script] > 0 && k->script[script] * SCRIPT_SHARE >= k->letters;
}

/* By the script alone; NULL: words decide. */
static const char *
by_script(const struct counts *k)
{
	if (much(k, SCRIPT_HANGUL))
		return "ko";
	/* Japanese is written in both, and Chinese has no Kana. */
	if (k->script[SCRIPT_KANA] * 10 > k->script[SCRIPT_HAN] &&
		k->script[SCRIPT_KANA] + k->script[SCRIPT_HAN] > 0 &&
		(k->script[SCRIPT_KANA] + k->script[SCRIPT_HAN]) * SCRIPT_SHARE >=
			k->letters)
		return "ja";
	if (much(k, SCRIPT_HAN))
		return "zh";
	if (much(k, SCRIPT_THAI))
		return "th";
	if (much(k, SCRIPT_GREEK))
		return "el";
	if (much(k, SCRIPT_HEBREW))
		return "he";
	if (much(k, SCRIPT_INDIC))
		return "hi";
	if (much(k, SCRIPT_ARABIC))
		return k->persian ? "fa" : "ar";
	return NULL;
}

/* One of the best that is better than all others; a single word decides short texts. */
static const char *
by_words(const struct counts *k)
{
	int best = -1, second = 0, first = 0;

	for (size_t i = 0; i < TONGUES; i++) {
		if (k->hit[i] > first) {
			second = first;
			first = k->hit[i];
			best = (int)i;
		} else if (k->hit[i] > second) {
			second = k->hit[i];
		}
	}
	if (best < 0 || first == second || (first < 2 && k->words > 8))
		return NULL;
	return tongues[best].lang;
}

void
mail_language_guess(const char *subject, const char *text, char out[WORD_LANG_MAX])
{
	struct counts k = {0};
	size_t n = text != NULL ? strlen(text) : 0;
	const char *lang;

	if (n > LOOKED_AT)
		n = LOOKED_AT;
	if (n > 0) {
		count_letters(&k, text, n);
		count_words(&k, text, n);
	}
	/* A subject is often left over from elsewhere: it speaks where the text says
	 * little.
	 */
	if (subject != NULL && k.words < 20) {
		count_letters(&k, subject, strlen(subject));
		count_words(&k, subject, strlen(subject));
	}
	lang = k.letters > 0 ? by_script(&k) : NULL;
	if (lang == NULL)
		lang = by_words(&k);
	snprintf(out, WORD_LANG_MAX, "%s", lang != NULL ? lang : "");
}
