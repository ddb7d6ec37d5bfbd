// Attention in bfloat16 on processors that multiply it in vectors, without a mask and without gradients.
//
// libtorch brings keys and scores to and from memory between two matrix products: 440 GFLOP/s for 16 heads of 4096
// tokens and width 40 on two cores that multiply matrices at 1000, and 170 for 77 keys. Here a block of 48 queries goes
// along the keys, 256 at a time, and its scores stay in the first cache between product, exponential and product.
//
// Source: Milakov and Gimelshein 2018 (softmax in one pass); Dao et al. 2022, algorithm 1.
#include "Attention.h"

#if defined(__x86_64__)

#include <c10/core/GradMode.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>

#include "Parallel.h"

namespace {

using at::Tensor;

constexpr int64_t block_rows = 48, block_keys = 256;
/// Numbers of float32 in a vector, and keys that one tile of scores has.
constexpr int64_t lanes = 16, tile_keys = 4 * lanes;
/// The score of a key that does not take part: its power of two is 0, and its difference to itself is 0, not NaN.
constexpr float hidden = -1e30f;

int64_t rounded_up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }

/// Memory on the borders of cache lines.
template <typename T>
class Buffer {
 public:
  explicit Buffer(int64_t count)
      : start(static_cast<T *>(::operator new(static_cast<size_t>(count) * sizeof(T), alignment))) {}
  T *get() const { return start.get(); }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T *start) const { ::operator delete(start, alignment); }
  };
  std::unique_ptr<T, Free> start;
};

/// Rows of bfloat16 numbers, two in each of its elements.
struct Rows {
  const uint16_t *start;
  int64_t stride;
  const uint16_t *operator[](int64_t row) const { return start + row * stride; }
};

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), \
                             apply_to = function)

__mmask32 first_lanes(int64_t count) { return count >= 32 ? ~0u : (1u << count) - 1; }

/// Rows become columns: element j of row i goes to element i of row j.
void transpose(__m512i (&x)[16]) {
  __m512i y[16];
  for (int i = 0; i < 16; i += 2) {
    y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int half = 0; half < 2; half++) {
      x[i + 2 * half] = _mm512_unpacklo_epi64(y[i + half], y[i + 2 + half]);
      x[i + 2 * half + 1] = _mm512_unpackhi_epi64(y[i + half], y[i + 2 + half]);
    }
  }
  // Now x[4 i + j] has in its quarter q the elements 4 q + j of rows 4 i to 4 i + 3.
  for (int j = 0; j < 4; j++) {
    const __m512i even_low = _mm512_shuffle_i32x4(x[j], x[4 + j], 0x88), odd_low = _mm512_shuffle_i32x4(x[j], x[4 + j], 0xdd);
    const __m512i even_high = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0x88),
                  odd_high = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0xdd);
    y[j] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
    y[4 + j] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
    y[8 + j] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
    y[12 + j] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
  }
  std::copy(std::begin(y), std::end(y), std::begin(x));
}

/// Keys as the products read them: [tile of 64 keys][pair of columns][key][2], those beyond the last one 0.
void pack_keys(Rows keys, int64_t count, int64_t width, uint16_t *packed) {
  const int64_t pairs = width / 2;
  for (int64_t first = 0; first < rounded_up(count, tile_keys); first += lanes) {
    uint16_t *tile = packed + first / tile_keys * tile_keys * width + first % tile_keys * 2;
    for (int64_t pair = 0; pair < pairs; pair += lanes) {
      const int64_t columns = std::min(lanes, pairs - pair);
      __m512i x[16];
      for (int64_t row = 0; row < lanes; row++) {
        x[row] = first + row < count ? _mm512_maskz_loadu_epi16(first_lanes(2 * columns), keys[first + row] + 2 * pair)
                                     : _mm512_setzero_si512();
      }
      transpose(x);
      for (int64_t column = 0; column < columns; column++) {
        _mm512_store_si512(tile + (pair + column) * tile_keys * 2, x[column]);
      }
    }
  }
}

/// Columns of values that are computed together: so many vectors, from this one on.
struct Strip {
  int64_t first, vectors;
};

/// Values as the products read them: [strip][pair of keys][column][2], what lies beyond the last key and column 0.
void pack_values(Rows values, int64_t count, int64_t width, const std::vector<Strip> &strips, uint16_t *packed) {
  const int64_t padded = rounded_up(count, tile_keys);
  for (const Strip strip : strips) {
    for (int64_t key = 0; key < padded; key += 2) {
      for (int64_t vector = 0; vector < strip.vectors; vector++, packed += 2 * lanes) {
        const int64_t column = (strip.first + vector) * lanes;
        const __mmask16 mask = static_cast<__mmask16>(first_lanes(std::min(lanes, width - column)));
        const auto row = [&](int64_t key) {
          return key < count ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, values[key] + column))
                             : _mm512_setzero_si512();
        };
        _mm512_store_si512(packed, _mm512_or_si512(row(key), _mm512_slli_epi32(row(key + 1), 16)));
      }
    }
  }
}

