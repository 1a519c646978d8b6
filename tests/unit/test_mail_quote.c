/* Quotations, signatures, languages: intake/mail_quote, intake/mail_language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "intake/mail_language.h"
#include "intake/mail_quote.h"
#include "shared_data.h"

static void
expect(const char *s, const char *text)
{
	struct text own = {0}, rest = {0};

	mail_quote_split(s, &own, &rest);
	assert_string_equal(own.s, text);
	text_finish(&own);
	text_finish(&rest);
}

static void
what_a_person_wrote_is_told_from_what_is_answered(void **state)
{
	expect("", "");
	expect("Hello\n", "Hello\n");
	expect("Yes.\n\nOn Mon, 1 Feb 2016 at 18:32, Ann <a@x.example> wrote:\n> No?\n",
		"Yes.\n");
	expect("Ja.\n\nAm 03.02.2016 um 15:35 schrieb Ann <a@x.example>:\n> Nein?\n",
		"Ja.\n");
	expect("Oui.\nLe 4 janv. 2016 19:03, \"Ann\"\n<a@x.example>\na écrit :\n> Non "
	       "?\n",
		"Oui.\n");
	expect("Sí.\n\nEl lun, 1 feb 2016 a las 18:32, Ann (<a@x.example>) escribió:\n> "
	       "¿No?\n",
		"Sí.\n");
	expect("Sì.\n\nIl giorno lun 1 feb 2016 alle ore 18:32 Ann <a@x.example> ha "
	       "scritto:\n> No?\n",
		"Sì.\n");
	expect("Ja.\n\nOp 1 feb. 2016 om 18:32 schreef Ann <a@x.example>:\n> Nee?\n",
		"Ja.\n");
	expect("Tak.\n\nW dniu 1.02.2016 o 18:32, Ann pisze:\n\nW dniu 1.02.2016 Ann "
	       "napisał(a):\n> Nie?\n",
		"Tak.\n\nW dniu 1.02.2016 o 18:32, Ann pisze:\n");
	expect("はい。\n\n2016年2月1日(月) 18:32 Ann <a@x.example>:\n> いいえ？\n",
		"はい。\n\n2016年2月1日(月) 18:32 Ann <a@x.example>:\n");
	expect("好的。\n\nAnn <a@x.example> 于2016年2月1日周一 写道：\n> 不？\n",
		"好的。\n");
}

static void
headers_of_other_mails_end_the_text(void **state)
{
	expect("Yes.\n\nFrom: Ann <a@x.example>\nSent: Monday\nTo: Help\nSubject: "
	       "Hi\n\nOld\n",
		"Yes.\n");
	expect("Ja.\n\n*Von:* Ann\n*Gesendet:* Montag\n*An:* Hilfe\n*Betreff:* "
	       "Na\n\nAlt\n",
		"Ja.\n");
	/* fewer are text with a colon */
	expect("From: the beginning\nto: the end\n",
		"From: the beginning\nto: the end\n");
	expect("Yes.\n-----Original Message-----\nFrom: Ann\n\nOld\n", "Yes.\n");
}

static void
answers_between_quotations_are_kept(void **state)
{
	expect("On Mon, 1 Feb 2016, Ann <a@x.example> wrote:\n> One?\nYes.\n> "
	       "Two?\nNo.\n",
		"Yes.\nNo.\n");
	expect("See below.\n\nOn Mon, 1 Feb 2016, Ann <a@x.example> wrote:\n> "
	       "One?\nYes.\n"
	       "> Two?\nNo.\n",
		"See below.\n\nYes.\nNo.\n");
	expect("> a quotation without introduction\n\nand text\n",
		"> a quotation without introduction\n\nand text\n");
}

static void
signatures_devices_and_lawyers_are_taken_off(void **state)
{
	expect("Hi\n-- \nAnn\nDesk 7\n", "Hi\n");
	expect("Hi\n\nSent from my iPhone\n", "Hi\n");
	expect("Hi\n\nVon meinem iPhone gesendet\n", "Hi\n");
	expect("Hi\n\nThis e-mail and any files are confidential.\nDelete it.\n", "Hi\n");
	expect("Price -- what is it?\n", "Price -- what is it?\n");
	expect("-- \nAnn\n", "-- \nAnn\n"); /* there is nothing else */
}

static void
nothing_is_thrown_away(void **state)
{
	struct text own = {0}, rest = {0};

	mail_quote_split(
		"Yes.\n\nOn 1 Feb 2016, Ann <a@x.example> wrote:\n> No?\n\n-- \nBob\n",
		&own, &rest);
	assert_non_null(strstr(rest.s, "> No?"));
	assert_non_null(strstr(rest.s, "wrote:"));
	assert_non_null(strstr(rest.s, "Bob"));
	text_finish(&own);
	text_finish(&rest);
}

