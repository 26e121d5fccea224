/* SPDX-License-Identifier: ISC */
/*
 * random: the processor's instructions for random numbers, the best first: 0 is
 * RNDRRS, 1 is RNDR (FEAT_RNG; Arm ARM, DDI 0487, K12).
 */
#ifndef ARCH_RANDOM_H
#define ARCH_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#define RANDOM_INSTRUCTIONS 2u

/* Their names, each after a blank. */
extern const char random_names[RANDOM_INSTRUCTIONS][8];

/* Bit i is set if the processor has instruction i. */
unsigned random_instructions(void);

/* Draws a word. False: the instruction has none at the moment. */
bool random_draw(unsigned instruction, uint64_t *word);

#endif