__m512bh pair(const uint16_t *start) {
  int bits;
  std::memcpy(&bits, start, sizeof bits);
  return (__m512bh)_mm512_set1_epi32(bits);
}

__m512bh vector(const uint16_t *start) { return (__m512bh)_mm512_load_si512(start); }

/// The products of `count` queries with the keys of so many vectors of a tile.
template <int count, int vectors>
void multiply_keys(const uint16_t *queries, const uint16_t *keys, int64_t width, float *scores) {
  __m512 sums[count][vectors];
  for (auto &row : sums) std::fill(std::begin(row), std::end(row), _mm512_setzero_ps());
  for (int64_t column = 0; column < width; column += 2, keys += 2 * tile_keys) {
    __m512bh tile[vectors];
    for (int i = 0; i < vectors; i++) tile[i] = vector(keys + 2 * lanes * i);
#pragma clang loop unroll(full)
    for (int row = 0; row < count; row++) {
      const __m512bh query = pair(queries + row * width + column);
      for (int i = 0; i < vectors; i++) sums[row][i] = _mm512_dpbf16_ps(sums[row][i], query, tile[i]);
    }
  }
  for (int row = 0; row < count; row++) {
    for (int i = 0; i < vectors; i++) _mm512_store_ps(scores + row * block_keys + lanes * i, sums[row][i]);
  }
}

/// results · factors + weights · values, for `rows` queries and `vectors` vectors of columns.
template <int vectors, int rows>
void multiply_values(const uint16_t *weights, const uint16_t *values, int64_t keys, const float *factors, float *results,
                     int64_t stride) {
  __m512 sums[rows][vectors];
  for (int row = 0; row < rows; row++) {
    for (int i = 0; i < vectors; i++) {
      sums[row][i] = _mm512_load_ps(results + row * stride + lanes * i) * _mm512_set1_ps(factors[row]);
    }
  }
  for (int64_t key = 0; key < keys; key += 2, values += 2 * lanes * vectors) {
    __m512bh tile[vectors];
    for (int i = 0; i < vectors; i++) tile[i] = vector(values + 2 * lanes * i);
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
      const __m512bh weight = pair(weights + row * block_keys + key);
      for (int i = 0; i < vectors; i++) sums[row][i] = _mm512_dpbf16_ps(sums[row][i], weight, tile[i]);
    }
  }
  for (int row = 0; row < rows; row++) {
    for (int i = 0; i < vectors; i++) _mm512_store_ps(results + row * stride + lanes * i, sums[row][i]);
  }
}

/// The same for all rows of a block.
template <int vectors, int rows>
void multiply_values(int64_t count, const uint16_t *weights, const uint16_t *values, int64_t keys, const float *factors,
                     float *results, int64_t stride) {
  for (int64_t row = 0; row < count; row += rows) {
    multiply_values<vectors, rows>(weights + row * block_keys, values, keys, factors + row, results + row * stride, stride);
  }
}

/// 2ˣ to 4e-5 of itself.
__m512 power_of_two(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), rest = x - whole;
  __m512 y = _mm512_set1_ps(9.618129e-3f);
  for (const float coefficient : {5.550411e-2f, 2.4022651e-1f, 6.9314718e-1f, 1.f}) {
    y = _mm512_fmadd_ps(y, rest, _mm512_set1_ps(coefficient));
  }
  return _mm512_scalef_ps(y, whole);
}

/// The largest score so far and the sum of weights of each query of a block.
class Softmax {
 public:
  Softmax() : sums(block_rows * lanes) {}

  void reset() {
    largest.fill(hidden);
    std::fill_n(sums.get(), block_rows * lanes, 0.f);
  }

