/* tests/unit/config_case.h - settings for tests, and reading them. */
#ifndef USHER_TESTS_CONFIG_CASE_H
#define USHER_TESTS_CONFIG_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/config.h"

/* The whole example of the contract. */
static const char example[] USHER_UNUSED =
	"centre: demo\n"
	"timezone: Europe/London\n"
	"redis: managed                # or unix:/path\n"
	"promise: balanced\n"
	"law: {half_life: 60s, late_weight: 0.5, second_promise: 2, ageing: 150s}\n"
	"channels:\n"
	"  voice:    {cost: 100, offer_timeout: 15s, wrapup: 30s, sla: 20s}\n"
	"  chat:     {cost: 50,  offer_timeout: 30s, wrapup: 10s, sla: 30s}\n"
	"  callback: {cost: 100, offer_timeout: 30s, wrapup: 30s, sla: 15m}\n"
	"  email:    {cost: 25,  offer_timeout: 120s, wrapup: 0s, sla: 4h, calendar: "
	"office, "
	"interruptible: true, deferrable: true}\n"
	"  letter:   {cost: 25,  sla: 16h, calendar: office, interruptible: true, "
	"deferrable: true}\n"
	"tiers:\n"
	"  - {name: bronze, value: 1}\n"
	"  - {name: silver, value: 3, from_points: 40}\n"
	"  - {name: gold,   value: 8, from_points: 80, never_demoted: true}\n"
	"skills: [english, french, billing]\n"
	"calendars:\n"
	"  office: {hours: {mon-fri: [\"09:00-17:00\"]}, holidays: [2026-12-25]}\n"
	"queues:\n"
	"  billing:\n"
	"    channels: [voice, chat, callback, email]\n"
	"    require: {billing: 1}\n"
	"    sla: {voice: 20s, email: {default: 4h, gold: 5m}}\n"
	"    strategy: longest_idle\n"
	"    scarce_last: true\n"
	"    reserve: auto\n"
	"    affinity: 15s\n"
	"    steps:\n"
	"      - {after: 20s, lower: {billing: 1}}\n"
	"      - {after: 60s, drop: [french]}\n"
	"      - {after: 120s, add: [team:overflow]}\n"
	"    limits: {length: 500, wait: {voice: 30m, chat: 30m}}\n"
	"    overflow: {after: 10m, to: general}\n"
	"    dispositions: {required: true, codes: [solved, sale, follow_up]}\n"
	"    law: {late_weight: 1, second_promise: 1, ageing: 150s}\n"
	"  general: {channels: [voice, chat, callback, email, letter]}\n"
	"rules:\n"
	"  - {when: 'channel == \"email\" and customer.points >= 80', set: {tier: "
	"gold}}\n"
	"  - {when: 'ivr.menu == \"bill\" or \"invoice\" in subject', set: {queue: "
	"billing, "
	"require: {billing: 3}}}\n"
	"default_queue: general\n"
	"agents:\n"
	"  - {id: a1, name: Ann, team: first, skills: {billing: 5, english: 9}, "
	"capacity: 100, "
	"rank: 1, device: \"PJSIP/1001\"}\n"
	"teams: {first: {supervisors: [s1]}, overflow: {}}\n";

static USHER_UNUSED struct config *
parse(const char *text, const struct centre *previous, double speed,
	struct config_problems *problems)
{
	*problems = (struct config_problems){0};
	return config_parse("t.yaml", text, strlen(text), previous, speed, problems);
}

/* Settings that must be right. */
static USHER_UNUSED struct config *
good(const char *text, const struct centre *previous, double speed)
{
	struct config_problems problems;
	struct config *config = parse(text, previous, speed, &problems);

	if (config == NULL) {
		config_problems_print(&problems, stderr);
		fail();
	}
	config_problems_finish(&problems);
	return config;
}

static USHER_UNUSED struct config *
plain(const char *text)
{
	return good(text, NULL, 1);
}

/* The least that loads without a warning. */
#define Q "queues: {general: {}}\nagents: [{id: a1}]\n"

#endif
