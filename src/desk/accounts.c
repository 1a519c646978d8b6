/* desk/accounts.c - people and their passwords; see accounts.h. */
#include "desk/accounts.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/map.h"
#include "desk/ledger.h"
#include "desk/secret.h"

#define YESCRYPT "$y$"
#define SLACK_LINES 200 /* out-of-date lines borne before the file is rewritten */

/* Compared where an account is unknown, so that the answer takes as long. Made by
 * crypt_gensalt's default cost; nobody knows a password for it. */
#define NOBODYS_HASH                                                                     \
	"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC"

struct accounts {
	struct ledger *ledger; /* owned */
	struct map by_name;    /* to struct account, owned */
};

static void
account_destroy(struct account *a)
{
	if (a == NULL)
		return;
	free(a->account);
	free(a->name);
	free(a->agent);
	free(a->hash);
	free(a);
}

static json_t *
account_line(const struct account *a)
{
	return json_pack("{s:s, s:s, s:s*, s:s, s:s, s:b, s:I}", "account", a->account,
		"name", a->name, "agent", a->agent, "hash", a->hash, "role",
		rpc_role_name[a->role], "disabled", a->disabled, "created",
		(json_int_t)a->created_ms);
}

static const char *
member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static bool
read_line(void *owner, json_t *o)
{
	struct accounts *as = owner;
	const char *name = member(o, "account"), *role = member(o, "role");
	struct account *a;

	if (name == NULL || !id_is_valid(name) || role == NULL ||
		rpc_role_parse(role) == RPC_ROLES || member(o, "hash") == NULL)
		return false;
	a = xcalloc(1, sizeof *a);
	a->account = xstrdup(name);
	a->name = xstrdup(member(o, "name") != NULL ? member(o, "name") : "");
	a->agent = xstrdup(member(o, "agent"));
	a->hash = xstrdup(member(o, "hash"));
	a->role = rpc_role_parse(role);
	a->disabled = json_is_true(json_object_get(o, "disabled"));
	a->created_ms = json_integer_value(json_object_get(o, "created"));
	account_destroy(map_put(&as->by_name, name, a));
	return true;
}

struct accounts *
accounts_open(const char *state_directory)
{
	struct accounts *as = xcalloc(1, sizeof *as);
	char *path = xasprintf("%s/accounts", state_directory);

	as->ledger = ledger_open(path, read_line, as);
	free(path);
	if (as->ledger == NULL) {
		accounts_close(as);
		return NULL;
	}
	return as;
}

void
accounts_close(struct accounts *as)
{
	size_t at = 0;
	void *a;

	if (as == NULL)
		return;
	while (map_next(&as->by_name, &at, NULL, &a))
		account_destroy(a);
	map_finish(&as->by_name);
	ledger_close(as->ledger);
	free(as);
}

const struct account *
accounts_find(const struct accounts *as, const char *account)
{
	return map_get(&as->by_name, account);
}

static void
rewrite(struct accounts *as)
{
	struct text all = {0};
	size_t at = 0;
	void *a;

	while (map_next(&as->by_name, &at, NULL, &a))
		ledger_add(&all, account_line(a));
	if (!ledger_replace(as->ledger, &all))
		log_warn("desk: the file of accounts grows until it can be rewritten");
	text_finish(&all);
}

bool
accounts_put(struct accounts *as, const struct account *account)
{
	struct text change = {0};
	json_t *line = account_line(account);
	bool known = map_get(&as->by_name, account->account) != NULL, ok;

	json_incref(line);
	ledger_add(&change, line);
	ok = (known || as->by_name.n < ACCOUNTS_MAX) &&
	     ledger_append(as->ledger, &change) && read_line(as, line);
	text_finish(&change);
	json_decref(line);
	if (ok && ledger_lines(as->ledger) > 2 * as->by_name.n + SLACK_LINES)
		rewrite(as);
	return ok;
}