  /// Turns further scores, `[rows, block_keys]`, into weights.
  ///
  /// - Returns: what weights and results from before are multiplied with, for each row.
  const float *add(const float *scores, int64_t rows, int64_t keys, float scale, uint16_t *weights) {
    for (int64_t row = 0; row < rows; row++) {
      __m512 most = _mm512_load_ps(scores + row * block_keys);
      for (int64_t key = lanes; key < keys; key += lanes) {
        most = _mm512_max_ps(most, _mm512_load_ps(scores + row * block_keys + key));
      }
      factors[static_cast<size_t>(row)] = _mm512_reduce_max_ps(most);
    }
    for (size_t row = 0; row < block_rows; row += lanes) {
      const __m512 before = _mm512_load_ps(&largest[row]);
      const __m512 now = _mm512_max_ps(before, _mm512_load_ps(&factors[row]) * _mm512_set1_ps(scale));
      _mm512_store_ps(&largest[row], now);
      _mm512_store_ps(&factors[row], power_of_two(before - now));
    }
    const __m512 factor = _mm512_set1_ps(scale);
    for (int64_t row = 0; row < rows; row++, scores += block_keys, weights += block_keys) {
      const __m512 offset = _mm512_set1_ps(largest[static_cast<size_t>(row)]);
      __m512 sum = _mm512_load_ps(sums.get() + row * lanes) * _mm512_set1_ps(factors[static_cast<size_t>(row)]);
      for (int64_t key = 0; key < keys; key += 2 * lanes) {
        const __m512 low = power_of_two(_mm512_fmsub_ps(_mm512_load_ps(scores + key), factor, offset));
        const __m512 high = power_of_two(_mm512_fmsub_ps(_mm512_load_ps(scores + key + lanes), factor, offset));
        sum += low + high;
        _mm512_store_si512(weights + key, (__m512i)_mm512_cvtne2ps_pbh(high, low));
      }
      _mm512_store_ps(sums.get() + row * lanes, sum);
    }
    return factors.data();
  }

  float sum(int64_t row) const { return _mm512_reduce_add_ps(_mm512_load_ps(sums.get() + row * lanes)); }

 private:
  alignas(64) std::array<float, block_rows> largest, factors{};
  /// Lane by lane, which is added up only at the end.
  Buffer<float> sums;
};

/// One head: its keys and values, packed once, and room for a block of queries.
class Head {
 public:
  Head(int64_t keys, int64_t width, float scale, bool causal)
      : count(keys),
        width(width),
        // The exponential is one of base 2.
        scale(scale * 1.44269504f),
        causal(causal),
        strips(make_strips(width)),
        stride(rounded_up(width, lanes)),
        keys(rounded_up(keys, tile_keys) * width),
        values(rounded_up(keys, tile_keys) * stride),
        queries(block_rows * width),
        scores(block_rows * block_keys),
        weights(block_rows * block_keys),
        sums(block_rows * stride) {}

  void read(Rows key_rows, Rows value_rows) {
    pack_keys(key_rows, count, width, keys.get());
    pack_values(value_rows, count, width, strips, values.get());
  }

  /// The results of `rows` queries, at most 48, of which the first is the `first` of its sequence.
  void attend(Rows query_rows, int64_t first, int64_t rows, uint16_t *results, int64_t result_stride) {
    std::fill_n(queries.get(), block_rows * width, uint16_t(0));
    for (int64_t row = 0; row < rows; row++) std::copy_n(query_rows[first + row], width, queries.get() + row * width);
    std::fill_n(sums.get(), block_rows * stride, 0.f);
    softmax.reset();
    const int64_t end = causal ? std::min(count, first + rows) : count;
    for (int64_t key = 0; key < end; key += block_keys) {
      const int64_t padded = std::min(rounded_up(end - key, tile_keys / 2), block_keys);
      for (int64_t row = 0; row < rows; row += 6) {
        for (int64_t tile = 0; tile < padded; tile += tile_keys) {
          const auto multiply = padded - tile < tile_keys ? multiply_keys<6, 2> : multiply_keys<6, 4>;
          multiply(queries.get() + row * width, keys.get() + (key + tile) * width, width,
                   scores.get() + row * block_keys + tile);
        }
      }
      for (int64_t row = 0; row < rows; row++) {
        const int64_t visible = std::max<int64_t>(0, (causal ? std::min(count, first + row + 1) : count) - key);
        float *row_scores = scores.get() + row * block_keys;
        if (visible < padded) std::fill(row_scores + visible, row_scores + padded, hidden);
      }
      multiply_values(rows, key, padded, softmax.add(scores.get(), rows, padded, scale, weights.get()));
    }
    for (int64_t row = 0; row < rows; row++) {
      const __m512 factor = _mm512_set1_ps(1 / softmax.sum(row));
      for (int64_t column = 0; column < width; column += lanes) {
        const __m512 result = _mm512_load_ps(sums.get() + row * stride + column) * factor;
        _mm256_mask_storeu_epi16(results + row * result_stride + column,
                                 static_cast<__mmask16>(first_lanes(std::min(lanes, width - column))),
                                 (__m256i)_mm512_cvtneps_pbh(result));
      }
    }
  }

