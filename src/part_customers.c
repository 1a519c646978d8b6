/* part_customers.c - wires the directory of customers to the database, to the router,
 * who asks it, and to the desk, which shows the cards. */
#include "part_customers.h"

#include <stdlib.h>

#include "base/log.h"

static int64_t
now_ms(void *owner)
{
	return usher_now(owner);
}

bool
part_customers_open(struct usher *u)
{
	struct customers_parts parts = {.base = u->base,
		.database = u->database,
		.router = u->router,
		.people = u->people,
		.now_ms = now_ms,
		.owner = u,
		.rules = u->config->customers};
	char error[300] = "";

	u->customers = customers_create(&parts, error, sizeof error);
	if (u->customers == NULL) {
		log_error("usherd: %s", error);
		return false;
	}
	desk_add_commands(
		u->desk, customers_commands, customers_n_commands, u->customers);
	u->eraser = customers_redis_create(u->base, u->side);
	customers_use_eraser(u->customers, u->eraser);
	customers_add_part(u->customers,
		&(struct customer_part){.owner = (void *)(uintptr_t)u->eraser,
			.tell = customers_redis_tell});
	router_use_directory(u->router, customers_directory(u->customers));
	router_listen(u->router, customers_event, u->customers);
	u->people.enrich(u->people.owner, "customer", customers_member, u->customers);
	customers_start(u->customers);
	part_surveys_open(u);
	return part_identify_open(u) && part_channels_open(u);
}

void
part_customers_configure(struct usher *u)
{
	if (u->customers != NULL)
		customers_configure(u->customers, u->config->customers);
	part_identify_configure(u);
	part_channels_configure(u);
}

void
part_customers_stop(struct usher *u)
{
	if (u->customers != NULL)
		customers_stop(u->customers);
}

void
part_customers_close(struct usher *u)
{
	part_channels_close(u);
	part_identify_close(u);
	part_surveys_close(u);
	customers_destroy(u->customers);
	u->customers = NULL;
	customers_redis_destroy(u->eraser);
	u->eraser = NULL;
}
