#pragma once

#include <stdint.h>

// The loops over all pixels of a picture that want the processor's vector instructions, which Swift's own code for any
// x86-64 does not have: each is there twice, and the one that the machine can run is chosen when it is called.

// The weights of resampling along one direction: for each result pixel its first source pixel, how many follow, and
// `stride` numbers in fixed point.
typedef struct {
    const long *first;
    const long *taps;
    const int32_t *weights;
    long stride;
    // Bits behind the point of a weight.
    int32_t precision;
} CPixelsPlan;

// Resamples each of `height` rows of `source_width` pixels to `width` pixels. `channels` is 3 or 4.
void cpixels_resample_rows(const uint8_t *source, long source_width, long height, long channels, CPixelsPlan plan,
                           long width, uint8_t *target);

// Resamples columns: rows of `row` bytes to `height` such rows. `sums` has room for `row` numbers.
void cpixels_resample_columns(const uint8_t *source, long row, CPixelsPlan plan, long height, int32_t *sums,
                              uint8_t *target);