static void
many_lines_and_long_ones_are_bounded(void **state)
{
	struct text t = {0}, own = {0}, rest = {0};

	for (int i = 0; i < QUOTE_LINES_MAX + 1000; i++)
		text_addf(&t, "On day %d <\n", i);
	for (int i = 0; i < 100000; i++)
		text_add(&t, "x");
	mail_quote_split(t.s, &own, &rest);
	assert_true(own.n + rest.n >= t.n);
	text_finish(&t);
	text_finish(&own);
	text_finish(&rest);
}

/* ---- the corpus beside the project ---- */

static size_t
trimmed(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	return strspn(s, " \t\r\n");
}

static void
the_corpus_of_replies_is_trimmed_as_its_authors_expect(void **state)
{
	char *folder = shared_path("mail/reply");
	DIR *d = folder != NULL ? opendir(folder) : NULL;
	const struct dirent *e;
	int n = 0, wrong = 0;

	if (d == NULL) {
		free(folder);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		const char *end = strstr(e->d_name, ".trimmed.txt");
		char *path, *wanted, *given;
		struct text own = {0}, rest = {0};
		size_t size = 0;

		if (end == NULL)
			continue;
		path = xasprintf("%s/%s", folder, e->d_name);
		wanted = read_whole(path, &size);
		free(path);
		path = xasprintf(
			"%s/%.*s.txt", folder, (int)(end - e->d_name), e->d_name);
		given = read_whole(path, &size);
		assert_non_null(wanted);
		assert_non_null(given);
		mail_quote_split(given, &own, &rest);
		n++;
		size = trimmed(wanted);
		if (strcmp(own.s + trimmed(own.s), wanted + size) != 0) {
			wrong++;
			fprintf(stderr, "%s:\n--- wanted\n%s\n--- made\n%s\n", e->d_name,
				wanted, own.s);
		}
		text_finish(&own);
		text_finish(&rest);
		free(wanted);
		free(given);
		free(path);
	}
	closedir(d);
	free(folder);
	assert_true(n > 20);
	assert_int_equal(wrong, 0);
}

/* ---- languages ---- */

static void
a_language_is_told_by_script_and_small_words(void **state)
{
	static const struct {
		const char *lang, *text;
	} cases[] = {{"en", "Where is my order? I have been waiting for two weeks."},
		{"de", "Wo bleibt meine Bestellung? Ich warte seit zwei Wochen auf die "
		       "Ware."},
		{"fr", "Bonjour, où est ma commande ? Je vous ai écrit avec le numéro."},
		{"es", "Hola, ¿cuándo llega mi pedido? No he recibido nada y quiero "
		       "saber."},
		{"it", "Buongiorno, vorrei sapere dove è il mio ordine, grazie."},
		{"pt", "Olá, você pode me dizer onde está o meu pedido? Obrigado."},
		{"nl", "Waar blijft mijn bestelling? Ik heb het niet ontvangen."},
		{"pl", "Dzień dobry, gdzie jest moje zamówienie? Proszę o odpowiedź."},
		{"tr", "Merhaba, sipariş nasıl iptal edilir? Teşekkürler."},
		{"ru", "Здравствуйте, где мой заказ? Я не получил его."},
		{"uk", "Доброго дня, де моє замовлення? Я його ще не отримав і дякую."},
		{"ja", "注文した商品はいつ届きますか。"},
		{"zh", "请问我的订单什么时候到？"},
		{"ko", "주문한 상품은 언제 도착하나요?"}, {"th", "สินค้าของฉันอยู่ที่ไหน"},
		{"ar", "أين طلبي؟"}, {"el", "Πού είναι η παραγγελία μου;"},
		{"", "4711 0815"}, {"", ""}};
	char lang[WORD_LANG_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		mail_language_guess(NULL, cases[i].text, lang);
		if (strcmp(lang, cases[i].lang) != 0)
			fail_msg("\"%s\" is %s, not %s", cases[i].text, lang,
				cases[i].lang);
	}
	mail_language_guess("Wo ist meine Bestellung", "Hi", lang);
	assert_string_equal(lang, "de");
	mail_language_guess(NULL, NULL, lang);
	assert_string_equal(lang, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_person_wrote_is_told_from_what_is_answered),
		cmocka_unit_test(headers_of_other_mails_end_the_text),
		cmocka_unit_test(answers_between_quotations_are_kept),
		cmocka_unit_test(signatures_devices_and_lawyers_are_taken_off),
		cmocka_unit_test(nothing_is_thrown_away),
		cmocka_unit_test(many_lines_and_long_ones_are_bounded),
		cmocka_unit_test(the_corpus_of_replies_is_trimmed_as_its_authors_expect),
		cmocka_unit_test(a_language_is_told_by_script_and_small_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