 private:
  /// As many columns at a time as leave registers for four rows, in strips that differ by one vector at most.
  static std::vector<Strip> make_strips(int64_t width) {
    const int64_t vectors = (width + lanes - 1) / lanes, count = (vectors + 4) / 5;
    std::vector<Strip> strips;
    for (int64_t i = 0; i < count; i++) {
      strips.push_back({vectors * i / count, vectors * (i + 1) / count - vectors * i / count});
    }
    return strips;
  }

  void multiply_values(int64_t rows, int64_t key, int64_t padded, const float *factors) {
    const int64_t all = rounded_up(count, tile_keys);
    for (const Strip strip : strips) {
      const uint16_t *packed = values.get() + (strip.first * all + strip.vectors * key) * lanes;
      float *results = sums.get() + strip.first * lanes;
      switch (strip.vectors) {
        case 1: ::multiply_values<1, 12>(rows, weights.get(), packed, padded, factors, results, stride); break;
        case 2: ::multiply_values<2, 12>(rows, weights.get(), packed, padded, factors, results, stride); break;
        case 3: ::multiply_values<3, 8>(rows, weights.get(), packed, padded, factors, results, stride); break;
        case 4: ::multiply_values<4, 6>(rows, weights.get(), packed, padded, factors, results, stride); break;
        default: ::multiply_values<5, 4>(rows, weights.get(), packed, padded, factors, results, stride);
      }
    }
  }

  const int64_t count, width;
  const float scale;
  const bool causal;
  const std::vector<Strip> strips;
  const int64_t stride;
  Buffer<uint16_t> keys, values, queries;
  Buffer<float> scores;
  Buffer<uint16_t> weights;
  Buffer<float> sums;
  Softmax softmax;
};

#pragma clang attribute pop

Rows rows(const Tensor &x, int64_t batch, int64_t head) {
  return {static_cast<const uint16_t *>(x.const_data_ptr()) + batch * x.stride(0) + head * x.stride(1), x.stride(2)};
}

Tensor attend(Tensor query, Tensor key, Tensor value, bool causal, double scale) {
  for (Tensor *x : {&query, &key, &value}) {
    if (x->stride(3) != 1) *x = x->contiguous();
  }
  const int64_t batch = query.size(0), heads = query.size(1), queries = query.size(2), width = query.size(3);
  // As heads are merged afterwards.
  Tensor result = at::empty({batch, queries, heads, width}, query.options());
  uint16_t *results = static_cast<uint16_t *>(result.data_ptr());
  const int64_t blocks = (queries + block_rows - 1) / block_rows;
  ctorch::parallel_for(batch * heads * blocks, [&](int64_t begin, int64_t end) {
    Head head(key.size(2), width, static_cast<float>(scale), causal);
    for (int64_t work = begin; work < end; work++) {
      const int64_t sequence = work / blocks / heads, index = work / blocks % heads, block = work % blocks;
      if (work == begin || block == 0) head.read(rows(key, sequence, index), rows(value, sequence, index));
      // Blocks of nearly the same size.
      const int64_t first = queries * block / blocks, last = queries * (block + 1) / blocks;
      head.attend(rows(query, sequence, index), first, last - first,
                  results + ((sequence * queries + first) * heads + index) * width, heads * width);
    }
  });
  return result.transpose(1, 2);
}

/// Whether the kernel can read these tensors, and is the faster one here.
bool fits(const Tensor &query, const Tensor &key, const Tensor &value, double scale) {
  // Processors that multiply bfloat16 in tiles do so twice as fast, in libtorch's products.
  static const bool is_fast = __builtin_cpu_supports("avx512bf16") && !__builtin_cpu_supports("amx-bf16");
  const auto is_recorded = [](const Tensor &x) { return c10::GradMode::is_enabled() && x.requires_grad(); };
  const auto is_like_query = [&](const Tensor &x) {
    return x.device().is_cpu() && x.scalar_type() == at::kBFloat16 && x.dim() == 4 && x.size(0) == query.size(0) &&
           x.size(1) == query.size(1) && x.size(3) == query.size(3) && x.numel() > 0 && !is_recorded(x);
  };
  return is_fast && is_like_query(query) && is_like_query(key) && is_like_query(value) && key.size(2) == value.size(2) &&
         query.size(3) % 2 == 0 && scale > 0 && std::isfinite(scale);
}

}  // namespace

#endif

namespace ctorch {

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const std::optional<Tensor> &mask,
                 bool causal, double scale) {
#if defined(__x86_64__)
  if (!mask && fits(query, key, value, scale)) return attend(query, key, value, causal, scale);
#endif
  return at::scaled_dot_product_attention(query, key, value, mask, 0.0, causal, scale);
}

}  // namespace ctorch
