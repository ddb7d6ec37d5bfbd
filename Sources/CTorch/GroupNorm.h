// Group normalisation: our own loops for channels-last pictures on the CPU, libtorch's for everything else.
#pragma once

#include "Support.h"

namespace ctorch {

/// As at::group_norm, and with `activates` at::silu of it, with gradients. `weight` and `bias` hold one number for each
/// channel.
at::Tensor group_norm(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias,
                      double epsilon, bool activates);

/// at::silu(group_norm · factor + offset), where `factor` and `offset` have each of their pixels as often beside itself as
/// makes them as large as `x`: a whole number of times.
at::Tensor spatial_norm_silu(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias,
                             double epsilon, const at::Tensor &factor, const at::Tensor &offset);

}  // namespace ctorch
