// Attention: our own kernel for bfloat16 on the CPU, libtorch's for everything else.
#pragma once

#include "Support.h"

namespace ctorch {

/// As at::scaled_dot_product_attention without dropout, with gradients.
at::Tensor attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                     const std::optional<at::Tensor> &mask, bool causal, double scale);

}  // namespace ctorch
