/* part_customers.h - the directory of customers, wired. */
#ifndef USHER_PART_CUSTOMERS_H
#define USHER_PART_CUSTOMERS_H

#include "history/customers.h"
#include "usher.h"

bool part_customers_open(struct usher *u) USHER_MUST_CHECK;
/* Plugins that know customers (part_identify.c); behind the customers. */
bool part_identify_open(struct usher *u) USHER_MUST_CHECK;
void part_identify_configure(struct usher *u);
void part_identify_close(struct usher *u);

/* Plugins that bring contacts in (part_channels.c). */
bool part_channels_open(struct usher *u) USHER_MUST_CHECK;
void part_channels_configure(struct usher *u);
void part_channels_close(struct usher *u);

/* Answers of customers by signed link (part_surveys.c). */
void part_surveys_open(struct usher *u);
void part_surveys_close(struct usher *u); /* after the database */

void part_customers_configure(struct usher *u);
/* Nothing waits for the directory any more: before the last steps are written. */
void part_customers_stop(struct usher *u);
void part_customers_close(struct usher *u); /* after the database */

#endif
