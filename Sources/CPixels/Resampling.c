#include "CPixels.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define VECTORS
#endif

static inline uint8_t byte(int32_t sum, int32_t precision) {
    int32_t value = sum >> precision;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

// MARK: - Rows

// Rows on any processor.
static void resample_rows(const uint8_t *source, long source_width, long height, long channels, CPixelsPlan plan,
                          long width, uint8_t *target) {
    for (long y = 0; y < height; y++, source += source_width * channels) {
        for (long x = 0; x < width; x++, target += channels) {
            const int32_t *weights = plan.weights + x * plan.stride;
            const uint8_t *from = source + plan.first[x] * channels;
            int32_t sums[4] = {0};
            for (long tap = 0; tap < plan.taps[x]; tap++, from += channels) {
                for (long channel = 0; channel < channels; channel++) sums[channel] += from[channel] * weights[tap];
            }
            for (long channel = 0; channel < channels; channel++) {
                target[channel] = byte(sums[channel] + (1 << (plan.precision - 1)), plan.precision);
            }
        }
    }
}

#ifdef __x86_64__

#include <immintrin.h>

// The weights in two halves of 16 bits, so that one instruction multiplies and adds 16 of them:
// weight = high · 2¹⁵ + low. Each pixel's are followed by zeros up to a multiple of four.
typedef struct {
    int16_t *low, *high;
    long stride;
} Halves;

static Halves split(CPixelsPlan plan, long width) {
    Halves halves = {.stride = (plan.stride + 3) / 4 * 4};
    halves.low = calloc(2 * width * halves.stride, sizeof *halves.low);
    if (!halves.low) return halves;
    halves.high = halves.low + width * halves.stride;
    for (long x = 0; x < width; x++) {
        for (long tap = 0; tap < plan.taps[x]; tap++) {
            int32_t weight = plan.weights[x * plan.stride + tap];
            halves.low[x * halves.stride + tap] = weight & 0x7FFF;
            halves.high[x * halves.stride + tap] = weight >> 15;
        }
    }
    return halves;
}

// Four neighbouring pixels are read at once, as 16 bytes.
enum { TAPS = 4, BYTES = 16 };

// One row. Up to BYTES behind its last pixel are read, and count for nothing.
__attribute__((target("avx2"), always_inline)) static inline void
resample_row(const uint8_t *row, int channels, CPixelsPlan plan, Halves halves, long width, uint8_t *target) {
    // A channel's four taps beside each other, the channels one after the other.
    const __m128i order = channels == 3 ? _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1)
                                        : _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m128i half = _mm_set1_epi32(1 << (plan.precision - 1));
    for (long x = 0; x < width; x++, target += channels) {
        const uint8_t *from = row + plan.first[x] * channels;
        const int16_t *low = halves.low + x * halves.stride, *high = halves.high + x * halves.stride;
        __m256i lows = _mm256_setzero_si256(), highs = lows;
        for (long tap = 0; tap < plan.taps[x]; tap += TAPS) {
            long long low4, high4;
            memcpy(&low4, low + tap, sizeof low4);
            memcpy(&high4, high + tap, sizeof high4);
            __m128i bytes = _mm_loadu_si128((const __m128i *)(from + tap * channels));
            __m256i pixels = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(bytes, order));
            lows = _mm256_add_epi32(lows, _mm256_madd_epi16(pixels, _mm256_set1_epi64x(low4)));
            highs = _mm256_add_epi32(highs, _mm256_madd_epi16(pixels, _mm256_set1_epi64x(high4)));
        }
        __m256i pairs = _mm256_add_epi32(lows, _mm256_slli_epi32(highs, 15));
        pairs = _mm256_hadd_epi32(pairs, pairs);
        __m128i sums = _mm_unpacklo_epi64(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
        sums = _mm_srai_epi32(_mm_add_epi32(sums, half), plan.precision);
        sums = _mm_packs_epi32(sums, sums);
        int32_t pixel = _mm_cvtsi128_si32(_mm_packus_epi16(sums, sums));
        memcpy(target, &pixel, channels);
    }
}

__attribute__((target("avx2"))) static void
resample_rows_avx2(const uint8_t *source, long source_width, long height, long channels, CPixelsPlan plan,
                   Halves halves, long width, uint8_t *target) {
    for (long y = 0; y < height; y++) {
        const uint8_t *row = source + y * source_width * channels;
        if (channels == 3) resample_row(row, 3, plan, halves, width, target + y * width * 3);
        else resample_row(row, 4, plan, halves, width, target + y * width * 4);
    }
}

void cpixels_resample_rows(const uint8_t *source, long source_width, long height, long channels, CPixelsPlan plan,
                           long width, uint8_t *target) {
    // Behind the picture there is nothing to read: the last rows are left to the plain loop.
    long row = source_width * channels;
    long last = (TAPS * channels + BYTES + row - 1) / row;
    long safe = height > last ? height - last : 0;
    Halves halves = {0};
    if (safe && __builtin_cpu_supports("avx2")) halves = split(plan, width);
    if (halves.low) resample_rows_avx2(source, source_width, safe, channels, plan, halves, width, target);
    else safe = 0;
    free(halves.low);
    resample_rows(source + safe * row, source_width, height - safe, channels, plan, width,
                  target + safe * width * channels);
}

#else

void cpixels_resample_rows(const uint8_t *source, long source_width, long height, long channels, CPixelsPlan plan,
                           long width, uint8_t *target) {
    resample_rows(source, source_width, height, channels, plan, width, target);
}

#endif

// MARK: - Columns

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
