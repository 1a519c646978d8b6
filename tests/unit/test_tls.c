/* Certificates and server contexts: base/tls, with handshakes in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tls.h"

struct files {
	char cert[64], key[64], error[256];
};

static int
begin(void **state)
{
	struct files *f = calloc(1, sizeof *f);

	snprintf(f->cert, sizeof f->cert, "test_tls.%d.cert", (int)getpid());
	snprintf(f->key, sizeof f->key, "test_tls.%d.key", (int)getpid());
	assert_true(tls_make_certificate(f->cert, f->key, f->error, sizeof f->error));
	*state = f;
	return 0;
}

static int
end(void **state)
{
	struct files *f = *state;

	unlink(f->cert);
	unlink(f->key);
	free(f);
	return 0;
}

/* Lets both ends speak in turn; the client's verdict. */
static bool
shake_hands(SSL_CTX *server_tls, SSL_CTX *client_tls, const char *name, SSL **client)
{
	SSL *server = SSL_new(server_tls);
	BIO *here, *there;
	bool done = false;

	*client = SSL_new(client_tls);
	assert_int_equal(BIO_new_bio_pair(&here, 0, &there, 0), 1);
	SSL_set_bio(server, here, here);
	SSL_set_bio(*client, there, there);
	SSL_set_accept_state(server);
	SSL_set_connect_state(*client);
	SSL_set1_host(*client, name);
	for (int i = 0; i < 10 && !done; i++) {
		int c = SSL_do_handshake(*client), s = SSL_do_handshake(server);
		char byte;

		done = c == 1 && s == 1;
		if (done) /* tickets, if there were any, would be read here */
			SSL_read(*client, &byte, 1);
	}
	SSL_free(server);
	return done;
}

static SSL_CTX *
client_of(const struct files *f, int least, int most)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_security_level(client, 0);
	SSL_CTX_set_min_proto_version(client, least);
	SSL_CTX_set_max_proto_version(client, most);
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	assert_int_equal(SSL_CTX_load_verify_locations(client, f->cert, NULL), 1);
	return client;
}

static void
new_protocols_are_spoken_and_old_ones_not(void **state)
{
	static const struct {
		int version;
		bool spoken;
	} cases[] = {{TLS1_VERSION, false}, {TLS1_1_VERSION, false},
		{TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
	struct files *f = *state;
	SSL_CTX *server = tls_server_create(f->cert, f->key, f->error, sizeof f->error);

	assert_non_null(server);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		SSL_CTX *tls = client_of(f, cases[i].version, cases[i].version);
		SSL *client;

		assert_int_equal(
			shake_hands(server, tls, "localhost", &client), cases[i].spoken);
		if (cases[i].spoken) {
			assert_int_equal(SSL_get_verify_result(client), X509_V_OK);
			assert_null(SSL_get_current_compression(client));
			assert_false(SSL_SESSION_has_ticket(SSL_get0_session(client)));
		}
		SSL_free(client);
		SSL_CTX_free(tls);
	}
	tls_destroy(server);
}

static void
the_certificate_is_for_this_machine_alone(void **state)
{
	struct files *f = *state;
	SSL_CTX *server = tls_server_create(f->cert, f->key, f->error, sizeof f->error);
	SSL_CTX *tls = client_of(f, TLS1_2_VERSION, TLS1_3_VERSION);
	SSL *client;

	assert_false(shake_hands(server, tls, "usher.example", &client));
	assert_int_equal(SSL_get_verify_result(client), X509_V_ERR_HOSTNAME_MISMATCH);
	SSL_free(client);
	assert_true(shake_hands(server, tls, "localhost", &client));
	SSL_free(client);
	SSL_CTX_free(tls);
	tls_destroy(server);
}

static void
a_certificate_is_made_once(void **state)
{
	struct files *f = *state;
	struct stat first, again;

	assert_int_equal(stat(f->key, &first), 0);
	assert_int_equal(first.st_mode & 0777, 0600);
	assert_true(tls_make_certificate(f->cert, f->key, f->error, sizeof f->error));
	assert_int_equal(stat(f->key, &again), 0);
	assert_int_equal(first.st_ino, again.st_ino);
	unlink(f->cert);
	assert_true(tls_make_certificate(f->cert, f->key, f->error, sizeof f->error));
	assert_int_equal(access(f->cert, R_OK), 0);
}

static void
what_cannot_be_used_is_refused_with_its_reason(void **state)
{
	struct files *f = *state;
	FILE *out;

	chmod(f->key, 0640);
	assert_null(tls_server_create(f->cert, f->key, f->error, sizeof f->error));
	assert_non_null(strstr(f->error, "chmod 600"));
	chmod(f->key, 0600);
	assert_null(tls_server_create("nowhere", f->key, f->error, sizeof f->error));
	assert_non_null(strstr(f->error, "certificate nowhere"));
	assert_null(tls_server_create(f->cert, "nowhere", f->error, sizeof f->error));
	assert_non_null(strstr(f->error, "key nowhere"));
	assert_null(tls_server_create(f->key, f->key, f->error, sizeof f->error));
	out = fopen(f->key, "w");
	assert_non_null(out);
	fputs("no key\n", out);
	fclose(out);
	assert_null(tls_server_create(f->cert, f->key, f->error, sizeof f->error));
	assert_non_null(strstr(f->error, "key"));
	assert_false(tls_make_certificate(
		"nowhere/cert", "nowhere/key", f->error, sizeof f->error));
	assert_non_null(strstr(f->error, "nowhere/key"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_protocols_are_spoken_and_old_ones_not),
		TEST(the_certificate_is_for_this_machine_alone),
		TEST(a_certificate_is_made_once),
		TEST(what_cannot_be_used_is_refused_with_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
