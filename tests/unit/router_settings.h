/* tests/unit/router_settings.h - three versions of a centre's settings; each lacks
 * something that another one has. */
#ifndef USHER_TESTS_ROUTER_SETTINGS_H
#define USHER_TESTS_ROUTER_SETTINGS_H

#define COMMON                                                                           \
	"calendars: {office: {hours: {mon-fri: [\"09:00-17:00\"]}}}\n"                   \
	"teams: {first: {}, second: {}}\n"                                               \
	"skills: [english, french, billing, orders]\n"

static const char *const settings[] = {
	COMMON
	"channels:\n"
	"  voice: {cost: 100, offer_timeout: 15s, wrapup: 20s, sla: 20s}\n"
	"  chat: {cost: 40, offer_timeout: 30s, wrapup: 0s, sla: 30s}\n"
	"  email: {cost: 25, offer_timeout: 60s, wrapup: 0s, sla: 4h, calendar: office, "
	"interruptible: true, deferrable: true}\n"
	"  note: {cost: 3, offer_timeout: 60s, sla: 90s, interruptible: true, "
	"deferrable: "
	"true}\n"
	"tiers: [{name: bronze, value: 1}, {name: silver, value: 3, from_points: 40},\n"
	"  {name: gold, value: 1000000000000, from_points: 80, never_demoted: true}]\n"
	"park_limit: 5m\n"
	"reject_cooldown: 7s\n"
	"desk_grace: 60s\n"
	"queues:\n"
	"  general: {affinity: 30s, reserve: 1}\n"
	"  billing: {require: {billing: 2}, reserve: 2, scarce_last: false,\n"
	"    steps: [{after: 15s, lower: {billing: 1}}, {after: 40s, drop: [billing]}],\n"
	"    limits: {length: 20, wait: {voice: 5m, note: 2m}},\n"
	"    overflow: {after: 2m, to: general}, dispositions: {required: true}}\n"
	"  sales: {teams: [first], steps: [{after: 30s, add: [team:second]}], strategy: "
	"round_robin,\n"
	"    overflow: {after: 30s, to: billing}, sla: {voice: 0s, email: {default: 1h, "
	"gold: 5m}}}\n"
	"  french: {require: {french: 3}, strategy: most_skilled, target_wait: 20s,\n"
	"    law: {ageing: 1us, late_weight: 0.1}, overflow: {after: 30s, to: sales}}\n"
	"rules:\n"
	"  - {when: 'kind == \"bill\"', set: {queue: billing, require: {english: 2}}}\n"
	"  - {when: 'kind == \"sale\"', set: {queue: sales, points: 50}}\n"
	"agents:\n"
	"  - {id: a1, team: first, skills: {english: 9, billing: 5}}\n"
	"  - {id: a2, team: first, skills: {english: 5, french: 5}}\n"
	"  - {id: a3, team: second, skills: {english: 3, billing: 1, orders: 5}}\n"
	"  - {id: a4, team: second, skills: {french: 3, billing: 2}, capacity: 150}\n"
	"  - {id: a5, skills: {english: 1}, channels: [email, note]}\n"
	"  - {id: a6, team: first, skills: {english: 4, french: 1, billing: 3}, costs: "
	"{chat: 100}}\n",

	COMMON
	"promise: fair\n"
	"channels:\n"
	"  voice: {cost: 100, offer_timeout: 15s, wrapup: 0s, sla: 40s}\n"
	"  chat: {cost: 30, offer_timeout: 30s, wrapup: 5s, sla: 30s, deferrable: true}\n"
	"  email: {cost: 50, offer_timeout: 60s, wrapup: 10s, sla: 2h, calendar: "
	"office}\n"
	"  note: {cost: 3, offer_timeout: 60s, sla: 5m, interruptible: true}\n"
	"tiers: [{name: bronze, value: 2}, {name: gold, value: 8, from_points: 60}]\n"
	"park_limit: 1m\n"
	"reject_cooldown: 0s\n"
	"desk_grace: 10s\n"
	"queues:\n"
	"  general: {affinity: 5s, reserve: 0}\n"
	"  billing: {require: {billing: 3}, reserve: auto, limits: {wait: {voice: 3m}},\n"
	"    steps: [{after: 60s, lower: {billing: 1}}]}\n"
	"  french: {require: {french: 1}, strategy: least_occupied, affinity: 0s}\n"
	"  orders: {teams: [first, second], require: {orders: 1}, strategy: ranked,\n"
	"    steps: [{after: 20s, drop: [orders]}], overflow: {after: 1m, to: general}}\n"
	"default_queue: general\n"
	"rules:\n"
	"  - {when: 'kind == \"bill\"', set: {queue: orders, tier: gold}}\n"
	"agents:\n"
	"  - {id: a1, team: second, skills: {english: 9, billing: 1, orders: 1}}\n"
	"  - {id: a2, team: first, skills: {english: 5, french: 5}, capacity: 60}\n"
	"  - {id: a4, team: second, skills: {french: 3, billing: 2}, capacity: 30}\n"
	"  - {id: a5, skills: {english: 1}, channels: [email, note, voice]}\n"
	"  - {id: a7, team: first, skills: {billing: 4, orders: 2}, rank: 3}\n",

	COMMON
	"channels:\n"
	"  voice: {cost: 100, offer_timeout: 15s, wrapup: 20s, sla: 20s}\n"
	"  chat: {cost: 50, offer_timeout: 30s, wrapup: 0s, sla: 30s, interruptible: "
	"true}\n"
	"  email: {cost: 25, offer_timeout: 60s, wrapup: 0s, sla: 4h, calendar: office, "
	"interruptible: true, deferrable: true}\n"
	"  note: {cost: 0, offer_timeout: 60s, sla: 90s, interruptible: true, "
	"deferrable: "
	"true}\n"
	"tiers: [{name: bronze, value: 1}, {name: silver, value: 3}, {name: gold, value: "
	"8}]\n"
	"park_limit: 5m\n"
	"queues:\n"
	"  general: {affinity: 30s, reserve: 3, hours: office}\n"
	"  billing: {require: {billing: 2}, admit_empty: false, strategy: "
	"fewest_contacts,\n"
	"    overflow: {after: 1m, to: sales}}\n"
	"  sales: {limits: {wait: {voice: 1m, chat: 30s, email: 2h}}, overflow: {after: "
	"90s, to: french}}\n"
	"  french: {require: {french: 3, english: 1}, steps: [{after: 5s, drop: "
	"[english]},\n"
	"    {after: 10m, drop: [french]}], overflow: {after: 2m, to: general}}\n"
	"agents:\n"
	"  - {id: a1, team: first, skills: {english: 9, billing: 5}}\n"
	"  - {id: a2, team: first, skills: {english: 5, french: 5}}\n"
	"  - {id: a3, team: second, skills: {english: 3, billing: 1, orders: 5}, "
	"capacity: 25}\n"
	"  - {id: a6, team: first, skills: {english: 4, french: 1, billing: 3}}\n"
	"  - {id: a8, team: second, skills: {french: 9, billing: 2}, channels: [voice, "
	"chat]}\n",
};

#define VERSIONS (sizeof settings / sizeof settings[0])

#endif
