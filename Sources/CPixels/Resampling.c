#include "CPixels.h"

#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define VECTORS
#endif

typedef uint8_t Bytes __attribute__((vector_size(4)));
typedef int32_t Sums __attribute__((vector_size(16)));

static inline uint8_t byte(int32_t sum, int32_t precision) {
    int32_t value = sum >> precision;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

// One pixel of a result: `taps` pixels from `source` on. Three channels are read as four bytes where `is_inside` says
// that there is one more; what it holds is not used.
static inline __attribute__((always_inline)) Sums weighted(const uint8_t *source, long taps, const int32_t *weights,
                                                           long channels, int is_inside, int32_t half) {
    Sums sums = {half, half, half, half};
    for (long tap = 0; tap < taps; tap++) {
        Bytes bytes = {0, 0, 0, 0};
        memcpy(&bytes, source + tap * channels, is_inside || channels == 4 ? 4 : 3);
        sums += __builtin_convertvector(bytes, Sums) * weights[tap];
    }
    return sums;
}

VECTORS void cpixels_resample_rows(const uint8_t *source, long source_width, long height, long channels,
                                   CPixelsPlan plan, long width, uint8_t *target) {
    const int32_t half = 1 << (plan.precision - 1);
    for (long y = 0; y < height; y++) {
        const uint8_t *row = source + y * source_width * channels;
        uint8_t *to = target + y * width * channels;
        for (long x = 0; x < width; x++, to += channels) {
            const int32_t *weights = plan.weights + x * plan.stride;
            const uint8_t *from = row + plan.first[x] * channels;
            // Behind the last pixel of the last row there is nothing to read.
            Sums sums = y + 1 < height ? weighted(from, plan.taps[x], weights, channels, 1, half)
                                       : weighted(from, plan.taps[x], weights, channels, 0, half);
            for (long channel = 0; channel < channels; channel++) to[channel] = byte(sums[channel], plan.precision);
        }
    }
}

VECTORS void cpixels_resample_columns(const uint8_t *source, long row, CPixelsPlan plan, long height, int32_t *sums,
                                      uint8_t *target) {
    const int32_t half = 1 << (plan.precision - 1);
    for (long y = 0; y < height; y++) {
        for (long i = 0; i < row; i++) sums[i] = half;
        for (long tap = 0; tap < plan.taps[y]; tap++) {
            const int32_t weight = plan.weights[y * plan.stride + tap];
            const uint8_t *from = source + (plan.first[y] + tap) * row;
            for (long i = 0; i < row; i++) sums[i] += from[i] * weight;
        }
        for (long i = 0; i < row; i++) target[y * row + i] = byte(sums[i], plan.precision);
    }
}
