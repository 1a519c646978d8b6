/* usherctl/customer.h - the commands about customers. */
#ifndef USHER_USHERCTL_CUSTOMER_H
#define USHER_USHERCTL_CUSTOMER_H

#include "usherctl/usherctl.h"

enum status do_customer_import(struct ctl *ctl); /* customer_import.c */
enum status do_customer_find(struct ctl *ctl);
enum status do_customer_show(struct ctl *ctl);
enum status do_customer_export(struct ctl *ctl);
enum status do_customer_merge(struct ctl *ctl);
enum status do_customer_unmerge(struct ctl *ctl);
enum status do_customer_link(struct ctl *ctl);
enum status do_customer_unlink(struct ctl *ctl);
enum status do_customer_set(struct ctl *ctl);
enum status do_customer_add_identity(struct ctl *ctl);
enum status do_customer_remove_identity(struct ctl *ctl);
enum status do_customer_erase(struct ctl *ctl);
enum status do_customer_lists(struct ctl *ctl);
enum status do_customer_list_add(struct ctl *ctl);
enum status do_customer_list_remove(struct ctl *ctl);

extern const struct option_spec customer_import_options[], customer_link_options[],
	customer_erase_options[], customer_list_options[];

/* Value points term by term, of a card. */
void print_worth(const json_t *card);

#endif
