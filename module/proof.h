/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The proof: one page in and one page out, on a private tmpfs, must be seen.
 */
#ifndef TW_PROOF_H
#define TW_PROOF_H

const char *tw_proof_run(void);

#endif /* TW_PROOF_H */