const struct account *
accounts_after(const struct accounts *as, const char *after)
{
	const struct account *next = NULL;
	size_t at = 0;
	void *value;

	while (map_next(&as->by_name, &at, NULL, &value)) {
		const struct account *a = value;

		if ((after == NULL || strcmp(a->account, after) > 0) &&
			(next == NULL || strcmp(a->account, next->account) < 0))
			next = a;
	}
	return next;
}

size_t
accounts_count(const struct accounts *as)
{
	return as->by_name.n;
}

/* ---- passwords ---- */

/* What people choose first when twelve characters are asked for. */
static const char *const denied[] = {
	"123456789012",
	"1234567890123",
	"12345678901234",
	"000000000000",
	"111111111111",
	"123123123123",
	"987654321098",
	"abcdefghijkl",
	"abcdefghijklm",
	"qwertyuiop12",
	"qwertyuiop123",
	"qwertyuiop[]",
	"qwertyuiopas",
	"qwertzuiopas",
	"qwerty123456",
	"asdfghjkl123",
	"1q2w3e4r5t6y",
	"1qaz2wsx3edc",
	"zaq12wsxcde3",
	"password1234",
	"password12345",
	"password123!",
	"passwordpassword",
	"passw0rd1234",
	"administrator",
	"administrator1",
	"adminadminadmin",
	"admin1234567",
	"supervisor12",
	"supervisor123",
	"callcenter12",
	"callcenter123",
	"callcentre123",
	"contactcenter",
	"contactcentre",
	"iloveyou1234",
	"letmein12345",
	"letmeinletmein",
	"welcome12345",
	"welcome123456",
	"changeme1234",
	"changemechangeme",
	"correcthorsebatterystaple",
	"correct horse battery staple",
	"usherusherusher",
};

static size_t
characters(const char *utf8)
{
	size_t n = 0;

	for (; *utf8 != '\0'; utf8++)
		n += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return n;
}

static bool
is_one_character(const char *password)
{
	return strspn(password, (char[]){password[0], '\0'}) == strlen(password);
}

const char *
password_fault(const char *password, const char *account)
{
	if (characters(password) < PASSWORD_MIN)
		return "Take a password of at least 12 characters; a few words will do.";
	if (strlen(password) >= PASSWORD_MAX)
		return "Take a password of fewer than 512 bytes.";
	if (is_one_character(password))
		return "Take a password of more than one character repeated.";
	if (strlen(account) >= 3 && strcasestr(password, account) != NULL &&
		strlen(password) < strlen(account) + 8)
		return "Take a password that is not built on the account's name.";
	for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
		if (strcasecmp(denied[i], password) == 0)
			return "Take another password: this one is tried first by "
			       "everybody who guesses.";
	}
	return NULL;
}

char *
password_hash(const char *password)
{
	char *salt = crypt_gensalt_ra(YESCRYPT, 0, NULL, 0);
	void *data = NULL;
	int size = 0;
	char *hash, *copy = NULL;

	hash = salt != NULL ? crypt_ra(password, salt, &data, &size) : NULL;
	if (hash != NULL && hash[0] != '*')
		copy = xstrdup(hash);
	else
		log_error("desk: libxcrypt makes no yescrypt hash: %s", strerror(errno));
	if (data != NULL)
		OPENSSL_cleanse(data, (size_t)size);
	free(data);
	free(salt);
	return copy;
}

bool
password_matches(const char *password, const char *hash)
{
	const char *against = hash != NULL ? hash : NOBODYS_HASH;
	void *data = NULL;
	int size = 0;
	char *got = crypt_ra(password, against, &data, &size);
	bool same = got != NULL && got[0] != '*' && strlen(got) == strlen(against) &&
		    CRYPTO_memcmp(got, against, strlen(against)) == 0;

	if (data != NULL)
		OPENSSL_cleanse(data, (size_t)size);
	free(data);
	return same && hash != NULL;
}
