/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF program and its loader share. */
#ifndef PEER_H
#define PEER_H

struct peer_mount {
	__s64 level;		/* in blocks */
	__u64 above;
};

struct peer_crossing {
	__u32 dev;
	__u32 direction;	/* 1 is up */
	__s64 used;
};

#endif
