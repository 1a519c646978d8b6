/*
 * tests/unit/asterisk_bench.h - the Asterisk adapter on a bench: scripts in, text out.
 *
 * A script has a line for each message: "DialEnd|1.5|Key=value|...", where 1.5 is the
 * switch's time; what is expected has a line for each event.
 */
#ifndef USHER_TESTS_ASTERISK_BENCH_H
#define USHER_TESTS_ASTERISK_BENCH_H

#include "../../plugins/asterisk/link.h"
#include "base/text.h"

extern const struct usher_plugin usher_plugin;

#define BENCH_ZERO_S 1795335000 /* of the scripts' times */
#define GREETING "Asterisk Call Manager/12.0.0\r\n"

struct bench {
	struct usher_switch_sink sink;
	struct text told, sent;
	void *link;
};

const struct usher_switch *adapter(void);
/* sends: the link writes; else it only listens. */
void bench_start(struct bench *b, bool sends);
extern const struct asterisk bench_settings;
void bench_start_with(struct bench *b, bool sends, const struct asterisk *settings);
void bench_stop(struct bench *b);
struct usher_switch_figures bench_figures(const struct bench *b);
void bench_receive(struct bench *b, const char *bytes, size_t n, size_t chunk);
void bench_receive_text(struct bench *b, const char *bytes);
void bench_play(struct bench *b, const char *script);
const char *bench_told(const struct bench *b);
/* Plays a script on a switch that is up, in several chunkings. */
void gives(const char *script, const char *expected);

#define WAITS                                                                            \
	"UserEvent|1|Uniqueid=c1|Channel=PJSIP/"                                         \
	"trunk-01|Linkedid=c1|CallerIDNum=5550100|UserEvent=UsherWait|Dnis=8004|Ani="    \
	"5550100|Reason=\n"
#define RINGS                                                                            \
	"DialBegin|2|Uniqueid=c1|Channel=PJSIP/trunk-01|DestUniqueid=a1|DestChannel="    \
	"PJSIP/1001-02|DestLinkedid=c1\n"
#define ANSWERS                                                                          \
	"DialEnd|3|Uniqueid=c1|DestUniqueid=a1|DialStatus=ANSWER\n"                      \
	"BridgeEnter|3.1|BridgeUniqueid=b1|Uniqueid=a1\n"                                \
	"BridgeEnter|3.2|BridgeUniqueid=b1|Uniqueid=c1\n"
#define SAYS_WAITS "1.000 waiting c1 5550100 to 8004\n"
#define SAYS_RINGS "2.000 ringing c1/a1 PJSIP/1001\n"
#define SAYS_ANSWERS "3.200 answered c1/a1 PJSIP/1001\n"

#endif
