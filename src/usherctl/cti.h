/* usherctl/cti.h - recordings of a switch played to its adapter. */
#ifndef USHER_USHERCTL_CTI_H
#define USHER_USHERCTL_CTI_H

#include "usherctl/usherctl.h"

extern const struct option_spec cti_replay_options[];

/*
 * do_cti_replay - "cti replay": the bytes that a switch sent, cut as --chunk says, to the
 * adapter of --plugin; one JSON line for each neutral event (CONTRACTS 6). Each file is
 * one connection; several are played one behind the other. Needs no daemon.
 */
enum status do_cti_replay(struct ctl *ctl);

/* "cti status": each link of each switch, and what became of calls since the start. */
enum status do_cti_status(struct ctl *ctl);

#endif
