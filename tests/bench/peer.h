/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF program and its loader share. */
#ifndef PEER_H
#define PEER_H

struct peer_mount {
	__s64 level;		/* in blocks */
	__u64 above;
};

struct peer_crossing {
	__u64 dev;
	__s64 used;		/* in blocks */
};

#endif
