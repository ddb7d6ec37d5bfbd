// Group normalisation: our own loops for channels-last pictures on the CPU, libtorch's for everything else.
#pragma once

#include "Support.h"

namespace ctorch {

/// As at::group_norm, and with `activates` at::silu of it, with gradients. `weight` and `bias` hold one number for each
/// channel.
at::Tensor group_norm(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias,
                      double epsilon, bool activates);

}  // namespace ctorch
